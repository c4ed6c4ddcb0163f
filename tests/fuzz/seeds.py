# SPDX-License-Identifier: GPL-2.0-only
"""What the fuzzers start from: commands that are known to be good, in the words of each fuzzer.

Both know one scene: a ring, a few commands of every operation over every kind of pointer, and what a
driver does around them. Random bytes would take long to get as far as the first completion.
"""

import struct

from contract import hw

NOP, COPY, FILL = hw.BM_OP_NOP, hw.BM_OP_COPY, hw.BM_OP_FILL
CRC32C, COPY_CRC32C, COMPARE = hw.BM_OP_CRC32C, hw.BM_OP_COPY_CRC32C, hw.BM_OP_COMPARE
NONE, HOST, LOCAL, SGL = hw.BM_SPACE_NONE, hw.BM_SPACE_HOST, hw.BM_SPACE_LOCAL, hw.BM_SPACE_HOST_SGL
FENCE, NOIRQ = hw.BM_SQE_FENCE, hw.BM_SQE_NOIRQ
CHAIN = hw.BM_SEG_CHAIN
ARM = hw.BM_CQ_HEAD_ARM
MODES = range(hw.BM_INJECT_CQE_DROP, hw.BM_INJECT_END)

Pointer = tuple[int, int, int]  # address, count, space
NOTHING = (0, 0, NONE)


def sqe(op: int, length: int = 0, src: Pointer = NOTHING, dst: Pointer = NOTHING, tag: int = 1,
        flags: int = 0, operand: int = 0) -> bytes:
    """struct bm_hw_sqe."""
    return struct.pack("<BBHIQ", op, flags, tag, length, operand) + \
        struct.pack("<QIB3x", *src) + struct.pack("<QIB3x", *dst) + bytes(16)


def seg(addr: int, length: int, flags: int = 0) -> bytes:
    """struct bm_hw_seg."""
    return struct.pack("<QII", addr, length, flags)


class Walker:
    """The steps of qemu/tests/fuzz/busmaster/walker-fuzz.c."""

    SQ, CQ, LIST, DATA = 0x0000, 0x1000, 0x3000, 0x4000

    def __init__(self, kind: int = 0, outstanding: int = 16, grain: int = 12, order: int = 4) -> None:
        self.steps = bytes([kind, outstanding - 1, grain - 3, order - 1])
        self.tail = 0

    def write(self, addr: int, data: bytes) -> "Walker":
        for at in range(0, len(data), 240):
            part = data[at:at + 240]
            self.steps += struct.pack("<BHB", 0, addr + at, len(part)) + part
        return self

    def submit(self, *sqes: bytes) -> "Walker":
        for one in sqes:
            self.write(self.SQ + 64 * self.tail, one)
            self.tail = self.tail + 1 & 15
        self.steps += bytes([1, len(sqes)])
        return self

    def ack(self, left: int = 0, arm: bool = False) -> "Walker":
        return self.step(2, left * 2 + arm)

    def step(self, *codes: int) -> "Walker":
        self.steps += bytes(codes)
        return self

    RUN, DRAIN, STOP, ENABLE = (3,), (9,), (10,), (11,)


