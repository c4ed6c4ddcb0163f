#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Run a command in a root of another system, with one directory of this one at the same place there:
# in-root.sh ROOT DIR COMMAND... It takes user namespaces, and no root.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

(($# >= 3)) || die "usage: in-root.sh ROOT DIR COMMAND..."
unshare --map-root-user true 2>/dev/null ||
	die "this machine lets nobody have a user namespace, in which $1 would be used: see sysctl kernel.unprivileged_userns_clone"
# The mounts are seen in that namespace alone, and end with it
mkdir -p "$1$2"
# shellcheck disable=SC2016 # for the inner shell
exec unshare --map-root-user --mount sh -ec '
	mount --rbind /dev "$1/dev"
	mount --rbind /proc "$1/proc"
	mount --bind "$2" "$1$2"
	root=$1
	shift 2
	exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C "$@"' - "$@"
