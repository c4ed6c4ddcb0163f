// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: shadow doorbells: the registers are written when the device asks for
 * it, and not otherwise, and no completion is forgotten between a look and the arming.
 */
#include <linux/bitfield.h>
#include <linux/interrupt.h>

#include "fake.h"

#define DEPTH 7 /* rings of 8 */
#define ENTRIES 8
#define AWAKE ENTRIES /* an event that is no index: the device needs no wake-up */

static const struct fake_shape shadow_shape = {
	.queues = 1,
	.depth = DEPTH,
	.features = BM_FEAT_SHADOW,
};

static struct bm_queue *shadow_start(struct kunit *test)
{
	struct fake *fake = fake_start_as(test, &shadow_shape);

	KUNIT_ASSERT_NOT_NULL(test, fake->bm.queues[0].shadow);
	return &fake->bm.queues[0];
}

static u32 shadow_arms(struct bm_queue *q)
{
	return FIELD_GET(BM_SHADOW_ARM, le32_to_cpu(q->shadow->cq_head));
}

static u32 shadow_head(struct bm_queue *q)
{
	return FIELD_GET(BM_SHADOW_HEAD, le32_to_cpu(q->shadow->cq_head));
}

struct use_param {
	const char *name;
	u32 features;
	bool wanted;
	bool used;
};

static const struct use_param use_params[] = {
	{ "offered and wanted", BM_FEAT_SHADOW, true, true },
	{ "offered, not wanted", BM_FEAT_SHADOW, false, false },
	{ "wanted, not offered", ~BM_FEAT_SHADOW, true, false },
};

KUNIT_ARRAY_PARAM_DESC(use, use_params, name);

static void shadow_that_is(struct kunit *test)
{
	const struct use_param *param = test->param_value;
	struct fake *fake = fake_create(test, 0, 0);
	struct bm_queue q = {};

	bm_param_shadow = param->wanted;
	fake->bm.caps.features = param->features;
	bm_queue_init(&q, &fake->bm, 1);
	KUNIT_ASSERT_EQ(test, bm_queue_alloc(&q, DEPTH), 0);
	fake_queue_reset(&q);
	KUNIT_EXPECT_EQ(test, bm_hw_queue_enable(&q), 0);
	KUNIT_EXPECT_EQ(test, !!q.shadow, param->used);
	KUNIT_EXPECT_EQ(test, q.shadow_dma % BM_SHADOW_ALIGN, 0);
	KUNIT_EXPECT_EQ(test, fake_peek64(fake, BM_QUEUE_PAGE(1) + BM_QREG_SHADOW),
			param->used ? q.shadow_dma : 0);
	bm_queue_free(&q);
}

/* Whatever was there before. */
static void start_clears_the_shadow_and_arms(struct kunit *test)
{
	struct fake *fake = fake_create_as(test, &shadow_shape);
	struct bm_queue *q = &fake->bm.queues[0];
	struct bm_hw_shadow clear = { .cq_event = cpu_to_le32(BM_EVENT_NONE) };

	memset(q->shadow, 0xff, sizeof(*q->shadow));
	q->cq.arms = 99;
	fake_queue_reset(q);
	fake_untouch(q, BM_QREG_CQ_HEAD);
	KUNIT_ASSERT_EQ(test, bm_queue_start(q), 0);
	clear.cq_head = cpu_to_le32(FIELD_PREP(BM_SHADOW_ARM, 1));
	KUNIT_EXPECT_MEMEQ(test, (u8 *)q->shadow, (u8 *)&clear, sizeof(clear));
	KUNIT_EXPECT_EQ(test, fake_doorbell(q, BM_QREG_CQ_HEAD), FAKE_UNTOUCHED);
}

/* Events of all kinds: all indices, and what a device could only write by mistake. */
static const u32 events[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 0x10002, 0x80000000, BM_EVENT_NONE };

static bool on_the_way(u32 event, u32 from, u32 to)
{
	for (; from != to; from = (from + 1) % ENTRIES)
		if (from == event)
			return true;
	return false;
}

