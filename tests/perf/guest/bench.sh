# SPDX-License-Identifier: GPL-2.0-only
# Works through /bm/plan, a run a line, and prints what each has measured:
#	#bench fio NUMBER ERROR KIB MILLISECONDS LATENCY	(microseconds)
#	#bench copy NUMBER BYTES_PER_SECOND
#	#bench host NUMBER	(the host copies now; the guest sleeps)
. /bm/guest/lib.sh
. /bm/guest/devices.sh

cd /tmp || exit 1

# coalesce FRAMES USECS: an interrupt for so many completions, or after so long
coalesce() {
	echo "$1" >/sys/class/busmaster/busmaster0/coalesce/frames
	echo "$2" >/sys/class/busmaster/busmaster0/coalesce/usecs
}

# run_job DEVICE SIZE DEPTH BATCH JOBS MODE
run_job() {
	polled=0
	[ "$6" != polled ] || polled=1
	[ "$6" != moderated ] || coalesce 16 50
	read_job "$1" "$2" "$3" "$4" "$5" $polled --time_based --runtime="${BM_milliseconds}ms" >/tmp/fio.log 2>&1
	run_status=$?
	[ "$6" != moderated ] || coalesce 0 0
	if [ $run_status -ne 0 ]; then
		sed 's/^/# /' /tmp/fio.log
		fail "fio, $*: status $run_status"
		return 1
	fi
	echo "#bench fio $number $(grep '^3;' /tmp/fio.log | cut -d ';' -f 5,6,9,40 | tr ';' ' ')"
}

# dmatest SIZE: bytes per second of one thread, which maps, copies and unmaps, and does not compare
dmatest() {
	dmesg -c >/dev/null
	insmod /bm/dmatest.ko device="$pci" max_channels=1 noverify=1 norandom=1 transfer_size="$1" \
		test_buf_size=$(($1 + 1)) iterations=5000 run=1 || return 1
	until dmesg | grep -q 'dmatest: .* summary'; do
		usleep 100000
	done
	dmesg | sed -n 's/.* 0 failures .* iops \([0-9]*\) KB.*/\1/p' | awk '{ print $1 * 1024 }' &&
		rmmod dmatest
}

load_devices "$(nproc)" || exit 1
while read -r number target size depth batch jobs mode; do
	case $target in
	dmatest) echo "#bench copy $number $(dmatest "$size")" ;;
	guest_memcpy) echo "#bench copy $number $(copy "$size" "$BM_milliseconds")" ;;
	bar_copy) echo "#bench copy $number $(copy "$size" "$BM_milliseconds" "$(node busmaster)")" ;;
	host_memcpy)
		echo "#bench host $number"
		sleep $((2 + BM_milliseconds / 1000))
		;;
	*) run_job "$target" "$size" "$depth" "$batch" "$jobs" "$mode" || exit 1 ;;
	esac
done </bm/plan
