// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: ring indices, the submission ring, and the completion ring's phase.
 *
 * What is expected is worked out by counting and by %, not by the masks that the
 * driver uses, so that one mistake is not made twice.
 */
#include <kunit/test.h>

#include "busmaster.h"

#define LAPS 5

struct ring_param {
	const char *name;
	u32 entries;
};

static const struct ring_param ring_params[] = {
	{ "2 entries", 2 },
	{ "4 entries", 4 },
	{ "128 entries", 128 },
	{ "4096 entries", 4096 },
};

KUNIT_ARRAY_PARAM_DESC(ring, ring_params, name);

static u32 ring_entries(struct kunit *test)
{
	const struct ring_param *param = test->param_value;

	return param->entries;
}

static void next_visits_each_index_once_a_lap(struct kunit *test)
{
	u32 entries = ring_entries(test), index = 0, i;

	for (i = 1; i <= 3 * entries; i++) {
		index = bm_ring_next(index, entries);
		KUNIT_ASSERT_EQ(test, index, i % entries);
	}
}

static void distance_counts_the_steps(struct kunit *test)
{
	u32 entries = ring_entries(test), stride = entries / 64 + 1, from, n;

	for (from = 0; from < entries; from += stride)
		for (n = 0; n < entries; n++)
			KUNIT_ASSERT_EQ(test, n,
					bm_ring_distance(from, (from + n) % entries, entries));
}

/* Is an event met on the way? */
static bool is_on_the_way(u32 event, u32 from, u32 to, u32 entries)
{
	for (; from != to; from = (from + 1) % entries)
		if (from == event)
			return true;
	return false;
}

/* All ways in small rings, and all events and some that are none. */
static void event_is_passed_on_the_way(struct kunit *test)
{
	static const u32 strange[] = { 0x10000, 0x80000000, BM_EVENT_NONE - 1, BM_EVENT_NONE };
	u32 entries, way, event, i;

	for (entries = 2; entries <= 16; entries *= 2) {
		for (way = 0; way < entries * entries; way++) {
			u32 from = way / entries, to = way % entries;

			for (event = 0; event < 3 * entries; event++)
				KUNIT_ASSERT_EQ(test, is_on_the_way(event, from, to, entries),
						bm_ring_passed(event, from, to, entries));
			for (i = 0; i < ARRAY_SIZE(strange); i++)
				KUNIT_ASSERT_FALSE(test,
						   bm_ring_passed(strange[i], from, to, entries));
		}
	}
}

static struct bm_sq *sq_create(struct kunit *test, u32 entries)
{
	struct bm_sq *sq = kunit_kzalloc(test, sizeof(*sq), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, sq);
	sq->entries = entries;
	sq->ring = kunit_kcalloc(test, entries, sizeof(*sq->ring), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, sq->ring);
	bm_sq_reset(sq);
	return sq;
}

static u32 sq_push_number(struct bm_sq *sq, u32 number)
{
	struct bm_hw_sqe sqe = { .operand = cpu_to_le64(number) };

	return bm_sq_push(sq, &sqe);
}

/* Each has a place of its own, and none is fetched before the device says so. */
static void sq_fetches_in_order(struct kunit *test)
{
	u32 entries = ring_entries(test), n, last;
	struct bm_sq *sq = sq_create(test, entries);

	for (n = 0; n < entries - 1; n++)
		KUNIT_ASSERT_EQ(test, sq_push_number(sq, n), n);
	for (n = 0; n < LAPS * entries; n++) {
		last = n + entries - 1;
		KUNIT_ASSERT_FALSE(test, bm_sq_fetched(sq, n));
		KUNIT_ASSERT_EQ(test, sq_push_number(sq, last), last);
		KUNIT_ASSERT_TRUE(test, bm_sq_retire(sq, (n + 1) % entries));
		KUNIT_ASSERT_TRUE(test, bm_sq_fetched(sq, n));
		KUNIT_ASSERT_FALSE(test, bm_sq_fetched(sq, last));
		KUNIT_ASSERT_EQ(test, le64_to_cpu(sq->ring[last % entries].operand), last);
	}
}

