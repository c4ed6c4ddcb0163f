/*
 * busmaster: a function that moves
 *
 * What is saved, by a snapshot or by a migration, is what a guest can see the
 * effects of, at the granularity of bm_workers_hold(): the machine is stopped,
 * so nothing is mapped, and each command rests in REQ_BUS, WAIT_GRANT or
 * INTERRUPT, or with timing=on in WAIT_READY or DONE. What follows from the
 * rest is not saved: a queue's timer, for example, is set anew by the call that
 * each queue gets when the machine goes on (bm_core_call()). Nothing here reads
 * or writes guest memory.
 *
 * What is loaded may come from anybody. It is judged here, and a queue comes to
 * life when all of it was: until then it is DISABLED, whatever its fields say.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "migration/qemu-file-types.h"
#include "migration/vmstate.h"
#include "internal.h"

/* Properties that the guest has seen, or that what is in flight fits in. */
static const char *const bm_shape_names[BM_SHAPE_LEN] = {
    "queues", "mem-size", "dma-bits", "outstanding", "x-fault-injection",
    "write-faults",
};

static void bm_shape_get(const BmCore *s, uint64_t *shape)
{
    const uint64_t values[BM_SHAPE_LEN] = {
        s->num_queues, s->mem_size, s->dma_bits, s->outstanding,
        s->fault_injection, s->write_faults,
    };

    memcpy(shape, values, sizeof(values));
}

static int bm_shape_pre_save(void *opaque)
{
    BmCore *s = opaque;

    bm_shape_get(s, s->shape);
    return 0;
}

static int bm_shape_post_load(void *opaque, int version_id)
{
    BmCore *s = opaque;
    uint64_t here[BM_SHAPE_LEN];
    unsigned i;

    bm_shape_get(s, here);
    for (i = 0; i < BM_SHAPE_LEN; i++) {
        if (s->shape[i] != here[i]) {
            error_report("busmaster: property '%s' is %" PRIu64 ", must be %"
                         PRIu64 " as where the state comes from",
                         bm_shape_names[i], here[i], s->shape[i]);
            return -EINVAL;
        }
    }
    return 0;
}

