/*
 * busmaster qtests: what is refused, and by whom
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "harness.h"

#define IOAPIC          0xfec00000ull /* IOREGSEL, readable and writable */

static struct bm_hw_sqe read_from(uint64_t addr, uint32_t len)
{
    return bm_cmd(BM_OP_COPY, 0x11, len, bm_host(addr), bm_local(0));
}

static struct bm_hw_sqe write_to(uint64_t addr, uint32_t len)
{
    return bm_cmd(BM_OP_COPY, 0x22, len, bm_local(0), bm_host(addr));
}

static struct bm_hw_sqe nop(void)
{
    return bm_cmd(BM_OP_NOP, 0, 0, bm_none(), bm_none());
}

static void check_refused(BmRing *r, struct bm_hw_sqe sqe, unsigned status,
                          uint64_t addr)
{
    uint64_t info;

    g_assert_cmphex(bm_exec(r, &sqe), ==, status);
    g_assert_cmphex(r->cqe.info, ==, addr);

    info = bm_read(r->d, BM_REG_FAULT_INFO);
    g_assert_cmphex(bm_read(r->d, BM_REG_FAULT_ADDR), ==, addr);
    g_assert_cmphex(info & BM_FAULT_VALID, !=, 0);
    g_assert_cmphex(!!(info & BM_FAULT_WRITE), ==,
                    status == BM_ST_DMA_WRITE_FAULT);
    g_assert_cmphex(BM_GET(BM_FAULT_QUEUE, info), ==, r->q);
    g_assert_cmphex(BM_GET(BM_FAULT_TAG, info), ==, le16_to_cpu(sqe.tag));
}

/* Each rule that a submission can break, one at a time. */
static void test_bad_submissions(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=1,mem-size=1M");
    const struct bm_hw_ptr host = bm_host(bm_alloc(d, 4096));
    const struct bm_hw_sqe copy = bm_cmd(BM_OP_COPY, 1, 64, host, bm_local(0));
    const struct bm_hw_sqe fill = bm_cmd(BM_OP_FILL, 2, 64, bm_none(), host);
    const struct bm_hw_sqe crc = bm_cmd(BM_OP_CRC32C, 3, 64, host, bm_none());
    struct bm_hw_sqe sqe;
    unsigned i;
    BmRing r;

    bm_ring_init(&r, d, 0, 6);
#define CHECK(base, change, expected) do {              \
        sqe = base;                                     \
        change;                                         \
        g_assert_cmphex(bm_exec(&r, &sqe), ==, expected); \
        g_assert_cmphex(r.cqe.info, ==, 0);             \
    } while (0)

    CHECK(copy, , BM_ST_SUCCESS);
    CHECK(fill, , BM_ST_SUCCESS);

    for (i = BM_OP_COMPARE + 1; i < 256; i++) {
        CHECK(copy, sqe.opcode = i, BM_ST_BAD_OPCODE);
    }

    for (i = 2; i < 8; i++) {
        CHECK(copy, sqe.flags = 1u << i, BM_ST_BAD_FIELD);
    }
    for (i = 0; i < sizeof(sqe.reserved); i++) {
        CHECK(copy, sqe.reserved[i] = 1, BM_ST_BAD_FIELD);
    }
    for (i = 0; i < sizeof(sqe.src.reserved); i++) {
        CHECK(copy, sqe.src.reserved[i] = 0x80, BM_ST_BAD_FIELD);
        CHECK(copy, sqe.dst.reserved[i] = 0x80, BM_ST_BAD_FIELD);
        CHECK(fill, sqe.src.reserved[i] = 0x80, BM_ST_BAD_FIELD);
    }
    CHECK(copy, sqe.tag = cpu_to_le16(BM_TAG_NONE), BM_ST_BAD_FIELD);
    CHECK(copy, sqe.operand = cpu_to_le64(1), BM_ST_BAD_FIELD);
    CHECK(crc, sqe.operand = cpu_to_le64(1ull << 32), BM_ST_BAD_FIELD);
    CHECK(copy, sqe.src.count = cpu_to_le32(1), BM_ST_BAD_FIELD);
    CHECK(copy, sqe.dst.count = cpu_to_le32(1), BM_ST_BAD_FIELD);
    CHECK(fill, sqe.src.addr = cpu_to_le64(1), BM_ST_BAD_FIELD);
    CHECK(fill, sqe.src.count = cpu_to_le32(1), BM_ST_BAD_FIELD);
    CHECK(crc, sqe.dst.addr = cpu_to_le64(1), BM_ST_BAD_FIELD);
    CHECK(nop(), sqe.operand = cpu_to_le64(1), BM_ST_BAD_FIELD);
    CHECK(nop(), sqe.src = host, BM_ST_BAD_FIELD);

    CHECK(copy, sqe.length = 0, BM_ST_BAD_LENGTH);
    CHECK(copy, sqe.length = cpu_to_le32((1u << 30) + 1), BM_ST_BAD_LENGTH);
    CHECK(copy, sqe.length = cpu_to_le32(UINT32_MAX), BM_ST_BAD_LENGTH);
    CHECK(nop(), sqe.length = cpu_to_le32(1), BM_ST_BAD_LENGTH);

    CHECK(copy, sqe.src.space = BM_SPACE_NONE, BM_ST_BAD_SPACE);
    CHECK(copy, sqe.dst.space = 4, BM_ST_BAD_SPACE);
    CHECK(copy, sqe.dst.space = 255, BM_ST_BAD_SPACE);
    CHECK(fill, sqe.src.space = BM_SPACE_LOCAL, BM_ST_BAD_SPACE);
    CHECK(crc, sqe.dst.space = BM_SPACE_HOST, BM_ST_BAD_SPACE);

    CHECK(copy, sqe.src.addr = cpu_to_le64(-63ull), BM_ST_BAD_RANGE);
    CHECK(copy, sqe.dst.addr = cpu_to_le64(1 * MiB - 63), BM_ST_BAD_RANGE);
    CHECK(fill, sqe.dst.addr = cpu_to_le64(UINT64_MAX), BM_ST_BAD_RANGE);
