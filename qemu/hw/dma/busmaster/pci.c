/*
 * busmaster: the PCI Express function
 *
 * What makes a function of a core: identity and capabilities, BARs, messages,
 * configuration space and the resets that come from there, creation and
 * removal. The data sheet is docs/specs/busmaster.rst.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "qapi/error.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_port.h"
#include "migration/vmstate.h"
#include "pci.h"
#include "trace.h"

#define BM_PM_OFFSET        0x40
#define BM_EXP_OFFSET       0x50
#define BM_AER_OFFSET       PCI_CONFIG_SPACE_SIZE

/* Payload and read request sizes are powers of two from 128 bytes. */
#define BM_TLP_MIN_SHIFT    7
#define BM_TLP_MAX_SHIFT    12
#define BM_MPS_CODE_MAX     2   /* 512 bytes */
#define BM_MRRS_CODE_RESET  2   /* 512 bytes, as the PCI Express spec has it */

/* What workers heed of configuration space, where they may not look. */
static void bm_heed_config(BusmasterState *s)
{
    PCIDevice *pdev = PCI_DEVICE(s);
    uint16_t command = pci_get_word(pdev->config + PCI_COMMAND);
    uint16_t devctl = pci_get_word(pdev->config + pdev->exp.exp_cap +
                                   PCI_EXP_DEVCTL);
    unsigned mps = BM_GET(PCI_EXP_DEVCTL_PAYLOAD, devctl);
    unsigned mrrs = BM_GET(PCI_EXP_DEVCTL_READRQ, devctl);

    qatomic_set(&s->core.mps_shift,
                BM_TLP_MIN_SHIFT + MIN(mps, BM_MPS_CODE_MAX));
    qatomic_set(&s->core.mrrs_shift,
                MIN(BM_TLP_MIN_SHIFT + mrrs, BM_TLP_MAX_SHIFT));
    bm_core_set_master(&s->core, command & PCI_COMMAND_MASTER);
}

/* Show in configuration space what workers have met. */
static void bm_show_status(BusmasterState *s)
{
    PCIDevice *pdev = PCI_DEVICE(s);
    uint16_t status = bm_report_take_status(&s->core);

    if (status & PCI_STATUS_DETECTED_PARITY &&
        pci_get_word(pdev->config + PCI_COMMAND) & PCI_COMMAND_PARITY) {
        status |= PCI_STATUS_PARITY;
    }
    if (status) {
        trace_busmaster_status(status);
    }
    pci_word_test_and_set_mask(pdev->config + PCI_STATUS, status);
}

/* What resets the function: each leaves something else as it was. */
typedef enum BmResetKind {
    BM_RESET_COLD,
    BM_RESET_HOT,
    BM_RESET_FLR,
    BM_RESET_WAKE,
} BmResetKind;

static const char *const bm_reset_names[] = {
    [BM_RESET_COLD] = "power-on or system reset",
    [BM_RESET_HOT]  = "hot reset",
    [BM_RESET_FLR]  = "FLR",
    [BM_RESET_WAKE] = "D3hot to D0",
};

/* To QEMU all of these are cold: see which bridge resets its bus, if any. */
static bool bm_bus_in_reset(PCIDevice *pdev)
{
    PCIBus *bus = pci_get_bus(pdev);

    while (!pci_bus_is_root(bus)) {
        PCIDevice *bridge = pci_bridge_get_device(bus);

        if (pci_get_word(bridge->config + PCI_BRIDGE_CONTROL) &
            PCI_BRIDGE_CTL_BUS_RESET) {
            return true;
        }
        bus = pci_get_bus(bridge);
    }
    return false;
}

static BmResetKind bm_reset_kind(BusmasterState *s)
{
    PCIDevice *pdev = PCI_DEVICE(s);

    if (pci_get_word(pdev->config + BM_EXP_OFFSET + PCI_EXP_DEVCTL) &
        PCI_EXP_DEVCTL_BCR_FLR) {
        return BM_RESET_FLR;
    }
    if (s->waking) {
        return BM_RESET_WAKE;
    }
    return bm_bus_in_reset(pdev) ? BM_RESET_HOT : BM_RESET_COLD;
}

