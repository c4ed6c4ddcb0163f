# SPDX-License-Identifier: GPL-2.0-only
# Whether the kernel allocates memory on the driver's way, by its own trace events, each with
# its stack. Not the driver's are: what an interrupt or another task's end allocates while the
# driver was interrupted or sleeps; what DMA-API debug and KASAN need for their books; and the
# caller's own pages, where they had to be waited for. Sourced after steps.sh.

events="kmalloc kmem_cache_alloc mm_page_alloc"

trace_events() {
	for event in $events; do
		echo "$1stacktrace" >$tracing/events/kmem/$event/trigger
		echo "$2" >$tracing/events/kmem/$event/enable
	done
}

# The events that have a function of the driver's in their stack, with that function.
driver_events() {
	awk 'function flush() {
			if (driver && !apart)
				print event, "from", driver
			driver = apart = ""
		}
		/ (kmalloc|kmem_cache_alloc|mm_page_alloc): / { flush(); event = $5 " " $6 }
		/=> bm_/ && !driver { driver = $2 }
		/=> (asm_|__schedule)/ && !driver { apart = 1 }
		/=> (debug_dma_|add_dma_entry|stack_depot_save|handle_mm_fault|bm_cdev_open)/ { apart = 1 }
		END { flush() }' $tracing/trace | sort | uniq -c
}

# allocations COMMAND...: prints those that were made for the driver, but for its open()
allocations() {
	echo 20000 >$tracing/buffer_size_kb
	trace_events "" 1
	: >$tracing/trace
	"$@" >/tmp/allocations.log 2>&1
	allocations_status=$?
	trace_events ! 0
	grep '# entries-in-buffer' $tracing/trace | awk '{ split($3, n, "/"); exit n[1] != n[2] || !n[1] }' ||
		fail "the trace is not whole" || return
	[ $allocations_status = 0 ] || cat /tmp/allocations.log
	driver_events
	return $allocations_status
}

# At depth 1 there is no batch either, which would allocate its plug. Stalls are not the point.
nothing_allocated() {
	pingpong -n 1000 -t 60 || return
	allocations pingpong -n 1000 -t 60 >/tmp/allocated || return
	cat /tmp/allocated
	same "kinds of allocations" "$(wc -l </tmp/allocated)" 0
}

# A transfer of several commands does: it shows that the trace sees what there is to be seen.
allocation_seen() {
	allocations dd if=/dev/busmaster0 of=/dev/null bs=4M count=1 >/tmp/allocated || return
	cat /tmp/allocated
	grep -q 'call_site=bm_io_start.* from bm_io_start' /tmp/allocated
}
