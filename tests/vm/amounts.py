#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""How much of everything the suites do: one table, for all of them.

`make check` has a little of everything, enough that each fault ever planted is found; `make soak` has what the
project promises, and more. A variable BM_NAME of the environment goes before both. Each guest is told all
amounts on its kernel's command line, where NAME is bm.name, and $BM_name in its scripts.
Run by hand, this prints the table.
"""

import os
from typing import NamedTuple

SOAK = "BM_SOAK" in os.environ  # set by scripts/check.sh; a suite may have boots that only then there are


class Amount(NamedTuple):
    """A row of the table."""
    name: str
    meaning: str
    check: int
    soak: int

    @property
    def usual(self) -> int:
        """Where nobody says otherwise."""
        return self.soak if SOAK else self.check

    @property
    def value(self) -> int:
        """What it is now."""
        text = os.environ.get(f"BM_{self.name}", str(self.usual))
        if not text.isdecimal():
            raise SystemExit(f"BM_{self.name}={text} is no number: it says how many {self.meaning}")
        return int(text)


TABLE = {amount.name: amount for amount in (
    Amount("TRANSFERS", "random transfers that are verified, in each boot of the guest suite", 3000, 40000),
    Amount("BOUNCES", "the same where all DMA goes through bounce buffers", 1500, 20000),
    Amount("SMOKE", "the same on Debian's kernel", 600, 20000),
    Amount("KERNELS", "the same, and operations, on each other kernel", 150, 5000),
    Amount("ROUNDS", "times that the module is loaded and unloaded", 30, 400),
    Amount("OPS", "random operations by ioctl and io_uring", 300, 10000),
    Amount("PEERS", "random transfers between two devices, verified, half of them each way; a fifth as many with a disk, each way", 500, 5000),
    Amount("OPERATIONS", "operations of fio that are verified, at least", 6000, 200000),
    Amount("PINGPONGS", "operations at depth 1, of each of six kinds", 30000, 400000),
    Amount("HEALTHY", "transfers that are verified after each fault on demand", 100, 1000),
    Amount("MUTATIONS", "completions with some bits flipped", 50, 1000),
    Amount("RACE", "seconds in which all that ends a device's use races", 20, 600),
    Amount("KILLS", "processes that end with 64 commands in flight", 16, 1000),
    Amount("KEXECS", "kernels that are started by kexec, before a crash starts one more", 2, 10),
    Amount("SITES", "of a hundred places where memory can be refused", 5, 100),
    Amount("DRAWS", "resets, suspends and unbinds in any order, under load", 14, 2000),
    Amount("BUS_ERRORS", "errors of the bus, of each kind", 1, 20),
    Amount("PULLS", "removals of each kind, under load", 1, 50),
    Amount("NAPS", "writes to a device that falls asleep and wakes up; two of three find it asleep", 40, 1800),
    Amount("SLEEPS", "times that the system sleeps, in each way, under load", 1, 20),
    Amount("STOPS", "times that a machine is stopped and goes on, under load", 1, 20),
    Amount("SNAPSHOTS", "times that it is saved and loaded", 1, 5),
    Amount("MOVES", "times that it migrates to another QEMU", 1, 5),
    Amount("FUZZ", "calls that are made up, by one thread and by four", 2500, 100000),
    Amount("FUZZ_SECONDS", "seconds at most for each of the two", 20, 600),
    Amount("FUZZER_SECONDS", "seconds of new inputs for each fuzzer of the device", 30, 1800),
    Amount("DMATEST", "iterations of each thread of dmatest", 60, 5000),
    Amount("BOOTS", "guests that run at the same time", 2, 2),
)}


def amount(name: str) -> int:
    """How much it is in this run."""
    return TABLE[name].value


def words() -> list[str]:
    """All amounts, for a guest's kernel command line."""
    return [f"bm.{row.name.lower()}={row.value}" for row in TABLE.values()]


def deadline() -> int:
    """Seconds that a boot may take: against a hang, not against a slow machine. On a quiet one, a boot of
    `make check` takes some minutes; `make soak` has an hour for a suite."""
    return 3600 if any(row.value > row.check for row in TABLE.values()) else 1200


def main() -> None:
    """Prints the table."""
    print(f"{'amount':<19}{'check':>9}{'soak':>11}   meaning")
    for row in TABLE.values():
        print(f"BM_{row.name:<16}{row.check:>9,}{row.soak:>11,}   {row.meaning}")


if __name__ == "__main__":
    main()
