// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: scatter-gather lists, encoded by the driver and walked as by the
 * device.
 */
#include <kunit/test.h>
#include <linux/scatterlist.h>

#include "busmaster.h"

#define LISTS 3
#define MAX_ENTRIES 800
/* What one, two and three lists hold: all but the last give an entry to the chain. */
#define HOLDS(lists) ((lists) * (BM_SGL_LIST_SEGS - 1) + 1)

/**
 * struct sgl - a mapped scatterlist, and lists to encode it in
 * @sg: entries
 * @nents: of them, in use
 * @lists: coherent memory, as far as ring.c is concerned
 * @ptr: result
 */
struct sgl {
	struct scatterlist *sg;
	unsigned int nents;
	struct bm_sgl_list lists[LISTS];
	struct bm_hw_ptr ptr;
};

static struct sgl *sgl_create(struct kunit *test)
{
	struct sgl *sgl = kunit_kzalloc(test, sizeof(*sgl), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, sgl);
	sgl->sg = kunit_kcalloc(test, MAX_ENTRIES, sizeof(*sgl->sg), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, sgl->sg);
	sg_init_table(sgl->sg, MAX_ENTRIES);
	for (i = 0; i < LISTS; i++) {
		sgl->lists[i].dma = 0x700000000ull + i * SZ_1M;
		sgl->lists[i].seg = kunit_kmalloc(test, SZ_4K, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, sgl->lists[i].seg);
		memset(sgl->lists[i].seg, 0xee, SZ_4K);
	}
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

static int sgl_encode(struct sgl *sgl, unsigned int lists)
{
	return bm_sgl_encode(&sgl->ptr, sgl->lists, lists, sgl->sg, sgl->nents);
}

static struct bm_hw_seg *sgl_list_at(struct sgl *sgl, u64 addr)
{
	int i;

	for (i = 0; i < LISTS; i++)
		if (sgl->lists[i].dma == addr)
			return sgl->lists[i].seg;
	return NULL;
}

static void expect_seg(struct kunit *test, const struct bm_hw_seg *seg, u64 addr, u32 length,
		       u32 flags)
{
	KUNIT_EXPECT_EQ(test, le64_to_cpu(seg->addr), addr);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(seg->length), length);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(seg->flags), flags);
}

/* Walk as the device does, by its rules; each segment must be the next run. */
static void expect_walk(struct kunit *test, struct sgl *sgl, unsigned int runs)
{
	u64 addr = le64_to_cpu(sgl->ptr.addr);
	u32 count = le32_to_cpu(sgl->ptr.count);
	unsigned int run = 0, i;

	KUNIT_ASSERT_EQ(test, sgl->ptr.space, BM_SPACE_HOST_SGL);
	while (count) {
		struct bm_hw_seg *seg = sgl_list_at(sgl, addr);
		u32 next = 0;

		KUNIT_ASSERT_NOT_NULL(test, seg);
		KUNIT_ASSERT_LE(test, count, BM_SGL_LIST_SEGS);
		for (i = 0; i < count; i++, seg++) {
			u32 length = le32_to_cpu(seg->length);

			if (le32_to_cpu(seg->flags) == BM_SEG_CHAIN) {
				KUNIT_ASSERT_EQ(test, i, count - 1);
				KUNIT_ASSERT_NE(test, length, 0);
				addr = le64_to_cpu(seg->addr);
				next = length;
				break;
			}
			KUNIT_ASSERT_EQ(test, le32_to_cpu(seg->flags), 0);
			KUNIT_ASSERT_LT(test, run, runs);
			KUNIT_ASSERT_EQ(test, le64_to_cpu(seg->addr),
					sg_dma_address(&sgl->sg[run]));
			KUNIT_ASSERT_EQ(test, length, sg_dma_len(&sgl->sg[run]));
			run++;
		}
		count = next;
	}
	KUNIT_EXPECT_EQ(test, run, runs);
}

static void one_segment_needs_no_list(struct kunit *test)
{
	struct sgl *sgl = sgl_create(test);

	sgl_add(sgl, 0x123456789ull, 4095);
	KUNIT_ASSERT_EQ(test, sgl_encode(sgl, LISTS), 0);
	KUNIT_EXPECT_EQ(test, sgl->ptr.space, BM_SPACE_HOST);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(sgl->ptr.addr), 0x123456789ull);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(sgl->ptr.count), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(sgl->lists[0].seg->flags), 0xeeeeeeee);
}

