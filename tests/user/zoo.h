/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The zoo: memory of every kind side by side, at addresses that are the same in each run. All
 * threads take buffers from it, map anew, protect, move and discard what is in it, at any time.
 * Behind it is nothing, so that no length leads from it to memory of other use.
 */
#ifndef ZOO_H
#define ZOO_H

#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "fuzz.h"

#define ZOO 0x200000000000ull
#define CAGE (2 * MIB) /* a huge page */
#define CAGES (THREADS * ZOO_KINDS)
#define ZOO_END (ZOO + CAGES * CAGE)

enum zoo_kind {
	ZOO_PRIVATE,
	ZOO_READONLY,
	ZOO_FORBIDDEN,
	ZOO_NOTHING,
	ZOO_SHARED,
	ZOO_FILE,
	ZOO_FILE_PRIVATE,
	ZOO_MEMFD,
	ZOO_HUGE,
	ZOO_HUGETLB,
	ZOO_DEVICE,
	ZOO_SLOW, /* userfaultfd: pages come late */
	ZOO_LENT, /* by another device; without one, nothing */
	ZOO_KINDS
};

static int zoo_file = -1, zoo_memfd = -1, zoo_faults = -1, zoo_lent = -1;

static inline void *zoo_cage(unsigned int cage)
{
	return (void *)(ZOO + cage * CAGE);
}

