// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: transfers whose caller sleeps, until they end or half-way.
 *
 * The caller is a thread; the test plays the device.
 */
#include <linux/bvec.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/sched/signal.h>
#include <linux/uio.h>

#include "fake.h"

#define PART (2 * PAGE_SIZE) /* of a command, at most */
#define POS 0x4000ull
#define PATIENCE (20 * HZ)
#define A_WHILE_MS 20 /* in which what must not happen has the time to */

/**
 * struct caller - a thread that reads from the device
 * @thread: itself
 * @iocb: where from; synchronous
 * @iter: where to
 * @length: bytes
 * @ret: the result
 */
struct caller {
	struct fake_thread thread;
	struct kiocb iocb;
	struct iov_iter iter;
	size_t length;
	ssize_t ret;
};

static void caller_reads(struct fake_thread *thread)
{
	struct caller *caller = container_of(thread, struct caller, thread);

	caller->ret = bm_io_rw(&thread->fake->bm, &caller->iocb, &caller->iter);
}

static struct caller *caller_start(struct kunit *test, struct fake *fake, int flags,
				   const struct bio_vec *vec, unsigned int nr, size_t length)
{
	struct caller *caller = kunit_kzalloc(test, sizeof(*caller), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, caller);
	caller->iocb.ki_pos = POS;
	caller->iocb.ki_flags = flags;
	caller->length = length;
	iov_iter_bvec(&caller->iter, ITER_DEST, vec, nr, length);
	fake_thread_start(fake, &caller->thread, caller_reads);
	return caller;
}

/* A read into one piece of memory. */
static struct caller *caller_start_simple(struct kunit *test, struct fake *fake, size_t length)
{
	struct bio_vec *vec = kunit_kzalloc(test, sizeof(*vec), GFP_KERNEL);
	void *data = kunit_kmalloc(test, length, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vec);
	KUNIT_ASSERT_NOT_NULL(test, data);
	bvec_set_virt(vec, data, length);
	return caller_start(test, fake, 0, vec, 1, length);
}

/* A read into three pieces, none of which ends with its page: two may share a cache line. */
static struct caller *caller_start_crumbs(struct kunit *test, struct fake *fake, int flags)
{
	struct bio_vec *vec = kunit_kcalloc(test, 3, sizeof(*vec), GFP_KERNEL);
	char *data = kunit_kmalloc(test, PAGE_SIZE, GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, vec);
	KUNIT_ASSERT_NOT_NULL(test, data);
	for (i = 0; i < 3; i++)
		bvec_set_virt(&vec[i], data + 64 * i, 8);
	return caller_start(test, fake, flags, vec, 3, 24);
}

static void caller_ends(struct kunit *test, struct caller *caller, ssize_t ret)
{
	KUNIT_ASSERT_TRUE(test, wait_for_completion_timeout(&caller->thread.done, PATIENCE));
	KUNIT_EXPECT_EQ(test, caller->ret, ret);
	KUNIT_EXPECT_EQ(test, caller->iocb.ki_pos, POS + max_t(ssize_t, ret, 0));
	KUNIT_EXPECT_EQ(test, iov_iter_count(&caller->iter),
			caller->length - max_t(ssize_t, ret, 0));
	KUNIT_EXPECT_EQ(test, caller->thread.fake->bm.queues[0].nr_free,
			caller->thread.fake->bm.queues[0].depth);
}

/* Until the caller has submitted so much. */
static bool caller_submits(struct caller *caller, unsigned int commands)
{
	unsigned long end = jiffies + PATIENCE;

	while (fake_submitted(&caller->thread.fake->bm.queues[0]) < commands) {
		if (time_after(jiffies, end))
			return false;
		usleep_range(100, 500);
	}
	return true;
}

/* It sleeps, and nothing that it does meanwhile gets it any further. */
static void expect_stuck(struct kunit *test, struct caller *caller, unsigned int commands)
{
	msleep(A_WHILE_MS);
	KUNIT_EXPECT_FALSE(test, completion_done(&caller->thread.done));
	KUNIT_EXPECT_EQ(test, fake_submitted(&caller->thread.fake->bm.queues[0]), commands);
}

static void serve(struct bm_queue *q)
{
	fake_serve(q);
	bm_queue_irq(0, q);
}

static struct fake *sync_start(struct kunit *test, unsigned int depth)
{
	struct fake *fake = fake_start(test, 1, depth);

	fake->bm.cmd_pages = PART / PAGE_SIZE;
	return fake;
}

