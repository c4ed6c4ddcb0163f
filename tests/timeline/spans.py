# SPDX-License-Identifier: GPL-2.0-only
"""A trace in the trace-event format: processes that are groups of lanes, lanes that are their threads, spans, instants, flows.

Times are picoseconds here, and microseconds in the file, as the format has it.
"""

from typing import Hashable

GROUPS = ("program", "driver", "device", "link")  # from top to bottom


class Trace:
    """What has been put into it."""

    def __init__(self, meaning: dict[str, str], other: dict[str, float]) -> None:
        self.top = {"displayTimeUnit": "ns", "otherData": other, "meaning": meaning}
        self.events: list[dict] = []
        self.lanes: dict[tuple[str, str], int] = {}
        self.busy: dict[tuple[str, str], int] = {}  # until when, of lanes that are shared
        self.flows: dict[Hashable, int] = {}

    def _event(self, group: str, lane: str, kind: str, now: int, **more) -> None:
        tid = self.lanes.setdefault((group, lane), len(self.lanes) + 1)
        self.events.append({"ph": kind, "pid": GROUPS.index(group) + 1, "tid": tid, "ts": now / 1e6, **more})

    def free(self, group: str, lane: str, begin: int, end: int) -> str:
        """The first of the lanes of this name that has room."""
        number = 1
        while self.busy.get((group, name := f"{lane} ({number})" if number > 1 else lane), 0) > begin:
            number += 1
        self.busy[group, name] = end
        return name

    def span(self, group: str, lane: str, name: str, begin: int, end: int, category: str, **args) -> None:
        """Something that takes time."""
        self._event(group, lane, "X", begin, dur=(end - begin) / 1e6, name=name, cat=category, args=args)

    def instant(self, group: str, lane: str, name: str, now: int, category: str, **args) -> None:
        """Something that takes none."""
        self._event(group, lane, "i", now, name=name, cat=category, s="t", args=args)

    def flow(self, group: str, lane: str, key: Hashable, now: int, kind: str) -> None:
        """An arrow begins (s), passes (t) or ends (f) at the span that is there. The same key: the same arrow."""
        number = self.flows.setdefault(key, len(self.flows) + 1)
        self._event(group, lane, kind, now, id=number, name="command", cat="flow", **({"bp": "e"} if kind == "f" else {}))

    def _names(self) -> list[dict]:
        found = [{"ph": "M", "pid": number, "name": what, "args": {key: value}}
                 for number, group in enumerate(GROUPS, 1)
                 for what, key, value in (("process_name", "name", group), ("process_sort_index", "sort_index", number))]
        # Lanes by their first event, but those of the same name together
        order = sorted(self.lanes, key=lambda lane: lane[1])
        return found + [{"ph": "M", "pid": GROUPS.index(lane[0]) + 1, "tid": self.lanes[lane], "name": what, "args": {key: value}}
                        for number, lane in enumerate(order)
                        for what, key, value in (("thread_name", "name", lane[1]), ("thread_sort_index", "sort_index", number))]

    def whole(self) -> dict:
        """The file. What encloses comes before what is enclosed."""
        events = sorted(self.events, key=lambda event: (event["ts"], -event.get("dur", 0)))
        return {"traceEvents": self._names() + events, **self.top}
