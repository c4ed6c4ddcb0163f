/*
 * busmaster: what workers meet on the bus, and the function shows
 *
 * Configuration space belongs to the BQL, the bus to all threads. So the answer
 * to a request is left here, and the function takes it when somebody looks.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/lockable.h"
#include "internal.h"

/* The bits of PCI Status that are new. */
uint16_t bm_report_take_status(BmCore *s)
{
    uint16_t status;

    QEMU_LOCK_GUARD(&s->fault_lock);
    status = s->new_status;
    s->new_status = 0;
    return status;
}
