// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: from an iterator over memory to what the device is told, and back.
 *
 * The memory is the kernel's own, contiguous or not; user pages, pinned, are for the
 * tests in a guest. What the device is told is compared with where the bytes are.
 */
#include <linux/bvec.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/vmalloc.h>

#include "fake.h"

/* A request of a device that has one. */
static struct bm_request *mem_request(struct kunit *test)
{
	return fake_request(fake_start(test, 1, 1));
}

static void mem_vunmap(void *data)
{
	vunmap(data);
}

/* Pages of which no two in a row are neighbours on the bus: 0, 2, 4 ... 1, 3, 5 ... */
static void *mem_scattered(struct kunit *test, size_t length)
{
	unsigned int nr = length / PAGE_SIZE, i;
	void *pool = kunit_kmalloc(test, length, GFP_KERNEL), *data;
	struct page **pages = kunit_kcalloc(test, nr, sizeof(*pages), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pool);
	KUNIT_ASSERT_NOT_NULL(test, pages);
	for (i = 0; i < nr; i++)
		pages[i] = virt_to_page(pool + PAGE_SIZE * (i * 2 % nr + i * 2 / nr));
	data = vmap(pages, nr, VM_MAP, PAGE_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, data);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, mem_vunmap, data));
	return data;
}

/* Map what an iterator and a number of pages allow; it must move by just that. */
static ssize_t map_iter(struct bm_request *rq, struct bm_hw_ptr *ptr, struct iov_iter *iter,
			unsigned int pages)
{
	size_t before = iov_iter_count(iter);
	struct bm_pins pins;
	ssize_t n = bm_mem_pin(&pins, iter, pages);
	int err;

	if (iov_iter_count(iter) != before - (n > 0 ? n : 0))
		return -EBADE;
	if (n < 0)
		return n;
	err = bm_mem_map(rq, &pins, ptr);
	bm_mem_hand_over(&pins);
	return err ?: n;
}

/* Map what a command allows of @length bytes behind @offset. */
static ssize_t map_kvec(struct bm_request *rq, struct bm_hw_ptr *ptr, unsigned int direction,
			struct kvec *vec, unsigned int nr, size_t offset, size_t length)
{
	struct iov_iter iter;

	iov_iter_kvec(&iter, direction, vec, nr, offset + length);
	iov_iter_advance(&iter, offset);
	return map_iter(rq, ptr, &iter, rq->queue->bm->cmd_pages);
}

/* Kernel memory is not pinned, and so let go before this returns. */
static void unmap(struct kunit *test, struct bm_request *rq)
{
	unsigned int before = fake_released_count(rq);

	rq->done = fake_released;
	bm_mem_release(rq);
	KUNIT_EXPECT_EQ(test, fake_released_count(rq), before + 1);
	KUNIT_EXPECT_EQ(test, rq->nr_maps, 0);
	KUNIT_EXPECT_EQ(test, rq->nr_segs, 0);
}

/* The bus address of a byte: here, without an IOMMU, its physical address. */
static u64 bus_address(void *data)
{
	if (is_vmalloc_addr(data))
		return page_to_phys(vmalloc_to_page(data)) + offset_in_page(data);
	return virt_to_phys(data);
}

/* The device must have been told where each byte is, in order. */
static void expect_memory(struct kunit *test, struct bm_request *rq, struct bm_hw_ptr *ptr,
			  void *data, size_t length)
{
	struct bm_hw_seg single = { .addr = ptr->addr, .length = cpu_to_le32(length) };
	struct bm_hw_seg *seg = &single;
	size_t at = 0, done = 0;

	if (ptr->space == BM_SPACE_HOST_SGL) {
		u64 start = le64_to_cpu(ptr->addr) - rq->sgl.dma;

		KUNIT_ASSERT_LE(test, start + le32_to_cpu(ptr->count) * sizeof(*seg),
				BM_SGL_BYTES);
		KUNIT_ASSERT_EQ(test, start % sizeof(*seg), 0);
		seg = rq->sgl.seg + start / sizeof(*seg);
	}
	while (done < length) {
		size_t part;

		KUNIT_ASSERT_EQ(test, le32_to_cpu(seg->flags), 0);
		part = min3(length - done, PAGE_SIZE - offset_in_page(data + done),
			    le32_to_cpu(seg->length) - at);
		KUNIT_ASSERT_EQ(test, le64_to_cpu(seg->addr) + at, bus_address(data + done));
		done += part;
		at += part;
		if (at == le32_to_cpu(seg->length)) {
			at = 0;
			seg++;
		}
	}
}

