/*
 * busmaster: to be called a little later, or at a certain time
 *
 * Whoever finds that there is work for somebody else calls him: a worker for
 * one of its queues, or the main loop for the core. That is a BH, and when it
 * runs is the host's affair. But where a machine is recorded and replayed
 * (-icount rr=), or its device takes its time (timing=on), all that its guest
 * sees has to happen at the same instruction each time: there it is a timer of
 * the guest's clock. QEMU's own way, which is
 * replay_bh_schedule_event(), would call a BH that is gone where the function
 * is unplugged meanwhile.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "call.h"
#include "qemu/main-loop.h"
#include "system/replay.h"

/*
 * Unguarded: the guard is one flag of the function, without a lock. Workers
 * would keep each other out, and it would be looked at when the function may
 * have gone.
 */
void bm_call_init(BmCall *call, AioContext *ctx, QEMUBHFunc *cb, void *opaque,
                  bool by_clock)
{
    call->by_clock = by_clock || replay_mode != REPLAY_MODE_NONE;
    call->bh = aio_bh_new_full(ctx, cb, opaque, "busmaster", NULL);
    /* The AioContext of the main loop would round it up to a millisecond. */
    call->timer = ctx == qemu_get_aio_context() ?
                  timer_new_ns(QEMU_CLOCK_VIRTUAL, cb, opaque) :
                  aio_timer_new(ctx, QEMU_CLOCK_VIRTUAL, SCALE_NS, cb, opaque);
}

void bm_call_free(BmCall *call)
{
    timer_free(call->timer);
    qemu_bh_delete(call->bh);
}

/* As soon as may be; but the guest, too, goes on in between. */
void bm_call(BmCall *call)
{
    if (!call->by_clock) {
        qemu_bh_schedule(call->bh);
    } else {
        bm_call_at(call, 0);
    }
}

/*
 * At @ns of QEMU_CLOCK_VIRTUAL, or earlier if that was asked for as well; if it
 * is past, as soon as may be. A timer that is set to what is past comes in the
 * same round of timers again, and nobody else has a turn until none is.
 */
void bm_call_at(BmCall *call, int64_t ns)
{
    int64_t soon = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + 1;

    timer_mod_anticipate_ns(call->timer, MAX(ns, soon));
}

/*
 * The machine goes on: who came while it was stopped did nothing. A timer does
 * not come then, as its clock stands still.
 */
void bm_call_again(BmCall *call)
{
    if (replay_mode == REPLAY_MODE_NONE) {
        bm_call(call);
    }
}

void bm_call_cancel(BmCall *call)
{
    timer_del(call->timer);
    qemu_bh_cancel(call->bh);
}
