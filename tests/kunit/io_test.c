// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: asynchronous transfers: told once, when all has ended, what was moved.
 */
#include <linux/bvec.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/prandom.h>
#include <linux/uio.h>

#include "fake.h"

#define DEPTH 7
#define POS 0x12340ull
#define ROUNDS 200

/**
 * struct transfer - what a caller asks for, and is told
 * @iocb: the caller's
 * @iter: its memory
 * @data: likewise
 * @length: bytes
 * @ret: what it was told
 * @told: how often
 */
struct transfer {
	struct kiocb iocb;
	struct iov_iter iter;
	void *data;
	size_t length;
	long ret;
	unsigned int told;
};

static void transfer_complete(struct kiocb *iocb, long ret)
{
	struct transfer *t = container_of(iocb, struct transfer, iocb);

	t->ret = ret;
	t->told++;
}

static struct transfer *transfer_create(struct kunit *test, unsigned int direction, size_t length)
{
	struct transfer *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct bio_vec *vec = kunit_kzalloc(test, sizeof(*vec), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	KUNIT_ASSERT_NOT_NULL(test, vec);
	t->data = kunit_kmalloc(test, PAGE_ALIGN(length), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->data);
	t->length = length;
	t->iocb.ki_pos = POS;
	t->iocb.ki_complete = transfer_complete;
	bvec_set_virt(vec, t->data, length);
	iov_iter_bvec(&t->iter, direction, vec, 1, length);
	return t;
}

static ssize_t transfer_start(struct fake *fake, struct transfer *t)
{
	return bm_io_rw(&fake->bm, &t->iocb, &t->iter);
}

static void expect_told(struct kunit *test, struct transfer *t, long ret)
{
	KUNIT_EXPECT_EQ(test, t->told, 1);
	KUNIT_EXPECT_EQ(test, t->ret, ret);
	KUNIT_EXPECT_EQ(test, t->iocb.ki_pos, POS + max(ret, 0l));
}

/* Nothing has been moved, nobody is told but by the return value, and all is as it was. */
static void expect_untold(struct kunit *test, struct fake *fake, struct transfer *t)
{
	KUNIT_EXPECT_EQ(test, t->told, 0);
	KUNIT_EXPECT_EQ(test, t->iocb.ki_pos, POS);
	KUNIT_EXPECT_EQ(test, iov_iter_count(&t->iter), t->length);
	KUNIT_EXPECT_EQ(test, fake_submitted(&fake->bm.queues[0]), 0);
}

static void expect_all_free(struct kunit *test, struct fake *fake)
{
	KUNIT_EXPECT_EQ(test, fake->bm.queues[0].nr_free, fake->bm.queues[0].depth);
}

struct one_param {
	const char *name;
	unsigned int direction;
	size_t length;
};

static const struct one_param one_params[] = {
	{ "read of a byte", ITER_DEST, 1 },
	{ "read of a page", ITER_DEST, PAGE_SIZE },
	{ "read of a whole command", ITER_DEST, BM_CMD_BYTES },
	{ "write of a byte", ITER_SOURCE, 1 },
	{ "write of a page", ITER_SOURCE, PAGE_SIZE },
	{ "write of a whole command", ITER_SOURCE, BM_CMD_BYTES },
};

KUNIT_ARRAY_PARAM_DESC(one, one_params, name);

static void one_command_is_told_when_it_ends(struct kunit *test)
{
	const struct one_param *param = test->param_value;
	struct fake *fake = fake_start(test, 1, DEPTH);
	struct transfer *t = transfer_create(test, param->direction, param->length);
	struct bm_queue *q = &fake->bm.queues[0];
	bool write = param->direction == ITER_SOURCE;
	struct bm_hw_ptr host, local;
	struct bm_hw_sqe sqe;

	bm_ptr_host(&host, virt_to_phys(t->data));
	bm_ptr_local(&local, POS);
	KUNIT_EXPECT_EQ(test, transfer_start(fake, t), -EIOCBQUEUED);
	KUNIT_ASSERT_TRUE(test, fake_fetch(q, &sqe));
	KUNIT_EXPECT_EQ(test, sqe.opcode, BM_OP_COPY);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(sqe.length), t->length);
	KUNIT_EXPECT_MEMEQ(test, (u8 *)&sqe.src, (u8 *)(write ? &host : &local), sizeof(host));
	KUNIT_EXPECT_MEMEQ(test, (u8 *)&sqe.dst, (u8 *)(write ? &local : &host), sizeof(host));
	KUNIT_EXPECT_EQ(test, fake_submitted(q), 0);

