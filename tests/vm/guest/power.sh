# SPDX-License-Identifier: GPL-2.0-only
# A device that nobody uses sleeps, if the user lets it, and no wake-up is lost; and the system sleeps with much in flight.
# Device memory is kept by the one, and by this machine's S3, too.
. /bm/guest/lib.sh
. /bm/guest/steps.sh
. /bm/guest/faults.sh
. /bm/guest/day.sh

stays_awake() { sleep 2 && same status "$(cat "$power/runtime_status")" active; }

off_by_default() {
	same power/control "$(cat "$power/control")" on && same autosuspend_delay_ms "$(cat "$power/autosuspend_delay_ms")" 5000 || return 1
	setting autosuspend_delay_ms 700 && stays_awake
}

# wakes COMMAND...: from its sleep, and it goes back there. That may be before anybody has looked: so it is counted.
wakes() {
	asleep || return 1
	wakes_before=$(cat "$power/runtime_active_time")
	"$@" && grown "time awake" "$wakes_before" cat "$power/runtime_active_time" && asleep
}

a_write() { one_write && same "a write" "$result" ok; }
a_register() { attribute stats/mrd_tlps; }
an_injection() { arm irq-skip 0; }

# Stores look for themselves: none is lost, and the device is awake all the time.
mapped() {
	asleep || return 1
	stores_during 0 stays_awake && asleep
}

# memory_kept COMMAND...: through that
memory_kept() {
	dd if=/dev/urandom of=/tmp/out bs=64k count=1 2>/dev/null
	dd if=/tmp/out of=/dev/busmaster0 bs=64k conv=notrunc 2>/dev/null && "$@" || return 1
	dd if=/dev/busmaster0 of=/tmp/in bs=64k count=1 2>/dev/null && cmp /tmp/out /tmp/in
}

# A write comes at any time while it falls asleep, or sleeps, or wakes up. None of them hangs, or fails.
naps() {
	setting autosuspend_delay_ms 20
	naps_failures=$(attribute stats/failures) naps_seen=0
	for nap in $(seq "$BM_naps"); do
		usleep $((nap * 7919 % 60000))
		is active || naps_seen=$((naps_seen + 1))
		timeout 20 dd if=/dev/zero of=/dev/busmaster0 bs=4k count=1 conv=notrunc 2>/dev/null || fail "write $nap" || return 1
	done
	echo "it slept before $naps_seen of $BM_naps writes"
	setting autosuspend_delay_ms 700
	same stats/failures "$(attribute stats/failures)" "$naps_failures" && [ $naps_seen -gt 0 ]
}

gone_asleep() { asleep && echo 1 >"$function/remove" && echo 1 >/sys/bus/pci/rescan && wait_for 10 [ -c /dev/busmaster0 ]; }

# --- the system ---

# The clock wakes it. Where it does so before the system sleeps, the kernel has been told to stop at that; so it is tried
# again, with more time. What comes just before the system sleeps this QEMU loses, and nobody wakes it: so there are some
# seconds more than it takes on a busy host. And in S3 this QEMU forgets where its ACPI timer is.
s3_for() {
	echo 0 >/sys/class/rtc/rtc0/wakealarm
	s3_events=$(cat /sys/power/wakeup_count)
	echo "+$1" >/sys/class/rtc/rtc0/wakealarm
	echo "$s3_events" >/sys/power/wakeup_count && echo mem >/sys/power/state
}
s3() {
	echo deep >/sys/power/mem_sleep
	s3_for 8 || s3_for 20 || s3_for 60 || return 1
	setpci -s 00:1f.0 40.l=601 44.b=80
}

# All but the last step, from which only a key would wake it.
s2idle() {
	echo platform >/sys/power/pm_test && echo freeze >/sys/power/state || return 1
	echo none >/sys/power/pm_test
}

through_asleep() { asleep && "$1" && a_write && asleep; }

# through SLEEP: with much in flight; nothing fails, and what was written is there
through() {
	for _ in $(seq "$BM_sleeps"); do
		undisturbed "$1" || return 1
	done
	memory_kept "$1"
}

before_load
klog_allow "busmaster" "what is told of resets is looked at in counters"
klog_allow "PM: suspend entry" "it is asked for"
check "the module loads" load timeout_ms=4000
check "it does not sleep unless the user lets it" off_by_default
setting control auto
check "and then it does" asleep
check "a write wakes it" wakes a_write
check "a register wakes it" wakes a_register
check "an injection wakes it" wakes an_injection
check "while it is mapped it is awake" mapped
check "its memory stays" memory_kept asleep
check "$BM_naps writes while it falls asleep and wakes up" naps
check "reset by its port while it sleeps" reset_asleep
check "s2idle while it sleeps" through_asleep s2idle
check "S3 while it sleeps" through_asleep s3
setting control on
check "s2idle with $many commands in flight: nothing fails" through s2idle
check "S3 with $many commands in flight: nothing fails" through s3
setting control auto
check "removed while it sleeps" gone_asleep
check "what is found anew is awake" same power/control "$(cat "$power/control")" on
after_unload
klog_end
