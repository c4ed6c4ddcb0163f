#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The kernel-log judge: what may never appear in a guest's kernel log, unless asked for.

A test that provokes a message says so in the log itself, through /dev/kmsg, so that the
permission holds for as long as that test runs and no longer:
  bm-klog: begin                         printed once by init
  bm-klog: expect REGEX -- PURPOSE       such lines are asked for, and one must come
  bm-klog: allow REGEX -- PURPOSE        such lines may come
  bm-klog: end                           the permissions given so far are over
  bm-klog: done                          printed once by init; with both marks the log is whole
Run by hand: klog.py CONSOLE-LOG...
"""

import re
import sys

# The first match names the line. Each is a thing that a correct driver never causes.
PATTERNS = [(re.compile(pattern), meaning) for pattern, meaning in (
    (r"KASAN|KFENCE|UBSAN", "memory or arithmetic misuse"),
    (r"WARNING: (possible )?(circular|recursive|inconsistent|irq lock|bad unlock|suspicious RCU)"
     r"|possible (circular|recursive|irq lock|deadlock)|inconsistent lock state"
     r"|bad unlock balance|suspicious RCU|BUG: Invalid wait context|INFO: possible"
     r"|INFO: trying to register non-static key|held lock freed|lock held when returning"
     r"|DEBUG_LOCKS_WARN", "lockdep"),
    (r"DMA-API: (?!preallocated|debugging (enabled|disabled on|out of)|debug dma_map)", "DMA-API debug"),
    (r"DMA-API: debugging out of memory", "DMA-API debug gave up"),
    (r"DMAR: .*(\[DMA |\[INTR-REMAP|fault|PTE Write|No PTE|not valid)"
     r"|AMD-Vi: .*(Event logged|timeout)|virtio_iommu .* fault from EP", "IOMMU fault"),
    (r"kmemleak: (?!Kernel memory leak detector|Automatic memory scanning thread)", "kmemleak"),
    (r"unreferenced object 0x", "kmemleak"),
    (r"hung_task|blocked for more than \d+ seconds", "hung task"),
    (r"rcu: INFO: .*stall|rcu_(sched|preempt).*(stall|starved)|rcu_tasks.*stall", "RCU stall"),
    (r"soft lockup|hard LOCKUP|workqueue lockup|hogged CPU for >\d{5,}us", "lockup"),
    (r"list_(add|del) corruption|refcount_t: |ODEBUG: ", "object misuse"),
    (r"nobody cared|Disabling IRQ|scheduling while atomic|sleeping function called", "context"),
    (r"\bBUG[: ]|kernel BUG at|\bWARNING: |Oops|general protection|Call Trace|\bRIP: ", "splat"),
    (r"Kernel panic|Out of memory|invoked oom-killer|page allocation failure", "out of memory"),
    (r"Unknown symbol|Invalid module format|disagrees about version", "module does not fit"),
    (r"sysfs: cannot create duplicate|Trying to free (already-free|nonexistent)|"
     r"resource sanity check|remove_proc_entry|Bad page (state|map)", "bookkeeping"),
    (r"printk messages dropped|blk_update_request: I/O error", "log incomplete"),
    (r"\bbusmaster[: ](?! module verification).*\b(refused|timed out|not answered|to be reset|halted|fatal|failed|error"
     r"|gone|given up|does not|did not|cannot|without an interrupt|after a reset)\b",
     "the driver complains"),
)]
# q35's I/O APIC has a requester ID of its own. What an IOMMU says of it is between the kernel and QEMU:
# a tick in the old format while interrupt remapping is being switched on, in one boot of hundreds.
APIC_FAULT = re.compile(r"DMAR: \[INTR-REMAP\] Request device \[ff:1f\.7\]")
RACE = re.compile(r"BUG: KCSAN: ")  # a report begins
RACE_END = re.compile(r"={20}")
RACE_PARTY = re.compile(r"\b(read|write|read-write)( \(marked\))? to 0x")  # frames follow, the innermost first
OURS = re.compile(r"\[busmaster\w*\]")  # a frame
FAULT_STATUS = re.compile(r"DMAR: DRHD: handling fault status")  # precedes the faults themselves
MARK = re.compile(r"bm-klog: (begin|expect|allow|end|done)\b ?(.*)$")
STAMP = re.compile(r"^\[ *\d+\.\d+\](\[[^\]]*\])? ?")
CONTEXT = 14  # lines of a splat that are shown


class Permission:
    """What one test asked for."""

    def __init__(self, verb: str, text: str) -> None:
        pattern, _, purpose = text.partition(" -- ")
        self.regex = re.compile(pattern)
        self.text = text
        self.must = verb == "expect"
        self.seen = 0
        self.bad = "" if purpose.strip() else f"permission without a purpose: {text}"


def of_the_apic(line: str, after: str) -> bool:
    """Does a line report a fault of the I/O APIC's? after is the line that follows."""
    return bool(APIC_FAULT.search(line) or FAULT_STATUS.search(line) and APIC_FAULT.search(after))


def race_of_others(lines: list[str], number: int) -> int:
    """The last line of KCSAN's report that begins here, if neither party is ours, nor has been called by us: else 0. The
    kernel has races of its own, in a sleep for example."""
    if not RACE.search(lines[number]):
        return 0
    end = next((n for n in range(number + 1, len(lines)) if RACE_END.search(lines[n])), 0)
    parties = [n for n in range(number, end) if RACE_PARTY.search(lines[n])]
    return 0 if any(OURS.search(line) for party in parties for line in lines[party + 1:party + 3]) else end


def judge(lines: list[str]) -> list[str]:
    """Returns what is wrong with a log, as lines to show; an empty list is a clean log."""
    wrong: list[str] = []
    asked: list[Permission] = []
    marks: set[str] = set()
    shown_until = -1

    def close() -> None:
        for permission in asked:
            if permission.must and not permission.seen:
                wrong.append(f"expected line never came: {permission.text}")
        asked.clear()

    for number, line in enumerate(lines):
        if mark := MARK.search(line):
            verb, text = mark.groups()
            marks.add(verb)
            if verb in ("expect", "allow"):
                asked.append(Permission(verb, text))
                wrong.extend(filter(None, [asked[-1].bad]))
            elif verb in ("end", "done"):
                close()
            continue
        shown_until = max(shown_until, race_of_others(lines, number))
        wanted = [permission for permission in asked if permission.regex.search(line)]
        for permission in wanted:
            permission.seen += 1
        if wanted or number <= shown_until or of_the_apic(line, "".join(lines[number + 1:number + 2])):
            continue
        for pattern, meaning in PATTERNS:
            if pattern.search(line):
                wrong.append(f"{meaning}: line {number + 1}")
                wrong.extend(STAMP.sub("  ", text) for text in lines[number:number + CONTEXT])
                shown_until = number + CONTEXT - 1
                break
    close()
    wrong.extend(f"the log has no '{verb}' mark: it is not whole"
                 for verb in ("begin", "done") if verb not in marks)
    return wrong


def read(path: str) -> list[str]:
    """Reads a console log; what a serial line garbled does not stop the judge."""
    with open(path, encoding="utf-8", errors="replace") as log:
        return log.read().replace("\r", "").split("\n")


if __name__ == "__main__":
    verdict = [text for path in sys.argv[1:] for text in judge(read(path))]
    print("\n".join(verdict) or "clean")
    sys.exit(bool(verdict))
