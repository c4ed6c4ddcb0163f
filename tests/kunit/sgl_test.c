// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: scatter-gather lists, as the driver encodes them.
 */
#include <kunit/test.h>
#include <linux/scatterlist.h>

#include "busmaster.h"

#define MAX_ENTRIES 300
#define LIST 0x700000000ull

/**
 * struct sgl - a mapped scatterlist, and a list to encode it in
 * @sg: entries
 * @nents: of them, in use
 * @list: coherent memory, as far as ring.c is concerned
 * @ptr: result
 */
struct sgl {
	struct scatterlist *sg;
	unsigned int nents;
	struct bm_sgl list;
	struct bm_hw_ptr ptr;
};

static struct sgl *sgl_create(struct kunit *test)
{
	struct sgl *sgl = kunit_kzalloc(test, sizeof(*sgl), GFP_KERNEL);
	size_t length = MAX_ENTRIES * sizeof(*sgl->list.seg);

	KUNIT_ASSERT_NOT_NULL(test, sgl);
	sgl->sg = kunit_kcalloc(test, MAX_ENTRIES, sizeof(*sgl->sg), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, sgl->sg);
	sg_init_table(sgl->sg, MAX_ENTRIES);
	sgl->list.dma = LIST;
	sgl->list.seg = kunit_kmalloc(test, length, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, sgl->list.seg);
	memset(sgl->list.seg, 0xee, length);
	memset(&sgl->ptr, 0xee, sizeof(sgl->ptr));
	return sgl;
}

static void sgl_add(struct sgl *sgl, dma_addr_t addr, u32 length)
{
	struct scatterlist *sg = &sgl->sg[sgl->nents++];

	sg_dma_address(sg) = addr;
	sg_dma_len(sg) = length;
}

/* Runs of different lengths, with holes between them. */
static void sgl_add_runs(struct sgl *sgl, unsigned int runs)
{
	unsigned int i;

	for (i = 0; i < runs; i++)
		sgl_add(sgl, 0x100000000ull + i * SZ_64K, 512 + i);
}

static int sgl_encode(struct sgl *sgl)
{
	return bm_sgl_encode(&sgl->ptr, &sgl->list, sgl->sg, sgl->nents);
}

static void expect_seg(struct kunit *test, const struct bm_hw_seg *seg, u64 addr, u32 length)
{
	KUNIT_EXPECT_EQ(test, le64_to_cpu(seg->addr), addr);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(seg->length), length);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(seg->flags), 0);
}

/* Each segment must be the next run, and behind the last nothing was written. */
static void expect_runs(struct kunit *test, struct sgl *sgl, unsigned int runs)
{
	struct bm_hw_seg *seg = sgl->list.seg;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, sgl->ptr.space, BM_SPACE_HOST_SGL);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(sgl->ptr.addr), LIST);
	KUNIT_ASSERT_EQ(test, le32_to_cpu(sgl->ptr.count), runs);
	for (i = 0; i < runs; i++, seg++)
		expect_seg(test, seg, sg_dma_address(&sgl->sg[i]), sg_dma_len(&sgl->sg[i]));
	if (runs < MAX_ENTRIES)
		KUNIT_EXPECT_EQ(test, le32_to_cpu(seg->length), 0xeeeeeeee);
}

static void one_segment_needs_no_list(struct kunit *test)
{
	struct sgl *sgl = sgl_create(test);

	sgl_add(sgl, 0x123456789ull, 4095);
	KUNIT_ASSERT_EQ(test, sgl_encode(sgl), 0);
	KUNIT_EXPECT_EQ(test, sgl->ptr.space, BM_SPACE_HOST);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(sgl->ptr.addr), 0x123456789ull);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(sgl->ptr.count), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(sgl->list.seg->flags), 0xeeeeeeee);
}

static void neighbours_become_one_pointer(struct kunit *test)
{
	struct sgl *sgl = sgl_create(test);
	int i;

	for (i = 0; i < 257; i++)
		sgl_add(sgl, 0x80000000ull + i * SZ_4K, SZ_4K);
	KUNIT_ASSERT_EQ(test, sgl_encode(sgl), 0);
	KUNIT_EXPECT_EQ(test, sgl->ptr.space, BM_SPACE_HOST);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(sgl->ptr.addr), 0x80000000ull);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(sgl->ptr.count), 0);
}

static void neighbours_become_one_segment(struct kunit *test)
{
	struct sgl *sgl = sgl_create(test);

	sgl_add(sgl, 0x1800, 0x800);
	sgl_add(sgl, 0x2000, 0x1000);
	sgl_add(sgl, 0x9000, 0x1000);
	sgl_add(sgl, 0x5000, 0x1000);
	sgl_add(sgl, 0x6000, 0x10);
	KUNIT_ASSERT_EQ(test, sgl_encode(sgl), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(sgl->ptr.count), 3);
	expect_seg(test, &sgl->list.seg[0], 0x1800, 0x1800);
	expect_seg(test, &sgl->list.seg[1], 0x9000, 0x1000);
	expect_seg(test, &sgl->list.seg[2], 0x5000, 0x1010);
}

