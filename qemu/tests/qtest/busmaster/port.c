/*
 * busmaster qtests: what is between the device and the CPU: ports, ECAM, VT-d
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "harness.h"

#define BM_ECAM             0xb0000000ull
#define BM_Q35_PCIEXBAR     0x60

#define BM_VTD              0xfed90000ull
#define BM_VTD_GCMD         0x18
#define BM_VTD_GSTS         0x1c
#define BM_VTD_RTADDR       0x20
#define BM_VTD_GCMD_SRTP    (1u << 30)
#define BM_VTD_GCMD_TE      (1u << 31)

/* Have one window, below 4 GiB, lead to buses @first to @last. */
void bm_open_bridge(BmDev *d, int bridge, uint8_t first, uint8_t last,
                    uint64_t base, uint64_t size)
{
    QPCIBus *bus = d->bus;

    bus->config_writeb(bus, bridge, PCI_SECONDARY_BUS, first);
    bus->config_writeb(bus, bridge, PCI_SUBORDINATE_BUS, last);
    bus->config_writew(bus, bridge, PCI_MEMORY_BASE, base >> 16);
    bus->config_writew(bus, bridge, PCI_MEMORY_LIMIT, (base + size - 1) >> 16);
    bus->config_writew(bus, bridge, PCI_PREF_MEMORY_BASE,
                       PCI_PREF_RANGE_MASK & 0xffff);
    bus->config_writew(bus, bridge, PCI_PREF_MEMORY_LIMIT, 0);
    bus->config_writew(bus, bridge, PCI_COMMAND,
                       PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

/* Below the root port is bus 1, and the window that bm_attach() is given. */
void bm_open_port(BmDev *d, int port)
{
    bm_open_bridge(d, port, 1, 1, BM_PCI_WINDOW, 128 * MiB);
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
uint64_t bm_port_slot_control(BmDev *d, int devfn)
{
    QPCIDevice port = { .bus = d->bus, .devfn = devfn };
    uint8_t at = qpci_find_capability(&port, PCI_CAP_ID_EXP, 0);

    return bm_ecam(d, devfn, at + PCI_EXP_SLTCTL);
}

uint64_t bm_slot_control(BmDev *d)
{
    return bm_port_slot_control(d, BM_PORT);
}

/* What VT-d is asked to do: translate by the table at @root, or by none. */
void bm_vtd_enable(BmDev *d, uint64_t root)
{
    qtest_writeq(d->qts, BM_VTD + BM_VTD_RTADDR, root);
    qtest_writel(d->qts, BM_VTD + BM_VTD_GCMD, BM_VTD_GCMD_SRTP);
    qtest_writel(d->qts, BM_VTD + BM_VTD_GCMD, BM_VTD_GCMD_TE);
    g_assert_cmphex(qtest_readl(d->qts, BM_VTD + BM_VTD_GSTS) &
                    BM_VTD_GCMD_TE, !=, 0);
}

void bm_assert_unplugged(BmDev *d)
{
    qtest_qmp_eventwait(d->qts, "DEVICE_DELETED");
    g_assert_cmphex(qpci_config_readl(d->pci, PCI_VENDOR_ID), ==, 0xffffffff);
}