#undef CHECK

    /* The order in which they are found. */
    sqe = copy;
    sqe.src.addr = cpu_to_le64(UINT64_MAX);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_BAD_RANGE);
    sqe.dst.space = 9;
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_BAD_SPACE);
    sqe.length = 0;
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_BAD_LENGTH);
    sqe.flags = 0x80;
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_BAD_FIELD);
    sqe.opcode = 0x80;
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_BAD_OPCODE);

    /* None of it went near the bus. */
    g_assert_cmphex(bm_read(d, BM_REG_FAULT_INFO), ==, 0);
    bm_end(d);
}

/* The end of the address space is not an overflow, only what is beyond it. */
static void test_2_64(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=1,mem-size=1M");
    struct bm_hw_sqe sqe;
    BmRing r;

    bm_ring_init(&r, d, 0, 4);
    check_refused(&r, read_from(-64ull, 64), BM_ST_DMA_READ_FAULT, -64ull);
    check_refused(&r, write_to(UINT64_MAX, 1), BM_ST_DMA_WRITE_FAULT,
                  UINT64_MAX);
    sqe = read_from(-64ull, 65);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_BAD_RANGE);
    bm_end(d);
}

static void test_unmapped(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=3,mem-size=1M");
    BmRing r;

    bm_ring_init(&r, d, 2, 4);
    check_refused(&r, read_from(BM_NOWHERE, 64), BM_ST_DMA_READ_FAULT,
                  BM_NOWHERE);
    check_refused(&r, write_to(BM_NOWHERE + 1, 64), BM_ST_DMA_WRITE_FAULT,
                  BM_NOWHERE + 1);
    /* In the midst of a transfer: the address is the first that failed. */
    check_refused(&r, read_from(BM_RAM_SIZE - 100, 200), BM_ST_DMA_READ_FAULT,
                  BM_RAM_SIZE);
    check_refused(&r, write_to(BM_RAM_SIZE - 1, 8192), BM_ST_DMA_WRITE_FAULT,
                  BM_RAM_SIZE);
    g_assert_cmpuint(BM_GET(BM_FAULT_COUNT, bm_read(d, BM_REG_FAULT_INFO)), ==,
                     4);
    bm_end(d);
}

/*
 * Registers are no memory. That they can neither be read nor written by DMA is
 * what keeps the device from being re-entered, and what needs no big lock.
 */
