/*
 * busmaster: the registers
 *
 * What a register access means. A register is 8 bytes wide and is accessed by 4
 * or 8 aligned bytes; everything else, and every write that the contract does
 * not allow, is logged as the guest's error and has no effect.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/log.h"
#include "internal.h"
#include "trace.h"

#define BM_REG_SIZE         8

/* The part of a register that an access is about. */
typedef struct BmAccess {
    hwaddr reg;
    unsigned shift;
    uint64_t mask;          /* in place */
} BmAccess;

static bool bm_access_decode(BmAccess *a, hwaddr addr, unsigned size)
{
    if ((size != 4 && size != 8) || !QEMU_IS_ALIGNED(addr, size)) {
        qemu_log_mask(LOG_GUEST_ERROR, "busmaster: access of %u bytes at 0x%"
                      HWADDR_PRIx " is not an aligned one of 4 or 8 bytes\n",
                      size, addr);
        return false;
    }
    a->reg = QEMU_ALIGN_DOWN(addr, BM_REG_SIZE);
    a->shift = (addr - a->reg) * 8;
    a->mask = MAKE_64BIT_MASK(a->shift, size * 8);
    return true;
}

void bm_bad_write(hwaddr addr, uint64_t value, const char *why)
{
    qemu_log_mask(LOG_GUEST_ERROR, "busmaster: write of 0x%" PRIx64
                  " to register 0x%" HWADDR_PRIx " ignored: %s\n",
                  value, addr, why);
}

static uint64_t bm_cap(BmCore *s)
{
    return BM_PREP(BM_CAP_QUEUES, s->num_queues) |
           BM_PREP(BM_CAP_MAX_ORDER, BM_MAX_ORDER) |
           BM_PREP(BM_CAP_DMA_BITS, s->dma_bits) |
           BM_PREP(BM_CAP_XFER_ORDER, BM_XFER_ORDER) |
           BM_PREP(BM_CAP_SGL_MAX, BM_SGL_MAX);
}

static uint64_t bm_halted(BmCore *s)
{
    uint64_t halted = 0;
    unsigned i;

    for (i = 0; i < s->num_queues; i++) {
        if (bm_queue_state(&s->queues[i]) == BM_QSTATE_HALTED) {
            halted |= BIT_ULL(i);
        }
    }
    return halted;
}

static uint64_t bm_fault(BmCore *s, const uint64_t *part)
{
    QEMU_LOCK_GUARD(&s->fault_lock);
    return *part;
}

/* The counter at @offset in BmQueue, over all queues. */
static uint64_t bm_sum(BmCore *s, size_t offset)
{
    uint64_t sum = 0;
    unsigned i;

    for (i = 0; i < s->num_queues; i++) {
        sum += stat64_get((void *)&s->queues[i] + offset);
    }
    return sum;
}

static uint64_t bm_ctl_read(BmCore *s, hwaddr reg)
{
    if (bm_inject_is_window(s, reg)) {
        return bm_inject_reg_read(s, reg);
    }
    switch (reg) {
    case BM_REG_ID:
        return BM_PREP(BM_ID_MAGIC, BM_MAGIC) |
               BM_PREP(BM_ID_MAJOR, BM_VERSION_MAJOR) |
               BM_PREP(BM_ID_MINOR, BM_VERSION_MINOR);
    case BM_REG_CAP:
        return bm_cap(s);
    case BM_REG_CAP2:
        return BM_PREP(BM_CAP2_OPS, BIT(BM_OP_NOP) | BIT(BM_OP_COPY) |
                       BIT(BM_OP_FILL) | BIT(BM_OP_CRC32C) |
                       BIT(BM_OP_COPY_CRC32C) | BIT(BM_OP_COMPARE)) |
               BM_PREP(BM_CAP2_FEATURES, BM_FEAT_MODERATION |
                                          BM_FEAT_SHADOW |
                                          BM_FEAT_PEERS | BM_FEAT_CLOCK |
                       (s->fault_injection ? BM_FEAT_FAULTS : 0) |
                       (s->write_faults ? BM_FEAT_WRITE_FAULTS : 0));
    case BM_REG_MEM_SIZE:
        return s->mem_size;
    case BM_REG_CTRL:
        return (s->enabled ? BM_CTRL_ENABLE : 0) |
               (s->reset_ignored ? BM_CTRL_RESET : 0);
    case BM_REG_STATUS:
        return (s->ready ? BM_STATUS_READY : 0) |
               (s->fatal ? BM_STATUS_FATAL |
                           BM_PREP(BM_STATUS_CAUSE, s->fatal_cause) : 0);
    case BM_REG_HALTED:
        return bm_halted(s);
    case BM_REG_FAULT_ADDR:
        return bm_fault(s, &s->fault_addr);
    case BM_REG_FAULT_INFO:
        return bm_fault(s, &s->fault_info);
    case BM_REG_MRD_TLPS:
        return bm_sum(s, offsetof(BmQueue, mrd_tlps));
    case BM_REG_MRD_BYTES:
        return bm_sum(s, offsetof(BmQueue, mrd_bytes));
    case BM_REG_MWR_TLPS:
        return bm_sum(s, offsetof(BmQueue, mwr_tlps));
    case BM_REG_MWR_BYTES:
        return bm_sum(s, offsetof(BmQueue, mwr_bytes));
    case BM_REG_CLOCK:
        return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    case BM_REG_PEER_MRD_TLPS:
        return bm_sum(s, offsetof(BmQueue, peer_mrd_tlps));
    case BM_REG_PEER_MRD_BYTES:
        return bm_sum(s, offsetof(BmQueue, peer_mrd_bytes));
    case BM_REG_PEER_MWR_TLPS:
        return bm_sum(s, offsetof(BmQueue, peer_mwr_tlps));
    case BM_REG_PEER_MWR_BYTES:
        return bm_sum(s, offsetof(BmQueue, peer_mwr_bytes));
    case BM_REG_MSG_TLPS:
        return s->msg_tlps;
    default:
        qemu_log_mask(LOG_GUEST_ERROR, "busmaster: read of reserved register "
                      "0x%" HWADDR_PRIx "\n", reg);
        return 0;
    }
}

