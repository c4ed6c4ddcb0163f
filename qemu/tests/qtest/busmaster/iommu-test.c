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
#include "standard-headers/linux/virtio_blk.h"
#include "standard-headers/linux/virtio_iommu.h"
#include "standard-headers/linux/virtio_pci.h"
#include "standard-headers/linux/virtio_ring.h"

#define ORDER           4
#define BASE            (16 * MiB)      /* bus addresses from here */
#define SIZE            (2 * MiB)       /* are mapped, so many */
#define SQ              0x0000          /* of which: */
#define CQ              0x1000
#define OTHER_SQ        0x2000
#define LIST            0x3000
#define DATA            0x4000
#define REPORT          0x8000
#define OTHER_CQ        0x9000
#define LEN             8192

#define PROPS           "queues=2,mem-size=1M"

#define IOMMU_DEVFN     QPCI_DEVFN(6, 0)
#define IOMMU_WINDOW    0xd0000000ull
#define IOMMU_OPTIONS   "-device virtio-iommu-pci,addr=06.0"
#define DISK_DEVFN      QPCI_DEVFN(7, 0)
#define DISK_OPTIONS    "-blockdev null-co,node-name=disk," \
                        "latency-ns=300000000 " \
                        "-device virtio-blk-pci,drive=disk,addr=07.0"
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

static void map_request(Bench *t, uint64_t bus, uint64_t ram, uint64_t len,
                        bool write)
{
    struct virtio_iommu_req_map map = {
        .head.type = VIRTIO_IOMMU_T_MAP,
        .domain = cpu_to_le32(DOMAIN),
        .virt_start = cpu_to_le64(bus),
        .virt_end = cpu_to_le64(bus + len - 1),
        .phys_start = cpu_to_le64(ram),
        .flags = cpu_to_le32(VIRTIO_IOMMU_MAP_F_READ |
                             (write ? VIRTIO_IOMMU_MAP_F_WRITE : 0)),
    };

    request(t, &map, sizeof(map));
}

/* A virtio device whose queues are as simple as can be: they are next. */
static QVirtioPCIDevice *virtio_up(BmDev *d, int devfn)
{
    QPCIAddress where = { .devfn = devfn };
    QVirtioPCIDevice *pci = virtio_pci_new(d->bus, &where);
    QVirtioDevice *vdev = &pci->vdev;

    qvirtio_pci_device_enable(pci);
    qvirtio_start_device(vdev);
    qvirtio_set_features(vdev, qvirtio_get_features(vdev) &
                               ~(1ull << VIRTIO_RING_F_INDIRECT_DESC |
                                 1ull << VIRTIO_RING_F_EVENT_IDX));
    return pci;
}

/* RAM is at BASE for the function of this number; other functions see all. */
static void iommu_up(Bench *t, BmDev *d, uint16_t bdf)
{
    struct virtio_iommu_req_attach attach = {
        .head.type = VIRTIO_IOMMU_T_ATTACH,
        .domain = cpu_to_le32(DOMAIN),
        .endpoint = cpu_to_le32(bdf),
    };
    QVirtioDevice *vdev;

    *t = (Bench) { .d = d, .ram = QEMU_ALIGN_UP(d->next, SIZE) };
    d->bus->mmio_alloc_ptr = IOMMU_WINDOW;
    alloc_init(&t->alloc, ALLOC_NO_FLAGS, t->ram + SIZE, t->ram + 2 * SIZE,
               4096);
    t->iommu = virtio_up(d, IOMMU_DEVFN);
    vdev = &t->iommu->vdev;
    t->requests = qvirtqueue_setup(vdev, &t->alloc, 0);
    t->events = qvirtqueue_setup(vdev, &t->alloc, 1);
    qvirtio_set_driver_ok(vdev);
    request(t, &attach, sizeof(attach));
    map_request(t, BASE, t->ram, SIZE, true);
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
    map_request(&t, BASE - 4096, t.ram + DATA, 4096, true);
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

/*
 * In the middle of a fault on demand, the write over a submission. What the
 * reset has armed is for commands that come after it.
 */
static void test_rearmed(const void *worker)
{
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());
    const uint64_t sq = takers[0].value;
    Bench t;

    iommu_up(&t, bm_start_machine(IOMMU_OPTIONS, worker,
                                  "queues=2,mem-size=1M,"
                                  "x-fault-injection=true,"
                                  "x-inject-sqe-change=\"1\","
                                  "x-inject-hang=\"1\""), BM_DEVFN);
    map_request(&t, sq, t.ram + SQ, 4096, false);
    ring_up(&t, sq, BASE + CQ, 0);
    take(&t, 0);
    bm_submit(&t.r, &sqe);
    check_taken(&t, 0);
    bm_assert_armed(t.d, BM_INJECT_SQE_CHANGE, 0, 1);
    bm_assert_armed(t.d, BM_INJECT_HANG, 0, 1);
    bench_down(&t);
}

