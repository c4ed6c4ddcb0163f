/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * busmaster: what can go wrong, and whom to tell: alarm.c, fault.c.
 */
#ifndef BUSMASTER_ALARM_H
#define BUSMASTER_ALARM_H

#include "ring.h"

struct bm_dev;
struct bm_queue;
struct bm_request;
struct device_attribute;

/**
 * enum bm_error - what went wrong; each has a counter in errors/, see sysfs.c
 * @BM_ERR_TAG_RANGE: a completion's tag names no request
 * @BM_ERR_TAG_FREE: it names a request that is not in flight, or was not fetched
 * @BM_ERR_TAG_STALE: it names another use of the request
 * @BM_ERR_HEAD: its submission head went back, or beyond what was submitted
 * @BM_ERR_STATUS: its status does not exist, or not for that operation
 * @BM_ERR_INFO: its info is out of the status's bounds
 * @BM_ERR_TIMEOUT: commands of a queue were not answered in time
 * @BM_ERR_LOST_IRQ: the watchdog found completions that no interrupt had told of
 * @BM_ERR_SPURIOUS_IRQ: a queue interrupted for nothing
 * @BM_ERR_HALT: a queue halted
 * @BM_ERR_FATAL: STATUS.FATAL
 * @BM_ERR_DMA_FAULT: commands whose DMA was refused
 * @BM_ERR_GONE: nobody answered at the registers any more
 * @BM_ERR_RESET: CTRL.RESET or CTRL.ENABLE had no effect, and so a function-level reset came
 * @BM_ERR_FOREIGN_RESET: somebody else had reset the function, and did not say so
 * @BM_ERR_BUS_CORRECTABLE: the bus had an error that it has corrected itself
 * @BM_ERR_BUS_NONFATAL: it has lost a transaction
 * @BM_ERR_BUS_FATAL: its link was not to be relied on, and was reset
 * @BM_ERR_UNREACHABLE: commands with memory of a device that this one does not reach
 * @BM_ERRORS: so many
 */
enum bm_error {
	BM_ERR_TAG_RANGE,
	BM_ERR_TAG_FREE,
	BM_ERR_TAG_STALE,
	BM_ERR_HEAD,
	BM_ERR_STATUS,
	BM_ERR_INFO,
	BM_ERR_TIMEOUT,
	BM_ERR_LOST_IRQ,
	BM_ERR_SPURIOUS_IRQ,
	BM_ERR_HALT,
	BM_ERR_FATAL,
	BM_ERR_DMA_FAULT,
	BM_ERR_GONE,
	BM_ERR_RESET,
	BM_ERR_FOREIGN_RESET,
	BM_ERR_BUS_CORRECTABLE,
	BM_ERR_BUS_NONFATAL,
	BM_ERR_BUS_FATAL,
	BM_ERR_UNREACHABLE,
	BM_ERRORS,
};

/**
 * struct bm_lie - a completion that cannot be true
 * @error: why not; BM_ERRORS: there was none
 * @c: the completion
 */
struct bm_lie {
	enum bm_error error;
	struct bm_completion c;
};

/* Module parameter and attribute fault_policy; see fault.c. */
enum bm_fault_policy {
	BM_FAULT_LOG,
	BM_FAULT_RESET,
	BM_FAULT_KILL,
};

/* alarm.c */
void bm_count(struct bm_dev *bm, enum bm_error error);
void bm_alarm_watch(struct bm_dev *bm);
void bm_alarm_reset(struct bm_dev *bm, const char *why);
void bm_alarm_lie(struct bm_queue *q, const struct bm_lie *lie);
void bm_alarm_dead(struct bm_dev *bm, int err);

/* fault.c */
void bm_fault_own(struct bm_request *rq);
void bm_fault_disown(struct bm_request *rq);
void bm_fault_report(struct bm_request *rq);
extern enum bm_fault_policy bm_param_fault_policy;
extern struct device_attribute dev_attr_fault_policy;

#endif /* BUSMASTER_ALARM_H */
