/*
 * busmaster: a fuzzer of the queue: the account
 *
 * What the data sheet has the device do, kept beside what it does: which
 * submission may be fetched, which bytes a command may reach, how many entries
 * a list may have, what a completion may say. It follows the device from
 * mapping to mapping and says nothing about what happens in between.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "walker.h"

#define SQE                 sizeof(struct bm_hw_sqe)
#define CQE                 sizeof(struct bm_hw_cqe)
#define SEG                 sizeof(struct bm_hw_seg)

/* One side of a command: what it was granted, and what it has used. */
typedef struct Side {
    enum bm_space space;
    bool write;
    uint64_t addr;          /* of the next byte */
    uint64_t left;          /* bytes from there on */
    uint64_t moved;
    Map map;                /* while there is one */

    uint64_t list;          /* of the next entries to be fetched */
    uint32_t count;
    unsigned fetched;       /* entries, in all */
    unsigned used;
    unsigned num, next;
    struct bm_hw_seg segs[16];
    bool bad;               /* an entry was */
} Side;

/* What became of a submission: in the device's slot for it. */
typedef struct Account {
    bool live;              /* fetched, and not yet completed */
    bool aborted;
    bool refused;           /* by the bus: it has to say so */
    Map refusal;
    uint64_t number;        /* in order of fetching */
    struct bm_hw_sqe sqe;
    Side src;
    Side dst;
} Account;

static Account accounts[BM_MAX_OUTSTANDING];
static uint64_t fetched;    /* submissions, in all */
static uint32_t sq_head;
static uint32_t cq_tail;
static bool phase;
static unsigned posting[BM_MAX_OUTSTANDING]; /* slots, in order */
static uint64_t moved;      /* bytes, in this run */

static bool trust;

/* Told to misbehave, the device is not to be trusted: bus.c alone watches. */
void account_trust(bool on)
{
    trust = on;
}

/* The queue was enabled: nothing is known, as there. */
void account_reset(void)
{
    memset(accounts, 0, sizeof(accounts));
    sq_head = 0;
    cq_tail = 0;
    phase = true;
}

/* It halts or is stopped: nothing more is to be heard of its commands. */
void account_forget(void)
{
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(accounts); i++) {
        accounts[i].live = false;
    }
}

void account_abort(uint16_t tag)
{
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(accounts); i++) {
        if (accounts[i].live && le16_to_cpu(accounts[i].sqe.tag) == tag) {
            accounts[i].aborted = true;
        }
    }
}

static uint32_t ring_mask(void)
{
    return (1u << queue.order) - 1;
}

static bool wraps(uint64_t addr, uint64_t len)
{
    return addr + (len - 1) < addr;
}

/* Which sides there are, and which bits an operand may have. */
static bool op_rule(unsigned op, bool *src, bool *dst, uint64_t *operand)
{
    *src = op != BM_OP_NOP && op != BM_OP_FILL;
    *dst = op != BM_OP_NOP && op != BM_OP_CRC32C;
    *operand = op == BM_OP_FILL ? UINT64_MAX :
               op == BM_OP_CRC32C || op == BM_OP_COPY_CRC32C ? UINT32_MAX : 0;
    return op <= BM_OP_COMPARE;
}

static bool ptr_fields(const struct bm_hw_ptr *ptr, bool used)
{
    bool list = ptr->space != BM_SPACE_HOST && ptr->space != BM_SPACE_LOCAL;

    return !ptr->reserved[0] && !ptr->reserved[1] && !ptr->reserved[2] &&
           (used ? list || !ptr->count : !ptr->addr && !ptr->count);
}

static bool ptr_space(const struct bm_hw_ptr *ptr, bool used)
{
    return used ? ptr->space == BM_SPACE_HOST ||
                  ptr->space == BM_SPACE_LOCAL ||
                  ptr->space == BM_SPACE_HOST_SGL :
                  ptr->space == BM_SPACE_NONE;
}

static bool ptr_range(const struct bm_hw_ptr *ptr, uint64_t len)
{
    uint64_t addr = le64_to_cpu(ptr->addr);

    return ptr->space == BM_SPACE_HOST ? !wraps(addr, len) :
           ptr->space == BM_SPACE_LOCAL ? addr < LOCAL_SIZE &&
                                          len <= LOCAL_SIZE - addr : true;
}

