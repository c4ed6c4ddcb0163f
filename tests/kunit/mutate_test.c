// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: completions in which some bits are wrong, by the thousand.
 *
 * Each is judged twice, by the driver and by a model that is written here and shares no
 * code with it: they must agree on whether it is to be believed, and on why not.
 *
 * And completions that change while they are read: each word is used as it was checked.
 */
#include <linux/kthread.h>
#include <linux/prandom.h>
#include <linux/random.h>

#include "fake.h"

#define DEPTH 31 /* rings of 32 */
#define LENGTH 4096
#define UNSEEN 0x55 /* a status that only an entry of the pass before has */
#define RACES 30

static unsigned int mutations = 50000;
module_param(mutations, uint, 0444);
MODULE_PARM_DESC(mutations, "completions to be mutated (default 50000)");

static unsigned int mutate_seed;
module_param(mutate_seed, uint, 0444);
MODULE_PARM_DESC(mutate_seed, "of what is mutated; 0: another one each time (default)");

/**
 * struct model - what is true
 * @fake: device
 * @q: its queue
 * @rnd: random numbers
 * @rq: all requests
 * @busy: in flight
 * @aborted: to end early
 * @order: request that was submitted as the nth since the reset
 * @fetched: submissions that the device has fetched
 * @seen: of them, what the driver knows
 * @told: completions that were written
 * @accepted: completions that the driver must have accepted
 * @refused: and refused, by reason
 */
struct model {
	struct fake *fake;
	struct bm_queue *q;
	struct rnd_state rnd;
	struct bm_request *rq[DEPTH];
	bool busy[DEPTH];
	bool aborted[DEPTH];
	u16 order[DEPTH];
	unsigned int fetched;
	unsigned int seen;
	unsigned int told;
	u64 accepted;
	u64 refused[BM_ERR_INFO + 1];
};

static u32 below(struct model *m, u32 limit)
{
	return prandom_u32_state(&m->rnd) % limit;
}

static bool writes(u8 op)
{
	return op == BM_OP_COPY || op == BM_OP_FILL || op == BM_OP_COPY_CRC32C;
}

static bool status_fits(u8 op, u8 status, bool aborted)
{
	static const u8 refusals[] = { 0x10, 0x11, 0x12, 0x13, 0x14, 0x18, 0x19 };

	return status == BM_ST_SUCCESS || memchr(refusals, status, sizeof(refusals)) ||
	       (status == BM_ST_ABORTED && aborted) ||
	       (status == BM_ST_MISCOMPARE && op == BM_OP_COMPARE) ||
	       (status == BM_ST_DMA_READ_FAULT && op != BM_OP_NOP) ||
	       (status == BM_ST_DMA_WRITE_FAULT && writes(op));
}

static bool info_fits(u8 op, u8 status, u64 info)
{
	if (status == BM_ST_DMA_READ_FAULT || status == BM_ST_DMA_WRITE_FAULT)
		return true;
	if (status == BM_ST_MISCOMPARE)
		return info < LENGTH;
	if (status == BM_ST_SUCCESS && (op == BM_OP_CRC32C || op == BM_OP_COPY_CRC32C))
		return info < 1ull << 32;
	return info == 0;
}

/* Is a request among the first @count submissions? */
static bool is_among(struct model *m, unsigned int count, u16 index)
{
	while (count--)
		if (m->order[count] == index)
			return true;
	return false;
}

/* Judge a completion; BM_ERRORS: it is to be believed. */
static enum bm_error judge(struct model *m, u16 tag, u8 status, u64 info, u16 head)
{
	u16 index = tag % 4096;
	u8 op;

	if (index >= DEPTH)
		return BM_ERR_TAG_RANGE;
	if (!m->busy[index])
		return BM_ERR_TAG_FREE;
	if (tag != le16_to_cpu(m->rq[index]->sqe.tag))
		return BM_ERR_TAG_STALE;
	op = m->rq[index]->sqe.opcode;
	if (!status_fits(op, status, m->aborted[index]))
		return BM_ERR_STATUS;
	if (!info_fits(op, status, info))
		return BM_ERR_INFO;
	if (head < m->seen || head > DEPTH)
		return BM_ERR_HEAD;
	m->seen = head;
	return is_among(m, head, index) ? BM_ERRORS : BM_ERR_TAG_FREE;
}

static void submit_all(struct model *m)
{
	int i;

	for (i = 0; i < DEPTH; i++) {
		struct bm_request *rq = fake_request(m->fake);
		u8 op = below(m, BM_OP_COMPARE + 1);

		bm_sqe_init(&rq->sqe, op, op == BM_OP_NOP ? 0 : LENGTH);
		m->rq[rq->index] = rq;
		m->busy[rq->index] = true;
		m->order[i] = rq->index;
		KUNIT_ASSERT_EQ(m->fake->test, bm_request_submit(rq), 0);
		m->aborted[rq->index] = !below(m, 3);
		if (m->aborted[rq->index])
			bm_abort(rq);
	}
	m->fetched = 0;
	m->seen = 0;
}

