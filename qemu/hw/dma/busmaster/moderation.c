/*
 * busmaster: when a queue raises its vector
 *
 * It does if it is armed and completions lie beyond the driver's head that want
 * an interrupt: at once or, moderated, when there are enough of them or the
 * first has waited for long enough. The worker asks whenever it has looked at
 * the rings; the timer does no more than to have it look.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "trace.h"

/*
 * Is it time to tell of @unseen completions? @first: all of them have come
 * since this was asked last. If it is not, and somebody wants to know, the
 * timer will ask.
 */
static bool bm_moderation_due(BmQueue *q, uint32_t unseen, bool first)
{
    uint32_t moderation = qatomic_read(&q->moderation);
    uint32_t count = BM_GET(BM_MODERATION_COUNT, moderation);
    uint32_t usecs = BM_GET(BM_MODERATION_USECS, moderation);
    int64_t now, deadline;

    if (count < 2 || !usecs) {
        return true;
    }
    now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    if (first) {
        q->unseen_since = now;
    }
    deadline = q->unseen_since + usecs * (int64_t)SCALE_US;
    if (unseen >= count || now >= deadline) {
        return true;
    }
    if (qatomic_read(&q->armed)) {
        /* One that is pending may stay: if too early, it sets itself anew. */
        trace_busmaster_moderated(q->index, unseen, deadline);
        bm_call_at(&q->call, deadline);
    }
    return false;
}

/* The worker has posted what there is, and has heard the driver. */
void bm_moderation_notify(BmQueue *q)
{
    uint32_t wanted = q->wanted[q->cq_tail];
    uint32_t unseen = wanted - q->wanted[qatomic_read(&q->cq_head)];
    uint32_t fresh = wanted - q->wanted_last;

    q->wanted_last = wanted;
    if (unseen && bm_moderation_due(q, unseen, unseen <= fresh) &&
        qatomic_xchg(&q->armed, false) && !bm_misbehave_irq(q)) {
        if (!q->telling) {
            q->message = bm_time_message(q->core);
        }
        q->telling = true;
    }
    if (q->telling && bm_time_past(q->core, q->message)) {
        q->telling = false;
        bm_irq_raise(q->core, BM_VECTOR_QUEUE(q->index));
    }
}