/* The data sheet, "Submissions": the checks and their order. */
static enum bm_status judge(const struct bm_hw_sqe *sqe)
{
    uint64_t len = le32_to_cpu(sqe->length), operand;
    bool src, dst;

    if (!op_rule(sqe->opcode, &src, &dst, &operand)) {
        return BM_ST_BAD_OPCODE;
    }
    if (sqe->flags > (BM_SQE_FENCE | BM_SQE_NOIRQ) ||
        le16_to_cpu(sqe->tag) == BM_TAG_NONE ||
        le64_to_cpu(sqe->operand) & ~operand ||
        !ptr_fields(&sqe->src, src) || !ptr_fields(&sqe->dst, dst) ||
        !buffer_is_zero(sqe->reserved, sizeof(sqe->reserved))) {
        return BM_ST_BAD_FIELD;
    }
    if (sqe->opcode == BM_OP_NOP ? len : !len || len > 1u << BM_XFER_ORDER) {
        return BM_ST_BAD_LENGTH;
    }
    if (!ptr_space(&sqe->src, src) || !ptr_space(&sqe->dst, dst)) {
        return BM_ST_BAD_SPACE;
    }
    if (!ptr_range(&sqe->src, len) || !ptr_range(&sqe->dst, len)) {
        return BM_ST_BAD_RANGE;
    }
    return BM_ST_SUCCESS;
}

static void side_init(Side *side, const struct bm_hw_ptr *ptr, uint64_t len,
                      bool write)
{
    side->space = ptr->space;
    side->write = write;
    if (side->space == BM_SPACE_HOST_SGL) {
        side->list = le64_to_cpu(ptr->addr);
        side->count = le32_to_cpu(ptr->count);
    } else {
        side->addr = le64_to_cpu(ptr->addr);
        side->left = len;
    }
}

/* Go on to the next segment, if what was fetched has one. */
static void side_advance(Side *side)
{
    while (side->space == BM_SPACE_HOST_SGL && !side->left && !side->bad &&
           side->next < side->num) {
        const struct bm_hw_seg *seg = &side->segs[side->next++];
        uint64_t addr = le64_to_cpu(seg->addr);
        uint32_t len = le32_to_cpu(seg->length);
        uint32_t flags = le32_to_cpu(seg->flags);

        g_assert_cmpuint(++side->used, <=, BM_SGL_MAX);
        if (flags == BM_SEG_CHAIN && side->next == side->num && !side->count) {
            side->list = addr;
            side->count = len;
        } else if (flags || !len || wraps(addr, len)) {
            side->bad = true;
        } else {
            side->addr = addr;
            side->left = len;
        }
    }
}

/* Is @side in need of entries, with no reason why it could not have them? */
static bool side_hungry(const Side *side)
{
    return side->space == BM_SPACE_HOST_SGL && !side->left && !side->bad;
}

/* The bus address that it is to go to next. */
static uint64_t side_next(const Side *side)
{
    return side_hungry(side) ? side->list : side->addr;
}

static bool list_bad(const Side *side)
{
    return side_hungry(side) &&
           (!side->count || side->list % SEG ||
            wraps(side->list, (uint64_t)side->count * SEG));
}

/* The command whose turn it is, if this is about one and not about a ring. */
static Account *account_now(void)
{
    BmCommand *c = QSIMPLEQ_FIRST(&queue.active);

    return c && (c->state == BM_CMD_SETUP_ADDR || c->state == BM_CMD_DO_READ ||
                 c->state == BM_CMD_DO_WRITE || c->state == BM_CMD_WAIT_READY)
           ? &accounts[c - queue.cmds] : NULL;
}

/* Fences: what came before one is done when what comes after it starts. */
static void check_order(const Account *a)
{
    unsigned i;

    for (i = 0; i < queue.core->outstanding; i++) {
        const Account *b = &accounts[i];

        if (b->live && b->number < a->number &&
            (a->sqe.flags | b->sqe.flags) & BM_SQE_FENCE) {
            g_assert_cmpint(queue.cmds[i].state, ==, BM_CMD_INTERRUPT);
        }
    }
}

