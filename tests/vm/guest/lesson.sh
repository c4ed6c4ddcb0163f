# SPDX-License-Identifier: GPL-2.0-only
# Works through /bm/plan, a point a line, and prints what each has measured:
#	#lesson NUMBER ELAPSED BUSY INTERRUPTS TERSE	(hundredths of a second; of all CPUs; fio's line)
. /bm/guest/lib.sh

cd /tmp || exit 1
export DEVICE RW BS DEPTH JOBS POLLED RAMP RUNTIME LAST_CPU
LAST_CPU=$(($(nproc) - 1))

# below SLOT: the device below the root port in that slot, as sysfs has it
below() {
	for lesson_dir in /sys/class/busmaster/busmaster*; do
		case $(realpath "$lesson_dir/device") in
		*/0000:00:"$1".0/*) echo "$lesson_dir" && return ;;
		esac
	done
	fail "no device below slot $1"
}

# prepare MODE MRRS: how completions are learnt of, and Max_Read_Request_Size as Device Control has it
prepare() {
	POLLED=0
	echo 0 >"$dir/coalesce/frames"
	echo 0 >"$dir/coalesce/usecs"
	case $1 in
	polled) POLLED=1 ;;
	moderated)
		echo 16 >"$dir/coalesce/frames"
		echo $((50 * BM_scale)) >"$dir/coalesce/usecs"
		;;
	esac
	setpci -s "$(basename "$(realpath "$dir/device")")" "CAP_EXP+8.w=$2:7000"
}

# taken FILE: what fio had copied to it: hundredths of a second since boot, those that CPUs were idle, and interrupts
taken() {
	awk 'NR == 1 { up = $1 * 100 }
		$1 == "cpu" { idle = $5 + $6 }
		$NF ~ /^busmaster/ { n += $2 + $3 }
		END { print up, idle, n + 0 }' "$1"
}

# spent: how much of each between the job's begin and its end
spent() {
	echo "$(taken lesson.prerun.txt) $(taken lesson.postrun.txt)" | awk -v cpus="$(nproc)" '{ print $4 - $1, ($4 - $1) * cpus - ($5 - $2), $6 - $3 }'
}

modprobe busmaster poll_queues="$(nproc)" || exit 1
wait_for 10 [ -d "/sys/class/busmaster/busmaster$((BM_devices - 1))" ] || exit 1
while read -r number slot RW BS DEPTH JOBS mode mrrs RUNTIME; do
	dir=$(below "$slot") || exit 1
	DEVICE=/dev/$(basename "$dir")
	RAMP=$((RUNTIME / 5))
	prepare "$mode" "$mrrs"
	terse=$(fio /bm/lesson.fio --minimal </dev/null 2>/tmp/fio.log) || { sed 's/^/# /' /tmp/fio.log; exit 1; }
	echo "#lesson $number $(spent) $(echo "$terse" | grep '^3;' | tr ' ' _)"
done </bm/plan
