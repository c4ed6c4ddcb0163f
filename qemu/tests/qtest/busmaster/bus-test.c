/*
 * busmaster qtests: what the bus tells the function, and the function its bus
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "harness.h"
#include "hw/pci/pcie_regs.h"

#define LEN     (3 * 4096)
#define PORT_BAR 0xd0000000ull /* of the root port, if it is to have one */

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

/*
 * What is forged, and what is reported
 */

#define INJECTABLE  "queues=1,mem-size=1M,x-fault-injection=true"

static uint32_t config(BmDev *d, int devfn, unsigned reg)
{
    return qtest_readl(d->qts, bm_ecam(d, devfn, reg));
}

static void config_set(BmDev *d, int devfn, unsigned reg, uint32_t value)
{
    qtest_writel(d->qts, bm_ecam(d, devfn, reg), value);
}

static uint32_t aer(BmDev *d, unsigned reg)
{
    return config(d, d->pci->devfn, BM_AER + reg);
}

static void aer_set(BmDev *d, unsigned reg, uint32_t value)
{
    config_set(d, d->pci->devfn, BM_AER + reg, value);
}

/* The root port has its capability at the same place. */
static uint32_t root(BmDev *d, unsigned reg)
{
    return config(d, BM_PORT, BM_AER + reg);
}

static void errors_clear(BmDev *d)
{
    aer_set(d, PCI_ERR_COR_STATUS, UINT32_MAX);
    aer_set(d, PCI_ERR_UNCOR_STATUS, UINT32_MAX);
    qpci_config_writew(d->pci, BM_EXP + PCI_EXP_DEVSTA, 0xf);
    if (d->pci->devfn == BM_BELOW) {
        config_set(d, BM_PORT, BM_AER + PCI_ERR_ROOT_STATUS, UINT32_MAX);
        g_assert_cmphex(root(d, PCI_ERR_ROOT_STATUS), ==, 0);
    }
}

/* Bits of Device Control: which errors a function may report. */
#define REPORTS (PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | \
                 PCI_EXP_DEVCTL_FERE)

static void reports_set(BmDev *d, uint16_t bits)
{
    qpci_config_writew(d->pci, BM_EXP + PCI_EXP_DEVCTL, bits);
}

static void port_reports(BmDev *d)
{
    QPCIDevice port = { .bus = d->bus, .devfn = BM_PORT };
    uint8_t exp = qpci_find_capability(&port, PCI_CAP_ID_EXP, 0);

    qpci_config_writew(&port, exp + PCI_EXP_DEVCTL, REPORTS);
    qpci_config_writew(&port, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_SERR);
}

typedef struct Error {
    enum bm_inject mode;
    uint32_t arg;
    unsigned status;        /* where in AER it is shown */
    uint32_t bit;
    uint32_t seen;          /* by the root port */
} Error;

static const Error errors[] = {
    { BM_INJECT_AER_CORRECTABLE, 0, PCI_ERR_COR_STATUS, PCI_ERR_COR_RCVR,
      PCI_ERR_ROOT_COR_RCV },
    { BM_INJECT_AER_CORRECTABLE, PCI_ERR_COR_BAD_TLP, PCI_ERR_COR_STATUS,
      PCI_ERR_COR_BAD_TLP, PCI_ERR_ROOT_COR_RCV },
    { BM_INJECT_AER_NONFATAL, 0, PCI_ERR_UNCOR_STATUS, PCI_ERR_UNC_COMP_TIME,
      PCI_ERR_ROOT_UNCOR_RCV | PCI_ERR_ROOT_NONFATAL_RCV },
    { BM_INJECT_AER_FATAL, 0, PCI_ERR_UNCOR_STATUS, PCI_ERR_UNC_DLP,
      PCI_ERR_ROOT_UNCOR_RCV | PCI_ERR_ROOT_FATAL_RCV |
      PCI_ERR_ROOT_FIRST_FATAL },
};

