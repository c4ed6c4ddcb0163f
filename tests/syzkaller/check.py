#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Does the syzkaller description say what the headers say? check.py

Reads as much of syzkaller's language as busmaster.txt has, computes how large each structure is and
where its members are, and lets the C compiler compare that, and each constant, with the headers.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DESCRIPTION = Path(__file__).with_name("busmaster.txt")
HEADER = ROOT / "include" / "uapi" / "linux" / "busmaster.h"
OTHERS = re.compile(r"(IORING|IOSQE)_\w+")  # constants of other headers
UNNAMED = re.compile(r"pad\d*|more")
INTEGER = re.compile(r"int(8|16|32|64)\b")


def body(text: str, opening: str, closing: str) -> dict[str, list[tuple[str, str]]]:
    """Structures or unions, and the names and types of their members."""
    found = re.findall(rf"^(\w+) \{opening}\n(.*?)^\{closing}$", text, re.MULTILINE | re.DOTALL)
    return {name: [tuple(line.split(None, 1)) for line in lines.splitlines()]
            for name, lines in found}


class Description:
    """What busmaster.txt describes."""

    def __init__(self, text: str) -> None:
        self.text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
        self.structs = body(self.text, "{", "}")
        self.unions = body(self.text, "[", "]")
        self.aliases = dict(re.findall(r"^type (\w+) (.+)$", self.text, re.MULTILINE))

    def size(self, kind: str) -> int:
        """Bytes of a type."""
        kind = self.aliases.get(kind, kind)
        if kind in self.structs:
            return sum(self.size(member) for _, member in self.structs[kind])
        if kind in self.unions:
            return max(self.size(member) for _, member in self.unions[kind])
        if array := re.fullmatch(r"array\[(.+), (\d+)\]", kind):
            return self.size(array[1]) * int(array[2])
        if kind.startswith(("ptr64[", "vma64")):
            return 8
        if kind.startswith("fd_"):
            return 4
        if integer := INTEGER.findall(kind):
            return int(integer[-1]) // 8
        raise SystemExit(f"{DESCRIPTION.name}: how large is {kind}?")

    def constants(self) -> set[str]:
        """Names that the headers are to have."""
        return {name for name in re.findall(r"(?<![$\w])[A-Z][A-Z0-9_]+\b", self.text)
                if name.startswith("BUSMASTER_") or OTHERS.fullmatch(name)}


def struct_of(name: str, structs: set[str]) -> str:
    """The C structure that a description's name begins with."""
    fits = [struct for struct in structs if name == struct or name.startswith(struct + "_")]
    if not fits:
        raise SystemExit(f"{DESCRIPTION.name}: {name} is no structure of the headers")
    return max(fits, key=len)


def program(description: Description, structs: set[str]) -> str:
    """C that does not compile unless all is as described."""
    lines = ["#include <assert.h>", "#include <stddef.h>", "#include <linux/io_uring.h>",
             "#include <linux/busmaster.h>"]
    for name, members in description.structs.items():
        struct = struct_of(name, structs)
        offset = 0
        for member, kind in members:
            if not UNNAMED.fullmatch(member):
                lines.append(f'static_assert(offsetof(struct {struct}, {member}) == {offset}, '
                             f'"{name}.{member} is at {offset}");')
            if member != "more":
                offset += description.size(kind)
        lines.append(f'static_assert(sizeof(struct {struct}) == {offset}, '
                     f'"{name} has {offset} bytes");')
    for name in sorted(description.constants()):
        lines.append(f"const unsigned long long value_of_{name} = {name};")
    return "\n".join(lines) + "\n"


def described(header: str, description: Description) -> list[str]:
    """What the header has and the description has not."""
    names = re.findall(r"^\t(BUSMASTER_\w+) = ", header, re.MULTILINE)
    names += re.findall(r"^#define (BUSMASTER_IOC_\w+) ", header, re.MULTILINE)
    return [name for name in names if name not in description.constants()]


def main() -> int:
    """Compares; the compiler says what differs."""
    description = Description(DESCRIPTION.read_text(encoding="utf-8"))
    header = HEADER.read_text(encoding="utf-8")
    structs = {"io_uring_sqe", *re.findall(r"^struct (\w+) \{", header, re.MULTILINE)}
    if missing := described(header, description):
        print(f"{DESCRIPTION.name}: not described: {' '.join(missing)}")
        return 1
    command = ["cc", "-std=gnu11", "-fsyntax-only", f"-I{HEADER.parents[1]}", "-x", "c", "-"]
    done = subprocess.run(command, input=program(description, structs), text=True, check=False)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
