// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: completions: judged, reaped, and handed on to who waits for them.
 *
 * Reaping takes what the device has completed off the ring, by an interrupt, a poll or the
 * watchdog: it is the same. Only what can be true is believed.
 */
#include <linux/interrupt.h>

#include "busmaster.h"
#include "trace.h"

/* Completions that are reaped at a time: after so many, the interrupt handler calls its thread. */
#define BM_REAP_BUDGET 64u

/*
 * The request that a completion ends, if it can be believed: its tag names a request
 * that exists, is in flight, and in this generation; status and info fit the submission,
 * and that it was to end early, if it has;
 * the head is one that the device may have fetched up to, and it has fetched this. Else
 * NULL, and @lie says which of these is not so.
 */
static struct bm_request *bm_queue_match(struct bm_queue *q, const struct bm_completion *c,
					 enum bm_error *lie)
{
	u16 index = bm_tag_index(c->tag);
	struct bm_request *rq;

	if (index >= q->depth) {
		*lie = BM_ERR_TAG_RANGE;
		return NULL;
	}
	rq = &q->requests[index];
	if (rq->state != BM_RQ_IN_FLIGHT)
		*lie = BM_ERR_TAG_FREE;
	else if (rq->gen != bm_tag_gen(c->tag))
		*lie = BM_ERR_TAG_STALE;
	else if (!bm_status_plausible(&rq->sqe, c->status) ||
		 (c->status == BM_ST_ABORTED && !rq->aborting))
		*lie = BM_ERR_STATUS;
	else if (!bm_info_plausible(&rq->sqe, c->status, c->info))
		*lie = BM_ERR_INFO;
	else if (!bm_sq_retire(&q->sq, c->sq_head))
		*lie = BM_ERR_HEAD;
	else if (!bm_sq_fetched(&q->sq, rq->place))
		*lie = BM_ERR_TAG_FREE;
	else
		return rq;
	return NULL;
}

/*
 * Pop up to @budget completions; returns how many. What they end goes to @ended. A
 * queue that lies is stopped: nothing more is entrusted to it.
 */
static unsigned int bm_queue_pop(struct bm_queue *q, unsigned int budget,
				 struct list_head *ended, struct bm_lie *lie)
{
	struct bm_completion c;
	struct bm_request *rq;
	unsigned int popped;

	for (popped = 0; popped < budget && bm_cq_pop(&q->cq, &c); popped++) {
		rq = bm_queue_match(q, &c, &lie->error);
		trace_bm_reap(q, &c, rq);
		if (rq) {
			q->stats.completions++;
			q->progress = jiffies;
			bm_flight_end(rq, c.status, c.info, bm_status_errno(c.status));
			list_add_tail(&rq->link, ended);
		} else {
			q->stats.bad_completions++;
			q->running = false;
			bm_count(q->bm, lie->error);
			lie->c = c;
		}
	}
	return popped;
}

/*
 * An armed vector is raised once, for what is completed then; and who reaps that may be
 * somebody else, or its handler when it looks once more: then it is still due, and will
 * find nothing. Only an interrupt that was not due and finds nothing is spurious.
 */
static bool bm_queue_interrupted(struct bm_queue *q)
{
	bool due = q->due;

	q->due = false;
	if (!due)
		q->armed = false;
	return due;
}

/* Of an interrupt, @due says afterwards whether there was a reason for it. */
static unsigned int bm_reap(struct bm_queue *q, unsigned int budget, bool *due)
{
	struct bm_lie lie = { .error = BM_ERRORS };
	unsigned int reaped = 0;
	unsigned long flags;
	LIST_HEAD(ended);

	spin_lock_irqsave(&q->lock, flags);
	if (due)
		*due = bm_queue_interrupted(q);
	do {
		unsigned int n = bm_queue_pop(q, budget - reaped, &ended, &lie);

		if (n && q->armed) {
			q->armed = false;
			q->due = true;
		}
		reaped += n;
	} while (q->running && bm_hw_ring_cq(q, reaped < budget && !q->polled));
	if (q->running)
		bm_coalesce_adapt(q);
	spin_unlock_irqrestore(&q->lock, flags);

	if (lie.error != BM_ERRORS)
		bm_alarm_lie(q, &lie);
	bm_flight_finish(&ended);
	return reaped;
}