class Device:
    """The operations of QEMU's tests/qtest/fuzz/generic_fuzz.c."""

    SQ, CQ, LIST, DATA = 0x200000, 0x300000, 0x400000, 0x500000
    READ, WRITE, PCI_READ, PCI_WRITE, PATTERN, CLEAR, CLOCK = 2, 3, 4, 5, 7, 8, 9
    REGS, TABLE = 0, 1
    BAR = 0xe0000000  # where it puts the registers

    def __init__(self) -> None:
        self.ops: list[bytes] = []

    @property
    def steps(self) -> bytes:
        return b"FUZZ".join(self.ops)

    def op(self, code: int, data: bytes = b"") -> "Device":
        self.ops.append(bytes([code]) + data)
        return self

    def write(self, reg: int, value: int, size: int = 3, region: int = REGS) -> "Device":
        return self.op(self.WRITE, struct.pack("<BBxxIQ", size, region, reg, value))

    def read(self, reg: int, size: int = 3, region: int = REGS) -> "Device":
        return self.op(self.READ, struct.pack("<BBxxI", size, region, reg))

    def config(self, reg: int, value: int, size: int = 1) -> "Device":
        return self.op(self.PCI_WRITE, struct.pack("<BBBxI", size, 0, reg, value))

    def memory(self, data: bytes, index: int = 0, stride: int = 0) -> "Device":
        """What the next DMA that is not like another finds."""
        return self.op(self.PATTERN, bytes([index, stride]) + data)

    def enable(self, queue: int = 0, order: int = 4, shadow: int = 0) -> "Device":
        self.write(hw.BM_REG_CTRL, hw.BM_CTRL_ENABLE)
        for reg, value in ((hw.BM_QREG_SQ_BASE, self.SQ), (hw.BM_QREG_CQ_BASE, self.CQ), (hw.BM_QREG_ORDER, order),
                           (hw.BM_QREG_SHADOW, shadow), (hw.BM_QREG_CTL, hw.BM_QCTL_ENABLE)):
            self.queue(reg, value, 3, queue)
        return self

    def queue(self, reg: int, value: int, size: int = 2, queue: int = 0) -> "Device":
        return self.write(hw.BM_QUEUE_PAGE(queue) + reg, value, size)

    def tail(self, value: int, queue: int = 0) -> "Device":
        return self.queue(hw.BM_QREG_SQ_TAIL, value, queue=queue)

    def head(self, value: int, queue: int = 0) -> "Device":
        return self.queue(hw.BM_QREG_CQ_HEAD, value, queue=queue)

    def state(self) -> "Device":
        return self.read(hw.BM_QUEUE_PAGE(0) + hw.BM_QREG_STATE)

    def interrupts(self, vectors: int = 3) -> "Device":
        for vector in range(vectors):
            for word, value in (0, 0x600000 + 4 * vector), (8, vector), (12, 0):
                self.write(16 * vector + word, value, 2, self.TABLE)
        return self.config(0x8e, 0x8000)


class Translated(Device):
    """The same behind a virtio-iommu, whose queues and requests are an input's making, too. Addresses are mapped
    to themselves: where memory is to be found, the fuzzer puts it by the address that the device asks for."""

    COMMON, NOTIFY = 3, 6  # its regions, after those of the device
    REQUESTS, EVENTS = 0, 1
    RINGS, OUT, ANSWER = 0x800000, 0x900000, 0x901000
    ATTACH, DETACH, MAP, UNMAP = 1, 2, 3, 4
    ENDPOINT, DOMAIN = 4 << 3, 1  # 00:04.0
    READ_ONLY, BOTH = 1, 3

    def __init__(self) -> None:
        super().__init__()
        self.added = [0, 0]
        self.common(0x00, 0, 2).common(0x08, 0, 2).common(0x0c, 0x7f, 2)
        self.common(0x08, 1, 2).common(0x0c, 1, 2)  # VIRTIO_F_VERSION_1
        for queue in self.REQUESTS, self.EVENTS:
            self.common(0x16, queue, 1)
            for place in range(3):
                self.common(0x20 + 8 * place, self.RINGS + 0x10000 * queue + 0x4000 * place, 2)
            self.common(0x1c, 1, 1)
        self.common(0x14, 0xf, 0)

    def common(self, reg: int, value: int, size: int) -> "Translated":
        return self.write(reg, value, size, self.COMMON)

    def chain(self, queue: int, *buffers: tuple[int, int, bytes]) -> "Translated":
        """What is found in a queue when it is looked at: one chain of (address, length, what is read there)."""
        self.added[queue] += 1
        self.memory(struct.pack("<H", self.added[queue])).memory(struct.pack("<H", 0))
        for number, (addr, length, data) in enumerate(buffers, 1):
            more = number < len(buffers)
            self.memory(struct.pack("<QIHH", addr, length, more + 2 * (not data), number if more else 0))
            self.memory(data or bytes(4))
        return self

    def request(self, kind: int, data: bytes) -> "Translated":
        head = struct.pack("<I", kind)
        self.op(self.CLEAR).chain(self.REQUESTS, (self.OUT, 4 + len(data), head + data), (self.ANSWER, 4, b""))
        return self.write(4 * self.REQUESTS, self.REQUESTS, 1, self.NOTIFY)

    def attach(self, kind: int = ATTACH) -> "Translated":
        return self.request(kind, struct.pack("<III4x", self.DOMAIN, self.ENDPOINT, 0))

    def map(self, start: int, size: int, flags: int = BOTH) -> "Translated":
        return self.request(self.MAP, struct.pack("<IQQQI", self.DOMAIN, start, start + size - 1, start, flags))

    def unmap(self, start: int, size: int) -> "Translated":
        return self.request(self.UNMAP, struct.pack("<IQQ4x", self.DOMAIN, start, start + size - 1))

    def report(self, addr: int) -> "Translated":
        """The next refused address is written to @addr."""
        return self.chain(self.EVENTS, (addr - 16, 24, b""))