static inline void zoo_slow_down(void *cage)
{
	struct uffdio_register what = {
		.range = { (uintptr_t)cage, CAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	ioctl(zoo_faults, UFFDIO_REGISTER, &what);
}

/* Puts new memory into a cage. There may be none to be had: then the cage is empty. */
static inline void zoo_fill(unsigned int cage, enum zoo_kind kind)
{
	static const struct {
		int protection, flags;
	} kinds[ZOO_KINDS] = {
		[ZOO_PRIVATE] = { PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS },
		[ZOO_READONLY] = { PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS },
		[ZOO_FORBIDDEN] = { PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS },
		[ZOO_SHARED] = { PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS },
		[ZOO_FILE] = { PROT_READ | PROT_WRITE, MAP_SHARED },
		[ZOO_FILE_PRIVATE] = { PROT_READ | PROT_WRITE, MAP_PRIVATE },
		[ZOO_MEMFD] = { PROT_READ | PROT_WRITE, MAP_SHARED },
		[ZOO_HUGE] = { PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS },
		[ZOO_HUGETLB] = { PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE },
		[ZOO_DEVICE] = { PROT_READ | PROT_WRITE, MAP_SHARED },
		[ZOO_SLOW] = { PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS },
		[ZOO_LENT] = { PROT_READ | PROT_WRITE, MAP_SHARED },
	};
	const int zoo_files[ZOO_KINDS] = {
		[ZOO_FILE] = zoo_file, [ZOO_FILE_PRIVATE] = zoo_file, [ZOO_MEMFD] = zoo_memfd,
		[ZOO_DEVICE] = fd,     [ZOO_LENT] = zoo_lent,
	};
	int file = kinds[kind].flags & MAP_ANONYMOUS ? -1 : zoo_files[kind];
	void *where = zoo_cage(cage);

	munmap(where, CAGE);
	if (kind == ZOO_NOTHING)
		return;
	mmap(where, CAGE, kinds[kind].protection, MAP_FIXED | kinds[kind].flags, file, 0);
	if (kind == ZOO_HUGE)
		madvise(where, CAGE, MADV_HUGEPAGE);
	if (kind == ZOO_SLOW)
		zoo_slow_down(where);
}

/* Pages of the slow cages, some of them long after somebody has asked for them. */
static inline void *zoo_keeper(void *unused)
{
	struct uffd_msg message;

	for (;;) {
		struct uffdio_zeropage page = {};

		if (read(zoo_faults, &message, sizeof(message)) != sizeof(message))
			continue; /* a signal */
		page.range.start = message.arg.pagefault.address & -PAGE;
		page.range.len = PAGE;
		if (page.range.start / PAGE % 32 == 0)
			usleep(3000);
		if (!ioctl(zoo_faults, UFFDIO_ZEROPAGE, &page))
			continue;
		/* It is there, or cannot be had: huge pages took the cage when it was to be slow. */
		if (errno != EEXIST)
			munmap((void *)(page.range.start & -CAGE), CAGE);
		ioctl(zoo_faults, UFFDIO_WAKE, &page.range);
	}
	return unused;
}

static inline void zoo_open(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	pthread_t keeper;

	zoo_file = open("/tmp", O_RDWR | O_TMPFILE, 0600);
	zoo_memfd = memfd_create("zoo", MFD_CLOEXEC);
	zoo_faults = syscall(SYS_userfaultfd, O_CLOEXEC);
	zoo_lent = other.lends ? open(other.lends, O_RDWR | O_CLOEXEC) : -1;
	if (ftruncate(zoo_file, CAGE) || ftruncate(zoo_memfd, CAGE) ||
	    ioctl(zoo_faults, UFFDIO_API, &api) ||
	    pthread_create(&keeper, NULL, zoo_keeper, NULL)) {
		perror("zoo");
		_exit(2);
	}
	for (unsigned int cage = 0; cage < CAGES; cage++)
		zoo_fill(cage, cage % ZOO_KINDS);
}

/* Mostly of the thread's own cages, as long as it is about memory: so most calls can succeed. */
static inline unsigned int a_cage(struct thread *thread)
{
	unsigned int owner = one_in(thread, 4) ? below(thread, THREADS) : thread->id;

	return owner * ZOO_KINDS + below(thread, ZOO_KINDS);
}

/* An address for a buffer: in the zoo, or where no memory of a program can be. */
static inline uint64_t odd_address(struct thread *thread, uint64_t length)
{
	static const uint64_t nowhere[] = {
		0,
		1,
		4095,
		ZOO - 1,
		ZOO_END,
		ZOO_END - 1,
		0x7ffffffff000 - 1,
		0x7ffffffff000,
		0x800000000000,
		0xffff7fffffffffff,
		0xffff888000000000,
		0xffffc90000000000,
		0xffffffff81000000,
		0xffffffffa0000000,
		0xffffffffff600000,
		-4096ull,
		-1ull,
	};
	uint64_t cage = ZOO + a_cage(thread) * CAGE;

	switch (below(thread, 16)) {
	case 0:
		return ONE_OF(thread, nowhere);
	case 1:
		return cage + CAGE - length; /* ends where the next begins */
	case 2:
		return cage + CAGE - length + 1;
	case 3:
		return (uintptr_t)zoo_open + below(thread, PAGE); /* code */
	case 4:
	case 5:
	case 6:
		return cage + below(thread, 64) * PAGE;
	default:
		return cage + below(thread, CAGE);
	}
}

/*
 * What an owner may do to memory, whoever uses it at the moment
 */

static inline long zoo_advise(struct thread *thread, void *where, size_t length)
{
	static const int advice[] = {
		MADV_DONTNEED,	     MADV_DONTNEED,  MADV_FREE,	      MADV_REMOVE,
		MADV_DONTFORK,	     MADV_DOFORK,    MADV_WIPEONFORK, MADV_HUGEPAGE,
		MADV_NOHUGEPAGE,     MADV_COLD,	     MADV_PAGEOUT,    MADV_POPULATE_READ,
		MADV_POPULATE_WRITE, MADV_MERGEABLE,
	};

	return madvise(where, length, ONE_OF(thread, advice));
}

/*
 * Where there is lent memory, none is made read-only: once it was, Linux has the page fault of who
 * writes to it, or pins it for writing, tried again for ever (6.12: do_page_mkwrite()).
 */
static inline long zoo_protect(struct thread *thread, void *where, size_t length)
{
	static const int protection[] = {
		PROT_NONE, PROT_READ, PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC,
	};

	return zoo_lent < 0 ? mprotect(where, length, ONE_OF(thread, protection)) :
			      munmap(where, length);
}

/* Half of the file's and the memfd's pages go, and come back empty. */
static inline long zoo_truncate(struct thread *thread)
{
	int file = one_in(thread, 2) ? zoo_file : zoo_memfd;

	return ftruncate(file, below(thread, CAGE)) ?: ftruncate(file, CAGE);
}

static inline long call_memory(struct thread *thread)
{
	unsigned int cage = a_cage(thread), other = a_cage(thread);
	size_t length = (1 + below(thread, one_in(thread, 4) ? 512 : 8)) * PAGE;
	void *where = (char *)zoo_cage(cage) + below(thread, CAGE / PAGE) * PAGE;
	void *target = zoo_cage(other);

	switch (below(thread, 8)) {
	case 0:
		zoo_fill(cage, below(thread, ZOO_KINDS));
		return 0;
	case 1:
		return munmap(where, length);
	case 2:
		return zoo_protect(thread, where, length);
	case 3:
		return (long)mremap(where, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, target);
	case 4:
		return one_in(thread, 2) ? mlock(where, length) : munlock(where, length);
	case 5:
		return zoo_truncate(thread);
	default:
		return zoo_advise(thread, where, length);
	}
}

#endif /* ZOO_H */
