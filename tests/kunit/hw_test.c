// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: identification, bounded waits, queue registers and doorbells.
 */
#include <linux/bitops.h>
#include <linux/ktime.h>

#include "fake.h"

#define ANY_MINOR 0x1234
#define WAIT_MS_MAX 20000 /* what "bounded" means on a slow and busy machine */

static void identify_takes_what_the_device_states(struct kunit *test)
{
	struct fake *fake = fake_create(test, 0, 0);
	struct bm_caps *caps = &fake->bm.caps;

	KUNIT_ASSERT_EQ(test, bm_hw_identify(&fake->bm), 0);
	KUNIT_EXPECT_EQ(test, caps->major, BM_VERSION_MAJOR);
	KUNIT_EXPECT_EQ(test, caps->minor, BM_VERSION_MINOR);
	KUNIT_EXPECT_EQ(test, caps->queues, FAKE_QUEUES);
	KUNIT_EXPECT_EQ(test, caps->max_order, 12);
	KUNIT_EXPECT_EQ(test, caps->dma_bits, 64);
	KUNIT_EXPECT_EQ(test, caps->max_xfer, SZ_1G);
	KUNIT_EXPECT_EQ(test, caps->sgl_max, 4096);
	KUNIT_EXPECT_EQ(test, caps->ops, 0x3f);
	KUNIT_EXPECT_EQ(test, caps->features, 0);
	KUNIT_EXPECT_EQ(test, caps->mem_size, FAKE_MEM_SIZE);
}

struct identify_param {
	const char *name;
	u32 reg;
	u64 mask;
	u64 value;
	int error;
};

