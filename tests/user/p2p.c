// SPDX-License-Identifier: GPL-2.0-only
/*
 * p2p: transfers between a file and the memory of another device, each byte of them checked.
 *
 * usage: p2p (works COUNT | refused | stream MIB | relay MIB) FILE ALLOCATE
 *
 * FILE is a busmaster's, or a disk's, whose first MiBs are overwritten; ALLOCATE is
 * p2pmem/allocate of the PCI function whose memory is used. works: COUNT random transfers each
 * way; refused: each kind of transfer is refused at once, as the two do not reach each other;
 * stream: so many MiB into that memory, and no more than that; relay: into a buffer in RAM, and
 * from there to another file, which is named in place of ALLOCATE.
 */
#define _GNU_SOURCE
#include <sys/stat.h>
#include <time.h>

#include "ops.h"

#define SIZE (4 * MIB)
#define BLOCK 512 /* all of a disk's are multiples of it */
#define ONE_COMMAND (SIZE / 16) /* what an io_uring command can carry */

static unsigned char *peer, *sent, *seen;
static unsigned int count;
static int target; /* of relay */
static bool disk;
static uint64_t seed = 1;

/* A part of SIZE, to be there and in the file. */
static size_t draw(size_t *offset)
{
	size_t size = random_size(&seed, SIZE / BLOCK) * BLOCK;

	*offset = random_below(&seed, (SIZE - size) / BLOCK + 1) * BLOCK;
	return size;
}

static bool same(const unsigned char *is, size_t size)
{
	return same_bytes(is, sent, size);
}

/* The file's device writes into the peer's memory, which the CPU then reads. */
static bool into_peer(void)
{
	for (unsigned int i = 0; i < count; i++) {
		size_t offset, size = draw(&offset);

		random_fill(&seed, sent, size);
		CHECK_IS(pwrite(fd, sent, size, offset), size);
		memset(peer + offset, 0, size);
		CHECK_IS(pread(fd, peer + offset, size, offset), size);
		memcpy(seen, peer + offset, size);
		CHECK(same(seen, size));
	}
	return true;
}

/* It reads from there what the CPU has written. */
static bool from_peer(void)
{
	for (unsigned int i = 0; i < count; i++) {
		size_t offset, size = draw(&offset);

		random_fill(&seed, sent, size);
		memcpy(peer + offset, sent, size);
		memset(seen, 0, size);
		CHECK_IS(pwrite(fd, peer + offset, size, offset), size);
		CHECK_IS(pread(fd, seen, size, offset), size);
		CHECK(same(seen, size));
	}
	return true;
}

static int uring_read(unsigned char *to, size_t size)
{
	struct io_uring_sqe *sqe = uring_next(&ring);

	sqe->opcode = IORING_OP_READ;
	sqe->fd = fd;
	sqe->addr = (uintptr_t)to;
	sqe->len = size;
	return uring_wait(&ring);
}

static struct busmaster_op copy_to(unsigned char *to)
{
	struct busmaster_op op = template;

	op.length = ONE_COMMAND;
	op.src = device_side(0);
	op.dst = user_side(to);
	return op;
}

/* The same by each of the other ways to the device. */
static bool other_ways(void)
{
	struct busmaster_op op = copy_to(peer);

	random_fill(&seed, sent, ONE_COMMAND);
	CHECK_IS(pwrite(fd, sent, ONE_COMMAND, 0), ONE_COMMAND);
	CHECK_IS(uring_read(peer, ONE_COMMAND), ONE_COMMAND);
	CHECK(same(peer, ONE_COMMAND));
	if (disk)
		return true;

	memset(peer, 0, ONE_COMMAND);
	CHECK_IS(by_ioctl(&op), 0);
	CHECK(same(peer, ONE_COMMAND));
	memset(peer, 0, ONE_COMMAND);
	CHECK_IS(by_uring(&op), 0);
	CHECK(same(peer, ONE_COMMAND));
	/* from the peer, to memory: both sides are the caller's */
	op.src = user_side(peer);
	op.dst = user_side(seen);
	memset(seen, 0, ONE_COMMAND);
	CHECK_IS(by_ioctl(&op), 0);
	CHECK(same(seen, ONE_COMMAND));
	return true;
}