	KUNIT_EXPECT_EQ(test, t->told, 0);
	KUNIT_EXPECT_EQ(test, q->nr_free, DEPTH - 1);
	fake_answer(q, le16_to_cpu(sqe.tag), BM_ST_SUCCESS, 0);
	KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 1);
	expect_told(test, t, t->length);
	KUNIT_EXPECT_EQ(test, iov_iter_count(&t->iter), t->length);
	expect_all_free(test, fake);
}

/* A device whose commands are of two pages, and a transfer of three of them. */
#define PART (2 * PAGE_SIZE)
#define LENGTH (5 * PAGE_SIZE)

static struct fake *parts_start(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, DEPTH);

	fake->bm.cmd_pages = PART / PAGE_SIZE;
	return fake;
}

static void long_transfer_is_all_in_flight_at_once(struct kunit *test)
{
	struct fake *fake = parts_start(test);
	struct transfer *t = transfer_create(test, ITER_DEST, LENGTH);
	struct bm_queue *q = &fake->bm.queues[0];
	struct bm_hw_sqe sqe;
	int i;

	KUNIT_EXPECT_EQ(test, transfer_start(fake, t), -EIOCBQUEUED);
	KUNIT_EXPECT_EQ(test, fake_submitted(q), 3);
	KUNIT_EXPECT_EQ(test, q->stats.sq_doorbells, 1);
	KUNIT_EXPECT_EQ(test, q->stats.maps, 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake->users), 0);
	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_TRUE(test, fake_fetch(q, &sqe));
		KUNIT_EXPECT_EQ(test, le64_to_cpu(sqe.src.addr), POS + i * PART);
		KUNIT_EXPECT_EQ(test, le64_to_cpu(sqe.dst.addr),
				virt_to_phys(t->data + i * PART));
		KUNIT_EXPECT_EQ(test, le32_to_cpu(sqe.length), i < 2 ? PART : LENGTH - 2 * PART);
		KUNIT_EXPECT_EQ(test, t->told, 0);
		fake_answer(q, le16_to_cpu(sqe.tag), BM_ST_SUCCESS, 0);
		KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 1);
	}
	expect_told(test, t, LENGTH);
	expect_all_free(test, fake);
}

/* What ends early was to end early. */
static void answer(struct bm_queue *q, u16 tag, enum bm_status status)
{
	if (status == BM_ST_ABORTED)
		fake_answer_aborted(q, tag);
	else
		fake_answer(q, tag, status, 0);
}

struct parts_param {
	const char *name;
	enum bm_status status[3];
	u8 order[3]; /* of the completions */
	long ret;
};