static const struct identify_param identify_params[] = {
	{ "magic of zeros", BM_REG_ID, BM_ID_MAGIC, 0, -ENODEV },
	{ "magic of ones", BM_REG_ID, BM_ID_MAGIC, 0xffffffff, -ENODEV },
	{ "magic with one wrong bit", BM_REG_ID, BM_ID_MAGIC, BM_MAGIC ^ 0x80000000, -ENODEV },
	{ "ID of ones", BM_REG_ID, U64_MAX, U64_MAX, -ENODEV },
	{ "major version 0", BM_REG_ID, BM_ID_MAJOR, 0, -ENODEV },
	{ "major version 2", BM_REG_ID, BM_ID_MAJOR, 2, -ENODEV },
	{ "any minor version", BM_REG_ID, BM_ID_MINOR, ANY_MINOR, 0 },
	{ "0 queues", BM_REG_CAP, BM_CAP_QUEUES, 0, -EINVAL },
	{ "1 queue", BM_REG_CAP, BM_CAP_QUEUES, 1, 0 },
	{ "64 queues", BM_REG_CAP, BM_CAP_QUEUES, 64, 0 },
	{ "65 queues", BM_REG_CAP, BM_CAP_QUEUES, 65, -EINVAL },
	{ "255 queues", BM_REG_CAP, BM_CAP_QUEUES, 255, -EINVAL },
	{ "ring order 0", BM_REG_CAP, BM_CAP_MAX_ORDER, 0, -EINVAL },
	{ "ring order 1", BM_REG_CAP, BM_CAP_MAX_ORDER, 1, 0 },
	{ "ring order 15", BM_REG_CAP, BM_CAP_MAX_ORDER, 15, 0 },
	{ "ring order 16", BM_REG_CAP, BM_CAP_MAX_ORDER, 16, -EINVAL },
	{ "31 DMA bits", BM_REG_CAP, BM_CAP_DMA_BITS, 31, -EINVAL },
	{ "32 DMA bits", BM_REG_CAP, BM_CAP_DMA_BITS, 32, 0 },
	{ "65 DMA bits", BM_REG_CAP, BM_CAP_DMA_BITS, 65, -EINVAL },
	{ "transfers below a page", BM_REG_CAP, BM_CAP_XFER_ORDER, PAGE_SHIFT - 1, -EINVAL },
	{ "transfers of a page", BM_REG_CAP, BM_CAP_XFER_ORDER, PAGE_SHIFT, 0 },
	{ "transfers of 2 GiB", BM_REG_CAP, BM_CAP_XFER_ORDER, 31, 0 },
	{ "transfers of 4 GiB", BM_REG_CAP, BM_CAP_XFER_ORDER, 32, -EINVAL },
	{ "no lists", BM_REG_CAP, BM_CAP_SGL_MAX, 0, -EINVAL },
	{ "lists too short", BM_REG_CAP, BM_CAP_SGL_MAX, BM_CMD_PAGES - 1, -EINVAL },
	{ "lists as long as can be", BM_REG_CAP, BM_CAP_SGL_MAX, U16_MAX, 0 },
	{ "no operations", BM_REG_CAP2, BM_CAP2_OPS, 0, -EINVAL },
	{ "all operations but copy", BM_REG_CAP2, BM_CAP2_OPS, ~BIT_ULL(BM_OP_COPY), -EINVAL },
	{ "copy alone", BM_REG_CAP2, BM_CAP2_OPS, BIT_ULL(BM_OP_COPY), 0 },
	{ "unknown features", BM_REG_CAP2, BM_CAP2_FEATURES, 0x80000000, 0 },
	{ "no memory", BM_REG_MEM_SIZE, U64_MAX, 0, -EINVAL },
	{ "memory below its BAR", BM_REG_MEM_SIZE, U64_MAX, FAKE_MEM_SIZE / 2, 0 },
	{ "memory above its BAR", BM_REG_MEM_SIZE, U64_MAX, FAKE_MEM_SIZE + 1, -EINVAL },
	{ "memory of ones", BM_REG_MEM_SIZE, U64_MAX, U64_MAX, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(identify, identify_params, name);

static void identify_judges(struct kunit *test)
{
	const struct identify_param *param = test->param_value;
	struct fake *fake = fake_create(test, 0, 0);
	u64 field = (param->value << __ffs64(param->mask)) & param->mask;

	fake->bm.regs_len = BM_QUEUE_PAGE(BM_MAX_QUEUES);
	fake_poke64(fake, param->reg, (fake_peek64(fake, param->reg) & ~param->mask) | field);
	KUNIT_EXPECT_EQ(test, bm_hw_identify(&fake->bm), param->error);
}

static void identify_wants_a_page_a_queue(struct kunit *test)
{
	struct fake *fake = fake_create(test, 0, 0);

	fake->bm.regs_len = BM_QUEUE_PAGE(FAKE_QUEUES);
	KUNIT_EXPECT_EQ(test, bm_hw_identify(&fake->bm), 0);
	fake->bm.regs_len--;
	KUNIT_EXPECT_EQ(test, bm_hw_identify(&fake->bm), -EINVAL);
}

/* What a reset does to the registers, seen from the driver's wait for its end. */
static void reset_ends(struct fake *fake)
{
	fake_poke32(fake, BM_REG_CTRL, 0);
}

static void reset_kills(struct fake *fake)
{
	memset(fake->ram, 0xff, BM_PAGE_SIZE);
}

static void reset_closes_the_bar(struct fake *fake)
{
	memset(fake->ram, 0, BM_PAGE_SIZE);
}

struct reset_param {
	const char *name;
	void (*on_reset)(struct fake *fake);
	int error;
};

static const struct reset_param reset_params[] = {
	{ "ends", reset_ends, 0 },
	{ "leaves all ones", reset_kills, -ENODEV },
	{ "leaves zeros", reset_closes_the_bar, -ENODEV },
};

KUNIT_ARRAY_PARAM_DESC(reset, reset_params, name);

static void reset_that(struct kunit *test)
{
	const struct reset_param *param = test->param_value;
	struct fake *fake = fake_create(test, 0, 0);

	fake_expect_reset(fake, param->on_reset);
	KUNIT_EXPECT_EQ(test, bm_hw_reset(&fake->bm), param->error);
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&fake->agent));
}

