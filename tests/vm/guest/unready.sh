# SPDX-License-Identifier: GPL-2.0-only
# A device that never gets ready, nor after a function-level reset, since QEMU's property arms
# the fault anew: the driver gives it up and keeps it off the bus.
. /bm/guest/lib.sh
. /bm/guest/steps.sh

# interrupted COMMAND...: its event interrupt comes meanwhile, and the driver asks itself for a reset
interrupted() {
	"$@" &
	while kill -0 $! 2>/dev/null; do
		irq=$(awk '$NF == "busmaster0" { sub(":", "", $1); print $1 }' /proc/interrupts)
		[ -z "$irq" ] || echo trigger >"$debug/irq/irqs/$irq" 2>/dev/null
		usleep 10000
	done
	wait $! || return 1
	klog_since "to be reset: it is not enabled any more" || fail "it did not ask for a reset"
}

# given_up COMMAND...: which loads the module
given_up() {
	klog_allow "busmaster" "the device never gets ready"
	klog_mark
	"$@" || return 1
	klog_since "busmaster.*had a function-level reset" || fail "no function-level reset" || return 1
	klog_since "busmaster.*does not start .*not used any more" || fail "not given up" || return 1
	! klog_since "completion refused" || fail "it has seen completions of queues that never ran" || return 1
	klog_end
	[ ! -e /dev/busmaster0 ] || fail "/dev/busmaster0 is there" || return 1
	same "bus mastering" $((0x$(setpci -s "$pci" COMMAND) & 4)) 0
}

before_load
check "a device that never gets ready is given up, with bus mastering off" given_up insmod /bm/busmaster.ko
check "the module unloads" unload
check "the same, while a reset is asked for" given_up interrupted insmod /bm/busmaster.ko
after_unload
