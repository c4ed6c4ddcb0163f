# SPDX-License-Identifier: GPL-2.0-only
"""What PCI Express says a device can do: worked out here, from the standard's numbers alone.

Nothing is shared with the device's model, no code and no constant: the two are compared.
"""

from typing import NamedTuple

# GT/s of a lane: bits of TLPs among the bits that are sent
ENCODING = {2.5: 8 / 10, 5: 8 / 10, 8: 128 / 130, 16: 128 / 130, 32: 128 / 130, 64: 236 / 256}
FRAMING = 8  # bytes: start, sequence number, LCRC; none in FLITs
HEADER = 16  # bytes, of a request with an address of 64 bits
ANSWER = 12  # bytes, of a completion
SUBMISSION, COMPLETION, ENTRY = 64, 16, 16  # bytes: ours; an entry of a list is for a page
PAGE = 4096
MESSAGE = 4 + 12  # bytes of data and header: a message goes below 4 GiB


class Link(NamedTuple):
    """A link, and what Device Control says of it."""
    speed: float  # GT/s
    lanes: int
    payload: int  # Max_Payload_Size, bytes
    request: int = 4096  # Max_Read_Request_Size, bytes
    tags: int = 256  # Memory Reads under way
    latency: float = 500.0  # ns, of root complex and memory

    @property
    def rate(self) -> float:
        """Bytes a nanosecond in one direction, all of TLPs."""
        return self.speed * self.lanes * ENCODING[self.speed] / 8

    def time(self, header: int, data: int) -> float:
        """Of a TLP on its wire, ns."""
        return (header + data + (0 if self.speed == 64 else FRAMING)) / self.rate

    def written(self, size: int) -> float:
        """Of data that the device writes, ns on the wire."""
        return size / self.payload * self.time(HEADER, self.payload)

    def answered(self, size: int) -> float:
        """Of data that the device reads, ns on the wire."""
        piece = min(self.payload, self.request)
        return size / piece * self.time(ANSWER, piece)

    def write_bandwidth(self, size: int) -> float:
        """Bytes a nanosecond, of operations of so many bytes: a completion goes with each."""
        return size / (self.written(size) + self.time(HEADER, COMPLETION))

    def requests(self, size: int) -> float:
        """That many read an operation's data; one each its submission and the driver's words; and some the list of its pages."""
        return size / self.request + 2 + size / PAGE * ENTRY / self.request

    def read_bandwidth(self, size: int) -> float:
        """Likewise, of what it reads: bound by the wire, or by what is under way at once."""
        wire = self.request / self.answered(self.request)
        trip = self.time(HEADER, 0) + self.latency + self.answered(self.request)
        return min(wire, self.tags / trip * size / self.requests(size))


class Behind(NamedTuple):
    """A controller and a medium behind a link."""
    link: Link
    overhead: float  # ns a command, one after the other
    medium: float  # ns a command
    channels: int  # at once
    message: float  # ns to the CPU

    def latency(self, size: int) -> float:
        """Of one operation alone, ns, from the doorbell to the interrupt: the driver's words are read, and its submission."""
        link = self.link
        words = link.time(HEADER, 0) + link.latency + link.time(ANSWER, 8)
        fetch = link.time(HEADER, 0) + link.latency + link.time(ANSWER, SUBMISSION)
        return (words + fetch + self.overhead + self.medium + link.written(size) + link.time(HEADER, COMPLETION) +
                link.time(MESSAGE, 0) + self.message)

    def most(self, size: int) -> float:
        """Operations a second, whatever the depth."""
        each = max(self.overhead, self.medium / self.channels, size / self.link.write_bandwidth(size))
        return 1e9 / each


def little(depth: int, latency: float) -> float:
    """Operations a second: so many in flight, each for so long (ns)."""
    return depth / latency * 1e9