def commands(data: int, lists: int) -> list[bytes]:
    """Every operation, and every kind of pointer on either side."""
    host, local, chained = (data, 0, HOST), (0x100, 0, LOCAL), (lists, 2, SGL)
    return [
        sqe(NOP),
        sqe(COPY, 1000, host, local),
        sqe(COPY, 4096, local, (data + 0x1001, 0, HOST)),
        sqe(FILL, 100, NOTHING, host, operand=0x0102030405060708),
        sqe(CRC32C, 256, host, NOTHING, operand=0x12345678),
        sqe(COPY_CRC32C, 200, chained, local),
        sqe(COPY, 200, local, chained, flags=NOIRQ),
        sqe(COMPARE, 200, chained, chained, flags=FENCE),
        sqe(COMPARE, 64, host, local),
    ]


def chain(lists: int, data: int) -> bytes:
    """Two entries, then three more elsewhere."""
    return seg(data, 100) + seg(lists + 64, 3, CHAIN) + bytes(32) + \
        seg(data + 0x200, 50) + seg(data + 0x300, 49) + seg(data + 0x400, 1000)


def walker() -> list[bytes]:
    """Inputs for the walker."""
    seeds = []
    lists = chain(Walker.LIST, Walker.DATA)
    for kind in range(8):
        for grain in (12, 6):
            scene = Walker(kind, grain=grain).write(Walker.LIST, lists)
            scene.submit(*commands(Walker.DATA, Walker.LIST)).step(*Walker.RUN).ack(arm=True)
            seeds.append(scene.steps)
    for command in commands(Walker.DATA, Walker.LIST):
        scene = Walker().write(Walker.LIST, lists)
        seeds.append(scene.submit(command).ack(arm=True).submit(command).step(*Walker.DRAIN).steps)

    # More entries than are fetched at a time, and more submissions than there are slots
    long = Walker().write(Walker.LIST, b"".join(seg(Walker.DATA + 16 * n, 16) for n in range(50)))
    seeds.append(long.submit(sqe(COPY, 800, (Walker.LIST, 50, SGL), (0, 0, LOCAL))).ack().steps)
    full = Walker(outstanding=2, order=5)
    seeds.append(full.submit(*[sqe(FILL, 0x8000, dst=(0x8000, 0, HOST), tag=n) for n in range(12)]).steps)

    loop = Walker().write(Walker.LIST, seg(Walker.LIST, 1, CHAIN))
    seeds.append(loop.submit(sqe(COPY, 64, (Walker.LIST, 1, SGL), (0, 0, LOCAL))).steps)
    loop = Walker().write(Walker.LIST, seg(Walker.DATA, 1) + seg(Walker.LIST, 2, CHAIN))
    seeds.append(loop.submit(sqe(CRC32C, 1 << 20, (Walker.LIST, 2, SGL))).steps)

    far = sqe(CRC32C, 1 << 30, (0, 4096, SGL))
    seeds.append(Walker().submit(far, sqe(NOP, tag=2)).step(5, 1, 0).step(*Walker.RUN).ack().steps)
    seeds.append(Walker().submit(sqe(COPY, 0x6000, (Walker.DATA, 0, HOST), (0x9000, 0, HOST)))
                 .step(6, 5, 2).step(*Walker.STOP).step(*Walker.ENABLE).submit(sqe(NOP)).steps)
    seeds.append(Walker().step(8, 3, 0, 50, 0).submit(sqe(NOP), sqe(NOP, tag=2)).ack(2, True)
                 .step(7, 60, 0).step(*Walker.RUN).steps)
    for mode in MODES:
        scene = Walker().write(Walker.LIST, lists).step(12, mode, 2, 0, 0x50, 0, 0, 0, 0, 0, 0)
        scene.submit(*commands(Walker.DATA, Walker.LIST)).ack(arm=True).step(7, 255, 255)
        seeds.append(scene.step(*Walker.RUN).ack().steps)
    seeds.append(Walker(order=1).submit(sqe(NOP)).submit(sqe(NOP)).ack().submit(sqe(NOP)).ack().steps)
    return seeds