static void overlap_or_hole_is_no_neighbour(struct kunit *test)
{
	struct sgl *sgl = sgl_create(test);

	sgl_add(sgl, 0x1000, 0x1000);
	sgl_add(sgl, 0x1fff, 0x1000);
	sgl_add(sgl, 0x3000, 0x1000);
	sgl_add(sgl, 0x2000, 0x1000);
	KUNIT_ASSERT_EQ(test, sgl_encode(sgl), 0);
	expect_runs(test, sgl, 4);
}

static void merging_fills_all_32_bits_of_length(struct kunit *test)
{
	struct sgl *sgl = sgl_create(test);

	sgl_add(sgl, 0x100000000ull, 0xfffff000);
	sgl_add(sgl, 0x1fffff000ull, 0xfff);
	sgl_add(sgl, 0x900000000ull, 0x1000);
	KUNIT_ASSERT_EQ(test, sgl_encode(sgl), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(sgl->ptr.count), 2);
	expect_seg(test, &sgl->list.seg[0], 0x100000000ull, U32_MAX);
	expect_seg(test, &sgl->list.seg[1], 0x900000000ull, 0x1000);
}

static void merging_stops_before_length_overflows(struct kunit *test)
{
	struct sgl *sgl = sgl_create(test);

	sgl_add(sgl, 0x100000000ull, 0xfffff000);
	sgl_add(sgl, 0x1fffff000ull, 0x1000);
	KUNIT_ASSERT_EQ(test, sgl_encode(sgl), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(sgl->ptr.count), 2);
	expect_runs(test, sgl, 2);
}

/* Each count up to all of a command's pages: no size is special. */
static void any_number_of_runs_is_encoded(struct kunit *test)
{
	unsigned int runs;

	KUNIT_ASSERT_LE(test, BM_CMD_PAGES, MAX_ENTRIES);
	for (runs = 2; runs <= BM_CMD_PAGES; runs++) {
		struct sgl *sgl = sgl_create(test);

		sgl_add_runs(sgl, runs);
		KUNIT_ASSERT_EQ(test, sgl_encode(sgl), 0);
		expect_runs(test, sgl, runs);
	}
}

/* A command's pages, each alone, and the list that a request has for them. */
static void list_of_a_request_holds_a_whole_command(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, BM_SGL_BYTES / sizeof(struct bm_hw_seg), BM_CMD_PAGES);
}

static void no_entry_is_refused(struct kunit *test)
{
	struct sgl *sgl = sgl_create(test);

	KUNIT_EXPECT_EQ(test, sgl_encode(sgl), -EINVAL);
}

struct zero_param {
	const char *name;
	unsigned int runs;
	unsigned int zero;
};

static const struct zero_param zero_params[] = {
	{ "alone", 1, 0 },
	{ "first of two", 2, 0 },
	{ "last of two", 2, 1 },
	{ "amidst", 5, 2 },
	{ "last of many", 256, 255 },
};

KUNIT_ARRAY_PARAM_DESC(zero, zero_params, name);

static void empty_segment_is_refused(struct kunit *test)
{
	const struct zero_param *param = test->param_value;
	struct sgl *sgl = sgl_create(test);

	sgl_add_runs(sgl, param->runs);
	sg_dma_len(&sgl->sg[param->zero]) = 0;
	KUNIT_EXPECT_EQ(test, sgl_encode(sgl), -EINVAL);
}

/* An empty one that touches its neighbour must not vanish in it. */
static void empty_neighbour_is_refused(struct kunit *test)
{
	struct sgl *sgl = sgl_create(test);

	sgl_add(sgl, 0x1000, 0x1000);
	sgl_add(sgl, 0x2000, 0);
	sgl_add(sgl, 0x2000, 0x1000);
	KUNIT_EXPECT_EQ(test, sgl_encode(sgl), -EINVAL);
}

static struct kunit_case sgl_cases[] = {
	KUNIT_CASE(one_segment_needs_no_list),
	KUNIT_CASE(neighbours_become_one_pointer),
	KUNIT_CASE(neighbours_become_one_segment),
	KUNIT_CASE(overlap_or_hole_is_no_neighbour),
	KUNIT_CASE(merging_fills_all_32_bits_of_length),
	KUNIT_CASE(merging_stops_before_length_overflows),
	KUNIT_CASE(any_number_of_runs_is_encoded),
	KUNIT_CASE(list_of_a_request_holds_a_whole_command),
	KUNIT_CASE(no_entry_is_refused),
	KUNIT_CASE_PARAM(empty_segment_is_refused, zero_gen_params),
	KUNIT_CASE(empty_neighbour_is_refused),
	{}
};

static struct kunit_suite sgl_suite = {
	.name = "busmaster-sgl",
	.test_cases = sgl_cases,
};

kunit_test_suite(sgl_suite);