/* What is pinned for long must be RAM. A kernel sees that by the mapping, or by its pages. */
static bool not_registered(void)
{
	struct iovec buffer = { .iov_base = peer, .iov_len = SIZE };

	CHECK(syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS, &buffer, 1) < 0);
	CHECK(errno == EFAULT || errno == EREMOTEIO);
	return true;
}

/* Five transfers by a busmaster: each of its ways. */
static bool refused(void)
{
	struct busmaster_op op = copy_to(peer);

	memset(peer, 0x5a, SIZE);
	CHECK_ERRNO(pwrite(fd, peer, SIZE, 0), EREMOTEIO);
	CHECK_ERRNO(pread(fd, peer, SIZE, 0), EREMOTEIO);
	CHECK_IS(uring_read(peer, SIZE), -EREMOTEIO);
	if (!disk) {
		CHECK_IS(by_ioctl(&op), -EREMOTEIO);
		CHECK_IS(by_uring(&op), -EREMOTEIO);
	}
	for (size_t i = 0; i < SIZE; i++)
		CHECK_IS(peer[i], 0x5a);
	return true;
}

static unsigned long long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

static bool stream(void)
{
	unsigned long long begin = milliseconds();

	for (unsigned int i = 0; i < count; i++)
		CHECK_IS(pread(fd, peer, MIB, i % 8 * MIB), MIB);
	ktap_note("%u MiB in %llu ms", count, milliseconds() - begin);
	return true;
}

static bool relay(void)
{
	unsigned long long begin = milliseconds();

	for (unsigned int i = 0; i < count; i++) {
		CHECK_IS(pread(fd, sent, MIB, i % 8 * MIB), MIB);
		CHECK_IS(pwrite(target, sent, MIB, i % 8 * MIB), MIB);
	}
	ktap_note("%u MiB in %llu ms", count, milliseconds() - begin);
	return true;
}

static void *map(const char *path, size_t size)
{
	int file = open(path, O_RDWR);
	void *where = file < 0 ? MAP_FAILED :
				 mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

	if (where == MAP_FAILED) {
		perror(path);
		exit(2);
	}
	close(file);
	return where;
}

static bool open_file(const char *path)
{
	struct stat status;

	if (stat(path, &status))
		return false;
	disk = S_ISBLK(status.st_mode);
	fd = open(path, O_RDWR | (disk ? O_DIRECT : 0));
	return fd >= 0 && uring_open(&ring, DEPTH, 0);
}

static int usage(void)
{
	fputs("usage: p2p (works COUNT | refused | stream MIB | relay MIB) FILE ALLOCATE\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static const struct ktap_case works_cases[] = {
		{ "into the other's memory", into_peer },
		{ "from the other's memory", from_peer },
		{ "by io_uring, and by ioctl", other_ways },
		{ "not as a registered buffer", not_registered },
	};
	static const struct ktap_case refused_cases[] = {
		{ "refused at once, and nothing is moved", refused },
	};
	static const struct ktap_case stream_cases[] = {
		{ "moved into the other's memory", stream },
	};
	static const struct ktap_case relay_cases[] = {
		{ "moved to the other by way of RAM", relay },
	};
	bool counted = argc == 5;

	if (argc != 4 && !counted)
		return usage();
	count = counted ? strtoul(argv[2], NULL, 10) : 0;
	if (!open_file(argv[argc - 2])) {
		perror(argv[argc - 2]);
		return 2;
	}
	sent = memory(SIZE);
	seen = memory(SIZE);
	if (counted && !strcmp(argv[1], "relay")) {
		target = open(argv[argc - 1], O_RDWR);
		return KTAP_RUN(relay_cases);
	}
	peer = map(argv[argc - 1], SIZE);
	if (counted && !strcmp(argv[1], "works"))
		return KTAP_RUN(works_cases);
	if (!counted && !strcmp(argv[1], "refused"))
		return KTAP_RUN(refused_cases);
	if (counted && !strcmp(argv[1], "stream"))
		return KTAP_RUN(stream_cases);
	return usage();
}
