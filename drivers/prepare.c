// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: a command of a caller's, with all that it needs.
 *
 * Three things may be wanting. A free request, and IOVAs or bounce buffers, come back
 * when other commands end, and all end before their timeout. The caller's pages are
 * another matter: they may come by a network, or from a process that never answers
 * (userfaultfd(2)). Nothing is held while those are waited for: not a request, which
 * others need, and not bm_enter(), for whose end remove() waits. So a page that is not
 * there is not waited for where it is missed (nofault, as btrfs and gfs2 do for their
 * locks): all is given back, the pages are pinned, and then all is asked for again.
 */
#include <linux/sched/signal.h>

#include "busmaster.h"

/* Without host memory no pages limit a command: short enough for any timeout. */
#define BM_WANT_BYTES SZ_16M

/**
 * bm_side_pages() - pages that a side of a command may take
 * @bm: device
 * @sides: of the command's, in host memory: 1 or 2
 */
unsigned int bm_side_pages(const struct bm_dev *bm, unsigned int sides)
{
	return max(bm->cmd_pages / sides, 1u);
}

static unsigned int bm_want_pages(const struct bm_dev *bm, const struct bm_want *want)
{
	bool both = want->src.space == BM_SPACE_HOST && want->dst.space == BM_SPACE_HOST;

	return bm_side_pages(bm, both ? 2 : 1);
}

/* Returns bytes, no more than @n; or a negative errno. */
static ssize_t bm_side_map(struct bm_request *rq, struct bm_side *side, ssize_t n,
			   unsigned int pages, struct bm_hw_ptr *ptr)
{
	struct iov_iter part = side->iter;

	switch (side->space) {
	case BM_SPACE_HOST:
		if (side->pins.vec)
			return min(n, bm_mem_map_pins(rq, &side->pins, ptr));
		iov_iter_truncate(&part, n);
		return bm_mem_map(rq, &part, pages, ptr);
	case BM_SPACE_LOCAL:
		bm_ptr_local(ptr, side->offset);
		return n;
	default:
		return n;
	}
}

/* Likewise. */
static ssize_t bm_side_pin(struct bm_side *side, ssize_t n, unsigned int pages)
{
	struct iov_iter part = side->iter;

	if (side->space != BM_SPACE_HOST)
		return n;
	iov_iter_truncate(&part, n);
	return bm_mem_pin_ahead(&side->pins, &part, pages);
}

static void bm_side_advance(struct bm_side *side, size_t n)
{
	if (side->space == BM_SPACE_HOST)
		iov_iter_advance(&side->iter, n);
	else
		side->offset += n;
}

/* A source is let go of at once: there is nothing to be waited for. */
static void bm_want_unmapped(struct bm_request *rq)
{
}

/* A command as long as may be, but of no more than @n bytes. On error nothing is mapped. */
static int bm_want_map(struct bm_request *rq, struct bm_want *want, ssize_t n)
{
	unsigned int pages = bm_want_pages(rq->queue->bm, want);
	struct bm_hw_sqe *sqe = &rq->sqe;

	bm_sqe_init(sqe, want->op, 0);
	sqe->operand = cpu_to_le64(want->operand);
	n = bm_side_map(rq, &want->src, n, pages, &sqe->src);
	if (n < 0)
		return n;
	n = bm_side_map(rq, &want->dst, n, pages, &sqe->dst);
	if (n < 0) {
		bm_mem_release(rq, bm_want_unmapped);
		return n;
	}
	sqe->length = cpu_to_le32(n);
	return 0;
}

static void bm_want_unpin(struct bm_want *want)
{
	bm_mem_unpin_ahead(&want->src.pins);
	bm_mem_unpin_ahead(&want->dst.pins);
}

/* Returns bytes that both sides have; or a negative errno, and then nothing is pinned. */
static ssize_t bm_want_pin(struct bm_dev *bm, struct bm_want *want, ssize_t n)
{
	unsigned int pages = bm_want_pages(bm, want);

	n = bm_side_pin(&want->src, n, pages);
	if (n > 0)
		n = bm_side_pin(&want->dst, n, pages);
	if (n < 0)
		bm_want_unpin(want);
	return n;
}

/* A request, and in it all that is there or was pinned. */
static struct bm_request *bm_want_get(struct bm_dev *bm, struct bm_want *want, size_t n)
{
	struct bm_request *rq;
	int err;

	if (!bm_present(bm))
		return ERR_PTR(-ENODEV);
	rq = bm_request_get(bm, want->polled, want->wait);
	if (IS_ERR(rq))
		return rq;
	err = bm_want_map(rq, want, n);
	if (!err)
		return rq;
	bm_request_put(rq);
	return ERR_PTR(err);
}

/**
 * bm_prepare() - the next command of what a caller wants, ready to be submitted
 * @bm: device, present or not
 * @want: what; what the command does is cut off its front
 * @idx: where the cookie for bm_exit() goes
 *
 * May sleep: for pages in any case, for the rest if @want->wait. What others use is
 * waited for as long as a command may take. If only the first part of the caller's memory
 * can be had, the command is as long as that.
 *
 * Return: a request, and it is between bm_enter() and bm_exit(), which are not over before
 * the caller has submitted or put it; ERR_PTR of -ENODEV; -EFAULT if the memory is not
 * the caller's; -EINVAL as bm_mem_map(); -EAGAIN if it would have to wait but must not;
 * -ENOMEM; -EINTR if a fatal signal came first.
 */
struct bm_request *bm_prepare(struct bm_dev *bm, struct bm_want *want, int *idx)
{
	unsigned long until = jiffies + msecs_to_jiffies(bm_param_timeout_ms);
	ssize_t n = min3(want->length, (u64)BM_WANT_BYTES, bm->caps.max_xfer);
	struct bm_request *rq;

	for (;;) {
		*idx = bm_enter(bm);
		rq = bm_want_get(bm, want, n);
		bm_want_unpin(want);
		if (!IS_ERR(rq)) {
			n = le32_to_cpu(rq->sqe.length);
			want->length -= n;
			bm_side_advance(&want->src, n);
			bm_side_advance(&want->dst, n);
			return rq;
		}
		bm_exit(bm, *idx);

		switch (PTR_ERR(rq)) {
		case -EFAULT:
			n = bm_want_pin(bm, want, n);
			if (n < 0)
				return ERR_PTR(n);
			break;
		case -ENOMEM:
			if (!want->wait)
				return ERR_PTR(-EAGAIN);
			if (time_after(jiffies, until))
				return rq;
			schedule_timeout_killable(1);
			if (fatal_signal_pending(current))
				return ERR_PTR(-EINTR);
			break;
		default:
			return rq;
		}
	}
}
