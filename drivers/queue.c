// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: a queue's life: its memory, its requests, submit, reap, fail.
 *
 * The submission ring never overflows: a request in flight has one entry in it, and
 * ends only when the device has fetched that, so that each of the queue's requests has at
 * most one that is not fetched; and there is one entry more than there are requests. Nor
 * does the completion ring, as each request in flight has one completion to come.
 */
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "busmaster.h"

/* Completions that are taken at a time: after so many, the interrupt handler calls its thread. */
#define BM_REAP_BUDGET 64u

/* The device's NUMA node: what both touch for each command is to be there. */
static int bm_node(struct bm_queue *q)
{
	return dev_to_node(bm_dma_dev(q));
}

static void bm_request_free(struct bm_request *rq)
{
	unsigned int i;

	for (i = 0; i < BM_SGL_LISTS && rq->lists[i].seg; i++)
		dma_free_coherent(bm_dma_dev(rq->queue), SZ_4K, rq->lists[i].seg,
				  rq->lists[i].dma);
	kvfree(rq->sgl);
}

static int bm_request_alloc(struct bm_request *rq, struct bm_queue *q, unsigned int index)
{
	unsigned int i;

	rq->queue = q;
	rq->index = index;
	init_completion(&rq->waiter);

	rq->sgl = kvcalloc_node(BM_CMD_PAGES, sizeof(*rq->sgl), GFP_KERNEL, bm_node(q));
	if (!rq->sgl)
		goto fail;
	sg_init_table(rq->sgl, BM_CMD_PAGES);
	sg_unmark_end(&rq->sgl[BM_CMD_PAGES - 1]);

	for (i = 0; i < BM_SGL_LISTS; i++) {
		struct bm_sgl_list *list = &rq->lists[i];

		list->seg = dma_alloc_coherent(bm_dma_dev(q), SZ_4K, &list->dma, GFP_KERNEL);
		if (!list->seg)
			goto fail;
	}
	return 0;

fail:
	bm_request_free(rq);
	return -ENOMEM;
}

static size_t bm_sq_bytes(struct bm_queue *q)
{
	return q->sq.entries * sizeof(*q->sq.ring);
}

static size_t bm_cq_bytes(struct bm_queue *q)
{
	return q->cq.entries * sizeof(*q->cq.ring);
}

/**
 * bm_queue_alloc() - memory for a queue pair and its requests
 * @q: zeroed
 * @bm: device, whose DMA mask is set
 * @id: number of the queue
 * @depth: requests, 1 to BM_MAX_DEPTH
 *
 * All that the data path needs is allocated here: coherent rings, SGL lists,
 * scatterlists. The rings are whole pages, so they meet BM_RING_ALIGN, and the shadow
 * doorbells have a page of their own. May sleep.
 *
 * Return: 0 or -ENOMEM, and then nothing is left behind.
 */
int bm_queue_alloc(struct bm_queue *q, struct bm_dev *bm, unsigned int id, unsigned int depth)
{
	unsigned int i;

	q->bm = bm;
	q->id = id;
	q->sq.entries = roundup_pow_of_two(depth + 1);
	q->cq.entries = q->sq.entries;
	spin_lock_init(&q->lock);
	init_waitqueue_head(&q->free_wait);
	snprintf(q->name, sizeof(q->name), "%s-q%u", dev_name(&bm->dev), id);

	q->sq.ring = dma_alloc_coherent(bm_dma_dev(q), bm_sq_bytes(q), &q->sq.dma, GFP_KERNEL);
	q->cq.ring = dma_alloc_coherent(bm_dma_dev(q), bm_cq_bytes(q), &q->cq.dma, GFP_KERNEL);
	q->requests = kvcalloc_node(depth, sizeof(*q->requests), GFP_KERNEL, bm_node(q));
	q->free = kvcalloc_node(depth, sizeof(*q->free), GFP_KERNEL, bm_node(q));
	if (!q->sq.ring || !q->cq.ring || !q->requests || !q->free)
		goto fail;
	if (bm_param_shadow && bm->caps.features & BM_FEAT_SHADOW) {
		q->shadow = dma_alloc_coherent(bm_dma_dev(q), sizeof(*q->shadow),
					       &q->shadow_dma, GFP_KERNEL);
		if (!q->shadow)
			goto fail;
	}

	for (i = 0; i < depth; i++) {
		if (bm_request_alloc(&q->requests[i], q, i))
			goto fail;
		q->free[q->nr_free++] = i;
		q->depth++;
	}
	return 0;

fail:
	bm_queue_free(q);
	return -ENOMEM;
}

