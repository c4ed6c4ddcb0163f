// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: who may touch a device that may be removed meanwhile, and its BARs, which a reset
 * of the function closes.
 */
#include <linux/pm_runtime.h>

#include "busmaster.h"

/**
 * bm_enter() - begin to use a device
 * @bm: device
 *
 * Its registers and queues stay until bm_exit(). May be held while sleeping, but not for
 * longer than a command may take: remove() waits for it. Any context.
 *
 * Return: a cookie for bm_exit(); or -ENODEV if there is no device to use any more, and
 * then there is nothing to exit from.
 */
int bm_enter(struct bm_dev *bm)
{
	int idx = srcu_read_lock(&bm->users);

	if (bm_present(bm)) {
		__release(&bm->users); /* sparse knows no lock that is taken or not */
		return idx;
	}
	srcu_read_unlock(&bm->users, idx);
	return -ENODEV;
}

/**
 * bm_present() - is there a device to use?
 * @bm: device
 *
 * Of the answer yes only bm_enter() makes something that can be relied on. Any context.
 */
bool bm_present(struct bm_dev *bm)
{
	return READ_ONCE(bm->state) != BM_DEAD;
}

/**
 * bm_exit() - end what bm_enter() began
 * @bm: device
 * @idx: what bm_enter() returned, not negative
 */
void bm_exit(struct bm_dev *bm, int idx)
{
	__acquire(&bm->users);
	srcu_read_unlock(&bm->users, idx);
}

/**
 * bm_wake() - somebody waits for a device that is stopped: should it sleep, it is resumed
 * @bm: device, between bm_enter() and bm_exit()
 *
 * Any context. Does not wait for it.
 */
void bm_wake(struct bm_dev *bm)
{
	pm_request_resume(&bm->pdev->dev);
}

/**
 * bm_leave() - nobody waits for a device that is stopped any more: it is about to be removed
 * @bm: device
 *
 * One that runs is used as before. Remove waits for whoever uses its files.
 */
void bm_leave(struct bm_dev *bm)
{
	WRITE_ONCE(bm->leaving, true);
	wake_up_all(&bm->state_wait);
}

/* Is there an end to the wait for a start? If not, and it is asleep, it is woken: once more. */
static bool bm_bar_waited(struct bm_dev *bm)
{
	int idx;

	if (READ_ONCE(bm->state) != BM_STOPPED || READ_ONCE(bm->leaving))
		return true;
	idx = bm_enter(bm);
	if (idx < 0)
		return true;
	bm_wake(bm);
	bm_exit(bm, idx);
	return false;
}

/**
 * bm_bar_wait() - wait while the device is stopped, killably; one that sleeps is woken
 * @bm: device
 *
 * May sleep: for as long as a reset takes, or until resume; not if it is being removed.
 *
 * Return: 0; or -EINTR, after a fatal signal.
 */
int bm_bar_wait(struct bm_dev *bm)
{
	return wait_event_killable(bm->state_wait, bm_bar_waited(bm)) ? -EINTR : 0;
}

/**
 * bm_bar_enter() - begin to read or write registers or device memory
 * @bm: device
 *
 * The function is powered and decodes its BARs until bm_bar_exit(), for whose sake resets wait:
 * so the caller does not sleep in between. May sleep, as bm_bar_wait().
 *
 * Return: 0; -ENODEV if there is no device any more, or it is stopped and will be removed; -EINTR.
 */
int bm_bar_enter(struct bm_dev *bm)
{
	int err;

	for (;;) {
		err = bm_bar_wait(bm);
		if (err)
			return err;
		down_read(&bm->bar_lock);
		if (bm->state == BM_RUNNING)
			return 0;
		up_read(&bm->bar_lock);
		if (!bm_present(bm) || READ_ONCE(bm->leaving))
			return -ENODEV;
	}
}

/**
 * bm_bar_exit() - end what bm_bar_enter() began
 * @bm: device
 */
void bm_bar_exit(struct bm_dev *bm)
{
	up_read(&bm->bar_lock);
}
