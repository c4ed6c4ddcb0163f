/*
 * busmaster qtests: an IOMMU that reports a refused DMA where the guest wants
 *
 * QEMU's virtio-iommu writes its report to a buffer of the guest's choice, from
 * inside the translation: the device is in the middle of the DMA when it comes.
 * To the device's registers it is ignored; by configuration space it takes the
 * function away.
 *
 * The report ends with the address that was refused. So a DMA of address V,
 * reported to R - 16, writes V to R.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "harness.h"
#include "libqos/libqos-malloc.h"
#include "libqos/virtio-pci.h"
#include "standard-headers/linux/virtio_iommu.h"
#include "standard-headers/linux/virtio_ring.h"

#define ORDER           4
#define BASE            (16 * MiB)      /* bus addresses from here */
#define SIZE            (2 * MiB)       /* are mapped, so many */
#define SQ              0x0000          /* of which: */
#define CQ              0x1000
#define LIST            0x3000
#define DATA            0x4000
#define REPORT          0x8000
#define LEN             8192

#define PROPS           "queues=2,mem-size=1M"

#define IOMMU_DEVFN     QPCI_DEVFN(6, 0)
#define IOMMU_WINDOW    0xd0000000ull
#define IOMMU_OPTIONS   "-device virtio-iommu-pci,addr=06.0"
#define DOMAIN          1
#define SECOND          (1000 * 1000)

#define FAULT           sizeof(struct virtio_iommu_fault)
#define FAULT_ADDRESS   offsetof(struct virtio_iommu_fault, address)

typedef struct Bench {
    BmDev *d;
    BmRing r;
    uint64_t ram;           /* what is at bus address BASE */
    QVirtioPCIDevice *iommu;
    QVirtQueue *requests;
    QVirtQueue *events;
    QGuestAllocator alloc;  /* what the two are made of */
} Bench;

/* The next refused address is written to @addr. */
static void report_to(Bench *t, uint64_t addr)
{
    uint32_t head = qvirtqueue_add(t->d->qts, t->events, addr - FAULT_ADDRESS,
                                   FAULT, true, false);

    qvirtqueue_kick(t->d->qts, &t->iommu->vdev, t->events, head);
}

/* Its last bytes are for the answer. */
static void request(Bench *t, const void *what, size_t len)
{
    const size_t answer = sizeof(struct virtio_iommu_req_tail);
    uint64_t addr = guest_alloc(&t->alloc, len);
    QTestState *qts = t->d->qts;
    uint32_t head;

    qtest_memwrite(qts, addr, what, len);
    head = qvirtqueue_add(qts, t->requests, addr, len - answer, false, true);
    qvirtqueue_add(qts, t->requests, addr + len - answer, answer, true, false);
    qvirtqueue_kick(qts, &t->iommu->vdev, t->requests, head);
    qvirtio_wait_used_elem(qts, &t->iommu->vdev, t->requests, head, NULL,
                           10 * SECOND);
    g_assert_cmphex(qtest_readb(qts, addr + len - answer), ==,
                    VIRTIO_IOMMU_S_OK);
}

static void map_request(Bench *t, uint64_t bus, uint64_t ram, uint64_t len)
{
    struct virtio_iommu_req_map map = {
        .head.type = VIRTIO_IOMMU_T_MAP,
        .domain = cpu_to_le32(DOMAIN),
        .virt_start = cpu_to_le64(bus),
        .virt_end = cpu_to_le64(bus + len - 1),
        .phys_start = cpu_to_le64(ram),
        .flags = cpu_to_le32(VIRTIO_IOMMU_MAP_F_READ |
                             VIRTIO_IOMMU_MAP_F_WRITE),
    };

    request(t, &map, sizeof(map));
}

