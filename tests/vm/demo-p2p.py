#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""make demo-p2p: from a disk to an accelerator, by way of memory and past it, on one screen.

Boots a guest with a switch, below which are an NVMe disk and busmasters, and with a busmaster in a
slot of its own. Prints which ports the data took, how much of it touched RAM, as QEMU counted it, and
what the kernel says of the slot that the disk does not reach. The exit status is 0 if all is as it should be.
"""

import sys
import textwrap

import parts
import peers
from vm import Guest

WIDTH = 100
RULE = "-" * WIDTH

INTRODUCTION = """\
64 MiB are read from a disk, by O_DIRECT. Once the program's buffer is in RAM, and a second system call writes it into
the accelerator's memory. And once the buffer is accelerator memory, lent by the kernel (P2PDMA) and mapped by the program:
then the one read is all, and the disk itself writes into the accelerator."""

MEANING = """\
What it means
  A switch sends a request to whichever of its ports has the address in its window: so a disk's write to an address in
  another device's BAR turns round in the switch, and neither the root port nor memory sees it. That is not so where ports
  redirect such requests to the root complex (ACS), as Linux has them do where there is an IOMMU; and between two root
  ports it is the root complex that would have to turn it round: there are such that do, and such that lose it, so
  Linux has a list. What it refuses is refused when the memory is mapped for DMA, with EREMOTEIO, before anything has moved.
  The times are those of an emulated machine, in which RAM costs no more than the way past it: they say nothing of hardware."""


def measure() -> dict[str, str]:
    """Boots the guest; returns what it says, by key."""
    print("demo-p2p: QEMU, the debug kernel and the module are made ready", file=sys.stderr)
    kernel = parts.kernel("debug")  # Debian's 6.12 has no P2PDMA
    work = parts.BUILD / "vm" / "demo-p2p"
    guest = Guest("demo-p2p", kernel, parts.initramfs(work / "initramfs.cpio", kernel), "demo-p2p", device="",
                  monitor=True, extra=peers.machine(work / "disk"), deadline=300)
    print("demo-p2p: booting a guest", file=sys.stderr)
    return guest.said()


def way(source: list[str], target: list[str], top: str) -> str:
    """Port by port, up to where the two routes part, and down; or up to `top`, past all ports, and down."""
    shared = 0
    while not top and source[shared] == target[shared]:
        shared += 1
    up, down = source[shared:][::-1], target[shared:]
    middle = [top] if top else [f"(switch {source[shared - 1]})"]
    return " > ".join([f"disk {up[0]}", *up[1:], *middle, *down[:-1], f"busmaster {down[-1]}"])


def paragraph(label: str, text: str) -> None:
    """A label, and what belongs to it, wrapped beside it."""
    print(textwrap.fill(text, WIDTH, initial_indent=f"  {label:<18}", subsequent_indent=" " * 20))


def mib(count: str) -> str:
    """Bytes, for people."""
    return f"{int(count) / 2 ** 20:.2f} MiB ({int(count):,} bytes)"


def show(said: dict[str, str]) -> None:
    """The screen."""
    disk, near, far = (said[key].split() for key in ("disk", "busmaster", "far"))
    print(f"\nbusmaster: peer to peer        Linux {said['kernel']}\n\n{INTRODUCTION}\n{RULE}")
    for title, key, path in (("By way of RAM: two copies", "relay", f"{way(disk, near, 'RAM')}"),
                             ("Peer to peer: one", "direct", way(disk, near, ""))):
        print(f"{title}\n")
        paragraph("the way", path)
        paragraph("touched RAM", mib(said[f"{key}-ram"]))
        paragraph("time", f"{said[f'{key}-ms']} ms")
        print(RULE)
    print("The same disk, and a busmaster in a slot of its own\n")
    paragraph("would be the way", way(disk, far, "root complex"))
    paragraph("read() gave", "EREMOTEIO, and nothing was moved" if said["refused"] == "1" else "something else")
    paragraph("the kernel said", said["reason"])
    print(f"{RULE}\n  {'verified':<18}20 random transfers each way, byte by byte\n\n{MEANING}")


def as_promised(said: dict[str, str]) -> bool:
    """Twice the bytes by RAM, next to nothing past it, and a refusal."""
    size = int(said["mib"]) << 20
    relay, direct = int(said["relay-ram"]), int(said["direct-ram"])
    return (2 * size <= relay < 2.1 * size and direct < size / 100 and said["refused"] == "1" and said["verified"] == "4"
            and not [key for key in said if key.endswith("-failed")] and said["reason"] != "")


def main() -> int:
    """The guest, then the screen."""
    said = measure()
    show(said)
    if not as_promised(said):
        print("\ndemo-p2p: that is not what was promised", file=sys.stderr)
        return 1
    return 0


sys.exit(main())
