/*
 * busmaster qtests: resets, power, and removal, with work in flight
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "harness.h"
#include "hw/pci/pcie_regs.h"

#define LEN         (32 * MiB)
#define UNTOUCHED   0xee

/* To look at memory here and there is enough: a turn is more than a step. */
#define STEP        (64 * KiB)
#define SAMPLES     (4 * LEN / STEP)

typedef struct Bench {
    BmDev *d;
    BmRing r[2];
    uint64_t data;          /* where the work goes */
} Bench;

/* Work that takes long, and shows in RAM how far it has come. */
static void set_to_work(Bench *t)
{
    BmDev *d = t->d;
    unsigned q, i;

    t->data = bm_alloc(d, 4 * LEN);
    qtest_memset(d->qts, t->data, UNTOUCHED, 4 * LEN);
    for (q = 0; q < 2; q++) {
        bm_ring_init(&t->r[q], d, q, 4);
    }
    for (q = 0; q < 2; q++) {
        for (i = 0; i < 2; i++) {
            struct bm_hw_sqe sqe = bm_cmd(BM_OP_COPY_CRC32C, i, LEN,
                                          bm_local(0),
                                          bm_host(t->data + (2 * q + i) * LEN));

            bm_push(&t->r[q], &sqe);
        }
        bm_doorbell(&t->r[q]);
    }
    bm_wait_reg(d, BM_REG_MRD_TLPS, UINT64_MAX, 2);
}

/* How much of it is done? */
static unsigned count_touched(Bench *t)
{
    unsigned i, touched = 0;

    for (i = 0; i < SAMPLES; i++) {
        touched += qtest_readb(t->d->qts, t->data + i * STEP) != UNTOUCHED;
    }
    return touched;
}

/* The work ended in the middle, was not reported, and does not go on. */
static void check_stopped(Bench *t)
{
    unsigned touched = count_touched(t);
    unsigned i;

    g_assert_cmpuint(touched, <, SAMPLES);
    g_usleep(20000);
    g_assert_cmpuint(count_touched(t), ==, touched);
    for (i = 0; i < 2; i++) {
        g_assert_false(bm_poll(&t->r[i]));
    }
}

/* As after power-on, device memory apart. */
static void check_registers(BmDev *d)
{
    static const uint64_t zero[] = {
        BM_REG_CTRL, BM_REG_STATUS, BM_REG_HALTED, BM_REG_FAULT_ADDR,
        BM_REG_FAULT_INFO, BM_REG_MRD_TLPS, BM_REG_MRD_BYTES,
        BM_REG_MWR_TLPS, BM_REG_MWR_BYTES, BM_REG_MSG_TLPS,
        BM_REG_PEER_MRD_TLPS, BM_REG_PEER_MRD_BYTES, BM_REG_PEER_MWR_TLPS,
        BM_REG_PEER_MWR_BYTES,
        BM_QUEUE_PAGE(0) + BM_QREG_SQ_TAIL, BM_QUEUE_PAGE(0) + BM_QREG_CQ_HEAD,
        BM_QUEUE_PAGE(0) + BM_QREG_SQ_BASE, BM_QUEUE_PAGE(0) + BM_QREG_CQ_BASE,
        BM_QUEUE_PAGE(0) + BM_QREG_ORDER, BM_QUEUE_PAGE(0) + BM_QREG_CTL,
        BM_QUEUE_PAGE(0) + BM_QREG_STATE,
    };
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(zero); i++) {
        g_test_message("register 0x%" PRIx64, zero[i]);
        g_assert_cmphex(bm_read(d, zero[i]), ==, 0);
    }
}

static void check_works(Bench *t)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_FILL, 1, 8, bm_none(), bm_local(0));

    bm_enable(t->d);
    bm_ring_enable(&t->r[0]);
    g_assert_cmphex(bm_exec(&t->r[0], &sqe), ==, BM_ST_SUCCESS);
}

static void bench_up(Bench *t, const void *worker)
{
    t->d = bm_start(worker, "queues=2,mem-size=64M");
    bm_msix_setup(t->d, 3);
    qtest_writel(t->d->qts, t->d->mem + LEN, 0x600dda7a);
    set_to_work(t);
}

