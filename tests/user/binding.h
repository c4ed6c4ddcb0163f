/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs share that take the device away from the driver and give it back.
 */
#ifndef BINDING_H
#define BINDING_H

#include <glob.h>
#include <time.h>

#include "device.h"
#include "ktap.h"

#define PAGE 4096ul
#define DRIVER "/sys/bus/pci/drivers/busmaster"

static char address[32]; /* of the PCI function */

/* Which function it is, as long as it is bound; false, after a message, if it is not. */
static inline bool find_function(void)
{
	char path[200];

	if (!realpath(DEVICE_CLASS "/device", path)) {
		perror(DEVICE_CLASS);
		return false;
	}
	snprintf(address, sizeof(address), "%s", strrchr(path, '/') + 1);
	return true;
}

static inline bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (!ok)
		ktap_note("writing %s to %s: %s", text, path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

static inline bool unbind(void)
{
	return write_text(DRIVER "/unbind", address);
}

/* Opens the node of the PCI function. Its number may have changed: an open file keeps one. */
static inline int open_device(void)
{
	char pattern[100], path[100];
	glob_t found;
	int fd = -1;

	snprintf(pattern, sizeof(pattern), "/sys/bus/pci/devices/%s/busmaster/*", address);
	for (int i = 0; i < 500 && fd < 0; i++) {
		if (!glob(pattern, 0, NULL, &found)) {
			snprintf(path, sizeof(path), "/dev%s", strrchr(found.gl_pathv[0], '/'));
			fd = open(path, O_RDWR);
			globfree(&found);
		}
		if (fd < 0)
			usleep(10000);
	}
	return fd;
}

/* Shows that the device works. */
static inline bool works(void)
{
	static unsigned char out[3 * PAGE], in[3 * PAGE];
	uint64_t state = time(NULL);
	int fd = open_device();

	CHECK(fd >= 0);
	random_fill(&state, out, sizeof(out));
	CHECK_IS(pwrite(fd, out, sizeof(out), 77), sizeof(out));
	CHECK_IS(pread(fd, in, sizeof(in), 77), sizeof(in));
	CHECK_IS(memcmp(in, out, sizeof(in)), 0);
	CHECK_IS(close(fd), 0);
	return true;
}

static inline bool bind_again(void)
{
	return write_text(DRIVER "/bind", address) && works();
}

#endif /* BINDING_H */
