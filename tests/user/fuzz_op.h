/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fuzzer's operations: by ioctl, and by io_uring among reads, writes and cancels, on a ring
 * that may be closed while they are under way.
 */
#ifndef FUZZ_OP_H
#define FUZZ_OP_H

#include "fuzz.h"
#include "zoo.h"

/* A dma-buf has no bytes that are verified; a file may be that of the device which has. */
static inline struct busmaster_side far_side(struct thread *thread, uint64_t length)
{
	struct busmaster_side side = { .space = BUSMASTER_FD };

	side.fd = one_in(thread, 4) ? a_file(thread) : a_buffer(thread);
	side.addr = one_in(thread, 4) ? odd_target(thread, length) : below(thread, 8 * PAGE);
	return side;
}

static inline struct busmaster_side odd_side(struct thread *thread, uint64_t length, bool written)
{
	if (other.node && one_in(thread, 4))
		return far_side(thread, length);
	if (one_in(thread, 2))
		return user_side((void *)odd_address(thread, length));
	return device_side(written ? odd_target(thread, length) : odd_offset(thread, length));
}

/* One member becomes anything. */
static inline void spoil_op(struct thread *thread, struct busmaster_op *op)
{
	struct busmaster_side *side = one_in(thread, 2) ? &op->src : &op->dst;

	switch (below(thread, 9)) {
	case 0:
		op->op = odd_number(thread);
		break;
	case 1:
		op->length = odd_number(thread);
		break;
	case 2:
		op->operand = odd_number(thread);
		break;
	case 3:
		side->addr = odd_number(thread);
		break;
	case 4:
		side->space = odd_number(thread);
		break;
	case 5:
		side->fd = odd_number(thread);
		break;
	case 6:
		op->timeout_ms = odd_number(thread);
		break;
	case 7:
		op->reserved = odd_number(thread);
		break;
	case 8:
		*side = odd_side(thread, op->length, false);
		break;
	}
}

static inline struct busmaster_op odd_op(struct thread *thread)
{
	struct busmaster_op op = {
		.size = sizeof(op),
		.op = 1 + below(thread, BUSMASTER_OP_COMPARE),
		.length = odd_length(thread),
	};

	if (op.op != BUSMASTER_OP_FILL)
		op.src = odd_side(thread, op.length, false);
	if (op.op != BUSMASTER_OP_CRC32C)
		op.dst = odd_side(thread, op.length, true);
	if (op.op == BUSMASTER_OP_FILL)
		op.operand = random_next(&thread->state);
	if (one_in(thread, 4))
		spoil_op(thread, &op);
	if (op.dst.space == BUSMASTER_DEVICE || op.dst.space == BUSMASTER_FD)
		op.dst.addr = keep_off(op.dst.addr, op.length);
	return op;
}

/*
 * Puts a structure where a call finds it, with more or less behind it than the driver knows:
 * where it should be, or anywhere.
 */
static inline void *place(struct thread *thread, const void *structure, uint32_t size)
{
	static const uint32_t sizes[] = {
		0, 4, 8, 55, 56, 57, 71, 72, 73, 80, 128, 4095, 4096, 4097
	};
	unsigned char *area = thread->area;
	void *where = area;

	memset(area, 0, 2 * PAGE);
	memcpy(area, structure, size);
	if (one_in(thread, 6)) {
		uint32_t claimed = one_in(thread, 8) ? odd_number(thread) : ONE_OF(thread, sizes);

		memcpy(area, &claimed, sizeof(claimed));
		if (one_in(thread, 4))
			area[size + below(thread, PAGE)] = 1;
	}
	if (one_in(thread, 4))
		where = (void *)odd_address(thread, size);
	if ((uintptr_t)where >= ZOO && (uintptr_t)where < ZOO_END)
		copy_if_there(thread, where, area, size);
	return where;
}

static inline long call_op(struct thread *thread)
{
	struct busmaster_op op = odd_op(thread);
	unsigned long request = BUSMASTER_IOC_OP;

	if (one_in(thread, 4))
		op.timeout_ms = 1 + below(thread, 20);
	if (one_in(thread, 16))
		request ^= 1ul << below(thread, 33);
	return ioctl(a_file(thread), request, place(thread, &op, sizeof(op)));
}

static inline long call_info(struct thread *thread)
{
	struct busmaster_info want = { .size = sizeof(want) };

	if (one_in(thread, 8))
		want.reserved = odd_number(thread);
	return ioctl(a_file(thread), BUSMASTER_IOC_INFO, place(thread, &want, sizeof(want)));
}

/* No structure at all: random bytes, and a number that is near the right ones or is not. */
static inline long call_noise(struct thread *thread)
{
	unsigned long request = one_in(thread, 2) ? random_next(&thread->state) :
						    _IOC(below(thread, 4), BUSMASTER_IOC,
							 below(thread, 3), below(thread, 1 << 14));
	struct busmaster_op op = {};

	/* The length says what may be written: nothing. */
	random_fill(&thread->state, &op, below(thread, sizeof(op) + 1));
	op.length = 0;
	return ioctl(a_file(thread), request, place(thread, &op, sizeof(op)));
}

/*
 * io_uring
 */

static inline bool open_ring(struct thread *thread)
{
	static const unsigned int flags[] = {
		0,
		0,
		IORING_SETUP_SQPOLL,
		IORING_SETUP_IOPOLL,
		IORING_SETUP_COOP_TASKRUN,
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
	};
	struct iovec buffers[2] = {
		{ zoo_cage(thread->id * ZOO_KINDS + ZOO_PRIVATE), CAGE / 4 },
		{ zoo_cage(thread->id * ZOO_KINDS + ZOO_HUGE), CAGE / 2 },
	};

	thread->in_flight = 0;
	thread->has_ring =
		uring_open(&thread->ring, RING >> below(thread, 7), ONE_OF(thread, flags));
	if (thread->has_ring && one_in(thread, 2))
		syscall(SYS_io_uring_register, thread->ring.fd, IORING_REGISTER_BUFFERS, buffers,
			2);
	return thread->has_ring;
}