/* A command meets it, and is none the worse; @seen is all the port hears. */
static void check_error(BmRing *r, const Error *e, uint32_t seen)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());
    BmDev *d = r->d;

    bm_arm(d, e->mode, 1, BM_INJECT_ALL_QUEUES, e->arg);
    g_assert_cmphex(bm_exec(r, &sqe), ==, BM_ST_SUCCESS);
    bm_ack(r, 0);
    bm_assert_armed(d, e->mode, 1, 0);
    bm_settle(d);
    g_assert_cmphex(aer(d, e->status), ==, e->bit);
    g_assert_cmphex(qpci_config_readw(d->pci, BM_EXP + PCI_EXP_DEVSTA) & 0xf,
                    !=, 0);
    if (d->pci->devfn == BM_BELOW) {
        g_assert_cmphex(root(d, PCI_ERR_ROOT_STATUS), ==, seen);
    }
    errors_clear(d);
}

static void test_errors(const void *worker)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());
    BmDev *d = bm_start_below("", worker, INJECTABLE);
    unsigned i;
    BmRing r;

    bm_enable(d);
    bm_ring_init(&r, d, 0, 4);
    port_reports(d);
    for (i = 0; i < ARRAY_SIZE(errors); i++) {
        const Error *e = &errors[i];
        const unsigned mask = e->status == PCI_ERR_COR_STATUS ?
                              PCI_ERR_COR_MASK : PCI_ERR_UNCOR_MASK;
        uint32_t was;

        errors_clear(d);
        reports_set(d, REPORTS);
        check_error(&r, e, e->seen);
        g_assert_cmphex(root(d, PCI_ERR_ROOT_ERR_SRC) >>
                        (mask == PCI_ERR_COR_MASK ? 0 : 16) & 0xffff, ==,
                        BM_BELOW);

        /* The guest does not want to hear of it: of this, or of its kind. */
        was = aer(d, mask);
        aer_set(d, mask, was | e->bit);
        check_error(&r, e, 0);
        aer_set(d, mask, was);
        reports_set(d, 0);
        check_error(&r, e, 0);
    }

    /* The guest says what is fatal. */
    reports_set(d, REPORTS);
    aer_set(d, PCI_ERR_UNCOR_SEVER, PCI_ERR_UNC_COMP_TIME);
    check_error(&r, &errors[2], errors[3].seen);
    check_error(&r, &errors[3], errors[2].seen);

    /* There is no such error. */
    bm_arm(d, BM_INJECT_AER_FATAL, 1, BM_INJECT_ALL_QUEUES, 1);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);
    bm_settle(d);
    g_assert_cmphex(aer(d, PCI_ERR_UNCOR_STATUS), ==, 0);
    g_assert_cmphex(root(d, PCI_ERR_ROOT_STATUS), ==, 0);
    bm_end(d);
}

/* On the root bus there is nobody to report to. */
static void test_errors_integrated(const void *worker)
{
    BmDev *d = bm_start(worker, INJECTABLE);
    unsigned i;
    BmRing r;

    bm_ring_init(&r, d, 0, 4);
    reports_set(d, REPORTS);
    for (i = 0; i < ARRAY_SIZE(errors); i++) {
        check_error(&r, &errors[i], 0);
    }
    bm_end(d);
}

static void check_poisoned(BmRing *r, struct bm_hw_sqe sqe, uint64_t addr)
{
    BmDev *d = r->d;

    bm_arm(d, BM_INJECT_POISONED, 1, BM_INJECT_ALL_QUEUES, 0);
    g_assert_cmphex(bm_exec(r, &sqe), ==, BM_ST_DMA_READ_FAULT);
    g_assert_cmphex(r->cqe.info, ==, addr);
    bm_ack(r, 0);
    bm_assert_armed(d, BM_INJECT_POISONED, 1, 0);
    g_assert_cmphex(bm_read(d, BM_REG_FAULT_ADDR), ==, addr);
    bm_settle(d);
}

