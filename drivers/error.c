// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: the bus fails, or somebody resets the function: what the PCI core asks of a driver.
 *
 * After an error the core calls, for each function below the port that told of it and each in
 * turn (Documentation/PCI/pci-error-recovery.rst):
 *
 *	non-fatal	error_detected -> mmio_enabled -> [slot_reset] -> resume
 *	fatal		error_detected -> the link is reset -> slot_reset -> resume
 *
 * One driver that does not take part is a veto on the recovery of its neighbours. What was lost
 * to a non-fatal error is told by the commands that lost it, so the device goes on. A fatal error
 * freezes the channel: registers are neither read nor written (hw.c sees to it), the device has
 * lost bus mastering before any memory is let go of, and what comes is parked until resume. The
 * core need not say that a recovery has failed: so it has a deadline, and after that the device is
 * dead.
 */
#include "busmaster.h"

/* More than a link has to come back after its reset: the core grants it a minute. */
#define BM_ERROR_PATIENCE (90 * HZ)

/* How soon the core says that it recovers a bus: it wakes all functions below it first. */
#define BM_ERROR_SOON (10 * HZ)

static void bm_error_give_up(struct work_struct *work)
{
	struct bm_dev *bm = container_of(to_delayed_work(work), struct bm_dev, error_work);

	dev_err(&bm->dev, "given up: the recovery of its bus does not end\n");
	mutex_lock(&bm->state_lock);
	bm_kill(bm);
	mutex_unlock(&bm->state_lock);
}

static void bm_error_hold(struct bm_dev *bm, unsigned long patience)
{
	bm_hold(bm, BM_HOLD_ERROR);
	mod_delayed_work(bm_recover_wq, &bm->error_work, patience);
}

/**
 * bm_error_expect() - a function that is to wake up may be below a link that has failed
 * @bm: device that sleeps
 *
 * The core wakes all functions before it says of any that its channel is frozen; a port that has
 * contained the error (DPC) lets nothing through until then. So who does not answer is held until
 * the recovery, or for some seconds, if there is none. May sleep, for a second.
 */
void bm_error_expect(struct bm_dev *bm)
{
	if (bm_present(bm) && !bm_reset_answers(bm) && !pci_channel_offline(bm->pdev))
		bm_error_hold(bm, BM_ERROR_SOON);
}

/* One that is dead has no say, and is in nobody's way. */
static pci_ers_result_t bm_error_detected(struct pci_dev *pdev, pci_channel_state_t channel)
{
	struct bm_dev *bm = pci_get_drvdata(pdev);

	if (!bm_present(bm))
		return PCI_ERS_RESULT_NONE;
	if (channel == pci_channel_io_normal) {
		bm_count(bm, BM_ERR_BUS_NONFATAL);
		return PCI_ERS_RESULT_CAN_RECOVER;
	}
	bm_count(bm, BM_ERR_BUS_FATAL);
	bm_lose_stores(bm);
	if (channel == pci_channel_io_frozen) {
		bm_error_hold(bm, BM_ERROR_PATIENCE);
		return PCI_ERS_RESULT_NEED_RESET;
	}
	bm_error_hold(bm, 0);
	return PCI_ERS_RESULT_DISCONNECT;
}

/* After a non-fatal error: one that is not well is reset by what all agree on. */
static pci_ers_result_t bm_error_mmio_enabled(struct pci_dev *pdev)
{
	struct bm_dev *bm = pci_get_drvdata(pdev);
	bool bad;

	mutex_lock(&bm->state_lock);
	bad = bm->state == BM_RUNNING && bm_inspect(bm, "the bus had an error");
	mutex_unlock(&bm->state_lock);
	return bad ? PCI_ERS_RESULT_NEED_RESET : PCI_ERS_RESULT_RECOVERED;
}

/*
 * The link has been reset, or should have been: before Linux 6.19 it is not after a non-fatal
 * error. Configuration space is what it was when the device was last well. Registers are left to
 * resume(), as before Linux 6.18 the channel is still called frozen.
 */
static pci_ers_result_t bm_error_slot_reset(struct pci_dev *pdev)
{
	struct bm_dev *bm = pci_get_drvdata(pdev);
	int err;

	if (!bm_present(bm))
		return PCI_ERS_RESULT_NONE;
	bm_error_hold(bm, BM_ERROR_PATIENCE);
	mutex_lock(&bm->state_lock);
	err = bm_config_restore(bm);
	mutex_unlock(&bm->state_lock);
	return err ? PCI_ERS_RESULT_DISCONNECT : PCI_ERS_RESULT_RECOVERED;
}

static void bm_error_resume(struct pci_dev *pdev)
{
	struct bm_dev *bm = pci_get_drvdata(pdev);

	cancel_delayed_work_sync(&bm->error_work);
	if (!bm_release(bm, BM_HOLD_ERROR) && bm_present(bm))
		dev_info(&bm->dev, "goes on: its bus has recovered\n");
}

/*
 * The link has repeated what it had lost: a sign of its quality, and nothing else. The core holds
 * no lock, so there may be no device yet, or none any more: while somebody binds or unbinds it,
 * or resets the function, it is not counted.
 */
static void __maybe_unused bm_error_corrected(struct pci_dev *pdev)
{
	struct bm_dev *bm;

	if (!device_trylock(&pdev->dev))
		return;
	bm = pci_get_drvdata(pdev);
	if (bm)
		bm_count(bm, BM_ERR_BUS_CORRECTABLE);
	device_unlock(&pdev->dev);
}

/* Somebody resets the function, sysfs or VFIO with an FLR for example, and says so. */
static void bm_error_reset_prepare(struct pci_dev *pdev)
{
	bm_hold(pci_get_drvdata(pdev), BM_HOLD_RESET);
}

static void bm_error_reset_done(struct pci_dev *pdev)
{
	bm_release(pci_get_drvdata(pdev), BM_HOLD_RESET);
}

const struct pci_error_handlers bm_error_handlers = {
	.error_detected = bm_error_detected,
	.mmio_enabled = bm_error_mmio_enabled,
	.slot_reset = bm_error_slot_reset,
	.resume = bm_error_resume,
#ifdef BM_COR_ERROR
	.cor_error_detected = bm_error_corrected,
#endif
	.reset_prepare = bm_error_reset_prepare,
	.reset_done = bm_error_reset_done,
};

/**
 * bm_error_init() - before the first bm_start()
 * @bm: device
 */
void bm_error_init(struct bm_dev *bm)
{
	INIT_DELAYED_WORK(&bm->error_work, bm_error_give_up);
}

/**
 * bm_error_exit() - after the device is dead; no handler is called any more
 * @bm: device
 */
void bm_error_exit(struct bm_dev *bm)
{
	cancel_delayed_work_sync(&bm->error_work);
}
