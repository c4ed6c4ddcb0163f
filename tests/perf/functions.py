#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Where the kernel's instructions go: functions.py DEVICE [FUNCTIONS].

The boot of counts.py on one device, the plugin counting each block of code; prints, for each
run of the job, the functions that have most instructions an operation. No clock, no sampling:
each number is exact.
"""

import base64
import bisect
import gzip
import sys
from collections import Counter

import counts


def symbols(said: list[list[str]]) -> list[tuple[int, str]]:
    """The guest's functions by address, of modules with the module's name."""
    packed = "".join(words[0] for kind, *words in said if kind == "symbols")
    lines = gzip.decompress(base64.b64decode(packed)).decode("ascii").splitlines()
    found = []
    for line in lines:
        address, _, *name = line.split()
        found.append((int(address, 16), " ".join(name)))
    return sorted(found)


def functions(blocks: Counter, names: list[tuple[int, str]]) -> Counter:
    """Instructions by function."""
    addresses = [address for address, _ in names]
    result: Counter = Counter()
    for address, insns in blocks.items():
        result[names[bisect.bisect_right(addresses, address) - 1][1]] += insns
    return result


def main() -> int:
    """One device, its first take."""
    if len(sys.argv) not in (2, 3) or sys.argv[1] not in counts.DEVICES:
        raise SystemExit(f"usage: functions.py {'|'.join(counts.DEVICES)} [FUNCTIONS]")
    shown = int(sys.argv[2]) if len(sys.argv) == 3 else 40
    said, marks = counts.boot((sys.argv[1],), "bm.symbols=1", ",blocks=on")
    names = symbols(said)
    runs = counts.phases(said, marks)
    operations = next(int(words[3]) for kind, *words in said if kind == "phase")
    for run, begin, end in list(zip(runs, marks[::2], marks[1::2]))[:len(runs) // 2]:
        print(f"{run.device}, {run.name}: {run.insns['kernel']:.0f} instructions of the kernel's "
              f"an operation, {run.insns['user']:.0f} of the program's")
        for name, insns in functions(end.blocks - begin.blocks, names).most_common(shown):
            print(f"{insns / operations:9.1f}  {name}")
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
