# SPDX-License-Identifier: GPL-2.0-only
"""The device's qtests, built in one flavour of QEMU, and what becomes of each case.

A case that fails ends its process: each has one of its own, so that it takes no other with it. As many run at
the same time as there are CPUs.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Iterator

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "vm"))

import parts  # noqa: E402
from ktap import Case  # noqa: E402


class Qtests:
    """The test program, with the QEMU that it is for."""

    def __init__(self, flavour: str, deadline: int, environment: dict[str, str]) -> None:
        self.build = Path(parts.script("build-qemu.sh", flavour))
        self.program = self.build / "tests/qtest/busmaster-test"
        self.deadline = deadline  # seconds for a case: against a hang, not against a slow machine
        self.environment = {**os.environ, "QTEST_QEMU_BINARY": str(self.build / "qemu-system-x86_64"), **environment}

    def output_of(self, *arguments: str, **environment: str) -> tuple[int, list[str]]:
        """The status that the program ends with, and what it says."""
        done = subprocess.run(["timeout", str(self.deadline), self.program, *arguments], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              check=False, env={**self.environment, **environment})
        return done.returncode, done.stdout.splitlines()

    def case(self, path: str, **environment: str) -> Case:
        """Runs one case."""
        status, said = self.output_of("--tap", "-p", path, **environment)
        passed = not status and any(line.startswith("ok 1 ") for line in said)
        return Case(passed, path.removeprefix("/x86_64/"), [] if passed else said)

    def run(self, case: Callable[[str], Case]) -> Iterator[Case]:
        """Has each case run by @case."""
        paths = [line for line in self.output_of("-l")[1] if line.startswith("/")]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            yield from pool.map(case, paths)
