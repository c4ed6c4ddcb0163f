/*
 * busmaster: the state machine and the round-robin
 *
 * A command is in one of the states of the textbooks' bus-mastering cycle, and
 * bm_cmd_step() is all that decides which comes next. A command waits by
 * staying in its state. Others do what it waits for, and call it again: it is
 * fetched, a fence goes out of the way, it is granted a turn, it is posted.
 *
 * A queue works on several commands at once, one turn each.
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
    [BM_CMD_INTERRUPT]  = "INTERRUPT",
};

static bool bm_cmd_due(BmQueue *q, const BmCommand *c)
{
    return bm_time_past(q->core, c->due);
}

/* Commands start in order. A fence is active alone. */
static bool bm_cmd_can_start(BmQueue *q, const BmCommand *c)
{
    return c == QSIMPLEQ_FIRST(&q->waiting) && bm_cmd_due(q, c) &&
           (QSIMPLEQ_EMPTY(&q->active) ||
            !(q->fence || c->flags & BM_SQE_FENCE));
}

static bool bm_cmd_has_turn(const BmCommand *c)
{
    return c->turn_bytes && c->turn_pieces;
}

static bool bm_cmd_over(BmCommand *c)
{
    if (c->status == BM_ST_SUCCESS && c->done < c->length &&
        qatomic_read(&c->abort) & BM_ABORT_WANTED) {
        bm_cmd_fail(c, BM_ST_ABORTED, 0);
    }
    return c->status != BM_ST_SUCCESS || c->done == c->length;
}

static bool bm_side_on_bus(const BmSide *side)
{
    return side->space == BM_SPACE_HOST || side->space == BM_SPACE_HOST_SGL;
}

static bool bm_cmd_wants_link(BmCommand *c)
{
    return c->state == BM_CMD_WAIT_GRANT && !bm_cmd_over(c) &&
           (bm_side_on_bus(&c->src) || bm_side_on_bus(&c->dst));
}

/* What it wants the link for: what is read as well as written is read first. */
static BmLane bm_cmd_lane(const BmCommand *c)
{
    return bm_side_on_bus(&c->src) || !c->dst.write ? BM_LANE_READ :
                                                      BM_LANE_WRITE;
}

/* The next piece is what is contiguous on both sides, within the turn. */
static bool bm_cmd_set_up(BmQueue *q, BmCommand *c)
{
    c->piece = MIN(c->length - c->done, c->turn_bytes);
    c->turn_pieces--;
    if (!bm_side_resolve(q, c, &c->src) || !bm_side_resolve(q, c, &c->dst)) {
        c->piece = 0;
        return false;
    }
    return true;
}

static bool bm_side_goes(const BmSide *side, bool write)
{
    return side->space != BM_SPACE_NONE && side->write == write;
}

/* Map the piece on those sides that are read, or that are written. */
static bool bm_cmd_map(BmQueue *q, BmCommand *c, bool write)
{
    return (!bm_side_goes(&c->src, write) || bm_side_map(q, c, &c->src)) &&
           (!bm_side_goes(&c->dst, write) || bm_side_map(q, c, &c->dst));
}

/* The piece takes the link. */
static void bm_cmd_send(BmCore *s, BmCommand *c, const BmSide *side)
{
    if (!side->dma.host || side->dma.local) {
        return;
    }
    c->arrives = side->write ?
        bm_link_write(s, MAX(c->due, c->arrives), side->dma.addr, c->piece) :
        bm_link_read(s, c->due, side->dma.addr, c->piece);
}

/*
 * Move the piece, unless a map was refused, and end the mappings. It is moved
 * when it is sent, and is there when the time that it takes is over.
 */
static void bm_cmd_transfer(BmQueue *q, BmCommand *c)
{
    if (c->status == BM_ST_SUCCESS) {
        bm_cmd_move(c, c->src.dma.host, c->dst.dma.host, c->piece);
        bm_cmd_send(q->core, c, &c->src);
        bm_cmd_send(q->core, c, &c->dst);
    } else {
        c->piece = 0;
    }
    bm_side_unmap(q, &c->src, c->piece);
    bm_side_unmap(q, &c->dst, c->piece);
    c->done += c->piece;
    c->turn_bytes -= c->piece;
    c->piece = 0;
    if (c->status != BM_ST_SUCCESS || c->done == c->length) {
        c->due = bm_time_end(q->core, c);
    }
}

