// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: what goes wrong, and what is done about it.
 *
 * A command that is not answered in time is first looked for in the ring, as its
 * interrupt may have been lost; if it is not there, the device is reset. A device that
 * says what cannot be true, or halts, is reset, too. All resets are one: bm_stop() and
 * bm_start(). One that does not heed CTRL.RESET has a function-level reset; and one that
 * heeds nothing, or is gone, is dead: it has lost bus mastering before any memory was let
 * go of, and does not get it back. What refused DMA leads to is in fault.c.
 *
 * Without bus mastering a device can neither fetch a command nor send an interrupt:
 * its registers alone can tell. So the watchdog reads them while commands are in
 * flight.
 *
 * What went wrong is counted by name, in errors/.
 */
#include <linux/interrupt.h>

#include "busmaster.h"

static void bm_reset_work(struct work_struct *work)
{
	struct bm_dev *bm = container_of(work, struct bm_dev, reset_work);

	mutex_lock(&bm->state_lock);
	if (bm->state == BM_RUNNING) {
		bm_stop(bm);
		cancel_work(work); /* what was found meanwhile is over, too */
		atomic64_inc(&bm->resets);
		if (!bm_start(bm))
			dev_info(&bm->dev, "works again after a reset\n");
	}
	mutex_unlock(&bm->state_lock);
}

/**
 * bm_recover_reset() - reset the device soon
 * @bm: device
 * @why: for the log
 *
 * Any context. All requests in flight fail with -EIO; those that come meanwhile
 * wait. If somebody else has stopped the device, nothing is done: their start
 * resets it.
 */
void bm_recover_reset(struct bm_dev *bm, const char *why)
{
	if (schedule_work(&bm->reset_work))
		dev_err(&bm->dev, "to be reset: %s\n", why);
}

static const char *bm_halt_text(int cause)
{
	switch (cause) {
	case BM_HALT_BAD_GEOMETRY:
		return "its rings are out of bounds";
	case BM_HALT_BAD_TAIL:
		return "a submission doorbell out of bounds";
	case BM_HALT_BAD_HEAD:
		return "a completion doorbell out of bounds";
	case BM_HALT_SQ_FAULT:
		return "DMA refused while it fetched a submission";
	case BM_HALT_CQ_FAULT:
		return "DMA refused while it wrote a completion";
	case BM_HALT_SHADOW_FAULT:
		return "DMA refused while it used its doorbells in memory";
	default:
		return "for a cause that the data sheet does not know";
	}
}

/* A queue that has halted is fenced, and so counted once. */
static void bm_recover_halted(struct bm_dev *bm, const struct bm_report *report)
{
	u64 ours = GENMASK_ULL(bm_total_queues(bm) - 1, 0);
	bool write = report->fault_info & BM_FAULT_WRITE;
	unsigned int i;

	for (i = 0; i < bm_total_queues(bm); i++) {
		struct bm_queue *q = &bm->queues[i];

		if (!(report->halted & BIT_ULL(i)) || !bm_queue_fence(q))
			continue;
		bm_count(bm, BM_ERR_HALT);
		dev_err_ratelimited(&bm->dev, "queue %u halted: %s\n", i,
				    bm_halt_text(bm_hw_halt_cause(q)));
	}
	if (report->halted & ~ours) {
		bm_count(bm, BM_ERR_HALT);
		dev_err_ratelimited(&bm->dev, "queues %#llx halted, a bit each: they never ran\n",
				    report->halted & ~ours);
	}
	if (report->fault_info & BM_FAULT_VALID)
		dev_err_ratelimited(&bm->dev, "DMA %s of bus address %#llx was the last refused\n",
				    write ? "write" : "read", report->fault_addr);
}

/* Nothing runs in it any more: all queues are fenced, and it is counted once. */
static void bm_recover_fatal(struct bm_dev *bm, const struct bm_report *report)
{
	bool running = false;
	unsigned int i;

	for (i = 0; i < bm_total_queues(bm); i++)
		running |= bm_queue_fence(&bm->queues[i]);
	if (running)
		bm_count(bm, BM_ERR_FATAL);
	dev_err_ratelimited(&bm->dev, "fatal error, status %#llx\n", report->status);
}

