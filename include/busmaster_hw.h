/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * busmaster: the hardware contract.
 *
 * Registers, descriptors and codes of the busmaster PCI Express DMA engine. The
 * driver, the QEMU device and all tests compile this one file, so they cannot
 * disagree; the data sheet, qemu/docs/specs/busmaster.rst, says in prose what each
 * name means. A rule that is written in only one of the two places is a bug.
 *
 * Everything is little-endian. Masks are given in place: a field's value is read
 * by FIELD_GET() in the kernel and by BM_GET() elsewhere.
 */
#ifndef BUSMASTER_HW_H
#define BUSMASTER_HW_H

#if defined(__KERNEL__) || defined(__linux__)
#include <linux/types.h>
#else /* the QEMU device on another host */
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef __u16 __le16;
typedef __u32 __le32;
typedef __u64 __le64;
#endif

#ifdef __KERNEL__
#include <linux/build_bug.h>
#else
#include <assert.h>
/* The kernel has FIELD_GET() and FIELD_PREP(); these are the same for others. */
#define BM_GET(mask, reg) (((__u64)(reg) & (__u64)(mask)) / ((__u64)(mask) & -(__u64)(mask)))
#define BM_PREP(mask, val) (((__u64)(val) * ((__u64)(mask) & -(__u64)(mask))) & (__u64)(mask))
#endif

/* PCI identity: the range that QEMU sets aside for experiments. */
#define BM_PCI_VENDOR_ID 0x1af4
#define BM_PCI_DEVICE_ID 0x10f0
#define BM_PCI_DEVICE_ID_VF 0x10f1
#define BM_PCI_CLASS 0x080100 /* system peripheral, DMA controller */

#define BM_BAR_REGS 0 /* controller page, then one page a queue */
#define BM_BAR_MEM 2 /* device-local memory */
#define BM_BAR_MSIX 4 /* MSI-X table and pending bits */

#define BM_VECTOR_EVENT 0 /* controller events */
#define BM_VECTOR_QUEUE(q) ((q) + 1)

/*
 * Access: registers are 8 bytes apart. Each is read and written by one aligned
 * access of 4 or 8 bytes; the upper half of a 32-bit register reads as zero.
 */
#define BM_PAGE_SIZE 0x1000u /* bytes in the controller page and in a queue page */
#define BM_QUEUE_PAGE(q) (BM_PAGE_SIZE * ((q) + 1))
#define BM_MAX_QUEUES 64

/*
 * Controller page
 */
#define BM_REG_ID 0x000 /* RO, 64 bit */
#define BM_ID_MAGIC 0x00000000ffffffffull
#define BM_ID_MINOR 0x0000ffff00000000ull
#define BM_ID_MAJOR 0xffff000000000000ull
#define BM_MAGIC 0x4d535542u /* "BUSM" */
#define BM_VERSION_MAJOR 1 /* a driver refuses another one */
#define BM_VERSION_MINOR 2 /* a driver accepts any */

#define BM_REG_CAP 0x008 /* RO, 64 bit */
#define BM_CAP_QUEUES 0x00000000000000ffull /* queue pairs, 1 to BM_MAX_QUEUES */
#define BM_CAP_MAX_ORDER 0x000000000000ff00ull /* largest ring: log2 of its entries */
#define BM_CAP_DMA_BITS 0x0000000000ff0000ull /* width of a bus address, 32 to 64 */
#define BM_CAP_XFER_ORDER 0x00000000ff000000ull /* largest command: log2 of its bytes */
#define BM_CAP_SGL_MAX 0x0000ffff00000000ull /* most SGL entries a pointer may use */

