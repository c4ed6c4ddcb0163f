/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What of the module a thread's system calls reach, if the kernel has KCOV and the module
 * was built for it: basic blocks, and edges, which are two of them one after the other.
 */
#ifndef KCOV_H
#define KCOV_H

#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define KCOV_NODE "/sys/kernel/debug/kcov"
#define KCOV_INIT_TRACE _IOR('c', 1, unsigned long)
#define KCOV_ENABLE _IO('c', 100)
#define KCOV_TRACE_PC 0
#define KCOV_WORDS 16384ul /* of a trace; what a system call reaches beyond it is not seen */

/* Sets of blocks and edges, by hash: so large that two seldom share a place. */
#define KCOV_SET (1u << 18)

/* What has been seen, shared by processes. */
struct kcov_seen {
	atomic_uint blocks;
	atomic_uint edges;
	atomic_uchar block[KCOV_SET];
	atomic_uchar edge[KCOV_SET];
};

struct kcov {
	uint64_t *trace; /* how many, and then these; NULL: there is no KCOV */
};

/* For the calling thread, until it ends. */
static inline void kcov_open(struct kcov *kcov)
{
	int fd = open(KCOV_NODE, O_RDWR | O_CLOEXEC);
	void *trace = MAP_FAILED;

	if (fd >= 0 && !ioctl(fd, KCOV_INIT_TRACE, KCOV_WORDS))
		trace = mmap(NULL, KCOV_WORDS * sizeof(uint64_t), PROT_READ | PROT_WRITE,
			     MAP_SHARED, fd, 0);
	kcov->trace = trace == MAP_FAILED || ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC) ? NULL : trace;
	if (fd >= 0)
		close(fd);
}

static inline void kcov_begin(struct kcov *kcov)
{
	if (kcov->trace)
		__atomic_store_n(kcov->trace, 0, __ATOMIC_RELAXED);
}

static inline unsigned int kcov_add(atomic_uchar *set, uint64_t value)
{
	uint64_t place = value * 0x9e3779b97f4a7c15ull >> 46;

	return !atomic_load(&set[place]) && !atomic_exchange(&set[place], 1);
}

/* Adds what was reached since kcov_begin(). */
static inline void kcov_end(struct kcov *kcov, struct kcov_seen *seen)
{
	uint64_t last = 0;
	uint64_t count;

	if (!kcov->trace)
		return;
	count = __atomic_load_n(kcov->trace, __ATOMIC_RELAXED);
	for (uint64_t i = 1; i <= count && i < KCOV_WORDS; i++) {
		uint64_t block = kcov->trace[i];

		atomic_fetch_add(&seen->blocks, kcov_add(seen->block, block));
		atomic_fetch_add(&seen->edges, kcov_add(seen->edge, last * 31 + block));
		last = block;
	}
}

#endif /* KCOV_H */