/* Hear what the device says of itself; should it be bad, the device is reset. */
static void bm_recover_inspect(struct bm_dev *bm, const char *why)
{
	struct bm_report report;

	if (bm_hw_report(bm, &report)) {
		bm_recover_reset(bm, "nobody answers at its registers");
		return;
	}
	if (report.status & BM_STATUS_FATAL)
		bm_recover_fatal(bm, &report);
	if (report.halted)
		bm_recover_halted(bm, &report);
	if (report.halted || report.status & BM_STATUS_FATAL)
		bm_recover_reset(bm, why);
}

static unsigned long bm_watch_period(void)
{
	return max(1ul, msecs_to_jiffies(bm_param_timeout_ms) / 4);
}

/*
 * Commands of a queue are past their deadline: only the interrupt may have been lost. If it
 * is more, the queue is fenced, and so counted once.
 */
static void bm_recover_overdue(struct bm_queue *q)
{
	unsigned int n = bm_queue_drain(q);
	struct bm_dev *bm = q->bm;
	bool busy;

	if (n && q->polled) {
		dev_warn_ratelimited(&bm->dev, "queue %u: nobody has polled for %u completions\n",
				     q->id, n);
	} else if (n) {
		bm_queue_lost_irq(q);
		dev_warn_ratelimited(&bm->dev, "queue %u: %u completions without an interrupt\n",
				     q->id, n);
	}
	if (!bm_queue_overdue(q, &busy) || !bm_queue_fence(q))
		return;
	bm_count(bm, BM_ERR_TIMEOUT);
	bm_recover_reset(bm, "a command was not answered in time");
}

static void bm_watchdog(struct work_struct *work)
{
	struct bm_dev *bm = container_of(to_delayed_work(work), struct bm_dev, watchdog);
	bool busy = false;
	unsigned int i;

	for (i = 0; i < bm_total_queues(bm); i++)
		if (bm_queue_overdue(&bm->queues[i], &busy))
			bm_recover_overdue(&bm->queues[i]);
	if (!busy)
		return;
	/* Whoever holds the lock starts or stops the device: no time to listen to it. */
	if (mutex_trylock(&bm->state_lock)) {
		if (bm->state == BM_RUNNING)
			bm_recover_inspect(bm, "its event interrupt did not arrive");
		mutex_unlock(&bm->state_lock);
	}
	bm_recover_watch(bm);
}

/**
 * bm_recover_watch() - somebody waits for the device: keep an eye on it
 * @bm: device
 *
 * Any context. The watchdog goes on by itself while anything is in flight.
 */
void bm_recover_watch(struct bm_dev *bm)
{
	if (!delayed_work_pending(&bm->watchdog))
		schedule_delayed_work(&bm->watchdog, bm_watch_period());
}

static const char *bm_lie_text(enum bm_error error)
{
	switch (error) {
	case BM_ERR_TAG_RANGE:
		return "its tag names no request";
	case BM_ERR_TAG_FREE:
		return "its tag names a request that the device does not have";
	case BM_ERR_TAG_STALE:
		return "its tag is that of another use of the request";
	case BM_ERR_HEAD:
		return "the submission head cannot be there";
	case BM_ERR_STATUS:
		return "there is no such status for that operation";
	default:
		return "its info is out of bounds";
	}
}

/**
 * bm_recover_lie() - a completion cannot be true: the device is not to be trusted
 * @q: queue, which is fenced
 * @lie: the completion; counted
 *
 * Any context.
 */
void bm_recover_lie(struct bm_queue *q, const struct bm_lie *lie)
{
	const struct bm_completion *c = &lie->c;

	dev_err_ratelimited(&q->bm->dev,
			    "queue %u: completion refused: %s (tag %#x, head %u, status %#x, info %#llx)\n",
			    q->id, bm_lie_text(lie->error), c->tag, c->sq_head, c->status, c->info);
	bm_recover_reset(q->bm, "a completion cannot be true");
}

