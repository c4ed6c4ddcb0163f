// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: register access, identification, enable and reset.
 *
 * The only file that touches registers. Every wait is bounded, and a device that is
 * gone is -ENODEV, not a time-out. Gone is one whose ID does not carry the magic any
 * more: it reads as all ones off the bus, and as zeros behind a closed BAR. The ID is
 * asked where a register reads as what no register of a device that is there can be, so
 * that a read that failed once does not cost the device.
 *
 * While its channel is offline (the bus has failed, or the slot is empty) the device is left
 * alone: nothing is written, and reads give all ones without asking it.
 */
#include <linux/bitfield.h>
#include <linux/io.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>

#include "busmaster.h"
#include "trace.h"

#define BM_POLL_US 50
#define BM_RESET_TIMEOUT_US (1000 * USEC_PER_MSEC)
#define BM_ENABLE_TIMEOUT_US (1000 * USEC_PER_MSEC)

static u64 bm_read64(struct bm_dev *bm, u32 reg)
{
	return pci_channel_offline(bm->pdev) ? U64_MAX : readq(bm->regs + reg);
}

static void bm_write32(struct bm_dev *bm, u32 reg, u32 val)
{
	if (!pci_channel_offline(bm->pdev))
		writel(val, bm->regs + reg);
}

static void bm_write64(struct bm_dev *bm, u32 reg, u64 val)
{
	if (!pci_channel_offline(bm->pdev))
		writeq(val, bm->regs + reg);
}

static u32 bm_queue_reg(struct bm_queue *q, u32 reg)
{
	return BM_QUEUE_PAGE(q->id) + reg;
}

/* Is there still a device? It is asked twice: a read can fail that would succeed now. */
static bool bm_hw_answers(struct bm_dev *bm)
{
	return FIELD_GET(BM_ID_MAGIC, bm_read64(bm, BM_REG_ID)) == BM_MAGIC ||
	       FIELD_GET(BM_ID_MAGIC, bm_read64(bm, BM_REG_ID)) == BM_MAGIC;
}

/*
 * Read a register, of 32 bits or 64, of a device that may have gone. All ones is what
 * the bus gives where nobody answers. Should the device be there, it is asked again, and
 * what it says then is what it means.
 *
 * Return: 0 or -ENODEV.
 */
static int bm_hw_read(struct bm_dev *bm, u32 reg, u64 *val)
{
	*val = bm_read64(bm, reg);
	if (*val != U64_MAX)
		return 0;
	if (!bm_hw_answers(bm))
		return -ENODEV;
	*val = bm_read64(bm, reg);
	return 0;
}

/*
 * Wait until the bits of @mask in a register read as @want. May sleep.
 *
 * Return: 0; -ENODEV if the device is gone; -ETIMEDOUT, after a message.
 */
static int bm_hw_wait(struct bm_dev *bm, u32 reg, u32 mask, u32 want, u32 timeout_us,
		      const char *what)
{
	int gone, err;
	u64 val;

	err = read_poll_timeout(bm_hw_read, gone, gone || (val & mask) == want, BM_POLL_US,
				timeout_us, false, bm, reg, &val);
	if (gone || !bm_hw_answers(bm))
		return -ENODEV;
	if (err)
		dev_err(&bm->dev, "%s did not happen within %u ms: register %#x reads %#llx\n",
			what, timeout_us / (u32)USEC_PER_MSEC, reg, val);
	return err;
}

static int bm_check(struct bm_dev *bm, const char *field, u64 val, u64 min, u64 max)
{
	if (val >= min && val <= max)
		return 0;
	dev_err(&bm->dev, "the device states %s = %llu; this driver takes %llu to %llu\n", field,
		val, min, max);
	return -EINVAL;
}

/**
 * bm_hw_identify() - find out what the device is, and believe only what can be
 * @bm: device with its registers mapped; @bm->caps is filled
 *
 * Return: 0; -ENODEV if this is not a busmaster, or one whose interface version
 * this driver does not know; -EINVAL if a capability is out of bounds.
 */
