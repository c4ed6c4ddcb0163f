/*
 * busmaster qtests: interrupts that are held back
 *
 * Time stands still here unless a test moves it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "harness.h"

#define ARM     BM_CQ_HEAD_ARM
#define ORDER   5
#define US      1000

typedef struct Bench {
    BmDev *d;
    BmRing r;
    uint64_t messages;
} Bench;

static void moderate(Bench *t, uint32_t count, uint32_t usecs)
{
    bm_ring_write(&t->r, BM_QREG_MODERATION,
                  BM_PREP(BM_MODERATION_COUNT, count) |
                  BM_PREP(BM_MODERATION_USECS, usecs));
}

static void bench_up(Bench *t, const void *worker, uint32_t count,
                     uint32_t usecs)
{
    t->messages = 0;
    t->d = bm_start(worker, "queues=1,mem-size=1M");
    bm_msix_setup(t->d, 2);
    bm_ring_init(&t->r, t->d, 0, ORDER);
    moderate(t, count, usecs);
}

static void again(Bench *t)
{
    bm_ring_write(&t->r, BM_QREG_CTL, 0);
    bm_ring_wait_state(&t->r, BM_QSTATE_DISABLED);
    bm_ring_enable(&t->r);
}

/* Some commands, one after the other; all completions are there. */
static void run_flags(Bench *t, unsigned n, uint8_t flags)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());

    sqe.flags = flags;
    while (n--) {
        bm_submit(&t->r, &sqe);
        bm_reap(&t->r);
    }
}

static void run(Bench *t, unsigned n)
{
    run_flags(t, n, 0);
}

/* The same, once all that was before is seen and the queue is armed. */
static void run_armed(Bench *t, unsigned n)
{
    bm_ack(&t->r, ARM);
    run(t, n);
}

/* A worker that has posted may be about to look at the clock. */
static void step(Bench *t, int64_t ns)
{
    bm_settle(t->d);
    qtest_clock_step(t->d->qts, ns);
}

static void check_silence(Bench *t)
{
    bm_settle(t->d);
    g_assert_false(bm_msix_taken(t->d, BM_VECTOR_QUEUE(0)));
    g_assert_cmpuint(bm_read(t->d, BM_REG_MSG_TLPS), ==, t->messages);
}

static void check_one(Bench *t)
{
    bm_msix_wait(t->d, BM_VECTOR_QUEUE(0));
    t->messages++;
    check_silence(t);
}

/* Not a microsecond before. */
static void check_one_in(Bench *t, unsigned usecs)
{
    step(t, (usecs - 1) * US);
    check_silence(t);
    step(t, 1 * US);
    check_one(t);
}

static void test_count(const void *worker)
{
    Bench t;

    bench_up(&t, worker, 4, 1000);
    run_armed(&t, 3);
    check_silence(&t);
    run(&t, 1);
    check_one(&t);
    step(&t, 1000 * US);
    check_silence(&t);

    /* Those that were seen do not count any more. */
    run_armed(&t, 3);
    bm_ack(&t.r, 0);
    run(&t, 3);
    check_silence(&t);
    run(&t, 1);
    check_one(&t);

    /* Those that ask for silence never do; alone, they set off nothing. */
    bm_ack(&t.r, ARM);
    run_flags(&t, 5, BM_SQE_NOIRQ);
    step(&t, 1000 * US);
    run(&t, 2);
    run_flags(&t, 5, BM_SQE_NOIRQ);
    run(&t, 1);
    step(&t, 999 * US);
    check_silence(&t);
    run(&t, 1);
    check_one(&t);
    bm_end(t.d);
}

static void test_usecs(const void *worker)
{
    Bench t;

    bench_up(&t, worker, 100, 50);
    run_armed(&t, 1);
    step(&t, 30 * US);
    run(&t, 1);
    step(&t, 20 * US - 1);
    check_silence(&t);
    step(&t, 1);
    check_one(&t);
    step(&t, 1000 * US);
    check_silence(&t);

    /* The time is that of the first which was not seen. */
    run_armed(&t, 1);
    step(&t, 40 * US);
    bm_ack(&t.r, 0);
    run(&t, 1);
    check_one_in(&t, 50);

    /* All seen in time: nothing to tell, but armed still. */
    run_armed(&t, 1);
    bm_ack(&t.r, 0);
    step(&t, 1000 * US);
    check_silence(&t);
    run(&t, 1);
    check_silence(&t);
    step(&t, 50 * US);
    check_one(&t);
    bm_end(t.d);
}

