// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: a device that lies.
 *
 * Whatever it writes, a request ends exactly once, and only by a completion that can be
 * true; each lie is counted and leads to a reset, after which all works again.
 */
#include <linux/prandom.h>

#include "fake.h"

#define DEPTH 7 /* rings of 8 */
#define ROUNDS 200

/* Submit, answer and reap one more command: does the device still work? */
static void expect_works(struct kunit *test, struct fake *fake)
{
	struct bm_request *rq = fake_submit(fake);
	unsigned int before = fake_done_count(rq);

	KUNIT_EXPECT_EQ(test, fake_serve(rq->queue), 1);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(rq->queue), 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), before + 1);
	KUNIT_EXPECT_EQ(test, rq->error, 0);
	bm_request_put(rq);
}

/**
 * struct lie - a completion that cannot be true, as changes to one that is
 * @name: of the case
 * @tag: xor
 * @head: added to the number of fetched submissions
 * @status: instead of success
 * @info: instead of zero
 * @aborted: the command was to end early
 * @error: how it is counted
 */
struct lie {
	const char *name;
	enum bm_error error;
	u16 tag;
	int head;
	u8 status;
	u64 info;
	bool aborted;
};

/*
 * The command in question is the only one in flight, and has this tag; three are
 * fetched, and the driver has seen two of them end, those of requests 5 and 6. Request
 * 0 was never used, and there is no request 7.
 */
#define VICTIM 0x1004

static const struct lie lies[] = {
	{ "tag of a request that has ended", BM_ERR_TAG_FREE, .tag = VICTIM ^ 0x1006 },
	{ "tag of a request that is free", BM_ERR_TAG_FREE, .tag = VICTIM ^ 0x0000 },
	{ "tag of a request beyond the last", BM_ERR_TAG_RANGE, .tag = VICTIM ^ 0x1007 },
	{ "tag far beyond the last", BM_ERR_TAG_RANGE, .tag = VICTIM ^ 0x1ffe },
	{ "tag of ones", BM_ERR_TAG_RANGE, .tag = VICTIM ^ BM_TAG_NONE },
	{ "another generation, by one bit", BM_ERR_TAG_STALE, .tag = 0x1000 },
	{ "another generation, by the last bit", BM_ERR_TAG_STALE, .tag = 0x8000 },
	{ "head beyond the tail", BM_ERR_HEAD, .head = 1 },
	{ "head backwards", BM_ERR_HEAD, .head = -2 },
	{ "head outside the ring", BM_ERR_HEAD, .head = DEPTH + 1 },
	{ "head of ones", BM_ERR_HEAD, .head = 0xffff - 3 },
	{ "head that has not fetched it", BM_ERR_TAG_FREE, .head = -1 },
	{ "status that does not exist", BM_ERR_STATUS, .status = 0x77 },
	{ "status of ones", BM_ERR_STATUS, .status = 0xff },
	{ "difference found by a NOP", BM_ERR_STATUS, .status = BM_ST_MISCOMPARE },
	{ "DMA by a NOP", BM_ERR_STATUS, .status = BM_ST_DMA_READ_FAULT, .info = 4096 },
	{ "info where there is none", BM_ERR_INFO, .info = 1 },
	{ "abort that nobody asked for", BM_ERR_STATUS, .status = BM_ST_ABORTED },
	{ "likewise, with info", BM_ERR_STATUS, .status = BM_ST_ABORTED, .info = 4096 },
	{ "abort with info", BM_ERR_INFO, .status = BM_ST_ABORTED, .info = 4096, .aborted = true },
	{ "abort of something else", BM_ERR_STATUS, .status = BM_ST_MISCOMPARE, .aborted = true },
};

KUNIT_ARRAY_PARAM_DESC(lie, lies, name);

/* Of all lies @count were told, and all of them were of one kind. */
static void expect_lies(struct kunit *test, struct fake *fake, enum bm_error error, u64 count)
{
	enum bm_error i;

	for (i = BM_ERR_TAG_RANGE; i <= BM_ERR_INFO; i++)
		KUNIT_EXPECT_EQ(test, fake_errors(fake, i), i == error ? count : 0);
	KUNIT_EXPECT_EQ(test, fake->bm.queues[0].stats.bad_completions, count);
}

