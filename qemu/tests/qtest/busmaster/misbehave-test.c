/*
 * busmaster qtests: a device that does what it must not do
 *
 * Each case sees what the mode promises, no more, and that all is well after
 * it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "bench.h"

#define TAG     0x7012

/*
 * Queues and the device
 */

/* Nothing is heard any more: no doorbell, no abort, no drain. */
static void test_hang(const void *worker)
{
    BmRing other;
    unsigned i;
    Bench t;

    bench_up(&t, worker);
    bm_ring_init(&other, t.d, 0, BENCH_ORDER);
    bm_arm(t.d, BM_INJECT_HANG, 1, ALL, 0);
    bench_submit(&t, 1);
    bench_submit(&t, 2);
    bench_nothing(&t);
    bm_assert_armed(t.d, BM_INJECT_HANG, 1, 0);
    bm_ring_write(&t.r, BM_QREG_ABORT, 1);
    bm_ring_write(&t.r, BM_QREG_SQ_TAIL, UINT32_MAX);
    bm_ring_write(&t.r, BM_QREG_MODERATION, 0);
    bench_nothing(&t);
    g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_STATE), ==, BM_QSTATE_RUNNING);
    bm_ring_write(&t.r, BM_QREG_CTL, 0);
    bench_nothing(&t);
    g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_STATE), ==, BM_QSTATE_DRAINING);

    /* Others do not mind. */
    for (i = 0; i < 20; i++) {
        struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, i, 0, bm_none(), bm_none());

        g_assert_cmphex(bm_exec(&other, &sqe), ==, BM_ST_SUCCESS);
    }
    /* The tail was bad, but it was not heard, and is not heard later. */
    bench_again(&t);
    bench_submit(&t, 3);
    bench_expect(&t, 3);
    bench_down(&t, BM_INJECT_HANG);
}

static void test_halt(const void *worker)
{
    unsigned i;
    Bench t;

    bench_up(&t, worker);
    for (i = 0; i < 2; i++) {
        static const uint8_t causes[] = { 0x7f, 0x33 };

        bench_again(&t);
        bm_arm(t.d, BM_INJECT_HALT, 1, ALL, i ? causes[i] : 0);
        bench_submit_all(&t, 1, 2);
        bm_assert_halted(&t.r, causes[i]);
        bm_msix_wait(t.d, BM_VECTOR_EVENT);
        bench_nothing(&t);
    }
    bm_ring_write(&t.r, BM_QREG_CTL, 0);
    g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_STATE), ==, BM_QSTATE_DISABLED);
    bench_down(&t, BM_INJECT_HALT);
}

static void check_fatal(Bench *t, unsigned cause)
{
    bm_msix_wait(t->d, BM_VECTOR_EVENT);
    g_assert_cmphex(bm_read(t->d, BM_REG_STATUS), ==, BM_STATUS_FATAL |
                    BM_PREP(BM_STATUS_CAUSE, cause));
}

static void test_fatal(const void *worker)
{
    struct bm_hw_sqe sqe;
    BmRing other;
    Bench t;

    bench_up(&t, worker);
    sqe = bm_long(t.d, 9);
    bm_ring_init(&other, t.d, 0, BENCH_ORDER);
    bm_submit(&other, &sqe);
    bm_arm(t.d, BM_INJECT_FATAL, 1, 1, 0);
    bench_submit(&t, 1);
    check_fatal(&t, BM_FATAL_INTERNAL);
    bm_assert_armed(t.d, BM_INJECT_FATAL, 1, 0);
    g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_STATE), ==, BM_QSTATE_DISABLED);
    g_assert_cmphex(bm_ring_reg(&other, BM_QREG_STATE), ==,
                    BM_QSTATE_DISABLED);
    bench_nothing(&t);
    g_assert_false(bm_poll(&other));

    /* Nothing but a reset helps. */
    bm_ring_enable(&t.r);
    g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_STATE), ==, BM_QSTATE_DISABLED);
    bm_write(t.d, BM_REG_CTRL, 0);
    bm_write(t.d, BM_REG_CTRL, BM_CTRL_ENABLE);
    g_assert_cmphex(bm_read(t.d, BM_REG_STATUS), ==, BM_STATUS_FATAL |
                    BM_PREP(BM_STATUS_CAUSE, BM_FATAL_INTERNAL));
    bm_ring_enable(&t.r);
    g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_STATE), ==, BM_QSTATE_DISABLED);
    bm_write(t.d, BM_REG_CTRL, BM_CTRL_RESET);
    g_assert_cmphex(bm_read(t.d, BM_REG_STATUS), ==, 0);
    bm_enable(t.d);

    /* Any cause; and a function reset helps as well. */
    bm_ring_enable(&t.r);
    bm_arm(t.d, BM_INJECT_FATAL, 1, ALL, 0x42);
    bench_submit(&t, 1);
    check_fatal(&t, 0x42);

    /* No cause at all is none: what does not fit is not looked at. */
    bm_write(t.d, BM_REG_CTRL, BM_CTRL_RESET);
    bm_enable(t.d);
    bm_ring_enable(&t.r);
    bm_arm(t.d, BM_INJECT_FATAL, 1, ALL, 1ull << 32);
    bench_submit(&t, 1);
    check_fatal(&t, BM_FATAL_INTERNAL);
    bench_flr(&t);
    g_assert_cmphex(bm_read(t.d, BM_REG_STATUS), ==, 0);
    bench_down(&t, BM_INJECT_FATAL);
}

