# SPDX-License-Identifier: GPL-2.0-only
# Four devices that want 57 vectors each, and one CPU, which has some 200: the last has what is left. And a vector that
# the kernel disables.
. /bm/guest/lib.sh
. /bm/guest/steps.sh
. /bm/guest/faults.sh
. /bm/guest/day.sh

devices="0 1 2 3"
channels=55 # and a queue, and events

# number_of DEVICE: its queues and channels, which have a vector each
number_of() { awk -v name="busmaster$1-q" 'index($NF, name) == 1' /proc/interrupts | wc -l; }

as_many_as_there_are() {
	klog_mark
	load dma_channels=$channels queue_depth=2 || return 1
	wait_for 20 [ -c /dev/busmaster3 ] || return 1
	all_vectors=0
	for number in $devices; do
		echo "busmaster$number: $(number_of "$number") queues have a vector"
		all_vectors=$((all_vectors + $(number_of "$number")))
	done
	same "queues of the first" "$(number_of 0)" $((channels + 1)) || return 1
	[ $all_vectors -lt $((4 * (channels + 1))) ] || fail "there were enough: nothing was tried" || return 1
	same "devices that said so" "$(klog_since "of $((channels + 1)) vectors for queues the system has [0-9]+ left" | wc -l)" 1
}

# there_and_back DEVICE
there_and_back() {
	dd if=/dev/urandom of=/tmp/out bs=64k count=1 2>/dev/null
	dd if=/tmp/out of="/dev/busmaster$1" bs=64k conv=notrunc 2>/dev/null && dd if="/dev/busmaster$1" of=/tmp/in bs=64k count=1 2>/dev/null &&
		cmp /tmp/out /tmp/in || fail "busmaster$1"
}

each_works() {
	for number in $devices; do
		there_and_back "$number" || return 1
	done
}

# A reset asks for none anew.
each_resets() {
	for number in $devices; do
		vectors_before=$(number_of "$number")
		echo 1 >"/sys/class/busmaster/busmaster$number/device/reset" && there_and_back "$number" || return 1
		same "vectors of busmaster$number" "$(number_of "$number")" "$vectors_before" || return 1
	done
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
klog_allow "busmaster.*(vectors for queues the system has|dma_channels=$channels)" "it is too much that is asked for"
check "queues are as many as there are vectors, and one device says so once" as_many_as_there_are
check "each of the devices works" each_works
check "each of them is reset, and has what it had" each_resets
klog_end
check "the module unloads" unload
check "the module loads" load timeout_ms=2000
check "a vector that the kernel has disabled: it is polled, and after a reset it interrupts" stormed
after_unload