static void caller_waits_for_the_end(struct kunit *test)
{
	struct fake *fake = sync_start(test, 4);
	struct caller *caller = caller_start_simple(test, fake, PART);

	KUNIT_ASSERT_TRUE(test, caller_submits(caller, 1));
	expect_stuck(test, caller, 1);
	serve(&fake->bm.queues[0]);
	caller_ends(test, caller, PART);
}

static void caller_waits_for_all_parts(struct kunit *test)
{
	struct fake *fake = sync_start(test, 4);
	struct caller *caller = caller_start_simple(test, fake, 2 * PART);
	struct bm_queue *q = &fake->bm.queues[0];

	KUNIT_ASSERT_TRUE(test, caller_submits(caller, 2));
	fake_answer(q, fake_fetch_tag(q), BM_ST_SUCCESS, 0);
	bm_queue_irq(0, q);
	expect_stuck(test, caller, 1);
	serve(q);
	caller_ends(test, caller, 2 * PART);
}

static void iterator_stands_behind_what_was_moved(struct kunit *test)
{
	struct fake *fake = sync_start(test, 4);
	struct caller *caller = caller_start_simple(test, fake, 3 * PART);
	struct bm_queue *q = &fake->bm.queues[0];

	KUNIT_ASSERT_TRUE(test, caller_submits(caller, 3));
	fake_answer(q, fake_fetch_tag(q), BM_ST_SUCCESS, 0);
	fake_answer(q, fake_fetch_tag(q), BM_ST_BAD_RANGE, 0);
	serve(q);
	caller_ends(test, caller, PART);
}

static void failure_moves_nothing(struct kunit *test)
{
	struct fake *fake = sync_start(test, 4);
	struct caller *caller = caller_start_simple(test, fake, 2 * PART);
	struct bm_queue *q = &fake->bm.queues[0];

	KUNIT_ASSERT_TRUE(test, caller_submits(caller, 2));
	fake_answer(q, fake_fetch_tag(q), BM_ST_DMA_WRITE_FAULT, 0);
	serve(q);
	caller_ends(test, caller, -EIO);
}

/* More parts than there are requests: what has ended makes room for the rest. */
static void caller_waits_for_requests(struct kunit *test)
{
	struct fake *fake = sync_start(test, 2);
	struct caller *caller = caller_start_simple(test, fake, 8 * PART);
	int i;

	for (i = 0; i < 4; i++) {
		KUNIT_ASSERT_TRUE(test, caller_submits(caller, 2));
		expect_stuck(test, caller, 2);
		serve(&fake->bm.queues[0]);
	}
	caller_ends(test, caller, 8 * PART);
	KUNIT_EXPECT_EQ(test, fake->bm.queues[0].stats.commands, 8);
}

/* Two mappings must not share a cache line that the device writes: one after the other. */
static void parts_that_may_share_a_cache_line_go_alone(struct kunit *test)
{
	struct fake *fake = sync_start(test, 4);
	struct caller *caller = caller_start_crumbs(test, fake, 0);
	int i;

	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_TRUE(test, caller_submits(caller, 1));
		expect_stuck(test, caller, 1);
		serve(&fake->bm.queues[0]);
	}
	caller_ends(test, caller, 24);
}

static void nowait_holds_for_a_caller_that_sleeps_too(struct kunit *test)
{
	struct fake *fake = sync_start(test, 1);
	struct bm_request *rq = fake_request(fake);
	struct kvec vec = { kunit_kmalloc(test, PART, GFP_KERNEL), PART };
	struct kiocb iocb = { .ki_flags = IOCB_NOWAIT, .ki_pos = POS };
	struct iov_iter iter;

	KUNIT_ASSERT_NOT_NULL(test, vec.iov_base);
	iov_iter_kvec(&iter, ITER_DEST, &vec, 1, PART);
	KUNIT_EXPECT_EQ(test, bm_io_rw(&fake->bm, &iocb, &iter), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iov_iter_count(&iter), PART);
	KUNIT_EXPECT_EQ(test, iocb.ki_pos, POS);
	bm_request_put(rq);
}

/* It waits for what it has begun; but not for requests, for more of it. */
static void nowait_is_short_for_a_caller_that_sleeps_too(struct kunit *test)
{
	struct fake *fake = sync_start(test, 3);
	struct bm_request *rq = fake_request(fake);
	void *data = kunit_kmalloc(test, 4 * PART, GFP_KERNEL);
	struct caller *caller;
	struct bio_vec vec;

	KUNIT_ASSERT_NOT_NULL(test, data);
	bvec_set_virt(&vec, data, 4 * PART);
	caller = caller_start(test, fake, IOCB_NOWAIT, &vec, 1, 4 * PART);
	KUNIT_ASSERT_TRUE(test, caller_submits(caller, 2));
	expect_stuck(test, caller, 2);
	bm_request_put(rq);
	expect_stuck(test, caller, 2);
	serve(&fake->bm.queues[0]);
	caller_ends(test, caller, 2 * PART);
}

