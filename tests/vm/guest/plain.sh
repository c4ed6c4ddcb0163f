# SPDX-License-Identifier: GPL-2.0-only
# Without an IOMMU: the device as a file, random transfers on all queues, bus mastering
# taken away and given back.
. /bm/guest/lib.sh
. /bm/guest/steps.sh

# Moves some bytes there and back, in one command each way.
small_transfer() {
	dd if=/dev/urandom of=/tmp/out bs=4k count=4 2>/dev/null &&
		dd if=/tmp/out of=/dev/busmaster0 bs=16k count=1 conv=notrunc &&
		dd if=/dev/busmaster0 of=/tmp/in bs=16k count=1 &&
		cmp /tmp/out /tmp/in
}

io_error() {
	dd if=/tmp/out of=/dev/busmaster0 bs=16k count=1 conv=notrunc 2>/tmp/error &&
		fail "the transfer succeeded" || grep "Input/output error" /tmp/error || {
		cat /tmp/error
		return 1
	}
}

# The bus master enable bit alone: off, one transfer, on again.
bus_mastering_off() {
	klog_expect "busmaster.*(refused|halted|not answered)" "bus mastering is off"
	klog_allow "busmaster.*(reset|works again)" "and the driver recovers"
	klog_mark
	setpci -s "$pci" COMMAND=0:4 &&
		! io_error && bus_failed=1
	setpci -s "$pci" COMMAND=4:4
	wait_for 5 small_transfer >/dev/null 2>&1 || bus_failed=1
	klog_since "busmaster.*(refused|halted|not answered)" || bus_failed=1
	klog_end
	[ -z "$bus_failed" ]
}

before_load
check "the module loads" load timeout_ms=1000
check "there is no IOMMU" not_translated
run attributes attributes
run args args
run mapping mapping
run verify verify -n "$transfers" -p 4
check "every queue raised interrupts" every_queue_interrupts
check "bus mastering off: EIO and a message; on again: it works" bus_mastering_off
check "no bounce buffers were used" not_bounced
after_unload