static void neighbours_become_one_pointer(struct kunit *test)
{
	struct sgl *sgl = sgl_create(test);
	int i;

	for (i = 0; i < 257; i++)
		sgl_add(sgl, 0x80000000ull + i * SZ_4K, SZ_4K);
	KUNIT_ASSERT_EQ(test, sgl_encode(sgl, 0), 0);
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
	KUNIT_ASSERT_EQ(test, sgl_encode(sgl, 1), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(sgl->ptr.count), 3);
	expect_seg(test, &sgl->lists[0].seg[0], 0x1800, 0x1800, 0);
	expect_seg(test, &sgl->lists[0].seg[1], 0x9000, 0x1000, 0);
	expect_seg(test, &sgl->lists[0].seg[2], 0x5000, 0x1010, 0);
}

static void overlap_or_hole_is_no_neighbour(struct kunit *test)
{
	struct sgl *sgl = sgl_create(test);

	sgl_add(sgl, 0x1000, 0x1000);
	sgl_add(sgl, 0x1fff, 0x1000);
	sgl_add(sgl, 0x3000, 0x1000);
	sgl_add(sgl, 0x2000, 0x1000);
	KUNIT_ASSERT_EQ(test, sgl_encode(sgl, 1), 0);
	expect_walk(test, sgl, 4);
}

static void merging_fills_all_32_bits_of_length(struct kunit *test)
{
	struct sgl *sgl = sgl_create(test);

	sgl_add(sgl, 0x100000000ull, 0xfffff000);
	sgl_add(sgl, 0x1fffff000ull, 0xfff);
	sgl_add(sgl, 0x900000000ull, 0x1000);
	KUNIT_ASSERT_EQ(test, sgl_encode(sgl, 1), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(sgl->ptr.count), 2);
	expect_seg(test, &sgl->lists[0].seg[0], 0x100000000ull, U32_MAX, 0);
	expect_seg(test, &sgl->lists[0].seg[1], 0x900000000ull, 0x1000, 0);
}

static void merging_stops_before_length_overflows(struct kunit *test)
{
	struct sgl *sgl = sgl_create(test);

	sgl_add(sgl, 0x100000000ull, 0xfffff000);
	sgl_add(sgl, 0x1fffff000ull, 0x1000);
	KUNIT_ASSERT_EQ(test, sgl_encode(sgl, 1), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(sgl->ptr.count), 2);
	expect_walk(test, sgl, 2);
}

struct runs_param {
	const char *name;
	unsigned int runs;
	unsigned int lists;
	unsigned int count; /* entries of the first list */
	int error;
};

static const struct runs_param runs_params[] = {
	{ "2 runs", 2, 1, 2 },
	{ "255 runs", 255, 1, 255 },
	{ "256 runs fit without a chain", 256, 1, 256 },
	{ "257 runs need a chain", 257, 2, 256 },
	{ "257 runs do not fit one list", 257, 1, 0, -E2BIG },
	{ "510 runs", 510, 2, 256 },
	{ "511 runs fill two lists", 511, 2, 256 },
	{ "512 runs do not fit two lists", 512, 2, 0, -E2BIG },
	{ "512 runs chain twice", 512, 3, 256 },
	{ "766 runs fill three lists", 766, 3, 256 },
	{ "767 runs do not fit three lists", 767, 3, 0, -E2BIG },
	{ "2 runs do not fit no list", 2, 0, 0, -E2BIG },
};

KUNIT_ARRAY_PARAM_DESC(runs, runs_params, name);

static void walk_gives_back_the_runs(struct kunit *test)
{
	const struct runs_param *param = test->param_value;
	struct sgl *sgl = sgl_create(test);

	sgl_add_runs(sgl, param->runs);
	KUNIT_ASSERT_EQ(test, sgl_encode(sgl, param->lists), param->error);
	if (param->error)
		return;
	KUNIT_EXPECT_EQ(test, le64_to_cpu(sgl->ptr.addr), sgl->lists[0].dma);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(sgl->ptr.count), param->count);
	expect_walk(test, sgl, param->runs);
}

