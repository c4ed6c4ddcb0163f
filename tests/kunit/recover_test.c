// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: the watchdog, the event interrupt, and resets.
 *
 * Time does not pass here, but for the one case that says so: a test moves what happened
 * into the past and runs the watchdog when it likes. What is overdue: progress_test.c.
 */
#include <linux/interrupt.h>
#include <linux/jiffies.h>

#include "fake.h"

#define DEPTH 3

static void watchdog_runs_while_something_is_in_flight(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq;

	KUNIT_EXPECT_FALSE(test, fake_watch(fake));
	rq = fake_submit(fake);
	KUNIT_EXPECT_TRUE(test, fake_watch(fake));
	KUNIT_EXPECT_TRUE(test, fake_watch(fake));
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 0);

	fake_serve(rq->queue);
	KUNIT_ASSERT_EQ(test, bm_queue_reap_all(rq->queue), 1);
	KUNIT_EXPECT_TRUE(test, fake_watch(fake));
	KUNIT_EXPECT_FALSE(test, fake_watch(fake));
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_TIMEOUT), 0);
	KUNIT_EXPECT_FALSE(test, fake_reset_requested(fake));
}

static void watchdog_finds_a_missed_interrupt(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);

	fake_serve(rq->queue);
	KUNIT_ASSERT_TRUE(test, fake_watch(fake));
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 0);
	fake_expire(rq);
	KUNIT_ASSERT_TRUE(test, fake_watch(fake));
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
	KUNIT_EXPECT_EQ(test, rq->error, 0);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_LOST_IRQ), 1);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_TIMEOUT), 0);
	KUNIT_EXPECT_FALSE(test, fake_reset_requested(fake));
}

/* Others are answered, and nobody is told of it: that was progress. But this one never is. */
static void lost_interrupts_do_not_hide_a_lost_command(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *lost = fake_submit(fake), *other = fake_submit(fake);
	struct bm_queue *q = lost->queue;

	fake_fetch_tag(q);
	fake_answer(q, fake_fetch_tag(q), BM_ST_SUCCESS, 0);
	fake_expire(lost);
	KUNIT_ASSERT_TRUE(test, fake_watch(fake));
	KUNIT_EXPECT_EQ(test, fake_done_count(other), 1);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_LOST_IRQ), 1);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_TIMEOUT), 0);
	fake_expire(lost);
	KUNIT_ASSERT_TRUE(test, fake_watch(fake));
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_TIMEOUT), 1);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, lost->error, -EIO);
}

/* Until the reset has come it is the same time-out, however often it is noticed. */
static void timeout_is_counted_once(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *late = fake_submit(fake);

	fake_expire(late);
	KUNIT_ASSERT_TRUE(test, fake_watch(fake));
	KUNIT_ASSERT_TRUE(test, fake_watch(fake));
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_TIMEOUT), 1);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, fake->stops, 1);
}

static void watchdog_resets_a_silent_device(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *late = fake_submit(fake), *other = fake_submit(fake);

	fake_expire(late);
	KUNIT_ASSERT_TRUE(test, fake_watch(fake));
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_TIMEOUT), 1);
	KUNIT_EXPECT_EQ(test, atomic64_read(&fake->bm.resets), 1);
	KUNIT_EXPECT_EQ(test, fake->stops, 1);
	KUNIT_EXPECT_EQ(test, fake->starts, 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(late), 1);
	KUNIT_EXPECT_EQ(test, late->error, -EIO);
	KUNIT_EXPECT_EQ(test, fake_done_count(other), 1);
	KUNIT_EXPECT_EQ(test, other->error, -EIO);
}

static struct bm_request *submit_on_cpu(struct kunit *test, struct fake *fake, unsigned int cpu)
{
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(cpu)), 0);
	return fake_submit(fake);
}

/* Also when another queue had only missed an interrupt. */
static void watchdog_looks_at_each_queue(struct kunit *test)
{
	struct fake *fake = fake_start(test, 2, DEPTH);
	struct bm_request *answered, *silent;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	answered = submit_on_cpu(test, fake, 0);
	silent = submit_on_cpu(test, fake, 1);
	KUNIT_ASSERT_PTR_NE(test, answered->queue, silent->queue);
	fake_serve(answered->queue);
	fake_expire(answered);
	fake_expire(silent);
	KUNIT_ASSERT_TRUE(test, fake_watch(fake));
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, answered->error, 0);
	KUNIT_EXPECT_EQ(test, silent->error, -EIO);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_TIMEOUT), 1);
}

/* No interrupt, as with bus mastering off: the registers alone tell. */
static void watchdog_sees_a_halted_queue(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);

	fake_poke64(fake, BM_REG_HALTED, 1);
	KUNIT_ASSERT_TRUE(test, fake_watch(fake));
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
	KUNIT_EXPECT_EQ(test, rq->error, -EIO);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_TIMEOUT), 0);
}

