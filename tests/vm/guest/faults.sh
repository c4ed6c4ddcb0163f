# SPDX-License-Identifier: GPL-2.0-only
# Faults on demand: the table of what is promised for each mode, and how a promise is
# tested. Sourced after steps.sh.

class=/sys/class/busmaster/busmaster0
inject=/sys/kernel/debug/busmaster/busmaster0/inject
driver=/sys/bus/pci/drivers/busmaster
healthy=$BM_healthy # verified transfers after each fault
mutations=$BM_mutations

# What is promised: mode | how it is armed | what is done then | what the caller gets | the
# errors/ counter that tells of it, or a pattern | is the controller reset | in words.
# Where nothing is counted, the mode's own count shows that it was met; else that may have
# gone with a function reset. Of results "any" is EIO or success.
faults() {
	sed 's/ *| */|/g' <<'END'
cqe-drop      | 1             | write    | EIO    | timeouts            | reset | an answer that never comes is a timeout
cqe-duplicate | 1             | write    | any    | bad_tag_free        | reset | a second answer names no command in flight
cqe-delay     | 1:all:100000  | write    | ok     | -                   | -     | what is late but in time is no error
cqe-tear      | 1:all:500000  | write    | any    | bad_tag_range       | reset | half an answer is not taken for a whole one
tag-range     | 1             | write    | EIO    | bad_tag_range       | reset | a tag beyond all requests is not looked up
tag-free      | 1             | write    | EIO    | bad_tag_free        | reset | a tag of no command in flight ends none
tag-stale     | 1             | write    | EIO    | bad_tag_stale       | reset | an answer to an earlier use ends no later one
phase         | 1             | write    | EIO    | timeouts            | reset | an answer of the old phase is none
sq-head       | 1             | write    | EIO    | bad_head            | reset | the device has not fetched what was not submitted
status        | 1             | write    | EIO    | bad_status          | reset | an unknown status is no success
info          | 1             | write    | EIO    | bad_info            | reset | info that cannot be is no answer
irq-skip      | 1             | write    | ok     | lost_interrupts     | -     | the watchdog finds what no interrupt told
irq-spurious  | always        | verify   | ok     | spurious_interrupts | -     | an interrupt for nothing does nothing
hang          | 1             | write    | EIO    | timeouts            | reset | a queue that stops is a timeout
halt          | 1             | write    | EIO    | halts               | reset | a halt is told by the event interrupt
fatal         | 1             | write    | EIO    | fatals              | reset | the device gives itself up, the driver does not
sqe-change    | always        | verify   | ok     | -                   | -     | a submission is never read back
sgl-change    | always        | verify   | ok     | -                   | -     | nor is a list
event-lost    | 1             | writes   | any    | timeouts            | reset | a doorbell that nobody hears is a timeout
reset-ignore  | 1             | hang     | EIO    | failed_resets       | reset | where CTRL.RESET does nothing, an FLR does
enable-ignore | 1             | hang     | EIO    | failed_resets       | reset | and so it is where it does not get ready
reads-ones    | always        | write    | EIO    | failed_resets       | reset | where registers read as ones, an FLR brings them back
reads-zeros   | always        | write    | EIO    | failed_resets       | reset | and so it does where there is no magic
poisoned      | 1             | write    | EIO    | dma_faults          | -     | data that is marked as bad is not used
aer-correctable | 1           | write    | ok     | -                   | -     | what a device on the root bus reports nobody hears
aer-nonfatal  | 1             | write    | ok     | -                   | -     | nor if it is worse
aer-fatal     | 1             | write    | ok     | -                   | -     | or as bad as can be
END
}

# total PATTERN: the sum of the counters in errors/ with such names
total() {
	total_sum=0
	for total_file in $class/errors/$1; do
		total_sum=$((total_sum + $(cat "$total_file")))
	done
	echo $total_sum
}

# arm MODE HOW: on all queues unless HOW says which
arm() { echo "$2" >"$inject/$1" || fail "$1 is not armed"; }

# fired MODE: how often since it was armed
fired() { cut -d ' ' -f 1 "$inject/$1"; }

