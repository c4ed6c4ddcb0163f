# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# An apt of our own, to fetch from Debian suites that the machine does not use: its own sources list, lists
# and cache, all below our cache. The machine's apt configuration is read (mirror, proxy, keys), never
# touched.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

apt_dir=$cache/apt

# mirror_uri: where the machine itself gets Debian from
mirror_uri() {
	local codename

	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	# shellcheck disable=SC2016 # the names are apt's
	{
		apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
			awk -v codename="$codename" '$1 == codename { print $2 }'
		echo http://deb.debian.org/debian
	} | head -n 1
}

# private_apt COMMAND...: apt-get with the configuration of our own
private_apt() {
	apt-get -q \
		-o Dir::Etc::sourcelist="$apt_dir/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State::lists="$apt_dir/lists" -o Dir::Cache="$apt_dir/cache" \
		-o APT::Sandbox::User=root -o Acquire::Retries=2 "$@"
}

# use_suite SUITE: from now on, private_apt sees that suite, and no other
use_suite() {
	local options=signed-by=/usr/share/keyrings/debian-archive-keyring.gpg uri

	uri=$(mirror_uri)
	mkdir -p "$apt_dir"/{lists/partial,cache/archives/partial}
	printf '%s\n' "deb [$options] $uri $1 main" "deb-src [$options] $uri $1 main" >"$apt_dir/sources.list"
	private_apt update -o Acquire::Languages=none
}