static void ring_sq(struct bm_queue *q, u32 event, u32 from, u32 to)
{
	spin_lock_irq(&q->lock);
	q->sq.rung = from;
	q->sq.tail = to;
	q->shadow->sq_event = cpu_to_le32(event);
	fake_untouch(q, BM_QREG_SQ_TAIL);
	bm_hw_ring_sq(q);
	spin_unlock_irq(&q->lock);
}

static void tail_is_rung_if_its_event_is_passed(struct kunit *test)
{
	struct bm_queue *q = shadow_start(test);
	u32 from, to, rung = 0, i;

	for (from = 0; from < ENTRIES; from++) {
		for (to = 0; to < ENTRIES; to++) {
			for (i = 0; i < ARRAY_SIZE(events); i++) {
				bool wake = on_the_way(events[i], from, to);

				ring_sq(q, events[i], from, to);
				rung += wake;
				KUNIT_ASSERT_EQ(test, le32_to_cpu(q->shadow->sq_tail), to);
				KUNIT_ASSERT_EQ(test, fake_doorbell(q, BM_QREG_SQ_TAIL),
						wake ? to : FAKE_UNTOUCHED);
				KUNIT_ASSERT_EQ(test, q->stats.sq_doorbells, rung);
				KUNIT_ASSERT_EQ(test, q->sq.rung, to);
			}
		}
	}
}

static void ring_cq(struct bm_queue *q, u32 event, u32 from, u32 to, bool arm)
{
	spin_lock_irq(&q->lock);
	q->cq.rung = from;
	q->cq.head = to;
	q->shadow->cq_head = cpu_to_le32(FIELD_PREP(BM_SHADOW_HEAD, from) |
					 FIELD_PREP(BM_SHADOW_ARM, q->cq.arms));
	q->shadow->cq_event = cpu_to_le32(event);
	fake_untouch(q, BM_QREG_CQ_HEAD);
	bm_hw_ring_cq(q, arm);
	spin_unlock_irq(&q->lock);
}

static void head_is_rung_if_its_event_is_passed(struct kunit *test)
{
	struct bm_queue *q = shadow_start(test);
	u32 from, to, rung = 0, i;

	for (from = 0; from < ENTRIES; from++) {
		for (to = 0; to < ENTRIES; to++) {
			for (i = 0; i < 2 * ARRAY_SIZE(events); i++) {
				bool wake = on_the_way(events[i / 2], from, to);
				u32 arm = i % 2 ? BM_CQ_HEAD_ARM : 0;

				ring_cq(q, events[i / 2], from, to, arm);
				rung += wake;
				KUNIT_ASSERT_EQ(test, shadow_head(q), to);
				KUNIT_ASSERT_EQ(test, fake_doorbell(q, BM_QREG_CQ_HEAD),
						wake ? arm | to : FAKE_UNTOUCHED);
				KUNIT_ASSERT_EQ(test, q->stats.cq_doorbells, rung);
				KUNIT_ASSERT_EQ(test, q->cq.rung, to);
			}
		}
	}
}

/* More than the 16 bits that count the armings: each is a change. */
static void arming_is_a_new_number(struct kunit *test)
{
	struct bm_queue *q = shadow_start(test);
	u32 before = shadow_arms(q), i;

	for (i = 0; i < 0x10003; i++) {
		ring_cq(q, BM_EVENT_NONE, 0, i % ENTRIES, false);
		KUNIT_ASSERT_EQ(test, shadow_arms(q), before);
		ring_cq(q, BM_EVENT_NONE, 0, i % ENTRIES, true);
		before = (before + 1) % 0x10000;
		KUNIT_ASSERT_EQ(test, shadow_arms(q), before);
		KUNIT_ASSERT_EQ(test, shadow_head(q), i % ENTRIES);
	}
}

