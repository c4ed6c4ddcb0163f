# SPDX-License-Identifier: GPL-2.0-only
# The kernel copies through bounce buffers, so data is only right if map, unmap and sync are:
# without an IOMMU, a device of 32-bit DMA needs them in a guest with more memory than that.
# With swiotlb=force on the command line each mapping is one: the device never sees a user's page.
. /bm/guest/lib.sh
. /bm/guest/steps.sh

forced() { grep -qw swiotlb=force /proc/cmdline; }

memory_above_4g() {
	awk '/^MemTotal/ { print; exit $2 < 5 * 1024 * 1024 }' /proc/meminfo
}

before_load
forced || check "the guest has memory above 4 GiB" memory_above_4g
check "the module loads" load
check "there is no IOMMU" not_translated
forced || check "the device has 32-bit DMA" same dma_bits "$(attribute dma_bits)" 32
run verify verify -n "$transfers" -p 4
check "bounce buffers were used" bounced
run args args
after_unload
