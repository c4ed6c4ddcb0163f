/*
 * busmaster qtests: a driver that means harm
 *
 * What devices are known to be broken by, class by class, as far as it is not a
 * case of its own elsewhere: overflows in fault-test.c, lists that loop in
 * sgl-test.c, resets and removal with work queued in reset-test.c. Most of it
 * has no right answer; the device has to keep to its own rules, and go on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "harness.h"

#define DEVICES     1000
#define PORTS       20
#define PORT        QPCI_DEVFN(5, 0) /* the first of them */

/* Of the BARs, as the machine of bm_start() has them. */
#define REGS_SIZE   0x4000u

static struct bm_hw_sqe nop(uint16_t tag)
{
    return bm_cmd(BM_OP_NOP, tag, 0, bm_none(), bm_none());
}

/* After whatever was done to it: a reset, and all is well. */
static void check_works(BmDev *d)
{
    struct bm_hw_sqe sqe = nop(1);
    BmRing r;

    bm_write(d, BM_REG_CTRL, BM_CTRL_RESET);
    bm_wait_reg(d, BM_REG_CTRL, UINT64_MAX, 0);
    bm_enable(d);
    bm_ring_init(&r, d, 0, 4);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);
}

/* Rings, doorbells, lists in the device's own BARs: registers are no memory. */
static void test_own_bars(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=2,mem-size=1M");
    const uint64_t bars[] = {
        d->regs, d->regs + BM_QUEUE_PAGE(0), d->regs + REGS_SIZE - 0x1000,
        d->msix,
    };
    struct bm_hw_sqe sqe;
    BmRing good, r;
    unsigned i;

    bm_ring_init(&good, d, 0, 4);
    for (i = 0; i < ARRAY_SIZE(bars); i++) {
        r = good;
        r.q = 1;
        r.sq = bars[i];
        bm_ring_write(&r, BM_QREG_SQ_BASE, r.sq);
        bm_ring_write(&r, BM_QREG_CQ_BASE, r.cq);
        bm_ring_write(&r, BM_QREG_ORDER, r.order);
        bm_ring_write(&r, BM_QREG_CTL, BM_QCTL_ENABLE);
        bm_ring_write(&r, BM_QREG_SQ_TAIL, 1);
        bm_assert_halted(&r, BM_HALT_SQ_FAULT);
        g_assert_cmphex(bm_read(d, BM_REG_FAULT_ADDR), ==, bars[i]);
        bm_ring_write(&r, BM_QREG_CTL, 0);

        r.sq = good.sq;
        sqe = nop(1);
        qtest_memwrite(d->qts, r.sq, &sqe, sizeof(sqe));
        bm_ring_write(&r, BM_QREG_SQ_BASE, r.sq);
        bm_ring_write(&r, BM_QREG_CQ_BASE, bars[i]);
        bm_ring_write(&r, BM_QREG_CTL, BM_QCTL_ENABLE);
        bm_ring_write(&r, BM_QREG_SQ_TAIL, 1);
        bm_assert_halted(&r, BM_HALT_CQ_FAULT);
        bm_ring_write(&r, BM_QREG_CTL, 0);

        bm_ring_write(&r, BM_QREG_CQ_BASE, good.cq);
        bm_ring_write(&r, BM_QREG_SHADOW, bars[i]);
        bm_ring_write(&r, BM_QREG_CTL, BM_QCTL_ENABLE);
        bm_ring_write(&r, BM_QREG_SQ_TAIL, 1);
        bm_assert_halted(&r, BM_HALT_SHADOW_FAULT);
        bm_ring_write(&r, BM_QREG_CTL, 0);
        bm_ring_write(&r, BM_QREG_SHADOW, 0);

        sqe = bm_cmd(BM_OP_CRC32C, 2, 64, bm_sgl(bars[i], 4), bm_none());
        g_assert_cmphex(bm_exec(&good, &sqe), ==, BM_ST_DMA_READ_FAULT);
        g_assert_cmphex(good.cqe.info, ==, bars[i]);
    }
    check_works(d);
    bm_end(d);
}

