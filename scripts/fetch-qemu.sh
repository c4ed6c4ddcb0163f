#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Fetch Debian's source of QEMU 10.0 into the cache, once, and print the directory. Debian 13 has it; newer
# suites are tried where that one cannot be had.
set -euo pipefail
. "$(dirname "$0")/private-apt.sh"

suites=(trixie trixie-backports forky sid)
current=$cache/src/qemu.current

# fetch SUITE DIR: download QEMU's tarball, checked by apt against the archive's signature
fetch() {
	use_suite "$1" || return
	cd "$2"
	private_apt --tar-only --download-only source qemu || return
	[[ $(echo qemu_*.orig.tar.*) != *'*'* ]]
}

# good_enough DIR: 10.0 or newer?
good_enough() {
	local file version

	file=$(basename "$1"/qemu_*.orig.tar.*)
	version=${file#qemu_}
	((${version%%.*} >= 10))
}

[[ -f $current ]] || hold fetch-qemu
if [[ ! -f $current ]]; then
	need_space 600 "the source of QEMU"
	say "fetching the source of QEMU"
	log=$cache/log/fetch-qemu.log
	mkdir -p "$cache/log" "$cache/src"
	: >"$log"
	for suite in "${suites[@]}"; do
		download=$cache/src/qemu.part
		rm -rf "$download" && mkdir -p "$download/tree"
		(fetch "$suite" "$download") >>"$log" 2>&1 && good_enough "$download" && break
		suite=
	done
	[[ $suite ]] || die "cannot fetch QEMU 10.0 or newer from $(mirror_uri); suites tried: ${suites[*]}." \
		"Is the network there? QEMU_SRC= takes a tree of your own; the log is $log"
	tar -C "$download/tree" --strip-components=1 -xf "$download"/qemu_*.orig.tar.* || die "cannot unpack QEMU"
	version=$(<"$download/tree/VERSION")
	rm -rf "$cache/src/qemu-$version"
	mv "$download/tree" "$cache/src/qemu-$version"
	rm -rf "$download"
	echo "$version" >"$current.part" && mv "$current.part" "$current"
fi
echo "$cache/src/qemu-$(<"$current")"
