# SPDX-License-Identifier: GPL-2.0-only
# Anything that a program may do to the device file, by one thread and by four, with little
# memory, few requests and faults in allocations; then the device still works, and nothing stays.
# With bm.two=1 the machine is that of tests/vm/peers.py, and programs use two of its devices.
. /bm/guest/lib.sh
. /bm/guest/steps.sh
. /bm/guest/monitor.sh
. /bm/guest/peers.sh

calls=$BM_fuzz # with one thread, and the same with four
seconds=$BM_fuzz_seconds # for each of the two at most
seed=${BM_seed:-$(date +%s)}

# All allocations but those of the kernel's own checks, which would end without them: DMA-API
# debug keeps its addresses in a radix tree. What fails is not shown: it is asked for.
fail_allocations() {
	for slab in /sys/kernel/slab/*; do
		case ${slab##*/} in
		radix_tree_node | kmemleak*) ;;
		*) echo 1 >"$slab/failslab" || return 1 ;;
		esac
	done
	echo Y >$debug/failslab/cache-filter && echo N >$debug/failslab/ignore-gfp-wait &&
		echo N >$debug/fail_page_alloc/ignore-gfp-wait || return 1
	for faults in failslab fail_page_alloc fail_usercopy fail_futex; do
		[ ! -d $debug/$faults ] || echo 0 >$debug/$faults/verbose || return 1
	done
}

# Some huge pages, fewer than are asked for
huge_pages() {
	echo 8 >/proc/sys/vm/nr_hugepages
	[ "$(cat /proc/sys/vm/nr_hugepages)" -gt 0 ]
}

# Completions that come late leave requests in flight, and two a queue are soon all in flight.
moderated() {
	echo 200 >/sys/class/busmaster/busmaster0/coalesce/usecs &&
		echo 8 >/sys/class/busmaster/busmaster0/coalesce/frames
}

few="queue_depth=2 poll_queues=1"
with=
[ "${BM_two:-0}" = 0 ] || check "the disk is unbound" no_disk
before_load
if [ "${BM_two:-0}" = 1 ]; then
	check "the module loads, for four devices" load_all $few
	with="-d $(node "$two") -l $(lends "$two")"
else
	check "the module loads" load $few
fi
check "allocations can be made to fail" fail_allocations
check "there are huge pages" huge_pages
check "completions are moderated" moderated
# Who reads into the same bytes twice at once has himself to blame: DMA-API debug says so, each
# time, and it is harmless where caches are coherent. No other of its messages is allowed.
echo 1 >$debug/dma-api/all_errors
klog_allow "DMA-API: .*(cacheline tracking EEXIST|exceeded .* overlapping|Mapped at)" "reads that overlap"
klog_allow "WARNING: .*(add_dma_entry|active_cacheline)|RIP: 0010:(add_dma_entry|active_cacheline)" "the same"
klog_allow "Call Trace:|RIP: 0033:" "the kernel's own allocations may tell where they failed; a splat has another line"
run "fuzz, 1 thread" fuzz -s "$seed" -n "$calls" -t "$seconds" -p 1 $with
run "fuzz, 4 threads" fuzz -s "$seed" -n "$calls" -t "$seconds" -p 4 $with
klog_end
overlaps=$(number $debug/dma-api/error_count)
check "no command was not answered in time" same timeouts "$(attribute errors/timeouts)" 0
run "verify after all that" verify -n 1000 -p 2
after_unload
