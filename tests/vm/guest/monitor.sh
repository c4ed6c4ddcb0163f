# SPDX-License-Identifier: GPL-2.0-only
# What only the host can do: QEMU's monitor is on ttyS2 of guests with monitor=True, as programs use it: a line, and its
# answer, a line. Sourced after lib.sh.

monitor_line=/dev/ttyS2
stty -F $monitor_line raw -echo 115200
exec 3<>$monitor_line # kept open: what is on its way as a line is opened may be lost
cat <&3 >>/tmp/monitor &

# The kernel has looked what is at that line: the first byte ends what QEMU may have heard of that, with an error.
printf '\377{"execute": "qmp_capabilities"}\n' >&3
wait_for 20 grep -q '"return"' /tmp/monitor || echo "# no monitor: $(cat /tmp/monitor)"

# monitor COMMAND...: one of those for people; it is an error if the answer is. The answer is in /tmp/monitor
answered() { grep -qE '"(return|error)".*}' /tmp/monitor; }
monitor() {
	: >/tmp/monitor
	printf '{"execute": "human-monitor-command", "arguments": {"command-line": "%s"}}\n' "$*" >&3
	wait_for 20 answered || fail "no answer to $*" || return 1
	! grep -iE '"(return": "|)error' /tmp/monitor
}

# from_device ERROR: the device finds one, which has QEMU's name for it
from_device() { monitor pcie_aer_inject_error bm0 "$1"; }

# plug: the slot has a device again, which works. What QEMU adds before the port has let go of the last one, by power and
# by indicator, goes with that; and before QEMU itself has, it refuses.
slot_is_empty() { [ "$BM_slots" = acpi ] || [ $((0x$(setpci -s "$port" CAP_EXP+18.w) & 0x700)) = $((0x700)) ]; }
plugged="busmaster,bus=rp,id=bm0,x-fault-injection=on,mem-size=4M"
plug() {
	wait_for 20 slot_is_empty || fail "the port does not let go" || return 1
	wait_for 20 monitor device_add "$plugged" && filled
}
