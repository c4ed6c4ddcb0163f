# SPDX-License-Identifier: GPL-2.0-only
# Peer to peer: who reaches whom, and who does not, in the machine of tests/vm/peers.py. With bm.redirect=1 there is an
# IOMMU, and the kernel has all ports redirect to it: then nobody reaches anybody. QEMU counts what touches RAM.
. /bm/guest/lib.sh
. /bm/guest/steps.sh
. /bm/guest/monitor.sh
. /bm/guest/peers.sh

requests=$BM_peers

# lent: each has it, and the file has the rest
is_lent() {
	same published "$(p2pmem "$one" published)" 1 &&
		same size "$(p2pmem "$one" size)" $((lent << 20)) &&
		same available "$(p2pmem "$one" available)" $((lent << 20)) &&
		same "the file's size" "$(attribute mem_size)" $(((64 - lent) << 20))
}

# all_is_back PROVIDER [BYTES]: a disk's own queues may be in its buffer
all_is_back() { same available "$(p2pmem "$1" available)" "${2:-$((lent << 20))}"; }

# --- pairs ---

# reach CLIENT PROVIDER TRANSFERS NAME
reach() {
	reach_available=$(p2pmem "$2" available)
	run "$4" p2p works "$3" "$(node "$1")" "$(lends "$2")"
	check "$4: all memory is back" all_is_back "$2" "$reach_available"
}

# five transfers are five refusals: none is tried again
refusals() { same refusals $(($(errors "$1") - refusals_before)) 5; }

# no_way_back DEVICE NAME: nobody uses a bus to reach himself
no_way_back() {
	refusals_before=$(errors "$1")
	run "$2" p2p refused "$(node "$1")" "$(lends "$1")"
	check "$2: each transfer was refused once" refusals "$1"
}

# no_way CLIENT PROVIDER NAME
no_way() {
	klog_mark
	klog_expect "$why" "the kernel says who, and why not"
	refusals_before=$(errors "$1")
	run "$3" p2p refused "$(node "$1")" "$(lends "$2")"
	klog_end
	check "$3: each transfer was refused once" refusals "$1"
	check "$3: the kernel names both, and the reason" klog_since "$1: $why \\($2\\) do not share"
}

# --- what touched RAM ---

memory() { touched "/machine/peripheral/two/busmaster.mem[0]"; }

# in_ram: of what a device did, all that was not its peer's memory
in_ram() {
	awk -v peers=$(($(peers "$1" mrd) + $(peers "$1" mwr))) '{ n += $1 } END { print n - peers }' \
		"/sys/bus/pci/devices/$1"/busmaster/*/stats/mrd_bytes \
		"/sys/bus/pci/devices/$1"/busmaster/*/stats/mwr_bytes
}

# measured NAME COMMAND...: a check whose figures are printed
measured() {
	check "$@"
	sed 's/^/# /' /tmp/check.log
}

# streamed CLIENT: this many MiB from its file into two's memory; sets cost_ram and cost_peer
streamed() {
	streamed_ram=$(ram) || return 1
	streamed_peer=$(memory) || return 1
	p2p stream $stream "$(node "$1")" "$(lends "$two")" || return 1
	cost_ram=$(($(ram) - streamed_ram))
	cost_peer=$(($(memory) - streamed_peer))
	echo "$stream MiB: $cost_peer bytes touched the peer's memory, $cost_ram RAM"
	same "bytes of the peer's memory" "$cost_peer" $((stream << 20))
}

# A busmaster says itself what its rings and lists have cost: nothing else touched RAM.
nothing_in_ram() {
	own=$(in_ram "$one")
	streamed "$one" || return 1
	own=$(($(in_ram "$one") - own))
	echo "of these, $own for rings and lists: payload in RAM: $((cost_ram - own)) bytes"
	same "payload in RAM" $((cost_ram - own)) 0
}

# little_in_ram CLIENT: its rings and lists, and an IOMMU's tables, are less than a twentieth of it: Linux 7.3 has the disk
# take a command a page
little_in_ram() {
	streamed "$1" || return 1
	[ "$cost_ram" -lt $(((stream << 20) / 20)) ] || fail "that is more than rings and lists"
}

# The way that it goes where the two do not reach each other: into RAM, and out of it.
all_in_ram() {
	relayed_ram=$(ram) || return 1
	p2p relay $stream "$(node "$one")" "$(node "$two")" || return 1
	cost_ram=$(($(ram) - relayed_ram))
	echo "$stream MiB by way of RAM: $cost_ram bytes touched it"
	[ "$cost_ram" -ge $((2 * stream << 20)) ] || fail "that is less than twice the bytes" || return 1
	[ "$cost_ram" -lt $((202 * (stream << 20) / 100)) ] || fail "that is more than twice the bytes, rings and lists"
}

