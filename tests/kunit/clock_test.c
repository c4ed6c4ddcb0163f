// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: the device's clock and the kernel's, side by side.
 */
#include "fake.h"

#define SAMPLES 8 /* that clock.c takes */

/* Before and after each look at the device's clock; that of the least distance is the sixth. */
static const u64 times[2 * SAMPLES] = {
	1000, 1900, 2000, 2500, 3000, 3500, 4000, 4101,
	5000, 5600, 6000, 6031, 7000, 7032, 8000, 9000,
};

static struct fake *clock_create(struct kunit *test)
{
	const struct fake_shape shape = { .queues = 1, .depth = 1, .features = BM_FEAT_CLOCK };
	struct fake *fake = fake_create_as(test, &shape);

	fake_time = (struct fake_time){ .times = times };
	fake_bus = (struct fake_bus){};
	return fake;
}

static void clock_is_that_of_the_least_distance(struct kunit *test)
{
	struct fake *fake = clock_create(test);
	struct bm_clock c;

	KUNIT_ASSERT_EQ(test, bm_clock_sample(&fake->bm, &c), 0);
	KUNIT_EXPECT_EQ(test, c.device, FAKE_CLOCK);
	KUNIT_EXPECT_EQ(test, c.before, 6000);
	KUNIT_EXPECT_EQ(test, c.after, 6031);
	KUNIT_EXPECT_EQ(test, fake_time.looks, 2 * SAMPLES);
	KUNIT_EXPECT_EQ(test, fake_bus.reads, SAMPLES);
}

struct offset_param {
	const char *name;
	struct bm_clock clock;
	s64 offset;
	u64 bound;
};

static const struct offset_param offset_params[] = {
	{ "the same", { 6000, 6000, 6000 }, 0, 0 },
	{ "device ahead", { 9000, 6000, 6030 }, 2985, 15 },
	{ "device behind", { 1000, 6000, 6030 }, -5015, 15 },
	{ "distance that has no middle", { 6000, 6000, 6031 }, -15, 16 },
	{ "times of which twice is too much", { U64_MAX, U64_MAX - 9, U64_MAX - 1 }, 5, 4 },
};

KUNIT_ARRAY_PARAM_DESC(offset, offset_params, name);

/* Whenever it was, between the two looks, that the device said so: the offset is that near. */
static void offset_is_within_its_bound(struct kunit *test)
{
	const struct offset_param *param = test->param_value;
	const struct bm_clock *c = &param->clock;
	s64 bound = bm_clock_bound(c);

	KUNIT_EXPECT_EQ(test, bm_clock_offset(c), param->offset);
	KUNIT_EXPECT_EQ(test, bm_clock_bound(c), param->bound);
	KUNIT_EXPECT_LE(test, abs((s64)(c->device - c->before) - bm_clock_offset(c)), bound);
	KUNIT_EXPECT_LE(test, abs((s64)(c->device - c->after) - bm_clock_offset(c)), bound);
}

static void without_the_feature_nothing_is_read(struct kunit *test)
{
	struct fake *fake = clock_create(test);
	struct bm_clock c;

	fake->bm.caps.features = ~BM_FEAT_CLOCK;
	KUNIT_EXPECT_EQ(test, bm_clock_sample(&fake->bm, &c), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, fake_bus.reads, 0);
}

static void clock_of_a_device_that_is_gone(struct kunit *test)
{
	struct fake *fake = clock_create(test);
	struct bm_clock c;

	fake_bus.lost = UINT_MAX;
	KUNIT_EXPECT_EQ(test, bm_clock_sample(&fake->bm, &c), -ENODEV);
}

/* Its channel is frozen: nobody asks it. */
static void clock_of_a_device_off_the_bus(struct kunit *test)
{
	struct fake *fake = clock_create(test);
	struct bm_clock c;

	fake->pdev.error_state = pci_channel_io_frozen;
	KUNIT_EXPECT_EQ(test, bm_clock_sample(&fake->bm, &c), -ENODEV);
	KUNIT_EXPECT_EQ(test, fake_bus.reads, 0);
	fake->pdev.error_state = pci_channel_io_normal;
}

static struct kunit_case clock_cases[] = {
	KUNIT_CASE(clock_is_that_of_the_least_distance),
	KUNIT_CASE_PARAM(offset_is_within_its_bound, offset_gen_params),
	KUNIT_CASE(without_the_feature_nothing_is_read),
	KUNIT_CASE(clock_of_a_device_that_is_gone),
	KUNIT_CASE(clock_of_a_device_off_the_bus),
	{}
};

static struct kunit_suite clock_suite = {
	.name = "busmaster-clock",
	.test_cases = clock_cases,
};

kunit_test_suite(clock_suite);
