# SPDX-License-Identifier: GPL-2.0-only
"""Does a trace tell the story of a transfer that is known? In which order, and with which bytes on which wire.

What is expected comes from the contract of driver and device, and from tests/lesson/theory.py, which knows no code of theirs.
"""

import re
from typing import Iterator, NamedTuple

from record import LINK
from rules import ps
from theory import FRAMING, HEADER

Cases = Iterator[tuple[bool, str, str]]  # right? what; how it is


class Span(NamedTuple):
    """A span or an instant, with the names of where it is."""
    group: str
    lane: str
    name: str
    category: str
    begin: int  # ps
    end: int
    args: dict


def spans(trace: dict) -> list[Span]:
    """All of a trace."""
    events = trace["traceEvents"]
    groups = {event["pid"]: event["args"]["name"] for event in events if event["name"] == "process_name"}
    lanes = {(event["pid"], event["tid"]): event["args"]["name"] for event in events if event["name"] == "thread_name"}
    return [Span(groups[event["pid"]], lanes[event["pid"], event["tid"]], event["name"], event["cat"], ps(event["ts"]),
                 ps(event["ts"]) + ps(event.get("dur", 0)), event["args"]) for event in events if event["ph"] in "Xi"]


class Transfer:
    """The commands that a line of the plan has caused."""

    def __init__(self, trace: dict, line: str) -> None:
        everything = spans(trace)
        self.line = line
        self.what, self.size, self.depth = re.fullmatch(r"transfer (\w+) (\d+) (\d+)", line).groups()
        self.size, self.depth = int(self.size), int(self.depth)
        around = next(span for span in everything if span.category == "command" and span.name == line)
        self.spans = [span for span in everything
                      if around.begin <= span.begin and span.end <= around.end and span != around]
        self.bound = trace["otherData"]["clock_bound_ns"] * 1000
        name = {"read": "pread64", "write": "pwrite64"}[self.what] if self.depth == 1 else "io_uring_enter"
        self.call = next(span for span in self.spans if span.category == "syscall" and span.name == name)
        self.transfers = [span for span in self.spans if span.category == "transfer"]

    def inside(self, outer: Span, category: str) -> list[Span]:
        """The parts of a span, in its lane."""
        return sorted((span for span in self.spans if (span.group, span.lane, span.category) == (outer.group, outer.lane, category)
                       and outer.begin <= span.begin and span.end <= outer.end), key=lambda span: (span.begin, span.end))

    def nearest(self, group: str, category: str, *, before: int | None = None, after: int | None = None,
                name: str = "") -> float:
        """When something was that has no command: the last before a time, or the first after it."""
        times = [span.begin for span in self.spans if span.group == group and span.category == category and name in span.name]
        if before is not None:
            return max((time for time in times if time <= before + self.bound), default=-1)
        return min((time for time in times if time >= after - self.bound), default=float("inf"))

    def steps(self, transfer: Span) -> list[tuple[str, float]]:
        """What happens to a command, in the order in which it has to."""
        stages = {span.name: span for span in self.inside(transfer, "stage")}
        work = next(span for span in self.spans if span.category == "work" and span.name == transfer.name)
        states = self.inside(work, "state")
        posted = next(span.begin for span in self.spans
                      if span.category == "posted" and transfer.name.endswith(f" tag {span.args['tag']}"))
        rung = self.nearest("driver", "doorbell", after=stages["in flight"].begin, name="SQ_TAIL")
        return [
            ("the system call begins", self.call.begin), ("bm_map", transfer.begin), ("bm_submit", stages["in flight"].begin),
            ("bm_doorbell", rung), ("the device is written to", self.nearest("device", "doorbell", after=rung)),
            ("fetched", self.nearest("device", "fetch", before=work.begin)), ("REQ_BUS", work.begin),
            *((span.name, span.begin) for span in states), ("posted", posted),
            ("the vector", self.nearest("device", "vector", after=posted)),
            ("bm_reap", stages["unmap"].begin), ("bm_unmap", stages["complete"].begin), ("bm_complete", transfer.end),
            ("the system call ends", self.call.end),
        ]

    def order(self) -> Cases:
        """Each step comes after the one before, as far as two clocks can tell."""
        yield len(self.transfers) == self.depth, f"{self.line}: {self.depth} commands", f"{len(self.transfers)}"
        for transfer in self.transfers:
            steps = self.steps(transfer)
            if self.depth > 1:  # its answer may be taken by the handler of an interrupt that came for another one before
                steps = [step for step in steps if step[0] != "the vector"]
            late = [f"{name} at {now / 1e6:.3f} us, {after} at {then / 1e6:.3f}"
                    for (name, now), (after, then) in zip(steps, steps[1:]) if now > then + self.bound]
            what = f"{self.line}: {transfer.name}: each step after the one before"
            yield not late, what, "; ".join(late) or f"{len(steps)} steps"

    def data(self, name: str) -> list[Span]:
        """TLPs of this kind that are for data: not for rings and lists."""
        return [span for span in self.spans if span.category == "TLP" and span.name == name
                and span.args["whose"] in {transfer.name for transfer in self.transfers}]

    def bytes(self, name: str) -> float:
        """What these have taken of their wire: bytes, by the time that they took."""
        return sum(span.end - span.begin for span in self.data(name)) / 1000 * LINK.rate

    def wires(self) -> Cases:
        """The bytes of all TLPs, headers and framing included, on the wire that they have to be on, and none on the other."""
        size = self.size * self.depth
        requests = size / LINK.request * (HEADER + FRAMING)
        want = {"MWr": LINK.written(size) * LINK.rate if self.what == "read" else 0,
                "MRd": requests if self.what == "write" else 0,
                "CplD": LINK.answered(size) * LINK.rate if self.what == "write" else 0}
        for name, wanted in want.items():
            is_ = self.bytes(name)
            yield abs(is_ - wanted) < 2, f"{self.line}: bytes of {name} are theory's", f"{is_:,.1f}, theory says {wanted:,.1f}"
        wrong = [span.name for span in self.spans
                 if span.category == "TLP" and span.lane.startswith("down") != (span.name == "CplD")]
        yield not wrong, f"{self.line}: what was asked for comes down, all else goes up", f"{wrong}"

    def counts(self) -> Cases:
        """How many TLPs those are."""
        want = {"read": ("MWr", self.size // LINK.payload), "write": ("CplD", self.size // LINK.payload)}
        name, wanted = want[self.what]
        is_ = sum(span.args["TLPs"] for span in self.data(name))
        yield is_ == wanted * self.depth, f"{self.line}: {wanted * self.depth} TLPs of {name}", f"{is_}"


def judge(trace: dict, line: str) -> Cases:
    """All about a line of the plan."""
    transfer = Transfer(trace, line)
    yield from transfer.order()
    yield from transfer.wires()
    yield from transfer.counts()
