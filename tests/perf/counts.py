#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""make bench-counts: what an operation costs, in things that are counted without a clock.

One boot of Debian's kernel with one CPU under -icount, with the counting plugin in QEMU. Each
count is taken twice in that boot, so that it shows how well it repeats. README.md says what
each key means; limits.txt has what may not get worse, and tests/suites/counts judges by it.
"""

import json
import os
import re
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import machine
from machine import BENCH, PERF, parts
from vm import Guest

# An instruction takes a nanosecond of the guest's time: its timers come as often as on a real
# machine, and as often in each run. One CPU: under -icount, several would only take turns.
ICOUNT = ["-accel", "tcg,thread=single", "-icount", "shift=0"]
DEADLINE = 900  # seconds for a boot of one minute: against a hang, not against a slow machine
DEVICES = ("busmaster", "nvme", "null_blk")
TOLERANCE = 0.02  # by which the two takes of a count may differ
SMALL = 0.005  # an operation: as little is one event in 200, and no cost


class Register(NamedTuple):
    """A device register that was accessed."""
    kind: str  # read or write
    name: str


class Mark(NamedTuple):
    """The plugin's counts at one moment."""
    insns: dict[str, int]  # kernel and user
    accesses: Counter  # by kind and physical address
    blocks: Counter  # instructions by the address of the kernel's code


class Phase(NamedTuple):
    """What one run of the job has cost, an operation."""
    device: str
    depth: int
    batch: int
    insns: dict[str, float]  # kernel and user
    registers: dict[Register, float]
    counters: dict[str, float]  # interrupts, and what the driver's stats/ say

    @property
    def name(self) -> str:
        """As the keys have it."""
        return f"qd{self.depth}" + ("_single" if self.batch == 1 < self.depth else "")

    def accesses(self, kind: str) -> float:
        """Of all the device's registers."""
        return sum(count for register, count in self.registers.items() if register.kind == kind)


class Count(NamedTuple):
    """One key, taken twice."""
    first: float
    second: float

    @property
    def value(self) -> float:
        """What is reported."""
        return (self.first + self.second) / 2

    @property
    def repeats(self) -> bool:
        """Do the two agree?"""
        return abs(self.first - self.second) <= max(TOLERANCE * self.value, SMALL)


def plugin() -> Path:
    """Compiles the counting plugin against the header of the QEMU that loads it."""
    parts.script("deps.sh", "qemu")
    source = os.environ.get("QEMU_SRC") or parts.script("fetch-qemu.sh")
    glib = parts.quietly(["pkg-config", "--cflags", "glib-2.0"]).split()
    out = BENCH / "count.so"
    BENCH.mkdir(parents=True, exist_ok=True)
    parts.quietly([os.environ.get("CC", "cc"), "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror",
                   "-Wno-unused-parameter", "-shared", "-fPIC", *glib,
                   f"-I{source}/include/qemu", "-o", str(out), str(PERF / "count.c")])
    return out


def read_marks(path: Path) -> list[Mark]:
    """Reads what the plugin wrote."""
    marks: list[Mark] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        word, *values = line.split(maxsplit=3)
        if word == "mark":
            marks.append(Mark({}, Counter(), Counter()))
        elif word in ("kernel", "user"):
            marks[-1].insns[word] = int(values[0])
        elif word == "block":
            marks[-1].blocks[int(values[0], 16)] += int(values[1])
        else:
            marks[-1].accesses[word, int(values[0], 16)] = int(values[1])
    return marks


def queue_registers() -> dict[int, str]:
    """The offsets in a queue's page, from the contract."""
    text = (parts.ROOT / "include" / "busmaster_hw.h").read_text(encoding="utf-8")
    return {int(offset, 16): name
            for name, offset in re.findall(r"^#define BM_QREG_(\w+) (0x\w+)", text, re.MULTILINE)}