/* The counts wrap after 2^32 submissions; an index never does so among them. */
static void sq_counts_wrap(struct kunit *test)
{
	struct bm_sq *sq = sq_create(test, 8);
	u32 n;

	sq->head = -3u;
	sq->tail = -3u;
	for (n = -3u; n != 5; n++) {
		KUNIT_ASSERT_EQ(test, sq_push_number(sq, n), n);
		KUNIT_ASSERT_FALSE(test, bm_sq_fetched(sq, n));
		KUNIT_ASSERT_FALSE(test, bm_sq_retire(sq, (n + 2) % 8));
		KUNIT_ASSERT_TRUE(test, bm_sq_retire(sq, (n + 1) % 8));
		KUNIT_ASSERT_TRUE(test, bm_sq_fetched(sq, n));
		KUNIT_ASSERT_EQ(test, le64_to_cpu(sq->ring[n % 8].operand), n);
	}
}

static void sq_keeps_order_over_laps(struct kunit *test)
{
	u32 entries = ring_entries(test), pushed = 0, taken = 0, batch;
	struct bm_sq *sq = sq_create(test, entries);

	for (batch = 1; taken < LAPS * entries; batch = batch % (entries - 1) + 1) {
		while (pushed < taken + batch)
			sq_push_number(sq, pushed++);
		for (; taken < pushed; taken++)
			KUNIT_ASSERT_EQ(test, le64_to_cpu(sq->ring[taken % entries].operand),
					taken);
		KUNIT_ASSERT_TRUE(test, bm_sq_retire(sq, taken % entries));
	}
}

static void sq_is_empty_after_reset(struct kunit *test)
{
	u32 entries = ring_entries(test);
	struct bm_sq *sq = sq_create(test, entries);

	sq_push_number(sq, ~0);
	bm_sq_reset(sq);
	KUNIT_EXPECT_FALSE(test, bm_sq_retire(sq, 1 % entries));
	KUNIT_EXPECT_EQ(test, sq_push_number(sq, 1), 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(sq->ring[0].operand), 1);
}

struct retire_param {
	const char *name;
	u32 head;
	u32 tail;
	u16 claim;
	bool believed;
};

/* In a ring of 8 entries. */
static const struct retire_param retire_params[] = {
	{ "nothing new", 2, 5, 2, true },
	{ "one step", 2, 5, 3, true },
	{ "up to the tail", 2, 5, 5, true },
	{ "one beyond the tail", 2, 5, 6, false },
	{ "one backwards", 2, 5, 1, false },
	{ "far backwards", 2, 5, 7, false },
	{ "across the wrap", 6, 10, 1, true },
	{ "across the wrap up to the tail", 6, 10, 2, true },
	{ "onto index 0", 6, 10, 0, true },
	{ "across the wrap beyond the tail", 6, 10, 3, false },
	{ "backwards from before the wrap", 6, 10, 5, false },
	{ "empty ring, as it was", 4, 4, 4, true },
	{ "empty ring, forwards", 4, 4, 5, false },
	{ "empty ring, backwards", 4, 4, 3, false },
	{ "full ring, all of it", 3, 10, 2, true },
	{ "first index outside", 2, 5, 8, false },
	{ "right index, one lap too far", 2, 5, 11, false },
	{ "all ones", 2, 5, 0xffff, false },
};

KUNIT_ARRAY_PARAM_DESC(retire, retire_params, name);

static void sq_retire_believes(struct kunit *test)
{
	const struct retire_param *param = test->param_value;
	struct bm_sq sq = { .entries = 8, .head = param->head, .tail = param->tail };

	KUNIT_EXPECT_EQ(test, bm_sq_retire(&sq, param->claim), param->believed);
	KUNIT_EXPECT_EQ(test, sq.head % 8, param->believed ? param->claim : param->head);
	KUNIT_EXPECT_EQ(test, sq.tail, param->tail);
}

/* All heads, tails and claims of a small ring: believed are those that steps reach. */
static void sq_retire_believes_only_what_was_submitted(struct kunit *test)
{
	const u32 entries = 16;
	struct bm_sq sq = { .entries = entries };
	u32 head, held, claim, ahead;

	for (head = 0; head < entries; head++) {
		for (held = 0; held < entries; held++) {
			for (claim = 0; claim < 2 * entries; claim++) {
				sq.head = head;
				sq.tail = head + held;
				for (ahead = 0; ahead <= held; ahead++)
					if ((head + ahead) % entries == claim)
						break;
				KUNIT_ASSERT_EQ(test, bm_sq_retire(&sq, claim), ahead <= held);
			}
		}
	}
}

