# SPDX-License-Identifier: GPL-2.0-only
# What guest scripts share: reporting, the kernel log's marks, loading the module,
# finding the device. Sourced by busybox sh; prints what tests/vm/ktap.py reads. How much of
# everything is done is said by $BM_... variables: tests/vm/amounts.py has them all.

vendor=0x1af4
device=0x10f0

# --- reporting ---

# run NAME COMMAND...: a program whose output is one KTAP document
run() {
	run_name=$1
	shift
	echo "#bm begin $run_name"
	"$@"
	echo "#bm end $run_name $?"
}

# check NAME COMMAND...: one case; what the command says is its diagnostics
check() {
	check_name=$1
	shift
	if "$@" >/tmp/check.log 2>&1; then
		echo "ok 0 - $check_name"
		return 0
	fi
	sed 's/^/# /' /tmp/check.log
	echo "not ok 0 - $check_name"
	return 1
}

# fail WORDS...: says why a check fails
fail() {
	echo "$*" >&2
	return 1
}

# same WHAT GOT WANTED
same() {
	[ "$2" = "$3" ] || fail "$1 is '$2', expected '$3'"
}

# --- the kernel log's marks, see tests/vm/klog.py ---

klog_expect() { echo "bm-klog: expect $1 -- $2" >/dev/kmsg; }
klog_allow() { echo "bm-klog: allow $1 -- $2" >/dev/kmsg; }
klog_end() { echo "bm-klog: end" >/dev/kmsg; }

# klog_mark; klog_since REGEX: is there such a line since the last mark?
klog_mark() {
	klog_marks=$((${klog_marks:-0} + 1))
	echo "bm-mark $$.$klog_marks" >/dev/kmsg
}
klog_since() {
	dmesg | klog_mark="bm-mark $$.$klog_marks" klog_wanted=$1 awk '
		after && !/bm-klog/ && $0 ~ ENVIRON["klog_wanted"] { print; found = 1 }
		substr($0, length - length(ENVIRON["klog_mark"]) + 1) == ENVIRON["klog_mark"] { after = 1 }
		END { exit !found }'
}

# --- the device and the module ---

# pci_address: of the first busmaster device
pci_address() {
	for pci_dir in /sys/bus/pci/devices/*; do
		[ "$(cat "$pci_dir/vendor") $(cat "$pci_dir/device")" = "$vendor $device" ] ||
			continue
		echo "${pci_dir##*/}"
		return 0
	done
	fail "no PCI device $vendor:$device"
}

# wait_for SECONDS COMMAND...: until it succeeds
wait_for() {
	wait_left=$(($1 * 10))
	shift
	until "$@"; do
		[ $((wait_left -= 1)) -gt 0 ] || return 1
		usleep 100000
	done
}

# load [PARAMETER=VALUE...]: the module, by file or, where it is installed, by modprobe
load() {
	if [ -f /bm/busmaster.ko ]; then
		insmod /bm/busmaster.ko "$@"
	else
		modprobe busmaster "$@"
	fi && wait_for 5 [ -c /dev/busmaster0 ]
}

unload() { rmmod busmaster; }

# attribute NAME: its line; under the debug kernel a program costs more than twice as much as what the shell does itself
attribute() { IFS= read -r attribute_line <"/sys/class/busmaster/busmaster0/$1" && echo "$attribute_line"; }

# vectors: "VECTOR COUNT" of each interrupt of the device, counts summed over the CPUs
vectors() {
	awk '/busmaster/ {
		n = 0
		for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++)
			n += $i
		print $NF, n
	}' /proc/interrupts
}

pci=$(pci_address)
