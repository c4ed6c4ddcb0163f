#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Run the test suites, cheap ones first, and count: check.sh, or check.sh soak with more of everything.
# SUITE= runs one, LIST=1 names them all. A suite is a program tests/suites/NAME that prints KTAP or TAP;
# how much it does is in tests/vm/amounts.py.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

suites=(lint qtest fuzz kunit smoke kernels counts time guest hostile recovery dmaengine p2p)
longer=(tsan) # only in a soak, or by name: it costs half an hour

case ${1:-} in
'') ;;
soak) export BM_SOAK=1 && suites+=("${longer[@]}") ;;
*) die "usage: check.sh [soak]" ;;
esac
export PYTHONDONTWRITEBYTECODE=1

if [[ ${LIST:-} ]]; then
	for suite in "${suites[@]}"; do
		printf '%-11s%s\n' "$suite" "$(sed -n 's/^# suite: //p' "$root/tests/suites/$suite")"
	done
	echo
	exec "$python" "$root/tests/vm/amounts.py"
fi
if [[ ${SUITE:-} ]]; then
	[[ " ${suites[*]} ${longer[*]} " == *" $SUITE "* ]] ||
		die "no suite '$SUITE'; there are: ${suites[*]}, and in a soak: ${longer[*]}"
	suites=("$SUITE")
fi

# The kernel's own parser reads the results: that of Debian's source, whatever kernel is tested
"$root/scripts/deps.sh" check
source=$(KERNEL_SRC='' "$root/scripts/fetch-kernel.sh")
cd "$root"
exec "$python" tests/report.py "$source/tools/testing/kunit" "${suites[@]}"
