// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: submit and complete, against a device that tells the truth.
 */
#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <linux/sched.h>

#include "fake.h"

#define DEPTH 7 /* rings of 8 */
#define LAPS 40 /* more than there are generations */

struct depth_param {
	const char *name;
	unsigned int depth;
	u32 entries;
};

static const struct depth_param depth_params[] = {
	{ "depth 1", 1, 2 },
	{ "depth 2", 2, 4 },
	{ "depth 3", 3, 4 },
	{ "depth 4", 4, 8 },
	{ "depth 100", 100, 128 },
	{ "depth 127", 127, 128 },
	{ "depth 128", 128, 256 },
};

KUNIT_ARRAY_PARAM_DESC(depth, depth_params, name);

static void rings_have_room_for_all_requests(struct kunit *test)
{
	const struct depth_param *param = test->param_value;
	struct fake *fake = fake_start(test, 1, param->depth);
	struct bm_queue *q = &fake->bm.queues[0];
	unsigned int i;

	KUNIT_EXPECT_EQ(test, q->depth, param->depth);
	KUNIT_EXPECT_EQ(test, q->sq.entries, param->entries);
	KUNIT_EXPECT_EQ(test, q->cq.entries, param->entries);
	KUNIT_EXPECT_EQ(test, q->sq.dma % BM_RING_ALIGN, 0);
	KUNIT_EXPECT_EQ(test, q->cq.dma % BM_RING_ALIGN, 0);
	for (i = 0; i < param->depth; i++)
		fake_submit(fake);
	KUNIT_EXPECT_EQ(test, fake_submitted(q), param->depth);
	KUNIT_EXPECT_EQ(test, fake_serve(q), param->depth);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), param->depth);
	KUNIT_EXPECT_FALSE(test, fake_reset_requested(fake));
}

/* As when a device does not get ready: its queues are torn down all the same. */
static void a_queue_that_never_ran_has_nothing_to_reap(struct kunit *test)
{
	struct fake *fake = fake_create(test, 1, DEPTH);

	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(&fake->bm.queues[0]), 0);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_TAG_FREE), 0);
	KUNIT_EXPECT_FALSE(test, fake_reset_requested(fake));
}

static void start_clears_the_ring_and_arms(struct kunit *test)
{
	struct fake *fake = fake_create(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];

	fake_queue_reset(q);
	memset(q->cq.ring, 0xff, q->cq.entries * sizeof(*q->cq.ring));
	KUNIT_ASSERT_EQ(test, bm_queue_start(q), 0);
	KUNIT_EXPECT_EQ(test, fake_doorbell(q, BM_QREG_CQ_HEAD), BM_CQ_HEAD_ARM);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 0);
	KUNIT_EXPECT_EQ(test, q->stats.bad_completions, 0);
}

static void start_fails_with_its_hardware(struct kunit *test)
{
	struct fake *fake = fake_create(test, 1, DEPTH);

	fake_poke64(fake, BM_REG_ID, 0);
	KUNIT_EXPECT_EQ(test, bm_queue_start(&fake->bm.queues[0]), -ENODEV);
	KUNIT_EXPECT_FALSE(test, fake->bm.queues[0].running);
}

static void submission_arrives_unchanged(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_request(fake);
	struct bm_hw_sqe sqe;

	bm_sqe_init(&rq->sqe, BM_OP_FILL, 4096);
	rq->sqe.operand = cpu_to_le64(0x1122334455667788ull);
	bm_ptr_local(&rq->sqe.dst, SZ_1M);
	KUNIT_ASSERT_EQ(test, bm_request_submit(rq), 0);
	KUNIT_ASSERT_TRUE(test, fake_fetch(rq->queue, &sqe));
	KUNIT_EXPECT_MEMEQ(test, (u8 *)&sqe, (u8 *)&rq->sqe, sizeof(sqe));
	KUNIT_EXPECT_EQ(test, le16_to_cpu(sqe.tag), bm_tag(rq->index, rq->gen));
}

static void doorbell_follows_the_tail(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];
	unsigned int i;

	for (i = 1; i <= 3 * (DEPTH + 1); i++) {
		struct bm_request *rq = fake_submit(fake);

		KUNIT_ASSERT_EQ(test, fake_doorbell(q, BM_QREG_SQ_TAIL), i % (DEPTH + 1));
		KUNIT_ASSERT_EQ(test, fake_serve(q), 1);
		KUNIT_ASSERT_EQ(test, bm_queue_reap_all(q), 1);
		KUNIT_ASSERT_EQ(test, fake_doorbell(q, BM_QREG_CQ_HEAD),
				BM_CQ_HEAD_ARM | i % (DEPTH + 1));
		bm_request_put(rq);
	}
}

