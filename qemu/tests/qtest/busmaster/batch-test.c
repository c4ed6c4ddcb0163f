/*
 * busmaster qtests: submissions and completions, many at a time
 *
 * Ranges are told from each other by the transaction counters: with requests of
 * 512 bytes, and writes of 128, a batch of 16 entries costs two of each.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "harness.h"

#define SQE     sizeof(struct bm_hw_sqe)
#define CQE     sizeof(struct bm_hw_cqe)

typedef struct Bench {
    BmDev *d;
    BmRing r;
    uint16_t pushed;
    uint16_t seen;
    uint64_t mrd;
    uint64_t mwr;
} Bench;

static void bench_up(Bench *t, const void *worker, unsigned order)
{
    memset(t, 0, sizeof(*t));
    t->d = bm_start(worker, "queues=1,mem-size=1M,outstanding=64");
    bm_msix_setup(t->d, 2);
    bm_ring_init(&t->r, t->d, 0, order);
}

static void push(Bench *t, uint32_t len)
{
    struct bm_hw_sqe sqe = len ?
        bm_cmd(BM_OP_FILL, t->pushed, len, bm_none(), bm_local(0)) :
        bm_cmd(BM_OP_NOP, t->pushed, 0, bm_none(), bm_none());

    t->pushed++;
    bm_push(&t->r, &sqe);
}

/* Ring for @n more that do nothing, and take all their completions. */
static void run(Bench *t, unsigned n)
{
    while (n--) {
        push(t, 0);
    }
    bm_doorbell(&t->r);
    while (t->seen != t->pushed) {
        bm_reap(&t->r);
        g_assert_cmphex(t->r.cqe.tag, ==, t->seen++);
        g_assert_cmphex(t->r.cqe.status, ==, BM_ST_SUCCESS);
    }
    bm_ack(&t->r, 0);
}

/* Requests since this was asked last. */
static void check_requests(Bench *t, uint64_t reads, uint64_t writes)
{
    uint64_t mrd = bm_read(t->d, BM_REG_MRD_TLPS);
    uint64_t mwr = bm_read(t->d, BM_REG_MWR_TLPS);

    g_assert_cmpuint(mrd - t->mrd, ==, reads);
    g_assert_cmpuint(mwr - t->mwr, ==, writes);
    t->mrd = mrd;
    t->mwr = mwr;
    g_assert_cmpuint(bm_read(t->d, BM_REG_MRD_BYTES), ==, t->pushed * SQE);
    g_assert_cmpuint(bm_read(t->d, BM_REG_MWR_BYTES), ==, t->seen * CQE);
}

static void test_ranges(const void *worker)
{
    Bench t;

    bench_up(&t, worker, 5);
    run(&t, 1);
    check_requests(&t, 1, 1);
    run(&t, 16);            /* entries 1 to 16: across boundaries of both */
    check_requests(&t, 3, 3);
    run(&t, 15);            /* 17 to 31 */
    check_requests(&t, 2, 2);
    run(&t, 16);            /* from the beginning of the ring again */
    check_requests(&t, 2, 2);
    run(&t, 12);            /* 16 to 27 */
    check_requests(&t, 2, 2);
    run(&t, 8);             /* 28 to 31, 0 to 3: two ranges */
    check_requests(&t, 2, 2);
    bm_end(t.d);
}

/* One interrupt tells of all that was armed for; and the next of the next. */
static void test_interrupts(const void *worker)
{
    unsigned i;
    Bench t;

    bench_up(&t, worker, 5);
    for (i = 1; i <= 10; i++) {
        bm_ack(&t.r, BM_CQ_HEAD_ARM);
        run(&t, 16);
        bm_msix_wait(t.d, BM_VECTOR_QUEUE(0));
        bm_settle(t.d);
        g_assert_false(bm_msix_taken(t.d, BM_VECTOR_QUEUE(0)));
        g_assert_cmpuint(bm_read(t.d, BM_REG_MSG_TLPS), ==, i);
    }
    bm_end(t.d);
}

/* What is finished does not wait for more than 64 KiB of others. */
static void test_bounded(const void *worker)
{
    Bench t;

    bench_up(&t, worker, 5);
    push(&t, 0);
    push(&t, 60 * KiB);     /* fits in one batch with the one before */
    run(&t, 0);
    check_requests(&t, 1, 1);
    push(&t, 0);
    push(&t, 60 * KiB + 1); /* does not */
    run(&t, 0);
    check_requests(&t, 1, 2);
    push(&t, 30000);
    push(&t, 30000);
    push(&t, 30000);
    run(&t, 0);
    check_requests(&t, 1, 2);
    /* Whatever its length, a batch has one turn at least. */
    push(&t, 200 * KiB);
    push(&t, 200 * KiB);
    run(&t, 0);
    check_requests(&t, 2, 2);
    bm_end(t.d);
}

/* A completion ring of which the second half is no memory. */
static void test_refused(const void *worker)
{
    unsigned i;
    Bench t;

    bench_up(&t, worker, 9);
    bm_ring_write(&t.r, BM_QREG_CTL, 0);
    bm_ring_wait_state(&t.r, BM_QSTATE_DISABLED);
    t.r.cq = BM_RAM_SIZE - 256 * CQE;
    bm_ring_enable(&t.r);
    run(&t, 8);
    for (i = 0; i < 15; i++) {
        run(&t, 16);
    }
    for (i = 0; i < 16; i++) {
        push(&t, 0);
    }
    bm_doorbell(&t.r);
    bm_assert_halted(&t.r, BM_HALT_CQ_FAULT);
    g_assert_cmphex(bm_read(t.d, BM_REG_FAULT_ADDR), ==, BM_RAM_SIZE);
    for (i = 0; i < 8; i++) {
        g_assert_true(bm_poll(&t.r));
        g_assert_cmphex(t.r.cqe.tag, ==, t.seen++);
    }
    bm_end(t.d);
}

void bm_add_batch_tests(void)
{
    bm_add_both("batch/ranges", test_ranges);
    bm_add_both("batch/interrupts", test_interrupts);
    bm_add_both("batch/bounded", test_bounded);
    bm_add_both("batch/refused", test_refused);
}