/* RAM is at BASE for the function of this number; other functions see all. */
static void iommu_up(Bench *t, BmDev *d, uint16_t bdf)
{
    struct virtio_iommu_req_attach attach = {
        .head.type = VIRTIO_IOMMU_T_ATTACH,
        .domain = cpu_to_le32(DOMAIN),
        .endpoint = cpu_to_le32(bdf),
    };
    QPCIAddress where = { .devfn = IOMMU_DEVFN };
    QVirtioDevice *vdev;

    *t = (Bench) { .d = d, .ram = QEMU_ALIGN_UP(d->next, SIZE) };
    d->bus->mmio_alloc_ptr = IOMMU_WINDOW;
    alloc_init(&t->alloc, ALLOC_NO_FLAGS, t->ram + SIZE, t->ram + 2 * SIZE,
               4096);
    t->iommu = virtio_pci_new(d->bus, &where);
    vdev = &t->iommu->vdev;
    qvirtio_pci_device_enable(t->iommu);
    qvirtio_start_device(vdev);
    qvirtio_set_features(vdev, qvirtio_get_features(vdev) &
                               ~(1ull << VIRTIO_RING_F_INDIRECT_DESC |
                                 1ull << VIRTIO_RING_F_EVENT_IDX));
    t->requests = qvirtqueue_setup(vdev, &t->alloc, 0);
    t->events = qvirtqueue_setup(vdev, &t->alloc, 1);
    qvirtio_set_driver_ok(vdev);
    request(t, &attach, sizeof(attach));
    map_request(t, BASE, t->ram, SIZE);
}

static void bench_down(Bench *t)
{
    qvirtqueue_cleanup(t->iommu->vdev.bus, t->requests, &t->alloc);
    qvirtqueue_cleanup(t->iommu->vdev.bus, t->events, &t->alloc);
    qvirtio_pci_destructor(&t->iommu->obj);
    g_free(t->iommu);
    alloc_destroy(&t->alloc);
    bm_end(t->d);
}

/* The rings may be at bus addresses that are refused. */
static void ring_up(Bench *t, uint64_t sq, uint64_t cq, uint64_t shadow)
{
    bm_enable(t->d);
    bm_write(t->d, BM_QUEUE_PAGE(0) + BM_QREG_SQ_BASE, sq);
    bm_write(t->d, BM_QUEUE_PAGE(0) + BM_QREG_CQ_BASE, cq);
    bm_write(t->d, BM_QUEUE_PAGE(0) + BM_QREG_SHADOW, shadow);
    bm_write(t->d, BM_QUEUE_PAGE(0) + BM_QREG_ORDER, ORDER);
    bm_write(t->d, BM_QUEUE_PAGE(0) + BM_QREG_CTL, BM_QCTL_ENABLE);
    t->r = (BmRing) {
        .d = t->d, .order = ORDER, .phase = true,
        .sq = t->ram + SQ, .cq = t->ram + CQ,
    };
    qtest_memset(t->d->qts, t->r.cq, 0, 4096);
}

static void ring_up_well(Bench *t)
{
    ring_up(t, BASE + SQ, BASE + CQ, 0);
}

static void bench_up(Bench *t, const void *worker)
{
    iommu_up(t, bm_start_machine(IOMMU_OPTIONS, worker, PROPS), BM_DEVFN);
    ring_up_well(t);
}

/* Where a command can be when its DMA is refused. */
enum {
    AT_SOURCE,
    AT_DESTINATION,         /* the source is mapped */
    AT_SECOND_PIECE,
    AT_LIST,                /* its address is a multiple of 16 */
    PLACES,
};

static void submit_refused(Bench *t, unsigned place, uint64_t addr)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_COPY, place, LEN, bm_host(BASE + DATA),
                                  bm_local(0));

    switch (place) {
    case AT_SOURCE:
        sqe.src = bm_host(addr);
        break;
    case AT_DESTINATION:
        sqe.src = bm_local(0);
        sqe.dst = bm_host(addr);
        break;
    case AT_SECOND_PIECE:
        bm_seg(t->d, t->ram + LIST, 0, BASE + DATA, 4096, 0);
        bm_seg(t->d, t->ram + LIST, 1, addr, 4096, 0);
        sqe.src = bm_sgl(BASE + LIST, 2);
        break;
    case AT_LIST:
        sqe.src = bm_sgl(addr, 2);
        break;
    }
    bm_submit(&t->r, &sqe);
}

static void check_refused(Bench *t, unsigned place, uint64_t addr)
{
    bm_reap(&t->r);
    bm_ack(&t->r, 0);
    g_assert_cmphex(t->r.cqe.tag, ==, place);
    g_assert_cmphex(t->r.cqe.status, ==, place == AT_DESTINATION ?
                                         BM_ST_DMA_WRITE_FAULT :
                                         BM_ST_DMA_READ_FAULT);
    g_assert_cmphex(t->r.cqe.info, ==, addr);
}

static void check_works(Bench *t)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_COPY, 99, LEN, bm_host(BASE + DATA),
                                  bm_local(0));

    g_assert_cmphex(bm_exec(&t->r, &sqe), ==, BM_ST_SUCCESS);
    g_assert_cmphex(t->r.cqe.tag, ==, 99);
}

