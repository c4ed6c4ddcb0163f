/*
 * busmaster: a queue's life and its rings
 *
 * Enabled by a register, run by a worker, drained, halted or stopped: all
 * changes of a queue's state are here, and so is all that touches its two
 * rings. What the commands in between do is the engine's business.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/lockable.h"
#include "qemu/main-loop.h"
#include "internal.h"
#include "trace.h"

#define BM_SQE_SIZE sizeof(struct bm_hw_sqe)
#define BM_CQE_SIZE sizeof(struct bm_hw_cqe)

static const char *const bm_qstate_names[] = {
    [BM_QSTATE_DISABLED] = "DISABLED",
    [BM_QSTATE_RUNNING]  = "RUNNING",
    [BM_QSTATE_DRAINING] = "DRAINING",
    [BM_QSTATE_HALTED]   = "HALTED",
};

static uint32_t bm_queue_mask(BmQueue *q)
{
    return (1u << q->order) - 1;
}

enum bm_qstate bm_queue_state(BmQueue *q)
{
    return BM_GET(BM_QSTATE_STATE, qatomic_load_acquire(&q->state));
}

/* The lock is held. To leave RUNNING or DRAINING gives the queue away. */
static void bm_queue_enter(BmQueue *q, enum bm_qstate state, enum bm_halt cause)
{
    trace_busmaster_queue(q->index, bm_qstate_names[bm_queue_state(q)],
                          bm_qstate_names[state], cause);
    qatomic_store_release(&q->state, BM_PREP(BM_QSTATE_STATE, state) |
                                     BM_PREP(BM_QSTATE_CAUSE, cause));
}

/* Forget all commands: nothing of them will be done or told any more. */
static void bm_queue_clear(BmQueue *q)
{
    unsigned i;

    QSIMPLEQ_INIT(&q->free);
    QSIMPLEQ_INIT(&q->waiting);
    QSIMPLEQ_INIT(&q->active);
    QSIMPLEQ_INIT(&q->done);
    for (i = 0; i < q->dev->outstanding; i++) {
        q->cmds[i].state = BM_CMD_IDLE;
        qatomic_set(&q->cmds[i].name, 0);
        QSIMPLEQ_INSERT_TAIL(&q->free, &q->cmds[i], link);
    }
    q->num_free = q->dev->outstanding;
    q->fence = false;
}

/* A queue that is being drained has nothing to tell: it is just disabled. */
static void bm_queue_halt(BmQueue *q, enum bm_halt cause)
{
    bm_queue_clear(q);
    WITH_QEMU_LOCK_GUARD(&q->lock) {
        if (bm_queue_state(q) == BM_QSTATE_DRAINING) {
            bm_queue_enter(q, BM_QSTATE_DISABLED, BM_HALT_NONE);
        } else {
            bm_queue_enter(q, BM_QSTATE_HALTED, cause);
        }
    }
    bm_irq_raise(q->dev, BM_VECTOR_EVENT);
}

static bool bm_queue_geometry_valid(BmQueue *q)
{
    uint64_t limit = q->dev->dma_limit;

    return q->order >= BM_MIN_ORDER && q->order <= BM_MAX_ORDER &&
           QEMU_IS_ALIGNED(q->sq_base, BM_RING_ALIGN) &&
           QEMU_IS_ALIGNED(q->cq_base, BM_RING_ALIGN) &&
           q->sq_base <= limit - ((BM_SQE_SIZE << q->order) - 1) &&
           q->cq_base <= limit - ((BM_CQE_SIZE << q->order) - 1);
}

/* CTL.ENABLE was set in a disabled queue. */
void bm_queue_enable(BmQueue *q)
{
    if (!bm_queue_geometry_valid(q)) {
        bm_queue_halt(q, BM_HALT_BAD_GEOMETRY);
        return;
    }
    bm_queue_clear(q);
    q->sq_tail = 0;
    q->cq_head = 0;
    q->cq_tail = 0;
    q->armed = false;
    q->stalled = false;
    q->bad_doorbell = BM_HALT_NONE;
    q->sq_head = 0;
    q->cq_posted = 0;
    q->irq_posted = 0;
    q->phase = true;
    QEMU_LOCK_GUARD(&q->lock);
    bm_queue_enter(q, BM_QSTATE_RUNNING, BM_HALT_NONE);
}

/* CTL.ENABLE was cleared. */
void bm_queue_disable(BmQueue *q)
{
    WITH_QEMU_LOCK_GUARD(&q->lock) {
        switch (bm_queue_state(q)) {
        case BM_QSTATE_RUNNING:
            bm_queue_enter(q, BM_QSTATE_DRAINING, BM_HALT_NONE);
            break;
        case BM_QSTATE_HALTED:
            bm_queue_enter(q, BM_QSTATE_DISABLED, BM_HALT_NONE);
            break;
        default:
            break;
        }
    }
    bm_queue_kick(q);
}

