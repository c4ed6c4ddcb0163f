// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: what goes wrong, and what is done about it.
 *
 * A refused DMA fails its request, with a message. A command that is not answered in
 * time is first looked for in the ring, as its interrupt may have been lost; if it
 * is not there, the device is reset. A device that says what cannot be true, or
 * halts, is reset, too. All resets are one: bm_stop() and bm_start().
 *
 * Without bus mastering a device can neither fetch a command nor send an interrupt:
 * its registers alone can tell. So the watchdog reads them while commands are in
 * flight.
 */
#include <linux/bitfield.h>
#include <linux/interrupt.h>

#include "busmaster.h"

static void bm_reset_work(struct work_struct *work)
{
	struct bm_dev *bm = container_of(work, struct bm_dev, reset_work);

	mutex_lock(&bm->state_lock);
	if (bm->state == BM_RUNNING) {
		bm_stop(bm);
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

static const char *bm_halt_text(u32 cause)
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

/* Log what the device says of itself; returns true if it works no more. */
static bool bm_recover_inspect(struct bm_dev *bm)
{
	u64 halted = bm_hw_halted(bm);
	u32 status = bm_hw_status(bm);
	u64 addr, info = bm_hw_last_fault(bm, &addr);
	unsigned int i;

	if (status & BM_STATUS_FATAL)
		dev_err_ratelimited(&bm->dev, "fatal error, status %#x\n", status);
	for (i = 0; i < bm_total_queues(bm); i++) {
		u32 state = halted & BIT_ULL(i) ? bm_hw_queue_state(&bm->queues[i]) : 0;

		if (state)
			dev_err_ratelimited(&bm->dev, "queue %u halted: %s\n", i,
					    bm_halt_text(FIELD_GET(BM_QSTATE_CAUSE, state)));
	}
	if (halted && info & BM_FAULT_VALID)
		dev_err_ratelimited(&bm->dev, "DMA %s of bus address %#llx was the last refused\n",
				    info & BM_FAULT_WRITE ? "write" : "read", addr);
	return halted || status & BM_STATUS_FATAL;
}

static unsigned long bm_watch_period(void)
{
	return max(1ul, msecs_to_jiffies(bm_param_timeout_ms) / 4);
}

static void bm_watchdog(struct work_struct *work)
{
	struct bm_dev *bm = container_of(to_delayed_work(work), struct bm_dev, watchdog);
	bool busy = false;
	unsigned int i;

	for (i = 0; i < bm_total_queues(bm); i++) {
		struct bm_queue *q = &bm->queues[i];
		unsigned int n;

		if (!bm_queue_overdue(q, &busy))
			continue;
		n = bm_queue_drain(q);
		if (n) {
			dev_warn(&bm->dev, "queue %u: %u completions without an interrupt\n", i, n);
			continue;
		}
		atomic64_inc(&bm->timeouts);
		bm_recover_reset(bm, "a command was not answered in time");
	}
	if (!busy)
		return;
	if (READ_ONCE(bm->state) == BM_RUNNING && bm_recover_inspect(bm))
		bm_recover_reset(bm, "its event interrupt did not arrive");
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

/**
 * bm_recover_report() - say why a request failed
 * @rq: request that has ended with an error
 *
 * An IOMMU's refusal never reaches a driver on Linux: the IOMMU driver logs it, and
 * the only one to tell us is the device, by a completion with the address.
 */
void bm_recover_report(struct bm_request *rq)
{
	struct bm_queue *q = rq->queue;

	if (rq->status == BM_ST_ABORTED)
		return;
	if (rq->status == BM_ST_DMA_READ_FAULT || rq->status == BM_ST_DMA_WRITE_FAULT)
		dev_err_ratelimited(&q->bm->dev,
				    "DMA %s of bus address %#llx refused (queue %u, tag %u)\n",
				    rq->status == BM_ST_DMA_READ_FAULT ? "read" : "write",
				    rq->info, q->id, le16_to_cpu(rq->sqe.tag));
	else
		dev_err_ratelimited(&q->bm->dev,
				    "command %u failed with status %#x (queue %u, tag %u)\n",
				    rq->sqe.opcode, rq->status, q->id, le16_to_cpu(rq->sqe.tag));
}

/**
 * bm_event_irq() - the controller's vector: a queue halted, or the device gave up
 * @irq: Linux interrupt number
 * @data: struct bm_dev
 */
irqreturn_t bm_event_irq(int irq, void *data)
{
	struct bm_dev *bm = data;

	if (bm_recover_inspect(bm))
		bm_recover_reset(bm, "it reported an error of its own");
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