static inline void close_ring(struct thread *thread)
{
	if (thread->has_ring)
		uring_close(&thread->ring);
	thread->has_ring = false;
}

/* Submits all that is filled; takes what has ended, and waits until all has if that is wanted. */
static inline bool turn_ring(struct thread *thread, bool wait)
{
	struct uring *ring = &thread->ring;
	unsigned int flags = IORING_ENTER_GETEVENTS;
	struct io_uring_cqe cqe;
	long taken;

	if (ring->params.flags & IORING_SETUP_SQPOLL)
		flags |= IORING_ENTER_SQ_WAKEUP;
	do {
		taken = syscall(SYS_io_uring_enter, ring->fd, ring->filled,
				wait && thread->in_flight ? 1 : 0, flags, NULL, 0);
		if (taken < 0 && errno != EINTR)
			return false;
		ring->filled -= taken > 0 ? taken : 0;
		while (uring_take(ring, &cqe))
			thread->in_flight--;
	} while (ring->filled || (thread->in_flight && wait));
	return true;
}

static inline void odd_transfer(struct thread *thread, struct io_uring_sqe *sqe, bool write)
{
	uint64_t length = odd_length(thread);

	sqe->opcode = write ? IORING_OP_WRITE : IORING_OP_READ;
	sqe->len = length;
	sqe->off = odd_target(thread, sqe->len) & INT64_MAX; /* -1 is the file's position */
	sqe->addr = odd_address(thread, length);
	if (one_in(thread, 4)) {
		sqe->opcode = write ? IORING_OP_WRITE_FIXED : IORING_OP_READ_FIXED;
		sqe->buf_index = below(thread, 3);
		sqe->addr = (uintptr_t)zoo_cage(thread->id * ZOO_KINDS +
						(sqe->buf_index ? ZOO_HUGE : ZOO_PRIVATE)) +
			    below(thread, CAGE / 4);
	}
	if (one_in(thread, 8))
		sqe->rw_flags = 1u << below(thread, 8);
}

static inline void odd_command(struct thread *thread, struct io_uring_sqe *sqe,
			       struct busmaster_op *op)
{
	uint64_t area[2] = { (uintptr_t)op, 0 };

	*op = odd_op(thread);
	if (one_in(thread, 2) && op->length > info.max_command)
		op->length %= info.max_command;
	if (one_in(thread, 8))
		area[0] = odd_address(thread, sizeof(*op));
	if (one_in(thread, 16))
		area[1] = odd_number(thread);
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->cmd_op = BUSMASTER_IOC_OP;
	if (one_in(thread, 16))
		sqe->cmd_op ^= 1u << below(thread, 32);
	if (one_in(thread, 16))
		sqe->uring_cmd_flags = 1u << below(thread, 3);
	memcpy(sqe->cmd, area, sizeof(area));
}

static inline void odd_cancel(struct thread *thread, struct io_uring_sqe *sqe)
{
	static const unsigned int flags[] = {
		0,
		IORING_ASYNC_CANCEL_ALL,
		IORING_ASYNC_CANCEL_FD,
		IORING_ASYNC_CANCEL_ANY,
		IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL,
	};

	sqe->opcode = IORING_OP_ASYNC_CANCEL;
	sqe->addr = below(thread, RING);
	sqe->cancel_flags = ONE_OF(thread, flags);
}

/* An entry, ready to be submitted. Each ends with one completion. */
static inline void odd_entry(struct thread *thread, struct busmaster_op *op)
{
	static const unsigned int flags[] = { IOSQE_IO_LINK, IOSQE_IO_HARDLINK, IOSQE_ASYNC };
	struct io_uring_sqe *sqe = uring_next(&thread->ring);

	sqe->fd = a_file(thread);
	sqe->user_data = below(thread, RING);
	switch (below(thread, 10)) {
	case 0:
	case 1:
	case 2:
	case 3:
		odd_command(thread, sqe, op);
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		odd_transfer(thread, sqe, one_in(thread, 2));
		break;
	case 8:
		odd_cancel(thread, sqe);
		break;
	case 9:
		sqe->opcode = one_in(thread, 2) ? IORING_OP_FSYNC : IORING_OP_FADVISE;
		break;
	}
	if (one_in(thread, 6))
		sqe->flags = ONE_OF(thread, flags);
}

static inline long call_uring(struct thread *thread)
{
	unsigned int count, end = below(thread, 6);
	bool ok;

	/* Without memory io_uring may drop completions: so a ring is for one call, and not waited for. */
	if (thread->faults)
		close_ring(thread);
	if (!thread->has_ring && !open_ring(thread))
		return -1;
	/* Behind a poller's back the ring is not to be filled. */
	if (!turn_ring(thread, thread->ring.params.flags & IORING_SETUP_SQPOLL))
		return close_ring(thread), -1;
	count = 1 + below(thread, thread->ring.params.sq_entries);
	for (unsigned int i = 0; i < count; i++)
		odd_entry(thread, &thread->ops[i]);
	thread->in_flight += count;
	ok = turn_ring(thread, end > 2 && !thread->faults);
	if (!ok || !end)
		close_ring(thread);
	return ok ? 0 : -1;
}

#endif /* FUZZ_OP_H */
