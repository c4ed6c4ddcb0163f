# SPDX-License-Identifier: GPL-2.0-only
# A short look at everything, on kernels that are not the one that most tests run on: their
# own ways with pages, interrupts and io_uring are behind what is moved, computed and freed.
. /bm/guest/lib.sh
. /bm/guest/steps.sh

dd if=/dev/urandom of=/tmp/out bs=1M count=1 2>/dev/null

# new_enough VERSION: is the kernel?
new_enough() { printf '%s\n' "$1" "$(uname -r)" | sort -V -c 2>/dev/null; }

identified() {
	attribute identity
	attribute identity | grep -E "^busmaster [0-9]+\.[0-9]+, [0-9]+ queues, [0-9]+ MiB"
}

there_and_back() {
	dd if=/tmp/out of=/dev/busmaster0 bs=1M conv=notrunc && dd if=/dev/busmaster0 of=/tmp/in bs=1M count=1 &&
		cmp /tmp/out /tmp/in
}

# A program's pages are pinned, and given to the device as they are.
zero_copy() {
	zero_before=$(awk '/^nr_foll_pin_acquired/ { print $2 }' /proc/vmstat)
	there_and_back && pinned >/dev/null || return 1
	zero_pins=$(($(awk '/^nr_foll_pin_acquired/ { print $2 }' /proc/vmstat) - zero_before))
	echo "2 MiB by $zero_pins pins"
	[ $zero_pins -ge 512 ]
}

# As many as a queue holds, each verified by a checksum that came with it
full_depth() {
	fio --name=depth --filename=/dev/busmaster0 --ioengine=io_uring --iodepth="$(attribute queue_depth)" \
		--direct=1 --rw=randwrite --bssplit=512/20:4k/60:12k/20 --size=8m --verify=crc32c --verify_fatal=1
}

function_reset() {
	echo 1 >"/sys/bus/pci/devices/$pci/reset" && there_and_back
}

check "the module loads" load
check "the device says what it is" identified
check "buffers are pinned, not copied" zero_copy
run verify verify -n "$BM_kernels" -p 2
run mapping mapping
if new_enough 6.11; then
	run ops ops -n "$BM_kernels"
else
	run ops ops -n "$BM_kernels" -i
fi
check "io_uring, as many reads and writes as a queue holds: what is read was written" full_depth
check "every queue raised interrupts" every_queue_interrupts
check "the function is reset, and moves data" function_reset
check "vectors are where the operator put them, reset or CPU hotplug" operator_moves_a_vector
check "no command was not answered in time" same timeouts "$(attribute errors/timeouts)" 0
unloads