static void reset_that_never_ends_is_given_up(struct kunit *test)
{
	struct fake *fake = fake_create(test, 0, 0);
	ktime_t start = ktime_get();
	s64 took;

	KUNIT_EXPECT_EQ(test, bm_hw_reset(&fake->bm), -ETIMEDOUT);
	took = ktime_ms_delta(ktime_get(), start);
	KUNIT_EXPECT_GE(test, took, 100);
	KUNIT_EXPECT_LT(test, took, WAIT_MS_MAX);
}

struct enable_param {
	const char *name;
	u32 reg;
	u64 value;
	int error;
};

static const struct enable_param enable_params[] = {
	{ "ready", BM_REG_STATUS, BM_STATUS_READY, 0 },
	{ "never ready", BM_REG_STATUS, 0, -ETIMEDOUT },
	{ "status of ones, and a device", BM_REG_STATUS, U64_MAX, 0 },
	{ "magic of ones", BM_REG_ID, U64_MAX, -ENODEV },
	{ "magic of zeros", BM_REG_ID, 0, -ENODEV },
};

KUNIT_ARRAY_PARAM_DESC(enable, enable_params, name);

static void enable_of_a_device(struct kunit *test)
{
	const struct enable_param *param = test->param_value;
	struct fake *fake = fake_create(test, 0, 0);

	fake_poke64(fake, param->reg, param->value);
	KUNIT_EXPECT_EQ(test, bm_hw_enable(&fake->bm), param->error);
	KUNIT_EXPECT_EQ(test, fake_peek32(fake, BM_REG_CTRL), BM_CTRL_ENABLE);
}

static const struct enable_param queue_enable_params[] = {
	{ "running", BM_QREG_STATE, BM_QSTATE_RUNNING, 0 },
	{ "running, with reserved bits", BM_QREG_STATE, 0x70000000 | BM_QSTATE_RUNNING, 0 },
	{ "halted", BM_QREG_STATE, BM_HALT_BAD_GEOMETRY << 8 | BM_QSTATE_HALTED, -ETIMEDOUT },
	{ "state of ones, and a device", BM_QREG_STATE, U64_MAX, -ETIMEDOUT },
};

KUNIT_ARRAY_PARAM_DESC(queue_enable, queue_enable_params, name);

static void enable_of_a_queue(struct kunit *test)
{
	const struct enable_param *param = test->param_value;
	struct fake *fake = fake_create(test, 2, 1);

	fake_poke64(fake, BM_QUEUE_PAGE(1) + param->reg, param->value);
	KUNIT_EXPECT_EQ(test, bm_hw_queue_enable(&fake->bm.queues[1]), param->error);
}

static void enable_tells_each_queue_its_rings(struct kunit *test)
{
	struct fake *fake = fake_create(test, FAKE_QUEUES, 100);
	int i;

	for (i = 0; i < FAKE_QUEUES; i++) {
		struct bm_queue *q = &fake->bm.queues[i];
		u32 page = BM_QUEUE_PAGE(i);

		fake_queue_reset(q);
		KUNIT_ASSERT_EQ(test, bm_hw_queue_enable(q), 0);
		KUNIT_EXPECT_EQ(test, fake_peek64(fake, page + BM_QREG_SQ_BASE), q->sq.dma);
		KUNIT_EXPECT_EQ(test, fake_peek64(fake, page + BM_QREG_CQ_BASE), q->cq.dma);
		KUNIT_EXPECT_NE(test, q->sq.dma, q->cq.dma);
		KUNIT_EXPECT_EQ(test, fake_peek32(fake, page + BM_QREG_ORDER), 7);
		KUNIT_EXPECT_EQ(test, fake_peek32(fake, page + BM_QREG_CTL), BM_QCTL_ENABLE);
	}
}

