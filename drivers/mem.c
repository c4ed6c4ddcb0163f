// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: memory that the device may reach: pinned, mapped, and let go again.
 *
 * The order is the whole point. Pin, so that the page stays where it is; map, so
 * that the device has an address for it and caches are clean; let the device work;
 * unmap, so that the address means nothing any more and bounce buffers are copied
 * back; only then unpin. bm_mem_release() is for a device that is through with the
 * memory or cannot reach it any more, and comes before the client's done().
 *
 * A pin lasts as long as its command, which ends at the latest when the watchdog loses
 * patience. So pins are not counted against RLIMIT_MEMLOCK, as those of O_DIRECT are
 * not: it is for pins of which a program decides when they end. Buffers registered
 * with io_uring are such, and io_uring counts them.
 *
 * What else does the device reach? An IOMMU guards pages, not bytes: who may write a
 * buffer may write all of the pages that it touches, and what lies there beside it.
 * (Thunderclap, NDSS 2019, took over kernels by what lay beside network buffers.) So
 * nothing that the device may write shares a page with kernel data of another use:
 *
 *   - rings and shadow doorbells are coherent memory, each of its own pages (queue.c; the
 *     DMA API hands out pages, however small the request). SGLs share pages with SGLs
 *     alone, from a pool, which keeps its books in the blocks that are free: so all are
 *     allocated before the device may reach memory, and freed when it may not any more;
 *   - the pages of a user's buffer are the user's own, whole: beside it lies what
 *     the same user has put there, in a page of its address space or of a file;
 *   - of kernel memory (ITER_KVEC) only whole pages are mapped for the device to
 *     write: the rest of a page may be any object of the slab. Of pages that come one by
 *     one (ITER_BVEC: registered with io_uring, in a pipe, in a bio) nobody can tell here
 *     what lies beside the bytes: that is up to whoever made the list of them;
 *   - bounce buffers are memory of bounce buffers, and nothing else.
 *
 * What the device only reads is mapped read-only. Without an IOMMU none of this helps.
 *
 * The pages of a program may be memory of another device (P2PDMA), which it has from that
 * device's p2pmem/allocate. They are pinned and mapped like others: the DMA API knows them, and
 * knows whether the two devices can reach each other: if not, nothing is tried. What the
 * kernel pins for long (FOLL_LONGTERM) cannot be such memory: so registered buffers of io_uring
 * never are.
 */
#include <linux/bvec.h>
#include <linux/dma-mapping.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "busmaster.h"
#include "import.h"
#include "trace.h"

/* Pages that are pinned at a time, on the stack. */
#define BM_MEM_BATCH 32u

/*
 * Does a piece of memory go on where another ends? Then the other grows: two
 * mappings must not share a cache line that the device writes
 * (Documentation/core-api/dma-api.rst), and what is contiguous needs no list.
 */
static bool bm_mem_goes_on(const struct bio_vec *vec, struct page *page, size_t offset)
{
	size_t end = vec->bv_offset + vec->bv_len;

	return page_to_pfn(page) == page_to_pfn(vec->bv_page) + end / PAGE_SIZE &&
	       offset == end % PAGE_SIZE && zone_device_pages_have_same_pgmap(page, vec->bv_page);
}

/* BARs of two devices may be neighbours, and the way to them is not the same. */
static bool bm_mem_follows(const struct page *page, const struct page *next)
{
	return page_to_pfn(next) == page_to_pfn(page) + 1 &&
	       zone_device_pages_have_same_pgmap(page, next);
}

/* Of the @length bytes from @offset in @pages, those that lie in one piece. */
static size_t bm_mem_piece(struct page **pages, size_t offset, size_t length)
{
	size_t piece = min_t(size_t, length, PAGE_SIZE - offset);

	for (; piece < length && bm_mem_follows(pages[0], pages[1]); pages++)
		piece += min_t(size_t, length - piece, PAGE_SIZE);
	return piece;
}

