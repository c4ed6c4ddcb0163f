# SPDX-License-Identifier: GPL-2.0-only
"""Reads what QEMU's trace says of the device: events of its log, a line each, with the machine's virtual time."""

import re
from typing import Iterable, NamedTuple

# What is listened to, and its words: see trace-events
EVENTS = {name: re.compile(rf"\bbusmaster_{name} {words}") for name, words in {
    "write": r"addr 0x(?P<addr>\w+) size \d+ value 0x(?P<value>\w+), at (?P<ns>\d+) ns",
    "shadow": r"queue (?P<queue>\d+): sq_tail (?P<tail>\d+), cq_head 0x(?P<head>\w+), at (?P<ns>\d+) ns",
    "fetch": r"queue (?P<queue>\d+): from entry (?P<index>\d+), (?P<count>\d+) submissions at 0x(?P<addr>\w+), at (?P<ns>\d+) ns",
    "state": r"queue (?P<queue>\d+) tag (?P<tag>\d+): (?P<was>\w+) -> (?P<state>\w+), (?P<done>\d+) of (?P<length>\d+) bytes, "
             r"at (?P<ns>\d+) ns",
    "dma": r"queue (?P<queue>\d+) tag (?P<tag>\d+): (?P<what>read|write) 0x(?P<addr>\w+) length (?P<length>\d+)",
    "link": r"(?P<tlp>MRd|MWr|CplD) 0x(?P<addr>\w+) length (?P<length>\d+): (?P<begin>\d+) to (?P<end>\d+) ps",
    "complete": r"queue (?P<queue>\d+): entry (?P<index>\d+), tag (?P<tag>\d+), status 0x(?P<status>\w+), info 0x(?P<info>\w+), "
                r"at (?P<ns>\d+) ns",
    "irq": r"vector (?P<vector>\d+), at (?P<ns>\d+) ns",
}.items()}
HEX = ("addr", "value", "head", "status", "info")
WORDS = ("was", "state", "what", "tlp")


class Step(NamedTuple):
    """One event."""
    name: str
    fields: dict[str, int | str]

    @property
    def ps(self) -> int | None:
        """When it was, in picoseconds of virtual time; where it has two times, the first. A mapping has none: it goes with what
        is next."""
        return self.fields.get("begin", self.fields["ns"] * 1000 if "ns" in self.fields else None)


def value(key: str, text: str) -> int | str:
    """A field as it is meant."""
    return text if key in WORDS else int(text, 16 if key in HEX else 10)


def steps(log: Iterable[str]) -> list[Step]:
    """All events of a log that are known here, in its order."""
    found = []
    for line in log:
        for name, pattern in EVENTS.items():
            if match := pattern.search(line):
                found.append(Step(name, {key: value(key, text) for key, text in match.groupdict().items()}))
                break
    return found