static void lie_is_not_believed(struct kunit *test)
{
	const struct lie *lie = test->param_value;
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];
	struct bm_request *first = fake_submit(fake), *second = fake_submit(fake);
	struct bm_request *victim;
	struct bm_completion c;
	u16 tag;

	fake_serve(q);
	KUNIT_ASSERT_EQ(test, bm_queue_reap_all(q), 2);
	victim = fake_submit(fake);
	tag = fake_fetch_tag(q);
	KUNIT_ASSERT_EQ(test, tag, VICTIM);
	if (lie->aborted)
		bm_abort(victim);

	c.tag = tag ^ lie->tag;
	c.sq_head = 3 + lie->head;
	c.status = lie->status;
	c.info = lie->info;
	fake_write(q, &c);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(victim), 0);
	expect_lies(test, fake, lie->error, 1);
	KUNIT_EXPECT_EQ(test, q->stats.completions, 2);

	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, fake_done_count(victim), 1);
	KUNIT_EXPECT_EQ(test, victim->error, -EIO);
	KUNIT_EXPECT_EQ(test, fake_done_count(first), 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(second), 1);
	bm_request_put(victim);
	expect_works(test, fake);
	KUNIT_EXPECT_FALSE(test, fake_reset_requested(fake));
}

/* It was asked to end this one early, and ends that. */
static void abort_of_another_is_not_believed(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake), *other = fake_submit(fake);
	struct bm_queue *q = rq->queue;

	fake_fetch_tag(q);
	bm_abort(rq);
	fake_answer(q, fake_fetch_tag(q), BM_ST_ABORTED, 0);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(other), 0);
	expect_lies(test, fake, BM_ERR_STATUS, 1);
	KUNIT_EXPECT_FALSE(test, q->running);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, other->error, -EIO);
}

/* The next use of the request is another command, which nobody has aborted. */
static void abort_from_before_is_not_believed(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, 1);
	struct bm_request *rq = fake_submit(fake);
	struct bm_queue *q = rq->queue;

	fake_answer_aborted(q, fake_fetch_tag(q));
	KUNIT_ASSERT_EQ(test, bm_queue_reap_all(q), 1);
	KUNIT_EXPECT_EQ(test, rq->error, -ECANCELED);
	bm_request_put(rq);
	KUNIT_ASSERT_PTR_EQ(test, fake_submit(fake), rq);
	fake_answer(q, fake_fetch_tag(q), BM_ST_ABORTED, 0);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
	expect_lies(test, fake, BM_ERR_STATUS, 1);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
}

static void duplicate_is_not_believed(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);
	struct bm_queue *q = rq->queue;
	u16 tag = fake_fetch_tag(q);

	fake_answer(q, tag, BM_ST_SUCCESS, 0);
	fake_answer(q, tag, BM_ST_SUCCESS, 0);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 2);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
	KUNIT_EXPECT_EQ(test, q->stats.completions, 1);
	expect_lies(test, fake, BM_ERR_TAG_FREE, 1);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
	KUNIT_EXPECT_EQ(test, rq->error, 0);
}

static void duplicate_does_not_end_the_next_use(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, 1);
	struct bm_request *rq = fake_submit(fake);
	struct bm_queue *q = rq->queue;
	u16 tag = fake_fetch_tag(q);

	fake_answer(q, tag, BM_ST_SUCCESS, 0);
	KUNIT_ASSERT_EQ(test, bm_queue_reap_all(q), 1);
	bm_request_put(rq);

	KUNIT_ASSERT_PTR_EQ(test, fake_submit(fake), rq);
	fake_fetch_tag(q);
	fake_answer(q, tag, BM_ST_SUCCESS, 0);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
	expect_lies(test, fake, BM_ERR_TAG_STALE, 1);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 2);
	KUNIT_EXPECT_EQ(test, rq->error, -EIO);
}

static void answer_to_nothing_is_not_believed(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_request(fake);
	struct bm_queue *q = rq->queue;

	fake_answer(q, bm_tag(rq->index, rq->gen), BM_ST_SUCCESS, 0);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 0);
	KUNIT_EXPECT_EQ(test, q->stats.completions, 0);
	expect_lies(test, fake, BM_ERR_TAG_FREE, 1);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 0);
}

/* In flight, and of this generation, but its doorbell was only just rung. */
static void answer_to_what_was_not_fetched_is_not_believed(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *first = fake_submit(fake), *second = fake_submit(fake);
	struct bm_queue *q = first->queue;
	u16 tag = le16_to_cpu(second->sqe.tag);

	fake_answer(q, fake_fetch_tag(q), BM_ST_SUCCESS, 0);
	fake_answer(q, tag, BM_ST_SUCCESS, 0);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 2);
	KUNIT_EXPECT_EQ(test, fake_done_count(first), 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(second), 0);
	expect_lies(test, fake, BM_ERR_TAG_FREE, 1);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, second->error, -EIO);
}

/*
 * After a lap a submission has an index that was fetched before, and one that is behind
 * the head by any distance in a ring: by its count it is ahead.
 */