/* Add the @length bytes from @offset in @pages. Each of the pages has a pin. */
static void bm_pins_add(struct bm_pins *pins, struct page **pages, size_t offset, size_t length)
{
	while (length) {
		size_t piece = bm_mem_piece(pages, offset, length);
		struct bio_vec *next = &pins->vec[pins->nr];

		if (pins->nr && bm_mem_goes_on(next - 1, *pages, offset)) {
			next[-1].bv_len += piece;
			if (offset && pins->pinned)
				unpin_user_page(*pages);
		} else {
			bvec_set_page(next, *pages, piece, offset);
			pins->nr++;
		}
		pages += DIV_ROUND_UP(offset + piece, PAGE_SIZE);
		length -= piece;
		offset = 0;
	}
}

/* Would the device reach kernel memory beside the iterator's? See above. */
static bool bm_mem_exposes(const struct iov_iter *iter)
{
	return iov_iter_is_kvec(iter) && !PAGE_ALIGNED(iov_iter_alignment(iter));
}

/* Pin the iterator's pages until it or the room ends. */
static int bm_pins_collect(struct bm_pins *pins, struct iov_iter *iter, unsigned int room)
{
	struct page *batch[BM_MEM_BATCH], **pages = batch;

	while (iov_iter_count(iter) && room) {
		size_t offset;
		ssize_t n;

		n = iov_iter_extract_pages(iter, &pages, iov_iter_count(iter),
					   min(room, BM_MEM_BATCH), ITER_ALLOW_P2PDMA, &offset);
		if (n <= 0)
			return n ?: -EFAULT;
		bm_pins_add(pins, pages, offset, n);
		room -= DIV_ROUND_UP(offset + n, PAGE_SIZE);
	}
	return 0;
}

/**
 * bm_mem_pin() - keep the next part of an iterator's memory where it is
 * @pins: what is pinned; it need not be initialised
 * @iter: memory of a user or of the kernel, not empty; advanced by what is pinned
 * @pages: at most so many
 *
 * A source is to be mapped DMA_TO_DEVICE, else it is DMA_FROM_DEVICE. May sleep for as
 * long as whoever provides the pages likes: so the caller holds nothing that others wait
 * for. A fatal signal ends it.
 *
 * Return: bytes pinned, up to the first that is not the caller's; -EFAULT if there are
 * none; -EINVAL if the device is to write kernel memory that does not fill its pages;
 * -ENOMEM; or what else the kernel says of the memory. On error nothing is pinned.
 */
ssize_t bm_mem_pin(struct bm_pins *pins, struct iov_iter *iter, unsigned int pages)
{
	size_t before = iov_iter_count(iter), got;
	int err;

	pins->nr = 0;
	pins->vec = pins->few;
	pins->pinned = iov_iter_extract_will_pin(iter);
	pins->dir = iov_iter_rw(iter) == WRITE ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
	if (pins->dir == DMA_FROM_DEVICE && bm_mem_exposes(iter))
		return -EINVAL;
	pages = iov_iter_npages(iter, pages);
	if (pages > BM_PINS_FEW)
		pins->vec = kmalloc_array(pages, sizeof(*pins->vec), GFP_KERNEL);
	if (!pins->vec)
		return -ENOMEM;

	err = bm_pins_collect(pins, iter, pages);
	got = before - iov_iter_count(iter);
	if (!got)
		bm_mem_hand_over(pins);
	return got ?: err;
}

/**
 * bm_mem_hand_over() - the pins are somebody else's from now on
 * @pins: filled by bm_mem_pin(), and mapped; or it has none
 *
 * Any context.
 */
void bm_mem_hand_over(struct bm_pins *pins)
{
	pins->nr = 0;
	if (pins->vec != pins->few)
		kfree(pins->vec);
}

/**
 * bm_mem_unpin() - undo bm_mem_pin()
 * @pins: filled there, and not mapped
 *
 * Any context.
 */
void bm_mem_unpin(struct bm_pins *pins)
{
	unsigned int i;

	for (i = 0; pins->pinned && i < pins->nr; i++) {
		struct bio_vec *vec = &pins->vec[i];

		unpin_user_page_range_dirty_lock(vec->bv_page,
						 PFN_UP(vec->bv_offset + vec->bv_len), false);
	}
	bm_mem_hand_over(pins);
}

/**
 * bm_mem_sgl_tail() - what is left of a request's SGL, as a list of its own
 * @rq: borrowed request
 *
 * Any context.
 *
 * Return: that list.
 */