static void contiguous_memory_is_one_pointer(struct kunit *test)
{
	struct bm_request *rq = mem_request(test);
	void *data = kunit_kmalloc(test, SZ_64K, GFP_KERNEL);
	struct kvec vec = { data, SZ_64K };
	struct bm_hw_ptr ptr;
	ssize_t n;

	KUNIT_ASSERT_NOT_NULL(test, data);
	n = map_kvec(rq, &ptr, ITER_SOURCE, &vec, 1, 5, SZ_64K - 9);
	KUNIT_ASSERT_EQ(test, n, SZ_64K - 9);
	KUNIT_EXPECT_EQ(test, ptr.space, BM_SPACE_HOST);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(ptr.addr), virt_to_phys(data + 5));
	KUNIT_EXPECT_EQ(test, rq->nr_maps, 1);
	KUNIT_EXPECT_EQ(test, rq->nr_segs, 1);
	KUNIT_EXPECT_FALSE(test, rq->maps[0].pinned);
	unmap(test, rq);
}

struct span_param {
	const char *name;
	size_t offset;
	size_t length;
	size_t mapped;
	u32 entries; /* of the SGL */
};

/* Of commands of at most 200 pages. */
static const struct span_param span_params[] = {
	{ "1 byte", 0, 1, 1, 0 },
	{ "last byte of a page", PAGE_SIZE - 1, 1, 1, 0 },
	{ "2 bytes across a page", PAGE_SIZE - 1, 2, 2, 2 },
	{ "a page", 0, PAGE_SIZE, PAGE_SIZE, 0 },
	{ "a page, off by one", 1, PAGE_SIZE, PAGE_SIZE, 2 },
	{ "32 pages, a whole batch", 0, 32 * PAGE_SIZE, 32 * PAGE_SIZE, 32 },
	{ "32 pages, off by one", 1, 32 * PAGE_SIZE, 32 * PAGE_SIZE, 33 },
	{ "200 pages", 0, 200 * PAGE_SIZE, 200 * PAGE_SIZE, 200 },
	{ "200 pages, off by one", 1, 200 * PAGE_SIZE, 200 * PAGE_SIZE - 1, 200 },
	{ "200 pages, from a last byte on", PAGE_SIZE - 1, 200 * PAGE_SIZE, 199 * PAGE_SIZE + 1,
	  200 },
	{ "201 pages", 0, 201 * PAGE_SIZE, 200 * PAGE_SIZE, 200 },
};

KUNIT_ARRAY_PARAM_DESC(span, span_params, name);

static void scattered_memory_is_told_byte_by_byte(struct kunit *test)
{
	const struct span_param *param = test->param_value;
	struct bm_request *rq = mem_request(test);
	void *data = mem_scattered(test, BM_CMD_BYTES);
	struct kvec vec = { data, BM_CMD_BYTES };
	struct bm_hw_ptr ptr;
	ssize_t n;

	rq->queue->bm->cmd_pages = 200;
	n = map_kvec(rq, &ptr, ITER_SOURCE, &vec, 1, param->offset, param->length);
	KUNIT_ASSERT_EQ(test, n, param->mapped);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(ptr.count), param->entries);
	expect_memory(test, rq, &ptr, data + param->offset, n);
	unmap(test, rq);
}

static void whole_command_is_told_byte_by_byte(struct kunit *test)
{
	struct bm_request *rq = mem_request(test);
	void *data = mem_scattered(test, BM_CMD_BYTES);
	struct kvec vec = { data, BM_CMD_BYTES };
	struct bm_hw_ptr ptr;
	ssize_t n;

	n = map_kvec(rq, &ptr, ITER_SOURCE, &vec, 1, 0, BM_CMD_BYTES);
	KUNIT_ASSERT_EQ(test, n, BM_CMD_BYTES);
	expect_memory(test, rq, &ptr, data, n);
	KUNIT_EXPECT_FALSE(test, bm_mem_ends_in_page(rq));
	unmap(test, rq);
}

