#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Build the debug kernel that the tests boot, or another flavour of it, and print its build directory, which serves as KDIR,
# too: build-kernel.sh [FLAVOUR].
# The source is Debian's linux-source-6.12, or a tree of the user's: KERNEL_SRC=.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

flavour=${1:-debug}
usual=$root/scripts/kernel/debug.config
own=$root/scripts/kernel/$flavour.config
[[ -f $own ]] || die "build-kernel.sh: no flavour '$flavour': there is no $own"
modules=modules # installed here, below the build directory

# known OPTION: does the source know it at all? A tree of the user's may be of another version.
known() {
	grep -rqE --include='Kconfig*' "^[[:space:]]*(menu)?config ${1#CONFIG_}$" "$src"
}

# lines: of the configuration, the debug kernel's but for the options that the flavour has its own of
lines() {
	[[ $own == "$usual" ]] ||
		awk '{ option = match($0, /CONFIG_[A-Z0-9_]+/) ? substr($0, RSTART, RLENGTH) : "" }
			FNR == NR { if (option) own[option]; next } !(option in own)' "$own" "$usual"
	cat "$own"
}

# configure: the fragment over allnoconfig; every line of it must survive Kconfig
configure() {
	local line lost=() strange=() fragment=$out/fragment.config

	lines >"$fragment"
	logged "$out/configure.log" 1 make -C "$src" O="$out" KCONFIG_ALLCONFIG="$fragment" allnoconfig
	while read -r line; do
		if [[ $line == '# '* ]]; then
			line=${line#\# }
			! grep -q "^${line%% *}=" "$out/.config" || lost+=("${line%% *} (off)")
		else
			grep -qxF "$line" "$out/.config" && continue
			if [[ ${KERNEL_SRC:-} ]] && ! known "${line%%=*}"; then
				strange+=("${line%%=*}")
			else
				lost+=("$line")
			fi
		fi
	done < <(grep -E '^(CONFIG_.*=|# CONFIG_.* is not set)' "$fragment")
	((${#lost[@]} == 0)) || die "Kconfig of $src does not take these lines of $fragment: ${lost[*]}"
	((${#strange[@]} == 0)) || say "$src has no ${strange[*]}: its kernel is built without"
}

"$root/scripts/deps.sh" kernel
src=$("$root/scripts/fetch-kernel.sh")
name=$(basename "$src")
out=$cache/kernel/$name-$(digest "$src" "$(lines)" "$(gcc -dumpfullversion)")

# A tree of the user's may have changed: there, make decides. Debian's does not.
[[ -f $out/.complete && ! ${KERNEL_SRC:-} ]] || hold kernel
if [[ ${KERNEL_SRC:-} || ! -f $out/.complete ]]; then
	need_space 2500 "building the $flavour kernel"
	mkdir -p "$out"
	[[ -f $out/.complete ]] || say "building the $flavour kernel from $name, about $((14 / cpus + 1)) minutes on $cpus CPUs"
	configure
	logged "$out/build.log" 1860 make -C "$src" O="$out" -j "$cpus" bzImage modules
	logged "$out/install.log" 10 make -C "$src" O="$out" INSTALL_MOD_PATH="$out/$modules" modules_install
	touch "$out/.complete"
fi
echo "$out"
