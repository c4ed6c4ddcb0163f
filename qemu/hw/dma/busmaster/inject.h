/*
 * busmaster: faults on demand
 *
 * What is called bm_inject_* arms them, bm_misbehave_* acts on them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DMA_BUSMASTER_INJECT_H
#define HW_DMA_BUSMASTER_INJECT_H

#include "queue.h"

/* A mode of fault injection: how it is armed. */
typedef struct BmInjection {
    uint32_t left;          /* events still to be hit, or BM_INJECT_ALWAYS */
    uint32_t fired;
    uint8_t queue;          /* whose events, or BM_INJECT_ALL_QUEUES */
    uint64_t arg;
} BmInjection;

/* inject.c: how faults are armed */
extern const char *const bm_inject_names[BM_INJECT_END];
extern const uint64_t bm_inject_defaults[BM_INJECT_END];
void bm_inject_init(BmCore *s);
void bm_inject_free(BmCore *s);
bool bm_inject_check_texts(BmCore *s, Error **errp);
bool bm_inject_text(BmCore *s, enum bm_inject mode, const char *text,
                    Error **errp);
void bm_inject_reset(BmCore *s);
void bm_inject_rearm(BmCore *s);
bool bm_inject_is_window(BmCore *s, hwaddr reg);
uint64_t bm_inject_reg_read(BmCore *s, hwaddr reg);
void bm_inject_reg_write(BmCore *s, hwaddr reg, uint64_t value);
bool bm_inject_hit(BmCore *s, enum bm_inject mode, unsigned queue,
                   BmInjection *hit);

/* misbehave.c: what is asked wherever something can go wrong */
bool bm_misbehave_gone(BmCore *s, hwaddr reg);
uint64_t bm_misbehave_gone_read(BmCore *s);
bool bm_misbehave_device(BmCore *s, enum bm_inject mode);
bool bm_misbehave_queue(BmQueue *q, enum bm_inject mode);
bool bm_misbehave_fetched(BmQueue *q, struct bm_hw_sqe *sqe, uint32_t index);
void bm_misbehave_sgl_fetched(BmQueue *q, BmCommand *c, uint64_t addr,
                              uint64_t len);
bool bm_misbehave_poisoned(BmQueue *q);
bool bm_misbehave_finished(BmQueue *q, BmCommand *c);
bool bm_misbehave_posted(BmQueue *q, BmCommand *c, uint32_t index);
bool bm_misbehave_release(BmQueue *q);
bool bm_misbehave_irq(BmQueue *q);
void bm_misbehave_clear(BmQueue *q);

#endif