/* To come before all else: nothing of it fits a function of another shape. */
const VMStateDescription vmstate_bm_shape = {
    .name = "busmaster/shape",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_save = bm_shape_pre_save,
    .post_load = bm_shape_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64_ARRAY(shape, BmCore, BM_SHAPE_LEN),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_bm_side = {
    .name = "busmaster/side",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(space, BmSide),
        VMSTATE_UINT64(addr, BmSide),
        VMSTATE_UINT64(left, BmSide),
        VMSTATE_BOOL(requests.open, BmSide),
        VMSTATE_UINT64(requests.last, BmSide),
        VMSTATE_UINT64(list, BmSide),
        VMSTATE_UINT32(count, BmSide),
        VMSTATE_UINT32(budget, BmSide),
        VMSTATE_UINT32(next, BmSide),
        VMSTATE_UINT32(fetched, BmSide),
        VMSTATE_BUFFER_UNSAFE(batch, BmSide, 1,
                              BM_SGL_BATCH * sizeof(struct bm_hw_seg)),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_bm_lie = {
    .name = "busmaster/lie",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_BUFFER_UNSAFE(flip, BmLie, 1, sizeof(struct bm_hw_cqe)),
        VMSTATE_BOOL(again, BmLie),
        VMSTATE_UINT32(tear_us, BmLie),
        VMSTATE_BOOL(torn, BmLie),
        VMSTATE_UINT32(entry, BmLie),
        VMSTATE_INT64(due, BmLie),
        VMSTATE_END_OF_LIST()
    },
};

static bool bm_command_timing_needed(void *opaque)
{
    BmCommand *c = opaque;

    return c->due || c->arrives;
}

static const VMStateDescription vmstate_bm_command_timing = {
    .name = "busmaster/command/timing",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = bm_command_timing_needed,
    .fields = (const VMStateField[]) {
        VMSTATE_INT64(due, BmCommand),
        VMSTATE_INT64(arrives, BmCommand),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_bm_command = {
    .name = "busmaster/command",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(op, BmCommand),
        VMSTATE_UINT8(flags, BmCommand),
        VMSTATE_UINT16(tag, BmCommand),
        VMSTATE_UINT32(status, BmCommand),
        VMSTATE_UINT64(info, BmCommand),
        VMSTATE_UINT64(operand, BmCommand),
        VMSTATE_UINT64(length, BmCommand),
        VMSTATE_UINT64(done, BmCommand),
        VMSTATE_UINT32(abort, BmCommand),
        VMSTATE_STRUCT(src, BmCommand, 1, vmstate_bm_side, BmSide),
        VMSTATE_STRUCT(dst, BmCommand, 1, vmstate_bm_side, BmSide),
        VMSTATE_STRUCT(lie, BmCommand, 1, vmstate_bm_lie, BmLie),
        VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription * const []) {
        &vmstate_bm_command_timing,
        NULL
    },
};

static const VMStateDescription vmstate_bm_moved_command = {
    .name = "busmaster/moved-command",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(state, BmMovedCommand),
        VMSTATE_STRUCT_POINTER(command, BmMovedCommand, vmstate_bm_command,
                               BmCommand),
        VMSTATE_END_OF_LIST()
    },
};

static bool bm_moved_fit(void *opaque, int version_id)
{
    BmQueue *q = opaque;

    return q->moved.num_commands <= q->core->outstanding;
}

static bool bm_running_needed(void *opaque)
{
    return bm_queue_works(opaque);
}

static void bm_moved_add(BmQueue *q, const BmCmdList *list)
{
    BmMovedCommand *m;
    BmCommand *c;

    QSIMPLEQ_FOREACH(c, list, link) {
        m = &q->moved.commands[q->moved.num_commands++];
        m->state = c->state;
        m->command = c;
    }
}

static int bm_running_pre_save(void *opaque)
{
    BmQueue *q = opaque;

    q->moved.num_commands = 0;
    bm_moved_add(q, &q->waiting);
    bm_moved_add(q, &q->active);
    bm_moved_add(q, &q->done);
    bm_moved_add(q, &q->held);
    return 0;
}

static bool bm_running_timing_needed(void *opaque)
{
    BmQueue *q = opaque;

    return q->core->timing.on;
}

static const VMStateDescription vmstate_bm_running_timing = {
    .name = "busmaster/queue/running/timing",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = bm_running_timing_needed,
    .fields = (const VMStateField[]) {
        VMSTATE_BOOL(heed, BmQueue),
        VMSTATE_INT64(heard, BmQueue),
        VMSTATE_INT64(fetched, BmQueue),
        VMSTATE_BOOL(telling, BmQueue),
        VMSTATE_INT64(message, BmQueue),
        VMSTATE_END_OF_LIST()
    },
};

/* What only a queue has that works. */
static const VMStateDescription vmstate_bm_running = {
    .name = "busmaster/queue/running",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = bm_running_needed,
    .pre_save = bm_running_pre_save,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(sq_head, BmQueue),
        VMSTATE_UINT32(cq_tail, BmQueue),
        VMSTATE_BOOL(phase, BmQueue),
        VMSTATE_UINT32(bad_doorbell, BmQueue),
        VMSTATE_UINT16(shadow_arm, BmQueue),
        VMSTATE_UINT32(sq_event, BmQueue),
        VMSTATE_UINT32(cq_event, BmQueue),
        VMSTATE_UINT32_ARRAY(wanted, BmQueue, BM_MAX_ENTRIES),
        VMSTATE_UINT32(wanted_last, BmQueue),
        VMSTATE_INT64(unseen_since, BmQueue),
        VMSTATE_BOOL(hung, BmQueue),
        VMSTATE_INT64(irq_due, BmQueue),
        VMSTATE_UINT32(moved.num_commands, BmQueue),
        VMSTATE_VALIDATE("no more commands than 'outstanding'", bm_moved_fit),
        VMSTATE_STRUCT_VARRAY_UINT32(moved.commands, BmQueue,
                                     moved.num_commands, 1,
                                     vmstate_bm_moved_command, BmMovedCommand),
        VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription * const []) {
        &vmstate_bm_running_timing,
        NULL
    },
};