static void test_mmio(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=2,mem-size=1M");
    uint64_t own = d->regs + BM_QUEUE_PAGE(1) + BM_QREG_SQ_BASE;
    BmRing r;

    bm_ring_init(&r, d, 0, 4);
    qtest_writel(d->qts, d->mem, 0x12345678);

    check_refused(&r, read_from(own, 8), BM_ST_DMA_READ_FAULT, own);
    check_refused(&r, read_from(IOAPIC, 4), BM_ST_DMA_READ_FAULT, IOAPIC);
    g_assert_cmphex(qtest_readl(d->qts, d->mem), ==, 0x12345678);

    qtest_writel(d->qts, IOAPIC, 1);
    check_refused(&r, write_to(own, 8), BM_ST_DMA_WRITE_FAULT, own);
    check_refused(&r, write_to(IOAPIC, 4), BM_ST_DMA_WRITE_FAULT, IOAPIC);
    check_refused(&r, write_to(d->regs + BM_REG_CTRL, 4),
                  BM_ST_DMA_WRITE_FAULT, d->regs + BM_REG_CTRL);
    check_refused(&r, write_to(d->msix, 4), BM_ST_DMA_WRITE_FAULT, d->msix);
    g_assert_cmphex(qtest_readl(d->qts, IOAPIC), ==, 1);
    g_assert_cmphex(bm_read(d, BM_QUEUE_PAGE(1) + BM_QREG_SQ_BASE), ==, 0);
    g_assert_cmphex(bm_read(d, BM_REG_STATUS), ==, BM_STATUS_READY);
    bm_end(d);
}

static void test_dma_bits(const void *worker)
{
    const uint64_t high = 4 * GiB;
    struct bm_hw_sqe sqe;
    BmDev *d;
    BmRing r;

    d = bm_start_machine("-m 4G", worker, "queues=2,mem-size=1M,dma-bits=32");
    bm_enable(d);
    g_assert_cmpuint(BM_GET(BM_CAP_DMA_BITS, bm_read(d, BM_REG_CAP)), ==, 32);
    bm_ring_init(&r, d, 0, 4);
    check_refused(&r, read_from(high, 8), BM_ST_DMA_READ_FAULT, high);
    check_refused(&r, write_to(high, 8), BM_ST_DMA_WRITE_FAULT, high);
    r.q = 1;
    r.sq = high;
    bm_ring_enable(&r);
    bm_assert_halted(&r, BM_HALT_BAD_GEOMETRY);
    bm_end(d);

    d = bm_start_machine("-m 4G", worker, "queues=1,mem-size=1M,dma-bits=33");
    bm_enable(d);
    bm_ring_init(&r, d, 0, 4);
    qtest_writeq(d->qts, high, 0x1122334455667788);
    sqe = read_from(high, 8);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);
    g_assert_cmphex(qtest_readq(d->qts, d->mem), ==, 0x1122334455667788);
    bm_end(d);
}

/* Without bus mastering not even a submission can be had. */
static void test_bus_master(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=1,mem-size=1M");
    struct bm_hw_sqe sqe = nop();
    BmRing r;

    bm_ring_init(&r, d, 0, 4);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);
    bm_master(d, false);
    bm_submit(&r, &sqe);
    bm_assert_halted(&r, BM_HALT_SQ_FAULT);
    g_assert_cmphex(bm_read(d, BM_REG_FAULT_ADDR), ==,
                    r.sq + sizeof(struct bm_hw_sqe));
    g_assert_cmphex(BM_GET(BM_FAULT_TAG, bm_read(d, BM_REG_FAULT_INFO)), ==,
                    BM_TAG_NONE);
    g_assert_cmphex(bm_read(d, BM_REG_FAULT_INFO) & BM_FAULT_WRITE, ==, 0);

    bm_master(d, true);
    bm_settle(d);
    g_assert_cmphex(BM_GET(BM_QSTATE_STATE, bm_ring_reg(&r, BM_QREG_STATE)),
                    ==, BM_QSTATE_HALTED);
    bm_ring_write(&r, BM_QREG_CTL, 0);
    g_assert_cmphex(bm_ring_reg(&r, BM_QREG_STATE), ==, BM_QSTATE_DISABLED);
    g_assert_cmphex(bm_read(d, BM_REG_HALTED), ==, 0);
    bm_ring_enable(&r);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);
    bm_end(d);
}