/* Each count up to more than two lists hold: no size is special but the limit. */
static void walk_gives_back_any_number_of_runs(struct kunit *test)
{
	struct sgl *sgl = sgl_create(test);
	unsigned int runs;

	for (runs = 2; runs <= HOLDS(2) + 1; runs++) {
		sgl->nents = 0;
		sgl_add_runs(sgl, runs);
		KUNIT_ASSERT_EQ(test, sgl_encode(sgl, 2), runs <= HOLDS(2) ? 0 : -E2BIG);
		if (runs <= HOLDS(2))
			expect_walk(test, sgl, runs);
	}
}

static void chain_entry_names_the_next_list(struct kunit *test)
{
	struct sgl *sgl = sgl_create(test);

	sgl_add_runs(sgl, 300);
	KUNIT_ASSERT_EQ(test, sgl_encode(sgl, 2), 0);
	expect_seg(test, &sgl->lists[0].seg[255], sgl->lists[1].dma, 300 - 255, BM_SEG_CHAIN);
	expect_seg(test, &sgl->lists[1].seg[44], sg_dma_address(&sgl->sg[299]),
		   sg_dma_len(&sgl->sg[299]), 0);
}

static void lists_are_not_written_beyond_their_count(struct kunit *test)
{
	struct sgl *sgl = sgl_create(test);

	sgl_add_runs(sgl, 300);
	KUNIT_ASSERT_EQ(test, sgl_encode(sgl, 3), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(sgl->lists[1].seg[45].length), 0xeeeeeeee);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(sgl->lists[2].seg[0].length), 0xeeeeeeee);
}

/* A command's pages, each alone, and the lists that a request has for them. */
static void lists_of_a_request_hold_a_whole_command(struct kunit *test)
{
	struct sgl *sgl = sgl_create(test);

	KUNIT_ASSERT_LE(test, BM_SGL_LISTS, LISTS);
	sgl_add_runs(sgl, BM_CMD_PAGES);
	KUNIT_ASSERT_EQ(test, sgl_encode(sgl, BM_SGL_LISTS), 0);
	expect_walk(test, sgl, BM_CMD_PAGES);
}

static void no_entry_is_refused(struct kunit *test)
{
	struct sgl *sgl = sgl_create(test);

	KUNIT_EXPECT_EQ(test, sgl_encode(sgl, LISTS), -EINVAL);
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
	{ "behind a chain", 300, 290 },
};

KUNIT_ARRAY_PARAM_DESC(zero, zero_params, name);

static void empty_segment_is_refused(struct kunit *test)
{
	const struct zero_param *param = test->param_value;
	struct sgl *sgl = sgl_create(test);

	sgl_add_runs(sgl, param->runs);
	sg_dma_len(&sgl->sg[param->zero]) = 0;
	KUNIT_EXPECT_EQ(test, sgl_encode(sgl, LISTS), -EINVAL);
}

/* An empty one that touches its neighbour must not vanish in it. */
static void empty_neighbour_is_refused(struct kunit *test)
{
	struct sgl *sgl = sgl_create(test);

	sgl_add(sgl, 0x1000, 0x1000);
	sgl_add(sgl, 0x2000, 0);
	sgl_add(sgl, 0x2000, 0x1000);
	KUNIT_EXPECT_EQ(test, sgl_encode(sgl, LISTS), -EINVAL);
}

static struct kunit_case sgl_cases[] = {
	KUNIT_CASE(one_segment_needs_no_list),
	KUNIT_CASE(neighbours_become_one_pointer),
	KUNIT_CASE(neighbours_become_one_segment),
	KUNIT_CASE(overlap_or_hole_is_no_neighbour),
	KUNIT_CASE(merging_fills_all_32_bits_of_length),
	KUNIT_CASE(merging_stops_before_length_overflows),
	KUNIT_CASE_PARAM(walk_gives_back_the_runs, runs_gen_params),
	KUNIT_CASE(walk_gives_back_any_number_of_runs),
	KUNIT_CASE(chain_entry_names_the_next_list),
	KUNIT_CASE(lists_are_not_written_beyond_their_count),
	KUNIT_CASE(lists_of_a_request_hold_a_whole_command),
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
