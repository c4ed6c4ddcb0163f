/*
 * busmaster: a PCI Express device that moves memory by itself
 *
 * The device as QEMU sees it: properties, PCI identity and capabilities, BARs,
 * the four kinds of reset, creation and removal. The data sheet is
 * docs/specs/busmaster.rst.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qapi/error.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie.h"
#include "hw/qdev-properties.h"
#include "hw/resettable.h"
#include "migration/vmstate.h"
#include "internal.h"
#include "trace.h"

#define BM_PM_OFFSET        0x40
#define BM_EXP_OFFSET       0x50
#define BM_AER_OFFSET       PCI_CONFIG_SPACE_SIZE

#define BM_MIN_MEM_SIZE     (4 * KiB)
#define BM_MIN_DMA_BITS     32
#define BM_MAX_DMA_BITS     64

/* Payload and read request sizes are powers of two from 128 bytes. */
#define BM_TLP_MIN_SHIFT    7
#define BM_TLP_MAX_SHIFT    12
#define BM_MPS_CODE_MAX     2   /* 512 bytes */
#define BM_MRRS_CODE_RESET  2   /* 512 bytes, as the PCI Express spec has it */

/* In the worker, or while there is none. */
static void bm_stop_worker(BmWorker *w)
{
    BusmasterState *s = w->dev;
    unsigned i;

    for (i = w->index; i < s->num_queues; i += s->num_workers) {
        bm_queue_stop(&s->queues[i]);
    }
}

static void bm_stop_bh(void *opaque)
{
    BmWorker *w = opaque;
    BusmasterState *s = w->dev;

    bm_stop_worker(w);
    QEMU_LOCK_GUARD(&s->stop.lock);
    s->stop.awaited--;
    qemu_cond_broadcast(&s->stop.answered);
}

/*
 * Disable all queues, at once and without a word to the driver: when this
 * returns, nothing that was submitted before reaches memory any more.
 *
 * In the main loop the BQL keeps the worker away. Iothreads are asked all
 * together and waited for without the BQL, since a DMA may be what waits for
 * it. Others may come in meanwhile: register writes are ignored as long as
 * @stop.calls is not zero, and a second caller asks and waits for itself.
 */
void bm_stop(BusmasterState *s, const char *why)
{
    unsigned i;

    trace_busmaster_stop(why);
    qatomic_inc(&s->stop.calls);
    if (!s->workers[0].iothread) {
        bm_stop_worker(&s->workers[0]);
    } else {
        bql_unlock();
        WITH_QEMU_LOCK_GUARD(&s->stop.lock) {
            for (i = 0; i < s->num_workers; i++) {
                s->stop.awaited++;
                aio_bh_schedule_oneshot(s->workers[i].ctx, bm_stop_bh,
                                        &s->workers[i]);
            }
            while (s->stop.awaited) {
                qemu_cond_wait(&s->stop.answered, &s->stop.lock);
            }
        }
        bql_lock();
    }
    qatomic_dec(&s->stop.calls);
    qemu_cond_broadcast(&s->stop.returned);
}

/* All resets: what is not configuration space or device memory is as new. */
void bm_reset(BusmasterState *s, const char *why)
{
    unsigned i;

    trace_busmaster_reset(why);
    s->enabled = false;
    s->ready = false;
    bm_stop(s, why);
    for (i = 0; i < s->num_queues; i++) {
        bm_queue_reset(&s->queues[i]);
    }
    qemu_bh_cancel(s->fatal_bh);
    s->fatal_cause = BM_FATAL_NONE;
    s->fatal = false;
    s->reset_ignored = false;
    bm_irq_reset(s);
    QEMU_LOCK_GUARD(&s->fault_lock);
    s->fault_addr = 0;
    s->fault_info = 0;
}

static void bm_fatal_bh(void *opaque)
{
    BusmasterState *s = opaque;

    s->ready = false;
    bm_stop(s, "FATAL");
    /* Unless a reset came in between. */
    if (s->fatal_cause != BM_FATAL_NONE) {
        s->fatal = true;
        bm_irq_raise(s, BM_VECTOR_EVENT);
        bm_irq_flush(s);
    }
}

/*
 * From any thread: nothing is to run any more until a reset. A worker cannot
 * stop all the others: the main loop does, and shows it when it is true.
 */
void bm_fatal(BusmasterState *s, enum bm_fatal cause)
{
    qatomic_set(&s->fatal_cause, cause);
    qemu_bh_schedule(s->fatal_bh);
}

