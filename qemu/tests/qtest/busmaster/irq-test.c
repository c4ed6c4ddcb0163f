/*
 * busmaster qtests: interrupts and how they are armed
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "harness.h"

#define ARM BM_CQ_HEAD_ARM
#define VECTORS 3

typedef struct Bench {
    BmDev *d;
    BmRing r;
    uint16_t tag;
} Bench;

static void bench_up(Bench *t, const void *worker)
{
    t->tag = 0;
    t->d = bm_start(worker, "queues=2,mem-size=1M");
    bm_msix_setup(t->d, VECTORS);
    bm_ring_init(&t->r, t->d, 1, 3);
}

static void run(Bench *t, uint8_t flags)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, t->tag++, 0, bm_none(),
                                  bm_none());

    sqe.flags = flags;
    bm_submit(&t->r, &sqe);
    bm_reap(&t->r);
}

/* Nothing came, and the counter agrees. */
static void check_silence(Bench *t, uint64_t messages)
{
    unsigned v;

    bm_settle(t->d);
    for (v = 0; v < VECTORS; v++) {
        g_assert_false(bm_msix_taken(t->d, v));
    }
    g_assert_cmpuint(bm_read(t->d, BM_REG_MSG_TLPS), ==, messages);
}

static void check_one(Bench *t, uint64_t messages)
{
    bm_msix_wait(t->d, BM_VECTOR_QUEUE(1));
    g_assert_cmphex(bm_ring_reg(&t->r, BM_QREG_CQ_HEAD) & ARM, ==, 0);
    check_silence(t, messages);
}

static void test_one_shot(const void *worker)
{
    Bench t;

    bench_up(&t, worker);
    /* Not armed: a completion is silent. */
    run(&t, 0);
    check_silence(&t, 0);

    /* Armed with nothing beyond the head: silence, until something is. */
    bm_ack(&t.r, ARM);
    g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_CQ_HEAD), ==, t.r.head | ARM);
    check_silence(&t, 0);
    run(&t, 0);
    check_one(&t, 1);

    /* One shot: the next completions are silent again. */
    run(&t, 0);
    run(&t, 0);
    check_silence(&t, 1);
    bm_end(t.d);
}

/* Something came between the last look and the arming: it fires at once. */
static void test_arm_late(const void *worker)
{
    uint32_t head;
    Bench t;

    bench_up(&t, worker);
    head = t.r.head;
    run(&t, 0);
    bm_ring_write(&t.r, BM_QREG_CQ_HEAD, head | ARM);
    check_one(&t, 1);

    /* Armed, then a head without the bit: still armed. */
    bm_ack(&t.r, ARM);
    bm_ack(&t.r, 0);
    check_silence(&t, 1);
    run(&t, 0);
    check_one(&t, 2);

    /* Part of it is seen, the rest is not. */
    head = t.r.head;
    run(&t, 0);
    run(&t, 0);
    bm_ring_write(&t.r, BM_QREG_CQ_HEAD, ((head + 1) & 7) | ARM);
    check_one(&t, 3);
    bm_end(t.d);
}

/* A completion that asks for silence raises nothing, alone. */
static void test_noirq(const void *worker)
{
    Bench t;

    bench_up(&t, worker);
    bm_ack(&t.r, ARM);
    run(&t, BM_SQE_NOIRQ);
    check_silence(&t, 0);
    g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_CQ_HEAD) & ARM, ==, ARM);
    run(&t, 0);
    check_one(&t, 1);

    /* Arming with nothing but silent ones beyond the head is silent, too. */
    bm_ack(&t.r, 0);
    run(&t, BM_SQE_NOIRQ);
    bm_ring_write(&t.r, BM_QREG_CQ_HEAD, ((t.r.head - 1) & 7) | ARM);
    check_silence(&t, 1);

    /* A talkative one is not hushed by a silent one after it. */
    bm_ack(&t.r, 0);
    bm_ring_write(&t.r, BM_QREG_CTL, 0);
    bm_ring_wait_state(&t.r, BM_QSTATE_DISABLED);
    bm_ring_enable(&t.r);
    run(&t, 0);
    run(&t, BM_SQE_NOIRQ);
    bm_ring_write(&t.r, BM_QREG_CQ_HEAD, 0 | ARM);
    check_one(&t, 2);
    bm_end(t.d);
}

/* A message waits behind a mask. */
static void bench_up_masked(Bench *t, const void *worker)
{
    const unsigned vector = BM_VECTOR_QUEUE(1);

    bench_up(t, worker);
    bm_msix_mask(t->d, vector, true);
    bm_ack(&t->r, ARM);
    run(t, 0);
    check_silence(t, 0);
    g_assert_true(bm_msix_pending(t->d, vector));
}

static void test_masked(const void *worker)
{
    const unsigned vector = BM_VECTOR_QUEUE(1);
    Bench t;

    bench_up_masked(&t, worker);
    g_assert_false(bm_msix_pending(t.d, BM_VECTOR_QUEUE(0)));
    bm_msix_mask(t.d, vector, false);
    check_one(&t, 1);
    g_assert_false(bm_msix_pending(t.d, vector));

    /* The whole function masked. */
    qpci_config_writew(t.d->pci, BM_MSIX + PCI_MSIX_FLAGS,
                       PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
    bm_ack(&t.r, ARM);
    run(&t, 0);
    check_silence(&t, 1);
    g_assert_true(bm_msix_pending(t.d, vector));
    qpci_config_writew(t.d->pci, BM_MSIX + PCI_MSIX_FLAGS,
                       PCI_MSIX_FLAGS_ENABLE);
    check_one(&t, 2);
    bm_end(t.d);
}

/* What waits behind a mask when the function is reset is never sent. */
static void test_masked_reset(const void *worker)
{
    const unsigned vector = BM_VECTOR_QUEUE(1);
    Bench t;

    bench_up_masked(&t, worker);
    qpci_config_writew(t.d->pci, BM_EXP + PCI_EXP_DEVCTL,
                       PCI_EXP_DEVCTL_BCR_FLR);
    bm_map(t.d);
    g_assert_false(bm_msix_pending(t.d, vector));
    bm_msix_setup(t.d, VECTORS);
    check_silence(&t, 0);

    bm_enable(t.d);
    bm_ring_enable(&t.r);
    bm_ack(&t.r, ARM);
    run(&t, 0);
    check_one(&t, 1);
    bm_end(t.d);
}

/* Vector 0 tells of a queue that halts, and so does the register. */
static void test_event(const void *worker)
{
    Bench t;

    bench_up(&t, worker);
    bm_ring_write(&t.r, BM_QREG_SQ_TAIL, 8);
    bm_msix_wait(t.d, BM_VECTOR_EVENT);
    bm_assert_halted(&t.r, BM_HALT_BAD_TAIL);
    g_assert_cmphex(bm_read(t.d, BM_REG_HALTED), ==, 1 << 1);
    check_silence(&t, 1);
    bm_end(t.d);
}

void bm_add_irq_tests(void)
{
    bm_add_many("irq/one-shot", test_one_shot);
    bm_add_many("irq/arm-late", test_arm_late);
    bm_add("irq/noirq", test_noirq);
    bm_add_many("irq/masked", test_masked);
    bm_add_both("irq/masked-reset", test_masked_reset);
    bm_add_many("irq/event", test_event);
}
