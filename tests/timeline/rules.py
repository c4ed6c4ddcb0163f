# SPDX-License-Identifier: GPL-2.0-only
"""Does a trace hold to the trace-event format? Nothing here knows what is in it, or how it was made.

What is not said by the format, but what its readers rely on: spans of a lane lie beside each other or one in the other.
"""

from collections import defaultdict
from typing import Iterator

NUMBERS = {"ts", "dur", "pid", "tid", "id"}
NEEDS = {  # by kind
    "M": {"name", "pid", "args"}, "X": {"name", "pid", "tid", "ts", "dur"}, "B": {"name", "pid", "tid", "ts"},
    "E": {"pid", "tid", "ts"}, "i": {"name", "pid", "tid", "ts", "s"},
    "s": {"name", "pid", "tid", "ts", "id", "cat"}, "t": {"name", "pid", "tid", "ts", "id", "cat"},
    "f": {"name", "pid", "tid", "ts", "id", "cat"},
}
Span = tuple[int, int, str]  # from, until, name


def ps(microseconds: float) -> int:
    """A time without a fraction."""
    return round(microseconds * 1e6)


def fields(events: list[dict]) -> Iterator[str]:
    """Each event has what its kind needs, and numbers are numbers."""
    for event in events:
        kind = event.get("ph")
        if kind not in NEEDS:
            yield f"no kind of event: {event}"
        elif lacks := NEEDS[kind] - event.keys():
            yield f"without {', '.join(sorted(lacks))}: {event}"
        elif odd := [key for key in NUMBERS & event.keys() if type(event[key]) not in (int, float)]:
            yield f"no number: {', '.join(odd)}: {event}"
        elif event.get("ts", 0) < 0 or event.get("dur", 0) < 0:
            yield f"before the beginning, or ends before it begins: {event}"


def named(events: list[dict]) -> Iterator[str]:
    """Processes and threads have names."""
    have = {(event["name"], event["pid"], event.get("tid")) for event in events if event["ph"] == "M"}
    for pid, tid in sorted({(event["pid"], event["tid"]) for event in events if event["ph"] != "M"}):
        if ("process_name", pid, None) not in have:
            yield f"process {pid} has no name"
        if ("thread_name", pid, tid) not in have:
            yield f"thread {tid} of process {pid} has no name"


def spans(events: list[dict]) -> tuple[dict[tuple[int, int], list[Span]], list[str]]:
    """The spans of each lane, and what is wrong with their begins and ends."""
    lanes, wrong, opened = defaultdict(list), [], defaultdict(list)
    for event in events:
        lane = event["pid"], event.get("tid", 0)
        if event["ph"] == "X":
            lanes[lane].append((ps(event["ts"]), ps(event["ts"]) + ps(event["dur"]), event["name"]))
        elif event["ph"] == "B":
            opened[lane].append(event)
        elif event["ph"] == "E":
            if not opened[lane] or opened[lane][-1]["ts"] > event["ts"]:
                wrong.append(f"an end without a beginning: {event}")
            else:
                begin = opened[lane].pop()
                lanes[lane].append((ps(begin["ts"]), ps(event["ts"]), begin["name"]))
    wrong += [f"a beginning without an end: {event}" for lane in opened.values() for event in lane]
    return lanes, wrong


def nested(lanes: dict[tuple[int, int], list[Span]]) -> Iterator[str]:
    """No two spans of a lane overlap, unless one is in the other."""
    for lane, found in lanes.items():
        around: list[Span] = []
        for span in sorted(found, key=lambda span: (span[0], -span[1])):
            while around and around[-1][1] <= span[0]:
                around.pop()
            if around and around[-1][1] < span[1]:
                yield f"lane {lane}: {span} overlaps {around[-1]}"
            around.append(span)


def flows(events: list[dict], lanes: dict[tuple[int, int], list[Span]]) -> Iterator[str]:
    """Each arrow has one beginning and one end, goes forward, and is at a span wherever it is."""
    arrows = defaultdict(list)
    for event in events:
        if event["ph"] in "stf":
            arrows[event["cat"], event["name"], event["id"]].append(event)
            if not any(begin <= ps(event["ts"]) <= end for begin, end, _ in lanes.get((event["pid"], event["tid"]), ())):
                yield f"an arrow at no span: {event}"
    for key, steps in arrows.items():
        kinds = "".join(step["ph"] for step in sorted(steps, key=lambda step: (step["ts"], "stf".index(step["ph"]))))
        if not (kinds[0] == "s" and kinds[-1] == "f" and set(kinds[1:-1]) <= {"t"} and len(kinds) > 1):
            yield f"arrow {key} goes {kinds}"


def judge(trace: dict) -> list[str]:
    """What is wrong with a trace; nothing, if it is right."""
    events = trace.get("traceEvents")
    if not isinstance(events, list) or not events:
        return ["no events"]
    if wrong := list(fields(events)):
        return wrong
    lanes, wrong = spans(events)
    return [*named(events), *wrong, *nested(lanes), *flows(events, lanes)]