static const struct parts_param parts_params[] = {
	{ "all well", { 0, 0, 0 }, { 0, 1, 2 }, LENGTH },
	{ "all well, backwards", { 0, 0, 0 }, { 2, 1, 0 }, LENGTH },
	{ "first fails", { BM_ST_DMA_WRITE_FAULT, 0, 0 }, { 0, 1, 2 }, -EIO },
	{ "first fails, at last", { BM_ST_DMA_WRITE_FAULT, 0, 0 }, { 2, 1, 0 }, -EIO },
	{ "second fails", { 0, BM_ST_BAD_RANGE, 0 }, { 0, 1, 2 }, PART },
	{ "second fails, first of all", { 0, BM_ST_BAD_RANGE, 0 }, { 1, 2, 0 }, PART },
	{ "third fails", { 0, 0, BM_ST_ABORTED }, { 2, 0, 1 }, 2 * PART },
	{ "all but the first fail", { 0, BM_ST_BAD_RANGE, BM_ST_ABORTED }, { 2, 1, 0 }, PART },
	{ "all fail", { BM_ST_BAD_RANGE, BM_ST_ABORTED, BM_ST_DMA_WRITE_FAULT }, { 0, 1, 2 },
	  -EINVAL },
	{ "all fail, backwards", { BM_ST_BAD_RANGE, BM_ST_ABORTED, BM_ST_DMA_WRITE_FAULT },
	  { 2, 1, 0 }, -EINVAL },
	{ "all fail, criss-cross", { BM_ST_ABORTED, BM_ST_BAD_RANGE, BM_ST_DMA_WRITE_FAULT },
	  { 1, 0, 2 }, -ECANCELED },
};

KUNIT_ARRAY_PARAM_DESC(parts, parts_params, name);

/* Whatever comes first in time, the result is of what comes first in the file. */
static void result_is_of_the_first_failure_in_the_file(struct kunit *test)
{
	const struct parts_param *param = test->param_value;
	struct fake *fake = parts_start(test);
	struct transfer *t = transfer_create(test, ITER_DEST, LENGTH);
	struct bm_queue *q = &fake->bm.queues[0];
	u16 tags[3];
	int i;

	KUNIT_ASSERT_EQ(test, transfer_start(fake, t), -EIOCBQUEUED);
	for (i = 0; i < 3; i++)
		tags[i] = fake_fetch_tag(q);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, t->told, 0);
		answer(q, tags[param->order[i]], param->status[param->order[i]]);
		KUNIT_EXPECT_EQ(test, bm_queue_reap_all(q), 1);
	}
	expect_told(test, t, param->ret);
	expect_all_free(test, fake);
}

static void reset_ends_a_transfer_once(struct kunit *test)
{
	struct fake *fake = parts_start(test);
	struct transfer *none = transfer_create(test, ITER_DEST, LENGTH);
	struct transfer *some = transfer_create(test, ITER_DEST, LENGTH);
	struct bm_queue *q = &fake->bm.queues[0];

	KUNIT_ASSERT_EQ(test, transfer_start(fake, some), -EIOCBQUEUED);
	KUNIT_ASSERT_EQ(test, transfer_start(fake, none), -EIOCBQUEUED);
	fake_answer(q, fake_fetch_tag(q), BM_ST_SUCCESS, 0);
	bm_alarm_reset(&fake->bm, "a test wants it");
	KUNIT_ASSERT_TRUE(test, fake_reset_requested(fake));
	expect_told(test, some, PART);
	expect_told(test, none, -EIO);
	expect_all_free(test, fake);
}

struct nowait_param {
	const char *name;
	size_t length;
	unsigned int lent; /* requests that somebody else has */
	int (*on_map)(struct fake *fake);
	ssize_t ret;
	long told;
};

static int map_fails(struct fake *fake)
{
	return -EIO;
}

static int first_map_works(struct fake *fake)
{
	return fake->maps == 1 ? 0 : -EIO;
}

/* Who does not want to wait gets as much as there is something for. */
static const struct nowait_param nowait_params[] = {
	{ "a command", PART, 0, NULL, -EIOCBQUEUED, PART },
	{ "more than a command", PART + 1, 0, NULL, -EIOCBQUEUED, PART + 1 },
	{ "several commands", LENGTH, 0, NULL, -EIOCBQUEUED, LENGTH },
	{ "several, and just enough requests", LENGTH, DEPTH - 3, NULL, -EIOCBQUEUED, LENGTH },
	{ "several, one request too few", LENGTH, DEPTH - 2, NULL, -EIOCBQUEUED, 2 * PART },
	{ "several, and one request", LENGTH, DEPTH - 1, NULL, -EIOCBQUEUED, PART },
	{ "several, and no request free", LENGTH, DEPTH, NULL, -EAGAIN },
	{ "no request free", PART, DEPTH, NULL, -EAGAIN },
	{ "nothing to map with", PART, 0, map_fails, -EAGAIN },
	{ "several, and nothing to map with", LENGTH, 0, map_fails, -EAGAIN },
	{ "several, of which one can be mapped", LENGTH, 0, first_map_works, -EIOCBQUEUED, PART },
};