int bm_hw_identify(struct bm_dev *bm)
{
	u64 mem_bar = pci_resource_len(bm->pdev, BM_BAR_MEM);
	u64 id = bm_read64(bm, BM_REG_ID);
	u64 cap = bm_read64(bm, BM_REG_CAP);
	u64 cap2 = bm_read64(bm, BM_REG_CAP2);
	struct bm_caps *caps = &bm->caps;
	u64 xfer_order;
	int err;

	if (FIELD_GET(BM_ID_MAGIC, id) != BM_MAGIC) {
		dev_err(&bm->dev, "no busmaster here: magic is %#llx, not %#x\n",
			FIELD_GET(BM_ID_MAGIC, id), BM_MAGIC);
		return -ENODEV;
	}
	caps->major = FIELD_GET(BM_ID_MAJOR, id);
	caps->minor = FIELD_GET(BM_ID_MINOR, id);
	if (caps->major != BM_VERSION_MAJOR) {
		dev_err(&bm->dev, "interface version %u.%u; this driver knows %u.x\n", caps->major,
			caps->minor, BM_VERSION_MAJOR);
		return -ENODEV;
	}

	caps->queues = FIELD_GET(BM_CAP_QUEUES, cap);
	caps->max_order = FIELD_GET(BM_CAP_MAX_ORDER, cap);
	caps->dma_bits = FIELD_GET(BM_CAP_DMA_BITS, cap);
	xfer_order = FIELD_GET(BM_CAP_XFER_ORDER, cap);
	caps->sgl_max = FIELD_GET(BM_CAP_SGL_MAX, cap);
	caps->ops = FIELD_GET(BM_CAP2_OPS, cap2);
	caps->features = FIELD_GET(BM_CAP2_FEATURES, cap2);
	caps->mem_size = bm_read64(bm, BM_REG_MEM_SIZE);

	err = bm_check(bm, "queue pairs", caps->queues, 1, BM_MAX_QUEUES) ?:
	      bm_check(bm, "register BAR bytes", bm->regs_len, BM_QUEUE_PAGE(caps->queues),
		       U64_MAX) ?:
	      bm_check(bm, "largest ring order", caps->max_order, BM_MIN_ORDER, 15) ?:
	      bm_check(bm, "DMA address bits", caps->dma_bits, 32, 64) ?:
	      bm_check(bm, "largest transfer order", xfer_order, PAGE_SHIFT, 31) ?:
	      bm_check(bm, "SGL entries", caps->sgl_max, BM_CMD_PAGES, U16_MAX) ?:
	      bm_check(bm, "memory bytes", caps->mem_size, 1, mem_bar);
	if (err)
		return err;
	if (!(caps->ops & BIT(BM_OP_COPY))) {
		dev_err(&bm->dev, "the device cannot copy: operations %#x\n", caps->ops);
		return -EINVAL;
	}
	caps->max_xfer = 1ull << xfer_order;
	return 0;
}

/**
 * bm_hw_reset() - stop all that the device does, and forget it
 * @bm: device
 *
 * On success the device does no DMA any more, and what it wrote before is in
 * memory: the read that saw the reset end pushed posted writes ahead of it (PCI
 * Express, transaction ordering). May sleep.
 *
 * Return: 0, -ENODEV or -ETIMEDOUT. Unless 0, only clearing bus mastering helps.
 */
int bm_hw_reset(struct bm_dev *bm)
{
	bm_write32(bm, BM_REG_CTRL, BM_CTRL_RESET);
	return bm_hw_wait(bm, BM_REG_CTRL, BM_CTRL_RESET, 0, BM_RESET_TIMEOUT_US, "reset");
}

/**
 * bm_hw_enable() - let queues run
 * @bm: device, fresh from a reset
 *
 * May sleep.
 *
 * Return: 0, -ENODEV or -ETIMEDOUT.
 */
int bm_hw_enable(struct bm_dev *bm)
{
	bm_write32(bm, BM_REG_CTRL, BM_CTRL_ENABLE);
	return bm_hw_wait(bm, BM_REG_STATUS, BM_STATUS_READY, BM_STATUS_READY,
			  BM_ENABLE_TIMEOUT_US, "enable");
}

/**
 * bm_hw_queue_enable() - tell the device where a queue's rings are, and run it
 * @q: queue with empty rings
 *
 * May sleep.
 *
 * Return: 0, -ENODEV or -ETIMEDOUT.
 */
int bm_hw_queue_enable(struct bm_queue *q)
{
	struct bm_dev *bm = q->bm;

	bm_write64(bm, bm_queue_reg(q, BM_QREG_SQ_BASE), q->sq.dma);
	bm_write64(bm, bm_queue_reg(q, BM_QREG_CQ_BASE), q->cq.dma);
	bm_write32(bm, bm_queue_reg(q, BM_QREG_ORDER), ilog2(q->sq.entries));
	if (q->shadow)
		bm_write64(bm, bm_queue_reg(q, BM_QREG_SHADOW), q->shadow_dma);
	bm_write32(bm, bm_queue_reg(q, BM_QREG_CTL), BM_QCTL_ENABLE);
	return bm_hw_wait(bm, bm_queue_reg(q, BM_QREG_STATE), BM_QSTATE_STATE, BM_QSTATE_RUNNING,
			  BM_ENABLE_TIMEOUT_US, "queue enable");
}