#define BM_REG_CAP2 0x010 /* RO, 64 bit */
#define BM_CAP2_OPS 0x00000000ffffffffull /* bit n: opcode n is supported */
#define BM_CAP2_FEATURES 0xffffffff00000000ull /* BM_FEAT_* */
#define BM_FEAT_MODERATION 0x1u /* BM_QREG_MODERATION works */
#define BM_FEAT_SHADOW 0x2u /* BM_QREG_SHADOW works */
#define BM_FEAT_FAULTS 0x4u /* the fault-injection window is there */
#define BM_FEAT_WRITE_FAULTS 0x8u /* refused writes are told, as reads are; since minor 1 */
#define BM_FEAT_PEERS 0x10u /* what goes to peers is counted apart; since minor 2 */
#define BM_FEAT_CLOCK 0x20u /* BM_REG_CLOCK is there; since minor 2 */

#define BM_REG_MEM_SIZE 0x018 /* RO, 64 bit: bytes of device-local memory */

#define BM_REG_CTRL 0x020 /* RW, 32 bit */
#define BM_CTRL_ENABLE 0x1u /* queues may run */
#define BM_CTRL_RESET 0x2u /* write 1: reset; reads 1 until it is done */

#define BM_REG_STATUS 0x028 /* RO, 32 bit */
#define BM_STATUS_READY 0x1u /* enabled, and queues may be enabled */
#define BM_STATUS_FATAL 0x2u /* nothing runs until a reset */
#define BM_STATUS_CAUSE 0x0000ff00u /* enum bm_fatal */

#define BM_REG_HALTED 0x030 /* RO, 64 bit: bit q: queue q is halted */

#define BM_REG_FAULT_ADDR 0x040 /* RO, 64 bit: bus address of the last refused DMA */
#define BM_REG_FAULT_INFO 0x048 /* RO, 64 bit */
#define BM_FAULT_TAG 0x000000000000ffffull /* tag; all ones: the fault was on a ring */
#define BM_FAULT_QUEUE 0x0000000000ff0000ull
#define BM_FAULT_WRITE 0x0000000001000000ull /* 0: a read was refused, 1: a write */
#define BM_FAULT_VALID 0x0000000080000000ull /* there was a fault since the last reset */
#define BM_FAULT_COUNT 0xffffffff00000000ull /* faults since the last reset */

/*
 * Transactions since the last reset, as PCI Express would split them: no request
 * crosses a multiple of Max_Read_Request_Size or Max_Payload_Size, and hence none
 * crosses a 4 KiB boundary.
 */
#define BM_REG_MRD_TLPS 0x080 /* RO, 64 bit: Memory Read requests */
#define BM_REG_MRD_BYTES 0x088 /* RO, 64 bit: bytes they asked for */
#define BM_REG_MWR_TLPS 0x090 /* RO, 64 bit: Memory Write requests */
#define BM_REG_MWR_BYTES 0x098 /* RO, 64 bit: bytes they carried */
#define BM_REG_MSG_TLPS 0x0a0 /* RO, 64 bit: interrupt messages (MSI-X writes) */

#define BM_REG_CLOCK 0x0b0 /* RO, 64 bit: the device's clock, in ns; BM_FEAT_CLOCK */

/* BM_FEAT_PEERS: of the first four, what the memory of devices, not RAM, was asked or got. */
#define BM_REG_PEER_MRD_TLPS 0x0c0 /* RO, 64 bit */
#define BM_REG_PEER_MRD_BYTES 0x0c8 /* RO, 64 bit */
#define BM_REG_PEER_MWR_TLPS 0x0d0 /* RO, 64 bit */
#define BM_REG_PEER_MWR_BYTES 0x0d8 /* RO, 64 bit */

/*
 * BM_FEAT_FAULTS: the device can be made to misbehave, for tests. To arm a mode, write
 * its argument and the count, then ARM. The window itself always works.
 *
 * CTRL.RESET leaves the modes as they are. A function reset (FLR, hot reset, power-on)
 * sets each to what its QEMU property says, which by default is off.
 */
