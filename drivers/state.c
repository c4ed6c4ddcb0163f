// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: a device's states: quiesce, stop and start; and who holds it stopped.
 *
 * Whatever interrupts a device that has been built (a reset, suspend, FLR, a controller
 * that went wrong, remove) is bm_stop(), and bm_start() where it is to work again. Who has the
 * time begins with bm_quiesce(): then nobody sees an error. Inside, bm_bring_up() and
 * bm_tear_down() are each other's mirror image.
 */
#include "busmaster.h"
#include "trace.h"

static void bm_state_set(struct bm_dev *bm, enum bm_state state)
{
	lockdep_assert_held(&bm->state_lock);
	down_write(&bm->bar_lock);
	WRITE_ONCE(bm->state, state);
	trace_bm_state(bm, state);
	up_write(&bm->bar_lock);
	raw_notifier_call_chain(&bm->states, state, bm);
	wake_up_all(&bm->state_wait);
}

/*
 * From a device whose queues run, or some of them, back to silence. The order matters: no
 * new work; no DMA (a reset, and should it not be heeded, bus mastering off); no interrupt;
 * then what has really finished is reaped, and only then, when the device cannot reach
 * its memory any more, the rest is failed, upon which its memory is unmapped. Returns what
 * bm_reset_ask() said.
 */
static int bm_tear_down(struct bm_dev *bm)
{
	int i, nr = bm_total_queues(bm);
	int err;

	for (i = nr - 1; i >= 0; i--)
		bm_queue_stop(&bm->queues[i]);
	err = bm_reset_ask(bm);
	pci_clear_master(bm->pdev);
	if (!err)
		bm_config_save(bm);
	else if (err != -ENODEV)
		pci_wait_for_pending_transaction(bm->pdev);
	bm_vectors_disable(bm);

	for (i = nr - 1; i >= 0; i--) {
		bm_queue_reap_all(&bm->queues[i]);
		bm_queue_fail_all(&bm->queues[i], -EIO);
	}
	return err;
}

/* From silence to a device whose queues run; on error it is silent again. */
static int bm_bring_up(struct bm_dev *bm)
{
	unsigned int i;
	int err;

	err = bm_reset(bm);
	if (err)
		return err;
	bm_vectors_enable(bm);
	pci_set_master(bm->pdev);
	err = bm_hw_enable(bm);
	for (i = 0; !err && i < bm_total_queues(bm); i++)
		err = bm_queue_start(&bm->queues[i]);
	if (err)
		bm_tear_down(bm);
	return err;
}

/**
 * bm_state_init() - before all else
 * @bm: zeroed device, which is STOPPED by that
 */
void bm_state_init(struct bm_dev *bm)
{
	mutex_init(&bm->state_lock);
	init_rwsem(&bm->bar_lock);
	RAW_INIT_NOTIFIER_HEAD(&bm->states);
	init_waitqueue_head(&bm->state_wait);
	init_waitqueue_head(&bm->idle);
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
	for (i = 0; i < bm_total_queues(bm); i++) {
		bm_queue_fail_parked(&bm->queues[i], -ENODEV);
		wake_up_all(&bm->queues[i].free_wait);
	}
}

/**
 * bm_start() - from a stopped device to one that serves
 * @bm: device that probe has built; state_lock is held
 *
 * Begins with a reset: whatever a previous owner left running, ends. Allocates nothing, asks
 * for nothing that can be refused, and heeds no signal. May sleep.
 *
 * Return: 0; or a negative errno, and then the device is silent, and dead; or only stopped, if
 * its bus has failed and is to recover.
 */