static void done_comes_once_with_the_result(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];
	struct bm_request *rq = fake_submit(fake);

	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 0);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 0);
	KUNIT_EXPECT_EQ(test, fake_serve(q), 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 0);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
	KUNIT_EXPECT_EQ(test, rq->error, 0);
	KUNIT_EXPECT_EQ(test, rq->status, BM_ST_SUCCESS);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 0);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
}

/* Each step is coprime to the depth, and so gives an order of its own. */
static void completions_come_in_any_order(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];
	struct bm_request *rq[DEPTH];
	unsigned int step, i;
	u16 tags[DEPTH];

	for (step = 1; step < DEPTH; step++) {
		for (i = 0; i < DEPTH; i++)
			rq[i] = fake_submit(fake);
		for (i = 0; i < DEPTH; i++)
			tags[i] = fake_fetch_tag(q);
		for (i = 0; i < DEPTH; i++) {
			fake_answer(q, tags[i * step % DEPTH], BM_ST_SUCCESS, 0);
			KUNIT_ASSERT_EQ(test, bm_queue_reap_all(q), 1);
			KUNIT_ASSERT_EQ(test, fake_done_count(rq[i * step % DEPTH]), step);
		}
		for (i = 0; i < DEPTH; i++)
			bm_request_put(rq[i]);
	}
	KUNIT_EXPECT_EQ(test, q->stats.bad_completions, 0);
}

static void generation_changes_with_each_use(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, 1);
	struct bm_queue *q = &fake->bm.queues[0];
	u16 tag, before = BM_TAG_NONE;
	struct bm_request *rq;
	int i;

	for (i = 0; i < LAPS; i++) {
		rq = fake_submit(fake);
		tag = fake_fetch_tag(q);
		KUNIT_ASSERT_EQ(test, bm_tag_index(tag), 0);
		if (i)
			KUNIT_ASSERT_EQ(test, bm_tag_gen(tag), (bm_tag_gen(before) + 1) % 16);
		before = tag;
		fake_answer(q, tag, BM_ST_SUCCESS, 0);
		KUNIT_ASSERT_EQ(test, bm_queue_reap_all(q), 1);
		bm_request_put(rq);
	}
	KUNIT_EXPECT_EQ(test, q->stats.completions, LAPS);
	KUNIT_EXPECT_EQ(test, q->stats.bad_completions, 0);
}

struct result_param {
	const char *name;
	enum bm_op op;
	enum bm_status status;
	u64 info;
	int error;
	u64 faults;
};

static const struct result_param result_params[] = {
	{ "checksum", BM_OP_CRC32C, BM_ST_SUCCESS, 0xdeadbeef, 0, 0 },
	{ "miscompare", BM_OP_COMPARE, BM_ST_MISCOMPARE, 99, 0, 0 },
	{ "refused submission", BM_OP_COPY, BM_ST_BAD_RANGE, 0, -EINVAL, 0 },
	{ "read fault", BM_OP_COPY, BM_ST_DMA_READ_FAULT, 0xffff0000, -EIO, 1 },
	{ "write fault", BM_OP_COPY, BM_ST_DMA_WRITE_FAULT, U64_MAX, -EIO, 1 },
	{ "abort", BM_OP_COPY, BM_ST_ABORTED, 0, -ECANCELED, 0 },
};

KUNIT_ARRAY_PARAM_DESC(result, result_params, name);

static void request_carries_the_result(struct kunit *test)
{
	const struct result_param *param = test->param_value;
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = bm_request_get(&fake->bm, false, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, rq);
	bm_sqe_init(&rq->sqe, param->op, 100);
	KUNIT_ASSERT_EQ(test, bm_request_submit(rq), 0);
	if (param->status == BM_ST_ABORTED)
		fake_answer_aborted(rq->queue, fake_fetch_tag(rq->queue));
	else
		fake_answer(rq->queue, fake_fetch_tag(rq->queue), param->status, param->info);
	KUNIT_ASSERT_EQ(test, bm_queue_reap_all(rq->queue), 1);
	KUNIT_EXPECT_EQ(test, fake_wait(rq), param->error);
	KUNIT_EXPECT_EQ(test, rq->status, param->status);
	KUNIT_EXPECT_EQ(test, rq->info, param->info);
	KUNIT_EXPECT_EQ(test, rq->queue->stats.commands, 1);
	KUNIT_EXPECT_EQ(test, rq->queue->stats.completions, 1);
	KUNIT_EXPECT_EQ(test, rq->queue->stats.failures, !!param->error);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_DMA_FAULT), param->faults);
	KUNIT_EXPECT_FALSE(test, fake_reset_requested(fake));
}