/* Device memory is memory, by its BAR as well: rings may lie there. */
static void test_rings_in_bar2(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=1,mem-size=1M");
    struct bm_hw_sqe sqe;
    BmRing r = { .d = d, .order = 4, .sq = d->mem, .cq = d->mem + 0x1000 };

    bm_ring_enable(&r);
    sqe = nop(5);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);
    /* The rings go while a command that was read from them is at work. */
    sqe = bm_cmd(BM_OP_FILL, 6, 0x2000, bm_none(), bm_local(0));
    sqe.operand = cpu_to_le64(UINT64_MAX);
    bm_push(&r, &sqe);
    bm_doorbell(&r);
    bm_wait_reg(d, BM_QUEUE_PAGE(0) + BM_QREG_SQ_TAIL, UINT64_MAX, 2);
    bm_settle(d);
    g_assert_cmphex(bm_ring_reg(&r, BM_QREG_STATE), ==, BM_QSTATE_RUNNING);
    check_works(d);
    bm_end(d);
}

/*
 * Commands that write over the rings, over themselves and over the list that
 * they are at: what was read was read, and is not read again.
 */
static void test_own_descriptors(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=1,mem-size=1M");
    uint64_t list = bm_alloc(d, 0x1000), data = bm_alloc(d, 0x1000);
    const struct bm_hw_ptr junk = bm_local(0x800);
    struct bm_hw_sqe sqe;
    unsigned i;
    BmRing r;

    qtest_memset(d->qts, d->mem + 0x800, 0xff, 0x800);
    bm_ring_init(&r, d, 0, 4);

    /* Its own submission, with the one that was fetched with it. */
    sqe = bm_cmd(BM_OP_COPY, 1, 0x400, junk, bm_host(r.sq));
    bm_push(&r, &sqe);
    sqe = nop(2);
    bm_push(&r, &sqe);
    bm_doorbell(&r);
    for (i = 1; i <= 2; i++) {
        bm_reap(&r);
        g_assert_cmphex(r.cqe.tag, ==, i);
        g_assert_cmphex(r.cqe.status, ==, BM_ST_SUCCESS);
    }
    bm_ack(&r, 0);
    /* One that was not there yet is what it was made. */
    bm_ring_write(&r, BM_QREG_SQ_TAIL, 3);
    bm_reap(&r);
    g_assert_cmphex(r.cqe.tag, ==, 0xffff);
    g_assert_cmphex(r.cqe.status, ==, BM_ST_BAD_OPCODE);
    bm_ack(&r, 0);
    r.tail = 3;

    /* The list it is at, each the next: 16 were read, and are as they were. */
    for (i = 0; i < 32; i++) {
        bm_seg(d, list, i, list + (i + 1) * 16, 16, 0);
    }
    sqe = bm_cmd(BM_OP_COPY, 4, 16 * 16, junk, bm_sgl(list, 32));
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);

    /* The next ones are read as they are by then. */
    bm_seg(d, list, 0, list + 16 * 16, 16, 0);
    for (i = 1; i < 17; i++) {
        bm_seg(d, list, i, data, 16, 0);
    }
    sqe = bm_cmd(BM_OP_COPY, 5, 17 * 16, junk, bm_sgl(list, 17));
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_BAD_SGL);

    /* The completion ring, where the next completion goes. */
    sqe = bm_cmd(BM_OP_COPY, 6, 16 << 4, junk, bm_host(r.cq));
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);

    /* Both rings in one place: the device reads what it has written. */
    bm_ring_write(&r, BM_QREG_CTL, 0);
    bm_ring_wait_state(&r, BM_QSTATE_DISABLED);
    bm_ring_write(&r, BM_QREG_CQ_BASE, r.sq);
    bm_ring_write(&r, BM_QREG_CTL, BM_QCTL_ENABLE);
    for (i = 1; i < 16; i++) {
        bm_ring_write(&r, BM_QREG_SQ_TAIL, i);
    }
    bm_settle(d);
    g_assert_cmphex(bm_ring_reg(&r, BM_QREG_STATE), ==, BM_QSTATE_RUNNING);
    check_works(d);
    bm_end(d);
}

