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

#define NEARLY_MS 600 /* a second is how long a device may take to hear it */
#define REST_MS 500

static void ignored_abort_leads_to_a_reset(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake), *other = fake_submit(fake);

	fake_age(rq, 10 * MSEC_PER_SEC);
	bm_abort(rq);
	let_time_pass(fake);
	KUNIT_EXPECT_TRUE(test, rq->queue->running);
	fake_age(rq, NEARLY_MS);
	bm_abort(rq); /* to ask once more does not make it younger */
	let_time_pass(fake);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_TIMEOUT), 0);
	KUNIT_EXPECT_TRUE(test, rq->queue->running);
	fake_age(rq, REST_MS);
	let_time_pass(fake);
	KUNIT_EXPECT_FALSE(test, rq->queue->running);
	let_time_pass(fake);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_TIMEOUT), 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 0);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, rq->error, -EIO);
	KUNIT_EXPECT_EQ(test, other->error, -EIO);
	KUNIT_EXPECT_EQ(test, fake->stops, 1);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_TIMEOUT), 1);
}

/* A device that is busy with others has not ignored it. */
static void progress_gives_an_abort_more_time(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);
	struct bm_queue *q = rq->queue;
	int i;

	fake_fetch_tag(q);
	bm_abort(rq);
	for (i = 0; i < 5; i++) {
		struct bm_request *other = fake_submit(fake);

		fake_age(rq, NEARLY_MS);
		let_time_pass(fake);
		KUNIT_EXPECT_TRUE(test, q->running);
		fake_answer(q, fake_fetch_tag(q), BM_ST_SUCCESS, 0);
		KUNIT_ASSERT_EQ(test, bm_queue_reap_all(q), 1);
		bm_request_put(other);
	}
	let_time_pass(fake);
	KUNIT_EXPECT_TRUE(test, q->running);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_TIMEOUT), 0);
	fake_age(rq, NEARLY_MS + REST_MS);
	let_time_pass(fake);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_TIMEOUT), 1);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
}

/* Who has stopped it will end what is in flight. */
static void stopped_queue_ignores_nothing(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);

	bm_abort(rq);
	bm_queue_stop(rq->queue);
	fake_age(rq, 10 * MSEC_PER_SEC);
	let_time_pass(fake);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_TIMEOUT), 0);
	KUNIT_EXPECT_FALSE(test, fake_reset_requested(fake));
}

static bool is_fill(struct bm_request *rq, const void *what)
{
	lockdep_assert_held(&rq->queue->lock);
	KUNIT_EXPECT_NE(current->kunit_test, rq->state, BM_RQ_FREE);
	KUNIT_EXPECT_NE(current->kunit_test, rq->state, BM_RQ_HELD);
	return rq->sqe.opcode == BM_OP_FILL && rq->sqe.operand == *(const __le64 *)what;
}

static struct bm_request *fill(struct bm_queue *q, u64 operand)
{
	struct bm_request *rq = bm_queue_lend(q);

	bm_sqe_init(&rq->sqe, BM_OP_FILL, 1);
	rq->sqe.operand = cpu_to_le64(operand);
	rq->done = fake_done;
	return rq;
}

static void what_answers_a_description_is_aborted(struct kunit *test)
{
	struct fake *fake = fake_start(test, 2, DEPTH);
	struct bm_request *rq[2], *other[2], *held, *parked;
	__le64 what = cpu_to_le64(47);
	int i;

	for (i = 0; i < 2; i++) {
		rq[i] = fill(&fake->bm.queues[i], 47);
		other[i] = fill(&fake->bm.queues[i], 11);
		KUNIT_ASSERT_EQ(test, bm_request_submit(rq[i]), 0);
		KUNIT_ASSERT_EQ(test, bm_request_submit(other[i]), 0);
	}
	held = fill(&fake->bm.queues[0], 47);
	bm_queue_quiesce(&fake->bm.queues[1]);
	parked = fill(&fake->bm.queues[1], 47);
	KUNIT_ASSERT_EQ(test, bm_request_submit(parked), 0);

	bm_abort_where(&fake->bm, is_fill, &what);
	KUNIT_EXPECT_EQ(test, fake_done_count(parked), 1);
	KUNIT_EXPECT_EQ(test, parked->error, -ECANCELED);
	KUNIT_EXPECT_EQ(test, fake_done_count(held), 0);
	KUNIT_EXPECT_TRUE(test, delayed_work_pending(&fake->bm.abort_work));
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, asked(&fake->bm.queues[i]), le16_to_cpu(rq[i]->sqe.tag));
		KUNIT_EXPECT_TRUE(test, rq[i]->aborting);
		KUNIT_EXPECT_FALSE(test, other[i]->aborting);
	}
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
	KUNIT_CASE(ignored_abort_leads_to_a_reset),
	KUNIT_CASE(progress_gives_an_abort_more_time),
	KUNIT_CASE(stopped_queue_ignores_nothing),
	KUNIT_CASE(what_answers_a_description_is_aborted),
	KUNIT_CASE(nothing_is_asked_after_exit),
	{}
};

static struct kunit_suite abort_suite = {
	.name = "busmaster-abort",
	.test_cases = abort_cases,
};

kunit_test_suite(abort_suite);