struct bm_sgl bm_mem_sgl_tail(const struct bm_request *rq)
{
	return (struct bm_sgl){
		.seg = rq->sgl.seg + rq->nr_segs,
		.dma = rq->sgl.dma + rq->nr_segs * sizeof(*rq->sgl.seg),
	};
}

/* The device reaches it no more. */
static void bm_map_end(struct bm_request *rq, struct bm_map *map)
{
	dma_unmap_sgtable(bm_dma_dev(rq->queue), &map->sgt, map->dir, 0);
}

/*
 * What the DMA API says of a mapping that failed: it has none left now (-ENOMEM, and -EIO for
 * bounce buffers), or it cannot be (dma_map_sgtable()). Between which devices, and why, it has
 * said itself.
 */
static int bm_map_error(struct bm_dev *bm, int err)
{
	if (err == -EREMOTEIO)
		return err;
	if (err == -ENOMEM || err == -EIO)
		return -ENOMEM;
	dev_err_ratelimited(&bm->dev, "the system cannot map this memory for the device: %d\n",
			    err);
	return -EIO;
}

/* Is it what the device lends itself? It lies in its own BAR, to which no bus leads back. */
static bool bm_mem_own(struct bm_dev *bm, const struct page *page)
{
	phys_addr_t begin = pci_resource_start(bm->pdev, BM_BAR_MEM);

	return page_to_phys(page) >= begin && page_to_phys(page) - begin < bm->caps.mem_size;
}

/* Memory of other devices, where the DMA API here does not know what that is, or of this one? */
static bool bm_mem_unreachable(struct bm_queue *q, const struct bm_pins *pins)
{
	bool known = dma_pci_p2pdma_supported(bm_dma_dev(q));
	unsigned int i;

	if (known && !q->bm->p2p_size)
		return false;
	for (i = 0; i < pins->nr; i++) {
		const struct page *page = pins->vec[i].bv_page;

		if (is_pci_p2pdma_page(page) && (!known || bm_mem_own(q->bm, page)))
			return true;
	}
	return false;
}

/**
 * bm_mem_map() - let the device reach what is pinned
 * @rq: borrowed request; with one side of its command in host memory mapped, or none
 * @pins: filled by bm_mem_pin(), with no more pages than the @rq->queue->bm->cmd_pages that
 *	a request has room for; half of them if the command has two sides in host memory
 * @ptr: how the submission names the memory: filled
 *
 * The pins stay the caller's, until bm_mem_hand_over() makes them the request's. Any
 * context.
 *
 * Return: 0; -ENOMEM if the mapping needs what is in use now (IOVAs, bounce
 * buffers): worth trying again when other requests have ended; -EREMOTEIO if it is memory of a
 * device that this one does not reach; or -EIO, after a message, if it will never succeed.
 */
int bm_mem_map(struct bm_request *rq, const struct bm_pins *pins, struct bm_hw_ptr *ptr)
{
	struct scatterlist *sg = rq->sg + rq->nr_segs;
	struct bm_map *map = &rq->maps[rq->nr_maps];
	struct bm_sgl sgl = bm_mem_sgl_tail(rq);
	unsigned int i;
	int err;

	if (bm_mem_unreachable(rq->queue, pins))
		return -EREMOTEIO;
	sg_init_table(sg, pins->nr); /* the DMA API leaves marks of its own in it */
	for (i = 0; i < pins->nr; i++)
		sg_set_page(&sg[i], pins->vec[i].bv_page, pins->vec[i].bv_len,
			    pins->vec[i].bv_offset);
	map->dir = pins->dir;
	map->pinned = pins->pinned;
	map->sgt.sgl = sg;
	map->sgt.orig_nents = i;

	err = dma_map_sgtable(bm_dma_dev(rq->queue), &map->sgt, map->dir, DMA_ATTR_NO_WARN);
	if (err)
		return bm_map_error(rq->queue->bm, err);
	err = bm_sgl_encode(ptr, &sgl, sg, map->sgt.nents);
	if (err) {
		bm_map_end(rq, map);
		return err;
	}
	rq->nr_segs += i;
	rq->nr_maps++;
	trace_bm_map(rq, i, map->sgt.nents);
	return 0;
}

