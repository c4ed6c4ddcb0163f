# SPDX-License-Identifier: GPL-2.0-only
# What can happen on a working day, drawn by lot, while fio verifies what it writes: many times,
# hence on a quick kernel.
. /bm/guest/lib.sh
. /bm/guest/steps.sh
. /bm/guest/faults.sh
. /bm/guest/day.sh

# load_anew: something was lost, and fio was told of it. What it would read after that proves nothing.
load_anew() {
	busy_kill -KILL
	: >/tmp/busy.log
}

# draw NUMBER: one of all that, while fio goes on
draw() {
	case $(($1 % 7)) in
	0) stores_during 0 announced ;;
	1) announced ;;
	2)
		drawn_methods=$(cat "$function/reset_method")
		echo "${drawn_methods##* }" >"$function/reset_method" && announced && echo default >"$function/reset_method"
		;;
	3) reset_unannounced && load_anew ;;
	4)
		announced &
		usleep $(($1 % 100 * 1000))
		kill -KILL $!
		wait $! || :
		;;
	5) echo freezer >/sys/power/pm_test && suspended && echo devices >/sys/power/pm_test && suspended ;;
	6)
		echo "$pci" >$driver/unbind && echo "$pci" >$driver/bind || fail "unbind and bind" || return 1
		load_anew
		;;
	esac
}

written() { one_write && [ "$result" = ok ]; }

# drawn_load: fio, unless it runs
drawn_load() {
	pidof fio >/dev/null && return
	fio --name=busy --filename=/dev/busmaster0 --allow_file_create=0 --offset=2m --filesize=2560k --rw=randrw --bs=4k --ioengine=io_uring \
		--iodepth=64 --verify=crc32c --verify_fatal=1 --continue_on_error=io --time_based --runtime=1000 >/tmp/busy.log 2>&1 &
	busy_pid=$!
}

# drawn: so many of them, none of which is the end; what failed was said to have failed
drawn() {
	draw_seed=${BM_seed:-$(date +%s)}
	echo "repeat with BM_SEED=$draw_seed"
	awk -v seed="$draw_seed" -v n="$BM_draws" 'BEGIN { srand(seed); while (n--) print int(rand() * 70000) }' >/tmp/draws
	while read -r number; do
		drawn_load
		draw "$number" || fail "draw $number" || return 1
		wait_for 20 [ -c /dev/busmaster0 ] || fail "no device after draw $number" || return 1
		wait_for 20 written || fail "draw $number: a write gives $result" || return 1
		! grep "verify: bad" /tmp/busy.log || fail "draw $number" || return 1
	done </tmp/draws
	busy_kill -INT
	verify -n 50 -p 2
}

klog_allow "busmaster" "what is told of resets is looked at in counters"
klog_allow "PM: suspend entry" "it is asked for"
check "the module loads" load timeout_ms=2000
check "$BM_draws draws under load: nothing is lost unheard of, nothing is dead" drawn
check "the module unloads" unload
klog_end