static void test_reset_ignore(const void *worker)
{
    Bench t;

    bench_up(&t, worker);
    bm_arm(t.d, BM_INJECT_RESET_IGNORE, 1, ALL, 0);
    bm_write(t.d, BM_REG_CTRL, BM_CTRL_RESET);
    bm_settle(t.d);
    g_assert_cmphex(bm_read(t.d, BM_REG_CTRL), ==,
                    BM_CTRL_RESET | BM_CTRL_ENABLE);
    bm_assert_armed(t.d, BM_INJECT_RESET_IGNORE, 1, 0);
    bench_submit(&t, 1);
    bench_expect(&t, 1);
    /* What is not a reset changes nothing about it. */
    bm_write(t.d, BM_REG_CTRL, 0);
    g_assert_cmphex(bm_read(t.d, BM_REG_CTRL), ==, BM_CTRL_RESET);
    bm_write(t.d, BM_REG_CTRL, BM_CTRL_RESET);
    g_assert_cmphex(bm_read(t.d, BM_REG_CTRL), ==, 0);
    bm_enable(t.d);
    bm_ring_enable(&t.r);

    /* A function reset is not ignored, and ends it. */
    bm_arm(t.d, BM_INJECT_RESET_IGNORE, ALWAYS, ALL, 0);
    bm_write(t.d, BM_REG_CTRL, BM_CTRL_RESET);
    bm_write(t.d, BM_REG_CTRL, BM_CTRL_RESET);
    g_assert_cmphex(bm_read(t.d, BM_REG_CTRL), ==,
                    BM_CTRL_RESET | BM_CTRL_ENABLE);
    bench_flr(&t);
    g_assert_cmphex(bm_read(t.d, BM_REG_CTRL), ==, 0);
    bench_down(&t, BM_INJECT_RESET_IGNORE);
}

static void test_enable_ignore(const void *worker)
{
    Bench t;

    bench_up(&t, worker);
    bm_arm(t.d, BM_INJECT_ENABLE_IGNORE, 1, ALL, 0);
    /* To leave it set is no event. */
    bm_write(t.d, BM_REG_CTRL, BM_CTRL_ENABLE);
    bm_assert_armed(t.d, BM_INJECT_ENABLE_IGNORE, 0, 1);
    bm_write(t.d, BM_REG_CTRL, 0);
    bm_write(t.d, BM_REG_CTRL, BM_CTRL_ENABLE);
    bm_settle(t.d);
    g_assert_cmphex(bm_read(t.d, BM_REG_CTRL), ==, BM_CTRL_ENABLE);
    g_assert_cmphex(bm_read(t.d, BM_REG_STATUS), ==, 0);
    bm_assert_armed(t.d, BM_INJECT_ENABLE_IGNORE, 1, 0);
    bm_ring_enable(&t.r);
    g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_STATE), ==, BM_QSTATE_DISABLED);
    bm_write(t.d, BM_REG_CTRL, BM_CTRL_ENABLE);
    g_assert_cmphex(bm_read(t.d, BM_REG_STATUS), ==, 0);
    bench_down(&t, BM_INJECT_ENABLE_IGNORE);
}

