// SPDX-License-Identifier: GPL-2.0-only
/*
 * verify: random transfers through /dev/busmasterN, each byte of them checked.
 *
 * Every process owns a region of device memory and keeps a copy of it in its own memory:
 * the copy says what each read must return, so processes verify independently of each
 * other while they compete for the device's queues. A transfer is one pread, pwrite,
 * preadv or pwritev of 1 byte to 8 MiB at a random device offset, from or into user
 * memory at a random alignment, in random pieces. Bytes around each piece that is read
 * into are guards and must stay as they are; memory that is written from must, too.
 *
 * With -e the device may be reset or taken away meanwhile: a transfer that fails with EIO
 * is repeated until it succeeds, ENODEV ends the process, and both are fine.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "device.h"
#include "ktap.h"

#define MAX_PROCESSES 64
#define MAX_TRANSFER (8u << 20)
#define MAX_PIECES 24
#define GUARD 32 /* bytes on either side of a piece */
#define GUARD_BYTE 0xa5
#define RETRIES 5000 /* of 1 ms: how long a device may take to heal */

static struct options {
	const char *node;
	unsigned long transfers; /* of all processes together */
	unsigned int processes;
	uint64_t seed;
	bool errors; /* -e */
} options = { .node = DEVICE_NODE, .transfers = 1000, .processes = 1 };

/* What a process did, in memory that it shares with its parent. */
struct outcome {
	unsigned long transfers;
	uint64_t bytes;
	unsigned long errors; /* EIO, repeated */
	time_t seconds;
	bool gone; /* ended by ENODEV */
	char failure[300];
};

struct region {
	int fd;
	uint64_t start, size;
	uint64_t limit; /* of a transfer */
	uint64_t
		room; /* for one in pieces, with guards and at any place: bytes of source and of arena */
	unsigned char *copy; /* what the device holds */
	unsigned char *source; /* random bytes to write */
	unsigned char *arena; /* to read into */
	uint64_t state; /* of the random numbers */
	struct outcome *outcome;
};

static bool fail(struct region *region, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool fail(struct region *region, const char *format, ...)
{
	char *text = region->outcome->failure;
	size_t size = sizeof(region->outcome->failure);
	int used = snprintf(text, size, "transfer %lu: ", region->outcome->transfers);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text + used, size - used, format, arguments);
	va_end(arguments);
	return false;
}

/* Cuts length bytes into pieces; tiny ones are common, since edges live there. */
static unsigned int cut(struct region *region, uint64_t length, uint64_t *pieces)
{
	unsigned int count = 0;

	if (random_below(&region->state, 5) < 3) {
		pieces[0] = length;
		return 1;
	}
	while (length && count < MAX_PIECES - 1) {
		uint64_t limit = random_below(&region->state, 2) ? length : 1 + length / 8;
		uint64_t piece = random_size(&region->state, limit);

		pieces[count++] = piece;
		length -= piece;
	}
	if (length)
		pieces[count++] = length;
	return count;
}

/* A place at or after base, at most room bytes after it; page and cache line starts often. */
static uint64_t place(struct region *region, uint64_t base, uint64_t room)
{
	static const unsigned int alignments[] = { 1, 1, 4, 64, 512, 4096 };
	uint64_t where = base + random_below(&region->state, room + 1);
	uint64_t down = where - where % alignments[random_below(&region->state, 6)];

	return down < base ? where : down;
}

static ssize_t transfer_once(struct region *region, bool write, const struct iovec *pieces,
			     unsigned int count, uint64_t offset)
{
	if (count > 1)
		return write ? pwritev(region->fd, pieces, count, offset) :
			       preadv(region->fd, pieces, count, offset);
	return write ? pwrite(region->fd, pieces->iov_base, pieces->iov_len, offset) :
		       pread(region->fd, pieces->iov_base, pieces->iov_len, offset);
}

/* Moves all of it. With -e: again and again, since a device that is being reset says EIO. */
static bool transfer(struct region *region, bool write, const struct iovec *pieces,
		     unsigned int count, uint64_t offset, uint64_t length)
{
	const char *verb = write ? "write" : "read";

	for (unsigned int tries = 0;; tries++) {
		ssize_t moved = transfer_once(region, write, pieces, count, offset);

		if (moved == (ssize_t)length)
			break;
		if (moved < 0 && errno == ENODEV && options.errors) {
			region->outcome->gone = true;
			return false;
		}
		if (!options.errors || tries == RETRIES || (moved < 0 && errno != EIO))
			return fail(region, "%s of %llu bytes in %u pieces at %llu gave %zd (%s)",
				    verb, (unsigned long long)length, count,
				    (unsigned long long)(region->start + offset), moved,
				    moved < 0 ? strerror(errno) : "short");
		region->outcome->errors++;
		usleep(1000);
	}
	region->outcome->transfers++;
	region->outcome->bytes += length;
	return true;
}

