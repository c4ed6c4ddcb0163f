/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The least of io_uring by raw system calls: a ring of one task, which fills entries,
 * submits them, and takes completions in the order in which they come.
 */
#ifndef URING_H
#define URING_H

#include <errno.h>
#include <linux/io_uring.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct uring {
	int fd;
	unsigned int filled; /* entries that were not submitted yet */
	struct io_uring_params params;
	struct io_uring_sqe *sqes;
	unsigned char *rings;
	size_t size;
};

static inline unsigned int *uring_word(struct uring *ring, unsigned int offset)
{
	return (unsigned int *)(ring->rings + offset);
}

static inline void uring_close(struct uring *ring)
{
	munmap(ring->sqes, ring->params.sq_entries * sizeof(struct io_uring_sqe));
	munmap(ring->rings, ring->size);
	close(ring->fd);
}

/* A ring of so many entries, a power of two; false, and errno, if there is none to be had. */
static inline bool uring_open(struct uring *ring, unsigned int entries, unsigned int flags)
{
	const int access = PROT_READ | PROT_WRITE;
	size_t sq, cq;
	int error;

	memset(ring, 0, sizeof(*ring));
	ring->params.flags = flags;
	ring->fd = syscall(SYS_io_uring_setup, entries, &ring->params);
	if (ring->fd < 0)
		return false;
	sq = ring->params.sq_off.array + entries * sizeof(unsigned int);
	cq = ring->params.cq_off.cqes + ring->params.cq_entries * sizeof(struct io_uring_cqe);
	ring->size = sq > cq ? sq : cq;
	ring->rings = mmap(NULL, ring->size, access, MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	ring->sqes = mmap(NULL, entries * sizeof(struct io_uring_sqe), access, MAP_SHARED, ring->fd,
			  IORING_OFF_SQES);
	if ((void *)ring->rings != MAP_FAILED && (void *)ring->sqes != MAP_FAILED)
		return true;
	error = errno;
	uring_close(ring);
	errno = error;
	return false;
}

/* The next entry, empty. There is one as long as all that were submitted have been taken. */
static inline struct io_uring_sqe *uring_next(struct uring *ring)
{
	unsigned int *tail = uring_word(ring, ring->params.sq_off.tail);
	unsigned int index = *tail & (ring->params.sq_entries - 1);
	struct io_uring_sqe *sqe = &ring->sqes[index];

	memset(sqe, 0, sizeof(*sqe));
	uring_word(ring, ring->params.sq_off.array)[index] = index;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	ring->filled++;
	return sqe;
}

/* Submits what is filled and waits for so many completions; false, and errno, on failure. */
static inline bool uring_submit(struct uring *ring, unsigned int wait)
{
	long taken;

	do
		taken = syscall(SYS_io_uring_enter, ring->fd, ring->filled, wait,
				wait || ring->params.flags & IORING_SETUP_IOPOLL ?
					IORING_ENTER_GETEVENTS :
					0,
				NULL, 0);
	while (taken < 0 && errno == EINTR);
	if (taken < 0)
		return false;
	ring->filled -= taken;
	return true;
}

/* The next completion, if there is one. */
static inline bool uring_take(struct uring *ring, struct io_uring_cqe *cqe)
{
	unsigned int *head = uring_word(ring, ring->params.cq_off.head);
	unsigned int *tail = uring_word(ring, ring->params.cq_off.tail);
	struct io_uring_cqe *cqes = (void *)(ring->rings + ring->params.cq_off.cqes);

	if (*head == __atomic_load_n(tail, __ATOMIC_ACQUIRE))
		return false;
	*cqe = cqes[*head & (ring->params.cq_entries - 1)];
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return true;
}

/* Submits what is filled and waits for one completion; returns its result, or -errno. */
static inline int uring_wait(struct uring *ring)
{
	struct io_uring_cqe cqe;

	while (!uring_take(ring, &cqe))
		if (!uring_submit(ring, 1))
			return -errno;
	return cqe.res;
}

#endif /* URING_H */
