// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: moderation: what the register says for what an operator asks for.
 */
#include <linux/bitfield.h>
#include <linux/device.h>

#include "fake.h"

static struct fake *coalesce_start(struct kunit *test)
{
	struct fake_shape shape = {
		.queues = 2,
		.polled = 1,
		.depth = FAKE_DEPTH,
		.features = BM_FEAT_MODERATION,
	};

	return fake_start_as(test, &shape);
}

static struct device_attribute *coalesce_file(struct kunit *test, const char *name)
{
	struct attribute **attr;

	for (attr = bm_coalesce_group.attrs; *attr; attr++)
		if (!strcmp((*attr)->name, name))
			return container_of(*attr, struct device_attribute, attr);
	KUNIT_FAIL_AND_ABORT(test, "there is no coalesce/%s", name);
	return NULL;
}

static ssize_t coalesce_write(struct fake *fake, const char *name, const char *value)
{
	struct device_attribute *file = coalesce_file(fake->test, name);

	return file->store(&fake->bm.dev, file, value, strlen(value));
}

static void coalesce_set(struct fake *fake, const char *name, const char *value)
{
	KUNIT_EXPECT_EQ(fake->test, coalesce_write(fake, name, value), strlen(value));
}

static void expect_value(struct fake *fake, const char *name, const char *value)
{
	struct device_attribute *file = coalesce_file(fake->test, name);
	char *page = kunit_kzalloc(fake->test, PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(fake->test, page);
	KUNIT_EXPECT_EQ(fake->test, file->show(&fake->bm.dev, file, page), strlen(value));
	KUNIT_EXPECT_STREQ(fake->test, page, value);
}

static void expect_register(struct fake *fake, unsigned int queue, u32 frames, u32 usecs)
{
	u32 val = fake_doorbell(&fake->bm.queues[queue], BM_QREG_MODERATION);

	KUNIT_EXPECT_EQ(fake->test, FIELD_GET(BM_MODERATION_COUNT, val), frames);
	KUNIT_EXPECT_EQ(fake->test, FIELD_GET(BM_MODERATION_USECS, val), usecs);
}

static void untouch_all(struct fake *fake)
{
	unsigned int i;

	for (i = 0; i < bm_total_queues(&fake->bm); i++)
		fake_untouch(&fake->bm.queues[i], BM_QREG_MODERATION);
}

static void expect_untouched(struct fake *fake, unsigned int queue)
{
	KUNIT_EXPECT_EQ(fake->test, fake_doorbell(&fake->bm.queues[queue], BM_QREG_MODERATION),
			FAKE_UNTOUCHED);
}

static void nothing_is_held_back_by_default(struct kunit *test)
{
	struct fake *fake = coalesce_start(test);

	expect_value(fake, "frames", "0\n");
	expect_value(fake, "usecs", "0\n");
	expect_value(fake, "adaptive", "0\n");
	expect_register(fake, 0, 0, 0);
	expect_register(fake, 1, 0, 0);
}

static void register_follows_the_files(struct kunit *test)
{
	struct fake *fake = coalesce_start(test);
	int i;

	coalesce_set(fake, "frames", "8\n");
	coalesce_set(fake, "usecs", "0x64");
	for (i = 0; i < 2; i++)
		expect_register(fake, i, 8, 100);
	coalesce_set(fake, "frames", "65535");
	coalesce_set(fake, "usecs", "65535");
	for (i = 0; i < 2; i++)
		expect_register(fake, i, 65535, 65535);
	expect_value(fake, "frames", "65535\n");
	expect_value(fake, "usecs", "65535\n");
	coalesce_set(fake, "usecs", "0");
	for (i = 0; i < 2; i++)
		expect_register(fake, i, 65535, 0);
}

static void same_value_is_not_written_again(struct kunit *test)
{
	struct fake *fake = coalesce_start(test);

	coalesce_set(fake, "frames", "8");
	untouch_all(fake);
	coalesce_set(fake, "frames", "8");
	bm_queue_reap_all(&fake->bm.queues[0]);
	expect_untouched(fake, 0);
	expect_untouched(fake, 1);
	coalesce_set(fake, "frames", "9");
	expect_register(fake, 1, 9, 0);
}

static void polled_queue_is_left_alone(struct kunit *test)
{
	struct fake *fake = coalesce_start(test);
	int i;

	for (i = 0; i < 20; i++)
		KUNIT_ASSERT_FALSE(test, IS_ERR(bm_request_get(&fake->bm, true, 0)));
	untouch_all(fake);
	coalesce_set(fake, "frames", "8");
	coalesce_set(fake, "adaptive", "1");
	bm_queue_reap_all(&fake->bm.queues[2]);
	expect_untouched(fake, 2);
}

struct refuse_param {
	const char *name;
	const char *file;
	const char *value;
	u32 features;
	int error;
};

static const struct refuse_param refuse_params[] = {
	{ "frames that have no bits", "frames", "65536", BM_FEAT_MODERATION, -ERANGE },
	{ "usecs that have no bits", "usecs", "65536", BM_FEAT_MODERATION, -ERANGE },
	{ "adaptive that is no yes or no", "adaptive", "2", BM_FEAT_MODERATION, -ERANGE },
	{ "a negative number", "usecs", "-1", BM_FEAT_MODERATION, -EINVAL },
	{ "a number of 33 bits", "usecs", "4294967296", BM_FEAT_MODERATION, -ERANGE },
	{ "words", "frames", "many", BM_FEAT_MODERATION, -EINVAL },
	{ "nothing", "frames", "", BM_FEAT_MODERATION, -EINVAL },
	{ "a device without it", "frames", "8", ~BM_FEAT_MODERATION, -EOPNOTSUPP },
	{ "a device without it, adaptive", "adaptive", "1", ~BM_FEAT_MODERATION, -EOPNOTSUPP },
};

KUNIT_ARRAY_PARAM_DESC(refuse, refuse_params, name);

static void refused_is(struct kunit *test)
{
	const struct refuse_param *param = test->param_value;
	struct fake *fake = coalesce_start(test);

	untouch_all(fake);
	fake->bm.caps.features = param->features;
	KUNIT_EXPECT_EQ(test, coalesce_write(fake, param->file, param->value), param->error);
	expect_value(fake, param->file, "0\n");
	expect_untouched(fake, 0);
}

/* A reset forgets the register, and so must the driver. */
static void start_applies_what_was_asked_for(struct kunit *test)
{
	struct fake *fake = coalesce_start(test);

	coalesce_set(fake, "frames", "8");
	coalesce_set(fake, "usecs", "100");
	bm_alarm_reset(&fake->bm, "a test wants it");
	KUNIT_ASSERT_TRUE(test, fake_reset_requested(fake));
	expect_register(fake, 0, 8, 100);
	expect_register(fake, 1, 8, 100);
	expect_register(fake, 2, 0, 0);
}

static void stopped_device_takes_it_when_it_starts(struct kunit *test)
{
	struct fake *fake = coalesce_start(test);

	bm_queue_stop(&fake->bm.queues[0]);
	untouch_all(fake);
	coalesce_set(fake, "frames", "8");
	expect_untouched(fake, 0);
	expect_register(fake, 1, 8, 0);
	fake_queue_reset(&fake->bm.queues[0]);
	KUNIT_ASSERT_EQ(test, bm_queue_start(&fake->bm.queues[0]), 0);
	expect_register(fake, 0, 8, 0);
}

struct adapt_param {
	const char *name;
	unsigned int busy;
	u32 frames;
};

static const struct adapt_param adapt_params[] = {
	{ "nothing in flight", 0, 0 },
	{ "1 in flight", 1, 0 },
	{ "15 in flight", 15, 0 },
	{ "16 in flight", 16, 4 },
	{ "31 in flight", 31, 4 },
	{ "32 in flight", 32, 8 },
	{ "63 in flight", 63, 8 },
	{ "127 in flight", 127, 16 },
	{ "128 in flight", 128, 32 },
};

KUNIT_ARRAY_PARAM_DESC(adapt, adapt_params, name);

/* A quarter of what is in flight, rounded down, and never more: the rest may be slow. */
static void adaptive_waits_for_a_part_of(struct kunit *test)
{
	const struct adapt_param *param = test->param_value;
	struct fake *fake = coalesce_start(test);
	unsigned int i;
	u32 val;

	memset(fake->bm.queue_of, 1, nr_cpu_ids);
	coalesce_set(fake, "adaptive", "1");
	for (i = 0; i < param->busy; i++)
		fake_submit(fake);
	bm_queue_reap_all(&fake->bm.queues[1]);
	val = fake_doorbell(&fake->bm.queues[1], BM_QREG_MODERATION);
	KUNIT_EXPECT_EQ(test, FIELD_GET(BM_MODERATION_COUNT, val), param->frames);
	KUNIT_EXPECT_EQ(test, !!FIELD_GET(BM_MODERATION_USECS, val), !!param->frames);
	expect_register(fake, 0, 0, 0);
}

static void adaptive_falls_back_when_less_is_in_flight(struct kunit *test)
{
	struct fake *fake = coalesce_start(test);
	struct bm_queue *q = &fake->bm.queues[0];
	struct bm_request *rq[20];
	int i;

	memset(fake->bm.queue_of, 0, nr_cpu_ids);
	coalesce_set(fake, "adaptive", "1");
	for (i = 0; i < 20; i++)
		rq[i] = fake_submit(fake);
	bm_queue_reap_all(q);
	KUNIT_EXPECT_NE(test, fake_doorbell(q, BM_QREG_MODERATION), 0);
	fake_untouch(q, BM_QREG_MODERATION);
	bm_queue_reap_all(q);
	expect_untouched(fake, 0);
	fake_serve(q);
	bm_queue_reap_all(q);
	for (i = 0; i < 20; i++)
		bm_request_put(rq[i]);
	bm_queue_reap_all(q);
	expect_register(fake, 0, 0, 0);
}

static void without_adaptive_the_files_hold(struct kunit *test)
{
	struct fake *fake = coalesce_start(test);
	struct bm_queue *q = &fake->bm.queues[0];
	int i;

	memset(fake->bm.queue_of, 0, nr_cpu_ids);
	coalesce_set(fake, "frames", "3");
	coalesce_set(fake, "usecs", "7");
	for (i = 0; i < 20; i++)
		fake_submit(fake);
	bm_queue_reap_all(q);
	expect_register(fake, 0, 3, 7);
	coalesce_set(fake, "adaptive", "1");
	bm_queue_reap_all(q);
	expect_register(fake, 0, 4, 50);
	coalesce_set(fake, "adaptive", "0");
	expect_register(fake, 0, 3, 7);
	bm_queue_reap_all(q);
	expect_register(fake, 0, 3, 7);
}

static struct kunit_case coalesce_cases[] = {
	KUNIT_CASE(nothing_is_held_back_by_default),
	KUNIT_CASE(register_follows_the_files),
	KUNIT_CASE(same_value_is_not_written_again),
	KUNIT_CASE(polled_queue_is_left_alone),
	KUNIT_CASE_PARAM(refused_is, refuse_gen_params),
	KUNIT_CASE(start_applies_what_was_asked_for),
	KUNIT_CASE(stopped_device_takes_it_when_it_starts),
	KUNIT_CASE_PARAM(adaptive_waits_for_a_part_of, adapt_gen_params),
	KUNIT_CASE(adaptive_falls_back_when_less_is_in_flight),
	KUNIT_CASE(without_adaptive_the_files_hold),
	{}
};

static struct kunit_suite coalesce_suite = {
	.name = "busmaster-coalesce",
	.test_cases = coalesce_cases,
};

kunit_test_suite(coalesce_suite);
