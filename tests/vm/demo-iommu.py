#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""make demo-iommu: what an IOMMU is for, on one screen.

Boots the same guest of Debian's kernel twice, without an IOMMU and with VT-d. In both the
device has turned rogue: it reads a secret from, and writes over, pages that nobody has
mapped for it, and it interrupts a CPU. Prints side by side what came of it. The exit status is 0 if the rogue had
its way without the IOMMU and was refused by it, and the driver went on in both.
"""

import sys
import textwrap
from itertools import zip_longest

import parts
from vm import Guest

WIDTHS = (22, 36, 40)
RULE = "-" * (sum(WIDTHS) + 4)

INTRODUCTION = """\
The same guest twice, the same driver, the same device. By fault injection the device is told to turn
rogue: for the next command it takes an address of its own choice instead of the one that the driver
has mapped, or sends a message of its own making. That is all it takes: a bus master needs nobody's leave
to put an address on the bus."""

MEANING = """\
What it means
  Without an IOMMU a bus address is a physical address, and whoever may master the bus owns all memory. The
  driver did everything right and cannot even notice: the completion says success. With an IOMMU an address
  means what the driver has mapped, from dma_map until dma_unmap, and nothing else: the transaction is refused
  before it reaches memory, the kernel logs who it was and where, and the device, which checks the result
  of each DMA, fails the command with the address. The driver hears of it by that completion alone: a
  fault that VT-d reports is handled by the IOMMU driver and never reaches the device's. What the driver then
  does is its fault_policy: log, reset or kill (modinfo busmaster).
  An interrupt is a memory write, too: to an address that names a CPU, with a vector as its data. To translate
  addresses does not help against that. Interrupt remapping does (intremap=on): a message may only name an entry
  of a table, and only that of the device which it comes from. The device is not told, nor is its driver."""


def measure(guest: Guest) -> dict[str, str]:
    """Boots one of the two guests; returns what it says, by key."""
    print(f"demo-iommu: booting a guest, {guest.name}", file=sys.stderr)
    return guest.said()


def row(label: str, *cells: str) -> None:
    """Prints a row of three columns; what is too long for one goes on below."""
    columns = [textwrap.wrap(cell, width) or [""] for cell, width in zip((label, *cells), WIDTHS)]
    for line in zip_longest(*columns, fillvalue=""):
        print("  ".join(text.ljust(width) for text, width in zip(line, WIDTHS)).rstrip())


def without_prefix(line: str) -> str:
    """A message of the kernel without the name of who says it."""
    return line.partition(": ")[2] or "nothing"


def attempt(title: str, verb: str, call: str, holder: str, lost: str, both: list[dict]) -> None:
    """The part of the table about one direction."""
    print(f"{title}\n")
    row("  its address", *(said[f"{verb}-page"] for said in both))
    row(f"  {call} gave", *(said[f"{verb}-call"] for said in both))
    row(f"  {holder} has", *(said[f"{verb}-found"] for said in both))
    row("  the IOMMU said", *(without_prefix(said[f"{verb}-iommu"]) for said in both))
    row("  the driver said", *(without_prefix(said[f"{verb}-driver"]) for said in both))
    row("  so it is", *(lost if said[f"{verb}-moved"] == "yes" else "SAFE" for said in both))
    print(RULE)


def show(both: list[dict]) -> None:
    """The screen."""
    print(f"\nbusmaster: what an IOMMU is for        Linux {both[0]['kernel']}\n")
    print(INTRODUCTION + "\n")
    row("", "WITHOUT AN IOMMU", "WITH VT-d")
    print(RULE)
    attempt("A page with a secret. The device reads it, while it should fetch a page of a pwrite().",
            "read", "pwrite()", "device memory", "STOLEN", both)
    attempt("A page with a canary. The device writes over it, while it should fill a page of a pread().",
            "write", "pread()", "the page", "SPOILT", both)
    attempt("A CPU. The device sends it a vector that nothing in the machine has, beside its own interrupt.",
            "msi", "pwrite()", "the kernel", "FORGED", both)
    row("Afterwards, verified", *(f"1,000 random transfers: {said['after']}" for said in both))
    row("Faults counted", *(said["faults"] for said in both))
    print(f"\n{MEANING}")


def as_promised(both: list[dict]) -> bool:
    """Theft without, refusal with, and work goes on in both."""
    moved = [[said[f"{verb}-moved"] for verb in ("read", "write", "msi")] for said in both]
    return (moved == [["yes"] * 3, ["no"] * 3] and all(said["after"] == "yes" for said in both)
            and [said["faults"] for said in both] == ["0", "2"])


def main() -> int:
    """Both guests, then the screen."""
    print("demo-iommu: QEMU, Debian's kernel and the module are made ready", file=sys.stderr)
    kernel = parts.kernel("stock")
    initramfs = parts.initramfs(parts.BUILD / "vm" / "demo-iommu" / "initramfs.cpio", kernel)
    both = [measure(Guest(name, kernel, initramfs, "demo-iommu", iommu=iommu, memory="1G",
                          device="busmaster,x-fault-injection=on,mem-size=4M", deadline=300))
            for name, iommu in (("without an IOMMU", False), ("with VT-d", True))]
    show(both)
    if not as_promised(both):
        print("\ndemo-iommu: that is not what was promised", file=sys.stderr)
        return 1
    return 0


sys.exit(main())