def device() -> list[bytes]:
    """Inputs for QEMU's fuzzer."""
    seeds = []
    entries = seg(Device.DATA, 100) + seg(Device.DATA + 0x1000, 100)
    for command in commands(Device.DATA, Device.LIST):
        scene = Device().interrupts().enable().memory(command, 2, 1).memory(entries)
        seeds.append(scene.tail(3).head(3 | ARM).state().read(hw.BM_REG_MRD_TLPS).steps)
    every = Device().enable()
    for number, command in enumerate(commands(Device.DATA, Device.LIST)):
        every.op(Device.CLEAR).memory(command).memory(entries).tail(number + 1)
    seeds.append(every.head(9).queue(hw.BM_QREG_CTL, 0, 3).steps)

    # More entries than are fetched at a time, and more submissions than there are slots
    long = Device().enable().memory(sqe(COPY, 800, (Device.LIST, 50, SGL), (0, 0, LOCAL)))
    seeds.append(long.memory(seg(Device.DATA, 16)).tail(1).head(1).steps)
    full = Device().enable(order=8).memory(sqe(COPY, 1 << 20, (0x1000000, 0, HOST), (0x2000000, 0, HOST)), 2, 1)
    seeds.append(full.tail(40).tail(80).head(16).steps)

    loop = Device().enable().memory(sqe(CRC32C, 1 << 20, (Device.LIST, 1, SGL)))
    seeds.append(loop.memory(seg(Device.LIST, 1, CHAIN)).tail(1).steps)
    shadow = Device().interrupts().enable(1, 4, 0x700000).memory(struct.pack("<II", 2, 0x10000))
    seeds.append(shadow.memory(sqe(COPY, 64, (Device.DATA, 0, HOST), (0, 0, LOCAL))).tail(0, 1).steps)
    moderated = Device().interrupts().enable().queue(hw.BM_QREG_MODERATION, 0x00320003).memory(sqe(NOP), 2, 1)
    seeds.append(moderated.head(ARM).tail(2).op(Device.CLOCK).tail(5).op(Device.CLOCK).steps)

    # A message that arms the queue again: it comes back into the device, and causes the next
    message = Device().interrupts().enable().memory(sqe(NOP), 2, 1)
    for word, value in (0, Device.BAR + hw.BM_QUEUE_PAGE(0) + hw.BM_QREG_CQ_HEAD), (8, ARM):
        message.write(16 + word, value, 2, Device.TABLE)
    seeds.append(message.head(ARM).tail(2).head(2).steps)

    for mode in MODES:
        scene = Device().interrupts().enable().memory(commands(Device.DATA, Device.LIST)[5])
        scene.memory(entries).write(hw.BM_REG_INJECT_ARG, 20).write(hw.BM_REG_INJECT_COUNT, 2)
        scene.write(hw.BM_REG_INJECT_ARM, hw.BM_INJECT_QUEUE | mode)
        scene.tail(2).head(ARM).op(Device.CLOCK).state().read(hw.BM_REG_INJECT_STATE(mode))
        scene.write(hw.BM_REG_CTRL, hw.BM_CTRL_RESET).write(hw.BM_REG_CTRL, hw.BM_CTRL_ENABLE)
        seeds.append(scene.read(hw.BM_REG_STATUS).steps)

    busy = sqe(COPY, 12 << 20, (0x1000000, 0, HOST), (0x2000000, 0, HOST))
    ends = {
        "disable": lambda scene: scene.write(hw.BM_REG_CTRL, 0),
        "reset": lambda scene: scene.write(hw.BM_REG_CTRL, hw.BM_CTRL_RESET),
        "drain": lambda scene: scene.queue(hw.BM_QREG_CTL, 0, 3).tail(4).queue(hw.BM_QREG_CTL, 1, 3),
        "abort": lambda scene: scene.queue(hw.BM_QREG_ABORT, 1),
        "flr": lambda scene: scene.config(0x58, 0xa810),
        "d3hot": lambda scene: scene.config(0x44, 3).config(0x44, 0),
        "no bus mastering": lambda scene: scene.config(0x04, 2).tail(4).config(0x04, 6),
        "no memory": lambda scene: scene.config(0x04, 4),
        "bar": lambda scene: scene.config(0x10, 0x1000000, 2),
        "masked": lambda scene: scene.config(0x8e, 0xc000).head(ARM),
    }
    for end in ends.values():
        scene = Device().interrupts().enable().memory(busy, 2, 1).tail(3)
        seeds.append(end(scene).state().enable().tail(1).steps)
    return seeds