/**
 * bm_queue_free() - undo bm_queue_alloc(), whole or half done
 * @q: queue that is not running, and all of whose requests are free
 */
void bm_queue_free(struct bm_queue *q)
{
	while (q->depth)
		bm_request_free(&q->requests[--q->depth]);
	if (q->shadow)
		dma_free_coherent(bm_dma_dev(q), sizeof(*q->shadow), q->shadow, q->shadow_dma);
	kvfree(q->free);
	kvfree(q->requests);
	if (q->cq.ring)
		dma_free_coherent(bm_dma_dev(q), bm_cq_bytes(q), q->cq.ring, q->cq.dma);
	if (q->sq.ring)
		dma_free_coherent(bm_dma_dev(q), bm_sq_bytes(q), q->sq.ring, q->sq.dma);
}

/**
 * bm_queue_start() - empty rings, an enabled hardware queue, armed
 * @q: queue whose interrupt is requested
 *
 * May sleep.
 *
 * Return: 0, -ENODEV or -ETIMEDOUT.
 */
int bm_queue_start(struct bm_queue *q)
{
	unsigned long flags;
	int err;

	spin_lock_irqsave(&q->lock, flags);
	bm_sq_reset(&q->sq);
	bm_cq_reset(&q->cq);
	if (q->shadow)
		*q->shadow = (struct bm_hw_shadow){ .cq_event = cpu_to_le32(BM_EVENT_NONE) };
	q->moderation = 0;
	q->armed = false;
	q->due = false;
	spin_unlock_irqrestore(&q->lock, flags);

	err = bm_hw_queue_enable(q);
	if (err)
		return err;

	spin_lock_irqsave(&q->lock, flags);
	q->running = true;
	bm_coalesce_apply(q);
	bm_hw_ring_cq(q, !q->polled);
	spin_unlock_irqrestore(&q->lock, flags);
	wake_up_all(&q->free_wait);
	return 0;
}

/**
 * bm_queue_fence() - from here on nothing is submitted, and no doorbell is written
 * @q: queue, running or not
 *
 * Return: was it running?
 */
bool bm_queue_fence(struct bm_queue *q)
{
	unsigned long flags;
	bool running;

	spin_lock_irqsave(&q->lock, flags);
	running = q->running;
	q->running = false;
	spin_unlock_irqrestore(&q->lock, flags);
	return running;
}

/*
 * The request that a completion ends, if it can be believed: its tag names a request
 * that exists, is in flight, and in this generation; status and info fit the submission;
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
	else if (!bm_status_plausible(&rq->sqe, c->status))
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

/* Take a request out of flight, with its result. Its done() is still to be called. */
static void bm_queue_end(struct bm_queue *q, struct bm_request *rq, u8 status, u64 info,
			 int error)
{
	lockdep_assert_held(&q->lock);
	rq->state = BM_RQ_HELD;
	rq->status = status;
	rq->info = info;
	rq->error = error;
	if (error)
		q->stats.failures++;
}

/* Hand ended requests to their clients, without locks: done() may take any. */
static unsigned int bm_queue_finish(struct list_head *ended)
{
	struct bm_request *rq, *next;
	unsigned int n = 0;

	list_for_each_entry_safe(rq, next, ended, link) {
		if (rq->error)
			bm_recover_failed(rq);
		if (rq->owner)
			bm_fault_disown(rq);
		rq->done(rq);
		n++;
	}
	return n;
}

/*
 * Take up to @budget completions; returns how many. What they end goes to @ended. A
 * queue that lies is fenced: nothing more is entrusted to it.
 */
static unsigned int bm_queue_pop(struct bm_queue *q, unsigned int budget,
				 struct list_head *ended, struct bm_lie *lie)
{
	struct bm_completion c;
	struct bm_request *rq;
	unsigned int taken;

	for (taken = 0; taken < budget && bm_cq_pop(&q->cq, &c); taken++) {
		rq = bm_queue_match(q, &c, &lie->error);
		if (rq) {
			q->stats.completions++;
			bm_queue_end(q, rq, c.status, c.info, bm_status_errno(c.status));
			list_add_tail(&rq->link, ended);
		} else {
			q->stats.bad_completions++;
			q->running = false;
			bm_count(q->bm, lie->error);
			lie->c = c;
		}
	}
	return taken;
}