static void get_does_not_wait_when_told_so(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, 2);
	struct bm_request *a = fake_request(fake), *b = fake_request(fake);

	KUNIT_EXPECT_PTR_NE(test, a, b);
	KUNIT_EXPECT_EQ(test, PTR_ERR(bm_request_get(&fake->bm, false, 0)), -EAGAIN);
	KUNIT_EXPECT_EQ(test, PTR_ERR(bm_request_get(&fake->bm, false, 1)), -ETIMEDOUT);
	KUNIT_EXPECT_FALSE(test, bm_request_ready(&fake->bm));
	bm_request_put(a);
	KUNIT_EXPECT_TRUE(test, bm_request_ready(&fake->bm));
	KUNIT_EXPECT_PTR_EQ(test, bm_request_get(&fake->bm, false, 0), a);
}

/* Who must not wait takes what another CPU's queue has; but no channel's. */
static void get_takes_from_another_queue_before_it_gives_up(struct kunit *test)
{
	struct fake_shape shape = { .queues = 2, .channels = 1, .polled = 1, .depth = 2 };
	struct fake *fake = fake_start_as(test, &shape);
	unsigned int lent[4] = {}, i;

	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_TRUE(test, bm_request_ready(&fake->bm));
		lent[fake_request(fake)->queue->id]++;
	}
	KUNIT_EXPECT_EQ(test, lent[0], 2);
	KUNIT_EXPECT_EQ(test, lent[1], 2);
	KUNIT_EXPECT_FALSE(test, bm_request_ready(&fake->bm));
	KUNIT_EXPECT_EQ(test, PTR_ERR(bm_request_get(&fake->bm, false, 0)), -EAGAIN);
	bm_request_put(&fake->bm.queues[1].requests[1]);
	KUNIT_EXPECT_TRUE(test, bm_request_ready(&fake->bm));
	KUNIT_EXPECT_PTR_EQ(test, fake_request(fake), &fake->bm.queues[1].requests[1]);
}

/* One that would poll is given one that interrupts, rather than nothing. */
static void get_takes_from_another_kind_of_queue_too(struct kunit *test)
{
	struct fake_shape shape = { .queues = 1, .polled = 1, .depth = 1 };
	struct fake *fake = fake_start_as(test, &shape);
	unsigned int i;

	for (i = 2; i > 0; i--) {
		struct bm_request *rq = bm_request_get(&fake->bm, true, 0);

		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, rq);
		KUNIT_EXPECT_EQ(test, rq->queue->id, i - 1);
	}
	KUNIT_EXPECT_EQ(test, PTR_ERR(bm_request_get(&fake->bm, true, 0)), -EAGAIN);
}

static void get_finds_something_on_a_stopped_device(struct kunit *test)
{
	struct fake *fake = fake_create(test, 1, 2);

	fake_request(fake);
	KUNIT_EXPECT_NOT_NULL(test, bm_queue_lend(&fake->bm.queues[0]));
	KUNIT_EXPECT_NULL(test, bm_queue_lend(&fake->bm.queues[0]));
	fake->bm.state = BM_DEAD;
	KUNIT_EXPECT_EQ(test, PTR_ERR(bm_request_get(&fake->bm, false, 0)), -ENODEV);
	KUNIT_EXPECT_EQ(test, PTR_ERR(bm_request_get(&fake->bm, false, HZ)), -ENODEV);
}

/* The map decides, whatever it says. */
static void get_uses_the_queue_of_its_cpu(struct kunit *test)
{
	struct fake *fake = fake_start(test, FAKE_QUEUES, 1);
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		struct bm_request *rq;

		KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(cpu)), 0);
		fake->bm.queue_of[cpu] = (cpu + 2) % FAKE_QUEUES;
		rq = fake_submit(fake);
		KUNIT_EXPECT_EQ(test, rq->queue->id, (cpu + 2) % FAKE_QUEUES);
		KUNIT_EXPECT_EQ(test, fake_serve(rq->queue), 1);
		KUNIT_EXPECT_EQ(test, bm_queue_reap_all(rq->queue), 1);
		bm_request_put(rq);
	}
}

static void reap_of_a_fenced_queue_rings_no_doorbell(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);
	u32 before = fake_doorbell(rq->queue, BM_QREG_CQ_HEAD);

	fake_serve(rq->queue);
	bm_queue_stop(rq->queue);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(rq->queue), 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
	KUNIT_EXPECT_EQ(test, rq->error, 0);
	KUNIT_EXPECT_EQ(test, fake_doorbell(rq->queue, BM_QREG_CQ_HEAD), before);
}