static void vectors_are_gathered(struct kunit *test)
{
	struct bm_request *rq = mem_request(test);
	char *data = mem_scattered(test, 4 * PAGE_SIZE);
	struct kvec vec[] = {
		{ data + 3 * PAGE_SIZE, 10 },
		{ data + 17, PAGE_SIZE },
		{ data + 2 * PAGE_SIZE + 1, 1 },
	};
	struct bm_hw_seg *seg = rq->sgl.seg;
	struct bm_hw_ptr ptr;
	ssize_t n;

	n = map_kvec(rq, &ptr, ITER_SOURCE, vec, 3, 0, PAGE_SIZE + 11);
	KUNIT_ASSERT_EQ(test, n, PAGE_SIZE + 11);
	KUNIT_ASSERT_EQ(test, ptr.space, BM_SPACE_HOST_SGL);
	KUNIT_ASSERT_EQ(test, le32_to_cpu(ptr.count), 4);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(seg[0].addr), bus_address(vec[0].iov_base));
	KUNIT_EXPECT_EQ(test, le32_to_cpu(seg[0].length), 10);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(seg[1].addr), bus_address(vec[1].iov_base));
	KUNIT_EXPECT_EQ(test, le32_to_cpu(seg[1].length), PAGE_SIZE - 17);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(seg[2].addr), bus_address(data + PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, le32_to_cpu(seg[2].length), 17);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(seg[3].addr), bus_address(vec[2].iov_base));
	KUNIT_EXPECT_EQ(test, le32_to_cpu(seg[3].length), 1);
	unmap(test, rq);
}

static void pieces_that_adjoin_share_an_entry(struct kunit *test)
{
	struct bm_request *rq = mem_request(test);
	char *data = mem_scattered(test, 4 * PAGE_SIZE);
	struct kvec vec[] = {
		{ data, 100 },
		{ data + 100, 50 },
		{ data + 150, PAGE_SIZE },
		{ data + 150 + PAGE_SIZE, PAGE_SIZE },
	};
	size_t length = 150 + 2 * PAGE_SIZE;
	struct bm_hw_ptr ptr;
	ssize_t n;

	n = map_kvec(rq, &ptr, ITER_SOURCE, vec, 4, 0, length);
	KUNIT_ASSERT_EQ(test, n, length);
	KUNIT_EXPECT_EQ(test, rq->nr_segs, 3);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(ptr.count), 3);
	expect_memory(test, rq, &ptr, data, length);
	unmap(test, rq);
}

/* More pieces than a command takes: the rest is for the next one, which starts amidst. */
static void many_pieces_are_mapped_in_part(struct kunit *test)
{
	struct bm_request *rq = mem_request(test);
	unsigned int nr = BM_CMD_PAGES + 10, i;
	char *data = mem_scattered(test, 2 * PAGE_SIZE);
	struct kvec *vec = kunit_kcalloc(test, nr, sizeof(*vec), GFP_KERNEL);
	struct bm_hw_ptr ptr;
	ssize_t n;

	KUNIT_ASSERT_NOT_NULL(test, vec);
	for (i = 0; i < nr; i++)
		vec[i] = (struct kvec){ data + i % 2 * 64, 8 };
	n = map_kvec(rq, &ptr, ITER_SOURCE, vec, nr, 0, 8 * nr);
	KUNIT_ASSERT_EQ(test, n, 8 * BM_CMD_PAGES);
	KUNIT_EXPECT_EQ(test, ptr.space, BM_SPACE_HOST_SGL);
	KUNIT_EXPECT_TRUE(test, bm_mem_ends_in_page(rq));
	unmap(test, rq);
	n = map_kvec(rq, &ptr, ITER_SOURCE, vec, nr, 8 * BM_CMD_PAGES, 80);
	KUNIT_ASSERT_EQ(test, n, 80);
	unmap(test, rq);
}

/*
 * A long mapping leaves nothing behind in the request that a short one trips over. The
 * device writes, so that DMA-API debug would see a mapping that was not let go.
 */
static void request_maps_again_and_again(struct kunit *test)
{
	struct bm_request *rq = mem_request(test);
	void *data = mem_scattered(test, BM_CMD_BYTES);
	struct kvec vec = { data, BM_CMD_BYTES };
	struct bm_hw_ptr ptr;
	size_t length;
	int i;

	for (i = 0; i < 40; i++) {
		length = (i % 2 ? 200 - 2 * i : i + 1) * PAGE_SIZE;
		KUNIT_ASSERT_EQ(test, length,
				map_kvec(rq, &ptr, ITER_DEST, &vec, 1, i * PAGE_SIZE, length));
		expect_memory(test, rq, &ptr, data + i * PAGE_SIZE, length);
		unmap(test, rq);
	}
}