#define BM_REG_INJECT 0x800 /* the window, to the page's end */
#define BM_REG_INJECT_MODES 0x800 /* RO, 64 bit: bit n: mode n is there */
#define BM_REG_INJECT_ARG 0x808 /* RW, 64 bit: enum bm_inject says what of; 0: its default */
#define BM_REG_INJECT_COUNT 0x810 /* RW, 32 bit: events that are hit; 0: none, disarm */
#define BM_INJECT_ALWAYS 0xffffffffu /* all events, until disarmed */
#define BM_REG_INJECT_ARM 0x818 /* WO, 32 bit */
#define BM_INJECT_MODE 0x000000ffu /* enum bm_inject */
#define BM_INJECT_QUEUE 0x0000ff00u /* which queue's events; of a mode of the device: all */
#define BM_INJECT_ALL_QUEUES 0xffu
#define BM_REG_INJECT_STATE(mode) (0xa00 + 8 * (mode)) /* RO, 64 bit */
#define BM_INJECT_FIRED 0x00000000ffffffffull /* events hit since it was armed */
#define BM_INJECT_LEFT 0xffffffff00000000ull /* events still to be hit, or BM_INJECT_ALWAYS */

/*
 * The modes. The event of a mode, of which it hits INJECT_COUNT: a completion that is
 * about to be posted, a queue's interrupt that is about to be raised (ROGUE_MSI as well),
 * a command that was fetched (ROGUE_READ, ROGUE_WRITE: a COPY; SGL_CHANGE: entries of a
 * list; AER_*: any), an event index that is about to be published, a register read
 * (READS_*), a write of CTRL (*_IGNORE), a read of host memory for a command (POISONED).
 * INJECT_STATE counts these.
 */
enum bm_inject {
	/* completions */
	BM_INJECT_CQE_DROP = 1, /* never posted, and forgotten */
	BM_INJECT_CQE_DUPLICATE = 2, /* posted twice */
	BM_INJECT_CQE_DELAY = 3, /* posted ARG microseconds late; 100,000 */
	BM_INJECT_CQE_TEAR = 4, /* the status word alone; the rest ARG us later; 1,000 */
	BM_INJECT_CQE_MUTATE = 5, /* some bits flipped; ARG: seed */
	BM_INJECT_TAG_RANGE = 6, /* tag ARG; 0xfffe, beyond all queues */
	BM_INJECT_TAG_FREE = 7, /* the nearest tag that no command has that the device holds */
	BM_INJECT_TAG_STALE = 8, /* tag xor ARG; 0x8000 */
	BM_INJECT_PHASE = 9, /* with the phase bit of the pass before */
	BM_INJECT_SQ_HEAD = 10, /* sq_head xor ARG; 0x8000 */
	BM_INJECT_STATUS = 11, /* status ARG; 0x7f, which is none */
	BM_INJECT_INFO = 12, /* info ARG; all ones */

	/* interrupts */
	BM_INJECT_IRQ_SKIP = 13, /* disarmed, but not raised */
	BM_INJECT_IRQ_SPURIOUS = 14, /* raised once more ARG us later, for nothing; 10,000 */

	/* commands */
	BM_INJECT_HANG = 15, /* the queue does nothing more, nor drains, until CTRL stops it */
	BM_INJECT_HALT = 16, /* the queue halts, cause ARG; 0x7f, which is none */
	BM_INJECT_FATAL = 17, /* STATUS.FATAL, cause ARG; BM_FATAL_INTERNAL */
	BM_INJECT_ROGUE_READ = 18, /* COPY reads bus address ARG instead of its src */
	BM_INJECT_ROGUE_WRITE = 19, /* COPY writes bus address ARG, not its dst */
	BM_INJECT_SQE_CHANGE = 20, /* its ring entry is overwritten with ones */
	BM_INJECT_SGL_CHANGE = 21, /* SGL entries likewise, once they were fetched */

	/* shadow doorbells */
	BM_INJECT_EVENT_LOST = 22, /* sq_event is not what was published: all ones */