static void map_list(Account *a, const Map *map)
{
    Side *side = side_hungry(&a->src) ? &a->src : &a->dst;

    g_assert_true(side_hungry(side) && !list_bad(side));
    g_assert_false(map->write || map->local);
    g_assert_cmphex(map->addr, ==, side->list);
    g_assert_cmpuint(map->len, <=, MIN(side->count,
                                       ARRAY_SIZE(side->segs)) * SEG);
    g_assert_cmpuint(side->fetched, <, BM_SGL_MAX);
    side->map = *map;
    a->refused = map->len < SEG;
}

static void map_data(Account *a, const Map *map)
{
    Side *side = a->src.space != BM_SPACE_NONE && !a->src.map.len ? &a->src :
                                                                    &a->dst;

    g_assert_cmpuint(side->left, >, 0);
    g_assert_true(map->write == side->write);
    g_assert_true(map->local == (side->space == BM_SPACE_LOCAL));
    g_assert_cmphex(map->addr, ==, side->addr);
    g_assert_cmpuint(map->len, <=, side->left);
    g_assert_cmpuint(map->len, <=,
                     le32_to_cpu(a->sqe.length) - side->moved);
    side->map = *map;
    a->refused = !map->len;
}

static void map_command(Account *a, const Map *map)
{
    BmCommand *c = QSIMPLEQ_FIRST(&queue.active);

    g_assert_true(a->live && !a->refused);
    g_assert_cmphex(judge(&a->sqe), ==, BM_ST_SUCCESS);
    check_order(a);
    side_advance(&a->src);
    side_advance(&a->dst);
    if (c->state == BM_CMD_SETUP_ADDR) {
        map_list(a, map);
    } else {
        map_data(a, map);
    }
    a->refusal = *map;
}

/* To be posted: no more than there is room for, in the order they ended. */
static void map_completions(const Map *map)
{
    uint32_t mask = ring_mask();
    unsigned i, count = map->len / CQE;
    BmCommand *c = QSIMPLEQ_FIRST(&queue.done);

    g_assert_cmphex(map->addr, ==, CQ_BASE + cq_tail * CQE);
    g_assert_cmpuint(cq_tail + count, <=, mask + 1);
    g_assert_cmpuint(count, <=, (queue.cq_head - cq_tail - 1) & mask);
    for (i = 0; i < count; i++) {
        posting[i] = c - queue.cmds;
        c = QSIMPLEQ_NEXT(c, link);
    }
}

void account_map(const Map *map)
{
    Account *a = account_now();

    if (!trust) {
        return;
    }
    if (a) {
        map_command(a, map);
        return;
    }
    g_assert_false(map->local);
    if (map->addr >= SHADOW_BASE) {
        g_assert_cmpuint(queue.shadow, ==, SHADOW_BASE);
        g_assert_cmphex(map->addr, ==, SHADOW_BASE + (map->write ? 64 : 0));
        g_assert_cmpuint(map->len, <=, 8);
    } else if (map->write) {
        map_completions(map);
    } else {
        g_assert_cmphex(map->addr, ==, SQ_BASE + sq_head * SQE);
        g_assert_cmpuint(map->len / SQE, <=,
                         (queue.sq_tail - sq_head) & ring_mask());
    }
}

static void unmap_command(Account *a, const Map *map, hwaddr used)
{
    Side *side = a->src.map.len && a->src.map.addr == map->addr &&
                 a->src.map.write == map->write ? &a->src : &a->dst;

    g_assert_cmphex(side->map.addr, ==, map->addr);
    g_assert_cmpuint(side->map.len, ==, map->len);
    side->map.len = 0;
    if (side_hungry(side)) {
        side->num = used / SEG;
        side->next = 0;
        side->fetched += side->num;
        side->list += side->num * SEG;
        side->count -= side->num;
        memcpy(side->segs, map->host, side->num * SEG);
    } else {
        side->addr += used;
        side->left -= used;
        side->moved += used;
        moved += used;
    }
}

static void unmap_submissions(const struct bm_hw_sqe *sqes, unsigned count)
{
    BmCommand *c = QSIMPLEQ_FIRST(&queue.free);
    unsigned i;

    for (i = 0; i < count; i++) {
        const struct bm_hw_sqe *sqe = &sqes[i];
        uint32_t len = le32_to_cpu(sqe->length);
        Account *a;

        g_assert_nonnull(c);
        a = &accounts[c - queue.cmds];
        g_assert_false(a->live);
        *a = (Account) { .live = true, .number = fetched++, .sqe = *sqe };
        side_init(&a->src, &sqe->src, len, false);
        side_init(&a->dst, &sqe->dst, len, sqe->opcode != BM_OP_COMPARE);
        c = QSIMPLEQ_NEXT(c, link);
    }
    sq_head = (sq_head + count) & ring_mask();
}