/* What the other cases rely on: the report does what this file begins with. */
static void test_reports(const void *worker)
{
    unsigned place;
    Bench t;

    bench_up(&t, worker);
    for (place = 0; place < PLACES; place++) {
        report_to(&t, t.ram + REPORT);
        submit_refused(&t, place, 0x1230 + 16 * place);
        check_refused(&t, place, 0x1230 + 16 * place);
        g_assert_cmphex(qtest_readq(t.d->qts, t.ram + REPORT), ==,
                        0x1230 + 16 * place);
    }
    check_works(&t);
    bench_down(&t);
}

/* A register that is written by the report of the device's own DMA is not. */
static void test_registers(const void *worker)
{
    const uint64_t queue = BM_QUEUE_PAGE(0);
    const struct {
        uint64_t reg;
        uint64_t value;
    } writes[] = {
        { BM_REG_CTRL, BM_CTRL_RESET }, { BM_REG_CTRL, 0 },
        { queue + BM_QREG_SQ_TAIL, 1 << ORDER },
        { queue + BM_QREG_SQ_TAIL, 9 }, { queue + BM_QREG_CQ_HEAD, 9 },
        { queue + BM_QREG_CTL, 0 }, { queue + BM_QREG_MODERATION, 0x12345 },
    };
    unsigned i, place;
    Bench t;

    bench_up(&t, worker);
    for (i = 0; i < ARRAY_SIZE(writes); i++) {
        for (place = 0; place < PLACES; place++) {
            uint64_t value = writes[i].value;

            if (place == AT_LIST && value % 16) {
                continue;
            }
            report_to(&t, t.d->regs + writes[i].reg);
            submit_refused(&t, place, value);
            check_refused(&t, place, value);
        }
        check_works(&t);
    }
    g_assert_cmphex(bm_ring_reg(&t.r, BM_QREG_MODERATION), ==, 0);
    bench_down(&t);
}

/* Pages that are not used are not asked for: a COMPARE that ends before. */
static void test_no_more(const void *worker)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_COMPARE, 1, 64 * KiB, bm_local(0),
                                  bm_host(BASE + SIZE - 4096));
    Bench t;

    bench_up(&t, worker);
    report_to(&t, t.ram + REPORT);
    qtest_memset(t.d->qts, t.ram + SIZE - 4096, 1, 4096);
    qtest_memset(t.d->qts, t.ram + REPORT, 0xaa, 8);
    g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_MISCOMPARE);
    g_assert_cmphex(qtest_readl(t.d->qts, t.ram + REPORT), ==, 0xaaaaaaaa);
    bench_down(&t);
}

/* A mapping is good to its last byte, whatever begins behind it. */
static void test_last_byte(const void *worker)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_COPY, 1, 1, bm_host(BASE - 1),
                                  bm_local(0));
    Bench t;

    bench_up(&t, worker);
    map_request(&t, BASE - 4096, t.ram + DATA, 4096);
    qtest_writeb(t.d->qts, t.ram + DATA + 4095, 0x12);
    g_assert_cmphex(bm_exec(&t.r, &sqe), ==, BM_ST_SUCCESS);
    g_assert_cmphex(qtest_readb(t.d->qts, t.d->mem), ==, 0x12);
    bench_down(&t);
}

/* What takes the function away: a reset, no memory and no bus master, sleep. */
static const struct {
    unsigned offset;
    uint64_t value;
} takers[] = {
    { BM_EXP + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR },
    { PCI_BASE_ADDRESS_0, 0 },
    { BM_PM + PCI_PM_CTRL, 3 },
};

static void take(Bench *t, unsigned i)
{
    report_to(t, bm_ecam(t->d, BM_DEVFN, takers[i].offset));
}

/* It has gone, nothing was told, and it can be had again. */
static void check_taken(Bench *t, unsigned i)
{
    bm_settle(t->d);
    g_assert_cmphex(qpci_config_readw(t->d->pci, PCI_COMMAND) &
                    PCI_COMMAND_MEMORY, ==,
                    takers[i].value == 3 ? PCI_COMMAND_MEMORY : 0);
    g_assert_false(bm_poll(&t->r));
    qpci_config_writew(t->d->pci, BM_PM + PCI_PM_CTRL, 0);
    bm_map(t->d);
    if (takers[i].value == PCI_EXP_DEVCTL_BCR_FLR) {
        /* Nothing of it is left, not even that it was refused. */
        g_assert_cmphex(bm_read(t->d, BM_REG_FAULT_INFO), ==, 0);
    }
    bm_write(t->d, BM_REG_CTRL, BM_CTRL_RESET);
}