/* Data that was poisoned on its way is not used, and the rest goes on. */
static void test_poisoned(const void *worker)
{
    const uint32_t advisory = PCI_ERR_COR_ADV_NFAT;
    BmDev *d = bm_start(worker, INJECTABLE);
    uint64_t data = bm_alloc(d, 4096), list = bm_alloc(d, 4096);
    struct bm_hw_sqe read = read_from(data), write = write_to(data);
    BmRing r;

    bm_ring_init(&r, d, 0, 4);
    qtest_memset(d->qts, data, 0x11, 4096);
    qtest_memset(d->qts, d->mem, 0x22, 64);
    check_poisoned(&r, read, data);
    g_assert_cmphex(qtest_readb(d->qts, d->mem), ==, 0x22);
    g_assert_cmphex(status(d), ==, PCI_STATUS_DETECTED_PARITY);
    status_clear(d);

    /* It is dealt with, so it is an advisory; as a rule, nobody wants these. */
    g_assert_cmphex(aer(d, PCI_ERR_COR_STATUS), ==, advisory);
    g_assert_cmphex(aer(d, PCI_ERR_UNCOR_STATUS), ==, 0);
    errors_clear(d);
    aer_set(d, PCI_ERR_COR_MASK, 0);
    check_poisoned(&r, read, data);
    g_assert_cmphex(aer(d, PCI_ERR_COR_STATUS), ==, advisory);
    g_assert_cmphex(aer(d, PCI_ERR_UNCOR_STATUS), ==, PCI_ERR_UNC_POISON_TLP);
    errors_clear(d);
    aer_set(d, PCI_ERR_UNCOR_SEVER, PCI_ERR_UNC_POISON_TLP);
    check_poisoned(&r, read, data);
    g_assert_cmphex(aer(d, PCI_ERR_COR_STATUS), ==, 0);
    g_assert_cmphex(aer(d, PCI_ERR_UNCOR_STATUS), ==, PCI_ERR_UNC_POISON_TLP);
    errors_clear(d);

    /* A guest that minds parity is told that its own request met it. */
    qpci_config_writew(d->pci, PCI_COMMAND, PCI_COMMAND_MEMORY |
                       PCI_COMMAND_MASTER | PCI_COMMAND_PARITY);
    status_clear(d);
    bm_seg(d, list, 0, data, 64, 0);
    read.src = bm_sgl(list, 1);
    check_poisoned(&r, read, list);
    g_assert_cmphex(status(d), ==, PCI_STATUS_DETECTED_PARITY |
                    PCI_STATUS_PARITY);

    /* A write, device memory, and what a queue reads for itself are none. */
    bm_arm(d, BM_INJECT_POISONED, 1, BM_INJECT_ALL_QUEUES, 0);
    g_assert_cmphex(bm_exec(&r, &write), ==, BM_ST_SUCCESS);
    bm_assert_armed(d, BM_INJECT_POISONED, 0, 1);
    bm_end(d);
}

/* Where the write to Command has returned, nothing more is written. */
static void test_master(const void *worker)
{
    const uint32_t len = 64 * MiB;
    BmDev *d = bm_start(worker, "queues=1");
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_COPY_CRC32C, 1, len, bm_local(0),
                                  bm_host(128 * MiB));
    uint64_t written;
    unsigned i;
    BmRing r;

    bm_ring_init(&r, d, 0, 4);
    for (i = 0; i < 10; i++) {
        written = bm_read(d, BM_REG_MWR_BYTES);
        bm_submit(&r, &sqe);
        while (bm_read(d, BM_REG_MWR_BYTES) == written) {
            g_usleep(100 * i);
        }
        bm_master(d, false);
        written = bm_read(d, BM_REG_MWR_BYTES);
        bm_assert_halted(&r, BM_HALT_CQ_FAULT);
        g_assert_cmpuint(bm_read(d, BM_REG_MWR_BYTES), ==, written);
        bm_master(d, true);
        bm_ring_write(&r, BM_QREG_CTL, 0);
        bm_ring_enable(&r);
    }
    bm_end(d);
}

