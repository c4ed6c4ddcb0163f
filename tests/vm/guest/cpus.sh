# SPDX-License-Identifier: GPL-2.0-only
# Four CPUs, the last of which is isolated: where interrupts go, and that nothing is forgotten when all
# CPUs but one go and come back, under load and during resets.
. /bm/guest/lib.sh
. /bm/guest/steps.sh
. /bm/guest/faults.sh
. /bm/guest/day.sh

isolated=3 # by isolcpus=managed_irq,3: the kernel does not let one go that is isolated by isolcpus=3

# irqs: numbers of the device's vectors
irqs() { awk '/busmaster0/ { sub(":", "", $1); print $1 }' /proc/interrupts; }

# homes: where each of them may go
homes() { for irq in $(irqs); do cat "/proc/irq/$irq/smp_affinity_list"; done | tr '\n' ' '; }

not_isolated() {
	grep -o "isolcpus=[^ ]*" /proc/cmdline && same queues "$(attribute queues)" 4 || return 1
	for irq in $(irqs); do
		echo "$irq may go to $(cat "/proc/irq/$irq/smp_affinity_list")"
		[ $((0x$(cat "/proc/irq/$irq/smp_affinity") & 1 << isolated)) = 0 ] || return 1
	done
}

progress() {
	progress_before=$(attribute stats/completions)
	wait_for 20 grown stats/completions "$progress_before" attribute stats/completions
}

# come_and_go COMMAND...: with one CPU alone, and with all of them again
come_and_go() {
	homes_before=$(homes)
	for online in 0 1; do
		for cpu in 1 2 3; do
			echo $online >/sys/devices/system/cpu/cpu$cpu/online || return 1
		done
		"$@" && progress || return 1
	done
	same "vectors go to" "$(homes)" "$homes_before" && same errors/timeouts "$(attribute errors/timeouts)" 0
}

# Somebody resets it over and over, for as long as that takes a few times.
during_resets() {
	: >/tmp/resets
	touch /tmp/resetting
	while [ -e /tmp/resetting ]; do
		announced && echo >>/tmp/resets
	done &
	during_pid=$! during_status=0
	for _ in $(seq 50); do
		[ "$(wc -l </tmp/resets)" -lt 4 ] || break
		"$@" || during_status=1
	done
	rm /tmp/resetting
	wait $during_pid
	echo "$(wc -l </tmp/resets) resets"
	[ "$(wc -l </tmp/resets)" -gt 3 ] && return $during_status
}

before_load
klog_allow "smpboot|IRQ.*affinity broken|busmaster" "CPUs come and go"
check "the module loads" load timeout_ms=30000
check "no vector goes to an isolated CPU" not_isolated
check "all CPUs but one go and come back: $many commands in flight, none fails" undisturbed come_and_go :
check "the same, with a reset when one is left, and when all are back" undisturbed come_and_go announced
check "the same, while somebody resets it over and over" undisturbed during_resets come_and_go :
run "verify after that" verify -n 100 -p 4
klog_end
after_unload