static bool write_some(struct region *region, uint64_t at, uint64_t length)
{
	struct iovec pieces[MAX_PIECES];
	uint64_t lengths[MAX_PIECES];
	unsigned int count = cut(region, length, lengths);
	unsigned char *copy = region->copy + at;

	for (unsigned int i = 0; i < count; i++) {
		pieces[i].iov_len = lengths[i];
		pieces[i].iov_base = region->source + place(region, 0, region->room - lengths[i]);
	}
	if (!transfer(region, true, pieces, count, region->start + at, length))
		return false;
	for (unsigned int i = 0; i < count; copy += lengths[i++])
		memcpy(copy, pieces[i].iov_base, lengths[i]);
	return true;
}

/* Says where and how much two buffers differ. */
static bool differ(struct region *region, uint64_t offset, const unsigned char *is,
		   const unsigned char *want, uint64_t length)
{
	uint64_t first = length, last = 0, count = 0;

	for (uint64_t i = 0; i < length; i++) {
		if (is[i] == want[i])
			continue;
		if (first == length)
			first = i;
		last = i;
		count++;
	}
	return fail(region,
		    "read of %llu bytes at %llu into %p: %llu bytes differ, from byte %llu (%02x, "
		    "expected %02x) to byte %llu",
		    (unsigned long long)length, (unsigned long long)offset, (const void *)is,
		    (unsigned long long)count, (unsigned long long)first, is[first], want[first],
		    (unsigned long long)last);
}

static bool guards_intact(const unsigned char *guard)
{
	for (unsigned int i = 0; i < GUARD; i++)
		if (guard[i] != GUARD_BYTE)
			return false;
	return true;
}

static bool read_some(struct region *region, uint64_t at, uint64_t length)
{
	struct iovec pieces[MAX_PIECES];
	uint64_t lengths[MAX_PIECES];
	unsigned int count = cut(region, length, lengths);
	uint64_t slack = (region->room - length) / count - 2 * GUARD;
	unsigned char *next = region->arena;
	uint64_t offset = region->start + at;
	const unsigned char *copy = region->copy + at;

	for (unsigned int i = 0; i < count; i++) {
		next = (unsigned char *)place(region, (uintptr_t)next + GUARD, slack);
		pieces[i].iov_base = next;
		pieces[i].iov_len = lengths[i];
		memset(next - GUARD, GUARD_BYTE, GUARD);
		next += lengths[i];
		memset(next, GUARD_BYTE, GUARD);
		next += GUARD;
	}
	if (!transfer(region, false, pieces, count, offset, length))
		return false;
	for (unsigned int i = 0; i < count; i++) {
		const unsigned char *base = pieces[i].iov_base;

		if (memcmp(base, copy, lengths[i]))
			return differ(region, offset, base, copy, lengths[i]);
		if (!guards_intact(base - GUARD) || !guards_intact(base + lengths[i]))
			return fail(region, "read of %llu bytes at %llu wrote outside its buffer",
				    (unsigned long long)lengths[i], (unsigned long long)offset);
		copy += lengths[i];
		offset += lengths[i];
	}
	return true;
}

/* The whole region, in big steps: to begin with a known state, and to end with the same. */
static bool sweep(struct region *region, bool (*step)(struct region *, uint64_t, uint64_t))
{
	for (uint64_t at = 0; at < region->size; at += region->limit) {
		uint64_t left = region->size - at;

		if (!step(region, at, left < region->limit ? left : region->limit))
			return false;
	}
	return true;
}

static uint64_t sum(const unsigned char *bytes, size_t size)
{
	uint64_t total = 0, word;

	for (size_t i = 0; i + 8 <= size; i += 8) {
		memcpy(&word, bytes + i, 8);
		total = (total ^ word) * 0x100000001b3ull;
	}
	return total;
}

static bool verify_region(struct region *region, unsigned long transfers)
{
	uint64_t before = sum(region->source, region->room);

	if (!sweep(region, write_some))
		return false;
	for (unsigned long i = 0; i < transfers; i++) {
		uint64_t length = random_size(&region->state, region->limit);
		uint64_t at = place(region, 0, region->size - length);
		bool write = random_below(&region->state, 2);

		if (!(write ? write_some : read_some)(region, at, length))
			return false;
	}
	if (!sweep(region, read_some))
		return false;
	if (sum(region->source, region->room) != before)
		return fail(region, "memory that was only written from has changed");
	return true;
}

