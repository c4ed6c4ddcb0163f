# SPDX-License-Identifier: GPL-2.0-only
# The module itself: its parameters, good and bad, and loading and unloading it often.
. /bm/guest/lib.sh
. /bm/guest/steps.sh

# with PARAMETER=VALUE...: loads, verifies a little, and unloads
with() {
	load "$@" && verify -n 200 -p 3 -s 1 && unload
}

one_queue() {
	load queues=1 && same queues "$(attribute queues)" 1 &&
		same vectors "$(attribute vectors)" 2 && verify -n 200 -p 3 -s 1 && unload
}

# clamped PARAMETER VALUE ATTRIBUTE MIN MAX: refused, or brought into bounds; always said
clamped() {
	klog_mark
	if load "$1=$2"; then
		clamped_to=$(attribute "$3")
		verify -n 50 -p 2 -s 1 || return 1
		unload
		[ "$clamped_to" -ge "$4" ] && [ "$clamped_to" -le "$5" ] ||
			fail "$3 is $clamped_to: not $4 to $5" || return 1
	fi
	klog_since "busmaster.*$1" || fail "no message names $1"
}

refused() {
	! insmod /bm/busmaster.ko "$1" && nothing_stays
}

load_often() {
	for round in $(seq "$rounds"); do
		load && dd if=/tmp/zeros of=/dev/busmaster0 bs=64k count=1 2>/dev/null && unload ||
			fail "in round $round" || return 1
	done
}

before_load
dd if=/dev/zero of=/tmp/zeros bs=64k count=1 2>/dev/null
check "queues=1" one_queue
check "queue_depth=1" with queue_depth=1
check "queue_depth=3, no power of two" with queue_depth=3
check "queues=1000 is brought into bounds, and said" clamped queues 1000 queues 1 64
check "queue_depth=0 is brought into bounds, and said" clamped queue_depth 0 queue_depth 1 65535
check "queue_depth=1000000 is brought into bounds, and said" \
	clamped queue_depth 1000000 queue_depth 1 65535
check "a parameter that is no number is refused" refused queues=many
check "loaded and unloaded $rounds times, a transfer each" load_often
check "the module loads once more" load
after_unload
