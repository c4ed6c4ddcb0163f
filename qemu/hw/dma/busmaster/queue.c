/*
 * busmaster: a queue's life
 *
 * Enabled by a register, run by a worker, drained, halted or stopped: all
 * changes of a queue's state are here. What its rings hold is the business of
 * ring.c, and what commands do that of the engine.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/lockable.h"
#include "qemu/main-loop.h"
#include "internal.h"
#include "trace.h"

static const char *const bm_qstate_names[] = {
    [BM_QSTATE_DISABLED] = "DISABLED",
    [BM_QSTATE_RUNNING]  = "RUNNING",
    [BM_QSTATE_DRAINING] = "DRAINING",
    [BM_QSTATE_HALTED]   = "HALTED",
};

enum bm_qstate bm_queue_state(BmQueue *q)
{
    return BM_GET(BM_QSTATE_STATE, qatomic_load_acquire(&q->state));
}

/* Does it have anything to do with memory? */
bool bm_queue_works(BmQueue *q)
{
    enum bm_qstate state = bm_queue_state(q);

    return state == BM_QSTATE_RUNNING || state == BM_QSTATE_DRAINING;
}

/* The lock is held. To leave RUNNING or DRAINING gives the queue away. */
static void bm_queue_enter(BmQueue *q, enum bm_qstate state, enum bm_halt cause)
{
    trace_busmaster_queue(q->index, bm_qstate_names[bm_queue_state(q)],
                          bm_qstate_names[state], cause);
    qatomic_store_release(&q->state, BM_PREP(BM_QSTATE_STATE, state) |
                                     BM_PREP(BM_QSTATE_CAUSE, cause));
}

/* End all commands: nothing of them will be done or told any more. */
static void bm_queue_clear(BmQueue *q)
{
    unsigned i;

    q->ending = true;
    QSIMPLEQ_INIT(&q->free);
    QSIMPLEQ_INIT(&q->waiting);
    QSIMPLEQ_INIT(&q->active);
    QSIMPLEQ_INIT(&q->done);
    for (i = 0; i < q->core->outstanding; i++) {
        bm_cmd_advance(q, &q->cmds[i]);
        QSIMPLEQ_INSERT_TAIL(&q->free, &q->cmds[i], link);
    }
    q->ending = false;
    q->num_free = q->core->outstanding;
    q->num_done = 0;
    q->fence = false;
    bm_link_forget(q);
    q->heed = true;
    q->heard = 0;
    q->fetched = 0;
    q->telling = false;
    q->message = 0;
    bm_misbehave_clear(q);
    bm_call_cancel(&q->call);
}

/*
 * In the worker, unless the queue was stopped meanwhile. One that is being
 * drained has nothing to tell: it is just disabled.
 */
void bm_queue_halt(BmQueue *q, enum bm_halt cause)
{
    if (!bm_queue_works(q)) {
        return;
    }
    bm_queue_clear(q);
    WITH_QEMU_LOCK_GUARD(&q->lock) {
        if (bm_queue_state(q) == BM_QSTATE_DRAINING) {
            bm_queue_enter(q, BM_QSTATE_DISABLED, BM_HALT_NONE);
        } else {
            bm_queue_enter(q, BM_QSTATE_HALTED, cause);
        }
    }
    bm_irq_raise(q->core, BM_VECTOR_EVENT);
}