awake() {
	echo auto >"/sys/bus/pci/devices/$one/power/control"
	echo 100 >"/sys/bus/pci/devices/$one/power/autosuspend_delay_ms"
	sleep 1
	same status "$(cat "/sys/bus/pci/devices/$one/power/runtime_status")" active
}

# --- what happens to one of the two meanwhile ---

# under_way COMMAND...: while transfers from one to two are; they end well, with an error, or by SIGBUS
under_way() {
	p2p works 1000000 "$(node "$one")" "$(lends "$two")" >/tmp/under-way 2>&1 &
	under_way_pid=$!
	sleep 1
	kill -0 $under_way_pid || fail "there are no transfers under way" || return 1
	"$@" || return 1
	sleep 1
	kill $under_way_pid 2>/dev/null
	wait $under_way_pid
	under_way_status=$?
	grep '^#' /tmp/under-way
	echo "the transfers have ended with status $under_way_status"
}

# again: the two reach each other, and no memory is lost
again() {
	wait_for 5 all_nodes && wait_for 5 all_is_back "$two" &&
		p2p works 5 "$(node "$one")" "$(lends "$two")"
}

resets() {
	for resets_turn in 1 2 3; do
		echo 1 >"/sys/bus/pci/devices/$1/reset" || return 1
	done
}

unbind() {
	echo "$1" >/sys/bus/pci/drivers/busmaster/unbind || return 1
	[ ! -e "$(lends "$1")" ] || fail "its memory is still there"
}

unbound() {
	under_way unbind "$1" || return 1
	echo "$1" >/sys/bus/pci/drivers/busmaster/bind && again
}

by_remove() { echo 1 >"/sys/bus/pci/devices/$1/remove"; }

removed() {
	under_way by_remove "$1" || return 1
	[ ! -e "/sys/bus/pci/devices/$1" ] || fail "it is still there" || return 1
	echo 1 >/sys/bus/pci/rescan && again
}

# pulls PCI-FUNCTION
pulls() {
	for pulls_turn in $(seq "$BM_pulls"); do
		removed "$1" || fail "in turn $pulls_turn" || return 1
	done
}

# A disk that is slow is still at it when the memory that it writes is to go.
slow_disk() {
	monitor block_set_io_throttle disk 100000 0 0 0 0 0
	klog_mark
	p2p stream 4 "$(node "$disk")" "$(lends "$two")" >/tmp/slow 2>&1 &
	slow_pid=$!
	sleep 1
	unbind "$two" || return 1
	klog_since "waits until no other device uses" || return 1
	monitor block_set_io_throttle disk 0 0 0 0 0 0
	wait $slow_pid
	echo "the transfers have ended with status $?"
	echo "$two" >/sys/bus/pci/drivers/busmaster/bind && again
}

# --- dma-bufs ---

# holding CLIENT PROVIDER COMMAND...: while one uses a dma-buf of the other's memory
holding() {
	dmabuf hold "$(node "$1")" "$(node "$2")" >/tmp/hold 2>&1 &
	hold_pid=$!
	shift 2
	sleep 1
	"$@"
	holding_status=$?
	sleep 1
	kill -0 $hold_pid || holding_status=1
	kill $hold_pid
	wait $hold_pid
	cat /tmp/hold
	return $holding_status
}

# Its resets are waited for: nobody sees anything of them.
nothing_seen() { resets "$1" && sleep 1 && same "what was said" "$(cat /tmp/hold)" ""; }

# armed PCI-FUNCTION MODE HOW
armed() { echo "$3" >"$debug/busmaster/$(basename "$(node "$1")")/inject/$2"; }

# Its registers are not there, so it takes a function-level reset, and that at once. Nobody sees that either, though who uses it
# has one command after the other carried out for as long as a second.
nothing_heeded() {
	armed "$one" cqe-delay always:all:60000 && sleep 1
	klog_mark
	armed "$two" reads-ones always || return 1
	! dd if=/dev/zero "of=$(node "$two")" bs=4k count=1 conv=notrunc 2>/tmp/heeded || fail "the write has succeeded" || return 1
	wait_for 10 klog_since "had a function-level reset" || fail "there is no function-level reset" || return 1
	sleep 2
	armed "$one" cqe-delay 0 && same "what was said" "$(cat /tmp/hold)" ""
}

# Who had it, has nothing; and to have it keeps nobody from binding the device again.
gone_for_good() {
	unbind "$1" && wait_for 5 grep -q gone /tmp/hold && echo "$1" >/sys/bus/pci/drivers/busmaster/bind && again
}