	/* the device as a whole */
	BM_INJECT_READS_ONES = 23, /* a read gives all ones; writes are lost meanwhile */
	BM_INJECT_READS_ZEROS = 24, /* likewise, zeros */
	BM_INJECT_RESET_IGNORE = 25, /* CTRL.RESET stays 1, and nothing is reset */
	BM_INJECT_ENABLE_IGNORE = 26, /* CTRL.ENABLE does not make it READY */

	/* what a bus carries beside data; since minor 1 */
	BM_INJECT_ROGUE_MSI = 27, /* a message, BM_ROGUE_MSI_*; data 0 to address 0xfee00000 */
	BM_INJECT_AER_CORRECTABLE = 28, /* ARG: bit of Correctable Error Status; 0x1 */
	BM_INJECT_AER_NONFATAL = 29, /* of Uncorrectable Error Status; 0x4000 */
	BM_INJECT_AER_FATAL = 30, /* likewise; 0x10 */
	BM_INJECT_POISONED = 31, /* the data that was read is not to be used */
	BM_INJECT_END, /* one more than the last */
};

/* ARG of ROGUE_MSI: where a bus sends a CPU its interrupts is below 4 GiB. */
#define BM_ROGUE_MSI_DATA 0x00000000ffffffffull
#define BM_ROGUE_MSI_ADDR 0xffffffff00000000ull

/* By these QEMU's properties (x-inject-NAME) and the driver's debugfs know them. */
#define BM_INJECT_NAMES {                                      \
	[BM_INJECT_CQE_DROP] = "cqe-drop",                     \
	[BM_INJECT_CQE_DUPLICATE] = "cqe-duplicate",           \
	[BM_INJECT_CQE_DELAY] = "cqe-delay",                   \
	[BM_INJECT_CQE_TEAR] = "cqe-tear",                     \
	[BM_INJECT_CQE_MUTATE] = "cqe-mutate",                 \
	[BM_INJECT_TAG_RANGE] = "tag-range",                   \
	[BM_INJECT_TAG_FREE] = "tag-free",                     \
	[BM_INJECT_TAG_STALE] = "tag-stale",                   \
	[BM_INJECT_PHASE] = "phase",                           \
	[BM_INJECT_SQ_HEAD] = "sq-head",                       \
	[BM_INJECT_STATUS] = "status",                         \
	[BM_INJECT_INFO] = "info",                             \
	[BM_INJECT_IRQ_SKIP] = "irq-skip",                     \
	[BM_INJECT_IRQ_SPURIOUS] = "irq-spurious",             \
	[BM_INJECT_HANG] = "hang",                             \
	[BM_INJECT_HALT] = "halt",                             \
	[BM_INJECT_FATAL] = "fatal",                           \
	[BM_INJECT_ROGUE_READ] = "rogue-read",                 \
	[BM_INJECT_ROGUE_WRITE] = "rogue-write",               \
	[BM_INJECT_SQE_CHANGE] = "sqe-change",                 \
	[BM_INJECT_SGL_CHANGE] = "sgl-change",                 \
	[BM_INJECT_EVENT_LOST] = "event-lost",                 \
	[BM_INJECT_READS_ONES] = "reads-ones",                 \
	[BM_INJECT_READS_ZEROS] = "reads-zeros",               \
	[BM_INJECT_RESET_IGNORE] = "reset-ignore",             \
	[BM_INJECT_ENABLE_IGNORE] = "enable-ignore",           \
	[BM_INJECT_ROGUE_MSI] = "rogue-msi",                   \
	[BM_INJECT_AER_CORRECTABLE] = "aer-correctable",       \
	[BM_INJECT_AER_NONFATAL] = "aer-nonfatal",             \
	[BM_INJECT_AER_FATAL] = "aer-fatal",                   \
	[BM_INJECT_POISONED] = "poisoned",                     \
}

enum bm_fatal {
	BM_FATAL_NONE = 0,
	BM_FATAL_INTERNAL = 1, /* the device found its own state inconsistent */
};

/*
 * Queue page
 */