static void *memory(size_t size)
{
	void *where = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (where == MAP_FAILED) {
		perror("verify: mmap");
		exit(2);
	}
	return where;
}

/* One process, on one CPU, with one region. */
static int process(unsigned int number, uint64_t size, struct outcome *outcome)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t limit = size < MAX_TRANSFER ? size : MAX_TRANSFER;
	uint64_t room = 2 * limit + MAX_PIECES * 2 * GUARD;
	struct region region = {
		.fd = open(options.node, O_RDWR),
		.start = number * size,
		.size = size,
		.limit = limit,
		.room = room,
		.copy = memory(size),
		.source = memory(room),
		.arena = memory(room),
		.state = options.seed + number,
		.outcome = outcome,
	};
	cpu_set_t set;
	bool ok;

	CPU_ZERO(&set);
	CPU_SET(number % cpus, &set);
	sched_setaffinity(0, sizeof(set), &set);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (region.fd < 0) {
		fail(&region, "open of %s: %s", options.node, strerror(errno));
		return 1;
	}
	if (number % 2) { /* half of the processes without huge pages: longer SGLs */
		madvise(region.source, room, MADV_NOHUGEPAGE);
		madvise(region.arena, room, MADV_NOHUGEPAGE);
	}
	random_fill(&region.state, region.source, room);
	outcome->seconds = time(NULL);
	ok = verify_region(&region, options.transfers / options.processes);
	outcome->seconds = time(NULL) - outcome->seconds;
	return ok || outcome->gone ? 0 : 1;
}

static bool report(unsigned int number, int status, const struct outcome *outcome)
{
	bool ok = WIFEXITED(status) && !WEXITSTATUS(status);
	char name[160];

	if (outcome->failure[0])
		ktap_note("%s; repeat with -s %llu", outcome->failure,
			  (unsigned long long)options.seed);
	else if (!ok)
		ktap_note("wait status %#x after %lu transfers", status, outcome->transfers);
	ktap_note("process %u: %lu transfers, %llu MiB, %ld s%s", number, outcome->transfers,
		  (unsigned long long)(outcome->bytes >> 20), (long)outcome->seconds,
		  outcome->gone ? ", until the device was gone" : "");
	if (outcome->errors)
		ktap_note("process %u: %lu of them failed with EIO and were repeated", number,
			  outcome->errors);
	snprintf(name, sizeof(name), "process %u of %u: every byte of %lu random transfers", number,
		 options.processes, options.transfers / options.processes);
	ktap_result(ok, number, name);
	return ok;
}

static void parse(int argc, char **argv)
{
	int option;

	options.seed = time(NULL);
	while ((option = getopt(argc, argv, "d:n:p:s:e")) != -1) {
		if (option == 'd')
			options.node = optarg;
		else if (option == 'n')
			options.transfers = strtoul(optarg, NULL, 0);
		else if (option == 'p')
			options.processes = strtoul(optarg, NULL, 0);
		else if (option == 's')
			options.seed = strtoull(optarg, NULL, 0);
		else if (option == 'e')
			options.errors = true;
		else
			exit(2);
	}
	if (!options.processes || options.processes > MAX_PROCESSES) {
		fprintf(stderr, "verify: -p %u: 1 to %u processes\n", options.processes,
			MAX_PROCESSES);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	pid_t children[MAX_PROCESSES];
	struct outcome *outcomes;
	uint64_t size;
	bool all = true;
	int fd;

	parse(argc, argv);
	ktap_plan(options.processes);
	ktap_note("seed %llu", (unsigned long long)options.seed);
	fd = open(options.node, O_RDWR);
	if (fd < 0) {
		perror(options.node);
		return 2;
	}
	size = lseek(fd, 0, SEEK_END) / options.processes;
	close(fd);
	outcomes = mmap(NULL, sizeof(*outcomes) * MAX_PROCESSES, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (unsigned int i = 0; i < options.processes; i++) {
		children[i] = fork();
		if (!children[i])
			_exit(process(i, size, &outcomes[i]));
	}
	for (unsigned int i = 0; i < options.processes; i++) {
		int status = -1;

		waitpid(children[i], &status, 0);
		all = report(i + 1, status, &outcomes[i]) && all;
	}
	return all ? 0 : 1;
}
