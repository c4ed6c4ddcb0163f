#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Checks that the driver is a house of floors: no file calls one above it, or beside it.

usage: floors.py DIR, where DIR/drivers/*.o are the module's objects

Kbuild lists the floors, one a line from the roof down. What an object needs of another, be it a
function or data, is what nm calls undefined. Pointers that are given away (a request's done(), a
work, a notifier) are no calls: that is how the cellar tells the roof.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Iterator

ROOT = Path(__file__).resolve().parents[2]
LIST = re.compile(r"^busmaster-y := \\\n((?:\t.*\n)+)", re.MULTILINE)
OBJECT = re.compile(r"drivers/(\w+)\.o")


def floors() -> list[list[str]]:
    """The names of the files, by floor, from the roof down."""
    lines = LIST.search((ROOT / "Kbuild").read_text(encoding="utf-8"))[1].splitlines()
    return [OBJECT.findall(line) for line in lines]


def symbols(objects: Path, name: str, kind: str) -> set[str]:
    """What an object defines for others, or needs of them."""
    text = subprocess.run(["nm", f"--{kind}-only", "--extern-only", "--format=posix",
                           objects / f"{name}.o"], check=True, capture_output=True,
                          text=True).stdout
    return {line.split()[0] for line in text.splitlines()}


def calls(objects: Path, names: list[str]) -> Iterator[tuple[str, str, str]]:
    """Each use that a file makes of another: (user, symbol, file that has it)."""
    home = {symbol: name for name in names for symbol in symbols(objects, name, "defined")}
    for name in names:
        for symbol in sorted(symbols(objects, name, "undefined") & home.keys()):
            yield name, symbol, home[symbol]


def main() -> int:
    """Says what is wrong, or how the house stands."""
    house = floors()
    floor = {name: number for number, names in enumerate(house) for name in names}
    wrong = [f"{path.name} is on no floor: Kbuild lists them"
             for path in sorted((ROOT / "drivers").glob("*.c")) if path.stem not in floor]
    down = 0
    for user, symbol, owner in calls(Path(sys.argv[1]) / "drivers", list(floor)):
        if floor[owner] > floor[user]:
            down += 1
        else:
            where = "beside" if floor[owner] == floor[user] else "above"
            wrong.append(f"{user}.c uses {symbol} of {owner}.c, which is {where} it")
    print("\n".join(wrong or [" ".join(f"{name}.c" for name in names) for names in house]))
    print(f"{len(house)} floors, {len(floor)} files, {down} uses of what is below,"
          f" {len(wrong)} wrong")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