#define BM_QREG_SQ_TAIL 0x00 /* RW, 32 bit: index of the first entry not yet submitted */
#define BM_QREG_CQ_HEAD 0x08 /* RW, 32 bit: index of the next completion to be consumed */
#define BM_CQ_HEAD_INDEX 0x0000ffffu
#define BM_CQ_HEAD_ARM 0x80000000u /* raise the vector once for what lies beyond */

/* The geometry is writable only while the queue is disabled. */
#define BM_QREG_SQ_BASE 0x40 /* RW, 64 bit: bus address, a multiple of BM_RING_ALIGN */
#define BM_QREG_CQ_BASE 0x48 /* RW, 64 bit: bus address, a multiple of BM_RING_ALIGN */
#define BM_QREG_ORDER 0x50 /* RW, 32 bit: log2 of the entries of both rings */

/*
 * BM_FEAT_MODERATION. Writable at any time: hold the vector back until COUNT
 * completions are there that the driver has not seen, or until USECS microseconds
 * have passed since the first of them. At once if COUNT is below 2 or USECS is 0.
 */
#define BM_QREG_MODERATION 0x58 /* RW, 32 bit */
#define BM_MODERATION_COUNT 0x0000ffffu
#define BM_MODERATION_USECS 0xffff0000u

#define BM_QREG_CTL 0x60 /* RW, 32 bit */
#define BM_QCTL_ENABLE 0x1u /* 1: run. 0: drain, then be disabled */

#define BM_QREG_STATE 0x68 /* RO, 32 bit */
#define BM_QSTATE_STATE 0x000000ffu /* enum bm_qstate */
#define BM_QSTATE_CAUSE 0x0000ff00u /* enum bm_halt */

#define BM_QREG_ABORT 0x70 /* WO, 32 bit: end the active command with this tag */
#define BM_QREG_SHADOW 0x78 /* RW, 64 bit, as the geometry: struct bm_hw_shadow; 0: none */

#define BM_RING_ALIGN 0x1000u
#define BM_SHADOW_ALIGN 0x80u
#define BM_MIN_ORDER 1 /* a ring of 2^order entries holds 2^order - 1 commands */

enum bm_qstate {
	BM_QSTATE_DISABLED = 0,
	BM_QSTATE_RUNNING = 1,
	BM_QSTATE_DRAINING = 2, /* no more fetches; active commands finish */
	BM_QSTATE_HALTED = 3, /* until CTL.ENABLE is cleared */
};

enum bm_halt {
	BM_HALT_NONE = 0,
	BM_HALT_BAD_GEOMETRY = 1, /* enabled with a base or an order out of bounds */
	BM_HALT_BAD_TAIL = 2, /* SQ_TAIL, or its shadow, outside the ring */
	BM_HALT_BAD_HEAD = 3, /* CQ_HEAD, or its shadow, not between the old head and the tail */
	BM_HALT_SQ_FAULT = 4, /* DMA refused while fetching a submission */
	BM_HALT_CQ_FAULT = 5, /* DMA refused while writing a completion */
	BM_HALT_SHADOW_FAULT = 6, /* DMA refused on the shadow doorbells */
};

/*
 * Descriptors
 */
enum bm_op {
	BM_OP_NOP = 0,
	BM_OP_COPY = 1, /* dst = src */
	BM_OP_FILL = 2, /* dst = operand, repeated, least significant byte first */
	BM_OP_CRC32C = 3, /* info = CRC-32C of src, continued from operand */
	BM_OP_COPY_CRC32C = 4, /* both */
	BM_OP_COMPARE = 5, /* src == dst? both are read; info = first difference */
};

enum bm_space {
	BM_SPACE_NONE = 0, /* the operation does not use this pointer: all zero */
	BM_SPACE_HOST = 1, /* addr is a bus address; count is zero */
	BM_SPACE_LOCAL = 2, /* addr is an offset in device memory; count is zero */
	BM_SPACE_HOST_SGL = 3, /* addr is that of an SGL of count entries */
};

