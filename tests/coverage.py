#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Which lines of the device the qtests have run, and which they have not.

usage: coverage.py QEMU COUNTS

The QEMU of the qtests, in the directory QEMU, counts the lines of hw/dma/busmaster/ that it runs, and each process
adds its counts to those in the directory COUNTS when it ends. gcov reads them here; the suite qtest judges.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterator, NamedTuple

LEAST = 90  # percent of all lines, in all files


class File(NamedTuple):
    """A source file of the device."""
    name: str
    lines: dict[int, int]  # how often each line was run, of those that have code

    @property
    def missed(self) -> list[int]:
        """The lines that were not run."""
        return sorted(line for line, count in self.lines.items() if not count)


def percent(files: list[File]) -> float:
    """Of the lines of some files, how many were run."""
    lines = sum(len(file.lines) for file in files)
    return 100 * (1 - sum(len(file.missed) for file in files) / lines) if lines else 0.0


def spans(lines: list[int]) -> Iterator[str]:
    """Line numbers, those that follow each other as one."""
    start = last = None
    for line in [*lines, None]:
        if start is not None and line != last + 1:
            yield str(start) if start == last else f"{start}-{last}"
            start = None
        start = line if start is None else start
        last = line


def read(qemu: Path, directory: Path) -> list[File]:
    """What gcov makes of the counts, and of the notes that the compiler left beside QEMU."""
    files: dict[str, dict[int, int]] = {}
    for notes in qemu.rglob("*.gcno"):
        counts = directory / notes.with_suffix(".gcda").name
        if not counts.exists():  # an older build had a source that is gone: what is in QEMU has counts
            continue
        shutil.copy(notes, directory)
        done = subprocess.run(["gcov", "--json-format", "--stdout", counts.name], cwd=directory,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        for file in json.loads(done.stdout)["files"]:
            if "/hw/dma/busmaster/" not in file["file"]:
                continue
            lines = files.setdefault(Path(file["file"]).name, {})
            for line in file["lines"]:
                number = line["line_number"]
                lines[number] = lines.get(number, 0) + line["count"]
    return [File(name, lines) for name, lines in sorted(files.items())]


def table(files: list[File]) -> list[str]:
    """A line a file, and one for all."""
    lines = [f"{file.name:<16}{len(file.lines):>6} lines {percent([file]):>6.1f} %  "
             f"{' '.join(spans(file.missed))}".rstrip() for file in files]
    total = sum(len(file.lines) for file in files)
    return [*lines, f"{'all':<16}{total:>6} lines {percent(files):>6.1f} %"]


def main() -> int:
    """Prints the table; 1 if too little was run."""
    files = read(Path(sys.argv[1]), Path(sys.argv[2]))
    print(*table(files), sep="\n")
    return int(percent(files) < LEAST)


if __name__ == "__main__":
    sys.exit(main())
