// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz: what any program may do to /dev/busmasterN, and much that none should.
 *
 * Lives follow each other: each is a process of its own that makes some hundred random calls,
 * by one thread or by several that share descriptors and memory, and ends by itself, is killed
 * in the midst of it, or hangs: that is a failure, as is wrong data. Everything else is found
 * by the kernel, which is to have KASAN, lockdep and the like.
 *
 * A life's random numbers come from its seed, which is told to the kernel log as it begins:
 * `fuzz -s SEED -n CALLS` repeats its calls, one by one if it has a single thread (-p 1). With
 * fail-nth in /proc, one of the next allocations or copies fails in each eighth call of some lives.
 *
 * Some lives may lock little memory (RLIMIT_MEMLOCK), or none. What the driver pins is not
 * counted, as drivers/mem.c explains; buffers that are registered with io_uring are.
 *
 * With -d NODE -l ALLOCATE there is a second device: its file, and p2pmem/allocate of its PCI
 * function. All that is verified is the first one's.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "fuzz.h"
#include "fuzz_file.h"
#include "fuzz_kept.h"
#include "fuzz_op.h"
#include "fuzz_peer.h"
#include "hung.h"
#include "zoo.h"

#define LIFE 400 /* calls */
#define PATIENCE 60 /* seconds for a call, or for the end of a life that is killed */

static struct options {
	uint64_t seed;
	unsigned long calls;
	unsigned int seconds; /* after which no life begins; 0: no limit */
	unsigned int threads;
} options = { .calls = 20000, .threads = 1 };

static const struct {
	const char *name;
	long (*make)(struct thread *thread);
	unsigned int weight;
} kinds[] = {
	{ "op", call_op, 20 },		{ "info", call_info, 3 },
	{ "io_uring", call_uring, 8 },	{ "read", call_read, 12 },
	{ "write", call_write, 12 },	{ "aio", call_aio, 3 },
	{ "open", call_open, 6 },	{ "any", call_any, 8 },
	{ "mapping", call_mapping, 4 }, { "memory", call_memory, 16 },
	{ "fork", call_fork, 1 },	{ "kept", call_kept, 8 },
	{ "export", call_export, 4 },	{ "dma-buf", call_dmabuf, 4 },
};

#define KINDS LENGTH_OF(kinds)
#define KINDS_OF_TWO 2 /* the last of them take a second device */

/* What lives tell their parent, which outlives them. */
static struct board {
	struct kcov_seen seen;
	atomic_ulong made[KINDS], succeeded[KINDS];
	struct {
		atomic_uint call, kind;
	} now[THREADS];
	atomic_bool failed;
	char failure[300];
} * board;

static __thread struct thread *self;
static time_t begin;
static unsigned int calls_each; /* thread of this life */

static void give_up(const char *format, ...)
{
	char text[200];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (!atomic_exchange(&board->failed, true))
		snprintf(board->failure, sizeof(board->failure), "thread %u, call %u: %s", self->id,
			 atomic_load(&board->now[self->id].call), text);
	_exit(1);
}

/*
 * Calls
 */

static unsigned int a_kind(struct thread *thread)
{
	unsigned int here = other.node ? KINDS : KINDS - KINDS_OF_TWO;
	unsigned int kind = 0, sum = 0, left;

	for (unsigned int i = 0; i < here; i++)
		sum += kinds[i].weight;
	left = below(thread, sum);
	while (left >= kinds[kind].weight)
		left -= kinds[kind++].weight;
	return kind;
}

static void set_fail_nth(struct thread *thread, unsigned int n)
{
	char text[16];

	if (thread->fail_nth < 0)
		return;
	snprintf(text, sizeof(text), "%u", n);
	(void)!pwrite(thread->fail_nth, text, strlen(text), 0);
}

