# SPDX-License-Identifier: GPL-2.0-only
# A bpftrace script that a user would run: so many commands are in the histogram of each stage.
. /bm/guest/lib.sh

commands=8

traced() {
	bpftrace /bm/stages.bt -c "/bm/transfer read 65536 $commands" >/tmp/stages 2>&1
	traced_status=$?
	cat /tmp/stages
	return $traced_status
}

# counted STAGE: how many commands its histogram has
counted() {
	sed -n "/^@ns\[$1\]:/,/^\$/p" /tmp/stages | awk '$1 ~ /^[[(]/ { n += $1 ~ /\]$/ ? $2 : $3 } END { print n + 0 }'
}

check "the module loads" load
check "the script runs" traced
for stage in "1: map -> submit" "2: submit -> doorbell" "3: doorbell -> reap" "4: reap -> unmap" "5: unmap -> complete"; do
	check "$stage: all commands" same commands "$(counted "$stage")" $commands
done
check "and nothing else is shown" same "other maps" "$(grep '^@' /tmp/stages | grep -cv '^@ns\[')" 0
check "the module unloads" unload
