// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: the text that makes a device misbehave, and what it becomes.
 */
#include <linux/bitfield.h>

#include "fake.h"

struct text_param {
	const char *name;
	int error;
	u32 count;
	u32 queue;
	u64 arg;
};

/* Of a device with FAKE_QUEUES queues. */
static const struct text_param text_params[] = {
	{ "1", 0, 1, BM_INJECT_ALL_QUEUES, 0 },
	{ "0", 0, 0, BM_INJECT_ALL_QUEUES, 0 },
	{ "12\n", 0, 12, BM_INJECT_ALL_QUEUES, 0 },
	{ " 12\n", 0, 12, BM_INJECT_ALL_QUEUES, 0 },
	{ "always", 0, BM_INJECT_ALWAYS, BM_INJECT_ALL_QUEUES, 0 },
	{ "4294967294", 0, 4294967294, BM_INJECT_ALL_QUEUES, 0 },
	{ "0x10:3", 0, 16, 3, 0 },
	{ "1:all", 0, 1, BM_INJECT_ALL_QUEUES, 0 },
	{ "always:0:0xffffffffffffffff\n", 0, BM_INJECT_ALWAYS, 0, U64_MAX },
	{ "1:all:100", 0, 1, BM_INJECT_ALL_QUEUES, 100 },
	{ "", -EINVAL },
	{ ":", -EINVAL },
	{ "all", -EINVAL },
	{ "-1", -EINVAL },
	{ "4294967295", -EINVAL },
	{ "4294967296", -EINVAL },
	{ "1:", -EINVAL },
	{ "1:4", -EINVAL },
	{ "1:255", -EINVAL },
	{ "1:always", -EINVAL },
	{ "1:0:", -EINVAL },
	{ "1:0:all", -EINVAL },
	{ "1:0:0x10000000000000000", -EINVAL },
	{ "1:0:1:1", -EINVAL },
	{ "1 2", -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(text, text_params, name);

static void text_becomes_an_injection(struct kunit *test)
{
	const struct text_param *param = test->param_value;
	struct bm_injection injection = { .mode = BM_INJECT_HANG };
	struct fake *fake = fake_create(test, 0, 0);
	char text[64];

	fake->bm.caps.queues = FAKE_QUEUES;
	strscpy(text, param->name);
	KUNIT_ASSERT_EQ(test, bm_inject_parse(&fake->bm, text, &injection), param->error);
	KUNIT_EXPECT_EQ(test, injection.mode, BM_INJECT_HANG);
	if (param->error)
		return;
	KUNIT_EXPECT_EQ(test, injection.count, param->count);
	KUNIT_EXPECT_EQ(test, injection.queue, param->queue);
	KUNIT_EXPECT_EQ(test, injection.arg, param->arg);
}

static void injection_is_written_to_the_window(struct kunit *test)
{
	struct bm_injection injection = { BM_INJECT_TAG_STALE, 7, 3, 0x123456789abcdef0ull };
	struct fake *fake = fake_create(test, 0, 0);

	bm_hw_inject(&fake->bm, &injection);
	KUNIT_EXPECT_EQ(test, fake_peek64(fake, BM_REG_INJECT_ARG), injection.arg);
	KUNIT_EXPECT_EQ(test, fake_peek32(fake, BM_REG_INJECT_COUNT), 7);
	KUNIT_EXPECT_EQ(test, fake_peek32(fake, BM_REG_INJECT_ARM), BM_INJECT_TAG_STALE | 3 << 8);
}

static void state_is_that_of_the_mode(struct kunit *test)
{
	struct fake *fake = fake_create(test, 0, 0);

	fake_poke64(fake, 0xa00 + 8 * BM_INJECT_HALT, 0x0000000200000005ull);
	KUNIT_EXPECT_EQ(test, bm_hw_inject_state(&fake->bm, BM_INJECT_HALT), 0x0000000200000005ull);
	KUNIT_EXPECT_EQ(test, bm_hw_inject_state(&fake->bm, BM_INJECT_FATAL), 0);
}

/* Without the feature there is no window; and of a mode that we do not know, no file. */
static void modes_are_those_that_have_a_name(struct kunit *test)
{
	struct fake *fake = fake_create(test, 0, 0);

	fake_poke64(fake, BM_REG_INJECT_MODES, U64_MAX);
	KUNIT_EXPECT_EQ(test, bm_hw_inject_modes(&fake->bm), 0);
	fake->bm.caps.features = BM_FEAT_FAULTS;
	KUNIT_EXPECT_EQ(test, bm_hw_inject_modes(&fake->bm), BIT_ULL(BM_INJECT_END) - 2);
	fake_poke64(fake, BM_REG_INJECT_MODES, BIT_ULL(BM_INJECT_CQE_DROP) | 1);
	KUNIT_EXPECT_EQ(test, bm_hw_inject_modes(&fake->bm), BIT_ULL(BM_INJECT_CQE_DROP));
}

static struct kunit_case inject_cases[] = {
	KUNIT_CASE_PARAM(text_becomes_an_injection, text_gen_params),
	KUNIT_CASE(injection_is_written_to_the_window),
	KUNIT_CASE(state_is_that_of_the_mode),
	KUNIT_CASE(modes_are_those_that_have_a_name),
	{}
};

static struct kunit_suite inject_suite = {
	.name = "busmaster-inject",
	.test_cases = inject_cases,
};

kunit_test_suite(inject_suite);
