#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# QEMU 10.0 wants a newer meson than Debian 12 has. It is plain Python: fetch Debian 13's packages of it
# and of pycotap into the cache, once, and print the directory for PATH.
set -euo pipefail
. "$(dirname "$0")/private-apt.sh"

dir=$cache/meson

# fetch DIR: download and unpack
fetch() {
	local package

	use_suite trixie || return
	cd "$1"
	private_apt download meson python3-pycotap || return
	for package in *.deb; do
		dpkg-deb -x "$package" . || return
		rm "$package"
	done
}

[[ -d $dir ]] || hold fetch-meson
if [[ ! -d $dir ]]; then
	log=$cache/log/fetch-meson.log
	mkdir -p "$(dirname "$log")"
	say "fetching meson"
	rm -rf "$dir.part" && mkdir -p "$dir.part"
	(fetch "$dir.part") >"$log" 2>&1 ||
		die "cannot fetch meson from $(mirror_uri), suite trixie. Is the network there? The log is $log"
	mv "$dir.part" "$dir"
fi
echo "$dir/usr/bin"
