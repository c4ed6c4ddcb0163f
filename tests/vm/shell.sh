#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# make shell: an interactive guest on this terminal, Debian's stock kernel with VT-d on, the
# module loaded and the tools on board. Ctrl-a x leaves.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
[[ -t 0 ]] || {
	echo "shell: this needs a terminal; for a guest that runs a script see tests/vm/vm.py" >&2
	exit 1
}
exec "$root/tests/vm/vm.py" shell --kernel stock --iommu --memory 1G --mode interact \
	--append "bm.size=$(stty size | tr ' ' x)"
