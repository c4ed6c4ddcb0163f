# SPDX-License-Identifier: GPL-2.0-only
# What ends a device's life early while io_uring keeps requests in flight that nobody
# waits for in a system call: resets, an owner who is killed, an unbind. Behind VT-d.
. /bm/guest/lib.sh
. /bm/guest/steps.sh
. /bm/guest/faults.sh

# busy SECONDS: two processes, 32 requests each, and no error ends them
busy() {
	fio --name=busy --filename=/dev/busmaster0 --allow_file_create=0 --filesize=64m --rw=randrw --bsrange=512-256k --ioengine=io_uring \
		--iodepth=32 --numjobs=2 --direct=1 --time_based --runtime="$1" --continue_on_error=all \
		--group_reporting >/tmp/busy.log 2>&1
}

in_flight() {
	in_flight_before=$(attribute stats/commands)
	[ "$in_flight_before" -gt "${in_flight_last:-0}" ] && in_flight_last=$in_flight_before
}

# start_busy: in the background, until it moves data
start_busy() {
	busy 60 &
	in_flight_last=$(attribute stats/commands)
	wait_for 20 in_flight || fail "fio does not begin: $(cat /tmp/busy.log)"
}

ended() { ! pidof fio; }

# end_busy SIGNAL: fio's children, which nobody waits for, may end a little later
end_busy() {
	killall "$1" fio
	wait
	wait_for 5 ended
}

works() { verify -n 20 -p 2; }

resets() {
	start_busy || return 1
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		echo 1 >"/sys/bus/pci/devices/$pci/reset" || return 1
		wait_for 5 in_flight || fail "nothing is submitted after a reset" || return 1
	done
	end_busy -INT
}

# The driver resets a device that lies at once, whatever else is on its way: the IOMMU's faults, in the kernel's log, tell
# if it is reached where memory was let go of before the device was silent.
lies() {
	start_busy || return 1
	for _ in 1 2 3 4 5; do
		lies_resets=$(attribute stats/resets)
		arm tag-range 1 || return 1
		wait_for 20 grown resets "$lies_resets" attribute stats/resets >/dev/null || fail "there is no reset" || return 1
		wait_for 5 in_flight || fail "nothing is submitted after a reset" || return 1
	done
	end_busy -INT
}

kills() {
	for _ in 1 2 3 4 5; do
		start_busy && end_busy -KILL || return 1
	done
	nothing_pinned_soon
}

unbinds() {
	start_busy || return 1
	echo "$pci" >$driver/unbind || return 1
	[ ! -e /dev/busmaster0 ] || fail "/dev/busmaster0 is still there" || return 1
	end_busy -INT
	nothing_pinned_soon
	echo "$pci" >$driver/bind && wait_for 5 [ -c /dev/busmaster0 ]
}

before_load
check "the module loads" load
check "10 function resets with requests in flight: all go on" resets
run "verify after the resets" works
klog_allow "busmaster" "a device that lies, and what is done about it"
check "5 resets of a device that lies, with requests in flight: nobody reaches what was let go of" lies
run "verify after that, too" works
check "5 owners killed with requests in flight: nothing stays pinned" kills
run "verify after that" works
for round in 1 2 3; do
	check "unbind $round with requests in flight: all end" unbinds
done
run "verify after the unbinds" works
klog_end
after_unload
