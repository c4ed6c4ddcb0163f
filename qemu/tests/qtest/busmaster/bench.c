/*
 * busmaster qtests: a device that can be made to misbehave
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "bench.h"

void bench_up(Bench *t, const void *worker)
{
    t->d = bm_start(worker, "queues=2,mem-size=1M,x-fault-injection=true");
    bm_msix_setup(t->d, 3);
    bm_ring_init(&t->r, t->d, BENCH_QUEUE, BENCH_ORDER);
}

/* Stop all at once, which resets nothing, and have the queue start again. */
void bench_again(Bench *t)
{
    bm_write(t->d, BM_REG_CTRL, 0);
    g_assert_cmphex(bm_ring_reg(&t->r, BM_QREG_STATE), ==,
                    BM_QSTATE_DISABLED);
    bm_enable(t->d);
    bm_ring_enable(&t->r);
}

void bench_push(Bench *t, uint16_t tag)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, tag, 0, bm_none(), bm_none());

    bm_push(&t->r, &sqe);
}

void bench_submit(Bench *t, uint16_t tag)
{
    bench_push(t, tag);
    bm_doorbell(&t->r);
}

/* @n commands, with tags from @first on, told of at one time. */
void bench_submit_all(Bench *t, uint16_t first, unsigned n)
{
    unsigned i;

    for (i = 0; i < n; i++) {
        bench_push(t, first + i);
    }
    bm_doorbell(&t->r);
}

void bench_expect(Bench *t, uint16_t tag)
{
    bm_reap(&t->r);
    g_assert_cmphex(t->r.cqe.tag, ==, tag);
    g_assert_cmphex(t->r.cqe.status, ==, BM_ST_SUCCESS);
}

void bench_expect_all(Bench *t, uint16_t first, unsigned n)
{
    unsigned i;

    for (i = 0; i < n; i++) {
        bench_expect(t, first + i);
    }
}

void bench_nothing(Bench *t)
{
    bm_settle(t->d);
    g_assert_false(bm_poll(&t->r));
}

/* Data from @src to @dst, which may not be where the command says. */
void bench_copy(Bench *t, BmPlace *src, BmPlace *dst,
                const struct bm_hw_sqe *sqe)
{
    g_autofree uint8_t *data = bm_random(BENCH_LEN);

    bm_place_write(src, data);
    g_assert_cmphex(bm_exec(&t->r, sqe), ==, BM_ST_SUCCESS);
    bm_place_check(dst, data);
}

void bench_step(Bench *t, int64_t ns)
{
    bm_settle(t->d);
    qtest_clock_step(t->d->qts, ns);
}

void bench_flr(Bench *t)
{
    qpci_config_writew(t->d->pci, BM_EXP + PCI_EXP_DEVCTL,
                       PCI_EXP_DEVCTL_BCR_FLR);
    bm_map(t->d);
    bm_msix_setup(t->d, 3);
}

/* Nothing is left of it. */
void bench_down(Bench *t, enum bm_inject mode)
{
    struct bm_hw_sqe sqe;
    BmPlace src, dst;
    unsigned i;

    g_assert_cmpuint(BM_GET(BM_INJECT_LEFT,
                            bm_read(t->d, BM_REG_INJECT_STATE(mode))), ==, 0);
    bench_again(t);
    for (i = 0; i < 2; i++) {
        bm_place(&src, t->d, BM_SPACE_HOST_SGL, BENCH_LEN);
        bm_place(&dst, t->d, BM_SPACE_LOCAL, BENCH_LEN);
        sqe = bm_cmd(BM_OP_COPY, i, BENCH_LEN, src.ptr, dst.ptr);
        bench_copy(t, &src, &dst, &sqe);
    }
    bm_ack(&t->r, ARM);
    bench_submit(t, 3);
    bm_msix_wait(t->d, BM_VECTOR_QUEUE(BENCH_QUEUE));
    bm_end(t->d);
}