static void test_halts(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=1,mem-size=1M");
    struct bm_hw_sqe sqe = nop();
    BmRing good, r;
    unsigned i;

    bm_ring_init(&good, d, 0, 3);

#define AGAIN() do {                                    \
        bm_ring_write(&r, BM_QREG_CTL, 0);              \
        bm_ring_wait_state(&r, BM_QSTATE_DISABLED);     \
        r = good;                                       \
    } while (0)

    r = good;
    for (i = 0; i < 6; i++) {
        AGAIN();
        switch (i) {
        case 0:
            r.sq += 64;
            break;
        case 1:
            r.cq += 0x800;
            break;
        case 2:
            r.order = 0;
            break;
        case 3:
            r.sq = -0x1000ull;
            r.order = 7;
            break;
        case 4:
            r.order = 13;
            break;
        case 5:
            bm_ring_write(&r, BM_QREG_ORDER, UINT32_MAX);
            bm_ring_write(&r, BM_QREG_CTL, BM_QCTL_ENABLE);
            bm_assert_halted(&r, BM_HALT_BAD_GEOMETRY);
            continue;
        }
        bm_ring_enable(&r);
        bm_assert_halted(&r, BM_HALT_BAD_GEOMETRY);
    }

    for (i = 0; i < 3; i++) {
        static const uint32_t tails[] = { 8, 0x10000, UINT32_MAX };

        AGAIN();
        bm_ring_enable(&r);
        bm_ring_write(&r, BM_QREG_SQ_TAIL, tails[i]);
        bm_assert_halted(&r, BM_HALT_BAD_TAIL);
    }

    for (i = 0; i < 5; i++) {
        static const uint32_t heads[] = { 2, 7, 8, 0x10000, 0x40000001 };

        AGAIN();
        bm_ring_enable(&r);
        bm_submit(&r, &sqe);
        bm_reap(&r);
        bm_ring_write(&r, BM_QREG_CQ_HEAD, heads[i]);
        bm_assert_halted(&r, BM_HALT_BAD_HEAD);
    }

    AGAIN();
    r.sq = BM_NOWHERE;
    bm_ring_enable(&r);
    bm_ring_write(&r, BM_QREG_SQ_TAIL, 1);
    bm_assert_halted(&r, BM_HALT_SQ_FAULT);
    g_assert_cmphex(bm_read(d, BM_REG_FAULT_ADDR), ==, BM_NOWHERE);

    AGAIN();
    bm_ring_enable(&r);
    bm_ring_write(&r, BM_QREG_CTL, 0);
    bm_ring_wait_state(&r, BM_QSTATE_DISABLED);
    bm_ring_write(&r, BM_QREG_CQ_BASE, BM_NOWHERE);
    bm_ring_write(&r, BM_QREG_CTL, BM_QCTL_ENABLE);
    bm_submit(&r, &sqe);
    bm_assert_halted(&r, BM_HALT_CQ_FAULT);
    g_assert_cmphex(bm_read(d, BM_REG_FAULT_ADDR), ==, BM_NOWHERE);
    g_assert_cmphex(bm_read(d, BM_REG_FAULT_INFO) & BM_FAULT_WRITE, ==,
                    BM_FAULT_WRITE);

    /* Halted means halted: doorbells are for running queues. */
    bm_ring_write(&r, BM_QREG_SQ_TAIL, 2);
    bm_ring_write(&r, BM_QREG_CQ_HEAD, 0);
    bm_assert_halted(&r, BM_HALT_CQ_FAULT);
    AGAIN();
    bm_ring_enable(&r);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);
#undef AGAIN
    bm_end(d);
}

/* An IOMMU that knows nothing of the device: nothing passes. */
static void test_iommu_nothing(const void *worker)
{
    BmDev *d = bm_start_machine("-device intel-iommu", worker,
                                "queues=1,mem-size=1M");
    struct bm_hw_sqe sqe = nop();
    BmRing r;

    bm_enable(d);
    bm_ring_init(&r, d, 0, 4);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);
    bm_vtd_enable(d, bm_alloc(d, 4096));
    bm_submit(&r, &sqe);
    bm_assert_halted(&r, BM_HALT_SQ_FAULT);
    bm_end(d);
}

