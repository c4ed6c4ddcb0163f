# SPDX-License-Identifier: GPL-2.0-only
"""The guest that measures: what is in it, which devices it has, and how it is followed.

Both measurements boot Debian's kernel with the same devices to compare, the same programs and
the same fio job. Their guest scripts print lines "#NAME WORD...", which are passed on as words.
"""

import sys
from pathlib import Path
from typing import Callable

PERF = Path(__file__).resolve().parent
sys.path.insert(0, str(PERF.parent / "vm"))

import klog  # noqa: E402
import parts  # noqa: E402
from ktap import Reader  # noqa: E402
from vm import Guest  # noqa: E402

BENCH = parts.BUILD / "bench"
MEMORY = 64 << 20  # bytes that each device has, as many as busmaster by default
MODULES = ("nvme", "null_blk")  # of the stock kernel's own

# A disk that moves no data at all: what is left is NVMe's own cost
NULL_CO = ["-blockdev", f"null-co,node-name=null,size={MEMORY},read-zeroes=off",
           "-device", "nvme,serial=nvme,drive=null"]


def ram_disk(path: str) -> list[str]:
    """A disk whose data are a file of the host's, in memory."""
    return ["-blockdev", f"raw,node-name=ram,file.driver=file,file.filename={path}",
            "-device", "nvme,serial=nvme_ram,drive=ram"]


def packed(out: Path, kernel: parts.Kernel, more: list[str]) -> Path:
    """A guest's file system with fio, the job, our scripts and programs."""
    pairs = [parts.fio(), f"{PERF / 'read.fio'}:/bm/read.fio", *more]
    pairs += [f"{path}:/bm/guest/{path.name}" for path in sorted((PERF / "guest").iterdir())]
    pairs += [f"{path}:/bm/{path.name}" for path in sorted(programs().iterdir())]
    return parts.initramfs(out, kernel, pairs, MODULES)


def programs() -> Path:
    """Our programs, for the guest and for the host."""
    return parts.programs(PERF / "programs")


def follow(guest: Guest, prefix: str, take: Callable[[list[str]], None]) -> list[str]:
    """Boots a guest, hands over its lines as they come; returns what went wrong."""
    reader = Reader()
    lines = guest.lines()
    for line in lines:
        list(reader.feed(line))
        if line.startswith(f"#{prefix} "):
            take(line.split()[1:])
    end = guest.reached_end(reader, lines)
    return klog.judge(klog.read(str(guest.console))) if end.ok else end.notes
