# SPDX-License-Identifier: GPL-2.0-only
# Behind VT-d with strict invalidation: an address is good from map to unmap and no longer.
# Random transfers, then everything that ends a device's life early.
. /bm/guest/lib.sh
. /bm/guest/steps.sh

before_load
check "the module loads" load
check "the device is behind the IOMMU, its domain translates" translated
run args args
run verify verify -n "$transfers" -p 4
check "every queue raised interrupts" every_queue_interrupts
run lifetime lifetime
run absent absent
run "verify after all that" verify -n 200 -p 2
check "no bounce buffers were used" not_bounced
after_unload
