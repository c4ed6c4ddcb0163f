/*
 * busmaster qtests: shadow doorbells
 *
 * What the harness does with them is what a driver does: it rings when an event
 * is passed. The tests here look at what happens in between.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "harness.h"

#define SQ_TAIL     offsetof(struct bm_hw_shadow, sq_tail)
#define CQ_HEAD     offsetof(struct bm_hw_shadow, cq_head)
#define SQ_EVENT    offsetof(struct bm_hw_shadow, sq_event)
#define CQ_EVENT    offsetof(struct bm_hw_shadow, cq_event)
#define ARM         BM_CQ_HEAD_ARM

typedef struct Bench {
    BmDev *d;
    BmRing r;
} Bench;

static void bench_up(Bench *t, const void *worker, unsigned order)
{
    t->d = bm_start(worker, "queues=1,mem-size=1M");
    t->d->shadow = true;
    bm_msix_setup(t->d, 2);
    bm_ring_init(&t->r, t->d, 0, order);
}

/* Have all start again, whatever has become of it. */
static void again(Bench *t)
{
    bm_ring_write(&t->r, BM_QREG_CTL, 0);
    bm_ring_wait_state(&t->r, BM_QSTATE_DISABLED);
    bm_settle(t->d);
    bm_ring_enable(&t->r);
}

/* Say that there are @n more, but do not ring. */
static void say(Bench *t, unsigned n)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());

    while (n--) {
        bm_push(&t->r, &sqe);
    }
    t->r.told_tail = t->r.tail;
    bm_shadow_write(&t->r, SQ_TAIL, t->r.tail);
}

/* The value of a register does not count. */
static void ring(Bench *t, uint64_t reg)
{
    bm_ring_write(&t->r, reg, UINT32_MAX);
}

static void reap(Bench *t, unsigned n)
{
    while (n--) {
        bm_reap(&t->r);
        g_assert_cmphex(t->r.cqe.status, ==, BM_ST_SUCCESS);
    }
}

static void check_asleep(Bench *t, uint32_t sq_event, uint32_t cq_event)
{
    unsigned patience = 1000;

    while (patience-- && (bm_shadow_read(&t->r, SQ_EVENT) != sq_event ||
                          bm_shadow_read(&t->r, CQ_EVENT) != cq_event)) {
        g_usleep(1000);
    }
    bm_settle(t->d);
    g_assert_false(bm_poll(&t->r));
    g_assert_cmphex(bm_shadow_read(&t->r, SQ_EVENT), ==, sq_event);
    g_assert_cmphex(bm_shadow_read(&t->r, CQ_EVENT), ==, cq_event);
}

/* It sleeps until it is rung for, and says where it does. */
static void test_sleep(const void *worker)
{
    unsigned lap;
    Bench t;

    bench_up(&t, worker, 2);
    for (lap = 0; lap < 5; lap++) {
        uint32_t from = t.r.tail;

        say(&t, 3);
        check_asleep(&t, from, BM_EVENT_NONE);
        ring(&t, BM_QREG_SQ_TAIL);
        reap(&t, 3);
        check_asleep(&t, t.r.tail, BM_EVENT_NONE);
        bm_ack(&t.r, 0);
    }
    /* The registers show what was taken: not yet the last head. */
    g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_SQ_TAIL), ==, 3);
    g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_CQ_HEAD), ==, 0);
    ring(&t, BM_QREG_CQ_HEAD);
    bm_wait_reg(t.d, BM_QUEUE_PAGE(0) + BM_QREG_CQ_HEAD, UINT64_MAX, 3);
    bm_end(t.d);
}

/*
 * While it works it looks by itself, and does not say where it would sleep; nor
 * afterwards, if the event is there from a lap before.
 */
static void test_awake(const void *worker)
{
    const uint32_t mark = 0x5a5a5a5a;
    struct bm_hw_sqe sqe;
    Bench t;

    bench_up(&t, worker, 3);
    sqe = bm_long(t.d, 7);
    say(&t, 2);
    ring(&t, BM_QREG_SQ_TAIL);
    reap(&t, 2);
    check_asleep(&t, 2, BM_EVENT_NONE);
    bm_ack(&t.r, 0);

    bm_shadow_write(&t.r, SQ_EVENT, mark);
    bm_push(&t.r, &sqe);
    say(&t, 3);
    ring(&t, BM_QREG_SQ_TAIL);
    reap(&t, 3);
    bm_ack(&t.r, 0);
    say(&t, 4);
    reap(&t, 4);
    g_assert_cmphex(bm_shadow_read(&t.r, SQ_EVENT), ==, mark);
    bm_ring_write(&t.r, BM_QREG_ABORT, 7);
    bm_reap(&t.r);
    g_assert_cmphex(t.r.cqe.tag, ==, 7);
    g_assert_cmphex(t.r.cqe.status, ==, BM_ST_ABORTED);
    g_assert_cmphex(t.r.tail, ==, 2);
    check_asleep(&t, mark, BM_EVENT_NONE);
    bm_ack(&t.r, 0);

    bm_shadow_write(&t.r, SQ_EVENT, 2);
    say(&t, 1);
    check_asleep(&t, 2, BM_EVENT_NONE);
    ring(&t, BM_QREG_SQ_TAIL);
    reap(&t, 1);
    check_asleep(&t, 3, BM_EVENT_NONE);
    bm_end(t.d);
}

