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

	rq->sg = kvcalloc_node(BM_CMD_PAGES, sizeof(*rq->sg), GFP_KERNEL, bm_node(q));
	rq->sgl.seg = dma_pool_alloc(q->sgls, GFP_KERNEL, &rq->sgl.dma);
	if (!rq->sg || !rq->sgl.seg) {
		bm_request_free(rq);
		return -ENOMEM;
	}
	sg_init_table(rq->sg, BM_CMD_PAGES);
	sg_unmark_end(&rq->sg[BM_CMD_PAGES - 1]);
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
 * bm_queue_alloc() - memory for a queue pair and its requests
 * @q: zeroed
 * @bm: device, whose DMA mask is set
 * @id: number of the queue
 * @depth: requests, 1 to BM_MAX_DEPTH
 *
 * All that the data path needs is allocated here: coherent rings, SGLs,
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
	q->sgls = dma_pool_create(q->name, bm_dma_dev(q), BM_SGL_BYTES, BM_SGL_BYTES, 0);
	if (!q->sq.ring || !q->cq.ring || !q->requests || !q->free || !q->sgls)
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
 * bm_queue_stop() - from here on nothing is submitted, and no doorbell is written
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
 * bm_queue_overdue() - is a command in flight past its deadline?
 * @q: queue
 * @busy: set to true if any command is in flight, else left alone
 */
bool bm_queue_overdue(struct bm_queue *q, bool *busy)
{
	unsigned long flags;
	struct bm_request *rq = NULL;
	bool overdue = false;

	spin_lock_irqsave(&q->lock, flags);
	while ((rq = bm_next_in_flight(q, rq))) {
		*busy = true;
		overdue |= time_after(jiffies, rq->deadline);
	}
	spin_unlock_irqrestore(&q->lock, flags);
	return overdue;
}
