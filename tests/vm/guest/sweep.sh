# SPDX-License-Identifier: GPL-2.0-only
# No memory: where a task asks for it, place by place, and where a worker does, at every place at once.
. /bm/guest/lib.sh
. /bm/guest/steps.sh
. /bm/guest/faults.sh
. /bm/guest/day.sh

kinds="failslab fail_page_alloc fail_usercopy"

# each_kind FILE VALUE
each_kind() {
	for kind in $kinds; do
		[ ! -e "$debug/$kind/$1" ] || echo "$2" >"$debug/$kind/$1" || return 1
	done
}

# Only what has the driver on its stack is failed, but then whatever it may wait for; and not what
# kmemleak wants for its books, which is as much again, and of which it has some in reserve.
filters() {
	books=$(awk '$3 == "__alloc_object" { start = $1; next } start { print "0x" start, "0x" $1; exit }' /proc/kallsyms)
	text=$(cat /sys/module/busmaster/sections/.text)
	size=$(awk '$1 == "busmaster" { print $2 }' /proc/modules)
	each_kind probability 0 && each_kind times -1 && each_kind verbose 0 && each_kind task-filter N &&
		each_kind ignore-gfp-wait N && each_kind ignore-gfp-highmem N && each_kind min-order 0 &&
		each_kind require-start "$text" && each_kind require-end "$(printf '0x%x' $((text + size)))" &&
		each_kind reject-start "${books% *}" && each_kind reject-end "${books#* }"
}

# Each failure leaves its stack in the trace.
failed=$tracing/events/kprobes/failed
traced() {
	echo "r:failed should_fail_ex ret=\$retval:u8" >$tracing/kprobe_events && echo "ret != 0" >$failed/filter &&
		echo "stacktrace if ret != 0" >$failed/trigger && echo 1 >$failed/enable
}
untraced() { echo 0 >$failed/enable && echo '!stacktrace' >$failed/trigger && echo >$tracing/kprobe_events; }

failures() { grep -c "failed: .*ret=" $tracing/trace; }

# starved COMMAND...: meanwhile nothing that has the driver on its stack gets memory
starved() {
	: >$tracing/trace
	each_kind probability 100
	"$@"
	starved_status=$?
	each_kind probability 0
	echo "$(failures) allocations failed"
	[ "$(failures)" -gt 0 ] && return $starved_status
}

reset_by_worker() { wait_for 20 reset_done; }

# A worker stops and starts the device: that asks nobody for anything that it cannot do without.
worker_resets() {
	resets=$(attribute stats/resets)
	arm hang 1
	one_write &
	wait_for 10 grown "hits of hang" 0 fired hang 2>/dev/null || fail "nothing hangs" || return 1
	starved reset_by_worker || return 1
	wait $!
	works
}

resumes() {
	echo devices >/sys/power/pm_test
	starved suspended || return 1
	echo none >/sys/power/pm_test
	works
}

# All bus addresses are in use: to the kernel it is the same as if it had no memory for one more.
addresses() {
	each_kind probability 0
	echo "$1" >/sys/kernel/slab/iommu_iova/failslab && echo "$2" >$debug/failslab/cache-filter
}

# Sometimes there is none: slower, but no error.
few_addresses() {
	addresses 1 Y || return 1
	: >$tracing/trace
	echo 50 >$debug/failslab/probability
	verify -n 100 -p 2 >/tmp/verify
	few_status=$?
	addresses 0 N
	echo "$(failures) times there was none"
	[ $few_status = 0 ] && [ "$(failures)" -gt 10 ] || fail "$(cat /tmp/verify)"
}

# There is none for longer than a time-out: an error, and then it works.
no_addresses() {
	addresses 1 Y || return 1
	echo 100 >$debug/failslab/probability
	no_status=0
	dd if=/dev/busmaster0 of=/dev/null bs=1M count=1 2>/tmp/dd || no_status=$?
	addresses 0 N
	cat /tmp/dd
	[ $no_status = 1 ] && grep -q "Cannot allocate memory" /tmp/dd && works
}

before_load
check "the module loads" load queue_depth=2 timeout_ms=2000
check "failures are those that the driver sees, and each leaves its stack" traced
check "the kernel fails what has the driver on its stack" filters
klog_allow "busmaster|sweep|page allocation failure|Call Trace|RIP: 0033|PM: suspend entry" "memory is refused"
klog_allow "(at fs/proc/generic.c:.*|RIP: 0010:)remove_proc_entry|kmemleak: Cannot allocate" "the kernel's own, where it did without"
klog_allow "DMA-API: cacheline tracking ENOMEM" "which ends DMA-API debug"
klog_allow "kmemleak: [0-9]+ new suspected" "of the leaks it is looked at below whose they are"
run sweep sweep $((100 / BM_sites))
check "a worker resets the device without any memory" worker_resets
check "it is suspended and resumed without any memory" resumes
check "there are few bus addresses: all is verified" few_addresses
check "there is no bus address: ENOMEM, and then it works" no_addresses
check "failures are not looked at any more" untraced
no_memory=1
unloads
leaker=__dma_async_device_channel_register # forgets a channel's name where it fails
check "no memory is leaked (kmemleak) but by the DMA engine's core" nothing_leaked
klog_end