/**
 * bm_queue_reap() - reap what completions there are, and arm the interrupt again
 * @q: queue; if it is not running, completions are reaped and no doorbell is written
 * @budget: at most so many: a device that writes for ever does not hold the CPU for ever
 *
 * The interrupt is armed when the ring is dry. A device that lies is reset. Any
 * context. Calls the requests' done().
 *
 * Return: completions reaped. If it is @budget, there may be more, and the interrupt
 * need not be armed.
 */
unsigned int bm_queue_reap(struct bm_queue *q, unsigned int budget)
{
	return bm_reap(q, budget, NULL);
}

static unsigned int bm_queue_budget(const struct bm_queue *q)
{
	return min(BM_REAP_BUDGET, q->cq.entries);
}

/**
 * bm_queue_lost_irq() - completions were reaped for which the vector should have been raised
 * @q: queue that interrupts
 */
void bm_queue_lost_irq(struct bm_queue *q)
{
	unsigned long flags;

	bm_count(q->bm, BM_ERR_LOST_IRQ);
	spin_lock_irqsave(&q->lock, flags);
	q->due = false;
	spin_unlock_irqrestore(&q->lock, flags);
}

/**
 * bm_queue_reap_all() - reap until there is nothing more to be reaped
 * @q: queue
 *
 * Of a queue that is not running it reaps one ring at most. May sleep.
 *
 * Return: completions reaped.
 */
unsigned int bm_queue_reap_all(struct bm_queue *q)
{
	unsigned int budget = bm_queue_budget(q);
	unsigned int reaped, sum = 0;

	do {
		reaped = bm_queue_reap(q, budget);
		sum += reaped;
		cond_resched();
	} while (reaped == budget && (READ_ONCE(q->running) || sum < q->cq.entries));
	return sum;
}

/**
 * bm_queue_fail_all() - end what is still in flight
 * @q: queue that is stopped, on a device that can no longer reach any memory
 * @error: negative errno for the clients
 *
 * Calls the requests' done().
 *
 * Return: requests that ended.
 */
unsigned int bm_queue_fail_all(struct bm_queue *q, int error)
{
	struct bm_request *rq = NULL;
	unsigned long flags;
	LIST_HEAD(ended);

	spin_lock_irqsave(&q->lock, flags);
	while ((rq = bm_next_in_flight(q, rq))) {
		bm_flight_end(rq, BM_ST_ABORTED, 0, error);
		list_add_tail(&rq->link, &ended);
	}
	spin_unlock_irqrestore(&q->lock, flags);
	return bm_flight_finish(&ended);
}

/**
 * bm_queue_fail_parked() - end what is waiting for a start that will not come
 * @q: queue of a dead device
 * @error: negative errno for the clients
 *
 * Calls the requests' done().
 *
 * Return: requests that ended.
 */
unsigned int bm_queue_fail_parked(struct bm_queue *q, int error)
{
	struct bm_request *rq, *next;
	unsigned long flags;
	LIST_HEAD(ended);

	spin_lock_irqsave(&q->lock, flags);
	list_for_each_entry_safe(rq, next, &q->parked, link) {
		bm_flight_end(rq, BM_ST_ABORTED, 0, error);
		list_add_tail(&rq->link, &ended);
	}
	spin_unlock_irqrestore(&q->lock, flags);
	return bm_flight_finish(&ended);
}

/**
 * bm_queue_irq() - a queue's vector: completions have arrived
 * @irq: Linux interrupt number
 * @data: struct bm_queue
 *
 * A few are reaped here and now. A flood is left to the thread, and meanwhile the
 * queue, not armed, is silent. To be called for nothing is counted, and the kernel is told:
 * of a vector that does nothing else it disables the interrupt; see bm_vectors_deaf().
 */
irqreturn_t bm_queue_irq(int irq, void *data)
{
	struct bm_queue *q = data;
	unsigned int budget = bm_queue_budget(q);
	unsigned int reaped;
	bool due;

	q->stats.interrupts++;
	reaped = bm_reap(q, budget, &due);
	trace_bm_irq(q, reaped);
	if (reaped == budget)
		return IRQ_WAKE_THREAD;
	if (reaped || due)
		return IRQ_HANDLED;
	bm_count(q->bm, BM_ERR_SPURIOUS_IRQ);
	return IRQ_NONE;
}

/**
 * bm_queue_thread() - what was too much for bm_queue_irq()
 * @irq: Linux interrupt number
 * @data: struct bm_queue
 */
irqreturn_t bm_queue_thread(int irq, void *data)
{
	bm_queue_reap_all(data);
	return IRQ_HANDLED;
}
