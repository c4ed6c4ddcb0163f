/*
 * busmaster: faults on demand
 *
 * What the device does if it is told to do something wrong. The rest of it asks
 * here at each place where a real device could go wrong, and knows no more.
 *
 * What is wrong with a completion is noted in its command when it is finished
 * (BmLie): to post it asks nothing more. What is held back stays in its
 * command's slot, so there is no more of it than there are slots, it keeps a
 * drain waiting, and bm_stop() ends it.
 *
 * The device misbehaves, QEMU does not: what is written to memory goes through
 * dma.c, and a command that was changed is judged as if a driver had done it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/pci/pci_regs.h"
#include "internal.h"

#define BM_INJECT_BITS(first, last) \
    MAKE_64BIT_MASK(first, (last) - (first) + 1)
#define BM_INJECT_COMPLETIONS   BM_INJECT_BITS(BM_INJECT_CQE_DROP, \
                                               BM_INJECT_INFO)
#define BM_INJECT_COMMANDS      (BM_INJECT_BITS(BM_INJECT_HANG, \
                                                BM_INJECT_SQE_CHANGE) | \
                                 BM_INJECT_BITS(BM_INJECT_AER_CORRECTABLE, \
                                                BM_INJECT_AER_FATAL))
#define BM_INJECT_READS         BM_INJECT_BITS(BM_INJECT_READS_ONES, \
                                               BM_INJECT_READS_ZEROS)

bool bm_misbehave_device(BmCore *s, enum bm_inject mode)
{
    BmInjection hit;

    return bm_inject_hit(s, mode, BM_INJECT_ALL_QUEUES, &hit);
}

/* Is there nobody, as far as an access to @reg can tell? */
bool bm_misbehave_gone(BmCore *s, hwaddr reg)
{
    return bm_inject_armed(s, BM_INJECT_READS) && !bm_inject_is_window(s, reg);
}

/* What can be read from there. */
uint64_t bm_misbehave_gone_read(BmCore *s)
{
    if (bm_misbehave_device(s, BM_INJECT_READS_ONES)) {
        return UINT64_MAX;
    }
    bm_misbehave_device(s, BM_INJECT_READS_ZEROS);
    return 0;
}

bool bm_misbehave_queue(BmQueue *q, enum bm_inject mode)
{
    BmInjection hit;

    return bm_inject_hit(q->core, mode, q->index, &hit);
}

/* Ones over what the device has read, if it may write there. */
static void bm_misbehave_overwrite(BmQueue *q, uint16_t tag, uint64_t addr,
                                   uint64_t len)
{
    BmDma dma = { .addr = addr, .write = true };
    BmRequests requests = {};

    if (bm_dma_map(q, tag, &dma, len, len)) {
        memset(dma.host, 0xff, len);
        bm_dma_unmap(q, &dma, len, &requests);
    }
}

static struct bm_hw_ptr bm_misbehave_rogue(uint64_t addr)
{
    return (struct bm_hw_ptr) {
        .space = BM_SPACE_HOST, .addr = cpu_to_le64(addr),
    };
}

/* The bus has an error, and the function reports it. */
static void bm_misbehave_error(BmQueue *q, enum bm_inject mode)
{
    BmInjection hit;

    if (bm_inject_hit(q->core, mode, q->index, &hit)) {
        bm_report_error(q->core, mode == BM_INJECT_AER_CORRECTABLE, hit.arg);
    }
}

/*
 * @sqe, entry @index, was fetched. What is changed in it is judged as if the
 * driver had written it. False: halted, stopped or hung.
 */
bool bm_misbehave_fetched(BmQueue *q, struct bm_hw_sqe *sqe, uint32_t index)
{
    BmCore *s = q->core;
    BmInjection hit;

    if (!bm_inject_armed(s, BM_INJECT_COMMANDS)) {
        return true;
    }
    if (bm_inject_hit(s, BM_INJECT_SQE_CHANGE, q->index, &hit)) {
        bm_misbehave_overwrite(q, BM_TAG_NONE,
                               q->sq_base + index * sizeof(*sqe), sizeof(*sqe));
        if (!bm_queue_works(q)) {
            return false;
        }
    }
    if (sqe->opcode == BM_OP_COPY &&
        bm_inject_hit(s, BM_INJECT_ROGUE_READ, q->index, &hit)) {
        sqe->src = bm_misbehave_rogue(hit.arg);
    }
    if (sqe->opcode == BM_OP_COPY &&
        bm_inject_hit(s, BM_INJECT_ROGUE_WRITE, q->index, &hit)) {
        sqe->dst = bm_misbehave_rogue(hit.arg);
    }
    bm_misbehave_error(q, BM_INJECT_AER_CORRECTABLE);
    bm_misbehave_error(q, BM_INJECT_AER_NONFATAL);
    bm_misbehave_error(q, BM_INJECT_AER_FATAL);
    if (bm_inject_hit(s, BM_INJECT_HALT, q->index, &hit)) {
        bm_queue_halt(q, hit.arg);
        return false;
    }
    if (bm_inject_hit(s, BM_INJECT_FATAL, q->index, &hit)) {
        bm_fatal(s, hit.arg);
        /* Until it is stopped with all the others. */
        q->hung = true;
        return false;
    }
    q->hung = bm_inject_hit(s, BM_INJECT_HANG, q->index, &hit);
    return !q->hung;
}