static void index_of_a_lap_ago_is_not_fetched(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];
	struct bm_completion c = {};
	struct bm_request *rq;
	int i;

	for (i = 0; i <= DEPTH; i++) {
		rq = fake_submit(fake);
		fake_serve(q);
		KUNIT_ASSERT_EQ(test, bm_queue_reap_all(q), 1);
		bm_request_put(rq);
	}
	for (i = 0; i < DEPTH; i++)
		rq = fake_submit(fake);
	c.tag = le16_to_cpu(rq->sqe.tag);
	c.sq_head = 0; /* as it was: the ring has DEPTH + 1 entries */
	fake_write(q, &c);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 1);
	expect_lies(test, fake, BM_ERR_TAG_FREE, 1);
}

static void answer_from_before_a_reset_is_not_believed(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, 1);
	struct bm_request *rq = fake_submit(fake);
	struct bm_queue *q = rq->queue;
	u16 late = fake_fetch_tag(q);

	bm_alarm_reset(&fake->bm, "a test wants it");
	KUNIT_ASSERT_TRUE(test, fake_reset_requested(fake));
	KUNIT_ASSERT_EQ(test, fake_done_count(rq), 1);
	bm_request_put(rq);

	KUNIT_ASSERT_PTR_EQ(test, fake_submit(fake), rq);
	fake_answer(q, late, BM_ST_SUCCESS, 0);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
	KUNIT_EXPECT_EQ(test, q->stats.bad_completions, 1);
}

static void wrong_phase_is_no_completion(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);
	struct bm_queue *q = rq->queue;
	u16 tag = fake_fetch_tag(q);

	fake->queue[0].phase ^= BM_CQE_PHASE;
	fake_answer(q, tag, BM_ST_SUCCESS, 0);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 0);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 0);
	KUNIT_EXPECT_EQ(test, q->stats.bad_completions, 0);
	KUNIT_EXPECT_FALSE(test, fake_reset_requested(fake));
}

static void truth_beside_a_lie_is_believed(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *a = fake_submit(fake), *b = fake_submit(fake);
	struct bm_queue *q = a->queue;
	u16 tag_a = fake_fetch_tag(q), tag_b = fake_fetch_tag(q);

	fake_answer(q, tag_a, BM_ST_SUCCESS, 0);
	fake_answer(q, BM_TAG_NONE, BM_ST_SUCCESS, 0);
	fake_answer(q, tag_b, BM_ST_SUCCESS, 0);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 3);
	KUNIT_EXPECT_EQ(test, q->stats.completions, 2);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, a->error, 0);
	KUNIT_EXPECT_EQ(test, b->error, 0);
	KUNIT_EXPECT_EQ(test, fake_done_count(a), 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(b), 1);
}

static void one_reset_serves_many_lies(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];
	int i;

	for (i = 0; i < DEPTH; i++)
		fake_answer(q, BM_TAG_NONE, BM_ST_SUCCESS, 0);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), DEPTH);
	KUNIT_EXPECT_EQ(test, q->stats.completions, 0);
	expect_lies(test, fake, BM_ERR_TAG_RANGE, DEPTH);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, fake->stops, 1);
	expect_works(test, fake);
}

/* Until the reset nothing more is entrusted to it: no doorbell, and no command but later. */
static void liar_is_fenced_at_once(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_request(fake);
	struct bm_queue *q = rq->queue;

	fake_answer(q, BM_TAG_NONE, BM_ST_SUCCESS, 0);
	fake_poke32(fake, BM_QUEUE_PAGE(0) + BM_QREG_CQ_HEAD, ~0);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 1);
	KUNIT_EXPECT_EQ(test, fake_doorbell(q, BM_QREG_CQ_HEAD), ~0);
	KUNIT_EXPECT_EQ(test, bm_request_submit(rq), 0);
	KUNIT_EXPECT_EQ(test, fake_submitted(q), 0);
	KUNIT_EXPECT_EQ(test, fake->stops, 0);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 0);
	KUNIT_EXPECT_EQ(test, fake_serve(q), 1);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 1);
	KUNIT_EXPECT_EQ(test, fake_done_count(rq), 1);
	KUNIT_EXPECT_EQ(test, rq->error, 0);
	bm_request_put(rq);
	expect_works(test, fake);
}

/* Always one more completion, for as long as it takes to call that endless. */
static void flood(struct bm_queue *q)
{
	struct fake *fake = container_of(q->bm, struct fake, bm);

	if (fake->pops < 10 * q->cq.entries)
		fake_answer(q, BM_TAG_NONE, BM_ST_SUCCESS, 0);
}

