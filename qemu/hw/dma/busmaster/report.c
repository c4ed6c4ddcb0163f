/*
 * busmaster: what workers meet on the bus, and the function shows or sends
 *
 * Configuration space and what goes out of it belong to the BQL, the bus to all
 * threads. So the answer to a request, an error of the link, or a message that
 * is to be forged is left here. The function takes what is to be seen when
 * somebody looks, and what is to be sent is sent with the vectors (irq.c): an
 * error's message may come in again as any other.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/lockable.h"
#include "internal.h"
#include "trace.h"

/* The bits of PCI Status that are new. */
uint16_t bm_report_take_status(BmCore *s)
{
    uint16_t status;

    QEMU_LOCK_GUARD(&s->fault_lock);
    status = s->new_status;
    s->new_status = 0;
    return status;
}

/* From any thread. @errors are bits of a status register of AER. */
void bm_report_error(BmCore *s, bool correctable, uint32_t errors)
{
    WITH_QEMU_LOCK_GUARD(&s->fault_lock) {
        *(correctable ? &s->cor_errors : &s->uncor_errors) |= errors;
        qatomic_set(&s->to_report, true);
    }
    bm_irq_call(s);
}

/* From any thread. One that was not sent yet is forgotten. */
void bm_report_forge(BmCore *s, uint64_t message)
{
    WITH_QEMU_LOCK_GUARD(&s->fault_lock) {
        s->forged = message;
        qatomic_set(&s->to_report, true);
    }
    bm_irq_call(s);
}

/* Report what is in @errors, if anything. */
static void bm_report_errors(BmCore *s, bool correctable, uint32_t *errors)
{
    uint32_t taken;

    WITH_QEMU_LOCK_GUARD(&s->fault_lock) {
        taken = *errors;
        *errors = 0;
    }
    if (taken) {
        trace_busmaster_error(correctable ? "correctable" : "uncorrectable",
                              taken);
        s->ops->report(s, correctable, taken);
    }
}

/* Each of these may reset the function, or unplug it: then that was all. */
void bm_report_flush(BmCore *s)
{
    uint64_t forged;

    if (likely(!qatomic_read(&s->to_report))) {
        return;
    }
    WITH_QEMU_LOCK_GUARD(&s->fault_lock) {
        forged = s->forged;
        s->forged = 0;
        qatomic_set(&s->to_report, false);
    }
    if (forged) {
        s->ops->send(s, BM_GET(BM_ROGUE_MSI_ADDR, forged),
                     BM_GET(BM_ROGUE_MSI_DATA, forged));
    }
    bm_report_errors(s, true, &s->cor_errors);
    bm_report_errors(s, false, &s->uncor_errors);
}

/* What was to be sent is not sent any more. */
void bm_report_reset(BmCore *s)
{
    QEMU_LOCK_GUARD(&s->fault_lock);
    s->cor_errors = 0;
    s->uncor_errors = 0;
    s->forged = 0;
    qatomic_set(&s->to_report, false);
}