static void ring_doorbells(struct bm_queue *q, u32 tail, u32 head, bool arm)
{
	spin_lock_irq(&q->lock);
	q->sq.tail = tail;
	q->cq.head = head;
	bm_hw_ring_sq(q);
	bm_hw_ring_cq(q, arm);
	spin_unlock_irq(&q->lock);
}

static void doorbells_hold_tail_and_head(struct kunit *test)
{
	struct fake *fake = fake_create(test, 3, 127);
	struct bm_queue *q = &fake->bm.queues[1];

	ring_doorbells(q, 5, 3, false);
	KUNIT_EXPECT_EQ(test, fake_doorbell(q, BM_QREG_SQ_TAIL), 5);
	KUNIT_EXPECT_EQ(test, fake_doorbell(q, BM_QREG_CQ_HEAD), 3);
	ring_doorbells(q, 0, 127, true);
	KUNIT_EXPECT_EQ(test, fake_doorbell(q, BM_QREG_SQ_TAIL), 0);
	KUNIT_EXPECT_EQ(test, fake_doorbell(q, BM_QREG_CQ_HEAD), BM_CQ_HEAD_ARM | 127);
}

static void doorbells_of_other_queues_stay(struct kunit *test)
{
	struct fake *fake = fake_create(test, 3, 127);
	int i;

	ring_doorbells(&fake->bm.queues[1], 5, 3, true);
	for (i = 0; i < 3; i += 2) {
		KUNIT_EXPECT_EQ(test, fake_doorbell(&fake->bm.queues[i], BM_QREG_SQ_TAIL), 0);
		KUNIT_EXPECT_EQ(test, fake_doorbell(&fake->bm.queues[i], BM_QREG_CQ_HEAD), 0);
	}
}

static void registers_read_as_they_are(struct kunit *test)
{
	struct fake *fake = fake_create(test, 2, 1);
	u64 halted = 0x8000000000000001ull, bytes = 0x123456789abcdef0ull, val;
	struct bm_report report;

	fake_poke64(fake, BM_REG_HALTED, halted);
	fake_poke64(fake, BM_REG_MWR_BYTES, bytes);
	fake_poke32(fake, BM_REG_STATUS, BM_STATUS_FATAL);
	fake_poke32(fake, BM_QUEUE_PAGE(1) + BM_QREG_STATE,
		    BM_HALT_SQ_FAULT << 8 | BM_QSTATE_HALTED);
	fake_poke64(fake, BM_REG_FAULT_INFO, BM_FAULT_VALID);
	fake_poke64(fake, BM_REG_FAULT_ADDR, bytes);
	KUNIT_ASSERT_EQ(test, bm_hw_report(&fake->bm, &report), 0);
	KUNIT_EXPECT_EQ(test, report.halted, halted);
	KUNIT_EXPECT_EQ(test, report.status, BM_STATUS_FATAL);
	KUNIT_EXPECT_EQ(test, report.fault_info, BM_FAULT_VALID);
	KUNIT_EXPECT_EQ(test, report.fault_addr, bytes);
	KUNIT_EXPECT_EQ(test, bm_hw_counter(&fake->bm, BM_REG_MWR_BYTES, &val), 0);
	KUNIT_EXPECT_EQ(test, val, bytes);
	KUNIT_EXPECT_EQ(test, bm_hw_halt_cause(&fake->bm.queues[1]), BM_HALT_SQ_FAULT);
}

static int read_reset(struct fake *fake)
{
	fake_expect_reset(fake, reset_ends);
	return bm_hw_reset(&fake->bm);
}

static int read_enable(struct fake *fake)
{
	return bm_hw_enable(&fake->bm);
}

static int read_queue_enable(struct fake *fake)
{
	fake_queue_reset(&fake->bm.queues[0]);
	return bm_hw_queue_enable(&fake->bm.queues[0]);
}