/*
 * In the middle of the write over a list, the entries of which are there: the
 * one that is next would be fetched, but by a function that was just reset.
 */
static void test_no_next(const void *worker)
{
    const uint64_t list = takers[0].value;
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_COPY, 1, LEN, bm_sgl(list, 1),
                                  bm_local(0));
    Bench t;

    iommu_up(&t, bm_start_machine(IOMMU_OPTIONS, worker, PROPS
                                  ",x-fault-injection=true"), BM_DEVFN);
    map_request(&t, list, t.ram + LIST, 4096, false);
    bm_seg(t.d, t.ram + LIST, 0, 0x1000, 1, BM_SEG_CHAIN);
    ring_up_well(&t);
    bm_arm(t.d, BM_INJECT_SGL_CHANGE, 1, BM_INJECT_ALL_QUEUES, 0);
    take(&t, 0);
    bm_submit(&t.r, &sqe);
    check_taken(&t, 0);
    bench_down(&t);
}

/* A disk that has something to do, and waits for its end when it is reset. */
typedef struct Disk {
    QVirtioPCIDevice *pci;
    QVirtQueue *queue;
} Disk;

static void disk_up(Disk *disk, Bench *t)
{
    uint64_t header = guest_alloc(&t->alloc, sizeof(struct virtio_blk_outhdr));
    uint64_t data = guest_alloc(&t->alloc, 512), done;
    QTestState *qts = t->d->qts;
    QVirtioDevice *vdev;
    uint32_t head;

    done = guest_alloc(&t->alloc, 1);
    disk->pci = virtio_up(t->d, DISK_DEVFN);
    vdev = &disk->pci->vdev;
    disk->queue = qvirtqueue_setup(vdev, &t->alloc, 0);
    qvirtio_set_driver_ok(vdev);
    /* VIRTIO_BLK_T_IN, of sector 0 */
    qtest_memset(qts, header, 0, sizeof(struct virtio_blk_outhdr));
    head = qvirtqueue_add(qts, disk->queue, header,
                          sizeof(struct virtio_blk_outhdr), false, true);
    qvirtqueue_add(qts, disk->queue, data, 512, true, true);
    qvirtqueue_add(qts, disk->queue, done, 1, true, false);
    qvirtqueue_kick(qts, vdev, disk->queue, head);
    bm_settle(t->d);
}

static void disk_down(Disk *disk, Bench *t)
{
    qvirtqueue_cleanup(disk->pci->vdev.bus, disk->queue, &t->alloc);
    qvirtio_pci_destructor(&disk->pci->obj);
    g_free(disk->pci);
}

/*
 * The report goes to a disk, which is reset by it and has the main loop polled
 * until its request is done. The other queue's turn comes, and with its message
 * a reset of the device: not before the first queue is through.
 */