/**
 * bm_recover_failed() - say why a request failed, and do what has to be done
 * @rq: request that has ended with an error, but not done() yet
 *
 * Any context.
 */
void bm_recover_failed(struct bm_request *rq)
{
	struct bm_queue *q = rq->queue;

	switch (rq->status) {
	case BM_ST_ABORTED:
		break;
	case BM_ST_DMA_READ_FAULT:
	case BM_ST_DMA_WRITE_FAULT:
		bm_fault(rq);
		break;
	default:
		dev_err_ratelimited(&q->bm->dev,
				    "command %u failed with status %#x (queue %u, tag %u)\n",
				    rq->sqe.opcode, rq->status, q->id, le16_to_cpu(rq->sqe.tag));
	}
}

/**
 * bm_recover_flr() - the last means: a function-level reset
 * @bm: device that did not do what a register asked for; state_lock is held
 *
 * Its register is in configuration space, which answers where a device does not heed
 * its BAR. It resets all of the function: configuration space and MSI-X table are
 * restored as probe left them, and bus mastering is off.
 *
 * This is not pci_reset_function(): that would call bm_reset_prepare() and
 * bm_reset_done(), and take the lock that remove() has while it waits for reset_work. It
 * keeps out nobody either: who resets the function by sysfs calls bm_reset_prepare()
 * first, and waits for state_lock. May sleep: 0.1 seconds, or a minute for a
 * device whose configuration space does not come back.
 *
 * Return: 0 or a negative errno: then only clearing bus mastering helps.
 */
int bm_recover_flr(struct bm_dev *bm)
{
	int err;

	lockdep_assert_held(&bm->state_lock);
	bm_count(bm, BM_ERR_RESET);
	err = pcie_reset_flr(bm->pdev, PCI_RESET_DO_RESET);
	if (!err)
		err = pci_load_saved_state(bm->pdev, bm->config);
	if (err) {
		dev_err(&bm->dev, "a function-level reset failed, too: %d\n", err);
		return err;
	}
	pci_restore_state(bm->pdev);
	dev_warn(&bm->dev, "had a function-level reset\n");
	return 0;
}

/**
 * bm_recover_silence() - stop all that the device does, whatever that takes
 * @bm: device; state_lock is held
 *
 * May sleep.
 *
 * Return: 0; -ENODEV if it is gone, or another negative errno: then only clearing bus
 * mastering helps.
 */
int bm_recover_silence(struct bm_dev *bm)
{
	int err = bm_hw_reset(bm);

	return err == -ETIMEDOUT ? bm_recover_flr(bm) : err;
}

/**
 * bm_recover_give_up() - say why the device is dead
 * @bm: device that cannot be started
 * @err: negative errno of bm_start()
 */
void bm_recover_give_up(struct bm_dev *bm, int err)
{
	if (err == -ENODEV) {
		bm_count(bm, BM_ERR_GONE);
		dev_err(&bm->dev, "gone: nobody answers at its registers; it is not used any more\n");
	} else {
		dev_err(&bm->dev, "does not start (%d); it is not used any more\n", err);
	}
}

/**
 * bm_event_irq() - the controller's vector: a queue halted, or the device gave up
 * @irq: Linux interrupt number
 * @data: struct bm_dev
 */
irqreturn_t bm_event_irq(int irq, void *data)
{
	bm_recover_inspect(data, "it reported an error of its own");
	return IRQ_HANDLED;
}

/**
 * bm_recover_init() - before the first bm_start()
 * @bm: device
 */
void bm_recover_init(struct bm_dev *bm)
{
	INIT_WORK(&bm->reset_work, bm_reset_work);
	INIT_DELAYED_WORK(&bm->watchdog, bm_watchdog);
}

/**
 * bm_recover_exit() - after the device is dead; nothing runs here any more
 * @bm: device
 */
void bm_recover_exit(struct bm_dev *bm)
{
	cancel_delayed_work_sync(&bm->watchdog);
	cancel_work_sync(&bm->reset_work);
}