/*
 * What the PCI core does not reset: capabilities, but for MSI-X. What is sticky
 * (AER) is lost with the power alone, and an FLR leaves Max_Payload_Size: it is
 * the link's affair.
 */
static void bm_reset_config(BusmasterState *s, BmResetKind kind)
{
    PCIDevice *pdev = PCI_DEVICE(s);
    uint8_t *devctl = pdev->config + BM_EXP_OFFSET + PCI_EXP_DEVCTL;
    uint16_t kept = pci_get_word(devctl) &
                    (PCI_EXP_DEVCTL_PAYLOAD | PCI_EXP_DEVCTL_BCR_FLR);

    memcpy(pdev->config + BM_PM_OFFSET, s->new_config + BM_PM_OFFSET,
           PCI_PM_SIZEOF);
    memcpy(pdev->config + BM_EXP_OFFSET, s->new_config + BM_EXP_OFFSET,
           PCI_EXP_VER2_SIZEOF);
    if (kind == BM_RESET_FLR) {
        pci_word_test_and_set_mask(devctl, kept);
    }
    if (kind == BM_RESET_COLD) {
        memcpy(pdev->config + BM_AER_OFFSET, s->new_config + BM_AER_OFFSET,
               PCI_ERR_SIZEOF);
        pdev->exp.aer_log.log_num = 0;
    }
}

/* Any reset of the function. The PCI core resets the rest. */
static void bm_reset_hold(Object *obj, ResetType type)
{
    BusmasterState *s = BUSMASTER(obj);
    PCIDevice *pdev = PCI_DEVICE(obj);
    BmResetKind kind = bm_reset_kind(s);

    bm_core_connect(&s->core, pci_device_iommu_address_space(pdev) !=
                              &address_space_memory);
    bm_reset(&s->core, bm_reset_names[kind]);
    bm_inject_reset(&s->core);
    bm_reset_config(s, kind);
    bm_show_status(s);
    bm_heed_config(s);
    /* The PCI core is about to clear Command and Status. */
    bm_core_set_master(&s->core, false);
}

static bool bm_in_d0(PCIDevice *pdev)
{
    return !(pci_get_word(pdev->config + pdev->pm_cap + PCI_PM_CTRL) &
             PCI_PM_CTRL_STATE_MASK);
}

static uint32_t bm_read_config(PCIDevice *pdev, uint32_t addr, int len)
{
    bm_show_status(BUSMASTER(pdev));
    return pci_default_read_config(pdev, addr, len);
}

static void bm_write_config(PCIDevice *pdev, uint32_t addr, uint32_t value,
                            int len)
{
    BusmasterState *s = BUSMASTER(pdev);
    bool was_in_d0 = bm_in_d0(pdev), in_d0;

    bm_show_status(s);
    pci_default_write_config(pdev, addr, value, len);
    if (!DEVICE(pdev)->realized) {
        /* A message that was masked has unplugged it. */
        return;
    }
    in_d0 = bm_in_d0(pdev);
    pcie_aer_write_config(pdev, addr, value, len);
    pcie_cap_flr_write_config(pdev, addr, value, len);
    if (was_in_d0 != in_d0) {
        trace_busmaster_power(in_d0 ? "D0" : "D3hot");
    }
    if (was_in_d0 && !in_d0) {
        bm_stop(&s->core, "D3hot");
    } else if (!was_in_d0 && in_d0) {
        /* No_Soft_Reset is 0. */
        s->waking = true;
        pci_device_reset(pdev);
        s->waking = false;
    }
    bm_heed_config(s);
}

/* The link's two ends agree on what both can do. */
static void bm_negotiate(BusmasterState *s)
{
    PCIDevice *pdev = PCI_DEVICE(s);
    BmTiming *t = &s->core.timing;
    PCIESlot *port;

    t->rate = t->speed;
    t->lanes = t->link_width;
    if (pci_bus_is_root(pci_get_bus(pdev))) {
        return;
    }
    port = (PCIESlot *)object_dynamic_cast(
        OBJECT(pci_bridge_get_device(pci_get_bus(pdev))), TYPE_PCIE_SLOT);
    if (port) {
        t->rate = MAX(MIN(t->rate, port->speed), 1);
        t->lanes = MAX(MIN(t->lanes, port->width), 1);
    }
    pcie_cap_fill_link_ep_usp(pdev, t->link_width, t->speed);
    pci_word_test_and_clear_mask(pdev->config + BM_EXP_OFFSET + PCI_EXP_LNKSTA,
                                 PCI_EXP_LNKSTA_CLS | PCI_EXP_LNKSTA_NLW);
    pci_word_test_and_set_mask(pdev->config + BM_EXP_OFFSET + PCI_EXP_LNKSTA,
                               BM_PREP(PCI_EXP_LNKSTA_CLS, t->rate) |
                               BM_PREP(PCI_EXP_LNKSTA_NLW, t->lanes));
}

