/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a process waits for that does not end: where its threads are in the kernel, what files
 * it has open, and what its io_urings still have under way.
 */
#ifndef HUNG_H
#define HUNG_H

#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ktap.h"

static inline void hung_note_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[200];

	ktap_note("%s", path);
	while (file && fgets(line, sizeof(line), file))
		ktap_note("  %.*s", (int)strcspn(line, "\n"), line);
	if (file)
		fclose(file);
}

static inline void hung_note_fd(const char *path)
{
	char target[100] = "", info[64];
	int pid, fd;

	(void)!readlink(path, target, sizeof(target) - 1);
	ktap_note("%s: %s", path, target);
	if (!strstr(target, "[io_uring]") || sscanf(path, "/proc/%d/fd/%d", &pid, &fd) != 2)
		return;
	snprintf(info, sizeof(info), "/proc/%d/fdinfo/%d", pid, fd);
	hung_note_file(info);
}

static inline void hung_note_each(const char *pattern, pid_t process,
				  void (*note)(const char *path))
{
	char paths[64];
	glob_t found;

	snprintf(paths, sizeof(paths), pattern, process);
	if (!glob(paths, 0, NULL, &found))
		for (size_t i = 0; i < found.gl_pathc; i++)
			note(found.gl_pathv[i]);
	globfree(&found);
}

static inline void hung_note(pid_t process)
{
	hung_note_each("/proc/%d/task/*/stack", process, hung_note_file);
	hung_note_each("/proc/%d/fd/*", process, hung_note_fd);
}

#endif /* HUNG_H */
