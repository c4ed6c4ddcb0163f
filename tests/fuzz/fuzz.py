#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""make fuzz: throw inputs at the device that no driver would make, for TIME seconds each way.

Two libFuzzer programs, both under ASan and UBSan: `device` is QEMU's generic fuzzer on the whole device, its
registers, its configuration space and all that it reads by DMA, and `iommu` the same behind an IOMMU that the
inputs program; `walker` is the queue with all that it walks, linked without the rest of QEMU, a hundred times as
fast, and with an account of what each command may do. README.md has more. tests/suites/fuzz runs each for a
fixed time.
"""

import base64
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Iterator, NamedTuple

import seeds

FUZZ = Path(__file__).resolve().parent
ROOT = FUZZ.parents[1]
OUT = ROOT / "build" / "fuzz"
# Leaks over many resets are for a qtest: what QEMU keeps of a machine that ends is no concern here.
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
STATUS = re.compile(r"#(\d+)\s+(\w+)\s+cov: (\d+) .*corp: (\d+)")
EXECUTED = re.compile(r"stat::number_of_executed_units: (\d+)")
ARTIFACT = re.compile(r"Test unit written to (\S+)")
FUNCTION = re.compile(r"(UN)?COVERED_FUNC: .*edges: (\d+)/(\d+) (\w+) \S*/hw/dma/busmaster/")
# What is slow, on a machine that has other work, is no finding before it is too slow
PATIENCE = ("-timeout=60", "-report_slow_units=60")
FINDING = re.compile(r"ERROR|runtime error|SUMMARY|^ *#\d+ ")


class Fuzzer(NamedTuple):
    """A program, what of it, and what it starts from."""
    name: str
    program: str
    arguments: list[str]
    seeds: Callable[[], list[bytes]]


FUZZERS = (
    Fuzzer("walker", "tests/fuzz/busmaster/busmaster-walker-fuzz", [], seeds.walker),
    Fuzzer("device", "qemu-fuzz-x86_64", ["--fuzz-target=generic-fuzz-busmaster"], seeds.device),
    Fuzzer("iommu", "qemu-fuzz-x86_64", ["--fuzz-target=generic-fuzz-busmaster-iommu"], seeds.iommu),
)


class Result(NamedTuple):
    """What came of a run."""
    executions: int
    crash: Path | None
    report: list[str]  # what the sanitizers said of it
    status: int

    @property
    def clean(self) -> bool:
        """Did it run to its end without a finding?"""
        return not self.status and not self.crash and self.executions > 0


class Coverage(NamedTuple):
    """Of the device's own sources."""
    edges: int
    of_edges: int
    reached: list[str]  # functions
    missed: list[str]

    def __str__(self) -> str:
        return (f"{len(self.reached)} of {len(self.reached + self.missed)} functions, "
                f"{self.edges} of {self.of_edges} edges")


def corpus(fuzzer: Fuzzer) -> list[bytes]:
    """The inputs that were kept, one a line."""
    lines = (FUZZ / f"{fuzzer.name}.corpus").read_text(encoding="ascii").splitlines()
    return [base64.b64decode(line) for line in lines if not line.startswith("#")]


def dictionary_line(name: str, word: bytes) -> str:
    """As libFuzzer has it: name="\\x01\\x02"."""
    return f'{name}="' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n'


