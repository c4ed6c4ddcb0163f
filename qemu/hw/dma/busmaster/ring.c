/*
 * busmaster: the two rings of a queue
 *
 * Submissions are fetched and completions are posted as many at a time as there
 * are and as lie in one piece. The worker comes here between two batches of
 * turns, so what is finished waits for a batch at most.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "trace.h"

#define BM_SQE_SIZE sizeof(struct bm_hw_sqe)
#define BM_CQE_SIZE sizeof(struct bm_hw_cqe)

static uint32_t bm_ring_mask(BmQueue *q)
{
    return (1u << q->order) - 1;
}

bool bm_ring_geometry_valid(BmQueue *q)
{
    uint64_t limit = q->core->dma_limit;

    return q->order >= BM_MIN_ORDER && q->order <= BM_MAX_ORDER &&
           QEMU_IS_ALIGNED(q->sq_base, BM_RING_ALIGN) &&
           QEMU_IS_ALIGNED(q->cq_base, BM_RING_ALIGN) &&
           q->sq_base <= limit - ((BM_SQE_SIZE << q->order) - 1) &&
           q->cq_base <= limit - ((BM_CQE_SIZE << q->order) - 1);
}

/* How many submissions one read fetches, at most. */
static uint32_t bm_ring_batch(BmQueue *q)
{
    return q->core->timing.on ? q->core->timing.prefetch : BM_FETCH_BATCH;
}

/* Fetch what there is and there are slots for. False: halted, or hung. */
static bool bm_ring_fetch(BmQueue *q)
{
    struct bm_hw_sqe sqes[BM_FETCH_BATCH];
    uint32_t mask = bm_ring_mask(q), first = q->sq_head;
    BmRequests requests = {};
    unsigned i, count;
    BmCommand *c;
    BmDma dma;

    if (bm_queue_state(q) == BM_QSTATE_DRAINING ||
        !bm_time_past(q->core, q->fetched)) {
        return true;
    }
    count = (qatomic_read(&q->sq_tail) - first) & mask;
    /* The doorbell, then the entries: pairs with the driver's barrier. */
    smp_rmb();
    count = MIN(count, mask + 1 - first);
    count = MIN(count, MIN(q->num_free, bm_ring_batch(q)));
    if (!count) {
        return true;
    }

    dma = (BmDma) { .addr = q->sq_base + first * BM_SQE_SIZE };
    if (!bm_dma_map(q, BM_TAG_NONE, &dma, count * BM_SQE_SIZE, BM_SQE_SIZE)) {
        bm_queue_halt(q, BM_HALT_SQ_FAULT);
        return false;
    }
    count = dma.len / BM_SQE_SIZE;
    memcpy(sqes, dma.host, count * BM_SQE_SIZE);
    bm_dma_unmap(q, &dma, count * BM_SQE_SIZE, &requests);
    q->fetched = bm_link_read(q->core, MAX(q->heard, bm_time_now(q->core)),
                              dma.addr, count * BM_SQE_SIZE);
    trace_busmaster_fetch(q->index, first, count, dma.addr,
                          BM_TRACE_NOW(FETCH));
    q->sq_head = (first + count) & mask;

    for (i = 0; i < count; i++) {
        c = QSIMPLEQ_FIRST(&q->free);
        QSIMPLEQ_REMOVE_HEAD(&q->free, link);
        q->num_free--;
        if (!bm_misbehave_fetched(q, &sqes[i], first + i)) {
            return false;
        }
        bm_cmd_decode(q->core, c, &sqes[i]);
        c->due = q->fetched;
        bm_cmd_advance(q, c);
    }
    return true;
}

/* Completions that the ring has room for. */
static uint32_t bm_ring_room(BmQueue *q)
{
    return (qatomic_read(&q->cq_head) - q->cq_tail - 1) & bm_ring_mask(q);
}

/* The completion of @c takes the link. Returns when it is there. */
int64_t bm_ring_send(BmQueue *q, const BmCommand *c)
{
    return bm_link_write(q->core, c->due,
                         q->cq_base + q->cq_tail * BM_CQE_SIZE, BM_CQE_SIZE);
}