/* Capabilities at fixed places: none of these can fail. */
static void bm_init_capabilities(PCIDevice *pdev)
{
    /* Poisoned data is a parity error. */
    pci_word_test_and_set_mask(pdev->wmask + PCI_COMMAND, PCI_COMMAND_PARITY);

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
    pci_set_word(pdev->config + BM_EXP_OFFSET + PCI_EXP_DEVCTL,
                 BM_PREP(PCI_EXP_DEVCTL_READRQ, BM_MRRS_CODE_RESET));
}

/*
 * Every message of MSI-X passes here when it is sent, one that was masked
 * before as well. It is a memory write: it needs bus mastering as any other,
 * and a function in D3hot sends nothing, be it raised before or unmasked then.
 */
static void bm_send_message(PCIDevice *pdev, MSIMessage msg)
{
    BusmasterState *s = BUSMASTER(pdev);

    if (!(pci_get_word(pdev->config + PCI_COMMAND) & PCI_COMMAND_MASTER) ||
        !bm_in_d0(pdev)) {
        trace_busmaster_message_lost(msg.address, msg.data);
        return;
    }
    trace_busmaster_message(msg.address, msg.data);
    bm_irq_sent(&s->core);
    s->send_message(pdev, msg);
}

static void bm_notify(BmCore *core, unsigned vector)
{
    BusmasterState *s = container_of(core, BusmasterState, core);

    msix_notify(PCI_DEVICE(s), vector);
}

/* No vector's table entry, and no mask, has a say in this. */
static void bm_send(BmCore *core, uint64_t addr, uint32_t data)
{
    BusmasterState *s = container_of(core, BusmasterState, core);
    MSIMessage msg = { .address = addr, .data = data };

    bm_send_message(PCI_DEVICE(s), msg);
}

/*
 * Whether it is masked, how severe it is and whether that is told to the root
 * port above is the PCI core's affair. A message may unplug the function.
 */
static void bm_report(BmCore *core, bool correctable, uint32_t errors)
{
    PCIDevice *pdev = PCI_DEVICE(container_of(core, BusmasterState, core));

    while (errors && !core->gone && bm_in_d0(pdev)) {
        PCIEAERErr err = {
            .status = errors & -errors,
            .source_id = pci_requester_id(pdev),
            .flags = correctable ? PCIE_AER_ERR_IS_CORRECTABLE : 0,
        };

        if (!correctable && err.status == PCI_ERR_UNC_POISON_TLP) {
            /* The command fails, the device goes on: it is dealt with. */
            err.flags = PCIE_AER_ERR_MAYBE_ADVISORY;
        }
        pcie_aer_inject_error(pdev, &err);
        errors &= errors - 1;
    }
}

static const BmFunctionOps bm_function_ops = {
    .notify = bm_notify,
    .send = bm_send,
    .report = bm_report,
};

