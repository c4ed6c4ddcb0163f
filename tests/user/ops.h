/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs share that give operations to the device: the device, and the two
 * ways to perform one, by ioctl and by io_uring command.
 */
#ifndef OPS_H
#define OPS_H

#include <sys/ioctl.h>
#include <sys/mman.h>

#include "device.h"
#include "ktap.h"
#include "uapi/linux/busmaster.h"
#include "uring.h"

#define MIB (1ull << 20)
#define DEPTH 64

static int fd;
static struct busmaster_info info;
static struct uring ring;

static const struct busmaster_op template = {
	.size = sizeof(template),
	.op = BUSMASTER_OP_COPY,
	.length = 4096,
};

static inline struct busmaster_side user_side(const void *where)
{
	return (struct busmaster_side){ .addr = (uintptr_t)where, .space = BUSMASTER_USER };
}

static inline struct busmaster_side device_side(uint64_t offset)
{
	return (struct busmaster_side){ .addr = offset, .space = BUSMASTER_DEVICE };
}

static inline void *memory(size_t size)
{
	void *where = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (where == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return where;
}

/* The first byte that differs is told. */
static inline bool same_bytes(const unsigned char *is, const unsigned char *want, size_t size)
{
	size_t i = 0;

	if (!memcmp(is, want, size))
		return true;
	while (i < size - 1 && is[i] == want[i])
		i++;
	ktap_note("byte %zu of %zu is %#x, expected %#x", i, size, is[i], want[i]);
	return false;
}

static inline int by_ioctl(struct busmaster_op *op)
{
	return ioctl(fd, BUSMASTER_IOC_OP, op) ? -errno : 0;
}

static inline struct io_uring_sqe *prepare(struct uring *on, int file, struct busmaster_op *op)
{
	struct io_uring_sqe *sqe = uring_next(on);
	uint64_t address = (uintptr_t)op;

	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = file;
	sqe->cmd_op = BUSMASTER_IOC_OP;
	memcpy(sqe->cmd, &address, sizeof(address));
	return sqe;
}

static inline int by_uring(struct busmaster_op *op)
{
	prepare(&ring, fd, op);
	return uring_wait(&ring);
}

/* Opens the device, and a ring; false, after a message, if there is none. */
static inline bool open_device(void)
{
	info.size = sizeof(info);
	fd = open(DEVICE_NODE, O_RDWR);
	if (fd >= 0 && !ioctl(fd, BUSMASTER_IOC_INFO, &info) && uring_open(&ring, DEPTH, 0))
		return true;
	perror(DEVICE_NODE);
	return false;
}

#endif /* OPS_H */
