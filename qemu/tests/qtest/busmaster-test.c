/*
 * busmaster qtests: identity, capabilities, registers and properties
 *
 * The rest is in busmaster/, a topic a file.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "busmaster/harness.h"

#define ECAM    0xb0000000ull

static void test_identity(const void *worker)
{
    BmDev *d = bm_start(worker, "");
    QPCIDevice *pci = d->pci;

    g_assert_cmphex(qpci_config_readl(pci, PCI_VENDOR_ID), ==, 0x10f01af4);
    g_assert_cmphex(qpci_config_readl(pci, PCI_CLASS_REVISION) >> 8, ==,
                    BM_PCI_CLASS);
    g_assert_cmphex(qpci_config_readb(pci, PCI_HEADER_TYPE), ==, 0);
    g_assert_cmphex(qpci_config_readb(pci, PCI_INTERRUPT_PIN), ==, 0);

    g_assert_cmphex(bm_read(d, BM_REG_ID), ==, 0x000100024d535542);
    g_assert_cmphex(bm_read(d, BM_REG_CAP), ==, 0x000010001e400c08);
    g_assert_cmphex(bm_read(d, BM_REG_CAP2), ==, 0x3b0000003f);
    g_assert_cmphex(bm_read(d, BM_REG_MEM_SIZE), ==, 64 * MiB);
    g_assert_cmphex(d->mem_size, ==, 64 * MiB);
    bm_end(d);
}

static void check_bar(BmDev *d, unsigned bar, uint64_t size, unsigned type)
{
    unsigned reg = PCI_BASE_ADDRESS_0 + 4 * bar;
    uint32_t lo;

    qpci_config_writel(d->pci, reg, 0xffffffff);
    lo = qpci_config_readl(d->pci, reg);
    g_assert_cmphex(lo & ~PCI_BASE_ADDRESS_MEM_MASK, ==, type);
    g_assert_cmphex((uint32_t)-(lo & PCI_BASE_ADDRESS_MEM_MASK), ==, size);
}

static void test_bars(const void *worker)
{
    static const struct {
        const char *props;
        uint64_t regs;
        uint64_t mem;
    } cases[] = {
        { "", 64 * KiB, 64 * MiB },
        { "queues=1,mem-size=4K", 8 * KiB, 4 * KiB },
        { "queues=7,mem-size=1M", 32 * KiB, 1 * MiB },
        { "queues=64,mem-size=128M", 512 * KiB, 128 * MiB },
    };
    const unsigned wide = PCI_BASE_ADDRESS_MEM_TYPE_64;
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        BmDev *d = bm_start(worker, cases[i].props);

        g_assert_cmphex(bm_read(d, BM_REG_MEM_SIZE), ==, cases[i].mem);
        check_bar(d, BM_BAR_REGS, cases[i].regs, wide);
        check_bar(d, BM_BAR_MEM, cases[i].mem,
                  wide | PCI_BASE_ADDRESS_MEM_PREFETCH);
        check_bar(d, BM_BAR_MSIX, 4 * KiB, 0);
        bm_end(d);
    }
}

static uint32_t ecam_readl(BmDev *d, unsigned offset)
{
    return qtest_readl(d->qts, ECAM + (BM_DEVFN << 12) + offset);
}

static void test_capabilities(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=5");
    QPCIDevice *pci = d->pci;

    g_assert_cmphex(qpci_find_capability(pci, PCI_CAP_ID_PM, 0), ==, BM_PM);
    g_assert_cmphex(qpci_config_readw(pci, BM_PM + PCI_PM_PMC), ==, 3);
    g_assert_cmphex(qpci_config_readw(pci, BM_PM + PCI_PM_CTRL), ==, 0);
    /* D1 and D2 are not there: to ask for them changes nothing. */
    qpci_config_writew(pci, BM_PM + PCI_PM_CTRL, 1);
    g_assert_cmphex(qpci_config_readw(pci, BM_PM + PCI_PM_CTRL), ==, 0);

    g_assert_cmphex(qpci_find_capability(pci, PCI_CAP_ID_EXP, 0), ==, BM_EXP);
    g_assert_cmphex(qpci_config_readw(pci, BM_EXP + PCI_EXP_FLAGS), ==,
                    PCI_EXP_TYPE_RC_END << 4 | 2);
    g_assert_cmphex(qpci_config_readl(pci, BM_EXP + PCI_EXP_DEVCAP) &
                    (PCI_EXP_DEVCAP_FLR | PCI_EXP_DEVCAP_RBER |
                     PCI_EXP_DEVCAP_PAYLOAD), ==,
                    PCI_EXP_DEVCAP_FLR | PCI_EXP_DEVCAP_RBER | 2);
    g_assert_cmphex(qpci_config_readw(pci, BM_EXP + PCI_EXP_DEVCTL), ==,
                    0x2000);

    g_assert_cmphex(qpci_find_capability(pci, PCI_CAP_ID_MSIX, 0), ==,
                    BM_MSIX);
    g_assert_cmpuint(qpci_msix_table_size(pci), ==, 6);
    g_assert_cmphex(qpci_config_readl(pci, BM_MSIX + PCI_MSIX_TABLE), ==,
                    BM_BAR_MSIX);
    g_assert_cmphex(qpci_config_readl(pci, BM_MSIX + PCI_MSIX_PBA) &
                    PCI_MSIX_FLAGS_BIRMASK, ==, BM_BAR_MSIX);
    g_assert_cmphex(qpci_find_capability(pci, PCI_CAP_ID_MSI, 0), ==, 0);

    /* Extended space is reached by the host bridge's memory window only. */
    d->bus->config_writel(d->bus, 0, 0x64, 0);
    d->bus->config_writel(d->bus, 0, 0x60, ECAM | 1);
    g_assert_cmphex(ecam_readl(d, 0), ==, 0x10f01af4);
    g_assert_cmphex(ecam_readl(d, BM_AER) & 0xfffff, ==,
                    PCI_EXT_CAP_ID_ERR | 2 << 16);
    g_assert_cmphex(ecam_readl(d, BM_AER) >> 20, ==, 0);
    bm_end(d);
}

