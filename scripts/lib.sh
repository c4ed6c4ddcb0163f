# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # the variables are for those who source this
# What the scripts share: where things are, how to speak, how to wait, how to fail.
# Progress goes to stderr; stdout belongs to a script's result.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${BUSMASTER_CACHE:-${XDG_CACHE_HOME:-~/.cache}/busmaster}
cpus=$(nproc)
PATH=$PATH:/usr/sbin:/sbin # users lack these, where depmod and lspci may be
python=/usr/bin/python3 # Debian's own, whatever the PATH has before it

# A make above us must not reach the makes below: its flags are not theirs
unset MAKEFLAGS MFLAGS MAKELEVEL

say() {
	printf '%s\n' "$*" >&2
}

die() {
	printf 'busmaster: %s\n' "$*" >&2
	exit 1
}

# need_space MIB WHAT: fail now, with a number, and not half-way through
need_space() {
	local free

	free=$(df --output=avail -m "$cache" | tail -n 1)
	((free >= $1)) || die "$2 needs $1 MiB below $cache, which has ${free// /}" \
		"MiB free: make room, or set BUSMASTER_CACHE"
}

# hold NAME: one process at a time builds NAME; the others wait here until this shell ends
hold() {
	mkdir -p "$cache/lock" 2>/dev/null || die "cannot write to $cache: set BUSMASTER_CACHE to a directory of yours"
	exec {lock}>"$cache/lock/$1"
	flock -n "$lock" && return
	say "waiting for another build of $1"
	flock "$lock"
}

# digest STRING...: a short name for a set of inputs
digest() {
	printf '%s\n' "$@" | sha256sum | cut -c 1-12
}

# tree_digest DIR...: the same for all files below some directories
tree_digest() {
	find "$@" -type f ! -name '.*' -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-12
}

# mirror_tree FROM TO [PRISTINE]: give TO the files of FROM, touching only those that differ, so that make and
# ninja rebuild only what they must. A file that FROM has lost since the last time goes from TO, too, or is
# as PRISTINE has it. The list .mirrored-NAME beside TO remembers which files came from here.
mirror_tree() {
	local from=$1 to=$2 pristine=${3:-} list file
	list=$(dirname "$to")/.mirrored-$(basename "$to")

	mkdir -p "$to"
	if [[ -f $list ]]; then
		while read -r file; do
			[[ -f $from/$file ]] && continue
			rm -f "$to/$file"
			[[ ! -f $pristine/$file ]] || copy_if_new "$pristine/$file" "$to/$file"
		done <"$list"
	fi
	(cd "$from" && find . -type f ! -name '.*' | sort) >"$list.new"
	mv "$list.new" "$list"
	while read -r file; do
		copy_if_new "$from/$file" "$to/$file"
	done <"$list"
}

# copy_if_new FROM TO: leave the time stamp alone where nothing changed
copy_if_new() {
	cmp -s "$1" "$2" && return
	mkdir -p "$(dirname "$2")"
	cp "$1" "$2"
}

# progress TOTAL: turn a build's output lines into one updating line, or one every 15 s off a
# terminal. TOTAL is the number of lines expected; 0 where the lines say so themselves: [n/m].
progress() {
	local total=$1 seen=0 line now last=$SECONDS tty=

	[[ -t 2 ]] && tty=1
	while IFS= read -r line; do
		if ((total)); then
			[[ $line == '  '[A-Z]* ]] || continue
			seen=$((seen + 1))
			line="[$seen/about $total]${line:1:60}"
		else
			[[ $line == '['*/*']'* ]] || continue
		fi
		now=$SECONDS
		if [[ $tty ]]; then
			printf '\r\033[K  %.76s' "$line" >&2
		elif ((now - last >= 15)); then
			say "  ${line%%]*}]"
			last=$now
		fi
	done
	[[ -z $tty ]] || printf '\r\033[K' >&2
}

# logged LOG TOTAL COMMAND...: run with all output in LOG and progress shown; if it fails, show the
# end of LOG and where it is
logged() {
	local log=$1 total=$2
	shift 2

	mkdir -p "$(dirname "$log")"
	if "$@" 2>&1 </dev/null | tee "$log" | progress "$total"; then
		return
	fi
	tail -n 20 "$log" >&2
	die "failed: $1 $2 ...; the whole log is $log"
}
