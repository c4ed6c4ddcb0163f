# SPDX-License-Identifier: GPL-2.0-only
"""A guest that is recorded and replayed: what it does again is the same, to the byte and the microsecond."""

import tempfile
from typing import Iterator

from ktap import Case
from vm import Guest, Lines

SHIFT = 3  # of the nanoseconds that an instruction takes
THREAD = ["-object", "iothread,id=engine"]


class Replayed(Guest):
    """It has one CPU: QEMU records no more. A replay that differs may wait for ever: its deadline is a short one."""

    def boot(self, mode: str, log: str) -> Iterator[Case]:
        """All that is to be said of it where it is recorded, or replayed."""
        self.accel = ["-accel", "tcg,thread=single", "-icount", f"shift={SHIFT},rr={mode},rrfile={log}"]
        for case in super().cases():
            yield case._replace(name=f"{mode}: {case.name}")

    def refused(self) -> Case:
        """What runs when the host wants it to cannot be told to run when it did."""
        command = self.command("null")
        command[command.index(self.device)] += ",iothread=engine"
        lines = Lines(command + THREAD, self.deadline)
        list(lines)
        said = lines.errors()
        return Case("recorded or replayed" in " ".join(said) and "status 1" in lines.problem,
                    "an iothread is refused", said)

    def cases(self) -> Iterator[Case]:
        """Those of both boots, and that they do not differ."""
        with tempfile.TemporaryDirectory() as directory:
            log = f"{directory}/log"
            yield from self.boot("record", log)
            recorded = self.console.read_bytes()
            yield from self.boot("replay", log)
            yield Case(self.console.read_bytes() == recorded, "the kernel logs are the same, times and all", [])
            yield self.refused()
