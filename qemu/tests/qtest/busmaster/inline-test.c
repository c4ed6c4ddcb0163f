/*
 * busmaster qtests: work that is done inside the doorbell write
 *
 * Is it done at once? SQ_TAIL and CQ_HEAD are neighbours: one write across both
 * rings twice with nothing in between, not even a turn of the main loop. A head
 * is accepted only if the completions that it passes were posted before.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "harness.h"

#define ORDER   6
#define ARM     BM_CQ_HEAD_ARM
#define BUDGET  (128 * KiB)

typedef struct Bench {
    BmDev *d;
    BmRing r;
    uint16_t tag;
} Bench;

static void bench_up(Bench *t, const void *worker, const char *props)
{
    g_autofree char *all = g_strdup_printf("queues=2,mem-size=4M,"
                                           "outstanding=64%s", props);

    t->tag = 0;
    t->d = bm_start(worker, all);
    bm_ring_init(&t->r, t->d, 0, ORDER);
}

/* Have all start again, whatever has become of it. */
static void again(Bench *t)
{
    bm_ring_write(&t->r, BM_QREG_CTL, 0);
    bm_ring_wait_state(&t->r, BM_QSTATE_DISABLED);
    bm_ring_enable(&t->r);
}

static void push(Bench *t, uint32_t len)
{
    struct bm_hw_sqe sqe = len ?
        bm_cmd(BM_OP_FILL, t->tag, len, bm_none(), bm_local(0)) :
        bm_cmd(BM_OP_NOP, t->tag, 0, bm_none(), bm_none());

    t->tag++;
    bm_push(&t->r, &sqe);
}

static void push_many(Bench *t, unsigned n, uint32_t len)
{
    while (n--) {
        push(t, len);
    }
}

/* Ring SQ_TAIL, then CQ_HEAD. */
static void ring_both(Bench *t, uint32_t head)
{
    uint64_t regs[] = { cpu_to_le64(t->r.tail), cpu_to_le64(head) };

    qtest_memwrite(t->d->qts,
                   t->d->regs + BM_QUEUE_PAGE(0) + BM_QREG_SQ_TAIL, regs,
                   sizeof(regs));
}

/* Ring for what was pushed: were @n, and no more than @n, done at once? */
static bool done_at_once(Bench *t, uint32_t n)
{
    ring_both(t, n);
    return BM_GET(BM_QSTATE_STATE, bm_ring_reg(&t->r, BM_QREG_STATE)) ==
           BM_QSTATE_RUNNING &&
           bm_ring_reg(&t->r, BM_QREG_CQ_HEAD) == n;
}

static void test_at_once(const void *worker)
{
    Bench t;

    bench_up(&t, worker, "");
    push(&t, 0);
    g_assert_true(done_at_once(&t, 1));
    g_assert_true(bm_poll(&t.r));
    again(&t);
    push(&t, 4096);
    g_assert_true(done_at_once(&t, 1));

    /* As much as that, in one piece. */
    again(&t);
    push(&t, BUDGET);
    g_assert_true(done_at_once(&t, 1));
    bm_end(t.d);
}

/* One budget for all that a doorbell sets off: the rest is for later. */
static void test_budget(const void *worker)
{
    const unsigned fit = BUDGET / 4096;
    unsigned i;
    Bench t;

    bench_up(&t, worker, "");
    push_many(&t, fit + 8, 4096);
    g_assert_true(done_at_once(&t, fit));
    for (i = 0; i < fit + 8; i++) {
        bm_reap(&t.r);
        g_assert_cmphex(t.r.cqe.status, ==, BM_ST_SUCCESS);
    }

    again(&t);
    push_many(&t, fit + 8, 0);
    g_assert_false(done_at_once(&t, fit + 1));
    bm_assert_halted(&t.r, BM_HALT_BAD_HEAD);

    /* One that is too long by a byte is not begun, those before it are done. */
    again(&t);
    push_many(&t, 2, 0);
    push(&t, BUDGET - 2 * 4096 + 1);
    push_many(&t, 2, 0);
    g_assert_true(done_at_once(&t, 2));
    for (i = 0; i < 5; i++) {
        bm_reap(&t.r);
    }
    again(&t);
    push_many(&t, 2, 0);
    push(&t, BUDGET - 2 * 4096);
    g_assert_true(done_at_once(&t, 3));

    /* A long one does not move a byte before the write is over. */
    again(&t);
    qtest_memset(t.d->qts, t.d->mem, 0xee, 4);
    push(&t, 4 * MiB);
    g_assert_false(done_at_once(&t, 1));
    bm_assert_halted(&t.r, BM_HALT_BAD_HEAD);
    g_assert_cmphex(qtest_readl(t.d->qts, t.d->mem), ==, 0xeeeeeeee);
    bm_end(t.d);
}

/* Pieces cost what they are, however short; so do fetches of a list. */
static void test_pieces(const void *worker)
{
    const unsigned segments = 30, fetches = 2;
    const unsigned fit = BUDGET / ((segments + fetches) * 512);
    struct bm_hw_sqe sqe;
    uint64_t list, data;
    unsigned i, n;
    Bench t;

    bench_up(&t, worker, "");
    data = bm_alloc(t.d, 4096);
    list = bm_alloc(t.d, 4096);
    for (i = 0; i < segments; i++) {
        bm_seg(t.d, list, i, data + 2 * i, 1, 0);
    }
    sqe = bm_cmd(BM_OP_COPY, 0, segments, bm_sgl(list, segments), bm_local(0));
    for (n = fit; n <= fit + 1; n++) {
        again(&t);
        for (i = 0; i < fit + 4; i++) {
            bm_push(&t.r, &sqe);
        }
        g_assert_cmpint(done_at_once(&t, n), ==, n == fit);
    }
    bm_assert_halted(&t.r, BM_HALT_BAD_HEAD);
    bm_end(t.d);
}

