/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fuzzer's conscience: between its wild calls each thread moves data of its own to a place
 * of its own in device memory and back, in one of several ways. That succeeds, unless a fault
 * is being injected, and what comes back is what was sent.
 */
#ifndef FUZZ_KEPT_H
#define FUZZ_KEPT_H

#include "fuzz.h"

#define GUARD 64 /* bytes on either side of what is read */
#define GUARD_BYTE 0xa5

/* What ended the process, for its parent to tell; see fuzz.c */
static void __attribute__((noreturn, format(printf, 1, 2))) give_up(const char *format, ...);

static inline uint32_t crc32c(const unsigned char *bytes, size_t size)
{
	uint32_t crc = -1;

	for (size_t i = 0; i < size; i++) {
		crc ^= bytes[i];
		for (unsigned int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static inline struct busmaster_op kept_op(uint32_t code, bool write, void *buffer, size_t size,
					  uint64_t offset)
{
	struct busmaster_op op = template;

	op.op = code;
	op.length = size;
	op.src = write ? user_side(buffer) : device_side(offset);
	op.dst = write ? device_side(offset) : user_side(buffer);
	return op;
}

/* Moves it in one of several ways; returns the bytes that were moved, or -1. */
static inline long kept_move(struct thread *thread, bool write, void *buffer, size_t size,
			     uint64_t offset)
{
	size_t first = below(thread, size + 1);
	struct iovec pieces[2] = { { buffer, first }, { (char *)buffer + first, size - first } };
	struct busmaster_op op;

	switch (below(thread, 3)) {
	case 0:
		return write ? pwrite(fd, buffer, size, offset) : pread(fd, buffer, size, offset);
	case 1:
		return write ? pwritev(fd, pieces, 2, offset) : preadv(fd, pieces, 2, offset);
	default:
		op = kept_op(BUSMASTER_OP_COPY, write, buffer, size, offset);
		return ioctl(fd, BUSMASTER_IOC_OP, &op) ? -1 : (long)size;
	}
}

/* Did all of it move? If not, that is to have a reason. */
static inline bool kept_moved(struct thread *thread, const char *what, long is, long want)
{
	if (is == want)
		return true;
	if (!thread->faulty)
		give_up("%s of %ld bytes gave %ld (%s)", what, want, is,
			is < 0 ? strerror(errno) : "");
	return false;
}

static inline void kept_check(const char *what, uint64_t is, uint64_t want)
{
	if (is != want)
		give_up("%s is %#llx, expected %#llx", what, (unsigned long long)is,
			(unsigned long long)want);
}

static inline void kept_compare(const unsigned char *in, const unsigned char *out, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (in[i] != out[i])
			give_up("byte %zu of %zu is %#x, expected %#x", i, size, in[i], out[i]);
	for (size_t i = 0; i < GUARD; i++)
		if (in[size + i] != GUARD_BYTE || in[-1 - (long)i] != GUARD_BYTE)
			give_up("memory beside %zu bytes was written", size);
}

/* The device's opinion of what it holds. */
static inline bool kept_judge(struct thread *thread, unsigned char *out, size_t size,
			      uint64_t offset)
{
	struct busmaster_op op;

	op = kept_op(BUSMASTER_OP_COMPARE, true, out, size, offset);
	if (!kept_moved(thread, "COMPARE", ioctl(fd, BUSMASTER_IOC_OP, &op), 0))
		return false;
	kept_check("the first difference", op.result, size);

	op = kept_op(BUSMASTER_OP_CRC32C, false, NULL, size, offset);
	op.dst = (struct busmaster_side){};
	if (!kept_moved(thread, "CRC32C", ioctl(fd, BUSMASTER_IOC_OP, &op), 0))
		return false;
	kept_check("the CRC", op.result, crc32c(out, size));
	return true;
}

static inline long call_kept(struct thread *thread)
{
	size_t size = random_size(&thread->state, one_in(thread, 8) ? KEPT : 8192);
	uint64_t offset = KEPT_AT + thread->id * KEPT + below(thread, KEPT - size + 1);
	unsigned char *out = thread->out + below(thread, PAGE);
	unsigned char *in = thread->in + GUARD + below(thread, PAGE);

	random_fill(&thread->state, out, size);
	memset(in - GUARD, GUARD_BYTE, size + 2 * GUARD);
	if (!kept_moved(thread, "writing", kept_move(thread, true, out, size, offset), size) ||
	    !kept_judge(thread, out, size, offset) ||
	    !kept_moved(thread, "reading", kept_move(thread, false, in, size, offset), size))
		return -1;
	kept_compare(in, out, size);
	return 0;
}

#endif /* FUZZ_KEPT_H */