/* All registers but the window: reads are @value, writes go nowhere. */
static void check_gone(Bench *t, enum bm_inject mode, uint64_t value)
{
    static const uint64_t regs[] = {
        BM_REG_ID, BM_REG_STATUS, 0x7f8, BM_QUEUE_PAGE(1) + BM_QREG_STATE,
        BM_QUEUE_PAGE(2), BM_QUEUE_PAGE(1) + BM_REG_INJECT_ARG,
    };
    const uint64_t order = t->d->regs + BM_QUEUE_PAGE(0) + BM_QREG_ORDER;
    unsigned i;

    bm_arm(t->d, mode, ARRAY_SIZE(regs) + 3, 0, 0x123);
    for (i = 0; i < ARRAY_SIZE(regs); i++) {
        g_assert_cmphex(bm_read(t->d, regs[i]), ==, value);
    }
    g_assert_cmphex(qtest_readl(t->d->qts, order), ==, (uint32_t)value);
    g_assert_cmphex(qtest_readl(t->d->qts, order + 4), ==, (uint32_t)value);
    bm_assert_armed(t->d, mode, ARRAY_SIZE(regs) + 2, 1);
    g_assert_cmphex(bm_read(t->d, BM_REG_INJECT_ARG), ==, 0x123);

    bm_write(t->d, BM_REG_CTRL, BM_CTRL_RESET);
    bm_write(t->d, BM_QUEUE_PAGE(0) + BM_QREG_ORDER, 5);
    bench_submit(t, 1);
    bench_nothing(t);
    bm_assert_armed(t->d, mode, ARRAY_SIZE(regs) + 3, 0);
    g_assert_cmphex(bm_read(t->d, BM_REG_STATUS), ==, BM_STATUS_READY);
    g_assert_cmphex(qtest_readl(t->d->qts, order), ==, 0);
    /* DMA is another matter: what was rung for is done. */
    bench_submit(t, 2);
    bench_expect(t, 1);
    bench_expect(t, 2);
    bm_ack(&t->r, 0);

    /* Until it is disarmed; memory is no register. */
    bm_arm(t->d, mode, ALWAYS, ALL, 0);
    for (i = 0; i < 100; i++) {
        g_assert_cmphex(bm_read(t->d, BM_REG_ID), ==, value);
    }
    qtest_writel(t->d->qts, t->d->mem, 0x12345678);
    g_assert_cmphex(qtest_readl(t->d->qts, t->d->mem), ==, 0x12345678);
    bm_arm(t->d, mode, 0, ALL, 0);
    bm_assert_armed(t->d, mode, 100, 0);
}

static void test_reads_ones(const void *worker)
{
    Bench t;

    bench_up(&t, worker);
    check_gone(&t, BM_INJECT_READS_ONES, UINT64_MAX);
    bench_down(&t, BM_INJECT_READS_ONES);
}

static void test_reads_zeros(const void *worker)
{
    Bench t;

    bench_up(&t, worker);
    check_gone(&t, BM_INJECT_READS_ZEROS, 0);
    bench_down(&t, BM_INJECT_READS_ZEROS);
}

/*
 * Commands
 */

/* A COPY that goes to @ptr on one side, and is refused at @refused there. */
static void check_rogue(Bench *t, enum bm_inject mode, BmPlace *src,
                        BmPlace *dst, uint64_t addr, unsigned fault)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_COPY, TAG, BENCH_LEN, src->ptr,
                                  dst->ptr);
    struct bm_hw_sqe crc = bm_cmd(BM_OP_CRC32C, 1, BENCH_LEN, src->ptr,
                                  bm_none());
    const bool write = mode == BM_INJECT_ROGUE_WRITE;
    BmPlace rogue = {
        .d = t->d, .len = BENCH_LEN, .pieces = 1,
        .addr = { addr }, .size = { BENCH_LEN },
    };
    g_autofree uint8_t *before = bm_random(BENCH_LEN);

    /* The side that it leaves alone is left alone. */
    bm_place_write(write ? dst : src, before);
    bm_arm(t->d, mode, 1, ALL, addr);
    g_assert_cmphex(bm_exec(&t->r, &crc), ==, BM_ST_SUCCESS);
    bm_assert_armed(t->d, mode, 0, 1);
    bench_copy(t, write ? src : &rogue, write ? &rogue : dst, &sqe);
    bm_place_check(write ? dst : src, before);
    bm_assert_armed(t->d, mode, 1, 0);

    /* It is judged as any other. */
    bm_arm(t->d, mode, 1, ALL, BM_RAM_SIZE - BENCH_LEN + 1);
    g_assert_cmphex(bm_exec(&t->r, &sqe), ==, fault);
    g_assert_cmphex(t->r.cqe.info, ==, BM_RAM_SIZE);
    g_assert_cmphex(bm_read(t->d, BM_REG_FAULT_ADDR), ==, BM_RAM_SIZE);
    g_assert_cmphex(BM_GET(BM_FAULT_TAG, bm_read(t->d, BM_REG_FAULT_INFO)), ==,
                    TAG);
    bm_arm(t->d, mode, 1, ALL, -1ull);
    g_assert_cmphex(bm_exec(&t->r, &sqe), ==, BM_ST_BAD_RANGE);
}

