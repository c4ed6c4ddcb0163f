#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""make lesson: what the time of a bus master consists of, measured in virtual time and compared with theory.

One guest has a device for each link that is of interest. It runs under -icount, so that a run is the same every time: to
the digit with one CPU, and with two, which two queues need, nearly so. A CPU does an instruction a nanosecond; all devices
are SCALE times as slow, and results are divided by that: it is as if a CPU did SCALE instructions a nanosecond.
"""

import json
import sys
from pathlib import Path
from typing import Iterator, NamedTuple, Sequence

LESSON = Path(__file__).resolve().parent
sys.path.insert(0, str(LESSON.parent / "perf"))

from machine import Progress, commit, parts, version  # noqa: E402
from theory import Behind, Link, little  # noqa: E402
from vm import Guest  # noqa: E402

OUT = parts.BUILD / "lesson"
SCALE = 20
KIB, MIB = 1 << 10, 1 << 20
FIGURES = LESSON / "figures.json"

# The same console, clock and random numbers each time
SAME = ["-rtc", "base=2026-01-01,clock=vm", "-seed", "1"]
ICOUNT = ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off"]


class Device(NamedTuple):
    """A device, the port that it is below, and what is behind the link: none, if that takes no time."""
    properties: str
    link: Link
    behind: Behind | None = None


def profile(name: str, link: Link, *times: float) -> Device:
    """One of the trade's; times are what theory has to know of it."""
    return Device(f"profile={name},outstanding=256", link, Behind(link, *times))


def disk(payload: int) -> Device:
    """A 4.0 x4 one: 900 ns a command, 96 us and 100 channels, 500 ns to the CPU."""
    return profile("nvme-4x4", Link(16, 4, payload), 900, 96_000, 100, 500)


def engine(speed: float, lanes: int, payload: int = 256, tags: int = 256) -> Device:
    """No medium and no controller: what is left is the link."""
    return Device(f"outstanding=64,command-overhead-ns=0,read-tags={tags}", Link(speed, lanes, payload, tags=tags))


DEVICES = {
    "disk": disk(256),
    "disk, 128-byte payloads": disk(128),
    **{f"{speed} GT/s x4": engine(speed, 4) for speed in (2.5, 5, 8, 16, 32, 64)},
    **{f"16 GT/s x{lanes}": engine(16, lanes) for lanes in (1, 16)},
    **{f"16 GT/s x4, {payload}-byte payloads": engine(16, 4, payload) for payload in (128, 512)},
    "16 GT/s x16, 1 tag": engine(16, 16, tags=1),
    "16 GT/s x16, 64 tags": engine(16, 16, tags=64),
    "GPU": profile("gpu-4x16", Link(16, 16, 256), 500, 2_500, 16, 500),
    "NIC": profile("nic-100g", Link(8, 16, 256, latency=400), 6, 0, 1, 300),
}
FIRST_SLOT = 4  # of the root ports, on the root complex


