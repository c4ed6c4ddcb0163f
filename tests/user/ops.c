// SPDX-License-Identifier: GPL-2.0-only
/*
 * ops: what the device computes is what the CPU computes: copy, fill, CRC-32C and
 * compare, on buffers and device memory in any combination, by ioctl and by io_uring
 * command.
 *
 * Every place that an operation may write has a model in memory. A plan is an operation
 * with what is to come of it; when it has been carried out, the model is brought up to
 * date, and the place, with what surrounds it, has to look like the model.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "ops.h"

#define ARENA (12 * MIB) /* of each buffer, and of the device memory that is used */
#define GUARD 128 /* bytes around what is written that are to stay */
#define SLOT (ARENA / DEPTH)
#define BY_IOCTL 5 /* cases, the first ones */

struct plan {
	struct busmaster_op op;
	int error; /* that it is to end with */
	uint64_t result; /* if there is none */
	const unsigned char *src;
	unsigned char *dst; /* in the model */
};

/* Where a plan may take its sides from: all of it, or a slot. */
struct bounds {
	uint64_t src, dst, room;
	uint64_t limit; /* of the length */
};

static uint64_t state, seed;
static unsigned long count = 1000;
static bool ioctl_alone; /* the kernel may have no commands */

static unsigned char *source; /* a buffer that is only read */
static unsigned char *buffer, *buffer_model;
static unsigned char *device_model;
static unsigned char *scratch;

/* CRC-32C of some bytes that follow others whose CRC is given; by the book. */
static uint32_t crc32c(uint32_t crc, const unsigned char *bytes, size_t size)
{
	static uint32_t table[256];

	for (uint32_t i = 0; i < 256 && !table[255]; i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0x82f63b78 : 0);
	}
	crc = ~crc;
	for (size_t i = 0; i < size; i++)
		crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 0xff];
	return ~crc;
}

static uint64_t first_difference(const unsigned char *one, const unsigned char *other,
				 uint64_t length)
{
	uint64_t i = 0;

	while (i < length && one[i] == other[i])
		i++;
	return i;
}

/*
 * Plans
 */

static bool has_src(const struct busmaster_op *op)
{
	return op->op != BUSMASTER_OP_FILL;
}

static bool has_dst(const struct busmaster_op *op)
{
	return op->op != BUSMASTER_OP_CRC32C;
}

static bool writes(const struct busmaster_op *op)
{
	return has_dst(op) && op->op != BUSMASTER_OP_COMPARE;
}

static bool overlaps(const struct busmaster_op *op)
{
	return writes(op) && op->src.space == op->dst.space &&
	       op->src.addr < op->dst.addr + op->length && op->dst.addr < op->src.addr + op->length;
}

/* A place for a side, often with a page's or a cache line's alignment. */
static uint64_t place(uint64_t base, uint64_t room)
{
	static const unsigned int alignments[] = { 1, 1, 4, 64, 4096, 4096 };
	uint64_t where = base + random_below(&state, room + 1);
	uint64_t down = where - where % alignments[random_below(&state, 6)];

	return down < base ? where : down;
}

static void place_src(struct plan *plan, const struct bounds *bounds)
{
	uint64_t where = place(bounds->src, bounds->room - plan->op.length);
	bool user = random_below(&state, 2);

	plan->src = user ? source + where : device_model + where;
	plan->op.src.space = user ? BUSMASTER_USER : BUSMASTER_DEVICE;
	plan->op.src.addr = user ? (uintptr_t)plan->src : where;
}

static void place_dst(struct plan *plan, const struct bounds *bounds)
{
	uint64_t room = bounds->room - plan->op.length - 2 * GUARD;
	uint64_t where = place(bounds->dst + GUARD, room);
	bool user = random_below(&state, 2);

	plan->dst = user ? buffer_model + where : device_model + where;
	plan->op.dst.space = user ? BUSMASTER_USER : BUSMASTER_DEVICE;
	plan->op.dst.addr = user ? (uintptr_t)buffer + where : where;
}

/* Writes to a place and to its model, by the CPU or a plain write. */
static bool poke(const struct plan *plan, uint64_t at, const unsigned char *bytes, uint64_t length)
{
	uint64_t where = plan->op.dst.addr + at;

	memmove(plan->dst + at, bytes, length);
	if (plan->op.dst.space == BUSMASTER_USER)
		memcpy((void *)(uintptr_t)where, plan->dst + at, length);
	else
		CHECK_IS(pwrite(fd, plan->dst + at, length, where), length);
	return true;
}

/* Half of what is compared is equal, and of the rest half but for one byte. */
static bool make_equal(struct plan *plan)
{
	uint64_t kind = random_below(&state, 4), at = random_below(&state, plan->op.length);
	unsigned char other;

	if (kind == 0)
		return true;
	if (!poke(plan, 0, plan->src, plan->op.length))
		return false;
	other = plan->src[at] ^ (1 + random_below(&state, 255));
	return kind > 1 || poke(plan, at, &other, 1);
}