static void check_rogues(const void *worker, enum bm_inject mode,
                         unsigned fault)
{
    static const enum bm_space spaces[] = {
        BM_SPACE_HOST, BM_SPACE_LOCAL, BM_SPACE_HOST_SGL,
    };
    BmPlace src, dst;
    uint64_t addr;
    unsigned i;
    Bench t;

    bench_up(&t, worker);
    addr = bm_alloc(t.d, BENCH_LEN + 5) + 5;
    for (i = 0; i < ARRAY_SIZE(spaces); i++) {
        bm_place(&src, t.d, spaces[i], BENCH_LEN);
        bm_place(&dst, t.d, spaces[i], BENCH_LEN);
        check_rogue(&t, mode, &src, &dst, addr, fault);
    }
    bench_down(&t, mode);
}

static void test_rogue_read(const void *worker)
{
    check_rogues(worker, BM_INJECT_ROGUE_READ, BM_ST_DMA_READ_FAULT);
}

static void test_rogue_write(const void *worker)
{
    check_rogues(worker, BM_INJECT_ROGUE_WRITE, BM_ST_DMA_WRITE_FAULT);
}

/* @len bytes at @addr: ones, and only these. */
static void check_ones(Bench *t, uint64_t addr, size_t len)
{
    size_t i;

    for (i = 0; i < len; i += 8) {
        g_assert_cmphex(qtest_readq(t->d->qts, addr + i), ==, UINT64_MAX);
    }
    g_assert_cmphex(qtest_readq(t->d->qts, addr + len), !=, UINT64_MAX);
}

/* The command is none the worse for it: it was fetched. */
static void test_sqe_change(const void *worker)
{
    struct bm_hw_sqe sqe;
    BmPlace src, dst;
    Bench t;

    bench_up(&t, worker);
    bm_place(&src, t.d, BM_SPACE_HOST, BENCH_LEN);
    bm_place(&dst, t.d, BM_SPACE_HOST, BENCH_LEN);
    sqe = bm_cmd(BM_OP_COPY, TAG, BENCH_LEN, src.ptr, dst.ptr);
    bench_copy(&t, &src, &dst, &sqe);
    bm_arm(t.d, BM_INJECT_SQE_CHANGE, 2, ALL, 0);
    bench_copy(&t, &src, &dst, &sqe);
    check_ones(&t, t.r.sq + sizeof(sqe), sizeof(sqe));
    bench_copy(&t, &src, &dst, &sqe);
    check_ones(&t, t.r.sq + sizeof(sqe), 2 * sizeof(sqe));
    bm_assert_armed(t.d, BM_INJECT_SQE_CHANGE, 2, 0);
    bench_down(&t, BM_INJECT_SQE_CHANGE);
}

/* Likewise; but only what was fetched at one time, 16 entries at most. */
static void test_sgl_change(const void *worker)
{
    const unsigned n = 20, size = 100;
    g_autofree uint8_t *data = bm_random(BENCH_LEN);
    struct bm_hw_sqe sqe;
    uint64_t list, area;
    unsigned i;
    Bench t;

    bench_up(&t, worker);
    list = bm_alloc(t.d, n * sizeof(struct bm_hw_seg));
    area = bm_alloc(t.d, n * size);
    qtest_memwrite(t.d->qts, area, data, n * size);
    for (i = 0; i < n; i++) {
        bm_seg(t.d, list, i, area + i * size, size, 0);
    }
    sqe = bm_cmd(BM_OP_COPY, TAG, n * size, bm_sgl(list, n), bm_local(0));
    bm_arm(t.d, BM_INJECT_SGL_CHANGE, 1, ALL, 0);
    g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_SUCCESS);
    bm_assert_armed(t.d, BM_INJECT_SGL_CHANGE, 1, 0);
    check_ones(&t, list, 16 * sizeof(struct bm_hw_seg));
    for (i = 0; i < n * size; i += 8) {
        g_assert_cmphex(qtest_readq(t.d->qts, t.d->mem + i), ==,
                        ldq_le_p(data + i));
    }
    bench_down(&t, BM_INJECT_SGL_CHANGE);
}

