// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: polled queues: no interrupt is asked for, and completions are taken by
 * who looks for them.
 */
#include <linux/bitfield.h>
#include <linux/cpumask.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/uio.h>

#include "fake.h"

#define DEPTH 3

/* Queues 0 and 1 interrupt, 2 and 3 are polled. */
static struct fake *poll_start(struct kunit *test, u32 features)
{
	struct fake_shape shape = {
		.queues = 2,
		.polled = 2,
		.depth = DEPTH,
		.features = features,
	};

	return fake_start_as(test, &shape);
}

static struct bm_request *poll_submit(struct fake *fake)
{
	struct bm_request *rq = bm_request_get(&fake->bm, true, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(fake->test, rq);
	bm_sqe_init(&rq->sqe, BM_OP_NOP, 0);
	rq->done = fake_done;
	KUNIT_ASSERT_EQ(fake->test, bm_request_submit(rq), 0);
	return rq;
}

static void request_comes_from_a_queue_of_its_kind(struct kunit *test)
{
	struct fake *fake = poll_start(test, 0);
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		struct bm_request *rq;

		KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(cpu)), 0);
		rq = bm_request_get(&fake->bm, true, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, rq);
		KUNIT_EXPECT_EQ(test, rq->queue->id, 2 + cpu % 2);
		bm_request_put(rq);
		rq = bm_request_get(&fake->bm, false, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, rq);
		KUNIT_EXPECT_EQ(test, rq->queue->id, cpu % 2);
		bm_request_put(rq);
	}
}

static void without_polled_queues_another_serves(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = poll_submit(fake);

	KUNIT_EXPECT_EQ(test, rq->queue->id, 0);
	KUNIT_EXPECT_EQ(test, fake_serve(rq->queue), 1);
	KUNIT_EXPECT_EQ(test, bm_queue_reap(rq->queue, DEPTH), 1);
	KUNIT_EXPECT_TRUE(test, fake_doorbell(rq->queue, BM_QREG_CQ_HEAD) & BM_CQ_HEAD_ARM);
}

static void polled_queue_is_never_armed(struct kunit *test)
{
	struct fake *fake = poll_start(test, 0);
	struct bm_request *rq = poll_submit(fake);
	struct bm_queue *q = rq->queue;

	KUNIT_EXPECT_EQ(test, fake_doorbell(q, BM_QREG_CQ_HEAD), 0);
	fake_serve(q);
	KUNIT_EXPECT_EQ(test, bm_queue_reap(q, DEPTH), 1);
	KUNIT_EXPECT_EQ(test, fake_doorbell(q, BM_QREG_CQ_HEAD), 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
}

/* Who polls looks often, and mostly for nothing: that must cost no register write. */
static void look_that_finds_nothing_writes_nothing(struct kunit *test)
{
	struct fake *fake = poll_start(test, 0);
	struct bm_request *rq = poll_submit(fake);
	struct bm_queue *q = rq->queue;
	int i;

	fake_untouch(q, BM_QREG_CQ_HEAD);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 0);
	KUNIT_EXPECT_EQ(test, fake_doorbell(q, BM_QREG_CQ_HEAD), FAKE_UNTOUCHED);
	fake_serve(q);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 1);
	KUNIT_EXPECT_EQ(test, fake_doorbell(q, BM_QREG_CQ_HEAD), 1);
	KUNIT_EXPECT_EQ(test, q->stats.cq_doorbells, 1);
}

static void polled_queue_is_never_armed_by_its_shadow(struct kunit *test)
{
	struct fake *fake = poll_start(test, BM_FEAT_SHADOW);
	struct bm_request *rq = poll_submit(fake);
	struct bm_queue *q = rq->queue;

	fake_serve(q);
	KUNIT_EXPECT_EQ(test, bm_queue_reap(q, DEPTH), 1);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(q->shadow->cq_head), FIELD_PREP(BM_SHADOW_HEAD, 1));
}

/* A caller that polls: how often it was told, and what. */
struct polled {
	struct kiocb iocb;
	struct kvec vec;
	struct iov_iter iter;
	unsigned int told;
	long ret;
};

