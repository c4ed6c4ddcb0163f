# SPDX-License-Identifier: GPL-2.0-only
"""The hardware contract, include/busmaster_hw.h, for Python: hw.BM_REG_CTRL, hw.BM_QUEUE_PAGE(1).

What it has as a number, a macro of one argument or an enumerator has the same name here.
"""

import re
from pathlib import Path
from types import SimpleNamespace

HEADER = Path(__file__).resolve().parents[2] / "include" / "busmaster_hw.h"
NUMBER = re.compile(r"\b(0x[0-9a-f]+|\d+)(u|ull)?\b")
CONSTANT = re.compile(rf"#define (BM_\w+) {NUMBER.pattern}")
MACRO = re.compile(r"#define (BM_\w+)\((\w+)\) (\(.*?\)) ?(/\*|$)")
ENUMERATOR = re.compile(r"\t(BM_\w+)( = (\d+))?,")


def contract(text: str) -> SimpleNamespace:
    """All that a header defines in these ways."""
    names: dict[str, object] = {}
    last = 0
    for line in text.splitlines():
        if found := CONSTANT.match(line):
            names[found[1]] = int(found[2], 0)
        elif found := MACRO.match(line):
            body = NUMBER.sub(r"\1", found[3])
            names[found[1]] = eval(f"lambda {found[2]}: {body}", names)
        elif found := ENUMERATOR.match(line):
            last = int(found[3]) if found[3] else last + 1
            names[found[1]] = last
    return SimpleNamespace(**names)


hw = contract(HEADER.read_text(encoding="utf-8"))
