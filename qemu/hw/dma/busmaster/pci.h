/*
 * busmaster: the PCI Express function
 *
 * What users make with "-device busmaster": a core, and what makes it a
 * function of a PCI Express device. No source of the core includes this.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DMA_BUSMASTER_PCI_H
#define HW_DMA_BUSMASTER_PCI_H

#include "hw/pci/pci_device.h"
#include "internal.h"

#define TYPE_BUSMASTER "busmaster"
OBJECT_DECLARE_TYPE(BusmasterState, BusmasterClass, BUSMASTER)

struct BusmasterState {
    PCIDevice parent_obj;

    BmCore core;
    MemoryRegion mem;
    MemoryRegion mem_bar;
    MSITriggerFunc *send_message; /* as the PCI core does it */
    uint8_t *new_config;    /* configuration space of a new function */
    bool waking;            /* it is being reset on its way to D0 */
};

struct BusmasterClass {
    PCIDeviceClass parent_class;

    DeviceRealize parent_realize;
};

/* properties.c: what users may set */
void bm_properties_class_init(ObjectClass *klass);
bool bm_properties_check(BmCore *s, Error **errp);
void bm_properties_finalize(BmCore *s);

#endif
