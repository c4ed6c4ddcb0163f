/*
 * busmaster: what the driver says, and how the device hears it
 *
 * There is one mechanism: the worker goes by sq_tail, cq_head and armed. And
 * there are two sources of these. If it is the doorbell registers, whoever
 * writes them has judged and stored the values before he wakes the worker. If
 * it is shadow doorbells, which are words in host memory, the worker fetches
 * the values when it is awake, and a register write merely wakes it.
 *
 * Either way no wake-up is lost, by the same rule: each side first writes what
 * the other may be waiting for, then has a full barrier, then looks at what the
 * other has written.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "trace.h"

/* The driver's words and the device's are neighbours: one access for two. */
#define BM_HALF_SIZE (2 * sizeof(uint32_t))

void bm_doorbell_reset(BmQueue *q)
{
    q->sq_tail = 0;
    q->cq_head = 0;
    q->armed = false;
    q->stalled = false;
    q->bad_doorbell = BM_HALT_NONE;
    /* As the driver has left them. */
    q->shadow_arm = 0;
    q->sq_event = 0;
    q->cq_event = BM_EVENT_NONE;
}

bool bm_doorbell_geometry_valid(BmQueue *q)
{
    return QEMU_IS_ALIGNED(q->shadow, BM_SHADOW_ALIGN) &&
           q->shadow <= q->core->dma_limit - (sizeof(struct bm_hw_shadow) - 1);
}

static bool bm_tail_valid(BmQueue *q, uint32_t tail)
{
    return !(tail >> q->order);
}

static bool bm_head_valid(BmQueue *q, uint32_t head)
{
    uint32_t mask = (1u << q->order) - 1;
    uint32_t posted = (qatomic_read(&q->cq_tail) - q->cq_head) & mask;

    return head <= mask && ((head - q->cq_head) & mask) <= posted;
}

/* Nonsense was rung: the worker halts, whatever comes after. */
static void bm_doorbell_bad(BmQueue *q, enum bm_halt cause)
{
    qatomic_cmpxchg(&q->bad_doorbell, BM_HALT_NONE, cause);
    bm_queue_kick(q);
}

/* The worker is to look at what the driver has written to memory. */
static void bm_doorbell_heed(BmQueue *q)
{
    qatomic_set(&q->heed, true);
    bm_queue_kick(q);
}

/* BM_QREG_SQ_TAIL was written. */
void bm_doorbell_tail(BmQueue *q, uint64_t value)
{
    if (bm_queue_state(q) != BM_QSTATE_RUNNING) {
        bm_bad_write(BM_QREG_SQ_TAIL, value, "the queue is not running");
    } else if (q->shadow) {
        bm_doorbell_heed(q);
    } else if (!bm_tail_valid(q, value)) {
        bm_doorbell_bad(q, BM_HALT_BAD_TAIL);
    } else {
        qatomic_set(&q->sq_tail, value);
        bm_queue_kick(q);
    }
}

/* BM_QREG_CQ_HEAD was written. */
void bm_doorbell_head(BmQueue *q, uint64_t value)
{
    enum bm_qstate state = bm_queue_state(q);
    uint32_t head = BM_GET(BM_CQ_HEAD_INDEX, value);
    bool arm = value & BM_CQ_HEAD_ARM;

    if (state != BM_QSTATE_RUNNING && state != BM_QSTATE_DRAINING) {
        bm_bad_write(BM_QREG_CQ_HEAD, value, "the queue is not running");
    } else if (q->shadow) {
        bm_doorbell_heed(q);
    } else if (!bm_head_valid(q, head) ||
               value & ~(uint64_t)(BM_CQ_HEAD_INDEX | BM_CQ_HEAD_ARM)) {
        bm_doorbell_bad(q, BM_HALT_BAD_HEAD);
    } else {
        qatomic_set(&q->cq_head, head);
        if (arm) {
            /* The head first: what it tells to be seen raises no interrupt. */
            qatomic_store_release(&q->armed, true);
        }
        /* What was said, then what is there: pairs with bm_doorbell_sync(). */
        smp_mb();
        if (qatomic_read(&q->stalled) ||
            (arm && qatomic_read(&q->cq_tail) != head)) {
            bm_queue_kick(q);
        }
    }
}

