# SPDX-License-Identifier: GPL-2.0-only
# All memory goes to a disk with much in flight, the machine is reset, and its kernel comes back with a device that has
# lost everything: its registers, its queues, and its memory, too. So what is in flight are reads.
. /bm/guest/lib.sh
. /bm/guest/steps.sh
. /bm/guest/faults.sh
. /bm/guest/day.sh

disk=/dev/nvme0n1 # the kernel's command line says so as well: resume=

has_swap() { mkswap $disk && swapon $disk && echo reboot >/sys/power/disk; }

hibernates() {
	hibernates_failures=$(attribute stats/failures)
	dd if=/dev/urandom of=/tmp/out bs=64k count=1 2>/dev/null
	dd if=/tmp/out of=/dev/busmaster0 bs=64k conv=notrunc 2>/dev/null && busy_begin --rw=randread --verify=0 || return 1
	echo "$(in_flight) in flight"
	echo disk >/sys/power/state || return 1
	busy_end || return 1
	same stats/failures "$(attribute stats/failures)" "$hibernates_failures" || return 1
	dd if=/dev/busmaster0 of=/tmp/in bs=64k count=1 2>/dev/null || return 1
	! cmp -s /tmp/out /tmp/in || fail "the machine was not reset: device memory is what it was" || return 1
	works
}

before_load
klog_allow "busmaster" "what is told of resets is looked at in counters"
check "there is a disk for all memory" has_swap
check "the module loads" load timeout_ms=4000
check "hibernation with $many commands in flight: nothing fails, and it works afterwards" hibernates
check "nothing of it was a reset that nobody announced" same errors/foreign_resets "$(attribute errors/foreign_resets)" 0
swapoff $disk
after_unload
klog_end