/*
 * Shadow doorbells: the barriers.
 *
 * The driver writes a word of its half and then looks for an event in the device's
 * half; the device writes its event and then looks at the driver's half. Both must
 * put a full barrier in between, or each may miss what the other has just written,
 * and both would sleep: a write followed by a read of another word is the one order
 * that neither wmb() nor rmb() keeps. This is the only full barrier of the driver.
 * It is mb(), not smp_mb(): the other side is a device, not a CPU.
 */
static bool bm_shadow_ring(__le32 *word, u32 val, const __le32 *event, u32 from, u32 to,
			   u32 entries)
{
	dma_wmb();
	WRITE_ONCE(*word, cpu_to_le32(val));
	mb(); /* the word is written before the event is read: see above */
	return bm_ring_passed(le32_to_cpu(READ_ONCE(*event)), from, to, entries);
}

/**
 * bm_hw_ring_sq() - the submission doorbell: tell the device the tail
 * @q: queue, locked and running
 *
 * With shadow doorbells the register is written only if the device sleeps. writel()
 * orders the descriptors, in coherent memory, before the doorbell.
 */
void bm_hw_ring_sq(struct bm_queue *q)
{
	struct bm_hw_shadow *shadow = q->shadow;
	u32 from = q->sq.rung, to = q->sq.tail, index = to & (q->sq.entries - 1);
	bool mmio;

	lockdep_assert_held(&q->lock);
	q->sq.rung = to;
	mmio = !shadow || bm_shadow_ring(&shadow->sq_tail, index, &shadow->sq_event, from, to,
					 q->sq.entries);
	trace_bm_doorbell(q, false, index, mmio);
	if (!mmio)
		return;
	q->stats.sq_doorbells++;
	bm_write32(q->bm, bm_queue_reg(q, BM_QREG_SQ_TAIL), index);
}

/**
 * bm_hw_ring_cq() - the completion doorbell: tell the device the head, if that is news
 * @q: queue, locked and running
 * @arm: raise the vector once for what lies beyond the head
 *
 * Return: true if the caller is to look at the ring once more. For what is there now
 * the device raises an armed vector at once if it was told by the register; of a
 * shadow it learns when it posts its next completion.
 */
bool bm_hw_ring_cq(struct bm_queue *q, bool arm)
{
	struct bm_hw_shadow *shadow = q->shadow;
	u32 from = q->cq.rung, to = q->cq.head;
	bool mmio = true;

	lockdep_assert_held(&q->lock);
	if (!arm && from == to)
		return false;
	q->cq.rung = to;
	q->armed |= arm;
	if (shadow) {
		q->cq.arms += arm;
		mmio = bm_shadow_ring(&shadow->cq_head, FIELD_PREP(BM_SHADOW_HEAD, to) |
				      FIELD_PREP(BM_SHADOW_ARM, q->cq.arms), &shadow->cq_event,
				      from, to, q->cq.entries);
	}
	trace_bm_doorbell(q, true, to, mmio);
	if (!mmio)
		return arm && !bm_cq_dry(&q->cq);
	q->stats.cq_doorbells++;
	bm_write32(q->bm, bm_queue_reg(q, BM_QREG_CQ_HEAD),
		   FIELD_PREP(BM_CQ_HEAD_INDEX, to) | (arm ? BM_CQ_HEAD_ARM : 0));
	return shadow && arm && !bm_cq_dry(&q->cq);
}

/**
 * bm_hw_abort() - ask the device to end a command early
 * @rq: request in flight, whose queue is locked and running
 *
 * Only a command that the device works on ends with -ECANCELED, at its next turn; on one
 * that it has yet to fetch, or that is over, there is no effect.
 */
void bm_hw_abort(struct bm_request *rq)
{
	struct bm_queue *q = rq->queue;

	lockdep_assert_held(&q->lock);
	bm_write32(q->bm, bm_queue_reg(q, BM_QREG_ABORT), le16_to_cpu(rq->sqe.tag));
}

/**
 * bm_hw_moderate() - when to raise the vector of an armed queue
 * @q: queue, locked and running, of a device with BM_FEAT_MODERATION
 * @frames: completions to wait for, to U16_MAX
 * @usecs: microseconds to wait for them, to U16_MAX
 */
