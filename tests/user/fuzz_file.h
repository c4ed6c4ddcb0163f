/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fuzzer's calls of the device as a file: transfers of all sorts, descriptors that come and
 * go, mappings, and processes that do the same and die.
 */
#ifndef FUZZ_FILE_H
#define FUZZ_FILE_H

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/wait.h>

#include "fuzz.h"
#include "fuzz_op.h"
#include "zoo.h"

/* Pieces that may overlap, be empty, or not be there; more than allowed, now and then. */
static inline int odd_vector(struct thread *thread)
{
	int count = one_in(thread, 16) ? VECTOR : below(thread, 9);

	for (int i = 0; i < count; i++) {
		size_t length = one_in(thread, 16) ? odd_length(thread) :
						     below(thread, count == VECTOR ? 64 : 8192);

		thread->vector[i] = (struct iovec){ (void *)odd_address(thread, length), length };
	}
	if (one_in(thread, 64))
		count = one_in(thread, 2) ? VECTOR + 1 : -1;
	return count;
}

static inline uint64_t vector_length(struct thread *thread, int count)
{
	uint64_t length = 0;

	for (int i = 0; i < count && i < VECTOR; i++)
		length += thread->vector[i].iov_len;
	return length;
}

static inline long call_read(struct thread *thread)
{
	uint64_t length = odd_length(thread), offset = odd_offset(thread, length);
	void *buffer = (void *)odd_address(thread, length);
	int file = a_file(thread);

	switch (below(thread, 4)) {
	case 0:
		return read(file, buffer, length);
	case 1:
		return pread(file, buffer, length, offset);
	case 2:
		return preadv2(file, thread->vector, odd_vector(thread), offset, 0);
	default:
		return preadv2(file, thread->vector, odd_vector(thread), offset,
			       1 << below(thread, 8));
	}
}

/* The file's position is set first, as it must not stroll to what is verified. */
static inline long call_write(struct thread *thread)
{
	uint64_t length = odd_length(thread), offset = odd_target(thread, length);
	void *buffer = (void *)odd_address(thread, length);
	int file = a_file(thread), count;

	switch (below(thread, 4)) {
	case 0:
		lseek(file, below(thread, STROLL), SEEK_SET);
		return write(file, buffer, length % MIB);
	case 1:
		return pwrite(file, buffer, length, offset);
	case 2:
		count = odd_vector(thread);
		offset = odd_target(thread, vector_length(thread, count));
		return pwritev2(file, thread->vector, count, offset, 0);
	default:
		count = odd_vector(thread);
		offset = odd_target(thread, vector_length(thread, count));
		return pwritev2(file, thread->vector, count, offset, 1 << below(thread, 8));
	}
}

/* Two transfers that nobody waits for, until the context goes. */
static inline long call_aio(struct thread *thread)
{
	struct iocb blocks[2], *list[2] = { &blocks[0], &blocks[1] };
	struct io_event events[2];
	aio_context_t context = 0;
	long done;

	if (syscall(SYS_io_setup, 2, &context))
		return -1;
	memset(blocks, 0, sizeof(blocks));
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t length = odd_length(thread);
		bool write = one_in(thread, 2);

		blocks[i].aio_fildes = a_file(thread);
		blocks[i].aio_lio_opcode = write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
		blocks[i].aio_buf = odd_address(thread, length);
		blocks[i].aio_nbytes = length;
		blocks[i].aio_offset =
			write ? odd_target(thread, length) : odd_offset(thread, length);
	}
	done = syscall(SYS_io_submit, context, 2, list);
	if (done > 0 && one_in(thread, 4))
		syscall(SYS_io_cancel, context, list[0], events);
	else if (done > 0 && one_in(thread, 2))
		syscall(SYS_io_getevents, context, done, done, events, NULL);
	syscall(SYS_io_destroy, context);
	return done;
}

/*
 * Descriptors
 */

static inline int odd_open(struct thread *thread)
{
	static const int modes[] = { O_RDWR, O_RDWR, O_RDWR, O_RDONLY, O_WRONLY, O_PATH };
	static const int flags[] = {
		0, O_DIRECT, O_NONBLOCK, O_APPEND, O_SYNC, O_TRUNC, O_NOATIME
	};

	return open(other.node && one_in(thread, 4) ? other.node : DEVICE_NODE,
		    ONE_OF(thread, modes) | ONE_OF(thread, flags) | ONE_OF(thread, flags) |
			    O_CLOEXEC,
		    0600);
}

