/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * busmaster: what a file cannot carry, by ioctl or io_uring command on /dev/busmasterN.
 *
 * BUSMASTER_IOC_INFO says what there is: nothing of it is to be compiled into a program.
 * BUSMASTER_IOC_OP lets the device copy, fill, compare and compute CRCs, between
 * buffers of the caller and device memory in any combination, at any alignment; and between
 * its memory and that of others, which comes as a file descriptor.
 * BUSMASTER_IOC_EXPORT makes such a descriptor, a dma-buf, of a range of device memory.
 *
 * All structures have the same layout for 32-bit and 64-bit callers, and all begin
 * with their size, by which they are versioned: a newer kernel takes an older, smaller
 * structure, and an older kernel takes a newer, larger one if what it does not know is
 * zero. The size that an ioctl number contains is not looked at. What is called reserved
 * is to be zero.
 *
 * As an io_uring command (IORING_OP_URING_CMD) BUSMASTER_IOC_OP ends asynchronously:
 * cmd_op is the ioctl's number, and the first 8 bytes of the SQE's command area are the
 * address of the structure, the second 8 bytes zero. The completion's res is 0 or a
 * negative errno; @result was written before. The structure is to stay until then.
 * Rings with IORING_SETUP_IOPOLL take it where the kernel lets them (7.3 does), and complete
 * it by interrupt; else that is -EOPNOTSUPP.
 */
#ifndef _UAPI_LINUX_BUSMASTER_H
#define _UAPI_LINUX_BUSMASTER_H

#include <linux/ioctl.h>
#include <linux/types.h>

#ifdef __KERNEL__
#include <linux/build_bug.h>
#else
#include <assert.h>
#endif

/**
 * struct busmaster_info - geometry and limits of a device
 * @size: in: of the structure in bytes, BUSMASTER_INFO_SIZE_VER0 at least; out: bytes that
 *	the driver has filled: what lies behind is zero, as this driver does not know it
 * @reserved: zero
 * @mem_size: bytes of device memory
 * @max_command: bytes that an io_uring command can carry, whatever its alignment; an
 *	ioctl has no such limit
 * @version_major: of the hardware interface
 * @version_minor: of the hardware interface
 * @ops: bit n: the device has operation n of enum busmaster_op_code
 * @queues: queue pairs in use that interrupt
 * @poll_queues: queue pairs in use that are polled
 * @queue_depth: commands that each keeps outstanding at most
 * @dma_bits: width of a bus address
 * @timeout_ms: milliseconds in which a queue with commands in flight completes none, after
 *	which the driver resets the device
 *
 * BUSMASTER_IOC_INFO returns 0; -EINVAL if @size is too small or @reserved not zero;
 * -E2BIG if @size is larger than the driver knows and what it does not know is not zero;
 * -EFAULT; -ENODEV if the device is gone.
 */
struct busmaster_info {
	__u32 size;
	__u32 reserved;
	__u64 mem_size;
	__u64 max_command;
	__u32 version_major;
	__u32 version_minor;
	__u32 ops;
	__u32 queues;
	__u32 poll_queues;
	__u32 queue_depth;
	__u32 dma_bits;
	__u32 timeout_ms;
};

#define BUSMASTER_INFO_SIZE_VER0 56

/**
 * enum busmaster_op_code - what the device is to do
 * @BUSMASTER_OP_COPY: dst = src; they may not overlap
 * @BUSMASTER_OP_FILL: dst = the 8 bytes of @operand, least significant first, repeated
 * @BUSMASTER_OP_CRC32C: result = CRC-32C of src; @operand is the CRC of what came before
 *	it, 0 for nothing. That of "123456789" is 0xe3069283
 * @BUSMASTER_OP_COPY_CRC32C: both: the CRC is that of what was read
 * @BUSMASTER_OP_COMPARE: result = offset of the first byte in which src and dst differ,
 *	@length if there is none
 */
enum busmaster_op_code {
	BUSMASTER_OP_COPY = 1,
	BUSMASTER_OP_FILL = 2,
	BUSMASTER_OP_CRC32C = 3,
	BUSMASTER_OP_COPY_CRC32C = 4,
	BUSMASTER_OP_COMPARE = 5,
};