KUNIT_ARRAY_PARAM_DESC(nowait, nowait_params, name);

static void without_waiting(struct kunit *test)
{
	const struct nowait_param *param = test->param_value;
	struct fake *fake = parts_start(test);
	struct transfer *t = transfer_create(test, ITER_SOURCE, param->length);
	struct bm_queue *q = &fake->bm.queues[0];
	struct bm_request *lent[DEPTH];
	int i;

	for (i = 0; i < param->lent; i++)
		lent[i] = fake_request(fake);
	fake->on_map = param->on_map;
	t->iocb.ki_flags = IOCB_NOWAIT;
	KUNIT_EXPECT_EQ(test, transfer_start(fake, t), param->ret);
	KUNIT_EXPECT_LE(test, fake->maps, DIV_ROUND_UP(param->length, PART));
	if (param->ret == -EIOCBQUEUED) {
		KUNIT_EXPECT_EQ(test, fake_serve(q), DIV_ROUND_UP(param->told, PART));
		bm_queue_reap_all(q);
		expect_told(test, t, param->told);
	} else {
		expect_untold(test, fake, t);
	}
	for (i = 0; i < param->lent; i++)
		bm_request_put(lent[i]);
	expect_all_free(test, fake);
}

static void dead_device_takes_nothing(struct kunit *test)
{
	struct fake *fake = parts_start(test);
	struct transfer *t = transfer_create(test, ITER_DEST, PART);

	fake_give_up(fake);
	KUNIT_EXPECT_EQ(test, transfer_start(fake, t), -ENODEV);
	expect_untold(test, fake, t);
}

static int map_works_at_last(struct fake *fake)
{
	return fake->maps > 3 ? 0 : -EIO;
}

static void mapping_is_tried_again(struct kunit *test)
{
	struct fake *fake = parts_start(test);
	struct transfer *t = transfer_create(test, ITER_DEST, PART);
	struct bm_queue *q = &fake->bm.queues[0];

	fake->on_map = map_works_at_last;
	KUNIT_EXPECT_EQ(test, transfer_start(fake, t), -EIOCBQUEUED);
	KUNIT_EXPECT_EQ(test, fake->maps, 4);
	KUNIT_EXPECT_EQ(test, fake_serve(q), 1);
	bm_queue_reap_all(q);
	expect_told(test, t, PART);
	expect_all_free(test, fake);
}

static void mapping_is_not_tried_for_ever(struct kunit *test)
{
	struct fake *fake = parts_start(test);
	struct transfer *t = transfer_create(test, ITER_DEST, LENGTH);

	bm_param_timeout_ms = 100;
	fake->on_map = map_fails;
	KUNIT_EXPECT_EQ(test, transfer_start(fake, t), -ENOMEM);
	KUNIT_EXPECT_GT(test, fake->maps, 1);
	expect_untold(test, fake, t);
	expect_all_free(test, fake);
}

/* Memory of a device that this one does not reach. */
static int map_does_not_reach(struct fake *fake)
{
	return -EREMOTEIO;
}

static void memory_that_is_not_reached_is_refused_at_once(struct kunit *test)
{
	struct fake *fake = parts_start(test);
	struct transfer *t = transfer_create(test, ITER_DEST, LENGTH);

	fake->on_map = map_does_not_reach;
	KUNIT_EXPECT_EQ(test, transfer_start(fake, t), -EREMOTEIO);
	KUNIT_EXPECT_EQ(test, fake->maps, 1);
	KUNIT_EXPECT_EQ(test, atomic64_read(&fake->bm.errors[BM_ERR_UNREACHABLE]), 1);
	expect_untold(test, fake, t);
	expect_all_free(test, fake);
}

