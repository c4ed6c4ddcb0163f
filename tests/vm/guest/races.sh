# SPDX-License-Identifier: GPL-2.0-only
# What ends the use of a device, all at the same time and in any order: function resets by
# sysfs, the driver's own resets and function resets for faults on demand, unbinds, and files
# that are opened and used meanwhile. Behind VT-d, by a device that is not told of refused writes.
. /bm/guest/lib.sh
. /bm/guest/steps.sh
. /bm/guest/faults.sh

race=$BM_race # seconds
faulty="tag-range reset-ignore hang fatal enable-ignore halt cqe-drop reads-ones cqe-tear"

racing() { [ -e /tmp/racing ]; }

# again NAME: goes on until the race is over, and tells in a file how often that was
again() {
	again_count=0
	while racing; do
		"$1" && again_count=$((again_count + 1))
	done 2>/dev/null >/dev/null
	echo "$again_count" >"/tmp/done.$1"
}

# They have their files open when the device goes, and fail.
users() { verify -n 100 -p 2 || :; }

function_resets() {
	usleep 400000
	echo 1 >"/sys/bus/pci/devices/$pci/reset"
}

# Another one each time
faults_armed() {
	usleep 100000
	faulty="${faulty#* } ${faulty%% *}"
	arm "${faulty%% *}" 1
}

unbinds() {
	sleep 2
	echo "$pci" >$driver/unbind
	echo "$pci" >$driver/bind
}

racers="users function_resets faults_armed unbinds"

raced() {
	touch /tmp/racing
	for racer in $racers; do
		again "$racer" &
	done
	sleep "$race"
	rm /tmp/racing
	wait
	for racer in $racers; do
		[ "$(cat "/tmp/done.$racer")" -gt 0 ] || fail "$racer: never done" || return 1
	done
}

# Faults that are still armed end with a function reset. The module has its usual patience then.
anew() { echo 1 >"/sys/bus/pci/devices/$pci/reset" && unload && load; }

before_load
check "the module loads" load timeout_ms=200
check "a refused write is told to nobody: it succeeds, and the IOMMU's driver alone knows" unnoticed
klog_allow "busmaster" "what comes of all that is not the same twice"
check "resets, faults, unbinds and users at once, for $race seconds" raced
check "the module loads anew" anew
klog_end
run "verify after that" verify -n "$healthy" -p 4
[ ! -e $debug/kcsan ] || check "KCSAN has watched" grep "^setup_watchpoints: [1-9]" $debug/kcsan
after_unload