static void bench_down(Bench *t)
{
    g_assert_cmphex(qtest_readl(t->d->qts, t->d->mem + LEN), ==, 0x600dda7a);
    bm_end(t->d);
}

static void test_ctrl_reset(const void *worker)
{
    struct bm_hw_sqe sqe;
    Bench t;

    bench_up(&t, worker);
    bm_write(t.d, BM_REG_CTRL, BM_CTRL_RESET);
    check_stopped(&t);
    check_registers(t.d);
    /* Configuration space is as it was. */
    g_assert_cmphex(qpci_config_readw(t.d->pci, PCI_COMMAND), ==,
                    PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    g_assert_cmphex(qpci_config_readw(t.d->pci, BM_MSIX + PCI_MSIX_FLAGS) &
                    PCI_MSIX_FLAGS_ENABLE, !=, 0);
    check_works(&t);

    /* A fault and a halt are forgotten, too. */
    sqe = bm_cmd(BM_OP_COPY, 1, 8, bm_host(BM_NOWHERE), bm_local(0));
    g_assert_cmphex(bm_exec(&t.r[0], &sqe), ==, BM_ST_DMA_READ_FAULT);
    bm_ring_write(&t.r[0], BM_QREG_SQ_TAIL, 1 << 4);
    bm_assert_halted(&t.r[0], BM_HALT_BAD_TAIL);
    bm_write(t.d, BM_REG_CTRL, BM_CTRL_RESET | BM_CTRL_ENABLE);
    check_registers(t.d);
    bench_down(&t);
}

/* When a reset is over so is the last turn: memory is the driver's at once. */
static void test_late(const void *worker)
{
    const unsigned turn = 256 * KiB, segments = LEN / turn;
    uint64_t data, list;
    unsigned i, n;
    Bench t;

    bench_up(&t, worker);
    data = bm_alloc(t.d, turn);
    list = bm_alloc(t.d, segments * sizeof(struct bm_hw_seg));
    for (i = 0; i < segments; i++) {
        bm_seg(t.d, list, i, data, turn, 0);
    }
    for (n = 0; n < 30; n++) {
        struct bm_hw_sqe sqe = bm_cmd(BM_OP_COPY_CRC32C, n, LEN, bm_local(0),
                                      bm_sgl(list, segments));

        bm_write(t.d, BM_REG_CTRL, BM_CTRL_RESET);
        bm_enable(t.d);
        bm_ring_enable(&t.r[0]);
        bm_push(&t.r[0], &sqe);
        bm_doorbell(&t.r[0]);
        bm_write(t.d, BM_REG_CTRL, BM_CTRL_RESET);
        qtest_memset(t.d->qts, data, UNTOUCHED, turn);
        g_usleep(2000);
        for (i = 0; i < turn; i += STEP / 8) {
            g_assert_cmphex(qtest_readb(t.d->qts, data + i), ==, UNTOUCHED);
        }
    }
    bench_down(&t);
}

/* Not a reset: what was counted and where the rings are is kept. */
static void test_ctrl_disable(const void *worker)
{
    Bench t;

    bench_up(&t, worker);
    bm_write(t.d, BM_REG_CTRL, 0);
    g_assert_cmphex(bm_read(t.d, BM_REG_STATUS), ==, 0);
    g_assert_cmphex(bm_ring_reg(&t.r[0], BM_QREG_STATE), ==,
                    BM_QSTATE_DISABLED);
    check_stopped(&t);
    g_assert_cmpuint(bm_read(t.d, BM_REG_MRD_TLPS), ==, 2);
    g_assert_cmphex(bm_ring_reg(&t.r[0], BM_QREG_SQ_BASE), ==, t.r[0].sq);
    /* Without ENABLE no queue can be enabled. */
    bm_ring_enable(&t.r[0]);
    g_assert_cmphex(bm_ring_reg(&t.r[0], BM_QREG_STATE), ==,
                    BM_QSTATE_DISABLED);
    check_works(&t);
    bench_down(&t);
}

static void check_config_cleared(BmDev *d)
{
    g_assert_cmphex(qpci_config_readw(d->pci, PCI_COMMAND), ==, 0);
    g_assert_cmphex(qpci_config_readl(d->pci, PCI_BASE_ADDRESS_0), ==,
                    PCI_BASE_ADDRESS_MEM_TYPE_64);
    g_assert_cmphex(qpci_config_readw(d->pci, BM_MSIX + PCI_MSIX_FLAGS) &
                    PCI_MSIX_FLAGS_ENABLE, ==, 0);
    g_assert_cmphex(qpci_config_readw(d->pci, BM_EXP + PCI_EXP_DEVCTL) &
                    ~PCI_EXP_DEVCTL_PAYLOAD, ==, 2 << 12);
}

static uint32_t aer_read(BmDev *d, unsigned reg)
{
    return qtest_readl(d->qts, bm_ecam(d, d->pci->devfn, BM_AER + reg));
}

static void aer_write(BmDev *d, unsigned reg, uint32_t value)
{
    qtest_writel(d->qts, bm_ecam(d, d->pci->devfn, BM_AER + reg), value);
}

/* The machine is stopped in the middle: nothing moves until it goes on. */
static void test_vm_stop(const void *worker)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 7, 0, bm_none(), bm_none());
    unsigned i, touched;
    Bench t;

    bench_up(&t, worker);
    qtest_qmp_assert_success(t.d->qts, "{ 'execute': 'stop' }");
    touched = count_touched(&t);
    /* A debugger may ring while it is stopped. */
    bm_submit(&t.r[0], &sqe);
    g_usleep(20000);
    g_assert_cmpuint(count_touched(&t), ==, touched);
    g_assert_cmpuint(touched, <, SAMPLES);
    g_assert_false(bm_poll(&t.r[0]));
    g_assert_false(bm_poll(&t.r[1]));

    qtest_qmp_assert_success(t.d->qts, "{ 'execute': 'cont' }");
    for (i = 0; i < 3; i++) {
        bm_reap(&t.r[0]);
        g_assert_cmphex(t.r[0].cqe.status, ==, BM_ST_SUCCESS);
    }
    for (i = 0; i < 2; i++) {
        bm_reap(&t.r[1]);
        g_assert_cmphex(t.r[1].cqe.status, ==, BM_ST_SUCCESS);
    }
    g_assert_cmpuint(count_touched(&t), ==, SAMPLES);

    /* It can be reset meanwhile, and then to go on is nothing. */
    qtest_qmp_assert_success(t.d->qts, "{ 'execute': 'stop' }");
    bm_write(t.d, BM_REG_CTRL, BM_CTRL_RESET);
    check_registers(t.d);
    qtest_qmp_assert_success(t.d->qts, "{ 'execute': 'cont' }");
    check_works(&t);
    bench_down(&t);
}