class Point(NamedTuple):
    """One run of the job."""
    device: str
    size: int = 4 * KIB
    depth: int = 32
    what: str = "read"  # the file: the device writes memory
    jobs: int = 1  # processes, each on a CPU and so on a queue of its own
    mode: str = "interrupt"  # or moderated, or polled
    request: int = 4096  # Max_Read_Request_Size

    @property
    def link(self) -> Link:
        """Of its device, as it is set for this point."""
        return DEVICES[self.device].link._replace(request=self.request)

    @property
    def behind(self) -> Behind | None:
        """What is behind that link."""
        behind = DEVICES[self.device].behind
        return behind and behind._replace(link=self.link)

    @property
    def rate(self) -> float:
        """Operations a second, about: for how long a run should be."""
        if self.what == "write" or not self.behind:
            return (self.link.read_bandwidth(self.size) if self.what == "write" else self.link.write_bandwidth(self.size)) / self.size * 1e9
        return min(little(self.depth, self.behind.latency(self.size)), self.behind.most(self.size))

    @property
    def milliseconds(self) -> int:
        """Of the guest's time. What is in flight at the end counts, too: that has to be little of all."""
        operations = max(400, 100 * self.depth * self.jobs, min(200 * self.depth * self.jobs, 25_600, 600 * MIB // self.size))
        return int(operations / self.rate * 1000 * SCALE) + 1

    def line(self, number: int) -> str:
        """As the guest's script reads it."""
        code = self.request.bit_length() - 8
        slot = FIRST_SLOT + list(DEVICES).index(self.device)
        return (f"{number} {slot:02x} rand{self.what} {self.size} {self.depth} {self.jobs} {self.mode} "
                f"{code << 12:x} {self.milliseconds}")


class Figure(NamedTuple):
    """What a point has given, as on a device that is SCALE times as fast."""
    operations: float  # a second
    bandwidth: float  # bytes a nanosecond, which is GB/s
    latency: float  # microseconds, mean
    busy: float  # share of a CPU
    interrupts: float  # an operation


DEPTHS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SIZES = {4 * KIB: 256, 16 * KIB: 128, 64 * KIB: 64, 256 * KIB: 16, MIB: 8}  # and a depth that is enough, see expected()
FULL = 256 * KIB  # a size at which a link is what counts
SWEEPS: dict[str, list[Point]] = {
    "depth": [Point("disk", depth=depth) for depth in DEPTHS],
    "size": [Point(device, size=size, depth=depth) for size, depth in SIZES.items()
             for device in ("disk", "disk, 128-byte payloads")],
    "mode": [Point("disk", depth=64, mode=mode) for mode in ("interrupt", "moderated", "polled")],
    "speed": [Point(f"{speed} GT/s x4", FULL, 8) for speed in (2.5, 5, 8, 16, 32, 64)],
    "width": [Point(f"16 GT/s x{lanes}", FULL, 8) for lanes in (1, 4, 16)],
    "payload": [Point(name, FULL, 8) for name in ("16 GT/s x4, 128-byte payloads", "16 GT/s x4",
                                               "16 GT/s x4, 512-byte payloads")],
    "request": [Point("16 GT/s x16, 64 tags", FULL, 8, "write", request=size) for size in (128, 512, 4096)],
    "tags": [Point(name, FULL, 8, "write", request=512) for name in ("16 GT/s x16, 1 tag", "16 GT/s x16, 64 tags",
                                                                      "16 GT/s x16")],
    "share": [Point("16 GT/s x4", FULL, 8, jobs=jobs) for jobs in (1, 2)],
    "profile": [Point(device, 64 * KIB, 16, what) for device in ("GPU", "NIC") for what in ("read", "write")],
}
# What make check runs: what the lesson's main sentences stand on, and points that nothing was tuned at
SHORT = [Point("disk", depth=1), Point("disk", depth=16), Point("disk", depth=256),
         Point("disk", FULL, 16), Point("disk", 64 * KIB, 64), Point("disk, 128-byte payloads", FULL, 16),
         Point("16 GT/s x4", FULL, 8), Point("16 GT/s x16", FULL, 8), Point("16 GT/s x16, 1 tag", FULL, 8, "write", request=512),
         *SWEEPS["profile"]]


def everything() -> list[Point]:
    """All points, each once."""
    return list(dict.fromkeys(point for sweep in SWEEPS.values() for point in sweep))


def name(point: Point) -> str:
    """Of a point: the key of the figures."""
    size = f"{point.size // KIB} KiB" if point.size < MIB else f"{point.size // MIB} MiB"
    words = [f"{point.device}: {point.what} {size}", f"depth {point.depth}"]
    words += [f"{point.jobs} processes"] if point.jobs > 1 else []
    words += [point.mode] if point.mode != "interrupt" else []
    words += [f"requests of {point.request}"] if point.request != 4096 else []
    return ", ".join(words)


def expected(point: Point, figures: dict[Point, Figure]) -> tuple[str, float] | None:
    """What theory says of a point, and in which figure; None where it claims nothing."""
    behind = point.behind
    if point.what == "write":
        return "bandwidth", point.link.read_bandwidth(point.size)
    if not behind:
        return "bandwidth", point.link.write_bandwidth(point.size)
    if point.mode != "interrupt":
        return None
    alone = Point(point.device, point.size, 1)
    if point.depth == 1:
        return "latency", behind.latency(point.size) / 1000
    most, demand = behind.most(point.size), little(point.depth, behind.latency(point.size))
    if point.size >= 64 * KIB and demand >= 4 * most:  # with less in flight, commands that come in a clump leave the link idle
        return "operations", most
    if alone in figures and little(point.depth, figures[alone].latency * 1000) < most / 4:
        return "operations", little(point.depth, figures[alone].latency * 1000)
    return None


def used(points: Sequence[Point]) -> list[str]:
    """The devices of these points, in the order of their slots."""
    names = {point.device for point in points}
    return [device for device in DEVICES if device in names]


def hardware(names: Sequence[str]) -> Iterator[str]:
    """QEMU's options for these devices."""
    for slot, device in enumerate(DEVICES, FIRST_SLOT):
        if device not in names:
            continue
        link = DEVICES[device].link
        speed = str(link.speed).replace(".", "_")
        yield from ("-device", f"pcie-root-port,id=rp{slot},chassis={slot},addr={slot:#x},x-speed={speed},"
                               f"x-width={link.lanes},x-max-payload={link.payload}",
                    "-device", f"busmaster,bus=rp{slot},timing=on,time-scale={SCALE},queues=8,mem-size=16M,"
                               f"link-speed={link.speed},link-width={link.lanes},{DEVICES[device].properties}")


def figure(point: Point, words: Sequence[str]) -> Figure:
    """From the guest's line: time, that of CPUs, interrupts, and what fio says."""
    elapsed, busy, interrupts, terse = int(words[0]), int(words[1]), int(words[2]), words[3].split(";")
    first = 5 if point.what == "read" else 46
    kib, milliseconds = float(terse[first]), float(terse[first + 3])
    if int(terse[4]) or not kib:
        raise SystemExit(f"lesson: fio says error {terse[4]} on {name(point)}")
    nanoseconds = milliseconds * 1e6 / SCALE
    operations = kib * KIB / point.size
    return Figure(round(operations / nanoseconds * 1e9, 1), round(kib * KIB / nanoseconds, 4),
                  round(float(terse[first + 34]) / SCALE, 3), round(max(0, busy) / elapsed, 3),
                  round(interrupts / (operations * 1.2), 3))


def prepare(points: Sequence[Point], directory: Path, cpus: int = 1) -> Guest:
    """The guest that measures these points. Several CPUs take turns by the host's clock: then two runs are not the same."""
    kernel = parts.kernel("stock")
    directory.mkdir(parents=True, exist_ok=True)
    plan = directory / "plan"
    plan.write_text("".join(f"{point.line(number)}\n" for number, point in enumerate(points)), encoding="utf-8")
    initramfs = parts.initramfs(directory / "initramfs.cpio", kernel, [
        parts.fio(), f"{plan}:/bm/plan", f"{LESSON / 'lesson.fio'}:/bm/lesson.fio"])
    # Some of it above 4 GiB: there, addresses have 64 bits, as on most machines
    return Guest("lesson", kernel, initramfs, "lesson", memory="3G", cpus=cpus, device="", accel=ICOUNT,
                 extra=[*SAME, *hardware(used(points))], deadline=120 + 20 * len(points),
                 append=f"nokaslr cryptomgr.notests pci=pcie_bus_perf bm.scale={SCALE} bm.devices={len(used(points))}")


def run(points: Sequence[Point], guest: Guest) -> dict[Point, Figure]:
    """Boots the guest and measures; ends here if anything goes wrong."""
    figures: dict[Point, Figure] = {}
    progress = Progress(len(points))

    def take(words: list[str]) -> None:
        point = points[int(words[0])]
        figures[point] = figure(point, words[1:])
        progress.show(len(figures), f"{name(point)}: {figures[point].operations:,.0f} op/s, "
                                    f"{figures[point].bandwidth:.2f} GB/s")

    wrong = guest.follow("lesson", take)
    if wrong:
        raise SystemExit("\n".join(["lesson: something is wrong:", *wrong]))
    return figures


def table(figures: dict[Point, Figure]) -> str:
    """Each figure beside what theory says."""
    rows = [f"{'':58} {'op/s':>10} {'GB/s':>7} {'us':>8} {'CPU':>5}  theory"]
    for point, is_ in figures.items():
        wanted = expected(point, figures)
        said = f"{getattr(is_, wanted[0]) / wanted[1] - 1:+.1%} of {wanted[1]:,.2f} ({wanted[0]})" if wanted else ""
        rows.append(f"{name(point):58} {is_.operations:10,.0f} {is_.bandwidth:7.2f} {is_.latency:8.1f} {is_.busy:5.0%}  {said}")
    return "\n".join(rows)


def columns(figures: dict[Point, Figure]) -> None:
    """Tables for gnuplot, a sweep each."""
    for sweep, points in SWEEPS.items():
        with (OUT / f"{sweep}.dat").open("w", encoding="utf-8") as out:
            for point in points:
                is_ = figures[point]
                wanted = expected(point, figures)
                behind = point.behind
                law = min(little(point.depth, behind.latency(point.size)), behind.most(point.size)) if behind else 0.0
                print(f'"{point.device}" {point.depth} {point.size} {point.request} {point.jobs} "{point.mode}" '
                      f"{is_.operations} {is_.bandwidth} {is_.latency} {is_.busy} {is_.interrupts} "
                      f"{wanted[1] if wanted else 0} {law}", file=out)


def main() -> int:
    """The whole lesson."""
    print(f"lesson: {len(everything())} points in one boot, a few minutes; then plots in {OUT}", file=sys.stderr)
    figures = run(everything(), prepare(everything(), OUT, cpus=2))
    saved = {"about": "SPDX-License-Identifier: GPL-2.0-only", "commit": commit(), "scale": SCALE, "kernel": parts.kernel("stock").release,
             "fio": version(["fio", "--version"], r"[\d.]+"),
             "figures": {name(point): is_._asdict() for point, is_ in figures.items()}}
    (OUT / "figures.json").write_text(json.dumps(saved, indent=1) + "\n", encoding="utf-8")
    columns(figures)
    parts.script("deps.sh", "plot")
    parts.quietly(["gnuplot", "-e", f"directory='{OUT}'", str(LESSON / "plots.gp")])
    for plot in OUT.glob("*.svg"):
        text = plot.read_text(encoding="utf-8")
        plot.write_text(text.replace("?>\n", "?>\n<!-- SPDX-License-Identifier: GPL-2.0-only -->\n", 1), encoding="utf-8")
    print(table(figures))
    print(f"\nA CPU of {SCALE} instructions a nanosecond. Plots and figures: {OUT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
