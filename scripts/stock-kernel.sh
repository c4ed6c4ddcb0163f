#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Fetch Debian's own 6.12 kernel, without installing it, and print a directory with: vmlinuz, modules/ (what
# /lib/modules/RELEASE would be), kdir (its headers: a KDIR) and release (its name).
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# newest_release: of the kernel whose headers are installed
newest_release() {
	"$root/scripts/deps.sh" "$@" stock
	# shellcheck disable=SC2016 # the field's name is dpkg's
	{ dpkg-query -W -f '${Depends}\n' linux-headers-6.12-amd64 linux-headers-amd64 2>/dev/null || true; } |
		sed -n 's/.*linux-headers-\(6\.12[^ ,]*\).*/\1/p' | grep . || die "the headers installed are not of a 6.12 kernel"
}

# fetch RELEASE: download and unpack the image below $out.part
fetch() {
	rm -rf "$out.part" && mkdir -p "$out.part"
	cd "$out.part"
	apt-get -q -o APT::Sandbox::User=root download "linux-image-$1" || return
	dpkg-deb -x linux-image-*.deb . || return
	rm linux-image-*.deb
	[[ -d lib/modules ]] || ln -s usr/lib lib
	depmod -b . "$1" || return
	ln -s "lib/modules/$1" modules
	ln -s "boot/vmlinuz-$1" vmlinuz
	ln -s "/usr/src/linux-headers-$1" kdir
	echo "$1" >release
}

release=$(newest_release)
out=$cache/stock/$release
[[ -d $out ]] || hold stock-kernel
if [[ ! -d $out ]]; then
	need_space 900 "Debian's kernel"
	log=$cache/log/stock-kernel.log
	mkdir -p "$(dirname "$log")"
	say "fetching linux-image-$release, to boot it in a guest"
	if ! (fetch "$release") >"$log" 2>&1; then
		say "linux-image-$release cannot be had: looking for a newer one"
		release=$(newest_release --update)
		out=$cache/stock/$release
		(fetch "$release") >>"$log" 2>&1 ||
			die "cannot fetch linux-image-$release. Is the network there? The log is $log"
	fi
	rm -rf "$out" && mv "$out.part" "$out"
fi
echo "$out"
