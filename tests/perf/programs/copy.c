// SPDX-License-Identifier: GPL-2.0-only
/*
 * copy: how fast the CPU copies, on the host as in the guest: the physical limits beside which
 * the device is measured.
 *
 *	copy BLOCK MILLISECONDS [DEVICE]
 *
 * Copies blocks of so many bytes from random places in 64 MiB, of memory or of the device's
 * memory through its BAR, to 32 buffers in turn, as the fio job of depth 32 does. Prints bytes
 * per second.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define SPAN (64ul << 20)
#define BUFFERS 32
#define BATCH 16 /* blocks between two looks at the clock */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static void die(const char *what)
{
	fprintf(stderr, "copy: %s: %s\n", what, strerror(errno));
	exit(1);
}

static unsigned char *map(size_t size, const char *device)
{
	int fd = device ? open(device, O_RDWR) : -1;
	void *at;

	if (device && fd < 0)
		die(device);
	at = mmap(NULL, size, PROT_READ | PROT_WRITE,
		  MAP_POPULATE | (device ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS), fd, 0);
	if (at == MAP_FAILED)
		die("mmap");
	return at;
}

int main(int argc, char **argv)
{
	size_t block = argc >= 3 ? strtoul(argv[1], NULL, 0) : 0;
	double seconds = argc >= 3 ? strtod(argv[2], NULL) / 1000 : 0;
	unsigned char *from, *to;
	double start, end;
	uint64_t copied = 0;
	uint64_t random = 1;

	if (!block || block > SPAN || seconds <= 0) {
		fprintf(stderr, "usage: copy BLOCK MILLISECONDS [DEVICE]\n");
		return 2;
	}
	from = map(SPAN, argv[3]);
	to = map(BUFFERS * block, NULL);
	if (!argv[3])
		memset(from, 0x5a, SPAN);
	memset(to, 0xa5, BUFFERS * block);

	start = now();
	do {
		for (int i = 0; i < BATCH; i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			memcpy(to + copied / block % BUFFERS * block,
			       from + (random >> 33) % (SPAN / block) * block, block);
			copied += block;
		}
		end = now();
	} while (end - start < seconds);
	printf("%.0f\n", (double)copied / (end - start));
	return 0;
}
