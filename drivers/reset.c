// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: a device is made silent, by whatever it heeds: CTRL.RESET, then an FLR.
 *
 * One that heeds neither, or is gone, has lost bus mastering before any memory is let
 * go of, and does not get it back: see bm_stop().
 */
#include "busmaster.h"

/**
 * bm_reset_function() - the last means: a function-level reset
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
int bm_reset_function(struct bm_dev *bm)
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
 * bm_reset() - stop all that the device does, whatever that takes
 * @bm: device; state_lock is held
 *
 * May sleep.
 *
 * Return: 0; -ENODEV if it is gone, or another negative errno: then only clearing bus
 * mastering helps.
 */
int bm_reset(struct bm_dev *bm)
{
	int err = bm_hw_reset(bm);

	return err == -ETIMEDOUT ? bm_reset_function(bm) : err;
}
