// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: iov_iter_extract_pages() for kernels before 6.3.
 *
 * What those have instead, iov_iter_get_pages2(), takes references. A reference does not keep a
 * page in its place in a program's memory: when that forks, the first write gives one of the
 * two a copy, and the device goes on with the other's page. So memory of a program is pinned,
 * as newer kernels pin it; that of the kernel is borrowed from whoever made the iterator, as
 * it is there.
 *
 * This goes with the kernels that need it: see compat.h.
 */
#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/uio.h>
#include <linux/vmalloc.h>

#include "compat.h"

#ifdef BM_EXTRACT

/**
 * struct bm_piece - memory that an iterator has in one piece
 * @addr: its address; in @page, if there is one
 * @length: so many bytes
 * @page: where @addr is counted from, of memory that comes as pages
 */
struct bm_piece {
	unsigned long addr;
	size_t length;
	struct page *page;
};

/* The first piece that is not empty. There is one, as the iterator is not empty. */
static struct bm_piece bm_piece_first(const struct iov_iter *iter)
{
	const struct kvec *vec = iter->kvec; /* a program's struct iovec is laid out like it */
	const struct bio_vec *bvec = iter->bvec;
	size_t skip = iter->iov_offset;

	if (iter_is_ubuf(iter))
		return (struct bm_piece){ (unsigned long)iter->ubuf + skip, iter->count };
	if (iov_iter_is_bvec(iter)) {
		for (; skip >= bvec->bv_len; bvec++)
			skip -= bvec->bv_len;
		return (struct bm_piece){ bvec->bv_offset + skip, bvec->bv_len - skip,
					  bvec->bv_page };
	}
	for (; skip >= vec->iov_len; vec++)
		skip -= vec->iov_len;
	return (struct bm_piece){ (unsigned long)vec->iov_base + skip, vec->iov_len - skip };
}

static struct page *bm_piece_page(const struct bm_piece *piece, unsigned long n)
{
	void *kernel = (void *)(piece->addr + n * PAGE_SIZE);

	if (piece->page)
		return piece->page + piece->addr / PAGE_SIZE + n;
	return is_vmalloc_addr(kernel) ? vmalloc_to_page(kernel) : virt_to_page(kernel);
}

/* The first @n pages of a piece, or some of them. */
static int bm_piece_pages(const struct bm_piece *piece, const struct iov_iter *iter,
			  struct page **pages, int n)
{
	int i;

	if (user_backed_iter(iter))
		return pin_user_pages_fast(piece->addr & PAGE_MASK, n,
					   iov_iter_rw(iter) == READ ? FOLL_WRITE : 0, pages);
	for (i = 0; i < n; i++)
		pages[i] = bm_piece_page(piece, i);
	return n;
}

/**
 * bm_extract_pages() - pages of the first piece of an iterator, as iov_iter_extract_pages() has it
 * @iter: memory of a user or of the kernel; advanced by what is returned
 * @pages: where they go; the array is there
 * @size: at most so many bytes
 * @most: at most so many pages
 * @flags: none
 * @offset: where the memory begins in the first page
 *
 * Return: so many bytes, or a negative errno. Pages of a user are pinned, others are not.
 */
ssize_t bm_extract_pages(struct iov_iter *iter, struct page ***pages, size_t size,
			 unsigned int most, unsigned int flags, size_t *offset)
{
	struct bm_piece piece;
	int n;

	if (!iov_iter_count(iter))
		return 0;
	if (!user_backed_iter(iter) && !iov_iter_is_kvec(iter) && !iov_iter_is_bvec(iter))
		return -EFAULT;
	piece = bm_piece_first(iter);
	*offset = offset_in_page(piece.addr);
	size = min3(size, iov_iter_count(iter), piece.length);
	n = min_t(size_t, DIV_ROUND_UP(*offset + size, PAGE_SIZE), most);
	n = bm_piece_pages(&piece, iter, *pages, n);
	if (n <= 0)
		return n;
	size = min(size, n * PAGE_SIZE - *offset);
	iov_iter_advance(iter, size);
	return size;
}

#endif /* BM_EXTRACT */
