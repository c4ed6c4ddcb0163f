# SPDX-License-Identifier: GPL-2.0-only
# With swiotlb=force on the command line each mapping is a bounce buffer: the device never
# sees a user's page, and data is only right if map and unmap are.
. /bm/guest/lib.sh
. /bm/guest/steps.sh

before_load
check "the module loads" load
check "there is no IOMMU" not_translated
run verify verify -n "$transfers" -p 4
check "bounce buffers were used" bounced
run args args
after_unload
