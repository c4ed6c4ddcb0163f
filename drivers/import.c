// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: memory of others, that comes as a dma-buf.
 *
 * Whoever exports a dma-buf may move it, or take it back, at any time. It says so to each who has
 * it mapped (invalidate_mappings), waits until the fences of what is under way have signalled,
 * and may then do with the memory what it likes. So here:
 *
 *   - a mapping is made, and looked at, with the buffer's reservation locked, and that is never
 *     waited for with a request in hand: who finds it locked tries again;
 *   - fences of others are heeded as the kernel has it (implicit synchronisation): who reads
 *     waits for those who write, who writes for all;
 *   - before the device is given an address the command's own fence is in the reservation. It
 *     signals when the device reaches the memory no more, from wherever that is found, which
 *     waits for no lock and no memory; the driver's time-out sees to it that it does;
 *   - a buffer that moves has its commands aborted, those that are parked included: else who takes
 *     it back waits for as long as this device is stopped. What was aborted is done again with a
 *     new mapping, if there is one.
 *
 * An import lasts as long as an operation, which is between bm_enter() and bm_exit(): so no
 * mapping outlives the driver. The module stays as long as any of its fences.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "busmaster.h"
#include "import.h"

BM_IMPORT_NS_DMA_BUF;

/**
 * struct bm_import - a dma-buf, for an operation of this device
 * @bm: device
 * @attach: ties the two
 * @sgt: mapping, or NULL; under the reservation's lock
 * @dir: its direction
 * @moved: the mapping is not to be used any more; set under the reservation's lock
 * @context: of the operation's fences, whose commands end one after the other
 * @seqno: of the last
 */
struct bm_import {
	struct bm_dev *bm;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	enum dma_data_direction dir;
	bool moved;
	u64 context;
	u64 seqno;
};

/**
 * struct bm_fence - signals when the device reaches a command's memory no more
 * @fence: first, as the kernel frees it
 * @lock: its lock
 */
struct bm_fence {
	struct dma_fence fence;
	spinlock_t lock; /* see struct dma_fence */
};

static const char *bm_fence_name(struct dma_fence *fence)
{
	return BM_NAME;
}

static void bm_fence_release(struct dma_fence *fence)
{
	dma_fence_free(fence);
	module_put(THIS_MODULE);
}

static const struct dma_fence_ops bm_fence_ops = {
	.get_driver_name = bm_fence_name,
	.get_timeline_name = bm_fence_name,
	.release = bm_fence_release,
};

static struct dma_fence *bm_fence_create(struct bm_import *im)
{
	struct bm_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL);

	if (!fence)
		return NULL;
	__module_get(THIS_MODULE);
	spin_lock_init(&fence->lock);
	dma_fence_init(&fence->fence, &bm_fence_ops, &fence->lock, im->context, ++im->seqno);
	return &fence->fence;
}

/* Is it a command of this operation's? It is in flight or parked, so its fence stays. */
static bool bm_import_is_of(struct bm_request *rq, const void *what)
{
	const struct bm_import *im = what;

	return rq->fence && rq->fence->context == im->context;
}

/* The reservation is locked. A command that is just being submitted sees @moved: ioctl.c. */
static void bm_import_move(struct dma_buf_attachment *attach)
{
	struct bm_import *im = attach->importer_priv;

	WRITE_ONCE(im->moved, true);
	bm_abort_where(im->bm, bm_import_is_of, im);
}

static const struct dma_buf_attach_ops bm_import_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = bm_import_move,
};

static void bm_import_unmap(struct bm_import *im)
{
	if (im->sgt)
		dma_buf_unmap_attachment(im->attach, im->sgt, im->dir);
	im->sgt = NULL;
	im->moved = false;
}

static int bm_import_remap(struct bm_import *im)
{
	struct sg_table *sgt;

	if (im->moved)
		bm_import_unmap(im);
	if (im->sgt)
		return 0;
	sgt = dma_buf_map_attachment(im->attach, im->dir);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	im->sgt = sgt;
	return 0;
}

/* Describe a part of the mapping to the device. */
static int bm_import_encode(struct bm_request *rq, struct bm_import *im, u64 offset, u64 length,
			    struct bm_hw_ptr *ptr)
{
	struct scatterlist *to = rq->sg + rq->nr_segs, *sg;
	unsigned int room = im->bm->cmd_pages - rq->nr_segs, n = 0, i;
	struct bm_sgl sgl = bm_mem_sgl_tail(rq);
	int err;

