// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: memory that the device may reach: pinned, mapped, and let go again.
 *
 * The order is the whole point. Pin, so that the page stays where it is; map, so
 * that the device has an address for it and caches are clean; let the device work;
 * unmap, so that the address means nothing any more and bounce buffers are copied
 * back; only then unpin. A client calls bm_mem_release() after done(), which comes
 * when the device is through with the memory or cannot reach it any more.
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
 *   - rings, shadow doorbells and SGL lists are coherent memory, each of its own pages
 *     (queue.c; the DMA API hands out pages, however small the request);
 *   - the pages of a user's buffer are the user's own, whole: beside it lies what
 *     the same user has put there, in a page of its address space or of a file;
 *   - of kernel memory (ITER_KVEC) only whole pages are mapped for the device to
 *     write: the rest of a page may be any object of the slab. Pages that come one by
 *     one (ITER_BVEC) are a user's, registered with io_uring, or a file's;
 *   - bounce buffers are memory of bounce buffers, and nothing else.
 *
 * What the device only reads is mapped read-only. Without an IOMMU none of this helps.
 */
#include <linux/bvec.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "busmaster.h"

/* Pages that are pinned at a time, on the stack. */
#define BM_MEM_BATCH 32

/*
 * Does a piece of memory go on where an entry ends? Then the entry grows: two
 * mappings must not share a cache line that the device writes
 * (Documentation/core-api/dma-api.rst), and what is contiguous needs no list.
 */
static bool bm_mem_goes_on(struct scatterlist *sg, struct page *page, size_t offset)
{
	size_t end = sg->offset + sg->length;

	return page_to_pfn(page) == page_to_pfn(sg_page(sg)) + end / PAGE_SIZE &&
	       offset == end % PAGE_SIZE;
}

/* Of the @length bytes from @offset in @pages, those that lie in one piece. */
static size_t bm_mem_piece(struct page **pages, size_t offset, size_t length)
{
	size_t piece = min_t(size_t, length, PAGE_SIZE - offset);

	for (; piece < length && pages[1] == nth_page(pages[0], 1); pages++)
		piece += min_t(size_t, length - piece, PAGE_SIZE);
	return piece;
}

/* Add the @length bytes from @offset in @pages. Each of the pages has a pin. */
static void bm_mem_add(struct bm_map *map, struct page **pages, size_t offset, size_t length)
{
	struct scatterlist *next = map->sgt.sgl + map->sgt.orig_nents;

	while (length) {
		size_t piece = bm_mem_piece(pages, offset, length);

		if (next > map->sgt.sgl && bm_mem_goes_on(next - 1, *pages, offset)) {
			next[-1].length += piece;
			if (offset && map->pinned)
				unpin_user_page(*pages);
		} else {
			sg_set_page(next++, *pages, piece, offset);
		}
		pages += DIV_ROUND_UP(offset + piece, PAGE_SIZE);
		length -= piece;
		offset = 0;
	}
	map->sgt.orig_nents = next - map->sgt.sgl;
}

/*
 * The iterator's next pages, no more than @batch takes or there is room for. Returns
 * bytes, of which the first is at @offset; or a negative errno.
 */
static ssize_t bm_mem_extract(struct iov_iter *iter, struct page **batch, unsigned int room,
			      size_t *offset)
{
	return iov_iter_extract_pages(iter, &batch, iov_iter_count(iter), min(room, BM_MEM_BATCH),
				      0, offset) ?: -EFAULT;
}

/* Collect the iterator's pages, without waiting for any, until it or the room ends. */
static int bm_mem_pin(struct bm_map *map, struct iov_iter *iter, unsigned int room)
{
	struct page *batch[BM_MEM_BATCH];
	ssize_t n = 0;

	iter->nofault = true;
	while (iov_iter_count(iter) && room) {
		size_t offset;

		n = bm_mem_extract(iter, batch, room, &offset);
		if (n < 0)
			break;
		bm_mem_add(map, batch, offset, n);
		room -= DIV_ROUND_UP(offset + n, PAGE_SIZE);
	}
	iter->nofault = false;
	return n < 0 ? n : 0;
}

static void bm_mem_unpin(struct bm_map *map, bool dirty)
{
	struct scatterlist *sg = map->sgt.sgl, *end = sg + map->sgt.orig_nents;

	for (; sg < end; sg++) {
		sg_unmark_end(sg);
		if (map->pinned)
			unpin_user_page_range_dirty_lock(sg_page(sg),
							 PFN_UP(sg->offset + sg->length),
							 dirty && map->dir == DMA_FROM_DEVICE);
	}
}

/* Would the device reach kernel memory beside the iterator's? See above. */
static bool bm_mem_exposes(const struct iov_iter *iter)
{
	return iov_iter_is_kvec(iter) && !PAGE_ALIGNED(iov_iter_alignment(iter));
}

