// SPDX-License-Identifier: GPL-2.0-only
/*
 * pingpong: one operation after the other, for a wake-up that is lost.
 *
 * At depth 1 nothing comes to the rescue of an interrupt that was not raised, or of a
 * doorbell that was not seen: the operation ends when the driver's watchdog looks, or
 * never. Writes and reads alternate, one by io_uring and one by a plain system call; each
 * read has to bring back what was written last. A thread looks on, and what takes too long
 * is a failure. Several processes at once, each at depth 1, submit just when the device has
 * no more to do for another.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>

#include "device.h"
#include "ktap.h"
#include "uring.h"

#define BLOCK 4096u
#define MAX_PROCESSES 64

static struct {
	unsigned long count;
	unsigned int seconds; /* that one operation may take */
	unsigned int processes;
	bool polled;
} options = { .count = 200000, .seconds = 2, .processes = 1 };

static int fd;
static struct uring ring;
static unsigned char *block;
static atomic_ulong current; /* the operation that is on its way */

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* Of four operations, the first and the last are io_uring's: a write and a read. */
static bool by_uring(unsigned long number)
{
	return number % 4 == 0 || number % 4 == 3;
}

static void note_stats(void)
{
	static const char *const names[] = {
		"stats/commands",     "stats/completions",     "stats/interrupts",
		"stats/sq_doorbells", "stats/cq_doorbells",    "stats/resets",
		"errors/timeouts",    "stats/bad_completions",
	};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ktap_note("%s: %lld", names[i], read_number(names[i]));
}

/* Looks on: an operation that is the same for too long stalls. Ends the process then. */
static void *watch(void *unused)
{
	unsigned long seen = 0;
	double since = now();

	for (;;) {
		unsigned long is = atomic_load(&current);

		if (is != seen) {
			seen = is;
			since = now();
		} else if (now() - since > options.seconds) {
			ktap_note("operation %lu of %lu, a %s by %s, takes more than %u s", is,
				  options.count, is % 2 ? "read" : "write",
				  by_uring(is) ? "io_uring" : "system call", options.seconds);
			note_stats();
			_exit(1);
		}
		usleep(50000);
	}
	return unused;
}

static int transfer(unsigned long number, uint64_t offset)
{
	bool read = number % 2;
	struct io_uring_sqe *sqe;

	atomic_store(&current, number);
	if (!by_uring(number))
		return read ? pread(fd, block, BLOCK, offset) : pwrite(fd, block, BLOCK, offset);
	sqe = uring_next(&ring);
	sqe->opcode = read ? IORING_OP_READ : IORING_OP_WRITE;
	sqe->fd = fd;
	sqe->addr = (uintptr_t)block;
	sqe->len = BLOCK;
	sqe->off = offset;
	return uring_wait(&ring);
}

/* A write, and the read of it. */
static bool ping_pong(unsigned long number, uint64_t offset)
{
	uint64_t stamp = number, back = 0;

	memcpy(block, &stamp, sizeof(stamp));
	CHECK_IS(transfer(number, offset), BLOCK);
	memset(block, 0xff, sizeof(stamp));
	CHECK_IS(transfer(number + 1, offset), BLOCK);
	memcpy(&back, block, sizeof(back));
	CHECK_IS(back, stamp);
	return true;
}

/* One process, with a block of its own. */
static bool process(unsigned int number)
{
	pthread_t thread;

	fd = open(DEVICE_NODE, O_RDWR | O_DIRECT);
	CHECK(fd >= 0);
	CHECK(uring_open(&ring, 1, options.polled ? IORING_SETUP_IOPOLL : 0));
	block = aligned_alloc(BLOCK, BLOCK);
	memset(block, 0, BLOCK);
	CHECK_IS(pthread_create(&thread, NULL, watch, NULL), 0);
	for (unsigned long i = 0; i < options.count; i += 2)
		if (!ping_pong(i, number * BLOCK))
			return false;
	return true;
}

static bool no_stall(void)
{
	double start = now(), seconds;
	pid_t children[MAX_PROCESSES];
	int status, failed = 0;

	for (unsigned int i = 0; i < options.processes; i++) {
		children[i] = fork();
		if (!children[i])
			_exit(!process(i));
	}
	for (unsigned int i = 0; i < options.processes; i++)
		failed += waitpid(children[i], &status, 0) != children[i] || status;
	seconds = now() - start;
	ktap_note("%u times %lu operations in %.0f s, %.0f a second", options.processes,
		  options.count, seconds, options.processes * options.count / seconds);
	CHECK_IS(failed, 0);
	return true;
}

static void parse(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "n:t:j:p")) != -1) {
		if (option == 'n')
			options.count = strtoul(optarg, NULL, 0);
		else if (option == 't')
			options.seconds = strtoul(optarg, NULL, 0);
		else if (option == 'j')
			options.processes = strtoul(optarg, NULL, 0);
		else if (option == 'p')
			options.polled = true;
		else
			exit(2);
	}
	if (!options.processes || options.processes > MAX_PROCESSES) {
		fprintf(stderr, "pingpong: -j %u: 1 to %u processes\n", options.processes,
			MAX_PROCESSES);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = { { "no operation stalls", no_stall } };

	parse(argc, argv);
	return KTAP_RUN(cases);
}