# The peer's commands would end by their time-out. To take the memory back aborts them, and who hears no abort is reset.
hung() {
	armed "$one" hang always && sleep 1
	klog_mark
	echo 1 >"/sys/bus/pci/devices/$two/reset" || return 1
	armed "$one" hang 0
	klog_since "$(basename "$(node "$one")"): to be reset: a command was aborted, and does not end" || fail "nothing was aborted" || return 1
	! klog_since "not answered in time" || fail "it was waited for"
}

# two operations are two refusals
no_dmabuf() {
	klog_mark
	klog_expect "$why" "the kernel says who, and why not"
	klog_expect "$1 cannot reach this device's memory" "so does the driver"
	refusals_before=$(errors "$1")
	run "$3" dmabuf refused "$(node "$1")" "$(node "$2")"
	klog_end
	check "$3: each was refused once" same refusals $(($(errors "$1") - refusals_before)) 2
	check "$3: the kernel names both, and the reason" klog_since "$1: $why \\($2\\) do not share"
}

# distance CLIENT PROVIDER STEPS: what the kernel reckons the way between them to be, when one takes a dma-buf of the other's
distance() {
	distance_event=$tracing/events/kprobes/distance
	echo 'r:distance pci_p2pdma_distance_many steps=$retval:s32' >$tracing/kprobe_events &&
		echo >$tracing/trace && echo 1 >$distance_event/enable || return 1
	dmabuf works 1 "$(node "$1")" "$(node "$2")" >/tmp/distance
	distance_steps=$(sed -n 's/.* steps=\(-*[0-9]*\).*/\1/p' $tracing/trace | sort -u)
	echo 0 >$distance_event/enable && echo >$tracing/kprobe_events
	echo "$1 and $2: $distance_steps steps"
	same steps "$distance_steps" "$3"
}

# --- two NUMA nodes ---

# node_range NODE: the first page of its memory, and the first behind it
node_range() {
	awk -v node="$1," '$1 == "Node" { here = $2 == node } $1 == "spanned" { pages = $2 }
		here && $1 == "start_pfn:" && pages { if (!first) first = $2; end = $2 + pages } END { print first, end }' /proc/zoneinfo
}

# Rings and lists, and the descriptions of its interrupts: memory that both sides touch for each command.
on_its_node() {
	same "the device's node" "$(cat "/sys/bus/pci/devices/$far/numa_node")" 1 || return 1
	read -r on_first on_end <<-END
		$(node_range 1)
	END
	grep "$far coherent" $debug/dma-api/dump | sed 's/.* D=\([0-9a-f]*\) .*/\1/' >/tmp/coherent
	on_node=0
	while read -r on_address; do
		on_page=$((0x$on_address >> 12))
		[ $on_page -ge "$on_first" ] && [ $on_page -lt "$on_end" ] ||
			fail "coherent memory is in page $on_page, node 1 has $on_first to $on_end" || return 1
		on_node=$((on_node + 1))
	done </tmp/coherent
	[ $on_node -gt 3 ] || fail "$on_node pieces of coherent memory" || return 1
	for on_irq in "/sys/bus/pci/devices/$far"/msi_irqs/*; do
		same "the node of interrupt ${on_irq##*/}" "$(cat "/proc/irq/${on_irq##*/}/node")" 1 || return 1
	done
	echo "$on_node pieces of coherent memory and $(ls "/sys/bus/pci/devices/$far/msi_irqs" | wc -l) interrupts are on node 1"
	echo "distances from there: $(cat /sys/devices/system/node/node1/distance)"
}