/* Take the request sizes from Device Control, where workers may not look. */
static void bm_update_tlp_sizes(BusmasterState *s)
{
    PCIDevice *pdev = PCI_DEVICE(s);
    uint16_t devctl = pci_get_word(pdev->config + pdev->exp.exp_cap +
                                   PCI_EXP_DEVCTL);
    unsigned mps = BM_GET(PCI_EXP_DEVCTL_PAYLOAD, devctl);
    unsigned mrrs = BM_GET(PCI_EXP_DEVCTL_READRQ, devctl);

    qatomic_set(&s->mps_shift, BM_TLP_MIN_SHIFT + MIN(mps, BM_MPS_CODE_MAX));
    qatomic_set(&s->mrrs_shift, MIN(BM_TLP_MIN_SHIFT + mrrs,
                                    BM_TLP_MAX_SHIFT));
}

/* FLR, bus reset, D3hot to D0. The core resets the rest of what it knows. */
static void bm_reset_hold(Object *obj, ResetType type)
{
    BusmasterState *s = BUSMASTER(obj);
    PCIDevice *pdev = PCI_DEVICE(obj);
    uint8_t *devctl = pdev->config + pdev->exp.exp_cap + PCI_EXP_DEVCTL;
    uint16_t kept = 0;

    bm_reset(s, "function reset");
    bm_inject_reset(s);
    if (pci_get_word(devctl) & PCI_EXP_DEVCTL_BCR_FLR) {
        /* An FLR leaves Max_Payload_Size alone: it is the link's affair. */
        kept = pci_get_word(devctl) &
               (PCI_EXP_DEVCTL_PAYLOAD | PCI_EXP_DEVCTL_BCR_FLR);
    }
    pci_set_word(devctl, kept | BM_PREP(PCI_EXP_DEVCTL_READRQ,
                                        BM_MRRS_CODE_RESET));
    bm_update_tlp_sizes(s);
}

static bool bm_in_d0(PCIDevice *pdev)
{
    return !(pci_get_word(pdev->config + pdev->pm_cap + PCI_PM_CTRL) &
             PCI_PM_CTRL_STATE_MASK);
}

static void bm_write_config(PCIDevice *pdev, uint32_t addr, uint32_t value,
                            int len)
{
    BusmasterState *s = BUSMASTER(pdev);
    bool was_in_d0 = bm_in_d0(pdev);

    pci_default_write_config(pdev, addr, value, len);
    pcie_aer_write_config(pdev, addr, value, len);
    pcie_cap_flr_write_config(pdev, addr, value, len);
    if (was_in_d0 && !bm_in_d0(pdev)) {
        bm_stop(s, "D3hot");
    } else if (!was_in_d0 && bm_in_d0(pdev)) {
        /* No_Soft_Reset is 0. */
        pci_device_reset(pdev);
    }
    bm_update_tlp_sizes(s);
}

static bool bm_check_properties(BusmasterState *s, Error **errp)
{
    unsigned i;

    if (s->num_queues < 1 || s->num_queues > BM_MAX_QUEUES) {
        error_setg(errp, "property 'queues' is %" PRIu32
                   ", must be 1 to %u", s->num_queues, BM_MAX_QUEUES);
        return false;
    }
    if (s->mem_size < BM_MIN_MEM_SIZE || !is_power_of_2(s->mem_size)) {
        error_setg(errp, "property 'mem-size' is %" PRIu64
                   ", must be a power of two and at least %u",
                   s->mem_size, (unsigned)BM_MIN_MEM_SIZE);
        return false;
    }
    if (s->dma_bits < BM_MIN_DMA_BITS || s->dma_bits > BM_MAX_DMA_BITS) {
        error_setg(errp, "property 'dma-bits' is %" PRIu32
                   ", must be %u to %u", s->dma_bits, BM_MIN_DMA_BITS,
                   BM_MAX_DMA_BITS);
        return false;
    }
    if (s->outstanding < 1 || s->outstanding > BM_MAX_OUTSTANDING) {
        error_setg(errp, "property 'outstanding' is %" PRIu32
                   ", must be 1 to %u", s->outstanding, BM_MAX_OUTSTANDING);
        return false;
    }
    if (s->iothread && s->num_iothreads) {
        error_setg(errp, "properties 'iothread' and 'iothreads' are both set,"
                   " must be one of them or none");
        return false;
    }
    for (i = 0; i < s->num_iothreads; i++) {
        if (!iothread_by_id(s->iothreads[i])) {
            error_setg(errp, "property 'iothreads' has '%s', must be ids of"
                       " iothread objects", s->iothreads[i]);
            return false;
        }
    }
    return bm_inject_check_properties(s, errp);
}