/* In the worker, or while there is none: nothing runs after this. */
void bm_queue_stop(BmQueue *q)
{
    qemu_bh_cancel(q->bh);
    bm_queue_clear(q);
    QEMU_LOCK_GUARD(&q->lock);
    if (bm_queue_state(q) != BM_QSTATE_DISABLED) {
        bm_queue_enter(q, BM_QSTATE_DISABLED, BM_HALT_NONE);
    }
}

/* The worker is stopped. */
void bm_queue_reset(BmQueue *q)
{
    q->sq_base = 0;
    q->cq_base = 0;
    q->order = 0;
    q->sq_tail = 0;
    q->cq_head = 0;
    q->armed = false;
    stat64_init(&q->mrd_tlps, 0);
    stat64_init(&q->mrd_bytes, 0);
    stat64_init(&q->mwr_tlps, 0);
    stat64_init(&q->mwr_bytes, 0);
}

/* A doorbell was rung with nonsense: the worker halts, whatever comes after. */
void bm_queue_bad_doorbell(BmQueue *q, enum bm_halt cause)
{
    qatomic_cmpxchg(&q->bad_doorbell, BM_HALT_NONE, cause);
    bm_queue_kick(q);
}

/*
 * Mark the commands with this tag. The worker may be finishing one and fetching
 * the next into the same place at this very moment: the exchange then fails.
 */
void bm_queue_abort(BmQueue *q, uint16_t tag)
{
    uint32_t name = BM_NAME_ACTIVE | tag;
    unsigned i;

    for (i = 0; i < q->dev->outstanding; i++) {
        qatomic_cmpxchg(&q->cmds[i].name, name, name | BM_NAME_ABORT);
    }
}

/* Fetch as much as there is, and as there is room for. False: halted. */
bool bm_queue_fetch(BmQueue *q)
{
    struct bm_hw_sqe sqes[BM_FETCH_BATCH];
    uint32_t mask = bm_queue_mask(q);
    BmRequests requests = {};
    unsigned i, count;
    BmCommand *c;
    BmDma dma;

    if (bm_queue_state(q) == BM_QSTATE_DRAINING) {
        return true;
    }
    count = (qatomic_read(&q->sq_tail) - q->sq_head) & mask;
    /* The doorbell, then the entries: pairs with the driver's barrier. */
    smp_rmb();
    count = MIN(count, mask + 1 - q->sq_head);
    count = MIN(count, MIN(q->num_free, BM_FETCH_BATCH));
    if (!count) {
        return true;
    }

    dma = (BmDma) { .addr = q->sq_base + q->sq_head * BM_SQE_SIZE };
    if (!bm_dma_map(q, BM_TAG_NONE, &dma, count * BM_SQE_SIZE, BM_SQE_SIZE)) {
        bm_queue_halt(q, BM_HALT_SQ_FAULT);
        return false;
    }
    count = dma.len / BM_SQE_SIZE;
    memcpy(sqes, dma.host, count * BM_SQE_SIZE);
    bm_dma_unmap(q, &dma, count * BM_SQE_SIZE, &requests);
    trace_busmaster_fetch(q->index, q->sq_head, count, dma.addr);
    q->sq_head = (q->sq_head + count) & mask;

    for (i = 0; i < count; i++) {
        c = QSIMPLEQ_FIRST(&q->free);
        QSIMPLEQ_REMOVE_HEAD(&q->free, link);
        q->num_free--;
        bm_cmd_decode(q->dev, c, &sqes[i]);
        qatomic_set(&c->name, BM_NAME_ACTIVE | c->tag);
        QSIMPLEQ_INSERT_TAIL(&q->waiting, c, link);
    }
    return true;
}

static bool bm_queue_write_cqe(BmQueue *q, BmCommand *c, uint32_t index)
{
    BmDma dma = { .addr = q->cq_base + index * BM_CQE_SIZE, .write = true };
    BmRequests requests = {};
    struct bm_hw_cqe *cqe;

    if (!bm_dma_map(q, BM_TAG_NONE, &dma, BM_CQE_SIZE, BM_CQE_SIZE)) {
        return false;
    }
    cqe = dma.host;
    cqe->info = cpu_to_le64(c->info);
    cqe->sq_head = cpu_to_le16(q->sq_head);
    cqe->tag = cpu_to_le16(c->tag);
    /*
     * The rest of the entry, and the tail by which a doorbell is judged, must
     * be there when the driver sees the phase.
     */
    smp_wmb();
    qatomic_set(&cqe->status, cpu_to_le32(BM_PREP(BM_CQE_STATUS, c->status) |
                                          (q->phase ? BM_CQE_PHASE : 0)));
    bm_dma_unmap(q, &dma, BM_CQE_SIZE, &requests);
    trace_busmaster_complete(q->index, index, c->tag, c->status, c->info);
    return true;
}

/* Raise the vector if the driver wants to know of what lies beyond its head. */
static void bm_queue_notify(BmQueue *q)
{
    uint32_t unseen = (q->cq_tail - qatomic_read(&q->cq_head)) &
                      bm_queue_mask(q);
    uint32_t seen = q->cq_posted - unseen;

    if ((int32_t)(q->irq_posted - seen) > 0 &&
        qatomic_xchg(&q->armed, false)) {
        bm_irq_raise(q->dev, BM_VECTOR_QUEUE(q->index));
    }
}

