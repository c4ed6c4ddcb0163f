# SPDX-License-Identifier: GPL-2.0-only
# The kernel's own dmatest on our channels: its modes, sizes from 1 byte to what kmalloc() gives,
# while the device is reset under it, and when the driver or the device goes.
. /bm/guest/lib.sh
. /bm/guest/steps.sh

channels=2
iterations=$BM_dmatest # of each of dmatest's threads
parameters=/sys/module/dmatest/parameters
driver=/sys/bus/pci/drivers/busmaster
results="completion error status|prep error" # of what a reset may hit

# ours: the names of our channels
ours() {
	for ours_dir in /sys/class/dma/dma*chan*; do
		case $(readlink "$ours_dir") in
		*/"$pci"/*) echo "${ours_dir##*/}" ;;
		esac
	done
}

channels_registered() {
	ours
	same channels "$(ours | wc -l)" "$channels" && same dma_channels "$(attribute dma_channels)" "$channels"
}

# start [PARAMETER=VALUE...]: dmatest, on all of our channels; what is not said is as follows
start() {
	for start_word in iterations=$iterations threads_per_chan=2 test_buf_size=16384 dmatest=0 norandom=0 \
		polled=0 timeout=60000 device="$pci" "$@"; do
		echo "${start_word#*=}" >$parameters/"${start_word%%=*}" || return 1
	done
	echo 1 >$parameters/run
}

# ended THREADS: since the mark so many have. (parameters/wait does not know of one that has yet to start)
ended() { [ "$(klog_since "dmatest: .*summary" | wc -l)" -ge "$1" ]; }
finish() { wait_for $((300 + iterations)) ended "$1"; }

# summaries THREADS [FAILURES]: since the mark so many have ended on each channel, with no failure, or with
# as many as a pattern says
summaries() {
	klog_since "dmatest: .*(summary|result|overwritten|copied|mismatch)" | sed 's/.*dmatest: //' | tail -n 20
	same "threads that ended so" "$(klog_since "summary [0-9]+ tests, ${2:-0} failures .*\(0\)" | wc -l)" \
		$((channels * $1))
}

# let_go: dmatest ends, if it has not, and gives its channels back
let_go() {
	echo 0 >$parameters/run
	for let_go_channel in $(ours); do
		same "users of $let_go_channel" "$(cat "/sys/class/dma/$let_go_channel/in_use")" 0 || return 1
	done
}

# passes THREADS [PARAMETER=VALUE...]: each thread makes all its iterations, and none fails
passes() {
	passes_threads=$1
	shift
	klog_mark
	start threads_per_chan="$passes_threads" "$@" && finish $((channels * passes_threads))
	summaries "$passes_threads" && ! klog_since "summary" | grep -v "summary $(cat $parameters/iterations) tests" &&
		let_go
}

modes() {
	check "memcpy, random sizes and offsets: $iterations x 2 threads a channel" passes 2
	check "memcpy, whole buffers" passes 2 norandom=1
	check "memcpy, polled" passes 1 polled=1
	check "memset, random sizes and offsets" passes 2 dmatest=1
	check "memcpy of 1 byte" passes 2 test_buf_size=1
}

# The largest that kmalloc() has; filled and compared byte by byte, so there are only few
large() {
	check "memcpy of up to 4 MiB" passes 1 test_buf_size=4194304 iterations=4
	check "memcpy of 4 MiB" passes 1 test_buf_size=4194304 iterations=2 norandom=1
}

client() {
	klog_mark
	insmod /bm/busmaster_client.ko && klog_since "busmaster_client: copied a page by dma" && rmmod busmaster_client
}

# busy_channels: dmatest, again and again; returns how often. To its end each time: a thread that is
# stopped does not wait for its transfer. And one thread a channel: one that has seen a failure
# terminates, when it ends, what is on the channel, the others' transfers as well.
busy_channels() {
	busy_rounds=0
	while [ -e /tmp/busy ]; do
		start iterations=20 threads_per_chan=1 && finish $((channels * (busy_rounds + 1)))
		let_go || return 0
		busy_rounds=$((busy_rounds + 1))
	done
	return $busy_rounds
}

