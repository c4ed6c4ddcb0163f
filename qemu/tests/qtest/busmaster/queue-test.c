/*
 * busmaster qtests: rings, order, drain and abort
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "harness.h"

static struct bm_hw_sqe nop(uint16_t tag)
{
    return bm_cmd(BM_OP_NOP, tag, 0, bm_none(), bm_none());
}

/* Much to do, but in device memory alone. */
static struct bm_hw_sqe big(BmDev *d, uint16_t tag)
{
    return bm_cmd(BM_OP_COPY_CRC32C, tag, d->mem_size / 2, bm_local(0),
                  bm_local(d->mem_size / 2));
}

/* Rings of all kinds of size, several laps, full and not: phase and wrap. */
static void test_wrap(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=4,mem-size=1M");
    unsigned order, i, n;

    for (order = BM_MIN_ORDER; order <= 4; order++) {
        unsigned room = (1u << order) - 1;
        uint16_t tag = 0;
        BmRing r;

        bm_ring_init(&r, d, order - 1, order);
        for (i = 0; i < 40; i++) {
            unsigned burst = 1 + i % room;
            uint16_t seen = tag;

            for (n = 0; n < burst; n++) {
                struct bm_hw_sqe sqe = nop(tag++);

                bm_push(&r, &sqe);
            }
            bm_doorbell(&r);
            for (n = 0; n < burst; n++) {
                bm_reap(&r);
                g_assert_cmphex(r.cqe.tag, ==, seen++);
                g_assert_cmphex(r.cqe.status, ==, BM_ST_SUCCESS);
            }
            g_assert_cmphex(r.cqe.sq_head, ==, r.tail);
            g_assert_false(bm_poll(&r));
            bm_ack(&r, 0);
        }
        if (!d->shadow) {
            g_assert_cmphex(bm_ring_reg(&r, BM_QREG_CQ_HEAD), ==, r.head);
            g_assert_cmphex(bm_ring_reg(&r, BM_QREG_SQ_TAIL), ==, r.tail);
        }
    }
    bm_end(d);
}

/* The largest ring, filled at once: fetched in batches, nothing is lost. */
static void test_largest(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=1,mem-size=1M");
    unsigned order = BM_GET(BM_CAP_MAX_ORDER, bm_read(d, BM_REG_CAP));
    unsigned i, lap;
    BmRing r;

    g_assert_cmpuint(order, ==, 12);
    bm_ring_init(&r, d, 0, order);
    for (lap = 0; lap < 2; lap++) {
        for (i = 0; i < (1u << order) - 1; i++) {
            struct bm_hw_sqe sqe = nop(i);

            bm_push(&r, &sqe);
        }
        bm_doorbell(&r);
        for (i = 0; i < (1u << order) - 1; i++) {
            bm_reap(&r);
            g_assert_cmphex(r.cqe.tag, ==, i);
        }
        bm_ack(&r, 0);
    }
    bm_end(d);
}

/* All queues of a device at once, each with its own data. */
static void many_queues(const void *worker, unsigned queues)
{
    g_autofree char *props = g_strdup_printf("queues=%u,mem-size=1M", queues);
    g_autofree BmRing *r = g_new0(BmRing, queues);
    BmDev *d = bm_start(worker, props);
    unsigned q;

    g_assert_cmpuint(BM_GET(BM_CAP_QUEUES, bm_read(d, BM_REG_CAP)), ==,
                     queues);
    for (q = 0; q < queues; q++) {
        bm_ring_init(&r[q], d, q, 3);
    }
    for (q = 0; q < queues; q++) {
        struct bm_hw_sqe sqe = bm_cmd(BM_OP_FILL, q, 4096, bm_none(),
                                      bm_local(q * 4096));

        sqe.operand = cpu_to_le64(q + 1);
        bm_submit(&r[q], &sqe);
    }
    for (q = 0; q < queues; q++) {
        bm_reap(&r[q]);
        g_assert_cmphex(r[q].cqe.tag, ==, q);
        g_assert_cmphex(r[q].cqe.status, ==, BM_ST_SUCCESS);
        g_assert_cmphex(qtest_readq(d->qts, d->mem + q * 4096), ==, q + 1);
        g_assert_cmphex(qtest_readq(d->qts, d->mem + q * 4096 + 4088), ==,
                        q + 1);
    }
    bm_end(d);
}