/* Nor for the part with which the next one may share a cache line. */
static void nowait_ends_where_a_cache_line_may_be_shared(struct kunit *test)
{
	struct fake *fake = sync_start(test, 4);
	struct caller *caller = caller_start_crumbs(test, fake, IOCB_NOWAIT);

	KUNIT_ASSERT_TRUE(test, caller_submits(caller, 1));
	expect_stuck(test, caller, 1);
	serve(&fake->bm.queues[0]);
	caller_ends(test, caller, 16);
}

/* Nobody but the interrupt looks for what a sleeping caller waits for. */
static void sleeping_caller_does_not_use_a_polled_queue(struct kunit *test)
{
	struct fake_shape shape = { .queues = 1, .polled = 1, .depth = 1 };
	struct fake *fake = fake_start_as(test, &shape);
	char *data = kunit_kmalloc(test, PAGE_SIZE, GFP_KERNEL);
	struct caller *caller;
	struct bio_vec vec;

	KUNIT_ASSERT_NOT_NULL(test, data);
	bvec_set_virt(&vec, data, PAGE_SIZE);
	caller = caller_start(test, fake, IOCB_HIPRI, &vec, 1, PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, caller_submits(caller, 1));
	serve(&fake->bm.queues[0]);
	caller_ends(test, caller, PAGE_SIZE);
}

static void killed_caller_submits_nothing(struct kunit *test)
{
	struct fake *fake = sync_start(test, 1);
	struct bm_request *rq = fake_request(fake);
	struct caller *caller = caller_start_simple(test, fake, PART);

	expect_stuck(test, caller, 0);
	send_sig(SIGKILL, caller->thread.task, 1);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&caller->thread.done, PATIENCE));
	bm_request_put(rq);
	caller_ends(test, caller, -EINTR);
	KUNIT_EXPECT_EQ(test, fake->bm.queues[0].stats.commands, 0);
}

/* Has the device been asked to end a command early? Returns its tag. */
static u32 asked_to_abort(struct bm_queue *q)
{
	unsigned long end = jiffies + PATIENCE;

	while (fake_doorbell(q, BM_QREG_ABORT) == FAKE_UNTOUCHED && time_before(jiffies, end))
		usleep_range(100, 500);
	return fake_doorbell(q, BM_QREG_ABORT);
}

/* A caller with a command that the device has fetched is killed: it has it aborted. */
static u16 kill_caller(struct kunit *test, struct caller *caller)
{
	struct bm_queue *q = &caller->thread.fake->bm.queues[0];
	u16 tag;

	KUNIT_ASSERT_TRUE(test, caller_submits(caller, 1));
	tag = fake_fetch_tag(q);
	fake_untouch(q, BM_QREG_ABORT);
	msleep(A_WHILE_MS);
	KUNIT_EXPECT_EQ(test, fake_doorbell(q, BM_QREG_ABORT), FAKE_UNTOUCHED);
	send_sig(SIGKILL, caller->thread.task, 1);
	KUNIT_EXPECT_EQ(test, asked_to_abort(q), tag);
	return tag;
}

struct kill_param {
	const char *name;
	enum bm_status status;
	ssize_t ret;
};

static const struct kill_param kill_params[] = {
	{ "the device hears it", BM_ST_ABORTED, -ECANCELED },
	{ "the device was faster", BM_ST_SUCCESS, PART },
	{ "it fails", BM_ST_DMA_WRITE_FAULT, -EIO },
};

KUNIT_ARRAY_PARAM_DESC(kill, kill_params, name);

/* What is in flight is waited for all the same: the device may still write there. */
static void killed_caller_waits_for_what_is_in_flight(struct kunit *test)
{
	const struct kill_param *param = test->param_value;
	struct fake *fake = sync_start(test, 1);
	struct caller *caller = caller_start_simple(test, fake, 2 * PART);
	u16 tag = kill_caller(test, caller);

	expect_stuck(test, caller, 0);
	fake_answer(&fake->bm.queues[0], tag, param->status, 0);
	bm_queue_irq(0, &fake->bm.queues[0]);
	caller_ends(test, caller, param->ret);
	KUNIT_EXPECT_FALSE(test, fake_reset_requested(fake));
}