static int read_report(struct fake *fake)
{
	struct bm_report report;
	int err = bm_hw_report(&fake->bm, &report);

	if (!err && (report.status != BM_STATUS_READY || report.halted || report.fault_info ||
		     report.fault_addr))
		return -EBADE;
	return err;
}

static int read_counter(struct fake *fake)
{
	u64 val;

	return bm_hw_counter(&fake->bm, BM_REG_MRD_TLPS, &val) ?: val ? -EBADE : 0;
}

static int read_clock(struct fake *fake)
{
	u64 ns;

	return bm_hw_clock(&fake->bm, &ns) ?: ns != FAKE_CLOCK ? -EBADE : 0;
}

static int read_halt_cause(struct fake *fake)
{
	fake_queue_reset(&fake->bm.queues[0]);
	return bm_hw_halt_cause(&fake->bm.queues[0]);
}

struct read_param {
	const char *name;
	int (*read)(struct fake *fake);
	bool zeros; /* are no value that it may have */
};

static const struct read_param read_params[] = {
	{ "reset", read_reset, true },
	{ "enable", read_enable, true },
	{ "queue enable", read_queue_enable, true },
	{ "report", read_report, true },
	{ "counter", read_counter, false },
	{ "clock", read_clock, true },
	{ "halt cause", read_halt_cause, false },
};

KUNIT_ARRAY_PARAM_DESC(read, read_params, name);

/* Whichever it is, that of the ID among them. */
static void read_that_is_lost_costs_nothing(struct kunit *test)
{
	const struct read_param *param = test->param_value;
	struct fake *fake = fake_create(test, 1, 1);
	unsigned int first;

	for (first = 0; first < 8; first++) {
		fake_bus = (struct fake_bus){ .first = first, .lost = 1 };
		KUNIT_EXPECT_EQ(test, param->read(fake), 0);
	}
}

static void device_that_reads_as_ones_is_gone(struct kunit *test)
{
	const struct read_param *param = test->param_value;
	struct fake *fake = fake_create(test, 1, 1);

	fake_bus = (struct fake_bus){ .lost = UINT_MAX };
	KUNIT_EXPECT_EQ(test, param->read(fake), -ENODEV);
}

static void device_that_reads_as_zeros_is_gone(struct kunit *test)
{
	const struct read_param *param = test->param_value;
	struct fake *fake = fake_create(test, 1, 1);

	memset(fake->ram, 0, fake->bm.regs_len);
	KUNIT_EXPECT_EQ(test, param->read(fake), param->zeros ? -ENODEV : 0);
}

static struct kunit_case hw_cases[] = {
	KUNIT_CASE(identify_takes_what_the_device_states),
	KUNIT_CASE_PARAM(identify_judges, identify_gen_params),
	KUNIT_CASE(identify_wants_a_page_a_queue),
	KUNIT_CASE_PARAM(reset_that, reset_gen_params),
	KUNIT_CASE(reset_that_never_ends_is_given_up),
	KUNIT_CASE_PARAM(enable_of_a_device, enable_gen_params),
	KUNIT_CASE_PARAM(enable_of_a_queue, queue_enable_gen_params),
	KUNIT_CASE(enable_tells_each_queue_its_rings),
	KUNIT_CASE(doorbells_hold_tail_and_head),
	KUNIT_CASE(doorbells_of_other_queues_stay),
	KUNIT_CASE(registers_read_as_they_are),
	KUNIT_CASE_PARAM(read_that_is_lost_costs_nothing, read_gen_params),
	KUNIT_CASE_PARAM(device_that_reads_as_ones_is_gone, read_gen_params),
	KUNIT_CASE_PARAM(device_that_reads_as_zeros_is_gone, read_gen_params),
	{}
};

static struct kunit_suite hw_suite = {
	.name = "busmaster-hw",
	.test_cases = hw_cases,
};

kunit_test_suite(hw_suite);