static void test_read_only(const void *worker)
{
    static const unsigned regs[] = {
        BM_REG_ID, BM_REG_CAP, BM_REG_CAP2, BM_REG_MEM_SIZE, BM_REG_STATUS,
        BM_REG_HALTED, BM_REG_FAULT_ADDR, BM_REG_FAULT_INFO, BM_REG_MRD_TLPS,
        BM_REG_MRD_BYTES, BM_REG_MWR_TLPS, BM_REG_MWR_BYTES, BM_REG_MSG_TLPS,
        BM_REG_PEER_MRD_TLPS, BM_REG_PEER_MRD_BYTES, BM_REG_PEER_MWR_TLPS,
        BM_REG_PEER_MWR_BYTES, BM_QUEUE_PAGE(0) + BM_QREG_STATE,
        /* reserved in this version */
        0x038, 0x050, 0x0a8, 0x7f8, 0xff8,
        /* fault injection, which this device does not have */
        BM_REG_INJECT_MODES, BM_REG_INJECT_ARG, BM_REG_INJECT_COUNT,
        BM_REG_INJECT_ARM, BM_REG_INJECT_STATE(BM_INJECT_HANG),
        BM_QUEUE_PAGE(0) + 0x10, BM_QUEUE_PAGE(0) + BM_QREG_ABORT,
        BM_QUEUE_PAGE(0) + 0x80, BM_QUEUE_PAGE(0) + 0xff8,
        /* beyond the last queue, but in the BAR */
        BM_QUEUE_PAGE(2) + BM_QREG_SQ_BASE, BM_QUEUE_PAGE(2) + BM_QREG_CTL,
    };
    BmDev *d = bm_start(worker, "queues=2,mem-size=1M");
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(regs); i++) {
        uint64_t value = bm_read(d, regs[i]);

        g_test_message("register 0x%x", regs[i]);
        if (i > 17) {
            g_assert_cmphex(value, ==, 0);
        }
        bm_write(d, regs[i], ~value);
        g_assert_cmphex(bm_read(d, regs[i]), ==, value);
        qtest_writel(d->qts, d->regs + regs[i], ~value);
        qtest_writel(d->qts, d->regs + regs[i] + 4, ~value);
        g_assert_cmphex(bm_read(d, regs[i]), ==, value);
    }
    bm_end(d);
}