/* The largest of everything, and what is beyond it. */
static void test_largest(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=1,mem-size=1M");
    uint64_t list = bm_alloc(d, 0x1000), data = bm_alloc(d, 0x1000);
    struct bm_hw_sqe sqe;
    BmRing r;

    bm_ring_init(&r, d, 0, 4);
    bm_seg(d, list, 0, data, 64, 0);
    sqe = bm_cmd(BM_OP_CRC32C, 1, 64, bm_sgl(list, UINT32_MAX), bm_none());
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);
    /* A list that ends where addresses do; and one that would go beyond. */
    sqe.src = bm_sgl(-(uint64_t)UINT32_MAX * 16, UINT32_MAX);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_DMA_READ_FAULT);
    sqe.src = bm_sgl(-(uint64_t)UINT32_MAX * 16 + 16, UINT32_MAX);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_BAD_SGL);

    /* A chain to the longest list; a segment longer than any command. */
    bm_seg(d, list, 0, list + 16, UINT32_MAX, BM_SEG_CHAIN);
    bm_seg(d, list, 1, data, UINT32_MAX, 0);
    sqe.src = bm_sgl(list, 1);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);
    bm_seg(d, list, 0, -(uint64_t)16, UINT32_MAX, BM_SEG_CHAIN);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_BAD_SGL);

    /* The longest command, most of which is nowhere. */
    sqe = bm_cmd(BM_OP_CRC32C, 2, 1u << 30, bm_host(BM_RAM_SIZE - 64),
                 bm_none());
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_DMA_READ_FAULT);
    g_assert_cmphex(r.cqe.info, ==, BM_RAM_SIZE);

    /* All bits of the doorbells, the moderation and the abort. */
    bm_ring_write(&r, BM_QREG_MODERATION, UINT64_MAX);
    g_assert_cmphex(bm_ring_reg(&r, BM_QREG_MODERATION), ==, UINT32_MAX);
    bm_ring_write(&r, BM_QREG_ABORT, UINT64_MAX);
    sqe = nop(3);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);
    bm_ring_write(&r, BM_QREG_CQ_HEAD, UINT64_MAX);
    bm_assert_halted(&r, BM_HALT_BAD_HEAD);
    check_works(d);
    bm_end(d);
}

/* Zero in every register of the geometry: what cannot be is refused. */
static void test_zero(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=1,mem-size=1M");
    BmRing r = { .d = d };
    unsigned i;

    bm_ring_write(&r, BM_QREG_CTL, BM_QCTL_ENABLE);
    bm_assert_halted(&r, BM_HALT_BAD_GEOMETRY);
    bm_ring_write(&r, BM_QREG_CTL, 0);
    bm_ring_write(&r, BM_QREG_SQ_BASE, 0x1000000);
    bm_ring_write(&r, BM_QREG_CQ_BASE, 0x1001000);
    bm_ring_write(&r, BM_QREG_CTL, BM_QCTL_ENABLE);
    bm_assert_halted(&r, BM_HALT_BAD_GEOMETRY);
    bm_ring_write(&r, BM_QREG_CTL, 0);

    /* Both rings at 0, where there is memory: one completion, as a command. */
    bm_ring_write(&r, BM_QREG_SQ_BASE, 0);
    bm_ring_write(&r, BM_QREG_CQ_BASE, 0);
    bm_ring_write(&r, BM_QREG_ORDER, BM_MIN_ORDER);
    bm_ring_write(&r, BM_QREG_CTL, BM_QCTL_ENABLE);
    g_assert_cmphex(bm_ring_reg(&r, BM_QREG_STATE), ==, BM_QSTATE_RUNNING);
    for (i = 0; i < 8; i++) {
        bm_ring_write(&r, BM_QREG_SQ_TAIL, ~i & 1);
        bm_ring_write(&r, BM_QREG_CQ_HEAD, 0);
        bm_ring_write(&r, BM_QREG_MODERATION, 0);
    }
    check_works(d);
    bm_end(d);
}

static void to_disabled(BmRing *r)
{
    bm_ring_write(r, BM_QREG_CTL, 0);
    bm_ring_wait_state(r, BM_QSTATE_DISABLED);
}

static void to_running(BmRing *r)
{
}

/* What was fetched cannot be posted: the ring is full, and stays so. */
static void to_draining(BmRing *r)
{
    struct bm_hw_sqe sqe = nop(1);
    unsigned i;

    for (i = 0; i < 2; i++) {
        bm_submit(r, &sqe);
        if (!i) {
            bm_reap(r);
        }
    }
    bm_settle(r->d);
    bm_ring_write(r, BM_QREG_CTL, 0);
    g_assert_cmphex(bm_ring_reg(r, BM_QREG_STATE), ==, BM_QSTATE_DRAINING);
}

