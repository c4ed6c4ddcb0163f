# SPDX-License-Identifier: GPL-2.0-or-later
# What our QEMU is made of besides the busmaster device: a q35 PC, the company that the
# device is tested in, and the devices that it is measured against.
CONFIG_Q35=y
CONFIG_VTD=y
CONFIG_AMD_IOMMU=y
CONFIG_VIRTIO_IOMMU=y
CONFIG_PCIE_PORT=y
CONFIG_XIO3130=y
CONFIG_PXB=y
CONFIG_CXL=y
CONFIG_CXL_MEM_DEVICE=y
CONFIG_SERIAL_ISA=y
CONFIG_ISA_DEBUG=y
CONFIG_NVME_PCI=y
CONFIG_E1000E_PCI_EXPRESS=y
CONFIG_IGB_PCI_EXPRESS=y
CONFIG_VIRTIO_PCI=y
CONFIG_VIRTIO_BLK=y
CONFIG_BUSMASTER=y