/*
 * An armed vector is raised once, for what is completed then; and who takes that may be
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

static unsigned int bm_queue_take(struct bm_queue *q, unsigned int budget, bool interrupt)
{
	struct bm_lie lie = { .error = BM_ERRORS };
	unsigned int taken = 0;
	unsigned long flags;
	LIST_HEAD(ended);
	bool due = true;

	spin_lock_irqsave(&q->lock, flags);
	if (interrupt)
		due = bm_queue_interrupted(q);
	do {
		unsigned int n = bm_queue_pop(q, budget - taken, &ended, &lie);

		if (n && q->armed) {
			q->armed = false;
			q->due = true;
		}
		taken += n;
	} while (q->running && bm_hw_ring_cq(q, taken < budget && !q->polled));
	if (q->running)
		bm_coalesce_adapt(q);
	spin_unlock_irqrestore(&q->lock, flags);

	if (!taken && !due)
		bm_count(q->bm, BM_ERR_SPURIOUS_IRQ);
	if (lie.error != BM_ERRORS)
		bm_recover_lie(q, &lie);
	bm_queue_finish(&ended);
	return taken;
}

/**
 * bm_queue_reap() - take what completions there are, and arm the interrupt again
 * @q: queue; if it is not running, completions are taken and no doorbell is written
 * @budget: at most so many: a device that writes for ever does not hold the CPU for ever
 *
 * The interrupt is armed when the ring is dry. A device that lies is reset. Any
 * context. Calls the requests' done().
 *
 * Return: completions taken. If it is @budget, there may be more, and the interrupt
 * need not be armed.
 */
unsigned int bm_queue_reap(struct bm_queue *q, unsigned int budget)
{
	return bm_queue_take(q, budget, false);
}

static unsigned int bm_queue_budget(const struct bm_queue *q)
{
	return min(BM_REAP_BUDGET, q->cq.entries);
}

/**
 * bm_queue_lost_irq() - completions were taken for which the vector should have been raised
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
 * bm_queue_drain() - take completions until there are no more
 * @q: queue
 *
 * Of a queue that is not running it takes one ring at most. May sleep.
 *
 * Return: completions taken.
 */
unsigned int bm_queue_drain(struct bm_queue *q)
{
	unsigned int budget = bm_queue_budget(q);
	unsigned int taken, sum = 0;

	do {
		taken = bm_queue_reap(q, budget);
		sum += taken;
		cond_resched();
	} while (taken == budget && (READ_ONCE(q->running) || sum < q->cq.entries));
	return sum;
}

/**
 * bm_queue_fail_all() - end what is still in flight
 * @q: queue that is fenced, on a device that can no longer reach any memory
 * @error: negative errno for the clients
 *
 * Calls the requests' done().
 *
 * Return: requests that ended.
 */
unsigned int bm_queue_fail_all(struct bm_queue *q, int error)
{
	unsigned long flags;
	LIST_HEAD(ended);
	unsigned int i;

	spin_lock_irqsave(&q->lock, flags);
	for (i = 0; i < q->depth; i++) {
		struct bm_request *rq = &q->requests[i];

		if (rq->state == BM_RQ_IN_FLIGHT) {
			bm_queue_end(q, rq, BM_ST_ABORTED, 0, error);
			list_add_tail(&rq->link, &ended);
		}
	}
	spin_unlock_irqrestore(&q->lock, flags);
	return bm_queue_finish(&ended);
}

/**
 * bm_queue_overdue() - is a command in flight past its deadline?
 * @q: queue
 * @busy: set to true if any command is in flight, else left alone
 */
bool bm_queue_overdue(struct bm_queue *q, bool *busy)
{
	unsigned long flags;
	bool overdue = false;
	unsigned int i;

	spin_lock_irqsave(&q->lock, flags);
	for (i = 0; i < q->depth; i++) {
		struct bm_request *rq = &q->requests[i];

		if (rq->state != BM_RQ_IN_FLIGHT)
			continue;
		*busy = true;
		overdue |= time_after(jiffies, rq->deadline);
	}
	spin_unlock_irqrestore(&q->lock, flags);
	return overdue;
}

/**
 * bm_queue_irq() - a queue's vector: completions have arrived
 * @irq: Linux interrupt number
 * @data: struct bm_queue
 *
 * A few are taken here and now. A flood is left to the thread, and meanwhile the
 * queue, not armed, is silent. To be called for nothing is counted, and no more: it
 * costs little, and a device that means harm by it is the interrupt controller's to stop.
 */
irqreturn_t bm_queue_irq(int irq, void *data)
{
	struct bm_queue *q = data;
	unsigned int budget = bm_queue_budget(q);

	q->stats.interrupts++;
	return bm_queue_take(q, budget, true) == budget ? IRQ_WAKE_THREAD : IRQ_HANDLED;
}