/* In the middle of a command's DMA. */
static void test_commands(const void *worker)
{
    unsigned i, place;
    Bench t;

    bench_up(&t, worker);
    for (i = 0; i < ARRAY_SIZE(takers); i++) {
        for (place = 0; place < PLACES; place++) {
            if (place == AT_LIST && takers[i].value % 16) {
                continue;
            }
            take(&t, i);
            submit_refused(&t, place, takers[i].value);
            check_taken(&t, i);
            ring_up_well(&t);
            check_works(&t);
        }
    }
    bench_down(&t);
}

/* In the middle of what a queue does for itself. Bases are page addresses. */
static void test_rings(const void *worker)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());
    const uint64_t sq = BASE + SQ, cq = BASE + CQ;
    unsigned i;
    Bench t;

    bench_up(&t, worker);
    for (i = 0; takers[i].value != 3; i++) {
        const uint64_t bad = takers[i].value;
        const uint64_t rings[][3] = {
            { bad, cq, 0 }, { sq, bad, 0 }, { sq, cq, bad },
        };
        unsigned n;

        for (n = 0; n < ARRAY_SIZE(rings); n++) {
            if (n == 2 && !bad) {
                continue; /* it has no shadow doorbells then */
            }
            bm_write(t.d, BM_REG_CTRL, BM_CTRL_RESET);
            ring_up(&t, rings[n][0], rings[n][1], rings[n][2]);
            take(&t, i);
            bm_submit(&t.r, &sqe);
            check_taken(&t, i);
        }
    }
    ring_up_well(&t);
    check_works(&t);
    bench_down(&t);
}

/* Power off, both indicators off: what is in the slot goes at once. */
#define SLOT_OFF (PCI_EXP_SLTCTL_PCC | PCI_EXP_SLTCTL_PWR_IND_OFF | \
                  PCI_EXP_SLTCTL_ATTN_IND_OFF)

static uint64_t slot_control(BmDev *d)
{
    QPCIDevice port = { .bus = d->bus, .devfn = BM_PORT };
    uint8_t at = qpci_find_capability(&port, PCI_CAP_ID_EXP, 0);

    return bm_ecam(d, BM_PORT, at + PCI_EXP_SLTCTL);
}

static void check_unplugged(BmDev *d)
{
    qtest_qmp_eventwait(d->qts, "DEVICE_DELETED");
    g_assert_cmphex(qpci_config_readl(d->pci, PCI_VENDOR_ID), ==, 0xffffffff);
}

/* The slot is switched off in the middle of a DMA. */
static void test_unplug(const void *worker)
{
    unsigned place;

    for (place = 0; place < PLACES; place++) {
        Bench t;

        iommu_up(&t, bm_start_below(IOMMU_OPTIONS, worker, PROPS),
                 BM_BELOW);
        ring_up_well(&t);
        check_works(&t);
        report_to(&t, slot_control(t.d));
        submit_refused(&t, place, SLOT_OFF);
        check_unplugged(t.d);
        bench_down(&t);
    }
}

/* The slot is switched off by a message of the function's own. */
static void test_message(const void *worker)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());
    BmDev *d = bm_start_below("", worker, PROPS);
    uint64_t entry = d->msix + BM_VECTOR_QUEUE(0) * PCI_MSIX_ENTRY_SIZE;
    BmRing r;

    bm_enable(d);
    bm_ring_init(&r, d, 0, ORDER);
    bm_msix_setup(d, 3);
    qtest_writeq(d->qts, entry + PCI_MSIX_ENTRY_LOWER_ADDR,
                 slot_control(d));
    qtest_writel(d->qts, entry + PCI_MSIX_ENTRY_DATA, SLOT_OFF);
    bm_ack(&r, BM_CQ_HEAD_ARM);
    bm_submit(&r, &sqe);
    check_unplugged(d);
    bm_end(d);
}

void bm_add_iommu_tests(void)
{
    bm_add_both("iommu/reports", test_reports);
    bm_add_both("iommu/registers", test_registers);
    bm_add("iommu/no-more", test_no_more);
    bm_add("iommu/last-byte", test_last_byte);
    bm_add_both("iommu/commands", test_commands);
    bm_add_both("iommu/rings", test_rings);
    bm_add_both("iommu/unplug", test_unplug);
    bm_add_both("iommu/message", test_message);
}
