// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: a task submits; its batch of submissions has one doorbell.
 *
 * The block layer's plug tells when a task is about to submit more: io_uring starts one
 * for a batch. It ends, and the doorbell is rung, when there is no more, or when the task
 * goes to sleep: so nobody waits for what the device was not told of.
 */
#include <linux/blkdev.h>
#include <linux/slab.h>

#include "busmaster.h"
#include "prepare.h"

/**
 * struct bm_plug - a task's submissions to one queue for which it has not yet rung
 * @cb: in the task's list; called when it has no more to submit, or goes to sleep
 * @entered: @idx is valid
 * @idx: of bm_enter(): the queue does not go before its doorbell was rung
 */
struct bm_plug {
	struct blk_plug_cb cb;
	bool entered;
	int idx;
};

static void bm_unplug(struct blk_plug_cb *cb, bool from_schedule)
{
	struct bm_plug *plug = container_of(cb, struct bm_plug, cb);
	struct bm_queue *q = cb->data;

	if (plug->entered) {
		struct bm_dev *bm = q->bm;

		bm_queue_ring(q);
		bm_exit(bm, plug->idx);
	}
	kfree(plug);
}

/* Will bm_unplug() ring for this task? Else the caller has to. */
static bool bm_queue_plugged(struct bm_queue *q)
{
	struct blk_plug_cb *cb = blk_check_plugged(bm_unplug, q, sizeof(struct bm_plug));
	struct bm_plug *plug = container_of(cb, struct bm_plug, cb);

	if (!cb)
		return false;
	if (!plug->entered) {
		plug->idx = bm_enter(q->bm);
		plug->entered = plug->idx >= 0;
	}
	return plug->entered;
}

/**
 * bm_submit() - hand a request to the device, with those that follow
 * @rq: as for bm_request_submit()
 *
 * Of a task that is about to submit more (blk_start_plug(): io_uring does it for a
 * batch) the doorbell is rung once, at the end. Between bm_enter() and bm_exit(), in
 * the context of a task, whose process answers for the command: see fault.c.
 *
 * done() is called exactly once, perhaps before this returns, and also on failure.
 *
 * Return: 0; -ENODEV if the device is dead.
 */
int bm_submit(struct bm_request *rq)
{
	int err;

	if (READ_ONCE(rq->queue->bm->fault_policy) == BM_FAULT_KILL)
		bm_fault_own(rq);
	err = bm_queue_plugged(rq->queue) ? bm_request_submit_unrung(rq) : bm_request_submit(rq);
	if (!err)
		return 0;
	if (rq->owner)
		bm_fault_disown(rq);
	bm_request_fail(rq, err);
	return err;
}