/* And others' commands are left alone. */
static void killed_caller_aborts_its_own_commands_only(struct kunit *test)
{
	struct fake *fake = sync_start(test, 4);
	struct bm_queue *q = &fake->bm.queues[0];
	struct bm_request *other = fake_submit(fake), *rq = NULL;
	struct caller *caller;
	u16 tag = fake_fetch_tag(q);

	caller = caller_start_simple(test, fake, 2 * PART);
	KUNIT_ASSERT_TRUE(test, caller_submits(caller, 2));
	fake_untouch(q, BM_QREG_ABORT);
	send_sig(SIGKILL, caller->thread.task, 1);
	asked_to_abort(q);
	msleep(A_WHILE_MS);
	while ((rq = bm_next_in_flight(q, rq)))
		KUNIT_EXPECT_EQ(test, rq->aborting, rq != other);
	fake_answer(q, tag, BM_ST_SUCCESS, 0);
	fake_answer(q, fake_fetch_tag(q), BM_ST_ABORTED, 0);
	fake_answer(q, fake_fetch_tag(q), BM_ST_ABORTED, 0);
	bm_queue_irq(0, q);
	KUNIT_EXPECT_EQ(test, fake_done_count(other), 1);
	bm_request_put(other);
	caller_ends(test, caller, -ECANCELED);
}

/* Should the device not hear it, the reset ends the wait, long before the time-out. */
static void killed_caller_leaves_with_the_reset(struct kunit *test)
{
	struct fake *fake = sync_start(test, 1);
	struct caller *caller = caller_start_simple(test, fake, PART);

	kill_caller(test, caller);
	expect_stuck(test, caller, 0);
	KUNIT_EXPECT_FALSE(test, fake_reset_requested(fake));
	fake_age(&fake->bm.queues[0].requests[0], MSEC_PER_SEC + 100);
	flush_delayed_work(&fake->bm.abort_work);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	caller_ends(test, caller, -EIO);
}

/* Nobody waits for a start to be killed. */
static void killed_caller_leaves_a_stopped_device(struct kunit *test)
{
	struct fake *fake = sync_start(test, 2);
	struct bm_queue *q = &fake->bm.queues[0];
	unsigned long end = jiffies + PATIENCE;
	struct caller *caller;

	fake_stop(fake);
	caller = caller_start_simple(test, fake, 2 * PART);
	while (q->nr_free && time_before(jiffies, end))
		usleep_range(100, 500);
	expect_stuck(test, caller, 0);
	send_sig(SIGKILL, caller->thread.task, 1);
	caller_ends(test, caller, -ECANCELED);
}

static void dying_device_ends_the_wait(struct kunit *test)
{
	struct fake *fake = sync_start(test, 1);
	struct caller *caller = caller_start_simple(test, fake, 2 * PART);

	KUNIT_ASSERT_TRUE(test, caller_submits(caller, 1));
	fake_give_up(fake);
	caller_ends(test, caller, -EIO);
}

static struct kunit_case sync_cases[] = {
	KUNIT_CASE(caller_waits_for_the_end),
	KUNIT_CASE(caller_waits_for_all_parts),
	KUNIT_CASE(iterator_stands_behind_what_was_moved),
	KUNIT_CASE(failure_moves_nothing),
	KUNIT_CASE(caller_waits_for_requests),
	KUNIT_CASE(parts_that_may_share_a_cache_line_go_alone),
	KUNIT_CASE(nowait_holds_for_a_caller_that_sleeps_too),
	KUNIT_CASE(nowait_is_short_for_a_caller_that_sleeps_too),
	KUNIT_CASE(nowait_ends_where_a_cache_line_may_be_shared),
	KUNIT_CASE(sleeping_caller_does_not_use_a_polled_queue),
	KUNIT_CASE(killed_caller_submits_nothing),
	KUNIT_CASE_PARAM(killed_caller_waits_for_what_is_in_flight, kill_gen_params),
	KUNIT_CASE(killed_caller_aborts_its_own_commands_only),
	KUNIT_CASE(killed_caller_leaves_with_the_reset),
	KUNIT_CASE(killed_caller_leaves_a_stopped_device),
	KUNIT_CASE(dying_device_ends_the_wait),
	{}
};

static struct kunit_suite sync_suite = {
	.name = "busmaster-sync",
	.test_cases = sync_cases,
};

kunit_test_suite(sync_suite);
