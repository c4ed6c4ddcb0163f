// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: power: the system sleeps, and so does a device that nobody uses.
 *
 * Runtime PM is off until somebody writes "auto" to power/control of the PCI function. From
 * then on a device that has had nothing to do for power/autosuspend_delay_ms, and is not mapped
 * nor lends memory to other devices, is suspended, and woken by the first command or access that
 * comes. Nothing is counted for that on the way of a command: it is looked, a delay after another,
 * whether there has been any; so it takes one to two delays.
 *
 * No wake-up is lost. What comes before bm_power_busy() has looked is seen by it. What comes later
 * is waited for by bm_hold(), or it is parked, after which bm_wake() is called: by then the core
 * calls the device suspending, at least, and resumes it as soon as it is suspended. Memory that
 * was lent meanwhile has seen a device that runs, so it is looked once more when it does not.
 *
 * Device memory is what the file holds: so a device that nobody uses is kept out of D3cold, in
 * which it would be lost. When the system sleeps it goes with the slot's power, if that goes:
 * README.md says so to users.
 */
#include <linux/pm_runtime.h>

#include "busmaster.h"

/* Until the user chooses: resets and a new start of all queues are worth some quiet seconds. */
#define BM_POWER_DELAY_MS 5000

/* What it was ever given; of what is not yet on its way it knows by @parked. */
static u64 bm_power_commands(struct bm_dev *bm, bool *parked)
{
	u64 commands = 0;
	unsigned int i;

	for (i = 0; i < bm_total_queues(bm); i++) {
		struct bm_queue *q = &bm->queues[i];
		unsigned long flags;

		spin_lock_irqsave(&q->lock, flags);
		commands += q->stats.commands;
		*parked |= !list_empty(&q->parked);
		spin_unlock_irqrestore(&q->lock, flags);
	}
	return commands;
}

/* Does anybody reach its memory without a command? */
static bool bm_power_lent(struct bm_dev *bm)
{
	return atomic_read(&bm->mapped) || bm->p2p_size || !list_empty_careful(&bm->exports);
}

/* Is it in use, or was it since this was last asked? */
static bool bm_power_busy(struct bm_dev *bm)
{
	bool parked = false;
	u64 commands = bm_power_commands(bm, &parked), before = bm->slept_on;

	bm->slept_on = commands;
	return parked || commands != before || bm_in_flight(bm) || bm_power_lent(bm);
}

static int bm_runtime_suspend(struct device *dev)
{
	struct bm_dev *bm = dev_get_drvdata(dev);

	if (bm_power_busy(bm)) {
		pm_runtime_mark_last_busy(dev);
		return -EBUSY;
	}
	bm_hold(bm, BM_HOLD_SLEEP);
	if (!bm_power_lent(bm))
		return 0;
	bm_release(bm, BM_HOLD_SLEEP);
	pm_runtime_mark_last_busy(dev); /* else the core would not look again */
	return -EBUSY;
}

static int bm_runtime_resume(struct device *dev)
{
	struct bm_dev *bm = dev_get_drvdata(dev);

	pm_runtime_mark_last_busy(dev);
	bm_error_expect(bm);
	return bm_release(bm, BM_HOLD_SLEEP);
}

/* The core has woken it before, if need be. */
static int bm_suspend(struct device *dev)
{
	bm_hold(dev_get_drvdata(dev), BM_HOLD_SLEEP);
	return 0;
}

static int bm_resume(struct device *dev)
{
	return bm_release(dev_get_drvdata(dev), BM_HOLD_SLEEP);
}

const struct dev_pm_ops bm_pm_ops = {
	SYSTEM_SLEEP_PM_OPS(bm_suspend, bm_resume)
	RUNTIME_PM_OPS(bm_runtime_suspend, bm_runtime_resume, NULL)
};

/**
 * bm_power_add() - from here on it may sleep, if the user lets it
 * @bm: running device; the PCI core has kept it awake for probe
 */
void bm_power_add(struct bm_dev *bm)
{
	struct device *dev = &bm->pdev->dev;

	pci_d3cold_disable(bm->pdev);
	/* Commands of the kernel's own come while the system sleeps: so it is woken before. */
	dev_pm_set_driver_flags(dev, DPM_FLAG_NO_DIRECT_COMPLETE);
	pm_runtime_set_autosuspend_delay(dev, BM_POWER_DELAY_MS);
	pm_runtime_use_autosuspend(dev);
	pm_runtime_mark_last_busy(dev);
	pm_runtime_put_autosuspend(dev);
}

/**
 * bm_power_del() - undo bm_power_add()
 * @bm: device that the PCI core has woken for remove()
 */
void bm_power_del(struct bm_dev *bm)
{
	struct device *dev = &bm->pdev->dev;

	pm_runtime_get_noresume(dev);
	pm_runtime_dont_use_autosuspend(dev);
	pci_d3cold_enable(bm->pdev);
}
