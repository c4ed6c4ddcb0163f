/*
 * busmaster: the round-robin and the state machine
 *
 * A queue works on several commands at once, one turn each. What happens in a
 * turn is the bus-mastering cycle of the textbooks, and BmCmdState names its
 * steps; bm_cmd_enter() is the only place that changes them, so the trace event
 * there shows all that the engine does.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "trace.h"

static const char *const bm_cmd_state_names[] = {
    [BM_CMD_IDLE]       = "IDLE",
    [BM_CMD_REQ_BUS]    = "REQ_BUS",
    [BM_CMD_WAIT_GRANT] = "WAIT_GRANT",
    [BM_CMD_SETUP_ADDR] = "SETUP_ADDR",
    [BM_CMD_DO_READ]    = "DO_READ",
    [BM_CMD_DO_WRITE]   = "DO_WRITE",
    [BM_CMD_WAIT_READY] = "WAIT_READY",
    [BM_CMD_CHECK_DONE] = "CHECK_DONE",
    [BM_CMD_DONE]       = "DONE",
};

void bm_cmd_enter(BmQueue *q, BmCommand *c, BmCmdState state)
{
    trace_busmaster_state(q->index, c->tag, bm_cmd_state_names[c->state],
                          bm_cmd_state_names[state], c->done, c->length);
    c->state = state;
}

/* A command fails as a whole: nothing but a faulting address is reported. */
void bm_cmd_fail(BmCommand *c, enum bm_status status, uint64_t info)
{
    c->status = status;
    c->info = info;
}

static void bm_cmd_join(BmQueue *q, BmCommand *c)
{
    bm_cmd_enter(q, c, BM_CMD_REQ_BUS);
    QSIMPLEQ_INSERT_TAIL(&q->active, c, link);
    bm_cmd_enter(q, c, BM_CMD_WAIT_GRANT);
}

/*
 * Let fetched commands in, in order, as far as fences allow. Returns the one
 * whose turn it is.
 */
static BmCommand *bm_engine_next(BmQueue *q)
{
    BmCommand *c;

    while ((c = QSIMPLEQ_FIRST(&q->waiting))) {
        bool fence = c->flags & BM_SQE_FENCE;

        if (!QSIMPLEQ_EMPTY(&q->active) && (fence || q->fence)) {
            break;
        }
        q->fence = fence;
        QSIMPLEQ_REMOVE_HEAD(&q->waiting, link);
        bm_cmd_join(q, c);
    }
    return QSIMPLEQ_FIRST(&q->active);
}

/*
 * Move the next piece: what is contiguous on both sides, at most @len bytes.
 * Returns the bytes moved; a command that is over has its status.
 */
static uint64_t bm_engine_piece(BmQueue *q, BmCommand *c, uint64_t len)
{
    BmDma src = {}, dst = {};

    bm_cmd_enter(q, c, BM_CMD_SETUP_ADDR);
    if (!bm_side_resolve(q, c, &c->src, &len) ||
        !bm_side_resolve(q, c, &c->dst, &len)) {
        return 0;
    }

    if (c->src.space != BM_SPACE_NONE) {
        bm_cmd_enter(q, c, BM_CMD_DO_READ);
        if (!bm_side_map(q, c, &c->src, &src, &len)) {
            return 0;
        }
    }
    if (c->dst.space != BM_SPACE_NONE) {
        bm_cmd_enter(q, c, c->dst.write ? BM_CMD_DO_WRITE : BM_CMD_DO_READ);
        if (!bm_side_map(q, c, &c->dst, &dst, &len)) {
            len = 0;
        }
    }
    if (len) {
        bm_cmd_move(c, src.host, dst.host, len);
    }

    bm_cmd_enter(q, c, BM_CMD_WAIT_READY);
    if (src.host) {
        bm_side_unmap(q, &c->src, &src, len);
    }
    if (dst.host) {
        bm_side_unmap(q, &c->dst, &dst, len);
    }
    c->done += len;
    return len;
}

static bool bm_cmd_over(BmCommand *c)
{
    if (c->status == BM_ST_SUCCESS && c->done < c->length &&
        qatomic_read(&c->abort) & BM_ABORT_WANTED) {
        bm_cmd_fail(c, BM_ST_ABORTED, 0);
    }
    return c->status != BM_ST_SUCCESS || c->done == c->length;
}

/* What a turn of @c will cost of the run, at most. */
static uint64_t bm_turn_cost(const BmCommand *c)
{
    return MAX(MIN(c->length - c->done, BM_TURN_BYTES), BM_TURN_COST);
}

/* Grant @c a turn. Returns what it did cost. */
static uint64_t bm_engine_turn(BmQueue *q, BmCommand *c)
{
    uint64_t moved = 0;
    unsigned piece;

    for (piece = 0; piece < BM_TURN_PIECES && moved < BM_TURN_BYTES &&
                    !bm_cmd_over(c); piece++) {
        moved += bm_engine_piece(q, c, MIN(c->length - c->done,
                                           BM_TURN_BYTES - moved));
        bm_cmd_enter(q, c, BM_CMD_CHECK_DONE);
    }

    QSIMPLEQ_REMOVE_HEAD(&q->active, link);
    if (bm_cmd_over(c)) {
        /* Its tag is free for the driver as soon as it is posted. */
        qatomic_set(&c->abort, 0);
        bm_cmd_enter(q, c, BM_CMD_DONE);
        if (!bm_misbehave_finished(q, c)) {
            bm_ring_finish(q, c);
        }
    } else {
        bm_cmd_join(q, c);
    }
    return MAX(moved, BM_TURN_COST);
}

/*
 * Grant turns until it is time to post what was finished in them: no command
 * waits for more than BM_BATCH_COST of others. False: that is beyond @budget.
 */
static bool bm_engine_batch(BmQueue *q, uint64_t *budget)
{
    uint64_t cost = 0;
    BmCommand *c;

    while ((c = bm_engine_next(q))) {
        uint64_t turn = bm_turn_cost(c);

        if (turn > *budget || qatomic_read(&q->dev->stop.calls)) {
            return false;
        }
        if (cost && cost + turn > BM_BATCH_COST) {
            break;
        }
        turn = bm_engine_turn(q, c);
        cost += turn;
        *budget -= turn;
    }
    return true;
}

/*
 * Run a queue until the next turn would cost more than what is left of @budget.
 * Returns true if there is more to do: the caller is to see to it that somebody
 * comes back, and others have their chance in between.
 */
bool bm_engine_run(BmQueue *q, uint64_t budget)
{
    while (bm_ring_sync(q)) {
        if (!bm_engine_next(q)) {
            return false;
        }
        if (!bm_engine_batch(q, &budget)) {
            return bm_ring_sync(q);
        }
    }
    return false;
}
