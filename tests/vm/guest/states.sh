# SPDX-License-Identifier: GPL-2.0-only
# An ordinary working day: resets, announced or not, suspend, unbind, operators and busy hours, with
# commands in flight. The device is below a port and can be made to misbehave: so what is to be in
# flight is delayed, and counted.
. /bm/guest/lib.sh
. /bm/guest/steps.sh
. /bm/guest/faults.sh
. /bm/guest/day.sh

reset_announced() {
	for method in $(cat "$function/reset_method"); do
		echo "$method" >"$function/reset_method" && echo 1 >"$function/reset" || fail "by $method" || return 1
	done
	echo default >"$function/reset_method"
}

suspends() {
	for level in freezer devices; do
		echo $level >/sys/power/pm_test
		undisturbed suspended || return 1
	done
	echo none >/sys/power/pm_test
}

# Whoever asks for a reset is killed in the middle of it.
resetter_killed() {
	for killed_round in $(seq 20); do
		echo 1 >"$function/reset" &
		usleep $((killed_round * 10000))
		kill -KILL $! 2>/dev/null
		wait $!
	done
	verify -n 20 -p 2
}

# Of what was in flight some fails, with EIO; after that nothing does.
loses_only_what_was_in_flight() {
	foreign=$(attribute errors/foreign_resets)
	busy_begin --continue_on_error=all --verify_fatal=0 || return 1
	reset_unannounced
	wait_for 20 grown errors/foreign_resets "$foreign" attribute errors/foreign_resets 2>/dev/null || unnoticed=1
	busy_kill -INT
	[ -z "$unnoticed" ] || fail "it was not noticed" || return 1
	failures=$(attribute stats/failures)
	verify -n 100 -p 2 || return 1
	same stats/failures "$(attribute stats/failures)" "$failures" &&
		same errors/foreign_resets "$(attribute errors/foreign_resets)" $((foreign + 1))
}

# Below a port somebody hears of it: the kernel says whose it was. The driver is not asked.
correctable() {
	klog_expect "AER: .*[Cc]orrectable [Ee]rror.* received" "the root port hears of it"
	klog_expect "PCIe Bus Error: severity=Correct(able|ed)" "and the kernel says so"
	klog_expect "\[ 0\] RxErr" "and what it was"
	klog_mark
	resets=$(attribute stats/resets)
	arm aer-correctable 1 && one_write && same "the caller's result" "$result" ok || return 1
	wait_for 10 klog_since "$pci: PCIe Bus Error: severity=Correct" || return 1
	same stats/resets "$(attribute stats/resets)" "$resets"
}

# The operator's settings: as they were set after the driver was bound
settings() { setpci -s "$pci" CAP_EXP+8.w CAP_EXP+10.w COMMAND ECAP_AER+8.l ECAP_AER+14.l | tr '\n' ' '; }

settings_stay() {
	setpci -s "$pci" CAP_EXP+8.w=5000:7000 # read requests of 4096 bytes
	setpci -s "$pci" ECAP_AER+8.l=4000:4000 ECAP_AER+14.l=1000:1000 # two errors are masked: completion, replay timeout
	echo "settings: $(settings)"
	settings_before=$(settings)
	echo 1 >"$function/reset"
	same "after a reset, settings" "$(settings)" "$settings_before" || return 1
	reset_unannounced
	one_write
	wait_for 20 verify -n 20 -p 2 >/dev/null 2>&1
	same "after one that nobody announced, settings" "$(settings)" "$settings_before"
}

# While it is bound or not: whenever there is a device, it can be bound.
bound_after() {
	reset_unannounced
	echo "$pci" >$driver/unbind
	echo "$pci" >$driver/bind && wait_for 10 [ -c /dev/busmaster0 ] && verify -n 20 -p 2 || return 1
	echo "$pci" >$driver/unbind
	reset_unannounced
	echo "$pci" >$driver/bind && wait_for 10 [ -c /dev/busmaster0 ] && verify -n 20 -p 2
}

resets_5() {
	for _ in 1 2 3 4 5; do
		echo 1 >"$function/reset" && cat $class/stats/* $class/errors/* >/dev/null || return 1
	done
}

noticed() {
	reset_unannounced
	one_write
}

# A busy device is not late.
patient() {
	resets=$(attribute stats/resets)
	for _ in 1 2 3 4 5 6 7 8; do
		dd if=/dev/busmaster0 of=/dev/null bs=16M count=4 2>/dev/null &
	done
	wait
	same stats/resets "$(attribute stats/resets)" "$resets" && same errors/timeouts "$(attribute errors/timeouts)" 0
}

operator_moves_it_meanwhile() {
	echo 0 >$cpu && echo 0 >"/proc/irq/$(irq busmaster0-q0)/smp_affinity_list" && verify -n 20 -p 2 && echo 1 >$cpu || return 1
	same "CPU of queue 0's vector" "$(affinity 0)" 0
}

operators_default() {
	unload && echo 1 >/proc/irq/default_smp_affinity && load || return 1
	same "CPUs of the vectors" "$(affinity 0) $(affinity 1)" "0 0" || return 1
	echo 3 >/proc/irq/default_smp_affinity
}

# too_much PARAMETER=VALUE...: is refused, with numbers, and nobody is killed for it
too_much() {
	klog_expect "busmaster.*need [0-9]+ MiB, and of memory [0-9]+ MiB are available" "it does not fit"
	klog_allow "busmaster.*probe.*failed with error -12" "the kernel says so, too"
	load "$@" 2>/dev/null && fail "it was taken" && return 1
	klog_end
	unload && nothing_stays
}

# More queues than CPUs are no use.
as_many_as_cpus() { load queues=64 && same queues "$(attribute queues)" "$(nproc)" && verify -n 20 -p 2 && unload; }

before_load
klog_allow "busmaster" "what is told of resets is looked at in counters"
klog_allow "PM: suspend entry" "it is asked for"
check "the module loads" load timeout_ms=60000 queue_depth=8
run file file
check "the module unloads" unload
check "the module loads" load timeout_ms=2000
check "resets that are announced, by each method: $many commands in flight, none fails" undisturbed reset_announced
check "suspended and resumed: $many commands in flight, none fails" suspends
check "who asks for a reset is killed, 20 times: it works" resetter_killed
check "a reset that nobody announced: nothing fails that comes after" loses_only_what_was_in_flight
check "a correctable error is logged by the kernel, and that is all" correctable
check "the operator's settings of the function stay" settings_stay
check "bound again after resets that nobody announced" bound_after
check "no store is lost by resets that are announced, and no SIGBUS comes" stores_during 0 resets_5
check "a reset that nobody announced: one SIGBUS" stores_during 1 noticed
check "the module unloads" unload
check "the module loads, with little patience" load timeout_ms=100
check "a queue that makes progress is not late" patient
check "the module unloads" unload
check "the module loads" load
check "vectors are where the operator put them, reset or CPU hotplug" operator_moves_a_vector
check "a vector that was moved meanwhile stays there" operator_moves_it_meanwhile
check "vectors go where default_smp_affinity says" operators_default
check "the module unloads" unload
check "queues=64 are as many as CPUs" as_many_as_cpus
klog_end
check "more memory than there is is refused" too_much queue_depth=4095 poll_queues=40
check "the module loads" load
after_unload