static void direction_follows_the_iterator(struct kunit *test)
{
	struct bm_request *rq = mem_request(test);
	void *data = mem_scattered(test, 2 * PAGE_SIZE);
	struct kvec vec = { data, PAGE_SIZE };
	struct bm_hw_ptr ptr;

	KUNIT_ASSERT_EQ(test, PAGE_SIZE,
			map_kvec(rq, &ptr, ITER_SOURCE, &vec, 1, 0, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, rq->maps[0].dir, DMA_TO_DEVICE);
	unmap(test, rq);
	KUNIT_ASSERT_EQ(test, PAGE_SIZE, map_kvec(rq, &ptr, ITER_DEST, &vec, 1, 0, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, rq->maps[0].dir, DMA_FROM_DEVICE);
	unmap(test, rq);
}

struct limit_param {
	const char *name;
	unsigned int pages;
	size_t offset;
	size_t mapped;
};

/* Of 40 pages, which is more than are collected at a time. */
static const struct limit_param limit_params[] = {
	{ "1 page", 1, 0, PAGE_SIZE },
	{ "1 page, of which 1 byte", 1, PAGE_SIZE - 1, 1 },
	{ "2 pages, off by one", 2, 1, 2 * PAGE_SIZE - 1 },
	{ "31 pages", 31, 0, 31 * PAGE_SIZE },
	{ "32 pages", 32, 0, 32 * PAGE_SIZE },
	{ "33 pages", 33, 0, 33 * PAGE_SIZE },
	{ "33 pages, off by one", 33, 1, 33 * PAGE_SIZE - 1 },
	{ "50 pages, of which 40 are there", 50, 0, 40 * PAGE_SIZE },
};

KUNIT_ARRAY_PARAM_DESC(limit, limit_params, name);

static void mapped_is_no_more_than(struct kunit *test)
{
	const struct limit_param *param = test->param_value;
	struct bm_request *rq = mem_request(test);
	void *data = mem_scattered(test, 40 * PAGE_SIZE);
	struct kvec vec = { data, 40 * PAGE_SIZE };
	struct iov_iter iter;
	struct bm_hw_ptr ptr;

	iov_iter_kvec(&iter, ITER_SOURCE, &vec, 1, vec.iov_len);
	iov_iter_advance(&iter, param->offset);
	KUNIT_ASSERT_EQ(test, map_iter(rq, &ptr, &iter, param->pages), param->mapped);
	expect_memory(test, rq, &ptr, data + param->offset, param->mapped);
	unmap(test, rq);
}

/* Neighbours that come one by one, as pages of a file do. */
static void pages_in_a_row_are_one_pointer(struct kunit *test)
{
	struct bm_request *rq = mem_request(test);
	char *data = kunit_kmalloc(test, SZ_256K, GFP_KERNEL);
	struct bio_vec *vec = kunit_kcalloc(test, 40, sizeof(*vec), GFP_KERNEL);
	struct iov_iter iter;
	struct bm_hw_ptr ptr;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, data);
	KUNIT_ASSERT_NOT_NULL(test, vec);
	for (i = 0; i < 40; i++)
		bvec_set_virt(&vec[i], data + i * PAGE_SIZE, PAGE_SIZE);
	iov_iter_bvec(&iter, ITER_DEST, vec, 40, 40 * PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, map_iter(rq, &ptr, &iter, BM_CMD_PAGES), 40 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, rq->nr_segs, 1);
	KUNIT_EXPECT_EQ(test, ptr.space, BM_SPACE_HOST);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(ptr.addr), virt_to_phys(data));
	unmap(test, rq);
}