static bool bm_queue_has_room(BmQueue *q)
{
    return ((q->cq_tail + 1) & bm_queue_mask(q)) != qatomic_read(&q->cq_head);
}

/* Post what there is room for. False: the write was refused. */
static bool bm_queue_fill(BmQueue *q)
{
    uint32_t mask = bm_queue_mask(q);
    BmCommand *c;

    while ((c = QSIMPLEQ_FIRST(&q->done)) && bm_queue_has_room(q)) {
        uint32_t index = q->cq_tail;
        uint32_t next = (index + 1) & mask;

        qatomic_set(&q->cq_tail, next);
        if (!bm_queue_write_cqe(q, c, index)) {
            return false;
        }
        q->phase ^= !next;
        q->cq_posted++;
        if (!(c->flags & BM_SQE_NOIRQ)) {
            q->irq_posted = q->cq_posted;
        }
        QSIMPLEQ_REMOVE_HEAD(&q->done, link);
        bm_cmd_enter(q, c, BM_CMD_IDLE);
        QSIMPLEQ_INSERT_TAIL(&q->free, c, link);
        q->num_free++;
    }
    return true;
}

/* Post what is finished, and tell of it. False: halted. */
bool bm_queue_post(BmQueue *q)
{
    bool stalled;

    do {
        if (!bm_queue_fill(q)) {
            bm_queue_halt(q, BM_HALT_CQ_FAULT);
            return false;
        }
        stalled = !QSIMPLEQ_EMPTY(&q->done);
        qatomic_set(&q->stalled, stalled);
        /* What is there, then what the driver says: see bm_queue_rearm(). */
        smp_mb();
    } while (stalled && bm_queue_has_room(q));
    bm_queue_notify(q);
    return true;
}

/*
 * The driver has moved its head, or has armed. That is the worker's business if
 * it waits for room, or if the vector may be due. Pairs with bm_queue_post():
 * either the worker saw the head and the arming, or what it did is seen here.
 */
void bm_queue_rearm(BmQueue *q, bool arm)
{
    /* What the driver said, then what is there. */
    smp_mb();
    if (qatomic_read(&q->stalled) ||
        (arm && qatomic_read(&q->cq_tail) != q->cq_head)) {
        bm_queue_kick(q);
    }
}

/* What the worker does: what there is to do, within bounds. */
static void bm_queue_work(BmQueue *q, uint64_t budget)
{
    enum bm_qstate state = bm_queue_state(q);
    enum bm_halt cause = qatomic_read(&q->bad_doorbell);

    if (state != BM_QSTATE_RUNNING && state != BM_QSTATE_DRAINING) {
        return;
    }
    if (cause != BM_HALT_NONE) {
        bm_queue_halt(q, cause);
        return;
    }
    if (bm_engine_run(q, budget)) {
        qemu_bh_schedule(q->bh);
        return;
    }
    WITH_QEMU_LOCK_GUARD(&q->lock) {
        if (bm_queue_state(q) == BM_QSTATE_DRAINING &&
            q->num_free == q->dev->outstanding) {
            bm_queue_enter(q, BM_QSTATE_DISABLED, BM_HALT_NONE);
        }
    }
}

static void bm_queue_bh(void *opaque)
{
    BmQueue *q = opaque;

    bm_queue_work(q, BM_RUN_COST);
    if (bql_locked()) {
        bm_irq_flush(q->dev);
    }
}

/*
 * There is work. To wake another thread costs more than a short command does:
 * without an iothread the holder of the BQL is the worker, and begins at once.
 * Nothing else of the device is on its stack, for only a message could have
 * come in here from there, and messages are sent last (irq.c).
 */
void bm_queue_kick(BmQueue *q)
{
    if (!q->dev->iothread && q->dev->inline_bytes) {
        bm_queue_work(q, q->dev->inline_bytes);
    } else {
        qemu_bh_schedule(q->bh);
    }
}

void bm_queue_init(BmQueue *q, BusmasterState *s, unsigned index)
{
    q->dev = s;
    q->index = index;
    q->cmds = g_new0(BmCommand, s->outstanding);
    q->state = BM_PREP(BM_QSTATE_STATE, BM_QSTATE_DISABLED);
    qemu_mutex_init(&q->lock);
    /*
     * Unguarded: the guard is a flag of the device, without a lock, and by what
     * dma.c says there is nothing to be guarded against.
     */
    q->bh = aio_bh_new_full(s->ctx, bm_queue_bh, q, "busmaster-queue", NULL);
    bm_queue_reset(q);
    bm_queue_clear(q);
}

/* The worker is stopped for good. */
void bm_queue_exit(BmQueue *q)
{
    qemu_bh_delete(q->bh);
    qemu_mutex_destroy(&q->lock);
    g_free(q->cmds);
}