/* From asleep to asleep: what one command and what a batch cost. */
static void test_cost(const void *worker)
{
    static const struct {
        unsigned commands;
        unsigned reads;
        unsigned writes;
    } cases[] = {
        /* Two looks and a submission; a completion and an event. */
        { 1, 3, 2 },
        /* The same: 15 of each in two requests. */
        { 15, 4, 3 },
        /* In two batches, and hence one look more. */
        { 32, 7, 5 },
    };
    uint64_t mrd = 0, mwr = 0;
    unsigned i;
    Bench t;

    bench_up(&t, worker, 7);
    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        say(&t, cases[i].commands);
        ring(&t, BM_QREG_SQ_TAIL);
        reap(&t, cases[i].commands);
        check_asleep(&t, t.r.tail, BM_EVENT_NONE);
        bm_ack(&t.r, 0);
        mrd += cases[i].reads;
        mwr += cases[i].writes;
        bm_wait_reg(t.d, BM_REG_MRD_TLPS, UINT64_MAX, mrd);
        g_assert_cmpuint(bm_read(t.d, BM_REG_MWR_TLPS), ==, mwr);
    }
    bm_end(t.d);
}

static void check_silence(Bench *t, uint64_t messages)
{
    bm_settle(t->d);
    g_assert_false(bm_msix_taken(t->d, BM_VECTOR_QUEUE(0)));
    g_assert_cmpuint(bm_read(t->d, BM_REG_MSG_TLPS), ==, messages);
}

static void check_one(Bench *t, uint64_t messages)
{
    bm_msix_wait(t->d, BM_VECTOR_QUEUE(0));
    check_silence(t, messages);
}

static void run(Bench *t)
{
    say(t, 1);
    ring(t, BM_QREG_SQ_TAIL);
    reap(t, 1);
}

static void test_arm(const void *worker)
{
    unsigned i;
    Bench t;

    bench_up(&t, worker, 3);
    run(&t);
    check_silence(&t, 0);

    /* To arm is to change the count; a head alone changes nothing. */
    bm_ack(&t.r, ARM);
    run(&t);
    check_one(&t, 1);
    g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_CQ_HEAD) & ARM, ==, 0);
    run(&t);
    bm_ack(&t.r, 0);
    run(&t);
    check_silence(&t, 1);

    /* What the head has passed raises nothing. */
    bm_ack(&t.r, ARM);
    ring(&t, BM_QREG_CQ_HEAD);
    check_silence(&t, 1);
    bm_wait_reg(t.d, BM_QUEUE_PAGE(0) + BM_QREG_CQ_HEAD, UINT64_MAX,
                t.r.head | ARM);
    run(&t);
    check_one(&t, 2);

    /* Armed too late, but rung: it fires at once. */
    run(&t);
    check_silence(&t, 2);
    bm_ack_at(&t.r, (t.r.head - 1) & 7, ARM);
    check_silence(&t, 2);
    ring(&t, BM_QREG_CQ_HEAD);
    check_one(&t, 3);

    /* The count wraps, and any change will do. */
    t.r.told_head = BM_SHADOW_ARM - BM_PREP(BM_SHADOW_ARM, 2);
    for (i = 0; i < 4; i++) {
        bm_ack(&t.r, ARM);
        run(&t);
        check_one(&t, 4 + i);
    }
    bm_end(t.d);
}

