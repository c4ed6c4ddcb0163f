# SPDX-License-Identifier: GPL-2.0-only
"""Runs test suites and reports: one line a case while it runs, the counts, and what failed.

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
from pathlib import Path
from typing import Iterator

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


def stream(suite: str, out: Path, status: list[int]) -> Iterator[str]:
    """Runs a suite; yields its lines as they come, and leaves its exit status in status."""
    with (out / "ktap").open("w", encoding="utf-8") as raw:
        with subprocess.Popen([Path("tests/suites") / suite], stdout=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, encoding="utf-8",
                              errors="backslashreplace") as process:
            for line in process.stdout:
                raw.write(line)
                raw.flush()
                yield line
        status.append(process.returncode)


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


def run(suite: str) -> tuple[int, list[str]]:
    """Runs one suite and shows its cases; returns how many passed and what failed."""
    out = Path("build/check") / suite
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    print(f"{suite}:", flush=True)

    status: list[int] = []
    lines = stream(suite, out, status)
    test = kunit_parser.parse_run_tests(lines)
    for _ in lines:  # the parser stops where the plan does; the suite may go on
        pass
    results = re.findall(r"^(?:not )?ok \d", (out / "ktap").read_text("utf-8"), re.MULTILINE)
    failed = list(failures(test))
    if not failed:
        if test.expected_count is None or not test.subtests:
            failed.append("the suite reported no cases, or no plan of them")
        elif test.counts.errors or len(results) != test.expected_count:
            failed.append("the suite's report breaks its own plan")
        elif status[0]:
            failed.append(f"the suite ended with status {status[0]}")
    return passes(test), failed


def main() -> int:
    """Runs all suites named; 0 where all passed."""
    kunit_parser.stdout = CasePrinter(sys.stdout)
    total, failed = 0, []
    for suite in sys.argv[2:]:
        passed, names = run(suite)
        total += passed
        failed += [f"{suite}: {name}" for name in names]
        print(f"{suite}: {passed} passed, {len(names)} failed\n", flush=True)
    if failed:
        print("failed:", *failed, sep="\n  ", end="\n\n")
    print(f"{total} passed, {len(failed)} failed")
    return 1 if failed else 0


sys.exit(main())
