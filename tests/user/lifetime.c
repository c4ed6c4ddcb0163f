// SPDX-License-Identifier: GPL-2.0-only
/*
 * lifetime: the device is reset, unbound or its module asked to go while it is open, while
 * transfers run, and while their owner dies. Nothing may hang, and nothing may stay pinned.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "binding.h"
#include "child.h"
#include "pins.h"

#define LENGTH (4ul << 20)
#define PATIENCE 20 /* seconds that anything here may take */

static sigjmp_buf after_bus_error;
static bool enough; /* the second thread is to end */

static bool reset(void)
{
	char path[100];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", address);
	return write_text(path, "1");
}

/* A child that transfers until an error that is not EIO ends it; its exit status says which. */
static pid_t start_transfers(void)
{
	pid_t child = fork();
	unsigned char *memory;
	int fd;

	if (child)
		return child;
	fd = open_device();
	memory = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	alarm(3 * PATIENCE);
	for (unsigned int i = 0; fd >= 0; i++) {
		ssize_t moved = i % 2 ? pread(fd, memory + i % 64, LENGTH - 64, i % 999) :
					pwrite(fd, memory + i % 64, LENGTH - 64, i % 999);

		if (moved < 0 && errno != EIO)
			_exit(errno);
	}
	_exit(errno);
}

static bool ended_with(int status, int error)
{
	if (status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == error)
		return true;
	ktap_note("wait status %#x, expected an exit because of: %s", status, strerror(error));
	return false;
}

static void bus_error(int signal)
{
	(void)signal;
	siglongjmp(after_bus_error, 1);
}

/* Touching memory of a device that is gone: SIGBUS or SIGSEGV, never the memory. */
static bool unreachable(volatile unsigned char *memory)
{
	bool reached = false;

	signal(SIGBUS, bus_error);
	signal(SIGSEGV, bus_error);
	if (!sigsetjmp(after_bus_error, 1)) {
		(void)*memory;
		reached = true;
	}
	signal(SIGBUS, SIG_DFL);
	signal(SIGSEGV, SIG_DFL);
	return !reached;
}

static bool unbind_open(void)
{
	int fd = open_device();
	unsigned char byte = 1, *bar, *late;

	CHECK(fd >= 0);
	bar = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(bar != MAP_FAILED);
	bar[0] = 1;
	CHECK(unbind());
	CHECK_ERRNO(pread(fd, &byte, 1, 0), ENODEV);
	CHECK_ERRNO(pwrite(fd, &byte, 1, 0), ENODEV);
	CHECK(unreachable(bar));
	late = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(late == MAP_FAILED || (unreachable(late) && !munmap(late, PAGE)));
	CHECK_IS(munmap(bar, PAGE), 0);
	CHECK(access(DEVICE_CLASS, F_OK) && errno == ENOENT);
	CHECK(bind_again()); /* the old file is still open */
	CHECK_ERRNO(pread(fd, &byte, 1, 0), ENODEV);
	CHECK_IS(close(fd), 0);
	CHECK(works());
	return unbind() && bind_again(); /* with its old number */
}

static bool unbind_busy(void)
{
	for (int round = 0; round < 3; round++) {
		pid_t children[3];

		for (int i = 0; i < 3; i++)
			children[i] = start_transfers();
		usleep(200000);
		CHECK(unbind());
		for (int i = 0; i < 3; i++)
			CHECK(ended_with(finish(children[i], PATIENCE), ENODEV));
		CHECK(bind_again());
	}
	return true;
}

static bool reset_idle(void)
{
	for (int round = 0; round < 5; round++)
		CHECK(reset() && works());
	return true;
}

static bool reset_busy(void)
{
	pid_t children[2] = { start_transfers(), start_transfers() };

	for (int round = 0; round < 10; round++) {
		usleep(50000);
		CHECK(reset());
	}
	for (int i = 0; i < 2; i++) {
		int status;

		/* Neither the resets nor a lost completion have ended it. */
		CHECK_IS(waitpid(children[i], &status, WNOHANG), 0);
		kill(children[i], SIGKILL);
		status = finish(children[i], PATIENCE);
		CHECK(status >= 0 && WIFSIGNALED(status));
	}
	return works();
}

static bool kill_owner(void)
{
	CHECK(nothing_pinned());
	for (int round = 0; round < 20; round++) {
		pid_t child = start_transfers();
		int status;

		usleep(1000 + round * 5000);
		kill(child, SIGKILL);
		status = finish(child, PATIENCE);
		CHECK(status >= 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
	CHECK(nothing_pinned());
	return works();
}

/* Takes the pages of a buffer away, over and over, while transfers use it. */
static void *take_pages(void *memory)
{
	for (unsigned int i = 0; !__atomic_load_n(&enough, __ATOMIC_RELAXED); i++) {
		madvise((char *)memory + i % 16 * PAGE, LENGTH / 2, MADV_DONTNEED);
		mmap((char *)memory + LENGTH / 2, LENGTH / 2, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		usleep(500);
	}
	return NULL;
}

static bool unmap_busy(void)
{
	unsigned char *memory =
		mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open_device();
	pthread_t taker;

	CHECK(fd >= 0);
	enough = false;
	CHECK_IS(pthread_create(&taker, NULL, take_pages, memory), 0);
	for (int i = 0; i < 100; i++)
		CHECK_IS(i % 2 ? pread(fd, memory, LENGTH, 0) : pwrite(fd, memory, LENGTH, 0),
			 LENGTH);
	__atomic_store_n(&enough, true, __ATOMIC_RELAXED);
	pthread_join(taker, NULL);
	CHECK_IS(munmap(memory, LENGTH), 0);
	CHECK_IS(close(fd), 0);
	CHECK(nothing_pinned());
	return true;
}

static bool module_in_use(void)
{
	int fd = open_device();

	CHECK(fd >= 0);
	CHECK_ERRNO(syscall(SYS_delete_module, "busmaster", O_NONBLOCK), EWOULDBLOCK);
	CHECK_IS(close(fd), 0);
	return works();
}

int main(void)
{
	static const struct ktap_case cases[] = {
		{ "the module does not go while a file is open", module_in_use },
		{ "memory that goes in mid-transfer is not kept", unmap_busy },
		{ "20 owners killed in mid-transfer leave nothing pinned", kill_owner },
		{ "function reset while idle, 5 times: works afterwards", reset_idle },
		{ "function reset in mid-transfer, 10 times: all go on", reset_busy },
		{ "unbind with an open file and a mapping: ENODEV, SIGBUS", unbind_open },
		{ "unbind in mid-transfer, 3 times: all end with ENODEV", unbind_busy },
	};

	return find_function() ? KTAP_RUN(cases) : 2;
}
