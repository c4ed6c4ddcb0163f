// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: a device that nobody uses sleeps, and no wake-up is lost. The kernel's own
 * runtime PM calls the driver.
 */
#include <linux/pm_domain.h>
#include <linux/pm_runtime.h>

#include "fake.h"

#define DEPTH 3

static struct dev_pm_domain power_domain;

static void power_end(void *data)
{
	struct fake *fake = data;

	fake->on_hold = NULL;
	pm_runtime_disable(&fake->pdev.dev);
	dev_pm_domain_set(&fake->pdev.dev, NULL);
}

/* A device that runs and may sleep, but does so only when a test says so. */
static struct fake *start(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct device *dev = &fake->pdev.dev;

	complete_all(&fake->may_reset);
	power_domain.ops = bm_pm_ops;
	dev_pm_domain_set(dev, &power_domain);
	pm_runtime_set_autosuspend_delay(dev, MSEC_PER_SEC * 1000);
	pm_runtime_use_autosuspend(dev);
	pm_runtime_set_active(dev);
	pm_runtime_enable(dev);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, power_end, fake));
	return fake;
}

static int sleep(struct fake *fake)
{
	return pm_runtime_suspend(&fake->pdev.dev);
}

/* What the core was asked for has happened. */
static void settle(struct fake *fake)
{
	pm_runtime_barrier(&fake->pdev.dev);
}

static void serve(struct fake *fake, struct bm_request *rq)
{
	KUNIT_EXPECT_EQ(fake->test, fake_serve(rq->queue), 1);
	bm_queue_reap_all(rq->queue);
	KUNIT_EXPECT_EQ(fake->test, fake_done_count(rq), 1);
	KUNIT_EXPECT_EQ(fake->test, rq->error, 0);
}