/* One for each iothread that was named; without any, the main loop's. */
static void bm_init_workers(BusmasterState *s)
{
    unsigned i;

    s->num_workers = MAX(s->num_iothreads, 1);
    s->workers = g_new0(BmWorker, s->num_workers);
    for (i = 0; i < s->num_workers; i++) {
        BmWorker *w = &s->workers[i];

        w->dev = s;
        w->index = i;
        w->iothread = s->num_iothreads ? iothread_by_id(s->iothreads[i]) :
                                         s->iothread;
        if (w->iothread) {
            object_ref(OBJECT(w->iothread));
            w->ctx = iothread_get_aio_context(w->iothread);
        } else {
            w->ctx = qemu_get_aio_context();
        }
    }
}

static void bm_exit_workers(BusmasterState *s)
{
    unsigned i;

    for (i = 0; i < s->num_workers; i++) {
        if (s->workers[i].iothread) {
            object_unref(OBJECT(s->workers[i].iothread));
        }
    }
    g_free(s->workers);
}

/* Capabilities at fixed places: none of these can fail. */
static void bm_init_capabilities(PCIDevice *pdev)
{
    pci_pm_init(pdev, BM_PM_OFFSET, &error_abort);
    pci_set_word(pdev->config + BM_PM_OFFSET + PCI_PM_PMC, 3 /* PM 1.2 */);
    pci_set_word(pdev->wmask + BM_PM_OFFSET + PCI_PM_CTRL,
                 PCI_PM_CTRL_STATE_MASK);

    pcie_endpoint_cap_init(pdev, BM_EXP_OFFSET);
    pcie_cap_deverr_init(pdev);
    pcie_cap_flr_init(pdev);
    pci_long_test_and_set_mask(pdev->config + BM_EXP_OFFSET + PCI_EXP_DEVCAP,
                               BM_MPS_CODE_MAX);
    pci_word_test_and_set_mask(pdev->wmask + BM_EXP_OFFSET + PCI_EXP_DEVCTL,
                               PCI_EXP_DEVCTL_PAYLOAD |
                               PCI_EXP_DEVCTL_READRQ);
}

static void busmaster_realize(PCIDevice *pdev, Error **errp)
{
    BusmasterState *s = BUSMASTER(pdev);
    unsigned i;

    if (!bm_check_properties(s, errp) ||
        !memory_region_init_ram(&s->mem, OBJECT(s), "busmaster.mem",
                                s->mem_size, errp)) {
        return;
    }
    bm_init_capabilities(pdev);
    if (msix_init_exclusive_bar(pdev, s->num_queues + 1, BM_BAR_MSIX,
                                errp) < 0) {
        pcie_cap_exit(pdev);
        return;
    }
    if (pcie_aer_init(pdev, PCI_ERR_VER, BM_AER_OFFSET, PCI_ERR_SIZEOF,
                      errp) < 0) {
        msix_uninit_exclusive_bar(pdev);
        pcie_cap_exit(pdev);
        return;
    }

    /* Only RAM can be mapped: dma.c says what is built on that. */
    s->bus_as = pci_get_address_space(pdev);
    s->bus_as->max_bounce_buffer_size = 0;
    s->dma_limit = MAKE_64BIT_MASK(0, s->dma_bits);

    memory_region_init_io(&s->regs, OBJECT(s), &bm_regs_ops, s,
                          "busmaster.regs",
                          pow2ceil(BM_QUEUE_PAGE(s->num_queues)));
    /* bm_stop() lets other vCPUs in: they are to meet bm_regs_ops, no error. */
    s->regs.disable_reentrancy_guard = true;
    pci_register_bar(pdev, BM_BAR_REGS, PCI_BASE_ADDRESS_MEM_TYPE_64,
                     &s->regs);
    /* The BAR is an alias, so that the memory itself stays at address 0. */
    memory_region_init_alias(&s->mem_bar, OBJECT(s), "busmaster.mem-bar",
                             &s->mem, 0, s->mem_size);
    pci_register_bar(pdev, BM_BAR_MEM, PCI_BASE_ADDRESS_MEM_TYPE_64 |
                     PCI_BASE_ADDRESS_MEM_PREFETCH, &s->mem_bar);
    address_space_init(&s->mem_as, &s->mem, "busmaster.mem");
    s->mem_as.max_bounce_buffer_size = 0;

    bm_init_workers(s);
    qemu_mutex_init(&s->stop.lock);
    qemu_cond_init(&s->stop.answered);
    qemu_cond_init(&s->stop.returned);
    qemu_mutex_init(&s->fault_lock);
    /* Unguarded: bm_stop() lets others in. */
    s->fatal_bh = aio_bh_new_full(qemu_get_aio_context(), bm_fatal_bh, s,
                                  "busmaster-fatal", NULL);
    bm_irq_init(s);
    bm_inject_init(s);
    s->queues = g_new0(BmQueue, s->num_queues);
    for (i = 0; i < s->num_queues; i++) {
        bm_queue_init(&s->queues[i], s, i);
    }
    bm_update_tlp_sizes(s);
}

