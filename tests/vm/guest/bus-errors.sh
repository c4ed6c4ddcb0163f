# SPDX-License-Identifier: GPL-2.0-only
# The bus reports errors: correctable, non-fatal and fatal, found by QEMU's monitor in the device and by the
# kernel's aer_inject in its registers, with commands in flight. The device is two functions of one slot: so
# each is the other's neighbour, and has a part in its recovery.
. /bm/guest/lib.sh
. /bm/guest/steps.sh
. /bm/guest/faults.sh
. /bm/guest/day.sh
. /bm/guest/monitor.sh

neighbour=${function%0}1

# bus_errors FUNCTION SEVERITY: so many were reported to the driver
bus_errors() { cat "/sys/class/busmaster/busmaster$1/errors/bus_$2"; }

# from_kernel UNCORRECTABLE CORRECTABLE: status bits, of the lowest byte's octal digits. A struct aer_error_inj: bus,
# device, function, a hole, both statuses, four words of a header and the domain.
from_kernel() {
	from_bus=$(printf '\\%o' "0x$(echo "$pci" | cut -d : -f 2)")
	printf "$from_bus\\0\\0\\0$1$2\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0" >/tmp/error
	dd if=/tmp/error of=/dev/aer_inject bs=32 2>/dev/null
}

neighbour_works() { verify -d /dev/busmaster1 -n 20 -p 2; }

# busy_again: as much is in flight as before; what has failed since is not
busy_again() {
	unanswered=$((unanswered + $(attribute stats/failures) - known_failures)) known_failures=$(attribute stats/failures)
	delayed && wait_for 60 enough_in_flight || fail "only $(in_flight) in flight"
}

begins() {
	account_commands=$(attribute stats/commands) account_completions=$(attribute stats/completions)
	account_failures=$(attribute stats/failures) known_failures=$account_failures
	busy_begin --continue_on_error=all --verify_fatal=0 --runtime=2000
}

# accounted: each command that was submitted since was completed or has failed, and none did both
accounted() {
	busy_kill -INT
	same "commands" $(($(attribute stats/commands) - account_commands)) \
		$(($(attribute stats/completions) - account_completions + $(attribute stats/failures) - account_failures))
}

# bus_error SEVERITY FAILS COMMAND...: with much in flight. FAILS: none, or some of what was in flight
bus_error() {
	bus_severity=$1 bus_fails=$2
	shift 2
	busy_again || return 1
	echo "$(in_flight) in flight"
	bus_before=$(bus_errors 0 "$bus_severity") bus_neighbour=$(bus_errors 1 "$bus_severity")
	klog_mark
	"$@" || return 1
	wait_for 30 grown "errors/bus_$bus_severity" "$bus_before" bus_errors 0 "$bus_severity" 2>/dev/null || fail "it is not noticed" || return 1
	case $bus_fails in
	none) ;;
	some) grown stats/failures "$known_failures" attribute stats/failures || return 1 ;;
	esac
	[ "$bus_severity" = correctable ] || wait_for 60 recovered 2>/dev/null || recovered || return 1
	[ "$bus_fails" = none ] || busy_again || return 1
	same stats/failures "$(attribute stats/failures)" "$known_failures" || return 1
	[ "$bus_severity" = correctable ] || grown "the neighbour's errors" "$bus_neighbour" bus_errors 1 "$bus_severity" || return 1
	neighbour_works
}

# each_bus_error SEVERITY FAILS COMMAND...: as often as is wanted
each_bus_error() {
	for _ in $(seq "$BM_bus_errors"); do
		bus_error "$@" || return 1
	done
}

# reported SEVERITY COMMAND...: an error, and the recovery from it. A device that is just being reset does not report any.
reported() {
	reported_severity=$1 reported_before=$(bus_errors 0 "$1")
	shift
	for _ in 1 2 3 4 5; do
		"$@" && wait_for 3 grown "errors/bus_$reported_severity" "$reported_before" bus_errors 0 "$reported_severity" 2>/dev/null && break
	done
	wait_for 60 recovered 2>/dev/null || recovered
}

