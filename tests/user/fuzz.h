/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the fuzzer share: a thread that makes calls, and the odd numbers that it
 * draws for them. A choice depends on random numbers alone, never on what a call returned:
 * so a seed repeats a thread's calls.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <linux/aio_abi.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <sys/uio.h>

#include "kcov.h"
#include "ops.h"

#define PAGE 4096ul
#define THREADS 8
#define FILES 8 /* descriptors of the device that all threads share, and change */
#define VECTOR 1024 /* pieces, as many as there may be */
#define RING 64 /* entries of a thread's io_uring at most */

/*
 * Device memory from KEPT_AT on belongs to what is verified, KEPT bytes to each thread, and no
 * other call writes there. Before it, calls that write move on from the first STROLL bytes.
 */
#define KEPT (256 * 1024ull)
#define KEPT_AT (info.mem_size / 2)
#define KEPT_END (KEPT_AT + THREADS * KEPT)
#define STROLL (info.mem_size / 4)

#define LENGTH_OF(array) (sizeof(array) / sizeof((array)[0]))
#define ONE_OF(thread, array) ((array)[below(thread, LENGTH_OF(array))])

struct thread {
	unsigned int id;
	uint64_t state; /* of its random numbers */
	struct kcov kcov;
	int fail_nth; /* file that makes one of the next allocations fail; -1: none */
	unsigned char *area; /* for structures that are where they should be */
	unsigned char *out, *in; /* for what is verified */
	struct uring ring;
	bool has_ring;
	bool faults; /* are injected in this life */
	bool faulty; /* an allocation of this call is to fail: so may the call */
	unsigned int in_flight;
	struct iovec vector[VECTOR];
	struct busmaster_op ops[RING];
};

/*
 * What a process's threads share. Other files take these numbers, but none is ever free: a
 * thread that was about to use it could find another's io_uring there, of which a read never ends.
 */
static int files[FILES];

/* Where there is a second device: its file, where it lends memory, and dma-bufs of both's memory. */
static struct {
	const char *node, *lends;
} other;
static int buffers[FILES];

static inline uint64_t below(struct thread *thread, uint64_t limit)
{
	return random_below(&thread->state, limit);
}

static inline bool one_in(struct thread *thread, unsigned int n)
{
	return !below(thread, n);
}

static inline int a_file(struct thread *thread)
{
	return one_in(thread, 64) ? -1 : ONE_OF(thread, files);
}

static inline int a_buffer(struct thread *thread)
{
	return one_in(thread, 64) ? a_file(thread) : ONE_OF(thread, buffers);
}

static inline uint64_t odd_number(struct thread *thread)
{
	static const uint64_t odd[] = {
		0, 1, 2, 3, 7, 8, 72, 4095, 4096, 1ull << 31, 1ull << 32, 1ull << 63, -1ull, -2ull,
	};

	return one_in(thread, 4) ? random_next(&thread->state) : ONE_OF(thread, odd);
}

static inline uint64_t odd_length(struct thread *thread)
{
	const uint64_t odd[] = {
		0,
		1,
		63,
		65,
		511,
		4095,
		4096,
		4097,
		MIB - 1,
		MIB + 1,
		4 * MIB,
		info.max_command - 1,
		info.max_command,
		info.max_command + 1,
		info.mem_size - 1,
		info.mem_size,
		info.mem_size + 1,
		0x7fffffff,
		1ull << 31,
		1ull << 32,
		1ull << 63,
		-4096ull,
		-1ull,
	};

	if (one_in(thread, 12))
		return ONE_OF(thread, odd);
	return random_size(&thread->state, one_in(thread, 8) ? 3 * MIB : 64 * 1024);
}

static inline uint64_t odd_offset(struct thread *thread, uint64_t length)
{
	const uint64_t odd[] = {
		0,
		1,
		4095,
		info.mem_size - length,
		info.mem_size - length + 1,
		info.mem_size - 1,
		info.mem_size,
		info.mem_size + 1,
		1ull << 32,
		1ull << 63,
		-length,
		-1ull,
	};

	return one_in(thread, 6) ? ONE_OF(thread, odd) : below(thread, info.mem_size);
}

/* Where so much may be written without reaching what is verified. */
static inline uint64_t keep_off(uint64_t offset, uint64_t length)
{
	if (offset >= KEPT_END || (offset < KEPT_AT && length <= KEPT_AT - offset))
		return offset;
	return KEPT_END + offset % MIB;
}

static inline uint64_t odd_target(struct thread *thread, uint64_t length)
{
	return keep_off(odd_offset(thread, length), length);
}

/* Where a thread goes on after SIGSEGV or SIGBUS, if it may have one: others unmap what it touches. */
static __thread sigjmp_buf after_fault;
static __thread volatile sig_atomic_t may_fault;

/*
 * Copies to or from memory that may not be there, or not for long. Not while a fault is to be
 * injected: it may hit the frame of the signal.
 */
static inline void copy_if_there(struct thread *thread, void *to, const void *from, size_t size)
{
	may_fault = true;
	if (!thread->faulty && !sigsetjmp(after_fault, 0))
		memcpy(to, from, size);
	may_fault = false;
}

#endif /* FUZZ_H */
