/*
 * busmaster: how faults are armed
 *
 * By registers or by properties, each mode by itself, for some events or all,
 * of one queue or all. What the device does then is in misbehave.c.
 *
 * The holder of the BQL arms a mode, workers meet its events. What is armed is
 * theirs together (inject_lock), but as long as nothing is, an event costs no
 * more than a look at inject_armed.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/log.h"
#include "qapi/error.h"
#include "hw/pci/pci_regs.h"
#include "internal.h"
#include "trace.h"

#define BM_INJECT_ALL_MODES MAKE_64BIT_MASK(1, BM_INJECT_END - 1)

const char *const bm_inject_names[BM_INJECT_END] = BM_INJECT_NAMES;

/* What ARG stands for if it is 0. */
const uint64_t bm_inject_defaults[BM_INJECT_END] = {
    [BM_INJECT_CQE_DELAY]       = 100000,
    [BM_INJECT_CQE_TEAR]        = 1000,
    [BM_INJECT_TAG_RANGE]       = 0xfffe,
    [BM_INJECT_TAG_STALE]       = 0x8000,
    [BM_INJECT_SQ_HEAD]         = 0x8000,
    [BM_INJECT_STATUS]          = 0x7f,
    [BM_INJECT_INFO]            = UINT64_MAX,
    [BM_INJECT_IRQ_SPURIOUS]    = 10000,
    [BM_INJECT_HALT]            = 0x7f,
    [BM_INJECT_FATAL]           = BM_FATAL_INTERNAL,
    [BM_INJECT_ROGUE_MSI]       = BM_PREP(BM_ROGUE_MSI_ADDR, 0xfee00000),
    [BM_INJECT_AER_CORRECTABLE] = PCI_ERR_COR_RCVR,
    [BM_INJECT_AER_NONFATAL]    = PCI_ERR_UNC_COMP_TIME,
    [BM_INJECT_AER_FATAL]       = PCI_ERR_UNC_DLP,
};

/* Bits of ARG that mean something, where it becomes a field of less than 64. */
static const uint64_t bm_inject_masks[BM_INJECT_END] = {
    [BM_INJECT_TAG_RANGE]       = UINT16_MAX,
    [BM_INJECT_TAG_STALE]       = UINT16_MAX,
    [BM_INJECT_SQ_HEAD]         = UINT16_MAX,
    [BM_INJECT_STATUS]          = UINT8_MAX,
    [BM_INJECT_HALT]            = UINT8_MAX,
    [BM_INJECT_FATAL]           = UINT8_MAX,
    [BM_INJECT_AER_CORRECTABLE] = UINT32_MAX,
    [BM_INJECT_AER_NONFATAL]    = UINT32_MAX,
    [BM_INJECT_AER_FATAL]       = UINT32_MAX,
};

/* What was hit before is forgotten when the mode is armed, not if disarmed. */
static void bm_inject_arm(BmCore *s, enum bm_inject mode,
                          const BmInjection *how)
{
    BmInjection *m = &s->injections[mode];
    uint32_t fired;

    trace_busmaster_inject_armed(bm_inject_names[mode], how->left, how->queue,
                                 how->arg);
    QEMU_LOCK_GUARD(&s->inject_lock);
    fired = how->left ? 0 : m->fired;
    *m = *how;
    m->fired = fired;
    if (m->left) {
        qatomic_or(&s->inject_armed, BIT(mode));
    } else {
        qatomic_and(&s->inject_armed, ~BIT(mode));
    }
}

/*
 * There is an event of @mode. Is it to be hit? Then @hit says as which one, and
 * with which argument. An event of the device as a whole is one of all queues.
 */
bool bm_inject_hit(BmCore *s, enum bm_inject mode, unsigned queue,
                   BmInjection *hit)
{
    BmInjection *m = &s->injections[mode];

    if (!bm_inject_armed(s, BIT(mode))) {
        return false;
    }
    WITH_QEMU_LOCK_GUARD(&s->inject_lock) {
        if (!m->left || (queue != BM_INJECT_ALL_QUEUES && queue != m->queue &&
                         m->queue != BM_INJECT_ALL_QUEUES)) {
            return false;
        }
        m->fired++;
        if (m->left != BM_INJECT_ALWAYS && !--m->left) {
            qatomic_and(&s->inject_armed, ~BIT(mode));
        }
        *hit = *m;
    }
    if (bm_inject_masks[mode]) {
        hit->arg &= bm_inject_masks[mode];
    }
    if (!hit->arg) {
        hit->arg = bm_inject_defaults[mode];
    }
    trace_busmaster_inject_fired(bm_inject_names[mode], hit->fired, queue,
                                 hit->arg);
    return true;
}

bool bm_inject_is_window(BmCore *s, hwaddr reg)
{
    return s->fault_injection && reg >= BM_REG_INJECT && reg < BM_PAGE_SIZE;
}

static uint64_t bm_inject_state(BmCore *s, enum bm_inject mode)
{
    const BmInjection *m = &s->injections[mode];

    QEMU_LOCK_GUARD(&s->inject_lock);
    return BM_PREP(BM_INJECT_FIRED, m->fired) |
           BM_PREP(BM_INJECT_LEFT, m->left);
}

