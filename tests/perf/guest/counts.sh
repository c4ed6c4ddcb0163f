# SPDX-License-Identifier: GPL-2.0-only
# A fixed number of reads, each device, each depth, twice; the plugin of QEMU's counts
# instructions and register accesses between two marks, this script counts the rest.
. /bm/guest/lib.sh
. /bm/guest/devices.sh

cd /tmp || exit 1
operations=16000 # at most the blocks of 4 KiB in the file: there, fio ends

# interrupts DEVICE: of all its vectors
interrupts() {
	case $1 in
	busmaster) name='^busmaster' ;;
	null_blk) name='^no such vector$' ;;
	*) name="^$(basename "$(serial "$1")")q" ;;
	esac
	awk -v name="$name" '$NF ~ name {
		for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++)
			n += $i
	} END { print "interrupts", n + 0 }' /proc/interrupts
}

# counters DEVICE: what the system and our driver know
counters() {
	interrupts "$1"
	[ "$1" = busmaster ] || return 0
	for counter in /sys/class/busmaster/busmaster0/stats/*; do
		echo "${counter##*/} $(cat "$counter")"
	done
}

# registers DEVICE: its regions of bus addresses
registers() {
	registers_dir=$(function_of "$1")
	[ -z "$registers_dir" ] || head -n 6 "$registers_dir/resource" | {
		bar=0
		while read -r start end _; do
			[ $((end)) -eq 0 ] || echo "#count bar $1 $bar $start $end"
			bar=$((bar + 1))
		done
	}
}

# measure DEVICE DEPTH BATCH: fio makes the marks, after its own start and before its end
measure() {
	counters "$1" >/tmp/before
	read_job "$1" 4k "$2" "$3" 1 0 --number_ios="$operations" --exec_prerun=mark --exec_postrun=mark \
		>/tmp/fio.log 2>&1 || { sed 's/^/# /' /tmp/fio.log; return 1; }
	counters "$1" >/tmp/after
	echo "#count phase $1 $2 $3 $operations $(awk 'NR == FNR { old[$1] = $2; next }
		{ printf "%s=%d ", $1, $2 - old[$1] }' /tmp/before /tmp/after)"
}

load_devices 0 || exit 1
[ -z "$BM_symbols" ] || grep ' [tT] ' /proc/kallsyms | gzip -9 | base64 -w 900 | sed 's/^/#count symbols /'
for target in $(echo "$BM_devices" | tr , ' '); do
	registers "$target"
	read_job "$target" 4k 32 16 1 0 >/dev/null || exit 1 # its first interrupt settles the vector
done
for round in 1 2; do
	for target in $(echo "$BM_devices" | tr , ' '); do
		measure "$target" 1 1 && measure "$target" 32 16 && measure "$target" 32 1 || exit 1
	done
done