# busy_file: whatever becomes of a transfer
busy_file() {
	while [ -e /tmp/busy ]; do
		dd if=/dev/busmaster0 of=/dev/null bs=1M count=8 2>/dev/null
		dd if=/dev/zero of=/dev/busmaster0 bs=64k count=32 2>/dev/null
	done
}

# in_the_middle: resets by others, and bus mastering lost, upon which the driver resets
in_the_middle() {
	for middle_round in 1 2 3; do
		usleep 300000
		echo 1 >"/sys/bus/pci/devices/$pci/reset" || return 1
		usleep 300000
		setpci -s "$pci" COMMAND=0:4
		usleep 300000
		setpci -s "$pci" COMMAND=4:4
	done
}

# While the device is reset, some transfers fail; none is lost, and none is wrong.
resets() {
	klog_expect "busmaster.*(refused|halted|to be reset|works again)" "bus mastering is off"
	klog_allow "busmaster.*without an interrupt" "and so are interrupts"
	klog_mark
	: >/tmp/busy
	busy_file &
	busy_channels &
	in_the_middle || resets_failed=1
	rm /tmp/busy
	wait $! # for busy_channels
	summaries $? "[0-9]+" || resets_failed=1
	wait
	! klog_since "dmatest: .*result" | grep -vE "$results" || resets_failed=1
	[ "$(attribute stats/resets)" -ge 1 ] || fail "no reset by the driver" || resets_failed=1
	klog_end
	[ -z "$resets_failed" ]
}

# stays: dmatest has a channel, so the driver cannot be unloaded
stays() {
	klog_mark
	start iterations=1 && finish $((channels * 2))
	! rmmod busmaster 2>/dev/null || fail "the module was unloaded" || return 1
	grep '^busmaster ' /proc/modules && summaries 2 && let_go
}

# The channels outlive the device, say no, and go with their client; the one that is free is nobody's.
unbound() {
	klog_mark
	start iterations=1 channel="$(ours | head -n 1)" && finish 2
	echo "$pci" >$driver/unbind
	same "channels left" "$(ours | wc -l)" 0 || return 1
	! insmod /bm/busmaster_client.ko 2>/dev/null || fail "a client got a channel" || return 1
	! rmmod busmaster 2>/dev/null || fail "the module was unloaded" || return 1
	echo 0 >$parameters/run
	cat $parameters/channel >/dev/null # and dmatest takes any again
	echo "$pci" >$driver/bind && passes 2 iterations=10
}

# As before, but in the middle of transfers. What dmatest has mapped then outlives the driver:
# that is dmatest's, so DMA-API debug's complaint counts for nobody.
unbound_in_the_middle() {
	klog_allow "DMA-API: .*driver filter" "it is not to complain"
	echo nobody >$debug/dma-api/driver_filter
	klog_mark
	start iterations=0
	usleep 500000
	echo "$pci" >$driver/unbind
	usleep 500000 # and now dmatest may be stopped: it waits for no transfer
	echo 0 >$parameters/run
	summaries 2 "[0-9]+" || unbound_failed=1
	! klog_since "dmatest: .*result" | grep -vE "$results" || unbound_failed=1
	echo "$pci" >$driver/bind && passes 2 iterations=10 || unbound_failed=1
	klog_end
	[ -z "$unbound_failed" ]
}

before_load
check "the module loads" load dma_channels=$channels timeout_ms=2000
check "its channels are registered" channels_registered
check "dmatest loads" insmod /bm/dmatest.ko
modes
[ -f $slots ] || [ "$(number ${slots}_hiwater 0)" -gt 0 ] || large
check "an example client copies a page" client
check "dmatest while the device is reset, and the file is busy" resets
check "dmatest afterwards" passes 2 iterations=100
check "the module does not unload while dmatest has a channel" stays
check "unbound while dmatest has a channel; bound again, it works" unbound
after_unload
check "the module loads again" load dma_channels=$channels
check "unbound while dmatest transfers; bound again, it works" unbound_in_the_middle
check "the module unloads" unload
check "no memory is leaked (kmemleak)" nothing_leaked