/**
 * enum busmaster_space - where one side of an operation lives
 * @BUSMASTER_NONE: the operation has no such side: all of the side is zero
 * @BUSMASTER_USER: in the caller's memory
 * @BUSMASTER_DEVICE: in the device's memory
 * @BUSMASTER_FD: in a dma-buf; or in the memory of another device of this driver, whose file
 *	it is
 */
enum busmaster_space {
	BUSMASTER_NONE = 0,
	BUSMASTER_USER = 1,
	BUSMASTER_DEVICE = 2,
	BUSMASTER_FD = 3,
};

/**
 * struct busmaster_side - one side of an operation
 * @addr: address of a buffer, or offset in device memory or in what @fd stands for, in bytes; of
 *	any alignment
 * @space: enum busmaster_space
 * @fd: BUSMASTER_FD: file descriptor; else zero
 */
struct busmaster_side {
	__u64 addr;
	__u32 space;
	__s32 fd;
};

/**
 * struct busmaster_op - an operation, and its result
 * @size: of the structure in bytes, BUSMASTER_OP_SIZE_VER0 at least
 * @op: enum busmaster_op_code
 * @length: bytes to work on, not 0
 * @operand: FILL: the pattern. CRC32C, COPY_CRC32C: the seed, 32 bits. Others: zero
 * @src: what is read; FILL has none
 * @dst: what is written; COMPARE: the other side that is read; CRC32C has none
 * @timeout_ms: milliseconds that an ioctl waits for the device, and for what others use, 1 to
 *	BUSMASTER_MAX_TIMEOUT_MS; 0: no limit but the driver's own, by which each command
 *	ends. An io_uring command has the latter only: zero
 * @reserved: zero
 * @result: out, on success: a CRC, or the offset of the first difference, see
 *	enum busmaster_op_code; others: zero
 *
 * The device file is to be open for reading if device memory is read, for writing if it
 * is written, and so is what a file descriptor stands for. With BUSMASTER_FD on one side
 * the other, if there is one, is in device memory; and an io_uring command has no such
 * side. After an error that is marked * the destination may have been written in part, in
 * no particular order; after the others nothing was done.
 *
 * BUSMASTER_IOC_OP returns 0, or
 *
 * -EINVAL: @size is too small; unknown @op; @length 0; a side that the operation does not
 *	have, or lacks; overlap; @operand, @timeout_ms or a reserved field out of bounds
 * -E2BIG: @size is larger than the driver knows, and what it does not know is not zero
 * -EOPNOTSUPP: the device does not have this operation; or BUSMASTER_FD: the kernel has no dma-bufs
 *	that we know, or who exports this one does not lend it to devices like this
 * -EREMOTEIO: a side is memory of a device which this one does not reach: the kernel log says why;
 *	or its own, lent or as a file descriptor, as no bus leads back to it
 * -EBUSY*: others use the memory of a file descriptor for longer than the driver waits;
 *	than @timeout_ms is -ETIMEDOUT
 * -ERANGE: a side leaves device memory, or what its file descriptor stands for
 * -EBADF: the file is not open for that; or BUSMASTER_FD: there is no such file
 * -EMSGSIZE: io_uring: @length is above max_command of struct busmaster_info
 * -EFAULT*: a side leaves the caller's memory, or may not be accessed like this
 * -ENOMEM*: out of bus addresses or bounce buffers for longer than the driver waits
 * -ETIMEDOUT*: not done after @timeout_ms; the rest was aborted
 * -EINTR*: a fatal signal came; likewise
 * -EIO*: the device failed, or was reset meanwhile
 * -ENODEV*: the device is gone, or that to which a file descriptor belongs
 *
 * When it returns, by whatever way, the device does not reach the buffers any more.
 */
struct busmaster_op {
	__u32 size;
	__u32 op;
	__u64 length;
	__u64 operand;
	struct busmaster_side src;
	struct busmaster_side dst;
	__u32 timeout_ms;
	__u32 reserved;
	__u64 result;
};

#define BUSMASTER_OP_SIZE_VER0 72
#define BUSMASTER_MAX_TIMEOUT_MS 600000