static void test_access_sizes(const void *worker)
{
    BmDev *d = bm_start(worker, "queues=1,mem-size=1M");
    uint64_t base = BM_QUEUE_PAGE(0) + BM_QREG_SQ_BASE;
    uint64_t order = BM_QUEUE_PAGE(0) + BM_QREG_ORDER;
    uint64_t at = d->regs + base;

    /* halves */
    bm_write(d, base, 0x1122334455667788);
    g_assert_cmphex(qtest_readl(d->qts, at), ==, 0x55667788);
    g_assert_cmphex(qtest_readl(d->qts, at + 4), ==, 0x11223344);
    qtest_writel(d->qts, at, 0xaabbccdd);
    g_assert_cmphex(bm_read(d, base), ==, 0x11223344aabbccdd);
    qtest_writel(d->qts, at + 4, 0x55667788);
    g_assert_cmphex(bm_read(d, base), ==, 0x55667788aabbccdd);
    g_assert_cmphex(qtest_readl(d->qts, d->regs + BM_REG_ID), ==, BM_MAGIC);
    g_assert_cmphex(qtest_readl(d->qts, d->regs + BM_REG_ID + 4), ==,
                    BM_VERSION_MAJOR << 16 | BM_VERSION_MINOR);

    /* A 32-bit register has no upper half. */
    bm_write(d, order, 0xffffffff00000005);
    g_assert_cmphex(bm_read(d, order), ==, 5);
    qtest_writel(d->qts, d->regs + order + 4, 6);
    g_assert_cmphex(bm_read(d, order), ==, 5);

    /* Odd sizes and places: nothing is read, nothing is changed. */
    g_assert_cmphex(qtest_readb(d->qts, at), ==, 0);
    g_assert_cmphex(qtest_readw(d->qts, at), ==, 0);
    g_assert_cmphex(qtest_readl(d->qts, at + 1), ==, 0);
    g_assert_cmphex(qtest_readl(d->qts, at + 2), ==, 0);
    qtest_writeb(d->qts, at, 0x11);
    qtest_writew(d->qts, at, 0x2222);
    qtest_writel(d->qts, at + 2, 0x33333333);
    g_assert_cmphex(bm_read(d, base), ==, 0x55667788aabbccdd);
    bm_end(d);
}

static void test_ctrl(const void *worker)
{
    BmDev *d = bm_start_machine("", worker, "queues=2,mem-size=1M");
    uint64_t ctl = BM_QUEUE_PAGE(0) + BM_QREG_CTL;
    BmRing r;

    g_assert_cmphex(bm_read(d, BM_REG_CTRL), ==, 0);
    g_assert_cmphex(bm_read(d, BM_REG_STATUS), ==, 0);
    /* Not ready: no queue can be enabled. */
    bm_write(d, ctl, BM_QCTL_ENABLE);
    g_assert_cmphex(bm_read(d, ctl), ==, 0);
    g_assert_cmphex(bm_read(d, BM_QUEUE_PAGE(0) + BM_QREG_STATE), ==, 0);

    bm_write(d, BM_REG_CTRL, 0xfffffffc);
    g_assert_cmphex(bm_read(d, BM_REG_CTRL), ==, 0);
    bm_enable(d);
    g_assert_cmphex(bm_read(d, BM_REG_CTRL), ==, BM_CTRL_ENABLE);

    /* The geometry is fixed while a queue is not disabled. */
    bm_ring_init(&r, d, 0, 4);
    g_assert_cmphex(bm_ring_reg(&r, BM_QREG_CTL), ==, BM_QCTL_ENABLE);
    bm_ring_write(&r, BM_QREG_SQ_BASE, 0x10000);
    bm_ring_write(&r, BM_QREG_CQ_BASE, 0x10000);
    bm_ring_write(&r, BM_QREG_ORDER, 9);
    g_assert_cmphex(bm_ring_reg(&r, BM_QREG_SQ_BASE), ==, r.sq);
    g_assert_cmphex(bm_ring_reg(&r, BM_QREG_CQ_BASE), ==, r.cq);
    g_assert_cmphex(bm_ring_reg(&r, BM_QREG_ORDER), ==, 4);

    /* A disabled queue has no doorbells. */
    bm_write(d, BM_QUEUE_PAGE(1) + BM_QREG_SQ_TAIL, 1);
    bm_write(d, BM_QUEUE_PAGE(1) + BM_QREG_CQ_HEAD, 1);
    g_assert_cmphex(bm_read(d, BM_QUEUE_PAGE(1) + BM_QREG_SQ_TAIL), ==, 0);
    g_assert_cmphex(bm_read(d, BM_QUEUE_PAGE(1) + BM_QREG_CQ_HEAD), ==, 0);
    g_assert_cmphex(bm_read(d, BM_QUEUE_PAGE(1) + BM_QREG_STATE), ==, 0);
    bm_end(d);
}

