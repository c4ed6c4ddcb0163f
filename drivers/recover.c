// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: who watches, and who helps: the watchdog, and the reset that was asked for.
 *
 * A queue that makes no progress is first looked for in its ring, as an interrupt may have
 * been lost; if there is nothing, the device is reset. A device that
 * says what cannot be true, or halts, is reset, too. All resets are one: bm_stop() and
 * bm_start(). One that does not heed CTRL.RESET has a function-level reset: reset.c. One
 * that heeds nothing, or is gone, is dead: it has lost bus mastering before any memory was
 * let go of, and does not get it back. What refused DMA leads to is in fault.c.
 */
#include "busmaster.h"
#include "trace.h"

static void bm_reset_work(struct work_struct *work)
{
	struct bm_dev *bm = container_of(work, struct bm_dev, reset_work);

	mutex_lock(&bm->state_lock);
	if (bm->state == BM_RUNNING) {
		bm_stop(bm);
		atomic64_inc(&bm->resets);
		if (!bm_start(bm))
			dev_info(&bm->dev, "works again after a reset\n");
	}
	mutex_unlock(&bm->state_lock);
}

static void bm_recover_trace(struct bm_queue *q)
{
	struct bm_request *rq = NULL;
	unsigned long flags;

	if (!trace_bm_timeout_enabled())
		return;
	spin_lock_irqsave(&q->lock, flags);
	while ((rq = bm_next_in_flight(q, rq)))
		trace_bm_timeout(rq);
	spin_unlock_irqrestore(&q->lock, flags);
}

/*
 * Commands of a queue are overdue: only the interrupt may have been lost. If it
 * is more, the queue is stopped, and so counted once.
 */
static void bm_recover_overdue(struct bm_queue *q)
{
	unsigned int n = bm_queue_reap_all(q);
	struct bm_dev *bm = q->bm;
	bool busy = false;

	if (n && q->polled) {
		dev_warn_ratelimited(&bm->dev, "queue %u: nobody has polled for %u completions\n",
				     q->id, n);
	} else if (n) {
		bm_queue_lost_irq(q);
		dev_warn_ratelimited(&bm->dev, "queue %u: %u completions without an interrupt\n",
				     q->id, n);
	}
	if (!bm_queue_overdue(q, &busy) || !bm_queue_stop(q))
		return;
	bm_count(bm, BM_ERR_TIMEOUT);
	bm_recover_trace(q);
	bm_alarm_reset(bm, "a command was not answered in time");
}

/* Where the kernel has disabled a vector, the queue is polled, from now on often. */
static void bm_recover_deaf(struct bm_queue *q)
{
	if (!q->bm->deaf)
		dev_warn(&q->bm->dev, "queue %u: the kernel has disabled its interrupt; it is polled until the next reset\n",
			 q->id);
	WRITE_ONCE(q->bm->deaf, true);
	bm_queue_reap_all(q);
}

static void bm_watchdog(struct work_struct *work)
{
	struct bm_dev *bm = container_of(to_delayed_work(work), struct bm_dev, watchdog);
	bool busy = false;
	unsigned int i;

	for (i = 0; i < bm_total_queues(bm); i++)
		if (bm_vectors_deaf(&bm->queues[i]))
			bm_recover_deaf(&bm->queues[i]);
	for (i = 0; i < bm_total_queues(bm); i++)
		if (bm_queue_overdue(&bm->queues[i], &busy))
			bm_recover_overdue(&bm->queues[i]);
	if (!busy)
		return;
	/* Whoever holds the lock starts or stops the device: no time to listen to it. */
	if (mutex_trylock(&bm->state_lock)) {
		if (bm->state == BM_RUNNING)
			bm_inspect(bm, "its event interrupt did not arrive");
		mutex_unlock(&bm->state_lock);
	}
	bm_alarm_watch(bm);
}

/**
 * bm_recover_init() - before the first bm_start()
 * @bm: device
 */
void bm_recover_init(struct bm_dev *bm)
{
	INIT_WORK(&bm->reset_work, bm_reset_work);
	INIT_DELAYED_WORK(&bm->watchdog, bm_watchdog);
}

/**
 * bm_recover_exit() - after the device is dead; nothing runs here any more
 * @bm: device
 */
void bm_recover_exit(struct bm_dev *bm)
{
	cancel_delayed_work_sync(&bm->watchdog);
	cancel_work_sync(&bm->reset_work);
}
