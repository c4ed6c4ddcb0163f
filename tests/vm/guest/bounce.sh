# SPDX-License-Identifier: GPL-2.0-only
# The kernel copies through bounce buffers, so data is only right if map, unmap and sync are.
# With swiotlb=force on the command line each mapping is one: the device never sees a user's page.
. /bm/guest/lib.sh
. /bm/guest/steps.sh

memory_above_4g() {
	awk '/^MemTotal/ { print; exit $2 < 4 * 1024 * 1024 }' /proc/meminfo
}

# There is no IOMMU to help, and the kernel is told to, or the device does not reach all memory.
must_bounce() {
	not_translated || fail "there is an IOMMU" || return 1
	grep -qw swiotlb=force /proc/cmdline && return
	memory_above_4g && same dma_bits "$(attribute dma_bits)" 32
}

# With all in use a mapping fails, and is tried again: that is nothing to be logged.
silent_when_full() { ! dmesg | grep "swiotlb buffer is full"; }

before_load
check "the module loads" load
check "there is a reason for bounce buffers" must_bounce
run verify verify -n "$transfers" -p 4
check "bounce buffers were used" bounced
check "none was left at times, and the kernel was not told of it" silent_when_full
run args args
after_unload
