# SPDX-License-Identifier: GPL-2.0-only
"""Runs test suites and reports: one line a case while it runs, the counts, what each took, and what failed.

usage: report.py KUNIT_DIR SUITE...

A suite is a program tests/suites/NAME that prints KTAP or TAP on its standard output. The stream is
kept as build/check/NAME/ktap, and read by the parser of the kernel's own kunit.py (KUNIT_DIR is
tools/testing/kunit of a kernel source). Whatever is not a plain pass is a failure: a skipped case, a
stream that breaks its own plan, a suite that stops early.
"""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Iterator, NamedTuple

sys.path.insert(0, sys.argv[1])

import kunit_parser  # noqa: E402
from kunit_printer import Printer  # noqa: E402

PASSED = kunit_parser.TestStatus.SUCCESS
LOG_LINES = 20  # of a failed case that are shown once more at the end

RESULT = re.compile(r"\[(PASSED|FAILED|CRASHED|SKIPPED|NO TESTS RUN)\]")
COLOUR = re.compile(r"\033\[[\d;]*m")


class CasePrinter(Printer):
    """What the parser has to say, without its frame: the time, the rulers, its own summary."""

    def print_with_timestamp(self, message: str) -> None:
        ruler = message.startswith("===")
        message = message.strip("= ")
        result = RESULT.match(COLOUR.sub("", message))
        if ruler and message and not result:
            group = re.sub(r" \(\d+ subtests?\)$", "", message)
            self.print(f"  {group}:")
        elif not ruler and "Testing complete." not in message:
            self.print(f"    {message}")
        self._output.flush()


class Outcome(NamedTuple):
    """What came of a suite, and what it took."""
    suite: str
    passed: int
    failed: list[str]
    prepared: float  # seconds until it began to report: what it needs was fetched and built
    ran: float

    @property
    def took(self) -> float:
        """Seconds in all."""
        return self.prepared + self.ran

    @property
    def counts(self) -> str:
        """As the last line has them."""
        return f"{self.passed} passed, {len(self.failed)} failed"


class Suite:
    """A suite that runs."""

    def __init__(self, name: str, out: Path) -> None:
        self.name = name
        self.out = out
        self.status = 0
        self.start = self.began = time.monotonic()

    def lines(self) -> Iterator[str]:
        """Runs it; yields its lines as they come."""
        with (self.out / "ktap").open("w", encoding="utf-8") as raw:
            with subprocess.Popen([Path("tests/suites") / self.name], stdout=subprocess.PIPE,
                                  stdin=subprocess.DEVNULL, encoding="utf-8",
                                  errors="backslashreplace") as process:
                for number, line in enumerate(process.stdout):
                    if not number:
                        self.began = time.monotonic()
                    raw.write(line)
                    raw.flush()
                    yield line
            self.status = process.returncode


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{round(seconds) // 60}:{round(seconds) % 60:02}"


def failures(test, path: str = "") -> Iterator[str]:
    """Names what did not pass, and what it said: cases, and groups all of whose cases passed."""
    found = False
    for number, case in enumerate(test.subtests, 1):
        for name in failures(case, case.name or f"case {number}, which never came"):
            found = True
            yield f"{path}: {name}" if path else name
    if not found and path and test.status != PASSED:
        yield "\n    ".join([path, *map(str.strip, test.log[:LOG_LINES])])


def passes(test) -> int:
    """Counts the cases that passed; a group is no case."""
    if test.subtests:
        return sum(passes(case) for case in test.subtests)
    return int(test.status == PASSED)


def run(name: str) -> Outcome:
    """Runs one suite and shows its cases."""
    out = Path("build/check") / name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    print(f"{name}:", flush=True)

    suite = Suite(name, out)
    lines = suite.lines()
    test = kunit_parser.parse_run_tests(lines)
    for _ in lines:  # the parser stops where the plan does; the suite may go on
        pass
    end = time.monotonic()
    results = re.findall(r"^(?:not )?ok \d", (out / "ktap").read_text("utf-8"), re.MULTILINE)
    failed = list(failures(test))
    if not failed:
        if test.expected_count is None or not test.subtests:
            failed.append("the suite reported no cases, or no plan of them")
        elif test.counts.errors or len(results) != test.expected_count:
            failed.append("the suite's report breaks its own plan")
        elif suite.status:
            failed.append(f"the suite ended with status {suite.status}")
    return Outcome(name, passes(test), failed, suite.began - suite.start, end - suite.began)


def total(outcomes: list[Outcome]) -> Outcome:
    """Of all suites."""
    return Outcome("all", sum(each.passed for each in outcomes),
                   [f"{each.suite}: {name}" for each in outcomes for name in each.failed],
                   sum(each.prepared for each in outcomes), sum(each.ran for each in outcomes))


def main() -> int:
    """Runs all suites named; 0 where all passed."""
    kunit_parser.stdout = CasePrinter(sys.stdout)
    outcomes = []
    for name in sys.argv[2:]:
        outcomes.append(run(name))
        print(f"{name}: {outcomes[-1].counts}, {clock(outcomes[-1].took)} minutes\n", flush=True)
    everything = total(outcomes)
    print(f"{'minutes':<11}{'prepared':>9}{'ran':>9}")
    for each in [*outcomes, everything]:
        print(f"{each.suite:<11}{clock(each.prepared):>9}{clock(each.ran):>9}   {each.counts}")
    if everything.failed:
        print("\nfailed:", *everything.failed, sep="\n  ")
    print(f"\n{everything.counts}")
    return 1 if everything.failed else 0


sys.exit(main())