static void test_flr(const void *worker)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());
    Bench t;

    bench_up(&t, worker);
    qpci_config_writew(t.d->pci, BM_EXP + PCI_EXP_DEVCTL, 0x502f);
    qpci_config_writew(t.d->pci, BM_EXP + PCI_EXP_DEVCTL,
                       0x502f | PCI_EXP_DEVCTL_BCR_FLR);
    check_stopped(&t);
    check_config_cleared(t.d);
    /* Max_Payload_Size is the link's, and stays. */
    g_assert_cmphex(qpci_config_readw(t.d->pci, BM_EXP + PCI_EXP_DEVCTL) &
                    PCI_EXP_DEVCTL_PAYLOAD, ==, 1 << 5);
    bm_map(t.d);
    check_registers(t.d);

    /* Bus mastering did not survive it either. */
    qpci_config_writew(t.d->pci, BM_EXP + PCI_EXP_DEVCTL,
                       PCI_EXP_DEVCTL_BCR_FLR);
    bm_map(t.d);
    bm_master(t.d, false);
    bm_enable(t.d);
    bm_ring_enable(&t.r[0]);
    bm_submit(&t.r[0], &sqe);
    bm_assert_halted(&t.r[0], BM_HALT_SQ_FAULT);
    bm_master(t.d, true);
    bm_write(t.d, BM_REG_CTRL, BM_CTRL_RESET);
    check_works(&t);
    bench_down(&t);
}