static struct bm_cq *cq_create(struct kunit *test, u32 entries)
{
	struct bm_cq *cq = kunit_kzalloc(test, sizeof(*cq), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cq);
	cq->entries = entries;
	cq->ring = kunit_kcalloc(test, entries, sizeof(*cq->ring), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cq->ring);
	memset(cq->ring, 0xa5, entries * sizeof(*cq->ring));
	bm_cq_reset(cq);
	return cq;
}

/* The phase of the nth completion ever. */
static u32 cq_phase(u32 n, u32 entries)
{
	return n / entries % 2 ? 0 : BM_CQE_PHASE;
}

static void cq_write(struct bm_cq *cq, u32 n, u32 phase)
{
	cq->ring[n % cq->entries] = (struct bm_hw_cqe){ .info = cpu_to_le64(n),
							.status = cpu_to_le32(phase) };
}

static void cq_is_dry_after_reset(struct kunit *test)
{
	u32 entries = ring_entries(test), i;
	struct bm_cq *cq = cq_create(test, entries);
	struct bm_completion c;

	KUNIT_EXPECT_FALSE(test, bm_cq_pop(cq, &c));
	for (i = 0; i < entries; i++) {
		cq->head = i;
		KUNIT_ASSERT_FALSE(test, bm_cq_pop(cq, &c));
	}
}

static void cq_gives_each_completion_once(struct kunit *test)
{
	u32 entries = ring_entries(test), n;
	struct bm_cq *cq = cq_create(test, entries);
	struct bm_completion c;

	for (n = 0; n < LAPS * entries; n++) {
		cq_write(cq, n, cq_phase(n, entries));
		KUNIT_ASSERT_TRUE(test, bm_cq_pop(cq, &c));
		KUNIT_ASSERT_EQ(test, c.info, n);
		KUNIT_ASSERT_FALSE(test, bm_cq_pop(cq, &c));
	}
}

static void cq_takes_only_the_right_phase(struct kunit *test)
{
	u32 entries = ring_entries(test), n;
	struct bm_cq *cq = cq_create(test, entries);
	struct bm_completion c;

	for (n = 0; n < 2 * entries; n++) {
		cq_write(cq, n, cq_phase(n, entries) ^ BM_CQE_PHASE);
		KUNIT_ASSERT_FALSE(test, bm_cq_pop(cq, &c));
		KUNIT_ASSERT_EQ(test, cq->head, n % entries);
		cq_write(cq, n, cq_phase(n, entries));
		KUNIT_ASSERT_TRUE(test, bm_cq_pop(cq, &c));
	}
}

static void cq_does_not_take_a_former_lap_again(struct kunit *test)
{
	u32 entries = ring_entries(test), lap, i;
	struct bm_cq *cq = cq_create(test, entries);
	struct bm_completion c;

	for (lap = 0; lap < LAPS; lap++) {
		for (i = 0; i < entries; i++)
			cq_write(cq, lap * entries + i, cq_phase(lap * entries, entries));
		for (i = 0; i < entries; i++) {
			KUNIT_ASSERT_TRUE(test, bm_cq_pop(cq, &c));
			KUNIT_ASSERT_EQ(test, c.info, lap * entries + i);
		}
		KUNIT_ASSERT_FALSE(test, bm_cq_pop(cq, &c));
		KUNIT_ASSERT_EQ(test, cq->head, 0);
	}
}

static void cq_starts_again_after_reset(struct kunit *test)
{
	u32 entries = ring_entries(test), n;
	struct bm_cq *cq = cq_create(test, entries);
	struct bm_completion c;

	for (n = 0; n < entries + 1; n++) {
		cq_write(cq, n, cq_phase(n, entries));
		KUNIT_ASSERT_TRUE(test, bm_cq_pop(cq, &c));
	}
	bm_cq_reset(cq);
	KUNIT_EXPECT_FALSE(test, bm_cq_pop(cq, &c));
	cq_write(cq, 0, BM_CQE_PHASE);
	KUNIT_EXPECT_TRUE(test, bm_cq_pop(cq, &c));
}