static void make_call(struct thread *thread, unsigned int number)
{
	unsigned int kind = a_kind(thread), nth = 1 + random_size(&thread->state, 40);
	long is;

	atomic_store(&board->now[thread->id].call, number);
	atomic_store(&board->now[thread->id].kind, kind);
	thread->faulty = one_in(thread, 8) && thread->faults;
	if (thread->faulty)
		set_fail_nth(thread, nth);
	kcov_begin(&thread->kcov);
	is = kinds[kind].make(thread);
	kcov_end(&thread->kcov, &board->seen);
	if (thread->faulty)
		set_fail_nth(thread, 0);
	atomic_fetch_add(&board->made[kind], 1);
	atomic_fetch_add(&board->succeeded[kind], is >= 0);
}

static void *run_thread(void *argument)
{
	struct thread *thread = argument;
	char path[64];

	self = thread;
	snprintf(path, sizeof(path), "/proc/self/task/%d/fail-nth", gettid());
	thread->fail_nth = open(path, O_WRONLY | O_CLOEXEC);
	thread->area = memory(3 * PAGE);
	thread->out = memory(KEPT + 2 * PAGE);
	thread->in = memory(KEPT + 2 * PAGE);
	kcov_open(&thread->kcov);
	for (unsigned int i = 0; i < calls_each; i++)
		make_call(thread, i);
	close_ring(thread);
	return NULL;
}

/*
 * Lives
 */

static void on_fault(int number)
{
	if (may_fault)
		siglongjmp(after_fault, 1);
	signal(number, SIG_DFL);
}

static void on_alarm(int number)
{
	(void)number;
}

/*
 * Less memory to lock, fewer files: not in each life. And either signals all the time or faults
 * in allocations: one of these in a signal's frame would end the life. True: it is faults.
 */
static bool set_limits(uint64_t *state)
{
	static const rlim_t lockable[] = { RLIM_INFINITY, 0, 16 * PAGE };
	const struct rlimit memlock = { lockable[random_below(state, 3)], RLIM_INFINITY };
	const struct rlimit nofile = { random_below(state, 4) ? 1024 : 40, 1024 };
	const struct sigaction fault = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	const struct sigaction alarm = { .sa_handler = on_alarm };
	const struct itimerval often = { { 0, 20000 }, { 0, 20000 } };

	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGBUS, &fault, NULL);
	sigaction(SIGALRM, &alarm, NULL);
	setrlimit(RLIMIT_MEMLOCK, &memlock);
	setrlimit(RLIMIT_NOFILE, &nofile);
	if (random_below(state, 2))
		return true;
	setitimer(ITIMER_REAL, &often, NULL);
	return false;
}

/* A process's life; returns its exit status. */
static int live(uint64_t seed)
{
	static struct thread threads[THREADS];
	pthread_t ids[THREADS];
	sigset_t all;
	bool faults;

	sigfillset(&all);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!open_device())
		return 2;
	zoo_open();
	for (unsigned int i = 0; i < FILES; i++) {
		files[i] = open(DEVICE_NODE, O_RDWR | O_CLOEXEC);
		buffers[i] = other.node ? open(other.node, O_RDWR | O_CLOEXEC) : -1;
	}
	faults = set_limits(&seed);
	for (unsigned int i = 0; i < options.threads; i++) {
		threads[i].id = i;
		threads[i].faults = faults;
		threads[i].state = random_next(&seed);
		if (pthread_create(&ids[i], NULL, run_thread, &threads[i]))
			return 2;
	}
	for (unsigned int i = 0; i < options.threads; i++)
		pthread_join(ids[i], NULL);
	return 0;
}

/* Waits for a child's end; false if that does not come in time. */
static bool ended(pid_t child, int *status, unsigned int milliseconds)
{
	const struct timespec tick = { .tv_nsec = 20000000 };
	struct timespec begin, now;
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		if (waitpid(child, status, WNOHANG) == child)
			return true;
		sigtimedwait(&signals, NULL, &tick);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 <
		 milliseconds);
	return false;
}

static unsigned long calls_made(void)
{
	unsigned long all = 0;

	for (unsigned int i = 0; i < KINDS; i++)
		all += atomic_load(&board->made[i]);
	return all;
}

/* The same for a life that ends by itself, which is not in time if no call ends any more. */
static bool ended_by_itself(pid_t child, int *status)
{
	unsigned long before;

	do {
		before = calls_made();
		if (ended(child, status, PATIENCE * 1000))
			return true;
	} while (calls_made() != before);
	return false;
}