# while_resetting SEVERITY COMMAND...: it comes while the driver itself resets the device, which does not heed that at first
while_resetting() {
	for resetting_round in $(seq "$BM_bus_errors"); do
		busy_again || return 1
		resetting_before=$(attribute errors/timeouts)
		klog_mark
		arm reset-ignore 1 && arm hang 1 || return 1
		wait_for 20 grown errors/timeouts "$resetting_before" attribute errors/timeouts 2>/dev/null || fail "no time-out" || return 1
		usleep $((resetting_round * 300000 % 1000000))
		reported "$@" || return 1
		neighbour_works || return 1
	done
}

# --- a driver without handlers is a veto on the recovery of its neighbours ---

without_handlers() {
	echo pci-stub >"$neighbour/driver_override" && echo "${neighbour##*/}" >$driver/unbind &&
		echo "${neighbour##*/}" >/sys/bus/pci/drivers_probe || return 1
	same "the neighbour's driver" "$(basename "$(readlink -f "$neighbour/driver")")" pci-stub
}

vetoed() { klog_since "device recovery failed"; }
veto() {
	klog_mark
	from_device "$1" && wait_for 30 vetoed 2>/dev/null || fail "there is no veto"
}

# What was lost is told by what has lost it: so it goes on.
nonfatal_veto() { veto COMP_TIME && works; }

# What comes waits for the recovery. Who does not wait pulls both out, and finds them anew; and who reads a register
# meanwhile does not hold that up until the device is given up.
fatal_veto() {
	veto DLP || return 1
	! timeout 3 dd if=/dev/busmaster0 of=/dev/null bs=4k count=1 2>/dev/null || fail "it was not waited for" || return 1
	cat "$function"/busmaster/*/stats/mrd_tlps 2>/tmp/reader &
	reader_pid=$!
	sleep 1
	echo 1 >"$neighbour/remove" && echo 1 >"$function/remove" || return 1
	! wait $reader_pid || fail "there was something to read" || return 1
	grep "No such device" /tmp/reader || return 1
	! klog_since "given up" || fail "it was waited for" || return 1
	echo 1 >/sys/bus/pci/rescan && wait_for 20 [ -c /dev/busmaster1 ] && works && neighbour_works
}

before_load
klog_allow "busmaster" "what is told of errors is looked at in counters"
check "the module loads" load timeout_ms=2000
check "there is much in flight" begins
check "correctable, by the device: nothing fails" each_bus_error correctable none from_device RCVR
check "a completion is missing: non-fatal, nothing else fails" each_bus_error nonfatal none from_device COMP_TIME
check "an unsupported request: non-fatal, nothing else fails" each_bus_error nonfatal none from_device UNSUP
check "the link's protocol: fatal, what is in flight fails and nothing after it" each_bus_error fatal some from_device DLP
check "a fatal error while the driver resets the device" while_resetting fatal from_device DLP
check "a non-fatal one meanwhile" while_resetting nonfatal from_device COMP_TIME
# From here on the kernel reads what aer_inject has put into the registers, and not what the device and its port have in them
check "aer_inject loads" insmod /bm/aer_inject.ko
check "correctable, by the kernel: nothing fails" each_bus_error correctable none from_kernel '\0\0\0\0' '\1\0\0\0'
check "non-fatal, by the kernel: nothing fails" each_bus_error nonfatal none from_kernel '\0\100\0\0' '\0\0\0\0'
check "fatal, by the kernel: the same" each_bus_error fatal some from_kernel '\20\0\0\0' '\0\0\0\0'
check "aer_inject unloads" rmmod aer_inject
check "all commands are accounted for" accounted
check "works afterwards" works
check "nothing of it was a reset that nobody announced" same errors/foreign_resets "$(attribute errors/foreign_resets)" 0
check "the neighbour has a driver without handlers" without_handlers
check "non-fatal, and no recovery: it goes on" nonfatal_veto
check "fatal, and no recovery: what comes waits, and it can be pulled out and found anew" fatal_veto
after_unload
klog_end
