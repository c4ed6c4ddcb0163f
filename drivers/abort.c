// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: a command is to end early.
 *
 * A device hears an abort of what it works on, and of nothing else: one that has yet to
 * fetch the command forgets that it was asked. So it is asked again, until the command has
 * ended. Whoever wants that waits for the command as ever, or need not wait.
 */
#include "busmaster.h"

#define BM_ABORT_PERIOD msecs_to_jiffies(10)

static void bm_abort_ask(struct bm_request *rq)
{
	struct bm_queue *q = rq->queue;

	lockdep_assert_held(&q->lock);
	if (q->running)
		bm_hw_abort(rq);
}

/* Returns whether there will be something to be asked again. */
static bool bm_abort_ask_all(struct bm_queue *q)
{
	struct bm_request *rq = NULL;
	bool any = false;
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	while ((rq = bm_next_in_flight(q, rq))) {
		if (!rq->aborting)
			continue;
		bm_abort_ask(rq);
		any = true;
	}
	spin_unlock_irqrestore(&q->lock, flags);
	return any;
}

static void bm_abort_work(struct work_struct *work)
{
	struct bm_dev *bm = container_of(to_delayed_work(work), struct bm_dev, abort_work);
	bool any = false;
	unsigned int i;

	for (i = 0; i < bm_total_queues(bm); i++)
		any |= bm_abort_ask_all(&bm->queues[i]);
	if (any)
		schedule_delayed_work(&bm->abort_work, BM_ABORT_PERIOD);
}

/**
 * bm_abort() - end a command early, if it has not ended yet
 * @rq: request that was submitted and is not put back yet
 *
 * The command ends with -ECANCELED, or as it would have ended: the device may be faster.
 * The watchdog bounds the time that it takes. Any context, between bm_enter() and
 * bm_exit().
 */
void bm_abort(struct bm_request *rq)
{
	struct bm_queue *q = rq->queue;
	unsigned long flags;
	bool asked;

	spin_lock_irqsave(&q->lock, flags);
	asked = rq->state == BM_RQ_IN_FLIGHT;
	if (asked) {
		rq->aborting = true;
		bm_abort_ask(rq);
	}
	spin_unlock_irqrestore(&q->lock, flags);
	if (asked)
		schedule_delayed_work(&q->bm->abort_work, BM_ABORT_PERIOD);
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