static void fail_all_ends_only_what_is_in_flight(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];
	struct bm_request *put = fake_submit(fake), *ended = fake_submit(fake);
	struct bm_request *in_flight, *held;

	fake_serve(q);
	KUNIT_ASSERT_EQ(test, bm_queue_reap_all(q), 2);
	in_flight = fake_submit(fake);
	held = fake_request(fake);
	bm_request_put(put);

	bm_queue_stop(q);
	KUNIT_EXPECT_EQ(test, bm_queue_fail_all(q, -EIO), 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(in_flight), 1);
	KUNIT_EXPECT_EQ(test, in_flight->error, -EIO);
	KUNIT_EXPECT_EQ(test, fake_done_count(held), 0);
	KUNIT_EXPECT_EQ(test, fake_done_count(ended), 1);
	KUNIT_EXPECT_EQ(test, ended->error, 0);
	KUNIT_EXPECT_EQ(test, fake_done_count(put), 1);
	KUNIT_EXPECT_EQ(test, bm_queue_fail_all(q, -EIO), 0);
	KUNIT_EXPECT_EQ(test, fake_done_count(in_flight), 1);
}

/* Deadlocks, and lockdep says so, if done() were called with the queue locked. */
static void done_puts_and_submits_again(struct bm_request *rq)
{
	fake_done(rq);
	if (fake_done_count(rq) > 1)
		return;
	bm_request_put(rq);
	rq = bm_request_get(rq->queue->bm, false, 0);
	if (IS_ERR(rq))
		return;
	rq->done = done_puts_and_submits_again;
	bm_request_submit(rq);
}

static void done_may_submit_again(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, 1);
	struct bm_request *rq = fake_request(fake);

	rq->done = done_puts_and_submits_again;
	KUNIT_ASSERT_EQ(test, bm_request_submit(rq), 0);
	KUNIT_EXPECT_EQ(test, fake_serve(rq->queue), 1);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(rq->queue), 1);
	KUNIT_EXPECT_EQ(test, fake_serve(rq->queue), 1);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(rq->queue), 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 2);
}

static void interrupt_reaps_and_arms(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);
	struct bm_queue *q = rq->queue;

	fake_serve(q);
	fake_poke32(fake, BM_QUEUE_PAGE(0) + BM_QREG_CQ_HEAD, 0);
	KUNIT_EXPECT_EQ(test, bm_queue_irq(0, q), IRQ_HANDLED);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
	KUNIT_EXPECT_EQ(test, fake_doorbell(q, BM_QREG_CQ_HEAD), BM_CQ_HEAD_ARM | 1);
	fake_poke32(fake, BM_QUEUE_PAGE(0) + BM_QREG_CQ_HEAD, 0);
	KUNIT_EXPECT_EQ(test, bm_queue_irq(0, q), IRQ_NONE);
	KUNIT_EXPECT_EQ(test, fake_doorbell(q, BM_QREG_CQ_HEAD), BM_CQ_HEAD_ARM | 1);
}

static struct kunit_case queue_cases[] = {
	KUNIT_CASE_PARAM(rings_have_room_for_all_requests, depth_gen_params),
	KUNIT_CASE(a_queue_that_never_ran_has_nothing_to_reap),
	KUNIT_CASE(start_clears_the_ring_and_arms),
	KUNIT_CASE(start_fails_with_its_hardware),
	KUNIT_CASE(submission_arrives_unchanged),
	KUNIT_CASE(doorbell_follows_the_tail),
	KUNIT_CASE(done_comes_once_with_the_result),
	KUNIT_CASE(completions_come_in_any_order),
	KUNIT_CASE(generation_changes_with_each_use),
	KUNIT_CASE_PARAM(request_carries_the_result, result_gen_params),
	KUNIT_CASE(get_does_not_wait_when_told_so),
	KUNIT_CASE(get_takes_from_another_queue_before_it_gives_up),
	KUNIT_CASE(get_takes_from_another_kind_of_queue_too),
	KUNIT_CASE(get_finds_something_on_a_stopped_device),
	KUNIT_CASE(get_uses_the_queue_of_its_cpu),
	KUNIT_CASE(reap_of_a_fenced_queue_rings_no_doorbell),
	KUNIT_CASE(fail_all_ends_only_what_is_in_flight),
	KUNIT_CASE(done_may_submit_again),
	KUNIT_CASE(interrupt_reaps_and_arms),
	{}
};

static struct kunit_suite queue_suite = {
	.name = "busmaster-queue",
	.test_cases = queue_cases,
};

kunit_test_suite(queue_suite);