static void polled_complete(struct kiocb *iocb, long ret)
{
	struct polled *p = container_of(iocb, struct polled, iocb);

	p->told++;
	p->ret = ret;
}

static struct polled *polled_read(struct kunit *test, struct fake *fake, size_t length)
{
	struct polled *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	p->vec.iov_base = kunit_kmalloc(test, length, GFP_KERNEL);
	p->vec.iov_len = length;
	KUNIT_ASSERT_NOT_NULL(test, p->vec.iov_base);
	p->iocb.ki_flags = IOCB_HIPRI;
	p->iocb.ki_complete = polled_complete;
	iov_iter_kvec(&p->iter, ITER_DEST, &p->vec, 1, length);
	KUNIT_ASSERT_EQ(test, bm_io_rw(&fake->bm, &p->iocb, &p->iter), -EIOCBQUEUED);
	return p;
}

static struct bm_queue *busy_queue(struct fake *fake, unsigned int first, unsigned int last)
{
	for (; first <= last; first++)
		if (fake_submitted(&fake->bm.queues[first]))
			return &fake->bm.queues[first];
	return NULL;
}

static void looking_ends_the_transfer(struct kunit *test)
{
	struct fake *fake = poll_start(test, 0);
	struct polled *p = polled_read(test, fake, PAGE_SIZE);
	struct bm_queue *q = busy_queue(fake, 2, 3);

	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_EQ(test, bm_io_poll(&fake->bm, &p->iocb), 0);
	KUNIT_EXPECT_EQ(test, p->told, 0);
	fake_serve(q);
	KUNIT_EXPECT_EQ(test, p->told, 0);
	KUNIT_EXPECT_EQ(test, bm_io_poll(&fake->bm, &p->iocb), 1);
	KUNIT_EXPECT_EQ(test, p->told, 1);
	KUNIT_EXPECT_EQ(test, p->ret, PAGE_SIZE);
}

/* The parts of a long one need nobody who looks: they interrupt. */
static void long_transfer_interrupts(struct kunit *test)
{
	struct fake *fake = poll_start(test, 0);
	struct bm_queue *q;
	struct polled *p;

	fake->bm.cmd_pages = 1;
	p = polled_read(test, fake, 3 * PAGE_SIZE);
	q = busy_queue(fake, 0, 1);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_NULL(test, busy_queue(fake, 2, 3));
	KUNIT_EXPECT_EQ(test, fake_serve(q), 3);
	KUNIT_EXPECT_EQ(test, p->told, 0);
	bm_queue_irq(0, q);
	KUNIT_EXPECT_EQ(test, p->told, 1);
	KUNIT_EXPECT_EQ(test, p->ret, 3 * PAGE_SIZE);
}

/* Should nobody look, the watchdog does. */
static void watchdog_looks_at_polled_queues(struct kunit *test)
{
	struct fake *fake = poll_start(test, 0);
	struct bm_request *answered = poll_submit(fake), *silent;

	fake_serve(answered->queue);
	fake_expire(answered);
	fake_watch(fake);
	KUNIT_EXPECT_EQ(test, fake_done_count(answered), 1);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_LOST_IRQ), 0);
	KUNIT_EXPECT_FALSE(test, fake_reset_requested(fake));

	silent = poll_submit(fake);
	fake_expire(silent);
	fake_watch(fake);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, silent->error, -EIO);
}

static struct kunit_case poll_cases[] = {
	KUNIT_CASE(request_comes_from_a_queue_of_its_kind),
	KUNIT_CASE(without_polled_queues_another_serves),
	KUNIT_CASE(polled_queue_is_never_armed),
	KUNIT_CASE(polled_queue_is_never_armed_by_its_shadow),
	KUNIT_CASE(look_that_finds_nothing_writes_nothing),
	KUNIT_CASE(looking_ends_the_transfer),
	KUNIT_CASE(long_transfer_interrupts),
	KUNIT_CASE(watchdog_looks_at_polled_queues),
	{}
};

static struct kunit_suite poll_suite = {
	.name = "busmaster-poll",
	.test_cases = poll_cases,
};

kunit_test_suite(poll_suite);
