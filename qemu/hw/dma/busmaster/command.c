/*
 * busmaster: what a command says, and what it does to bytes
 *
 * Pure functions: from a submission to a BmCommand or the status that says what
 * is wrong with it, and from two pieces of host memory to the operation's
 * effect. No queue, no DMA.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/crc32c.h"
#include "qemu/cutils.h"
#include "internal.h"

/* What an operation takes. */
typedef struct BmOpRule {
    bool src;
    bool dst;
    uint64_t operand;       /* the bits that may be set */
} BmOpRule;

static const BmOpRule bm_op_rules[] = {
    [BM_OP_NOP]         = { },
    [BM_OP_COPY]        = { .src = true, .dst = true },
    [BM_OP_FILL]        = { .dst = true, .operand = UINT64_MAX },
    [BM_OP_CRC32C]      = { .src = true, .operand = UINT32_MAX },
    [BM_OP_COPY_CRC32C] = { .src = true, .dst = true, .operand = UINT32_MAX },
    [BM_OP_COMPARE]     = { .src = true, .dst = true },
};

/* COMPARE reads both of its sides. */
static bool bm_op_writes(enum bm_op op)
{
    return op != BM_OP_COMPARE;
}

static bool bm_ptr_fields_valid(const struct bm_hw_ptr *ptr, bool used)
{
    if (!buffer_is_zero(ptr->reserved, sizeof(ptr->reserved))) {
        return false;
    }
    if (!used) {
        return !ptr->addr && !ptr->count;
    }
    return !ptr->count || (ptr->space != BM_SPACE_HOST &&
                           ptr->space != BM_SPACE_LOCAL);
}

static bool bm_ptr_space_valid(const struct bm_hw_ptr *ptr, bool used)
{
    return used ? ptr->space >= BM_SPACE_HOST && ptr->space <= BM_SPACE_HOST_SGL
                : ptr->space == BM_SPACE_NONE;
}

/* An SGL's ranges are judged when it is walked. */
static bool bm_ptr_range_valid(BmCore *s, const struct bm_hw_ptr *ptr,
                               uint64_t length)
{
    uint64_t addr = le64_to_cpu(ptr->addr);

    switch (ptr->space) {
    case BM_SPACE_HOST:
        return length - 1 <= UINT64_MAX - addr;
    case BM_SPACE_LOCAL:
        return length <= s->mem_size && addr <= s->mem_size - length;
    default:
        return true;
    }
}

/* The order of these checks is part of the contract. */
static enum bm_status bm_cmd_judge(BmCore *s,
                                   const struct bm_hw_sqe *sqe)
{
    uint32_t length = le32_to_cpu(sqe->length);
    const BmOpRule *rule;

    if (sqe->opcode >= ARRAY_SIZE(bm_op_rules)) {
        return BM_ST_BAD_OPCODE;
    }
    rule = &bm_op_rules[sqe->opcode];
    if (sqe->flags & ~(BM_SQE_FENCE | BM_SQE_NOIRQ) ||
        le16_to_cpu(sqe->tag) == BM_TAG_NONE ||
        le64_to_cpu(sqe->operand) & ~rule->operand ||
        !bm_ptr_fields_valid(&sqe->src, rule->src) ||
        !bm_ptr_fields_valid(&sqe->dst, rule->dst) ||
        !buffer_is_zero(sqe->reserved, sizeof(sqe->reserved))) {
        return BM_ST_BAD_FIELD;
    }
    if (sqe->opcode == BM_OP_NOP ? length != 0 :
        length == 0 || length > 1u << BM_XFER_ORDER) {
        return BM_ST_BAD_LENGTH;
    }
    if (!bm_ptr_space_valid(&sqe->src, rule->src) ||
        !bm_ptr_space_valid(&sqe->dst, rule->dst)) {
        return BM_ST_BAD_SPACE;
    }
    if (!bm_ptr_range_valid(s, &sqe->src, length) ||
        !bm_ptr_range_valid(s, &sqe->dst, length)) {
        return BM_ST_BAD_RANGE;
    }
    return BM_ST_SUCCESS;
}

/*
 * A command that was decoded, and perhaps begun, elsewhere: can it go on? One
 * that has failed has nothing to do but to say so.
 */
