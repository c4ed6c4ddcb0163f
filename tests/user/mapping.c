// SPDX-License-Identifier: GPL-2.0-only
/*
 * mapping: device memory mapped by mmap, and what the CPU and DMA see of each other there.
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "device.h"
#include "ktap.h"

#define PAGE 4096ul
#define BOTH (PROT_READ | PROT_WRITE)

static int fd;
static long long size;
static unsigned char *buffer;

static bool cpu_sees_dma(void)
{
	unsigned char *bar = mmap(NULL, 4 * PAGE, BOTH, MAP_SHARED, fd, 0);
	uint64_t state = 1;

	CHECK(bar != MAP_FAILED);
	random_fill(&state, buffer, 4 * PAGE);
	CHECK_IS(pwrite(fd, buffer, 4 * PAGE, 0), 4 * PAGE);
	CHECK_IS(memcmp(bar, buffer, 4 * PAGE), 0);
	CHECK_IS(munmap(bar, 4 * PAGE), 0);
	return true;
}

static bool dma_sees_cpu(void)
{
	unsigned char *bar = mmap(NULL, PAGE, BOTH, MAP_SHARED, fd, 0);

	CHECK(bar != MAP_FAILED);
	for (unsigned int i = 0; i < PAGE; i++)
		bar[i] = i * 7;
	CHECK_IS(pread(fd, buffer, PAGE, 0), PAGE);
	for (unsigned int i = 0; i < PAGE; i++)
		CHECK_IS(buffer[i], (unsigned char)(i * 7));
	CHECK_IS(munmap(bar, PAGE), 0);
	return true;
}

/* The offset of a mapping is the offset in device memory, as for pread. */
static bool offsets(void)
{
	unsigned char *last = mmap(NULL, PAGE, BOTH, MAP_SHARED, fd, size - PAGE);
	unsigned char *middle = mmap(NULL, PAGE, BOTH, MAP_SHARED, fd, size / 2);

	CHECK(last != MAP_FAILED && middle != MAP_FAILED);
	last[PAGE - 1] = 0x11;
	middle[0] = 0x22;
	CHECK_IS(pread(fd, buffer, 1, size - 1), 1);
	CHECK_IS(buffer[0], 0x11);
	CHECK_IS(pread(fd, buffer, 1, size / 2), 1);
	CHECK_IS(buffer[0], 0x22);
	munmap(last, PAGE);
	munmap(middle, PAGE);
	return true;
}

static bool whole(void)
{
	unsigned char *bar = mmap(NULL, size, BOTH, MAP_SHARED, fd, 0);

	CHECK(bar != MAP_FAILED);
	bar[0] = bar[size - 1] + 1;
	CHECK_IS(pread(fd, buffer, 1, 0), 1);
	CHECK_IS(buffer[0], bar[0]);
	CHECK_IS(munmap(bar, size), 0);
	return true;
}

static bool outside(void)
{
	CHECK_ERRNO(mmap(NULL, PAGE, BOTH, MAP_SHARED, fd, size), ENXIO);
	CHECK_ERRNO(mmap(NULL, 2 * PAGE, BOTH, MAP_SHARED, fd, size - PAGE), ENXIO);
	CHECK_ERRNO(mmap(NULL, size + PAGE, BOTH, MAP_SHARED, fd, 0), ENXIO);
	CHECK_ERRNO(mmap(NULL, PAGE, BOTH, MAP_SHARED, fd, 1ll << 50), ENXIO);
	CHECK_ERRNO(mmap(NULL, PAGE, BOTH, MAP_SHARED, fd, 100), EINVAL);
	return true;
}

/* A private mapping would copy pages of a BAR on write: refused rather than surprising. */
static bool private_mapping(void)
{
	CHECK_ERRNO(mmap(NULL, PAGE, BOTH, MAP_PRIVATE, fd, 0), EINVAL);
	return true;
}

static bool access_modes(void)
{
	int reader = open(DEVICE_NODE, O_RDONLY);
	unsigned char *bar;

	CHECK(reader >= 0);
	CHECK_ERRNO(mmap(NULL, PAGE, BOTH, MAP_SHARED, reader, 0), EACCES);
	bar = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reader, 0);
	CHECK(bar != MAP_FAILED);
	CHECK_ERRNO(mprotect(bar, PAGE, BOTH), EACCES);
	CHECK_IS(munmap(bar, PAGE), 0);
	return close(reader) == 0;
}

static bool outlives_close(void)
{
	int other = open(DEVICE_NODE, O_RDWR);
	unsigned char *bar = mmap(NULL, 2 * PAGE, BOTH, MAP_SHARED, other, 0);

	CHECK(bar != MAP_FAILED);
	CHECK_IS(close(other), 0);
	bar[5] = 0x33;
	CHECK_IS(pread(fd, buffer, 1, 5), 1);
	CHECK_IS(buffer[0], 0x33);
	CHECK_IS(munmap(bar + PAGE, PAGE), 0); /* in part */
	bar[6] = 0x44;
	CHECK_IS(munmap(bar, PAGE), 0);
	return true;
}

/* The mapping as a transfer's user memory: it has no pages to pin, so it is refused. */
static bool as_buffer(void)
{
	unsigned char *bar = mmap(NULL, 4 * PAGE, BOTH, MAP_SHARED, fd, 0);
	long long moved;

	CHECK(bar != MAP_FAILED);
	moved = pwrite(fd, bar, PAGE, 2 * PAGE);
	CHECK(moved == (long long)PAGE || (moved == -1 && errno == EFAULT));
	moved = pread(fd, bar, PAGE, 2 * PAGE);
	CHECK(moved == (long long)PAGE || (moved == -1 && errno == EFAULT));
	CHECK_IS(munmap(bar, 4 * PAGE), 0);
	return true;
}

int main(void)
{
	static const struct ktap_case cases[] = {
		{ "the CPU sees what DMA wrote", cpu_sees_dma },
		{ "DMA sees what the CPU wrote", dma_sees_cpu },
		{ "a mapping's offset is device memory's", offsets },
		{ "the whole memory can be mapped", whole },
		{ "beyond the end: ENXIO; not on a page: EINVAL", outside },
		{ "a private mapping is refused", private_mapping },
		{ "a read-only descriptor gives no writable mapping", access_modes },
		{ "a mapping outlives its descriptor, and goes in parts", outlives_close },
		{ "the mapping as a transfer's buffer does no harm", as_buffer },
	};

	fd = open(DEVICE_NODE, O_RDWR);
	if (fd < 0) {
		perror(DEVICE_NODE);
		return 2;
	}
	size = lseek(fd, 0, SEEK_END);
	buffer = mmap(NULL, 4 * PAGE, BOTH, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return KTAP_RUN(cases);
}
