# SPDX-License-Identifier: GPL-2.0-only
# What an operator sees: the way of each command in the kernel's trace, and the dump of what there is, whatever state the
# device is in.
. /bm/guest/lib.sh
. /bm/guest/steps.sh
. /bm/guest/faults.sh
. /bm/guest/day.sh

dump=$debug/busmaster/busmaster0/dump
clock=$debug/busmaster/busmaster0/clock

# traced COMMAND...: what the events tell of it is in /tmp/trace
traced() {
	echo >$tracing/trace
	echo 1 >$tracing/events/busmaster/enable && "$@" || return 1
	echo 0 >$tracing/events/busmaster/enable
	cat $tracing/trace >/tmp/trace
}

# of EVENT [REGEX]: how often it is there
of() { grep -cE "bm_$1: .*${2:-}" /tmp/trace || :; }

# One write: each step once, in order, by one queue and tag.
followed() {
	traced one_write && same "the write" "$result" ok || return 1
	followed_as=$(sed -n 's/.*bm_submit: busmaster0 \(queue=[0-9]* tag=0x[0-9a-f]*\) op=copy length=4096 .*/\1/p' /tmp/trace)
	cat /tmp/trace
	same "its way" "$(grep -oE "bm_[a-z]*: busmaster0 $followed_as " /tmp/trace | cut -d : -f 1 | tr '\n' ' ')" \
		"bm_map bm_submit bm_reap bm_unmap bm_complete " || return 1
	[ "$(of doorbell "sq_tail")" -gt 0 ] && [ "$(of irq)" -gt 0 ]
}

# A command that is never answered: its time-out and its end by the reset.
timed_out() {
	arm cqe-drop 1
	traced one_write && same "the write" "$result" EIO || return 1
	cat /tmp/trace
	timed_out_as=$(sed -n 's/.*bm_timeout: busmaster0 \(queue=[0-9]* tag=0x[0-9a-f]*\) .*/\1/p' /tmp/trace | head -n 1)
	[ "$(of complete "$timed_out_as .* error=-5")" = 1 ] || fail "$timed_out_as does not fail, or twice" || return 1
	same "stops and starts" "$(grep -oE "bm_state: busmaster0 [a-z]*" /tmp/trace | cut -d ' ' -f 3 | tr '\n' ' ')" "stopped running " &&
		[ "$(of reset "by=ctrl error=0")" -gt 0 ] && same "clocks at the start" "$(of clock)" 1
}

# A bus address that nobody has, and the command that was told so.
faulted() {
	arm rogue-read "1:all:$nowhere"
	traced one_write && same "the write" "$result" EIO || return 1
	cat /tmp/trace
	same "faults" "$(of fault "info=$nowhere error=-5")" 1
}

# told FILE NAME: one of the lines of a look at the clock
told() { sed -n "s/^$2_ns //p" "$1"; }

# Both clocks at one moment, twice: the file says what the trace does, and they agree to their bounds and a hundredth of what
# has passed, which no clock is wrong by.
clocks() {
	traced eval 'cat "$clock" >/tmp/clock1 && usleep 200000 && cat "$clock" >/tmp/clock2' || return 1
	cat /tmp/trace /tmp/clock1 /tmp/clock2
	same "samples in the trace" "$(of clock "offset=$(told /tmp/clock1 offset) bound=$(told /tmp/clock1 bound)")" 1 || return 1
	clocks_passed=$(($(told /tmp/clock2 device) - $(told /tmp/clock1 device)))
	clocks_apart=$(($(told /tmp/clock2 offset) - $(told /tmp/clock1 offset)))
	clocks_most=$(($(told /tmp/clock1 bound) + $(told /tmp/clock2 bound) + clocks_passed / 100))
	[ $clocks_passed -ge 200000000 ] && [ ${clocks_apart#-} -le $clocks_most ]
}

# trace-cmd and perf read what an event says by its format file, and know no name of the driver's.
readable() { ! grep -h BM_ $tracing/events/busmaster/*/format; }

# dumped REGEX...: there is a line for each
dumped() {
	cat "$dump" >/tmp/dump || return 1
	cat /tmp/dump
	for dumped_regex; do
		grep -qE "$dumped_regex" /tmp/dump || fail "no line $dumped_regex" || return 1
	done
}

dumped_busy() {
	busy_begin && dumped "^running" "^status 0x" "in flight: tag 0x[0-9a-f]+ op 1 length 4096" "^queue 0: running" && busy_end
}

# Bounded, whatever is in flight: some lines a queue.
dumped_is_short() { [ "$(wc -l </tmp/dump)" -le $((3 + $(attribute queues) * 28 + 28)) ]; }

# It does not wait for a start that does not come.
dumped_dead() {
	power_lost
	one_write
	wait_for 20 grep -q "^dead" "$dump" || fail "$(head -n 1 "$dump")" || return 1
	dumped "^dead" "^queue 0: stopped" || return 1
	! grep "^status" /tmp/dump || return 1
	! cat "$clock" || return 1
	power_returns
}

before_load
klog_allow "busmaster" "faults on demand"
check "the module loads" load timeout_ms=1000
check "one command, followed through the trace" followed
check "any tool can read the events" readable
check "a time-out, with its command and the reset that follows" timed_out
check "refused DMA, with its address" faulted
check "works afterwards" works
check "the device's clock beside the kernel's" clocks
check "the dump while much is in flight" dumped_busy
check "it is short" dumped_is_short
check "the dump of a device that is dead" dumped_dead
after_unload
klog_end