static void busmaster_realize(PCIDevice *pdev, Error **errp)
{
    BusmasterState *s = BUSMASTER(pdev);
    BmCore *core = &s->core;
    unsigned vector;

    if (core->queues) {
        error_setg(errp, "busmaster was unplugged, must be made anew");
        return;
    }
    if (!bm_properties_check(core, errp) ||
        !memory_region_init_ram(&s->mem, OBJECT(s), "busmaster.mem",
                                core->mem_size, errp)) {
        return;
    }
    bm_init_capabilities(pdev);
    bm_negotiate(s);
    if (msix_init_exclusive_bar(pdev, core->num_queues + 1, BM_BAR_MSIX,
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
    for (vector = 0; vector <= core->num_queues; vector++) {
        msix_vector_use(pdev, vector);
    }

    bm_core_init(core, DEVICE(pdev), pci_get_address_space(pdev), &s->mem,
                 &bm_function_ops);
    pci_register_bar(pdev, BM_BAR_REGS, PCI_BASE_ADDRESS_MEM_TYPE_64,
                     &core->regs);
    /* The BAR is an alias, so that the memory itself stays at address 0. */
    memory_region_init_alias(&s->mem_bar, OBJECT(s), "busmaster.mem-bar",
                             &s->mem, 0, core->mem_size);
    pci_register_bar(pdev, BM_BAR_MEM, PCI_BASE_ADDRESS_MEM_TYPE_64 |
                     PCI_BASE_ADDRESS_MEM_PREFETCH, &s->mem_bar);
    s->new_config = g_memdup2(pdev->config, pci_config_size(pdev));
    bm_heed_config(s);
}

static void busmaster_exit(PCIDevice *pdev)
{
    BusmasterState *s = BUSMASTER(pdev);

    bm_core_exit(&s->core);
    /* Its name is free for the next one in this slot. */
    vmstate_unregister_ram(&s->mem, DEVICE(pdev));
    msix_unuse_all_vectors(pdev);
    pcie_aer_exit(pdev);
    msix_uninit_exclusive_bar(pdev);
    pcie_cap_exit(pdev);
}

/* The PCI core says how messages are sent when all else is realized. */
static void busmaster_device_realize(DeviceState *dev, Error **errp)
{
    ERRP_GUARD();
    BusmasterState *s = BUSMASTER(dev);
    PCIDevice *pdev = PCI_DEVICE(dev);

    BUSMASTER_GET_CLASS(dev)->parent_realize(dev, errp);
    if (!*errp) {
        s->send_message = pdev->msi_trigger;
        pdev->msi_trigger = bm_send_message;
    }
}

/* Whether or not the device came to be. */
static void busmaster_finalize(Object *obj)
{
    g_free(BUSMASTER(obj)->new_config);
    bm_core_free(&BUSMASTER(obj)->core);
    bm_properties_finalize(&BUSMASTER(obj)->core);
}

static int bm_post_load(void *opaque, int version_id)
{
    bm_heed_config(opaque);
    return 0;
}

/*
 * AER is in configuration space: no log of several errors is kept besides.
 *
 * To load MSI-X unmasks vectors, as the PCI core sees it, and so may send a
 * message: the count of those comes after it.
 */
static const VMStateDescription vmstate_busmaster = {
    .name = TYPE_BUSMASTER,
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = bm_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT(core, BusmasterState, 1, vmstate_bm_shape, BmCore),
        VMSTATE_PCI_DEVICE(parent_obj, BusmasterState),
        VMSTATE_MSIX(parent_obj, BusmasterState),
        VMSTATE_STRUCT(core, BusmasterState, 1, vmstate_bm_core, BmCore),
        VMSTATE_END_OF_LIST()
    },
};

static void busmaster_class_init(ObjectClass *klass, BmClassData *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);
    ResettableClass *rc = RESETTABLE_CLASS(klass);
    BusmasterClass *bc = BUSMASTER_CLASS(klass);

    k->realize = busmaster_realize;
    k->exit = busmaster_exit;
    k->config_read = bm_read_config;
    k->config_write = bm_write_config;
    k->vendor_id = BM_PCI_VENDOR_ID;
    k->device_id = BM_PCI_DEVICE_ID;
    k->revision = BM_VERSION_MAJOR;
    k->class_id = BM_PCI_CLASS >> 8;
    rc->phases.hold = bm_reset_hold;
    dc->desc = "PCI Express DMA engine";
    dc->vmsd = &vmstate_busmaster;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    device_class_set_parent_realize(dc, busmaster_device_realize,
                                    &bc->parent_realize);
    bm_properties_class_init(klass);
}

static const TypeInfo busmaster_info = {
    .name = TYPE_BUSMASTER,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(BusmasterState),
    .instance_finalize = busmaster_finalize,
    .class_size = sizeof(BusmasterClass),
    .class_init = busmaster_class_init,
    .interfaces = (BmInterface[]) {
        { INTERFACE_PCIE_DEVICE },
        { }
    },
};

static void busmaster_register_types(void)
{
    type_register_static(&busmaster_info);
}

type_init(busmaster_register_types)
