# SPDX-License-Identifier: GPL-2.0-only
"""What the measurements mean: ratios and their aims, bench.json, the plots, the table.

A ratio is taken within a round, where all devices saw the same machine; the figure is the
median over the rounds, and its spread is the least and the most. A missed aim is reported,
and no failure: a clock of a busy machine judges nothing. Counts do, in limits.txt.
"""

import json
from pathlib import Path
from statistics import median
from typing import NamedTuple, Sequence

import counts
import machine
import plan
from machine import parts
from plan import KIB, MIB, Point

Rates = dict[Point, list[float]]  # bytes per second, a round each


class Ratio(NamedTuple):
    """A key of bench.json: one point over another."""
    of: Point
    to: Point
    aim: float | None = None  # at least


def at_depth(device: str, depth: int) -> Point:
    """4 KiB reads in batches of half the depth."""
    return Point(device, depth=depth, batch=plan.half(depth))


def single(device: str, depth: int) -> Point:
    """4 KiB reads, submitted and reaped one at a time."""
    return Point(device, depth=depth, batch=1)


OURS_64K = Point("busmaster", 64 * KIB)
RATIOS = {
    "read_4k_qd1_vs_nvme": Ratio(at_depth("busmaster", 1), at_depth("nvme", 1), 1.3),
    "read_4k_qd32_vs_nvme": Ratio(at_depth("busmaster", 32), at_depth("nvme", 32), 2.5),
    "read_4k_qd256_vs_nvme": Ratio(at_depth("busmaster", 256), at_depth("nvme", 256), 2.5),
    "read_4k_qd32_vs_null_blk": Ratio(at_depth("busmaster", 32), at_depth("null_blk", 32), 0.6),
    "read_4k_qd32_single_vs_nvme": Ratio(single("busmaster", 32), single("nvme", 32)),
    "read_4k_qd256_single_vs_nvme": Ratio(single("busmaster", 256), single("nvme", 256)),
    "read_4k_qd32_single_vs_null_blk": Ratio(single("busmaster", 32), single("null_blk", 32)),
    "read_256k_qd32_vs_nvme_ram": Ratio(Point("busmaster", 256 * KIB),
                                        Point("nvme_ram", 256 * KIB)),
    "copy_1m_vs_host_memcpy": Ratio(Point("busmaster", MIB), plan.HOST_COPY, 0.7),
    "copy_64k_vs_guest_memcpy": Ratio(OURS_64K, plan.GUEST_COPY, 10),
    "dma_vs_pio_64k": Ratio(OURS_64K, plan.BAR_COPY),
    "dmatest_64k_vs_guest_memcpy": Ratio(plan.DMATEST, plan.GUEST_COPY),
}


def shape(point: Point) -> str:
    """A point without its device, for people."""
    size = f"{point.size // KIB} KiB" if point.size < MIB else f"{point.size // MIB} MiB"
    if point in plan.COPIES:
        return size
    words = [size, f"depth {point.depth}"]
    words += ["one at a time"] if point.batch == 1 < point.depth else []
    words += [f"{point.jobs} processes"] if point.jobs > 1 else []
    words += [point.mode] if point.mode != "interrupt" else []
    return ", ".join(words)


def rate(point: Point, value: float) -> str:
    """In the unit that suits the point."""
    return f"{value / point.size:,.0f} op/s" if point.size < 64 * KIB else f"{value / 1e9:.2f} GB/s"


class Spread(NamedTuple):
    """A figure, and what it was in the rounds."""
    median: float
    least: float
    most: float


def spread(values: Sequence[float]) -> Spread:
    """Of one value a round."""
    return Spread(median(values), min(values), max(values))


