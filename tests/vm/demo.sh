#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# make demo: a real file into device memory by DMA and back, on Debian's stock kernel with
# VT-d on, on one screen. FILE= names another file.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
memory=67108864 # the device's default mem-size, in bytes
work=$root/build/vm/demo

die() {
	echo "demo: $*" >&2
	exit 1
}

echo "demo: QEMU, Debian's kernel and the module are made ready" >&2
"$root/scripts/build-qemu.sh" release >/dev/null
kernel=$("$root/scripts/stock-kernel.sh")

file=${FILE:-$kernel/vmlinuz}
[[ -f $file ]] || die "$file: no such file"
[[ -r $file ]] || die "$file: not readable"
[[ -s $file ]] || die "$file: empty; there is nothing to copy"
size=$(stat -L -c %s "$file")
((size <= memory)) || die "$file has $size bytes; device memory has $memory: name a smaller FILE="

mkdir -p "$work"
cp -L --no-preserve=mode "$file" "$work/file"
sum=$(sha256sum <"$work/file" | cut -d ' ' -f 1)
name=$(basename "$file" | tr -c '[:alnum:]._\n-' _ | cut -c 1-60)

echo "demo: booting a guest" >&2
"$root/tests/vm/vm.py" demo --kernel stock --iommu --memory 1G --mode show --deadline 120 \
	--add "$work/file:/bm/file" --append "bm.file=$name bm.sha256=$sum"

cat <<'END'

What to try next
  make demo FILE=...     another file, up to 64 MiB
  make shell             a guest of your own, the module loaded, tools on board
  make demo-iommu        the same device gone rogue, without an IOMMU and with one
  make check             all tests; LIST=1 names the suites
  make bench             how fast it is, beside NVMe
  README.md              how to read the code, and how to watch a transfer step by
                         step in QEMU's trace (-trace 'busmaster*')
END
