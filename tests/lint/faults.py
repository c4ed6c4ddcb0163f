#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Is the table of faults true? Each function that it names is in the driver, and each test in the tests.

usage: faults.py TABLE
"""

import re
import sys
from pathlib import Path

ROWS = 40  # at least


def text_of(*directories: str) -> str:
    """All that is written in some directories."""
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for directory in directories
                     for path in sorted(Path(directory).rglob("*")) if path.is_file() and "__pycache__" not in path.parts)


def main() -> int:
    """0 where all that is named is there."""
    drivers, tests = text_of("drivers"), text_of("tests", "qemu/tests")
    rows = wrong = 0
    for number, line in enumerate(Path(sys.argv[1]).read_text(encoding="utf-8").splitlines(), 1):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("| ") or len(cells) != 5 or cells[0] == "fault":
            continue
        rows += 1
        functions, cases = re.findall(r"`(\w+)\(\)`", cells[3]), re.findall(r"`([^`]+)`", cells[4])
        missing = [f"function {name}()" for name in functions
                   if not re.search(rf"^[a-z][^;={{]*\b{name}\([^;]*$", drivers, re.MULTILINE)]
        missing += [f"test '{name}'" for name in cases if name not in tests]
        if not functions or not cases:
            missing.append("a function, or a test")
        for what in missing:
            print(f"{sys.argv[1]}:{number}: '{cells[0]}': there is no {what}")
        wrong += len(missing)
    if rows < ROWS:
        print(f"{sys.argv[1]}: {rows} rows, must be at least {ROWS}")
    return int(bool(wrong) or rows < ROWS)


sys.exit(main())
