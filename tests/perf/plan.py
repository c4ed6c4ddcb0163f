# SPDX-License-Identifier: GPL-2.0-only
"""What is measured: each point of each sweep, once a round, the devices taking turns.

A point is one run of the job, or of copies without it. Sweeps share points: depth 32 of 4 KiB
belongs to four of them and is measured once.
"""

from typing import Iterator, NamedTuple

KIB, MIB = 1 << 10, 1 << 20
DEVICES = ("busmaster", "nvme", "nvme_ram", "null_blk")
DEPTHS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SIZES = (4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB)


class Point(NamedTuple):
    """One run. Copies are devices, too: only their name and size count."""
    device: str
    size: int = 4 * KIB
    depth: int = 32
    batch: int = 16  # requests that are submitted together, and reaped together
    jobs: int = 1  # processes, each on a CPU, and so on a queue, of its own
    mode: str = "interrupt"  # or moderated, or polled


DMATEST = Point("dmatest", 64 * KIB)  # the kernel's own, on a DMA engine channel of ours
GUEST_COPY = Point("guest_memcpy", 64 * KIB)  # memory to memory
BAR_COPY = Point("bar_copy", 64 * KIB)  # device memory through the BAR
HOST_COPY = Point("host_memcpy", MIB)  # while the guest sleeps
COPIES = [DMATEST, GUEST_COPY, BAR_COPY, HOST_COPY]


def half(depth: int) -> int:
    """The batch at a depth: the other half is in flight meanwhile."""
    return max(depth // 2, 1)


def depths(device: str) -> list[Point]:
    """Throughput over depth."""
    return [Point(device, depth=depth, batch=half(depth)) for depth in DEPTHS]


def singles(device: str) -> list[Point]:
    """The same without batches: fio's default is to submit and to reap one at a time."""
    return [Point(device, depth=depth, batch=1) for depth in (1, 32, 256)]


def sizes(device: str) -> list[Point]:
    """Bandwidth over size."""
    return [Point(device, size=size) for size in SIZES]


def queues(device: str, cpus: int) -> list[Point]:
    """Several processes."""
    return [Point(device, jobs=1 << n) for n in range(cpus.bit_length()) if 1 << n <= cpus]


def modes(device: str) -> list[Point]:
    """How a completion is learnt of. Of these devices only ours has moderation."""
    names = ("interrupt", "moderated", "polled") if device == "busmaster" else ("interrupt", "polled")
    return [Point(device, depth=depth, batch=half(depth), mode=name)
            for name in names for depth in (1, 32)]


def points(cpus: int) -> list[Point]:
    """One round: all sweeps, point by point, the devices taking turns at each."""
    each = [[*depths(device), *singles(device), *sizes(device), *queues(device, cpus),
             *modes(device)] for device in DEVICES]
    shapes = {point._replace(device=""): None for sweep in each for point in sweep}
    known = {point for sweep in each for point in sweep}
    turns = [shape._replace(device=device) for shape in shapes for device in DEVICES]
    return [point for point in turns if point in known] + COPIES


def lines(number_of_rounds: int, cpus: int) -> Iterator[str]:
    """The plan as tests/perf/guest/bench.sh reads it: a number, and the point's fields."""
    for number, point in enumerate(points(cpus) * number_of_rounds):
        yield " ".join(map(str, (number, *point)))
