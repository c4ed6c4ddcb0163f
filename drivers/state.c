// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: a device's states, and the one pair bm_start() and bm_stop().
 *
 * Whatever interrupts a device that has been built (a reset, suspend, FLR, a controller
 * that went wrong, remove) is bm_stop(), and bm_start() where it is to work again.
 * Inside, bm_bring_up() and bm_tear_down() are each other's mirror image.
 */
#include "busmaster.h"

static void bm_state_set(struct bm_dev *bm, enum bm_state state)
{
	lockdep_assert_held(&bm->state_lock);
	WRITE_ONCE(bm->state, state);
	raw_notifier_call_chain(&bm->states, state, bm);
}

/*
 * From a device with its event interrupt and @nr running queues back to silence. The
 * order matters: no new work; no DMA (a reset, and should none be heeded, bus mastering
 * off); no interrupt; then what has really finished is reaped, and only then, when
 * the device cannot reach its memory any more, the rest is failed, upon which its
 * memory is unmapped.
 */
static void bm_tear_down(struct bm_dev *bm, int nr)
{
	int i;

	for (i = nr - 1; i >= 0; i--)
		bm_queue_stop(&bm->queues[i]);
	bm_reset(bm);
	pci_clear_master(bm->pdev);
	for (i = nr - 1; i >= 0; i--)
		bm_vectors_release(&bm->queues[i]);
	bm_vectors_release_event(bm);

	for (i = nr - 1; i >= 0; i--) {
		bm_queue_reap_all(&bm->queues[i]);
		bm_queue_fail_all(&bm->queues[i], -EIO);
	}
}

/* From silence to a device whose queues run; on error it is silent again. */
static int bm_bring_up(struct bm_dev *bm)
{
	int err, i;

	err = bm_reset(bm);
	if (err)
		return err;
	err = bm_vectors_request_event(bm);
	if (err)
		return err;
	pci_set_master(bm->pdev);
	err = bm_hw_enable(bm);
	for (i = 0; !err && i < bm_total_queues(bm); i++) {
		err = bm_vectors_request(&bm->queues[i]);
		if (err)
			break;
		err = bm_queue_start(&bm->queues[i]);
	}
	if (err)
		bm_tear_down(bm, i);
	return err;
}

/**
 * bm_kill() - no use of the device succeeds any more
 * @bm: stopped device; state_lock is held
 *
 * Whoever waits for it is told. Any number of times.
 */
void bm_kill(struct bm_dev *bm)
{
	unsigned int i;

	bm_state_set(bm, BM_DEAD);
	for (i = 0; i < bm_total_queues(bm); i++)
		wake_up_all(&bm->queues[i].free_wait);
}

/**
 * bm_start() - from a stopped device to one that serves
 * @bm: device that probe has built; state_lock is held
 *
 * Begins with a reset: whatever a previous owner left running, ends. May sleep.
 *
 * Return: 0; or a negative errno, and then the device is silent, and dead.
 */
int bm_start(struct bm_dev *bm)
{
	int err;

	lockdep_assert_held(&bm->state_lock);
	if (bm->state != BM_STOPPED)
		return -ENODEV;

	err = bm_bring_up(bm);
	if (err == -ETIMEDOUT)
		err = bm_reset_function(bm) ?: bm_bring_up(bm);
	if (err) {
		bm_alarm_dead(bm, err);
		bm_kill(bm);
		return err;
	}
	bm_state_set(bm, BM_RUNNING);
	return 0;
}

/**
 * bm_stop() - the device serves no more, and reaches no memory
 * @bm: device; state_lock is held. Nothing happens if it is not running
 *
 * Requests in flight have ended when this returns. May sleep.
 */
void bm_stop(struct bm_dev *bm)
{
	lockdep_assert_held(&bm->state_lock);
	if (bm->state != BM_RUNNING)
		return;
	bm_state_set(bm, BM_STOPPED);
	bm_tear_down(bm, bm_total_queues(bm));
}