/* A full ring: it sleeps until the head passes the event. */
static void test_cq_full(const void *worker)
{
    Bench t;

    bench_up(&t, worker, 2);
    say(&t, 3);
    ring(&t, BM_QREG_SQ_TAIL);
    reap(&t, 3);
    check_asleep(&t, 3, BM_EVENT_NONE);
    say(&t, 3);
    ring(&t, BM_QREG_SQ_TAIL);
    check_asleep(&t, 2, 0);

    /* A head that is only written is not heard, one that is rung for is. */
    bm_shadow_write(&t.r, CQ_HEAD, 1);
    check_asleep(&t, 2, 0);
    ring(&t, BM_QREG_CQ_HEAD);
    reap(&t, 1);
    check_asleep(&t, 2, 1);
    bm_shadow_write(&t.r, CQ_HEAD, 0);
    ring(&t, BM_QREG_CQ_HEAD);
    reap(&t, 2);
    check_asleep(&t, 2, BM_EVENT_NONE);

    /* Drained while it is full: the same. */
    again(&t);
    say(&t, 3);
    ring(&t, BM_QREG_SQ_TAIL);
    reap(&t, 3);
    say(&t, 2);
    ring(&t, BM_QREG_SQ_TAIL);
    check_asleep(&t, 1, 0);
    bm_ring_write(&t.r, BM_QREG_CTL, 0);
    /* A tail that comes now is not looked at, be it what it may. */
    bm_shadow_write(&t.r, SQ_TAIL, UINT32_MAX);
    check_asleep(&t, 1, 0);
    bm_ring_wait_state(&t.r, BM_QSTATE_DRAINING);
    bm_ack(&t.r, 0);
    reap(&t, 2);
    bm_ring_wait_state(&t.r, BM_QSTATE_DISABLED);
    g_assert_false(bm_poll(&t.r));
    bm_end(t.d);
}

static void test_bad_values(const void *worker)
{
    static const uint32_t tails[] = { 8, 0x10000, UINT32_MAX };
    static const uint32_t heads[] = { 2, 7, 8, 0x8000, 0xffff };
    unsigned i;
    Bench t;

    bench_up(&t, worker, 3);
    for (i = 0; i < ARRAY_SIZE(tails); i++) {
        again(&t);
        bm_shadow_write(&t.r, SQ_TAIL, tails[i]);
        bm_settle(t.d);
        g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_STATE), ==,
                        BM_QSTATE_RUNNING);
        bm_ring_write(&t.r, BM_QREG_SQ_TAIL, 1);
        bm_assert_halted(&t.r, BM_HALT_BAD_TAIL);
    }
    for (i = 0; i < ARRAY_SIZE(heads); i++) {
        again(&t);
        run(&t);
        bm_shadow_write(&t.r, CQ_HEAD, heads[i]);
        bm_ring_write(&t.r, BM_QREG_CQ_HEAD, 1);
        bm_assert_halted(&t.r, BM_HALT_BAD_HEAD);
    }
    /* What is bad is noticed without a wake-up, too, if it is awake. */
    again(&t);
    bm_shadow_write(&t.r, CQ_HEAD, 1);
    say(&t, 1);
    ring(&t, BM_QREG_SQ_TAIL);
    bm_assert_halted(&t.r, BM_HALT_BAD_HEAD);
    again(&t);
    run(&t);
    bm_end(t.d);
}

/* For the other half, which the device writes, see fault/iommu-pages. */
static void test_refused(const void *worker)
{
    uint64_t good, info;
    Bench t;

    bench_up(&t, worker, 3);
    good = t.r.shadow;
    t.r.shadow = BM_NOWHERE;
    again(&t);
    ring(&t, BM_QREG_CQ_HEAD);
    bm_assert_halted(&t.r, BM_HALT_SHADOW_FAULT);
    info = bm_read(t.d, BM_REG_FAULT_INFO);
    g_assert_cmphex(bm_read(t.d, BM_REG_FAULT_ADDR), ==, BM_NOWHERE);
    g_assert_cmphex(info & BM_FAULT_WRITE, ==, 0);
    g_assert_cmphex(BM_GET(BM_FAULT_TAG, info), ==, BM_TAG_NONE);

    t.r.shadow = good;
    again(&t);
    run(&t);
    bm_end(t.d);
}

/* It is geometry: fixed while enabled, judged then, gone after a reset. */
static void test_register(const void *worker)
{
    static const uint64_t bad[] = { 0x40, 0x1001, 0x100000000, -0x80ull };
    uint64_t at, good;
    unsigned i;
    Bench t;

    t.d = bm_start(worker, "queues=1,mem-size=1M,dma-bits=32");
    t.d->shadow = true;
    g_assert_cmphex(BM_GET(BM_CAP2_FEATURES, bm_read(t.d, BM_REG_CAP2)) &
                    BM_FEAT_SHADOW, !=, 0);
    bm_ring_init(&t.r, t.d, 0, 3);
    good = t.r.shadow;
    at = t.d->regs + BM_QUEUE_PAGE(0) + BM_QREG_SHADOW;
    bm_ring_write(&t.r, BM_QREG_SHADOW, 0x2000);
    g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_SHADOW), ==, good);

    for (i = 0; i < ARRAY_SIZE(bad); i++) {
        bm_ring_write(&t.r, BM_QREG_CTL, 0);
        bm_ring_wait_state(&t.r, BM_QSTATE_DISABLED);
        qtest_writel(t.d->qts, at, bad[i]);
        qtest_writel(t.d->qts, at + 4, bad[i] >> 32);
        g_assert_cmphex(qtest_readq(t.d->qts, at), ==, bad[i]);
        bm_ring_write(&t.r, BM_QREG_CTL, BM_QCTL_ENABLE);
        bm_assert_halted(&t.r, BM_HALT_BAD_GEOMETRY);
    }
    /* Rings are aligned to more than these. */
    t.r.shadow = good + BM_SHADOW_ALIGN;
    again(&t);
    run(&t);

    bm_write(t.d, BM_REG_CTRL, BM_CTRL_RESET);
    g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_SHADOW), ==, 0);
    /* Without it registers are what counts again. */
    bm_enable(t.d);
    t.r.shadow = 0;
    bm_ring_enable(&t.r);
    for (i = 0; i < 10; i++) {
        struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, i, 0, bm_none(), bm_none());

        g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_SUCCESS);
    }
    bm_end(t.d);
}

