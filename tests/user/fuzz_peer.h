/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fuzzer's calls where there is a second device: dma-bufs of either's memory, which come and
 * go, and what a program may do to one besides. Operations take them, and the other's
 * file, as a side; and the zoo has memory that the other lends, see zoo.h.
 */
#ifndef FUZZ_PEER_H
#define FUZZ_PEER_H

#include <linux/dma-buf.h>
#include <poll.h>

#include "fuzz.h"
#include "fuzz_op.h"

/* Mostly a range that there is. It leaves out what is verified, as whoever has it may write to it. */
static inline struct busmaster_export odd_range(struct thread *thread)
{
	struct busmaster_export range = { .size = sizeof(range) };

	range.length = (1 + below(thread, one_in(thread, 4) ? 512 : 8)) * PAGE;
	range.offset = keep_off(below(thread, info.mem_size) & -PAGE, range.length) & -PAGE;
	if (one_in(thread, 12))
		range.offset = odd_number(thread) | 1; /* no whole pages */
	if (one_in(thread, 12))
		range.length = one_in(thread, 2) ? odd_number(thread) | 1 : 0;
	if (one_in(thread, 24))
		range.reserved = odd_number(thread);
	return range;
}

/* Another dma-buf takes a descriptor, be there an operation on the one that it had or not. */
static inline long call_export(struct thread *thread)
{
	struct busmaster_export range = odd_range(thread);
	int place = ONE_OF(thread, buffers), file = a_file(thread);

	if (ioctl(file, BUSMASTER_IOC_EXPORT, &range))
		return -1;
	dup2(range.fd, place);
	return close(range.fd);
}

/* What is under way on it, as a file. */
static inline long odd_sync_file(struct thread *thread, int buffer)
{
	struct dma_buf_export_sync_file sync = { .flags = below(thread, 4) };

	if (ioctl(buffer, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &sync))
		return -1;
	return close(sync.fd);
}

static inline long call_dmabuf(struct thread *thread)
{
	struct dma_buf_sync sync = { .flags = one_in(thread, 2) ? below(thread, 8) :
								  odd_number(thread) };
	struct pollfd poll_of = { .fd = a_buffer(thread), .events = POLLIN | POLLOUT };
	int buffer = a_buffer(thread);
	void *where;

	switch (below(thread, 7)) {
	case 0:
		return ioctl(buffer, DMA_BUF_IOCTL_SYNC, &sync);
	case 1:
		return ioctl(buffer, DMA_BUF_SET_NAME, "a name");
	case 2:
		return odd_sync_file(thread, buffer);
	case 3:
		return poll(&poll_of, 1, below(thread, 20));
	case 4:
		return lseek(buffer, 0, one_in(thread, 2) ? SEEK_END : SEEK_SET);
	case 5:
		return ioctl(buffer, random_next(&thread->state), thread->area);
	default:
		where = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, buffer, 0);
		return where == MAP_FAILED ? -1 : munmap(where, PAGE);
	}
}

#endif /* FUZZ_PEER_H */
