#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Make a guest's file system: make-initramfs.sh OUT [SRC:DST]... Busybox, kmod, lspci and setpci are always in it.
# SRC is a file, which becomes DST, or a directory, whose contents go to DST; programs bring their libraries.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

[[ ${1:-} ]] || die "usage: make-initramfs.sh OUT [SRC:DST]..."
out=$(realpath -m "$1")
shift
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# add_libraries: the shared libraries of all programs that are there, where the tree has not brought its own
add_libraries() {
	local library

	while read -r library; do
		[[ $library == "$tree"/* || -e $tree$library ]] || install -D "$library" "$tree$library"
	done < <(find "$tree" -type f -perm -u=x ! -name '*.ko' -exec env LD_LIBRARY_PATH="$tree/lib/x86_64-linux-gnu" ldd {} + 2>/dev/null |
		grep -oE '/[^ ]+\.so[^ ]*' | sort -u)
}

# add SRC DST
add() {
	if [[ -d $1 ]]; then
		mkdir -p "$tree$2"
		cp -a "$1/." "$tree$2/"
	else
		install -D -m "$(stat -c %a "$1")" "$1" "$tree$2"
	fi
}

"$root/scripts/deps.sh" guest
mkdir -p "$tree"/{bin,dev,proc,sys,tmp,run,etc,root,mnt}
ln -s bin "$tree/sbin" # the kernel calls /sbin/modprobe
add "$(command -v busybox)" /bin/busybox # the guest has it make the links to itself that there are not yet
add "$(command -v kmod)" /bin/kmod
for tool in insmod rmmod lsmod modinfo modprobe depmod; do # kmod knows aliases and compressed modules
	ln -s kmod "$tree/bin/$tool"
done
add "$(command -v lspci)" /bin/lspci
add "$(command -v setpci)" /bin/setpci
for pair; do
	[[ -e ${pair%%:*} ]] || die "make-initramfs.sh: no ${pair%%:*}"
	add "${pair%%:*}" "${pair#*:}"
done
add_libraries

mkdir -p "$(dirname "$out")"
(cd "$tree" && find . -mindepth 1 -print0 | sort -z | cpio --quiet -0 -o -H newc -R 0:0) >"$out.part"
mv "$out.part" "$out"
echo "$out"
