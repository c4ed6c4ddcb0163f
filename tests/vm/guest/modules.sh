# SPDX-License-Identifier: GPL-2.0-only
# The module itself: its parameters, good and bad, and loading and unloading it often.
. /bm/guest/lib.sh
. /bm/guest/steps.sh

# with PARAMETER=VALUE...: loads, verifies a little, and unloads
with() {
	load "$@" && verify -n 100 -p 3 -s 1 && unload
}

one_queue() {
	load queues=1 dma_channels=0 && same queues "$(attribute queues)" 1 &&
		same vectors "$(attribute vectors)" 2 && verify -n 100 -p 3 -s 1 && unload
}

# refused PARAMETER VALUE: the kernel names both, and kmod's modinfo has what is wanted
refused() {
	klog_mark
	! insmod /bm/busmaster.ko "$1=$2" 2>/dev/null || fail "$1=$2 was taken" || return 1
	klog_since "busmaster: .$2' invalid for parameter .$1'" || return 1
	/bin/modinfo -F parm /bm/busmaster.ko | grep -E "^$1:.*\(([0-9]+ to [0-9]+|log, reset or kill), default " || return 1
	nothing_stays
}

policy() {
	load fault_policy=kill && same fault_policy "$(attribute fault_policy)" kill && unload
}

# Of ten loads one is with the full depth: most of the time goes into its memory.
load_often() {
	for round in $(seq "$rounds"); do
		depth=$((round % 10 ? 4 : 128))
		load queue_depth=$depth && dd if=/tmp/zeros of=/dev/busmaster0 bs=64k count=1 2>/dev/null && unload ||
			fail "in round $round" || return 1
	done
}

before_load
dd if=/dev/zero of=/tmp/zeros bs=64k count=1 2>/dev/null
check "queues=1" one_queue
check "dma_channels=7, all but one of the device's queues" with dma_channels=7
check "queue_depth=1" with queue_depth=1
check "queue_depth=3, no power of two" with queue_depth=3
check "queues=1000 is refused" refused queues 1000
check "dma_channels=1000 is refused" refused dma_channels 1000
check "queue_depth=0 is refused" refused queue_depth 0
check "queue_depth=1000000 is refused" refused queue_depth 1000000
check "timeout_ms=1 is refused" refused timeout_ms 1
check "a parameter that is no number is refused" refused queues many
check "fault_policy=kill" policy
check "fault_policy=mercy is refused" refused fault_policy mercy
check "loaded and unloaded $rounds times, a transfer each" load_often
check "the module loads once more" load
after_unload
