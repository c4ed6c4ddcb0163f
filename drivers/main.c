// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: the PCI driver: probe and remove.
 *
 * Probe and remove build the device's state up and tear it down in the exact reverse
 * order. What happens to it in between is in state.c.
 */
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "busmaster.h"

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
}

/*
 * All memory of a queue is there before it is used: but not at any price. Who asks for more than
 * half of what the system has to give is refused, before somebody else is killed for it.
 */
static int bm_check_memory(struct bm_dev *bm, unsigned int depth)
{
	u64 want = bm_total_queues(bm) * bm_queue_bytes(depth);
	u64 have = (u64)si_mem_available() << PAGE_SHIFT;

	if (want <= have / 2)
		return 0;
	dev_err(&bm->dev, "%u queues of depth %u need %llu MiB, and of memory %llu MiB are available: fewer queues or a smaller queue_depth may do\n",
		bm_total_queues(bm), depth, want >> 20, have >> 20);
	return -ENOMEM;
}

static int bm_alloc_queues(struct bm_dev *bm)
{
	unsigned int depth = bm_queue_depth(bm);
	unsigned int i;
	int err;

	err = bm_check_memory(bm, depth);
	if (err)
		return err;
	for (i = 0; i < bm_total_queues(bm); i++) {
		bm->queues[i].polled = i >= bm_vector_queues(bm);
		err = bm_queue_alloc(&bm->queues[i], depth);
		if (err) {
			bm_free_queues(bm, i);
			return err;
		}
	}
	return 0;
}

/* The queues themselves; their memory comes when it is known how many of them interrupt. */
static int bm_init_queues(struct bm_dev *bm)
{
	unsigned int i;

	bm->queues = kcalloc(bm_total_queues(bm), sizeof(*bm->queues), GFP_KERNEL);
	bm->queue_of = kcalloc(nr_cpu_ids, sizeof(*bm->queue_of), GFP_KERNEL);
	if (!bm->queues || !bm->queue_of)
		return -ENOMEM;
	for (i = 0; i < bm_total_queues(bm); i++)
		bm_queue_init(&bm->queues[i], bm, i);
	return 0;
}

static void bm_exit_queues(struct bm_dev *bm)
{
	kfree(bm->queue_of);
	kfree(bm->queues);
}

static int bm_start_locked(struct bm_dev *bm)
{
	int err;

	mutex_lock(&bm->state_lock);
	err = bm_start(bm);
	mutex_unlock(&bm->state_lock);
	return err;
}

static void bm_kill_locked(struct bm_dev *bm)
{
	mutex_lock(&bm->state_lock);
	bm_quiesce(bm);
	bm_stop(bm);
	bm_kill(bm);
	mutex_unlock(&bm->state_lock);
}

/* After this nobody uses the device, and nothing of ours runs by itself. */
static void bm_end_users(struct bm_dev *bm)
{
	unsigned int i;

	bm_kill_locked(bm);
	synchronize_srcu(&bm->users);
	bm_abort_exit(bm); /* may ask for a reset, and so may the watchdog */
	bm_recover_exit(bm);
	bm_error_exit(bm);
	for (i = 0; i < bm_total_queues(bm); i++)
		bm_queue_flush(&bm->queues[i]);
	bm_dmaengine_del(bm);
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
	bm_state_init(bm);
	bm_recover_init(bm);
	bm_error_init(bm);
	bm_abort_init(bm);

	bm_config_reclaim(pdev);
	err = pci_enable_device_mem(pdev);
	if (err)
		goto put;
	pci_clear_master(pdev);
	err = bm_config_save(bm);
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
	err = bm_vectors_alloc(bm);
	if (err)
		goto unmap;
	err = bm_init_queues(bm);
	if (err)
		goto exit_queues;
	err = bm_vectors_request(bm);
	if (err)
		goto exit_queues;
	err = bm_alloc_queues(bm);
	if (err)
		goto release_vectors;
	pci_set_drvdata(pdev, bm);
	err = bm_start_locked(bm);
	if (err)
		goto end_users;
	err = bm_dmaengine_add(bm);
	if (err)
		goto end_users;
	bm_export_add(bm);
	bm_p2p_add(bm);
	err = bm_cdev_add(bm);
	if (err)
		goto del_p2p;
	bm_debugfs_add(bm);
	bm_power_add(bm);

	dev_info(&bm->dev, "%s: %s; using %u queues, %u polled ones, %u channels, %u commands each\n",
		 pci_name(pdev), bm_identity(bm, text), bm->nr_queues, bm->nr_polled,
		 bm->nr_channels, bm->queues[0].depth);
	return 0;

del_p2p:
	bm_p2p_del(bm);
end_users:
	bm_end_users(bm);
	bm_free_queues(bm, bm_total_queues(bm));
release_vectors:
	bm_vectors_release(bm);
exit_queues:
	bm_exit_queues(bm);
	bm_vectors_free(bm);
unmap:
	iounmap(bm->regs);
release:
	pci_release_mem_regions(pdev);
free_config:
	kfree(bm->config);
disable:
	pci_disable_device(pdev);
put:
	bm_cdev_put(bm);
	return err;
}

static void bm_remove(struct pci_dev *pdev)
{
	struct bm_dev *bm = pci_get_drvdata(pdev);

	bm_leave(bm);
	bm_power_del(bm);
	bm_debugfs_del(bm);
	bm_cdev_del(bm);
	bm_p2p_del(bm);
	bm_end_users(bm);
	bm_free_queues(bm, bm_total_queues(bm));
	bm_vectors_release(bm);
	bm_exit_queues(bm);
	bm_vectors_free(bm);
	iounmap(bm->regs);
	pci_release_mem_regions(pdev);
	kfree(bm->config);
	pci_disable_device(pdev);
	bm_cdev_put(bm);
}

/* The next kernel must not find a device that writes into its memory: it is over. */
static void bm_shutdown(struct pci_dev *pdev)
{
	bm_kill_locked(pci_get_drvdata(pdev));
}

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
	.driver.pm = pm_ptr(&bm_pm_ops),
	.err_handler = &bm_error_handlers,
};

static int __init bm_init(void)
{
	int err;

	err = bm_work_init();
	if (err)
		return err;
	err = bm_cdev_init();
	if (err)
		goto exit_work;
	err = bm_vectors_init();
	if (err)
		goto exit_cdev;
	bm_debugfs_init();
	err = pci_register_driver(&bm_driver);
	if (err)
		goto exit_vectors;
	return 0;

exit_vectors:
	bm_debugfs_exit();
	bm_vectors_exit();
exit_cdev:
	bm_cdev_exit();
exit_work:
	bm_work_exit();
	return err;
}
module_init(bm_init);

static void __exit bm_exit_module(void)
{
	pci_unregister_driver(&bm_driver);
	bm_debugfs_exit();
	bm_dmaengine_exit();
	bm_vectors_exit();
	bm_cdev_exit();
	bm_work_exit();
}
module_exit(bm_exit_module);

MODULE_DESCRIPTION("Reference driver of the busmaster PCI Express DMA engine");
MODULE_AUTHOR("The busmaster developers");
MODULE_VERSION("1.0");
MODULE_LICENSE("GPL");
