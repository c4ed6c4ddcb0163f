// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: the module, the PCI driver, and the one pair bm_start() and bm_stop().
 *
 * Probe and remove build the device's state up and tear it down in the exact reverse
 * order. Whatever interrupts a device that has been built (a reset, suspend, FLR, a
 * controller that went wrong, remove) is bm_stop(), and bm_start() where it is to
 * work again.
 */
#include <linux/dma-mapping.h>
#include <linux/group_cpus.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "busmaster.h"

/* Parameters are checked when they are set; the description states the range. */
static int bm_param_set(const char *val, const struct kernel_param *kp, unsigned int min,
			unsigned int max)
{
	int err = param_set_uint_minmax(val, kp, min, max);

	if (err)
		pr_err(BM_NAME ": %s=%s refused: a number from %u to %u is wanted\n", kp->name,
		       val ?: "", min, max);
	return err;
}

#define BM_PARAM(_name, _default, _min, _max, _desc)                                       \
	static int bm_param_set_##_name(const char *val, const struct kernel_param *kp)    \
	{                                                                                  \
		return bm_param_set(val, kp, _min, _max);                                  \
	}                                                                                  \
	static const struct kernel_param_ops bm_param_ops_##_name = {                      \
		.set = bm_param_set_##_name,                                               \
		.get = param_get_uint,                                                     \
	};                                                                                 \
	module_param_cb(_name, &bm_param_ops_##_name, &bm_param_##_name, 0444);            \
	__MODULE_PARM_TYPE(_name, "uint");                                                 \
	MODULE_PARM_DESC(_name, _desc " (" #_min " to " #_max ", default " #_default ")")

static unsigned int bm_param_queues;
BM_PARAM(queues, 0, 0, 64, "queue pairs that interrupt, at most; 0: one a CPU");

static unsigned int bm_param_poll_queues;
BM_PARAM(poll_queues, 0, 0, 63, "queue pairs without interrupts, for polled I/O");

static unsigned int bm_param_dma_channels = 1;
BM_PARAM(dma_channels, 1, 0, 63, "queue pairs that other kernel code may use (dmaengine)");

static unsigned int bm_param_queue_depth = 256;
BM_PARAM(queue_depth, 256, 1, 4095, "commands that a queue keeps outstanding at most");

unsigned int bm_param_timeout_ms = 10000;
BM_PARAM(timeout_ms, 10000, 100, 600000,
	 "milliseconds until an unanswered command resets the device");

bool bm_param_shadow = true;
module_param_named(shadow, bm_param_shadow, bool, 0444);
MODULE_PARM_DESC(shadow, "doorbells in memory where the device has them (0 or 1, default 1)");

enum bm_fault_policy bm_param_fault_policy;

static int bm_param_set_fault_policy(const char *val, const struct kernel_param *kp)
{
	int policy = bm_fault_policy_parse(val);

	if (policy < 0) {
		pr_err(BM_NAME ": %s=%s refused: log, reset or kill is wanted\n", kp->name, val);
		return policy;
	}
	bm_param_fault_policy = policy;
	return 0;
}

static int bm_param_get_fault_policy(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", bm_fault_policy_name(bm_param_fault_policy));
}

static const struct kernel_param_ops bm_param_ops_fault_policy = {
	.set = bm_param_set_fault_policy,
	.get = bm_param_get_fault_policy,
};
module_param_cb(fault_policy, &bm_param_ops_fault_policy, NULL, 0444);
__MODULE_PARM_TYPE(fault_policy, "charp");
MODULE_PARM_DESC(fault_policy,
		 "after refused DMA the command fails; reset: the device is reset, too, as it may not be sane; kill: and its process gets SIGBUS, as lost data must not go unseen (log, reset or kill, default log)");

static_assert(BM_MAX_QUEUES == 64 && BM_MAX_DEPTH == 4095);

/**
 * bm_enter() - begin to use a device that may be removed meanwhile
 * @bm: device
 *
 * If bm_present() says so, its registers and queues stay until bm_exit(). May be
 * held while sleeping.
 *
 * Return: a cookie for bm_exit().
 */
int bm_enter(struct bm_dev *bm) __acquires(&bm->users)
{
	return srcu_read_lock(&bm->users);
}

/**
 * bm_present() - is there a device to use?
 * @bm: device, between bm_enter() and bm_exit()
 */
bool bm_present(struct bm_dev *bm)
{
	return READ_ONCE(bm->state) != BM_DEAD;
}

/**
 * bm_exit() - end what bm_enter() began
 * @bm: device
 * @idx: what bm_enter() returned
 */
void bm_exit(struct bm_dev *bm, int idx) __releases(&bm->users)
{
	srcu_read_unlock(&bm->users, idx);
}

static int bm_request_vector(struct bm_queue *q)
{
	int err;

	if (q->polled)
		return 0;
	q->irq = pci_irq_vector(q->bm->pdev, BM_VECTOR_QUEUE(q->id));
	err = request_threaded_irq(q->irq, bm_queue_irq, bm_queue_thread, 0, q->name, q);
	if (err)
		return err;
	irq_set_affinity_and_hint(q->irq, &q->cpus);
	return 0;
}

static void bm_free_vector(struct bm_queue *q)
{
	if (q->polled)
		return;
	irq_update_affinity_hint(q->irq, NULL);
	free_irq(q->irq, q);
}

/* A queue pair with its interrupt. */
static int bm_start_queue(struct bm_queue *q)
{
	int err;

	err = bm_request_vector(q);
	if (err)
		return err;
	err = bm_queue_start(q);
	if (err)
		bm_free_vector(q);
	return err;
}

/*
 * From a device with its event interrupt and @nr running queues back to silence. The
 * order matters: no new work; no DMA (a reset, and should none be heeded, bus mastering
 * off); no interrupt; then what has really finished is reaped, and only then, when
 * the device cannot reach its memory any more, the rest is failed, upon which its
 * owners unmap it.
 */
static void bm_silence(struct bm_dev *bm, int nr)
{
	int i;

	for (i = nr - 1; i >= 0; i--)
		bm_queue_fence(&bm->queues[i]);
	bm_recover_silence(bm);
	pci_clear_master(bm->pdev);
	for (i = nr - 1; i >= 0; i--)
		bm_free_vector(&bm->queues[i]);
	free_irq(pci_irq_vector(bm->pdev, BM_VECTOR_EVENT), bm);

	for (i = nr - 1; i >= 0; i--) {
		bm_queue_drain(&bm->queues[i]);
		bm_queue_fail_all(&bm->queues[i], -EIO);
	}
}

/* No use of the stopped device succeeds any more; state_lock is held. */
static void bm_kill(struct bm_dev *bm)
{
	unsigned int i;

	lockdep_assert_held(&bm->state_lock);
	WRITE_ONCE(bm->state, BM_DEAD);
	for (i = 0; i < bm_total_queues(bm); i++)
		wake_up_all(&bm->queues[i].free_wait);
	bm_dmaengine_kick(bm);
}

/* From silence to a device whose queues run; on error it is silent again. */
static int bm_bring_up(struct bm_dev *bm)
{
	int err, i = 0;

	err = bm_recover_silence(bm);
	if (err)
		return err;
	err = request_irq(pci_irq_vector(bm->pdev, BM_VECTOR_EVENT), bm_event_irq, 0,
			  dev_name(&bm->dev), bm);
	if (err)
		return err;
	pci_set_master(bm->pdev);
	err = bm_hw_enable(bm);
	if (err)
		goto silence;
	for (i = 0; i < bm_total_queues(bm); i++) {
		err = bm_start_queue(&bm->queues[i]);
		if (err)
			goto silence;
	}
	return 0;

silence:
	bm_silence(bm, i);
	return err;
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
		err = bm_recover_flr(bm) ?: bm_bring_up(bm);
	if (err) {
		bm_recover_give_up(bm, err);
		bm_kill(bm);
		return err;
	}
	WRITE_ONCE(bm->state, BM_RUNNING);
	bm_dmaengine_kick(bm);
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
	WRITE_ONCE(bm->state, BM_STOPPED);
	bm_silence(bm, bm_total_queues(bm));
}

/* What a function-level reset takes away: see bm_recover_flr(). */
static int bm_save_config(struct bm_dev *bm)
{
	pci_clear_master(bm->pdev);
	pci_save_state(bm->pdev);
	bm->config = pci_store_saved_state(bm->pdev);
	return bm->config ? 0 : -ENOMEM;
}

static int bm_map_registers(struct bm_dev *bm)
{
	bm->regs_len = pci_resource_len(bm->pdev, BM_BAR_REGS);
	if (bm->regs_len < BM_QUEUE_PAGE(1)) {
		dev_err(&bm->dev, "BAR %d has %pa bytes; at least %u are wanted\n", BM_BAR_REGS,
			&bm->regs_len, BM_QUEUE_PAGE(1));
		return -ENODEV;
	}
	bm->mem_phys = pci_resource_start(bm->pdev, BM_BAR_MEM);
	bm->regs = pci_ioremap_bar(bm->pdev, BM_BAR_REGS);
	return bm->regs ? 0 : -ENOMEM;
}

/*
 * The mask is what the device states, and there is no second try with 32 bits. A
 * mask is refused only for being too narrow for the platform, so where a wide one
 * fails, a narrower one fails, too; and a wide one does not oblige the platform to
 * hand out high addresses (Documentation/core-api/dma-api-howto.rst).
 */
static int bm_set_dma_limits(struct bm_dev *bm)
{
	struct device *dev = &bm->pdev->dev;
	int err;

	err = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(bm->caps.dma_bits));
	if (err) {
		dev_err(&bm->dev, "no DMA with %u address bits here: %d\n", bm->caps.dma_bits, err);
		return err;
	}
	dma_set_max_seg_size(dev, UINT_MAX);
	dma_set_seg_boundary(dev, ULONG_MAX);
	bm->cmd_pages = min3((u64)BM_CMD_BYTES, bm->caps.max_xfer,
			     (u64)dma_max_mapping_size(dev)) / PAGE_SIZE;
	return 0;
}

/* Of @spare queues take so many as a parameter asks for. */
static unsigned int bm_take_queues(struct bm_dev *bm, unsigned int *spare, unsigned int asked,
				   const char *parameter)
{
	unsigned int taken = min(asked, *spare);

	if (taken < asked)
		dev_warn(&bm->dev, "%s=%u: the device has %u queues, so it is %u\n", parameter,
			 asked, bm->caps.queues, taken);
	*spare -= taken;
	return taken;
}

/*
 * A vector for events and one a queue that interrupts: as many of these as there are
 * vectors for. One queue at least interrupts and is for files; of the rest so many are
 * polled, and so many the DMA engine's, as are asked for.
 */
static int bm_alloc_vectors(struct bm_dev *bm)
{
	unsigned int spare = bm->caps.queues - 1;
	unsigned int polled = bm_take_queues(bm, &spare, bm_param_poll_queues, "poll_queues");
	unsigned int channels = IS_ENABLED(CONFIG_DMA_ENGINE) ?
		bm_take_queues(bm, &spare, bm_param_dma_channels, "dma_channels") : 0;
	unsigned int want = min(bm_param_queues ?: num_online_cpus(), 1 + spare) + channels;
	int n;

	n = pci_alloc_irq_vectors(bm->pdev, BM_VECTOR_QUEUE(1), BM_VECTOR_QUEUE(want),
				  PCI_IRQ_MSIX);
	if (n < 0) {
		dev_err(&bm->dev, "no MSI-X vectors for a queue: %d\n", n);
		return n;
	}
	bm->nr_channels = min(channels, n - 2u);
	bm->nr_queues = n - 1 - bm->nr_channels;
	bm->nr_polled = polled;
	return 0;
}

static unsigned int bm_queue_depth(struct bm_dev *bm)
{
	unsigned int most = BIT(bm->caps.max_order) - 1;

	if (bm_param_queue_depth <= most)
		return bm_param_queue_depth;
	dev_warn(&bm->dev, "queue_depth=%u: the device's rings hold %u, which is used\n",
		 bm_param_queue_depth, most);
	return most;
}

static void bm_free_queues(struct bm_dev *bm, int nr)
{
	while (nr--)
		bm_queue_free(&bm->queues[nr]);
	kfree(bm->queue_of);
	kfree(bm->queues);
}

/*
 * Each queue has the CPUs that submit to it, and its vector goes there. The vectors
 * are not managed ones: when the last of its CPUs goes offline, the kernel moves a
 * vector to another, and commands in flight are not forgotten.
 */
static int bm_spread_queues(struct bm_dev *bm)
{
	struct cpumask *groups = group_cpus_evenly(bm->nr_queues);
	unsigned int cpu, i;

	if (!groups)
		return -ENOMEM;
	for (i = 0; i < bm->nr_queues; i++) {
		cpumask_copy(&bm->queues[i].cpus, &groups[i]);
		for_each_cpu(cpu, &groups[i])
			bm->queue_of[cpu] = i;
	}
	for (; i < bm_vector_queues(bm); i++)
		cpumask_copy(&bm->queues[i].cpus, cpu_possible_mask);
	kfree(groups);
	return 0;
}

static int bm_alloc_queues(struct bm_dev *bm)
{
	unsigned int depth = bm_queue_depth(bm);
	int err = -ENOMEM, i = 0;

	bm->queues = kcalloc(bm_total_queues(bm), sizeof(*bm->queues), GFP_KERNEL);
	bm->queue_of = kcalloc(nr_cpu_ids, sizeof(*bm->queue_of), GFP_KERNEL);
	if (!bm->queues || !bm->queue_of)
		goto fail;
	err = bm_spread_queues(bm);
	if (err)
		goto fail;
	for (i = 0; i < bm_total_queues(bm); i++) {
		bm->queues[i].polled = i >= bm_vector_queues(bm);
		err = bm_queue_alloc(&bm->queues[i], bm, i, depth);
		if (err)
			goto fail;
	}
	return 0;

fail:
	bm_free_queues(bm, i);
	return err;
}

static int bm_start_locked(struct bm_dev *bm)
{
	int err;

	mutex_lock(&bm->state_lock);
	err = bm_start(bm);
	mutex_unlock(&bm->state_lock);
	return err;
}

static void bm_stop_locked(struct bm_dev *bm)
{
	mutex_lock(&bm->state_lock);
	bm_stop(bm);
	mutex_unlock(&bm->state_lock);
}

/* After this nobody uses the device, and nothing of ours runs by itself. */
static void bm_end_users(struct bm_dev *bm)
{
	mutex_lock(&bm->state_lock);
	bm_stop(bm);
	bm_kill(bm);
	mutex_unlock(&bm->state_lock);
	synchronize_srcu(&bm->users);
	bm_recover_exit(bm);
	bm_mem_exit(bm);
	bm_dmaengine_del(bm);
	bm_cdev_zap(bm);
}

static int bm_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	char text[BM_IDENTITY_LEN];
	struct bm_dev *bm;
	int err;

	bm = bm_cdev_alloc(pdev);
	if (IS_ERR(bm))
		return PTR_ERR(bm);
	bm->pdev = pdev;
	bm->fault_policy = bm_param_fault_policy;
	mutex_init(&bm->state_lock);
	bm_recover_init(bm);
	bm_mem_init(bm);

	err = pci_enable_device_mem(pdev);
	if (err)
		goto put;
	err = bm_save_config(bm);
	if (err)
		goto disable;
	err = pci_request_mem_regions(pdev, BM_NAME);
	if (err)
		goto free_config;
	err = bm_map_registers(bm);
	if (err)
		goto release;
	err = bm_hw_identify(bm);
	if (err)
		goto unmap;
	err = bm_set_dma_limits(bm);
	if (err)
		goto unmap;
	err = bm_alloc_vectors(bm);
	if (err)
		goto unmap;
	err = bm_alloc_queues(bm);
	if (err)
		goto free_vectors;
	err = bm_start_locked(bm);
	if (err)
		goto free_queues;
	pci_set_drvdata(pdev, bm);
	err = bm_dmaengine_add(bm);
	if (err)
		goto end_users;
	err = bm_cdev_add(bm);
	if (err)
		goto end_users;
	bm_debugfs_add(bm);

	dev_info(&bm->dev, "%s: %s; using %u queues, %u polled ones, %u channels, %u commands each\n",
		 pci_name(pdev), bm_identity(bm, text), bm->nr_queues, bm->nr_polled,
		 bm->nr_channels, bm->queues[0].depth);
	return 0;

end_users:
	bm_end_users(bm);
free_queues:
	bm_free_queues(bm, bm_total_queues(bm));
free_vectors:
	pci_free_irq_vectors(pdev);
unmap:
	iounmap(bm->regs);
release:
	pci_release_mem_regions(pdev);
free_config:
	kfree(bm->config);
disable:
	pci_disable_device(pdev);
put:
	put_device(&bm->dev);
	return err;
}