/**
 * bm_queue_thread() - what was too much for bm_queue_irq()
 * @irq: Linux interrupt number
 * @data: struct bm_queue
 */
irqreturn_t bm_queue_thread(int irq, void *data)
{
	bm_queue_drain(data);
	return IRQ_HANDLED;
}

/**
 * bm_request_wake() - the done() of a request that somebody waits for
 * @rq: request
 *
 * Any context. Also serves as what bm_mem_release() calls.
 */
void bm_request_wake(struct bm_request *rq)
{
	complete(&rq->waiter);
}

/**
 * bm_queue_lend() - borrow a request from this queue, and no other
 * @q: queue, between bm_enter() and bm_exit() of a device that is present
 *
 * Any context.
 *
 * Return: a request; NULL if none is free, or the queue is not running.
 */
struct bm_request *bm_queue_lend(struct bm_queue *q)
{
	struct bm_request *rq = NULL;
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	if (q->running && q->nr_free) {
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
	return READ_ONCE(q->bm->state) == BM_DEAD ||
	       (READ_ONCE(q->running) && READ_ONCE(q->nr_free));
}

/* The queue of this CPU. To be moved to another CPU afterwards does no harm. */
static struct bm_queue *bm_queue_here(struct bm_dev *bm, bool polled)
{
	unsigned int cpu = raw_smp_processor_id();

	if (polled && bm->nr_polled)
		return &bm->queues[bm_vector_queues(bm) + cpu % bm->nr_polled];
	return &bm->queues[bm->queue_of[cpu]];
}

/**
 * bm_request_get() - borrow a request from the queue of this CPU
 * @bm: device, between bm_enter() and bm_exit()
 * @polled: from a polled queue, if there is one: the caller will look for completions
 * @wait: sleep until there is one, killably. Only for callers that hold no request
 *	but those in flight, whose done() puts them: whoever waits while holding one
 *	can wait for ever
 *
 * While somebody resets the device there is none to be had, and a waiter waits for
 * the end of it.
 *
 * Return: a request; ERR_PTR of -EAGAIN (none free and not @wait), -ENODEV, or -EINTR
 * (a fatal signal).
 */
struct bm_request *bm_request_get(struct bm_dev *bm, bool polled, bool wait)
{
	for (;;) {
		struct bm_queue *q = bm_queue_here(bm, polled);
		struct bm_request *rq = bm_queue_lend(q);

		if (rq)
			return rq;
		if (READ_ONCE(bm->state) == BM_DEAD)
			return ERR_PTR(-ENODEV);
		if (!wait)
			return ERR_PTR(-EAGAIN);
		if (wait_event_killable(q->free_wait, bm_queue_may_lend(q)))
			return ERR_PTR(-EINTR);
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
}

/* Put a request into the ring. The doorbell is still to be rung, once for all that are. */
static int bm_request_push(struct bm_request *rq, bool ring)
{
	struct bm_queue *q = rq->queue;
	unsigned long flags;
	bool running;

	spin_lock_irqsave(&q->lock, flags);
	running = q->running;
	if (running) {
		rq->gen = bm_next_gen(rq->gen);
		rq->sqe.tag = cpu_to_le16(bm_tag(rq->index, rq->gen));
		rq->place = bm_sq_push(&q->sq, &rq->sqe);
		rq->deadline = jiffies + msecs_to_jiffies(bm_param_timeout_ms);
		rq->state = BM_RQ_IN_FLIGHT;
		q->stats.commands++;
		q->stats.maps += rq->nr_maps;
		if (ring)
			bm_hw_ring_sq(q);
	}
	spin_unlock_irqrestore(&q->lock, flags);

	if (!running)
		return -EIO;
	bm_recover_watch(q->bm);
	return 0;
}

/**
 * bm_request_submit() - hand a request to the device
 * @rq: borrowed request whose sqe is filled but for the tag, and whose done() is set
 *	if it is not to be bm_request_wake()
 *
 * Any context. On success done() is called exactly once, perhaps before this returns.
 *
 * Return: 0; -EIO if the queue was stopped meanwhile. Then done() is not called.
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
 * bm_queue_ring() - tell the device of what was submitted without a doorbell
 * @q: queue, between bm_enter() and bm_exit() of a device that is present
 *
 * Any context.
 */
void bm_queue_ring(struct bm_queue *q)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	if (q->running && q->sq.rung != q->sq.tail)
		bm_hw_ring_sq(q);
	spin_unlock_irqrestore(&q->lock, flags);
}