/* A message to anywhere, with anything in it, beside the one that is due. */
static void test_rogue_msi(const void *worker)
{
    BmDev *d = bm_start(worker, INJECTABLE);
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());
    uint64_t victim = bm_alloc(d, 4096);
    unsigned i;
    BmRing r;

    bm_msix_setup(d, 2);
    bm_ring_init(&r, d, 0, 4);
    qtest_memset(d->qts, victim, 0, 4096);
    bm_arm(d, BM_INJECT_ROGUE_MSI, 2, BM_INJECT_ALL_QUEUES,
           BM_PREP(BM_ROGUE_MSI_ADDR, victim + 8) | 0x12345678);
    for (i = 1; i <= 2; i++) {
        bm_ack(&r, BM_CQ_HEAD_ARM);
        g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);
        bm_msix_wait(d, BM_VECTOR_QUEUE(0));
        bm_wait_reg(d, BM_REG_MSG_TLPS, UINT64_MAX, 2 * i);
        g_assert_cmphex(qtest_readq(d->qts, victim + 8), ==, 0x12345678);
        g_assert_cmphex(qtest_readq(d->qts, victim), ==, 0);
        qtest_writel(d->qts, victim + 8, 0);
    }
    bm_assert_armed(d, BM_INJECT_ROGUE_MSI, 2, 0);

    /* Masks are for the device's own; Bus Master Enable is for all. */
    qpci_config_writew(d->pci, BM_MSIX + PCI_MSIX_FLAGS,
                       PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
    bm_arm(d, BM_INJECT_ROGUE_MSI, 1, BM_INJECT_ALL_QUEUES,
           BM_PREP(BM_ROGUE_MSI_ADDR, victim) | 1);
    bm_ack(&r, BM_CQ_HEAD_ARM);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);
    bm_wait_reg(d, BM_REG_MSG_TLPS, UINT64_MAX, 5);
    g_assert_cmphex(qtest_readl(d->qts, victim), ==, 1);
    g_assert_false(bm_msix_taken(d, BM_VECTOR_QUEUE(0)));
    bm_end(d);
}

/* Where its one message goes, for errors of what is below it. */
static void port_sends(BmDev *d, uint64_t addr, uint32_t data)
{
    QPCIDevice port = { .bus = d->bus, .devfn = BM_PORT };
    uint8_t msix = qpci_find_capability(&port, PCI_CAP_ID_MSIX, 0);

    qpci_config_writel(&port, PCI_BASE_ADDRESS_0, PORT_BAR);
    qtest_writeq(d->qts, PORT_BAR + PCI_MSIX_ENTRY_LOWER_ADDR, addr);
    qtest_writel(d->qts, PORT_BAR + PCI_MSIX_ENTRY_DATA, data);
    qtest_writel(d->qts, PORT_BAR + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
    qpci_config_writew(&port, msix + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE);
    config_set(d, BM_PORT, BM_AER + PCI_ERR_ROOT_COMMAND,
               PCI_ERR_ROOT_CMD_COR_EN | PCI_ERR_ROOT_CMD_NONFATAL_EN |
               PCI_ERR_ROOT_CMD_FATAL_EN);
}

/* What is sent when one run ends, in this order. */
enum { EVENT, VECTOR, FORGED, CORRECTABLE, UNCORRECTABLE, SENDERS };

/* One run that raises two vectors, meets three errors, and forges a message. */
static void run_and_say(BmDev *d, bool correctable, uint64_t forged)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());
    const unsigned entries = 4096 / sizeof(sqe);
    BmRing r = {
        .d = d, .order = 7, .sq = BM_RAM_SIZE - 4096, .cq = bm_alloc(d, 4096),
    };
    unsigned i;

    /* Entry 64 is not in RAM. */
    bm_ring_enable(&r);
    for (i = 0; i < entries - 1; i++) {
        g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);
    }
    bm_arm(d, BM_INJECT_ROGUE_MSI, 1, BM_INJECT_ALL_QUEUES, forged);
    bm_arm(d, BM_INJECT_AER_CORRECTABLE, correctable, BM_INJECT_ALL_QUEUES, 0);
    bm_arm(d, BM_INJECT_AER_NONFATAL, 1, BM_INJECT_ALL_QUEUES, 0);
    bm_arm(d, BM_INJECT_AER_FATAL, 1, BM_INJECT_ALL_QUEUES, 0);
    bm_ack(&r, BM_CQ_HEAD_ARM);
    bm_push(&r, &sqe);
    bm_ring_write(&r, BM_QREG_SQ_TAIL, entries + 1);
}

