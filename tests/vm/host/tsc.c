// SPDX-License-Identifier: GPL-2.0-only
/*
 * tsc: the frequency of this machine's TSC, in kHz. A guest without KVM has the same, but on a
 * busy host it may be far off when it measures that: it is told, by tsc_early_khz=.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#define LONG_ENOUGH 200000 /* microseconds */

struct moment {
	long long ns;
	unsigned long long ticks;
};

/* Both clocks at the same time: of some tries the one that was not interrupted. */
static struct moment now(void)
{
	unsigned long long best = -1ull;
	struct moment moment = {};

	for (int i = 0; i < 100; i++) {
		unsigned long long before = __rdtsc(), after;
		struct timespec time;

		clock_gettime(CLOCK_MONOTONIC_RAW, &time);
		after = __rdtsc();
		if (after - before >= best)
			continue;
		best = after - before;
		moment.ns = time.tv_sec * 1000000000ll + time.tv_nsec;
		moment.ticks = before + best / 2;
	}
	return moment;
}

int main(void)
{
	struct moment first = now(), last;

	usleep(LONG_ENOUGH);
	last = now();
	printf("%llu\n", (last.ticks - first.ticks) * 1000000 / (last.ns - first.ns));
	return 0;
}
