// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: tags, submissions, and what a completion's status may say.
 */
#include <kunit/test.h>

#include "busmaster.h"

static void tag_names_request_and_generation(struct kunit *test)
{
	u32 index, gen;

	for (gen = 0; gen < 16; gen++) {
		for (index = 0; index < BM_MAX_DEPTH; index++) {
			u16 tag = bm_tag(index, gen);

			KUNIT_ASSERT_EQ(test, bm_tag_index(tag), index);
			KUNIT_ASSERT_EQ(test, bm_tag_gen(tag), gen);
		}
	}
}

static void tag_none_is_never_made(struct kunit *test)
{
	u32 index, gen;

	for (gen = 0; gen < 16; gen++)
		for (index = 0; index < BM_MAX_DEPTH; index++)
			KUNIT_ASSERT_NE(test, bm_tag(index, gen), BM_TAG_NONE);
	KUNIT_EXPECT_GE(test, bm_tag_index(BM_TAG_NONE), BM_MAX_DEPTH);
}

static void tag_is_unique(struct kunit *test)
{
	unsigned long *seen = kunit_kzalloc(test, BITS_TO_LONGS(BIT(16)) * sizeof(long),
					    GFP_KERNEL);
	u32 index, gen;

	KUNIT_ASSERT_NOT_NULL(test, seen);
	for (gen = 0; gen < 16; gen++)
		for (index = 0; index < BM_MAX_DEPTH; index++)
			KUNIT_ASSERT_FALSE(test, __test_and_set_bit(bm_tag(index, gen), seen));
}

static void generation_wraps_after_sixteen_uses(struct kunit *test)
{
	u16 gen = 0, seen = 0;
	int i;

	for (i = 0; i < 16; i++) {
		KUNIT_ASSERT_LT(test, gen, 16);
		seen |= BIT(gen);
		gen = bm_next_gen(gen);
	}
	KUNIT_EXPECT_EQ(test, seen, 0xffff);
	KUNIT_EXPECT_EQ(test, gen, 0);
}

/* The whole submission, byte by byte, as the data sheet lays it out. */
static void submission_is_laid_out_as_specified(struct kunit *test)
{
	static const u8 bytes[64] = {
		[0] = BM_OP_COPY, /* opcode */
		[4] = 0x78, 0x56, 0x34, 0x12, /* length */
		[16] = 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01, /* src.addr */
		[28] = BM_SPACE_HOST,
		[32] = 0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe, /* dst.addr */
		[44] = BM_SPACE_LOCAL,
	};
	struct bm_hw_sqe sqe;

	memset(&sqe, 0xff, sizeof(sqe));
	bm_sqe_init(&sqe, BM_OP_COPY, 0x12345678);
	bm_ptr_host(&sqe.src, 0x0123456789abcdefull);
	bm_ptr_local(&sqe.dst, 0xfedcba9876543210ull);
	KUNIT_EXPECT_MEMEQ(test, (u8 *)&sqe, bytes, sizeof(bytes));
}

static void pointers_leave_nothing_behind(struct kunit *test)
{
	static const u8 list[16] = { 0, 0x10, 0, 0, 2, 0, 0, 0, 3, 1, 0, 0, BM_SPACE_HOST_SGL };
	static const u8 local[16] = { 5, [12] = BM_SPACE_LOCAL };
	static const u8 host[16] = { 6, [12] = BM_SPACE_HOST };
	struct bm_hw_ptr ptr;

	memset(&ptr, 0xff, sizeof(ptr));
	bm_ptr_sgl(&ptr, 0x200001000ull, 0x103);
	KUNIT_EXPECT_MEMEQ(test, (u8 *)&ptr, list, sizeof(list));
	bm_ptr_local(&ptr, 5);
	KUNIT_EXPECT_MEMEQ(test, (u8 *)&ptr, local, sizeof(local));
	bm_ptr_host(&ptr, 6);
	KUNIT_EXPECT_MEMEQ(test, (u8 *)&ptr, host, sizeof(host));
}

struct status_param {
	const char *name;
	u8 status;
	int error;
};

static const struct status_param status_params[] = {
	{ "SUCCESS", BM_ST_SUCCESS, 0 },
	{ "MISCOMPARE", BM_ST_MISCOMPARE, 0 },
	{ "BAD_OPCODE", BM_ST_BAD_OPCODE, -EOPNOTSUPP },
	{ "BAD_FIELD", BM_ST_BAD_FIELD, -EINVAL },
	{ "BAD_LENGTH", BM_ST_BAD_LENGTH, -EINVAL },
	{ "BAD_SPACE", BM_ST_BAD_SPACE, -EINVAL },
	{ "BAD_RANGE", BM_ST_BAD_RANGE, -EINVAL },
	{ "BAD_SGL", BM_ST_BAD_SGL, -EINVAL },
	{ "SGL_TOO_LONG", BM_ST_SGL_TOO_LONG, -EINVAL },
	{ "DMA_READ_FAULT", BM_ST_DMA_READ_FAULT, -EIO },
	{ "DMA_WRITE_FAULT", BM_ST_DMA_WRITE_FAULT, -EIO },
	{ "ABORTED", BM_ST_ABORTED, -ECANCELED },
};

KUNIT_ARRAY_PARAM_DESC(status, status_params, name);

static bool status_is_known(u8 status)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(status_params); i++)
		if (status_params[i].status == status)
			return true;
	return false;
}

static void status_becomes_errno(struct kunit *test)
{
	const struct status_param *param = test->param_value;

	KUNIT_EXPECT_EQ(test, bm_status_errno(param->status), param->error);
}

