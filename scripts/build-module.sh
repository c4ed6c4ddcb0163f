#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Build the module against a kernel, and print the directory it was built in: build-module.sh KDIR [VARIABLE=VALUE]...
# That directory is a copy of the sources for this kernel alone, so that two kernels never share objects:
# MODULE_OUT=, or build/module/RELEASE.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

kdir=${1:-}
[[ $kdir ]] || die "usage: build-module.sh KDIR [VARIABLE=VALUE]..."
shift
[[ -f $kdir/include/config/kernel.release ]] ||
	die "KDIR=$kdir is no built kernel and no kernel's headers; for those of the running kernel:" \
		"apt-get install linux-headers-$(uname -r)"
release=$(<"$kdir/include/config/kernel.release")
out=${MODULE_OUT:-$root/build/module/$release}

"$root/scripts/deps.sh" module
mkdir -p "$out"
copy_if_new "$root/Kbuild" "$out/Kbuild"
for dir in drivers include tests/client tests/kunit; do
	[[ ! -d $root/$dir ]] || mirror_tree "$root/$dir" "$out/$dir"
done
make -s -C "$kdir" M="$out" "$@" modules >&2 || die "the module does not build against $release ($kdir)"
echo "$out"
