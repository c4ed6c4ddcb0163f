# SPDX-License-Identifier: GPL-2.0-only
# The front door. Every target is a line here and a script elsewhere.

KDIR ?= /lib/modules/$(shell uname -r)/build

.PHONY: help demo demo-iommu demo-p2p lesson timeline check soak coverage fuzz bench bench-counts module qemu kernel shell clean
help: ## say what there is (this)
	@echo 'busmaster: a PCIe device that moves memory by itself, its driver, and the proof that both work.'
	@echo
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s%s\n", $$1, $$2 }' Makefile
	@echo
	@echo 'QEMU_SRC= and KERNEL_SRC= take source trees of your own, BUSMASTER_CACHE= another place for all builds.'

demo: ## carry a file into the device and back by DMA; FILE= takes one of yours
	@tests/vm/demo.sh

demo-iommu: ## show a rogue device at work, without an IOMMU and with one
	@tests/vm/demo-iommu.py

demo-p2p: ## carry a disk's data into a device by way of memory, and past it
	@tests/vm/demo-p2p.py

lesson: ## measure depth, size, links and interrupts in virtual time, beside theory, with plots: a few minutes
	@tests/lesson/lesson.py

timeline: ## show what a guest does, from the system call to the wire and back, in a page: a minute; RUN= is a command of yours
	@tests/timeline/timeline.py

check: ## run all tests; SUITE= runs one suite, LIST=1 names them, and how much they do
	@scripts/check.sh

soak: ## the same suites with more of everything, an hour a suite at most; SUITE=, LIST=1
	@scripts/check.sh soak

coverage: ## run the qtests, and show which lines of the device they run
	@tests/suites/qtest

fuzz: ## throw inputs at the device that no driver would make, for TIME=60 seconds each way
	@tests/fuzz/fuzz.py

bench: ## measure it beside NVMe, about 12 minutes; ROUNDS=, MILLISECONDS=: see tests/perf/README.md
	@tests/perf/bench.py

bench-counts: ## count what an operation costs, without a clock, a minute
	@tests/perf/counts.py

module: ## build busmaster.ko for the running kernel, or for another one: KDIR=
	@dir=$$(scripts/build-module.sh '$(KDIR)') && echo "built $$dir/busmaster.ko"

qemu: ## build QEMU with the busmaster device
	@dir=$$(scripts/build-qemu.sh release) && echo "built $$dir/qemu-system-x86_64"

kernel: ## build the kernel that the tests boot
	@dir=$$(scripts/build-kernel.sh) && echo "built $$dir/arch/x86/boot/bzImage"

shell: ## open a shell in a guest, with the module loaded
	@tests/vm/shell.sh

clean: ## remove build/; QEMU and the kernels stay in the cache
	@scripts/clean.sh
