/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A child, and how it ends.
 */
#ifndef CHILD_H
#define CHILD_H

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktap.h"

/* Waits for a child with patience, in seconds, for its wait status; -1: it hangs, and is killed. */
static inline int finish(pid_t child, int patience)
{
	for (int i = 0; i < patience * 100; i++) {
		int status;

		if (waitpid(child, &status, WNOHANG) == child)
			return status;
		usleep(10000);
	}
	ktap_note("process %d does not end", child);
	kill(child, SIGKILL);
	return -1;
}

#endif /* CHILD_H */