/* What cannot be is refused, and the refusal names property and limit. */
static void test_properties(const void *worker)
{
    static const struct {
        const char *name;
        uint64_t value;
        const char *limit;
    } bad[] = {
        { "queues", 0, "1 to 64" },
        { "queues", 65, "1 to 64" },
        { "mem-size", 0, "power of two" },
        { "mem-size", 2048, "at least 4096" },
        { "mem-size", 3 * MiB, "power of two" },
        { "inline-bytes", 1 * MiB + 1, "0 to 1048576" },
        { "dma-bits", 31, "32 to 64" },
        { "dma-bits", 65, "32 to 64" },
        { "link-width", 3, "1, 2, 4, 8, 12 or 16" },
        { "read-latency-ns", 1000000001, "0 to 1000000000" },
        { "read-tags", 0, "1 to 1024" },
        { "read-tags", 1025, "1 to 1024" },
        { "prefetch", 17, "1 to 16" },
        { "channels", 0, "1 to 1024" },
        { "time-scale", 1001, "1 to 1000" },
        { "outstanding", 0, "1 to 256" },
        { "outstanding", 257, "1 to 256" },
    };
    QTestState *qts = qtest_init("-M q35 -nodefaults "
                                 "-device pcie-root-port,id=rp,chassis=1");
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(bad); i++) {
        g_autofree char *value = g_strdup_printf("'%s' is %" PRIu64,
                                                 bad[i].name, bad[i].value);
        QDict *error, *args = qdict_new();
        const char *desc;

        qdict_put_str(args, "driver", "busmaster");
        qdict_put_str(args, "bus", "rp");
        qdict_put_int(args, bad[i].name, bad[i].value);
        error = qtest_qmp_assert_failure_ref(qts, "{ 'execute': 'device_add',"
                                             " 'arguments': %p }", args);
        desc = qdict_get_str(error, "desc");
        g_test_message("%s", desc);
        g_assert_nonnull(strstr(desc, value));
        g_assert_nonnull(strstr(desc, bad[i].limit));
        qobject_unref(error);
    }
    qtest_quit(qts);
}

/* Properties that are words, or do not go together */
static void test_words(const void *worker)
{
    static const struct {
        const char *name;
        const char *value;
        const char *words;
    } bad[] = {
        { "link-speed", "3", "'3', must be 2.5, 5, 8, 16, 32 or 64" },
        { "profile", "disk", "'disk', must be nvme-4x4, " },
        { "iothread", "io", "must not be set with timing=on" },
    };
    QTestState *qts = qtest_init("-M q35 -nodefaults -object iothread,id=io "
                                 "-device pcie-root-port,id=rp,chassis=1");
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(bad); i++) {
        QDict *error, *args = qdict_new();
        const char *desc;

        qdict_put_str(args, "driver", "busmaster");
        qdict_put_str(args, "bus", "rp");
        qdict_put_bool(args, "timing", true);
        qdict_put_str(args, bad[i].name, bad[i].value);
        error = qtest_qmp_assert_failure_ref(qts, "{ 'execute': 'device_add',"
                                             " 'arguments': %p }", args);
        desc = qdict_get_str(error, "desc");
        g_test_message("%s", desc);
        g_assert_nonnull(strstr(desc, bad[i].words));
        qobject_unref(error);
    }
    qtest_quit(qts);
}

