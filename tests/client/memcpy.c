// SPDX-License-Identifier: GPL-2.0-only
/*
 * An in-kernel user of a busmaster channel, which need not know that it is one: it asks
 * the DMA engine core for any channel that copies, and copies a page. By comparing the
 * pages it is a test, too.
 */
#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/dmaengine.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>

/* A copy, as its callback sees it. */
struct copy {
	struct completion done;
	enum dmaengine_tx_result result;
};

/* In softirq context. */
static void copied(void *data, const struct dmaengine_result *result)
{
	struct copy *copy = data;

	copy->result = result->result;
	complete(&copy->done);
}

/* The addresses are DMA addresses, mapped for the channel's device. */
static int copy_mapped(struct dma_chan *chan, dma_addr_t dst, dma_addr_t src, size_t len)
{
	struct dma_async_tx_descriptor *tx;
	struct copy copy;

	tx = dmaengine_prep_dma_memcpy(chan, dst, src, len, DMA_PREP_INTERRUPT | DMA_CTRL_ACK);
	if (!tx)
		return -EBUSY;
	init_completion(&copy.done);
	tx->callback_result = copied;
	tx->callback_param = &copy;
	if (dma_submit_error(dmaengine_submit(tx)))
		return -EIO;
	dma_async_issue_pending(chan);
	wait_for_completion(&copy.done);
	return copy.result == DMA_TRANS_NOERROR ? 0 : -EIO;
}

static int copy_by_dma(struct dma_chan *chan, void *dst, void *src, size_t len)
{
	struct device *dev = dmaengine_get_dma_device(chan);
	dma_addr_t from, to;
	int err = -ENOMEM;

	from = dma_map_single(dev, src, len, DMA_TO_DEVICE);
	if (dma_mapping_error(dev, from))
		return err;
	to = dma_map_single(dev, dst, len, DMA_FROM_DEVICE);
	if (!dma_mapping_error(dev, to)) {
		err = copy_mapped(chan, to, from, len);
		dma_unmap_single(dev, to, len, DMA_FROM_DEVICE);
	}
	dma_unmap_single(dev, from, len, DMA_TO_DEVICE);
	return err;
}

static int copy_and_compare(struct dma_chan *chan)
{
	u8 *src = kmalloc(PAGE_SIZE, GFP_KERNEL), *dst = kzalloc(PAGE_SIZE, GFP_KERNEL);
	int err = -ENOMEM;

	if (src && dst) {
		get_random_bytes(src, PAGE_SIZE);
		err = copy_by_dma(chan, dst, src, PAGE_SIZE);
		if (!err && memcmp(dst, src, PAGE_SIZE))
			err = -EILSEQ;
	}
	kfree(dst);
	kfree(src);
	return err;
}

static int __init client_init(void)
{
	struct dma_chan *chan;
	dma_cap_mask_t mask;
	int err;

	dma_cap_zero(mask);
	dma_cap_set(DMA_MEMCPY, mask);
	chan = dma_request_chan_by_mask(&mask);
	if (IS_ERR(chan))
		return PTR_ERR(chan);
	err = copy_and_compare(chan);
	if (!err)
		pr_info("busmaster_client: copied a page by %s\n", dma_chan_name(chan));
	dma_release_channel(chan);
	return err;
}
module_init(client_init);

static void __exit client_exit(void)
{
}
module_exit(client_exit);

MODULE_DESCRIPTION("Example of a DMA engine client");
MODULE_LICENSE("GPL");