/* @c has its status: the next sync is to post it. */
void bm_ring_finish(BmQueue *q, BmCommand *c)
{
    QSIMPLEQ_INSERT_TAIL(&q->done, c, link);
    q->num_done++;
}

/* The completion of @c is entry @index. */
static void bm_ring_retire(BmQueue *q, BmCommand *c, uint32_t index)
{
    q->wanted[(index + 1) & bm_ring_mask(q)] =
        q->wanted[index] + !(c->flags & BM_SQE_NOIRQ);
    QSIMPLEQ_REMOVE_HEAD(&q->done, link);
    q->num_done--;
    if (!bm_misbehave_posted(q, c, index)) {
        bm_cmd_told(q, c);
    }
}

/* An entry, but for the word that makes it valid. */
void bm_ring_body(BmQueue *q, BmCommand *c, struct bm_hw_cqe *cqe)
{
    cqe->info = cpu_to_le64(c->info) ^ c->lie.flip.info;
    cqe->sq_head = cpu_to_le16(q->sq_head) ^ c->lie.flip.sq_head;
    cqe->tag = cpu_to_le16(c->tag) ^ c->lie.flip.tag;
}

/* Write up to @count completions, which there are and there is room for. */
static bool bm_ring_write(BmQueue *q, unsigned count)
{
    uint32_t mask = bm_ring_mask(q), first = q->cq_tail;
    BmDma dma = { .addr = q->cq_base + first * BM_CQE_SIZE, .write = true };
    uint32_t phase = q->phase ? BM_CQE_PHASE : 0;
    BmRequests requests = {};
    struct bm_hw_cqe *cqes;
    BmCommand *c;
    unsigned i;

    count = MIN(count, mask + 1 - first);
    if (!bm_dma_map(q, BM_TAG_NONE, &dma, count * BM_CQE_SIZE, BM_CQE_SIZE)) {
        return false;
    }
    count = dma.len / BM_CQE_SIZE;
    cqes = dma.host;
    c = QSIMPLEQ_FIRST(&q->done);
    for (i = 0; i < count; i++) {
        if (!c->lie.tear_us) {
            bm_ring_body(q, c, &cqes[i]);
        }
        c = QSIMPLEQ_NEXT(c, link);
    }
    qatomic_set(&q->cq_tail, (first + count) & mask);
    q->phase ^= !q->cq_tail;
    /*
     * The rest of an entry, and the tail by which a doorbell is judged, must be
     * there when the driver sees the phase.
     */
    smp_wmb();
    for (i = 0; i < count; i++) {
        c = QSIMPLEQ_FIRST(&q->done);
        qatomic_set(&cqes[i].status,
                    cpu_to_le32(BM_PREP(BM_CQE_STATUS, c->status) | phase) ^
                    c->lie.flip.status);
        trace_busmaster_complete(q->index, first + i, c->tag, c->status,
                                 c->info, BM_TRACE_NOW(COMPLETE));
        bm_ring_retire(q, c, first + i);
    }
    bm_dma_unmap(q, &dma, count * BM_CQE_SIZE, &requests);
    q->heed = true;
    return true;
}

/* Post what is finished, as far as there is room. False: halted. */
static bool bm_ring_post(BmQueue *q)
{
    uint32_t room;

    if (!bm_misbehave_release(q)) {
        return false;
    }
    while (q->num_done && (room = bm_ring_room(q))) {
        if (!bm_ring_write(q, MIN(q->num_done, room))) {
            bm_queue_halt(q, BM_HALT_CQ_FAULT);
            return false;
        }
    }
    return true;
}

/* Between two batches: tell the driver, and hear it. False: it has ended. */
bool bm_ring_sync(BmQueue *q)
{
    if (!bm_queue_works(q)) {
        return false;
    }
    do {
        if (!bm_ring_post(q) || !bm_doorbell_sync(q)) {
            return false;
        }
    } while (q->num_done && bm_ring_room(q));
    bm_moderation_notify(q);
    return bm_ring_fetch(q);
}