static void test_one_queue(const void *worker)
{
    many_queues(worker, 1);
}

static void test_64_queues(const void *worker)
{
    many_queues(worker, 64);
}

/* A small command is not stuck behind a big one. */
static void test_overtake(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=1,mem-size=16M");
    struct bm_hw_sqe sqe = big(d, 1);
    BmRing r;

    bm_ring_init(&r, d, 0, 4);
    bm_push(&r, &sqe);
    sqe = bm_cmd(BM_OP_FILL, 2, 4096, bm_none(), bm_host(bm_alloc(d, 4096)));
    bm_submit(&r, &sqe);
    bm_reap(&r);
    g_assert_cmphex(r.cqe.tag, ==, 2);
    bm_reap(&r);
    g_assert_cmphex(r.cqe.tag, ==, 1);
    g_assert_cmphex(r.cqe.status, ==, BM_ST_SUCCESS);
    bm_end(d);
}

/* ... unless a fence is between them: on either side of it. */
static void test_fence(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=1,mem-size=16M");
    uint16_t tag;
    BmRing r;

    bm_ring_init(&r, d, 0, 4);
    for (tag = 0; tag < 6; tag++) {
        struct bm_hw_sqe sqe = tag & 1 ? nop(tag) : big(d, tag);

        sqe.flags = tag == 1 || tag == 2 || tag == 4 ? BM_SQE_FENCE : 0;
        bm_push(&r, &sqe);
    }
    /* big; fenced nop; fenced big; nop; fenced big; nop */
    bm_doorbell(&r);
    for (tag = 0; tag < 6; tag++) {
        bm_reap(&r);
        g_assert_cmphex(r.cqe.tag, ==, tag);
        g_assert_cmphex(r.cqe.status, ==, BM_ST_SUCCESS);
    }
    bm_end(d);
}

/* More work than slots, more completions than room: it waits, and goes on. */
static void test_cq_full(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=1,mem-size=1M,outstanding=4");
    unsigned room = 7, i;
    uint16_t seen = 0;
    BmRing r;

    bm_ring_init(&r, d, 0, 3);
    for (i = 0; i < room; i++) {
        struct bm_hw_sqe sqe = nop(i);

        bm_submit(&r, &sqe);
    }
    for (i = 0; i < room; i++) {
        bm_reap(&r);
        g_assert_cmphex(r.cqe.tag, ==, seen++);
    }
    /* The completion ring is full, and the head does not move. */
    for (i = 0; i < room; i++) {
        struct bm_hw_sqe sqe = nop(room + i);

        bm_submit(&r, &sqe);
    }
    bm_settle(d);
    g_assert_false(bm_poll(&r));
    /* The oldest was not overwritten. */
    g_assert_cmphex(qtest_readw(d->qts, r.cq +
                                offsetof(struct bm_hw_cqe, tag)), ==, 0);

    /* Room for one, then for all. */
    bm_ack_at(&r, 1, 0);
    bm_reap(&r);
    g_assert_cmphex(r.cqe.tag, ==, seen++);
    bm_settle(d);
    g_assert_false(bm_poll(&r));
    bm_ack(&r, 0);
    while (seen < 2 * room) {
        bm_reap(&r);
        g_assert_cmphex(r.cqe.tag, ==, seen++);
    }
    bm_ack(&r, 0);
    g_assert_cmphex(bm_ring_reg(&r, BM_QREG_STATE), ==, BM_QSTATE_RUNNING);
    bm_end(d);
}