static void to_halted(BmRing *r)
{
    bm_ring_write(r, BM_QREG_SQ_TAIL, 1u << r->order);
    bm_assert_halted(r, BM_HALT_BAD_TAIL);
}

static void to_off(BmRing *r)
{
    bm_write(r->d, BM_REG_CTRL, 0);
}

static void to_reset(BmRing *r)
{
    bm_write(r->d, BM_REG_CTRL, BM_CTRL_RESET);
}

/* A reset that never comes to an end, as far as anybody can see. */
static void to_resetting(BmRing *r)
{
    bm_arm(r->d, BM_INJECT_RESET_IGNORE, BM_INJECT_ALWAYS,
           BM_INJECT_ALL_QUEUES, 0);
    bm_write(r->d, BM_REG_CTRL, BM_CTRL_RESET);
    g_assert_cmphex(bm_read(r->d, BM_REG_CTRL) & BM_CTRL_RESET, !=, 0);
}

static void to_fatal(BmRing *r)
{
    struct bm_hw_sqe sqe = nop(1);

    bm_arm(r->d, BM_INJECT_FATAL, 1, BM_INJECT_ALL_QUEUES, 0);
    bm_submit(r, &sqe);
    bm_wait_reg(r->d, BM_REG_STATUS, BM_STATUS_FATAL, BM_STATUS_FATAL);
}

static void to_d3hot(BmRing *r)
{
    qpci_config_writew(r->d->pci, BM_PM + PCI_PM_CTRL, 3);
}

static void to_no_master(BmRing *r)
{
    bm_master(r->d, false);
}

static bool is_geometry(uint64_t reg)
{
    return reg == BM_QREG_SQ_BASE || reg == BM_QREG_CQ_BASE ||
           reg == BM_QREG_ORDER || reg == BM_QREG_SHADOW;
}

/* One operation, and what it cannot do to a queue that is not running. */
static void operate(BmRing *r, uint64_t reg, uint64_t value)
{
    unsigned before = bm_ring_reg(r, BM_QREG_STATE) & BM_QSTATE_STATE;
    uint64_t held = bm_ring_reg(r, reg);
    unsigned after;

    bm_ring_write(r, reg, value);
    after = bm_ring_reg(r, BM_QREG_STATE) & BM_QSTATE_STATE;
    if (before == BM_QSTATE_RUNNING) {
        return;
    }
    if (before == BM_QSTATE_DRAINING && after != before) {
        /* It was through by itself: the write may have met a disabled queue. */
        g_assert_true(after == BM_QSTATE_DISABLED || reg == BM_QREG_CTL);
        return;
    }
    g_assert_true(reg == BM_QREG_CTL || after == before);
    if (before != BM_QSTATE_DISABLED) {
        g_assert_cmpuint(after, !=, BM_QSTATE_RUNNING);
        g_assert_true(!is_geometry(reg) || bm_ring_reg(r, reg) == held);
    }
    if (reg == BM_QREG_SQ_TAIL) {
        g_assert_cmphex(bm_ring_reg(r, reg), ==, held);
    }
}

/*
 * Every operation in every state, with work queued and without: each goes by
 * its rules, which are tested elsewhere. Here, all are there at once.
 */
static void test_states(const void *worker)
{
    static void (*const states[])(BmRing *) = {
        to_disabled, to_running, to_draining, to_halted, to_off, to_reset,
        to_resetting, to_fatal, to_d3hot, to_no_master,
    };
    static const uint64_t regs[] = {
        BM_QREG_SQ_TAIL, BM_QREG_CQ_HEAD, BM_QREG_SQ_BASE, BM_QREG_CQ_BASE,
        BM_QREG_ORDER, BM_QREG_MODERATION, BM_QREG_CTL, BM_QREG_STATE,
        BM_QREG_ABORT, BM_QREG_SHADOW,
    };
    static const uint64_t values[] = { 0, 1, BM_NOWHERE };
    BmDev *d = bm_start(worker, "queues=2,mem-size=1M,x-fault-injection=true");
    const struct bm_hw_sqe crc = bm_long(d, 7);
    const struct bm_hw_sqe work = bm_cmd(BM_OP_FILL, 7,
                                         le32_to_cpu(crc.length), bm_none(),
                                         crc.src);
    uint64_t next = d->next;
    unsigned state, reg, value;
    BmRing r, busy;

    for (state = 0; state < ARRAY_SIZE(states); state++) {
        for (reg = 0; reg < ARRAY_SIZE(regs); reg++) {
            for (value = 0; value < ARRAY_SIZE(values); value++) {
                d->next = next;
                bm_ring_init(&r, d, 0, 1);
                bm_ring_init(&busy, d, 1, 2);
                bm_submit(&busy, &work);
                states[state](&r);
                operate(&r, regs[reg], values[value]);
                operate(&busy, regs[reg], values[value]);
                operate(&r, regs[reg], ~values[value]);

                qpci_config_writew(d->pci, BM_EXP + PCI_EXP_DEVCTL,
                                   PCI_EXP_DEVCTL_BCR_FLR);
                qpci_config_writew(d->pci, BM_PM + PCI_PM_CTRL, 0);
                bm_map(d);
                bm_enable(d);
            }
        }
    }
    check_works(d);
    bm_end(d);
}

