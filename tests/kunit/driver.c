// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: the driver's code under test, compiled into the test module.
 *
 * The very files that busmaster.ko is made of, all but those that need a PCI bus or
 * an open file: main.c, state.c, vectors.c, cdev.c, ioctl.c and sysfs.c; and fence.c and
 * params.c, which tests look into. What they would provide, fake.c does.
 * dmaengine.c is in dmaengine_client.c, as not every kernel has the core that it needs.
 *
 * What some of them call is taken to fake.c: it lets the fake device act before and
 * after the driver looks at a completion ring, as real ones do, reads of registers and
 * mappings fail, functions be reset and lose their configuration, clocks show what a test wants,
 * and processes go on.
 */
#define NOTRACE /* the events of busmaster.ko are the only ones */
#include <linux/dma-mapping.h>

#include "fake.h"

#include "../../drivers/ring.c"
#include "../../drivers/work.c"

#define bm_cq_pop fake_cq_pop
#define bm_cq_dry fake_cq_dry
#undef readq
#define readq fake_readq
#include "../../drivers/hw.c"
#undef readq
#include "../../drivers/reap.c"
#undef bm_cq_pop
#undef bm_cq_dry
#include "../../drivers/queue.c"
#include "../../drivers/request.c"
#include "../../drivers/flight.c"
#include "../../drivers/abort.c"

#define dma_map_sgtable fake_dma_map_sgtable
#define dma_unmap_sgtable fake_dma_unmap_sgtable
#include "../../drivers/mem.c"
#undef dma_map_sgtable
#undef dma_unmap_sgtable

#define pcie_reset_flr fake_pcie_reset_flr
#define pci_load_saved_state fake_pci_load_saved_state
#define pci_restore_state fake_pci_restore_state
#define pci_save_state fake_pci_save_state
#define pci_store_saved_state fake_pci_store_saved_state
#define pci_clear_master fake_pci_clear_master
#define pci_device_is_present fake_pci_device_is_present
#define pci_bus_address fake_pci_bus_address
#define pci_read_config_dword fake_pci_read_config_dword
#define pci_read_config_word fake_pci_read_config_word
#define pci_write_config_dword fake_pci_write_config_dword
#include "../../drivers/reset.c"
#undef pcie_reset_flr
#undef pci_load_saved_state
#undef pci_restore_state
#undef pci_save_state
#undef pci_store_saved_state
#undef pci_clear_master
#undef pci_device_is_present
#undef pci_bus_address
#undef pci_read_config_dword
#undef pci_read_config_word
#undef pci_write_config_dword

#define ktime_get_ns fake_ktime_get_ns
#include "../../drivers/clock.c"
#undef ktime_get_ns

#define kill_pid fake_kill_pid
#include "../../drivers/fault.c"
#undef kill_pid

#include "../../drivers/alarm.c"
#include "../../drivers/inspect.c"
#include "../../drivers/recover.c"
#include "../../drivers/error.c"
#include "../../drivers/power.c"
#include "../../drivers/plug.c"
#include "../../drivers/prepare.c"
#ifdef CONFIG_BUSMASTER_DMABUF
#include "../../drivers/import.c"
#endif
#include "../../drivers/io.c"
#include "../../drivers/coalesce.c"
#include "../../drivers/dump.c"
#include "../../drivers/debugfs.c"
