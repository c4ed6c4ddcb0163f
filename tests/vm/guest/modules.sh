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

# refused PARAMETER VALUE: with a message that names the parameter, the value and the limits
refused() {
	klog_expect "busmaster: $1=$2 refused" "$1=$2 is out of bounds"
	klog_mark
	! insmod /bm/busmaster.ko "$1=$2" 2>/dev/null || fail "$1=$2 was taken" || return 1
	klog_since "$1=$2 refused: a number from [0-9]+ to [0-9]+ is wanted" || return 1
	klog_end
	nothing_stays
}

policy() {
	load fault_policy=kill && same fault_policy "$(attribute fault_policy)" kill && unload
}

# policy_refused: what is no policy, with a message that names those that are
policy_refused() {
	klog_expect "busmaster: fault_policy=mercy refused: log, reset or kill is wanted" "there is no such policy"
	! insmod /bm/busmaster.ko fault_policy=mercy 2>/dev/null || fail "fault_policy=mercy was taken" || return 1
	klog_end
	nothing_stays
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
check "queues=1000 is refused, with the limits" refused queues 1000
check "dma_channels=1000 is refused, with the limits" refused dma_channels 1000
check "queue_depth=0 is refused, with the limits" refused queue_depth 0
check "queue_depth=1000000 is refused, with the limits" refused queue_depth 1000000
check "timeout_ms=1 is refused, with the limits" refused timeout_ms 1
check "a parameter that is no number is refused" refused queues many
check "fault_policy=kill" policy
check "fault_policy=mercy is refused, with the choices" policy_refused
check "loaded and unloaded $rounds times, a transfer each" load_often
check "the module loads once more" load
after_unload
