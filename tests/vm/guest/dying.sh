# SPDX-License-Identifier: GPL-2.0-only
# A process dies, forks, or takes its memory away, with 32 commands in flight or more. There is no
# IOMMU: a device that reaches memory which was let go of would write there.
. /bm/guest/lib.sh
. /bm/guest/steps.sh

before_load
check "the module loads" load timeout_ms=60000
check "there is no IOMMU" not_translated
klog_allow "busmaster.*(to be reset: a command was aborted|reset did not happen|had a function-level reset|works again)" \
	"a device that hears no abort"
run dying dying "$BM_kills"
klog_end
after_unload