/* One command after the other, for more than a lap. */
static void awake_device_is_not_rung(struct kunit *test)
{
	struct bm_queue *q = shadow_start(test);
	struct fake *fake = container_of(q->bm, struct fake, bm);
	int i;

	q->shadow->sq_event = cpu_to_le32(AWAKE);
	fake_untouch(q, BM_QREG_SQ_TAIL);
	fake_untouch(q, BM_QREG_CQ_HEAD);
	for (i = 0; i < 3 * ENTRIES; i++) {
		struct bm_request *rq = fake_submit(fake);

		KUNIT_ASSERT_EQ(test, fake_serve(q), 1);
		KUNIT_ASSERT_EQ(test, bm_queue_reap_all(q), 1);
		KUNIT_ASSERT_EQ(test, shadow_head(q), (i + 1) % ENTRIES);
		bm_request_put(rq);
	}
	KUNIT_EXPECT_EQ(test, fake_doorbell(q, BM_QREG_SQ_TAIL), FAKE_UNTOUCHED);
	KUNIT_EXPECT_EQ(test, fake_doorbell(q, BM_QREG_CQ_HEAD), FAKE_UNTOUCHED);
	KUNIT_EXPECT_EQ(test, q->stats.sq_doorbells, 0);
	KUNIT_EXPECT_EQ(test, q->stats.cq_doorbells, 0);
}

/* It sleeps where it has fetched up to: the first command wakes it, the others do not. */
static void sleeping_device_is_rung_once(struct kunit *test)
{
	struct bm_queue *q = shadow_start(test);
	struct fake *fake = container_of(q->bm, struct fake, bm);
	struct bm_request *rq[3];
	int lap, i;

	for (lap = 1; lap <= 2 * ENTRIES; lap++) {
		q->shadow->sq_event = cpu_to_le32(fake->queue[0].fetched);
		for (i = 0; i < 3; i++)
			rq[i] = fake_submit(fake);
		KUNIT_ASSERT_EQ(test, q->stats.sq_doorbells, lap);
		KUNIT_ASSERT_EQ(test, fake_serve(q), 3);
		KUNIT_ASSERT_EQ(test, bm_queue_reap_all(q), 3);
		for (i = 0; i < 3; i++)
			bm_request_put(rq[i]);
	}
}

/* The device completes all that it has, once. */
static void serve_once(struct bm_queue *q)
{
	struct fake *fake = container_of(q->bm, struct fake, bm);

	fake->when_dry = NULL;
	fake->before_dry = NULL;
	fake_serve(q);
}

static void completion_before_the_arming_is_taken(struct kunit *test)
{
	struct bm_queue *q = shadow_start(test);
	struct fake *fake = container_of(q->bm, struct fake, bm);
	struct bm_request *rq = fake_submit(fake);
	u32 before = shadow_arms(q);

	fake->when_dry = serve_once;
	KUNIT_EXPECT_EQ(test, bm_queue_irq(0, q), IRQ_HANDLED);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
	KUNIT_EXPECT_EQ(test, shadow_head(q), 1);
	KUNIT_EXPECT_NE(test, shadow_arms(q), before);
}

/* And so is one that comes just after: the device may not have seen that it is armed. */
static void completion_at_the_arming_is_taken(struct kunit *test)
{
	struct bm_queue *q = shadow_start(test);
	struct fake *fake = container_of(q->bm, struct fake, bm);
	struct bm_request *rq = fake_submit(fake);

	fake->before_dry = serve_once;
	KUNIT_EXPECT_EQ(test, bm_queue_irq(0, q), IRQ_HANDLED);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
	KUNIT_EXPECT_EQ(test, shadow_head(q), 1);
}

/* Also where the head woke the device up, whose ring had been full. */
static void look_again_comes_after_the_register_too(struct kunit *test)
{
	struct bm_queue *q = shadow_start(test);
	struct fake *fake = container_of(q->bm, struct fake, bm);
	struct bm_request *first = fake_submit(fake), *second = fake_submit(fake);

	fake_answer(q, fake_fetch_tag(q), BM_ST_SUCCESS, 0);
	q->shadow->cq_event = 0;
	fake->when_dry = serve_once;
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 2);
	KUNIT_EXPECT_EQ(test, fake_done_count(first), 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(second), 1);
	KUNIT_EXPECT_EQ(test, q->stats.cq_doorbells, 1);
}

