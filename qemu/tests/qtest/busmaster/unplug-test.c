/*
 * busmaster qtests: it comes and goes, at times that nobody expects
 *
 * In the middle of a register write, by a message of its own: that is a memory
 * write, and one to the port's Slot Control switches the slot off. While the
 * machine does not run. And again, before the last one is gone for good.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "harness.h"

#define ORDER           4
#define PROPERTIES      "queues=2,mem-size=1M"

/* Of an ICH9: where its power management is, and how it is made to sleep. */
#define LPC             QPCI_DEVFN(31, 0)
#define LPC_PMBASE      0x40
#define LPC_ACPI_CTRL   0x44
#define LPC_ACPI_ENABLE 0x80
#define PM_BASE         0x600
#define PM1_CNT         (PM_BASE + 4)
#define PM1_CNT_S3      (1 << 13 | 1 << 10)

typedef struct Bench {
    BmDev *d;
    BmRing r;
} Bench;

static struct bm_hw_sqe nop(void)
{
    return bm_cmd(BM_OP_NOP, 1, 0, bm_none(), bm_none());
}

/* The first completion of queue 0 is a message that switches the slot off. */
static void bench_up(Bench *t, const void *worker)
{
    struct bm_hw_sqe sqe = nop();
    uint64_t entry;

    t->d = bm_start_below("", worker, PROPERTIES);
    bm_enable(t->d);
    bm_ring_init(&t->r, t->d, 0, ORDER);
    bm_msix_setup(t->d, 3);
    entry = t->d->msix + BM_VECTOR_QUEUE(0) * PCI_MSIX_ENTRY_SIZE;
    qtest_writeq(t->d->qts, entry + PCI_MSIX_ENTRY_LOWER_ADDR,
                 bm_slot_control(t->d));
    qtest_writel(t->d->qts, entry + PCI_MSIX_ENTRY_DATA, BM_SLOT_OFF);
    bm_ack(&t->r, BM_CQ_HEAD_ARM);
    bm_push(&t->r, &sqe);
}

static void test_message(const void *worker)
{
    Bench t;

    bench_up(&t, worker);
    bm_doorbell(&t.r);
    bm_assert_unplugged(t.d);
    bm_end(t.d);
}

/*
 * One access to all registers of a queue: the first of them unplugs the
 * function, the others were on their way by then, and enable the queue.
 */
static void test_registers(const void *worker)
{
    uint64_t page[(BM_QREG_SHADOW + 8) / 8] = {};
    Bench t;

    bench_up(&t, worker);
    page[BM_QREG_SQ_TAIL / 8] = cpu_to_le64(t.r.tail);
    page[BM_QREG_SQ_BASE / 8] = cpu_to_le64(t.r.sq);
    page[BM_QREG_CQ_BASE / 8] = cpu_to_le64(t.r.cq);
    page[BM_QREG_ORDER / 8] = cpu_to_le64(ORDER);
    page[BM_QREG_CTL / 8] = cpu_to_le64(BM_QCTL_ENABLE);
    qtest_memwrite(t.d->qts, t.d->regs + BM_QUEUE_PAGE(0), page, sizeof(page));
    bm_assert_unplugged(t.d);
    bm_end(t.d);
}

static void plug(BmDev *d, const char *id)
{
    qtest_qmp_assert_success(d->qts, "{ 'execute': 'device_add', 'arguments': "
                             "{ 'driver': 'busmaster', 'bus': 'rp', 'id': %s, "
                             "'queues': 2, 'mem-size': 65536 } }", id);
}

/* It was plugged just now. */
static void check_works(BmDev *d)
{
    struct bm_hw_sqe sqe = nop();
    BmRing r;

    bm_open_port(d, QPCI_DEVFN(5, 0));
    bm_attach(d, BM_BELOW, BM_PCI_WINDOW);
    bm_enable(d);
    bm_ring_init(&r, d, 0, ORDER);
    g_assert_cmphex(bm_exec(&r, &sqe), ==, BM_ST_SUCCESS);
}

/* The operator asks twice, the guest takes its time, and work is under way. */
static void test_twice(const void *worker)
{
    BmDev *d = bm_start_below("", worker, PROPERTIES);
    struct bm_hw_sqe sqe = bm_long(d, 1);
    QDict *error;
    BmRing r;

    bm_enable(d);
    bm_ring_init(&r, d, 0, ORDER);
    bm_submit(&r, &sqe);
    qtest_qmp_assert_success(d->qts, "{ 'execute': 'device_del', 'arguments': "
                             "{ 'id': 'bm' } }");
    error = qtest_qmp_assert_failure_ref(d->qts, "{ 'execute': 'device_del', "
                                         "'arguments': { 'id': 'bm' } }");
    qobject_unref(error);
    g_assert_cmphex(bm_ring_reg(&r, BM_QREG_STATE), ==, BM_QSTATE_RUNNING);
    qtest_writew(d->qts, bm_slot_control(d), BM_SLOT_OFF);
    bm_assert_unplugged(d);
    g_assert_false(bm_poll(&r));
    bm_end(d);
}

/* Into a slot whose last function waits to be freed. */
static void test_again(const void *worker)
{
    BmDev *d = bm_start_below("", worker, PROPERTIES);
    uint64_t slot = bm_slot_control(d);
    uint16_t on = qtest_readw(d->qts, slot);
    unsigned i;

    for (i = 0; i < 4; i++) {
        g_autofree char *id = g_strdup_printf("again%u", i);

        qtest_writew(d->qts, slot, BM_SLOT_OFF);
        qtest_writew(d->qts, slot, on);
        g_free(d->pci);
        plug(d, id);
        check_works(d);
    }
    for (i = 0; i < 4; i++) {
        qtest_qmp_eventwait(d->qts, "DEVICE_DELETED");
    }
    bm_end(d);
}

/* Into a machine that is stopped. */
static void test_stopped(const void *worker)
{
    BmDev *d = bm_new(qtest_init("-M q35 -m 256M -nodefaults -device "
                                 "pcie-root-port,id=rp,chassis=1,addr=05.0"));

    qtest_qmp_assert_success(d->qts, "{ 'execute': 'stop' }");
    plug(d, "late");
    qtest_qmp_assert_success(d->qts, "{ 'execute': 'cont' }");
    check_works(d);
    bm_end(d);
}

/* Into one that its guest has put to sleep: it is not stopped. */
static void test_asleep(const void *worker)
{
    BmDev *d = bm_new(qtest_init("-M q35 -m 256M -nodefaults -device "
                                 "pcie-root-port,id=rp,chassis=1,addr=05.0"));

    d->bus->config_writel(d->bus, LPC, LPC_PMBASE, PM_BASE | 1);
    d->bus->config_writeb(d->bus, LPC, LPC_ACPI_CTRL, LPC_ACPI_ENABLE);
    qtest_outw(d->qts, PM1_CNT, PM1_CNT_S3);
    qtest_qmp_eventwait(d->qts, "SUSPEND");
    plug(d, "late");
    qtest_qmp_assert_success(d->qts, "{ 'execute': 'system_wakeup' }");
    qtest_qmp_eventwait(d->qts, "WAKEUP");
    check_works(d);
    bm_end(d);
}

void bm_add_unplug_tests(void)
{
    bm_add_both("unplug/message", test_message);
    bm_add_both("unplug/registers", test_registers);
    bm_add_both("unplug/twice", test_twice);
    bm_add("unplug/again", test_again);
    bm_add("unplug/stopped", test_stopped);
    bm_add("unplug/asleep", test_asleep);
}