static void unknown_status_is_a_protocol_error(struct kunit *test)
{
	u32 status;

	for (status = 0; status <= U8_MAX; status++)
		if (!status_is_known(status))
			KUNIT_ASSERT_EQ_MSG(test, bm_status_errno(status), -EPROTO,
					    "status %#x", status);
}

static void unknown_status_is_not_plausible(struct kunit *test)
{
	struct bm_hw_sqe sqe;
	u32 status;

	bm_sqe_init(&sqe, BM_OP_COPY, 4096);
	for (status = 0; status <= U8_MAX; status++)
		if (!status_is_known(status))
			KUNIT_ASSERT_FALSE_MSG(test, bm_status_plausible(&sqe, status),
					       "status %#x", status);
}

struct info_param {
	const char *name;
	enum bm_op op;
	u8 status;
	u64 info;
	bool plausible;
};

/* Of commands of 4096 bytes. */
static const struct info_param info_params[] = {
	{ "copy, no info", BM_OP_COPY, BM_ST_SUCCESS, 0, true },
	{ "copy, some info", BM_OP_COPY, BM_ST_SUCCESS, 1, false },
	{ "fill, some info", BM_OP_FILL, BM_ST_SUCCESS, 1, false },
	{ "nop, some info", BM_OP_NOP, BM_ST_SUCCESS, 1ull << 63, false },
	{ "crc, all ones", BM_OP_CRC32C, BM_ST_SUCCESS, U32_MAX, true },
	{ "crc, 33 bits", BM_OP_CRC32C, BM_ST_SUCCESS, 1ull << 32, false },
	{ "copy and crc, all ones", BM_OP_COPY_CRC32C, BM_ST_SUCCESS, U32_MAX, true },
	{ "copy and crc, 33 bits", BM_OP_COPY_CRC32C, BM_ST_SUCCESS, 1ull << 32, false },
	{ "compare equal, no info", BM_OP_COMPARE, BM_ST_SUCCESS, 0, true },
	{ "compare equal, some info", BM_OP_COMPARE, BM_ST_SUCCESS, 7, false },
	{ "difference in the first byte", BM_OP_COMPARE, BM_ST_MISCOMPARE, 0, true },
	{ "difference in the last byte", BM_OP_COMPARE, BM_ST_MISCOMPARE, 4095, true },
	{ "difference behind the end", BM_OP_COMPARE, BM_ST_MISCOMPARE, 4096, false },
	{ "difference 2^32 behind", BM_OP_COMPARE, BM_ST_MISCOMPARE, 1ull << 32, false },
	{ "copy that miscompares", BM_OP_COPY, BM_ST_MISCOMPARE, 0, false },
	{ "read fault, any address", BM_OP_COPY, BM_ST_DMA_READ_FAULT, U64_MAX, true },
	{ "write fault, any address", BM_OP_COPY, BM_ST_DMA_WRITE_FAULT, 0, true },
	{ "read fault of a fill", BM_OP_FILL, BM_ST_DMA_READ_FAULT, 0, true },
	{ "write fault of a fill", BM_OP_FILL, BM_ST_DMA_WRITE_FAULT, 0, true },
	{ "write fault of a comparison", BM_OP_COMPARE, BM_ST_DMA_WRITE_FAULT, 0, false },
	{ "write fault of a crc", BM_OP_CRC32C, BM_ST_DMA_WRITE_FAULT, 0, false },
	{ "write fault of a nop", BM_OP_NOP, BM_ST_DMA_WRITE_FAULT, 0, false },
	{ "read fault of a nop", BM_OP_NOP, BM_ST_DMA_READ_FAULT, 0, false },
	{ "bad length, no info", BM_OP_COPY, BM_ST_BAD_LENGTH, 0, true },
	{ "bad length, some info", BM_OP_COPY, BM_ST_BAD_LENGTH, 4096, false },
	{ "aborted, no info", BM_OP_COPY, BM_ST_ABORTED, 0, true },
	{ "aborted, some info", BM_OP_COPY, BM_ST_ABORTED, 1, false },
};

KUNIT_ARRAY_PARAM_DESC(info, info_params, name);

static void info_is_plausible(struct kunit *test)
{
	const struct info_param *param = test->param_value;
	struct bm_hw_sqe sqe;

	bm_sqe_init(&sqe, param->op, 4096);
	KUNIT_EXPECT_EQ(test, bm_status_plausible(&sqe, param->status) &&
			bm_info_plausible(&sqe, param->status, param->info), param->plausible);
}

static struct kunit_case tag_cases[] = {
	KUNIT_CASE(tag_names_request_and_generation),
	KUNIT_CASE(tag_none_is_never_made),
	KUNIT_CASE(tag_is_unique),
	KUNIT_CASE(generation_wraps_after_sixteen_uses),
	{}
};

static struct kunit_suite tag_suite = {
	.name = "busmaster-tag",
	.test_cases = tag_cases,
};

static struct kunit_case descriptor_cases[] = {
	KUNIT_CASE(submission_is_laid_out_as_specified),
	KUNIT_CASE(pointers_leave_nothing_behind),
	KUNIT_CASE_PARAM(status_becomes_errno, status_gen_params),
	KUNIT_CASE(unknown_status_is_a_protocol_error),
	KUNIT_CASE(unknown_status_is_not_plausible),
	KUNIT_CASE_PARAM(info_is_plausible, info_gen_params),
	{}
};

static struct kunit_suite descriptor_suite = {
	.name = "busmaster-descriptor",
	.test_cases = descriptor_cases,
};

kunit_test_suites(&tag_suite, &descriptor_suite);
