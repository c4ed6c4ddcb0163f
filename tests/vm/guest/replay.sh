# SPDX-License-Identifier: GPL-2.0-only
# A machine that is recorded, or replayed (tests/vm/replay.py). Some commands are done where they are
# submitted, larger ones later; interrupts come at once, and when it is time.
. /bm/guest/lib.sh

moderated() {
	echo 8 >/sys/class/busmaster/busmaster0/coalesce/frames &&
		echo 50 >/sys/class/busmaster/busmaster0/coalesce/usecs
}

check "the module loads" load
run verify verify -n 150 -p 2
check "interrupts are moderated" moderated
run moderated verify -n 150 -p 2
check "the module unloads" unload