static void busmaster_exit(PCIDevice *pdev)
{
    BusmasterState *s = BUSMASTER(pdev);
    unsigned i;

    /* For good. Other callers of bm_stop() still have an access to finish. */
    qatomic_inc(&s->stop.calls);
    bm_stop(s, "unplug");
    while (s->stop.calls > 1) {
        qemu_cond_wait_bql(&s->stop.returned);
    }
    for (i = 0; i < s->num_queues; i++) {
        bm_queue_exit(&s->queues[i]);
    }
    g_free(s->queues);
    bm_exit_workers(s);
    bm_inject_exit(s);
    bm_irq_exit(s);
    qemu_bh_delete(s->fatal_bh);
    qemu_mutex_destroy(&s->fault_lock);
    qemu_cond_destroy(&s->stop.returned);
    qemu_cond_destroy(&s->stop.answered);
    qemu_mutex_destroy(&s->stop.lock);
    address_space_destroy(&s->mem_as);
    pcie_aer_exit(pdev);
    msix_uninit_exclusive_bar(pdev);
    pcie_cap_exit(pdev);
}

/* What properties have made, whether or not the device came to be. */
static void busmaster_finalize(Object *obj)
{
    BusmasterState *s = BUSMASTER(obj);
    unsigned mode;

    for (mode = 0; mode < BM_INJECT_END; mode++) {
        g_free(s->inject_text[mode]);
    }
    g_free(s->iothreads);
}

/*
 * Commands in flight live in workers, and what they have done so far cannot be
 * told to another host: to be migratable the device would have to drain them
 * when the machine stops, at the pleasure of rings that the guest no longer
 * empties.
 */
static const VMStateDescription vmstate_busmaster = {
    .name = TYPE_BUSMASTER,
    .unmigratable = 1,
};

static const Property busmaster_properties[] = {
    DEFINE_PROP_UINT32("queues", BusmasterState, num_queues, 8),
    DEFINE_PROP_SIZE("mem-size", BusmasterState, mem_size, 64 * MiB),
    DEFINE_PROP_UINT32("dma-bits", BusmasterState, dma_bits, 64),
    DEFINE_PROP_UINT32("outstanding", BusmasterState, outstanding, 16),
    DEFINE_PROP_SIZE("inline-bytes", BusmasterState, inline_bytes, 128 * KiB),
    DEFINE_PROP_LINK("iothread", BusmasterState, iothread, TYPE_IOTHREAD,
                     IOThread *),
    DEFINE_PROP_ARRAY("iothreads", BusmasterState, num_iothreads, iothreads,
                      qdev_prop_string, char *),
    DEFINE_PROP_BOOL("x-fault-injection", BusmasterState, fault_injection,
                     false),
};

static void busmaster_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);
    ResettableClass *rc = RESETTABLE_CLASS(klass);

    k->realize = busmaster_realize;
    k->exit = busmaster_exit;
    k->config_write = bm_write_config;
    k->vendor_id = BM_PCI_VENDOR_ID;
    k->device_id = BM_PCI_DEVICE_ID;
    k->revision = BM_VERSION_MAJOR;
    k->class_id = BM_PCI_CLASS >> 8;
    rc->phases.hold = bm_reset_hold;
    dc->desc = "PCI Express DMA engine";
    dc->vmsd = &vmstate_busmaster;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    device_class_set_props(dc, busmaster_properties);
    bm_inject_class_init(klass);
}

static const TypeInfo busmaster_info = {
    .name = TYPE_BUSMASTER,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(BusmasterState),
    .instance_finalize = busmaster_finalize,
    .class_init = busmaster_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_PCIE_DEVICE },
        { }
    },
};

static void busmaster_register_types(void)
{
    type_register_static(&busmaster_info);
}

type_init(busmaster_register_types)
