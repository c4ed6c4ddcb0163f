// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: what stands in for fence.c and state.c, which cannot be compiled here.
 *
 * bm_start() and bm_stop() count, and do with the queues what the real ones do, without a PCI
 * bus; bm_hold() and bm_release() call them; bm_enter() and bm_exit() count, too.
 */
#include <linux/pm_runtime.h>

#include "fake.h"

/* What bm_enter() returns, and bm_exit() takes. */
#define FAKE_COOKIE 47

int bm_enter(struct bm_dev *bm)
{
	if (!bm_present(bm))
		return -ENODEV;
	atomic_inc(&fake_of(bm)->users);
	return FAKE_COOKIE;
}

bool bm_present(struct bm_dev *bm)
{
	return READ_ONCE(bm->state) != BM_DEAD;
}

void bm_exit(struct bm_dev *bm, int idx)
{
	struct fake *fake = fake_of(bm);

	KUNIT_EXPECT_EQ(fake->test, idx, FAKE_COOKIE);
	KUNIT_EXPECT_GE(fake->test, atomic_dec_return(&fake->users), 0);
}

void bm_wake(struct bm_dev *bm)
{
	pm_request_resume(&bm->pdev->dev);
}

int bm_bar_wait(struct bm_dev *bm)
{
	return 0;
}

int bm_bar_enter(struct bm_dev *bm)
{
	return bm_enter(bm) < 0 ? -ENODEV : 0;
}

void bm_bar_exit(struct bm_dev *bm)
{
	bm_exit(bm, FAKE_COOKIE);
}

static void fake_set_state(struct bm_dev *bm, enum bm_state state)
{
	lockdep_assert_held(&bm->state_lock);
	WRITE_ONCE(bm->state, state);
	raw_notifier_call_chain(&bm->states, state, bm);
	wake_up_all(&bm->state_wait);
}

void bm_kill(struct bm_dev *bm)
{
	unsigned int i;

	fake_set_state(bm, BM_DEAD);
	for (i = 0; i < bm_total_queues(bm); i++) {
		bm_queue_fail_parked(&bm->queues[i], -ENODEV);
		wake_up_all(&bm->queues[i].free_wait);
	}
}

int bm_start(struct bm_dev *bm)
{
	struct fake *fake = fake_of(bm);
	struct bm_report report;
	unsigned int i;
	int err;

	lockdep_assert_held(&bm->state_lock);
	fake->starts++;
	WRITE_ONCE(bm->deaf, false);
	err = fake->start_error ?: bm_hw_report(bm, &report);
	if (err) {
		bm_alarm_dead(bm, err);
		bm_kill(bm);
		return err;
	}
	for (i = 0; i < bm_total_queues(bm); i++) {
		fake_queue_reset(&bm->queues[i]);
		err = bm_queue_start(&bm->queues[i]);
		if (err)
			return err;
	}
	fake_set_state(bm, BM_RUNNING);
	return 0;
}

void bm_stop(struct bm_dev *bm)
{
	unsigned int i;

	lockdep_assert_held(&bm->state_lock);
	wait_for_completion(&fake_of(bm)->may_reset);
	fake_of(bm)->stops++;
	fake_set_state(bm, BM_STOPPED);
	for (i = 0; i < bm_total_queues(bm); i++) {
		bm_queue_stop(&bm->queues[i]);
		bm_queue_reap_all(&bm->queues[i]);
		bm_queue_fail_all(&bm->queues[i], -EIO);
	}
	cancel_work(&bm->reset_work);
}

void bm_hold(struct bm_dev *bm, enum bm_hold why)
{
	mutex_lock(&bm->state_lock);
	bm->holds |= BIT(why);
	if (bm->state == BM_RUNNING)
		bm_stop(bm);
	mutex_unlock(&bm->state_lock);
	if (fake_of(bm)->on_hold)
		fake_of(bm)->on_hold(fake_of(bm));
}

int bm_release(struct bm_dev *bm, enum bm_hold why)
{
	int err = 0;

	mutex_lock(&bm->state_lock);
	bm->holds &= ~BIT(why);
	if (bm->state == BM_STOPPED && !bm->holds)
		err = bm_start(bm);
	mutex_unlock(&bm->state_lock);
	return err;
}

/* Stop it, and start it again, as who suspends and resumes it: without waiting for a test. */
void fake_stop(struct fake *fake)
{
	complete_all(&fake->may_reset);
	mutex_lock(&fake->bm.state_lock);
	bm_stop(&fake->bm);
	mutex_unlock(&fake->bm.state_lock);
	fake->stops_seen = fake->stops;
	reinit_completion(&fake->may_reset);
}

void fake_start_again(struct fake *fake)
{
	mutex_lock(&fake->bm.state_lock);
	KUNIT_EXPECT_EQ(fake->test, bm_start(&fake->bm), 0);
	mutex_unlock(&fake->bm.state_lock);
}

/* End all that is in flight, and all waiting: the device is dead, and stays so. */
void fake_give_up(struct fake *fake)
{
	struct bm_dev *bm = &fake->bm;
	unsigned int i;

	fake->start_error = -ENODEV;
	complete_all(&fake->may_reset);
	fake_flush_reset(fake);
	WRITE_ONCE(bm->state, BM_DEAD);
	for (i = 0; i < bm_total_queues(bm); i++) {
		bm_queue_stop(&bm->queues[i]);
		bm_queue_fail_all(&bm->queues[i], -EIO);
	}
	mutex_lock(&bm->state_lock);
	bm_kill(bm);
	mutex_unlock(&bm->state_lock);
}