int bm_start(struct bm_dev *bm)
{
	int err;

	lockdep_assert_held(&bm->state_lock);
	if (bm->state != BM_STOPPED)
		return -ENODEV;

	WRITE_ONCE(bm->deaf, false);
	err = bm_bring_up(bm);
	if (err == -ETIMEDOUT)
		err = bm_reset_function(bm) ?: bm_bring_up(bm);
	if (err && bm->pdev->error_state == pci_channel_io_frozen)
		return err;
	if (err) {
		bm_alarm_dead(bm, err);
		bm_kill(bm);
		return err;
	}
	bm_clock_trace(bm);
	bm_state_set(bm, BM_RUNNING);
	return 0;
}

/* Nothing is gained by waiting for it: nobody will complete what is in flight. */
static bool bm_queue_hopeless(struct bm_queue *q)
{
	bool busy = false, overdue = bm_queue_overdue(q, &busy);

	return busy && (overdue || !READ_ONCE(q->running));
}

/**
 * bm_quiesce() - let end what is in flight; nothing new begins, but is parked
 * @bm: device; state_lock is held. Nothing happens if it is not running
 *
 * bm_stop() is to follow, and has nothing to fail, unless the device does not do its part: it
 * is waited for as long as a time-out without progress, and not at all if it is gone. May
 * sleep.
 */
void bm_quiesce(struct bm_dev *bm)
{
	struct bm_report report;
	bool hopeless;
	unsigned int i;

	lockdep_assert_held(&bm->state_lock);
	if (bm->state != BM_RUNNING)
		return;
	for (i = 0; i < bm_total_queues(bm); i++)
		bm_queue_quiesce(&bm->queues[i]);
	do {
		hopeless = bm_hw_report(bm, &report) || report.status & BM_STATUS_FATAL;
		for (i = 0; i < bm_total_queues(bm); i++) {
			if (bm->queues[i].polled)
				bm_queue_reap_all(&bm->queues[i]);
			hopeless |= bm_queue_hopeless(&bm->queues[i]);
		}
	} while (!hopeless &&
		 !wait_event_timeout(bm->idle, !bm_in_flight(bm), msecs_to_jiffies(10)));
}

/**
 * bm_stop() - the device serves no more, and reaches no memory
 * @bm: device; state_lock is held. Nothing happens if it is not running
 *
 * What is in flight has ended when this returns, and the BAR is in nobody's address space.
 * Whatever asked for a reset meanwhile has had one. A function-level reset, if it takes one,
 * closes the BAR to the device's peers, too: so they are told, and waited for, first. May sleep.
 */
void bm_stop(struct bm_dev *bm)
{
	int err;

	lockdep_assert_held(&bm->state_lock);
	if (bm->state != BM_RUNNING)
		return;
	bm_state_set(bm, BM_STOPPED);
	err = bm_tear_down(bm);
	raw_notifier_call_chain(&bm->states, BM_SILENT, bm);
	if (err && err != -ENODEV)
		bm_reset_function(bm);
	cancel_work(&bm->reset_work);
}

/**
 * bm_hold() - let end what is in flight, and stop the device until bm_release()
 * @bm: device
 * @why: nothing happens if it is held for that already
 *
 * May sleep, as bm_quiesce().
 */
void bm_hold(struct bm_dev *bm, enum bm_hold why)
{
	mutex_lock(&bm->state_lock);
	WRITE_ONCE(bm->holds, bm->holds | BIT(why));
	bm_quiesce(bm);
	bm_stop(bm);
	mutex_unlock(&bm->state_lock);
}

/**
 * bm_release() - start the device again, unless somebody else still holds it
 * @bm: device
 * @why: nothing happens if it is not held for that
 *
 * May sleep, as bm_start().
 *
 * Return: 0; or what bm_start() returned. One that was dead before is so afterwards: nothing has
 * failed here.
 */
int bm_release(struct bm_dev *bm, enum bm_hold why)
{
	int err = 0;

	mutex_lock(&bm->state_lock);
	WRITE_ONCE(bm->holds, bm->holds & ~BIT(why));
	if (bm->state == BM_STOPPED && !bm->holds)
		err = bm_start(bm);
	mutex_unlock(&bm->state_lock);
	return err;
}
