// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: what refused DMA leads to, by each fault policy.
 */
#include <linux/pid.h>
#include <linux/sched.h>

#include "fake.h"
#include "prepare.h"

#define DEPTH 3

struct policy_param {
	const char *name;
	enum bm_fault_policy policy;
	enum bm_status status;
	bool plugged; /* submitted by a process */
	bool reset;
	bool kill;
};

static const struct policy_param policy_params[] = {
	{ "log, read", BM_FAULT_LOG, BM_ST_DMA_READ_FAULT, true },
	{ "log, write", BM_FAULT_LOG, BM_ST_DMA_WRITE_FAULT, true },
	{ "reset, read", BM_FAULT_RESET, BM_ST_DMA_READ_FAULT, true, .reset = true },
	{ "reset, write", BM_FAULT_RESET, BM_ST_DMA_WRITE_FAULT, true, .reset = true },
	{ "kill, read", BM_FAULT_KILL, BM_ST_DMA_READ_FAULT, true, .reset = true, .kill = true },
	{ "kill, write", BM_FAULT_KILL, BM_ST_DMA_WRITE_FAULT, true, .reset = true, .kill = true },
	{ "kill, nobody's", BM_FAULT_KILL, BM_ST_DMA_READ_FAULT, false, .reset = true },
	{ "kill, but another error", BM_FAULT_KILL, BM_ST_BAD_RANGE, true },
	{ "kill, but no error", BM_FAULT_KILL, BM_ST_SUCCESS, true },
};

KUNIT_ARRAY_PARAM_DESC(policy, policy_params, name);

static struct bm_request *fault_request(struct fake *fake)
{
	struct bm_request *rq = fake_request(fake);

	bm_sqe_init(&rq->sqe, BM_OP_COPY, 4096);
	return rq;
}

/* KUnit's thread is the kernel's; but as one that works for a process it answers for it. */
static int submit_for_process(struct bm_request *rq)
{
	unsigned int kthread = current->flags & PF_KTHREAD;
	int err;

	current->flags &= ~kthread;
	err = bm_submit(rq);
	current->flags |= kthread;
	return err;
}

static void refused_dma_is_dealt_with_by_policy(struct kunit *test)
{
	const struct policy_param *param = test->param_value;
	bool fault = param->status == BM_ST_DMA_READ_FAULT ||
		     param->status == BM_ST_DMA_WRITE_FAULT;
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *other = fake_submit(fake), *rq = fault_request(fake);
	struct bm_queue *q = rq->queue;
	u16 tag;

	fake->bm.fault_policy = param->policy;
	KUNIT_ASSERT_EQ(test, 0, param->plugged ? submit_for_process(rq) : bm_request_submit(rq));
	fake_fetch_tag(q);
	tag = fake_fetch_tag(q);
	fake_answer(q, tag, param->status, fault ? 0xfee1dead000ull : 0);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 1);
	KUNIT_EXPECT_EQ(test, rq->error, bm_status_errno(param->status));
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_DMA_FAULT), fault);
	KUNIT_EXPECT_PTR_EQ(test, fake_killed, param->kill ? task_tgid(current) : NULL);
	KUNIT_EXPECT_NULL(test, rq->owner);
	KUNIT_EXPECT_EQ(test, fake_reset_requested(fake), param->reset);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(other), param->reset);
}

/* Of several in one ring the first has the device reset, which ends the others. */
static void one_reset_serves_many_faults(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];
	struct bm_request *rq[DEPTH];
	int i;

	fake->bm.fault_policy = BM_FAULT_RESET;
	for (i = 0; i < DEPTH; i++) {
		rq[i] = fault_request(fake);
		KUNIT_ASSERT_EQ(test, bm_request_submit(rq[i]), 0);
		fake_answer(q, fake_fetch_tag(q), BM_ST_DMA_READ_FAULT, i);
	}
	KUNIT_EXPECT_EQ(test, bm_queue_reap(q, 1), 1);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_FALSE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, fake->starts, 1);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_DMA_FAULT), DEPTH);
	for (i = 0; i < DEPTH; i++)
		KUNIT_EXPECT_EQ(test, fake_done_count(rq[i]), 1);
}