/* Another file takes a descriptor, be there a transfer on the one that it had or not. */
static inline long call_open(struct thread *thread)
{
	int place = ONE_OF(thread, files), file;
	long is;

	if (one_in(thread, 3))
		return dup2(a_file(thread), place);
	file = odd_open(thread);
	is = dup2(file, place);
	close(file);
	return is;
}

/* What a file of this kind has no use for, and what is the same for all files. */
static inline long call_any(struct thread *thread)
{
	static const int whences[] = { SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE, 99 };
	static const int commands[] = { F_GETFL,     F_GETFD, F_GETOWN,	  F_SETPIPE_SZ,
					F_GET_SEALS, F_GETLK, F_SETLEASE, F_NOTIFY };
	static const int flags[] = { 0, O_NONBLOCK, O_APPEND, O_DIRECT, O_ASYNC, O_NOATIME };
	struct pollfd poll_of = { .fd = a_file(thread), .events = POLLIN | POLLOUT | POLLPRI };
	int file = a_file(thread);
	off_t offset = below(thread, STROLL);

	switch (below(thread, 13)) {
	case 0:
		return lseek(file, below(thread, 2 * info.mem_size) - info.mem_size,
			     ONE_OF(thread, whences));
	case 1:
		return fcntl(file, ONE_OF(thread, commands), odd_number(thread));
	case 2:
		return fcntl(file, F_SETFL, ONE_OF(thread, flags));
	case 3:
		return poll(&poll_of, 1, 0);
	case 4:
		lseek(file, offset, SEEK_SET);
		return sendfile(file, zoo_memfd, NULL, below(thread, MIB));
	case 5:
		return sendfile(zoo_memfd, file, &offset, below(thread, MIB));
	case 6:
		return copy_file_range(zoo_memfd, NULL, file, &offset, below(thread, MIB), 0);
	case 7:
		return fsync(file);
	case 8:
		return ftruncate(file, odd_number(thread));
	case 9:
		return fallocate(file, below(thread, 4), 0, PAGE);
	default:
		return call_noise(thread);
	}
}

/* The CPU's way to the same memory: any part of it, used and gone. */
static inline long call_mapping(struct thread *thread)
{
	static const int flags[] = { MAP_SHARED,
				     MAP_SHARED,
				     MAP_SHARED_VALIDATE,
				     MAP_PRIVATE,
				     MAP_SHARED | MAP_POPULATE,
				     MAP_SHARED | MAP_LOCKED };
	size_t length = odd_length(thread);
	off_t offset = odd_offset(thread, length) & -PAGE;
	unsigned char *where =
		mmap(NULL, length, one_in(thread, 2) ? PROT_READ : PROT_READ | PROT_WRITE,
		     ONE_OF(thread, flags), a_file(thread), offset);
	unsigned char byte = 1;

	if (where == MAP_FAILED)
		return -1;
	copy_if_there(thread, &byte, where + below(thread, length), 1);
	if ((uint64_t)offset < STROLL)
		copy_if_there(thread, where + below(thread, PAGE), &byte, 1);
	if (one_in(thread, 4))
		mprotect(where, PAGE, PROT_READ | PROT_WRITE);
	if (one_in(thread, 4))
		madvise(where, PAGE, MADV_DONTNEED);
	munmap(where, length / 2 & -PAGE);
	return munmap(where + (length / 2 & -PAGE), length - (length / 2 & -PAGE));
}

/* The zoo with all that the device is writing to, inherited; and an end that nobody waits for. */
static inline long call_fork(struct thread *thread)
{
	unsigned int calls = below(thread, 4), fate = below(thread, 3);
	pid_t child = fork();
	int status;

	if (child < 0)
		return -1;
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (unsigned int i = 0; i < calls; i++)
			one_in(thread, 2) ? call_read(thread) : call_memory(thread);
		_exit(0);
	}
	if (!fate)
		kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return 0;
}

#endif /* FUZZ_FILE_H */
