# SPDX-License-Identifier: GPL-2.0-only
"""KTAP in and out: flatten what a guest prints, number what a suite reports.

A guest prints KTAP documents one after the other, some of them nested (KUnit's are),
between control lines of its own shell library. A reader of results wants one line a
case. So Reader turns the stream into (ok, name, notes) cases, and Report writes them
as one subtest a boot, numbered, as they come.

The control lines, printed by tests/vm/guest/lib.sh and tests/vm/init:
  #bm begin NAME         a program starts; what it prints is one KTAP document
  #bm end NAME STATUS    it ended, with this exit status
  #bm done STATUS        the guest script ended, with this exit status
"""

import re
from typing import Iterable, Iterator, NamedTuple

VERSION = re.compile(r"\s*(?:KTAP|TAP) version (\d+)$")
SUBTEST = re.compile(r"\s*# Subtest: (.*)$")
PLAN = re.compile(r"\s*1\.\.(\d+)")
RESULT = re.compile(r"\s*(ok|not ok) (\d+) ?(?:- )?([^#]*?)(?: # .*)?$")
CONTROL = re.compile(r"#bm (begin|end|done) ?(.*?) ?(\d*)$")


class Case(NamedTuple):
    """One test case: did it pass, what is it, and what was said before its result."""
    ok: bool
    name: str
    notes: list[str]


class Level:
    """One KTAP document, or one subtest within it."""

    def __init__(self) -> None:
        self.name = ""
        self.planned: int | None = None
        self.seen = 0
        self.failed = 0


class Reader:
    """Turns a guest's result stream into cases; every promise that is broken is a case, too."""

    def __init__(self) -> None:
        self.levels: list[Level] = []
        self.program = ""
        self.notes: list[str] = []
        self.status: int | None = None  # of the whole guest script, once it is done

    def feed(self, line: str) -> Iterator[Case]:
        """Takes one line and yields the cases that it completes."""
        line = line.rstrip("\r\n")
        if control := CONTROL.match(line):
            yield from self._control(*control.groups())
        elif VERSION.match(line):
            self.levels.append(Level())
        elif subtest := SUBTEST.match(line):
            if not self.levels or self.levels[-1].name or self.levels[-1].seen:
                self.levels.append(Level())
            self.levels[-1].name = subtest[1]
        elif (plan := PLAN.match(line)) and self.levels:
            self.levels[-1].planned = int(plan[1])
        elif result := RESULT.match(line):
            yield from self._result(result[1] == "ok", int(result[2]), result[3])
        elif line.strip():
            self.notes.append(line.strip())

    def _case(self, ok: bool, name: str, *notes: str) -> Case:
        path = [self.program] + [level.name for level in self.levels] + [name]
        case = Case(ok, ": ".join(filter(None, path)), self.notes + list(notes))
        self.notes = []
        return case

    def _result(self, ok: bool, number: int, name: str) -> Iterator[Case]:
        if not self.levels:  # the shell library's own checks: it keeps no numbers
            yield self._case(ok, name)
            return
        level = self.levels[-1]
        if level.name and name == level.name:
            yield from self._leave(ok)
            return
        level.seen += 1
        level.failed += not ok
        if number != level.seen:
            ok = False
            self.notes.append(f"numbered {number}, expected {level.seen}")
        yield self._case(ok, name)

    def _leave(self, ok: bool) -> Iterator[Case]:
        """Ends the innermost subtest; says so only where its cases do not explain its result."""
        level = self.levels[-1]
        if level.seen == 0 or level.planned not in (None, level.seen):
            yield self._case(False, "keeps its plan", f"planned {level.planned}, saw {level.seen}")
        elif not ok and not level.failed:
            yield self._case(False, "passes as a whole", "failed, though no case of it did")
        self.levels.pop()
        if self.levels:
            self.levels[-1].seen += 1
            self.levels[-1].failed += not ok

    def _control(self, verb: str, name: str, status: str) -> Iterator[Case]:
        if verb == "begin":
            self.program, self.levels = f"{name} {status}".strip(), []
        elif verb == "end":
            yield from self._end_program(int(status or 1))
        else:
            self.status = int(status or 1)

    def _end_program(self, status: int) -> Iterator[Case]:
        level = self.levels[0] if self.levels else Level()
        kept = level.seen and level.planned == level.seen and len(self.levels) == 1
        if not kept or (status and not level.failed):
            self.levels = []
            yield self._case(False, "runs to its end", f"exit status {status}, "
                             f"planned {level.planned}, saw {level.seen} cases")
        self.program, self.levels, self.notes = "", [], []


class Report:
    """Writes a suite's KTAP: a plan of subtests, a boot each as a rule, of numbered cases."""

    def __init__(self, out, planned: int) -> None:
        self.out = out
        self.number = 0
        self.failed = 0
        self._print(f"KTAP version 1\n1..{planned}")

    def _print(self, text: str) -> None:
        print(text, file=self.out, flush=True)

    def subtest(self, name: str, cases: Iterable[Case]) -> None:
        """Writes one subtest: each case as it comes, its notes before it as the kernel's parser wants them."""
        self.number += 1
        count, bad = 0, False
        self._print(f"    KTAP version 1\n    # Subtest: {name}")
        for count, case in enumerate(cases, 1):
            bad |= not case.ok
            for note in case.notes:
                self._print(f"    # {note.removeprefix('# ')}")
            self._print(f"    {'ok' if case.ok else 'not ok'} {count} - {case.name.replace('#', 'no. ')}")
        bad |= not count
        self.failed += bad
        self._print(f"{'not ok' if bad else 'ok'} {self.number} - {name}")
