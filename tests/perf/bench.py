#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""make bench: busmaster beside NVMe, a disk that is no device, and plain copies, in one guest.

One boot of Debian's kernel; every point of plan.py once a round, the devices taking turns;
figures are medians over the rounds, and ratios are taken within a round first. The counts
are those of counts.py. Results: build/bench/bench.json, plots, a table. See README.md.
"""

import os
import re
import signal
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import counts
import machine
import plan
import results
from machine import BENCH, Progress, commit, parts, version
from plan import Point
from vm import Guest

ROUNDS = int(os.environ.get("ROUNDS", "5"))
MILLISECONDS = int(os.environ.get("MILLISECONDS", "800"))
START = 3  # seconds that a run needs besides, at most: for a deadline, not for a forecast


@contextmanager
def disk_in_memory() -> Iterator[str]:
    """A raw file in memory, filled, for the NVMe disk that moves data; gone afterwards."""
    with tempfile.NamedTemporaryFile(dir="/dev/shm", prefix="busmaster-", suffix=".raw") as disk:
        block = os.urandom(1 << 20)
        for _ in range(machine.MEMORY >> 20):
            disk.write(block)
        disk.flush()
        yield disk.name


class Bench:
    """One boot that measures; rounds[n][point] is its rate in round n."""

    def __init__(self, cpus: int) -> None:
        self.points = plan.points(cpus)
        self.cpus = cpus
        self.rates: dict[Point, list[float]] = {point: [] for point in self.points}
        self.latency: dict[Point, list[float]] = {point: [] for point in self.points}
        self.progress = Progress(ROUNDS * len(self.points))
        self.copy = machine.programs() / "copy"
        self.command: list[str] = []

    def take(self, words: list[str]) -> None:
        """A line of the guest's: one run is done."""
        kind, number, *values = words
        point = self.points[int(number) % len(self.points)]
        if kind == "fio":
            error, kib, milliseconds, latency = map(float, values)
            if error or not kib:
                raise SystemExit(f"bench: fio says error {error:.0f} on {point}")
            rate = kib * 1024 / (milliseconds / 1000)
            self.latency[point].append(latency)
        elif kind == "host":
            rate = float(parts.quietly([str(self.copy), str(point.size), str(MILLISECONDS)]))
        else:
            rate = float(values[0])
        self.rates[point].append(rate)
        self.progress.show(int(number) + 1, f"{point.device}, {results.shape(point)}: "
                                            f"{results.rate(point, rate)}")

    def boot(self) -> None:
        """Boots the guest and measures; ends here if anything goes wrong."""
        kernel = parts.kernel("stock")
        work = BENCH / "time"
        work.mkdir(parents=True, exist_ok=True)
        (work / "plan").write_text(
            "".join(f"{line}\n" for line in plan.lines(ROUNDS, self.cpus)), encoding="utf-8")
        initramfs = machine.packed(work / "initramfs.cpio", kernel,
                                   [f"{work / 'plan'}:/bm/plan", parts.dmatest(kernel)])
        with disk_in_memory() as disk:
            guest = Guest(
                "time", kernel, initramfs, "bench", cpus=self.cpus,
                append=f"{parts.clock()} bm.milliseconds={MILLISECONDS}",
                extra=[*machine.NULL_CO, *machine.ram_disk(disk)],
                deadline=120 + self.progress.total * (MILLISECONDS / 1000 + START))
            self.command = guest.command("stdio")
            wrong = guest.follow("bench", self.take)
        if not wrong and any(len(rates) != ROUNDS for rates in self.rates.values()):
            wrong = ["not every point was measured in every round"]
        if wrong:
            raise SystemExit("\n".join(["bench: something is wrong:", *wrong]))


def about(bench: Bench) -> dict[str, object]:
    """Where, when and with what."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit(),
        "host": {"cpu": cpu[1] if cpu else "unknown", "cpus": os.cpu_count(),
                 "kernel": os.uname().release},
        "guest": {"cpus": bench.cpus, "kernel": parts.kernel("stock").release},
        "fio": version(["fio", "--version"], r"[\d.]+"),
        "qemu": version([bench.command[0], "--version"], r"[\d.]+"),
        "qemu_command": bench.command,
        "fio_job": (machine.PERF / "read.fio").read_text(encoding="utf-8"),
        "rounds": ROUNDS, "milliseconds": MILLISECONDS,
    }


def main() -> int:
    """All of it: counts first, as they take a minute and need no quiet machine."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: ended"))  # and nothing stays
    parts.script("deps.sh", "plot")
    print("bench: counting what an operation costs", file=sys.stderr)
    runs = counts.measure()
    counted = counts.twice(runs)
    counts.save(runs, counted)
    bench = Bench(min(os.cpu_count() or 2, 8))
    print(f"bench: measuring, {ROUNDS} rounds of {len(bench.points)} runs", file=sys.stderr)
    bench.boot()
    result = results.Result(bench.rates, bench.latency, runs, counted)
    result.save(BENCH / "bench.json", about(bench))
    result.plot(BENCH)
    print(result.table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
