// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: a range of device memory as a dma-buf, for other devices.
 *
 * A dma-buf is a file descriptor that stands for memory. Other drivers import it, ours among them
 * (import.c), and the memory stays the file's: what one writes, the other reads. Unlike what is
 * lent by p2p.c it has no pages, so nothing but a driver that imports dma-bufs can use it, and it
 * can be taken back: each time that the device is stopped, be it for a reset, for sleep, or for
 * good, mappings are revoked, and what others have under way is waited for. That is after all
 * that this device had in flight has ended: so two devices that use each other's memory do not
 * wait for each other. A device that runs again gives the same memory out again: it is there,
 * as after any reset. One that is removed never does.
 *
 * Whether the two devices reach each other the kernel says, by the same rules as for P2PDMA, and
 * then the BAR is mapped like any memory that is not RAM. (Behind an IOMMU that is an address
 * of the IOMMU's: a request goes up to it and comes back.) Importers that want pages, or memory
 * that stays where it is (pinned), are refused.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/pci-p2pdma.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>

#include "busmaster.h"

/* An entry of a scatterlist has 32 bits for its length. */
#define BM_EXPORT_PIECE SZ_1G

/* Others' use of the memory is waited for so often, for so long: of all dma-bufs together. */
#define BM_EXPORT_TURNS 15
#define BM_EXPORT_PATIENCE msecs_to_jiffies(2000)

/**
 * struct bm_export - a range of device memory that others may use
 * @bm: device, of which this holds a reference
 * @buf: its dma-buf
 * @phys: where it begins, as the CPU sees it
 * @node: in the device's exports
 */
struct bm_export {
	struct bm_dev *bm;
	struct dma_buf *buf;
	phys_addr_t phys;
	struct list_head node;
};

static int bm_export_reaches(struct bm_dev *bm, struct device *dev)
{
	static DEFINE_RATELIMIT_STATE(told, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);
	bool tell = __ratelimit(&told);

	if (dev == &bm->pdev->dev) /* no bus leads back */
		return -EREMOTEIO;
	if (pci_p2pdma_distance(bm->pdev, dev, tell) >= 0)
		return 0;
	if (tell)
		dev_warn(&bm->dev, "%s cannot reach this device's memory (%s)\n", dev_name(dev),
			 IS_ENABLED(CONFIG_PCI_P2PDMA) ? "the kernel has said why" :
							 "a kernel without CONFIG_PCI_P2PDMA");
	return -EREMOTEIO;
}

static int bm_export_attach(struct dma_buf *buf, struct dma_buf_attachment *attach)
{
	struct bm_export *export = buf->priv;
	int idx, err;

	if (!attach->peer2peer)
		return -EOPNOTSUPP;
	idx = bm_enter(export->bm);
	if (idx < 0)
		return idx;
	err = bm_export_reaches(export->bm, attach->dev);
	bm_exit(export->bm, idx);
	return err;
}

static int bm_export_pin(struct dma_buf_attachment *attach)
{
	return -EOPNOTSUPP;
}

static void bm_export_unpin(struct dma_buf_attachment *attach)
{
}

static void bm_export_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			    enum dma_data_direction dir)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(sgt, sg, i)
		dma_unmap_resource(attach->dev, sg_dma_address(sg), sg_dma_len(sg), dir, 0);
	sg_free_table(sgt);
	kfree(sgt);
}

static int bm_export_map_pieces(struct dma_buf_attachment *attach, struct sg_table *sgt,
				enum dma_data_direction dir)
{
	struct bm_export *export = attach->dmabuf->priv;
	u64 left = attach->dmabuf->size;
	phys_addr_t phys = export->phys;
	struct scatterlist *sg;
	unsigned int i;

	sgt->nents = 0;
	for_each_sgtable_sg(sgt, sg, i) {
		size_t length = min_t(u64, left, BM_EXPORT_PIECE);
		dma_addr_t addr = dma_map_resource(attach->dev, phys, length, dir, 0);

		if (dma_mapping_error(attach->dev, addr))
			return -ENOMEM;
		sg_dma_address(sg) = addr;
		sg_dma_len(sg) = length;
		sgt->nents++;
		phys += length;
		left -= length;
	}
	return 0;
}

/* With the reservation locked, as bm_export_revoke() has it. */
static struct sg_table *bm_export_map(struct dma_buf_attachment *attach,
				      enum dma_data_direction dir)
{
	struct bm_export *export = attach->dmabuf->priv;
	enum bm_state state = READ_ONCE(export->bm->state);
	struct sg_table *sgt;