static void waiting_for_a_silent_device_ends_by_itself(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq;

	complete_all(&fake->may_reset);
	bm_param_timeout_ms = 100;
	rq = bm_request_get(&fake->bm, false, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, rq);
	bm_sqe_init(&rq->sqe, BM_OP_NOP, 0);
	KUNIT_ASSERT_EQ(test, bm_request_submit(rq), 0);
	KUNIT_EXPECT_EQ(test, fake_wait(rq), -EIO);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_GE(test, fake_errors(fake, BM_ERR_TIMEOUT), 1);
}

struct event_param {
	const char *name;
	u64 halted;
	u64 status;
	bool reset;
	unsigned int halts;
	unsigned int fatals;
};

/* Two queues there are, and whatever the rest says must do no harm. */
static const struct event_param event_params[] = {
	{ "nothing", 0, BM_STATUS_READY },
	{ "first queue halted", 1, BM_STATUS_READY, true, 1 },
	{ "both queues halted", 3, BM_STATUS_READY, true, 2 },
	{ "queue that we do not use halted", 1ull << 63, BM_STATUS_READY, true, 1 },
	{ "all queues that there may be halted", U64_MAX, BM_STATUS_READY, true, 3 },
	{ "fatal", 0, BM_STATUS_FATAL | BM_FATAL_INTERNAL << 8, true, 0, 1 },
	{ "fatal, for no known cause", 0, BM_STATUS_FATAL | 0xff00, true, 0, 1 },
	{ "status of ones", 0, U64_MAX, true, 0, 1 },
	{ "reserved bits of the status", 0, ~(u64)BM_STATUS_FATAL },
	{ "not enabled", 0, 0, true },
	{ "not enabled, and reserved bits", 0, ~(u64)(BM_STATUS_READY | BM_STATUS_FATAL), true },
};

KUNIT_ARRAY_PARAM_DESC(event, event_params, name);

static void event_leads_to_a_reset(struct kunit *test)
{
	const struct event_param *param = test->param_value;
	struct fake *fake = fake_start(test, 2, DEPTH);
	struct bm_request *rq = fake_submit(fake);

	fake_poke64(fake, BM_REG_HALTED, param->halted);
	fake_poke64(fake, BM_REG_STATUS, param->status);
	fake_poke64(fake, BM_REG_FAULT_INFO, U64_MAX);
	fake_poke64(fake, BM_REG_FAULT_ADDR, U64_MAX);
	KUNIT_EXPECT_EQ(test, bm_event_irq(0, &fake->bm), param->reset ? IRQ_HANDLED : IRQ_NONE);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_HALT), param->halts);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_FATAL), param->fatals);
	KUNIT_EXPECT_EQ(test, fake_reset_requested(fake), param->reset);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), param->reset);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_GONE), 0);
}

/* By its event interrupt, again, and by the watchdog: it is one error, and one reset. */
static void halt_is_counted_once(struct kunit *test)
{
	struct fake *fake = fake_start(test, 2, DEPTH);
	struct bm_request *rq = fake_submit(fake), *other = fake_request(fake);

	fake_poke64(fake, BM_REG_HALTED, BIT(rq->queue->id));
	fake_poke32(fake, BM_QUEUE_PAGE(rq->queue->id) + BM_QREG_STATE, 0xffff);
	bm_event_irq(0, &fake->bm);
	bm_event_irq(0, &fake->bm);
	fake_watch(fake);
	KUNIT_EXPECT_EQ(test, bm_request_submit(other), 0);
	KUNIT_EXPECT_EQ(test, other->state, BM_RQ_PARKED);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_HALT), 1);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, fake->stops, 1);
	KUNIT_EXPECT_EQ(test, rq->error, -EIO);
	KUNIT_EXPECT_EQ(test, fake_done_count(other), 0);
}

static void fatal_is_counted_once(struct kunit *test)
{
	struct fake *fake = fake_start(test, 2, DEPTH);

	fake_submit(fake);
	fake_poke32(fake, BM_REG_STATUS, BM_STATUS_FATAL);
	bm_event_irq(0, &fake->bm);
	bm_event_irq(0, &fake->bm);
	fake_watch(fake);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_FATAL), 1);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, fake->stops, 1);
}

static void by_event(struct fake *fake)
{
	bm_event_irq(0, &fake->bm);
}

static void by_watchdog(struct fake *fake)
{
	fake_watch(fake);
}

struct gone_param {
	const char *name;
	void (*notice)(struct fake *fake);
	bool zeros;
};

static const struct gone_param gone_params[] = {
	{ "ones, by its event", by_event, false },
	{ "ones, by the watchdog", by_watchdog, false },
	{ "zeros, by its event", by_event, true },
	{ "zeros, by the watchdog", by_watchdog, true },
};

KUNIT_ARRAY_PARAM_DESC(gone, gone_params, name);

