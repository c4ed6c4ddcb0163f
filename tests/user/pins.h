/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages that are pinned: the kernel counts them, whoever has them.
 */
#ifndef PINS_H
#define PINS_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ktap.h"

/* Pages that are pinned now, by anybody; or -1. Each CPU adds what it has counted when it is told. */
static inline long long pinned(void)
{
	FILE *refresh = fopen("/proc/sys/vm/stat_refresh", "w"), *file;
	long long value, acquired = -1, released = -1;
	char name[64];

	if (refresh) {
		fputs("1", refresh);
		fclose(refresh);
	}
	file = fopen("/proc/vmstat", "r");
	while (file && fscanf(file, "%63s %lld", name, &value) == 2) {
		if (!strcmp(name, "nr_foll_pin_acquired"))
			acquired = value;
		else if (!strcmp(name, "nr_foll_pin_released"))
			released = value;
	}
	if (file)
		fclose(file);
	return acquired < 0 || released < 0 ? -1 : acquired - released;
}

/* What has just ended may have to be let go of by a work. */
static inline bool nothing_pinned(void)
{
	for (int i = 0; i < 300 && pinned(); i++)
		usleep(10000);
	CHECK_IS(pinned(), 0);
	return true;
}

#endif /* PINS_H */
