#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Proves the judges: what they must catch is planted, what is fine passes.

Run as a subtest of the guest suite, or alone. Boots nothing: a shell script stands in for
QEMU where a guest has to hang or to end early.
"""

import sys
import tempfile
from pathlib import Path

import klog
from ktap import Case, Reader, Report
from parts import Kernel
from vm import Guest

CLEAN = """\
[    0.000000] DMA-API: preallocated 65536 debug entries
[    0.000000] DMA-API: debugging enabled by kernel config
[    0.100000] Lock dependency validator: Copyright (c) 2006 Red Hat, Inc., Ingo Molnar
[    0.100000] ... MAX_LOCKDEP_SUBCLASSES:  8
[    0.200000] DMAR: IOMMU enabled
[    0.300000] kmemleak: Kernel memory leak detector initialized (mem pool available: 38022)
[    4.000000] bm-klog: begin test
[    4.100000] busmaster: loading out-of-tree module taints kernel.
[    4.200000] busmaster busmaster0: 0000:00:02.0: 65536 KiB, 2 of 8 queues, 64-bit DMA
[    9.000000] bm-klog: done
""".splitlines()

PLANTED = """\
BUG: KASAN: slab-use-after-free in bm_queue_reap+0x1c2/0x2f0 [busmaster]
WARNING: CPU: 1 PID: 77 at kernel/dma/debug.c:1013 check_unmap+0x11/0x22
WARNING: possible circular locking dependency detected
WARNING: inconsistent lock state
WARNING: suspicious RCU usage
INFO: possible recursive locking detected
BUG: sleeping function called from invalid context at mm/slab.h:337
BUG: unable to handle page fault for address: ffff88810000dead
DMA-API: busmaster 0000:00:02.0: device driver has pending DMA allocations while released
DMAR: [DMA Write NO_PASID] Request device [00:02.0] fault addr 0xdead000 [fault reason 0x05]
DMAR: DRHD: handling fault status reg 3
kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
INFO: task verify:77 blocked for more than 120 seconds.
rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [verify:77]
list_del corruption. next->prev should be ffff8881, but was dead0000
refcount_t: underflow; use-after-free.
Oops: general protection fault, probably for non-canonical address 0xdffffc0000000000
Call Trace:
irq 24: nobody cared (try booting with the "irqpoll" option)
Kernel panic - not syncing: Fatal exception
busmaster busmaster0: DMA write of bus address 0xdead000 refused (queue 0, tag 5)
busmaster busmaster0: to be reset: a command was not answered in time
** 12 printk messages dropped **
""".splitlines()

REFUSED = "[    5.0] busmaster busmaster0: DMA write of bus address 0xdead000 refused (queue 0, tag 5)"
EXPECT = "[    4.9] bm-klog: expect busmaster.*refused -- bus mastering is off"
END = "[    5.1] bm-klog: end"


def with_lines(*lines: str) -> list[str]:
    """The verdict on a clean log with some lines in its middle."""
    return klog.judge(CLEAN[:-1] + list(lines) + CLEAN[-1:])


def missed() -> list[str]:
    """Planted lines that the judge does not catch."""
    return [line for line in PLANTED if not with_lines("[    5.000000] " + line)]


def cases_of(stream: str) -> list[tuple[bool, str]]:
    """What a result stream is flattened to."""
    reader = Reader()
    return [(case.ok, case.name) for line in stream.splitlines() for case in reader.feed(line)]


KUNIT = """\
#bm begin k
KTAP version 1
1..1
    KTAP version 1
    # Subtest: ring
    1..2
    ok 1 wraps
    # a diagnostic
    not ok 2 fills
# ring: pass:1 fail:1 skip:0 total:2
not ok 1 ring
#bm end k 1
"""


def boot(directory: Path, script: str) -> str:
    """The report on a guest whose QEMU is a shell script."""
    fake = directory / "qemu"
    fake.write_text("#!/bin/sh\n" + script, encoding="utf-8")
    fake.chmod(0o755)
    kernel = Kernel(directory / "kernel", directory, False)
    guest = Guest("fake", kernel, directory / "initramfs", "nothing", qemu=fake, deadline=1)
    path = directory / "report"
    with path.open("w", encoding="utf-8") as out:
        guest.test(Report(out, 1))
    return path.read_text(encoding="utf-8")


def boots(directory: Path) -> dict[str, bool]:
    """Guests that do not do what they should, and one that does."""
    log = directory / "fake.console.log"
    marks = f"echo 'bm-klog: begin' >{log}; echo 'bm-klog: done' >>{log}\n"
    good = boot(directory, marks + "echo 'ok 0 - a'; echo '#bm done 0'")
    hung = boot(directory, marks + "echo 'ok 0 - a'; exec sleep 60")
    early = boot(directory, f"echo 'ok 0 - a'; echo 'Kernel panic' >{log}; exit 0")
    status = boot(directory, marks + "echo '#bm done 3'")
    return {
        "a guest that does all right passes": good.endswith("\nok 1 - fake\n"),
        "a guest that hangs fails, and is ended": "the guest hangs" in hung
                                                  and hung.endswith("\nnot ok 1 - fake\n"),
        "a guest that ends early fails, its console is shown": "ended early" in early
                                                               and "# Kernel panic" in early,
        "a script's exit status counts": "ended with status 3" in status,
    }


def test(report: Report) -> None:
    """Reports all of it as one subtest."""
    with tempfile.TemporaryDirectory() as directory:
        checks = {
            "a clean log passes": not with_lines(),
            f"each of {len(PLANTED)} planted lines is caught": not missed(),
            "a line that was asked for passes": not with_lines(EXPECT, REFUSED, END),
            "only while its test runs": bool(with_lines(EXPECT, REFUSED, END, REFUSED)),
            "a line that was asked for must come": bool(with_lines(EXPECT, END)),
            "a permission needs a purpose": bool(with_lines(
                "bm-klog: allow refused", REFUSED, END)),
            "a log without its last mark fails": bool(klog.judge(CLEAN[:-1])),
            "nested KTAP becomes one case a line": cases_of(KUNIT) == [
                (True, "k: ring: wraps"), (False, "k: ring: fills")],
            "a program that stops before its plan fails": cases_of(
                "#bm begin p\nKTAP version 1\n1..3\nok 1 - a\n#bm end p 0")[-1] == (
                False, "p: runs to its end"),
            "a program that dies after its last case fails": cases_of(
                "#bm begin p\nKTAP version 1\n1..1\nok 1 - a\n#bm end p 139")[-1] == (
                False, "p: runs to its end"),
            "a case out of order fails": cases_of(
                "#bm begin p\nKTAP version 1\n1..1\nok 2 - a\n#bm end p 0") == [(False, "p: a")],
            **boots(Path(directory)),
        }
        notes = {f"each of {len(PLANTED)} planted lines is caught": missed()}
    report.begin("the judges themselves")
    for name, ok in checks.items():
        report.case(Case(ok, name, notes.get(name, [])))
    report.end()


if __name__ == "__main__":
    own = Report(sys.stdout, 1)
    test(own)
    sys.exit(bool(own.failed))
