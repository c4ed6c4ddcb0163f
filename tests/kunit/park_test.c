// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: what is submitted while nobody may have it: parked, until the start; and
 * those who wait for what was submitted before.
 */
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/sched/signal.h>

#include "fake.h"
#include "prepare.h"

#define DEPTH 7
#define PARKED 3
#define PATIENCE (20 * HZ)
#define A_WHILE_MS 20 /* in which what must not happen has the time to */

/* Submit to a stopped device: nobody sees anything of it. */
static void park(struct kunit *test, struct fake *fake, struct bm_request **rq, unsigned int nr)
{
	struct bm_queue *q = &fake->bm.queues[0];
	unsigned int i;

	fake_untouch(q, BM_QREG_SQ_TAIL);
	for (i = 0; i < nr; i++) {
		rq[i] = fake_submit(fake);
		KUNIT_EXPECT_EQ(test, rq[i]->state, BM_RQ_PARKED);
		KUNIT_EXPECT_EQ(test, fake_done_count(rq[i]), 0);
	}
	KUNIT_EXPECT_EQ(test, fake_doorbell(q, BM_QREG_SQ_TAIL), FAKE_UNTOUCHED);
}

static void expect_ended(struct kunit *test, struct bm_request *rq, int error)
{
	KUNIT_EXPECT_EQ(test, rq->state, BM_RQ_HELD);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
	KUNIT_EXPECT_EQ(test, rq->error, error);
}

/* The device fetches these commands, one after the other, and no others; they end well. */
static void expect_served(struct kunit *test, struct bm_request **rq, unsigned int nr)
{
	struct bm_queue *q = rq[0]->queue;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, fake_submitted(q), nr);
	for (i = 0; i < nr; i++) {
		u16 tag = fake_fetch_tag(q);

		KUNIT_EXPECT_EQ(test, bm_tag_index(tag), rq[i]->index);
		fake_answer(q, tag, BM_ST_SUCCESS, 0);
	}
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), nr);
	for (i = 0; i < nr; i++)
		expect_ended(test, rq[i], 0);
}

static void parked_goes_with_the_start_in_order(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];
	struct bm_request *rq[PARKED];

	fake_stop(fake);
	park(test, fake, rq, PARKED);
	KUNIT_EXPECT_EQ(test, q->stats.commands, 0);
	KUNIT_EXPECT_EQ(test, q->stats.sq_doorbells, 0);
	fake_start_again(fake);
	KUNIT_EXPECT_EQ(test, q->stats.commands, PARKED);
	KUNIT_EXPECT_EQ(test, q->stats.sq_doorbells, 1);
	expect_served(test, rq, PARKED);
	KUNIT_EXPECT_FALSE(test, fake_reset_requested(fake));
}

/* Also before the first one. What comes later is behind what was parked. */
static void what_comes_later_is_behind(struct kunit *test)
{
	struct fake *fake = fake_create(test, 1, DEPTH);
	struct bm_request *rq[PARKED + 1];

	park(test, fake, rq, PARKED);
	fake_start_again(fake);
	rq[PARKED] = fake_submit(fake);
	expect_served(test, rq, PARKED + 1);
}

static void start_without_parked_rings_nothing(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];

	fake_submit(fake);
	fake_stop(fake);
	fake_start_again(fake);
	KUNIT_EXPECT_EQ(test, q->stats.sq_doorbells, 1);
	KUNIT_EXPECT_EQ(test, fake_submitted(q), 0);
}

/* A stop ends what is in flight alone. */
static void stop_leaves_the_parked(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *in_flight = fake_submit(fake), *rq[PARKED];
	struct bm_queue *q = in_flight->queue;

	bm_queue_stop(q);
	park(test, fake, rq, PARKED);
	fake_stop(fake);
	expect_ended(test, in_flight, -EIO);
	KUNIT_EXPECT_EQ(test, bm_queue_fail_all(q, -EIO), 0);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 0);
	fake_start_again(fake);
	expect_served(test, rq, PARKED);
}