/* A completion that is true, of a command that the device has. */
static struct bm_hw_cqe truth(struct model *m)
{
	struct bm_request *rq;

	if (m->fetched < DEPTH)
		m->fetched += below(m, min(DEPTH - m->fetched, 4u)) + 1;
	rq = m->rq[m->order[below(m, m->fetched)]];
	return (struct bm_hw_cqe){
		.sq_head = cpu_to_le16(m->fetched),
		.tag = rq->sqe.tag,
		.status = cpu_to_le32(m->fake->queue[0].phase),
	};
}

/* Any bits of it, or a field that is another's, or of no use; often nothing at all. */
static void mutate(struct model *m, struct bm_hw_cqe *cqe)
{
	static const u8 statuses[] = { 0x01, 0x10, 0x18, 0x20, 0x21, 0x22, 0x30, 0x7f, 0xff };
	u8 *bytes = (u8 *)cqe;

	switch (below(m, 8)) {
	case 0:
		bytes[below(m, sizeof(*cqe))] ^= BIT(below(m, 8));
		fallthrough;
	case 1:
		bytes[below(m, sizeof(*cqe))] ^= BIT(below(m, 8));
		break;
	case 2:
		cqe->tag = m->rq[below(m, DEPTH)]->sqe.tag;
		break;
	case 3:
		cqe->sq_head = cpu_to_le16(below(m, DEPTH + 2));
		break;
	case 4:
		cqe->status |= cpu_to_le32(statuses[below(m, sizeof(statuses))]);
		cqe->info = cpu_to_le64(below(m, 2) * below(m, 2 * LENGTH));
		break;
	case 5:
		prandom_bytes_state(&m->rnd, cqe, sizeof(*cqe));
		break;
	}
}

/* Write it where the next one is expected; one with another phase is none. */
static bool tell(struct model *m, const struct bm_hw_cqe *cqe)
{
	struct fake_queue *side = &m->fake->queue[0];

	if ((le32_to_cpu(cqe->status) & BM_CQE_PHASE) != side->phase)
		return false;
	m->q->cq.ring[side->cq_tail] = *cqe;
	side->cq_tail = (side->cq_tail + 1) % m->q->cq.entries;
	if (!side->cq_tail)
		side->phase ^= BM_CQE_PHASE;
	return true;
}

static void tell_and_compare(struct kunit *test, struct model *m)
{
	struct bm_hw_cqe cqe = truth(m);
	u16 tag = le16_to_cpu(cqe.tag);
	enum bm_error verdict;
	unsigned int done;
	bool told;

	mutate(m, &cqe);
	told = tell(m, &cqe);
	m->told++;
	tag = le16_to_cpu(cqe.tag);
	done = tag % 4096 < DEPTH ? fake_done_count(m->rq[tag % 4096]) : 0;
	KUNIT_ASSERT_EQ(test, bm_queue_reap(m->q, m->q->cq.entries), told);
	if (!told)
		return;

	verdict = judge(m, tag, le32_to_cpu(cqe.status), le64_to_cpu(cqe.info),
			le16_to_cpu(cqe.sq_head));
	if (verdict == BM_ERRORS) {
		m->accepted++;
		m->busy[tag % 4096] = false;
		KUNIT_ASSERT_EQ(test, fake_done_count(m->rq[tag % 4096]), done + 1);
		KUNIT_ASSERT_EQ(test, m->rq[tag % 4096]->info, le64_to_cpu(cqe.info));
	} else {
		m->refused[verdict]++;
		KUNIT_ASSERT_EQ(test, fake_errors(m->fake, verdict), m->refused[verdict]);
	}
	KUNIT_ASSERT_EQ(test, m->q->stats.completions, m->accepted);
}

/* A reset ends what is left, and each request was ended once. */
static void end_round(struct kunit *test, struct model *m, unsigned int round)
{
	int i;

	bm_alarm_reset(&m->fake->bm, "a test wants it");
	KUNIT_ASSERT_TRUE(test, fake_reset_requested(m->fake));
	for (i = 0; i < DEPTH; i++) {
		KUNIT_ASSERT_EQ(test, fake_done_count(m->rq[i]), round);
		bm_request_put(m->rq[i]);
	}
	for (i = 0; i <= BM_ERR_INFO; i++)
		KUNIT_ASSERT_EQ(test, fake_errors(m->fake, i), m->refused[i]);
}

static struct model *model_create(struct kunit *test, u32 seed)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->fake = fake_start(test, 1, DEPTH);
	m->q = &m->fake->bm.queues[0];
	prandom_seed_state(&m->rnd, seed);
	return m;
}