/* Tags that no command has, whether or not there are commands. */
static void test_abort(const void *worker)
{
    static const uint32_t bogus[] = {
        0, 1, 6, 8, 0x7fff, 0x8000, 0xfffe, 0xffff, 0x20000, UINT32_MAX,
    };
    BmDev *d = bm_start(worker, "queues=1,mem-size=1M");
    struct bm_hw_sqe sqe = bm_long(d, 7);
    unsigned i;
    BmRing r;

    bm_ring_init(&r, d, 0, 4);
    for (i = 0; i < ARRAY_SIZE(bogus); i++) {
        bm_ring_write(&r, BM_QREG_ABORT, bogus[i]);
    }
    /* Two of one name: both are meant. */
    bm_push(&r, &sqe);
    bm_push(&r, &sqe);
    bm_doorbell(&r);
    for (i = 0; i < ARRAY_SIZE(bogus); i++) {
        bm_ring_write(&r, BM_QREG_ABORT, bogus[i]);
    }
    bm_settle(d);
    g_assert_false(bm_poll(&r));
    for (i = 0; i < 2; i++) {
        while (!bm_poll(&r)) {
            bm_ring_write(&r, BM_QREG_ABORT, 7);
        }
        g_assert_cmphex(r.cqe.tag, ==, 7);
        g_assert_cmphex(r.cqe.status, ==, BM_ST_ABORTED);
    }
    bm_ack(&r, 0);
    to_disabled(&r);
    bm_ring_write(&r, BM_QREG_ABORT, 7);
    check_works(d);
    bm_end(d);
}

/* Accesses of all sizes at all places: to the registers, the table, the PBA. */
static void sweep(BmDev *d, uint64_t start, uint64_t len)
{
    uint64_t addr;

    for (addr = start; addr < start + len; addr++) {
        qtest_writeb(d->qts, addr, 0x5a);
        qtest_writew(d->qts, addr, 0xa55a);
        qtest_writel(d->qts, addr, 0xffffffff);
        qtest_writeq(d->qts, addr, addr * 0x0101010101010101);
        qtest_readb(d->qts, addr);
        qtest_readw(d->qts, addr);
        qtest_readl(d->qts, addr);
        qtest_readq(d->qts, addr);
    }
}

static void test_sizes(const void *worker)
{
    static const uint64_t pages[] = { 0, 0x1000, 0x2000, 0x3000 };
    BmDev *d = bm_start(worker, "queues=2,mem-size=1M,x-fault-injection=true");
    uint32_t pba = qpci_config_readl(d->pci, BM_MSIX + PCI_MSIX_PBA) &
                   ~PCI_MSIX_FLAGS_BIRMASK;
    unsigned i;

    bm_msix_setup(d, 3);
    /* Three vectors: what is behind the third is no entry. */
    sweep(d, d->msix, 3 * PCI_MSIX_ENTRY_SIZE + 16);
    sweep(d, d->msix + pba, 32);
    for (i = 0; i < 3; i++) {
        g_assert_false(bm_msix_pending(d, i));
    }
    for (i = 0; i < ARRAY_SIZE(pages); i++) {
        sweep(d, d->regs + pages[i], 0x90);
        sweep(d, d->regs + pages[i] + 0x7f0, 0x40);
        sweep(d, d->regs + pages[i] + 0xff8, i == 3 ? 8 : 16);
    }
    qpci_config_writew(d->pci, BM_EXP + PCI_EXP_DEVCTL,
                       PCI_EXP_DEVCTL_BCR_FLR);
    bm_map(d);
    check_works(d);
    bm_end(d);
}

