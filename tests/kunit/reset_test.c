// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: a device is made silent, by whatever it heeds; and one that somebody else
 * has reset has its configuration again.
 */
#include "fake.h"

#define DEPTH 3

static void heed(struct fake *fake)
{
	fake_poke32(fake, BM_REG_CTRL, 0);
}

/* Nobody answers at the registers. */
static void vanish(struct fake *fake)
{
	fake_bus = (struct fake_bus){ .lost = UINT_MAX };
}

/* Somebody does again, and heeds the next reset. */
static void come_back(struct fake *fake)
{
	fake_bus = (struct fake_bus){};
	fake_poke32(fake, BM_REG_CTRL, 0);
	fake_expect_reset(fake, heed);
}

static int reset(struct fake *fake)
{
	int err;

	mutex_lock(&fake->bm.state_lock);
	err = bm_reset(&fake->bm);
	mutex_unlock(&fake->bm.state_lock);
	return err;
}

struct ladder_param {
	const char *name;
	void (*on_reset)(struct fake *fake); /* NULL: it does not heed it */
	void (*on_restore)(struct fake *fake); /* likewise, afterwards */
	bool absent;
	int flr_error;
	int error;
	unsigned int flrs;
};

static const struct ladder_param ladder_params[] = {
	{ "a reset is heeded", heed },
	{ "a function-level reset is", NULL, come_back, .flrs = 1 },
	{ "neither is", NULL, NULL, false, -ENOTTY, -ENOTTY, 1 },
	{ "a function-level reset does not help", NULL, NULL, .error = -ETIMEDOUT, .flrs = 1 },
	{ "registers vanish, and come back", vanish, come_back, .flrs = 1 },
	{ "registers vanish for good", vanish, NULL, .error = -ENODEV, .flrs = 1 },
	{ "nobody is there", vanish, NULL, .absent = true, .error = -ENODEV },
};

KUNIT_ARRAY_PARAM_DESC(ladder, ladder_params, name);

static void silence_by_whatever_is_heeded(struct kunit *test)
{
	const struct ladder_param *param = test->param_value;
	struct fake *fake = fake_create(test, 1, DEPTH);

	if (param->on_reset)
		fake_expect_reset(fake, param->on_reset);
	fake->config.on_restore = param->on_restore;
	fake->config.absent = param->absent;
	fake->flr_error = param->flr_error;
	KUNIT_EXPECT_EQ(test, reset(fake), param->error);
	KUNIT_EXPECT_EQ(test, fake->flrs, param->flrs);
	KUNIT_EXPECT_EQ(test, fake->config.restores, param->flrs && !param->flr_error);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_RESET), param->flrs);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_FOREIGN_RESET), 0);
	KUNIT_EXPECT_EQ(test, fake->bm.losses, 0);
	if (param->flrs)
		KUNIT_EXPECT_FALSE(test, fake->config.command & PCI_COMMAND_MASTER);
}

struct lost_param {
	const char *name;
	u32 bar; /* what is left of it: and, xor */
	u32 moved;
	u16 command; /* and */
	bool lost;
};

static const struct lost_param lost_params[] = {
	{ "all", 0, 0, 0, true },
	{ "the BAR", 0, 0, U16_MAX, true },
	{ "the BAR has moved", U32_MAX, SZ_1M, U16_MAX, true },
	{ "memory space", U32_MAX, 0, (u16)~PCI_COMMAND_MEMORY, true },
	{ "nothing", U32_MAX, 0, U16_MAX, false },
	{ "bus mastering alone", U32_MAX, 0, (u16)~PCI_COMMAND_MASTER, false },
	{ "nothing, and the BAR has a type", U32_MAX, 0xc, U16_MAX, false },
};

KUNIT_ARRAY_PARAM_DESC(lost, lost_params, name);

static void lose(struct fake *fake, const struct lost_param *param)
{
	fake->config.bar[BM_BAR_REGS] &= param->bar;
	fake->config.bar[BM_BAR_REGS] ^= param->moved;
	fake->config.command &= param->command;
	vanish(fake);
}

/* Where it was not lost, but nobody answers all the same, there is nothing but an FLR. */
static void lost_configuration_is_restored_and_counted(struct kunit *test)
{
	const struct lost_param *param = test->param_value;
	struct fake *fake = fake_create(test, 1, DEPTH);

	lose(fake, param);
	fake->config.on_restore = come_back;
	KUNIT_EXPECT_EQ(test, reset(fake), 0);
	KUNIT_EXPECT_EQ(test, fake->config.restores, 1);
	KUNIT_EXPECT_FALSE(test, fake->config.command & PCI_COMMAND_MASTER);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_FOREIGN_RESET), param->lost);
	KUNIT_EXPECT_EQ(test, fake->bm.losses, param->lost);
	KUNIT_EXPECT_EQ(test, fake->flrs, !param->lost);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_RESET), !param->lost);
}

static void loss_is_counted_once(struct kunit *test)
{
	struct fake *fake = fake_create(test, 1, DEPTH);

	lose(fake, &lost_params[0]);
	fake->config.on_restore = come_back;
	KUNIT_EXPECT_EQ(test, reset(fake), 0);
	fake_expect_reset(fake, heed);
	KUNIT_EXPECT_EQ(test, reset(fake), 0);
	KUNIT_EXPECT_EQ(test, fake->config.restores, 1);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_FOREIGN_RESET), 1);
	KUNIT_EXPECT_EQ(test, fake->bm.losses, 1);

	lose(fake, &lost_params[0]);
	KUNIT_EXPECT_EQ(test, reset(fake), 0);
	KUNIT_EXPECT_EQ(test, fake->config.restores, 2);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_FOREIGN_RESET), 2);
	KUNIT_EXPECT_EQ(test, fake->bm.losses, 2);
	KUNIT_EXPECT_EQ(test, fake->flrs, 0);
}

