// SPDX-License-Identifier: GPL-2.0-only
/*
 * stores: stores to device memory, mapped, while others reset the device: stores [BUS-ERRORS]
 *
 * Until SIGTERM. The plan is printed after the first round: then others may begin. Each store is
 * looked for before the next one to the same word, and all of them at the end. What is stored and
 * not there is a failure, unless a SIGBUS has told of it; and of those there are to be as many as is
 * said.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include "device.h"
#include "ktap.h"

#define WORDS 4096u
#define OFFSET (1l << 20) /* where nobody else writes */

static sigjmp_buf told;
static volatile sig_atomic_t bus_errors, ended;

static void bus_error(int signal)
{
	(void)signal;
	bus_errors++;
	siglongjmp(told, 1);
}

static void end(int signal)
{
	(void)signal;
	ended = 1;
}

/* Stores round after round; returns the words that had lost theirs. */
static unsigned long store(volatile uint32_t *words, unsigned long *stores)
{
	static uint32_t want[WORDS];
	static unsigned long lost;
	static unsigned int next;
	static bool planned;

	if (sigsetjmp(told, 1)) /* that is how one hears of what is lost */
		lost = 0;
	if (ended)
		return lost;
	for (unsigned int i = 0; i < WORDS; i++)
		want[i] = words[i];
	while (!ended) {
		for (unsigned int i = 0; i < 64; i++) {
			next = (next + 1) % WORDS;
			lost += words[next] != want[next];
			want[next]++;
			words[next] = want[next];
			++*stores;
		}
		if (!planned && *stores >= WORDS) {
			planned = true;
			ktap_plan(1);
			fflush(stdout);
		}
	}
	for (unsigned int i = 0; i < WORDS; i++)
		lost += words[i] != want[i];
	return lost;
}

int main(int argc, char **argv)
{
	int expected = argc > 1 ? atoi(argv[1]) : 0;
	int fd = open(DEVICE_NODE, O_RDWR);
	void *words = mmap(NULL, WORDS * sizeof(uint32_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			   OFFSET);
	unsigned long stores = 0, lost;
	bool ok;

	if (fd < 0 || words == MAP_FAILED) {
		perror("stores");
		return 1;
	}
	signal(SIGBUS, bus_error);
	signal(SIGTERM, end);
	lost = store(words, &stores);
	ktap_note("%lu stores, %lu lost, %d times SIGBUS", stores, lost, (int)bus_errors);
	ok = !lost && bus_errors == expected && stores >= WORDS;
	ktap_result(ok, 1, "stores: none is lost unheard of");
	return !ok;
}
