# SPDX-License-Identifier: GPL-2.0-only
# The device is pulled: orderly, and by surprise, idle and with commands in flight; and the slot is filled again. Who
# has it open, mapped and polled is told. Of bm.slots= "acpi" the firmware does it, else PCI Express.
. /bm/guest/lib.sh
. /bm/guest/steps.sh
. /bm/guest/faults.sh
. /bm/guest/day.sh
. /bm/guest/monitor.sh

# hold: somebody has it open, mapped and polled
held() { grep -q holds /tmp/held; }
hold() {
	rm -f /tmp/held # the last one's
	holder 60 >/tmp/held 2>&1 &
	holder_pid=$!
	wait_for 10 held
}

# told: what there is to be told has been; nothing of the device is left
told() {
	wait $holder_pid
	told_status=$?
	cat /tmp/held
	[ $told_status = 0 ] || return 1
	wait_for 20 [ ! -e "$function" ] || fail "the function is still there" || return 1
	[ ! -e /dev/busmaster0 ] || fail "the node is still there"
}

# --- the ways to go ---

by_monitor() { monitor device_del bm0; }
by_slot() { echo 0 >"/sys/bus/pci/slots/$slot/power"; }

# --- and what is seen of it ---

# idle WAY BACK
idle() { hold && "$1" && told && nothing_pinned_soon && "$2"; }

# busy WAY BACK: what is in flight ends with an error, or without, but it ends
busy() {
	busy_begin --continue_on_error=all --verify_fatal=0 || return 1
	echo "$(in_flight) in flight"
	hold && "$1" || return 1
	told
	busy_told=$?
	busy_gone || return 1
	wait $busy_pid
	[ $busy_told = 0 ] && nothing_pinned_soon && "$2"
}

# lost WAY BACK: the device is dead until it is found anew; who writes is told, and then everybody
lost() {
	busy_begin --continue_on_error=all --verify_fatal=0 || return 1
	echo "$(in_flight) in flight"
	hold && power_lost
	one_write
	echo "a write says $result"
	[ "$result" != ok ] && wait_for 30 grep -q gone /tmp/held || fail "nobody is told" || return 1
	power_returns
	busy_gone || return 1
	by_remove && told && nothing_pinned_soon && "$1"
}

# waited_for WAY BACK: it goes while somebody's reset waits for what is in flight, which would take a minute
waited_for() {
	arm hang always || return 1
	one_write &
	waited_write=$!
	sleep 1
	announced &
	waited_reset=$!
	sleep 1
	"$1"
	wait_for 20 [ ! -e "$function" ] || fail "the function is still there" || return 1
	wait $waited_write $waited_reset
	"$2"
}

each() {
	for _ in $(seq "$BM_pulls"); do
		"$@" || return 1
	done
}

# whose_locks: lockdep has nothing to say but of the two locks of pciehp_unconfigure_device(), which lets go of the one and takes
# it again with the other held. That is the kernel's own. It says so once, and looks at nothing from then on.
whose_locks() {
	whose=$(dmesg | grep -oE -e '-> #[0-9]+ \([^)]*' | sed 's/.*(//' | sort | tr '\n' ' ')
	[ -z "$whose" ] || same "locks" "$whose" "&ctrl->reset_lock pci_rescan_remove_lock "
}

before_load
slot=$(ls /sys/bus/pci/slots | head -n 1)
klog_allow "busmaster" "it goes"
check "the module loads" load timeout_ms=4000
check "orderly, by sysfs, idle" idle by_remove scan
check "orderly, by sysfs, with $many commands in flight" each busy by_remove scan
if [ "$BM_slots" != acpi ]; then
	check "power is lost, and nobody is told: the next command finds out" each lost scan
	klog_allow "possible circular locking|Call Trace" "of pciehp's own locks, as is looked at below"
fi
check "orderly, by the monitor, idle" idle by_monitor plug
check "lockdep has nothing to say of the driver" whose_locks
klog_end
klog_allow "busmaster" "it goes"
check "orderly, by the monitor, with $many commands in flight" each busy by_monitor plug
if [ "$BM_slots" != acpi ]; then
	check "orderly, by the slot's power, with $many commands in flight" each busy by_slot plug
	check "by surprise, idle" idle by_surprise plug
	check "by surprise, with $many commands in flight" each busy by_surprise plug
	check "the module unloads" unload
	check "the module loads" load timeout_ms=60000
	check "by surprise, while a reset waits for what hangs" waited_for by_surprise plug
fi
after_unload
klog_end
