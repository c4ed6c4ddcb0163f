// SPDX-License-Identifier: GPL-2.0-only
/*
 * args: /dev/busmasterN behaves as a file of a fixed size does, down to its bad arguments.
 */
#define _GNU_SOURCE
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "device.h"
#include "ktap.h"

#define PAGE 4096ul
#define HUGE_SIZE (2ul << 20)

static int fd;
static long long size;
static unsigned char *buffer; /* four pages, and then at once: */
static unsigned char *forbidden; /* a page that may not be accessed at all */
static unsigned char *readonly; /* a page that may only be read */

/* What the compiler would rightly refuse to pass, were it to see the values. */
static void *volatile null;
static volatile int minus_one = -1, too_many = 1025;

static unsigned char *map(size_t length, int protection)
{
	void *where = mmap(NULL, length, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (where == MAP_FAILED) {
		perror("args: mmap");
		exit(2);
	}
	return where;
}

static void fill(unsigned char *bytes, size_t length, unsigned int seed)
{
	uint64_t state = seed;

	random_fill(&state, bytes, length);
}

static bool seek(void)
{
	CHECK_IS(lseek(fd, 0, SEEK_END), size);
	CHECK_IS(lseek(fd, -5, SEEK_END), size - 5);
	CHECK_IS(lseek(fd, 2, SEEK_CUR), size - 3);
	CHECK_IS(lseek(fd, 7, SEEK_SET), 7);
	CHECK_ERRNO(lseek(fd, -1, SEEK_SET), EINVAL);
	CHECK_ERRNO(lseek(fd, -8, SEEK_CUR), EINVAL);
	CHECK_ERRNO(lseek(fd, -size - 1, SEEK_END), EINVAL);
	CHECK_ERRNO(lseek(fd, 0, 99), EINVAL);
	CHECK_IS(lseek(fd, 0, SEEK_CUR), 7);
	return true;
}

static bool position(void)
{
	fill(buffer, 300, 1);
	CHECK_IS(lseek(fd, 1000, SEEK_SET), 1000);
	CHECK_IS(write(fd, buffer, 300), 300);
	CHECK_IS(lseek(fd, 0, SEEK_CUR), 1300);
	CHECK_IS(pread(fd, buffer + PAGE, 300, 1000), 300);
	CHECK_IS(lseek(fd, 0, SEEK_CUR), 1300);
	CHECK_IS(memcmp(buffer, buffer + PAGE, 300), 0);
	CHECK_IS(lseek(fd, 1100, SEEK_SET), 1100);
	CHECK_IS(read(fd, buffer + PAGE, 200), 200);
	CHECK_IS(lseek(fd, 0, SEEK_CUR), 1300);
	CHECK_IS(memcmp(buffer + 100, buffer + PAGE, 200), 0);
	return true;
}

static bool read_end(void)
{
	CHECK_IS(pread(fd, buffer, 1, size), 0);
	CHECK_IS(pread(fd, buffer, PAGE, size + 12345), 0);
	CHECK_IS(pread(fd, buffer, PAGE, 1ll << 60), 0);
	memset(buffer, 0x5a, PAGE);
	CHECK_IS(pread(fd, buffer, PAGE, size - 10), 10);
	for (unsigned int i = 10; i < PAGE; i++)
		CHECK_IS(buffer[i], 0x5a);
	CHECK_IS(lseek(fd, -1, SEEK_END), size - 1);
	CHECK_IS(read(fd, buffer, 2), 1);
	CHECK_IS(read(fd, buffer, 2), 0);
	return true;
}

static bool write_end(void)
{
	CHECK_ERRNO(pwrite(fd, buffer, 1, size), ENOSPC);
	CHECK_ERRNO(pwrite(fd, buffer, PAGE, size + 12345), ENOSPC);
	fill(buffer, PAGE, 2);
	CHECK_IS(pwrite(fd, buffer, PAGE, size - 11), 11);
	CHECK_IS(pread(fd, buffer + PAGE, PAGE, size - 11), 11);
	CHECK_IS(memcmp(buffer, buffer + PAGE, 11), 0);
	CHECK_IS(lseek(fd, -1, SEEK_END), size - 1);
	CHECK_IS(write(fd, buffer, 2), 1);
	CHECK_ERRNO(write(fd, buffer, 2), ENOSPC);
	CHECK_IS(lseek(fd, 0, SEEK_CUR), size);
	return true;
}

static bool negative(void)
{
	struct iovec piece = { buffer, minus_one };

	CHECK_ERRNO(pread(fd, buffer, 1, -1), EINVAL);
	CHECK_ERRNO(pwrite(fd, buffer, 1, -1), EINVAL);
	CHECK_ERRNO(pread(fd, buffer, 16, -8), EINVAL);
	CHECK_ERRNO(pread(fd, buffer, 1, -0x7fffffffffffffffll - 1), EINVAL);
	CHECK_ERRNO(preadv(fd, &piece, 1, 0), EINVAL);
	return true;
}

static bool nothing(void)
{
	struct iovec none[2] = { { buffer, 0 }, { forbidden, 0 } };

	CHECK_IS(pread(fd, buffer, 0, 0), 0);
	CHECK_IS(pwrite(fd, buffer, 0, 0), 0);
	CHECK_IS(pread(fd, forbidden, 0, 0), 0);
	CHECK_IS(pread(fd, buffer, 0, size + 5), 0);
	CHECK_IS(pwrite(fd, buffer, 0, size), 0);
	CHECK_IS(readv(fd, none, 0), 0);
	CHECK_IS(preadv(fd, none, 2, 0), 0);
	CHECK_IS(pwritev(fd, none, 2, 0), 0);
	return true;
}

static bool fault(void)
{
	unsigned char *unmapped = map(PAGE, PROT_READ | PROT_WRITE);

	CHECK_IS(munmap(unmapped, PAGE), 0);
	CHECK_ERRNO(pread(fd, null, 10, 0), EFAULT);
	CHECK_ERRNO(pwrite(fd, null, 10, 0), EFAULT);
	CHECK_ERRNO(pread(fd, unmapped, PAGE, 0), EFAULT);
	CHECK_ERRNO(pwrite(fd, unmapped, PAGE, 0), EFAULT);
	CHECK_ERRNO(pread(fd, (void *)0xffff888000000000ull, 10, 0), EFAULT);
	CHECK_ERRNO(pwrite(fd, (void *)0xffffffff81000000ull, 10, 0), EFAULT);
	CHECK_ERRNO(preadv(fd, (void *)unmapped, 1, 0), EFAULT);
	return true;
}

static bool protection(void)
{
	unsigned char before = readonly[5];

	CHECK_ERRNO(pread(fd, readonly, PAGE, 0), EFAULT);
	CHECK_IS(readonly[5], before);
	CHECK_IS(pwrite(fd, readonly, PAGE, 0), PAGE);
	CHECK_ERRNO(pwrite(fd, forbidden, 10, 0), EFAULT);
	return true;
}

/* A buffer whose end is not there: what moved before is told, and really moved. */
static bool partial(void)
{
	unsigned char *last = buffer + 3 * PAGE; /* forbidden begins after it */
	long long moved;

	fill(last, PAGE, 3);
	moved = pwrite(fd, last, 2 * PAGE, 5000);
	CHECK(moved == (long long)PAGE || (moved == -1 && errno == EFAULT));
	if (moved > 0) {
		CHECK_IS(pread(fd, buffer, PAGE, 5000), PAGE);
		CHECK_IS(memcmp(buffer, last, PAGE), 0);
	}
	moved = pread(fd, last, 2 * PAGE, 5000);
	CHECK(moved == (long long)PAGE || (moved == -1 && errno == EFAULT));
	return true;
}

/* A later piece of a vector is bad: either the error, or what the good ones moved. */
static bool partial_vector(void)
{
	struct iovec pieces[3] = { { buffer, 700 }, { buffer + PAGE, 33 }, { forbidden, 500 } };
	long long moved = pwritev(fd, pieces, 3, 64);

	CHECK(moved == 733 || (moved == -1 && errno == EFAULT));
	moved = preadv(fd, pieces, 3, 64);
	CHECK(moved == 733 || (moved == -1 && errno == EFAULT));
	CHECK_ERRNO(preadv(fd, pieces, minus_one, 0), EINVAL);
	CHECK_ERRNO(preadv(fd, pieces, too_many, 0), EINVAL);
	return true;
}

static bool vector_limit(void)
{
	static struct iovec pieces[1024];

	fill(buffer, 2 * PAGE, 4);
	for (unsigned int i = 0; i < 1024; i++)
		pieces[i] = (struct iovec){ buffer + 7 * i, 7 };
	CHECK_IS(pwritev(fd, pieces, 1024, 31), 7168);
	CHECK_IS(pread(fd, buffer + 2 * PAGE, 7168, 31), 7168);
	CHECK_IS(memcmp(buffer, buffer + 2 * PAGE, 7168), 0);
	return true;
}

/* Longer than the device: clipped at its end, and only so much of the buffer is touched. */
static bool huge_length(void)
{
	unsigned char *large = map(size + PAGE, PROT_READ | PROT_WRITE);

	CHECK_IS(pread(fd, large, size + PAGE, 0), size);
	CHECK_IS(large[size], 0);
	CHECK_IS(pwrite(fd, large, size + PAGE, 0), size);
	CHECK_IS(pread(fd, large, 0x7ffff000, size - PAGE), PAGE);
	CHECK_IS(munmap(large, size + PAGE), 0);
	return true;
}

static bool access_modes(void)
{
	int reader = open(DEVICE_NODE, O_RDONLY), writer = open(DEVICE_NODE, O_WRONLY);

	CHECK(reader >= 0);
	CHECK(writer >= 0);
	CHECK_ERRNO(pwrite(reader, buffer, 1, 0), EBADF);
	CHECK_IS(pread(reader, buffer, 1, 0), 1);
	CHECK_ERRNO(pread(writer, buffer, 1, 0), EBADF);
	CHECK_IS(pwrite(writer, buffer, 1, 0), 1);
	CHECK_IS(close(reader), 0);
	CHECK_IS(close(writer), 0);
	return true;
}

static bool two_opens(void)
{
	int other = open(DEVICE_NODE, O_RDWR), copy = dup(fd);

	CHECK(other >= 0);
	CHECK(copy >= 0);
	CHECK_IS(lseek(fd, 100, SEEK_SET), 100);
	CHECK_IS(lseek(other, 0, SEEK_CUR), 0);
	CHECK_IS(lseek(copy, 0, SEEK_CUR), 100);
	fill(buffer, 64, 5);
	CHECK_IS(write(copy, buffer, 64), 64);
	CHECK_IS(lseek(fd, 0, SEEK_CUR), 164);
	CHECK_IS(pread(other, buffer + PAGE, 64, 100), 64);
	CHECK_IS(memcmp(buffer, buffer + PAGE, 64), 0);
	CHECK_IS(close(copy), 0);
	CHECK_IS(close(other), 0);
	return true;
}

static bool node(void)
{
	struct stat status;

	CHECK_IS(fstat(fd, &status), 0);
	CHECK(S_ISCHR(status.st_mode));
	CHECK_IS(status.st_mode & 0777, 0600);
	CHECK_ERRNO(ioctl(fd, 0x5401 /* TCGETS */, buffer), ENOTTY);
	CHECK_ERRNO(ftruncate(fd, 0), EINVAL);
	return true;
}

/* Memory of a file, shared and private, is user memory like any other. */
static bool file_memory(void)
{
	int file = open("/tmp/busmaster-args", O_RDWR | O_CREAT | O_TRUNC, 0600);
	unsigned char *shared, *private;

	CHECK(file >= 0);
	CHECK_IS(ftruncate(file, PAGE), 0);
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	private = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	CHECK(shared != MAP_FAILED && private != MAP_FAILED);
	fill(buffer, PAGE, 6);
	CHECK_IS(pwrite(fd, buffer, PAGE, 0), PAGE);
	CHECK_IS(pread(fd, private, PAGE, 0), PAGE);
	CHECK_IS(memcmp(private, buffer, PAGE), 0);
	CHECK_IS(shared[0], 0);
	CHECK_IS(pread(fd, shared, PAGE, 0), PAGE);
	CHECK_IS(pread(file, buffer + PAGE, PAGE, 0), PAGE);
	CHECK_IS(memcmp(buffer, buffer + PAGE, PAGE), 0);
	munmap(shared, PAGE);
	munmap(private, PAGE);
	CHECK_IS(close(file), 0);
	return unlink("/tmp/busmaster-args") == 0;
}

/* Pages that were never touched, huge ones, and the zero page. */
static bool untouched_memory(void)
{
	unsigned char *area = map(3 * HUGE_SIZE, PROT_READ | PROT_WRITE);
	unsigned char *huge = area + HUGE_SIZE - (uintptr_t)area % HUGE_SIZE;

	fill(buffer, PAGE, 7);
	madvise(huge, HUGE_SIZE, MADV_HUGEPAGE);
	CHECK_IS(pwrite(fd, buffer, PAGE, HUGE_SIZE / 2), PAGE);
	CHECK_IS(pread(fd, huge + 1, HUGE_SIZE - 1, 1), HUGE_SIZE - 1);
	CHECK_IS(memcmp(huge + HUGE_SIZE / 2, buffer, PAGE), 0);
	CHECK_IS(pwrite(fd, huge + HUGE_SIZE, PAGE, HUGE_SIZE / 2), PAGE); /* zero page */
	CHECK_IS(pread(fd, huge, PAGE, HUGE_SIZE / 2), PAGE);
	for (unsigned int i = 0; i < PAGE; i++)
		CHECK_IS(huge[i], 0);
	CHECK_IS(munmap(area, 3 * HUGE_SIZE), 0);
	return true;
}

/* After fork a page is shared until it is written: DMA writes, so it must be broken off. */
static bool copy_on_write(void)
{
	unsigned char *page = map(PAGE, PROT_READ | PROT_WRITE);
	int pipes[2], status;
	char byte = 0;
	pid_t child;

	memset(page, 1, PAGE);
	CHECK_IS(pipe(pipes), 0);
	child = fork();
	if (!child) {
		close(pipes[1]);
		(void)!read(pipes[0], &byte, 1);
		_exit(page[0] == 1 && page[PAGE - 1] == 1 ? 0 : 1);
	}
	fill(buffer, PAGE, 8);
	CHECK_IS(pwrite(fd, buffer, PAGE, 0), PAGE);
	CHECK_IS(pread(fd, page, PAGE, 0), PAGE);
	CHECK_IS(memcmp(page, buffer, PAGE), 0);
	close(pipes[1]);
	CHECK_IS(waitpid(child, &status, 0), child);
	CHECK_IS(status, 0);
	close(pipes[0]);
	munmap(page, PAGE);
	return true;
}

int main(void)
{
	static const struct ktap_case cases[] = {
		{ "the node is a character device of mode 0600", node },
		{ "seek: set, current, end, and out of bounds", seek },
		{ "read and write move the position, pread does not", position },
		{ "read at the end gives 0, across it a short count", read_end },
		{ "write at the end gives ENOSPC, across it a short count", write_end },
		{ "negative offset or length gives EINVAL", negative },
		{ "zero length gives 0 and touches nothing", nothing },
		{ "memory that is not there gives EFAULT", fault },
		{ "read-only memory may be written from, not read into", protection },
		{ "a buffer that ends too early: short count or EFAULT", partial },
		{ "a vector with a bad piece: short count or EFAULT", partial_vector },
		{ "a vector of 1024 odd pieces arrives in order", vector_limit },
		{ "a length beyond the device is clipped", huge_length },
		{ "read-only and write-only descriptors are kept", access_modes },
		{ "two opens have two positions, a dup shares one", two_opens },
		{ "memory of a file works, shared and private", file_memory },
		{ "untouched, huge and zero pages work", untouched_memory },
		{ "read into memory shared by fork reaches only its owner", copy_on_write },
	};

	fd = open(DEVICE_NODE, O_RDWR);
	if (fd < 0) {
		perror(DEVICE_NODE);
		return 2;
	}
	size = lseek(fd, 0, SEEK_END);
	buffer = map(5 * PAGE, PROT_READ | PROT_WRITE);
	forbidden = buffer + 4 * PAGE;
	mprotect(forbidden, PAGE, PROT_NONE);
	memset(buffer, 0, 4 * PAGE);
	readonly = map(PAGE, PROT_READ);
	return KTAP_RUN(cases);
}
