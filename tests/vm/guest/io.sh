# SPDX-License-Identifier: GPL-2.0-only
# Behind VT-d with strict invalidation: what the device computes, asked for by ioctl and
# io_uring; fio's own checksums by each of its engines; and CPUs that come and go.
. /bm/guest/lib.sh
. /bm/guest/steps.sh

operations=$BM_operations # of fio, with all engines together
: >/tmp/operations

all_operations() { awk '{ n += $1 } END { print n + 0 }' /tmp/operations; }

# fio_verify ENGINE: one run of verify.fio; fails unless all data were what was written
fio_verify() {
	SEED=$(wc -l </tmp/operations)
	export SEED ENGINE="$1"
	fio --output-format=json --output=/tmp/fio.json /bm/guest/verify.fio || {
		cat /tmp/fio.json
		return 1
	}
	awk '/"total_ios"/ { n += $3 } END { print n }' /tmp/fio.json >>/tmp/operations
	same "fio's errors" "$(awk '/"error"|"total_err"/ { n += $3 } END { print n + 0 }' /tmp/fio.json)" 0
}

# Each engine once, and then in turn until there are enough.
fio_all() {
	for fio_engine in io_uring libaio psync; do
		check "fio --verify=crc32c by $fio_engine, mixed sizes, 4 processes" \
			fio_verify $fio_engine || return
		echo "# $(all_operations) operations"
		[ "$fio_round" = 1 ] || [ "$(all_operations)" -lt "$operations" ] || return
	done
}

enough_operations() {
	all_operations
	[ "$(all_operations)" -ge "$operations" ]
}

# Takes CPU 1 away and gives it back while fio runs; commands in flight are not forgotten.
cpus_come_and_go() {
	hotplug_rounds=0
	fio_verify io_uring &
	while [ -e /proc/$! ] && [ "$(awk '{ print $3 }' /proc/$!/stat)" != Z ]; do
		echo 0 >$cpu && usleep 200000 && echo 1 >$cpu && usleep 200000 || break
		hotplug_rounds=$((hotplug_rounds + 1))
	done
	wait $! || return 1
	echo "CPU 1 was offline $hotplug_rounds times"
	[ $hotplug_rounds -ge 3 ] && same "CPU 1 online" "$(cat $cpu)" 1
}

before_load
check "the module loads" load
check "the device is behind the IOMMU, its domain translates" translated
run opargs opargs
run ops ops -n "$BM_ops"
fio_round=1
until ! fio_all || enough_operations >/dev/null; do
	fio_round=$((fio_round + 1))
done
check "fio did at least $operations operations" enough_operations
check "every queue raised interrupts" every_queue_interrupts
check "CPU 1 comes and goes while fio runs" cpus_come_and_go
check "no command was not answered in time" same timeouts "$(attribute errors/timeouts)" 0
after_unload