static void test_polled(const void *worker)
{
    struct bm_hw_sqe refused = bm_cmd(BM_OP_COPY, 1, 8, bm_host(0x1000),
                                      bm_local(0));
    struct bm_hw_sqe sqe = bm_cmd(BM_OP_NOP, 2, 0, bm_none(), bm_none());
    uint64_t pages[BM_PAGE_SIZE / 8 + 1] = {};
    uint64_t entry;
    BmRing other;
    Disk disk;
    Bench t;

    iommu_up(&t, bm_start_machine(IOMMU_OPTIONS " " DISK_OPTIONS, worker,
                                  "queues=2,mem-size=1M,inline-bytes=0"),
             BM_DEVFN);
    disk_up(&disk, &t);
    ring_up_well(&t);
    other = t.r;
    other.q = 1;
    other.sq = t.ram + OTHER_SQ;
    other.cq = t.ram + OTHER_CQ;
    qtest_memset(t.d->qts, other.cq, 0, 4096);
    bm_ring_write(&other, BM_QREG_SQ_BASE, BASE + OTHER_SQ);
    bm_ring_write(&other, BM_QREG_CQ_BASE, BASE + OTHER_CQ);
    bm_ring_write(&other, BM_QREG_ORDER, ORDER);
    bm_ring_write(&other, BM_QREG_CTL, BM_QCTL_ENABLE);
    bm_ack(&t.r, BM_CQ_HEAD_ARM);

    map_request(&t, t.d->regs, t.d->regs, BM_PAGE_SIZE, true);
    entry = t.d->msix + BM_VECTOR_QUEUE(0) * PCI_MSIX_ENTRY_SIZE;
    qtest_writeq(t.d->qts, entry + PCI_MSIX_ENTRY_LOWER_ADDR,
                 t.d->regs + BM_REG_CTRL);
    qtest_writel(t.d->qts, entry + PCI_MSIX_ENTRY_DATA, BM_CTRL_RESET);
    qtest_writel(t.d->qts, entry + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
    qpci_config_writew(t.d->pci, BM_MSIX + PCI_MSIX_FLAGS,
                       PCI_MSIX_FLAGS_ENABLE);

    report_to(&t, disk.pci->bar.addr + disk.pci->common_cfg_offset +
                  offsetof(struct virtio_pci_common_cfg, device_status));
    bm_push(&other, &refused);
    bm_push(&t.r, &sqe);
    /* Both in one access: the last BH that is scheduled is the first to run. */
    pages[BM_QREG_SQ_TAIL / 8] = cpu_to_le64(t.r.tail);
    pages[BM_QREG_CTL / 8] = cpu_to_le64(BM_QCTL_ENABLE);
    pages[(BM_PAGE_SIZE + BM_QREG_SQ_TAIL) / 8] = cpu_to_le64(other.tail);
    qtest_memwrite(t.d->qts, t.d->regs + BM_QUEUE_PAGE(0), pages,
                   sizeof(pages));
    bm_wait_reg(t.d, BM_REG_CTRL, UINT64_MAX, 0);
    g_assert_true(bm_poll(&t.r));
    g_assert_true(bm_poll(&other));
    g_assert_cmphex(other.cqe.status, ==, BM_ST_DMA_READ_FAULT);
    disk_down(&disk, &t);
    bench_down(&t);
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
        report_to(&t, bm_slot_control(t.d));
        submit_refused(&t, place, BM_SLOT_OFF);
        bm_assert_unplugged(t.d);
        bench_down(&t);
    }
}

void bm_add_iommu_tests(void)
{
    bm_add_both("iommu/reports", test_reports);
    bm_add_both("iommu/registers", test_registers);
    bm_add("iommu/no-more", test_no_more);
    bm_add("iommu/last-byte", test_last_byte);
    bm_add_both("iommu/commands", test_commands);
    bm_add_both("iommu/rings", test_rings);
    bm_add_both("iommu/rearmed", test_rearmed);
    bm_add_both("iommu/no-next", test_no_next);
    bm_add("iommu/polled", test_polled);
    bm_add_both("iommu/unplug", test_unplug);
}