def register_name(device: str, bar: int, offset: int) -> str:
    """What its data sheet calls it; the same register of all queues has one name."""
    if device == "busmaster" and bar == 0 and offset >= 0x1000:
        return queue_registers().get(offset % 0x1000, f"queue+{offset % 0x1000:#x}")
    if device == "nvme" and bar == 0 and 0x1000 <= offset < 0x2000:
        return ("SQ_TAIL", "CQ_HEAD")[offset // 4 % 2]
    return f"BAR{bar}+{offset:#x}"


def boot(devices: tuple[str, ...], append: str = "", option: str = "",
         ) -> tuple[list[list[str]], list[Mark]]:
    """Boots the guest that counts; returns what it said and what the plugin wrote."""
    kernel = parts.kernel("stock")
    work = BENCH / "counts"
    marks = work / "marks"
    initramfs = machine.packed(work / "initramfs.cpio", kernel, [])
    guest = Guest("counts", kernel, initramfs, "counts", cpus=1, accel=ICOUNT,
                  append=f"bm.devices={','.join(devices)} {append}",
                  extra=[*machine.NULL_CO, "-plugin", f"{plugin()},out={marks}{option}"],
                  deadline=DEADLINE)
    said: list[list[str]] = []
    wrong = guest.follow("count", said.append)
    if wrong:
        raise SystemExit("\n".join(["bench-counts: something is wrong:", *wrong]))
    return said, read_marks(marks)


def measure() -> list[Phase]:
    """All runs on all devices, twice."""
    return phases(*boot(DEVICES))


def phases(said: list[list[str]], marks: list[Mark]) -> list[Phase]:
    """Puts together what the guest and the plugin say of the same runs."""
    bars = [(device, int(bar), range(int(start, 16), int(end, 16) + 1))
            for kind, *words in said if kind == "bar" for device, bar, start, end in [words]]
    runs = [words for kind, *words in said if kind == "phase"]
    if len(marks) != 2 * len(runs) or not runs:
        raise SystemExit(f"bench-counts: {len(runs)} runs with {len(marks)} marks, not two each")
    result = []
    for words, begin, end in zip(runs, marks[::2], marks[1::2]):
        device, depth, batch, operations, *counters = words
        registers: Counter = Counter()
        for (kind, address), count in (end.accesses - begin.accesses).items():
            for owner, bar, addresses in bars:
                if owner == device and address in addresses:
                    name = register_name(device, bar, address - addresses.start)
                    registers[Register(kind, name)] += count / int(operations)
        result.append(Phase(
            device, int(depth), int(batch),
            {name: (end.insns[name] - begin.insns[name]) / int(operations) for name in end.insns},
            dict(registers),
            {name: int(value) / int(operations)
             for name, value in (counter.split("=") for counter in counters)}))
    return result


def keys(runs: list[Phase]) -> dict[str, float]:
    """The keys, from one take of all runs."""
    result: dict[str, float] = {}
    for run in runs:
        at = f"per_op_{run.name}"
        insns = sum(run.insns.values())
        if run.device != "busmaster":
            if run.depth > 1:  # at depth 1 the CPU waits, and how it waits is the host's affair
                result[f"{run.device}_guest_insns_{at}"] = insns
            continue
        result[f"mmio_writes_{at}"] = run.accesses("write")
        result[f"mmio_reads_{at}"] = run.accesses("read")
        result[f"irqs_{at}"] = run.counters["interrupts"]
        result[f"guest_insns_{at}"] = insns
        result[f"memory_read_tlps_{at}"] = run.counters["mrd_tlps"]
        result[f"memory_write_tlps_{at}"] = run.counters["mwr_tlps"]
        result[f"maps_{at}"] = run.counters["maps"]
    return result


def twice(runs: list[Phase]) -> dict[str, Count]:
    """The keys, from both takes."""
    half = len(runs) // 2
    first, second = keys(runs[:half]), keys(runs[half:])
    return {key: Count(first[key], second[key]) for key in first}


class Limit(NamedTuple):
    """A line of limits.txt."""
    key: str
    bound: str  # a number, or another key
    why: str

    def holds(self, counts: dict[str, Count]) -> bool:
        """Is the count at or below it? The tolerance is that of the measurement; none is none."""
        return counts[self.key].value <= self.number(counts) * (1 + TOLERANCE)

    def number(self, counts: dict[str, Count]) -> float:
        """What the bound is today."""
        return counts[self.bound].value if self.bound in counts else float(self.bound)


def limits() -> list[Limit]:
    """What may not get worse."""
    lines = (PERF / "limits.txt").read_text(encoding="utf-8").splitlines()
    return [Limit(*line.split(maxsplit=2)) for line in lines if line and line[0] != "#"]


def save(runs: list[Phase], counts: dict[str, Count]) -> None:
    """Writes build/bench/counts.json."""
    text = json.dumps({
        "counts": {key: round(count.value, 4) for key, count in counts.items()},
        "takes": {key: [round(take, 4) for take in count] for key, count in counts.items()},
        "runs": [{**run._asdict(), "registers": {
            f"{register.kind} {register.name}": round(count, 4)
            for register, count in sorted(run.registers.items())}} for run in runs],
    }, indent=1)
    (BENCH / "counts.json").write_text(text + "\n", encoding="utf-8")


def table(runs: list[Phase], counts: dict[str, Count]) -> str:
    """For a person."""
    lines = ["an operation costs (4 KiB reads)                     first     second"]
    lines += [f"  {key:<44}{count.first:>14.3f}{count.second:>11.3f}"
              for key, count in counts.items()]
    lines += ["", "register accesses an operation"]
    for run in runs[:len(runs) // 2]:
        lines += [f"  {run.device}, {run.name}: {register.kind} {register.name} {count:.3f}"
                  for register, count in sorted(run.registers.items())]
    return "\n".join(lines)


def main() -> int:
    """Counts, prints, and says whether a limit is broken."""
    runs = measure()
    counts = twice(runs)
    save(runs, counts)
    print(table(runs, counts))
    broken = [limit for limit in limits() if not limit.holds(counts)]
    for limit in broken:
        print(f"over its limit: {limit.key} is {counts[limit.key].value:.3f}, "
              f"may be {limit.number(counts):.3f}: {limit.why}")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