# grown WHAT BEFORE COMMAND...: is the number larger now?
grown() {
	grown_what=$1 grown_before=$2
	shift 2
	[ "$("$@")" -gt "$grown_before" ] || fail "$grown_what stays at $grown_before"
}

# --- what is done to meet a fault: each leaves in $result what the caller got ---

# one_write [FILE]: 4 KiB, in one command
one_write() {
	status=0
	dd if="${1:-/dev/zero}" of=/dev/busmaster0 bs=4k count=1 conv=notrunc 2>/tmp/dd || status=$?
	if [ $status = 0 ]; then
		result=ok
	elif [ $status = $((128 + 7)) ]; then
		result=SIGBUS
	elif grep -q "Input/output error" /tmp/dd; then
		result=EIO
	elif grep -q "No such device" /tmp/dd; then
		result=ENODEV
	else
		result=$(cat /tmp/dd)
	fi
}

provoke() {
	case $1 in
	write) one_write ;;
	writes) # the next may be on another CPU, whose queue was not hit
		for _ in $(seq 20); do
			one_write
			[ "$result" = ok ] || break
		done
		;;
	hang) arm hang 1 && one_write ;;
	verify) verify -n 100 -p 2 >/tmp/verify && result=ok || result=$(cat /tmp/verify) ;;
	esac
}

# --- what must be so afterwards ---

reset_done() { grown "stats/resets" "$resets" attribute stats/resets; }

works() { verify -n "$healthy" -p 4; }

# promised MODE HOW DO RESULT COUNTER END
promised() {
	errors=$([ "$5" = - ] || total "$5")
	resets=$(attribute stats/resets)
	arm "$1" "$2" || return 1
	provoke "$3"
	echo "the caller got $result"
	[ "$5" != - ] || grown "hits of $1" 0 fired "$1" || return 1
	case $4 in
	any) [ "$result" = ok ] || same "the caller's result" "$result" EIO ;;
	*) same "the caller's result" "$result" "$4" ;;
	esac || return 1
	[ "$5" = - ] || wait_for 10 grown "errors/$5" "$errors" total "$5" || return 1
	case $6 in
	reset) wait_for 10 reset_done || return 1 ;;
	-) same "resets" "$(attribute stats/resets)" "$resets" || return 1 ;;
	esac
	arm "$1" 0 && works
}

# fault LINE: of faults()
fault() {
	IFS='|' read -r mode how act gets counter end words <<END
$1
END
	klog_allow "busmaster" "the device is told to lie: $mode"
	check "$mode: $words ($gets, $counter, $end); then $healthy transfers" \
		promised "$mode" "$how" "$act" "$gets" "$counter" "$end"
	klog_end
}

# Seed by seed, a completion with some of its bits flipped. The caller may get any error, as a
# device may fail what it likes; but what it gets for a success must be one.
mutated() {
	klog_allow "busmaster" "completions with bits flipped"
	for seed in $(seq "$mutations"); do
		dd if=/dev/urandom of=/tmp/out bs=4k count=1 2>/dev/null
		arm cqe-mutate "1:all:$seed" || return 1
		one_write /tmp/out
		[ "$result" = ok ] || continue
		dd if=/dev/busmaster0 of=/tmp/in bs=4k count=1 2>/dev/null
		cmp /tmp/out /tmp/in || fail "with seed $seed" || return 1
	done
	works || return 1
	klog_end
}

# --- addresses that the device was never given ---

nowhere=0x3ffffffff000 # neither memory nor mapped

# rogue_does WORD: prints what the experiment gave under that word
rogue_does() { sed -n "s/^$1 //p" /tmp/rogue; }

# theft DIRECTION: nothing is in between, and nobody notices
theft() {
	rogue "$1" >/tmp/rogue || return 1
	cat /tmp/rogue
	same "the call" "$(rogue_does call)" "4096 bytes" &&
		same "the device reached the page" "$(rogue_does moved)" yes
}

