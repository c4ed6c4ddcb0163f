# SPDX-License-Identifier: GPL-2.0-only
# Loads the KUnit module and passes on each suite's own KTAP.
. /bm/guest/lib.sh
. /bm/guest/steps.sh

results=/sys/kernel/debug/kunit

before_load
[ -f /bm/kunit.ko ] && check "KUnit loads" insmod /bm/kunit.ko
check "busmaster_kunit.ko loads" insmod /bm/busmaster_kunit.ko
for suite in "$results"/*; do
	case ${suite##*/} in
	b*m*) run "" cat "$suite/results" ;;
	esac
done
check "busmaster_kunit.ko unloads" rmmod busmaster_kunit
check "no memory is leaked (kmemleak)" nothing_leaked