	for_each_sgtable_dma_sg(im->sgt, sg, i) {
		u64 here = sg_dma_len(sg) - min_t(u64, offset, sg_dma_len(sg));

		if (here && length && n == room)
			return -EMSGSIZE;
		if (here && length) {
			sg_dma_address(&to[n]) = sg_dma_address(sg) + offset;
			sg_dma_len(&to[n]) = min(here, length);
			length -= sg_dma_len(&to[n++]);
		}
		offset -= min_t(u64, offset, sg_dma_len(sg));
	}
	if (length)
		return -ERANGE;
	err = bm_sgl_encode(ptr, &sgl, to, n);
	if (!err)
		rq->nr_segs += n;
	return err;
}

/* Do all others have done with it? Some fences signal only when somebody wants to know. */
static bool bm_import_idle(struct dma_resv *resv, enum dma_resv_usage usage)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	if (dma_resv_test_signaled(resv, usage))
		return true;
	dma_resv_for_each_fence(&cursor, resv, usage, fence)
		dma_fence_enable_signaling(fence);
	return false;
}

static int bm_import_map_locked(struct bm_request *rq, struct bm_import *im, u64 offset,
				u64 length, struct bm_hw_ptr *ptr)
{
	struct dma_resv *resv = im->attach->dmabuf->resv;
	bool write = im->dir == DMA_FROM_DEVICE;
	int err;

	err = bm_import_remap(im) ?: dma_resv_reserve_fences(resv, 1);
	if (err)
		return err;
	/* Only now: to map it can make the exporter move it, and that has a fence, too. */
	if (!bm_import_idle(resv, dma_resv_usage_rw(write)))
		return -EBUSY;
	err = bm_import_encode(rq, im, offset, length, ptr);
	if (err)
		return err;
	rq->fence = bm_fence_create(im);
	if (!rq->fence)
		return -ENOMEM;
	dma_resv_add_fence(resv, rq->fence, write ? DMA_RESV_USAGE_WRITE : DMA_RESV_USAGE_READ);
	return 0;
}

/**
 * bm_import_map() - let the device reach a part of a dma-buf
 * @rq: borrowed request
 * @im: import
 * @offset: in the dma-buf
 * @length: bytes, which whoever checked the operation knows to be there
 * @ptr: how the submission names the memory: filled
 *
 * Undone by bm_mem_release() or bm_mem_unmap(), like all that a request has. May sleep, for
 * memory.
 *
 * Return: 0; -EBUSY if somebody else uses the buffer now, or it is being moved; -ENOMEM; or what
 * else its exporter says: -ENODEV if it is no more.
 */
int bm_import_map(struct bm_request *rq, struct bm_import *im, u64 offset, size_t length,
		  struct bm_hw_ptr *ptr)
{
	struct dma_resv *resv = im->attach->dmabuf->resv;
	int err;

	if (!dma_resv_trylock(resv))
		return -EBUSY;
	err = bm_import_map_locked(rq, im, offset, length, ptr);
	dma_resv_unlock(resv);
	return err;
}

/**
 * bm_import_moved() - is the mapping not to be used any more?
 * @im: import, or NULL
 *
 * Asked after a submission, it makes sure that no command is missed by who has the buffer moved.
 */
bool bm_import_moved(const struct bm_import *im)
{
	return im && READ_ONCE(im->moved);
}

/**
 * bm_import_get() - begin to use a dma-buf
 * @bm: device, between bm_enter() and bm_exit() until bm_import_put()
 * @buf: the buffer, whose reference is the import's from now on, and put on error
 * @dir: what the device does with it
 *
 * May sleep.
 *
 * Return: an import; or ERR_PTR: -EREMOTEIO if it is a device's that this one does not reach.
 */
struct bm_import *bm_import_get(struct bm_dev *bm, struct dma_buf *buf,
				enum dma_data_direction dir)
{
	struct bm_import *im = kzalloc(sizeof(*im), GFP_KERNEL);
	int err = -ENOMEM;

	if (!im)
		goto put;
	im->bm = bm;
	im->dir = dir;
	im->context = dma_fence_context_alloc(1);
	im->attach = dma_buf_dynamic_attach(buf, &bm->pdev->dev, &bm_import_ops, im);
	if (!IS_ERR(im->attach))
		return im;
	err = PTR_ERR(im->attach);
	if (err == -EREMOTEIO)
		bm_count(bm, BM_ERR_UNREACHABLE);
	kfree(im);
put:
	dma_buf_put(buf);
	return ERR_PTR(err);
}

/**
 * bm_import_put() - end what bm_import_get() began
 * @im: import, without commands in flight; or NULL
 *
 * May sleep.
 */
void bm_import_put(struct bm_import *im)
{
	struct dma_buf *buf;

	if (!im)
		return;
	buf = im->attach->dmabuf;
	dma_resv_lock(buf->resv, NULL);
	bm_import_unmap(im);
	dma_resv_unlock(buf->resv);
	dma_buf_detach(buf, im->attach);
	dma_buf_put(buf);
	kfree(im);
}
