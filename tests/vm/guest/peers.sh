# SPDX-License-Identifier: GPL-2.0-only
# The machine of tests/vm/peers.py: where its devices are, what they lend, and what of a transfer touched RAM.
# Sourced after lib.sh and monitor.sh.

lent=16 # MiB of each device's memory
stream=64 # MiB
why="cannot be used for peer-to-peer DMA as the client and provider"

# at PATH: the PCI function at this path from the root, of bridges and slots
at() { basename "$(echo /sys/devices/pci0000:00/0000:00:$1)"; }

one=$(at "05.0/*:00.0/*:00.0/*:00.0") # these three are below one switch,
two=$(at "05.0/*:00.0/*:01.0/*:00.0")
disk=$(at "05.0/*:00.0/*:02.0/*:00.0")
near=$(at "05.0/*:00.0/*:04.0/*:00.0") # and so is this, if there is one
other=$(at "06.0/*:00.0/*:00.0/*:00.0") # this one is below another
alone=$(at "07.0/*:00.0") # this one below a root port,
far=$(basename "$(echo /sys/devices/pci0000:80/0000:80:00.0/*:00.0)") # and this one, if there is one, at another host bridge

node() {
	for node_dir in "/sys/bus/pci/devices/$1"/busmaster/* "/sys/bus/pci/devices/$1"/nvme/*/nvme*n1; do
		[ ! -e "$node_dir" ] || echo "/dev/${node_dir##*/}"
	done
}

is_node() { [ -e "$(node "$1")" ]; }

lends() { echo "/sys/bus/pci/devices/$1/p2pmem/allocate"; }

p2pmem() { cat "/sys/bus/pci/devices/$1/p2pmem/$2"; }

errors() { cat "/sys/bus/pci/devices/$1"/busmaster/*/errors/unreachable_peers; }

peers() { cat "/sys/bus/pci/devices/$1"/busmaster/*/peers/"$2"_bytes; }

nodes() { ls -d /dev/busmaster? | wc -l; }

# load_all PARAMETER=VALUE...
load_all() { load p2p=$lent "$@" && wait_for 5 all_nodes; }

all_nodes() { same devices "$(nodes)" $((4 + ${BM_zen:-0} + ${BM_near:-0})); }

# The disk's driver has mappings of its own: they are neither there before nor after.
no_disk() { echo "$disk" >/sys/bus/pci/drivers/nvme/unbind; }
a_disk() { echo "$disk" >/sys/bus/pci/drivers/nvme/bind && wait_for 5 is_node "$disk"; }

# touched REGION: bytes of it that were reached by DMA so far
touched() {
	monitor qom-get "$1" dma-bytes || return 1
	sed -n 's/.*"return": "\([0-9][0-9]*\).*/\1/p' /tmp/monitor | grep . || fail "no count: $(cat /tmp/monitor)"
}

ram() { touched "/objects/pc.ram/pc.ram[0]"; }