/* The description of property @name of those in @list, or NULL. */
static const char *description(QList *list, const char *name)
{
    QListEntry *entry;

    QLIST_FOREACH_ENTRY(list, entry) {
        QDict *property = qobject_to(QDict, qlist_entry_obj(entry));

        if (!strcmp(qdict_get_str(property, "name"), name)) {
            return qdict_get_try_str(property, "description");
        }
    }
    return NULL;
}

/* "-device busmaster,help" says what each property is, in which bounds. */
static void test_help(const void *worker)
{
    static const struct {
        const char *name;
        const char *words;
    } cases[] = {
        { "queues", "queue pairs, 1 to 64" },
        { "mem-size", "in bytes, a power of two from 4 KiB" },
        { "dma-bits", "in bits of the bus addresses that the device can emit, "
          "32 to 64" },
        { "outstanding", "at once, 1 to 256" },
        { "inline-bytes", "up to 1 MiB, 0 for none" },
        { "iothread", "id of the iothread object" },
        { "iothreads", "ids of iothread objects" },
        { "write-faults", "on or off: " },
        { "timing", "on or off: " },
        { "profile", "nvme-4x4, " },
        { "link-speed", "2.5, 5, 8, 16, 32 or 64" },
        { "link-width", "1, 2, 4, 8, 12 or 16" },
        { "read-latency-ns", "0 to 1000000000" },
        { "read-tags", "1 to 1024" },
        { "prefetch", "1 to 16" },
        { "command-overhead-ns", "0 to 1000000000" },
        { "medium-latency-ns", "0 to 1000000000" },
        { "channels", "1 to 1024" },
        { "irq-latency-ns", "0 to 1000000000" },
        { "time-scale", "1 to 1000" },
        { "x-fault-injection", "on or off: " },
    };
    static const char *const modes[] = BM_INJECT_NAMES;
    QTestState *qts = qtest_init("-M none");
    QDict *reply = qtest_qmp(qts, "{'execute': 'device-list-properties',"
                             " 'arguments': {'typename': 'busmaster'}}");
    QList *list = qdict_get_qlist(reply, "return");
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *is = description(list, cases[i].name);

        g_test_message("%s: %s", cases[i].name, is);
        g_assert_nonnull(is);
        g_assert_nonnull(strstr(is, cases[i].words));
    }
    for (i = 1; i < BM_INJECT_END; i++) {
        g_autofree char *name = g_strdup_printf("x-inject-%s", modes[i]);
        const char *is = description(list, name);

        g_test_message("%s: %s", name, is);
        g_assert_nonnull(is);
        g_assert_false(g_str_has_prefix(is, ";"));
        g_assert_nonnull(strstr(is, "; COUNT[:QUEUE"));
        /* An argument is explained wherever there is one. */
        g_assert_true(!strstr(is, ":ARG]") == !strstr(is, ", and ARG: "));
        g_assert_true(strstr(is, ":ARG]") || !strstr(is, ", 0 for "));
    }
    qobject_unref(reply);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    bm_add("registers/identity", test_identity);
    bm_add("registers/bars", test_bars);
    bm_add("registers/capabilities", test_capabilities);
    bm_add("registers/read-only", test_read_only);
    bm_add("registers/access-sizes", test_access_sizes);
    bm_add("registers/ctrl", test_ctrl);
    bm_add("properties/bounds", test_properties);
    bm_add("properties/words", test_words);
    bm_add("properties/help", test_help);
    bm_add_command_tests();
    bm_add_sgl_tests();
    bm_add_queue_tests();
    bm_add_batch_tests();
    bm_add_inline_tests();
    bm_add_iothread_tests();
    bm_add_irq_tests();
    bm_add_moderation_tests();
    bm_add_fault_tests();
    bm_add_bus_tests();
    bm_add_reset_tests();
    bm_add_route_tests();
    bm_add_unplug_tests();
    bm_add_iommu_tests();
    bm_add_hostile_tests();
    bm_add_shadow_tests();
    bm_add_inject_tests();
    bm_add_lie_tests();
    bm_add_migrate_tests();
    bm_add_refuse_tests();
    bm_add_misbehave_tests();
    bm_add_timing_tests();
    bm_add_clock_tests();
    bm_add_trace_tests();
    return g_test_run();
}