/*
 * Do what the state of @c says, and return the one that comes next, which is
 * the same as long as @c has to wait.
 */
static BmCmdState bm_cmd_step(BmQueue *q, BmCommand *c)
{
    if (unlikely(q->ending)) {
        qatomic_set(&c->abort, 0);
        bm_side_unmap(q, &c->src, 0);
        bm_side_unmap(q, &c->dst, 0);
        c->piece = 0;
        return BM_CMD_IDLE;
    }

    switch (c->state) {
    case BM_CMD_IDLE:
        qatomic_set(&c->abort, BM_ABORT_POSSIBLE | c->tag);
        QSIMPLEQ_INSERT_TAIL(&q->waiting, c, link);
        return BM_CMD_REQ_BUS;

    case BM_CMD_REQ_BUS:
        if (!bm_cmd_can_start(q, c)) {
            return BM_CMD_REQ_BUS;
        }
        q->fence = c->flags & BM_SQE_FENCE;
        QSIMPLEQ_REMOVE_HEAD(&q->waiting, link);
        QSIMPLEQ_INSERT_TAIL(&q->active, c, link);
        c->due = bm_time_begin(q->core, c);
        return BM_CMD_WAIT_GRANT;

    case BM_CMD_WAIT_GRANT:
        if (!bm_cmd_has_turn(c)) {
            return BM_CMD_WAIT_GRANT;
        }
        return bm_cmd_over(c) ? BM_CMD_CHECK_DONE : BM_CMD_SETUP_ADDR;

    case BM_CMD_SETUP_ADDR:
        if (!bm_cmd_set_up(q, c)) {
            return BM_CMD_CHECK_DONE;
        }
        return bm_side_goes(&c->src, false) ? BM_CMD_DO_READ : BM_CMD_DO_WRITE;

    case BM_CMD_DO_READ:
        if (!bm_cmd_map(q, c, false) || !bm_side_goes(&c->dst, true)) {
            return BM_CMD_WAIT_READY;
        }
        return BM_CMD_DO_WRITE;

    case BM_CMD_DO_WRITE:
        bm_cmd_map(q, c, true);
        return BM_CMD_WAIT_READY;

    case BM_CMD_WAIT_READY:
        if (c->piece) {
            bm_cmd_transfer(q, c);
        }
        return bm_cmd_due(q, c) ? BM_CMD_CHECK_DONE : BM_CMD_WAIT_READY;

    case BM_CMD_CHECK_DONE:
        if (bm_cmd_over(c)) {
            c->due = bm_ring_send(q, c);
            return BM_CMD_DONE;
        }
        if (bm_cmd_has_turn(c)) {
            return BM_CMD_SETUP_ADDR;
        }
        QSIMPLEQ_REMOVE(&q->active, c, BmCommand, link);
        QSIMPLEQ_INSERT_TAIL(&q->active, c, link);
        return BM_CMD_WAIT_GRANT;

    case BM_CMD_DONE:
        if (!bm_cmd_due(q, c)) {
            return BM_CMD_DONE;
        }
        QSIMPLEQ_REMOVE(&q->active, c, BmCommand, link);
        /* Its tag is free for the driver as soon as it is posted. */
        qatomic_set(&c->abort, 0);
        c->told = false;
        if (!bm_misbehave_finished(q, c)) {
            bm_ring_finish(q, c);
        }
        return BM_CMD_INTERRUPT;

    case BM_CMD_INTERRUPT:
        if (!c->told) {
            return BM_CMD_INTERRUPT;
        }
        QSIMPLEQ_INSERT_TAIL(&q->free, c, link);
        q->num_free++;
        return BM_CMD_IDLE;
    }
    g_assert_not_reached();
}

/*
 * Take @c as far as it can get by now: to where it waits, or to its end. If the
 * queue is stopped meanwhile, @c has ended already.
 */
