/*
 * busmaster: interrupts
 *
 * Workers may be in any thread, but the function's vectors belong to the BQL.
 * To raise one is to leave a bit. Whoever came into the device with the BQL, by
 * a register or called, sends the messages when it leaves; others call the main
 * loop, which sends them.
 *
 * It is the guest that says where a message goes, so it may be a write to one
 * of our own registers, by which the device is re-entered. That is why messages
 * are sent last, when nobody relies on anything any more, and why those that a
 * message causes wait for the main loop: it nests no deeper.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "qemu/main-loop.h"
#include "internal.h"
#include "trace.h"

/* The first vector from @from that is raised; BM_MAX_VECTORS: none is. */
static unsigned bm_irq_next(BmCore *s, unsigned from)
{
    unsigned long mask = BITMAP_FIRST_WORD_MASK(from);
    unsigned i;

    for (i = BIT_WORD(from); i < ARRAY_SIZE(s->irqs); i++) {
        unsigned long raised = qatomic_read(&s->irqs[i]) & mask;

        if (raised) {
            return i * BITS_PER_LONG + ctzl(raised);
        }
        mask = ~0ul;
    }
    return BM_MAX_VECTORS;
}

/*
 * The BQL is held, and the caller is about to leave the device. A message may
 * reset the function or unplug it: what was raised is then gone, too.
 */
void bm_irq_flush(BmCore *s)
{
    unsigned v;

    if (s->irq_sending || s->holds) {
        return;
    }
    s->irq_sending = true;
    for (v = bm_irq_next(s, 0); v < BM_MAX_VECTORS && !s->holds;
         v = bm_irq_next(s, v + 1)) {
        clear_bit_atomic(v, s->irqs);
        trace_busmaster_irq(v, BM_TRACE_NOW(IRQ));
        s->ops->notify(s, v);
    }
    if (!s->holds) {
        bm_report_flush(s);
    }
    s->irq_sending = false;
}

static void bm_irq_called(void *opaque)
{
    bm_irq_flush(opaque);
}

/* A message is about to leave, with the BQL held: see bm_core_init(). */
void bm_irq_sent(BmCore *s)
{
    s->msg_tlps++;
}

/* From any thread: there is something to be sent. */
void bm_irq_call(BmCore *s)
{
    if (!bql_locked() || s->irq_sending) {
        bm_call(&s->irq_call);
    }
}

/* Likewise. */
void bm_irq_raise(BmCore *s, unsigned vector)
{
    set_bit_atomic(vector, s->irqs);
    bm_irq_call(s);
}

void bm_irq_init(BmCore *s)
{
    bm_call_init(&s->irq_call, qemu_get_aio_context(), bm_irq_called, s,
                 s->timing.on);
}

/* The workers are stopped. */
void bm_irq_reset(BmCore *s)
{
    bm_call_cancel(&s->irq_call);
    bitmap_zero(s->irqs, BM_MAX_VECTORS);
    s->msg_tlps = 0;
}

void bm_irq_exit(BmCore *s)
{
    bm_call_free(&s->irq_call);
}
