// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: memory that the device may reach: pinned, mapped, and let go again.
 *
 * The order is the whole point. Pin, so that the page stays where it is; map, so
 * that the device has an address for it and caches are clean; let the device work;
 * unmap, so that the address means nothing any more and bounce buffers are copied
 * back; only then unpin. A client calls bm_mem_unmap() after done(), which comes
 * when the device is through with the memory or cannot reach it any more.
 */
#include <linux/dma-mapping.h>
#include <linux/mm.h>

#include "busmaster.h"

/*
 * Add pages that iov_iter_extract_pages() has put at the end of rq->pages, an entry
 * each. A piece that goes on where the last entry ends, in the same page, extends
 * that entry, and its pin is one too many: two mappings must not share a cache line
 * that the device writes (Documentation/core-api/dma-api.rst).
 */
static void bm_mem_add(struct bm_request *rq, size_t offset, size_t length)
{
	struct page **from = rq->pages + rq->nr_pages;

	for (; length; from++) {
		struct scatterlist *last = rq->nr_pages ? &rq->sgt.sgl[rq->nr_pages - 1] : NULL;
		size_t part = min_t(size_t, length, PAGE_SIZE - offset);

		if (last && sg_page(last) == *from && last->offset + last->length == offset) {
			last->length += part;
			if (rq->pinned)
				unpin_user_page(*from);
		} else {
			sg_set_page(&rq->sgt.sgl[rq->nr_pages], *from, part, offset);
			rq->pages[rq->nr_pages++] = *from;
		}
		length -= part;
		offset = 0;
	}
}

/* Collect the iterator's pages until it or the room ends; returns bytes or errno. */
static ssize_t bm_mem_pin(struct bm_request *rq, struct iov_iter *iter)
{
	unsigned int room = rq->queue->bm->cmd_pages;
	size_t got = 0;

	rq->pinned = iov_iter_extract_will_pin(iter);
	while (iov_iter_count(iter) && rq->nr_pages < room) {
		struct page **pages = rq->pages + rq->nr_pages;
		size_t offset;
		ssize_t n;

		n = iov_iter_extract_pages(iter, &pages, iov_iter_count(iter),
					   room - rq->nr_pages, 0, &offset);
		if (n <= 0)
			return got ?: n ?: -EFAULT;
		bm_mem_add(rq, offset, n);
		got += n;
	}
	return got;
}

static void bm_mem_unpin(struct bm_request *rq)
{
	if (rq->pinned)
		unpin_user_pages_dirty_lock(rq->pages, rq->nr_pages,
					    rq->dir == DMA_FROM_DEVICE);
	rq->nr_pages = 0;
}

/**
 * bm_mem_map() - let the device reach the next part of an iterator
 * @rq: borrowed request, with nothing mapped
 * @iter: memory of a user or of the kernel, not empty; advanced by what is mapped
 * @ptr: how the submission names the memory: filled
 *
 * An iterator that is a source is mapped DMA_TO_DEVICE, else DMA_FROM_DEVICE. As many
 * pages are mapped as one command takes; the next call takes the next. Less is mapped
 * if the rest cannot be had; the next call will tell why. May sleep.
 *
 * Return: bytes mapped; -EFAULT if the memory is not the caller's; -ENOMEM if the
 * mapping needs what is in use now (IOVAs, bounce buffers): worth trying again when
 * other requests have ended. On error nothing is mapped or pinned, and @iter stays.
 */
ssize_t bm_mem_map(struct bm_request *rq, struct iov_iter *iter, struct bm_hw_ptr *ptr)
{
	struct scatterlist *last;
	ssize_t got;
	int err;

	rq->dir = iov_iter_rw(iter) == WRITE ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
	got = bm_mem_pin(rq, iter);
	if (got < 0)
		return got;

	last = &rq->sgt.sgl[rq->nr_pages - 1];
	sg_mark_end(last);
	rq->sgt.orig_nents = rq->nr_pages;
	err = dma_map_sgtable(bm_dma_dev(rq->queue), &rq->sgt, rq->dir, 0);
	if (err) {
		err = -ENOMEM;
		goto unpin;
	}
	err = bm_sgl_encode(ptr, rq->lists, BM_SGL_LISTS, rq->sgt.sgl, rq->sgt.nents);
	if (err)
		goto unmap;
	return got;

unmap:
	dma_unmap_sgtable(bm_dma_dev(rq->queue), &rq->sgt, rq->dir, 0);
unpin:
	sg_unmark_end(last);
	bm_mem_unpin(rq);
	iov_iter_revert(iter, got);
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
	const struct scatterlist *last = &rq->sgt.sgl[rq->nr_pages - 1];

	return last->offset + last->length != PAGE_SIZE;
}

/**
 * bm_mem_unmap() - the device is done with the memory: let go of it
 * @rq: request with memory mapped by bm_mem_map(), not in flight
 *
 * May sleep: pages that the device wrote are marked dirty.
 */
void bm_mem_unmap(struct bm_request *rq)
{
	dma_unmap_sgtable(bm_dma_dev(rq->queue), &rq->sgt, rq->dir, 0);
	sg_unmark_end(&rq->sgt.sgl[rq->nr_pages - 1]);
	bm_mem_unpin(rq);
}
