#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Proves the judges: what they must catch is planted, what is fine passes. And those who drive them.

Run as a subtest of the guest suite, or alone. Boots nothing: a shell script stands in for
QEMU where a guest has to hang or to end early.
"""

import os
import re
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Iterator

import amounts
import boots
import klog
from ktap import Case, Reader, Report
from parts import Kernel, once
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
busmaster 0000:00:03.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0001 address=0xdead000 flags=0x0000]
virtio_iommu virtio0: page fault from EP 24 at 0xdead000 [W]
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

STATUS = "DMAR: DRHD: handling fault status reg 2"
APIC_FAULT = ("DMAR: [INTR-REMAP] Request device [ff:1f.7] fault index 0x0 [fault reason 0x25] "
              "Blocked a compatibility format interrupt request")
OUR_FAULT = APIC_FAULT.replace("ff:1f.7", "00:02.0")
RACE = ("=" * 66, "BUG: KCSAN: data-race in task_tick / do_exit", "", "write to 0xffff888 of 8 bytes by task 1 on cpu 0:",
        " do_exit+0x1/0x2", " task_work+0x1/0x2", " bm_wait+0x1/0x2 [busmaster]", "", "=" * 66)
OUR_RACE = (*RACE[:5], " bm_submit+0x1/0x2 [busmaster]", *RACE[6:])
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


def fake(directory: Path, name: str, script: str, deadline: int = 60) -> Guest:
    """A guest whose QEMU is a shell script. In it, $log is the guest's console."""
    work = directory / name
    work.mkdir()
    qemu = work / "qemu"
    qemu.write_text(f"#!/bin/sh\nlog={work / name}.console.log\n{script}\n", encoding="utf-8")
    qemu.chmod(0o755)
    return Guest(name, Kernel(work / "kernel", work, False), work / "initramfs", "nothing", qemu=qemu,
                 deadline=deadline)


def report_on(guests: list[Guest]) -> str:
    """What is reported of some guests."""
    out = StringIO()
    boots.test(Report(out, len(guests)), guests, at_once=2)
    return out.getvalue()


MARKS = "echo 'bm-klog: begin' >$log; echo 'bm-klog: done' >>$log; "


def endings(directory: Path) -> dict[str, bool]:
    """Guests that do not do what they should, and one that does."""
    good, hung, early, status = (report_on([fake(directory, *guest)]) for guest in (
        ("good", MARKS + "echo 'ok 0 - a'; echo '#bm done 0'"),
        ("hung", MARKS + "echo 'ok 0 - a'; exec sleep 60", 1),
        ("early", "echo 'ok 0 - a'; echo 'Kernel panic' >$log"),
        ("status", MARKS + "echo '#bm done 3'")))
    return {
        "a guest that does all right passes": good.endswith("\nok 1 - good\n"),
        "a guest that hangs fails, and is ended": "the guest hangs" in hung and hung.endswith("\nnot ok 1 - hung\n"),
        "a guest that ends early fails, its console is shown": "ended early" in early and "# Kernel panic" in early,
        "a script's exit status counts": "ended with status 3" in status,
    }


def overlap(directory: Path) -> dict[str, bool]:
    """Two guests at a time. The first waits for the second, of which it is reported all the same."""
    met = directory / "met"
    first = f"{MARKS} until [ -e {met} ]; do sleep 0.1; done; echo 'ok 0 - a'; echo 'ok 0 - b'; echo '#bm done 0'"
    second = f"{MARKS} echo 'ok 0 - c'; : >{met}; echo 'not ok 0 - d'; echo '#bm done 0'"
    text = report_on([fake(directory, "first", first), fake(directory, "second", second)])
    said = re.findall(r"^(?:    # Subtest: (.*)|(?:    )?(?:not )?ok \d+ - (.*))$", text, re.MULTILINE)
    end = ["guest runs to its end", "kernel log is clean"]
    return {
        "two guests run at the same time": "hangs" not in text,
        "each is reported whole, and in the suite's order": [a or b for a, b in said] == [
            "first", "a", "b", *end, "first", "second", "c", "d", *end, "second"],
        "each has its own result": text.count("\nok 1 - first\n") == text.count("\nnot ok 2 - second\n") == 1,
    }


def shared() -> dict[str, bool]:
    """Two threads that need the same part at the same time. The second asks while the first still makes it."""
    makers, asked = [], threading.Event()

    @once
    def part() -> int:
        makers.append(threading.get_ident())
        asked.wait(0.2)  # in vain, where all is well: who asks has to wait
        return len(makers)

    def ask() -> int:
        got = part()
        asked.set()
        return got

    with ThreadPoolExecutor(2) as pool:
        got = [run.result() for run in [pool.submit(ask), pool.submit(ask)]]
    return {"a part that two guests need is made once": len(makers) == 1 and got == [1, 1]}


def table() -> dict[str, bool]:
    """Who decides how much is done."""
    row = amounts.Amount("SELFTEST", "tests of the table", 3, 40)
    usual = row.value
    os.environ["BM_SELFTEST"] = "5"
    overridden = row.value
    os.environ["BM_SELFTEST"] = "many"
    try:
        refused = row.value == 0
    except SystemExit:
        refused = True
    del os.environ["BM_SELFTEST"]
    return {
        "an amount is that of the run's kind": usual == (40 if amounts.SOAK else 3),
        "a variable goes before the table": overridden == 5,
        "what is no number is refused": refused,
        "soak has at least as much as check": all(row.soak >= row.check for row in amounts.TABLE.values()),
    }


def cases() -> Iterator[Case]:
    """All of it."""
    with tempfile.TemporaryDirectory() as directory:
        checks = {
            "a clean log passes": not with_lines(),
            f"each of {len(PLANTED)} planted lines is caught": not missed(),
            "a fault of the I/O APIC's is not ours": not with_lines(STATUS, APIC_FAULT),
            "a fault beside one of the I/O APIC's is": bool(with_lines(STATUS, APIC_FAULT, OUR_FAULT)),
            "a fault whose report was lost is": bool(with_lines(STATUS)),
            "a data race of the kernel's own is not ours": not with_lines(*RACE),
            "one in which we have a part is, beside another": bool(with_lines(*RACE, *OUR_RACE)),
            "one whose report does not end is": bool(with_lines(*RACE[:-1])),
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
            **endings(Path(directory)),
            **overlap(Path(directory)),
            **shared(),
            **table(),
        }
        notes = {f"each of {len(PLANTED)} planted lines is caught": missed()}
    for name, ok in checks.items():
        yield Case(ok, name, notes.get(name, []))


if __name__ == "__main__":
    own = Report(sys.stdout, 1)
    own.subtest("the judges themselves", cases())
    sys.exit(bool(own.failed))