/* Where nobody may be killed, nobody is remembered; else not for longer than needed. */
static void owner_is_remembered_only_in_flight(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fault_request(fake);
	unsigned int refs = refcount_read(&task_tgid(current)->count);

	KUNIT_ASSERT_EQ(test, submit_for_process(rq), 0);
	KUNIT_EXPECT_NULL(test, rq->owner);
	fake_serve(rq->queue);
	KUNIT_ASSERT_EQ(test, bm_queue_reap_all(rq->queue), 1);

	fake->bm.fault_policy = BM_FAULT_KILL;
	KUNIT_ASSERT_EQ(test, bm_submit(rq), 0);
	KUNIT_EXPECT_NULL(test, rq->owner);
	fake_serve(rq->queue);
	KUNIT_ASSERT_EQ(test, bm_queue_reap_all(rq->queue), 1);

	KUNIT_ASSERT_EQ(test, submit_for_process(rq), 0);
	KUNIT_EXPECT_PTR_EQ(test, rq->owner, task_tgid(current));
	KUNIT_EXPECT_EQ(test, refcount_read(&task_tgid(current)->count), refs + 1);
	bm_alarm_reset(&fake->bm, "a test wants it");
	KUNIT_ASSERT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_NULL(test, rq->owner);
	KUNIT_EXPECT_NULL(test, fake_killed);

	fake_give_up(fake);
	KUNIT_EXPECT_EQ(test, submit_for_process(rq), -ENODEV);
	KUNIT_EXPECT_NULL(test, rq->owner);
	KUNIT_EXPECT_EQ(test, refcount_read(&task_tgid(current)->count), refs);
}

static ssize_t store(struct fake *fake, const char *text)
{
	return dev_attr_fault_policy.store(&fake->bm.dev, &dev_attr_fault_policy, text,
					   strlen(text));
}

struct name_param {
	const char *name;
	int policy;
};

static const struct name_param name_params[] = {
	{ "log", BM_FAULT_LOG },
	{ "reset", BM_FAULT_RESET },
	{ "kill", BM_FAULT_KILL },
	{ "log\n", BM_FAULT_LOG },
	{ "", -EINVAL },
	{ "lo", -EINVAL },
	{ "logs", -EINVAL },
	{ "Kill", -EINVAL },
	{ "0", -EINVAL },
};

static void policy_has_a_name(struct kunit *test)
{
	struct fake *fake = fake_create(test, 0, 0);
	char *text = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, text);
	for (i = 0; i < ARRAY_SIZE(name_params); i++) {
		const struct name_param *param = &name_params[i];
		bool valid = param->policy >= 0;

		fake->bm.fault_policy = BM_FAULT_KILL;
		KUNIT_EXPECT_EQ(test, store(fake, param->name),
				valid ? strlen(param->name) : -EINVAL);
		KUNIT_EXPECT_EQ(test, fake->bm.fault_policy, valid ? param->policy : BM_FAULT_KILL);
	}
	KUNIT_EXPECT_EQ(test, store(fake, "reset\n"), 6);
	KUNIT_EXPECT_EQ(test, 6, dev_attr_fault_policy.show(&fake->bm.dev, &dev_attr_fault_policy,
							    text));
	KUNIT_EXPECT_STREQ(test, text, "reset\n");
}

static struct kunit_case fault_cases[] = {
	KUNIT_CASE_PARAM(refused_dma_is_dealt_with_by_policy, policy_gen_params),
	KUNIT_CASE(one_reset_serves_many_faults),
	KUNIT_CASE(owner_is_remembered_only_in_flight),
	KUNIT_CASE(policy_has_a_name),
	{}
};

static struct kunit_suite fault_suite = {
	.name = "busmaster-fault",
	.test_cases = fault_cases,
};

kunit_test_suite(fault_suite);
