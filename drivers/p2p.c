// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: device memory that other devices may use (P2PDMA).
 *
 * The last p2p= MiB of device memory are given to the kernel, which has pages for them then:
 * what takes pages of a program takes these, and maps them for DMA as any other. A program
 * gets some by mapping the PCI function's p2pmem/allocate (root's, until its mode is changed);
 * they are free again when the last mapping and the last DMA are gone. The file ends where they
 * begin.
 *
 * The default is none: what is given away the file lacks, the kernel takes 16 KiB of RAM a MiB
 * for its pages, and a device that others may use at any time, without asking, never sleeps.
 *
 * The device itself does not reach these pages, as no bus leads back to it: who wants that has
 * -EREMOTEIO. What the file has is at hand without a bus.
 *
 * The mappings are the kernel's. A reset does not end them: device memory outlives it; an access
 * meanwhile reads ones or zeros, and what is written is lost, as with any peer. When the driver
 * is unbound the kernel takes them out of all programs (SIGBUS is the next access) and waits,
 * however long, for the DMA of others that is under way. No signal ends that; but it is said.
 */
#include <linux/moduleparam.h>
#include <linux/pci-p2pdma.h>
#include <linux/sizes.h>

#include "busmaster.h"

/* The kernel's pages come in sections of this size. */
#define BM_P2P_STEP SZ_2M

#define BM_P2P_PATIENCE msecs_to_jiffies(2000)

static unsigned int bm_param_p2p;

static int bm_param_set_p2p(const char *val, const struct kernel_param *kp)
{
	unsigned int mib;
	int err = kstrtouint(val, 0, &mib);

	if (err)
		return err;
	if (!IS_ALIGNED((u64)mib * SZ_1M, BM_P2P_STEP))
		return -EINVAL;
	return param_set_uint(val, kp);
}

static const struct kernel_param_ops bm_param_ops_p2p = {
	.set = bm_param_set_p2p,
	.get = param_get_uint,
};
module_param_cb(p2p, &bm_param_ops_p2p, &bm_param_p2p, 0444);
__MODULE_PARM_TYPE(p2p, "uint");
MODULE_PARM_DESC(p2p, "MiB of device memory for other devices, not for the file (a multiple of 2, default 0)");

/* What is given away, at the end of the BAR. */
static int bm_p2p_give(struct bm_dev *bm, u64 size)
{
	struct device *dev = &bm->pdev->dev;
	int err;

	if (!size)
		return -ENOSPC;
	if (!devres_open_group(dev, bm_p2p_add, GFP_KERNEL))
		return -ENOMEM;
	err = pci_p2pdma_add_resource(bm->pdev, BM_BAR_MEM, size, bm->caps.mem_size - size);
	if (err) {
		devres_release_group(dev, bm_p2p_add);
		return err;
	}
	devres_close_group(dev, bm_p2p_add);
	pci_p2pmem_publish(bm->pdev, true);
	bm->p2p_size = size;
	return 0;
}

/**
 * bm_p2p_add() - have the kernel lend device memory to other devices
 * @bm: device that works, and has no file yet
 *
 * It goes without if that does not succeed. Undone by bm_p2p_del().
 */
void bm_p2p_add(struct bm_dev *bm)
{
	u64 want = (u64)bm_param_p2p * SZ_1M;
	u64 size = min_t(u64, want, ALIGN_DOWN(bm->caps.mem_size, BM_P2P_STEP));
	int err;

	if (!want)
		return;
	if (!IS_ENABLED(CONFIG_PCI_P2PDMA)) {
		dev_warn_once(&bm->dev, "p2p=%u: this kernel was built without CONFIG_PCI_P2PDMA\n",
			      bm_param_p2p);
		return;
	}
	if (size < want)
		dev_warn(&bm->dev, "p2p=%u: the device has %llu MiB for that, which are used\n",
			 bm_param_p2p, size / SZ_1M);
	err = bm_p2p_give(bm, size);
	if (err)
		dev_warn(&bm->dev, "no device memory for other devices: %d\n", err);
}

/**
 * struct bm_p2p_wait - the kernel waits for other devices
 * @say: what for, if it takes long
 * @bm: device whose memory they use
 */
struct bm_p2p_wait {
	struct delayed_work say;
	struct bm_dev *bm;
};

static void bm_p2p_say(struct work_struct *work)
{
	struct bm_p2p_wait *wait = container_of(to_delayed_work(work), struct bm_p2p_wait, say);

	dev_warn(&wait->bm->dev, "waits until no other device uses the memory that it has lent\n");
}

/**
 * bm_p2p_del() - undo bm_p2p_add()
 * @bm: device that still works
 *
 * Waits until nobody uses its pages any more.
 */
void bm_p2p_del(struct bm_dev *bm)
{
	struct bm_p2p_wait wait = { .bm = bm };

	if (!bm->p2p_size)
		return;
	INIT_DELAYED_WORK_ONSTACK(&wait.say, bm_p2p_say);
	schedule_delayed_work(&wait.say, BM_P2P_PATIENCE);
	devres_release_group(&bm->pdev->dev, bm_p2p_add);
	cancel_delayed_work_sync(&wait.say);
	destroy_delayed_work_on_stack(&wait.say);
}
