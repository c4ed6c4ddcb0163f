# SPDX-License-Identifier: GPL-2.0-only
# Behind an IOMMU of any make, with strict invalidation: transfers, and unbind and bind.
. /bm/guest/lib.sh
. /bm/guest/steps.sh

before_load
check "the module loads" load
check "the device is behind the IOMMU, its domain translates" translated
run args args
run verify verify -n "$transfers" -p 4
run absent absent
run "verify after all that" verify -n 200 -p 2
check "no bounce buffers were used" not_bounced
after_unload