/* SGL entries that are left, as a list of their own. */
static struct bm_sgl_list bm_mem_list_tail(struct bm_request *rq)
{
	struct bm_sgl_list list = rq->lists[0];

	list.seg += rq->nr_segs;
	list.dma += rq->nr_segs * sizeof(*list.seg);
	return list;
}

/* Describe a mapping to the device. The first may use all lists, the second what is left of one. */
static int bm_mem_encode(struct bm_request *rq, struct bm_map *map, struct bm_hw_ptr *ptr)
{
	struct bm_sgl_list tail = bm_mem_list_tail(rq);

	if (!rq->nr_segs)
		return bm_sgl_encode(ptr, rq->lists, BM_SGL_LISTS, map->sgt.sgl, map->sgt.nents);
	return bm_sgl_encode(ptr, &tail, 1, map->sgt.sgl, map->sgt.nents);
}

static struct bm_map *bm_mem_begin(struct bm_request *rq, enum dma_data_direction dir, bool pinned)
{
	struct bm_map *map = &rq->maps[rq->nr_maps];

	map->dir = dir;
	map->pinned = pinned;
	map->sgt.sgl = rq->sgl + rq->nr_segs;
	map->sgt.orig_nents = 0;
	return map;
}

/* Let the device reach what has been collected. */
static int bm_mem_finish(struct bm_request *rq, struct bm_map *map, struct bm_hw_ptr *ptr)
{
	int err;

	sg_mark_end(&map->sgt.sgl[map->sgt.orig_nents - 1]);
	if (dma_map_sgtable(bm_dma_dev(rq->queue), &map->sgt, map->dir, 0))
		return -ENOMEM;
	err = bm_mem_encode(rq, map, ptr);
	if (err) {
		dma_unmap_sgtable(bm_dma_dev(rq->queue), &map->sgt, map->dir, 0);
		return err;
	}
	rq->nr_segs += map->sgt.orig_nents;
	rq->nr_maps++;
	return 0;
}

static enum dma_data_direction bm_mem_dir(const struct iov_iter *iter)
{
	return iov_iter_rw(iter) == WRITE ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
}

/**
 * bm_mem_map() - let the device reach the next part of an iterator
 * @rq: borrowed request; with one side of its command in host memory mapped, or none
 * @iter: memory of a user or of the kernel, not empty; advanced by what is mapped
 * @pages: at most so many, of the @rq->queue->bm->cmd_pages that a request has room
 *	for; half of them if the command has two sides in host memory
 * @ptr: how the submission names the memory: filled
 *
 * An iterator that is a source is mapped DMA_TO_DEVICE, else DMA_FROM_DEVICE. The next
 * call takes what follows. May sleep, but waits for no page of the caller's.
 *
 * Return: bytes mapped: as many as there are, up to @pages; -EFAULT if one of these pages
 * is not there: bm_mem_pin_ahead() knows better; -EINVAL if the device is to write kernel
 * memory that does not fill its pages; -ENOMEM if the mapping needs what is in use now
 * (IOVAs, bounce buffers): worth trying again when other requests have ended. On error
 * nothing is mapped or pinned, and @iter stays.
 */
ssize_t bm_mem_map(struct bm_request *rq, struct iov_iter *iter, unsigned int pages,
		   struct bm_hw_ptr *ptr)
{
	struct bm_map *map = bm_mem_begin(rq, bm_mem_dir(iter), iov_iter_extract_will_pin(iter));
	size_t before = iov_iter_count(iter), got;
	int err;

	if (map->dir == DMA_FROM_DEVICE && bm_mem_exposes(iter))
		return -EINVAL;
	err = bm_mem_pin(map, iter, pages);
	got = before - iov_iter_count(iter);
	err = err ?: bm_mem_finish(rq, map, ptr);
	if (!err)
		return got;
	bm_mem_unpin(map, false);
	iov_iter_revert(iter, got);
	return err;
}

/**
 * bm_mem_pin_ahead() - pin what bm_mem_map() did not find, waiting for it
 * @pins: where it is noted
 * @iter: a user's memory, as for bm_mem_map(); stays as it is
 * @pages: likewise
 *
 * May sleep for as long as whoever provides the pages likes: the caller holds nothing
 * that others wait for. A fatal signal ends it.
 *
 * Return: bytes pinned, up to the first that is not the caller's; -EFAULT if there are
 * none; -ENOMEM; or what else the kernel says of the memory. On error nothing is pinned.
 */
