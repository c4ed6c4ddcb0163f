# SPDX-License-Identifier: GPL-2.0-only
# What only the host can do: QEMU's monitor is on ttyS2 of guests with monitor=True. Sourced after lib.sh.

monitor_line=/dev/ttyS2
stty -F $monitor_line raw -echo 115200
cat $monitor_line >/tmp/monitor &

# monitor COMMAND...: one of QEMU's human monitor; what it answers is in /tmp/monitor
monitor() {
	: >/tmp/monitor
	echo "$*" >$monitor_line
}

# from_device ERROR: the device finds one, which has QEMU's name for it
from_device() { monitor pcie_aer_inject_error bm0 "$1"; }

# plug: the slot has a device again, which works. QEMU may yet have to let go of the last one, when the kernel has.
plugged="busmaster,bus=rp,id=bm0,x-fault-injection=on,mem-size=4M"
plug() {
	for _ in 1 2 3 4 5; do
		monitor device_add "$plugged"
		wait_for 8 [ -c /dev/busmaster0 ] && break
	done
	filled || fail "$(cat /tmp/monitor)"
}