/**
 * struct bm_hw_ptr - where one side of a command lives
 * @addr: bus address, device memory offset, or bus address of an SGL (16-byte aligned)
 * @count: entries in the first list of an SGL, a chain entry included; otherwise zero
 * @space: enum bm_space
 * @reserved: zero
 */
struct bm_hw_ptr {
	__le64 addr;
	__le32 count;
	__u8 space;
	__u8 reserved[3];
};

/**
 * struct bm_hw_seg - an SGL entry: a segment of host memory, or a chain to more
 * @addr: bus address of the data, or of the next list (16-byte aligned)
 * @length: bytes of data, not zero; in a chain entry the entries of the next list
 * @flags: BM_SEG_*
 *
 * A chain entry is the last of its list. Chain entries count as entries in
 * BM_CAP_SGL_MAX. A list describes at least the command's length; the rest of it
 * is not used.
 */
struct bm_hw_seg {
	__le64 addr;
	__le32 length;
	__le32 flags;
};

#define BM_SEG_CHAIN 0x1u

/**
 * struct bm_hw_sqe - a submission
 * @opcode: enum bm_op
 * @flags: BM_SQE_*
 * @tag: the driver's name for the command, returned in its completion
 * @length: bytes to work on, 1 to the device's limit; NOP: zero
 * @operand: FILL: pattern. CRC32C, COPY_CRC32C: seed in the lower 32 bits, the rest zero.
 *           Others: zero
 * @src: COPY, CRC32C, COPY_CRC32C, COMPARE: what is read
 * @dst: COPY, FILL, COPY_CRC32C: what is written; COMPARE: the other side that is read
 * @reserved: zero
 */
struct bm_hw_sqe {
	__u8 opcode;
	__u8 flags;
	__le16 tag;
	__le32 length;
	__le64 operand;
	struct bm_hw_ptr src;
	struct bm_hw_ptr dst;
	__u8 reserved[16];
};

#define BM_SQE_FENCE 0x1u /* start after all before it, and before all after it */
#define BM_SQE_NOIRQ 0x2u /* this completion alone raises no interrupt */
#define BM_TAG_NONE 0xffffu /* not a command's tag */

/**
 * struct bm_hw_cqe - a completion
 * @info: CRC, first difference, or faulting bus address; otherwise zero
 * @sq_head: index of the first submission that the device has not fetched yet
 * @tag: whose completion this is
 * @status: BM_CQE_PHASE and BM_CQE_STATUS; the device writes this word last, alone
 *
 * The phase bit is 1 in a ring's first pass and changes with each wrap. A driver
 * clears the ring before it enables the queue.
 */
struct bm_hw_cqe {
	__le64 info;
	__le16 sq_head;
	__le16 tag;
	__le32 status;
};

#define BM_CQE_STATUS 0x000000ffu /* enum bm_status */
#define BM_CQE_PHASE 0x80000000u

/**
 * struct bm_hw_shadow - BM_FEAT_SHADOW: doorbells in host memory
 * @sq_tail: driver: takes the place of BM_QREG_SQ_TAIL's value
 * @cq_head: driver: BM_SHADOW_HEAD takes the place of BM_QREG_CQ_HEAD's index; a change
 *	of BM_SHADOW_ARM is what BM_CQ_HEAD_ARM is there
 * @reserved0: not used
 * @sq_event: device: it sleeps; write BM_QREG_SQ_TAIL when the tail passes this index
 * @cq_event: device: its ring is full; write BM_QREG_CQ_HEAD when the head passes this
 *	index. All ones: never
 * @reserved1: not used
 *
 * A write of those registers is then a mere wake-up; the values are taken from here. To
 * pass an index is to move from it, or from before it, to behind it. Each side writes
 * its words in one half, and after a write there, before it looks at what the other
 * side has written (an event, a completion, a tail), it has a full barrier.
 *
 * The driver clears all of it and sets @cq_event to all ones before it enables the queue.
 */
struct bm_hw_shadow {
	__le32 sq_tail;
	__le32 cq_head;
	__u8 reserved0[56];
	__le32 sq_event;
	__le32 cq_event;
	__u8 reserved1[56];
};

