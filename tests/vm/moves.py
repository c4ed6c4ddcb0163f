# SPDX-License-Identifier: GPL-2.0-only
"""A guest that is stopped, saved and loaded, and moved from one QEMU to the next, while it works."""

import subprocess
import tempfile
import time
from pathlib import Path
from typing import Iterator

import klog
from amounts import amount
from ktap import Case, Reader
from qmp import Monitor, Refused
from vm import Guest, Lines

READY = "# in flight"  # says the guest script, and from then on nothing until it hears
END = b"end\n"
BETWEEN = 0.3  # seconds that it works between two of our acts


class Mover(Guest):
    """Its script is tests/vm/guest/moves.sh, or says and hears the same. Every second QEMU has `elsewhere` as its
    device, with `more` options: so it moves from one to the other and back."""

    elsewhere = "busmaster,iothread=engine"
    more = ["-object", "iothread,id=engine"]

    def begin(self, hop: int, *options: str) -> tuple[Lines, Monitor]:
        """Starts the next QEMU."""
        monitor = Monitor()
        command = self.command("stdio") + monitor.options + list(options)
        if hop % 2:
            command[command.index(self.device)] = self.elsewhere
            command += self.more
        # The log goes on where the QEMU before has left it.
        command[command.index(f"file,id=console,path={self.console}")] += ",append=on"
        lines = Lines(command, self.deadline, stdin=subprocess.PIPE, pass_fds=monitor.fds)
        monitor.connect()
        return lines, monitor

    def stops(self, monitor: Monitor) -> Case:
        """Nothing of it runs for a while."""
        count = amount("STOPS")
        for _ in range(count):
            monitor.command("stop")
            time.sleep(BETWEEN)
            monitor.command("cont")
            time.sleep(BETWEEN)
        return Case(True, f"stop and cont, {count} times", [])

    def snapshots(self, monitor: Monitor, directory: Path) -> Case:
        """Saved; and after it went on for a while, what it did since has not happened."""
        count = amount("SNAPSHOTS")
        disk = str(directory / "disk")
        monitor.job("blockdev-create", options={"driver": "file", "filename": disk, "size": 0})
        monitor.command("blockdev-add", driver="file", node_name="file", filename=disk)
        monitor.job("blockdev-create", options={"driver": "qcow2", "file": "file", "size": 1 << 20})
        monitor.command("blockdev-add", driver="qcow2", node_name="disk", file="file")
        where = {"tag": "now", "devices": ["disk"]}
        for _ in range(count):
            monitor.job("snapshot-save", vmstate="disk", **where)
            time.sleep(BETWEEN)
            monitor.job("snapshot-load", vmstate="disk", **where)
            monitor.command("cont")
            time.sleep(BETWEEN)
            monitor.job("snapshot-delete", **where)
        return Case(True, f"savevm and loadvm, {count} times", [])

    def move(self, hop: int, monitor: Monitor, directory: Path) -> tuple[Lines, Monitor]:
        """To the next QEMU, by a socket or, every second time, by a file."""
        uri = f"{'unix' if hop % 2 else 'file'}:{directory}/move-{hop}"
        if hop % 2:
            lines, there = self.begin(hop, "-incoming", uri)
        monitor.command("migrate", uri=uri)
        monitor.migrated()
        if not hop % 2:
            lines, there = self.begin(hop, "-incoming", uri)
        there.migrated()
        monitor.command("quit")
        time.sleep(BETWEEN)
        return lines, there

    def acts(self, lines: Lines, monitor: Monitor, directory: Path) -> Iterator[Case | Lines]:
        """All that is done to it, and the QEMU that it is in at the end."""
        yield self.stops(monitor)
        yield self.snapshots(monitor, directory)
        count = amount("MOVES")
        for hop in range(1, count + 1):
            lines, monitor = self.move(hop, monitor, directory)
        yield Case(True, f"migration to another QEMU, {count} times", [])
        lines.process.stdin.write(END)
        lines.process.stdin.flush()
        yield lines

    def cases(self) -> Iterator[Case]:
        """As a guest's, and those of what is done to it."""
        reader = Reader()
        self.prepare()
        lines, monitor = self.begin(0)
        with tempfile.TemporaryDirectory() as directory:
            said = iter(lines)
            for line in said:
                yield from reader.feed(line)
                if line.strip() == READY:
                    break
            try:
                for done in self.acts(lines, monitor, Path(directory)):
                    if isinstance(done, Case):
                        yield done
                    elif done is not lines:
                        said.close()
                        lines, said = done, iter(done)
            except (Refused, OSError) as why:
                yield Case(False, "it is stopped, saved, loaded and moved", [str(why)])
                lines.process.kill()
            for line in said:
                yield from reader.feed(line)
        yield self.reached_end(reader, lines)
        wrong = klog.judge(klog.read(str(self.console)))
        yield Case(not wrong, "kernel log is clean", wrong)