static void test_d3hot(const void *worker)
{
    Bench t;

    bench_up(&t, worker);
    qpci_config_writew(t.d->pci, BM_PM + PCI_PM_CTRL, 3);
    g_assert_cmphex(qpci_config_readw(t.d->pci, BM_PM + PCI_PM_CTRL), ==, 3);
    check_stopped(&t);
    qpci_config_writew(t.d->pci, BM_PM + PCI_PM_CTRL, 0);
    g_assert_cmphex(qpci_config_readw(t.d->pci, BM_PM + PCI_PM_CTRL), ==, 0);
    check_stopped(&t);
    check_config_cleared(t.d);
    bm_map(t.d);
    check_registers(t.d);
    check_works(&t);
    bench_down(&t);
}

/* Not a word in D3hot: neither what was raised before, nor what is unmasked. */
static void test_d3hot_silent(const void *worker)
{
    const unsigned vector = BM_VECTOR_QUEUE(0);
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());
    BmDev *d = bm_start(worker, "queues=1,mem-size=1M");
    BmRing r;

    bm_msix_setup(d, 2);
    bm_ring_init(&r, d, 0, 4);
    qpci_config_writew(d->pci, BM_MSIX + PCI_MSIX_FLAGS,
                       PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
    bm_ack(&r, BM_CQ_HEAD_ARM);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);
    bm_settle(d);
    g_assert_true(bm_msix_pending(d, vector));

    qpci_config_writew(d->pci, BM_PM + PCI_PM_CTRL, 3);
    qpci_config_writew(d->pci, BM_MSIX + PCI_MSIX_FLAGS,
                       PCI_MSIX_FLAGS_ENABLE);
    bm_settle(d);
    g_assert_false(bm_msix_taken(d, vector));
    qpci_config_writew(d->pci, BM_PM + PCI_PM_CTRL, 0);
    bm_map(d);
    g_assert_cmpuint(bm_read(d, BM_REG_MSG_TLPS), ==, 0);
    g_assert_false(bm_msix_taken(d, vector));
    bm_end(d);
}

static void reset_by_bridge(BmDev *d)
{
    uint16_t control = d->bus->config_readw(d->bus, BM_PORT,
                                            PCI_BRIDGE_CONTROL);

    d->bus->config_writew(d->bus, BM_PORT, PCI_BRIDGE_CONTROL,
                          control | PCI_BRIDGE_CTL_BUS_RESET);
    d->bus->config_writew(d->bus, BM_PORT, PCI_BRIDGE_CONTROL, control);
}

static void reset_by_flr(BmDev *d)
{
    qpci_config_writew(d->pci, BM_EXP + PCI_EXP_DEVCTL,
                       PCI_EXP_DEVCTL_BCR_FLR | 0x502f);
}

static void reset_by_waking(BmDev *d)
{
    qpci_config_writew(d->pci, BM_PM + PCI_PM_CTRL, 3);
    qpci_config_writew(d->pci, BM_PM + PCI_PM_CTRL, 0);
}

/* What comes from above, or from the function itself, and keeps the power. */
static const struct {
    void (*fn)(BmDev *d);
    uint16_t kept;          /* of Device Control */
} warm[] = {
    { reset_by_bridge, 0 },
    { reset_by_flr, 1 << 5 },
    { reset_by_waking, 0 },
};

