# SPDX-License-Identifier: GPL-2.0-only
# Debian's stock kernel, the module installed as a user would install it: found by its
# device alias, described by modinfo, moving data.
. /bm/guest/lib.sh

module=$(modprobe -R busmaster >/dev/null 2>&1 && modinfo -n busmaster)

by_alias() {
	alias=$(cat "/sys/bus/pci/devices/$pci/modalias")
	echo "$alias"
	modprobe "$alias" && wait_for 5 [ -c /dev/busmaster0 ]
}

described() {
	for field in alias description license author vermagic; do
		[ -n "$(modinfo -F "$field" busmaster)" ] || fail "modinfo has no $field" || return 1
	done
	modinfo -F alias busmaster | grep -q "v00001AF4d000010F0" || fail "no alias for 1af4:10f0"
	same license "$(modinfo -F license busmaster)" GPL
}

# Each parameter has a description, and the description a unit, a range, or all choices.
parameters() {
	parameters=0
	modinfo -F parm busmaster >/tmp/parameters
	cat /tmp/parameters
	for parameter in /sys/module/busmaster/parameters/*; do
		grep "^${parameter##*/}:" /tmp/parameters |
			grep -qE '[0-9]|milliseconds|\bms\b|bytes|\(.* or .*, default .*\)' ||
			fail "${parameter##*/} has no description with a unit, a range or choices" || return 1
		parameters=$((parameters + 1))
	done
	[ "$parameters" -ge 3 ] || fail "only $parameters parameters"
}

translated() { [ -e "/sys/bus/pci/devices/$pci/iommu_group" ]; }

# Debian's kernels let RAID take each channel of the DMA engine that is not private, and keep it.
not_seized() {
	modprobe raid456 || return 1
	for channel in /sys/class/dma/*; do
		case $(readlink -f "$channel/device") in
		*"$pci"*) taken=$(cat "$channel/in_use") ;;
		esac
	done
	same "users of the channel" "$taken" 0
}

gone() { [ ! -e /dev/busmaster0 ] && ! grep busmaster /proc/interrupts /proc/iomem; }

check "modprobe finds the module by the device's alias" by_alias
check "modinfo is complete" described
check "every parameter is described with its unit, range or choices" parameters
check "the device is behind the IOMMU" translated
run attributes attributes
run verify verify -n "$BM_smoke" -p 2
check "RAID takes no channel that it was not given" not_seized
check "the module unloads" modprobe -r busmaster
check "nothing of it stays" gone