static int bm_put_stat64(QEMUFile *f, void *pv, size_t size,
                         const VMStateField *field, JSONWriter *vmdesc)
{
    qemu_put_be64(f, stat64_get(pv));
    return 0;
}

static int bm_get_stat64(QEMUFile *f, void *pv, size_t size,
                         const VMStateField *field)
{
    stat64_init(pv, qemu_get_be64(f));
    return 0;
}

static const VMStateInfo bm_info_stat64 = {
    .name = "stat64",
    .get = bm_get_stat64,
    .put = bm_put_stat64,
};

#define BM_VMSTATE_STAT64(_field) \
    VMSTATE_SINGLE(_field, BmQueue, 1, bm_info_stat64, Stat64)

static int bm_queue_pre_save(void *opaque)
{
    BmQueue *q = opaque;

    q->moved.state = q->state;
    return 0;
}

/* Commands are loaded into the slots that are free, which all of them are. */
static int bm_queue_pre_load(void *opaque)
{
    BmQueue *q = opaque;
    unsigned i;

    q->moved.num_commands = 0;
    for (i = 0; i < q->core->outstanding; i++) {
        q->moved.commands[i].command = &q->cmds[i];
    }
    return 0;
}

static bool bm_queue_check(const BmQueue *q, bool good, const char *what)
{
    if (!good) {
        error_report("busmaster: queue %u cannot have such %s", q->index, what);
    }
    return good;
}

static bool bm_moved_state_valid(const BmQueue *q)
{
    uint32_t cause = BM_GET(BM_QSTATE_CAUSE, q->moved.state);

    return !(q->moved.state & ~(BM_QSTATE_STATE | BM_QSTATE_CAUSE)) &&
           BM_GET(BM_QSTATE_STATE, q->moved.state) <= BM_QSTATE_HALTED &&
           (!cause ||
            BM_GET(BM_QSTATE_STATE, q->moved.state) == BM_QSTATE_HALTED);
}

/* As bm_queue_works(), of the state that it is to have. */
static bool bm_moved_works(const BmQueue *q)
{
    return q->moved.state == BM_PREP(BM_QSTATE_STATE, BM_QSTATE_RUNNING) ||
           q->moved.state == BM_PREP(BM_QSTATE_STATE, BM_QSTATE_DRAINING);
}

static bool bm_time_valid(int64_t time)
{
    return time >= 0 && time <= BM_TIME_MAX;
}

static bool bm_running_valid(BmQueue *q)
{
    /* Later the sum with USECS would not be a time. */
    const int64_t latest = INT64_MAX - UINT16_MAX * (int64_t)SCALE_US;
    uint32_t mask;

    if (!bm_queue_check(q, bm_ring_geometry_valid(q), "rings") ||
        !bm_queue_check(q, bm_doorbell_geometry_valid(q), "a shadow")) {
        return false;
    }
    mask = (1u << q->order) - 1;
    return bm_queue_check(q, q->sq_tail <= mask, "an sq_tail") &&
           bm_queue_check(q, q->sq_head <= mask, "an sq_head") &&
           bm_queue_check(q, q->cq_tail <= mask, "a cq_tail") &&
           bm_queue_check(q, q->cq_head <= mask, "a cq_head") &&
           bm_queue_check(q, q->bad_doorbell == BM_HALT_NONE ||
                             q->bad_doorbell == BM_HALT_BAD_TAIL ||
                             q->bad_doorbell == BM_HALT_BAD_HEAD,
                          "a bad_doorbell") &&
           bm_queue_check(q, q->unseen_since >= 0 &&
                             q->unseen_since <= latest,
                          "an unseen_since") &&
           bm_queue_check(q, bm_time_valid(q->heard) &&
                             bm_time_valid(q->fetched) &&
                             bm_time_valid(q->message), "times");
}

