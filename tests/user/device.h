/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs know about the device: its node, its attributes in sysfs, and the
 * random numbers that they all draw so that a seed repeats a run.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICE_NODE "/dev/busmaster0"
#define DEVICE_CLASS "/sys/class/busmaster/busmaster0"

/* Reads a small file without its last newline; false if that is not possible. */
static inline bool read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t count = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	if (count < 0)
		return false;
	if (count && text[count - 1] == '\n')
		count--;
	text[count] = '\0';
	return true;
}

static inline bool read_attribute(const char *name, char *text, size_t size)
{
	char path[200];

	snprintf(path, sizeof(path), DEVICE_CLASS "/%s", name);
	return read_text(path, text, size);
}

/* A number from sysfs; -1 if it is missing or is anything but one decimal number. */
static inline long long read_number(const char *name)
{
	char text[64], *end;
	long long value;

	if (!read_attribute(name, text, sizeof(text)) || text[0] < '0' || text[0] > '9')
		return -1;
	value = strtoll(text, &end, 10);
	return *end ? -1 : value;
}

/* splitmix64: small, seedable, and good enough to choose offsets with */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* 0 to limit - 1 */
static inline uint64_t random_below(uint64_t *state, uint64_t limit)
{
	return random_next(state) % limit;
}

/*
 * 1 to limit: of two orders of magnitude the smaller one. So all orders come, and small
 * sizes, which are quick, come often: of 20,000 up to 8 MiB some 340 have 1 MiB or more.
 */
static inline uint64_t random_size(uint64_t *state, uint64_t limit)
{
	unsigned int orders = limit > 1 ? 64 - __builtin_clzll(limit - 1) : 1;
	uint64_t order = random_below(state, orders), other = random_below(state, orders);
	uint64_t base = 1ull << (order < other ? order : other);
	uint64_t size = base + random_below(state, base + 1);

	return size < limit ? size : limit;
}

static inline void random_fill(uint64_t *state, void *buffer, size_t size)
{
	unsigned char *bytes = buffer;

	for (size_t i = 0; i < size; i += 8) {
		uint64_t value = random_next(state);

		memcpy(bytes + i, &value, size - i < 8 ? size - i : 8);
	}
}

#endif /* DEVICE_H */