/* CTL.ENABLE was set in a disabled queue. */
void bm_queue_enable(BmQueue *q)
{
    if (!bm_ring_geometry_valid(q) || !bm_doorbell_geometry_valid(q)) {
        WITH_QEMU_LOCK_GUARD(&q->lock) {
            bm_queue_enter(q, BM_QSTATE_HALTED, BM_HALT_BAD_GEOMETRY);
        }
        bm_irq_raise(q->core, BM_VECTOR_EVENT);
        return;
    }
    bm_queue_clear(q);
    bm_doorbell_reset(q);
    q->cq_tail = 0;
    q->sq_head = 0;
    q->wanted[0] = 0;
    q->wanted_last = 0;
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

/* No worker is to work: nothing runs after this. */
void bm_queue_stop(BmQueue *q)
{
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
    q->shadow = 0;
    q->moderation = 0;
    bm_doorbell_reset(q);
    stat64_init(&q->mrd_tlps, 0);
    stat64_init(&q->mrd_bytes, 0);
    stat64_init(&q->mwr_tlps, 0);
    stat64_init(&q->mwr_bytes, 0);
    stat64_init(&q->peer_mrd_tlps, 0);
    stat64_init(&q->peer_mrd_bytes, 0);
    stat64_init(&q->peer_mwr_tlps, 0);
    stat64_init(&q->peer_mwr_bytes, 0);
}

/*
 * Mark the commands with this tag. The worker may be finishing one and fetching
 * the next into the same place at this very moment: the exchange then fails.
 */
void bm_queue_abort(BmQueue *q, uint16_t tag)
{
    uint32_t possible = BM_ABORT_POSSIBLE | tag;
    unsigned i;

    for (i = 0; i < q->core->outstanding; i++) {
        qatomic_cmpxchg(&q->cmds[i].abort, possible,
                        possible | BM_ABORT_WANTED);
    }
}

/* What the worker does: what there is to do, within bounds. */
static void bm_queue_work(BmQueue *q, uint64_t budget)
{
    enum bm_halt cause;

    if (!bm_queue_works(q) || q->hung) {
        return;
    }
    /* Of this life: what was rung before went when the queue was enabled. */
    cause = qatomic_read(&q->bad_doorbell);
    if (cause != BM_HALT_NONE) {
        bm_queue_halt(q, cause);
        return;
    }
    if (bm_engine_run(q, budget)) {
        bm_call(&q->call);
        return;
    }
    WITH_QEMU_LOCK_GUARD(&q->lock) {
        if (bm_queue_state(q) == BM_QSTATE_DRAINING && !q->telling &&
            q->num_free == q->core->outstanding) {
            bm_call_cancel(&q->call);
            bm_queue_enter(q, BM_QSTATE_DISABLED, BM_HALT_NONE);
        }
    }
}

/*
 * A run in the worker, if it is to work at all. The main loop's may be at work
 * already: what an IOMMU reports to may have the main loop polled.
 */
static void bm_queue_run(BmQueue *q, uint64_t budget)
{
    if (q->core->inside) {
        bm_call(&q->call);
    } else if (bm_worker_begin(q->worker)) {
        bm_time_look(q->core);
        bm_queue_work(q, budget);
        bm_worker_end(q->worker);
    }
}

/* Somebody has called, or it is time. */
static void bm_queue_called(void *opaque)
{
    BmQueue *q = opaque;

    bm_queue_run(q, BM_RUN_COST);
    if (bql_locked()) {
        bm_irq_flush(q->core);
    }
}

/* The link is the queue's, for a share. */
void bm_queue_granted(BmQueue *q)
{
    bm_queue_run(q, BM_RUN_COST);
}

/*
 * There is work. To wake another thread costs more than a short command does:
 * without an iothread the holder of the BQL is the worker, and begins at once.
 * Nothing else of the device is on its stack, though a message may have come in
 * here from there: messages are sent last (irq.c).
 */
void bm_queue_kick(BmQueue *q)
{
    if (!q->worker->iothread && q->core->inline_bytes) {
        bm_queue_run(q, q->core->inline_bytes);
    } else {
        bm_call(&q->call);
    }
}

void bm_queue_init(BmQueue *q, BmCore *s, unsigned index)
{
    q->core = s;
    q->index = index;
    q->cmds = g_new0(BmCommand, s->outstanding);
    q->nowhere = s->write_faults ? NULL : g_malloc0(BM_MEM_PAGE);
    q->state = BM_PREP(BM_QSTATE_STATE, BM_QSTATE_DISABLED);
    qemu_mutex_init(&q->lock);
}

/* The workers are there. */
void bm_queue_connect(BmQueue *q)
{
    BmCore *s = q->core;

    q->worker = &s->workers[q->index % s->num_workers];
    bm_call_init(&q->call, q->worker->ctx, bm_queue_called, q,
                 s->timing.on);
    bm_queue_reset(q);
    bm_queue_clear(q);
}

/* Workers are not to work any more. One of them may be about to find out. */
void bm_queue_disconnect(BmQueue *q)
{
    bm_call_free(&q->call);
}

void bm_queue_free(BmQueue *q)
{
    qemu_mutex_destroy(&q->lock);
    g_free(q->nowhere);
    g_free(q->cmds);
}