/* Is there such a command, in this state? Then what follows is made. */
static bool bm_moved_take(BmQueue *q, const BmMovedCommand *m)
{
    const uint32_t abort = m->command->abort & ~BM_ABORT_WANTED;
    BmCommand *c = m->command;

    if (!bm_queue_check(q, bm_time_valid(c->due) && bm_time_valid(c->arrives),
                        "a command's times")) {
        return false;
    }
    switch (m->state) {
    case BM_CMD_WAIT_READY:
    case BM_CMD_DONE:
        if (bm_queue_check(q, abort == (BM_ABORT_POSSIBLE | c->tag),
                           "an abort") &&
            bm_cmd_moved(c)) {
            QSIMPLEQ_INSERT_TAIL(&q->active, c, link);
            break;
        }
        if (!bm_queue_check(q, m->state == BM_CMD_WAIT_READY,
                            "a finished command")) {
            return false;
        }
        /* fall through */
    case BM_CMD_REQ_BUS:
    case BM_CMD_WAIT_GRANT:
        if (!bm_queue_check(q, abort == (BM_ABORT_POSSIBLE | c->tag),
                            "an abort") ||
            !bm_queue_check(q, bm_cmd_resume(q->core, c), "a command")) {
            return false;
        }
        QSIMPLEQ_INSERT_TAIL(m->state == BM_CMD_REQ_BUS ? &q->waiting :
                             &q->active, c, link);
        break;
    case BM_CMD_INTERRUPT:
        if (!bm_queue_check(q, !c->abort, "an abort") ||
            !bm_queue_check(q, c->status <= UINT8_MAX, "a status") ||
            !bm_queue_check(q, c->lie.due ? c->lie.entry >> q->order == 0 :
                                            !c->lie.torn, "a lie")) {
            return false;
        }
        c->told = false;
        if (c->lie.due) {
            QSIMPLEQ_INSERT_TAIL(&q->held, c, link);
        } else {
            bm_ring_finish(q, c);
        }
        break;
    default:
        return bm_queue_check(q, false, "a command's state");
    }
    c->state = m->state;
    return true;
}

/* The queue is as after a reset, but for what was loaded into it. */
static int bm_queue_post_load(void *opaque, int version_id)
{
    BmQueue *q = opaque;
    unsigned i;

    if (!bm_queue_check(q, bm_moved_state_valid(q), "a state")) {
        return -EINVAL;
    }
    if (!bm_moved_works(q)) {
        return 0;
    }
    if (!bm_running_valid(q)) {
        return -EINVAL;
    }
    for (i = 0; i < q->moved.num_commands; i++) {
        QSIMPLEQ_REMOVE_HEAD(&q->free, link);
        q->num_free--;
        if (!bm_moved_take(q, &q->moved.commands[i])) {
            return -EINVAL;
        }
    }
    q->fence = !QSIMPLEQ_EMPTY(&q->active) &&
               QSIMPLEQ_FIRST(&q->active)->flags & BM_SQE_FENCE;
    return 0;
}

static bool bm_peers_needed(void *opaque)
{
    BmQueue *q = opaque;

    return stat64_get(&q->peer_mrd_tlps) || stat64_get(&q->peer_mwr_tlps);
}

