# SPDX-License-Identifier: GPL-2.0-only
# A machine that is stopped, saved, loaded and moved while fio writes and verifies: what is done to
# it, and when, is the host's affair (tests/vm/moves.py). From "in flight" on, it says when to end.
. /bm/guest/lib.sh
. /bm/guest/steps.sh
. /bm/guest/faults.sh

end=/tmp/end

# fio_until_end: verify.fio again and again, each time with other sizes and data
fio_until_end() {
	SEED=0
	while [ ! -e $end ]; do
		SEED=$((SEED + 1))
		export SEED ENGINE=io_uring
		fio --output=/tmp/fio.log /bm/guest/verify.fio || {
			cat /tmp/fio.log
			return 1
		}
		echo "round $SEED: no difference"
	done
}

moves_data() { [ "$(attribute stats/commands)" -gt 100 ]; }

# told: until the host says a word, or ends the boot
told() { read -r told_word && same "what the host says" "$told_word" end; }

before_load
check "the module loads" load
fio_until_end >/tmp/moves.log 2>&1 &
check "fio moves data" wait_for 30 moves_data
echo "# in flight"
check "the host has done what it had to" told
touch $end
wait $!
status=$?
check "fio --verify=crc32c: every byte is right, all the way" same "fio's status" "$status" 0
sed 's/^/# /' /tmp/moves.log
check "no time-out and no other error" same errors "$(total "*")" 0
check "no reset" same resets "$(attribute stats/resets)" 0
run verify verify -n 50 -p 2
unloads
