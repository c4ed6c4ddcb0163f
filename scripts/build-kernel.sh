#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Build the debug kernel that the tests boot, and print its build directory, which serves as KDIR, too.
# The source is Debian's linux-source-6.12, or a tree of the user's: KERNEL_SRC=.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

fragment=$root/scripts/kernel/debug.config
package=linux-source-6.12
modules=modules # installed here, below the build directory

# source_tree: Debian's source, unpacked once a version
source_tree() {
	local src=$cache/src/$package-$version

	[[ -f $src/.complete ]] || hold "$package"
	if [[ ! -f $src/.complete ]]; then
		need_space 2000 "unpacking the kernel source"
		say "unpacking $package"
		rm -rf "$src" && mkdir -p "$src"
		tar -C "$src" --strip-components=1 -xf "/usr/src/$package.tar.xz" ||
			die "cannot unpack /usr/src/$package.tar.xz: apt-get install --reinstall $package"
		touch "$src/.complete"
	fi
	echo "$src"
}

# configure: the fragment over allnoconfig; every line of it must survive Kconfig
configure() {
	local line lost=()

	logged "$out/configure.log" 1 make -C "$src" O="$out" KCONFIG_ALLCONFIG="$fragment" allnoconfig
	while read -r line; do
		if [[ $line == '# '* ]]; then
			line=${line#\# }
			! grep -q "^${line%% *}=" "$out/.config" || lost+=("${line%% *} (off)")
		else
			grep -qxF "$line" "$out/.config" || lost+=("$line")
		fi
	done < <(grep -E '^(CONFIG_.*=|# CONFIG_.* is not set)' "$fragment")
	((${#lost[@]} == 0)) || die "Kconfig of $src does not take these lines of $fragment: ${lost[*]}"
}

"$root/scripts/deps.sh" kernel
if [[ ${KERNEL_SRC:-} ]]; then
	src=$(cd "$KERNEL_SRC" && pwd) || die "KERNEL_SRC=$KERNEL_SRC is no directory"
	[[ -f $src/Kbuild ]] || die "KERNEL_SRC=$src is no kernel source"
	version=$(make -s -C "$src" kernelversion)
else
	version=$(dpkg-query -W -f '${Version}' "$package")
	src=
fi
out=$cache/kernel/$version-$(digest "$src" "$(<"$fragment")" "$(gcc -dumpfullversion)")

# A tree of the user's may have changed: there, make decides. Debian's does not.
[[ -f $out/.complete && ! $src ]] || hold kernel
if [[ $src || ! -f $out/.complete ]]; then
	: "${src:=$(source_tree)}"
	need_space 2500 "building the debug kernel"
	mkdir -p "$out"
	[[ -f $out/.complete ]] || say "building the debug kernel $version, about $((14 / cpus + 1)) minutes on $cpus CPUs"
	configure
	logged "$out/build.log" 1860 make -C "$src" O="$out" -j "$cpus" bzImage modules
	logged "$out/install.log" 10 make -C "$src" O="$out" INSTALL_MOD_PATH="$out/$modules" modules_install
	touch "$out/.complete"
fi
echo "$out"
