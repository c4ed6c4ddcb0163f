# SPDX-License-Identifier: GPL-2.0-only
# The demo's screen: who the device is, a file to it and back, and whether it is the same.
# bm.file= is the file's name, bm.sha256= its sum, both as the host has them.
. /bm/guest/lib.sh

sys=/sys/bus/pci/devices/$pci

# size_of BAR: from the function's resources
size_of() {
	sed -n "$(($1 + 1))p" "$sys/resource" | {
		read -r bar_start bar_end _
		bar_kib=$(((bar_end - bar_start + 1) / 1024))
		[ $bar_kib -lt 1024 ] && echo "$bar_kib KiB" || echo "$((bar_kib / 1024)) MiB"
	}
}

interrupts() { vectors | awk '{ printf "%s%s %d", sep, $1, $2; sep = ", " }'; }

modprobe "$(cat "$sys/modalias")" && wait_for 5 [ -c /dev/busmaster0 ] || exit 1
limit=$(attribute mem_size)
size=$(stat -c %s /bm/file)
if [ "$size" -gt "$limit" ]; then
	echo "demo: $BM_file has $size bytes; device memory has $limit" >&2
	exit 1
fi
before=$(interrupts)
demo /bm/file /tmp/back >/tmp/table || exit 1
sum=$(sha256sum </tmp/back | cut -d ' ' -f 1)
command=0x$(setpci -s "$pci" COMMAND)

echo
echo "busmaster: a device that moves memory by itself        $(uname -sr)"
echo "  $(lspci -nn -s "$pci")"
echo "  BAR 0 registers $(size_of 0), BAR 2 device memory $(size_of 2), BAR 4 MSI-X $(size_of 4)"
echo "  Bus mastering $([ $((command & 4)) -ne 0 ] && echo on || echo OFF) (COMMAND $command)," \
	"DMA mask $(cat "$sys/dma_mask_bits") bits, IOMMU group" \
	"$(basename "$(readlink "$sys/iommu_group")") ($(cat "$sys/iommu_group/type"))"
echo "  $(attribute identity)"
echo "  Interrupts before: $before"
echo "             after:  $(interrupts)"
echo
echo "$BM_file, $size bytes"
echo
cat /tmp/table
echo
echo "SHA-256"
echo "  on the host    $BM_sha256"
echo "  what came back $sum"
if [ "$sum" != "$BM_sha256" ]; then
	echo "  They DIFFER: the copy is broken."
	exit 1
fi
echo "  They agree."