static void mutated_completions_are_judged_as_by_the_model(struct kunit *test)
{
	u32 seed = mutate_seed ?: get_random_u32();
	struct model *m = model_create(test, seed);
	unsigned int round, i;
	u64 refused = 0;

	kunit_info(test, "mutate_seed=%u\n", seed);
	for (round = 1; m->told < mutations; round++) {
		submit_all(m);
		for (i = 0; i < DEPTH; i++)
			tell_and_compare(test, m);
		end_round(test, m, round);
	}
	for (i = 0; i <= BM_ERR_INFO; i++) {
		KUNIT_EXPECT_GT(test, m->refused[i], 0);
		refused += m->refused[i];
	}
	KUNIT_EXPECT_EQ(test, m->q->stats.bad_completions, refused);
	kunit_info(test, "%u told, %llu accepted, %llu refused\n", m->told, m->accepted, refused);
}

/**
 * struct changer - a device that changes completions that it has written
 * @m: whose
 * @tags: the true ones
 * @phase: of entries that are new
 * @task: it
 */
struct changer {
	struct model *m;
	__le16 tags[DEPTH];
	u32 phase;
	struct task_struct *task;
};

/*
 * Where the driver looks next, each word is true or not, in any mixture; but a status
 * that is not true has the old phase.
 */
static int change(void *data)
{
	struct changer *changer = data;
	struct bm_cq *cq = &changer->m->q->cq;
	u32 new = changer->phase, old = new ^ BM_CQE_PHASE;
	unsigned int n;

	for (n = 0; !kthread_should_stop(); n++) {
		unsigned int i = READ_ONCE(cq->head) % DEPTH;
		struct bm_hw_cqe *cqe = &cq->ring[i];

		WRITE_ONCE(cqe->info, cpu_to_le64(n & 1 ? U64_MAX : 0));
		WRITE_ONCE(cqe->tag, n & 2 ? cpu_to_le16(BM_TAG_NONE) : changer->tags[i]);
		WRITE_ONCE(cqe->status, cpu_to_le32(n & 4 ? old | UNSEEN : new));
		if (!(n % 4096))
			cond_resched();
	}
	return 0;
}

static void changer_stop(void *data)
{
	struct changer *changer = data;

	if (changer->task)
		kthread_stop(changer->task);
	changer->task = NULL;
}

/* All that is taken while it changes is true as a whole, or is refused. */
static void race(struct kunit *test, struct changer *changer)
{
	struct model *m = changer->m;
	unsigned int taken = 0;
	int i;

	submit_all(m);
	for (i = 0; i < DEPTH; i++)
		changer->tags[i] = m->rq[m->order[i]]->sqe.tag;
	for (i = 0; i < DEPTH; i++)
		m->q->cq.ring[i].sq_head = cpu_to_le16(DEPTH);
	changer->phase = m->fake->queue[0].phase;
	changer->task = kthread_run(change, changer, "bm-kunit-changer");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, changer->task);
	while (taken < DEPTH) {
		taken += bm_queue_reap(m->q, 1);
		cond_resched();
	}
	changer_stop(changer);

	for (i = 0; i < DEPTH; i++) {
		struct bm_request *rq = m->rq[i];

		if (rq->state == BM_RQ_IN_FLIGHT)
			continue;
		m->accepted++;
		KUNIT_EXPECT_EQ(test, rq->status, BM_ST_SUCCESS);
		KUNIT_EXPECT_TRUE(test, info_fits(rq->sqe.opcode, rq->status, rq->info));
	}
	KUNIT_EXPECT_EQ(test, m->q->stats.completions, m->accepted);
}

static void what_is_used_is_what_was_checked(struct kunit *test)
{
	struct changer *changer = kunit_kzalloc(test, sizeof(*changer), GFP_KERNEL);
	unsigned int round, i;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	KUNIT_ASSERT_NOT_NULL(test, changer);
	changer->m = model_create(test, 20250104);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, changer_stop, changer));
	for (round = 1; round <= RACES; round++) {
		race(test, changer);
		bm_alarm_reset(&changer->m->fake->bm, "a test wants it");
		KUNIT_ASSERT_TRUE(test, fake_reset_requested(changer->m->fake));
		for (i = 0; i < DEPTH; i++) {
			KUNIT_ASSERT_EQ(test, fake_done_count(changer->m->rq[i]), round);
			bm_request_put(changer->m->rq[i]);
		}
	}
	KUNIT_EXPECT_EQ(test, fake_errors(changer->m->fake, BM_ERR_STATUS), 0);
	KUNIT_EXPECT_GT(test, changer->m->accepted, 0);
	KUNIT_EXPECT_GT(test, changer->m->q->stats.bad_completions, 0);
	kunit_info(test, "%llu accepted, %llu refused\n", changer->m->accepted,
		   changer->m->q->stats.bad_completions);
}

static struct kunit_case mutate_cases[] = {
	KUNIT_CASE_SLOW(mutated_completions_are_judged_as_by_the_model),
	KUNIT_CASE_SLOW(what_is_used_is_what_was_checked),
	{}
};

static struct kunit_suite mutate_suite = {
	.name = "busmaster-mutate",
	.test_cases = mutate_cases,
};

kunit_test_suite(mutate_suite);
