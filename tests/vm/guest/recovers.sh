# SPDX-License-Identifier: GPL-2.0-only
# The PCI core's part in a recovery is not the same in each kernel: each kind once, with much in flight.
. /bm/guest/lib.sh
. /bm/guest/steps.sh
. /bm/guest/faults.sh
. /bm/guest/day.sh
. /bm/guest/monitor.sh

# after_error SEVERITY ERROR: the device has one, and works afterwards
after_error() {
	after_before=$(attribute "errors/bus_$1")
	busy_begin --continue_on_error=all --verify_fatal=0 || return 1
	klog_mark
	from_device "$2"
	wait_for 60 grown "errors/bus_$1" "$after_before" attribute "errors/bus_$1" 2>/dev/null
	[ "$1" = correctable ] || wait_for 60 recovered 2>/dev/null
	busy_kill -INT
	grown "errors/bus_$1" "$after_before" attribute "errors/bus_$1" || return 1
	[ "$1" = correctable ] || recovered || return 1
	works
}

# pulled HOW WAY BACK
pulled() {
	busy_begin --continue_on_error=all --verify_fatal=0 || return 1
	"$1"
	wait_for 20 [ ! -e "$function" ] || fail "the function is still there" || return 1
	busy_gone || return 1
	"$2"
}

sleeps() {
	setting autosuspend_delay_ms 300 && setting control auto && reset_asleep || return 1
	echo 1 >"$function/reset" && works && setting control on
}

klog_allow "busmaster" "what is told of errors is looked at in counters"
check "the module loads" load timeout_ms=4000
check "a correctable error" after_error correctable RCVR
check "a non-fatal one" after_error nonfatal COMP_TIME
check "a fatal one" after_error fatal DLP
check "it sleeps, its port resets it, it wakes up" sleeps
check "pulled orderly" pulled by_remove scan
check "pulled by surprise" pulled by_surprise plug
klog_end
unloads