static void bm_map_unpin(struct bm_map *map, bool dirty)
{
	struct scatterlist *sg = map->sgt.sgl, *end = sg + map->sgt.orig_nents;

	for (; map->pinned && sg < end; sg++)
		unpin_user_page_range_dirty_lock(sg_page(sg), PFN_UP(sg->offset + sg->length),
						 dirty && map->dir == DMA_FROM_DEVICE);
}

/**
 * bm_mem_unmap() - undo bm_mem_map()
 * @rq: request that was not submitted; its pins are still the caller's
 *
 * Any context.
 */
void bm_mem_unmap(struct bm_request *rq)
{
	while (rq->nr_maps)
		bm_map_end(rq, &rq->maps[--rq->nr_maps]);
	rq->nr_segs = 0;
	bm_import_let_go(rq, -ECANCELED);
}

/**
 * bm_mem_ends_in_page() - may what follows share a cache line with this mapping?
 * @rq: request with memory mapped by bm_mem_map()
 *
 * A command takes whole pages, so only a list of many small pieces ends like that.
 */
bool bm_mem_ends_in_page(const struct bm_request *rq)
{
	const struct scatterlist *last = &rq->sg[rq->nr_segs - 1];

	return !PAGE_ALIGNED(last->offset + last->length);
}

/* All of an entry's pages are marked dirty, as what the device wrote must be. */
static bool bm_mem_is_dirty(struct scatterlist *sg)
{
	unsigned int left = PFN_UP(sg->offset + sg->length);
	struct page *page = sg_page(sg);

	while (left) {
		struct folio *folio = page_folio(page);
		unsigned int here = folio_nr_pages(folio) - folio_page_idx(folio, page);

		if (!folio_test_dirty(folio))
			return false;
		page += min(here, left);
		left -= min(here, left);
	}
	return true;
}

/*
 * To mark a page dirty can sleep: its lock keeps it in its file meanwhile. But most
 * are dirty already, from an earlier read into the same buffer. Looking once, without
 * the lock, is enough: if writeback cleans the page after that, it writes what the
 * device has written before; see unpin_user_pages_dirty_lock().
 */
static bool bm_mem_unpin_sleeps(const struct bm_map *map)
{
	struct scatterlist *sg = map->sgt.sgl, *end = sg + map->sgt.orig_nents;

	if (!map->pinned || map->dir != DMA_FROM_DEVICE)
		return false;
	while (sg < end && bm_mem_is_dirty(sg))
		sg++;
	return sg < end;
}

static void bm_mem_finish(struct bm_request *rq, bool dirty)
{
	while (rq->nr_maps)
		bm_map_unpin(&rq->maps[--rq->nr_maps], dirty);
	rq->nr_segs = 0;
	trace_bm_complete(rq);
	rq->done(rq);
}

static void bm_mem_unpin_work(struct work_struct *work)
{
	bm_mem_finish(container_of(work, struct bm_request, unpin), true);
}

/**
 * bm_mem_release() - the device is done with a request's memory: let go of it, then done()
 * @rq: request that is not in flight, and has its result
 *
 * Any context. The mapping ends at once; pages that the device wrote and that are
 * still to be marked dirty are left to a work of the request's own, which may sleep for
 * as long as somebody holds a page's lock, and keeps no other waiting. done() is called when
 * all is let go: perhaps before this returns, and before remove() is over in any case.
 */
void bm_mem_release(struct bm_request *rq)
{
	bool sleeps = false;
	unsigned int i;

	for (i = 0; i < rq->nr_maps; i++) {
		bm_map_end(rq, &rq->maps[i]);
		sleeps |= bm_mem_unpin_sleeps(&rq->maps[i]);
	}
	bm_import_let_go(rq, rq->error);
	trace_bm_unmap(rq);
	if (!sleeps)
		bm_mem_finish(rq, false);
	else
		queue_work(bm_release_wq, &rq->unpin);
}

/**
 * bm_mem_init() - before the first bm_mem_map() of a request
 * @rq: request
 */
void bm_mem_init(struct bm_request *rq)
{
	INIT_WORK(&rq->unpin, bm_mem_unpin_work);
}

/**
 * bm_mem_exit() - a request's memory is let go, and no done() will be called any more
 * @rq: request that is not in flight, nor will be
 *
 * May sleep.
 */
void bm_mem_exit(struct bm_request *rq)
{
	flush_work(&rq->unpin);
}