static u32 arms_when_looked;

static void look_at_arms(struct bm_queue *q)
{
	arms_when_looked = shadow_arms(q);
}

static void look_again_comes_after_the_arming(struct kunit *test)
{
	struct bm_queue *q = shadow_start(test);
	struct fake *fake = container_of(q->bm, struct fake, bm);
	u32 before = shadow_arms(q);

	fake->before_dry = look_at_arms;
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 0);
	KUNIT_EXPECT_EQ(test, arms_when_looked, before + 1);
	KUNIT_EXPECT_EQ(test, shadow_arms(q), before + 1);
}

/* An armed vector that is told by the register is raised at once: one look is enough. */
static void register_needs_no_look_again(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);
	struct bm_queue *q = rq->queue;

	fake->when_dry = serve_once;
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 0);
	KUNIT_EXPECT_EQ(test, fake_doorbell(q, BM_QREG_CQ_HEAD), BM_CQ_HEAD_ARM);
	KUNIT_EXPECT_EQ(test, bm_queue_irq(0, q), IRQ_HANDLED);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
}

/* A device that always has two more: each look takes them, but no more than the budget. */
static void serve_two(struct bm_queue *q)
{
	struct bm_hw_sqe sqe;
	int i;

	for (i = 0; i < 2 && fake_fetch(q, &sqe); i++)
		fake_answer(q, le16_to_cpu(sqe.tag), BM_ST_SUCCESS, 0);
}

static void looking_again_stays_within_the_budget(struct kunit *test)
{
	struct bm_queue *q = shadow_start(test);
	struct fake *fake = container_of(q->bm, struct fake, bm);
	int i;

	for (i = 0; i < DEPTH; i++)
		fake_submit(fake);
	fake->when_dry = serve_two;
	KUNIT_EXPECT_EQ(test, bm_queue_reap(q, 3), 3);
	KUNIT_EXPECT_EQ(test, q->stats.completions, 3);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), DEPTH - 3);
	KUNIT_EXPECT_EQ(test, q->stats.completions, DEPTH);
}

static void shadow_of_a_fenced_queue_stays(struct kunit *test)
{
	struct bm_queue *q = shadow_start(test);
	struct fake *fake = container_of(q->bm, struct fake, bm);
	struct bm_request *rq = fake_submit(fake);
	u32 before = le32_to_cpu(q->shadow->cq_head);

	fake_serve(q);
	bm_queue_stop(q);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(q->shadow->cq_head), before);
}

static struct kunit_case shadow_cases[] = {
	KUNIT_CASE_PARAM(shadow_that_is, use_gen_params),
	KUNIT_CASE(start_clears_the_shadow_and_arms),
	KUNIT_CASE(tail_is_rung_if_its_event_is_passed),
	KUNIT_CASE(head_is_rung_if_its_event_is_passed),
	KUNIT_CASE(arming_is_a_new_number),
	KUNIT_CASE(awake_device_is_not_rung),
	KUNIT_CASE(sleeping_device_is_rung_once),
	KUNIT_CASE(completion_before_the_arming_is_taken),
	KUNIT_CASE(completion_at_the_arming_is_taken),
	KUNIT_CASE(look_again_comes_after_the_register_too),
	KUNIT_CASE(look_again_comes_after_the_arming),
	KUNIT_CASE(register_needs_no_look_again),
	KUNIT_CASE(looking_again_stays_within_the_budget),
	KUNIT_CASE(shadow_of_a_fenced_queue_stays),
	{}
};

static struct kunit_suite shadow_suite = {
	.name = "busmaster-shadow",
	.test_cases = shadow_cases,
};

kunit_test_suite(shadow_suite);
