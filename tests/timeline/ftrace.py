# SPDX-License-Identifier: GPL-2.0-only
"""Reads the kernel's trace as it is in the ring buffer, with all of a nanosecond's digits: the text has microseconds.

What a page holds is in the kernel's events/header_page and header_event, what an event holds in its format file.
"""

import re
import struct
from typing import Iterator, NamedTuple

PAGE = 4096
HEADER = 16  # of a page: its time, and how much of it is used
USED = 0xfffff  # of that word: above are flags
PADDING, EXTEND, STAMP = 29, 30, 31  # kinds of entries that are no events
KEPT = 0xf8 << 56  # bits of a time that a STAMP has no room for

NAME = re.compile(r"^name: (\w+)$", re.MULTILINE)
NUMBER = re.compile(r"^ID: (\d+)$", re.MULTILINE)
FIELD = re.compile(r"^\tfield:(.*?)(\w+)(\[.*?\])?;\toffset:(\d+);\tsize:(\d+);\tsigned:([01]);$", re.MULTILINE)


class Event(NamedTuple):
    """One event."""
    name: str
    time: int  # ns of the trace's clock
    fields: dict[str, int | str | list[int]]

    @property
    def pid(self) -> int:
        """Of the thread that ran."""
        return self.fields["common_pid"]


class Field(NamedTuple):
    """A member of an event."""
    name: str
    offset: int
    size: int
    signed: bool
    kind: str
    array: bool

    def value(self, data: bytes) -> int | str | list[int]:
        """What it is in an event."""
        if self.array and self.kind == "char":
            return data[self.offset:self.offset + self.size if self.size else None].split(b"\0", 1)[0].decode("utf-8", "replace")
        size = 8 if self.array else self.size
        numbers = [int.from_bytes(data[at:at + size], "little", signed=self.signed)
                   for at in range(self.offset, self.offset + self.size, size)]
        return numbers if self.array else numbers[0]


def formats(text: str) -> dict[int, tuple[str, list[Field]]]:
    """Format files, one after the other: an event's name and fields by its number."""
    found = {}
    for part in re.split(r"^(?=name: )", text, flags=re.MULTILINE)[1:]:
        fields = [Field(name, int(offset), int(size), signed == "1", kind.strip(), bool(array))
                  for kind, name, array, offset, size, signed in FIELD.findall(part)]
        found[int(NUMBER.search(part)[1])] = (NAME.search(part)[1], fields)
    return found


def entries(page: bytes) -> Iterator[tuple[int, bytes]]:
    """The events of a page, with their times."""
    time, used = struct.unpack_from("<QQ", page)
    at, end = HEADER, HEADER + (used & USED)
    while at < end:
        head, = struct.unpack_from("<I", page, at)
        kind, delta = head & 31, head >> 5
        more = struct.unpack_from("<I", page, at + 4)[0] if at + 8 <= len(page) else 0
        if kind == PADDING and not delta:
            return
        if kind == STAMP:
            time, at = time & KEPT | more << 27 | delta, at + 8
        elif kind == EXTEND:
            time, at = time + (more << 27) + delta, at + 8
        else:
            time += delta
            begin, size = (at + 4, 4 * kind) if 0 < kind < PADDING else (at + 8, more - 4)
            if kind != PADDING:
                yield time, page[begin:begin + size]
            at = begin + size


def events(raw: bytes, text: str) -> list[Event]:
    """All events of a ring buffer."""
    known = formats(text)
    found = []
    for at in range(0, len(raw), PAGE):
        for time, data in entries(raw[at:at + PAGE]):
            name, fields = known[int.from_bytes(data[:2], "little")]
            found.append(Event(name, time, {field.name: field.value(data) for field in fields}))
    return found