static void gone_is_for_good(struct kunit *test)
{
	const struct gone_param *param = test->param_value;
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);

	if (param->zeros)
		memset(fake->ram, 0, BM_PAGE_SIZE);
	else
		fake_bus = (struct fake_bus){ .lost = UINT_MAX };
	param->notice(fake);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 0);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
	KUNIT_EXPECT_EQ(test, rq->error, -EIO);
	KUNIT_EXPECT_EQ(test, fake->bm.state, BM_DEAD);
	KUNIT_EXPECT_EQ(test, PTR_ERR(bm_request_get(&fake->bm, false, HZ)), -ENODEV);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_GONE), 1);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_HALT), 0);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_FATAL), 0);

	param->notice(fake);
	KUNIT_EXPECT_FALSE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_GONE), 1);
}

/* A read that is lost, whichever it is, is no reason for anything. */
static void read_that_is_lost_is_not_the_end(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);
	unsigned int first;

	for (first = 0; first < 6; first++) {
		fake_bus = (struct fake_bus){ .first = first, .lost = 1 };
		bm_event_irq(0, &fake->bm);
		KUNIT_EXPECT_FALSE(test, fake_reset_requested(fake));
		fake_bus = (struct fake_bus){ .first = first, .lost = 1 };
		fake_watch(fake);
		KUNIT_EXPECT_FALSE(test, fake_reset_requested(fake));
	}
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 0);
	KUNIT_EXPECT_EQ(test, fake->bm.state, BM_RUNNING);
}

static void reset_takes_what_was_answered(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *answered = fake_submit(fake), *silent;

	fake_serve(answered->queue);
	silent = fake_submit(fake);
	bm_alarm_reset(&fake->bm, "a test wants it");
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, answered->error, 0);
	KUNIT_EXPECT_EQ(test, silent->error, -EIO);
	KUNIT_EXPECT_EQ(test, fake_done_count(answered), 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(silent), 1);
}

struct state_param {
	const char *name;
	enum bm_state state;
	unsigned int resets;
};

static const struct state_param state_params[] = {
	{ "running", BM_RUNNING, 1 },
	{ "stopped", BM_STOPPED, 0 },
	{ "dead", BM_DEAD, 0 },
};

KUNIT_ARRAY_PARAM_DESC(state, state_params, name);

static void reset_only_if_it_is(struct kunit *test)
{
	const struct state_param *param = test->param_value;
	struct fake *fake = fake_start(test, 1, DEPTH);

	fake->bm.state = param->state;
	bm_alarm_reset(&fake->bm, "a test wants it");
	KUNIT_EXPECT_EQ(test, fake_reset_requested(fake), param->resets);
	KUNIT_EXPECT_EQ(test, fake->stops, param->resets);
	KUNIT_EXPECT_EQ(test, fake->starts, param->resets);
	KUNIT_EXPECT_EQ(test, atomic64_read(&fake->bm.resets), param->resets);
}

static void reset_that_fails_leaves_no_device(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);

	fake->start_error = -ETIMEDOUT;
	bm_alarm_reset(&fake->bm, "a test wants it");
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
	KUNIT_EXPECT_EQ(test, rq->error, -EIO);
	KUNIT_EXPECT_EQ(test, PTR_ERR(bm_request_get(&fake->bm, false, HZ)), -ENODEV);
}

static void nothing_runs_after_exit(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);

	fake_submit(fake);
	KUNIT_EXPECT_TRUE(test, delayed_work_pending(&fake->bm.watchdog));
	bm_alarm_reset(&fake->bm, "a test wants it");
	complete_all(&fake->may_reset);
	bm_recover_exit(&fake->bm);
	KUNIT_EXPECT_FALSE(test, work_busy(&fake->bm.reset_work));
	KUNIT_EXPECT_FALSE(test, work_busy(&fake->bm.watchdog.work));
}

static struct kunit_case recover_cases[] = {
	KUNIT_CASE(watchdog_runs_while_something_is_in_flight),
	KUNIT_CASE(watchdog_finds_a_missed_interrupt),
	KUNIT_CASE(lost_interrupts_do_not_hide_a_lost_command),
	KUNIT_CASE(timeout_is_counted_once),
	KUNIT_CASE(watchdog_resets_a_silent_device),
	KUNIT_CASE(watchdog_looks_at_each_queue),
	KUNIT_CASE(watchdog_sees_a_halted_queue),
	KUNIT_CASE(waiting_for_a_silent_device_ends_by_itself),
	KUNIT_CASE_PARAM(event_leads_to_a_reset, event_gen_params),
	KUNIT_CASE(halt_is_counted_once),
	KUNIT_CASE(fatal_is_counted_once),
	KUNIT_CASE_PARAM(gone_is_for_good, gone_gen_params),
	KUNIT_CASE(read_that_is_lost_is_not_the_end),
	KUNIT_CASE(reset_takes_what_was_answered),
	KUNIT_CASE_PARAM(reset_only_if_it_is, state_gen_params),
	KUNIT_CASE(reset_that_fails_leaves_no_device),
	KUNIT_CASE(nothing_runs_after_exit),
	{}
};

static struct kunit_suite recover_suite = {
	.name = "busmaster-recover",
	.test_cases = recover_cases,
};

kunit_test_suite(recover_suite);
