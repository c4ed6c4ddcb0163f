# SPDX-License-Identifier: GPL-2.0-only
# One half of make demo-iommu: the device reaches for pages and a CPU that nobody gave it. Prints
# "KEY VALUE" lines for tests/vm/demo-iommu.py, which boots this with and without VT-d.
. /bm/guest/lib.sh

# told REGEX: the last line of the kernel log since the mark that matches, without its time
told() { klog_since "$1" | sed 's/^\[[^]]*\] *//' | tail -n 1; }

# attempt read|write|msi
attempt() {
	klog_mark
	rogue "$1" | sed "s/^/$1-/"
	sleep 1 # a fault's interrupt may take a moment
	echo "$1-iommu $(told 'DMAR:.*(fault addr|INTR-REMAP)')"
	echo "$1-driver $(told 'busmaster.*refused')"
}

load || exit 1
echo "kernel $(uname -r)"
attempt read
attempt write
attempt msi
verify -n 1000 -p 4 >/tmp/verify && echo "after yes" || echo "after no"
echo "faults $(attribute errors/dma_faults)"