static bool make_plan(struct plan *plan, const struct bounds *bounds, unsigned int kind)
{
	struct busmaster_op *op = &plan->op;

	memset(plan, 0, sizeof(*plan));
	op->size = sizeof(*op);
	op->op = kind;
	op->length = random_size(&state, bounds->limit);
	op->result = random_next(&state); /* what is there before means nothing */
	if (has_src(op))
		place_src(plan, bounds);
	if (has_dst(op))
		place_dst(plan, bounds);
	if (kind == BUSMASTER_OP_COMPARE && !make_equal(plan))
		return false;
	if (kind == BUSMASTER_OP_FILL)
		op->operand = random_next(&state);
	if (kind == BUSMASTER_OP_CRC32C || kind == BUSMASTER_OP_COPY_CRC32C) {
		op->operand = random_below(&state, 2) ? (uint32_t)random_next(&state) : 0;
		plan->result = crc32c(op->operand, plan->src, op->length);
	}
	if (kind == BUSMASTER_OP_COMPARE)
		plan->result = first_difference(plan->src, plan->dst, op->length);
	if (overlaps(op))
		plan->error = EINVAL;
	return true;
}

static void carry_out(struct plan *plan)
{
	if (plan->error || !writes(&plan->op))
		return;
	if (has_src(&plan->op))
		memcpy(plan->dst, plan->src, plan->op.length);
	else
		for (uint64_t i = 0; i < plan->op.length; i++)
			plan->dst[i] = plan->op.operand >> i % 8 * 8;
}

/* The place of a destination, and GUARD bytes on both sides, are as the model has them. */
static bool looks_like_model(const struct plan *plan)
{
	const unsigned char *is = scratch, *want = plan->dst - GUARD;
	uint64_t start = plan->op.dst.addr - GUARD, length = plan->op.length + 2 * GUARD, at;

	if (plan->op.dst.space == BUSMASTER_USER)
		is = (unsigned char *)(uintptr_t)start;
	else
		CHECK_IS(pread(fd, scratch, length, start), length);
	at = first_difference(is, want, length);
	if (at == length)
		return true;
	ktap_note("byte %lld of %llu is %02x, expected %02x", (long long)at - GUARD,
		  (unsigned long long)plan->op.length, is[at], want[at]);
	return false;
}

static bool describe(const struct plan *plan, int is)
{
	const struct busmaster_op *op = &plan->op;

	ktap_note("op %u of %llu bytes, operand %#llx, space %u at %#llx to space %u at %#llx",
		  op->op, (unsigned long long)op->length, (unsigned long long)op->operand,
		  op->src.space, (unsigned long long)op->src.addr, op->dst.space,
		  (unsigned long long)op->dst.addr);
	ktap_note("gave %d (%s), result %#llx; expected %d, %#llx; repeat with -s %llu", is,
		  strerror(-is), (unsigned long long)op->result, -plan->error,
		  (unsigned long long)plan->result, (unsigned long long)seed);
	return false;
}

static bool judge(struct plan *plan, int is)
{
	carry_out(plan);
	if (is != -plan->error || (!is && plan->op.result != plan->result))
		return describe(plan, is);
	return !has_dst(&plan->op) || looks_like_model(plan) || describe(plan, is);
}

static bool random_ops(int (*perform)(struct busmaster_op *), uint64_t limit)
{
	const struct bounds bounds = { .room = ARENA, .limit = limit };

	for (unsigned long i = 0; i < count; i++) {
		struct plan plan;

		if (!make_plan(&plan, &bounds, 1 + random_below(&state, 5)) ||
		    !judge(&plan, perform(&plan.op)))
			return false;
	}
	return true;
}

static bool ioctl_random(void)
{
	return random_ops(by_ioctl, 2 * MIB);
}

static bool uring_random(void)
{
	return random_ops(by_uring, info.max_command);
}

/* Each operation on each combination of sides, longer than any command can be. */
static bool ioctl_long(void)
{
	for (unsigned int i = 0; i < 40; i++) {
		const struct bounds bounds = { .dst = ARENA / 2, .room = ARENA / 2 };
		struct bounds here = bounds;
		struct plan plan;

		here.limit = ARENA / 2 - 2 * GUARD - random_below(&state, 10000);
		do /* lengths are random: until one is long */
			if (!make_plan(&plan, &here, 1 + i % 5))
				return false;
		while (plan.op.length < here.limit / 2);
		if (!judge(&plan, by_ioctl(&plan.op)))
			return false;
	}
	return true;
}

