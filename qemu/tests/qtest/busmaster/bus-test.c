/*
 * busmaster qtests: what the bus tells the function, and the function its bus
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "harness.h"

#define LEN     (3 * 4096)

/* All that PCI Status says of a requester. */
#define ABORTS  (PCI_STATUS_REC_MASTER_ABORT | PCI_STATUS_REC_TARGET_ABORT | \
                 PCI_STATUS_SIG_TARGET_ABORT | PCI_STATUS_DETECTED_PARITY | \
                 PCI_STATUS_PARITY)

static uint16_t status(BmDev *d)
{
    return qpci_config_readw(d->pci, PCI_STATUS) & ABORTS;
}

static void status_clear(BmDev *d)
{
    qpci_config_writew(d->pci, PCI_STATUS, ABORTS);
    g_assert_cmphex(status(d), ==, 0);
}

static struct bm_hw_sqe read_from(uint64_t addr)
{
    return bm_cmd(BM_OP_COPY, 1, 64, bm_host(addr), bm_local(0));
}

static struct bm_hw_sqe write_to(uint64_t addr)
{
    return bm_cmd(BM_OP_COPY, 2, 64, bm_local(0), bm_host(addr));
}

/* What is told of a request that went out, and was refused. */
static void test_status(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=1,mem-size=1M,dma-bits=40");
    struct bm_hw_sqe sqe;
    BmRing r;

    bm_ring_init(&r, d, 0, 4);
    /* Nobody is there. */
    sqe = read_from(BM_NOWHERE);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_DMA_READ_FAULT);
    g_assert_cmphex(status(d), ==, PCI_STATUS_REC_MASTER_ABORT);
    status_clear(d);
    /* Somebody is, who cannot do it. */
    sqe = read_from(d->regs + 4);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_DMA_READ_FAULT);
    g_assert_cmphex(status(d), ==, PCI_STATUS_REC_TARGET_ABORT);
    /* It stays until it is cleared: CTRL.RESET resets no bus. */
    bm_write(d, BM_REG_CTRL, BM_CTRL_RESET);
    g_assert_cmphex(status(d), ==, PCI_STATUS_REC_TARGET_ABORT);
    status_clear(d);
    bm_enable(d);
    bm_ring_enable(&r);

    /* A write that was posted has no answer. */
    sqe = write_to(BM_NOWHERE);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_DMA_WRITE_FAULT);
    /* Nor has a request that the device cannot send. */
    sqe = read_from(1ull << 40);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_DMA_READ_FAULT);
    bm_master(d, false);
    bm_submit(&r, &sqe);
    bm_assert_halted(&r, BM_HALT_SQ_FAULT);
    g_assert_cmphex(status(d), ==, 0);
    bm_master(d, true);

    /* A function reset clears it, seen or not. */
    bm_write(d, BM_REG_CTRL, BM_CTRL_RESET);
    bm_enable(d);
    bm_ring_enable(&r);
    sqe = read_from(BM_NOWHERE);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_DMA_READ_FAULT);
    qpci_config_writew(d->pci, BM_EXP + PCI_EXP_DEVCTL,
                       PCI_EXP_DEVCTL_BCR_FLR);
    g_assert_cmphex(status(d), ==, 0);
    bm_end(d);
}

/* No fault is known of: all that went to nowhere did so in silence. */
static void check_silent(BmRing *r)
{
    g_assert_cmphex(bm_ring_reg(r, BM_QREG_STATE), ==, BM_QSTATE_RUNNING);
    g_assert_cmphex(bm_read(r->d, BM_REG_FAULT_INFO), ==, 0);
    g_assert_cmphex(bm_read(r->d, BM_REG_FAULT_ADDR), ==, 0);
    g_assert_cmphex(status(r->d), ==, 0);
}

/* Writes are posted: that one was refused is not known. */
static void test_posted(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=1,mem-size=1M,dma-bits=40,"
                        "write-faults=false");
    const uint64_t end = BM_RAM_SIZE - 4096;
    g_autofree uint8_t *data = bm_random(LEN);
    g_autofree uint8_t *got = g_malloc(LEN);
    uint64_t list = bm_alloc(d, 4096);
    struct bm_hw_sqe sqe;
    unsigned i;
    BmRing r;

    g_assert_cmphex(BM_GET(BM_CAP2_FEATURES, bm_read(d, BM_REG_CAP2)) &
                    BM_FEAT_WRITE_FAULTS, ==, 0);
    bm_ring_init(&r, d, 0, 4);
    qtest_memwrite(d->qts, d->mem, data, LEN);

    /* The last page of RAM, and two pages of nothing. */
    sqe = bm_cmd(BM_OP_COPY_CRC32C, 1, LEN, bm_local(0), bm_host(end));
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);
    g_assert_cmphex(r.cqe.info, ==, bm_crc32c(0, data, LEN));
    qtest_memread(d->qts, end, got, 4096);
    g_assert_cmpmem(got, 4096, data, 4096);
    check_silent(&r);

    /* Nothing, in odd pieces, and RAM again. */
    for (i = 0; i < 3; i++) {
        bm_seg(d, list, i, i == 2 ? end : BM_NOWHERE - 5, i == 2 ? 100 : 4200,
               0);
    }
    sqe = bm_cmd(BM_OP_COPY, 2, 8500, bm_local(0), bm_sgl(list, 3));
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);
    qtest_memread(d->qts, end, got, 100);
    g_assert_cmpmem(got, 100, data + 8400, 100);
    check_silent(&r);

    /* These were requests all the same: three of 128 bytes, one completion. */
    i = bm_read(d, BM_REG_MWR_TLPS);
    sqe = bm_cmd(BM_OP_FILL, 3, 300, bm_none(), bm_host(BM_NOWHERE));
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);
    g_assert_cmpuint(bm_read(d, BM_REG_MWR_TLPS), ==, i + 3 + 1);

    /* Reads are answered still. */
    sqe = read_from(BM_NOWHERE);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_DMA_READ_FAULT);
    g_assert_cmphex(status(d), ==, PCI_STATUS_REC_MASTER_ABORT);
    status_clear(d);
    /* And what the device cannot send it knows. */
    sqe = write_to(1ull << 40);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_DMA_WRITE_FAULT);
    g_assert_cmphex(r.cqe.info, ==, 1ull << 40);
    bm_end(d);
}

/* So are completions: the driver hears nothing, and no queue halts. */
static void test_posted_ring(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=1,mem-size=1M,write-faults=false");
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());
    BmRing r;

    bm_msix_setup(d, 2);
    bm_ring_init(&r, d, 0, 4);
    bm_ring_write(&r, BM_QREG_CTL, 0);
    bm_ring_wait_state(&r, BM_QSTATE_DISABLED);
    bm_ring_write(&r, BM_QREG_CQ_BASE, BM_NOWHERE);
    bm_ring_write(&r, BM_QREG_CTL, BM_QCTL_ENABLE);
    bm_ring_write(&r, BM_QREG_CQ_HEAD, BM_CQ_HEAD_ARM);
    bm_submit(&r, &sqe);
    bm_msix_wait(d, BM_VECTOR_QUEUE(0));
    g_assert_false(bm_poll(&r));
    check_silent(&r);
    /* The device has written it: the head may pass it. */
    bm_ring_write(&r, BM_QREG_CQ_HEAD, 1);
    bm_settle(d);
    check_silent(&r);
    bm_end(d);
}

void bm_add_bus_tests(void)
{
    bm_add_both("bus/status", test_status);
    bm_add_both("bus/posted", test_posted);
    bm_add_both("bus/posted-ring", test_posted_ring);
}
