# SPDX-License-Identifier: GPL-2.0-only
# make demo-p2p: a disk's data goes to a busmaster, by RAM and past it; and to one that it does not reach. Prints
# lines of KEY VALUE for tests/vm/demo-p2p.py, whose machine is that of tests/vm/peers.py.
. /bm/guest/lib.sh
. /bm/guest/monitor.sh
. /bm/guest/peers.sh

say() { echo "$*"; }

# route FUNCTION: from the root port down
route() { readlink -f "/sys/bus/pci/devices/$1" | sed 's|.*/pci0000:00/||; s|0000:||g; s|/| |g'; }

# carried KEY COMMAND...: what it costs
carried() {
	carried_key=$1
	shift
	carried_ram=$(ram)
	"$@" >/tmp/carried || say "$carried_key-failed yes"
	say "$carried_key-ram $(($(ram) - carried_ram))"
	say "$carried_key-ms $(sed -n 's/.* in \([0-9]*\) ms$/\1/p' /tmp/carried)"
}

load_all || exit 1
say kernel "$(uname -r)"
say mib "$stream"
say disk "$(route "$disk")"
say busmaster "$(route "$two")"
say far "$(route "$alone")"

carried relay p2p relay "$stream" "$(node "$disk")" "$(node "$two")"
carried direct p2p stream "$stream" "$(node "$disk")" "$(lends "$two")"
p2p works 20 "$(node "$disk")" "$(lends "$two")" >/tmp/verified
say verified "$(grep -c '^ok' /tmp/verified)"

klog_mark
klog_expect "$why" "the kernel says who, and why not"
p2p refused "$(node "$disk")" "$(lends "$alone")" >/tmp/refused
say refused "$(grep -c '^ok' /tmp/refused)"
say reason "$(klog_since "$why" | head -n 1 | sed 's/^\[[^]]*\] *//')"
klog_end
