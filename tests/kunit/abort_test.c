// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: commands that are to end early, and a device that does not hear it at once.
 */
#include <linux/workqueue.h>

#include "fake.h"

#define DEPTH 3

/* The tag that the device was last asked to abort; forgotten by this look. */
static u32 asked(struct bm_queue *q)
{
	u32 tag = fake_doorbell(q, BM_QREG_ABORT);

	fake_untouch(q, BM_QREG_ABORT);
	return tag;
}

/* As if the time had passed after which the device is asked again, if it is to be. */
static void let_time_pass(struct fake *fake)
{
	flush_delayed_work(&fake->bm.abort_work);
}

static void device_is_asked_until_the_command_ends(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);
	u16 tag = fake_fetch_tag(rq->queue);
	int i;

	fake_untouch(rq->queue, BM_QREG_ABORT);
	bm_abort(rq);
	KUNIT_EXPECT_EQ(test, asked(rq->queue), tag);
	for (i = 0; i < 3; i++) {
		let_time_pass(fake);
		KUNIT_EXPECT_EQ(test, asked(rq->queue), tag);
	}
	fake_answer(rq->queue, tag, BM_ST_ABORTED, 0);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(rq->queue), 1);
	KUNIT_EXPECT_EQ(test, rq->error, -ECANCELED);
	let_time_pass(fake);
	KUNIT_EXPECT_EQ(test, asked(rq->queue), FAKE_UNTOUCHED);
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&fake->bm.abort_work));
}

static void others_are_left_alone(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *other = fake_submit(fake), *rq = fake_submit(fake);
	struct bm_queue *q = rq->queue;
	u16 tag;

	fake_fetch_tag(q);
	tag = fake_fetch_tag(q);
	bm_abort(rq);
	fake_untouch(q, BM_QREG_ABORT);
	let_time_pass(fake);
	KUNIT_EXPECT_EQ(test, asked(q), tag);
	fake_answer(q, tag, BM_ST_ABORTED, 0);
	bm_queue_reap_all(q);
	let_time_pass(fake);
	KUNIT_EXPECT_EQ(test, asked(q), FAKE_UNTOUCHED);
	KUNIT_EXPECT_EQ(test, fake_done_count(other), 0);
}

/* The next use of the request is another command. */
static void next_use_is_not_aborted(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, 1);
	struct bm_request *rq = fake_submit(fake);

	bm_abort(rq);
	fake_serve(rq->queue);
	bm_queue_reap_all(rq->queue);
	bm_request_put(rq);
	KUNIT_ASSERT_PTR_EQ(test, fake_submit(fake), rq);
	fake_untouch(rq->queue, BM_QREG_ABORT);
	let_time_pass(fake);
	KUNIT_EXPECT_EQ(test, asked(rq->queue), FAKE_UNTOUCHED);
}

static void nothing_is_asked_of_what_has_ended(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);

	fake_serve(rq->queue);
	bm_queue_reap_all(rq->queue);
	fake_untouch(rq->queue, BM_QREG_ABORT);
	bm_abort(rq);
	KUNIT_EXPECT_EQ(test, asked(rq->queue), FAKE_UNTOUCHED);
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&fake->bm.abort_work));
}

/* Its registers may not be there. */
static void nothing_is_asked_of_a_stopped_queue(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);

	bm_abort(rq);
	bm_queue_stop(rq->queue);
	fake_untouch(rq->queue, BM_QREG_ABORT);
	bm_abort(rq);
	let_time_pass(fake);
	KUNIT_EXPECT_EQ(test, asked(rq->queue), FAKE_UNTOUCHED);
	bm_queue_fail_all(rq->queue, -EIO);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
}

static void nothing_is_asked_after_exit(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);

	bm_abort(fake_submit(fake));
	KUNIT_EXPECT_TRUE(test, delayed_work_pending(&fake->bm.abort_work));
	bm_abort_exit(&fake->bm);
	KUNIT_EXPECT_FALSE(test, work_busy(&fake->bm.abort_work.work));
}

static struct kunit_case abort_cases[] = {
	KUNIT_CASE(device_is_asked_until_the_command_ends),
	KUNIT_CASE(others_are_left_alone),
	KUNIT_CASE(next_use_is_not_aborted),
	KUNIT_CASE(nothing_is_asked_of_what_has_ended),
	KUNIT_CASE(nothing_is_asked_of_a_stopped_queue),
	KUNIT_CASE(nothing_is_asked_after_exit),
	{}
};

static struct kunit_suite abort_suite = {
	.name = "busmaster-abort",
	.test_cases = abort_cases,
};

kunit_test_suite(abort_suite);
