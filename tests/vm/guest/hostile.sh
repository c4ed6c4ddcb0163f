# SPDX-License-Identifier: GPL-2.0-only
# A device that lies: each mode of fault injection, with a promise of what comes of it, and
# verified transfers afterwards. Runs without an IOMMU and behind VT-d.
. /bm/guest/lib.sh
. /bm/guest/steps.sh
. /bm/guest/faults.sh

before_load
check "the module loads" load timeout_ms=1500 queue_depth=32
faults | while read -r line; do
	fault "$line"
done
if [ -e "/sys/bus/pci/devices/$pci/iommu_group" ]; then
	check "a rogue read is refused, named twice, and the page is safe" refusal read Read
	check "a rogue write is refused, named twice, and the page is safe" refusal write Write
	check "a forged interrupt is refused, in either format" remapped
else
	check "without an IOMMU a rogue read takes the secret, and nobody notices" theft read
	check "without an IOMMU a rogue write spoils the page, and nobody notices" theft write
	check "without interrupt remapping a forged interrupt gets to its CPU" forged
fi
check "policy log: EIO and a message" policy log EIO -
check "policy reset: EIO, and a reset" policy reset EIO reset
check "policy kill: SIGBUS, and a reset" policy kill SIGBUS reset
check "policy log again" policy log EIO -
check "a policy that there is not is refused" policy_refused
check "$mutations completions with some bits flipped: $healthy transfers after all of it" mutated
after_unload
