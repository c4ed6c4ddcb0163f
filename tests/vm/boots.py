# SPDX-License-Identifier: GPL-2.0-only
"""A suite's boots, reported one after the other, be some of them run at the same time or not.

A guest boots, and waits for time to pass, on one CPU: so BM_BOOTS guests at a time end sooner than as many in turn.
What is staged in them must bear that a virtual CPU has to wait for its turn.
The report has the boots in the suite's order and each of them whole, the one whose turn it is as it runs.
"""

from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Iterator, Sequence

import amounts
from ktap import Case, Report
from vm import Guest


class Boot:
    """A guest whose cases are kept until they are asked for."""

    def __init__(self, guest: Guest, pool: ThreadPoolExecutor) -> None:
        self.guest = guest
        self.said: SimpleQueue[Case | None] = SimpleQueue()
        self.run = pool.submit(self._run)

    def _run(self) -> None:
        try:
            for case in self.guest.cases():
                self.said.put(case)
        finally:
            self.said.put(None)

    def cases(self) -> Iterator[Case]:
        """What it has said, and what it goes on to say."""
        yield from iter(self.said.get, None)
        self.run.result()  # where it broke off, so do we


def test(report: Report, guests: Sequence[Guest], at_once: int | None = None) -> None:
    """Boots all guests, and reports each as one subtest. They begin in this order: long ones go first."""
    with ThreadPoolExecutor(at_once or amounts.amount("BOOTS")) as pool:
        try:
            for boot in [Boot(guest, pool) for guest in guests]:
                report.subtest(boot.guest.name, boot.cases())
        finally:
            pool.shutdown(cancel_futures=True)