/* Fetch the driver's words. False: halted. */
static bool bm_shadow_look(BmQueue *q)
{
    BmDma dma = {
        .addr = q->shadow + offsetof(struct bm_hw_shadow, sq_tail),
    };
    BmRequests requests = {};
    uint32_t *words, tail, head;

    if (!bm_dma_map(q, BM_TAG_NONE, &dma, BM_HALF_SIZE, BM_HALF_SIZE)) {
        bm_queue_halt(q, BM_HALT_SHADOW_FAULT);
        return false;
    }
    words = dma.host;
    tail = le32_to_cpu(qatomic_read(&words[0]));
    head = le32_to_cpu(qatomic_read(&words[1]));
    bm_dma_unmap(q, &dma, BM_HALF_SIZE, &requests);
    q->heard = bm_link_read(q->core, bm_time_now(q->core), dma.addr,
                            BM_HALF_SIZE);
    trace_busmaster_shadow(q->index, tail, head, BM_TRACE_NOW(SHADOW));

    /* As with the register: a tail that comes too late is not even judged. */
    if (bm_queue_state(q) == BM_QSTATE_RUNNING) {
        if (!bm_tail_valid(q, tail)) {
            bm_queue_halt(q, BM_HALT_BAD_TAIL);
            return false;
        }
        qatomic_set(&q->sq_tail, tail);
    }
    if (!bm_head_valid(q, BM_GET(BM_SHADOW_HEAD, head))) {
        bm_queue_halt(q, BM_HALT_BAD_HEAD);
        return false;
    }
    qatomic_set(&q->cq_head, BM_GET(BM_SHADOW_HEAD, head));
    if (BM_GET(BM_SHADOW_ARM, head) != q->shadow_arm) {
        q->shadow_arm = BM_GET(BM_SHADOW_ARM, head);
        qatomic_set(&q->armed, true);
    }
    return true;
}

/* Write the device's words, if they are to change. False: halted. */
static bool bm_shadow_publish(BmQueue *q, uint32_t sq_event, uint32_t cq_event)
{
    BmDma dma = {
        .addr = q->shadow + offsetof(struct bm_hw_shadow, sq_event),
        .write = true,
    };
    BmRequests requests = {};
    uint32_t *words;

    if (sq_event == q->sq_event && cq_event == q->cq_event) {
        return true;
    }
    if (bm_misbehave_queue(q, BM_INJECT_EVENT_LOST)) {
        sq_event = BM_EVENT_NONE;
    }
    if (!bm_dma_map(q, BM_TAG_NONE, &dma, BM_HALF_SIZE, BM_HALF_SIZE)) {
        bm_queue_halt(q, BM_HALT_SHADOW_FAULT);
        return false;
    }
    words = dma.host;
    qatomic_set(&words[0], cpu_to_le32(sq_event));
    qatomic_set(&words[1], cpu_to_le32(cq_event));
    bm_dma_unmap(q, &dma, BM_HALF_SIZE, &requests);
    bm_link_write(q->core, bm_time_now(q->core), dma.addr, BM_HALF_SIZE);
    q->heed = true;
    trace_busmaster_event(q->index, sq_event, cq_event);
    q->sq_event = sq_event;
    q->cq_event = cq_event;
    return true;
}

/* Can the worker do nothing more, for all that it knows? */
static bool bm_doorbell_idle(BmQueue *q)
{
    bool fetches = bm_queue_state(q) == BM_QSTATE_RUNNING && q->num_free &&
                   qatomic_read(&q->sq_tail) != q->sq_head;

    return !fetches && bm_engine_rests(q);
}

/*
 * What there was room for is posted. Say what is waited for, and hear what the
 * driver has said in the meantime: to look takes the link, and so that is done
 * when there is a reason to, if it takes time. False: halted.
 */
bool bm_doorbell_sync(BmQueue *q)
{
    if (!q->shadow) {
        qatomic_set(&q->stalled, q->num_done);
        /* What is there, then what was said: see bm_doorbell_head(). */
        smp_mb();
        return true;
    }
    if (bm_doorbell_idle(q) &&
        !bm_shadow_publish(q, q->sq_head,
                           q->num_done ? q->cq_head : BM_EVENT_NONE)) {
        return false;
    }
    /* Completions and events, then what was said: the driver has the twin. */
    smp_mb();
    if (q->core->timing.on && !qatomic_xchg(&q->heed, false)) {
        return true;
    }
    return bm_shadow_look(q);
}
