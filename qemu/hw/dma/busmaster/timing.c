/*
 * busmaster: the clock, and how long the parts of the device take
 *
 * Behind the link there is a controller, which takes commands one at a time,
 * and a medium with channels, which are used at the same time. A command whose
 * data comes from device memory waits for the medium first, one whose data goes
 * there waits for it last. A message takes its time to a CPU. All of it is
 * slower by one factor, the time scale.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "internal.h"

/* That of x86: messages go there. */
#define BM_MESSAGE_ADDR     0xfee00000
#define BM_MESSAGE_LEN      4

/* ns after the epoch when there is to be a new one */
#define BM_EPOCH_LEN        (BM_TIME_MAX / 1000 / 2)

static void bm_time_shift(int64_t *time, int64_t by)
{
    *time = MAX(*time - by, 0);
}

/* What is past stays so, and how long it has been does not matter. */
static void bm_queue_shift(BmQueue *q, int64_t by)
{
    unsigned i;

    bm_time_shift(&q->heard, by);
    bm_time_shift(&q->fetched, by);
    bm_time_shift(&q->message, by);
    for (i = 0; i < q->core->outstanding; i++) {
        bm_time_shift(&q->cmds[i].due, by);
        bm_time_shift(&q->cmds[i].arrives, by);
    }
}

/* Nobody has a time in hand: keep times small. */
static void bm_time_keep(BmCore *s, int64_t now)
{
    BmTiming *t = &s->timing;
    int64_t by;
    unsigned i;

    by = MIN(now - t->epoch, BM_TIME_MAX / 1000) * 1000;
    t->epoch = now;
    bm_time_shift(&t->up.free, by);
    bm_time_shift(&t->down.free, by);
    bm_time_shift(&t->controller, by);
    for (i = 0; i < ARRAY_SIZE(t->tags); i++) {
        bm_time_shift(&t->tags[i], by);
    }
    for (i = 0; i < ARRAY_SIZE(t->channel); i++) {
        bm_time_shift(&t->channel[i], by);
    }
    for (i = 0; i < s->num_queues; i++) {
        bm_queue_shift(&s->queues[i], by);
    }
}

/*
 * What is done from here on until the next look is done at one time. The clock
 * goes on meanwhile: who finds that something is not due yet, and then sees to
 * it that he comes back when it is, must not find then that it is past.
 */
void bm_time_look(BmCore *s)
{
    BmTiming *t = &s->timing;
    int64_t now;

    if (!t->on) {
        return;
    }
    now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    if (now - t->epoch >= BM_EPOCH_LEN) {
        bm_time_keep(s, now);
    }
    t->now = MIN(MAX(now - t->epoch, 0), BM_TIME_MAX / 1000) * 1000;
}

int64_t bm_time_now(BmCore *s)
{
    return s->timing.on ? s->timing.now : 0;
}

/* What takes @time, and begins at @from, ends then. */
int64_t bm_time_after(int64_t from, int64_t time)
{
    return MIN(from + time, BM_TIME_MAX);
}

/* @when, by the clock */
int64_t bm_time_ns(BmCore *s, int64_t when)
{
    return s->timing.epoch + DIV_ROUND_UP(when, 1000);
}

/* Has @when come? */
bool bm_time_past(BmCore *s, int64_t when)
{
    return !when || when <= bm_time_now(s);
}

/* Have the worker look again at @when. */
void bm_time_call(BmQueue *q, int64_t when)
{
    bm_call_at(&q->call, bm_time_ns(q->core, when));
}

/* A property, as it counts. */
int64_t bm_time_scaled(const BmTiming *t, uint32_t ns)
{
    return (int64_t)ns * t->time_scale * 1000;
}

/* The channel that is free first serves what is there at @from. */
static int64_t bm_medium(BmTiming *t, int64_t from)
{
    int64_t *first = &t->channel[0];
    unsigned i;

    for (i = 1; i < t->channels; i++) {
        if (t->channel[i] < *first) {
            first = &t->channel[i];
        }
    }
    *first = bm_time_after(MAX(*first, from),
                           bm_time_scaled(t, t->medium_latency_ns));
    return *first;
}

static bool bm_side_local(const BmSide *side, bool write)
{
    return side->space == BM_SPACE_LOCAL && side->write == write;
}

static bool bm_cmd_uses_medium(const BmCommand *c, bool write)
{
    return c->status == BM_ST_SUCCESS && c->length &&
           (bm_side_local(&c->src, write) || bm_side_local(&c->dst, write));
}

/* @c is let in, as it is due. Returns from when on it may ask for the link. */
int64_t bm_time_begin(BmCore *s, const BmCommand *c)
{
    BmTiming *t = &s->timing;

    if (!t->on) {
        return 0;
    }
    t->controller = bm_time_after(MAX(t->controller,
                                      MAX(c->due, bm_time_now(s))),
                                  bm_time_scaled(t, t->command_overhead_ns));
    return bm_cmd_uses_medium(c, false) ? bm_medium(t, t->controller) :
                                          t->controller;
}

/* The last of @c is under way. Returns when all that it was to do is done. */
int64_t bm_time_end(BmCore *s, const BmCommand *c)
{
    int64_t there = MAX(c->due, c->arrives);

    return s->timing.on && bm_cmd_uses_medium(c, true) ?
           bm_medium(&s->timing, there) : there;
}

/* A message is to be sent. Returns when it has come to where it goes. */
int64_t bm_time_message(BmCore *s)
{
    if (!s->timing.on) {
        return 0;
    }
    return bm_time_after(bm_link_write(s, bm_time_now(s), BM_MESSAGE_ADDR,
                                       BM_MESSAGE_LEN),
                         bm_time_scaled(&s->timing, s->timing.irq_latency_ns));
}

void bm_time_init(BmCore *s)
{
    BmLane lane;

    for (lane = 0; lane < BM_LANES; lane++) {
        QTAILQ_INIT(&s->timing.waiting[lane]);
    }
    bm_call_init(&s->timing.call, qemu_get_aio_context(), bm_link_called, s,
                 s->timing.on);
}

void bm_time_exit(BmCore *s)
{
    bm_call_free(&s->timing.call);
}

/* The queues are stopped: nothing is under way. */
void bm_time_reset(BmCore *s)
{
    BmTiming *t = &s->timing;

    bm_call_cancel(&t->call);
    t->epoch = 0;
    t->up.free = 0;
    t->down.free = 0;
    memset(t->tags, 0, sizeof(t->tags));
    t->next_tag = 0;
    t->last = 0;
    t->controller = 0;
    memset(t->channel, 0, sizeof(t->channel));
}