uint64_t bm_inject_reg_read(BmCore *s, hwaddr reg)
{
    switch (reg) {
    case BM_REG_INJECT_MODES:
        return BM_INJECT_ALL_MODES;
    case BM_REG_INJECT_ARG:
        return s->inject_arg;
    case BM_REG_INJECT_COUNT:
        return s->inject_count;
    case BM_REG_INJECT_ARM:
        return 0;
    case BM_REG_INJECT_STATE(1) ... BM_REG_INJECT_STATE(BM_INJECT_END - 1):
        return bm_inject_state(s, (reg - BM_REG_INJECT_STATE(0)) / 8);
    default:
        qemu_log_mask(LOG_GUEST_ERROR, "busmaster: read of reserved register "
                      "0x%" HWADDR_PRIx "\n", reg);
        return 0;
    }
}

static void bm_inject_arm_write(BmCore *s, uint64_t value)
{
    unsigned mode = BM_GET(BM_INJECT_MODE, value);
    BmInjection how = {
        .left = s->inject_count,
        .queue = BM_GET(BM_INJECT_QUEUE, value),
        .arg = s->inject_arg,
    };

    if (value & ~(uint64_t)(BM_INJECT_MODE | BM_INJECT_QUEUE)) {
        bm_bad_write(BM_REG_INJECT_ARM, value, "reserved bits");
    }
    if (mode < 1 || mode >= BM_INJECT_END) {
        bm_bad_write(BM_REG_INJECT_ARM, value, "no such mode");
    } else {
        bm_inject_arm(s, mode, &how);
    }
}

void bm_inject_reg_write(BmCore *s, hwaddr reg, uint64_t value)
{
    switch (reg) {
    case BM_REG_INJECT_ARG:
        s->inject_arg = value;
        return;
    case BM_REG_INJECT_COUNT:
        s->inject_count = value;
        return;
    case BM_REG_INJECT_ARM:
        bm_inject_arm_write(s, value);
        return;
    default:
        bm_bad_write(reg, value, "read-only or reserved");
    }
}

/* A property's text: COUNT[:QUEUE[:ARG]]. */
static bool bm_inject_parse(BmCore *s, enum bm_inject mode,
                            const char *text, BmInjection *how, Error **errp)
{
    g_auto(GStrv) part = g_strsplit(text, ":", 0);
    unsigned parts = g_strv_length(part);
    uint64_t count = BM_INJECT_ALWAYS, queue = BM_INJECT_ALL_QUEUES, arg = 0;

    if (parts < 1 || parts > 3 ||
        (strcmp(part[0], "always") &&
         (qemu_strtou64(part[0], NULL, 0, &count) ||
          count >= BM_INJECT_ALWAYS)) ||
        (parts > 1 && strcmp(part[1], "all") &&
         (qemu_strtou64(part[1], NULL, 0, &queue) ||
          queue >= s->num_queues)) ||
        (parts > 2 && qemu_strtou64(part[2], NULL, 0, &arg))) {
        error_setg(errp, "property 'x-inject-%s' is '%s', must be "
                   "COUNT[:QUEUE[:ARG]], with COUNT a number below %u or "
                   "'always', QUEUE a number below %u or 'all', ARG a number",
                   bm_inject_names[mode], text, BM_INJECT_ALWAYS,
                   s->num_queues);
        return false;
    }
    *how = (BmInjection) { .left = count, .queue = queue, .arg = arg };
    return true;
}

static bool bm_inject_check(BmCore *s, enum bm_inject mode, const char *text,
                            BmInjection *how, Error **errp)
{
    if (!s->fault_injection) {
        error_setg(errp, "property 'x-inject-%s' is '%s', must not be set "
                   "without 'x-fault-injection=on'", bm_inject_names[mode],
                   text);
        return false;
    }
    return bm_inject_parse(s, mode, text, how, errp);
}

/* Before the device is there: can what is set be armed? */
bool bm_inject_check_texts(BmCore *s, Error **errp)
{
    BmInjection how;
    unsigned mode;

    for (mode = 1; mode < BM_INJECT_END; mode++) {
        const char *text = s->inject_text[mode];

        if (text && !bm_inject_check(s, mode, text, &how, errp)) {
            return false;
        }
    }
    return true;
}

/* What is armed was loaded. */
void bm_inject_rearm(BmCore *s)
{
    uint32_t armed = 0;
    unsigned mode;

    for (mode = 1; mode < BM_INJECT_END; mode++) {
        armed |= s->injections[mode].left ? BIT(mode) : 0;
    }
    qatomic_set(&s->inject_armed, armed);
}

/* When it is there: arm a mode at once. */
bool bm_inject_text(BmCore *s, enum bm_inject mode, const char *text,
                    Error **errp)
{
    BmInjection how;

    if (!bm_inject_check(s, mode, text, &how, errp)) {
        return false;
    }
    bm_inject_arm(s, mode, &how);
    return true;
}

/* A function reset: as the properties have it. The workers are stopped. */
void bm_inject_reset(BmCore *s)
{
    BmInjection how;
    unsigned mode;

    s->inject_arg = 0;
    s->inject_count = 0;
    memset(s->injections, 0, sizeof(s->injections));
    qatomic_set(&s->inject_armed, 0);
    for (mode = 1; mode < BM_INJECT_END; mode++) {
        const char *text = s->inject_text[mode];

        if (text) {
            bm_inject_parse(s, mode, text, &how, &error_abort);
            bm_inject_arm(s, mode, &how);
        }
    }
}

void bm_inject_init(BmCore *s)
{
    qemu_mutex_init(&s->inject_lock);
}

void bm_inject_free(BmCore *s)
{
    qemu_mutex_destroy(&s->inject_lock);
}