#define BM_SHADOW_HEAD 0x0000ffffu
#define BM_SHADOW_ARM 0xffff0000u /* counts up, and wraps, with each arming */
#define BM_EVENT_NONE 0xffffffffu

enum bm_status {
	BM_ST_SUCCESS = 0x00,
	BM_ST_MISCOMPARE = 0x01, /* COMPARE: info is the offset of the first difference */

	/* the submission is wrong: nothing was moved */
	BM_ST_BAD_OPCODE = 0x10,
	BM_ST_BAD_FIELD = 0x11, /* a reserved or unused field is not zero */
	BM_ST_BAD_LENGTH = 0x12, /* zero, or above the device's limit */
	BM_ST_BAD_SPACE = 0x13, /* unknown, or not one this operation takes */
	BM_ST_BAD_RANGE = 0x14, /* address + length leaves device memory, or wraps at 2^64 */

	/* a list is wrong: part of the data may have been moved */
	BM_ST_BAD_SGL = 0x18, /* empty, misaligned, too short, or an entry is invalid */
	BM_ST_SGL_TOO_LONG = 0x19, /* more entries than BM_CAP_SGL_MAX */

	/* the bus said no: info is the bus address */
	BM_ST_DMA_READ_FAULT = 0x20,
	BM_ST_DMA_WRITE_FAULT = 0x21,

	BM_ST_ABORTED = 0x30, /* by BM_QREG_ABORT */
};

#define BM_ASSERT_LAYOUT(what, is) static_assert((what) == (is), #what " is " #is)
BM_ASSERT_LAYOUT(sizeof(struct bm_hw_ptr), 16);
BM_ASSERT_LAYOUT(sizeof(struct bm_hw_seg), 16);
BM_ASSERT_LAYOUT(sizeof(struct bm_hw_sqe), 64);
BM_ASSERT_LAYOUT(sizeof(struct bm_hw_cqe), 16);
BM_ASSERT_LAYOUT(sizeof(struct bm_hw_shadow), 128);
BM_ASSERT_LAYOUT(__builtin_offsetof(struct bm_hw_ptr, count), 8);
BM_ASSERT_LAYOUT(__builtin_offsetof(struct bm_hw_ptr, space), 12);
BM_ASSERT_LAYOUT(__builtin_offsetof(struct bm_hw_seg, length), 8);
BM_ASSERT_LAYOUT(__builtin_offsetof(struct bm_hw_seg, flags), 12);
BM_ASSERT_LAYOUT(__builtin_offsetof(struct bm_hw_sqe, tag), 2);
BM_ASSERT_LAYOUT(__builtin_offsetof(struct bm_hw_sqe, length), 4);
BM_ASSERT_LAYOUT(__builtin_offsetof(struct bm_hw_sqe, operand), 8);
BM_ASSERT_LAYOUT(__builtin_offsetof(struct bm_hw_sqe, src), 16);
BM_ASSERT_LAYOUT(__builtin_offsetof(struct bm_hw_sqe, dst), 32);
BM_ASSERT_LAYOUT(__builtin_offsetof(struct bm_hw_sqe, reserved), 48);
BM_ASSERT_LAYOUT(__builtin_offsetof(struct bm_hw_cqe, sq_head), 8);
BM_ASSERT_LAYOUT(__builtin_offsetof(struct bm_hw_cqe, tag), 10);
BM_ASSERT_LAYOUT(__builtin_offsetof(struct bm_hw_cqe, status), 12);
BM_ASSERT_LAYOUT(__builtin_offsetof(struct bm_hw_shadow, cq_head), 4);
BM_ASSERT_LAYOUT(__builtin_offsetof(struct bm_hw_shadow, sq_event), 64);
BM_ASSERT_LAYOUT(__builtin_offsetof(struct bm_hw_shadow, cq_event), 68);

#endif /* BUSMASTER_HW_H */
