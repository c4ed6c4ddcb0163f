// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: a command on its way: from its submission until its client is told.
 *
 * What is submitted while its queue does not run, or is quiesced, is parked: it keeps its
 * memory and its place behind the others, and goes into the ring when the queue is started.
 * So its submitter sees nothing of a reset. Only a device that is dead has no use for it.
 */
#include "busmaster.h"
#include "trace.h"

static void bm_flight_push(struct bm_request *rq)
{
	struct bm_queue *q = rq->queue;

	rq->gen = bm_next_gen(rq->gen);
	rq->sqe.tag = cpu_to_le16(bm_tag(rq->index, rq->gen));
	rq->place = bm_sq_push(&q->sq, &rq->sqe);
	rq->since = jiffies;
	rq->seen = q->stats.completions;
	rq->state = BM_RQ_IN_FLIGHT;
	rq->aborting = false;
	if (!q->flying++)
		q->progress = rq->since;
	rq->number = q->stats.commands++;
	q->stats.maps += rq->nr_maps;
	trace_bm_submit(rq);
}

/**
 * bm_flight_begin() - put a request into the ring, or park it
 * @rq: borrowed request, whose queue is locked
 *
 * The doorbell is still to be rung, once for all that are put in.
 *
 * Return: 0; or -ENODEV if the device is dead.
 */
int bm_flight_begin(struct bm_request *rq)
{
	struct bm_queue *q = rq->queue;

	lockdep_assert_held(&q->lock);
	if (!bm_present(q->bm))
		return -ENODEV;
	if (q->running && !q->quiesced) {
		bm_flight_push(rq);
	} else {
		rq->state = BM_RQ_PARKED;
		list_add_tail(&rq->link, &q->parked);
	}
	return 0;
}

/**
 * bm_flight_resume() - what was parked goes on its way
 * @q: queue, locked, that has just been started
 */
void bm_flight_resume(struct bm_queue *q)
{
	struct bm_request *rq, *next;

	lockdep_assert_held(&q->lock);
	list_for_each_entry_safe(rq, next, &q->parked, link) {
		list_del(&rq->link);
		bm_flight_push(rq);
	}
	if (q->flying)
		bm_hw_ring_sq(q);
}

/**
 * bm_flight_end() - a request has its result; it is still to be finished
 * @rq: request in flight or parked, whose queue is locked
 * @status: of its completion
 * @info: likewise
 * @error: 0 or a negative errno
 */
void bm_flight_end(struct bm_request *rq, u8 status, u64 info, int error)
{
	struct bm_queue *q = rq->queue;

	lockdep_assert_held(&q->lock);
	if (rq->state == BM_RQ_PARKED)
		list_del(&rq->link);
	else
		q->flying--;
	rq->state = BM_RQ_HELD;
	rq->status = status;
	rq->info = info;
	rq->error = error;
	if (error)
		q->stats.failures++;
}

/**
 * bm_flight_finish() - let go of the memory of ended requests, upon which their clients are told
 * @ended: requests of one device
 *
 * Any context, without locks.
 *
 * Return: so many.
 */
unsigned int bm_flight_finish(struct list_head *ended)
{
	struct bm_request *rq, *next;
	struct bm_dev *bm = NULL;
	unsigned int n = 0;

	list_for_each_entry_safe(rq, next, ended, link) {
		bm = rq->queue->bm;
		if (rq->error)
			bm_fault_report(rq);
		if (rq->owner)
			bm_fault_disown(rq);
		bm_mem_release(rq);
		n++;
	}
	if (bm && wq_has_sleeper(&bm->idle))
		wake_up(&bm->idle);
	return n;
}