	if (state != BM_RUNNING)
		return ERR_PTR(state == BM_DEAD ? -ENODEV : -EBUSY);
	if (dir != DMA_TO_DEVICE && !(attach->dmabuf->file->f_mode & FMODE_WRITE))
		return ERR_PTR(-EACCES);
	sgt = kmalloc(sizeof(*sgt), GFP_KERNEL);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	if (sg_alloc_table(sgt, DIV_ROUND_UP(attach->dmabuf->size, BM_EXPORT_PIECE), GFP_KERNEL)) {
		kfree(sgt);
		return ERR_PTR(-ENOMEM);
	}
	if (bm_export_map_pieces(attach, sgt, dir)) {
		bm_export_unmap(attach, sgt, dir);
		return ERR_PTR(-ENOMEM);
	}
	return sgt;
}

static void bm_export_release(struct dma_buf *buf)
{
	struct bm_export *export = buf->priv;
	struct bm_dev *bm = export->bm;

	mutex_lock(&bm->exports_lock);
	list_del(&export->node);
	mutex_unlock(&bm->exports_lock);
	kfree(export);
	put_device(&bm->dev);
}

static const struct dma_buf_ops bm_export_ops = {
	.attach = bm_export_attach,
	.pin = bm_export_pin,
	.unpin = bm_export_unpin,
	.map_dma_buf = bm_export_map,
	.unmap_dma_buf = bm_export_unmap,
	.release = bm_export_release,
};

/**
 * bm_export() - a range of device memory as a dma-buf
 * @bm: device, present or not, and its file open
 * @offset: of the range, in pages' bytes
 * @length: likewise, not 0, within the file
 * @flags: O_ACCMODE of who is to have it
 *
 * May sleep: a device that is stopped is waited for, killably.
 *
 * Return: a dma-buf, whose reference is the caller's; or ERR_PTR: -ENODEV, -EINTR, -ENOMEM.
 */
struct dma_buf *bm_export(struct bm_dev *bm, u64 offset, u64 length, int flags)
{
	struct bm_export *export = kzalloc(sizeof(*export), GFP_KERNEL);
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	int err;

	if (!export)
		return ERR_PTR(-ENOMEM);
	export->bm = bm;
	export->phys = bm->mem_phys + offset;
	info.ops = &bm_export_ops;
	info.size = length;
	info.flags = O_CLOEXEC | flags;
	info.priv = export;
	export->buf = dma_buf_export(&info);
	if (IS_ERR(export->buf)) {
		err = PTR_ERR(export->buf);
		kfree(export);
		return ERR_PTR(err);
	}
	get_device(&bm->dev);
	mutex_lock(&bm->exports_lock);
	list_add(&export->node, &bm->exports);
	mutex_unlock(&bm->exports_lock);
	/* From here on it does not fall asleep; and if it was asleep, it is woken. */
	err = bm_bar_enter(bm);
	if (err) {
		dma_buf_put(export->buf);
		return ERR_PTR(err);
	}
	bm_bar_exit(bm);
	return export->buf;
}

/*
 * When this returns nobody reaches the memory, and whoever wants to has to map it anew. Fences
 * signal in the end, by the rules; but a reset, or a shutdown, does not hang for who breaks them.
 */
static void bm_export_revoke(struct bm_export *export, unsigned int *turns)
{
	struct device *dev = &export->bm->dev;
	struct dma_resv *resv = export->buf->resv;

	dma_resv_lock(resv, NULL);
	dma_buf_invalidate_mappings(export->buf);
	while (!dma_resv_wait_timeout(resv, DMA_RESV_USAGE_BOOKKEEP, false,
				      *turns ? BM_EXPORT_PATIENCE : 0)) {
		if (!*turns) {
			dev_err_ratelimited(dev, "another device's use of a dma-buf does not end: it fails now\n");
			break;
		}
		dev_warn(dev, "waits until no other device uses the memory of a dma-buf\n");
		--*turns;
	}
	dma_resv_unlock(resv);
}

static int bm_export_state(struct notifier_block *nb, unsigned long state, void *data)
{
	unsigned int turns = BM_EXPORT_TURNS;
	struct bm_dev *bm = data;
	struct bm_export *export;

	if (state != BM_SILENT)
		return NOTIFY_DONE;
	mutex_lock(&bm->exports_lock);
	list_for_each_entry(export, &bm->exports, node)
		bm_export_revoke(export, &turns);
	mutex_unlock(&bm->exports_lock);
	return NOTIFY_DONE;
}

/**
 * bm_export_add() - from here on memory may be exported
 * @bm: running device, which has no file yet
 */
void bm_export_add(struct bm_dev *bm)
{
	bm->revoke.notifier_call = bm_export_state;
	mutex_lock(&bm->state_lock);
	raw_notifier_chain_register(&bm->states, &bm->revoke);
	mutex_unlock(&bm->state_lock);
}
