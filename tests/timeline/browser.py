#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Looks at the page with Chromium, without a screen: does it draw what is in the trace, and do zoom, pan and hover work?

usage: browser.py [PAGE.html], which draws the picture of the README from it: the first read of the default plan
"""

import html.parser
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Iterator, NamedTuple

TIMELINE = Path(__file__).resolve().parent
sys.path.insert(0, str(TIMELINE))

import story  # noqa: E402
from record import parts  # noqa: E402
from timeline import OUT, PLAN  # noqa: E402

PICTURE = TIMELINE / "timeline.svg"
LINE = PLAN[1]  # a read alone
SECONDS = 120  # against a hang
MARGIN = 2e6  # ps that are shown around the system call

# What a hand would do, and what is seen then
TOUCH = """
<pre id="touched"></pre><script>
function mouse(kind, target, px, more) {
  const Kind = kind === "wheel" ? WheelEvent : MouseEvent;
  target.dispatchEvent(new Kind(kind, {bubbles: true, clientX: px, clientY: 300, ...more}));
}
const seen = {whole: until - from};
mouse("mousemove", document.querySelector('[data-name="pread64"]'), 500);
seen.tip = tip.textContent; seen.shown = tip.style.display;
mouse("wheel", view, 600, {deltaY: -100});
seen.zoomed = until - from; seen.before = from;
mouse("mousedown", view, 600); mouse("mousemove", view, 500); mouse("mouseup", window, 500);
seen.after = from;
mouse("dblclick", view, 600);
seen.all = [from, until === last];
document.getElementById("touched").textContent = JSON.stringify(seen);
</script>
"""


class Mark(NamedTuple):
    """A span as it is drawn."""
    name: str
    category: str
    x: float
    y: float


class Drawing(html.parser.HTMLParser):
    """The spans in a page's document."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.marks: list[Mark] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A rectangle is a span, and a path an instant."""
        has = dict(attrs)
        if "data-i" in has:
            x, y = (has["x"], has["y"]) if tag == "rect" else re.match(r"M([\d.]+) ([\d.]+)", has["d"]).groups()
            self.marks.append(Mark(has["data-name"], has["data-cat"], float(x), float(y)))


def look(page: Path, part: str = "") -> tuple[str, list[str]]:
    """The page's document once its scripts have run, and what the browser's console says."""
    parts.script("deps.sh", "browser")
    with tempfile.TemporaryDirectory() as profile:
        errors = Path(profile) / "errors"
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}/profile",
                   "--window-size=1200,900", "--enable-logging=stderr", "--dump-dom", f"file://{page}{part}"]
        document = parts.quietly(["timeout", str(SECONDS), "sh", "-c", 'exec "$@" 2>"$0"', str(errors), *command])
        said = [line for line in errors.read_text(encoding="utf-8", errors="replace").splitlines() if "CONSOLE" in line]
    return document, said


def window(transfer: story.Transfer) -> str:
    """The part of the address that shows a transfer."""
    return f"#{(transfer.call.begin - MARGIN) / 1e6},{(transfer.call.end + MARGIN) / 1e6}"


def order(drawing: Drawing) -> Iterator[str]:
    """What is wrong with the picture of a read: what has to be there, from left to right."""
    steps = [("pread64", "syscall"), (None, "transfer"), ("in flight", "stage"), ("SQ_TAIL", "doorbell"), (None, "work"),
             ("fetch", "fetch"), ("WAIT_GRANT", "state"), ("MWr", "TLP"), ("posted", "posted"), (None, "vector"),
             ("unmap", "stage"), ("complete", "stage")]
    before = 0.0
    for name, category in steps:
        # Of the link's, the last: the first ones are rings
        drawn = [mark.x for mark in drawing.marks if mark.category == category and name in (None, mark.name)]
        if not drawn:
            yield f"no {name or category}"
            continue
        now = max(drawn) if category == "TLP" else min(drawn)
        if now < before - 1:  # a pixel
            yield f"{name or category} is left of what is before it: {now} and {before}"
        before = now


def touched(page: Path) -> dict:
    """What a hand sees that hovers, zooms and pans."""
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "touch.html"
        copy.write_text(page.read_text(encoding="utf-8").replace("</html>", TOUCH + "</html>"), encoding="utf-8")
        document, _ = look(copy)
    found = re.search(r'<pre id="touched">(.+?)</pre>', document, re.DOTALL)
    return json.loads(html.unescape(found[1])) if found else {}


def judge(page: Path, trace: dict) -> Iterator[tuple[bool, str, str]]:
    """All about the page."""
    transfer = story.Transfer(trace, LINE)
    document, said = look(page, window(transfer))
    yield not said, "the browser's console is silent", "\n".join(said)
    outside = re.findall(r"(?:src|href)=|url\(|fetch\(|import\b|https?://(?!www\.w3\.org/)[^\s\"]*",
                         page.read_text(encoding="utf-8"))
    yield not outside, "the page asks for nothing else", f"{outside}"
    drawing = Drawing(document)
    wrong = list(order(drawing))
    yield not wrong, "a read is drawn in its order", "; ".join(wrong) or f"{len(drawing.marks)} spans"
    seen = touched(page)
    hovered = all(word in seen.get("tip", "") for word in ("pread64", "A system call of the program", "result: 65536"))
    yield hovered and seen["shown"] == "block", "who hovers reads what it is", f"{seen.get('tip')}"
    yield bool(seen) and seen["zoomed"] < seen["whole"] * 0.9, "the wheel zooms", f"{seen.get('whole')}, {seen.get('zoomed')}"
    yield bool(seen) and seen["after"] > seen["before"], "who drags pans", f"{seen.get('before')}, {seen.get('after')}"
    yield bool(seen) and seen["all"] == [0, True], "a double click shows all of it", f"{seen.get('all')}"


def main() -> int:
    """Draws the picture."""
    page = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT / "timeline.html"
    trace = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    document, _ = look(page.resolve(), window(story.Transfer(trace, LINE)))
    picture = re.search(r"<svg .*?</svg>", document, re.DOTALL)[0]
    picture = re.sub(r' data-[a-z]+="[^"]*"| pointer-events="none"', "", picture)
    PICTURE.write_text(f"<!-- SPDX-License-Identifier: GPL-2.0-only -->\n{picture}\n", encoding="utf-8")
    print(f"{PICTURE}: {os.path.getsize(PICTURE)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