/* Many at once, each in a slot of its own, submitted by one system call. */
static bool uring_depth(void)
{
	static struct plan plans[DEPTH];
	struct io_uring_cqe cqe;

	for (unsigned long round = 0; round * DEPTH < count; round++) {
		for (unsigned int i = 0; i < DEPTH; i++) {
			const struct bounds bounds = {
				.src = i * SLOT,
				.dst = i * SLOT + SLOT / 2,
				.room = SLOT / 2,
				.limit = SLOT / 2 - 2 * GUARD,
			};

			CHECK(make_plan(&plans[i], &bounds, 1 + random_below(&state, 5)));
			prepare(&ring, fd, &plans[i].op)->user_data = i;
		}
		for (unsigned int i = 0; i < DEPTH; i++) {
			while (!uring_take(&ring, &cqe))
				CHECK(uring_submit(&ring, 1));
			CHECK(cqe.user_data < DEPTH);
			if (!judge(&plans[cqe.user_data], cqe.res))
				return false;
		}
	}
	return true;
}

/*
 * Known answers
 */

static bool known_crc(void)
{
	struct busmaster_op op = template;

	op.op = BUSMASTER_OP_CRC32C;
	op.length = 9;
	op.src = user_side(memcpy(scratch, "123456789", 9));
	CHECK_IS(by_ioctl(&op), 0);
	CHECK_IS(op.result, 0xe3069283);
	op.src = user_side(memcpy(scratch, "12345", 5));
	op.length = 5;
	CHECK_IS(by_ioctl(&op), 0);
	op.src = user_side(memcpy(scratch, "6789", 4));
	op.length = 4;
	op.operand = op.result;
	CHECK_IS(ioctl_alone ? by_ioctl(&op) : by_uring(&op), 0);
	CHECK_IS(op.result, 0xe3069283);
	return true;
}

static bool known_fill(void)
{
	struct busmaster_op op = template;

	op.op = BUSMASTER_OP_FILL;
	op.length = 11;
	op.operand = 0x0807060504030201;
	op.dst = user_side(memset(scratch, 0, 12));
	CHECK_IS(by_ioctl(&op), 0);
	CHECK_IS(memcmp(scratch, "\1\2\3\4\5\6\7\10\1\2\3\0", 12), 0);
	CHECK_IS(op.result, 0);

	/* The pattern goes on where one of several commands ends, be it in its middle. */
	op.length = 3 * MIB;
	op.dst = user_side(buffer + 4093);
	for (uint64_t i = 0; i < op.length; i++)
		buffer_model[4093 + i] = 1 + i % 8;
	CHECK_IS(by_ioctl(&op), 0);
	CHECK_IS(memcmp(buffer, buffer_model, ARENA), 0);
	return true;
}

/* Processes that end, one way or the other, while the device works for them. */
static bool uring_orphans(void)
{
	static struct busmaster_op ops[DEPTH];
	int status;

	for (unsigned int i = 0; i < 20; i++) {
		pid_t child = fork();

		if (!child) {
			struct uring own;

			for (unsigned int j = 0; j < DEPTH; j++) {
				ops[j] = template;
				ops[j].length = info.max_command;
				ops[j].src = device_side(j * 4096);
				ops[j].dst = user_side(memory(info.max_command));
			}
			if (!uring_open(&own, DEPTH, 0))
				_exit(1);
			for (unsigned int j = 0; j < DEPTH; j++)
				prepare(&own, fd, &ops[j]);
			if (!uring_submit(&own, 0))
				_exit(1);
			if (i % 2)
				kill(getpid(), SIGKILL);
			_exit(0);
		}
		CHECK_IS(waitpid(child, &status, 0), child);
		CHECK_IS(status, i % 2 ? SIGKILL : 0);
	}
	CHECK_IS(read_number("errors/timeouts"), 0);
	return uring_random();
}

static bool set_up(void)
{
	CHECK(info.mem_size >= ARENA);
	random_fill(&state, source, ARENA);
	random_fill(&state, buffer_model, ARENA);
	random_fill(&state, device_model, ARENA);
	memcpy(buffer, buffer_model, ARENA);
	CHECK_IS(pwrite(fd, device_model, ARENA, 0), ARENA);
	ktap_note("seed %llu, %lu random operations each, io_uring commands up to %llu bytes",
		  (unsigned long long)seed, count, (unsigned long long)info.max_command);
	return true;
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		{ "device memory and buffers have a model", set_up },
		{ "the CRC is CRC-32C, and goes on where it was", known_crc },
		{ "a pattern's least significant byte is first", known_fill },
		{ "ioctl: random operations", ioctl_random },
		{ "ioctl: operations of many commands", ioctl_long },
		{ "io_uring: random operations", uring_random },
		{ "io_uring: many at once", uring_depth },
		{ "io_uring: processes that end before their commands", uring_orphans },
	};
	int option;

	seed = time(NULL);
	while ((option = getopt(argc, argv, "in:s:")) != -1) {
		if (option == 'i')
			ioctl_alone = true;
		else if (option == 'n')
			count = strtoul(optarg, NULL, 0);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 0);
		else
			return 2;
	}
	state = seed;
	if (!open_device())
		return 2;
	source = memory(ARENA);
	buffer = memory(ARENA);
	buffer_model = memory(ARENA);
	device_model = memory(ARENA);
	scratch = memory(ARENA);
	return ioctl_alone ? ktap_run(cases, BY_IOCTL) : KTAP_RUN(cases);
}
