// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: no interrupt takes for ever: the budget, the handler and its thread.
 */
#include <linux/interrupt.h>

#include "fake.h"

/* The doorbell as the driver last wrote it. */
static u32 cq_doorbell(struct bm_queue *q)
{
	return fake_doorbell(q, BM_QREG_CQ_HEAD);
}

static bool is_armed(struct bm_queue *q)
{
	return cq_doorbell(q) & BM_CQ_HEAD_ARM;
}

/* Have @n commands completed that the driver has not seen yet. */
static struct bm_queue *completed(struct kunit *test, struct fake *fake, unsigned int n)
{
	struct bm_queue *q = &fake->bm.queues[0];
	unsigned int i;

	for (i = 0; i < n; i++)
		fake_submit(fake);
	KUNIT_ASSERT_EQ(test, fake_serve(q), n);
	return q;
}

static void put_all(struct bm_queue *q)
{
	unsigned int i;

	for (i = 0; i < q->depth; i++)
		if (q->requests[i].state == BM_RQ_HELD)
			bm_request_put(&q->requests[i]);
}

struct budget_param {
	const char *name;
	unsigned int completed;
	unsigned int budget;
	unsigned int taken;
	bool armed;
};

static const struct budget_param budget_params[] = {
	{ "nothing", 0, 5, 0, true },
	{ "less than the budget", 4, 5, 4, true },
	{ "just the budget", 5, 5, 5, false },
	{ "more than the budget", 6, 5, 5, false },
	{ "a budget of one", 6, 1, 1, false },
};

KUNIT_ARRAY_PARAM_DESC(budget, budget_params, name);

/* What is left is taken, and the queue armed, by who comes next. */
static void reap_stops_at_its_budget(struct kunit *test)
{
	const struct budget_param *param = test->param_value;
	struct fake *fake = fake_start(test, 1, 7);
	struct bm_queue *q = completed(test, fake, param->completed);

	KUNIT_EXPECT_EQ(test, bm_queue_reap(q, param->budget), param->taken);
	KUNIT_EXPECT_EQ(test, q->stats.completions, param->taken);
	KUNIT_EXPECT_EQ(test, cq_doorbell(q),
			param->taken | (param->armed ? BM_CQ_HEAD_ARM : 0));
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), param->completed - param->taken);
	KUNIT_EXPECT_EQ(test, q->stats.completions, param->completed);
	KUNIT_EXPECT_EQ(test, cq_doorbell(q), BM_CQ_HEAD_ARM | param->completed);
}

static void drain_takes_a_full_ring(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, FAKE_DEPTH - 1);
	struct bm_queue *q = completed(test, fake, FAKE_DEPTH - 1);

	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), FAKE_DEPTH - 1);
	KUNIT_EXPECT_TRUE(test, is_armed(q));
}

/* However many there are: the handler has them all, and arms; or calls the thread for that. */
static void interrupt_takes_all_or_calls_its_thread(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, FAKE_DEPTH);
	unsigned int called = 0, n;

	for (n = 0; n <= FAKE_DEPTH; n++) {
		struct bm_queue *q = completed(test, fake, n);
		u64 before = q->stats.completions;
		irqreturn_t ret;

		fake_untouch(q, BM_QREG_CQ_HEAD);
		ret = bm_queue_irq(0, q);
		KUNIT_ASSERT_EQ(test, is_armed(q), ret != IRQ_WAKE_THREAD);
		if (ret != IRQ_WAKE_THREAD) {
			KUNIT_ASSERT_EQ(test, ret, n ? IRQ_HANDLED : IRQ_NONE);
			KUNIT_ASSERT_EQ(test, q->stats.completions - before, n);
		} else {
			called++;
			KUNIT_ASSERT_EQ(test, ret, IRQ_WAKE_THREAD);
			KUNIT_ASSERT_EQ(test, bm_queue_thread(0, q), IRQ_HANDLED);
		}
		KUNIT_ASSERT_EQ(test, q->stats.completions - before, n);
		KUNIT_ASSERT_TRUE(test, is_armed(q));
		KUNIT_ASSERT_EQ(test, q->stats.interrupts, n + 1);
		put_all(q);
	}
	KUNIT_EXPECT_GT(test, called, 0);
	KUNIT_EXPECT_LT(test, called, FAKE_DEPTH);
}

/* One more lie at each look, for as long as it takes to call that endless. */
static void flood(struct bm_queue *q)
{
	struct fake *fake = container_of(q->bm, struct fake, bm);

	if (fake->pops < 10 * q->cq.entries)
		fake_answer(q, BM_TAG_NONE, BM_ST_SUCCESS, 0);
}

static void flood_ends_in_the_handler_and_in_the_thread(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, FAKE_DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];
	unsigned int first;

	fake->before_pop = flood;
	KUNIT_EXPECT_EQ(test, bm_queue_irq(0, q), IRQ_WAKE_THREAD);
	first = fake->pops;
	KUNIT_EXPECT_LT(test, first, q->cq.entries);
	KUNIT_EXPECT_EQ(test, bm_queue_thread(0, q), IRQ_HANDLED);
	fake->before_pop = NULL;
	KUNIT_EXPECT_LE(test, fake->pops, first + q->cq.entries);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
}

static struct kunit_case budget_cases[] = {
	KUNIT_CASE_PARAM(reap_stops_at_its_budget, budget_gen_params),
	KUNIT_CASE(drain_takes_a_full_ring),
	KUNIT_CASE(interrupt_takes_all_or_calls_its_thread),
	KUNIT_CASE(flood_ends_in_the_handler_and_in_the_thread),
	{}
};

static struct kunit_suite budget_suite = {
	.name = "busmaster-budget",
	.test_cases = budget_cases,
};

kunit_test_suite(budget_suite);
