# SPDX-License-Identifier: GPL-2.0-only
# A hunt for lost wake-ups: operations at depth 1, where nothing comes to the rescue of a
# doorbell that was not seen or an interrupt that was not raised; with and without moderation
# and polling, and, fewer of them, without shadow doorbells.
. /bm/guest/lib.sh

operations=$BM_pingpongs # of each of six

moderate() {
	echo "$1" >/sys/class/busmaster/busmaster0/coalesce/frames &&
		echo "$2" >/sys/class/busmaster/busmaster0/coalesce/usecs
}

for shadow in 1 0; do
	check "the module loads, shadow=$shadow" load shadow=$shadow poll_queues=1
	for frames in 0 8; do
		usecs=$((frames ? 50 : 0))
		setting="shadow $shadow, frames $frames, usecs $usecs"
		check "$setting: set" moderate $frames $usecs
		run "$setting, interrupts" pingpong -n "$operations"
		run "$setting, polled" pingpong -n "$operations" -p
		run "$setting, four at once" pingpong -n $((operations / 4)) -j 4
	done
	check "no command was not answered in time" same timeouts "$(attribute errors/timeouts)" 0
	check "the module unloads" unload
	operations=$((operations / 4))
done
