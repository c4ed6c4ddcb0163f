#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Boots a guest with a busmaster device, drives it and judges it.

A guest is a QEMU of its own: ttyS0 is the kernel's console and goes to a file, ttyS1 is
the guest script's result stream and is followed live. A boot is judged by its cases, by
reaching its end within the deadline, and by its kernel log. Suites use the Guest class;
demo.sh, shell.sh and people use the command line (vm.py --help).
"""

import argparse
import os
import re
import selectors
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Iterator, Sequence

import amounts
import klog
import parts
from ktap import Case, Reader, Report

# A busy host may leave a virtual CPU without time for many seconds: that is no fault of the
# guest's, be it the timer's self-test at boot or a watchdog.
PATIENCE = ["no_timer_check", "rcupdate.rcu_cpu_stall_timeout=120", "watchdog_thresh=60"]
COUNTED = "swiotlb=track_hiwater"  # 7.x counts the bounce buffers in use only if it is told to; older kernels always do
TAIL = 25  # console lines shown when a guest does not reach its end


def accelerator() -> list[str]:
    """KVM where the CPU has it and we may use it; a bare /dev/kvm proves nothing."""
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    if re.search(r"\b(vmx|svm)\b", flags) and os.access("/dev/kvm", os.R_OK | os.W_OK):
        return ["-accel", "kvm", "-cpu", "host"]
    return ["-accel", "tcg,thread=multi"]


class Guest:
    """One boot of one kernel with one script to run."""

    def __init__(self, name: str, kernel: parts.Kernel, initramfs: Path, run: str, *,
                 qemu: Path | None = None, iommu: bool = False, memory: str = "1G",
                 cpus: int = 2, device: str = "busmaster", append: str = "",
                 accel: list[str] | None = None, extra: Sequence[str] = (),
                 deadline: float | None = None, monitor: bool = False) -> None:
        self.name = name
        self.kernel = kernel
        self.initramfs = initramfs
        self.run = run
        self.qemu = qemu or parts.qemu()
        self.iommu = iommu
        self.memory = memory
        self.cpus = cpus
        self.device = device
        self.append = append
        self.accel = accel or accelerator()
        self.extra = extra  # more of QEMU's options
        self.monitor = monitor  # QEMU's, on the guest's ttyS2
        self.deadline = deadline or amounts.deadline()
        self.directory = initramfs.parent
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        self.console = self.directory / f"{slug}.console.log"
        self.qemu_log = self.directory / f"{slug}.qemu.log"

    def command_line(self) -> str:
        """The kernel's command line."""
        words = ["console=ttyS0,115200", "ignore_loglevel", "printk.devkmsg=on", "panic=-1",
                 "oops=panic", COUNTED, *PATIENCE, f"bm.run={self.run}"]
        if self.iommu:
            words += ["intel_iommu=on", "iommu.strict=1"]
        return " ".join(words + amounts.words() + self.append.split())

    def command(self, results: str) -> list[str]:
        """QEMU's command line; `results` is the character device of ttyS1."""
        command = [str(self.qemu), "-L", "/usr/share/seabios", "-L", "/usr/share/qemu",
                   "-M", "q35,kernel-irqchip=split", *self.accel,
                   "-smp", str(self.cpus), "-m", self.memory,
                   "-no-user-config", "-nodefaults", "-display", "none", "-no-reboot",
                   "-chardev", f"file,id=console,path={self.console}",
                   "-serial", "chardev:console", "-serial", results,
                   "-d", "guest_errors", "-D", str(self.qemu_log),
                   "-kernel", str(self.kernel.image), "-initrd", str(self.initramfs),
                   "-append", self.command_line()]
        if self.iommu:
            command += ["-device", "intel-iommu,intremap=on"]
        if self.device:
            command += ["-device", self.device]
        if self.monitor:
            # A socket has two ends, and this QEMU has both. ttyS2's usual interrupt is the console's.
            socket = f"socket,path=busmaster-{os.getpid()}-{id(self)},abstract=on"
            command += ["-chardev", f"{socket},id=line,server=on,wait=off", "-device", "isa-serial,chardev=line,index=2,irq=5",
                        "-chardev", f"{socket},id=monitor", "-mon", "chardev=monitor,mode=control"]
        return command + list(self.extra)

    def prepare(self) -> None:
        """Makes sure that no log of an earlier boot can be mistaken for this one's."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for log in (self.console, self.qemu_log):
            log.write_bytes(b"")

    def lines(self) -> "Lines":
        """Boots the guest; iterate over the result for the lines of its ttyS1."""
        self.prepare()
        return Lines(self.command("stdio"), self.deadline)

    def cases(self) -> Iterator[Case]:
        """Boots the guest and yields everything about it, case by case."""
        reader = Reader()
        lines = self.lines()
        for line in lines:
            yield from reader.feed(line)
        yield self.reached_end(reader, lines)
        wrong = klog.judge(klog.read(str(self.console)))
        yield Case(not wrong, "kernel log is clean", wrong)

    def reached_end(self, reader: Reader, lines: "Lines") -> Case:
        """Did the guest script run to its end, and the guest power off by itself?"""
        notes = reader.notes[-TAIL:]
        if lines.problem:
            notes.append(f"{lines.problem} after {lines.seconds:.0f} s")
        elif reader.status is None:
            notes.append(f"the guest ended early, after {lines.seconds:.0f} s")
        elif reader.status:
            notes.append(f"the guest script ended with status {reader.status}")
        else:
            return Case(True, "guest runs to its end", [f"{lines.seconds:.0f} s"])
        notes.append(f"console log, {self.console}, ends with:")
        return Case(False, "guest runs to its end",
                    notes + klog.read(str(self.console))[-TAIL:] + lines.errors()[-TAIL:])

    def said(self) -> dict[str, str]:
        """Boots the guest, whose script prints lines of KEY VALUE; returns these. Ends here if it does not reach its end."""
        reader, said, lines = Reader(), {}, self.lines()
        for line in lines:
            key, _, value = line.rstrip("\r\n").partition(" ")
            if key.startswith("#"):
                list(reader.feed(line))
            else:
                said[key] = value
        end = self.reached_end(reader, lines)
        if not end.ok:
            raise SystemExit("\n".join([f"{self.run}: the guest fails:", *end.notes]))
        return said

    def follow(self, prefix: str, take: Callable[[list[str]], None]) -> list[str]:
        """Boots the guest, hands over the words of its lines "#PREFIX WORD..." as they come; returns what went wrong."""
        reader = Reader()
        lines = self.lines()
        for line in lines:
            list(reader.feed(line))
            if line.startswith(f"#{prefix} "):
                take(line.split()[1:])
        end = self.reached_end(reader, lines)
        return klog.judge(klog.read(str(self.console))) if end.ok else end.notes

    def show(self) -> int:
        """Boots the guest and prints its ttyS1 as it is; returns the script's exit status."""
        reader = Reader()
        lines = self.lines()
        for line in lines:
            if line.startswith("#bm "):
                list(reader.feed(line))
            else:
                print(line.rstrip("\r\n"), flush=True)
        end = self.reached_end(reader, lines)
        wrong = klog.judge(klog.read(str(self.console))) if end.ok else end.notes
        if wrong:
            print("\n".join(["vm: something is wrong:", *wrong]), file=sys.stderr)
        return int(bool(wrong))

    def interact(self) -> int:
        """Boots the guest with ttyS1 on this terminal; Ctrl-a x leaves."""
        self.prepare()
        return subprocess.run(self.command("mon:stdio"), check=False).returncode


