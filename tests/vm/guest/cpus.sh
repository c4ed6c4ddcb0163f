# SPDX-License-Identifier: GPL-2.0-only
# Four CPUs, the last of which is isolated: where interrupts go, and that nothing is forgotten when all
# CPUs but one go and come back, under load and during resets. And a vector that the kernel disables.
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

# Somebody resets it over and over.
during_resets() {
	: >/tmp/resets
	touch /tmp/resetting
	while [ -e /tmp/resetting ]; do
		announced && echo >>/tmp/resets
	done &
	during_pid=$!
	"$@"
	during_status=$?
	rm /tmp/resetting
	wait $during_pid
	echo "$(wc -l </tmp/resets) resets"
	[ "$(wc -l </tmp/resets)" -gt 3 ] || return 1
	return $during_status
}

q0_interrupts() { vectors | awk '$1 == "busmaster0-q0" { print $2 }'; }

# A device, or whoever shares its vector, raises it for nothing, until the kernel has enough of it.
stormed() {
	klog_expect "nobody cared" "a vector is raised 100,000 times for nothing"
	klog_expect "Disabling IRQ" "and the kernel disables it"
	klog_allow "Call Trace|handlers:|RIP: " "with its reasons"
	klog_expect "the kernel has disabled its interrupt; it is polled" "the driver sees that"
	irq=$(awk '$NF == "busmaster0-q0" { sub(":", "", $1); print $1 }' /proc/interrupts)
	lost=$(attribute errors/timeouts)
	storm "$irq" || return 1
	taskset 1 verify -n 20 -p 1 || return 1
	same "timeouts" "$(attribute errors/timeouts)" "$lost" || return 1
	announced || return 1
	interrupts=$(q0_interrupts)
	taskset 1 verify -n 20 -p 1 || return 1
	grown "interrupts after a reset" "$interrupts" q0_interrupts || return 1
	klog_end
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
check "the module unloads" unload
check "the module loads" load timeout_ms=2000
check "a vector that the kernel has disabled: it is polled, and after a reset it interrupts" stormed
after_unload
