// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: a device is made silent, by whatever it heeds: CTRL.RESET, then an FLR.
 *
 * One that heeds neither, or is gone, has lost bus mastering before any memory is let
 * go of, and does not get it back: see bm_stop().
 *
 * Others reset it as well, and not all of them say so: a bridge resets all that is below it
 * when an FPGA is loaded, or an error is recovered from. Configuration space is then as it
 * was at power-on, and the BARs are nowhere. It is given back what it had when the device was
 * last seen well, the operator's choices included.
 */
#include <linux/delay.h>
#include <linux/sched/mm.h>

#include "busmaster.h"
#include "trace.h"

/* Where the register BAR should be, as configuration space has it. */
static u32 bm_config_bar(struct pci_dev *pdev, int bar)
{
	return lower_32_bits(pci_bus_address(pdev, bar));
}

/* Does the function answer in configuration space, but not know its BAR any more? */
static bool bm_config_lost(struct bm_dev *bm)
{
	u16 command;
	u32 bar;

	pci_read_config_dword(bm->pdev, PCI_BASE_ADDRESS_0 + 4 * BM_BAR_REGS, &bar);
	pci_read_config_word(bm->pdev, PCI_COMMAND, &command);
	if (PCI_POSSIBLE_ERROR(bar) || PCI_POSSIBLE_ERROR(command))
		return false;
	return (bar & PCI_BASE_ADDRESS_MEM_MASK) != bm_config_bar(bm->pdev, BM_BAR_REGS) ||
	       !(command & PCI_COMMAND_MEMORY);
}

/**
 * bm_config_save() - remember configuration space, for when it is lost
 * @bm: device that is well, without bus mastering
 *
 * What cannot be remembered for want of memory is what it was before. May sleep, but not for
 * others to give memory back: they may wait for a command of ours, which waits for this.
 *
 * Return: 0; or -ENOMEM if there is nothing.
 */
int bm_config_save(struct bm_dev *bm)
{
	struct pci_saved_state *config;
	unsigned int flags;

	if (bm_config_lost(bm) || !pci_device_is_present(bm->pdev))
		return bm->config ? 0 : -ENOMEM;
	pci_save_state(bm->pdev);
	flags = memalloc_noreclaim_save();
	config = pci_store_saved_state(bm->pdev);
	memalloc_noreclaim_restore(flags);
	bm->pdev->state_saved = false; /* else the PCI core leaves it to us to suspend it */
	if (config) {
		kfree(bm->config);
		bm->config = config;
	}
	return bm->config ? 0 : -ENOMEM;
}

/**
 * bm_config_restore() - configuration space is what it was when the device was last well
 * @bm: device that was reset; state_lock is held
 *
 * Nothing is saved anew: what there is now is not worth it. May sleep.
 *
 * Return: 0; -ENODEV if nobody answers; or another negative errno.
 */
int bm_config_restore(struct bm_dev *bm)
{
	int err = pci_load_saved_state(bm->pdev, bm->config);

	if (err)
		return err;
	pci_restore_state(bm->pdev);
	pci_clear_master(bm->pdev);
	return pci_device_is_present(bm->pdev) ? 0 : -ENODEV;
}

/**
 * bm_config_reclaim() - a function that lost its BARs while nobody looked has them again
 * @pdev: function that has no driver yet
 *
 * For probe, which so finds every device that is there.
 */
void bm_config_reclaim(struct pci_dev *pdev)
{
	int bar;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		unsigned long flags = pci_resource_flags(pdev, bar);
		u32 reg = PCI_BASE_ADDRESS_0 + 4 * bar, val;

		if (!(flags & IORESOURCE_MEM) || !pci_resource_len(pdev, bar))
			continue;
		pci_read_config_dword(pdev, reg, &val);
		if ((val & PCI_BASE_ADDRESS_MEM_MASK) == bm_config_bar(pdev, bar))
			continue;
		pci_write_config_dword(pdev, reg, bm_config_bar(pdev, bar));
		if (flags & IORESOURCE_MEM_64)
			pci_write_config_dword(pdev, reg + 4,
					       upper_32_bits(pci_bus_address(pdev, bar)));
	}
}

/**
 * bm_reset_function() - the last means: a function-level reset
 * @bm: device that did not do what a register asked for; state_lock is held
 *
 * Its register is in configuration space, which answers where a device does not heed
 * its BAR. It resets all of the function: configuration space and MSI-X table are
 * restored, and bus mastering is off.
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
	pci_clear_master(bm->pdev);
	bm_config_save(bm);
	err = pcie_reset_flr(bm->pdev, PCI_RESET_DO_RESET) ?: bm_config_restore(bm);
	trace_bm_reset(bm, true, err);
	if (err) {
		dev_err(&bm->dev, "a function-level reset failed, too: %d\n", err);
		return err;
	}
	dev_warn(&bm->dev, "had a function-level reset\n");
	return 0;
}

/**
 * bm_lose_stores() - what the CPU has stored may be lost: who has the memory mapped is told
 * @bm: device
 *
 * By one SIGBUS, after the next start.
 */
void bm_lose_stores(struct bm_dev *bm)
{
	WRITE_ONCE(bm->losses, bm->losses + 1);
}

/**
 * bm_reset_answers() - does the function answer in configuration space?
 * @bm: device
 *
 * After a reset it may take a second to, by the specification; and whoever has reset it need not
 * have said so. One that was pulled is not waited for longer than until that is known. May sleep.
 *
 * Return: that.
 */
bool bm_reset_answers(struct bm_dev *bm)
{
	unsigned long until = jiffies + HZ;

	while (!pci_device_is_present(bm->pdev)) {
		if (pci_channel_offline(bm->pdev) || time_after(jiffies, until))
			return false;
		msleep(20);
	}
	return true;
}

/* Somebody else has reset it, and did not say so. */
static int bm_reset_regain(struct bm_dev *bm)
{
	bm_count(bm, BM_ERR_FOREIGN_RESET);
	bm_lose_stores(bm);
	dev_warn(&bm->dev, "was reset by somebody else; its configuration is restored\n");
	return bm_config_restore(bm) ?: bm_hw_reset(bm);
}

/**
 * bm_reset_ask() - have the device stop all that it does, if it heeds its registers
 * @bm: device; state_lock is held
 *
 * Its memory stays at hand for its peers, which it does not while bm_reset_function() is at work.
 * May sleep.
 *
 * Return: 0; -ENODEV if it is gone, or its channel is offline and it was left alone; or another
 * negative errno, and then bm_reset_function() or clearing bus mastering helps.
 */
int bm_reset_ask(struct bm_dev *bm)
{
	int err = bm_hw_reset(bm);

	trace_bm_reset(bm, false, err);
	if (pci_channel_offline(bm->pdev))
		return -ENODEV;
	if (err == -ENODEV && !bm_reset_answers(bm))
		return err;
	if (err == -ENODEV && bm_config_lost(bm))
		err = bm_reset_regain(bm);
	if (err == -ENODEV && pci_device_is_present(bm->pdev))
		return -EIO;
	return err;
}

/**
 * bm_reset() - stop all that the device does, whatever that takes
 * @bm: device; state_lock is held
 *
 * May sleep.
 *
 * Return: as bm_reset_ask(), but that only clearing bus mastering helps then.
 */
int bm_reset(struct bm_dev *bm)
{
	int err = bm_reset_ask(bm);

	return err && err != -ENODEV ? bm_reset_function(bm) ?: bm_hw_reset(bm) : err;
}