/*
 * An IOMMU that maps 2 MiB at bus address 0 page by page: one page is missing,
 * one may be read only, and no register is behind any.
 */
#define MISSING         0x101000
#define READ_ONLY       0x103000

typedef struct Mapped {
    BmDev *d;
    BmRing r;
    uint64_t ram;           /* what is at bus address 0 */
    uint64_t root;
    uint64_t table;         /* an entry a page */
} Mapped;

static void mapped_up(Mapped *m, const void *worker, const char *props)
{
    BmDev *d = bm_start_machine("-device intel-iommu", worker, props);
    uint64_t ram = QEMU_ALIGN_UP(d->next, 2 * MiB), tables = ram + 2 * MiB;
    unsigned i;

    /* root, context, three levels (39 bits) */
    qtest_writeq(d->qts, tables, (tables + 0x1000) | 1);
    qtest_writeq(d->qts, tables + 0x1000 + BM_DEVFN * 16,
                 (tables + 0x2000) | 1);
    qtest_writeq(d->qts, tables + 0x1000 + BM_DEVFN * 16 + 8, 1 << 8 | 1);
    qtest_writeq(d->qts, tables + 0x2000, (tables + 0x3000) | 3);
    qtest_writeq(d->qts, tables + 0x3000, (tables + 0x4000) | 3);
    for (i = 0; i < 512; i++) {
        uint64_t iova = i * 0x1000;

        qtest_writeq(d->qts, tables + 0x4000 + i * 8, (ram + iova) |
                     (iova == MISSING ? 0 : iova == READ_ONLY ? 1 : 3));
    }
    bm_vtd_enable(d, tables);
    *m = (Mapped) { .d = d, .ram = ram, .root = tables,
                    .table = tables + 0x4000 };

    /* The driver's side of the rings is RAM, the device's is a bus address. */
    bm_enable(d);
    m->r = (BmRing) { .d = d, .order = 4, .sq = 0, .cq = 0x1000 };
    bm_ring_enable(&m->r);
    m->r.sq += ram;
    m->r.cq += ram;
    qtest_memset(d->qts, m->r.cq, 0, 4096);
}

static void test_iommu_pages(const void *worker)
{
    uint8_t *data = bm_random(8192);
    struct bm_hw_sqe sqe;
    uint64_t ram;
    BmRing *r;
    BmDev *d;
    Mapped m;

    mapped_up(&m, worker, "queues=1,mem-size=1M");
    d = m.d;
    r = &m.r;
    ram = m.ram;

    /* Bus addresses do count: 0x2000 is not in RAM at 0x2000. */
    qtest_memwrite(d->qts, ram + 0x100000, data, 4096);
    qtest_memwrite(d->qts, ram + READ_ONLY, data + 4096, 4096);
    sqe = read_from(0x100000, 4096);
    g_assert_cmphex(bm_exec(r, &sqe), ==, BM_ST_SUCCESS);
    check_refused(r, read_from(0x100ff0, 32), BM_ST_DMA_READ_FAULT, MISSING);
    check_refused(r, write_to(MISSING + 8, 8), BM_ST_DMA_WRITE_FAULT,
                  MISSING + 8);
    sqe = read_from(READ_ONLY, 4096);
    g_assert_cmphex(bm_exec(r, &sqe), ==, BM_ST_SUCCESS);
    check_refused(r, write_to(READ_ONLY, 4096), BM_ST_DMA_WRITE_FAULT,
                  READ_ONLY);
    check_refused(r, read_from(2 * MiB, 8), BM_ST_DMA_READ_FAULT, 2 * MiB);

    /* The page table may point to registers; they are no memory still. */
    qtest_writeq(d->qts, m.table + MISSING / 0x1000 * 8,
                 d->regs | 3);
    bm_vtd_enable(d, m.root);
    check_refused(r, write_to(MISSING + BM_REG_CTRL, 4),
                  BM_ST_DMA_WRITE_FAULT, MISSING + BM_REG_CTRL);

    /* Shadow doorbells that can be read, but not be written. */
    bm_ring_write(r, BM_QREG_CTL, 0);
    bm_ring_wait_state(r, BM_QSTATE_DISABLED);
    qtest_memset(d->qts, ram + READ_ONLY, 0, sizeof(struct bm_hw_shadow));
    qtest_memset(d->qts, r->cq, 0, 4096);
    bm_ring_write(r, BM_QREG_SHADOW, READ_ONLY);
    bm_ring_write(r, BM_QREG_CTL, BM_QCTL_ENABLE);
    qtest_writel(d->qts, ram + READ_ONLY, 1);
    bm_ring_write(r, BM_QREG_SQ_TAIL, 1);
    bm_assert_halted(r, BM_HALT_SHADOW_FAULT);
    g_assert_cmphex(bm_read(d, BM_REG_FAULT_ADDR), ==, READ_ONLY +
                    offsetof(struct bm_hw_shadow, sq_event));
    g_assert_cmphex(bm_read(d, BM_REG_FAULT_INFO) & BM_FAULT_WRITE, !=, 0);
    g_free(data);
    bm_end(d);
}

