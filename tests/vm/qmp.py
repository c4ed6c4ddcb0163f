# SPDX-License-Identifier: GPL-2.0-only
"""QEMU's monitor: commands, one at a time, and their results."""

import json
import socket
import time

PATIENCE = 300  # seconds: against a hang, not against a slow machine


class Refused(Exception):
    """QEMU says that it cannot, or has not."""


class Monitor:
    """The monitor of one QEMU, which is given `options` and inherits `fds`."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.ours.settimeout(PATIENCE)
        self.answers = self.ours.makefile("r", encoding="utf-8")
        self.fds = [self.theirs.fileno()]
        self.options = ["-chardev", f"socket,id=monitor,fd={self.fds[0]}", "-mon", "chardev=monitor,mode=control"]

    def connect(self) -> None:
        """QEMU runs by now, and holds the other end."""
        self.theirs.close()
        self.answers.readline()
        self.command("qmp_capabilities")

    def command(self, name: str, **arguments):
        """Executes a command; events that come meanwhile are of no interest."""
        words = {key.replace("_", "-"): value for key, value in arguments.items()}
        self.ours.sendall(json.dumps({"execute": name, "arguments": words}).encode())
        while line := self.answers.readline():
            answer = json.loads(line)
            if "error" in answer:
                raise Refused(f"{name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
        raise Refused(f"{name}: QEMU has ended")

    def job(self, name: str, **arguments) -> None:
        """Executes a command that is a job, to its end."""
        self.command(name, job_id="job", **arguments)
        job = self.until(lambda: self.command("query-jobs")[0], "concluded")
        self.command("job-dismiss", id="job")
        if "error" in job:
            raise Refused(f"{name}: {job['error']}")

    def migrated(self) -> None:
        """Waits until a migration has ended well, on either side."""
        self.until(lambda: self.command("query-migrate"), "completed", "failed")

    @staticmethod
    def until(ask, *ends: str):
        """Asks until the status is one of these; only the first is a good one."""
        deadline = time.monotonic() + PATIENCE
        while (answer := ask()).get("status") not in ends:
            if time.monotonic() > deadline:
                raise Refused(f"still {answer.get('status')} after {PATIENCE} s")
            time.sleep(0.02)
        if answer["status"] != ends[0]:
            raise Refused(f"{answer['status']}: {answer.get('error-desc', 'it says no more')}")
        return answer
