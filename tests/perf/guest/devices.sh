# SPDX-License-Identifier: GPL-2.0-only
# What both measurements share: the four devices, the fio job, the counters. Sourced after lib.sh.

export DEVICE BS DEPTH BATCH JOBS POLLED LAST_CPU
LAST_CPU=$(($(nproc) - 1))

# load_devices POLL_QUEUES: each driver with so many queues to be polled, where it has such
load_devices() {
	modprobe busmaster poll_queues="$1" &&
		modprobe nvme poll_queues="$1" &&
		modprobe null_blk gb=1 irqmode=0 hw_queue_depth=256 submit_queues="$(nproc)" poll_queues="$1" &&
		wait_for 10 [ -c /dev/busmaster0 ] && wait_for 10 [ -b "$(node nvme)" ] &&
		wait_for 10 [ -b /dev/nullb0 ] && no_schedulers
}

# A block device with one queue has a scheduler, one with several has none: here, none has.
no_schedulers() {
	for scheduler in /sys/block/nvme*/queue/scheduler /sys/block/nullb*/queue/scheduler; do
		echo none >"$scheduler"
	done
}

# serial NAME: directory in sysfs of the NVMe controller with this serial number
serial() {
	for serial_dir in /sys/class/nvme/nvme*; do
		[ "$(tr -d ' ' <"$serial_dir/serial")" = "$1" ] && echo "$serial_dir" && return
	done
}

# node DEVICE: by the name that results have
node() {
	case $1 in
	busmaster) echo /dev/busmaster0 ;;
	null_blk) echo /dev/nullb0 ;;
	*) echo "/dev/$(basename "$(serial "$1")"/nvme*n1)" ;;
	esac
}

# function_of DEVICE: its PCI function in sysfs; none for null_blk
function_of() {
	case $1 in
	busmaster) echo "/sys/bus/pci/devices/$pci" ;;
	null_blk) ;;
	*) realpath "$(serial "$1")/device" ;;
	esac
}

# read_job DEVICE BS DEPTH BATCH JOBS POLLED OPTION...: one run, one line of fio's terse output
read_job() {
	DEVICE=$(node "$1") BS=$2 DEPTH=$3 BATCH=$4 JOBS=$5 POLLED=$6
	shift 6
	fio /bm/read.fio --minimal "$@" </dev/null
}