/* What a rogue can reach is what is mapped. */
static void test_iommu_rogue(const void *worker)
{
    struct bm_hw_seg seg = {
        .addr = cpu_to_le64(0x2000), .length = cpu_to_le32(64),
    }, after;
    struct bm_hw_sqe sqe = read_from(0x2000, 64);
    BmRing *r;
    Mapped m;

    mapped_up(&m, worker, "queues=1,mem-size=1M,x-fault-injection=true");
    r = &m.r;
    bm_arm(m.d, BM_INJECT_ROGUE_READ, 1, BM_INJECT_ALL_QUEUES, MISSING + 8);
    check_refused(r, sqe, BM_ST_DMA_READ_FAULT, MISSING + 8);
    bm_arm(m.d, BM_INJECT_ROGUE_WRITE, 1, BM_INJECT_ALL_QUEUES, READ_ONLY + 8);
    check_refused(r, sqe, BM_ST_DMA_WRITE_FAULT, READ_ONLY + 8);
    g_assert_cmphex(bm_exec(r, &sqe), ==, BM_ST_SUCCESS);

    /* A list that is not for the device to write stays as it is. */
    qtest_memwrite(m.d->qts, m.ram + READ_ONLY, &seg, sizeof(seg));
    sqe.src = bm_sgl(READ_ONLY, 1);
    bm_arm(m.d, BM_INJECT_SGL_CHANGE, 1, BM_INJECT_ALL_QUEUES, 0);
    g_assert_cmphex(bm_exec(r, &sqe), ==, BM_ST_SUCCESS);
    bm_assert_armed(m.d, BM_INJECT_SGL_CHANGE, 1, 0);
    g_assert_cmphex(bm_read(m.d, BM_REG_FAULT_ADDR), ==, READ_ONLY);
    g_assert_cmphex(bm_read(m.d, BM_REG_FAULT_INFO) & BM_FAULT_WRITE, !=, 0);
    qtest_memread(m.d->qts, m.ram + READ_ONLY, &after, sizeof(after));
    g_assert_cmpmem(&after, sizeof(after), &seg, sizeof(seg));
    bm_end(m.d);
}

static void check_counters(BmDev *d, uint64_t mrd_tlps, uint64_t mrd_bytes,
                           uint64_t mwr_tlps, uint64_t mwr_bytes)
{
    g_assert_cmpuint(bm_read(d, BM_REG_MRD_TLPS), ==, mrd_tlps);
    g_assert_cmpuint(bm_read(d, BM_REG_MRD_BYTES), ==, mrd_bytes);
    g_assert_cmpuint(bm_read(d, BM_REG_MWR_TLPS), ==, mwr_tlps);
    g_assert_cmpuint(bm_read(d, BM_REG_MWR_BYTES), ==, mwr_bytes);
}

