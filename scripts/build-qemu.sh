#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Build QEMU with the busmaster device, and print the directory that holds it: build-qemu.sh FLAVOUR, which is
# release, qtest (the qtests, under ASan and UBSan, and it counts which of the device's lines are run), tsan (the
# qtests, under ThreadSanitizer, by clang) or fuzz (the fuzzers, by clang). The source is Debian's qemu 10.0, or a
# tree of the user's: QEMU_SRC=. Ours is laid over a copy.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

flavour=${1:-}
targets=(qemu-system-x86_64)
notes= # a pattern: what gcov needs to know, made by the compiler
packages=(qemu)
compiler=gcc
flags=(
	--python="$python" --target-list=x86_64-softmmu
	--without-default-features --without-default-devices --with-devices-x86_64=busmaster
	--enable-tcg --enable-kvm --enable-fdt=system --enable-plugins --enable-trace-backends=log
	--disable-docs --disable-install-blobs --firmwarepath=/usr/share/seabios:/usr/share/qemu
	--disable-debug-info
)
case $flavour in
release) minutes=7 ;;
qtest)
	minutes=9
	targets+=(tests/qtest/busmaster-test)
	notes='libcommon.a.p/hw_dma_busmaster_*.gcno'
	flags+=(--enable-asan --enable-ubsan -Doptimization=1 --extra-ldflags=--coverage
		--extra-cflags="-g1 --coverage -fprofile-filter-files=.*/hw/dma/busmaster/.* -fprofile-update=atomic")
	;;
tsan)
	minutes=6
	targets+=(tests/qtest/busmaster-test)
	packages+=(clang)
	compiler=clang
	flags+=(--cc=clang --enable-tsan --extra-cflags=-g1 --disable-tcg --disable-plugins)
	;;
fuzz)
	minutes=5
	targets=(qemu-fuzz-x86_64 tests/fuzz/busmaster/busmaster-walker-fuzz)
	packages+=(clang)
	compiler=clang
	flags+=(--cc=clang --enable-fuzzing --enable-asan --enable-ubsan --extra-cflags=-g1
		--disable-tcg --disable-plugins)
	;;
*) die "usage: build-qemu.sh release|qtest|tsan|fuzz" ;;
esac

# What we add, relative to the checkout: the result's name depends on nothing else
ours=(qemu include/busmaster_hw.h scripts/qemu/devices.mak)

# needed PATCH: does this QEMU need it? If not all do, a patch says by which words in which file that is known.
needed() {
	local file words

	read -r file words < <(sed -n 's/^Needed where \([^ ]*\) has \(.*\)\.$/\1 \2/p' "$1") || return 0
	grep -qF "$words" "$pristine/$file"
}

# spared PATCH: may it be left out where it does not fit? It says so.
spared() { grep -q '^Left out where it does not fit' "$1"; }

