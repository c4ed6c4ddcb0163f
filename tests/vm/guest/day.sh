# SPDX-License-Identifier: GPL-2.0-only
# What happens to a device on a working day: resets, announced or not, suspend, and stores
# through a mapping meanwhile; and fio that keeps much in flight. The device is below a port. Sourced after faults.sh.

function=/sys/bus/pci/devices/$pci
port=$(basename "$(dirname "$(readlink -f "$function")")")
many=32 # commands that are to be in flight when it happens
delay=400000 # microseconds that each of them takes: far more than it takes to look, and so few of them cost little

in_flight() {
	read -r in_flight_commands <$class/stats/commands && read -r in_flight_completions <$class/stats/completions &&
		echo $((in_flight_commands - in_flight_completions - unanswered))
}
enough_in_flight() { [ "$(in_flight)" -ge $many ]; }

# delayed: what is submitted from now on; a reset of the function forgets it
delayed() { arm cqe-delay "always:all:$delay"; }

# shellcheck disable=SC2120 # some have options
# busy_begin [OPTION...]: fio verifies what it writes, with much in flight, until it is killed
busy_begin() {
	unanswered=$(($(attribute stats/commands) - $(attribute stats/completions)))
	delayed
	fio --filename=/dev/busmaster0 --allow_file_create=0 --rw=randrw --bs=4k --iomem_align=4k --ioengine=io_uring --iodepth=32 --verify=crc32c \
		--time_based --runtime=3600 "$@" --name=one --filesize=1m --name=two --offset=1m --filesize=2m >/tmp/busy.log 2>&1 &
	busy_pid=$!
	wait_for 60 enough_in_flight && return
	echo "only $(in_flight) in flight"
	busy_kill -INT
	cat /tmp/busy.log
	return 1
}

# busy_end: nothing has ended it, and it has seen no error
busy_end() {
	kill -0 $busy_pid || fail "it has ended: $(cat /tmp/busy.log)" || return 1
	busy_kill -INT
	grep -E "err= *[1-9]|error=|verify: bad" /tmp/busy.log || return 0
	fail "$(cat /tmp/busy.log)"
}

busy_ended() { ! pidof fio >/dev/null; }
busy_kill() {
	arm cqe-delay 0
	killall "$1" fio
	wait_for 20 busy_ended || killall -KILL fio
	wait $busy_pid
	wait_for 10 busy_ended
}

# busy_gone: its device has gone, and so does it
busy_gone() {
	killall -INT fio 2>/dev/null
	wait_for 20 busy_ended || fail "fio hangs"
}

# undisturbed COMMAND...: with much in flight; of which nothing fails
undisturbed() {
	failures=$(attribute stats/failures)
	busy_begin || return 1
	for _ in 1 2; do
		wait_for 20 enough_in_flight && "$@" && delayed && continue
		echo "$(in_flight) in flight"
		busy_kill -KILL
		return 1
	done
	busy_end || return 1
	same stats/failures "$(attribute stats/failures)" "$failures"
}

announced() { echo 1 >"$function/reset"; }

suspended() { echo mem >/sys/power/state; }

# Nobody is told: the port resets what is below it.
reset_unannounced() {
	setpci -s "$port" BRIDGE_CONTROL=40:40 && usleep 10000 && setpci -s "$port" BRIDGE_CONTROL=0:40 && usleep 200000
}

# Power and LED off, with the port's interrupts masked, and on again: the port says that the card is not there.
by_surprise() {
	setpci -s "$port" CAP_EXP+18.w=700:720
	setpci -s "$port" CAP_EXP+18.w=120:720
}
filled() { wait_for 20 [ -c /dev/busmaster0 ] && verify -n 20 -p 2; }

# Away and back, by the kernel alone
by_remove() { echo 1 >"$function/remove"; }
scan() { echo 1 >/sys/bus/pci/rescan && filled; }

# The slot has no power, which nobody is told; until it returns.
power_lost() { setpci -s "$port" CAP_EXP+18.w=100:300 && setpci -s "$port" CAP_EXP+18.w=400:400; }
power_returns() { setpci -s "$port" CAP_EXP+18.w=0:400; }

# What the bus had an error of goes on: since klog_mark
recovered() { klog_since "device recovery successful" || fail "there is no recovery"; }

# --- a device that nobody uses sleeps ---

power=$function/power
setting() { echo "$2" >"$power/$1"; }
is() { [ "$(cat "$power/runtime_status")" = "$1" ]; }
asleep() { wait_for 10 is suspended || fail "it is $(cat "$power/runtime_status")"; }

# As if there had been no power at all: the port resets what is below it.
reset_asleep() { asleep && reset_unannounced && verify -n 50 -p 2 && asleep; }

# stores_during BUS-ERRORS COMMAND...: what is stored meanwhile is not lost unheard of
stores_during() {
	rm -f /tmp/stores
	stores "$1" >/tmp/stores &
	stores_pid=$!
	shift
	wait_for 10 [ -s /tmp/stores ] && "$@"
	stores_command=$?
	kill $stores_pid
	wait $stores_pid
	stores_status=$?
	cat /tmp/stores
	[ $stores_command = 0 ] && return $stores_status
}
