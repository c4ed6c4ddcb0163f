# SPDX-License-Identifier: GPL-2.0-only
# One kernel after the other, in one machine, with transfers under way: some by kexec, which calls the
# driver's shutdown, and the last by a crash, which calls nobody. None of them finds a device that
# reaches its memory, and in each the driver loads and verifies.
#
# The device works on one command of a queue at a time, and on each for a while, so that it has
# something to do for longer than a kernel needs to boot.
. /bm/guest/lib.sh
. /bm/guest/steps.sh
. /bm/guest/faults.sh
. /bm/guest/day.sh

delay=200000 # one after the other, and a shutdown waits for all of them
stage=${BM_stage:-0} # kernels before this one
last=$((BM_kexecs + 1)) # is started by a crash

# bar_register OFFSET: 32 bits of the device's registers, whoever is its driver
bar_register() {
	setpci -s "$pci" COMMAND=2:2
	devmem $(($(sed 's/ .*//;q' "$function/resource") + $1)) 32
}

ready() { [ $(($(bar_register 0x28) & 1)) = 1 ]; }
master() { [ $((0x$(setpci -s "$pci" COMMAND) & 4)) = 4 ]; }
writes() { bar_register 0x90; } # Memory Write requests that it has made

# Has it stopped, and cannot begin?
silent() {
	! master || fail "it may master the bus" || return 1
	! ready || fail "it is enabled" || return 1
	silent_before=$(writes)
	sleep 1
	same "its writes" "$(writes)" "$silent_before"
}

# The crash has told nobody: it goes on. So what comes next has something to stop.
goes_on() {
	master || fail "it may not master the bus" || return 1
	writes_before=$(writes)
	wait_for 20 grown "its writes" "$((writes_before))" count_writes
}
count_writes() { echo $(($(writes))); }

# next_kernel HOW [WORD...]: the command line is this kernel's, and more. One that has a next one in its
# turn finds that in its file system, too: an initramfs may be several archives.
next_kernel() {
	next_how=$1
	shift
	cp /boot/initramfs /tmp/next || return 1
	[ "$next_how" = crash ] || (cd / && printf "boot\nboot/kernel\nboot/initramfs\n" | cpio -o -H newc) >>/tmp/next || return 1
	# shellcheck disable=SC2046 # words they are
	kexec "$next_how" /boot/kernel /tmp/next $(cat /proc/cmdline) "$@" bm.stage=$((stage + 1))
}

# Reads, each in a process of its own: fio would bring more libraries than there is room for twice.
busy() {
	delayed || return 1
	for _ in $(seq 64); do
		dd if=/dev/busmaster0 of=/dev/null bs=4k count=10000 2>/dev/null &
	done
	wait_for 60 enough_in_flight || fail "only $(in_flight) in flight"
}

# Somebody resets it over and over: after the shutdown nobody can.
resets_for_ever() {
	while :; do
		echo 1 >"$function/reset"
	done 2>/dev/null
}

# next_is HOW [WORDS...]: what is said until now is sent by then
next_is() {
	usleep 300000
	"$@"
	sleep 60
	check "kernel $((stage + 1)) begins" false
}

crashes() {
	klog_allow "Kernel panic|Call Trace|RIP: |sysrq" "it is asked to crash"
	echo c >/proc/sysrq-trigger
}

klog_end
case $stage in
0) ;;
"$last") check "kernel $stage, after a crash: the device goes on as if nothing had happened" goes_on ;;
*) check "kernel $stage, by kexec: the device is silent, and may not master the bus" silent ;;
esac
check "kernel $stage: the module loads" load timeout_ms=60000 queue_depth=64
arm cqe-delay 0 # which only a reset of the function would forget
run "verify in kernel $stage" verify -n 30 -p 2
if [ "$stage" -lt "$BM_kexecs" ]; then
	check "kernel $stage: $many commands are in flight" busy
	[ $((stage % 2)) = 0 ] || resets_for_ever &
	next_is next_kernel now
elif [ "$stage" = "$BM_kexecs" ]; then
	check "kernel $stage: one for a crash is loaded" next_kernel crash nr_cpus=1 reset_devices
	delay=5000000 # nobody waits for it, and the next kernel may be slow to come
	check "kernel $stage: $many commands are in flight" busy
	next_is crashes
else
	unloads
fi