/* The first part is served meanwhile: a device in whose way nothing is goes on. */
static int map_works_once(struct fake *fake)
{
	if (fake->maps == 1)
		return 0;
	fake_serve(&fake->bm.queues[0]);
	bm_queue_reap_all(&fake->bm.queues[0]);
	return -EIO;
}

static void part_that_cannot_be_mapped_makes_it_short(struct kunit *test)
{
	struct fake *fake = parts_start(test);
	struct transfer *t = transfer_create(test, ITER_DEST, LENGTH);

	bm_param_timeout_ms = 100;
	fake->on_map = map_works_once;
	KUNIT_EXPECT_EQ(test, transfer_start(fake, t), -EIOCBQUEUED);
	expect_told(test, t, PART);
	expect_all_free(test, fake);
}

/* Stopped between two parts: what is in flight fails with the reset, the rest is for later. */
static int map_then_stop(struct fake *fake)
{
	if (fake->maps == 2)
		bm_queue_stop(&fake->bm.queues[0]);
	return 0;
}

static void parts_after_a_stop_wait_for_the_start(struct kunit *test)
{
	struct fake *fake = parts_start(test);
	struct transfer *t = transfer_create(test, ITER_DEST, LENGTH);
	struct bm_queue *q = &fake->bm.queues[0];

	fake->on_map = map_then_stop;
	KUNIT_EXPECT_EQ(test, transfer_start(fake, t), -EIOCBQUEUED);
	KUNIT_EXPECT_EQ(test, fake->maps, 3);
	fake_stop(fake);
	KUNIT_EXPECT_EQ(test, t->told, 0);
	fake_start_again(fake);
	KUNIT_EXPECT_EQ(test, t->told, 0);
	KUNIT_EXPECT_EQ(test, fake_serve(q), 2);
	bm_queue_reap_all(q);
	expect_told(test, t, -EIO);
	expect_all_free(test, fake);
}

/* It dies between two parts: nothing more is submitted. */
static int map_then_die(struct fake *fake)
{
	if (fake->maps == 2)
		WRITE_ONCE(fake->bm.state, BM_DEAD);
	return 0;
}

static void part_that_cannot_be_submitted_ends_it(struct kunit *test)
{
	struct fake *fake = parts_start(test);
	struct transfer *t = transfer_create(test, ITER_DEST, LENGTH);

	fake->on_map = map_then_die;
	KUNIT_EXPECT_EQ(test, transfer_start(fake, t), -EIOCBQUEUED);
	KUNIT_EXPECT_EQ(test, fake->maps, 2);
	KUNIT_EXPECT_EQ(test, t->told, 0);
	fake_serve(&fake->bm.queues[0]);
	bm_queue_reap_all(&fake->bm.queues[0]);
	expect_told(test, t, PART);
	expect_all_free(test, fake);
}

static int map_and_die(struct fake *fake)
{
	WRITE_ONCE(fake->bm.state, BM_DEAD);
	return 0;
}

static void only_command_that_cannot_be_submitted_is_told(struct kunit *test)
{
	struct fake *fake = parts_start(test);
	struct transfer *t = transfer_create(test, ITER_DEST, PART);

	fake->on_map = map_and_die;
	KUNIT_EXPECT_EQ(test, transfer_start(fake, t), -EIOCBQUEUED);
	expect_told(test, t, -ENODEV);
	expect_all_free(test, fake);
}