# stage DIR: everything that we add or change, laid out as in a QEMU tree. Of a file that a patch
# changes, DIR gets the changed version, made from the pristine source.
stage() {
	local file patch

	cp -r "$root"/qemu/{hw,tests,docs} "$1"
	install -D -m 644 "$root/include/busmaster_hw.h" "$1/include/hw/dma/busmaster_hw.h"
	install -D -m 644 "$root/scripts/qemu/devices.mak" "$1/configs/devices/x86_64-softmmu/busmaster.mak"
	for patch in "$root"/qemu/*.patch; do
		needed "$patch" || continue
		while read -r file; do
			[[ -f $1/$file ]] || install -D -m 644 "$pristine/$file" "$1/$file" || die "$pristine has no $file"
		done < <(sed -n 's:^--- a/\([^[:space:]]*\).*:\1:p' "$patch")
		if spared "$patch" && ! patch -s -f -d "$1" -p1 --dry-run <"$patch" >/dev/null 2>&1; then
			say "qemu/${patch##*/} does not fit QEMU $version and is left out: the device works without"
			continue
		fi
		patch -s -d "$1" -p1 --no-backup-if-mismatch <"$patch" >&2 ||
			die "qemu/${patch##*/} does not fit $pristine, which is QEMU $version: QEMU 10.0 is known to work"
	done

	# Debian's source has no firmware. meson wants to see the files, no target of ours uses them.
	mkdir -p "$1/pc-bios/dtb"
	while read -r file; do
		[[ -f $pristine/pc-bios/$file.bz2 ]] || : >"$1/pc-bios/$file.bz2"
	done < <(sed -n "s/^ *'\(edk2-.*\.fd\)',/\1/p" "$pristine/pc-bios/meson.build")
	for file in "$pristine"/pc-bios/dtb/*.dts; do
		[[ ! -f $file || -f ${file%s}b ]] || : >"$1/pc-bios/dtb/$(basename "$file" .dts).dtb"
	done
}

# overlay: bring the tree that is built up to date with ours, touching only what differs
overlay() {
	if [[ ${QEMU_SRC:-} ]]; then
		mkdir -p "$tree" && cp -au "$pristine/." "$tree/"
	elif [[ ! -f $tree/.complete ]]; then
		rm -rf "$tree" && cp -a "$pristine" "$tree" && touch "$tree/.complete"
	fi
	staged=$(mktemp -d "$cache/stage.XXXXXX")
	trap 'rm -rf "$staged"' EXIT
	stage "$staged"
	mirror_tree "$staged" "$tree" "$pristine"
}

"$root/scripts/deps.sh" "${packages[@]}"
if [[ ${QEMU_SRC:-} ]]; then
	pristine=$(cd "$QEMU_SRC" 2>/dev/null && pwd) || die "QEMU_SRC=$QEMU_SRC is no directory"
	[[ -f $pristine/VERSION && -f $pristine/hw/Kconfig ]] || die "QEMU_SRC=$pristine is no QEMU source"
	name=$(<"$pristine/VERSION")-$(digest "$pristine")
else
	pristine=$("$root/scripts/fetch-qemu.sh")
	name=$(<"$pristine/VERSION")
fi
version=$(<"$pristine/VERSION")
added=$(cd "$root" && tree_digest "${ours[@]}")
result=$cache/qemu/$name-$flavour-$(digest "$added" "${flags[@]}" "$("$compiler" -dumpfullversion -dumpversion)")

# A tree of the user's may have changed: there, ninja decides. Debian's does not.
[[ -d $result && ! ${QEMU_SRC:-} ]] || hold qemu
if [[ ${QEMU_SRC:-} || ! -d $result ]]; then
	tree=$cache/src/qemu-$name-busmaster
	build=$cache/build/qemu-$name-$flavour
	need_space 2000 "building QEMU"
	overlay
	PATH=$("$root/scripts/fetch-meson.sh"):$PATH
	export PATH
	PYTHONPATH=$(dirname "${PATH%%:*}")/lib/python3/dist-packages
	export PYTHONPATH

	if [[ ! -f $build/.configured || $(<"$build/.configured") != "${flags[*]}" ]]; then
		say "building QEMU $version ($flavour), about $((minutes / cpus + 1)) minutes on $cpus CPUs"
		rm -rf "$build" && mkdir -p "$build"
		(cd "$build" && logged "$build/configure.log" 0 "$tree/configure" "${flags[@]}")
		echo "${flags[*]}" >"$build/.configured"
	else
		say "building QEMU $version ($flavour): what is missing or has changed"
	fi
	logged "$build/build.log" 0 ninja -C "$build" "${targets[@]}"

	rm -rf "$result.part" && mkdir -p "$result.part"
	cd "$build"
	# shellcheck disable=SC2086 # a pattern
	for file in "${targets[@]}" $notes; do
		install -D "$file" "$result.part/$file"
	done
	rm -rf "$result" && mv "$result.part" "$result"

	# Every change of the device makes a new one: keep the latest five, and what somebody may be using yet
	find "$cache/qemu" -maxdepth 1 -name "$name-$flavour-*" -printf '%T@ %p\n' | sort -rn | cut -d ' ' -f 2- |
		tail -n +6 | xargs -r -d '\n' -I{} find {} -maxdepth 0 -mtime +0 -print0 | xargs -r -0 rm -rf
fi
echo "$result"
