#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Run the test suites, cheap ones first, and count: SUITE= runs one, LIST=1 names them all.
# A suite is a program tests/suites/NAME that prints KTAP or TAP.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

suites=(lint qtest fuzz kunit smoke counts guest hostile dmaengine)

if [[ ${LIST:-} ]]; then
	for suite in "${suites[@]}"; do
		printf '%-11s%s\n' "$suite" "$(sed -n 's/^# suite: //p' "$root/tests/suites/$suite")"
	done
	exit
fi
if [[ ${SUITE:-} ]]; then
	[[ " ${suites[*]} " == *" $SUITE "* ]] || die "no suite '$SUITE'; there are: ${suites[*]}"
	suites=("$SUITE")
fi

# The kernel's own parser reads the results
"$root/scripts/deps.sh" check
source=$("$root/scripts/fetch-kernel.sh")
cd "$root"
exec env PYTHONDONTWRITEBYTECODE=1 "$python" tests/report.py "$source/tools/testing/kunit" "${suites[@]}"
