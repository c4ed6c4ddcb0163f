/*
 * busmaster: to be called a little later, or at a certain time
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DMA_BUSMASTER_CALL_H
#define HW_DMA_BUSMASTER_CALL_H

#include "compat.h"
#include "qemu/timer.h"

/* Somebody who comes to where he works, once, however often he was called. */
typedef struct BmCall {
    bool by_clock;          /* always at a time of the guest's */
    QEMUBH *bh;
    QEMUTimer *timer;
} BmCall;

void bm_call_init(BmCall *call, AioContext *ctx, QEMUBHFunc *cb, void *opaque,
                  bool by_clock);
void bm_call_free(BmCall *call);
void bm_call(BmCall *call);
void bm_call_at(BmCall *call, int64_t ns);
void bm_call_again(BmCall *call);
void bm_call_cancel(BmCall *call);

#endif