static void note_calls(void)
{
	for (unsigned int i = 0; i < options.threads; i++)
		ktap_note("thread %u was in call %u: %s", i, atomic_load(&board->now[i].call),
			  kinds[atomic_load(&board->now[i].kind)].name);
}

static void note_hung(pid_t child, const char *how)
{
	ktap_note("it is %s", how);
	note_calls();
	hung_note(child);
}

/* One life in eight is cut short. The others are to end by themselves, and well. */
static bool watch(pid_t child, uint64_t seed)
{
	bool cut = !random_below(&seed, 8);
	int status;

	if (cut ? ended(child, &status, random_below(&seed, 400)) :
		  ended_by_itself(child, &status)) {
		if (!status)
			return true;
		ktap_note("wait status %#x: %s", status, board->failure);
		if (WIFSIGNALED(status))
			note_calls();
		return false;
	}
	if (!cut)
		note_hung(child, "alive, but no call ends any more");
	kill(child, SIGKILL);
	if (!ended(child, &status, PATIENCE * 1000)) {
		note_hung(child, "killed, but does not end");
		return false;
	}
	return cut;
}

static bool run_life(uint64_t seed, unsigned int calls)
{
	FILE *log = fopen("/dev/kmsg", "w");
	pid_t child;

	if (log) {
		fprintf(log, "fuzz -s %#llx -n %u -p %u\n", (unsigned long long)seed, calls,
			options.threads);
		fclose(log);
	}
	calls_each = (calls + options.threads - 1) / options.threads;
	child = fork();
	if (!child)
		_exit(live(seed));
	if (child > 0 && watch(child, seed))
		return true;
	ktap_note("repeat with: fuzz -s %#llx -n %u -p %u", (unsigned long long)seed, calls,
		  options.threads);
	return false;
}

static bool run_lives(void)
{
	uint64_t state = options.seed, seed = options.seed;
	unsigned long left = options.calls;

	begin = time(NULL);
	ktap_note("seed %#llx", (unsigned long long)seed);
	while (left && (!options.seconds || time(NULL) < begin + options.seconds)) {
		unsigned int calls = left < LIFE ? left : LIFE;

		if (!run_life(seed, calls))
			return false;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			; /* children of lives that were cut short */
		seed = random_next(&state);
		left -= calls;
	}
	return true;
}

/* A kind that never succeeds shows nothing of what comes after the checks. */
static bool all_kinds(void)
{
	bool ok = true;

	for (unsigned int i = 0; i < KINDS; i++) {
		unsigned long made = atomic_load(&board->made[i]);
		unsigned long succeeded = atomic_load(&board->succeeded[i]);

		ktap_note("%8lu of %8lu succeeded: %s", succeeded, made, kinds[i].name);
		ok = ok && (succeeded || made < 100);
	}
	ktap_note("%lu calls in %ld s reached %u blocks of the module, and %u edges between them",
		  calls_made(), (long)(time(NULL) - begin), atomic_load(&board->seen.blocks),
		  atomic_load(&board->seen.edges));
	return ok;
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		{ "lives end in time, and what they verify is right", run_lives },
		{ "each kind of call can succeed", all_kinds },
	};
	sigset_t signals;
	int option;

	options.seed = time(NULL);
	while ((option = getopt(argc, argv, "s:n:t:p:d:l:")) != -1) {
		if (option == 's')
			options.seed = strtoull(optarg, NULL, 0);
		else if (option == 'n')
			options.calls = strtoul(optarg, NULL, 0);
		else if (option == 't')
			options.seconds = strtoul(optarg, NULL, 0);
		else if (option == 'p')
			options.threads = strtoul(optarg, NULL, 0);
		else if (option == 'd')
			other.node = optarg;
		else if (option == 'l')
			other.lends = optarg;
		else
			return 2;
	}
	if (!options.threads || options.threads > THREADS)
		return 2;
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (board == MAP_FAILED)
		return 2;
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return KTAP_RUN(cases);
}
