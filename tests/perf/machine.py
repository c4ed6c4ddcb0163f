# SPDX-License-Identifier: GPL-2.0-only
"""The guest that measures: what is in it, which devices it has, and how it is followed.

Both measurements boot Debian's kernel with the same devices to compare, the same programs and
the same fio job. What all that measure share is here, too: tests/lesson as well.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

PERF = Path(__file__).resolve().parent
sys.path.insert(0, str(PERF.parent / "vm"))

import parts  # noqa: E402

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


def version(command: list[str], pattern: str) -> str:
    """What a program says of itself."""
    found = re.search(pattern, parts.quietly(command))
    return found[0] if found else "unknown"


def commit() -> str:
    """What was measured."""
    return subprocess.run(["git", "-C", str(parts.ROOT), "describe", "--always", "--dirty"],
                          capture_output=True, text=True, check=False).stdout.strip()


class Progress:
    """One updating line on a terminal; elsewhere a line now and then."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.begin = self.last = time.monotonic()
        self.tty = sys.stderr.isatty()

    def show(self, number: int, what: str) -> None:
        """So many runs are done, and this was the last."""
        now = time.monotonic()
        if not self.tty and now - self.last < 15 and number < self.total:
            return
        self.last = now
        left = (now - self.begin) / number * (self.total - number)
        text = f"  {number} of {self.total} runs, {left / 60:.0f} min left: {what}"
        print(f"\r\033[K{text:.78}" if self.tty else text, end="" if self.tty else "\n",
              file=sys.stderr, flush=True)
        if self.tty and number == self.total:
            print("\r\033[K", end="", file=sys.stderr)
