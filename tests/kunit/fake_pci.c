// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: the PCI function of a device made of RAM, and its configuration space.
 */
#include <linux/dma-mapping.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "fake.h"

static void fake_release(struct device *dev)
{
	struct fake *fake = container_of(dev, struct fake, pdev.dev);

	kfree(fake->ram);
	kfree(fake);
}

/* Configuration space as the firmware or a restore leaves it; a restore may well do too much. */
static void fake_configure(struct fake *fake)
{
	u64 mem = fake->pdev.resource[BM_BAR_MEM].start;

	fake->config.bar[BM_BAR_REGS] = fake->pdev.resource[BM_BAR_REGS].start;
	fake->config.bar[BM_BAR_MEM] = lower_32_bits(mem) | PCI_BASE_ADDRESS_MEM_TYPE_64;
	fake->config.bar[BM_BAR_MEM + 1] = upper_32_bits(mem);
	fake->config.command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
}

/* As much of a PCI function as the DMA API and pci_resource_len() look at; in sysfs, for pools. */
void fake_function(struct kunit *test, struct fake *fake)
{
	struct pci_dev *pdev = &fake->pdev;

	pdev->dev.init_name = "busmaster-fake-pci";
	pdev->dev.release = fake_release;
	pdev->dev.dma_mask = &pdev->dma_mask;
	pdev->dma_mask = DMA_BIT_MASK(64);
	pdev->dev.coherent_dma_mask = DMA_BIT_MASK(64);
	pdev->dev.dma_parms = &pdev->dma_parms;
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);
	pdev->error_state = pci_channel_io_normal;
	pci_set_drvdata(pdev, &fake->bm);
	pdev->resource[BM_BAR_REGS] = DEFINE_RES_MEM(SZ_2G, BM_QUEUE_PAGE(FAKE_QUEUES));
	pdev->resource[BM_BAR_MEM] = DEFINE_RES_MEM(SZ_4G + SZ_2G, FAKE_MEM_SIZE);
	pdev->resource[BM_BAR_MEM].flags |= IORESOURCE_MEM_64;
	fake_configure(fake);
	KUNIT_ASSERT_EQ(test, 0, device_register(&pdev->dev));
}

/* What reset.c calls for pcie_reset_flr(): it may fail, or have effects. */
int fake_pcie_reset_flr(struct pci_dev *pdev, bool probe)
{
	struct fake *fake = container_of(pdev, struct fake, pdev);

	fake->flrs++;
	return fake->flr_error;
}

/* And to have configuration space as it was: that must be what probe has saved. */
int fake_pci_load_saved_state(struct pci_dev *pdev, struct pci_saved_state *state)
{
	struct fake *fake = container_of(pdev, struct fake, pdev);

	KUNIT_EXPECT_PTR_EQ(fake->test, state, fake->bm.config);
	return 0;
}

void fake_pci_restore_state(struct pci_dev *pdev)
{
	struct fake *fake = container_of(pdev, struct fake, pdev);

	fake->config.restores++;
	fake_configure(fake);
	if (fake->config.on_restore)
		fake->config.on_restore(fake);
}

int fake_pci_save_state(struct pci_dev *pdev)
{
	pdev->state_saved = true;
	return 0;
}

/* It is nobody's to look into. */
struct pci_saved_state *fake_pci_store_saved_state(struct pci_dev *pdev)
{
	struct fake *fake = container_of(pdev, struct fake, pdev);

	return fake->config.no_memory ? NULL : kzalloc(1, GFP_KERNEL);
}

void fake_pci_clear_master(struct pci_dev *pdev)
{
	container_of(pdev, struct fake, pdev)->config.command &= ~PCI_COMMAND_MASTER;
}

static bool fake_absent(struct fake *fake)
{
	return fake->config.absent || fake->config.late;
}

bool fake_pci_device_is_present(struct pci_dev *pdev)
{
	struct fake *fake = container_of(pdev, struct fake, pdev);

	if (fake->config.late)
		fake->config.late--;
	return !fake_absent(fake);
}

pci_bus_addr_t fake_pci_bus_address(struct pci_dev *pdev, int bar)
{
	return pci_resource_start(pdev, bar);
}

static u32 *fake_bar(struct fake *fake, int where)
{
	int bar = (where - PCI_BASE_ADDRESS_0) / 4;

	KUNIT_EXPECT_EQ(fake->test, where % 4, 0);
	KUNIT_ASSERT_GE(fake->test, bar, 0);
	KUNIT_ASSERT_LT(fake->test, bar, PCI_STD_NUM_BARS);
	return &fake->config.bar[bar];
}

int fake_pci_read_config_dword(struct pci_dev *pdev, int where, u32 *val)
{
	struct fake *fake = container_of(pdev, struct fake, pdev);

	*val = fake_absent(fake) ? U32_MAX : *fake_bar(fake, where);
	return 0;
}

int fake_pci_read_config_word(struct pci_dev *pdev, int where, u16 *val)
{
	struct fake *fake = container_of(pdev, struct fake, pdev);

	KUNIT_EXPECT_EQ(fake->test, where, PCI_COMMAND);
	*val = fake_absent(fake) ? U16_MAX : fake->config.command;
	return 0;
}

int fake_pci_write_config_dword(struct pci_dev *pdev, int where, u32 val)
{
	*fake_bar(container_of(pdev, struct fake, pdev), where) = val;
	return 0;
}
