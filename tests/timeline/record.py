# SPDX-License-Identifier: GPL-2.0-only
"""Records what a guest does: the kernel's trace, that of the device, and what makes one axis of their times.

The guest is that of tests/lesson: under -icount, with a disk of nvme-4x4 that takes the time that a real one would, times SCALE.
"""

import base64
import io
import sys
import tarfile
from pathlib import Path
from typing import NamedTuple, Sequence

TIMELINE = Path(__file__).resolve().parent
sys.path.insert(0, str(TIMELINE.parent / "lesson"))

import device  # noqa: E402
import ftrace  # noqa: E402
import lesson  # noqa: E402
from machine import parts  # noqa: E402
from vm import Guest  # noqa: E402

DISK = "disk"  # of the lesson's devices
SCALE = lesson.SCALE
LINK = lesson.DEVICES[DISK].link
PAYLOAD = LINK.payload


class Clock(NamedTuple):
    """CLOCK_MONOTONIC on the device's axis, by a look at both at the beginning and one at the end: they drift."""
    first: dict[str, int]
    last: dict[str, int]

    @staticmethod
    def middle(look: dict[str, int]) -> float:
        """What the kernel's clock said when the device's was read."""
        return (look["before"] + look["after"]) / 2

    def device(self, ns: int) -> float:
        """The device's time, in ns, at one of the kernel's."""
        passed = ((ns - self.middle(self.first)) / (self.middle(self.last) - self.middle(self.first)))
        return self.first["device"] + passed * (self.last["device"] - self.first["device"])

    @property
    def bound(self) -> int:
        """How far from the truth, at most, in ns."""
        return max(self.first["bound"], self.last["bound"])


class Recording(NamedTuple):
    """What was seen."""
    kernel: list[ftrace.Event]
    device: list[device.Step]
    clock: Clock


def guest(plan: Sequence[str], directory: Path) -> Guest:
    """The guest that runs these commands, a line each."""
    kernel = parts.kernel("stock")
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "plan"
    file.write_text("".join(f"{line}\n" for line in plan), encoding="utf-8")
    programs = [f"{path}:/bm/{path.name}" for path in sorted(parts.programs(TIMELINE / "programs").iterdir())]
    initramfs = parts.initramfs(directory / "initramfs.cpio", kernel, [parts.fio(), f"{file}:/bm/plan", *programs])
    listen = [word for name in device.EVENTS for word in ("-trace", f"busmaster_{name}")]
    return Guest("timeline", kernel, initramfs, "timeline", memory="3G", cpus=1, device="", accel=lesson.ICOUNT, deadline=600,
                 extra=[*lesson.SAME, *lesson.hardware([DISK]), *listen],
                 append="nokaslr pci=pcie_bus_perf tsc=reliable")


def taken(archive: bytes, log: Path) -> Recording:
    """What was recorded, from what the guest has sent and QEMU's log."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        raw, formats, stats = (files.extractfile(f"./{name}").read() for name in ("raw", "formats", "stats"))
    if any(int(line.split(":")[1]) for line in stats.decode().splitlines()):
        raise SystemExit(f"timeline: the ring buffer was too small: {stats.decode()}")
    kernel = ftrace.events(raw, formats.decode())
    looks = [event.fields for event in kernel if event.name == "bm_clock"]
    if len(looks) < 2:
        raise SystemExit("timeline: no look at the device's clock")
    with log.open(encoding="utf-8", errors="replace") as lines:
        return Recording(kernel, device.steps(lines), Clock(looks[0], looks[-1]))


def record(machine: Guest) -> Recording:
    """Boots the guest, and returns what was seen; ends here if anything goes wrong."""
    text: list[str] = []
    wrong = machine.follow("timeline", text.extend)
    if wrong:
        raise SystemExit("\n".join(["timeline: something is wrong:", *wrong]))
    return taken(base64.b64decode("".join(text)), machine.qemu_log)