/* The device that writes the status first finds no former tag there, in the first lap or later. */
static void cq_half_an_entry_has_no_tag(struct kunit *test)
{
	u32 entries = ring_entries(test), n;
	struct bm_cq *cq = cq_create(test, entries);
	struct bm_completion c;

	for (n = 0; n < LAPS * entries; n++) {
		struct bm_hw_cqe *cqe = &cq->ring[n % entries];
		bool whole = (n + n / entries) & 1;

		if (whole) {
			cq_write(cq, n, cq_phase(n, entries));
			cqe->tag = cpu_to_le16(n & BM_TAG_INDEX);
		} else {
			cqe->status = cpu_to_le32(cq_phase(n, entries));
		}
		KUNIT_ASSERT_TRUE(test, bm_cq_pop(cq, &c));
		KUNIT_ASSERT_EQ(test, c.tag, whole ? n & BM_TAG_INDEX : BM_TAG_NONE);
		KUNIT_ASSERT_EQ(test, le16_to_cpu(cqe->tag), BM_TAG_NONE);
	}
}

/* The bytes as the data sheet lays them out. */
static void cq_decodes_each_field(struct kunit *test)
{
	static const u8 bytes[] = { 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
				    0xaa, 0x99, 0xcc, 0xbb, 0x20, 0x00, 0x00, 0x80 };
	struct bm_cq *cq = cq_create(test, 2);
	struct bm_completion c;

	memcpy(cq->ring, bytes, sizeof(bytes));
	KUNIT_ASSERT_TRUE(test, bm_cq_pop(cq, &c));
	KUNIT_EXPECT_EQ(test, c.info, 0x1122334455667788ull);
	KUNIT_EXPECT_EQ(test, c.sq_head, 0x99aa);
	KUNIT_EXPECT_EQ(test, c.tag, 0xbbcc);
	KUNIT_EXPECT_EQ(test, c.status, BM_ST_DMA_READ_FAULT);
}

static void cq_phase_is_one_bit_of_the_word(struct kunit *test)
{
	struct bm_cq *cq = cq_create(test, 2);
	struct bm_completion c;

	cq_write(cq, 0, ~BM_CQE_PHASE);
	KUNIT_EXPECT_FALSE(test, bm_cq_pop(cq, &c));
	cq_write(cq, 0, ~BM_CQE_STATUS | BM_ST_ABORTED);
	KUNIT_ASSERT_TRUE(test, bm_cq_pop(cq, &c));
	KUNIT_EXPECT_EQ(test, c.status, BM_ST_ABORTED);
}

static struct kunit_case ring_cases[] = {
	KUNIT_CASE_PARAM(next_visits_each_index_once_a_lap, ring_gen_params),
	KUNIT_CASE_PARAM(distance_counts_the_steps, ring_gen_params),
	KUNIT_CASE(event_is_passed_on_the_way),
	KUNIT_CASE_PARAM(sq_fetches_in_order, ring_gen_params),
	KUNIT_CASE(sq_counts_wrap),
	KUNIT_CASE_PARAM(sq_keeps_order_over_laps, ring_gen_params),
	KUNIT_CASE_PARAM(sq_is_empty_after_reset, ring_gen_params),
	KUNIT_CASE_PARAM(sq_retire_believes, retire_gen_params),
	KUNIT_CASE(sq_retire_believes_only_what_was_submitted),
	{}
};

static struct kunit_suite ring_suite = {
	.name = "busmaster-ring",
	.test_cases = ring_cases,
};

static struct kunit_case phase_cases[] = {
	KUNIT_CASE_PARAM(cq_is_dry_after_reset, ring_gen_params),
	KUNIT_CASE_PARAM(cq_gives_each_completion_once, ring_gen_params),
	KUNIT_CASE_PARAM(cq_takes_only_the_right_phase, ring_gen_params),
	KUNIT_CASE_PARAM(cq_does_not_take_a_former_lap_again, ring_gen_params),
	KUNIT_CASE_PARAM(cq_starts_again_after_reset, ring_gen_params),
	KUNIT_CASE_PARAM(cq_half_an_entry_has_no_tag, ring_gen_params),
	KUNIT_CASE(cq_decodes_each_field),
	KUNIT_CASE(cq_phase_is_one_bit_of_the_word),
	{}
};

static struct kunit_suite phase_suite = {
	.name = "busmaster-phase",
	.test_cases = phase_cases,
};

kunit_test_suites(&ring_suite, &phase_suite);

MODULE_DESCRIPTION("KUnit tests of the busmaster driver");
MODULE_LICENSE("GPL");