/* One of these switches the slot off: after it, nothing more is sent. */
static void test_last_word(const void *worker)
{
    unsigned sender;

    for (sender = EVENT; sender < SENDERS; sender++) {
        BmDev *d = bm_start_below("", worker, INJECTABLE);
        const uint64_t off = bm_slot_control(d), other = bm_alloc(d, 4096);
        const unsigned vectors[] = { BM_VECTOR_EVENT, BM_VECTOR_QUEUE(0) };

        bm_enable(d);
        bm_msix_setup(d, ARRAY_SIZE(vectors));
        if (sender < FORGED) {
            uint64_t entry = d->msix + vectors[sender] * PCI_MSIX_ENTRY_SIZE;

            qtest_writeq(d->qts, entry + PCI_MSIX_ENTRY_LOWER_ADDR, off);
            qtest_writel(d->qts, entry + PCI_MSIX_ENTRY_DATA, BM_SLOT_OFF);
        }
        port_reports(d);
        port_sends(d, off, BM_SLOT_OFF);
        reports_set(d, REPORTS);
        run_and_say(d, sender != UNCORRECTABLE,
                    BM_PREP(BM_ROGUE_MSI_ADDR, sender == FORGED ? off : other)
                    | BM_SLOT_OFF);
        bm_assert_unplugged(d);
        bm_end(d);
    }
}

/*
 * By a message the function sleeps, or is reset: it has no errors to report. A
 * thread may have told of some before the message is sent.
 */
static void test_silenced(const void *worker)
{
    static const struct {
        unsigned offset;
        uint16_t value;
    } messages[] = {
        { BM_PM + PCI_PM_CTRL, 3 },
        { BM_EXP + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR },
    };
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(messages); i++) {
        BmDev *d = bm_start(worker, INJECTABLE);
        uint64_t config = bm_ecam(d, BM_DEVFN, messages[i].offset);
        BmRing r;

        bm_ring_init(&r, d, 0, 4);
        bm_arm(d, BM_INJECT_ROGUE_MSI, 1, BM_INJECT_ALL_QUEUES,
               BM_PREP(BM_ROGUE_MSI_ADDR, config) | messages[i].value);
        bm_arm(d, BM_INJECT_AER_CORRECTABLE, 1, BM_INJECT_ALL_QUEUES, 0);
        bm_arm(d, BM_INJECT_AER_FATAL, 1, BM_INJECT_ALL_QUEUES, 0);
        bm_ack(&r, BM_CQ_HEAD_ARM);
        bm_submit(&r, &sqe);
        bm_settle(d);
        g_assert_cmphex(aer(d, PCI_ERR_COR_STATUS), ==, 0);
        g_assert_cmphex(aer(d, PCI_ERR_UNCOR_STATUS), ==, 0);
        bm_end(d);
    }
}

/* A port's payload is what it was made with, and heeds the driver. */
static void test_port(const void *data)
{
    BmDev *d = bm_start_below("-global pcie-root-port.x-max-payload=512", NULL,
                              "mem-size=1M");
    QPCIDevice port = { .bus = d->bus, .devfn = BM_PORT };
    uint8_t at = qpci_find_capability(&port, PCI_CAP_ID_EXP, 0);

    g_assert_cmphex(qpci_config_readl(&port, at + PCI_EXP_DEVCAP) &
                    PCI_EXP_DEVCAP_PAYLOAD, ==, 2);
    qpci_config_writew(&port, at + PCI_EXP_DEVCTL, 0x20);
    g_assert_cmphex(qpci_config_readw(&port, at + PCI_EXP_DEVCTL) &
                    PCI_EXP_DEVCTL_PAYLOAD, ==, 0x20);
    qtest_system_reset(d->qts);
    g_assert_cmphex(qpci_config_readw(&port, at + PCI_EXP_DEVCTL) &
                    PCI_EXP_DEVCTL_PAYLOAD, ==, 0);
    bm_end(d);
}

void bm_add_bus_tests(void)
{
    bm_add_both("bus/status", test_status);
    bm_add_both("bus/posted", test_posted);
    bm_add_both("bus/posted-ring", test_posted_ring);
    bm_add_both("bus/errors", test_errors);
    bm_add_both("bus/errors-integrated", test_errors_integrated);
    bm_add_both("bus/poisoned", test_poisoned);
    bm_add_both("bus/master", test_master);
    bm_add_both("bus/rogue-msi", test_rogue_msi);
    bm_add_both("bus/last-word", test_last_word);
    bm_add_inline("bus/silenced", test_silenced);
    bm_add_inline("bus/port", test_port);
}