/**
 * struct busmaster_export - a range of device memory, as a dma-buf
 * @size: of the structure in bytes, BUSMASTER_EXPORT_SIZE_VER0 at least
 * @fd: out: the descriptor, which is closed on exec; for reading or writing as the device file is:
 *	who maps one for reading to be written by a device has -EACCES
 * @offset: of the range, in whole pages
 * @length: likewise, not 0
 * @reserved: zero
 *
 * The memory stays the file's. While the device is stopped nobody has it, and whoever uses it is
 * waited for first; afterwards it is there again. When the device is removed it is gone for good.
 *
 * BUSMASTER_IOC_EXPORT returns 0, or -EINVAL: @size is too small, a range that is empty or not of
 * whole pages, or a reserved field not zero; -E2BIG; -ERANGE: it leaves device memory; -EFAULT;
 * -ENODEV; -ENOMEM; -EMFILE; -EINTR; -EOPNOTSUPP: the kernel has no dma-bufs that we know.
 */
struct busmaster_export {
	__u32 size;
	__s32 fd;
	__u64 offset;
	__u64 length;
	__u64 reserved;
};

#define BUSMASTER_EXPORT_SIZE_VER0 32

/* A type that Documentation/userspace-api/ioctl/ioctl-number.rst has free */
#define BUSMASTER_IOC 0xBA

#define BUSMASTER_IOC_INFO _IOWR(BUSMASTER_IOC, 0, struct busmaster_info)
#define BUSMASTER_IOC_OP _IOWR(BUSMASTER_IOC, 1, struct busmaster_op)
#define BUSMASTER_IOC_EXPORT _IOWR(BUSMASTER_IOC, 2, struct busmaster_export)

#define BUSMASTER_ASSERT_LAYOUT(what, is) static_assert((what) == (is), #what " is " #is)
BUSMASTER_ASSERT_LAYOUT(sizeof(struct busmaster_info), BUSMASTER_INFO_SIZE_VER0);
BUSMASTER_ASSERT_LAYOUT(__builtin_offsetof(struct busmaster_info, mem_size), 8);
BUSMASTER_ASSERT_LAYOUT(__builtin_offsetof(struct busmaster_info, max_command), 16);
BUSMASTER_ASSERT_LAYOUT(__builtin_offsetof(struct busmaster_info, version_major), 24);
BUSMASTER_ASSERT_LAYOUT(__builtin_offsetof(struct busmaster_info, ops), 32);
BUSMASTER_ASSERT_LAYOUT(__builtin_offsetof(struct busmaster_info, timeout_ms), 52);
BUSMASTER_ASSERT_LAYOUT(sizeof(struct busmaster_side), 16);
BUSMASTER_ASSERT_LAYOUT(__builtin_offsetof(struct busmaster_side, space), 8);
BUSMASTER_ASSERT_LAYOUT(sizeof(struct busmaster_op), BUSMASTER_OP_SIZE_VER0);
BUSMASTER_ASSERT_LAYOUT(__builtin_offsetof(struct busmaster_op, length), 8);
BUSMASTER_ASSERT_LAYOUT(__builtin_offsetof(struct busmaster_op, operand), 16);
BUSMASTER_ASSERT_LAYOUT(__builtin_offsetof(struct busmaster_op, src), 24);
BUSMASTER_ASSERT_LAYOUT(__builtin_offsetof(struct busmaster_op, dst), 40);
BUSMASTER_ASSERT_LAYOUT(__builtin_offsetof(struct busmaster_op, timeout_ms), 56);
BUSMASTER_ASSERT_LAYOUT(__builtin_offsetof(struct busmaster_op, result), 64);
BUSMASTER_ASSERT_LAYOUT(sizeof(struct busmaster_export), BUSMASTER_EXPORT_SIZE_VER0);
BUSMASTER_ASSERT_LAYOUT(__builtin_offsetof(struct busmaster_export, offset), 8);
BUSMASTER_ASSERT_LAYOUT(__builtin_offsetof(struct busmaster_export, reserved), 24);

#endif /* _UAPI_LINUX_BUSMASTER_H */
