# SPDX-License-Identifier: GPL-2.0-only
"""Proves the judges of a trace: faults are planted in one that is right, and each must be found."""

import copy
from typing import Callable, Iterator

import rules
import story


def first(events: list[dict], kind: str, **has) -> dict:
    """The first event of a kind that has this."""
    return next(event for event in events if event["ph"] == kind and all(event.get(key) == value for key, value in has.items()))


def drop(kind: str, **has) -> Callable[[list[dict]], None]:
    """An event less."""
    return lambda events: events.remove(first(events, kind, **has))


def change(kind: str, key: str, value: object, **has) -> Callable[[list[dict]], None]:
    """An event is another."""
    return lambda events: first(events, kind, **has).update({key: value})


def move(by: float, *kinds: str, **has) -> Callable[[list[dict]], None]:
    """Events are at another time, in us."""
    def do(events: list[dict]) -> None:
        for event in events:
            if event["ph"] in kinds and all(event.get(key) == value for key, value in has.items()):
                event["ts"] = max(0, event["ts"] + by)
    return do


def stretch(by: float, **has) -> Callable[[list[dict]], None]:
    """A span is longer."""
    def do(events: list[dict]) -> None:
        first(events, "X", **has)["dur"] += by
    return do


def lose(name: str) -> Callable[[list[dict]], None]:
    """A TLP of a command's data less."""
    def do(events: list[dict]) -> None:
        commands = {event["name"] for event in events if event.get("cat") == "transfer"}
        events.remove(next(event for event in events if event["name"] == name and event["args"]["whose"] in commands))
    return do


def beside(events: list[dict]) -> None:
    """What came down the link, goes up."""
    event = first(events, "X", name="CplD")
    event["tid"] = first(events, "X", name="MRd")["tid"]


FORMAT = {
    "a kind that there is not": change("X", "ph", "Y", cat="TLP"),
    "a time that is text": change("i", "ts", "1", cat="fetch"),
    "a span that ends before it begins": change("X", "dur", -1, cat="TLP"),
    "a beginning without an end": change("X", "ph", "B", cat="TLP"),
    "an end without a beginning": change("X", "ph", "E", cat="TLP"),
    "a span that ends after what is around it": stretch(50, name="in flight"),
    "a lane without a name": drop("M", name="thread_name"),
    "a process without a name": drop("M", name="process_name"),
    "an arrow that never ends": drop("f"),
    "an arrow that never begins": drop("s"),
    "an arrow at no span": move(-1e9, "t"),
}
STORY = {
    "fetched before the doorbell": move(-5, "i", cat="fetch"),
    "no doorbell": drop("i", cat="doorbell", name="SQ_TAIL", pid=2),
    "an interrupt that never came": drop("i", cat="vector"),
    "a completion that came before the data": move(-50, "i", cat="posted"),
    "a TLP of what is written too few": lose("MWr"),
    "a TLP of what is read too few": lose("CplD"),
    "an answer on the wrong wire": beside,
    "a device whose clock is 2 us off": move(2, *"Xist", pid=3),
    "a kernel whose clock is 2 us off": move(2, *"Xisf", pid=2),
}


def cases(trace: dict, plan: list[str]) -> Iterator[tuple[bool, str, str]]:
    """Each fault, alone."""
    for name, plant in FORMAT.items():
        broken = copy.deepcopy(trace)
        plant(broken["traceEvents"])
        found = rules.judge(broken)
        yield bool(found), f"found: {name}", f"{found[:1]}"
    for name, plant in STORY.items():
        broken = copy.deepcopy(trace)
        plant(broken["traceEvents"])
        found = [what for line in plan for right, what, _ in story.judge(broken, line) if not right]
        yield bool(found), f"found: {name}", f"{found[:1]}"