ssize_t bm_mem_pin_ahead(struct bm_pins *pins, const struct iov_iter *iter, unsigned int pages)
{
	struct iov_iter rest = *iter;
	struct page *batch[BM_MEM_BATCH];
	size_t offset;
	ssize_t n = 0;
	unsigned int i;

	pages = iov_iter_npages(iter, pages);
	pins->vec = kmalloc_array(pages, sizeof(*pins->vec), GFP_KERNEL);
	if (!pins->vec)
		return -ENOMEM;
	pins->nr = 0;
	pins->dir = bm_mem_dir(iter);
	while (iov_iter_count(&rest) && pins->nr < pages) {
		n = bm_mem_extract(&rest, batch, pages - pins->nr, &offset);
		if (n < 0)
			break;
		for (i = 0; n; i++, offset = 0) {
			unsigned int part = min_t(size_t, n, PAGE_SIZE - offset);

			bvec_set_page(&pins->vec[pins->nr++], batch[i], part, offset);
			n -= part;
		}
	}
	if (!pins->nr)
		bm_mem_unpin_ahead(pins);
	return iov_iter_count(iter) - iov_iter_count(&rest) ?: n;
}

/**
 * bm_mem_unpin_ahead() - give up what bm_mem_pin_ahead() has pinned
 * @pins: noted there; or nothing
 *
 * May be called at any time, be it again. Any context.
 */
void bm_mem_unpin_ahead(struct bm_pins *pins)
{
	if (!pins->vec)
		return;
	while (pins->nr)
		unpin_user_page(pins->vec[--pins->nr].bv_page);
	kfree(pins->vec);
	pins->vec = NULL;
}

/**
 * bm_mem_map_pins() - let the device reach what bm_mem_pin_ahead() has pinned
 * @rq: as for bm_mem_map()
 * @pins: noted there; nothing afterwards
 * @ptr: as for bm_mem_map()
 *
 * Return: bytes mapped, which are all; or -ENOMEM as bm_mem_map(), and nothing is mapped
 * or pinned.
 */
ssize_t bm_mem_map_pins(struct bm_request *rq, struct bm_pins *pins, struct bm_hw_ptr *ptr)
{
	struct bm_map *map = bm_mem_begin(rq, pins->dir, true);
	ssize_t got = 0;
	unsigned int i;
	int err;

	for (i = 0; i < pins->nr; i++) {
		struct bio_vec *vec = &pins->vec[i];

		bm_mem_add(map, &vec->bv_page, vec->bv_offset, vec->bv_len);
		got += vec->bv_len;
	}
	pins->nr = 0;
	bm_mem_unpin_ahead(pins);
	err = bm_mem_finish(rq, map, ptr);
	if (!err)
		return got;
	bm_mem_unpin(map, false);
	return err;
}

/**
 * bm_mem_ends_in_page() - may what follows share a cache line with this mapping?
 * @rq: request with memory mapped by bm_mem_map()
 *
 * A command takes whole pages, so only a list of many small pieces ends like that.
 */
bool bm_mem_ends_in_page(const struct bm_request *rq)
{
	const struct scatterlist *last = &rq->sgl[rq->nr_segs - 1];

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

static void bm_mem_unpin_all(struct bm_request *rq, bool dirty)
{
	while (rq->nr_maps)
		bm_mem_unpin(&rq->maps[--rq->nr_maps], dirty);
	rq->nr_segs = 0;
	rq->released(rq);
}

static void bm_mem_unpin_work(struct work_struct *work)
{
	struct bm_dev *bm = container_of(work, struct bm_dev, unpin_work);
	struct bm_request *rq, *next;

	llist_for_each_entry_safe(rq, next, llist_del_all(&bm->unpin), unpin)
		bm_mem_unpin_all(rq, true);
}

/**
 * bm_mem_release() - the device is done with the memory: let go of it
 * @rq: request that is not in flight
 * @released: called when that has happened: perhaps before this returns, perhaps from
 *	a worker that may sleep; before remove() is over, in any case
 *
 * Any context. The mapping ends at once; pages that the device wrote and that are
 * still to be marked dirty are left to a worker.
 */
void bm_mem_release(struct bm_request *rq, void (*released)(struct bm_request *rq))
{
	struct bm_dev *bm = rq->queue->bm;
	bool sleeps = false;
	unsigned int i;

	rq->released = released;
	for (i = 0; i < rq->nr_maps; i++) {
		struct bm_map *map = &rq->maps[i];

		dma_unmap_sgtable(bm_dma_dev(rq->queue), &map->sgt, map->dir, 0);
		sleeps |= bm_mem_unpin_sleeps(map);
	}
	if (!sleeps)
		bm_mem_unpin_all(rq, false);
	else if (llist_add(&rq->unpin, &bm->unpin))
		schedule_work(&bm->unpin_work);
}

/**
 * bm_mem_init() - before the first bm_mem_map()
 * @bm: device
 */
void bm_mem_init(struct bm_dev *bm)
{
	init_llist_head(&bm->unpin);
	INIT_WORK(&bm->unpin_work, bm_mem_unpin_work);
}

/**
 * bm_mem_exit() - all memory is let go, and no released() will be called any more
 * @bm: device on which nothing is in flight, nor will be
 */
void bm_mem_exit(struct bm_dev *bm)
{
	flush_work(&bm->unpin_work);
}