static void test_abort(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=2,mem-size=1M");
    struct bm_hw_sqe sqe = bm_long(d, 7);
    unsigned i;
    BmRing r;

    bm_ring_init(&r, d, 0, 4);
    bm_push(&r, &sqe);
    sqe = big(d, 8);
    bm_submit(&r, &sqe);
    /* One that nobody knows, then one of the two, which may not be fetched. */
    bm_ring_write(&r, BM_QREG_ABORT, 9);
    for (i = 0; i < 2; i++) {
        bool aborted;

        while (!bm_poll(&r)) {
            bm_ring_write(&r, BM_QREG_ABORT, 7);
        }
        aborted = r.cqe.tag == 7;
        g_assert_cmphex(r.cqe.status, ==,
                        aborted ? BM_ST_ABORTED : BM_ST_SUCCESS);
        g_assert_cmphex(!r.cqe.info, ==, aborted);
    }
    bm_ack(&r, 0);

    /* An old abort does not meet a new command of that name. */
    bm_ring_write(&r, BM_QREG_ABORT, 7);
    sqe = nop(7);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);
    bm_end(d);
}

/* What was fetched is finished and told, what was not is left alone. */
static void test_drain(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=1,mem-size=32M,outstanding=2");
    unsigned i;
    BmRing r;

    bm_ring_init(&r, d, 0, 3);
    for (i = 0; i < 4; i++) {
        struct bm_hw_sqe sqe = big(d, i);

        bm_push(&r, &sqe);
    }
    bm_doorbell(&r);
    bm_wait_reg(d, BM_REG_MRD_BYTES, UINT64_MAX,
                2 * sizeof(struct bm_hw_sqe));
    bm_ring_write(&r, BM_QREG_CTL, 0);
    g_assert_cmphex(bm_ring_reg(&r, BM_QREG_STATE), ==, BM_QSTATE_DRAINING);
    g_assert_cmphex(bm_ring_reg(&r, BM_QREG_CTL), ==, 0);
    /* Neither a doorbell nor another enable is heard. */
    bm_doorbell(&r);
    bm_ring_write(&r, BM_QREG_CTL, BM_QCTL_ENABLE);
    bm_ring_wait_state(&r, BM_QSTATE_DISABLED);
    for (i = 0; i < 2; i++) {
        g_assert_true(bm_poll(&r));
        g_assert_cmphex(r.cqe.status, ==, BM_ST_SUCCESS);
        g_assert_cmphex(r.cqe.sq_head, ==, 2);
    }
    bm_settle(d);
    g_assert_false(bm_poll(&r));

    /* Enabled again, all starts from the beginning. */
    bm_ring_enable(&r);
    for (i = 0; i < 10; i++) {
        struct bm_hw_sqe sqe = nop(i);

        g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);
    }
    bm_end(d);
}

/* A full completion ring holds up a drain, and the head ends that. */
static void test_drain_cq_full(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=1,mem-size=1M");
    struct bm_hw_sqe sqe;
    BmRing r;

    bm_ring_init(&r, d, 0, 1);
    sqe = nop(1);
    bm_submit(&r, &sqe);
    bm_reap(&r);
    sqe = nop(2);
    bm_submit(&r, &sqe);
    bm_wait_reg(d, BM_REG_MRD_BYTES, UINT64_MAX, 2 * sizeof(sqe));
    bm_ring_write(&r, BM_QREG_CTL, 0);
    bm_settle(d);
    g_assert_cmphex(bm_ring_reg(&r, BM_QREG_STATE), ==, BM_QSTATE_DRAINING);
    bm_ack(&r, 0);
    bm_reap(&r);
    g_assert_cmphex(r.cqe.tag, ==, 2);
    bm_ring_wait_state(&r, BM_QSTATE_DISABLED);
    bm_end(d);
}

void bm_add_queue_tests(void)
{
    bm_add_all("queue/wrap", test_wrap);
    bm_add("queue/largest", test_largest);
    bm_add("queue/one-queue", test_one_queue);
    bm_add_many("queue/64-queues", test_64_queues);
    bm_add_all("queue/overtake", test_overtake);
    bm_add_all("queue/fence", test_fence);
    bm_add_all("queue/cq-full", test_cq_full);
    bm_add_all("queue/abort", test_abort);
    bm_add_both("queue/drain", test_drain);
    bm_add_both("queue/drain-cq-full", test_drain_cq_full);
}
