/*
 * busmaster qtests: what is between the CPU and the device: ports, ECAM
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "harness.h"

#define BM_ECAM             0xb0000000ull
#define BM_Q35_PCIEXBAR     0x60

/* Below the root port is bus 1, and the window that bm_attach() is given. */
void bm_open_port(BmDev *d, int port)
{
    QPCIBus *bus = d->bus;

    bus->config_writeb(bus, port, PCI_SECONDARY_BUS, 1);
    bus->config_writeb(bus, port, PCI_SUBORDINATE_BUS, 1);
    bus->config_writew(bus, port, PCI_MEMORY_BASE, 0xe000);
    bus->config_writew(bus, port, PCI_MEMORY_LIMIT, 0xe7f0);
    bus->config_writew(bus, port, PCI_COMMAND,
                       PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

/* Below a port that heeds its own registers, not ACPI. */
BmDev *bm_start_below(const char *args, const void *worker, const char *props)
{
    g_autofree char *device = bm_device(worker, "\"bus\":\"rp\"", props);
    BmDev *d;

    d = bm_new(qtest_initf("-M q35 -m 256M -nodefaults -global "
                           "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off "
                           "-device pcie-root-port,id=rp,chassis=1,slot=1,"
                           "addr=05.0 %s %s", args, device));
    bm_open_port(d, BM_PORT);
    bm_attach(d, BM_BELOW, BM_PCI_WINDOW);
    return d;
}

/* Where memory accesses reach configuration space, all 4 KiB of a function. */
uint64_t bm_ecam(BmDev *d, int devfn, unsigned offset)
{
    d->bus->config_writel(d->bus, 0, BM_Q35_PCIEXBAR, BM_ECAM | 1);
    return BM_ECAM + (uint64_t)devfn * 4096 + offset;
}

/* Where a write of BM_SLOT_OFF unplugs what is below that port. */
uint64_t bm_slot_control(BmDev *d)
{
    QPCIDevice port = { .bus = d->bus, .devfn = BM_PORT };
    uint8_t at = qpci_find_capability(&port, PCI_CAP_ID_EXP, 0);

    return bm_ecam(d, BM_PORT, at + PCI_EXP_SLTCTL);
}

void bm_assert_unplugged(BmDev *d)
{
    qtest_qmp_eventwait(d->qts, "DEVICE_DELETED");
    g_assert_cmphex(qpci_config_readl(d->pci, PCI_VENDOR_ID), ==, 0xffffffff);
}