/* The budget is a property; none at all leaves everything for later. */
static void test_property(const void *worker)
{
    Bench t;

    bench_up(&t, worker, ",inline-bytes=8K");
    push_many(&t, 5, 0);
    g_assert_true(done_at_once(&t, 2));
    bm_end(t.d);

    bench_up(&t, worker, ",inline-bytes=4095");
    push(&t, 0);
    g_assert_false(done_at_once(&t, 1));
    bm_end(t.d);

    bench_up(&t, worker, ",inline-bytes=0");
    push(&t, 0);
    g_assert_false(done_at_once(&t, 1));
    bm_assert_halted(&t.r, BM_HALT_BAD_HEAD);
    /* Not even the submission was fetched. */
    bm_ring_write(&t.r, BM_QREG_CTL, 0);
    bm_ring_write(&t.r, BM_QREG_SQ_BASE, BM_NOWHERE);
    bm_ring_write(&t.r, BM_QREG_CTL, BM_QCTL_ENABLE);
    ring_both(&t, 1);
    bm_assert_halted(&t.r, BM_HALT_BAD_HEAD);
    again(&t);
    bm_msix_setup(t.d, 2);
    bm_ack(&t.r, ARM);
    push(&t, 0);
    bm_doorbell(&t.r);
    bm_reap(&t.r);
    bm_msix_wait(t.d, BM_VECTOR_QUEUE(0));
    bm_end(t.d);
}

/* A head that makes room has what waited for it posted at once. */
static void test_room(const void *worker)
{
    const unsigned room = (1u << ORDER) - 1;
    unsigned i;
    Bench t;

    bench_up(&t, worker, ",inline-bytes=1M");
    push_many(&t, room, 0);
    bm_doorbell(&t.r);
    push_many(&t, 5, 0);
    bm_doorbell(&t.r);
    for (i = 0; i < room; i++) {
        g_assert_true(bm_poll(&t.r));
    }
    g_assert_false(bm_poll(&t.r));
    bm_ack(&t.r, 0);
    for (i = 0; i < 5; i++) {
        g_assert_true(bm_poll(&t.r));
        g_assert_cmphex(t.r.cqe.tag, ==, room + i);
    }
    bm_end(t.d);
}

/* A message that writes @data to the register at @reg, when queue 0 raises. */
static void message_to(Bench *t, uint64_t reg, uint32_t data)
{
    uint64_t entry = t->d->msix + BM_VECTOR_QUEUE(0) * PCI_MSIX_ENTRY_SIZE;

    bm_msix_setup(t->d, 3);
    qtest_writeq(t->d->qts, entry + PCI_MSIX_ENTRY_LOWER_ADDR,
                 t->d->regs + reg);
    qtest_writel(t->d->qts, entry + PCI_MSIX_ENTRY_DATA, data);
}

/*
 * The interrupt comes as soon as the completion: here its message disables the
 * device, hence the head that is written next is not heard.
 */
static void test_message(const void *worker)
{
    Bench t;

    bench_up(&t, worker, "");
    message_to(&t, BM_REG_CTRL, 0);
    bm_ack(&t.r, ARM);
    push_many(&t, 3, 0);
    ring_both(&t, 3);
    g_assert_cmphex(bm_read(t.d, BM_REG_STATUS), ==, 0);
    g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_STATE), ==, BM_QSTATE_DISABLED);
    g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_CQ_HEAD), ==, 0);
    g_assert_cmpuint(bm_read(t.d, BM_REG_MSG_TLPS), ==, 1);
    /* They were all posted before. */
    g_assert_true(bm_poll(&t.r) && bm_poll(&t.r) && bm_poll(&t.r));

    /* A reset in the same way: nothing is left, and all works again. */
    bm_enable(t.d);
    bm_ring_enable(&t.r);
    message_to(&t, BM_REG_CTRL, BM_CTRL_RESET);
    bm_ack(&t.r, ARM);
    push_many(&t, 3, 4096);
    ring_both(&t, 3);
    g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_ORDER), ==, 0);
    g_assert_cmpuint(bm_read(t.d, BM_REG_MSG_TLPS), ==, 0);
    bm_enable(t.d);
    bm_ring_enable(&t.r);
    push(&t, 4096);
    g_assert_true(done_at_once(&t, 1));
    bm_end(t.d);
}

/* A message that rings for itself goes round for ever, and harms nobody. */
static void test_message_loop(const void *worker)
{
    Bench t;

    bench_up(&t, worker, "");
    message_to(&t, BM_QUEUE_PAGE(0) + BM_QREG_CQ_HEAD, ARM);
    bm_ack(&t.r, ARM);
    push(&t, 0);
    bm_doorbell(&t.r);
    bm_reap(&t.r);
    while (bm_read(t.d, BM_REG_MSG_TLPS) < 1000) {
        g_usleep(1000);
    }
    again(&t);
    bm_settle(t.d);
    push(&t, 0);
    bm_doorbell(&t.r);
    bm_reap(&t.r);
    bm_end(t.d);
}

void bm_add_inline_tests(void)
{
    bm_add_inline("inline/at-once", test_at_once);
    bm_add_inline("inline/budget", test_budget);
    bm_add_inline("inline/pieces", test_pieces);
    bm_add_inline("inline/property", test_property);
    bm_add_inline("inline/room", test_room);
    bm_add_inline("inline/message", test_message);
    bm_add_both("inline/message-loop", test_message_loop);
}
