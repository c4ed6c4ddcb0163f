// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: how long a device may take: as long as it gets on.
 *
 * Time does not pass here: a test moves what happened into the past.
 */
#include <linux/completion.h>
#include <linux/jiffies.h>

#include "fake.h"

#define DEPTH 3
#define TIMEOUT_MS 60000 /* fake.c's */
#define NEARLY_MS (TIMEOUT_MS - 1000)
#define REST_MS 1500
#define OVERTAKEN (8 * DEPTH) /* as often a command may be, whatever its age */
#define PATIENCE (5 * HZ) /* less than the watchdog's period */

static bool overdue(struct bm_queue *q)
{
	bool busy = false;

	return bm_queue_overdue(q, &busy);
}

static bool busy(struct bm_queue *q)
{
	bool busy = false;

	bm_queue_overdue(q, &busy);
	return busy;
}

static void only_what_is_in_flight_is_overdue(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];
	struct bm_request *rq = fake_request(fake);

	KUNIT_EXPECT_FALSE(test, overdue(q));
	fake_expire(rq);
	KUNIT_EXPECT_FALSE(test, overdue(q));
	KUNIT_EXPECT_FALSE(test, busy(q));

	KUNIT_ASSERT_EQ(test, bm_request_submit(rq), 0);
	KUNIT_EXPECT_FALSE(test, overdue(q));
	KUNIT_EXPECT_TRUE(test, busy(q));
	fake_expire(rq);
	KUNIT_EXPECT_TRUE(test, overdue(q));

	fake_serve(q);
	KUNIT_ASSERT_EQ(test, bm_queue_reap_all(q), 1);
	fake_expire(rq);
	KUNIT_EXPECT_FALSE(test, overdue(q));
	KUNIT_EXPECT_FALSE(test, busy(q));
}

static void no_progress_for_the_timeout_is_overdue(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);

	KUNIT_ASSERT_EQ(test, bm_param_timeout_ms, TIMEOUT_MS);
	fake_age(rq, NEARLY_MS);
	KUNIT_EXPECT_FALSE(test, overdue(rq->queue));
	fake_age(rq, REST_MS);
	KUNIT_EXPECT_TRUE(test, overdue(rq->queue));
}

/* However old the others are: who stands in line has not been forgotten. */
static void progress_keeps_from_being_overdue(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *last = fake_submit(fake);
	struct bm_queue *q = last->queue;
	int i;

	fake_fetch_tag(q);
	for (i = 0; i < 5; i++) {
		struct bm_request *rq = fake_submit(fake);

		fake_age(last, NEARLY_MS);
		KUNIT_EXPECT_FALSE(test, overdue(q));
		fake_answer(q, fake_fetch_tag(q), BM_ST_SUCCESS, 0);
		KUNIT_ASSERT_EQ(test, bm_queue_reap_all(q), 1);
		bm_request_put(rq);
	}
	KUNIT_EXPECT_TRUE(test, fake_watch(fake));
	KUNIT_EXPECT_FALSE(test, fake_reset_requested(fake));
	fake_expire(last);
	KUNIT_EXPECT_TRUE(test, overdue(q));
}

/* The device has done nothing for it that more is asked of it; nor by lying. */
static void more_work_is_no_progress(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);

	fake_age(rq, NEARLY_MS);
	fake_submit(fake);
	fake_answer(rq->queue, BM_TAG_NONE, BM_ST_SUCCESS, 0);
	bm_queue_reap_all(rq->queue);
	fake_age(rq, REST_MS);
	KUNIT_EXPECT_TRUE(test, overdue(rq->queue));
}

/* That the device was idle is no lack of progress. */
static void idle_time_does_not_count(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);

	fake_serve(rq->queue);
	bm_queue_reap_all(rq->queue);
	fake_expire(rq);
	fake_submit(fake);
	KUNIT_EXPECT_FALSE(test, overdue(rq->queue));
}