void bm_misbehave_sgl_fetched(BmQueue *q, BmCommand *c, uint64_t addr,
                              uint64_t len)
{
    if (bm_misbehave_queue(q, BM_INJECT_SGL_CHANGE)) {
        bm_misbehave_overwrite(q, c->tag, addr, len);
    }
}

/* Host memory was read for a command. True: what came is not to be used. */
bool bm_misbehave_poisoned(BmQueue *q)
{
    if (!bm_misbehave_queue(q, BM_INJECT_POISONED)) {
        return false;
    }
    bm_report_error(q->core, false, PCI_ERR_UNC_POISON_TLP);
    return true;
}

static int64_t bm_misbehave_due(uint64_t us)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
           (int64_t)MIN(us, UINT32_MAX) * SCALE_US;
}

/* Nothing more of @c until it is due. */
static void bm_misbehave_hold(BmQueue *q, BmCommand *c, int64_t due)
{
    c->lie.due = due;
    QSIMPLEQ_INSERT_TAIL(&q->held, c, link);
    bm_call_at(&q->call, due);
}

static bool bm_misbehave_has_tag(const BmCmdList *list, uint16_t tag)
{
    BmCommand *c;

    QSIMPLEQ_FOREACH(c, list, link) {
        if (c->tag == tag) {
            return true;
        }
    }
    return false;
}

/* The one that differs least from @tag. */
static uint16_t bm_misbehave_free_tag(BmQueue *q, uint16_t tag)
{
    uint16_t other = 1;

    while (bm_misbehave_has_tag(&q->waiting, tag ^ other) ||
           bm_misbehave_has_tag(&q->active, tag ^ other) ||
           bm_misbehave_has_tag(&q->done, tag ^ other) ||
           bm_misbehave_has_tag(&q->held, tag ^ other)) {
        other++;
    }
    return tag ^ other;
}

