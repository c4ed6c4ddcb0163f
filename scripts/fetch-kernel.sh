#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Print the directory of the kernel's source: KERNEL_SRC=, or Debian's linux-source-6.12, unpacked into the
# cache once.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

package=linux-source-6.12

if [[ ${KERNEL_SRC:-} ]]; then
	src=$(cd "$KERNEL_SRC" 2>/dev/null && pwd) || die "KERNEL_SRC=$KERNEL_SRC is no directory"
	[[ -f $src/Kbuild && -d $src/kernel ]] || die "KERNEL_SRC=$src is no kernel source"
	echo "$src"
	exit
fi

"$root/scripts/deps.sh" kernel
# shellcheck disable=SC2016 # the field's name is dpkg's
src=$cache/src/$package-$(dpkg-query -W -f '${Version}' "$package")
[[ -d $src ]] || hold "$package"
if [[ ! -d $src ]]; then
	need_space 2000 "the kernel source"
	say "unpacking $package"
	rm -rf "$src.part" && mkdir -p "$src.part"
	tar -C "$src.part" --strip-components=1 -xf "/usr/src/$package.tar.xz" ||
		die "cannot unpack /usr/src/$package.tar.xz; try: apt-get install --reinstall $package"
	mv "$src.part" "$src"
fi
echo "$src"