static void flood_does_not_hold_the_cpu(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];

	fake->before_pop = flood;
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), q->cq.entries);
	fake->before_pop = NULL;
	KUNIT_EXPECT_LE(test, fake->pops, q->cq.entries);
	KUNIT_EXPECT_EQ(test, q->stats.bad_completions, q->cq.entries);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	expect_works(test, fake);
}

/* Serves all commands, and says each time that it has fetched none of them. */
static void head_that_never_moves_is_not_believed(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_request *rq = fake_submit(fake);
	struct bm_completion c = { .tag = fake_fetch_tag(rq->queue) };

	fake_write(rq->queue, &c);
	KUNIT_ASSERT_EQ(test, bm_queue_reap_all(rq->queue), 1);
	expect_lies(test, fake, BM_ERR_TAG_FREE, 1);
	KUNIT_EXPECT_TRUE(test, fake_reset_requested(fake));
	KUNIT_EXPECT_EQ(test, rq->error, -EIO);
	bm_request_put(rq);
	expect_works(test, fake);
}

static void expect_all_ended(struct kunit *test, struct bm_request **rq, unsigned int *before)
{
	int i;

	for (i = 0; i < DEPTH; i++) {
		KUNIT_ASSERT_EQ(test, fake_done_count(rq[i]), before[i] + 1);
		bm_request_put(rq[i]);
	}
}

static void garbage_ends_each_request_once(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];
	struct bm_request *rq[DEPTH];
	unsigned int before[DEPTH];
	struct rnd_state rnd;
	int round, i;

	prandom_seed_state(&rnd, 20250101);
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < DEPTH; i++) {
			rq[i] = fake_submit(fake);
			before[i] = fake_done_count(rq[i]);
		}
		prandom_bytes_state(&rnd, q->cq.ring, q->cq.entries * sizeof(*q->cq.ring));
		bm_queue_reap_all(q);
		bm_alarm_reset(&fake->bm, "a test wants it");
		KUNIT_ASSERT_TRUE(test, fake_reset_requested(fake));
		expect_all_ended(test, rq, before);
	}
	expect_works(test, fake);
}

/* Words that are nearly right: small tags and heads, and only a few statuses. */
static void near_truth_ends_each_request_once(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct bm_queue *q = &fake->bm.queues[0];
	struct bm_request *rq[DEPTH];
	struct bm_completion c = {};
	unsigned int before[DEPTH];
	struct rnd_state rnd;
	int round, i;

	prandom_seed_state(&rnd, 20250102);
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < DEPTH; i++) {
			rq[i] = fake_submit(fake);
			before[i] = fake_done_count(rq[i]);
		}
		for (i = 0; i < DEPTH; i++) {
			u32 r = prandom_u32_state(&rnd);

			c.tag = bm_tag(r % (DEPTH + 1), rq[0]->gen - (r >> 8) % 2);
			c.sq_head = (r >> 16) % (DEPTH + 1);
			c.status = (r >> 24) % 2;
			fake_write(q, &c);
			bm_queue_reap_all(q);
		}
		bm_alarm_reset(&fake->bm, "a test wants it");
		fake_reset_requested(fake);
		expect_all_ended(test, rq, before);
	}
	KUNIT_EXPECT_GT(test, q->stats.bad_completions, 0);
	KUNIT_EXPECT_GT(test, q->stats.completions, 0);
	expect_works(test, fake);
}

static struct kunit_case hostile_cases[] = {
	KUNIT_CASE_PARAM(lie_is_not_believed, lie_gen_params),
	KUNIT_CASE(abort_of_another_is_not_believed),
	KUNIT_CASE(abort_from_before_is_not_believed),
	KUNIT_CASE(duplicate_is_not_believed),
	KUNIT_CASE(duplicate_does_not_end_the_next_use),
	KUNIT_CASE(answer_to_nothing_is_not_believed),
	KUNIT_CASE(answer_from_before_a_reset_is_not_believed),
	KUNIT_CASE(wrong_phase_is_no_completion),
	KUNIT_CASE(truth_beside_a_lie_is_believed),
	KUNIT_CASE(one_reset_serves_many_lies),
	KUNIT_CASE(liar_is_fenced_at_once),
	KUNIT_CASE(flood_does_not_hold_the_cpu),
	KUNIT_CASE(answer_to_what_was_not_fetched_is_not_believed),
	KUNIT_CASE(index_of_a_lap_ago_is_not_fetched),
	KUNIT_CASE(head_that_never_moves_is_not_believed),
	KUNIT_CASE(garbage_ends_each_request_once),
	KUNIT_CASE(near_truth_ends_each_request_once),
	{}
};

static struct kunit_suite hostile_suite = {
	.name = "busmaster-hostile",
	.test_cases = hostile_cases,
};

kunit_test_suite(hostile_suite);
