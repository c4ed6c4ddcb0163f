#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Build the module against a kernel, and print the directory it was built in: build-module.sh KDIR [VARIABLE=VALUE]...
# That directory is a copy of the sources for this kernel alone, so that two kernels never share objects:
# MODULE_OUT=, or build/module/RELEASE. With MODULE_ROOT= both KDIR and the compiler are in that root of another system.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

kdir=${1:-}
[[ $kdir ]] || die "usage: build-module.sh KDIR [VARIABLE=VALUE]..."
shift
there=${MODULE_ROOT:-}
utsrelease=$there$kdir/include/generated/utsrelease.h # what uname -r says: kernel.release may be less
[[ -f $utsrelease ]] ||
	die "KDIR=$kdir is no built kernel and no kernel's headers; those of the running one are, on Debian, the package" \
		"linux-headers-$(uname -r), elsewhere kernel-devel or the like"
release=$(sed -n 's/^#define UTS_RELEASE "\(.*\)"/\1/p' "$utsrelease")
out=${MODULE_OUT:-$root/build/module/$release}
[[ $out != *[[:space:]]* ]] ||
	die "the kernel's build system takes no path with a blank in it, as '$out' has: move the checkout, or set MODULE_OUT=" \
		"to a directory whose path has none"

make=(make)
[[ ! $there ]] || make=("$root/scripts/in-root.sh" "$there" "$out" make)
"$root/scripts/deps.sh" module
mkdir -p "$out"
copy_if_new "$root/Kbuild" "$out/Kbuild"
for dir in drivers include tests/client tests/kunit; do
	[[ ! -d $root/$dir ]] || mirror_tree "$root/$dir" "$out/$dir"
done
"${make[@]}" -s -C "$kdir" M="$out" "$@" modules >&2 || die "the module does not build against $release ($kdir)"
echo "$out"