static void second_stop_ends_what_was_parked(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq[PARKED];
	int i;

	fake_stop(fake);
	park(test, fake, rq, PARKED);
	fake_start_again(fake);
	fake_stop(fake);
	for (i = 0; i < PARKED; i++)
		expect_ended(test, rq[i], -EIO);
	KUNIT_EXPECT_TRUE(test, list_empty(&rq[0]->queue->parked));
}

static void parked_fails_when_the_device_dies(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq[PARKED], *late = fake_request(fake);
	struct bm_queue *q = late->queue;
	int i;

	fake_stop(fake);
	park(test, fake, rq, PARKED);
	fake->start_error = -ETIMEDOUT;
	mutex_lock(&fake->bm.state_lock);
	KUNIT_EXPECT_EQ(test, bm_start(&fake->bm), -ETIMEDOUT);
	mutex_unlock(&fake->bm.state_lock);
	for (i = 0; i < PARKED; i++)
		expect_ended(test, rq[i], -ENODEV);
	KUNIT_EXPECT_EQ(test, q->stats.failures, PARKED);
	KUNIT_EXPECT_EQ(test, bm_queue_fail_parked(q, -ENODEV), 0);

	KUNIT_EXPECT_EQ(test, bm_request_submit(late), -ENODEV);
	KUNIT_EXPECT_EQ(test, late->state, BM_RQ_HELD);
	KUNIT_EXPECT_EQ(test, fake_done_count(late), 0);
	KUNIT_EXPECT_EQ(test, fake_doorbell(q, BM_QREG_SQ_TAIL), FAKE_UNTOUCHED);
}

/* It is the device's business no more; the others keep their places. */
static void aborted_while_parked_ends_at_once(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq[PARKED], *others[2];
	struct bm_queue *q = &fake->bm.queues[0];

	fake_stop(fake);
	park(test, fake, rq, PARKED);
	fake_untouch(q, BM_QREG_ABORT);
	bm_abort(rq[1]);
	expect_ended(test, rq[1], -ECANCELED);
	KUNIT_EXPECT_EQ(test, rq[1]->status, BM_ST_ABORTED);
	KUNIT_EXPECT_EQ(test, fake_doorbell(q, BM_QREG_ABORT), FAKE_UNTOUCHED);
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&fake->bm.abort_work));
	bm_abort(rq[1]);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq[1]), 1);

	fake_start_again(fake);
	others[0] = rq[0];
	others[1] = rq[2];
	expect_served(test, others, 2);
}

static void quiesced_queue_goes_on_with_what_it_has(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *before = fake_submit(fake), *rq[PARKED];
	struct bm_queue *q = before->queue;

	bm_queue_quiesce(q);
	park(test, fake, rq, PARKED);
	fake_poke32(fake, BM_QUEUE_PAGE(0) + BM_QREG_SQ_TAIL, 1);
	KUNIT_EXPECT_EQ(test, fake_serve(q), 1);
	KUNIT_EXPECT_EQ(test, bm_queue_irq(0, q), IRQ_HANDLED);
	expect_ended(test, before, 0);
	KUNIT_EXPECT_EQ(test, fake_doorbell(q, BM_QREG_CQ_HEAD), BM_CQ_HEAD_ARM | 1);

	fake_stop(fake);
	KUNIT_EXPECT_EQ(test, rq[0]->state, BM_RQ_PARKED);
	fake_start_again(fake);
	expect_served(test, rq, PARKED);
	KUNIT_EXPECT_EQ(test, fake_submit(fake)->state, BM_RQ_IN_FLIGHT);
}

/* The device has nothing to be blamed for. */
static void parked_is_never_overdue(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq[PARKED];
	bool busy = false;

	bm_queue_quiesce(&fake->bm.queues[0]);
	park(test, fake, rq, PARKED);
	fake_expire(rq[0]);
	KUNIT_EXPECT_FALSE(test, bm_queue_overdue(rq[0]->queue, &busy));
	KUNIT_EXPECT_FALSE(test, busy);
	fake_stop(fake);
	fake_start_again(fake);
	KUNIT_EXPECT_FALSE(test, bm_queue_overdue(rq[0]->queue, &busy));
	KUNIT_EXPECT_TRUE(test, busy);
	KUNIT_EXPECT_TRUE(test, fake_watch(fake));
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_TIMEOUT), 0);
}