/* It sleeps, but does not say so: a driver that goes by it never rings. */
static void test_event_lost(const void *worker)
{
    const size_t sq_event = offsetof(struct bm_hw_shadow, sq_event);
    Bench t;

    bench_up(&t, worker);
    t.d->shadow = true;
    bm_write(t.d, BM_REG_CTRL, 0);
    bm_enable(t.d);
    bm_ring_init(&t.r, t.d, BENCH_QUEUE, BENCH_ORDER);
    bm_arm(t.d, BM_INJECT_EVENT_LOST, 1, ALL, 0);
    bench_submit(&t, 1);
    bench_expect(&t, 1);
    bm_settle(t.d);
    bm_assert_armed(t.d, BM_INJECT_EVENT_LOST, 1, 0);
    g_assert_cmphex(bm_shadow_read(&t.r, sq_event), ==, BM_EVENT_NONE);
    bench_submit(&t, 2);
    bench_nothing(&t);
    g_assert_cmphex(bm_shadow_read(&t.r, sq_event), ==, BM_EVENT_NONE);

    /* Who rings nevertheless is heard, and is told the next event. */
    bm_ring_write(&t.r, BM_QREG_SQ_TAIL, 0);
    bench_expect(&t, 2);
    bm_settle(t.d);
    g_assert_cmphex(bm_shadow_read(&t.r, sq_event), ==, 2);
    bench_submit(&t, 3);
    bench_expect(&t, 3);
    bench_down(&t, BM_INJECT_EVENT_LOST);
}

/* Any mode, any count but always, which nothing would follow. */
static void arm_any(Bench *t)
{
    static const uint64_t args[] = { 0, 1, 20, 1 * MiB, BM_NOWHERE, -1ull };

    bm_arm(t->d, g_test_rand_int_range(1, BM_INJECT_END),
           g_test_rand_int_range(0, 4),
           g_test_rand_int_range(0, 2) ? ALL : BENCH_QUEUE,
           args[g_test_rand_int_range(0, ARRAY_SIZE(args))]);
}

static void do_anything(Bench *t, const struct bm_hw_sqe *sqe)
{
    switch (g_test_rand_int_range(0, 12)) {
    case 0:
        qtest_clock_step(t->d->qts, g_test_rand_int_range(1, 200) * US);
        break;
    case 1:
        bm_ack_at(&t->r, t->r.tail, ARM);
        break;
    case 2:
        bm_ring_write(&t->r, BM_QREG_ABORT, TAG);
        break;
    case 3:
        bm_ring_write(&t->r, BM_QREG_CTL, 0);
        break;
    case 4:
        bm_write(t->d, BM_REG_CTRL, g_test_rand_int_range(0, 3));
        break;
    case 5:
    case 6:
        bm_write(t->d, BM_REG_CTRL, BM_CTRL_ENABLE);
        bm_ring_enable(&t->r);
        break;
    case 7:
    case 8:
        arm_any(t);
        break;
    default:
        bm_submit(&t->r, sqe);
    }
    bm_read(t->d, BM_REG_ID);
}

/* All that can be wrong, together and in any state: QEMU is none the worse. */
static void test_all(const void *worker)
{
    struct bm_hw_sqe sqe;
    BmPlace src, dst;
    unsigned i;
    Bench t;

    bench_up(&t, worker);
    bm_place(&src, t.d, BM_SPACE_HOST_SGL, BENCH_LEN);
    bm_place(&dst, t.d, BM_SPACE_HOST, BENCH_LEN);
    for (i = 0; i < 2000; i++) {
        sqe = bm_cmd(BM_OP_COPY, TAG, BENCH_LEN, src.ptr, dst.ptr);
        sqe.flags = g_test_rand_int_range(0, 4);
        do_anything(&t, &sqe);
    }
    bench_flr(&t);
    for (i = 1; i < BM_INJECT_END; i++) {
        bm_assert_armed(t.d, i, 0, 0);
    }
    bench_down(&t, BM_INJECT_HANG);
}

void bm_add_misbehave_tests(void)
{
    bm_add_both("misbehave/hang", test_hang);
    bm_add_both("misbehave/halt", test_halt);
    bm_add_both("misbehave/fatal", test_fatal);
    bm_add_both("misbehave/rogue-read", test_rogue_read);
    bm_add("misbehave/rogue-write", test_rogue_write);
    bm_add_both("misbehave/sqe-change", test_sqe_change);
    bm_add("misbehave/sgl-change", test_sgl_change);
    bm_add_both("misbehave/event-lost", test_event_lost);
    bm_add("misbehave/reads-ones", test_reads_ones);
    bm_add("misbehave/reads-zeros", test_reads_zeros);
    bm_add("misbehave/reset-ignore", test_reset_ignore);
    bm_add("misbehave/enable-ignore", test_enable_ignore);
    bm_add_all("misbehave/all-at-once", test_all);
}