static void bm_ctl_write(BmCore *s, hwaddr reg, uint64_t value)
{
    bool enable = value & BM_CTRL_ENABLE;

    if (bm_inject_is_window(s, reg)) {
        bm_inject_reg_write(s, reg, value);
        return;
    }
    if (reg != BM_REG_CTRL) {
        bm_bad_write(reg, value, "read-only or reserved");
        return;
    }
    if (value & ~(uint64_t)(BM_CTRL_ENABLE | BM_CTRL_RESET)) {
        bm_bad_write(reg, value, "reserved bits");
    }
    if (value & BM_CTRL_RESET) {
        if (bm_misbehave_device(s, BM_INJECT_RESET_IGNORE)) {
            s->reset_ignored = true;
        } else {
            bm_reset(s, "CTRL.RESET");
        }
    } else if (enable != s->enabled) {
        s->enabled = enable;
        s->ready = enable && !s->fatal &&
                   !bm_misbehave_device(s, BM_INJECT_ENABLE_IGNORE);
        if (!enable) {
            bm_stop(s, "CTRL.ENABLE cleared");
        }
    }
}

static uint64_t bm_queue_read(BmQueue *q, hwaddr reg)
{
    enum bm_qstate state = bm_queue_state(q);

    switch (reg) {
    case BM_QREG_SQ_TAIL:
        return qatomic_read(&q->sq_tail);
    case BM_QREG_CQ_HEAD:
        return BM_PREP(BM_CQ_HEAD_INDEX, qatomic_read(&q->cq_head)) |
               (qatomic_read(&q->armed) ? BM_CQ_HEAD_ARM : 0);
    case BM_QREG_SQ_BASE:
        return q->sq_base;
    case BM_QREG_CQ_BASE:
        return q->cq_base;
    case BM_QREG_ORDER:
        return q->order;
    case BM_QREG_SHADOW:
        return q->shadow;
    case BM_QREG_CTL:
        return state == BM_QSTATE_RUNNING || state == BM_QSTATE_HALTED ?
               BM_QCTL_ENABLE : 0;
    case BM_QREG_STATE:
        return qatomic_read(&q->state);
    case BM_QREG_MODERATION:
        return q->moderation;
    case BM_QREG_ABORT:
        return 0;
    default:
        qemu_log_mask(LOG_GUEST_ERROR, "busmaster: read of reserved register "
                      "0x%" HWADDR_PRIx " of queue %u\n", reg, q->index);
        return 0;
    }
}

static void bm_queue_ctl_write(BmQueue *q, uint64_t value)
{
    enum bm_qstate state = bm_queue_state(q);

    if (value & ~(uint64_t)BM_QCTL_ENABLE) {
        bm_bad_write(BM_QREG_CTL, value, "reserved bits");
    }
    if (!(value & BM_QCTL_ENABLE)) {
        bm_queue_disable(q);
    } else if (!q->core->ready) {
        bm_bad_write(BM_QREG_CTL, value, "the device is not ready");
    } else if (state == BM_QSTATE_DISABLED) {
        bm_queue_enable(q);
    } else if (state == BM_QSTATE_DRAINING) {
        bm_bad_write(BM_QREG_CTL, value, "the queue is being drained");
    }
}

