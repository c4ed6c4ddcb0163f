/*
 * busmaster qtests: when things happen, where timing-test.c has how long
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "world.h"

#define PROPS   "queues=2,mem-size=4M,timing=true,command-overhead-ns=1000," \
                "medium-latency-ns=0,irq-latency-ns=3000"
/* After years, that would make up for each tick. */
#define NO_PIT  "-machine pit=off"
#define LEN     (1 * MiB)
#define DAY     (86400 * INT64_C(1000000000))

typedef struct Bench {
    BmDev *d;
    BmRing r;
    uint64_t data;
} Bench;

static void bench_up(Bench *t)
{
    t->d = bm_start_machine(NO_PIT, &bm_in_main_loop, PROPS);
    bm_enable(t->d);
    bm_msix_setup(t->d, 3);
    bm_ring_init(&t->r, t->d, 0, 4);
    t->data = bm_alloc(t->d, LEN);
}

/*
 * The device is late by far: all that it is behind with could be sent now. The
 * main loop goes on with others after a bounded part of it.
 */
static void test_late(const void *data)
{
    const uint64_t most = 64 * 4 * KiB;
    uint64_t before, read;
    struct bm_hw_sqe sqe;
    unsigned i;
    Bench t;

    bench_up(&t);
    for (i = 0; i < 8; i++) {
        sqe = bm_cmd(BM_OP_CRC32C, i, LEN, bm_host(t.data), bm_none());
        bm_push(&t.r, &sqe);
    }
    bm_doorbell(&t.r);
    qtest_clock_step(t.d->qts, 10000);
    bm_stop(t.d);
    /* Nobody comes now, but time passes. */
    qtest_clock_step(t.d->qts, 1000000);
    read = bm_read(t.d, BM_REG_MRD_BYTES);
    bm_cont(t.d);
    for (i = 0; i < 8; i++) {
        before = read;
        qtest_clock_step(t.d->qts, 1);
        read = bm_read(t.d, BM_REG_MRD_BYTES);
        g_test_message("%" PRIu64 " bytes", read - before);
        /* In the first step, it came when the machine went on, too. */
        g_assert_cmpuint(read - before, <=, i ? most : 2 * most);
    }
    g_assert_cmpuint(read, >, 4 * most);
    bm_end(t.d);
}

/* A queue that drains has done so when its last message is there. */
static void test_drain(const void *data)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());
    unsigned late;
    Bench t;

    /* Before the completion is posted, or behind it. */
    for (late = 0; late < 2; late++) {
        bench_up(&t);
        bm_ack(&t.r, BM_CQ_HEAD_ARM);
        bm_submit(&t.r, &sqe);
        if (!late) {
            bm_ring_write(&t.r, BM_QREG_CTL, 0);
        }
        bm_step_posted(&t.r, 0, BM_ST_SUCCESS);
        if (late) {
            bm_ring_write(&t.r, BM_QREG_CTL, 0);
        }
        while (!bm_msix_taken(t.d, BM_VECTOR_QUEUE(0))) {
            g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_STATE), ==,
                            BM_QSTATE_DRAINING);
            qtest_clock_step_next(t.d->qts);
        }
        g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_STATE), ==,
                        BM_QSTATE_DISABLED);
        bm_end(t.d);
    }
}

/* The device does nothing for so many days. */
static void sleep_days(Bench *t, int64_t days)
{
    bm_stop(t->d);
    qtest_clock_step(t->d->qts, days * DAY);
    bm_cont(t->d);
}

/* How long a command takes, once it begins. */
static int64_t copy(Bench *t)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_COPY, 1, 64 * KiB, bm_local(0),
                                  bm_host(t->data));
    int64_t since = bm_read(t->d, BM_REG_CLOCK);

    bm_submit(&t->r, &sqe);
    bm_step_posted(&t->r, 0, BM_ST_SUCCESS);
    bm_ack(&t->r, 0);
    return bm_read(t->d, BM_REG_CLOCK) - since;
}

static void assert_close(int64_t a, int64_t b)
{
    g_test_message("%" PRId64 " ns, %" PRId64 " ns", a, b);
    g_assert_cmpint(llabs(a - b), <=, 2);
}

/* Into a file, and back, into a machine with the same clock. */
static void move(Bench *t)
{
    int64_t now = bm_read(t->d, BM_REG_CLOCK);
    BmDev *to;

    bm_stop(t->d);
    to = bm_move_by_file(t->d, &bm_in_main_loop, PROPS, NO_PIT);
    bm_end(t->d);
    t->d = to;
    t->r.d = to;
    qtest_clock_set(to->qts, now);
    bm_cont(to);
}

/* How long a command takes that is moved in the middle of it. */
static int64_t copy_moved(Bench *t, int64_t took)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_COPY, 1, 64 * KiB, bm_local(0),
                                  bm_host(t->data));
    int64_t since = bm_read(t->d, BM_REG_CLOCK);

    bm_submit(&t->r, &sqe);
    qtest_clock_step(t->d->qts, took / 2);
    move(t);
    bm_step_posted(&t->r, 0, BM_ST_SUCCESS);
    bm_ack(&t->r, 0);
    return bm_read(t->d, BM_REG_CLOCK) - since;
}

/* A machine may be of any age, and works, is saved and loaded as ever. */
static void test_old(const void *data)
{
    static const int64_t days[] = { 20, 10, 30, 110, 3650, 1 };
    struct bm_hw_sqe sqe;
    unsigned i;
    int64_t took;
    Bench t;

    bench_up(&t);
    took = copy(&t);
    for (i = 0; i < ARRAY_SIZE(days); i++) {
        sleep_days(&t, days[i]);
        assert_close(copy(&t), took);
        move(&t);
        assert_close(copy(&t), took);

        /* What is under way when it moves takes as long as ever. */
        assert_close(copy_moved(&t, took), took);

        /* What was under way is there when it wakes up. */
        sqe = bm_cmd(BM_OP_COPY, 2, 64 * KiB, bm_local(0), bm_host(t.data));
        bm_submit(&t.r, &sqe);
        qtest_clock_step(t.d->qts, took / 2);
        g_assert_false(bm_poll(&t.r));
        sleep_days(&t, days[i]);
        move(&t);
        bm_step_posted(&t.r, 0, BM_ST_SUCCESS);
        bm_ack(&t.r, 0);
    }
    bm_end(t.d);
}

/* The controller is booked for years: for as long as the device can tell. */
static void test_booked(const void *data)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());
    unsigned i, j;
    Bench t;

    t.d = bm_start(&bm_in_main_loop,
                   "queues=1,mem-size=1M,timing=true,outstanding=256,"
                   "command-overhead-ns=1000000000,time-scale=1000");
    bm_ring_init(&t.r, t.d, 0, 8);
    for (i = 0; i < 60; i++) {
        for (j = 0; j < 255; j++) {
            bm_push(&t.r, &sqe);
        }
        bm_doorbell(&t.r);
        for (j = 0; j < 20; j++) {
            qtest_clock_step(t.d->qts, 1000000);
        }
        g_assert_false(bm_poll(&t.r));
        bm_ring_write(&t.r, BM_QREG_SQ_TAIL, 999);
        bm_assert_halted(&t.r, BM_HALT_BAD_TAIL);
        bm_ring_write(&t.r, BM_QREG_CTL, 0);
        bm_ring_enable(&t.r);
    }
    bm_end(t.d);
}

void bm_add_clock_tests(void)
{
    bm_add_inline("clock/late", test_late);
    bm_add_inline("clock/drain", test_drain);
    bm_add_inline("clock/old", test_old);
    bm_add_inline("clock/booked", test_booked);
}