static void memory_of_a_user_may_end(struct kunit *test)
{
	struct fake *fake = parts_start(test);
	struct transfer *t = transfer_create(test, ITER_SOURCE, PART);
	unsigned long addr = kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
					   MAP_ANONYMOUS | MAP_PRIVATE, 0);
	struct iovec vec[] = { { (void __user *)addr, PAGE_SIZE }, { NULL, PAGE_SIZE } };
	struct bm_queue *q = &fake->bm.queues[0];

	KUNIT_ASSERT_NE(test, addr, 0);
	iov_iter_init(&t->iter, ITER_SOURCE, vec, 2, PART);
	KUNIT_EXPECT_EQ(test, transfer_start(fake, t), -EIOCBQUEUED);
	fake_serve(q);
	bm_queue_reap_all(q);
	expect_told(test, t, PAGE_SIZE);

	t = transfer_create(test, ITER_SOURCE, PAGE_SIZE);
	iov_iter_init(&t->iter, ITER_SOURCE, &vec[1], 1, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, transfer_start(fake, t), -EFAULT);
	expect_untold(test, fake, t);
	expect_all_free(test, fake);
}

/* Answer what is in flight in any order, some of it with an error. */
static void serve_at_random(struct bm_queue *q, struct rnd_state *rnd)
{
	u16 tags[DEPTH];
	unsigned int n;

	for (n = 0; fake_submitted(q); n++)
		tags[n] = fake_fetch_tag(q);
	while (n) {
		unsigned int i = prandom_u32_state(rnd) % n;

		answer(q, tags[i], prandom_u32_state(rnd) % 4 ? BM_ST_SUCCESS : BM_ST_ABORTED);
		tags[i] = tags[--n];
		if (prandom_u32_state(rnd) % 2)
			bm_queue_reap_all(q);
	}
	bm_queue_reap_all(q);
}

static void each_of_many_is_told_once(struct kunit *test)
{
	struct fake *fake = parts_start(test);
	struct rnd_state rnd;
	int round, i;

	prandom_seed_state(&rnd, 20250103);
	for (round = 0; round < ROUNDS; round++) {
		struct transfer *t[3];

		for (i = 0; i < 3; i++) {
			t[i] = transfer_create(test, ITER_DEST,
					       prandom_u32_state(&rnd) % (2 * PART) + 1);
			KUNIT_ASSERT_EQ(test, transfer_start(fake, t[i]), -EIOCBQUEUED);
		}
		serve_at_random(&fake->bm.queues[0], &rnd);
		for (i = 0; i < 3; i++) {
			KUNIT_ASSERT_EQ(test, t[i]->told, 1);
			if (t[i]->ret != -ECANCELED && t[i]->ret != PART)
				KUNIT_ASSERT_EQ(test, t[i]->ret, t[i]->length);
			KUNIT_ASSERT_EQ(test, t[i]->iocb.ki_pos, POS + max(t[i]->ret, 0l));
		}
	}
	expect_all_free(test, fake);
}

static struct kunit_case io_cases[] = {
	KUNIT_CASE_PARAM(one_command_is_told_when_it_ends, one_gen_params),
	KUNIT_CASE(long_transfer_is_all_in_flight_at_once),
	KUNIT_CASE_PARAM(result_is_of_the_first_failure_in_the_file, parts_gen_params),
	KUNIT_CASE(reset_ends_a_transfer_once),
	KUNIT_CASE_PARAM(without_waiting, nowait_gen_params),
	KUNIT_CASE(dead_device_takes_nothing),
	KUNIT_CASE(mapping_is_tried_again),
	KUNIT_CASE(mapping_is_not_tried_for_ever),
	KUNIT_CASE(memory_that_is_not_reached_is_refused_at_once),
	KUNIT_CASE(part_that_cannot_be_mapped_makes_it_short),
	KUNIT_CASE(parts_after_a_stop_wait_for_the_start),
	KUNIT_CASE(part_that_cannot_be_submitted_ends_it),
	KUNIT_CASE(only_command_that_cannot_be_submitted_is_told),
	KUNIT_CASE(memory_of_a_user_may_end),
	KUNIT_CASE(each_of_many_is_told_once),
	{}
};

static struct kunit_suite io_suite = {
	.name = "busmaster-io",
	.test_cases = io_cases,
};

kunit_test_suite(io_suite);
