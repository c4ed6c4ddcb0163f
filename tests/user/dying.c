// SPDX-License-Identifier: GPL-2.0-only
/*
 * dying: a process ends, or lets go of its memory, while the device still writes there: dying [KILLS]
 *
 * Completions are delayed until it has happened, and the device works on a few commands at a
 * time: so most of what is in flight at that moment has yet to be written. Memory that the driver
 * let go of early would be somebody else's by then, and a witness, who takes what is free, would
 * see it change.
 *
 * The device is one that can be made to misbehave, with outstanding=4, and there is no IOMMU.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "binding.h"
#include "child.h"
#include "pins.h"
#include "uring.h"

#define INJECT "/sys/kernel/debug/busmaster/busmaster0/inject/"
#define DEPTH 64u
#define MANY 32 /* commands that are to be in flight when it happens */
#define STARTED 8 /* that the device may have started of those: 4 a queue */
#define LENGTH (DEPTH * PAGE)
#define DELAY "always:all:1000000" /* microseconds, unless it is ended before */
#define NO_DELAY "0"
#define PATIENCE 60 /* seconds that anything here may take */
#define WITNESS (16ul << 20)

enum content { BEFORE = 0xb0, DEVICE = 0xde, WITNESSED = 0x33, CHILD = 0xc1 };

static struct uring ring;
static unsigned char *buffer;
static long long unanswered; /* commands that never had a completion, as a reset took them */
static unsigned int kills = 1;
static int fd;

static long long in_flight(void)
{
	return read_number("stats/commands") - read_number("stats/completions") - unanswered;
}

static bool enough_in_flight(void)
{
	for (int i = 0; i < PATIENCE * 100 && in_flight() < MANY; i++)
		usleep(1000);
	return in_flight() >= MANY;
}

static bool idle(void)
{
	for (int i = 0; i < PATIENCE * 100 && in_flight(); i++)
		usleep(10000);
	CHECK_IS(in_flight(), 0);
	return true;
}

static bool delay(const char *how)
{
	return write_text(INJECT "cqe-delay", how);
}

