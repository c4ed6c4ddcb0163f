# SPDX-License-Identifier: GPL-2.0-only
# Without an IOMMU: the device as a file, random transfers on all queues, what they cost in
# memory; bus mastering taken away and given back.
. /bm/guest/lib.sh
. /bm/guest/steps.sh
. /bm/guest/allocations.sh

dd if=/dev/urandom of=/tmp/out bs=4k count=4 2>/dev/null

# Moves some bytes there and back, in one command each way.
small_transfer() {
	dd if=/tmp/out of=/dev/busmaster0 bs=16k count=1 conv=notrunc &&
		dd if=/dev/busmaster0 of=/tmp/in bs=16k count=1 &&
		cmp /tmp/out /tmp/in
}

# io_error IF OF: a transfer that fails, with EIO
io_error() {
	if dd if="$1" of="$2" bs=16k count=1 conv=notrunc 2>/tmp/error; then
		fail "the transfer succeeded" || return 1
	fi
	grep "error" /tmp/error
	grep -q "Input/output error" /tmp/error
}

# The bus master enable bit alone: off, one transfer, on again.
bus_mastering_off() {
	klog_expect "busmaster.*refused" "bus mastering is off"
	klog_allow "busmaster.*reset" "and the driver recovers"
	klog_mark
	setpci -s "$pci" COMMAND=0:4
	io_error /tmp/out /dev/busmaster0 || bus_failed=1
	setpci -s "$pci" COMMAND=4:4
	wait_for 5 small_transfer >/dev/null 2>&1 || bus_failed=1
	klog_since "busmaster.*refused" || bus_failed=1
	klog_end
	[ -z "$bus_failed" ]
}

before_load
check "the module loads" load timeout_ms=4000
check "there is no IOMMU" not_translated
run attributes attributes
run args args
run mapping mapping
run verify verify -n "$transfers" -p 4
check "4 KiB at depth 1, by read, write and io_uring: nothing is allocated" nothing_allocated
check "the trace that says so sees allocations" allocation_seen
check "every queue raised interrupts" every_queue_interrupts
check "bus mastering off: EIO and a message; on again: it works" bus_mastering_off
check "no bounce buffers were used" not_bounced
after_unload