/* A task submits to a stopped device, which starts before the task has no more. */
static void batch_that_was_parked_is_rung_by_the_start(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];
	struct bm_request *rq[PARKED];
	struct blk_plug plug;
	int i;

	fake_stop(fake);
	blk_start_plug(&plug);
	for (i = 0; i < PARKED; i++) {
		rq[i] = fake_request(fake);
		KUNIT_EXPECT_EQ(test, bm_submit(rq[i]), 0);
	}
	fake_start_again(fake);
	KUNIT_EXPECT_EQ(test, fake_submitted(q), PARKED);
	blk_finish_plug(&plug);
	KUNIT_EXPECT_EQ(test, q->stats.sq_doorbells, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake->users), 0);
	expect_served(test, rq, PARKED);
}

/**
 * struct syncer - a thread that waits for what was submitted before
 * @thread: itself
 * @ret: the result
 */
struct syncer {
	struct fake_thread thread;
	int ret;
};

static void syncer_syncs(struct fake_thread *thread)
{
	container_of(thread, struct syncer, thread)->ret = bm_io_sync(&thread->fake->bm);
}

/* It has seen what there is now when this returns. */
static struct syncer *syncer_start(struct kunit *test, struct fake *fake)
{
	struct syncer *syncer = kunit_kzalloc(test, sizeof(*syncer), GFP_KERNEL);
	unsigned long end = jiffies + PATIENCE;

	KUNIT_ASSERT_NOT_NULL(test, syncer);
	fake_thread_start(fake, &syncer->thread, syncer_syncs);
	while (!wq_has_sleeper(&fake->bm.idle) && time_before(jiffies, end))
		usleep_range(100, 500);
	KUNIT_EXPECT_TRUE(test, wq_has_sleeper(&fake->bm.idle));
	return syncer;
}

static void expect_syncing(struct kunit *test, struct syncer *syncer)
{
	msleep(A_WHILE_MS);
	KUNIT_EXPECT_FALSE(test, completion_done(&syncer->thread.done));
}

static void syncer_ends(struct kunit *test, struct syncer *syncer, int ret)
{
	KUNIT_ASSERT_TRUE(test, wait_for_completion_timeout(&syncer->thread.done, PATIENCE));
	KUNIT_EXPECT_EQ(test, syncer->ret, ret);
}

static void answer(struct bm_request *rq)
{
	fake_answer(rq->queue, le16_to_cpu(rq->sqe.tag), BM_ST_SUCCESS, 0);
	bm_queue_reap_all(rq->queue);
}

static void sync_of_nothing_does_not_wait(struct kunit *test)
{
	struct fake *fake = fake_start(test, 2, DEPTH);
	struct bm_request *rq = fake_submit(fake);

	fake_serve(rq->queue);
	bm_queue_reap_all(rq->queue);
	KUNIT_EXPECT_EQ(test, bm_io_sync(&fake->bm), 0);
}

static void sync_waits_for_what_was_before(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *first = fake_submit(fake), *second = fake_submit(fake), *after;
	struct bm_queue *q = first->queue;
	struct syncer *syncer = syncer_start(test, fake);
	int i;

	after = fake_submit(fake);
	for (i = 0; i < 3; i++)
		fake_fetch_tag(q);
	answer(second);
	expect_syncing(test, syncer);
	answer(first);
	syncer_ends(test, syncer, 0);
	KUNIT_EXPECT_EQ(test, fake_done_count(after), 0);
}

/* What came after has ended first, and does not stand for what was before. */
static void sync_does_not_take_one_for_the_other(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *before = fake_submit(fake), *after;
	struct syncer *syncer = syncer_start(test, fake);

	after = fake_submit(fake);
	fake_fetch_tag(before->queue);
	fake_fetch_tag(before->queue);
	answer(after);
	expect_syncing(test, syncer);
	answer(before);
	syncer_ends(test, syncer, 0);
}