/* Each CPU keeps some of the pages that were let go of there for itself. */
static void stay_on(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu % sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static unsigned char *memory(size_t length, enum content content)
{
	unsigned char *where =
		mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (where == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	memset(where, content, length);
	return where;
}

/* Is it nothing but this? */
static bool holds(const unsigned char *where, size_t length, unsigned char content)
{
	for (size_t i = 0; i < length; i++) {
		if (where[i] == content)
			continue;
		ktap_note("byte %zu is %#x, expected %#x", i, where[i], content);
		return false;
	}
	return true;
}

/* What was let go of is his, and nobody writes there. */
static bool witness(void)
{
	unsigned char *where = memory(WITNESS, WITNESSED);

	CHECK(delay(NO_DELAY));
	CHECK(idle());
	CHECK(holds(where, WITNESS, WITNESSED));
	CHECK_IS(munmap(where, WITNESS), 0);
	return nothing_pinned();
}

/* The device's first pages are known. */
static bool begin(void)
{
	buffer = memory(LENGTH, DEVICE);
	unanswered += in_flight();
	CHECK_IS(pwrite(fd, buffer, LENGTH, 0), LENGTH);
	memset(buffer, BEFORE, LENGTH);
	return delay(DELAY);
}

static bool start_reads(void)
{
	for (unsigned int i = 0; i < DEPTH; i++) {
		struct io_uring_sqe *sqe = uring_next(&ring);

		sqe->opcode = IORING_OP_READ;
		sqe->fd = fd;
		sqe->addr = (uintptr_t)(buffer + i * PAGE);
		sqe->off = i * PAGE;
		sqe->len = PAGE;
	}
	CHECK(uring_submit(&ring, 0));
	CHECK(enough_in_flight());
	return true;
}

static bool finish_reads(void)
{
	for (unsigned int i = 0; i < DEPTH; i++)
		CHECK_IS(uring_wait(&ring), PAGE);
	return true;
}

/* --- processes that end --- */

static pthread_barrier_t all_are_there;

static void *read_page(void *page)
{
	pthread_barrier_wait(&all_are_there);
	(void)!pread(fd, page, PAGE, (unsigned char *)page - buffer);
	return NULL;
}

static void reads_by_threads(void)
{
	pthread_attr_t small;
	pthread_t thread;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 << 10);
	pthread_barrier_init(&all_are_there, NULL, DEPTH);
	for (unsigned int i = 0; i < DEPTH; i++)
		pthread_create(&thread, &small, read_page, buffer + i * PAGE);
}

static void reads_by_uring(void)
{
	if (!uring_open(&ring, DEPTH, 0) || !start_reads())
		_exit(99);
}

static void wait_for_signal(void)
{
	for (;;)
		pause();
}

static void becomes_another(void)
{
	execl("/bin/busybox", "true", NULL);
}

static void ends_by_itself(void)
{
	_exit(0);
}

/*
 * Gives back its wait status; -1: it does not end, or too little was in flight. When it ends, or
 * would if the driver let it, completions are delayed as in @then.
 */
static int ending_of(void (*reads)(void), void (*end)(void), const char *then)
{
	volatile bool *ends =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child = fork();

	if (!child) {
		reads();
		if (!enough_in_flight())
			_exit(98);
		*ends = true;
		end();
		_exit(97);
	}
	for (int i = 0; i < PATIENCE * 100 && !*ends; i++)
		usleep(10000);
	if (*ends && end == wait_for_signal)
		kill(child, SIGKILL);
	munmap((void *)ends, PAGE);
	usleep(50000);
	delay(then);
	return finish(child, PATIENCE);
}

static bool process_ends(void (*reads)(void), void (*end)(void))
{
	int wanted = end == wait_for_signal ? SIGKILL : 0;

	for (unsigned int i = 0; i < kills; i++) {
		CHECK(begin());
		stay_on(i);
		CHECK_IS(ending_of(reads, end, NO_DELAY), wanted);
		CHECK(witness());
		CHECK_IS(munmap(buffer, LENGTH), 0);
	}
	return works();
}

static bool killed_with_a_ring(void)
{
	return process_ends(reads_by_uring, wait_for_signal);
}

static bool killed_with_threads(void)
{
	return process_ends(reads_by_threads, wait_for_signal);
}

static bool another_program(void)
{
	return process_ends(reads_by_uring, becomes_another);
}

static bool thread_group_ends(void)
{
	return process_ends(reads_by_threads, ends_by_itself);
}

/*
 * Queue 0 hangs, and hears no abort. Nor does the device hear the reset that follows, until it is
 * one of the function: until then queue 1 goes on with what it has.
 */
static void *read_and_hang(void *page)
{
	stay_on(0);
	(void)!pread(fd, page, PAGE, 0);
	return NULL;
}

static void reads_and_a_hang(void)
{
	pthread_t thread;

	if (!write_text(INJECT "hang", "1:0"))
		_exit(96);
	pthread_create(&thread, NULL, read_and_hang, memory(PAGE, BEFORE));
	while (!in_flight())
		usleep(1000);
	stay_on(1);
	reads_by_uring();
}

static bool killed_and_not_heard(void)
{
	static const char slowly[] = "always:all:300000";
	long long resets = read_number("stats/resets");
	unsigned char *where;

	CHECK(begin());
	CHECK(delay(slowly));
	CHECK(write_text(INJECT "reset-ignore", "1"));
	CHECK_IS(ending_of(reads_and_a_hang, wait_for_signal, slowly), SIGKILL);
	where = memory(WITNESS, WITNESSED);
	for (int i = 0; i < PATIENCE * 100 && read_number("stats/resets") == resets; i++)
		usleep(10000);
	CHECK_IS(read_number("stats/resets"), resets + 1);
	CHECK(works());
	CHECK(holds(where, WITNESS, WITNESSED));
	CHECK_IS(munmap(where, WITNESS), 0);
	CHECK_IS(munmap(buffer, LENGTH), 0);
	return nothing_pinned();
}

/* --- memory that goes --- */

static bool close_in_flight(void)
{
	int kept = fd;

	CHECK(begin());
	fd = open(DEVICE_NODE, O_RDWR);
	CHECK(start_reads());
	uring_close(&ring);
	CHECK_IS(close(fd), 0);
	CHECK(in_flight() >= MANY);
	CHECK_IS(munmap(buffer, LENGTH), 0);
	fd = kept;
	CHECK(witness());
	CHECK(uring_open(&ring, DEPTH, 0));
	return works();
}

/* What is in the buffer's place afterwards is the caller's, and the device has never heard of it. */
static bool memory_goes(bool (*go)(void))
{
	CHECK(start_reads());
	CHECK(go());
	CHECK(in_flight() >= MANY);
	CHECK(witness());
	CHECK(finish_reads());
	CHECK(holds(buffer, LENGTH, 0));
	CHECK_IS(munmap(buffer, LENGTH), 0);
	return works();
}

static bool unmapped(void)
{
	CHECK_IS(munmap(buffer, LENGTH), 0);
	return mmap(buffer, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		    -1, 0) == buffer;
}

static bool not_needed(void)
{
	return !madvise(buffer, LENGTH, MADV_DONTNEED);
}

static int file; /* whose pages the buffer's are */

static bool truncated(void)
{
	return !ftruncate(file, 0) && !ftruncate(file, LENGTH);
}

static bool unmap_in_flight(void)
{
	return begin() && memory_goes(unmapped);
}

static bool not_needed_in_flight(void)
{
	return begin() && memory_goes(not_needed);
}

static bool truncate_in_flight(void)
{
	CHECK(begin());
	CHECK_IS(munmap(buffer, LENGTH), 0);
	file = memfd_create("dying", 0);
	CHECK(file >= 0 && !ftruncate(file, LENGTH));
	buffer = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	CHECK(buffer != MAP_FAILED);
	memset(buffer, BEFORE, LENGTH);
	CHECK(memory_goes(truncated));
	return close(file) == 0;
}

/* --- a child that has the same memory --- */

/* Pages that the device has not begun with when the child is made. */
#define LATER(pages) ((pages) + LENGTH - (MANY - STARTED) * PAGE)
#define LATER_LENGTH ((MANY - STARTED) * PAGE)

static bool child_has_a_copy(void)
{
	CHECK(holds(LATER(buffer), LATER_LENGTH, BEFORE));
	memset(buffer, CHILD, LENGTH);
	return true;
}

static bool child_keeps_its_copy(void)
{
	return holds(buffer, LENGTH, CHILD);
}

static bool child_has_none(void)
{
	unsigned char in_core[DEPTH];

	CHECK_ERRNO(mincore(buffer, LENGTH, in_core), ENOMEM);
	return true;
}

static bool child_has_zeros(void)
{
	return holds(buffer, LENGTH, 0);
}

static void child_lives(bool (*before)(void), bool (*after)(void), int told)
{
	bool ok = before();

	(void)!write(told, "", 1);
	_exit(!(ok && idle() && after()));
}

/* All that the device reads is its parent's, whatever either writes there meanwhile. */
static bool forks(int advice, bool (*before)(void), bool (*after)(void))
{
	int told[2], status;
	pid_t child;
	char byte;

	CHECK(begin());
	CHECK_IS(pipe(told), 0);
	CHECK_IS(madvise(buffer, LENGTH, advice), 0);
	CHECK(start_reads());
	child = fork();
	if (!child)
		child_lives(before, after, told[1]);
	CHECK_IS(read(told[0], &byte, 1), 1);
	for (size_t i = 0; i < LATER_LENGTH; i += PAGE)
		LATER(buffer)[i] = BEFORE;
	CHECK(in_flight() >= MANY);
	CHECK(delay(NO_DELAY));
	CHECK(finish_reads());
	CHECK_IS(waitpid(child, &status, 0), child);
	CHECK_IS(status, 0);
	CHECK(holds(buffer, LENGTH, DEVICE));
	CHECK_IS(munmap(buffer, LENGTH), 0);
	CHECK(!close(told[0]) && !close(told[1]));
	return nothing_pinned() && works();
}

static bool fork_in_flight(void)
{
	return forks(MADV_NORMAL, child_has_a_copy, child_keeps_its_copy);
}

static bool dontfork_in_flight(void)
{
	return forks(MADV_DONTFORK, child_has_none, child_has_none);
}

static bool wipeonfork_in_flight(void)
{
	return forks(MADV_WIPEONFORK, child_has_zeros, child_has_zeros);
}

static const struct ktap_case cases[] = {
	{ "SIGKILL, 64 reads by io_uring", killed_with_a_ring },
	{ "SIGKILL, a read in each of 64 threads", killed_with_threads },
	{ "exec, 64 reads by io_uring", another_program },
	{ "exit_group, a read in each of 64 threads", thread_group_ends },
	{ "SIGKILL, and the device hears neither abort nor reset", killed_and_not_heard },
	{ "the file and the ring are closed, the memory is unmapped", close_in_flight },
	{ "the memory is unmapped, and other memory is there", unmap_in_flight },
	{ "MADV_DONTNEED", not_needed_in_flight },
	{ "the file is truncated whose pages they are", truncate_in_flight },
	{ "fork: the child has a copy, the parent what the device has read", fork_in_flight },
	{ "fork with MADV_DONTFORK", dontfork_in_flight },
	{ "fork with MADV_WIPEONFORK", wipeonfork_in_flight },
};

int main(int argc, char **argv)
{
	if (argc > 1)
		kills = (atoi(argv[1]) + 3) / 4; /* of each kind */
	fd = open(DEVICE_NODE, O_RDWR);
	if (fd < 0 || !uring_open(&ring, DEPTH, 0) || !find_function()) {
		perror("dying");
		return 2;
	}
	return KTAP_RUN(cases);
}