class Lines:
    """The lines of a running QEMU's standard output, until it ends or its time is up."""

    def __init__(self, command: list[str], deadline: float, *, stdin: int = subprocess.DEVNULL,
                 pass_fds: Sequence[int] = ()) -> None:
        self.problem = ""
        self.seconds = 0.0
        self.deadline = deadline
        # QEMU must not read our stdin: that may be a terminal, or a pipe of somebody's.
        self.process = subprocess.Popen(command, stdin=stdin, pass_fds=pass_fds,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __iter__(self):
        start = time.monotonic()
        pending = b""
        stdout = self.process.stdout.fileno()
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(stdout, selectors.EVENT_READ)
                while True:
                    self.seconds = time.monotonic() - start
                    if not selector.select(max(0.0, self.deadline - self.seconds)):
                        self.problem = "the guest hangs: ended at its deadline"
                        return
                    chunk = os.read(stdout, 65536)
                    if not chunk:
                        break
                    *whole, pending = (pending + chunk).split(b"\n")
                    for line in whole:
                        yield line.decode("utf-8", "replace")
            if pending:
                yield pending.decode("utf-8", "replace")
        finally:
            self._finish()
            self.seconds = time.monotonic() - start

    def _finish(self) -> None:
        """Ends QEMU if it still runs: ours alone, by its handle."""
        try:
            status = self.process.wait(timeout=0 if self.problem else 10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        else:
            if status and not self.problem:
                self.problem = f"QEMU ended with status {status}"

    def errors(self) -> list[str]:
        """What QEMU said on its standard error."""
        return self.process.stderr.read().decode("utf-8", "replace").splitlines()


def main() -> int:
    """The command line: one boot, its result stream shown or judged."""
    parser = argparse.ArgumentParser(description="Boot a guest with a busmaster device.")
    parser.add_argument("run", help="guest script below tests/vm/guest, without .sh")
    parser.add_argument("--kernel", choices=("debug", "stock"), default="debug")
    parser.add_argument("--name", help="what to call this boot (default: the script's name)")
    parser.add_argument("--iommu", action="store_true", help="VT-d on, strict")
    parser.add_argument("--memory", default="1G")
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--device", default="busmaster", help="QEMU -device option")
    parser.add_argument("--append", default="", help="more words for the kernel")
    parser.add_argument("--add", action="append", default=[], metavar="SRC:DST",
                        help="a file for the initramfs")
    parser.add_argument("--deadline", type=float, default=300, metavar="SECONDS")
    parser.add_argument("--mode", choices=("test", "show", "interact"), default="test",
                        help="judge its KTAP, show its output as it is, or use the terminal")
    options = parser.parse_args()
    name = options.name or options.run
    directory = parts.BUILD / "vm" / name
    kernel = parts.kernel(options.kernel)
    initramfs = parts.initramfs(directory / "initramfs.cpio", kernel, options.add)
    guest = Guest(name, kernel, initramfs, options.run, iommu=options.iommu,
                  memory=options.memory, cpus=options.cpus, device=options.device,
                  append=options.append, deadline=options.deadline)
    if options.mode == "interact":
        return guest.interact()
    if options.mode == "show":
        return guest.show()
    report = Report(sys.stdout, 1)
    report.subtest(name, guest.cases())
    return int(bool(report.failed))


if __name__ == "__main__":
    sys.exit(main())