static const VMStateDescription vmstate_bm_peers = {
    .name = "busmaster/queue/peers",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = bm_peers_needed,
    .fields = (const VMStateField[]) {
        BM_VMSTATE_STAT64(peer_mrd_tlps),
        BM_VMSTATE_STAT64(peer_mrd_bytes),
        BM_VMSTATE_STAT64(peer_mwr_tlps),
        BM_VMSTATE_STAT64(peer_mwr_bytes),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_bm_queue = {
    .name = "busmaster/queue",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_save = bm_queue_pre_save,
    .pre_load = bm_queue_pre_load,
    .post_load = bm_queue_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(moved.state, BmQueue),
        VMSTATE_UINT64(sq_base, BmQueue),
        VMSTATE_UINT64(cq_base, BmQueue),
        VMSTATE_UINT32(order, BmQueue),
        VMSTATE_UINT64(shadow, BmQueue),
        VMSTATE_UINT32(moderation, BmQueue),
        VMSTATE_UINT32(sq_tail, BmQueue),
        VMSTATE_UINT32(cq_head, BmQueue),
        VMSTATE_BOOL(armed, BmQueue),
        BM_VMSTATE_STAT64(mrd_tlps),
        BM_VMSTATE_STAT64(mrd_bytes),
        BM_VMSTATE_STAT64(mwr_tlps),
        BM_VMSTATE_STAT64(mwr_bytes),
        VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription * const []) {
        &vmstate_bm_running,
        &vmstate_bm_peers,
        NULL
    },
};

static const VMStateDescription vmstate_bm_injection = {
    .name = "busmaster/injection",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(left, BmInjection),
        VMSTATE_UINT32(fired, BmInjection),
        VMSTATE_UINT8(queue, BmInjection),
        VMSTATE_UINT64(arg, BmInjection),
        VMSTATE_END_OF_LIST()
    },
};

static bool bm_faults_needed(void *opaque)
{
    BmCore *s = opaque;

    return s->fault_injection;
}

static int bm_faults_post_load(void *opaque, int version_id)
{
    BmCore *s = opaque;

    if (!s->fault_injection) {
        error_report("busmaster: there are armed faults, must not be without "
                     "'x-fault-injection=on'");
        return -EINVAL;
    }
    bm_inject_rearm(s);
    return 0;
}

static const VMStateDescription vmstate_bm_faults = {
    .name = "busmaster/core/faults",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = bm_faults_needed,
    .post_load = bm_faults_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT_SUB_ARRAY(injections, BmCore, 1, BM_INJECT_END - 1, 1,
                                 vmstate_bm_injection, BmInjection),
        VMSTATE_UINT64(inject_arg, BmCore),
        VMSTATE_UINT32(inject_count, BmCore),
        VMSTATE_BOOL(reset_ignored, BmCore),
        VMSTATE_END_OF_LIST()
    },
};

static bool bm_timing_needed(void *opaque)
{
    BmCore *s = opaque;

    return s->timing.on;
}

static int bm_timing_pre_save(void *opaque)
{
    BmTiming *t = &((BmCore *)opaque)->timing;

    t->moved_tags = t->read_tags;
    t->moved_channels = t->channels;
    return 0;
}

static int bm_timing_post_load(void *opaque, int version_id)
{
    BmTiming *t = &((BmCore *)opaque)->timing;
    bool good = t->next_tag < t->read_tags && t->last < BM_LANES &&
                t->epoch >= 0 && t->epoch < INT64_MAX / 2 &&
                bm_time_valid(t->up.free) && bm_time_valid(t->down.free) &&
                bm_time_valid(t->controller);
    unsigned i;

    if (!t->on || t->moved_tags != t->read_tags ||
        t->moved_channels != t->channels) {
        error_report("busmaster: properties 'timing', 'read-tags' and "
                     "'channels' must be on, %" PRIu32 " and %" PRIu32
                     " as where the state comes from", t->moved_tags,
                     t->moved_channels);
        return -EINVAL;
    }
    for (i = 0; i < ARRAY_SIZE(t->tags); i++) {
        good = good && bm_time_valid(t->tags[i]);
    }
    for (i = 0; i < ARRAY_SIZE(t->channel); i++) {
        good = good && bm_time_valid(t->channel[i]);
    }
    if (!good) {
        error_report("busmaster: the device cannot have such times");
        return -EINVAL;
    }
    return 0;
}