static void bm_remove(struct pci_dev *pdev)
{
	struct bm_dev *bm = pci_get_drvdata(pdev);

	bm_debugfs_del(bm);
	bm_cdev_del(bm);
	bm_end_users(bm);
	bm_free_queues(bm, bm_total_queues(bm));
	pci_free_irq_vectors(pdev);
	iounmap(bm->regs);
	pci_release_mem_regions(pdev);
	kfree(bm->config);
	pci_disable_device(pdev);
	put_device(&bm->dev);
}

/* The next kernel must not find a device that writes into its memory. */
static void bm_shutdown(struct pci_dev *pdev)
{
	bm_stop_locked(pci_get_drvdata(pdev));
}

static int bm_suspend(struct device *dev)
{
	bm_stop_locked(dev_get_drvdata(dev));
	return 0;
}

static int bm_resume(struct device *dev)
{
	return bm_start_locked(dev_get_drvdata(dev));
}

static DEFINE_SIMPLE_DEV_PM_OPS(bm_pm_ops, bm_suspend, bm_resume);

/* Somebody else resets the function, sysfs or VFIO with an FLR for example. */
static void bm_reset_prepare(struct pci_dev *pdev)
{
	bm_stop_locked(pci_get_drvdata(pdev));
}

static void bm_reset_done(struct pci_dev *pdev)
{
	bm_start_locked(pci_get_drvdata(pdev));
}

