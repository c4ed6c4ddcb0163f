// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: interrupts for nothing: which are, and which only seem so.
 */
#include <linux/interrupt.h>

#include "fake.h"

#define DEPTH 7

static void submit_and_serve(struct fake *fake)
{
	struct bm_request *rq = fake_submit(fake);

	KUNIT_ASSERT_EQ(fake->test, fake_serve(rq->queue), 1);
}

/* An interrupt; it must be called spurious, or not, and the kernel be told so. */
static void expect_irq(struct kunit *test, struct bm_queue *q, bool spurious)
{
	struct fake *fake = container_of(q->bm, struct fake, bm);
	s64 before = fake_errors(fake, BM_ERR_SPURIOUS_IRQ);

	KUNIT_EXPECT_EQ(test, bm_queue_irq(0, q), spurious ? IRQ_NONE : IRQ_HANDLED);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_SPURIOUS_IRQ), before + spurious);
}

static void interrupt_for_nothing_is_counted(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];
	int i;

	for (i = 0; i < 3; i++)
		expect_irq(test, q, true);
	for (i = 0; i < 3; i++) {
		submit_and_serve(fake);
		expect_irq(test, q, false);
		expect_irq(test, q, true);
		expect_irq(test, q, true);
	}
	KUNIT_EXPECT_EQ(test, q->stats.completions, 3);
	KUNIT_EXPECT_EQ(test, q->stats.interrupts, 12);
}

/* And it is no reason to do anything. */
static void interrupt_for_nothing_changes_nothing(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];

	expect_irq(test, q, true);
	KUNIT_EXPECT_TRUE(test, q->running);
	KUNIT_EXPECT_TRUE(test, fake_doorbell(q, BM_QREG_CQ_HEAD) & BM_CQ_HEAD_ARM);
	KUNIT_EXPECT_FALSE(test, fake_reset_requested(fake));
	submit_and_serve(fake);
	expect_irq(test, q, false);
	KUNIT_EXPECT_EQ(test, q->stats.completions, 1);
}

/* Who polls was quicker than the interrupt that was raised. */
static void interrupt_that_comes_late_is_none(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];

	submit_and_serve(fake);
	KUNIT_ASSERT_EQ(test, bm_queue_reap(q, DEPTH), 1);
	expect_irq(test, q, false);
	expect_irq(test, q, true);
}

/* It was armed again, and what came then was taken by the former interrupt's handler. */
static void interrupt_after_another_is_none(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];

	submit_and_serve(fake);
	KUNIT_ASSERT_EQ(test, bm_queue_reap(q, DEPTH), 1);
	submit_and_serve(fake);
	expect_irq(test, q, false);
	expect_irq(test, q, false);
	expect_irq(test, q, true);
}

/* Answers while the driver arms, so that it finds that when it looks once more. */
static void answer_at_arming(struct bm_queue *q)
{
	struct fake *fake = container_of(q->bm, struct fake, bm);

	fake->before_dry = NULL;
	fake_serve(q);
}

static void interrupt_for_what_was_seen_at_arming_is_none(struct kunit *test)
{
	struct fake_shape shape = { .queues = 1, .depth = DEPTH, .features = BM_FEAT_SHADOW };
	struct fake *fake = fake_start_as(test, &shape);
	struct bm_queue *q = &fake->bm.queues[0];

	submit_and_serve(fake);
	fake_submit(fake);
	fake->before_dry = answer_at_arming;
	expect_irq(test, q, false);
	KUNIT_EXPECT_EQ(test, q->stats.completions, 2);
	expect_irq(test, q, false);
	expect_irq(test, q, true);
}

/* What the watchdog calls lost will not come. If it does, it is one too many. */
static void lost_interrupt_excuses_no_other(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);

	fake_serve(rq->queue);
	fake_expire(rq);
	fake_watch(fake);
	KUNIT_ASSERT_EQ(test, fake_errors(fake, BM_ERR_LOST_IRQ), 1);
	expect_irq(test, rq->queue, true);
}

static void reset_excuses_nothing(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];

	submit_and_serve(fake);
	KUNIT_ASSERT_EQ(test, bm_queue_reap(q, DEPTH), 1);
	bm_alarm_reset(&fake->bm, "a test wants it");
	KUNIT_ASSERT_TRUE(test, fake_reset_requested(fake));
	expect_irq(test, q, true);
}

static struct kunit_case irq_cases[] = {
	KUNIT_CASE(interrupt_for_nothing_is_counted),
	KUNIT_CASE(interrupt_for_nothing_changes_nothing),
	KUNIT_CASE(interrupt_that_comes_late_is_none),
	KUNIT_CASE(interrupt_after_another_is_none),
	KUNIT_CASE(interrupt_for_what_was_seen_at_arming_is_none),
	KUNIT_CASE(lost_interrupt_excuses_no_other),
	KUNIT_CASE(reset_excuses_nothing),
	{}
};

static struct kunit_suite irq_suite = {
	.name = "busmaster-irq",
	.test_cases = irq_cases,
};

kunit_test_suite(irq_suite);
