// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: hear what the device says of its health: queues that halted, a fatal error.
 *
 * It tells by its event interrupt. Without bus mastering it can neither fetch a command
 * nor send an interrupt, and its registers alone can tell: so the watchdog looks at them
 * while commands are in flight.
 */
#include "busmaster.h"

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

/* A queue that has halted is stopped, and so counted once. */
static void bm_inspect_halted(struct bm_dev *bm, const struct bm_report *report)
{
	u64 ours = GENMASK_ULL(bm_total_queues(bm) - 1, 0);
	bool write = report->fault_info & BM_FAULT_WRITE;
	unsigned int i;

	for (i = 0; i < bm_total_queues(bm); i++) {
		struct bm_queue *q = &bm->queues[i];

		if (!(report->halted & BIT_ULL(i)) || !bm_queue_stop(q))
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

/* Nothing runs in it any more: all queues are stopped, and it is counted once. */
static void bm_inspect_fatal(struct bm_dev *bm, const struct bm_report *report)
{
	bool running = false;
	unsigned int i;

	for (i = 0; i < bm_total_queues(bm); i++)
		running |= bm_queue_stop(&bm->queues[i]);
	if (running)
		bm_count(bm, BM_ERR_FATAL);
	dev_err_ratelimited(&bm->dev, "fatal error, status %#llx\n", report->status);
}

/**
 * bm_inspect() - hear what the device says of its health; should it be bad, it is reset
 * @bm: device that is running, or was when its interrupt came
 * @why: for the log
 *
 * One that is not enabled was reset by somebody else. Any context.
 *
 * Return: is it bad?
 */
bool bm_inspect(struct bm_dev *bm, const char *why)
{
	struct bm_report report;

	if (bm_hw_report(bm, &report)) {
		bm_alarm_reset(bm, "nobody answers at its registers");
		return true;
	}
	if (!(report.status & (BM_STATUS_READY | BM_STATUS_FATAL))) {
		bm_alarm_reset(bm, "it is not enabled any more");
		return true;
	}
	if (report.status & BM_STATUS_FATAL)
		bm_inspect_fatal(bm, &report);
	if (report.halted)
		bm_inspect_halted(bm, &report);
	if (!report.halted && !(report.status & BM_STATUS_FATAL))
		return false;
	bm_alarm_reset(bm, why);
	return true;
}

/**
 * bm_event_irq() - the controller's vector: a queue halted, or the device gave up
 * @irq: Linux interrupt number
 * @data: struct bm_dev
 */
irqreturn_t bm_event_irq(int irq, void *data)
{
	return bm_inspect(data, "it reported an error of its own") ? IRQ_HANDLED : IRQ_NONE;
}