bool bm_cmd_resume(BmCore *s, BmCommand *c)
{
    const uint64_t left = c->length - c->done;
    const BmOpRule *rule;

    if (c->status != BM_ST_SUCCESS) {
        return c->status <= UINT8_MAX && c->done == c->length;
    }
    if (c->op == BM_OP_NOP) {
        return !c->length && !c->done;
    }
    if (c->op >= ARRAY_SIZE(bm_op_rules) || c->done >= c->length ||
        c->length > 1u << BM_XFER_ORDER) {
        return false;
    }
    rule = &bm_op_rules[c->op];
    c->src.write = false;
    c->dst.write = bm_op_writes(c->op);
    return (c->src.space != BM_SPACE_NONE) == rule->src &&
           (c->dst.space != BM_SPACE_NONE) == rule->dst &&
           bm_side_valid(s, &c->src, left) && bm_side_valid(s, &c->dst, left);
}

/* It has its status, or all of its data: it has nothing to do any more. */
bool bm_cmd_moved(const BmCommand *c)
{
    return c->status != BM_ST_SUCCESS ?
           c->status <= UINT8_MAX && c->done <= c->length :
           c->op < ARRAY_SIZE(bm_op_rules) && c->done == c->length &&
           c->length <= 1u << BM_XFER_ORDER;
}

/* A command fails as a whole: nothing but a faulting address is reported. */
void bm_cmd_fail(BmCommand *c, enum bm_status status, uint64_t info)
{
    c->status = status;
    c->info = info;
}

void bm_cmd_decode(BmCore *s, BmCommand *c, const struct bm_hw_sqe *sqe)
{
    c->tag = le16_to_cpu(sqe->tag);
    c->flags = sqe->flags;
    c->info = 0;
    c->done = 0;
    c->length = 0;
    c->arrives = 0;
    c->status = bm_cmd_judge(s, sqe);
    if (c->status != BM_ST_SUCCESS) {
        return;
    }
    c->op = sqe->opcode;
    c->operand = le64_to_cpu(sqe->operand);
    c->length = le32_to_cpu(sqe->length);
    bm_side_init(&c->src, &sqe->src, c->length, false);
    bm_side_init(&c->dst, &sqe->dst, c->length, bm_op_writes(c->op));
}

/* CRC-32C that takes and returns the finished form: it can be chained. */
static uint32_t bm_crc32c(uint32_t crc, const uint8_t *data, size_t len)
{
    return crc32c(crc ^ UINT32_MAX, data, len);
}

/* @offset is that of @dst in the command: the pattern's phase. */
static void bm_fill(uint8_t *dst, size_t len, uint64_t pattern, uint64_t offset)
{
    uint64_t word = cpu_to_le64(ror64(pattern, offset % sizeof(word) * 8));
    size_t filled = MIN(len, sizeof(word));

    memcpy(dst, &word, filled);
    while (filled < len) {
        size_t more = MIN(filled, len - filled);

        memcpy(dst + filled, dst, more);
        filled += more;
    }
}

/* The index of the first difference, or @len. */
static size_t bm_compare(const uint8_t *a, const uint8_t *b, size_t len)
{
    size_t i = 0;

    if (memcmp(a, b, len)) {
        /* The guest may well be changing the data: look at each byte once. */
        while (i < len && a[i] == b[i]) {
            i++;
        }
        return i;
    }
    return len;
}

/* Do the operation on the next @len bytes. */
void bm_cmd_move(BmCommand *c, const uint8_t *src, uint8_t *dst, size_t len)
{
    size_t same;

    switch (c->op) {
    case BM_OP_NOP:
        g_assert_not_reached();
    case BM_OP_COPY_CRC32C:
        c->operand = bm_crc32c(c->operand, src, len);
        /* fall through */
    case BM_OP_COPY:
        memmove(dst, src, len);
        break;
    case BM_OP_CRC32C:
        c->operand = bm_crc32c(c->operand, src, len);
        break;
    case BM_OP_FILL:
        bm_fill(dst, len, c->operand, c->done);
        break;
    case BM_OP_COMPARE:
        same = bm_compare(src, dst, len);
        if (same < len) {
            c->status = BM_ST_MISCOMPARE;
            c->info = c->done + same;
        }
        break;
    }
    if (c->op == BM_OP_CRC32C || c->op == BM_OP_COPY_CRC32C) {
        c->info = c->operand;
    }
}