static void bm_queue_write(BmQueue *q, hwaddr reg, uint64_t value)
{
    bool disabled = bm_queue_state(q) == BM_QSTATE_DISABLED;

    switch (reg) {
    case BM_QREG_SQ_TAIL:
        bm_doorbell_tail(q, value);
        return;
    case BM_QREG_CQ_HEAD:
        bm_doorbell_head(q, value);
        return;
    case BM_QREG_CTL:
        bm_queue_ctl_write(q, value);
        return;
    case BM_QREG_ABORT:
        bm_queue_abort(q, value);
        return;
    case BM_QREG_MODERATION:
        qatomic_set(&q->moderation, value);
        bm_queue_kick(q);
        return;
    case BM_QREG_SQ_BASE:
    case BM_QREG_CQ_BASE:
    case BM_QREG_ORDER:
    case BM_QREG_SHADOW:
        if (!disabled) {
            bm_bad_write(reg, value, "the queue is not disabled");
        } else if (reg == BM_QREG_SQ_BASE) {
            q->sq_base = value;
        } else if (reg == BM_QREG_CQ_BASE) {
            q->cq_base = value;
        } else if (reg == BM_QREG_SHADOW) {
            q->shadow = value;
        } else {
            q->order = value;
        }
        return;
    default:
        bm_bad_write(reg, value, "read-only or reserved");
    }
}

/* The queue whose page @reg is in, and the register in that page. */
static BmQueue *bm_regs_queue(BmCore *s, hwaddr *reg)
{
    unsigned page = *reg / BM_PAGE_SIZE;

    if (!page || page > s->num_queues) {
        return NULL;
    }
    *reg %= BM_PAGE_SIZE;
    return &s->queues[page - 1];
}

static uint64_t bm_reg_read(BmCore *s, hwaddr reg)
{
    BmQueue *q = bm_regs_queue(s, &reg);

    return q ? bm_queue_read(q, reg) : bm_ctl_read(s, reg);
}

static uint64_t bm_regs_read(void *opaque, hwaddr addr, unsigned size)
{
    BmCore *s = opaque;
    uint64_t value = 0;
    BmAccess a;

    if (bm_access_decode(&a, addr, size)) {
        value = bm_misbehave_gone(s, a.reg) ? bm_misbehave_gone_read(s)
                                         : bm_reg_read(s, a.reg);
        value = (value & a.mask) >> a.shift;
    }
    trace_busmaster_read(addr, size, value);
    return value;
}

/* Of these all 64 bits mean something: half a write changes half of them. */
static bool bm_reg_is_wide(BmCore *s, hwaddr reg)
{
    if (bm_regs_queue(s, &reg)) {
        return reg == BM_QREG_SQ_BASE || reg == BM_QREG_CQ_BASE ||
               reg == BM_QREG_SHADOW;
    }
    return bm_inject_is_window(s, reg) && reg == BM_REG_INJECT_ARG;
}

static void bm_regs_write(void *opaque, hwaddr addr, uint64_t value,
                          unsigned size)
{
    BmCore *s = opaque;
    BmAccess a;
    BmQueue *q;

    trace_busmaster_write(addr, size, value, BM_TRACE_NOW(WRITE));
    if (!bm_access_decode(&a, addr, size)) {
        return;
    }
    if (s->gone) {
        bm_bad_write(addr, value, "the function is unplugged");
        return;
    }
    if (s->inside) {
        bm_bad_write(addr, value, "it comes out of a DMA of the device's own");
        return;
    }
    if (bm_misbehave_gone(s, a.reg)) {
        return;
    }
    value <<= a.shift;
    if (bm_reg_is_wide(s, a.reg)) {
        value |= bm_reg_read(s, a.reg) & ~a.mask;
    } else if (a.shift) {
        bm_bad_write(addr, value, "the upper half of a 32-bit register");
        return;
    } else {
        value = (uint32_t)value;
    }
    q = bm_regs_queue(s, &a.reg);
    if (q) {
        bm_queue_write(q, a.reg, value);
    } else {
        bm_ctl_write(s, a.reg, value);
    }
    bm_irq_flush(s);
}

const MemoryRegionOps bm_regs_ops = {
    .read = bm_regs_read,
    .write = bm_regs_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {
        .min_access_size = 1,
        .max_access_size = 8,
        .unaligned = true,
    },
    .impl = {
        .min_access_size = 1,
        .max_access_size = 8,
        .unaligned = true,
    },
};