static const struct pci_error_handlers bm_err_handlers = {
	.reset_prepare = bm_reset_prepare,
	.reset_done = bm_reset_done,
};

static const struct pci_device_id bm_ids[] = {
	{ PCI_DEVICE(BM_PCI_VENDOR_ID, BM_PCI_DEVICE_ID) },
	{}
};
MODULE_DEVICE_TABLE(pci, bm_ids);

static struct pci_driver bm_driver = {
	.name = BM_NAME,
	.id_table = bm_ids,
	.probe = bm_probe,
	.remove = bm_remove,
	.shutdown = bm_shutdown,
	.driver.pm = pm_sleep_ptr(&bm_pm_ops),
	.err_handler = &bm_err_handlers,
};

static int __init bm_init(void)
{
	int err;

	err = bm_cdev_init();
	if (err)
		return err;
	bm_debugfs_init();
	err = pci_register_driver(&bm_driver);
	if (err) {
		bm_debugfs_exit();
		bm_cdev_exit();
	}
	return err;
}
module_init(bm_init);

static void __exit bm_exit_module(void)
{
	pci_unregister_driver(&bm_driver);
	bm_debugfs_exit();
	bm_dmaengine_exit();
	bm_cdev_exit();
}
module_exit(bm_exit_module);

MODULE_DESCRIPTION("Reference driver of the busmaster PCI Express DMA engine");
MODULE_AUTHOR("The busmaster developers");
MODULE_VERSION("1.0");
MODULE_LICENSE("GPL");
