/*
 * busmaster: whose times they are
 *
 * A profile has a number for each property of the timing that is not set. What
 * each of them models, and what not, is in docs/specs/busmaster-time.rst.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "system/qtest.h"
#include "internal.h"

typedef struct BmProfile {
    const char *name;
    const char *link_speed;
    uint32_t link_width;
    uint32_t read_latency_ns;
    uint32_t read_tags;
    uint32_t command_overhead_ns;
    uint32_t medium_latency_ns;
    uint32_t channels;
    uint32_t irq_latency_ns;
} BmProfile;

/* The first one is that of a device without a profile. */
static const BmProfile bm_profiles[] = {
    { NULL,       "16", 4,  500, 64,  100, 0,     1,   200 },
    { "nvme-4x4", "16", 4,  500, 64,  900, 96000, 100, 500 },
    { "nvme-5x4", "32", 4,  500, 128, 450, 96000, 200, 500 },
    { "nic-100g", "8",  16, 400, 256, 6,   0,     1,   300 },
    { "gpu-4x16", "16", 16, 500, 256, 500, 2500,  16,  500 },
    { "gpu-5x16", "32", 16, 500, 512, 500, 2500,  16,  500 },
    { "cxl-5x16", "32", 16, 100, 512, 0,   0,     1,   100 },
};

static const BmProfile *bm_profile_find(BmCore *s, Error **errp)
{
    const char *name = s->timing.profile;
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(bm_profiles); i++) {
        if (!g_strcmp0(bm_profiles[i].name, name)) {
            return &bm_profiles[i];
        }
    }
    error_setg(errp, "property 'profile' is '%s', must be " BM_PROFILE_NAMES,
               name);
    return NULL;
}

static void bm_profile_set(uint32_t *value, uint32_t by_default)
{
    if (*value == BM_UNSET) {
        *value = by_default;
    }
}

static bool bm_speed_check(BmTiming *t, const char *name, Error **errp)
{
    t->speed = bm_link_speed(name);
    if (!t->speed) {
        error_setg(errp, "property 'link-speed' is '%s', must be 2.5, 5, 8, 16,"
                   " 32 or 64 (GT/s)", name);
    }
    return t->speed;
}

static bool bm_width_check(const BmTiming *t, Error **errp)
{
    switch (t->link_width) {
    case 1:
    case 2:
    case 4:
    case 8:
    case 12:
    case 16:
        return true;
    default:
        error_setg(errp, "property 'link-width' is %" PRIu32 ", must be 1, 2, "
                   "4, 8, 12 or 16", t->link_width);
        return false;
    }
}

bool bm_profile_check(BmCore *s, Error **errp)
{
    const BmProfile *p = bm_profile_find(s, errp);
    BmTiming *t = &s->timing;

    if (!p || !bm_speed_check(t, t->link_speed ?: p->link_speed, errp)) {
        return false;
    }
    bm_profile_set(&t->link_width, p->link_width);
    bm_profile_set(&t->read_latency_ns, p->read_latency_ns);
    bm_profile_set(&t->read_tags, p->read_tags);
    bm_profile_set(&t->prefetch, BM_FETCH_BATCH);
    bm_profile_set(&t->command_overhead_ns, p->command_overhead_ns);
    bm_profile_set(&t->medium_latency_ns, p->medium_latency_ns);
    bm_profile_set(&t->channels, p->channels);
    bm_profile_set(&t->irq_latency_ns, p->irq_latency_ns);
    if (!bm_width_check(t, errp)) {
        return false;
    }
    if (t->on && !icount_enabled() && !qtest_enabled()) {
        warn_report("busmaster: without -icount the times of timing=on are as "
                    "exact as the host's, and differ from run to run");
    }
    return true;
}
