# SPDX-License-Identifier: GPL-2.0-only
# Checks that more than one boot makes: what is noted before the module is first loaded,
# what must be so while it is loaded, and that nothing of it stays when it has gone.
# Sourced after lib.sh.

debug=/sys/kernel/debug
tracing=/sys/kernel/tracing
slots=$debug/swiotlb/io_tlb_used # not there while an IOMMU makes bounce buffers needless
transfers=$BM_transfers # each a read or a write of 1 byte to 8 MiB
rounds=$BM_rounds # of loading and unloading

# number FILE [DEFAULT]
number() { cat "$1" 2>/dev/null || echo "${2:--1}"; }

# Each CPU adds what it has counted about once a second, or when it is told to.
pinned() {
	echo 1 >/proc/sys/vm/stat_refresh
	awk '/^nr_foll_pin_acquired/ { a = $2 } /^nr_foll_pin_released/ { r = $2 }
		END { print a - r }' /proc/vmstat
}

claimed() { grep -i busmaster /proc/iomem; }

# before_load: what must be the same after the last unload
before_load() {
	before_maps=$(number $debug/dma-api/num_free_entries)
	[ -f $debug/kmemleak ] && echo clear >$debug/kmemleak
	[ ! -f $slots ] || echo 0 >${slots}_hiwater
}

# --- while the module is loaded ---

bounced() {
	bounced_slots=$(number ${slots}_hiwater)
	echo "bounce buffers: at most $bounced_slots slots of 2 KiB at once"
	[ "$bounced_slots" -gt 0 ]
}

not_bounced() { same "slots of bounce buffers used" "$(number ${slots}_hiwater 0)" 0; }

every_queue_interrupts() {
	vectors
	every_queues=$(attribute queues)
	same "queues with interrupts" "$(vectors | awk '/-q[0-9]+ / && $2 > 0' | wc -l)" "$every_queues"
}

translated() {
	translated_group=$(readlink "/sys/bus/pci/devices/$pci/iommu_group") ||
		fail "the device is in no IOMMU group" || return 1
	same "domain type" "$(cat "/sys/bus/pci/devices/$pci/iommu_group/type")" DMA
	echo "IOMMU group ${translated_group##*/}"
}

not_translated() { [ ! -e "/sys/bus/pci/devices/$pci/iommu_group" ]; }

# --- after it has gone ---

nothing_stays() {
	[ ! -e /sys/class/busmaster ] || fail "/sys/class/busmaster is still there"
	[ ! -e /dev/busmaster0 ] || fail "/dev/busmaster0 is still there"
	! grep busmaster /proc/interrupts || fail "an interrupt is still requested"
	! claimed || fail "a memory region is still claimed"
	! grep '^busmaster ' /proc/modules || fail "the module is still loaded"
}

nothing_pinned() { same "pages pinned" "$(pinned)" 0; }

# Who was killed lets go of its pages a little later.
nothing_pinned_soon() { wait_for 5 nothing_pinned 2>/dev/null || nothing_pinned; }

# Where there is no memory, $no_memory, DMA-API debug may end, and what was mapped then stays in its books.
nothing_mapped() {
	same "slots of bounce buffers in use" "$(number $slots 0)" 0 || return 1
	[ -n "$no_memory" ] && grep Y $debug/dma-api/disabled && return
	same "DMA-API errors" "$(number $debug/dma-api/error_count)" "${overlaps:-0}" &&
		same "free DMA-API entries" "$(number $debug/dma-api/num_free_entries)" "$before_maps"
}

# kmemleak reports what two scans have seen and is older than 5 s; a scan takes seconds itself. What some function of
# the kernel's leaks, $leaker, is that one's.
nothing_leaked() {
	leak_scan=$(($(date +%s) + 6))
	echo scan >$debug/kmemleak
	while [ "$(date +%s)" -lt $leak_scan ]; do
		sleep 1
	done
	echo scan >$debug/kmemleak
	cat $debug/kmemleak
	same "objects that kmemleak has found" "$(grep -c "^unreferenced" $debug/kmemleak)" "$(grep -c "${leaker:-no leak}+0x" $debug/kmemleak)"
}

cpu=/sys/devices/system/cpu/cpu1/online # or not

# irq NAME: its number
irq() { awk -v name="$1" '$NF == name { sub(":", "", $1); print $1 }' /proc/interrupts; }

# affinity N: of queue N's vector
affinity() { cat "/proc/irq/$(irq "busmaster0-q$1")/smp_affinity_list"; }

operator_moves_a_vector() {
	for affinity_queue in 0 1; do
		echo $((1 - affinity_queue)) >"/proc/irq/$(irq busmaster0-q$affinity_queue)/smp_affinity_list"
	done
	echo 1 >"/sys/bus/pci/devices/$pci/reset"
	verify -n 20 -p 2 || return 1 # a vector that is moved goes with its next interrupt
	same "CPU of queue 0's vector" "$(affinity 0)" 1 && same "CPU of queue 1's vector" "$(affinity 1)" 0 || return 1
	echo 0 >$cpu && same "CPU of queue 0's vector meanwhile" "$(affinity 0)" 0 && echo 1 >$cpu || return 1
	same "CPU of queue 0's vector afterwards" "$(affinity 0)" 1
}

# unloads: the module, and nothing stays that the kernel can tell of at once
unloads() {
	check "the module unloads" unload
	check "no class, node, interrupt, region or module stays" nothing_stays
	check "no page stays pinned" nothing_pinned
	[ ! -d $debug/dma-api ] || check "no DMA mapping stays, and DMA-API debug counts no error" nothing_mapped
}

# after_unload: all of it, where the kernel can tell; to look for leaks takes half a minute
after_unload() {
	unloads
	[ ! -d $debug/dma-api ] || check "no memory is leaked (kmemleak)" nothing_leaked
}