/* Request by request. Each command costs one read and one write by itself. */
static void test_counters(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=2,mem-size=4M");
    uint64_t a = bm_alloc(d, 4 * MiB), list = bm_alloc(d, 4096);
    uint64_t mrd = 0, mrd_bytes = 0, mwr = 0, mwr_bytes = 0;
    BmRing r[2];

    bm_ring_init(&r[0], d, 0, 5);
    bm_ring_init(&r[1], d, 1, 5);

#define RUN(ring, op, len, src, dst, reads, read_bytes, writes, write_bytes) \
    do {                                                                \
        struct bm_hw_sqe sqe = bm_cmd(op, 1, len, src, dst);            \
        g_assert_cmphex(bm_exec(&r[ring], &sqe), ==, BM_ST_SUCCESS);    \
        mrd += 1 + (reads);                                             \
        mrd_bytes += 64 + (read_bytes);                                 \
        mwr += 1 + (writes);                                            \
        mwr_bytes += 16 + (write_bytes);                                \
        check_counters(d, mrd, mrd_bytes, mwr, mwr_bytes);              \
    } while (0)

    /* As after a reset: reads of 512 bytes, writes of 128. */
    RUN(0, BM_OP_NOP, 0, bm_none(), bm_none(), 0, 0, 0, 0);
    RUN(0, BM_OP_COPY, 4096, bm_host(a), bm_local(0), 8, 4096, 0, 0);
    RUN(1, BM_OP_COPY, 4096, bm_local(0), bm_host(a), 0, 0, 32, 4096);
    RUN(0, BM_OP_COPY, 4096, bm_local(0), bm_local(8192), 0, 0, 0, 0);
    /* Not aligned: one more. A byte on either side of a boundary: two. */
    RUN(0, BM_OP_COPY, 4096, bm_host(a + 1), bm_local(0), 9, 4096, 0, 0);
    RUN(1, BM_OP_COPY, 4096, bm_local(0), bm_host(a + 127), 0, 0, 33, 4096);
    RUN(0, BM_OP_CRC32C, 2, bm_host(a + 511), bm_none(), 2, 2, 0, 0);
    RUN(0, BM_OP_CRC32C, 1, bm_host(a + 511), bm_none(), 1, 1, 0, 0);
    RUN(0, BM_OP_FILL, 128, bm_none(), bm_host(a + 64), 0, 0, 2, 128);
    RUN(1, BM_OP_COMPARE, 512, bm_host(a), bm_host(a + 0), 2, 1024, 0, 0);
    /* However the engine cuts it up: different phases on the two sides. */
    RUN(0, BM_OP_COPY, 1000001, bm_host(a + 3), bm_host(a + 2 * MiB + 77),
        1954, 1000001, 7814, 1000001);
    /* A list of two segments: one read for it, then each its own. */
    bm_seg(d, list, 0, a, 100, 0);
    bm_seg(d, list, 1, a + 100, 100, 0);
    RUN(0, BM_OP_COPY, 200, bm_sgl(list, 2), bm_local(0), 3, 232, 0, 0);
    RUN(0, BM_OP_COPY, 200, bm_local(0), bm_sgl(list, 2), 1, 32, 3, 200);

    /* Other sizes: MPS 512, MRRS 128; then MPS 256, MRRS 4096. */
    qpci_config_writew(d->pci, BM_EXP + PCI_EXP_DEVCTL, 0x0040);
    RUN(0, BM_OP_COPY, 4096, bm_host(a), bm_host(a + 8192), 32, 4096, 8, 4096);
    qpci_config_writew(d->pci, BM_EXP + PCI_EXP_DEVCTL, 0x5020);
    RUN(0, BM_OP_COPY, 4096, bm_host(a + 1), bm_host(a + 8192), 2, 4096, 16,
        4096);
#undef RUN

    /* What is refused was no transaction. */
    check_refused(&r[0], read_from(BM_NOWHERE, 4096), BM_ST_DMA_READ_FAULT,
                  BM_NOWHERE);
    check_counters(d, mrd + 1, mrd_bytes + 64, mwr + 1, mwr_bytes + 16);
    bm_end(d);
}

void bm_add_fault_tests(void)
{
    bm_add("fault/bad-submissions", test_bad_submissions);
    bm_add("fault/2-to-the-64", test_2_64);
    bm_add_both("fault/unmapped", test_unmapped);
    bm_add_both("fault/mmio", test_mmio);
    bm_add("fault/dma-bits", test_dma_bits);
    bm_add_both("fault/bus-master", test_bus_master);
    bm_add_both("fault/halts", test_halts);
    bm_add_both("fault/iommu-nothing", test_iommu_nothing);
    bm_add_both("fault/iommu-pages", test_iommu_pages);
    bm_add_both("fault/iommu-rogue", test_iommu_rogue);
    bm_add_both("fault/counters", test_counters);
}