void bm_cmd_advance(BmQueue *q, BmCommand *c)
{
    BmCmdState next;

    do {
        next = bm_cmd_step(q, c);
        if (next == c->state || !(q->ending || bm_queue_works(q))) {
            return;
        }
        trace_busmaster_state(q->index, c->tag, bm_cmd_state_names[c->state],
                              bm_cmd_state_names[next], c->done, c->length,
                              BM_TRACE_NOW(STATE));
        c->state = next;
    } while (next != BM_CMD_IDLE);
}

/* Of @c there is no more to be told: its slot is free again. */
void bm_cmd_told(BmQueue *q, BmCommand *c)
{
    c->told = true;
    bm_cmd_advance(q, c);
}

/* Can @c, which is active, go on, be it that it is granted a turn? */
static bool bm_engine_can_grant(BmQueue *q, BmCommand *c)
{
    return bm_cmd_due(q, c) &&
           (!bm_cmd_wants_link(c) || bm_link_ask(q, bm_cmd_lane(c)));
}

/*
 * Let fetched commands in, in order, as far as fences allow. Returns the one
 * whose turn it is.
 */
static BmCommand *bm_engine_next(BmQueue *q)
{
    BmCommand *c;

    while ((c = QSIMPLEQ_FIRST(&q->waiting))) {
        bm_cmd_advance(q, c);
        if (c->state == BM_CMD_REQ_BUS) {
            break;
        }
    }
    QSIMPLEQ_FOREACH(c, &q->active, link) {
        if (bm_engine_can_grant(q, c)) {
            return c;
        }
    }
    return NULL;
}

/* Is there nothing to be done before some time has passed, or ever? */
bool bm_engine_rests(BmQueue *q)
{
    BmCommand *c = QSIMPLEQ_FIRST(&q->waiting);

    if (c && bm_cmd_can_start(q, c)) {
        return false;
    }
    QSIMPLEQ_FOREACH(c, &q->active, link) {
        if (bm_cmd_due(q, c)) {
            return false;
        }
    }
    return true;
}

/* The first of those times that are to come. */
static int64_t bm_sooner(BmQueue *q, int64_t first, int64_t when)
{
    return bm_time_past(q->core, when) ? first : MIN(first, when);
}

/* Nothing can be done now: have the worker look again when something can. */
static void bm_engine_sleep(BmQueue *q)
{
    int64_t first = INT64_MAX;
    BmCommand *c;

    if (!q->core->timing.on) {
        return;
    }
    first = bm_sooner(q, first, q->message);
    first = bm_sooner(q, first, q->fetched);
    QSIMPLEQ_FOREACH(c, &q->active, link) {
        first = bm_sooner(q, first, c->due);
    }
    if (first < INT64_MAX) {
        bm_time_call(q, first);
    }
}

/* What a turn of @c will cost of the run, at most. */
static uint64_t bm_turn_cost(const BmCommand *c)
{
    return MAX(MIN(c->length - c->done, BM_TURN_BYTES), BM_TURN_COST);
}

/* How many bytes @c may move in this turn. */
static uint64_t bm_engine_share(BmQueue *q, BmCommand *c)
{
    if (bm_cmd_wants_link(c)) {
        return bm_link_take(q->core, bm_cmd_lane(c), BM_TURN_BYTES);
    }
    return c->state == BM_CMD_WAIT_GRANT ? BM_TURN_BYTES : 0;
}

/* Grant @c a turn, if it waits for one. Returns what it did cost. */
static uint64_t bm_engine_turn(BmQueue *q, BmCommand *c)
{
    uint64_t share = bm_engine_share(q, c), moved, pieces;

    c->turn_bytes = share;
    c->turn_pieces = BM_TURN_PIECES;
    bm_cmd_advance(q, c);
    moved = share - c->turn_bytes;
    pieces = BM_TURN_PIECES - c->turn_pieces;
    c->turn_bytes = 0;
    return MAX(MAX(moved, pieces * BM_PIECE_COST), BM_TURN_COST);
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

        if (turn > *budget || qatomic_read(&q->core->holds)) {
            return false;
        }
        if (cost && cost + turn > BM_BATCH_COST) {
            break;
        }
        turn = bm_engine_turn(q, c);
        cost += turn;
        *budget -= MIN(turn, *budget);
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
            bm_engine_sleep(q);
            return false;
        }
        if (!bm_engine_batch(q, &budget)) {
            return bm_ring_sync(q);
        }
    }
    return false;
}