void bm_hw_moderate(struct bm_queue *q, unsigned int frames, unsigned int usecs)
{
	u32 val = FIELD_PREP(BM_MODERATION_COUNT, frames) |
		  FIELD_PREP(BM_MODERATION_USECS, usecs);

	lockdep_assert_held(&q->lock);
	if (q->moderation == val)
		return;
	q->moderation = val;
	bm_write32(q->bm, bm_queue_reg(q, BM_QREG_MODERATION), val);
}

/**
 * bm_hw_counter() - read one of the device's transaction counters
 * @bm: device
 * @reg: BM_REG_MRD_TLPS to BM_REG_MSG_TLPS; with BM_FEAT_PEERS, one of BM_REG_PEER_*
 * @val: its value
 *
 * Return: 0 or -ENODEV.
 */
int bm_hw_counter(struct bm_dev *bm, u32 reg, u64 *val)
{
	return bm_hw_read(bm, reg, val);
}

/**
 * bm_hw_clock() - what time is it, for the device?
 * @bm: device with BM_FEAT_CLOCK
 * @ns: its answer
 *
 * Any context. Zeros are what a BAR reads as that is closed, and no time that is likely.
 *
 * Return: 0 or -ENODEV.
 */
int bm_hw_clock(struct bm_dev *bm, u64 *ns)
{
	int err = bm_hw_read(bm, BM_REG_CLOCK, ns);

	if (!err && !*ns && !bm_hw_answers(bm))
		err = -ENODEV;
	return err;
}

/**
 * bm_hw_report() - what the device says of itself
 * @bm: device
 * @report: filled; not one of its bits is to be relied on
 *
 * Any context. A device that is enabled is never without a bit in STATUS, so that zeros
 * make it as suspicious as ones.
 *
 * Return: 0 or -ENODEV.
 */
int bm_hw_report(struct bm_dev *bm, struct bm_report *report)
{
	int err;

	err = bm_hw_read(bm, BM_REG_STATUS, &report->status) ?:
	      bm_hw_read(bm, BM_REG_HALTED, &report->halted) ?:
	      bm_hw_read(bm, BM_REG_FAULT_INFO, &report->fault_info) ?:
	      bm_hw_read(bm, BM_REG_FAULT_ADDR, &report->fault_addr);
	if (!err && !report->status && !bm_hw_answers(bm))
		err = -ENODEV;
	return err;
}

/**
 * bm_hw_halt_cause() - why a queue is halted
 * @q: queue
 *
 * Return: enum bm_halt, unchecked; or -ENODEV.
 */
int bm_hw_halt_cause(struct bm_queue *q)
{
	u64 state;

	return bm_hw_read(q->bm, bm_queue_reg(q, BM_QREG_STATE), &state) ?:
	       FIELD_GET(BM_QSTATE_CAUSE, state);
}

/**
 * bm_hw_inject_modes() - in which ways can the device be made to misbehave?
 * @bm: identified device
 *
 * Return: a bit for each enum bm_inject.
 */
u64 bm_hw_inject_modes(struct bm_dev *bm)
{
	if (!(bm->caps.features & BM_FEAT_FAULTS))
		return 0;
	return bm_read64(bm, BM_REG_INJECT_MODES) & GENMASK_ULL(BM_INJECT_END - 1, 1);
}

/**
 * bm_hw_inject() - make the device misbehave, or stop that
 * @bm: device that has the mode
 * @injection: mode, and how often
 *
 * It takes several registers: only one caller at a time.
 */
void bm_hw_inject(struct bm_dev *bm, const struct bm_injection *injection)
{
	bm_write64(bm, BM_REG_INJECT_ARG, injection->arg);
	bm_write32(bm, BM_REG_INJECT_COUNT, injection->count);
	bm_write32(bm, BM_REG_INJECT_ARM, FIELD_PREP(BM_INJECT_MODE, injection->mode) |
					  FIELD_PREP(BM_INJECT_QUEUE, injection->queue));
}

/**
 * bm_hw_inject_state() - how often has a mode hit, and how often will it?
 * @bm: device
 * @mode: one that it has
 *
 * Return: BM_INJECT_FIRED and BM_INJECT_LEFT.
 */
u64 bm_hw_inject_state(struct bm_dev *bm, enum bm_inject mode)
{
	return bm_read64(bm, BM_REG_INJECT_STATE(mode));
}