def iommu() -> list[bytes]:
    """Inputs for QEMU's fuzzer, behind an IOMMU: those that do not know of it, and those that do."""
    seeds = device()
    entries = seg(Device.DATA, 100) + seg(Device.DATA + 0x1000, 100)
    bar = Translated.BAR
    places = {
        "memory": Device.DATA, "CTRL": bar + hw.BM_REG_CTRL,
        "tail": bar + hw.BM_QUEUE_PAGE(0) + hw.BM_QREG_SQ_TAIL, "head": bar + hw.BM_QUEUE_PAGE(0) + hw.BM_QREG_CQ_HEAD,
        "CTL": bar + hw.BM_QUEUE_PAGE(0) + hw.BM_QREG_CTL,
        "abort": bar + hw.BM_QUEUE_PAGE(0) + hw.BM_QREG_ABORT,
        "arm": bar + hw.BM_REG_INJECT_ARM,
    }

    def up(flags: int = Translated.BOTH) -> Translated:
        scene = Translated().attach().map(Device.SQ, 0x100000, flags).map(Device.CQ, 0x300000)
        return scene.enable().op(Device.CLEAR)

    # All is mapped, then no more, then the endpoint is on its own
    for command in commands(Device.DATA, Device.LIST):
        scene = up().memory(command, 2, 1).memory(entries)
        scene.tail(3).head(3 | ARM).unmap(Device.DATA, 0x100000).op(Device.CLEAR).memory(command, 2, 1)
        scene.tail(4).attach(Translated.DETACH).op(Device.CLEAR).memory(command).tail(5)
        seeds.append(scene.state().read(hw.BM_REG_FAULT_INFO).steps)
    # Refused, and the report goes to any place
    for place in places.values():
        for value in 0x1000002, hw.BM_CTRL_RESET, 0:
            scene = up().memory(sqe(COPY, 64, (value, 0, HOST), (0, 0, LOCAL)))
            seeds.append(scene.report(place).tail(1).state().head(1).steps)
    # The write over a submission that may only be read
    scene = up(Translated.READ_ONLY).write(hw.BM_REG_INJECT_COUNT, 1)
    scene.write(hw.BM_REG_INJECT_ARM, hw.BM_INJECT_QUEUE | hw.BM_INJECT_SQE_CHANGE)
    seeds.append(scene.memory(commands(Device.DATA, Device.LIST)[1]).report(places["CTRL"]).tail(1).state().steps)
    # A ring, and doorbells, that are nowhere
    scene = Translated().attach().map(Device.SQ, 0x100000).enable().op(Device.CLEAR).memory(sqe(NOP))
    seeds.append(scene.report(places["CTL"]).tail(1).state().steps)
    scene = Translated().attach().map(Device.SQ, 0x200000).enable(shadow=0x700000).op(Device.CLEAR)
    seeds.append(scene.report(places["tail"]).tail(0).state().steps)
    return seeds


def words() -> dict[str, bytes]:
    """Words of the contract that random bytes would seldom be."""
    found = {"separator": b"FUZZ", "arm": struct.pack("<I", ARM), "no_tag": struct.pack("<H", hw.BM_TAG_NONE),
             "last_byte": bytes([255] * 8), "four_gib": struct.pack("<Q", 1 << 32),
             "largest": struct.pack("<I", 1 << 30), "too_large": struct.pack("<I", (1 << 30) + 1)}
    # Registers, as in an operation of the generic fuzzer: offset, no padding
    registers = {name: value for name, value in vars(hw).items()
                 if name.startswith(("BM_REG_", "BM_QREG_")) and isinstance(value, int)}
    for name, value in registers.items():
        page = hw.BM_QUEUE_PAGE(0) if name.startswith("BM_QREG_") else 0
        found[name] = struct.pack("<I", page + value)
    found["second_queue"] = struct.pack("<I", hw.BM_QUEUE_PAGE(1))
    # A pointer's count and space, a segment's length and flags
    for name, count, space in (("host", 0, HOST), ("local", 0, LOCAL), ("list_of_one", 1, SGL),
                               ("longest_list", 4096, SGL), ("chain_to_one", 1, CHAIN), ("page", 4096, 0)):
        found[name] = struct.pack("<II", count, space)
    return found