static void overtake(struct kunit *test, struct fake *fake, unsigned int times)
{
	while (times--) {
		struct bm_request *rq = fake_submit(fake);

		fake_answer(rq->queue, fake_fetch_tag(rq->queue), BM_ST_SUCCESS, 0);
		KUNIT_ASSERT_EQ(test, bm_queue_reap_all(rq->queue), 1);
		bm_request_put(rq);
	}
}

static void forgotten_command_is_found_in_a_busy_queue(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq;
	struct bm_queue *q;

	overtake(test, fake, 100);
	rq = fake_submit(fake);
	q = rq->queue;
	fake_fetch_tag(q);
	fake_expire(rq);
	overtake(test, fake, OVERTAKEN);
	KUNIT_EXPECT_FALSE(test, overdue(q));
	overtake(test, fake, 1);
	KUNIT_EXPECT_TRUE(test, overdue(q));
	KUNIT_EXPECT_TRUE(test, fake_watch(fake));
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_TIMEOUT), 1);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_LOST_IRQ), 0);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, rq->error, -EIO);
}

/* A short command overtakes a long one as often as it likes, for as long as a time-out. */
static void overtaken_command_has_its_time(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);

	fake_fetch_tag(rq->queue);
	overtake(test, fake, 3 * OVERTAKEN);
	fake_age(rq, NEARLY_MS);
	KUNIT_EXPECT_FALSE(test, overdue(rq->queue));
	overtake(test, fake, 1);
	fake_age(rq, REST_MS);
	KUNIT_EXPECT_TRUE(test, overdue(rq->queue));
}

/* The kernel has disabled its vector: the watchdog takes its place, before anything is overdue. */
static void deaf_queue_is_polled(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);

	fake_serve(rq->queue);
	KUNIT_ASSERT_TRUE(test, fake_watch(fake));
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 0);
	KUNIT_EXPECT_FALSE(test, fake->bm.deaf);
	fake->queue[0].deaf = true;
	KUNIT_ASSERT_TRUE(test, fake_watch(fake));
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
	KUNIT_EXPECT_EQ(test, rq->error, 0);
	KUNIT_EXPECT_TRUE(test, fake->bm.deaf);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_LOST_IRQ), 0);
	KUNIT_EXPECT_FALSE(test, fake_reset_requested(fake));
}

/* Often: those who wait do not wait for as long as the watchdog else does. */
static void deaf_queue_is_polled_often(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *busy = fake_submit(fake), *rq;
	struct bm_queue *q = busy->queue;
	int i;

	fake_fetch_tag(q);
	fake->queue[0].deaf = true;
	KUNIT_ASSERT_TRUE(test, fake_watch(fake));
	for (i = 0; i < 3; i++) {
		rq = fake_request(fake);
		rq->done = bm_request_wake;
		KUNIT_ASSERT_EQ(test, bm_request_submit(rq), 0);
		fake_answer(q, fake_fetch_tag(q), BM_ST_SUCCESS, 0);
		KUNIT_ASSERT_TRUE(test, wait_for_completion_timeout(&rq->waiter, PATIENCE));
		bm_request_put(rq);
	}
	KUNIT_EXPECT_FALSE(test, fake_reset_requested(fake));
}

static struct kunit_case progress_cases[] = {
	KUNIT_CASE(only_what_is_in_flight_is_overdue),
	KUNIT_CASE(no_progress_for_the_timeout_is_overdue),
	KUNIT_CASE(progress_keeps_from_being_overdue),
	KUNIT_CASE(more_work_is_no_progress),
	KUNIT_CASE(idle_time_does_not_count),
	KUNIT_CASE(forgotten_command_is_found_in_a_busy_queue),
	KUNIT_CASE(overtaken_command_has_its_time),
	KUNIT_CASE(deaf_queue_is_polled),
	KUNIT_CASE(deaf_queue_is_polled_often),
	{}
};

static struct kunit_suite progress_suite = {
	.name = "busmaster-progress",
	.test_cases = progress_cases,
};

kunit_test_suite(progress_suite);
