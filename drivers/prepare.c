// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: a command of a caller's, with all that it needs.
 *
 * Three things may be wanting. The caller's pages may come by a network, or from a process
 * that never answers (userfaultfd(2)), or behind an mmap_lock that is held meanwhile: so
 * they are pinned first, while nothing is held that others wait for: not a request, and
 * not bm_enter(), for whose end remove() waits. A free request, and IOVAs or bounce
 * buffers, come back when other commands end, and all end before their timeout.
 */
#include <linux/sched/signal.h>

#include "busmaster.h"
#include "import.h"
#include "prepare.h"

/* Without host memory no pages limit a command: short enough for any timeout. */
#define BM_WANT_BYTES SZ_16M

/* While others get IOVAs and bounce buffers and this one does not. */
#define BM_WANT_TIMEOUTS 8

/**
 * bm_side_pages() - pages that a side of a command may take
 * @bm: device
 * @sides: of the command's, in host memory: 1 or 2
 */
unsigned int bm_side_pages(const struct bm_dev *bm, unsigned int sides)
{
	return max(bm->cmd_pages / sides, 1u);
}

/* The pins of both sides of a command, where they are in host memory. */
struct bm_held {
	struct bm_pins src;
	struct bm_pins dst;
};

/* Has it pages that are to be pinned? */
static bool bm_side_pins(const struct bm_side *side)
{
	return side->space == BM_SPACE_HOST && !side->import;
}

/* Returns bytes, no more than @n; or a negative errno, and then nothing is pinned. */
static ssize_t bm_side_pin(const struct bm_side *side, ssize_t n, unsigned int pages,
			   struct bm_pins *pins)
{
	struct iov_iter part;

	if (side->import)
		return min_t(ssize_t, n, pages * PAGE_SIZE - offset_in_page(side->offset));
	if (!bm_side_pins(side))
		return n;
	part = side->iter;
	iov_iter_truncate(&part, n);
	return bm_mem_pin(pins, &part, pages);
}

static void bm_side_unpin(const struct bm_side *side, struct bm_pins *pins)
{
	if (bm_side_pins(side))
		bm_mem_unpin(pins);
}

static int bm_side_map(struct bm_request *rq, const struct bm_side *side,
		       size_t n, const struct bm_pins *pins, struct bm_hw_ptr *ptr)
{
	if (side->import)
		return bm_import_map(rq, side->import, side->offset, n, ptr);
	if (side->space == BM_SPACE_HOST)
		return bm_mem_map(rq, pins, ptr);
	if (side->space == BM_SPACE_LOCAL)
		bm_ptr_local(ptr, side->offset);
	return 0;
}

/* The pins are those of a command now. */
static void bm_side_hand_over(const struct bm_side *side, struct bm_pins *pins)
{
	if (bm_side_pins(side))
		bm_mem_hand_over(pins);
}

/* A command has the first @n bytes. */
static void bm_side_advance(struct bm_side *side, size_t n)
{
	if (bm_side_pins(side))
		iov_iter_advance(&side->iter, n);
	else
		side->offset += n;
}

/* Returns bytes that both sides have, no more than @n; or a negative errno, likewise. */
static ssize_t bm_want_pin(struct bm_dev *bm, const struct bm_want *want, ssize_t n,
			   struct bm_held *held)
{
	bool both = want->src.space == BM_SPACE_HOST && want->dst.space == BM_SPACE_HOST;
	unsigned int pages = bm_side_pages(bm, both ? 2 : 1);

	n = bm_side_pin(&want->src, n, pages, &held->src);
	if (n < 0)
		return n;
	n = bm_side_pin(&want->dst, n, pages, &held->dst);
	if (n < 0)
		bm_side_unpin(&want->src, &held->src);
	return n;
}

/* A command of @n bytes. On error nothing is mapped. */
static int bm_want_map(struct bm_request *rq, const struct bm_want *want, size_t n,
		       const struct bm_held *held)
{
	struct bm_hw_sqe *sqe = &rq->sqe;
	int err;

	bm_sqe_init(sqe, want->op, n);
	sqe->operand = cpu_to_le64(want->operand);
	err = bm_side_map(rq, &want->src, n, &held->src, &sqe->src) ?:
	      bm_side_map(rq, &want->dst, n, &held->dst, &sqe->dst);
	if (err)
		bm_mem_unmap(rq);
	return err;
}