/* What a QEMU has that a removed device may have left. */
typedef struct Belongings {
    unsigned files;
    unsigned threads;
    size_t memory_regions;
} Belongings;

static unsigned count_entries(QTestState *qts, const char *what)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/%s", qtest_pid(qts),
                                            what);
    GDir *dir = g_dir_open(path, 0, NULL);
    unsigned count = 0;

    g_assert_nonnull(dir);
    while (g_dir_read_name(dir)) {
        count++;
    }
    g_dir_close(dir);
    return count;
}

static Belongings take_stock(QTestState *qts)
{
    g_autofree char *tree = qtest_hmp(qts, "info mtree");

    return (Belongings) {
        .files = count_entries(qts, "fd"),
        .threads = count_entries(qts, "task"),
        .memory_regions = strlen(tree),
    };
}

static void plug(BmDev *d, unsigned port, bool iothread)
{
    g_autofree char *bus = g_strdup_printf("rp%u", port);
    QDict *args = qdict_new();

    qdict_put_str(args, "driver", "busmaster");
    qdict_put_str(args, "bus", bus);
    qdict_put_int(args, "mem-size", 64 * KiB);
    if (iothread) {
        qdict_put_str(args, "iothread", "io0");
    }
    qtest_qmp_assert_success(d->qts, "{ 'execute': 'device_add',"
                             " 'arguments': %p }", args);
}

/* ACPI hotplug: the bus, then the slots to be ejected. */
static void eject(BmDev *d, unsigned port)
{
    qtest_outl(d->qts, 0xcc0 + 0x10, port);
    qtest_outl(d->qts, 0xcc0 + 0x08, 1 << 0);
}

/* To be gone takes a device two grace periods of RCU: many go together. */
static void plug_round(BmDev *d, bool iothread)
{
    unsigned i;

    for (i = 0; i < PORTS; i++) {
        plug(d, i, iothread);
    }
    bm_attach(d, 1 << 8, 0xe0000000);
    check_works(d);
    g_free(d->pci);
    d->pci = NULL;
    for (i = 0; i < PORTS; i++) {
        eject(d, i);
    }
    for (i = 0; i < PORTS; i++) {
        qtest_qmp_eventwait(d->qts, "DEVICE_DELETED");
    }
}

/* A thousand devices, and nothing of them is left. */
static void test_plug(const void *worker)
{
    GString *args = g_string_new("-M q35 -m 256M -nodefaults "
                                 "-object iothread,id=io0");
    Belongings before = {}, after;
    uint64_t next;
    unsigned i;
    BmDev *d;

    for (i = 0; i < PORTS; i++) {
        g_string_append_printf(args, " -device pcie-root-port,id=rp%u,"
                               "chassis=1,slot=%u,addr=%x.0", i, i, 5 + i);
    }
    d = bm_new(qtest_init(args->str));
    g_string_free(args, true);
    bm_open_port(d, PORT);
    next = d->next;
    for (i = 0; i < DEVICES / PORTS; i++) {
        d->next = next;
        plug_round(d, i & 1);
        if (i == 1) {
            before = take_stock(d->qts);
        }
    }
    after = take_stock(d->qts);
    g_assert_cmpuint(after.files, ==, before.files);
    g_assert_cmpuint(after.threads, ==, before.threads);
    g_assert_cmpuint(after.memory_regions, ==, before.memory_regions);
    /* Nobody holds the iothread any more, so it ends. */
    qtest_qmp_assert_success(d->qts, "{ 'execute': 'object-del',"
                             " 'arguments': { 'id': 'io0' } }");
    g_assert_cmpuint(take_stock(d->qts).threads, ==, before.threads - 1);
    bm_end(d);
}

void bm_add_hostile_tests(void)
{
    bm_add_both("hostile/own-bars", test_own_bars);
    bm_add_both("hostile/rings-in-bar2", test_rings_in_bar2);
    bm_add("hostile/own-descriptors", test_own_descriptors);
    bm_add("hostile/largest", test_largest);
    bm_add("hostile/zero", test_zero);
    bm_add_both("hostile/states", test_states);
    bm_add_both("hostile/abort", test_abort);
    bm_add("hostile/sizes", test_sizes);
    bm_add("hostile/plug", test_plug);
}