# refusal DIRECTION: the IOMMU's word in the log, the device's word in the driver's, and the page is safe
refusal() {
	klog_expect "DMAR: (DRHD|\[DMA $2 )" "a $1 of a page that the device was not given"
	klog_expect "busmaster.*DMA $1 of bus address .* refused" "and the device says so"
	klog_mark
	faults_before=$(total dma_faults)
	rogue "$1" >/tmp/rogue || return 1
	cat /tmp/rogue
	klog_since "DMAR:.*fault addr $(rogue_does page)" || fail "no DMAR line names the page" || return 1
	klog_since "busmaster.*address $(rogue_does page) refused" || fail "no line of ours does" || return 1
	klog_end
	same "the call" "$(rogue_does call)" "Input/output error" &&
		same "the device reached the page" "$(rogue_does moved)" no &&
		same "faults counted" "$(total dma_faults)" $((faults_before + 1)) && works
}

# unnoticed: where writes are posted, as on any real bus, only the IOMMU knows of a refusal
unnoticed() {
	klog_expect "DMAR: (DRHD|\[DMA Write )" "a write of a page that the device was not given"
	klog_mark
	faults_before=$(total dma_faults)
	rogue write >/tmp/rogue || return 1
	cat /tmp/rogue
	wait_for 5 klog_since "DMAR:.*fault addr $(rogue_does page)" || fail "no DMAR line names the page" || return 1
	klog_end
	same "the call" "$(rogue_does call)" "4096 bytes" &&
		same "the device reached the page" "$(rogue_does moved)" no &&
		same "faults counted" "$(total dma_faults)" "$faults_before"
}

# --- interrupts that the device was never given ---

# forged: nothing is in between, and a CPU has an interrupt that nobody has asked for
forged() {
	rogue msi >/tmp/rogue || return 1
	cat /tmp/rogue
	same "the call" "$(rogue_does call)" "4096 bytes" &&
		same "the CPU was interrupted" "$(rogue_does moved)" yes && works
}

# remapped: whatever the message says, it is refused, and the kernel is told
remapped() {
	klog_expect "DMAR: (DRHD|\[INTR-REMAP\])" "a message that the device was not given"
	klog_mark
	rogue msi >/tmp/rogue || return 1
	cat /tmp/rogue
	same "the call" "$(rogue_does call)" "4096 bytes" &&
		same "the CPU was interrupted" "$(rogue_does moved)" no || return 1
	wait_for 20 klog_since "INTR-REMAP.*Blocked a compatibility format" || fail "no DMAR line says so" || return 1
	# It names the first entry of the table, which is another's, or nobody's.
	arm rogue-msi 1:all:0xfee0001000000000 && one_write && same "the call" "$result" ok || return 1
	wait_for 20 klog_since "INTR-REMAP.*(source-id verification|Present field in the IRTE)" || fail "no DMAR line says so" || return 1
	klog_end
	works
}

# --- the policies for a refused DMA ---

# refuse_one: a command whose memory is refused
refuse_one() {
	arm rogue-read "1:all:$nowhere" || return 1
	faults_before=$(total dma_faults)
	resets=$(attribute stats/resets)
	one_write
	grown errors/dma_faults "$faults_before" total dma_faults
}

# policy NAME RESULT RESET: what the caller gets, and whether there is a reset
policy() {
	klog_allow "DMAR: (DRHD|\[DMA Read )" "the IOMMU refuses what the device was not given"
	klog_expect "busmaster.*refused" "policy $1"
	klog_allow "busmaster" "policy $1"
	echo "$1" >$class/fault_policy && refuse_one || return 1
	klog_end
	same "the caller's result" "$result" "$2" || return 1
	case $3 in
	reset) wait_for 10 reset_done || return 1 ;;
	*) same "resets" "$(attribute stats/resets)" "$resets" || return 1 ;;
	esac
	works
}

# policy_refused: what is no policy
policy_refused() {
	klog_allow "busmaster.*fault_policy" "a policy that is none"
	policy_before=$(cat $class/fault_policy)
	! echo mercy >$class/fault_policy 2>/dev/null || fail "'mercy' was taken" || return 1
	klog_end
	same fault_policy "$(cat $class/fault_policy)" "$policy_before"
}