class Bench:
    """A fuzzer, ready to run, with its inputs in a directory of its own."""

    def __init__(self, fuzzer: Fuzzer, build: Path, out: Path) -> None:
        self.fuzzer = fuzzer
        self.program = build / fuzzer.program
        self.out = out / fuzzer.name
        self.found = self.out / "found"  # what runs have added, kept from one to the next
        self.kept = self.out / "kept"
        self.found.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.kept, ignore_errors=True)
        self.kept.mkdir()
        for kind, inputs in ("seed", fuzzer.seeds()), ("corpus", corpus(fuzzer)):
            for number, data in enumerate(inputs):
                (self.kept / f"{kind}-{number:03}").write_bytes(data)
        self.dictionary = self.out / "dictionary"
        self.dictionary.write_text("".join(dictionary_line(name, word) for name, word in seeds.words().items()),
                                   encoding="ascii")

    def command(self, *arguments: str | Path) -> list[str]:
        """The fuzzer's command line."""
        return [str(self.program), *self.fuzzer.arguments, *map(str, arguments)]

    def story(self, result: Result) -> list[str]:
        """Of a failure: what was said, the input, and what a person types to see it again."""
        story = [*result.report[:20], f"status {result.status}; the whole log: {self.out / 'log'}"]
        if result.crash:
            settings = [f"{name}={value}" for name, value in SANITIZERS.items()]
            story += [f"the input: {result.crash}",
                      f"again: {shlex.join(settings + self.command(result.crash))}",
                      f"as a line of {self.fuzzer.name}.corpus: "
                      f"{base64.b64encode(result.crash.read_bytes()).decode()}"]
        return story

    def _lines(self, status: list[int], arguments: tuple[str | Path, ...]) -> Iterator[str]:
        with (self.out / "log").open("w", encoding="utf-8") as log, \
                subprocess.Popen(self.command(*arguments), stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                                 errors="replace", env={**os.environ, **SANITIZERS}) as process:
            for line in process.stdout:
                log.write(line)
                yield line.rstrip()
        status.append(process.returncode)

    def run(self, *arguments: str | Path,
            progress: Callable[[re.Match], None] = lambda status: None) -> Result:
        """Runs it, and makes out what has happened."""
        status: list[int] = []
        executions, crash, report = 0, None, []
        for line in self._lines(status, arguments):
            if match := STATUS.match(line):
                executions = int(match[1])
                progress(match)
            elif match := EXECUTED.match(line):
                executions = int(match[1])
            elif match := ARTIFACT.search(line):
                crash = Path(match[1])
            elif FINDING.search(line):
                report.append(line)
        return Result(executions, crash, report, status[0])

    def fuzz(self, seconds: int, progress: Callable[[re.Match], None]) -> Result:
        """Makes up new inputs for some time."""
        return self.run(f"-max_total_time={seconds}", *PATIENCE, "-print_final_stats=1",
                        "-entropic_scale_per_exec_time=1", f"-dict={self.dictionary}",
                        f"-artifact_prefix={self.out}/", self.found, self.kept, progress=progress)

    def replay(self) -> Result:
        """Runs each input that was kept, once."""
        return self.run("-runs=0", *PATIENCE, f"-artifact_prefix={self.out}/", self.kept)

    def coverage(self) -> Coverage:
        """What all inputs together reach."""
        status: list[int] = []
        functions = [match for line in self._lines(status, ("-runs=0", "-print_coverage=1", self.found,
                                                            self.kept))
                     if (match := FUNCTION.match(line))]
        return Coverage(sum(int(match[2]) for match in functions),
                        sum(int(match[3]) for match in functions),
                        [match[4] for match in functions if not match[1]],
                        [match[4] for match in functions if match[1]])


def build() -> Path:
    """Where the fuzzers are, once they are built."""
    done = subprocess.run([ROOT / "scripts" / "build-qemu.sh", "fuzz"], stdout=subprocess.PIPE,
                          text=True, check=False)
    if done.returncode:
        raise SystemExit(f"fuzz: build-qemu.sh failed, status {done.returncode}")
    return Path(done.stdout.strip())


class Progress:
    """One line that changes, or one every 15 seconds where that is not a terminal."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.start = self.last = time.monotonic()

    def __call__(self, status: re.Match) -> None:
        now = time.monotonic()
        terminal = sys.stderr.isatty()
        if now - self.last < (0.2 if terminal else 15):
            return
        self.last = now
        text = (f"  {self.name}: {now - self.start:.0f} s, {int(status[1]):,} executions, "
                f"{status[4]} inputs kept")
        print(f"\r{text}\033[K" if terminal else text, end="" if terminal else "\n",
              file=sys.stderr, flush=True)


def main() -> int:
    """Runs each and says what came of it; 1 if anything was found."""
    seconds = int(os.environ.get("TIME") or 60)
    programs = build()
    failed = 0
    for fuzzer in FUZZERS:
        bench = Bench(fuzzer, programs, OUT)
        result = bench.fuzz(seconds, Progress(fuzzer.name))
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr)
        print(f"{fuzzer.name}: {result.executions:,} executions in {seconds} s, "
              f"{'no crash' if result.clean else 'FAILED'}")
        if result.clean:
            covered = bench.coverage()
            print(f"  reached {covered} of the device\n  not reached: {' '.join(covered.missed)}")
            continue
        failed += 1
        print(*bench.story(result), sep="\n")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
