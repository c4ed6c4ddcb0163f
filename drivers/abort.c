// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: a command is to end early.
 *
 * A device hears an abort of what it works on, and of nothing else: one that has yet to
 * fetch the command forgets that it was asked. So it is asked again, until the command has
 * ended. Whoever wants that waits for the command as ever, or need not wait. A device that
 * does not hear at all is reset long before the time-out: somebody who is killed waits.
 */
#include "busmaster.h"

#define BM_ABORT_PERIOD msecs_to_jiffies(10)
#define BM_ABORT_PATIENCE msecs_to_jiffies(1000)

static void bm_abort_ask(struct bm_request *rq)
{
	struct bm_queue *q = rq->queue;

	lockdep_assert_held(&q->lock);
	if (q->running)
		bm_hw_abort(rq);
}

/* It was asked, and has completed nothing since. */
static bool bm_abort_ignored(const struct bm_request *rq)
{
	struct bm_queue *q = rq->queue;
	unsigned long since = time_after(q->progress, rq->asked) ? q->progress : rq->asked;

	return q->running && time_after(jiffies, since + BM_ABORT_PATIENCE);
}

/* Returns whether there will be something to be asked again. A queue that is deaf is stopped. */
static bool bm_abort_ask_all(struct bm_queue *q, bool *ignored)
{
	struct bm_request *rq = NULL;
	bool any = false;
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	while ((rq = bm_next_in_flight(q, rq))) {
		if (!rq->aborting)
			continue;
		any = true;
		if (bm_abort_ignored(rq)) {
			*ignored = true;
			q->running = false;
			break;
		}
		bm_abort_ask(rq);
	}
	spin_unlock_irqrestore(&q->lock, flags);
	return any;
}

static void bm_abort_work(struct work_struct *work)
{
	struct bm_dev *bm = container_of(to_delayed_work(work), struct bm_dev, abort_work);
	bool any = false, ignored = false;
	unsigned int i;

	for (i = 0; i < bm_total_queues(bm); i++)
		any |= bm_abort_ask_all(&bm->queues[i], &ignored);
	if (ignored) {
		bm_count(bm, BM_ERR_TIMEOUT);
		bm_alarm_reset(bm, "a command was aborted, and does not end");
	}
	if (any)
		queue_delayed_work(bm_recover_wq, &bm->abort_work, BM_ABORT_PERIOD);
}

/* What is parked ends at once, in @ended. Returns whether the device is asked. */
static bool bm_abort_begin(struct bm_request *rq, struct list_head *ended)
{
	switch (rq->state) {
	case BM_RQ_IN_FLIGHT:
		if (!rq->aborting)
			rq->asked = jiffies;
		rq->aborting = true;
		bm_abort_ask(rq);
		return true;
	case BM_RQ_PARKED:
		bm_flight_end(rq, BM_ST_ABORTED, 0, -ECANCELED);
		list_add_tail(&rq->link, ended);
		return false;
	default:
		return false;
	}
}

static void bm_abort_end(struct bm_dev *bm, bool asked, struct list_head *ended)
{
	if (asked)
		queue_delayed_work(bm_recover_wq, &bm->abort_work, BM_ABORT_PERIOD);
	bm_flight_finish(ended);
}

/**
 * bm_abort() - end a command early, if it has not ended yet
 * @rq: request that was submitted and is not put back yet
 *
 * The command ends with -ECANCELED, or as it would have ended: the device may be faster. A
 * device that does not hear it is reset after a second. Any context, between bm_enter() and
 * bm_exit().
 */
void bm_abort(struct bm_request *rq)
{
	struct bm_queue *q = rq->queue;
	unsigned long flags;
	LIST_HEAD(ended);
	bool asked;

	spin_lock_irqsave(&q->lock, flags);
	asked = bm_abort_begin(rq, &ended);
	spin_unlock_irqrestore(&q->lock, flags);
	bm_abort_end(q->bm, asked, &ended);
}

/**
 * bm_abort_where() - end early whatever answers a description
 * @bm: device, between bm_enter() and bm_exit()
 * @match: is it a request to be aborted? Called with the request's queue locked
 * @what: for @match
 *
 * As bm_abort(), for each request that was submitted and has not ended. Any context.
 */
void bm_abort_where(struct bm_dev *bm, bool (*match)(struct bm_request *rq, const void *what),
		    const void *what)
{
	unsigned long flags;
	bool asked = false;
	LIST_HEAD(ended);
	unsigned int i, n;

	for (i = 0; i < bm_total_queues(bm); i++) {
		struct bm_queue *q = &bm->queues[i];

		spin_lock_irqsave(&q->lock, flags);
		for (n = 0; n < q->depth; n++) {
			struct bm_request *rq = &q->requests[n];

			if (rq->state != BM_RQ_FREE && rq->state != BM_RQ_HELD && match(rq, what))
				asked |= bm_abort_begin(rq, &ended);
		}
		spin_unlock_irqrestore(&q->lock, flags);
	}
	bm_abort_end(bm, asked, &ended);
}

/**
 * bm_abort_init() - before the first bm_start()
 * @bm: device
 */
void bm_abort_init(struct bm_dev *bm)
{
	INIT_DELAYED_WORK(&bm->abort_work, bm_abort_work);
}

/**
 * bm_abort_exit() - after the device is dead, when nobody uses it any more
 * @bm: device
 */
void bm_abort_exit(struct bm_dev *bm)
{
	cancel_delayed_work_sync(&bm->abort_work);
}
