# SPDX-License-Identifier: GPL-2.0-only
# A device that never gets ready, nor after a function-level reset, since QEMU's property arms
# the fault anew: the driver gives it up and keeps it off the bus.
. /bm/guest/lib.sh
. /bm/guest/steps.sh

given_up() {
	klog_allow "busmaster" "the device never gets ready"
	klog_mark
	insmod /bm/busmaster.ko || return 1
	klog_since "busmaster.*had a function-level reset" || fail "no function-level reset" || return 1
	klog_since "busmaster.*does not start .*not used any more" || fail "not given up" || return 1
	klog_end
	[ ! -e /dev/busmaster0 ] || fail "/dev/busmaster0 is there" || return 1
	same "bus mastering" $((0x$(setpci -s "$pci" COMMAND) & 4)) 0
}

before_load
check "a device that never gets ready is given up, with bus mastering off" given_up
after_unload
