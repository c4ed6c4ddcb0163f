// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: a queue: its memory and its requests, start and stop.
 *
 * The submission ring never overflows: a request in flight has one entry in it, and
 * ends only when the device has fetched that, so that each of the queue's requests has at
 * most one that is not fetched; and there is one entry more than there are requests. Nor
 * does the completion ring, as each request in flight has one completion to come.
 */
#include <linux/dma-mapping.h>
#include <linux/dmapool.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "busmaster.h"

/* The device's NUMA node: what both touch for each command is to be there. */
static int bm_node(struct bm_queue *q)
{
	return dev_to_node(bm_dma_dev(q));
}

static void bm_request_free(struct bm_request *rq)
{
	if (rq->sgl.seg)
		dma_pool_free(rq->queue->sgls, rq->sgl.seg, rq->sgl.dma);
	kvfree(rq->sg);
}

static int bm_request_alloc(struct bm_request *rq, struct bm_queue *q, unsigned int index)
{
	rq->queue = q;
	rq->index = index;
	init_completion(&rq->waiter);
	bm_mem_init(rq);

	rq->sg = kvcalloc_node(BM_CMD_PAGES, sizeof(*rq->sg), GFP_KERNEL, bm_node(q));
	rq->sgl.seg = dma_pool_alloc(q->sgls, GFP_KERNEL, &rq->sgl.dma);
	if (!rq->sg || !rq->sgl.seg) {
		bm_request_free(rq);
		return -ENOMEM;
	}
	return 0;
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
 * bm_queue_init() - a queue that has nothing yet: its interrupt may be requested
 * @q: zeroed
 * @bm: device
 * @id: number of the queue
 */
void bm_queue_init(struct bm_queue *q, struct bm_dev *bm, unsigned int id)
{
	q->bm = bm;
	q->id = id;
	spin_lock_init(&q->lock);
	INIT_LIST_HEAD(&q->parked);
	init_waitqueue_head(&q->free_wait);
	snprintf(q->name, sizeof(q->name), "%s-q%u", dev_name(&bm->dev), id);
}

/**
 * bm_queue_bytes() - memory that bm_queue_alloc() takes, but for small change
 * @depth: requests
 */
u64 bm_queue_bytes(unsigned int depth)
{
	size_t request = sizeof(struct bm_request) + BM_SGL_BYTES +
			 BM_CMD_PAGES * sizeof(struct scatterlist);
	size_t entry = sizeof(struct bm_hw_sqe) + sizeof(struct bm_hw_cqe);

	return (u64)depth * request + roundup_pow_of_two(depth + 1) * entry;
}

/**
 * bm_queue_alloc() - memory for a queue pair and its requests
 * @q: initialised, of a device whose DMA mask is set
 * @depth: requests, 1 to BM_MAX_DEPTH
 *
 * All that the data path needs is allocated here: coherent rings, SGLs,
 * scatterlists. The rings are whole pages, so they meet BM_RING_ALIGN, and the shadow
 * doorbells have a page of their own. There is nothing to be reaped, be the queue ever
 * started or not. May sleep.
 *
 * Return: 0 or -ENOMEM, and then nothing is left behind.
 */
int bm_queue_alloc(struct bm_queue *q, unsigned int depth)
{
	unsigned int i;

	q->sq.entries = roundup_pow_of_two(depth + 1);
	q->cq.entries = q->sq.entries;

	q->sq.ring = dma_alloc_coherent(bm_dma_dev(q), bm_sq_bytes(q), &q->sq.dma, GFP_KERNEL);
	q->cq.ring = dma_alloc_coherent(bm_dma_dev(q), bm_cq_bytes(q), &q->cq.dma, GFP_KERNEL);
	q->requests = kvcalloc_node(depth, sizeof(*q->requests), GFP_KERNEL, bm_node(q));
	q->free = kvcalloc_node(depth, sizeof(*q->free), GFP_KERNEL, bm_node(q));
	q->sgls = dma_pool_create(q->name, bm_dma_dev(q), BM_SGL_BYTES, BM_SGL_BYTES, 0);
	if (!q->sq.ring || !q->cq.ring || !q->requests || !q->free || !q->sgls)
		goto fail;
	bm_cq_reset(&q->cq);
	if (bm_param_shadow && q->bm->caps.features & BM_FEAT_SHADOW) {
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
	dma_pool_destroy(q->sgls);
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
 * bm_queue_start() - empty rings, an enabled hardware queue, armed; what was parked is submitted
 * @q: queue whose interrupt is enabled
 *
 * May sleep.
 *
 * Return: 0, -ENODEV or -ETIMEDOUT.
 */
int bm_queue_start(struct bm_queue *q)
{
	unsigned long flags;
	bool busy;
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
	q->quiesced = false;
	bm_coalesce_apply(q);
	bm_hw_ring_cq(q, !q->polled);
	bm_flight_resume(q);
	busy = q->flying;
	spin_unlock_irqrestore(&q->lock, flags);
	if (busy) /* the watchdog had nothing to watch for as long as they were parked */
		bm_alarm_watch(q->bm);
	wake_up_all(&q->free_wait);
	return 0;
}

/**
 * bm_queue_stop() - from here on what is submitted is parked, and no doorbell is written
 * @q: queue, running or not
 *
 * What is in flight stays so, and completions can still be reaped. Any context.
 *
 * Return: was it running?
 */
bool bm_queue_stop(struct bm_queue *q)
{
	unsigned long flags;
	bool running;

	spin_lock_irqsave(&q->lock, flags);
	running = q->running;
	q->running = false;
	spin_unlock_irqrestore(&q->lock, flags);
	return running;
}

/**
 * bm_queue_flush() - all memory is let go, and no done() will be called any more
 * @q: queue of a dead device, on which nothing is in flight or parked
 *
 * May sleep.
 */
void bm_queue_flush(struct bm_queue *q)
{
	unsigned int i;

	for (i = 0; i < q->depth; i++)
		bm_mem_exit(&q->requests[i]);
}

/**
 * bm_queue_quiesce() - from here on what is submitted is parked; what is in flight goes on
 * @q: queue
 *
 * bm_queue_start() ends it. Any context.
 */
void bm_queue_quiesce(struct bm_queue *q)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	q->quiesced = true;
	spin_unlock_irqrestore(&q->lock, flags);
}

/*
 * A command may have been forgotten by a device that is busy with others. It does not take
 * them in turn, but how often may one be overtaken? Not for the depth of the queue, again
 * and again.
 */
#define BM_OVERTAKEN 8

static bool bm_request_forgotten(const struct bm_request *rq, unsigned long patience)
{
	struct bm_queue *q = rq->queue;

	return (s32)(rq->place - q->sq.rung) < 0 && time_after(jiffies, rq->since + patience) &&
	       q->stats.completions - rq->seen > BM_OVERTAKEN * q->depth;
}

/**
 * bm_queue_overdue() - has the device had time enough for what is in flight?
 * @q: queue
 * @busy: set to true if any command is in flight, else left alone
 *
 * It has if it has completed nothing for as long as a time-out: progress counts, not how long a
 * command has had to wait for others, nor for its doorbell behind a plug. Or if it has a
 * command for that long, and has completed many that were submitted later.
 */
bool bm_queue_overdue(struct bm_queue *q, bool *busy)
{
	unsigned long patience = msecs_to_jiffies(bm_param_timeout_ms);
	struct bm_request *rq = NULL;
	unsigned long flags;
	bool overdue;

	spin_lock_irqsave(&q->lock, flags);
	*busy |= q->flying;
	overdue = bm_told_in_flight(q) && time_after(jiffies, q->progress + patience);
	while (!overdue && (rq = bm_next_in_flight(q, rq)))
		overdue = bm_request_forgotten(rq, patience);
	spin_unlock_irqrestore(&q->lock, flags);
	return overdue;
}

/**
 * bm_queue_submitted() - how many commands it was ever given, for bm_queue_passed()
 * @q: queue
 */
u64 bm_queue_submitted(struct bm_queue *q)
{
	unsigned long flags;
	u64 submitted;

	spin_lock_irqsave(&q->lock, flags);
	submitted = q->stats.commands + list_count_nodes(&q->parked);
	spin_unlock_irqrestore(&q->lock, flags);
	return submitted;
}

/**
 * bm_queue_passed() - has all ended that had been submitted then?
 * @q: queue
 * @submitted: of bm_queue_submitted()
 */
bool bm_queue_passed(struct bm_queue *q, u64 submitted)
{
	struct bm_request *rq = NULL;
	unsigned long flags;
	bool passed;

	spin_lock_irqsave(&q->lock, flags);
	passed = list_empty(&q->parked) || q->stats.commands >= submitted;
	while (passed && (rq = bm_next_in_flight(q, rq)))
		passed = rq->number >= submitted;
	spin_unlock_irqrestore(&q->lock, flags);
	return passed;
}
