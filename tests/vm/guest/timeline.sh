# SPDX-License-Identifier: GPL-2.0-only
# Runs the commands of /bm/plan, a line each, with the kernel's trace on, and prints what that has seen: an archive of the
# events' formats and of the first CPU's ring buffer as it is, in base64, as lines "#timeline TEXT". CLOCK_MONOTONIC is its clock,
# and there is a look at both clocks before and after.
. /bm/guest/lib.sh

debug=/sys/kernel/debug
tracing=/sys/kernel/tracing
out=/tmp/timeline

mark() { echo "$*" >$tracing/trace_marker; }
clocks() { cat $debug/busmaster/busmaster0/clock >/dev/null; }

# format EVENT...: what its fields are
format() {
	for format_event; do
		cat $tracing/events/$format_event/format || return 1
	done
}

load || exit 1
setpci -s "$pci" CAP_EXP+8.w=5000:7000 || exit 1 # Max_Read_Request_Size of 4096, as the lesson has it
mkdir $out || exit 1
echo 0 >$tracing/tracing_on
echo mono >$tracing/trace_clock
echo 16384 >$tracing/buffer_size_kb
for event in busmaster raw_syscalls; do
	echo 1 >$tracing/events/$event/enable || exit 1
done
echo 1 >$tracing/tracing_on
clocks || exit 1
while read -r line; do
	mark "begin $line"
	sh -c "$line" </dev/null || exit 1
	mark "end $line"
done </bm/plan
clocks
echo 0 >$tracing/tracing_on
format ftrace/print raw_syscalls/sys_enter raw_syscalls/sys_exit >$out/formats || exit 1
cat $tracing/events/busmaster/*/format >>$out/formats
# It never ends by itself, and cat would take whole pages only
timeout 1 dd if=$tracing/per_cpu/cpu0/trace_pipe_raw of=$out/raw bs=4096 2>/dev/null
grep -E '^(overrun|dropped)' $tracing/per_cpu/cpu0/stats >$out/stats
tar -cz -C $out . | base64 | sed 's/^/#timeline /'