/* What is sticky stays: an error that led to the reset can be read after it. */
static void check_warm(Bench *t, unsigned i)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());
    const uint32_t mask = aer_read(t->d, PCI_ERR_UNCOR_MASK) ^
                          PCI_ERR_UNC_COMP_TIME;
    BmDev *d = t->d;

    qpci_config_writew(d->pci, BM_EXP + PCI_EXP_DEVCTL, 0x502f);
    aer_write(d, PCI_ERR_UNCOR_MASK, mask);
    g_free(qtest_hmp(d->qts, "pcie_aer_inject_error bm RCVR"));
    g_assert_cmphex(aer_read(d, PCI_ERR_COR_STATUS), ==, PCI_ERR_COR_RCVR);

    warm[i].fn(d);
    check_stopped(t);
    check_config_cleared(d);
    g_assert_cmphex(qpci_config_readw(d->pci, BM_EXP + PCI_EXP_DEVCTL), ==,
                    2 << 12 | warm[i].kept);
    g_assert_cmphex(qpci_config_readw(d->pci, BM_EXP + PCI_EXP_DEVSTA) &
                    PCI_EXP_DEVSTA_CED, ==, 0);
    g_assert_cmphex(aer_read(d, PCI_ERR_UNCOR_MASK), ==, mask);
    g_assert_cmphex(aer_read(d, PCI_ERR_COR_STATUS), ==, PCI_ERR_COR_RCVR);
    aer_write(d, PCI_ERR_COR_STATUS, PCI_ERR_COR_RCVR);

    /* Bus mastering does not come back by itself. */
    bm_map(d);
    check_registers(d);
    warm[i].fn(d);
    qpci_config_writel(d->pci, PCI_BASE_ADDRESS_0, d->regs);
    qpci_config_writew(d->pci, PCI_COMMAND, PCI_COMMAND_MEMORY);
    bm_enable(d);
    bm_ring_enable(&t->r[0]);
    bm_submit(&t->r[0], &sqe);
    bm_assert_halted(&t->r[0], BM_HALT_SQ_FAULT);
    bm_map(d);
    bm_write(d, BM_REG_CTRL, BM_CTRL_RESET);
    check_works(t);
}

/* Below a port, each after the other. */
static void test_warm(const void *worker)
{
    uint64_t next;
    unsigned i;
    Bench t;

    t.d = bm_start_below("", worker, "queues=2,mem-size=64M");
    bm_enable(t.d);
    qtest_writel(t.d->qts, t.d->mem + LEN, 0x600dda7a);
    next = t.d->next;
    for (i = 0; i < ARRAY_SIZE(warm); i++) {
        t.d->next = next;
        bm_write(t.d, BM_REG_CTRL, BM_CTRL_RESET);
        bm_enable(t.d);
        bm_msix_setup(t.d, 3);
        set_to_work(&t);
        check_warm(&t, i);
    }
    bench_down(&t);
}

static void test_system_reset(const void *worker)
{
    /* What a driver may have set, in capabilities as well. */
    static const struct {
        uint8_t at;
        uint16_t value;
    } set[] = {
        { BM_EXP + PCI_EXP_DEVCTL2, PCI_EXP_DEVCTL2_EETLPPB },
        { BM_EXP + PCI_EXP_LNKCTL, PCI_EXP_LNKCTL_CCC | 3 },
        { BM_EXP + PCI_EXP_DEVCTL, 0x502f },
    };
    uint16_t before[ARRAY_SIZE(set)];
    uint32_t mask;
    unsigned i;
    Bench t;

    bench_up(&t, worker);
    mask = aer_read(t.d, PCI_ERR_UNCOR_MASK);
    aer_write(t.d, PCI_ERR_UNCOR_MASK, mask | PCI_ERR_UNC_COMP_TIME);
    g_assert_cmphex(aer_read(t.d, PCI_ERR_UNCOR_MASK), !=, mask);
    for (i = 0; i < ARRAY_SIZE(set); i++) {
        before[i] = qpci_config_readw(t.d->pci, set[i].at);
        qpci_config_writew(t.d->pci, set[i].at, set[i].value);
    }
    qtest_qmp_assert_success(t.d->qts, "{ 'execute': 'system_reset' }");
    qtest_qmp_eventwait(t.d->qts, "RESET");
    check_stopped(&t);
    check_config_cleared(t.d);
    for (i = 0; i < ARRAY_SIZE(set); i++) {
        g_assert_cmphex(qpci_config_readw(t.d->pci, set[i].at), ==, before[i]);
    }
    g_assert_cmphex(aer_read(t.d, PCI_ERR_UNCOR_MASK), ==, mask);
    g_assert_cmphex(qpci_config_readw(t.d->pci, BM_EXP + PCI_EXP_DEVCTL), ==,
                    2 << 12);
    bm_map(t.d);
    check_registers(t.d);
    check_works(&t);
    bench_down(&t);
}