/* The data sheet, "Completions": may it say so? */
static void check_status(Account *a, enum bm_status status, uint64_t info)
{
    uint64_t len = le32_to_cpu(a->sqe.length);
    enum bm_status verdict = judge(&a->sqe);

    if (verdict != BM_ST_SUCCESS) {
        g_assert_cmphex(status, ==, verdict);
        g_assert_cmphex(info, ==, 0);
        return;
    }
    side_advance(&a->src);
    side_advance(&a->dst);
    switch (status) {
    case BM_ST_SUCCESS:
    case BM_ST_MISCOMPARE:
        g_assert_false(a->refused);
        g_assert_true(a->src.space == BM_SPACE_NONE ||
                      a->dst.space == BM_SPACE_NONE ||
                      a->src.moved == a->dst.moved);
        if (status == BM_ST_MISCOMPARE) {
            g_assert_cmphex(a->sqe.opcode, ==, BM_OP_COMPARE);
            g_assert_cmpuint(info, <, a->src.moved);
            g_assert_cmpuint(a->src.moved, <=, len);
        } else {
            g_assert_cmpuint(MAX(a->src.moved, a->dst.moved), ==, len);
        }
        break;
    case BM_ST_BAD_SGL:
        g_assert_true(a->src.bad || a->dst.bad || list_bad(&a->src) ||
                      list_bad(&a->dst));
        break;
    case BM_ST_SGL_TOO_LONG:
        g_assert_true(a->src.used == BM_SGL_MAX || a->dst.used == BM_SGL_MAX);
        break;
    case BM_ST_DMA_READ_FAULT:
    case BM_ST_DMA_WRITE_FAULT:
        if (a->refused) {
            g_assert_cmphex(info, ==, a->refusal.addr);
            g_assert_cmphex(status, ==, a->refusal.write ?
                            BM_ST_DMA_WRITE_FAULT : BM_ST_DMA_READ_FAULT);
        } else {
            g_assert_cmphex(info, >, queue.core->dma_limit);
            g_assert_true(info == side_next(&a->src) ||
                          info == side_next(&a->dst));
        }
        break;
    case BM_ST_ABORTED:
        g_assert_true(a->aborted);
        g_assert_cmphex(info, ==, 0);
        break;
    default:
        g_assert_not_reached();
    }
}

static void unmap_completions(const struct bm_hw_cqe *cqes, unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        Account *a = &accounts[posting[i]];
        uint32_t status = le32_to_cpu(cqes[i].status);

        g_assert_true(a->live);
        g_assert_cmphex(cqes[i].tag, ==, a->sqe.tag);
        g_assert_cmphex(le16_to_cpu(cqes[i].sq_head), ==, sq_head);
        g_assert_true(!!(status & BM_CQE_PHASE) == phase);
        g_assert_cmphex(status & ~(BM_CQE_PHASE | BM_CQE_STATUS), ==, 0);
        check_status(a, BM_GET(BM_CQE_STATUS, status),
                     le64_to_cpu(cqes[i].info));
        a->live = false;
    }
    cq_tail = (cq_tail + count) & ring_mask();
    phase ^= !cq_tail;
}

void account_unmap(const Map *map, hwaddr used)
{
    Account *a = account_now();

    if (!trust) {
        return;
    }
    if (a) {
        unmap_command(a, map, used);
    } else if (map->addr >= SHADOW_BASE) {
        return;
    } else if (map->write) {
        unmap_completions(map->host, used / CQE);
    } else {
        unmap_submissions(map->host, used / SQE);
    }
}

void account_run_begin(void)
{
    moved = 0;
}

/* Both sides count here. The device goes by the command's length. */
void account_run_end(uint64_t budget)
{
    g_assert_cmpuint(moved, <=, 2 * budget);
}

/* Disabled after a drain: all that was fetched has had its completion. */
void account_check_drained(void)
{
    unsigned i;

    for (i = 0; trust && i < queue.core->outstanding; i++) {
        g_assert_false(accounts[i].live);
    }
    g_assert_cmpuint(queue.num_free, ==, queue.core->outstanding);
}