class Result:
    """All that was measured."""

    def __init__(self, rates: Rates, latency: Rates, runs: list[counts.Phase],
                 counted: dict[str, counts.Count]) -> None:
        self.rates = rates
        self.latency = latency
        self.runs = runs
        self.counted = counted
        self.ratios = {key: spread([one / other for one, other
                                    in zip(rates[ratio.of], rates[ratio.to])])
                       for key, ratio in RATIOS.items()}

    def save(self, path: Path, about: dict[str, object]) -> None:
        """Writes bench.json."""
        points = [{**point._asdict(),
                   "bytes_per_second": [round(value) for value in values],
                   "operations_per_second": round(median(values) / point.size, 1),
                   "latency_us": [round(value, 1) for value in self.latency[point]]}
                  for point, values in self.rates.items()]
        text = json.dumps({
            "ratios": {key: round(ratio.median, 3) for key, ratio in self.ratios.items()},
            "spread": {key: [round(ratio.least, 3), round(ratio.most, 3)]
                       for key, ratio in self.ratios.items()},
            "aims": {key: ratio.aim for key, ratio in RATIOS.items() if ratio.aim},
            "counts": {key: round(count.value, 4) for key, count in self.counted.items()},
            "points": points, "about": about,
        }, indent=1)
        path.write_text(text + "\n", encoding="utf-8")

    # --- the plots ---

    def columns(self, path: Path, sweep: str, points: Sequence[Sequence[Point]]) -> None:
        """A table for gnuplot: the swept value, then median, least and most of each device."""
        with path.open("w", encoding="utf-8") as out:
            print("#", sweep, *plan.DEVICES, file=out)
            for row in zip(*points):
                figures = [spread(self.rates[point]) for point in row]
                print(getattr(row[0], sweep), *(value / (1 if sweep == "size" else row[0].size)
                                                for figure in figures for value in figure),
                      file=out)

    def plot(self, directory: Path) -> None:
        """Draws throughput over depth, bandwidth over size, and the cost of an operation."""
        self.columns(directory / "depth.dat", "depth", [plan.depths(d) for d in plan.DEVICES])
        self.columns(directory / "size.dat", "size", [plan.sizes(d) for d in plan.DEVICES])
        with (directory / "cost.dat").open("w", encoding="utf-8") as out:
            print("# run  insns: user kernel  events: submit reap interrupts", file=out)
            for run in self.runs[:len(self.runs) // 2]:
                name = {register.name: value for register, value in run.registers.items()
                        if register.kind == "write"}
                print(f'"{run.device} {run.name}"', run.insns["user"], run.insns["kernel"],
                      name.get("SQ_TAIL", 0), name.get("CQ_HEAD", 0),
                      run.counters["interrupts"], file=out)
        parts.quietly(["gnuplot", "-e", f"directory='{directory}'",
                       str(machine.PERF / "plots.gp")])

    # --- the table ---

    def table(self) -> str:
        """On the terminal."""
        lines = ["", "rates: the median"]
        lines += [f"  {'':34}" + "".join(f"{device:>14}" for device in plan.DEVICES)]
        for point in self.rates:
            if point.device == plan.DEVICES[0]:
                row = [point._replace(device=device) for device in plan.DEVICES]
                lines.append(f"  {shape(point):34}" + "".join(
                    f"{rate(other, median(self.rates[other])) if other in self.rates else '-':>14}"
                    for other in row))
        for point in plan.COPIES:
            lines.append(f"  {point.device}, {shape(point)}: "
                         f"{rate(point, median(self.rates[point]))}")
        lines += ["", f"{'ratios':36}{'median':>8}{'least':>9}{'most':>9}     aim"]
        for key, ratio in self.ratios.items():
            aim = RATIOS[key].aim
            verdict = "" if aim is None else f">= {aim:<5}" + (
                "met" if ratio.median >= aim else "MISSED")
            lines.append(f"  {key:34}{ratio.median:8.2f}{ratio.least:9.2f}{ratio.most:9.2f}"
                         f"     {verdict}")
        lines += ["", f"{'counts, an operation':36}{'':26}     aim"]
        for limit in counts.limits():
            verdict = "met" if limit.holds(self.counted) else "MISSED"
            lines.append(f"  {limit.key:34}{self.counted[limit.key].value:8.2f}{'':18}"
                         f"     <= {limit.number(self.counted):<9.4g}{verdict}")
        return "\n".join(lines)