static const VMStateDescription vmstate_bm_timing = {
    .name = "busmaster/core/timing",
    .version_id = 2,
    .minimum_version_id = 1,
    .needed = bm_timing_needed,
    .pre_save = bm_timing_pre_save,
    .post_load = bm_timing_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(timing.moved_tags, BmCore),
        VMSTATE_UINT32(timing.moved_channels, BmCore),
        VMSTATE_INT64(timing.up.free, BmCore),
        VMSTATE_INT64(timing.down.free, BmCore),
        VMSTATE_INT64_ARRAY(timing.tags, BmCore, BM_MAX_READ_TAGS),
        VMSTATE_UINT32(timing.next_tag, BmCore),
        VMSTATE_INT64(timing.controller, BmCore),
        VMSTATE_UINT32(timing.last, BmCore),
        VMSTATE_INT64_ARRAY(timing.channel, BmCore, BM_MAX_CHANNELS),
        VMSTATE_INT64_V(timing.epoch, BmCore, 2),
        VMSTATE_END_OF_LIST()
    },
};

/* Are all that are raised the device's? A bitmap is loaded by whole words. */
static bool bm_irqs_valid(BmCore *s)
{
    const unsigned bits = BITS_TO_LONGS(BM_MAX_VECTORS) * BITS_PER_LONG;

    return find_next_bit(s->irqs, bits, s->num_queues + 1) >= bits;
}

/* Whoever loads has not always reset what is there. */
static int bm_core_pre_load(void *opaque)
{
    BmCore *s = opaque;

    bm_reset(s, "a state is loaded");
    s->loading = true;
    return 0;
}

static int bm_core_post_load(void *opaque, int version_id)
{
    BmCore *s = opaque;
    unsigned i;

    if (s->fatal_cause > UINT8_MAX) {
        error_report("busmaster: the device cannot have such a fatal_cause");
        return -EINVAL;
    }
    if (!bm_irqs_valid(s)) {
        error_report("busmaster: the device cannot have such irqs");
        return -EINVAL;
    }
    for (i = 0; i < s->num_queues; i++) {
        if (!bm_queue_check(&s->queues[i],
                            s->ready || !bm_moved_works(&s->queues[i]),
                            "a state, in a device that is not ready")) {
            return -EINVAL;
        }
    }
    for (i = 0; i < s->num_queues; i++) {
        s->queues[i].state = s->queues[i].moved.state;
    }
    s->to_report = s->cor_errors || s->uncor_errors || s->forged;
    s->loading = false;
    bm_core_call(s, bm_call);
    return 0;
}

const VMStateDescription vmstate_bm_core = {
    .name = "busmaster/core",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_load = bm_core_pre_load,
    .post_load = bm_core_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_BOOL(enabled, BmCore),
        VMSTATE_BOOL(ready, BmCore),
        VMSTATE_BOOL(fatal, BmCore),
        VMSTATE_UINT32(fatal_cause, BmCore),
        VMSTATE_UINT64(fault_addr, BmCore),
        VMSTATE_UINT64(fault_info, BmCore),
        VMSTATE_UINT16(new_status, BmCore),
        VMSTATE_UINT32(cor_errors, BmCore),
        VMSTATE_UINT32(uncor_errors, BmCore),
        VMSTATE_UINT64(forged, BmCore),
        {
            /* A bitmap's size is in bits. */
            .name = "irqs",
            .version_id = 1,
            .size = BM_MAX_VECTORS,
            .info = &vmstate_info_bitmap,
            .flags = VMS_SINGLE,
            .offset = offsetof(BmCore, irqs),
        },
        VMSTATE_UINT64(msg_tlps, BmCore),
        VMSTATE_STRUCT_VARRAY_POINTER_UINT32(queues, BmCore, num_queues,
                                             vmstate_bm_queue, BmQueue),
        VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription * const []) {
        &vmstate_bm_faults,
        &vmstate_bm_timing,
        NULL
    },
};