static void device_that_is_not_used_sleeps(struct kunit *test)
{
	struct fake *fake = start(test);

	KUNIT_EXPECT_EQ(test, sleep(fake), 0);
	KUNIT_EXPECT_EQ(test, fake->bm.state, BM_STOPPED);
	KUNIT_EXPECT_EQ(test, fake->bm.holds, BIT(BM_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, pm_runtime_resume(&fake->pdev.dev), 0);
	KUNIT_EXPECT_EQ(test, fake->bm.state, BM_RUNNING);
	KUNIT_EXPECT_EQ(test, fake->bm.holds, 0);
}

static void device_that_is_used_does_not(struct kunit *test)
{
	struct fake *fake = start(test);
	struct bm_request *rq = fake_submit(fake);

	KUNIT_EXPECT_EQ(test, sleep(fake), -EBUSY);
	KUNIT_EXPECT_EQ(test, sleep(fake), -EBUSY); /* in flight */
	serve(fake, rq);
	KUNIT_EXPECT_EQ(test, fake->stops, 0);
	KUNIT_EXPECT_EQ(test, sleep(fake), 0);
}

/* All of it between two looks. */
static void device_that_was_used_does_not(struct kunit *test)
{
	struct fake *fake = start(test);

	serve(fake, fake_submit(fake));
	KUNIT_EXPECT_EQ(test, sleep(fake), -EBUSY);
	KUNIT_EXPECT_EQ(test, sleep(fake), 0);
}

static void device_that_is_mapped_does_not(struct kunit *test)
{
	struct fake *fake = start(test);

	atomic_inc(&fake->bm.mapped);
	KUNIT_EXPECT_EQ(test, sleep(fake), -EBUSY);
	KUNIT_EXPECT_EQ(test, sleep(fake), -EBUSY);
	atomic_dec(&fake->bm.mapped);
	KUNIT_EXPECT_EQ(test, sleep(fake), 0);
}

/* As in a reset, which would start it, were it not for somebody else who holds it then. */
static void device_with_parked_commands_does_not(struct kunit *test)
{
	struct fake *fake = start(test);
	struct bm_request *rq;

	fake_stop(fake);
	complete_all(&fake->may_reset);
	rq = fake_submit(fake);
	KUNIT_EXPECT_EQ(test, rq->state, BM_RQ_PARKED);
	KUNIT_EXPECT_EQ(test, sleep(fake), -EBUSY);
	fake_start_again(fake);
	serve(fake, rq);
}

static void command_wakes_it(struct kunit *test)
{
	struct fake *fake = start(test);
	struct bm_request *rq;

	KUNIT_ASSERT_EQ(test, sleep(fake), 0);
	rq = fake_submit(fake);
	settle(fake);
	KUNIT_EXPECT_EQ(test, fake->bm.state, BM_RUNNING);
	serve(fake, rq);
}

static void submit(struct fake *fake)
{
	fake->on_hold = NULL;
	KUNIT_EXPECT_EQ(fake->test, fake_submit(fake)->state, BM_RQ_PARKED);
}

/* After it was looked whether it is idle, and before the core calls it suspended. */
static void command_while_it_falls_asleep_wakes_it(struct kunit *test)
{
	struct fake *fake = start(test);

	fake->on_hold = submit;
	sleep(fake);
	settle(fake);
	KUNIT_EXPECT_EQ(test, fake->stops, 1);
	KUNIT_EXPECT_EQ(test, fake->bm.state, BM_RUNNING);
	KUNIT_EXPECT_EQ(test, fake->bm.queues[0].flying, 1);
}

static void lend(struct fake *fake)
{
	atomic_inc(&fake->bm.mapped);
}

/* Its memory was lent after it was looked, and nobody will ask again for what he has. */
static void device_that_is_lent_while_it_falls_asleep_does_not(struct kunit *test)
{
	struct fake *fake = start(test);

	fake->on_hold = lend;
	KUNIT_EXPECT_EQ(test, sleep(fake), -EBUSY);
	KUNIT_EXPECT_EQ(test, fake->stops, 1);
	KUNIT_EXPECT_EQ(test, fake->bm.state, BM_RUNNING);
	KUNIT_EXPECT_EQ(test, fake->bm.holds, 0);
	atomic_dec(&fake->bm.mapped);
}

/* Who reset it meanwhile lets go of it, but does not wake it; who wakes it does not start it. */
static void last_who_holds_it_starts_it(struct kunit *test)
{
	struct fake *fake = start(test);

	KUNIT_ASSERT_EQ(test, sleep(fake), 0);
	bm_error_handlers.reset_prepare(&fake->pdev);
	KUNIT_EXPECT_EQ(test, pm_runtime_resume(&fake->pdev.dev), 0);
	KUNIT_EXPECT_EQ(test, fake->bm.state, BM_STOPPED);
	bm_error_handlers.reset_done(&fake->pdev);
	KUNIT_EXPECT_EQ(test, fake->bm.state, BM_RUNNING);
	KUNIT_EXPECT_EQ(test, fake->starts, 1);
}

/* The core wakes all functions below a port before it says that the link has failed. */
static void device_whose_link_has_failed_waits_for_the_recovery(struct kunit *test)
{
	struct fake *fake = start(test);

	KUNIT_ASSERT_EQ(test, sleep(fake), 0);
	fake->config.absent = true;
	KUNIT_EXPECT_EQ(test, pm_runtime_resume(&fake->pdev.dev), 0);
	KUNIT_EXPECT_EQ(test, fake->bm.state, BM_STOPPED);
	KUNIT_EXPECT_EQ(test, fake->bm.holds, BIT(BM_HOLD_ERROR));

	fake->pdev.error_state = pci_channel_io_frozen;
	KUNIT_EXPECT_TRUE(test, bm_error_handlers.error_detected(&fake->pdev, pci_channel_io_frozen)
					== PCI_ERS_RESULT_NEED_RESET);
	fake->pdev.error_state = pci_channel_io_normal;
	fake->config.absent = false;
	KUNIT_EXPECT_TRUE(test, bm_error_handlers.slot_reset(&fake->pdev)
					== PCI_ERS_RESULT_RECOVERED);
	bm_error_handlers.resume(&fake->pdev);
	KUNIT_EXPECT_EQ(test, fake->bm.state, BM_RUNNING);
}

/* There may be none: the device has lost its power. */
static void device_that_is_not_there_when_it_wakes_is_given_up(struct kunit *test)
{
	struct fake *fake = start(test);

	KUNIT_ASSERT_EQ(test, sleep(fake), 0);
	fake->config.absent = true;
	KUNIT_EXPECT_EQ(test, pm_runtime_resume(&fake->pdev.dev), 0);
	flush_delayed_work(&fake->bm.error_work);
	KUNIT_EXPECT_EQ(test, fake->bm.state, BM_DEAD);
}

static struct kunit_case power_cases[] = {
	KUNIT_CASE(device_that_is_not_used_sleeps),
	KUNIT_CASE(device_that_is_used_does_not),
	KUNIT_CASE(device_that_was_used_does_not),
	KUNIT_CASE(device_that_is_mapped_does_not),
	KUNIT_CASE(device_with_parked_commands_does_not),
	KUNIT_CASE(command_wakes_it),
	KUNIT_CASE(command_while_it_falls_asleep_wakes_it),
	KUNIT_CASE(device_that_is_lent_while_it_falls_asleep_does_not),
	KUNIT_CASE(last_who_holds_it_starts_it),
	KUNIT_CASE(device_whose_link_has_failed_waits_for_the_recovery),
	KUNIT_CASE(device_that_is_not_there_when_it_wakes_is_given_up),
	{}
};

static struct kunit_suite power_suite = {
	.name = "busmaster-power",
	.test_cases = power_cases,
};

kunit_test_suite(power_suite);