static void sync_waits_for_all_queues(struct kunit *test)
{
	struct fake *fake = fake_start(test, 2, DEPTH);
	struct bm_request *rq[2];
	struct syncer *syncer;
	int i;

	for (i = 0; i < 2; i++) {
		rq[i] = bm_queue_lend(&fake->bm.queues[i]);
		KUNIT_ASSERT_NOT_NULL(test, rq[i]);
		bm_sqe_init(&rq[i]->sqe, BM_OP_NOP, 0);
		KUNIT_ASSERT_EQ(test, bm_request_submit(rq[i]), 0);
		fake_fetch_tag(rq[i]->queue);
	}
	syncer = syncer_start(test, fake);
	answer(rq[0]);
	expect_syncing(test, syncer);
	answer(rq[1]);
	syncer_ends(test, syncer, 0);
}

/* Parked is submitted, too: it is waited for over the start. */
static void sync_waits_for_what_is_parked(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq[PARKED], *after;
	struct syncer *syncer;
	int i;

	fake_stop(fake);
	park(test, fake, rq, PARKED);
	syncer = syncer_start(test, fake);
	after = fake_submit(fake);
	fake_start_again(fake);
	expect_syncing(test, syncer);
	for (i = 0; i <= PARKED; i++)
		fake_fetch_tag(after->queue);
	for (i = PARKED - 1; i > 0; i--)
		answer(rq[i]);
	expect_syncing(test, syncer);
	answer(rq[0]);
	syncer_ends(test, syncer, 0);
	KUNIT_EXPECT_EQ(test, fake_done_count(after), 0);
}

/* Whoever submitted is told that it failed, not who waits. */
static void sync_ends_with_a_reset(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);
	struct syncer *syncer = syncer_start(test, fake);

	bm_alarm_reset(&fake->bm, "a test wants it");
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	expect_ended(test, rq, -EIO);
	syncer_ends(test, syncer, 0);
}

static void sync_ends_when_the_device_dies(struct kunit *test)
{
	struct fake *fake = fake_create(test, 1, DEPTH);
	struct bm_request *rq[PARKED];
	struct syncer *syncer;

	park(test, fake, rq, PARKED);
	syncer = syncer_start(test, fake);
	fake_give_up(fake);
	syncer_ends(test, syncer, 0);
}

static void sync_can_be_killed(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);
	struct syncer *syncer = syncer_start(test, fake);

	send_sig(SIGKILL, syncer->thread.task, 1);
	syncer_ends(test, syncer, -EINTR);
	KUNIT_EXPECT_EQ(test, rq->state, BM_RQ_IN_FLIGHT);
}

/* Its watchdog had nothing to watch meanwhile, and has ended. */
static void start_after_a_long_stop_is_watched(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);

	fake_stop(fake);
	fake_submit(fake);
	KUNIT_EXPECT_TRUE(test, fake_watch(fake));
	KUNIT_EXPECT_FALSE(test, fake_watch(fake));
	fake_start_again(fake);
	KUNIT_EXPECT_TRUE(test, fake_watch(fake));
}

static struct kunit_case park_cases[] = {
	KUNIT_CASE(parked_goes_with_the_start_in_order),
	KUNIT_CASE(what_comes_later_is_behind),
	KUNIT_CASE(start_without_parked_rings_nothing),
	KUNIT_CASE(stop_leaves_the_parked),
	KUNIT_CASE(second_stop_ends_what_was_parked),
	KUNIT_CASE(parked_fails_when_the_device_dies),
	KUNIT_CASE(aborted_while_parked_ends_at_once),
	KUNIT_CASE(quiesced_queue_goes_on_with_what_it_has),
	KUNIT_CASE(parked_is_never_overdue),
	KUNIT_CASE(batch_that_was_parked_is_rung_by_the_start),
	KUNIT_CASE(start_after_a_long_stop_is_watched),
	KUNIT_CASE(sync_of_nothing_does_not_wait),
	KUNIT_CASE(sync_waits_for_what_was_before),
	KUNIT_CASE(sync_does_not_take_one_for_the_other),
	KUNIT_CASE(sync_waits_for_all_queues),
	KUNIT_CASE(sync_waits_for_what_is_parked),
	KUNIT_CASE(sync_ends_with_a_reset),
	KUNIT_CASE(sync_ends_when_the_device_dies),
	KUNIT_CASE(sync_can_be_killed),
	{}
};

static struct kunit_suite park_suite = {
	.name = "busmaster-park",
	.test_cases = park_cases,
};

kunit_test_suite(park_suite);
