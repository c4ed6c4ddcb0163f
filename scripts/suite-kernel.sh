#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Fetch the kernel of a Debian suite, with its headers and the compiler that they go with, and print a directory
# with: root/ (a small system of that suite; scripts/in-root.sh runs a command there), vmlinuz, release (its name).
# The machine's own system is not touched, and nothing here needs root. To have a newer one, remove it.
set -euo pipefail
. "$(dirname "$0")/private-apt.sh"

suite=${1:-}
[[ $suite ]] || die "usage: suite-kernel.sh SUITE"
out=$cache/suite/$suite
log=$cache/log/suite-$suite.log

# To compile a module takes these of a system, and of the kernel's image no module
packages=(gcc make kmod mawk dash bash coreutils sed grep findutils perl python3 linux-headers-amd64 linux-image-amd64)
needless=(./dev ./usr/share/{doc,man,locale} './lib/modules/*/kernel' './usr/lib/modules/*/kernel')

# sources: apt's, one a line. Backports go with the suite that they are for. A mirror may be behind.
sources() {
	local name options='signed-by=/usr/share/keyrings/debian-archive-keyring.gpg check-valid-until=no'

	for name in $(printf '%s\n' "${suite%-backports}" "$suite" | sort -u); do
		echo "deb [$options] $(mirror_uri) $name main"
	done
}

# fetch DIR: packages are unpacked, none is installed: no script of theirs runs
fetch() {
	local include=${packages[*]} image

	[[ $suite != *-backports ]] || include=${include//amd64/amd64\/$suite}
	sources | mmdebstrap --mode=chrootless --variant=extract --format=tar --include="$include" "$suite" - - |
		tar -C "$1/root" -x --no-same-owner "${needless[@]/#/--exclude=}" || return
	mkdir -p "$1/root"/{dev,proc}
	ln -s mawk "$1/root/usr/bin/awk"
	image=$(find "$1/root" -name 'vmlinuz*' -type f | head -n 1)
	cp "$image" "$1/vmlinuz" || return
	basename "$(readlink -f "$1"/root/usr/src/linux-headers-*-amd64)" | sed 's/^linux-headers-//' >"$1/release"
}

[[ -d $out ]] || hold "suite-$suite"
if [[ ! -d $out ]]; then
	"$root/scripts/deps.sh" suite
	need_space 1200 "Debian's kernel of $suite"
	say "fetching the kernel of Debian's suite $suite, its headers and its compiler: a minute or two"
	mkdir -p "$(dirname "$log")"
	rm -rf "$out.part" && mkdir -p "$out.part/root"
	(fetch "$out.part") >"$log" 2>&1 ||
		die "cannot fetch the kernel of $suite from $(mirror_uri). Is the network there? The log is $log"
	mv "$out.part" "$out"
fi
echo "$out"
