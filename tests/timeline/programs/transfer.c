// SPDX-License-Identifier: GPL-2.0-only
/*
 * transfer read|write SIZE DEPTH: so many transfers of so many bytes, all at the same time, of
 * /dev/busmaster0. One is a call of pread() or pwrite(), several are a call of io_uring. Its memory is
 * aligned to pages and there before it begins, so that what is seen is the transfer.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../user/uring.h"

#define DEPTH_MAX 256
#define PAGE 4096

static void one(int fd, bool write, void *data, size_t size)
{
	ssize_t done = write ? pwrite(fd, data, size, 0) : pread(fd, data, size, 0);

	if (done != (ssize_t)size)
		err(1, "%s of %zu bytes: %zd", write ? "write" : "read", size, done);
}

static void several(int fd, bool write, char *data, size_t size, unsigned int depth)
{
	struct io_uring_cqe cqe;
	struct uring ring;
	unsigned int i;

	if (!uring_open(&ring, DEPTH_MAX, 0))
		err(1, "io_uring");
	for (i = 0; i < depth; i++) {
		struct io_uring_sqe *sqe = uring_next(&ring);

		sqe->opcode = write ? IORING_OP_WRITE : IORING_OP_READ;
		sqe->fd = fd;
		sqe->addr = (uintptr_t)data + i * size;
		sqe->len = size;
		sqe->off = i * size;
	}
	if (!uring_submit(&ring, depth))
		err(1, "io_uring_enter");
	for (i = 0; i < depth; i++)
		if (!uring_take(&ring, &cqe) || cqe.res != (int)size)
			errx(1, "transfer %u of %u failed", i, depth);
	uring_close(&ring);
}

int main(int argc, char **argv)
{
	bool write = argc == 4 && !strcmp(argv[1], "write");
	size_t size = argc == 4 ? strtoul(argv[2], NULL, 0) : 0;
	unsigned int depth = argc == 4 ? strtoul(argv[3], NULL, 0) : 0;
	char *data;
	int fd;

	if (!size || size > 1 << 30 || !depth || depth > DEPTH_MAX ||
	    (!write && strcmp(argv[1], "read")))
		errx(2, "usage: transfer read|write SIZE DEPTH, DEPTH up to %u", DEPTH_MAX);
	data = aligned_alloc(PAGE, (size * depth + PAGE - 1) / PAGE * PAGE);
	fd = open("/dev/busmaster0", O_RDWR);
	if (!data || fd < 0)
		err(1, "memory, or the device");
	memset(data, 0x5a, size * depth);
	if (depth == 1)
		one(fd, write, data, size);
	else
		several(fd, write, data, size, depth);
	return 0;
}
