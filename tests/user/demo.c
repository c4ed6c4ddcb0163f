// SPDX-License-Identifier: GPL-2.0-only
/*
 * demo: copies a file into device memory and back, by DMA and then by the CPU through the
 * BAR, and shows times and what the device's own counters say of it.
 *
 * Usage: demo FILE BACK: BACK gets what DMA brought back, for others to compare.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "device.h"

#define PASSES 2 /* the last one is shown: QEMU translates the code that moves data in the first */

enum counter { MRD_TLPS, MRD_BYTES, MWR_TLPS, MWR_BYTES, MSG_TLPS, COMMANDS, COUNTERS };

static const char *const counter_names[COUNTERS] = {
	"stats/mrd_tlps",  "stats/mrd_bytes", "stats/mwr_tlps",
	"stats/mwr_bytes", "stats/msg_tlps",  "stats/commands",
};

/* One way of moving the file. */
struct pass {
	double seconds;
	long long counters[COUNTERS]; /* how much each grew */
};

static const char *step;

static void __attribute__((noreturn)) die(void)
{
	fprintf(stderr, "demo: %s: %s\n", step, strerror(errno));
	exit(1);
}

static unsigned char *memory(size_t size)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
	void *where = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);

	step = "memory for the file";
	if (where == MAP_FAILED)
		die();
	return where;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void begin(struct pass *pass, const char *name)
{
	step = name;
	errno = 0;
	for (int i = 0; i < COUNTERS; i++)
		pass->counters[i] = read_number(counter_names[i]);
	pass->seconds = now();
}

static void end(struct pass *pass)
{
	pass->seconds = now() - pass->seconds;
	for (int i = 0; i < COUNTERS; i++)
		pass->counters[i] = read_number(counter_names[i]) - pass->counters[i];
}

static void show_time(const char *what, const struct pass *pass, size_t size)
{
	printf("  %-34s %9.2f ms %9.1f MB/s\n", what, pass->seconds * 1e3,
	       size / 1e6 / pass->seconds);
}

static void show_counter(const char *what, const struct pass *write, const struct pass *read,
			 enum counter count, enum counter bytes)
{
	printf("  %-16s", what);
	for (int i = 0; i < 2; i++) {
		const struct pass *pass = i ? read : write;

		printf("%12lld", pass->counters[count]);
		if (bytes != COUNTERS)
			printf(" %11lld B", pass->counters[bytes]);
		else if (!i)
			printf("%14s", "");
	}
	printf("\n");
}

static void load(const char *path, unsigned char *buffer, size_t size)
{
	int fd = open(path, O_RDONLY);

	step = path;
	if (fd < 0 || read(fd, buffer, size) != (ssize_t)size)
		die();
	close(fd);
}

static void save(const char *path, const unsigned char *buffer, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	step = path;
	if (fd < 0 || write(fd, buffer, size) != (ssize_t)size || close(fd))
		die();
}

int main(int argc, char **argv)
{
	struct pass dma_write, dma_read, cpu_write, cpu_read;
	unsigned char *file, *back, *bar;
	struct stat status;
	size_t size;
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: demo FILE BACK\n");
		return 2;
	}
	step = argv[1];
	if (stat(argv[1], &status))
		die();
	size = status.st_size;
	file = memory(size);
	back = memory(size);
	load(argv[1], file, size);

	step = "opening " DEVICE_NODE;
	fd = open(DEVICE_NODE, O_RDWR);
	if (fd < 0)
		die();
	for (int i = 0; i < PASSES; i++) {
		begin(&dma_write, "writing the file by DMA");
		if (pwrite(fd, file, size, 0) != (ssize_t)size)
			die();
		end(&dma_write);
		begin(&dma_read, "reading the file by DMA");
		if (pread(fd, back, size, 0) != (ssize_t)size)
			die();
		end(&dma_read);
	}
	save(argv[2], back, size);

	step = "mapping the BAR";
	bar = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (bar == MAP_FAILED)
		die();
	for (int i = 0; i < PASSES; i++) {
		begin(&cpu_write, "writing the file by the CPU");
		memcpy(bar, file, size);
		end(&cpu_write);
		begin(&cpu_read, "reading the file by the CPU");
		memcpy(back, bar, size);
		end(&cpu_read);
	}
	if (memcmp(back, file, size))
		die();

	printf("The same copy, twice: by the device, and by the CPU through BAR 2\n");
	show_time("DMA  host memory -> device memory", &dma_write, size);
	show_time("DMA  device memory -> host memory", &dma_read, size);
	show_time("CPU  host memory -> device memory", &cpu_write, size);
	show_time("CPU  device memory -> host memory", &cpu_read, size);
	printf("  The CPU's figures flatter it: here BAR 2 is plain memory of QEMU's. On a real\n"
	       "  bus each of its loads waits for a round trip, and the CPU does nothing "
	       "else.\n\n");
	printf("What the device says it put on the bus    (its own counters)\n");
	printf("  %-16s%18s%26s\n", "", "host -> device", "device -> host");
	show_counter("Memory Reads", &dma_write, &dma_read, MRD_TLPS, MRD_BYTES);
	show_counter("Memory Writes", &dma_write, &dma_read, MWR_TLPS, MWR_BYTES);
	show_counter("Messages", &dma_write, &dma_read, MSG_TLPS, COUNTERS);
	show_counter("Commands", &dma_write, &dma_read, COMMANDS, COUNTERS);
	printf("  host -> device: the device reads host memory: Memory Reads carry the file,\n"
	       "  and its few writes are completions. device -> host: Memory Writes carry it,\n"
	       "  and its few reads are descriptors. A message is an MSI-X interrupt.\n");
	return 0;
}
