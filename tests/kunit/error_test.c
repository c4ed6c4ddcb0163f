// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: the bus fails, and recovers: what the PCI core is told, and what becomes of
 * the commands; and that nobody touches a device whose channel is offline.
 */
#include "fake.h"

#define DEPTH 4

/* A device that runs; stops of it need not wait for the test. */
static struct fake *start(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);

	complete_all(&fake->may_reset);
	return fake;
}

static pci_ers_result_t detect(struct fake *fake, pci_channel_state_t channel)
{
	fake->pdev.error_state = channel;
	return bm_error_handlers.error_detected(&fake->pdev, channel);
}

static pci_ers_result_t mmio_enabled(struct fake *fake)
{
	return bm_error_handlers.mmio_enabled(&fake->pdev);
}

/* As the core goes on once the link is reset. */
static pci_ers_result_t slot_reset(struct fake *fake)
{
	fake->pdev.error_state = pci_channel_io_normal;
	return bm_error_handlers.slot_reset(&fake->pdev);
}

static void resume(struct fake *fake)
{
	bm_error_handlers.resume(&fake->pdev);
}

static void expect_ended(struct bm_request *rq, int error)
{
	struct fake *fake = container_of(rq->queue->bm, struct fake, bm);

	KUNIT_EXPECT_EQ(fake->test, fake_done_count(rq), 1);
	KUNIT_EXPECT_EQ(fake->test, rq->error, error);
}

static void non_fatal_error_stops_nothing(struct kunit *test)
{
	struct fake *fake = start(test);
	struct bm_request *rq = fake_submit(fake);

	KUNIT_EXPECT_TRUE(test, detect(fake, pci_channel_io_normal) == PCI_ERS_RESULT_CAN_RECOVER);
	KUNIT_EXPECT_TRUE(test, mmio_enabled(fake) == PCI_ERS_RESULT_RECOVERED);
	resume(fake);
	KUNIT_EXPECT_EQ(test, fake->stops, 0);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_BUS_NONFATAL), 1);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_BUS_FATAL), 0);
	KUNIT_EXPECT_EQ(test, fake->bm.losses, 0);
	KUNIT_EXPECT_EQ(test, fake_serve(rq->queue), 1);
	bm_queue_reap_all(rq->queue);
	expect_ended(rq, 0);
}

/* Before Linux 6.19 nothing is reset by that; should it be, it is no reset that nobody told of. */
static void device_that_is_not_well_has_the_slot_reset(struct kunit *test)
{
	struct fake *fake = start(test);

	detect(fake, pci_channel_io_normal);
	fake_poke32(fake, BM_REG_STATUS, BM_STATUS_READY | BM_STATUS_FATAL);
	KUNIT_EXPECT_TRUE(test, mmio_enabled(fake) == PCI_ERS_RESULT_NEED_RESET);
	fake_flush_reset(fake);
	fake_poke32(fake, BM_REG_STATUS, BM_STATUS_READY);
	KUNIT_EXPECT_TRUE(test, slot_reset(fake) == PCI_ERS_RESULT_RECOVERED);
	KUNIT_EXPECT_EQ(test, fake->bm.state, BM_STOPPED);
	KUNIT_EXPECT_EQ(test, fake->config.restores, 1);
	resume(fake);
	KUNIT_EXPECT_EQ(test, fake->bm.state, BM_RUNNING);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_FOREIGN_RESET), 0);
}

/* What is in flight fails, once; what comes meanwhile is parked, and goes on afterwards. */
static void fatal_error_is_survived(struct kunit *test)
{
	struct fake *fake = start(test);
	struct bm_request *lost = fake_submit(fake), *parked;
	void *config = fake->bm.config;

	KUNIT_EXPECT_TRUE(test, detect(fake, pci_channel_io_frozen) == PCI_ERS_RESULT_NEED_RESET);
	expect_ended(lost, -EIO);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_BUS_FATAL), 1);
	KUNIT_EXPECT_EQ(test, fake->bm.losses, 1);
	parked = fake_submit(fake);
	KUNIT_EXPECT_EQ(test, parked->state, BM_RQ_PARKED);

	KUNIT_EXPECT_TRUE(test, slot_reset(fake) == PCI_ERS_RESULT_RECOVERED);
	KUNIT_EXPECT_EQ(test, fake->config.restores, 1);
	KUNIT_EXPECT_PTR_EQ(test, fake->bm.config, config);
	KUNIT_EXPECT_FALSE(test, fake->config.command & PCI_COMMAND_MASTER);
	KUNIT_EXPECT_EQ(test, fake->starts, 0);
	resume(fake);
	KUNIT_EXPECT_EQ(test, fake->starts, 1);
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&fake->bm.error_work));
	KUNIT_EXPECT_EQ(test, fake_serve(parked->queue), 1);
	bm_queue_reap_all(parked->queue);
	expect_ended(parked, 0);
}