/* A hole, an overlap, a step back: none of them is one piece of memory. */
static void pieces_with_a_gap_are_apart(struct kunit *test)
{
	struct bm_request *rq = mem_request(test);
	char *data = kunit_kmalloc(test, SZ_64K, GFP_KERNEL);
	struct kvec vec[] = {
		{ data, PAGE_SIZE },
		{ data + PAGE_SIZE + 64, 64 },
		{ data + PAGE_SIZE + 128 + 1, 64 },
		{ data + 5 * PAGE_SIZE, 64 },
		{ data + 4 * PAGE_SIZE + 64, 64 },
	};
	struct bm_hw_ptr ptr;

	KUNIT_ASSERT_NOT_NULL(test, data);
	KUNIT_ASSERT_EQ(test, PAGE_SIZE + 256,
			map_kvec(rq, &ptr, ITER_SOURCE, vec, 5, 0, PAGE_SIZE + 256));
	KUNIT_EXPECT_EQ(test, rq->nr_segs, 5);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(ptr.count), 5);
	unmap(test, rq);
}

struct sides_param {
	const char *name;
	size_t src;
	size_t dst;
};

static const struct sides_param sides_params[] = {
	{ "a byte and a page", 1, PAGE_SIZE },
	{ "a page and a few", PAGE_SIZE, 5 * PAGE_SIZE },
	{ "a few and a page", 5 * PAGE_SIZE, PAGE_SIZE },
	{ "off by one", 5 * PAGE_SIZE + 1, 7 * PAGE_SIZE },
	{ "as long as can be", BM_CMD_BYTES / 2, BM_CMD_BYTES / 2 },
};

KUNIT_ARRAY_PARAM_DESC(sides, sides_params, name);

static void two_sides_share_a_request(struct kunit *test)
{
	const struct sides_param *param = test->param_value;
	struct bm_request *rq = mem_request(test);
	void *src = mem_scattered(test, BM_CMD_BYTES / 2);
	void *dst = mem_scattered(test, BM_CMD_BYTES / 2);
	struct kvec from = { src, param->src }, to = { dst, param->dst };
	struct bm_hw_ptr src_ptr, dst_ptr;
	int i;

	rq->queue->bm->cmd_pages = BM_CMD_PAGES / 2;
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, param->src,
				map_kvec(rq, &src_ptr, ITER_SOURCE, &from, 1, 0, param->src));
		KUNIT_ASSERT_EQ(test, param->dst,
				map_kvec(rq, &dst_ptr, ITER_DEST, &to, 1, 0, param->dst));
		KUNIT_EXPECT_EQ(test, rq->nr_maps, 2);
		KUNIT_EXPECT_EQ(test, rq->maps[0].dir, DMA_TO_DEVICE);
		KUNIT_EXPECT_EQ(test, rq->maps[1].dir, DMA_FROM_DEVICE);
		expect_memory(test, rq, &src_ptr, src, param->src);
		expect_memory(test, rq, &dst_ptr, dst, param->dst);
		unmap(test, rq);
	}
}

static int map_fails(struct fake *fake)
{
	return -EIO;
}

/* The side that is there stays as it is, and the other one can be tried again. */
static void failure_of_one_side_leaves_the_other(struct kunit *test)
{
	struct bm_request *rq = mem_request(test);
	struct fake *fake = container_of(rq->queue->bm, struct fake, bm);
	void *src = mem_scattered(test, 8 * PAGE_SIZE), *dst = mem_scattered(test, 8 * PAGE_SIZE);
	struct kvec from = { src, 8 * PAGE_SIZE }, to = { dst, 8 * PAGE_SIZE };
	struct bm_hw_ptr src_ptr, dst_ptr;

	KUNIT_ASSERT_EQ(test, from.iov_len,
			map_kvec(rq, &src_ptr, ITER_SOURCE, &from, 1, 0, from.iov_len));
	fake->on_map = map_fails;
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			map_kvec(rq, &dst_ptr, ITER_DEST, &to, 1, 0, to.iov_len));
	KUNIT_EXPECT_EQ(test, rq->nr_maps, 1);
	expect_memory(test, rq, &src_ptr, src, from.iov_len);
	fake->on_map = NULL;
	KUNIT_EXPECT_EQ(test, to.iov_len,
			map_kvec(rq, &dst_ptr, ITER_DEST, &to, 1, 0, to.iov_len));
	expect_memory(test, rq, &dst_ptr, dst, to.iov_len);
	expect_memory(test, rq, &src_ptr, src, from.iov_len);
	unmap(test, rq);
}

struct beside_param {
	const char *name;
	size_t offset;
	size_t length;
	bool writable; /* by the device */
};

