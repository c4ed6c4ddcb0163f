#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Remove what was built in the checkout, and say what else there is.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

rm -rf "$root/build"
[[ ! -d $cache ]] || echo "removed build/; QEMU and the kernels stay cached: rm -rf '$cache' drops them"