/*
 * An FLR in D3hot ends that, too, and is one reset and not two: it leaves alone
 * what a second one would not.
 */
static void test_flr_in_d3hot(const void *worker)
{
    uint32_t mask;
    Bench t;

    bench_up(&t, worker);
    mask = aer_read(t.d, PCI_ERR_UNCOR_MASK) | PCI_ERR_UNC_COMP_TIME;
    aer_write(t.d, PCI_ERR_UNCOR_MASK, mask);
    qpci_config_writew(t.d->pci, BM_EXP + PCI_EXP_DEVCTL, 0x502f);
    qpci_config_writew(t.d->pci, BM_PM + PCI_PM_CTRL, 3);
    qpci_config_writew(t.d->pci, BM_EXP + PCI_EXP_DEVCTL,
                       0x502f | PCI_EXP_DEVCTL_BCR_FLR);
    check_stopped(&t);
    check_config_cleared(t.d);
    g_assert_cmphex(qpci_config_readw(t.d->pci, BM_PM + PCI_PM_CTRL), ==, 0);
    g_assert_cmphex(qpci_config_readw(t.d->pci, BM_EXP + PCI_EXP_DEVCTL) &
                    PCI_EXP_DEVCTL_PAYLOAD, ==, 1 << 5);
    g_assert_cmphex(aer_read(t.d, PCI_ERR_UNCOR_MASK), ==, mask);
    bm_map(t.d);
    check_registers(t.d);
    check_works(&t);
    bench_down(&t);
}

/* The guest ejects it while it works; the rest of the machine goes on. */
static void test_unplug(const void *worker)
{
    g_autofree char *device = bm_device(worker, "\"bus\":\"rp\"",
                                        "queues=2,mem-size=64M");
    const int port = QPCI_DEVFN(5, 0);
    Bench t;

    t.d = bm_new(qtest_initf("-M q35 -m 256M -nodefaults "
                             "-device pcie-root-port,id=rp,chassis=1,slot=1,"
                             "addr=05.0 %s", device));
    bm_open_port(t.d, port);
    bm_attach(t.d, 1 << 8, 0xe0000000);
    /* Below a port it is an endpoint, not an integrated one. */
    g_assert_cmphex(qpci_config_readw(t.d->pci, BM_EXP + PCI_EXP_FLAGS), ==,
                    PCI_EXP_TYPE_ENDPOINT << 4 | 2);
    bm_enable(t.d);
    set_to_work(&t);

    /* ACPI hotplug: the bus, then the slots to be ejected. */
    qtest_outl(t.d->qts, 0xcc0 + 0x10, 0);
    qtest_outl(t.d->qts, 0xcc0 + 0x08, 1 << 0);
    qtest_qmp_eventwait(t.d->qts, "DEVICE_DELETED");
    check_stopped(&t);
    g_assert_cmphex(qpci_config_readl(t.d->pci, PCI_VENDOR_ID), ==,
                    0xffffffff);
    bm_end(t.d);
}

void bm_add_reset_tests(void)
{
    bm_add_many("reset/ctrl-reset", test_ctrl_reset);
    bm_add_many("reset/ctrl-disable", test_ctrl_disable);
    bm_add_many("reset/late", test_late);
    bm_add_many("reset/flr", test_flr);
    bm_add_many("reset/d3hot", test_d3hot);
    bm_add_both("reset/d3hot-silent", test_d3hot_silent);
    bm_add_many("reset/warm", test_warm);
    bm_add("reset/flr-in-d3hot", test_flr_in_d3hot);
    bm_add_many("reset/system-reset", test_system_reset);
    bm_add_many("reset/unplug", test_unplug);
    bm_add_many("reset/vm-stop", test_vm_stop);
}
