// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: module parameters.
 *
 * They are checked when they are set, and the kernel says which was refused; modinfo has
 * their ranges. fault_policy is in fault.c, which knows its names.
 */
#include <linux/module.h>

#include "busmaster.h"

#define BM_PARAM(_name, _default, _min, _max, _desc)                                       \
	unsigned int bm_param_##_name = _default;                                          \
	static int bm_param_set_##_name(const char *val, const struct kernel_param *kp)    \
	{                                                                                  \
		return param_set_uint_minmax(val, kp, _min, _max);                         \
	}                                                                                  \
	static const struct kernel_param_ops bm_param_ops_##_name = {                      \
		.set = bm_param_set_##_name,                                               \
		.get = param_get_uint,                                                     \
	};                                                                                 \
	module_param_cb(_name, &bm_param_ops_##_name, &bm_param_##_name, 0444);            \
	__MODULE_PARM_TYPE(_name, "uint");                                                 \
	MODULE_PARM_DESC(_name, _desc " (" #_min " to " #_max ", default " #_default ")")

BM_PARAM(queues, 0, 0, 64, "queue pairs that interrupt, at most; 0: one a CPU");
BM_PARAM(poll_queues, 0, 0, 63, "queue pairs without interrupts, for polled I/O");
BM_PARAM(dma_channels, 1, 0, 63, "queue pairs that other kernel code may use (dmaengine)");
BM_PARAM(queue_depth, 256, 1, 4095, "commands that a queue keeps outstanding at most");
BM_PARAM(timeout_ms, 10000, 100, 600000,
	 "milliseconds without a completion, after which a busy queue's device is reset");

bool bm_param_shadow = true;
module_param_named(shadow, bm_param_shadow, bool, 0444);
MODULE_PARM_DESC(shadow, "doorbells in memory where the device has them (0 or 1, default 1)");

static_assert(BM_MAX_QUEUES == 64 && BM_MAX_DEPTH == 4095);
