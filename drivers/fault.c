// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: a command's DMA was refused: the fault policy.
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
 * ring: that the queue has halted, and FAULT_ADDR and FAULT_INFO (recover.c). A hostile
 * device need not say so. The IOMMU protects memory from that one; this is for the others.
 */
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "busmaster.h"

static const char * const bm_fault_policies[] = {
	[BM_FAULT_LOG] = "log",
	[BM_FAULT_RESET] = "reset",
	[BM_FAULT_KILL] = "kill",
};

/**
 * bm_fault_policy_parse() - a policy by its name
 * @name: perhaps with a newline at its end
 *
 * Return: enum bm_fault_policy or -EINVAL.
 */
int bm_fault_policy_parse(const char *name)
{
	return sysfs_match_string(bm_fault_policies, name);
}

/**
 * bm_fault_policy_name() - the name of a policy
 * @policy: it
 */
const char *bm_fault_policy_name(enum bm_fault_policy policy)
{
	return bm_fault_policies[policy];
}

static ssize_t fault_policy_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  bm_fault_policy_name(READ_ONCE(bm_from_device(dev)->fault_policy)));
}

static ssize_t fault_policy_store(struct device *dev, struct device_attribute *attr,
				  const char *buf, size_t count)
{
	int policy = bm_fault_policy_parse(buf);

	if (policy < 0) {
		dev_err(dev, "fault_policy \"%.*s\" refused: log, reset or kill is wanted\n",
			(int)strcspn(buf, "\n"), buf);
		return policy;
	}
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

/**
 * bm_fault() - a command's DMA was refused: do as the policy says
 * @rq: request that has ended so, but not done() yet
 *
 * Any context.
 */
void bm_fault(struct bm_request *rq)
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
	bm_recover_reset(bm, "fault_policy wants it after refused DMA");
}
