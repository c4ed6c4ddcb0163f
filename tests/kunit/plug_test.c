// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: one doorbell a batch: what a task submits while it is plugged.
 */
#include <linux/blkdev.h>
#include <linux/sched.h>

#include "fake.h"
#include "prepare.h"

#define DEPTH 7 /* rings of 8 */

/* Borrow a request and submit it, with those that follow. */
static struct bm_request *plug_submit(struct fake *fake)
{
	struct bm_request *rq = fake_request(fake);

	KUNIT_EXPECT_EQ(fake->test, bm_submit(rq), 0);
	return rq;
}

/* All CPUs submit to this queue now: the test need not be moved, which would unplug it. */
static void use_queue(struct fake *fake, u8 queue)
{
	memset(fake->bm.queue_of, queue, nr_cpu_ids);
}

static void expect_rung(struct kunit *test, struct bm_queue *q, u32 tail, u64 doorbells)
{
	KUNIT_EXPECT_EQ(test, fake_doorbell(q, BM_QREG_SQ_TAIL), tail);
	KUNIT_EXPECT_EQ(test, q->stats.sq_doorbells, doorbells);
}

static void unplugged_task_rings_each_time(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	u32 i;

	for (i = 1; i <= DEPTH; i++) {
		plug_submit(fake);
		expect_rung(test, &fake->bm.queues[0], i, i);
		KUNIT_EXPECT_EQ(test, atomic_read(&fake->users), 0);
	}
}

static void batch_rings_once(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];
	struct bm_request *rq[5];
	struct blk_plug plug;
	int i;

	blk_start_plug(&plug);
	for (i = 0; i < 5; i++) {
		rq[i] = plug_submit(fake);
		expect_rung(test, q, 0, 0);
		KUNIT_EXPECT_EQ(test, atomic_read(&fake->users), 1);
	}
	blk_finish_plug(&plug);
	expect_rung(test, q, 5, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake->users), 0);
	KUNIT_EXPECT_EQ(test, q->stats.commands, 5);
	KUNIT_EXPECT_EQ(test, fake_serve(q), 5);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 5);
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, fake_done_count(rq[i]), 1);
}

static void shadow_tail_follows_once_too(struct kunit *test)
{
	struct fake_shape shape = { .queues = 1, .depth = DEPTH, .features = BM_FEAT_SHADOW };
	struct fake *fake = fake_start_as(test, &shape);
	struct bm_queue *q = &fake->bm.queues[0];
	struct blk_plug plug;

	blk_start_plug(&plug);
	plug_submit(fake);
	plug_submit(fake);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(q->shadow->sq_tail), 0);
	blk_finish_plug(&plug);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(q->shadow->sq_tail), 2);
	expect_rung(test, q, 2, 1);
}

static void each_queue_of_a_batch_is_rung(struct kunit *test)
{
	struct fake *fake = fake_start(test, 3, DEPTH);
	struct blk_plug plug;
	int i;

	blk_start_plug(&plug);
	for (i = 0; i < 6; i++) {
		use_queue(fake, i % 2);
		plug_submit(fake);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&fake->users), 2);
	blk_finish_plug(&plug);
	expect_rung(test, &fake->bm.queues[0], 3, 1);
	expect_rung(test, &fake->bm.queues[1], 3, 1);
	expect_rung(test, &fake->bm.queues[2], 0, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake->users), 0);
}

/* Whoever goes to sleep may sleep for ever: what it has submitted must not wait for it. */
static void sleeper_rings_before_it_sleeps(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];
	struct blk_plug plug;

	blk_start_plug(&plug);
	plug_submit(fake);
	plug_submit(fake);
	schedule_timeout_uninterruptible(1);
	expect_rung(test, q, 2, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake->users), 0);
	plug_submit(fake);
	expect_rung(test, q, 2, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake->users), 1);
	blk_finish_plug(&plug);
	expect_rung(test, q, 3, 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake->users), 0);
}

static void doorbell_in_between_is_the_last(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];
	struct blk_plug plug;

	blk_start_plug(&plug);
	plug_submit(fake);
	plug_submit(fake);
	fake_submit(fake);
	expect_rung(test, q, 3, 1);
	blk_finish_plug(&plug);
	expect_rung(test, q, 3, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake->users), 0);
}

static void stopped_queue_is_not_rung(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];
	struct bm_request *rq, *late;
	struct blk_plug plug;

	blk_start_plug(&plug);
	rq = plug_submit(fake);
	late = fake_request(fake);
	bm_queue_stop(q);
	KUNIT_EXPECT_EQ(test, bm_queue_fail_all(q, -EIO), 1);
	KUNIT_EXPECT_EQ(test, bm_submit(late), 0);
	fake_untouch(q, BM_QREG_SQ_TAIL);
	blk_finish_plug(&plug);
	expect_rung(test, q, FAKE_UNTOUCHED, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake->users), 0);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(late), 0);
	KUNIT_EXPECT_EQ(test, late->state, BM_RQ_PARKED);
}

/* done() comes all the same, and the doorbell does not. */
static void dead_device_takes_nothing(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];
	struct bm_request *late;
	struct blk_plug plug;

	blk_start_plug(&plug);
	late = fake_request(fake);
	fake_give_up(fake);
	KUNIT_EXPECT_EQ(test, bm_submit(late), -ENODEV);
	fake_untouch(q, BM_QREG_SQ_TAIL);
	blk_finish_plug(&plug);
	expect_rung(test, q, FAKE_UNTOUCHED, 0);
	KUNIT_EXPECT_EQ(test, fake_done_count(late), 1);
	KUNIT_EXPECT_EQ(test, late->error, -ENODEV);
}

/* Stopped and started again meanwhile: of the new ring nothing is to be told. */
static void restarted_queue_is_not_rung(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];
	struct bm_request *rq;
	struct blk_plug plug;

	blk_start_plug(&plug);
	rq = plug_submit(fake);
	bm_queue_stop(q);
	KUNIT_EXPECT_EQ(test, bm_queue_fail_all(q, -EIO), 1);
	fake_queue_reset(q);
	KUNIT_EXPECT_EQ(test, bm_queue_start(q), 0);
	fake_untouch(q, BM_QREG_SQ_TAIL);
	blk_finish_plug(&plug);
	expect_rung(test, q, FAKE_UNTOUCHED, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake->users), 0);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
}

static struct kunit_case plug_cases[] = {
	KUNIT_CASE(unplugged_task_rings_each_time),
	KUNIT_CASE(batch_rings_once),
	KUNIT_CASE(shadow_tail_follows_once_too),
	KUNIT_CASE(each_queue_of_a_batch_is_rung),
	KUNIT_CASE(sleeper_rings_before_it_sleeps),
	KUNIT_CASE(doorbell_in_between_is_the_last),
	KUNIT_CASE(stopped_queue_is_not_rung),
	KUNIT_CASE(dead_device_takes_nothing),
	KUNIT_CASE(restarted_queue_is_not_rung),
	{}
};

static struct kunit_suite plug_suite = {
	.name = "busmaster-plug",
	.test_cases = plug_cases,
};

kunit_test_suite(plug_suite);
