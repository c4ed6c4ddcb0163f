# SPDX-License-Identifier: GPL-2.0-only
# What happens to a device on a working day: resets, announced or not, suspend, and stores
# through a mapping meanwhile. The device is below a port. Sourced after faults.sh.

function=/sys/bus/pci/devices/$pci
port=$(basename "$(dirname "$(readlink -f "$function")")")

busy_ended() { ! pidof fio >/dev/null; }
busy_kill() {
	arm cqe-delay 0
	killall "$1" fio
	wait_for 20 busy_ended || killall -KILL fio
	wait $busy_pid
	wait_for 10 busy_ended
}

announced() { echo 1 >"$function/reset"; }

suspended() { echo mem >/sys/power/state; }

# Nobody is told: the port resets what is below it.
reset_unannounced() {
	setpci -s "$port" BRIDGE_CONTROL=40:40 && usleep 10000 && setpci -s "$port" BRIDGE_CONTROL=0:40 && usleep 200000
}

# stores_during BUS-ERRORS COMMAND...
stores_during() {
	stores_errors=$1
	shift
	stores 4 "$stores_errors" >/tmp/stores &
	sleep 1
	"$@" || return 1
	wait $!
	stores_status=$?
	cat /tmp/stores
	return $stores_status
}