static void come_back_at_the_second_time(struct fake *fake)
{
	if (fake->config.restores == 2)
		come_back(fake);
}

/* The FLR has the configuration restored once more. */
static void loss_may_need_more_than_its_configuration(struct kunit *test)
{
	struct fake *fake = fake_create(test, 1, DEPTH);

	lose(fake, &lost_params[0]);
	fake->config.on_restore = come_back_at_the_second_time;
	KUNIT_EXPECT_EQ(test, reset(fake), 0);
	KUNIT_EXPECT_EQ(test, fake->config.restores, 2);
	KUNIT_EXPECT_EQ(test, fake->flrs, 1);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_FOREIGN_RESET), 1);
	KUNIT_EXPECT_FALSE(test, fake->config.command & PCI_COMMAND_MASTER);
}

/* Somebody who answers at the registers is where it should be, whatever else is said. */
static void who_answers_is_left_alone(struct kunit *test)
{
	struct fake *fake = fake_create(test, 1, DEPTH);

	fake->config.bar[BM_BAR_REGS] = 0;
	fake_expect_reset(fake, heed);
	KUNIT_EXPECT_EQ(test, reset(fake), 0);
	KUNIT_EXPECT_EQ(test, fake->config.restores, 0);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_FOREIGN_RESET), 0);
}

static void *saved(struct fake *fake, int ret)
{
	KUNIT_EXPECT_EQ(fake->test, bm_config_save(&fake->bm), ret);
	KUNIT_EXPECT_FALSE(fake->test, fake->pdev.state_saved);
	return fake->bm.config;
}

/* As after a link's reset: for a while nobody answers, not even in configuration space. */
static void who_answers_late_is_waited_for(struct kunit *test)
{
	struct fake *fake = fake_create(test, 1, DEPTH);

	lose(fake, &lost_params[0]);
	fake->config.late = 4;
	fake->config.on_restore = come_back;
	KUNIT_EXPECT_EQ(test, reset(fake), 0);
	KUNIT_EXPECT_EQ(test, fake->config.restores, 1);
	KUNIT_EXPECT_EQ(test, fake_errors(fake, BM_ERR_FOREIGN_RESET), 1);
}

/* What is remembered is what there was when the device was well. */
static void configuration_is_saved_where_there_is_one(struct kunit *test)
{
	struct fake *fake = fake_create(test, 1, DEPTH);
	void *first = fake->bm.config, *second = saved(fake, 0);

	KUNIT_EXPECT_PTR_NE(test, second, first);
	fake->config.no_memory = true;
	KUNIT_EXPECT_PTR_EQ(test, saved(fake, 0), second);
	fake->config.no_memory = false;
	fake->config.absent = true;
	KUNIT_EXPECT_PTR_EQ(test, saved(fake, 0), second);
	fake->config.absent = false;
	lose(fake, &lost_params[0]);
	KUNIT_EXPECT_PTR_EQ(test, saved(fake, 0), second);
}

static void nothing_can_be_saved_without_memory(struct kunit *test)
{
	struct fake *fake = fake_create(test, 1, DEPTH);

	kfree(fake->bm.config);
	fake->bm.config = NULL;
	fake->config.no_memory = true;
	KUNIT_EXPECT_NULL(test, saved(fake, -ENOMEM));
	fake->config.no_memory = false;
	KUNIT_EXPECT_NOT_NULL(test, saved(fake, 0));
}

/* For probe: those that are not where they should be, both halves of them; and no others. */
static void lost_bars_are_reclaimed(struct kunit *test)
{
	struct fake *fake = fake_create(test, 1, DEPTH);
	struct fake_config before = fake->config;
	int bar;

	memset(fake->config.bar, 0, sizeof(fake->config.bar));
	bm_config_reclaim(&fake->pdev);
	KUNIT_EXPECT_EQ(test, fake->config.bar[BM_BAR_REGS], before.bar[BM_BAR_REGS]);
	KUNIT_EXPECT_EQ(test, fake->config.bar[BM_BAR_MEM] | PCI_BASE_ADDRESS_MEM_TYPE_64,
			before.bar[BM_BAR_MEM]);
	for (bar = BM_BAR_MEM + 1; bar < PCI_STD_NUM_BARS; bar++)
		KUNIT_EXPECT_EQ(test, fake->config.bar[bar], before.bar[bar]);

	/* It would lose its type here, were it written. */
	fake->config.bar[BM_BAR_MEM] |= PCI_BASE_ADDRESS_MEM_TYPE_64;
	bm_config_reclaim(&fake->pdev);
	KUNIT_EXPECT_MEMEQ(test, fake->config.bar, before.bar, sizeof(before.bar));
}

static struct kunit_case reset_cases[] = {
	KUNIT_CASE_PARAM(silence_by_whatever_is_heeded, ladder_gen_params),
	KUNIT_CASE_PARAM(lost_configuration_is_restored_and_counted, lost_gen_params),
	KUNIT_CASE(loss_is_counted_once),
	KUNIT_CASE(loss_may_need_more_than_its_configuration),
	KUNIT_CASE(who_answers_is_left_alone),
	KUNIT_CASE(who_answers_late_is_waited_for),
	KUNIT_CASE(configuration_is_saved_where_there_is_one),
	KUNIT_CASE(nothing_can_be_saved_without_memory),
	KUNIT_CASE(lost_bars_are_reclaimed),
	{}
};

static struct kunit_suite reset_suite = {
	.name = "busmaster-reset",
	.test_cases = reset_cases,
};

kunit_test_suite(reset_suite);
