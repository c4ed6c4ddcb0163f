// SPDX-License-Identifier: GPL-2.0-only
/*
 * holder: has a device open, mapped and polled until it goes: holder [SECONDS]
 *
 * Says "holds" when it has. That the device goes must wake the poll, and from then on all calls say ENODEV,
 * and an access to the mapping is a SIGBUS. Then it says how long it had waited.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

#include "device.h"

#define WORDS 1024u
#define ENDED (POLLERR | POLLHUP)

static sigjmp_buf told;

static void bus_error(int signal)
{
	(void)signal;
	siglongjmp(told, 1);
}

static int fail(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	return 1;
}

static bool is_bus_error(volatile uint32_t *words)
{
	if (sigsetjmp(told, 1))
		return true;
	(void)words[WORDS / 2];
	return false;
}

static int after_the_end(int fd, volatile uint32_t *words)
{
	static char buffer[4096];

	if (pread(fd, buffer, sizeof(buffer), 0) != -1 || errno != ENODEV)
		return fail("read");
	if (pwrite(fd, buffer, sizeof(buffer), 0) != -1 || errno != ENODEV)
		return fail("write");
	if (fsync(fd) != -1 || errno != ENODEV)
		return fail("fsync");
	if (!is_bus_error(words) || !is_bus_error(words))
		return fail("an access to the mapping succeeds");
	return 0;
}

int main(int argc, char **argv)
{
	int patience = argc > 1 ? atoi(argv[1]) : 60;
	struct pollfd end = { .fd = open(DEVICE_NODE, O_RDWR) };
	uint32_t *words =
		mmap(NULL, WORDS * sizeof(*words), PROT_READ | PROT_WRITE, MAP_SHARED, end.fd, 0);
	time_t start = time(NULL);

	if (end.fd < 0 || words == MAP_FAILED)
		return fail(DEVICE_NODE);
	signal(SIGBUS, bus_error);
	words[1] = 1;
	printf("holds\n");
	fflush(stdout);
	if (poll(&end, 1, patience * 1000) != 1 || (end.revents & ENDED) != ENDED)
		return fail("poll does not say that it is gone");
	printf("gone after %ld s\n", (long)(time(NULL) - start));
	return after_the_end(end.fd, words);
}
