#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Install the Debian packages of some groups: deps.sh [--update] GROUP...; silent where all are there, unless
# told to look for newer ones. The machine's own apt sources serve; nothing of them is changed. On another
# distribution nothing is installed: commands that are missing are named.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

update=
[[ ${1:-} != --update ]] || { update=1 && shift; }

# The headers of the newest 6.12 kernel: Debian 12 has it beside its own 6.1
headers=linux-headers-amd64
[[ $(. /etc/os-release && echo "${VERSION_CODENAME:-}") != bookworm ]] || headers=linux-headers-6.12-amd64

# What each group is for, and its packages
declare -A purpose=(
	[qemu]="build QEMU and give it firmware"
	[clang]="build what only clang can: the fuzzers, ThreadSanitizer"
	[kernel]="build the debug kernel"
	[module]="build the module"
	[stock]="build against and boot Debian's kernel"
	[check]="run tests"
	[guest]="make and boot a guest"
	[lint]="check the sources"
	[suite]="fetch the kernel of another Debian suite"
	[perf]="measure"
	[plot]="draw the measurements"
	[browser]="look at the timeline's page"
	[bpf]="run a bpftrace script in a guest"
)
declare -A packages=(
	[qemu]="gcc libc6-dev make ninja-build pkg-config patch xz-utils python3 python3-venv
		libglib2.0-dev libfdt-dev zlib1g-dev debian-archive-keyring seabios qemu-system-data"
	[clang]="clang libclang-rt-dev llvm"
	[kernel]="linux-source-6.12 gcc libc6-dev make flex bison bc perl xz-utils lz4 kmod libelf-dev"
	[module]="gcc libc6-dev make kmod"
	[stock]="$headers kmod"
	[check]="python3"
	[guest]="python3 busybox-static cpio kmod pciutils"
	[perf]="fio"
	[plot]="gnuplot-nox"
	[browser]="chromium fonts-dejavu-core"
	[bpf]="bpftrace"
	[suite]="mmdebstrap debian-archive-keyring util-linux"
	[lint]="sparse clang-format shellcheck perl python3 pyflakes3"
)

# What of it can be done without Debian's packages, and by which commands
declare -A commands=(
	[module]="make gcc ld objcopy cmp"
)

# have_commands GROUP: on a distribution that is not Debian
have_commands() {
	local command lacking=()

	[[ ${commands[$1]:-} ]] || die "to ${purpose[$1]} takes a Debian machine: there is no dpkg here"
	for command in ${commands[$1]}; do
		command -v "$command" >/dev/null || lacking+=("$command")
	done
	((${#lacking[@]} == 0)) || die "to ${purpose[$1]}, these commands are missing: ${lacking[*]}"
}

if ! command -v dpkg-query >/dev/null; then
	for group; do
		have_commands "$group"
	done
	exit
fi

# shellcheck disable=SC2016 # the fields' names are dpkg's
installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n')

missing=()
for group; do
	[[ ${packages[$group]:-} ]] || die "deps.sh: no group '$group'; there are: ${!packages[*]}"
	lacking=()
	for package in ${packages[$group]}; do
		[[ ! $update && $'\n'$installed == *$'\n'"$package installed"* ]] || lacking+=("$package")
	done
	((${#lacking[@]})) || continue
	say "to ${purpose[$group]}, these Debian packages will be installed: ${lacking[*]}"
	missing+=("${lacking[@]}")
done
((${#missing[@]})) || exit 0

as_root=()
if ((EUID != 0)); then
	command -v sudo >/dev/null || die "not root, and no sudo: run as root: apt-get install ${missing[*]}"
	as_root=(sudo)
fi
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600)
hold apt
log=$cache/log/apt.log
mkdir -p "$(dirname "$log")"
if ! { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
	tail -n 8 "$log" >&2
	die "apt-get could not install ${missing[*]}: is the network there? The whole log is $log"
fi
