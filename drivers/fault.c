// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: a command failed: if its DMA was refused, there is a policy.
 *
 * The bus or the IOMMU refused an address: the command fails with -EIO, is counted, and
 * the log has the address. What else is done about it is the operator's choice, by
 * attribute fault_policy of a device, or the module's parameter for all:
 *
 *   log	nothing else: the device has told of the refusal, and goes on. For
 *		development, and wherever one command must not cost the others theirs.
 *   reset	the controller is reset, and other commands in flight fail, too. For who
 *		takes a refused address as a sign that the device or its state is no longer
 *		sane: the driver maps all that it submits, so no command should be refused.
 *   kill	the same, and SIGBUS to the process whose command it was. For machines
 *		where a program that has lost data silently is worse than one that ends; a
 *		program that may reach devices of its own, or a peer's memory, is the
 *		likely cause there.
 *
 * Who looks for iommu_set_fault_handler(): a driver that uses the DMA API has no
 * domain of its own to set it on, and VT-d's driver would not call it: it logs the fault
 * ("DMAR: [DMA Read ...] ... fault addr ...") and tells no driver. So what is known here is
 * what the device says. Of a command: its completion, with address and direction. Of a
 * ring: that the queue has halted, and FAULT_ADDR and FAULT_INFO (inspect.c). A hostile
 * device need not say so. The IOMMU protects memory from that one; this is for the others.
 *
 * Nor can any device say so of a write, unless it is told: writes are posted. Where
 * BM_FEAT_WRITE_FAULTS is not set a refused write looks like one that succeeded, and one of
 * a completion like a command that is not answered. Then only the IOMMU's driver knows.
 */
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "busmaster.h"
#include "trace.h"

static const char * const bm_fault_policies[] = {
	[BM_FAULT_LOG] = "log",
	[BM_FAULT_RESET] = "reset",
	[BM_FAULT_KILL] = "kill",
};

/* The name perhaps with a newline at its end; returns enum bm_fault_policy or -EINVAL. */
static int bm_fault_policy_parse(const char *name)
{
	return sysfs_match_string(bm_fault_policies, name);
}

enum bm_fault_policy bm_param_fault_policy;

static int bm_param_set_fault_policy(const char *val, const struct kernel_param *kp)
{
	int policy = bm_fault_policy_parse(val);

	if (policy < 0)
		return policy;
	bm_param_fault_policy = policy;
	return 0;
}

static int bm_param_get_fault_policy(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", bm_fault_policies[bm_param_fault_policy]);
}

static const struct kernel_param_ops bm_param_ops_fault_policy = {
	.set = bm_param_set_fault_policy,
	.get = bm_param_get_fault_policy,
};
module_param_cb(fault_policy, &bm_param_ops_fault_policy, NULL, 0444);
__MODULE_PARM_TYPE(fault_policy, "charp");
MODULE_PARM_DESC(fault_policy,
		 "after refused DMA the command fails; reset: the device is reset, too, as it may not be sane; kill: and its process gets SIGBUS, as lost data must not go unseen (log, reset or kill, default log)");

static ssize_t fault_policy_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  bm_fault_policies[READ_ONCE(bm_from_device(dev)->fault_policy)]);
}

static ssize_t fault_policy_store(struct device *dev, struct device_attribute *attr,
				  const char *buf, size_t count)
{
	int policy = bm_fault_policy_parse(buf);

	if (policy < 0)
		return policy;
	WRITE_ONCE(bm_from_device(dev)->fault_policy, policy);
	return count;
}
DEVICE_ATTR_RW(fault_policy);

/**
 * bm_fault_own() - the process that submits a command answers for it
 * @rq: request that is about to be submitted, by a task
 *
 * For BM_FAULT_KILL. A thread of the kernel's own answers for nothing; one that works
 * for a process, as io_uring has them, is that process's.
 */
void bm_fault_own(struct bm_request *rq)
{
	if (!(current->flags & PF_KTHREAD))
		rq->owner = get_pid(task_tgid(current));
}

/**
 * bm_fault_disown() - undo bm_fault_own()
 * @rq: request that has an owner, and is not in flight
 *
 * Any context.
 */
void bm_fault_disown(struct bm_request *rq)
{
	put_pid(rq->owner);
	rq->owner = NULL;
}

/* A command's DMA was refused: do as the policy says. */
static void bm_fault_dma(struct bm_request *rq)
{
	struct bm_queue *q = rq->queue;
	struct bm_dev *bm = q->bm;
	enum bm_fault_policy policy = READ_ONCE(bm->fault_policy);

	bm_count(bm, BM_ERR_DMA_FAULT);
	dev_err_ratelimited(&bm->dev, "DMA %s of bus address %#llx refused (queue %u, tag %u)\n",
			    rq->status == BM_ST_DMA_READ_FAULT ? "read" : "write", rq->info, q->id,
			    le16_to_cpu(rq->sqe.tag));
	if (policy == BM_FAULT_LOG)
		return;
	if (policy == BM_FAULT_KILL && rq->owner) {
		dev_err_ratelimited(&bm->dev, "SIGBUS to process %d: fault_policy is kill\n",
				    pid_nr(rq->owner));
		kill_pid(rq->owner, SIGBUS, 1);
	}
	bm_alarm_reset(bm, "fault_policy wants it after refused DMA");
}

/**
 * bm_fault_report() - say why a request failed, and do what has to be done
 * @rq: request that has ended with an error, but not done() yet
 *
 * Any context.
 */
void bm_fault_report(struct bm_request *rq)
{
	struct bm_queue *q = rq->queue;

	if (rq->status == BM_ST_ABORTED)
		return;
	trace_bm_fault(rq);
	switch (rq->status) {
	case BM_ST_DMA_READ_FAULT:
	case BM_ST_DMA_WRITE_FAULT:
		bm_fault_dma(rq);
		break;
	default:
		dev_err_ratelimited(&q->bm->dev,
				    "command %u failed with status %#x (queue %u, tag %u)\n",
				    rq->sqe.opcode, rq->status, q->id, le16_to_cpu(rq->sqe.tag));
	}
}