/* A count below 2, or no time, holds back nothing. */
static void test_none(const void *worker)
{
    static const struct {
        uint32_t count;
        uint32_t usecs;
    } cases[] = {
        { 0, 0 }, { 0, 0xffff }, { 1, 0xffff }, { 0xffff, 0 },
    };
    unsigned i;
    Bench t;

    bench_up(&t, worker, 2, 1);
    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        moderate(&t, cases[i].count, cases[i].usecs);
        run_armed(&t, 1);
        check_one(&t);
    }
    moderate(&t, 0xffff, 0xffff);
    run_armed(&t, 20);
    check_one_in(&t, 65535);
    bm_end(t.d);
}

/* Armed when completions are waiting: their time has run all along. */
static void test_arm_late(const void *worker)
{
    uint32_t head;
    Bench t;

    bench_up(&t, worker, 4, 50);
    head = t.r.head;
    run(&t, 1);
    step(&t, 20 * US);
    bm_ack_at(&t.r, head, ARM);
    check_one_in(&t, 30);

    bm_ack(&t.r, 0);
    head = t.r.head;
    run(&t, 1);
    step(&t, 50 * US);
    check_silence(&t);
    bm_ack_at(&t.r, head, ARM);
    check_one(&t);

    bm_ack(&t.r, 0);
    head = t.r.head;
    run(&t, 4);
    check_silence(&t);
    bm_ack_at(&t.r, head, ARM);
    check_one(&t);
    bm_end(t.d);
}

/* It can be changed at any time, and applies to what is held back. */
static void test_change(const void *worker)
{
    Bench t;

    bench_up(&t, worker, 100, 1000);
    run_armed(&t, 3);
    check_silence(&t);
    moderate(&t, 0, 0);
    check_one(&t);

    moderate(&t, 100, 1000);
    run_armed(&t, 3);
    moderate(&t, 4, 1000);
    check_silence(&t);
    moderate(&t, 3, 1000);
    check_one(&t);

    run_armed(&t, 1);
    step(&t, 20 * US);
    moderate(&t, 100, 50);
    check_one_in(&t, 30);

    run_armed(&t, 1);
    step(&t, 20 * US);
    moderate(&t, 100, 80);
    check_one_in(&t, 60);

    run_armed(&t, 1);
    step(&t, 20 * US);
    moderate(&t, 100, 10);
    check_one(&t);
    bm_end(t.d);
}

/* What is held back when the queue ends is told to nobody. */
static void test_end(const void *worker)
{
    Bench t;

    bench_up(&t, worker, 100, 50);
    run_armed(&t, 1);
    again(&t);
    bm_ack(&t.r, ARM);
    step(&t, 1000 * US);
    check_silence(&t);
    /* It is no geometry, and no state: it is as it was. */
    run(&t, 1);
    check_silence(&t);
    step(&t, 50 * US);
    check_one(&t);

    run_armed(&t, 1);
    bm_ring_write(&t.r, BM_QREG_SQ_TAIL, 1u << ORDER);
    bm_assert_halted(&t.r, BM_HALT_BAD_TAIL);
    bm_msix_wait(t.d, BM_VECTOR_EVENT);
    t.messages++;
    step(&t, 1000 * US);
    check_silence(&t);

    again(&t);
    run_armed(&t, 1);
    bm_write(t.d, BM_REG_CTRL, BM_CTRL_RESET);
    t.messages = 0;
    step(&t, 1000 * US);
    check_silence(&t);
    g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_MODERATION), ==, 0);
    bm_enable(t.d);
    bm_ring_enable(&t.r);
    run_armed(&t, 1);
    check_one(&t);

    /* Nor when the device does. */
    moderate(&t, 100, 50);
    run_armed(&t, 1);
    bm_end(t.d);
}

static void test_register(const void *worker)
{
    Bench t;

    bench_up(&t, worker, 0x1234, 0x5678);
    g_assert_cmphex(BM_GET(BM_CAP2_FEATURES, bm_read(t.d, BM_REG_CAP2)) &
                    BM_FEAT_MODERATION, !=, 0);
    g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_MODERATION), ==, 0x56781234);
    bm_ring_write(&t.r, BM_QREG_CTL, 0);
    bm_ring_wait_state(&t.r, BM_QSTATE_DISABLED);
    g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_MODERATION), ==, 0x56781234);
    bm_ring_write(&t.r, BM_QREG_MODERATION, 0xffffffff);
    g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_MODERATION), ==, 0xffffffff);
    bm_end(t.d);
}

void bm_add_moderation_tests(void)
{
    bm_add_all("moderation/count", test_count);
    bm_add_all("moderation/usecs", test_usecs);
    bm_add_both("moderation/none", test_none);
    bm_add_both("moderation/arm-late", test_arm_late);
    bm_add_both("moderation/change", test_change);
    bm_add_both("moderation/end", test_end);
    bm_add("moderation/register", test_register);
}