/* As a driver does that has never heard of shadow doorbells. */
static void enable_plainly(BmRing *r)
{
    qtest_memset(r->d->qts, r->cq, 0, sizeof(struct bm_hw_cqe) << r->order);
    r->tail = 0;
    r->head = 0;
    r->phase = true;
    r->shadow = 0;
    bm_ring_write(r, BM_QREG_SQ_BASE, r->sq);
    bm_ring_write(r, BM_QREG_CQ_BASE, r->cq);
    bm_ring_write(r, BM_QREG_ORDER, r->order);
    bm_ring_write(r, BM_QREG_CTL, BM_QCTL_ENABLE);
}

/* After a reset the last driver's memory is somebody else's. */
static void test_reset(const void *worker)
{
    const size_t len = sizeof(struct bm_hw_shadow);
    uint8_t byte, *now = g_malloc(len);
    uint64_t old;
    unsigned i;
    Bench t;

    bench_up(&t, worker, 3);
    old = t.r.shadow;
    for (byte = 0xee; byte < 0xf0; byte++) {
        t.r.shadow = old;
        bm_ring_enable(&t.r);
        run(&t);
        if (byte == 0xee) {
            bm_write(t.d, BM_REG_CTRL, BM_CTRL_RESET);
        } else {
            qpci_config_writew(t.d->pci, BM_EXP + PCI_EXP_DEVCTL,
                               PCI_EXP_DEVCTL_BCR_FLR);
            bm_map(t.d);
        }
        qtest_memset(t.d->qts, old, byte, len);
        bm_enable(t.d);
        enable_plainly(&t.r);
        for (i = 0; i < 20; i++) {
            struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, i, 0, bm_none(),
                                          bm_none());

            g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_SUCCESS);
        }
        qtest_memread(t.d->qts, old, now, len);
        for (i = 0; i < len; i++) {
            g_assert_cmphex(now[i], ==, byte);
        }
        bm_ring_write(&t.r, BM_QREG_CTL, 0);
        bm_ring_wait_state(&t.r, BM_QSTATE_DISABLED);
    }
    g_free(now);
    bm_end(t.d);
}

/* With doorbells in memory: each submission is seen, asleep or awake. */
static void test_slow(const void *data)
{
    static const BmVariant shadow = { .shadow = true };
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());
    unsigned i, seen = 0;
    BmDev *d;
    BmRing r;

    d = bm_start(&shadow, "queues=1,mem-size=1M,timing=true,"
                 "read-latency-ns=1000,command-overhead-ns=100");
    bm_ring_init(&r, d, 0, 6);
    for (i = 0; i < 300; i++) {
        bm_submit(&r, &sqe);
        qtest_clock_step(d->qts, i * 37 % 2500 + 1);
        while (bm_poll(&r)) {
            seen++;
            bm_ack(&r, 0);
        }
        if (i - seen > 30) {
            qtest_clock_step(d->qts, 100000);
        }
    }
    while (seen < 300) {
        g_assert_cmpint(qtest_clock_step(d->qts, 100000), <, 1000000000);
        while (bm_poll(&r)) {
            seen++;
            bm_ack(&r, 0);
        }
    }
    bm_end(d);
}

void bm_add_shadow_tests(void)
{
    bm_add_both("shadow/sleep", test_sleep);
    bm_add_both("shadow/awake", test_awake);
    bm_add_both("shadow/cost", test_cost);
    bm_add_both("shadow/arm", test_arm);
    bm_add_both("shadow/cq-full", test_cq_full);
    bm_add_both("shadow/bad-values", test_bad_values);
    bm_add_both("shadow/refused", test_refused);
    bm_add("shadow/register", test_register);
    bm_add_both("shadow/reset", test_reset);
    bm_add_inline("shadow/slow", test_slow);
}