static const struct beside_param beside_params[] = {
	{ "a page", 0, PAGE_SIZE, true },
	{ "some pages", PAGE_SIZE, 3 * PAGE_SIZE, true },
	{ "a byte", 0, 1, false },
	{ "all of a page but the last byte", 0, PAGE_SIZE - 1, false },
	{ "all of a page but the first byte", 1, PAGE_SIZE - 1, false },
	{ "a page, off by one", 1, PAGE_SIZE, false },
	{ "a cache line", 64, 64, false },
	{ "pages and a byte", 0, 2 * PAGE_SIZE + 1, false },
};

KUNIT_ARRAY_PARAM_DESC(beside, beside_params, name);

/* Beside a buffer may lie what is nobody's business. To be read it may be given away. */
static void kernel_memory_is_written_by_the_page(struct kunit *test)
{
	const struct beside_param *param = test->param_value;
	ssize_t n = param->length;
	struct bm_request *rq = mem_request(test);
	struct fake *fake = container_of(rq->queue->bm, struct fake, bm);
	void *data = mem_scattered(test, 4 * PAGE_SIZE);
	struct kvec vec = { data, 4 * PAGE_SIZE };
	struct bm_hw_ptr ptr;

	KUNIT_EXPECT_EQ(test, map_kvec(rq, &ptr, ITER_DEST, &vec, 1, param->offset, n),
			param->writable ? n : -EINVAL);
	KUNIT_EXPECT_EQ(test, fake->maps, param->writable);
	unmap(test, rq);
	KUNIT_EXPECT_EQ(test, map_kvec(rq, &ptr, ITER_SOURCE, &vec, 1, param->offset, n), n);
	unmap(test, rq);
}

/* One piece that does not fill its page is enough, wherever it is. */
static void kernel_memory_in_pieces_is_written_by_the_page(struct kunit *test)
{
	struct bm_request *rq = mem_request(test);
	char *data = mem_scattered(test, 4 * PAGE_SIZE);
	struct kvec whole[] = { { data, PAGE_SIZE }, { data + 2 * PAGE_SIZE, PAGE_SIZE } };
	struct kvec part[] = { { data, PAGE_SIZE }, { data + 2 * PAGE_SIZE, 64 },
			       { data + 3 * PAGE_SIZE, PAGE_SIZE } };
	struct bm_hw_ptr ptr;

	KUNIT_EXPECT_EQ(test, 2 * PAGE_SIZE,
			map_kvec(rq, &ptr, ITER_DEST, whole, 2, 0, 2 * PAGE_SIZE));
	unmap(test, rq);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			map_kvec(rq, &ptr, ITER_DEST, part, 3, 0, 2 * PAGE_SIZE + 64));
	unmap(test, rq);
}

static void nothing_mapped_is_released_too(struct kunit *test)
{
	unmap(test, mem_request(test));
}

static struct kunit_case mem_cases[] = {
	KUNIT_CASE(contiguous_memory_is_one_pointer),
	KUNIT_CASE_PARAM(scattered_memory_is_told_byte_by_byte, span_gen_params),
	KUNIT_CASE(whole_command_is_told_byte_by_byte),
	KUNIT_CASE(vectors_are_gathered),
	KUNIT_CASE(pieces_that_adjoin_share_an_entry),
	KUNIT_CASE(many_pieces_are_mapped_in_part),
	KUNIT_CASE(request_maps_again_and_again),
	KUNIT_CASE(direction_follows_the_iterator),
	KUNIT_CASE_PARAM(mapped_is_no_more_than, limit_gen_params),
	KUNIT_CASE(pages_in_a_row_are_one_pointer),
	KUNIT_CASE(pieces_with_a_gap_are_apart),
	KUNIT_CASE_PARAM(two_sides_share_a_request, sides_gen_params),
	KUNIT_CASE(failure_of_one_side_leaves_the_other),
	KUNIT_CASE_PARAM(kernel_memory_is_written_by_the_page, beside_gen_params),
	KUNIT_CASE(kernel_memory_in_pieces_is_written_by_the_page),
	KUNIT_CASE(nothing_mapped_is_released_too),
	{}
};

static struct kunit_suite mem_suite = {
	.name = "busmaster-mem",
	.test_cases = mem_cases,
};

kunit_test_suite(mem_suite);