/* Output number @n of SplitMix64 for this seed: any can be had by itself. */
static uint64_t bm_misbehave_random(uint64_t seed, uint64_t n)
{
    uint64_t z = seed + n * 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* One to four bits: the lowest two of a random number, and seven for each. */
static void bm_misbehave_mutate(struct bm_hw_cqe *flip, uint64_t random)
{
    unsigned left = (random & 3) + 1;

    for (random >>= 2; left--; random >>= 7) {
        ((uint8_t *)flip)[(random & 0x7f) / 8] |= 1 << (random & 7);
    }
}

/* @c has its status. True: there is nothing to be posted, or not yet. */
bool bm_misbehave_finished(BmQueue *q, BmCommand *c)
{
    BmCore *s = q->core;
    struct bm_hw_cqe *flip = &c->lie.flip;
    const unsigned i = q->index;
    BmInjection hit;

    memset(&c->lie, 0, sizeof(c->lie));
    if (!bm_inject_armed(s, BM_INJECT_COMPLETIONS)) {
        return false;
    }
    if (bm_inject_hit(s, BM_INJECT_CQE_DROP, i, &hit)) {
        c->told = true;
        return true;
    }
    if (bm_inject_hit(s, BM_INJECT_TAG_RANGE, i, &hit)) {
        flip->tag ^= cpu_to_le16(c->tag ^ hit.arg);
    }
    if (bm_inject_hit(s, BM_INJECT_TAG_FREE, i, &hit)) {
        flip->tag ^= cpu_to_le16(c->tag ^ bm_misbehave_free_tag(q, c->tag));
    }
    if (bm_inject_hit(s, BM_INJECT_TAG_STALE, i, &hit)) {
        flip->tag ^= cpu_to_le16(hit.arg);
    }
    if (bm_inject_hit(s, BM_INJECT_PHASE, i, &hit)) {
        flip->status ^= cpu_to_le32(BM_CQE_PHASE);
    }
    if (bm_inject_hit(s, BM_INJECT_SQ_HEAD, i, &hit)) {
        flip->sq_head ^= cpu_to_le16(hit.arg);
    }
    if (bm_inject_hit(s, BM_INJECT_STATUS, i, &hit)) {
        flip->status ^= cpu_to_le32((c->status ^ hit.arg) & BM_CQE_STATUS);
    }
    if (bm_inject_hit(s, BM_INJECT_INFO, i, &hit)) {
        flip->info ^= cpu_to_le64(c->info ^ hit.arg);
    }
    if (bm_inject_hit(s, BM_INJECT_CQE_MUTATE, i, &hit)) {
        bm_misbehave_mutate(flip, bm_misbehave_random(hit.arg, hit.fired));
    }
    if (bm_inject_hit(s, BM_INJECT_CQE_TEAR, i, &hit)) {
        c->lie.tear_us = MIN(hit.arg, UINT32_MAX);
    }
    c->lie.again = bm_inject_hit(s, BM_INJECT_CQE_DUPLICATE, i, &hit);
    if (bm_inject_hit(s, BM_INJECT_CQE_DELAY, i, &hit)) {
        bm_misbehave_hold(q, c, bm_misbehave_due(hit.arg));
        return true;
    }
    return false;
}

/* Entry @index is that of @c now. True: there is more to come. */
bool bm_misbehave_posted(BmQueue *q, BmCommand *c, uint32_t index)
{
    if (c->lie.again) {
        c->lie.again = false;
        bm_ring_finish(q, c);
        return true;
    }
    if (c->lie.tear_us) {
        c->lie.torn = true;
        c->lie.entry = index;
        bm_misbehave_hold(q, c, bm_misbehave_due(c->lie.tear_us));
        return true;
    }
    return false;
}

/* The rest of a torn completion, whatever its entry is by now. */
static bool bm_misbehave_mend(BmQueue *q, BmCommand *c)
{
    const uint64_t len = offsetof(struct bm_hw_cqe, status);
    BmDma dma = {
        .addr = q->cq_base + c->lie.entry * sizeof(struct bm_hw_cqe),
        .write = true,
    };
    BmRequests requests = {};

    if (!bm_dma_map(q, BM_TAG_NONE, &dma, len, len)) {
        bm_queue_halt(q, BM_HALT_CQ_FAULT);
        return false;
    }
    bm_ring_body(q, c, dma.host);
    bm_dma_unmap(q, &dma, len, &requests);
    bm_cmd_told(q, c);
    return true;
}

static void bm_misbehave_release_irq(BmQueue *q, int64_t now)
{
    if (q->irq_due > now) {
        bm_call_at(&q->call, q->irq_due);
    } else {
        q->irq_due = 0;
        bm_irq_raise(q->core, BM_VECTOR_QUEUE(q->index));
    }
}

/* Let go of what was held back for long enough. False: halted. */
bool bm_misbehave_release(BmQueue *q)
{
    BmCmdList held = QSIMPLEQ_HEAD_INITIALIZER(held);
    BmCommand *c;
    int64_t now;

    if (likely(QSIMPLEQ_EMPTY(&q->held) && !q->irq_due)) {
        return true;
    }
    now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    if (q->irq_due) {
        bm_misbehave_release_irq(q, now);
    }
    QSIMPLEQ_CONCAT(&held, &q->held);
    while ((c = QSIMPLEQ_FIRST(&held))) {
        QSIMPLEQ_REMOVE_HEAD(&held, link);
        if (c->lie.due > now) {
            bm_misbehave_hold(q, c, c->lie.due);
        } else if (!c->lie.torn) {
            c->lie.due = 0;
            bm_ring_finish(q, c);
        } else if (!bm_misbehave_mend(q, c)) {
            return false;
        }
    }
    return true;
}

/* The queue is disarmed, and would raise its vector. True: it is not to. */
bool bm_misbehave_irq(BmQueue *q)
{
    BmInjection hit;

    if (bm_inject_hit(q->core, BM_INJECT_IRQ_SPURIOUS, q->index, &hit) &&
        !q->irq_due) {
        q->irq_due = bm_misbehave_due(hit.arg);
        bm_call_at(&q->call, q->irq_due);
    }
    if (bm_inject_hit(q->core, BM_INJECT_ROGUE_MSI, q->index, &hit)) {
        bm_report_forge(q->core, hit.arg);
    }
    return bm_misbehave_queue(q, BM_INJECT_IRQ_SKIP);
}

/* The queue is stopped, or halts: it was hung for long enough, too. */
void bm_misbehave_clear(BmQueue *q)
{
    QSIMPLEQ_INIT(&q->held);
    q->irq_due = 0;
    q->hung = false;
}