/* Until it is told that the bus is well again. */
static void channel_that_is_offline_is_left_alone(struct kunit *test)
{
	struct fake *fake = start(test);
	struct bm_queue *q = &fake->bm.queues[0];
	struct bm_report report;
	unsigned int reads;

	fake_untouch(q, BM_QREG_SQ_TAIL);
	fake_poke32(fake, BM_REG_CTRL, FAKE_UNTOUCHED);
	fake->pdev.error_state = pci_channel_io_frozen;
	reads = fake_bus.reads;
	fake_submit(fake);
	KUNIT_EXPECT_EQ(test, bm_hw_report(&fake->bm, &report), -ENODEV);
	mutex_lock(&fake->bm.state_lock);
	KUNIT_EXPECT_EQ(test, bm_reset(&fake->bm), -ENODEV);
	mutex_unlock(&fake->bm.state_lock);
	detect(fake, pci_channel_io_frozen);
	fake_watch(fake);
	KUNIT_EXPECT_EQ(test, fake_bus.reads, reads);
	KUNIT_EXPECT_EQ(test, fake_doorbell(q, BM_QREG_SQ_TAIL), FAKE_UNTOUCHED);
	KUNIT_EXPECT_EQ(test, fake_peek32(fake, BM_REG_CTRL), FAKE_UNTOUCHED);
	KUNIT_EXPECT_EQ(test, fake->flrs, 0);
	KUNIT_EXPECT_EQ(test, fake->config.restores, 0);
}

/* Somebody else does: it is not started by that. */
static void recovery_may_find_that_nobody_is_there(struct kunit *test)
{
	struct fake *fake = start(test);

	detect(fake, pci_channel_io_frozen);
	fake->config.absent = true;
	KUNIT_EXPECT_TRUE(test, slot_reset(fake) == PCI_ERS_RESULT_DISCONNECT);
	KUNIT_EXPECT_EQ(test, fake->starts, 0);
}

static void expect_dead(struct fake *fake, struct bm_request *parked)
{
	flush_delayed_work(&fake->bm.error_work);
	KUNIT_EXPECT_EQ(fake->test, fake->bm.state, BM_DEAD);
	expect_ended(parked, -ENODEV);
}

/* The core says nothing when another driver had no part in it, for example. */
static void recovery_that_does_not_end_has_an_end(struct kunit *test)
{
	struct fake *fake = start(test);

	detect(fake, pci_channel_io_frozen);
	KUNIT_EXPECT_TRUE(test, delayed_work_pending(&fake->bm.error_work));
	expect_dead(fake, fake_submit(fake));
	resume(fake);
	KUNIT_EXPECT_EQ(test, fake->starts, 0);
}

static void permanent_failure_is_the_end(struct kunit *test)
{
	struct fake *fake = start(test);
	struct bm_request *parked;

	fake_stop(fake);
	complete_all(&fake->may_reset);
	parked = fake_submit(fake);
	KUNIT_EXPECT_TRUE(test, detect(fake, pci_channel_io_perm_failure) ==
			  PCI_ERS_RESULT_DISCONNECT);
	expect_dead(fake, parked);
}

/* Its neighbours recover without it. */
static void dead_device_has_no_say(struct kunit *test)
{
	struct fake *fake = start(test);

	fake_give_up(fake);
	KUNIT_EXPECT_TRUE(test, detect(fake, pci_channel_io_frozen) == PCI_ERS_RESULT_NONE);
	KUNIT_EXPECT_TRUE(test, slot_reset(fake) == PCI_ERS_RESULT_NONE);
	resume(fake);
	KUNIT_EXPECT_EQ(test, fake->config.restores, 0);
	KUNIT_EXPECT_EQ(test, fake->starts, 0);
}

static void corrected_errors_are_counted(struct kunit *test)
{
	struct fake *fake = start(test);

	bm_error_handlers.cor_error_detected(&fake->pdev);
	bm_error_handlers.cor_error_detected(&fake->pdev);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_BUS_CORRECTABLE), 2);
	KUNIT_EXPECT_EQ(test, fake->stops, 0);
}

/* The core tells of these without a lock: of a function that has no device yet, or is unbound. */
static void corrected_error_may_find_nobody(struct kunit *test)
{
	struct fake *fake = start(test);

	device_lock(&fake->pdev.dev);
	bm_error_handlers.cor_error_detected(&fake->pdev);
	device_unlock(&fake->pdev.dev);
	pci_set_drvdata(&fake->pdev, NULL);
	bm_error_handlers.cor_error_detected(&fake->pdev);
	pci_set_drvdata(&fake->pdev, &fake->bm);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_BUS_CORRECTABLE), 0);
}

static struct kunit_case error_cases[] = {
	KUNIT_CASE(non_fatal_error_stops_nothing),
	KUNIT_CASE(device_that_is_not_well_has_the_slot_reset),
	KUNIT_CASE(fatal_error_is_survived),
	KUNIT_CASE(channel_that_is_offline_is_left_alone),
	KUNIT_CASE(recovery_may_find_that_nobody_is_there),
	KUNIT_CASE(recovery_that_does_not_end_has_an_end),
	KUNIT_CASE(permanent_failure_is_the_end),
	KUNIT_CASE(dead_device_has_no_say),
	KUNIT_CASE(corrected_errors_are_counted),
	KUNIT_CASE(corrected_error_may_find_nobody),
	{}
};

static struct kunit_suite error_suite = {
	.name = "busmaster-error",
	.test_cases = error_cases,
};

kunit_test_suite(error_suite);