of_far() { cat "/sys/bus/pci/devices/$far"/busmaster/*/"$1"; }

# Arrays of requests, and each one's pages: the kernel tells which node their memory is asked of.
requests_on_its_node() {
	on_event=$tracing/events/kmem/kmalloc
	on_pieces=$(($(of_far queues) * ($(of_far queue_depth) + 2)))
	echo "node == 1" >$on_event/filter
	echo "$far" >/sys/bus/pci/drivers/busmaster/unbind && echo 1 >$on_event/enable || return 1
	echo "$far" >/sys/bus/pci/drivers/busmaster/bind || return 1
	echo 0 >$on_event/enable
	on_node=$(grep -c "call_site=__kvmalloc_node.* node=1 " $tracing/trace)
	wait_for 10 all_nodes && [ "$on_node" -ge $on_pieces ] || fail "$on_node of $on_pieces pieces are asked of node 1" || return 1
	echo "$on_node pieces of $(of_far queues) queues are asked of node 1"
}

# Debian's newest kernel, without its modules: so the disk has no driver. The ports of one and two do not redirect, near's does.
if [ "${BM_near:-0}" = 1 ]; then
	before_load
	check "the module loads, for five devices" load_all
	reach "$one" "$two" $((requests / 25)) "one switch"
	run "a dma-buf, one switch" dmabuf works $((requests / 25)) "$(node "$two")" "$(node "$one")"
	klog_allow "busmaster" "what is under way fails"
	check "who lends is reset under transfers, three times: it works" under_way resets "$two"
	check "no memory is lost by that" again
	check "who lends is unbound, its memory mapped and under DMA; bound again, it works" unbound "$two"
	klog_end
	no_way "$one" "$near" "one switch that redirects"
	no_way "$one" "$other" "two switches"
	no_way_back "$one" "a device and what it lends"
	no_dmabuf "$one" "$near" "a dma-buf, one switch that redirects"
	unloads
	exit
fi
check "the disk is unbound" no_disk
before_load
check "the module loads, for four devices" load_all
check "the disk is bound" a_disk
check "each lends its last MiBs, and the file has the rest" is_lent
check "who lends does not sleep" awake
if [ "${BM_zen:-0}" = 1 ]; then
	reach "$one" "$other" $((requests / 25)) "two switches, and a CPU that routes"
	reach "$disk" "$alone" $((requests / 25)) "a disk and a root port likewise"
	reach "$one" "$far" $((requests / 25)) "two host bridges likewise"
	run "a dma-buf, two host bridges" dmabuf works $((requests / 25)) "$(node "$far")" "$(node "$alone")"
	measured "two devices below one switch are four steps apart" distance "$one" "$two" 4
	measured "so are two at two host bridges" distance "$far" "$alone" 4
	measured "a switch on the way is two more" distance "$far" "$one" 6
	measured "a device's memory is on its node" on_its_node
	measured "so are its requests" requests_on_its_node
	run "verify after all that" verify -n 100 -p 2
	check "the disk is unbound again" no_disk
	unloads
	exit
fi
not_translated || requests=$((requests / 5))
if [ "$BM_redirect" = 1 ]; then
	no_way "$one" "$two" "one switch that redirects"
else
	reach "$one" "$two" $((requests / 2)) "one switch"
	reach "$two" "$one" $((requests / 5)) "one switch, the other way"
	reach "$disk" "$two" $((requests / 5)) "a disk and a busmaster"
	reach "$one" "$disk" $((requests / 25)) "a busmaster and a disk's buffer"
	if not_translated; then
		measured "no byte of payload touches RAM" nothing_in_ram
		measured "by way of RAM each byte touches it twice" all_in_ram
	else
		measured "next to nothing touches RAM" little_in_ram "$one"
	fi
	measured "a disk's DMA into a busmaster does not touch RAM either" little_in_ram "$disk"
	klog_allow "busmaster" "what is under way fails"
	run "dma-bufs" dmabuf works $((requests / 10)) "$(node "$one")" "$(node "$two")"
	if not_translated; then
		check "who lends is removed under transfers, and found again: $BM_pulls" pulls "$two"
		check "so is who uses: $BM_pulls" pulls "$one"
		check "to unbind who lends waits for a slow disk's DMA, and says so" slow_disk
	else # the IOMMU tells of who comes too late
		check "who lends is reset under transfers, three times: it works" under_way resets "$two"
		check "no memory is lost by that" again
		check "who uses is reset likewise" under_way resets "$one"
		check "no memory is lost by that either" again
		check "who lends is unbound, its memory mapped and under DMA; bound again, it works" unbound "$two"
		check "who uses is unbound likewise" unbound "$one"
		check "who exports is reset under transfers, three times: nobody sees it" holding "$one" "$two" nothing_seen "$two"
		check "what uses an export hangs: it is aborted as who exports is reset" holding "$one" "$two" hung
		check "who exports heeds no register: nobody sees its function-level reset" holding "$one" "$two" nothing_heeded
		check "who imports is reset likewise" holding "$one" "$two" nothing_seen "$one"
		check "who exports is unbound under transfers, and bound again with a dma-buf alive" \
			holding "$one" "$two" gone_for_good "$two"
	fi
	klog_end
fi
no_way "$one" "$other" "two switches"
no_way_back "$one" "a device and what it lends"
no_way "$one" "$alone" "a switch and a root port"
no_way "$alone" "$other" "a root port and a switch"
no_way "$alone" "$disk" "a root port and a disk's buffer"
no_dmabuf "$one" "$other" "a dma-buf, two switches"
run "verify after all that" verify -n 100 -p 2
check "the disk is unbound again" no_disk
if [ "$BM_redirect" = 1 ] || not_translated; then # nothing that is not done behind an IOMMU, too
	unloads
else
	after_unload
fi
