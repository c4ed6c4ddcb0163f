// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: requests: lent, submitted, given back; and the doorbell.
 */
#include <linux/sched/signal.h>

#include "busmaster.h"

/**
 * bm_request_wake() - the done() of a request that somebody waits for
 * @rq: request
 *
 * Any context.
 */
void bm_request_wake(struct bm_request *rq)
{
	complete(&rq->waiter);
}

/**
 * bm_queue_lend() - borrow a request from this queue, and no other
 * @q: queue, between bm_enter() and bm_exit()
 *
 * Any context.
 *
 * Of a queue that is stopped, too: what is submitted then is parked.
 *
 * Return: a request; NULL if none is free.
 */
struct bm_request *bm_queue_lend(struct bm_queue *q)
{
	struct bm_request *rq = NULL;
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	if (q->nr_free) {
		rq = &q->requests[q->free[--q->nr_free]];
		rq->state = BM_RQ_HELD;
		rq->done = bm_request_wake;
		reinit_completion(&rq->waiter);
	}
	spin_unlock_irqrestore(&q->lock, flags);
	return rq;
}

/* Is it worth trying again? Without the lock: only a hint for who sleeps. */
static bool bm_queue_may_lend(struct bm_queue *q)
{
	return !bm_present(q->bm) || READ_ONCE(q->nr_free);
}

/* The queue of this CPU. To be moved to another CPU afterwards does no harm. */
static struct bm_queue *bm_queue_here(struct bm_dev *bm, bool polled)
{
	unsigned int cpu = raw_smp_processor_id();

	if (polled && bm->nr_polled)
		return &bm->queues[bm_vector_queues(bm) + cpu % bm->nr_polled];
	return &bm->queues[bm->queue_of[cpu]];
}

/* From whichever queue for files has one free. */
static struct bm_request *bm_request_any(struct bm_dev *bm)
{
	struct bm_request *rq = NULL;
	unsigned int i;

	for (i = 0; i < bm->nr_queues && !rq; i++)
		rq = bm_queue_lend(&bm->queues[i]);
	return rq;
}

/**
 * bm_request_ready() - would bm_request_get() find a request without waiting?
 * @bm: device, between bm_enter() and bm_exit()
 *
 * Of the answer yes somebody else may be quicker to make use. Any context.
 */
bool bm_request_ready(struct bm_dev *bm)
{
	unsigned int i;

	for (i = 0; i < bm->nr_queues; i++)
		if (READ_ONCE(bm->queues[i].nr_free))
			return true;
	return false;
}

/**
 * bm_request_get() - borrow a request from the queue of this CPU
 * @bm: device, between bm_enter() and bm_exit()
 * @polled: from a polled queue, if there is one: the caller will look for completions
 * @patience: jiffies to sleep until there is one, killably, MAX_SCHEDULE_TIMEOUT for ever; if 0,
 *	another CPU's will do. Only for callers that hold no request but those in flight, whose
 *	done() puts them: whoever waits while holding one can wait for ever
 *
 * Return: a request; ERR_PTR of -EAGAIN (none free, and no @patience), -ETIMEDOUT (nor was there
 * one in that time), -ENODEV, or -EINTR (a fatal signal).
 */
struct bm_request *bm_request_get(struct bm_dev *bm, bool polled, long patience)
{
	for (;;) {
		struct bm_queue *q = bm_queue_here(bm, polled);
		struct bm_request *rq;

		if (!bm_present(bm))
			return ERR_PTR(-ENODEV);
		rq = bm_queue_lend(q);
		if (rq)
			return rq;
		if (!patience)
			return bm_request_any(bm) ?: ERR_PTR(-EAGAIN);
		patience = wait_event_killable_timeout(q->free_wait, bm_queue_may_lend(q),
						       patience);
		if (patience <= 0)
			return ERR_PTR(patience ? -EINTR : -ETIMEDOUT);
	}
}

/**
 * bm_request_put() - give a request back
 * @rq: request that is not in flight and has nothing mapped
 */
void bm_request_put(struct bm_request *rq)
{
	struct bm_queue *q = rq->queue;
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	rq->state = BM_RQ_FREE;
	q->free[q->nr_free++] = rq->index;
	spin_unlock_irqrestore(&q->lock, flags);
	if (wq_has_sleeper(&q->free_wait))
		wake_up(&q->free_wait);
	if (waitqueue_active(&q->bm->state_wait)) /* behind the barrier of wq_has_sleeper() */
		wake_up(&q->bm->state_wait);
}

/* The doorbell is rung, or left for later, once for all that are put into the ring. */
static int bm_request_push(struct bm_request *rq, bool ring)
{
	struct bm_queue *q = rq->queue;
	bool parked = false;
	unsigned long flags;
	int err;

	spin_lock_irqsave(&q->lock, flags);
	err = bm_flight_begin(rq);
	if (!err && rq->state == BM_RQ_PARKED)
		parked = true;
	else if (!err && ring)
		bm_hw_ring_sq(q);
	spin_unlock_irqrestore(&q->lock, flags);
	if (parked)
		bm_wake(q->bm);
	if (!err)
		bm_alarm_watch(q->bm);
	return err;
}

/**
 * bm_request_submit() - hand a request to the device
 * @rq: borrowed request whose sqe is filled but for the tag, and whose done() is set
 *	if it is not to be bm_request_wake()
 *
 * Any context. On success done() is called exactly once, perhaps before this returns.
 *
 * Return: 0; -ENODEV if the device is dead. Then done() is not called.
 */
int bm_request_submit(struct bm_request *rq)
{
	return bm_request_push(rq, true);
}

/**
 * bm_request_submit_unrung() - hand a request to the device, which is told later
 * @rq: as for bm_request_submit()
 *
 * bm_queue_ring() tells it. Any context.
 *
 * Return: as bm_request_submit().
 */
int bm_request_submit_unrung(struct bm_request *rq)
{
	return bm_request_push(rq, false);
}

/**
 * bm_request_fail() - end a request that cannot be submitted as if it had been
 * @rq: as for bm_request_submit()
 * @error: negative errno
 *
 * Its memory is let go, and done() is called. Any context.
 */
void bm_request_fail(struct bm_request *rq, int error)
{
	rq->status = BM_ST_ABORTED;
	rq->error = error;
	bm_mem_release(rq);
}

/**
 * bm_queue_ring() - tell the device of what was submitted without a doorbell
 * @q: queue, between bm_enter() and bm_exit()
 *
 * Any context.
 */
void bm_queue_ring(struct bm_queue *q)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	if (q->running && q->sq.rung != q->sq.tail) {
		if (!bm_told_in_flight(q))
			q->progress = jiffies;
		bm_hw_ring_sq(q);
	}
	spin_unlock_irqrestore(&q->lock, flags);
}
