#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""make timeline: what a guest does, from the system call to the wire and back, on one axis of time.

RUN= is a command that the guest's shell runs; by default, a write and a read of 64 KiB alone, then eight of each.
"""

import json
import os
import sys
from pathlib import Path

from lanes import build
from record import guest, parts, record

TIMELINE = Path(__file__).resolve().parent
OUT = parts.BUILD / "timeline"
SIZE = 64 << 10
PLAN = [f"transfer {what} {SIZE} {depth}" for depth in (1, 8) for what in ("write", "read")]
HERE = "/* the trace goes here */"  # in the page


def page_of(trace: dict) -> str:
    """The trace as a page of its own: no other file, and no network."""
    data = json.dumps(trace, separators=(",", ":")).replace("</", "<\\/")
    return (TIMELINE / "page.html").read_text(encoding="utf-8").replace(HERE, f"const trace = {data};", 1)


def main() -> int:
    """Records, and writes both files."""
    plan = [os.environ["RUN"]] if os.environ.get("RUN") else PLAN
    print(f"timeline: a boot, a minute or so, in which the guest runs: {'; '.join(plan)}", file=sys.stderr)
    trace = build(record(guest(plan, OUT)))
    (OUT / "timeline.json").write_text(json.dumps(trace) + "\n", encoding="utf-8")
    (OUT / "timeline.html").write_text(page_of(trace), encoding="utf-8")
    print(f"{OUT / 'timeline.html'}: for any browser\n{OUT / 'timeline.json'}: for ui.perfetto.dev or chrome://tracing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