/* A request with all that was pinned mapped in it, between bm_enter() and bm_exit(). */
static struct bm_request *bm_want_get(struct bm_dev *bm, const struct bm_want *want, size_t n,
				      const struct bm_held *held, int *idx, bool *in_use)
{
	struct bm_request *rq;
	int err;

	*idx = bm_enter(bm);
	if (*idx < 0)
		return ERR_PTR(*idx);
	rq = bm_request_get(bm, want->polled, want->patience);
	if (!IS_ERR(rq)) {
		err = bm_want_map(rq, want, n, held);
		if (!err)
			return rq;
		bm_request_put(rq);
		if (err == -EREMOTEIO)
			bm_count(bm, BM_ERR_UNREACHABLE);
		rq = ERR_PTR(err);
	}
	*in_use = bm_in_flight(bm);
	bm_exit(bm, *idx);
	return rq;
}

/*
 * The same; but what others use is waited for, if the caller wants that. Memory of others is had
 * within a time-out, or not at all. IOVAs and bounce buffers are waited for as long as commands
 * are on their way, each of which ends; but who never gets one while others do cannot have it.
 */
static struct bm_request *bm_want_wait(struct bm_dev *bm, const struct bm_want *want, size_t n,
				       const struct bm_held *held, int *idx)
{
	unsigned long timeout = msecs_to_jiffies(bm_param_timeout_ms), begin = jiffies;
	bool own = want->patience != MAX_SCHEDULE_TIMEOUT;
	unsigned long until = begin + (own ? want->patience : timeout);
	unsigned long end = begin + (own ? want->patience : BM_WANT_TIMEOUTS * timeout);
	struct bm_request *rq;
	bool in_use = false;

	for (;;) {
		rq = bm_want_get(bm, want, n, held, idx, &in_use);
		if (rq != ERR_PTR(-ENOMEM) && rq != ERR_PTR(-EBUSY))
			return rq;
		if (!want->patience)
			return ERR_PTR(-EAGAIN);
		if (in_use && rq == ERR_PTR(-ENOMEM))
			until = jiffies + timeout;
		if (time_after(jiffies, until) || time_after(jiffies, end))
			return rq;
		schedule_timeout_killable(1);
		if (fatal_signal_pending(current))
			return ERR_PTR(-EINTR);
	}
}

/**
 * bm_prepare() - the next command of what a caller wants, ready to be submitted
 * @bm: device, present or not
 * @want: what; what the command does is cut off its front, until no length is left
 * @idx: where the cookie for bm_exit() goes
 *
 * May sleep: for pages in any case, for the rest if it has @want->patience. If only the first
 * part of the caller's memory can be had, the command is as long as that.
 *
 * Return: a request, and it is between bm_enter() and bm_exit(), which are not over before
 * the caller has submitted or put it; ERR_PTR of -ENODEV; an error of bm_mem_pin();
 * -EAGAIN if it would have to wait but must not; -ETIMEDOUT if there is no request in the time
 * that the caller has; -ENOMEM; -EREMOTEIO if the memory is that of a device which this one does
 * not reach; an error of bm_import_map(); -EINTR if a fatal signal came first.
 */
struct bm_request *bm_prepare(struct bm_dev *bm, struct bm_want *want, int *idx)
{
	ssize_t n = min3(want->length, (u64)BM_WANT_BYTES, bm->caps.max_xfer);
	struct bm_request *rq;
	struct bm_held held;

	if (!bm_present(bm))
		return ERR_PTR(-ENODEV);
	n = bm_want_pin(bm, want, n, &held);
	if (n < 0)
		return ERR_PTR(n);
	rq = bm_want_wait(bm, want, n, &held, idx);
	if (IS_ERR(rq)) {
		bm_side_unpin(&want->dst, &held.dst);
		bm_side_unpin(&want->src, &held.src);
		return rq;
	}
	bm_side_hand_over(&want->src, &held.src);
	bm_side_hand_over(&want->dst, &held.dst);
	want->length -= n;
	if (want->length) {
		bm_side_advance(&want->src, n);
		bm_side_advance(&want->dst, n);
	}
	return rq;
}
