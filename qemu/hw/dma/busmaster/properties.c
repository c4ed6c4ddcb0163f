/*
 * busmaster: what users may set
 *
 * The function's properties: where they are kept, which values they take, and
 * what "-device busmaster,help" says of them, which are bounds and units from
 * the same tables.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "pci.h"
#include "system/replay.h"

#define BM_MIN_MEM_SIZE     (4 * KiB)
#define BM_MIN_DMA_BITS     32
#define BM_MAX_DMA_BITS     64
#define BM_MAX_LATENCY      1000000000  /* ns */
#define BM_MAX_TIME_SCALE   1000
#define BM_PROFILE          ", by default as the profile has it"

static const Property bm_properties[] = {
    DEFINE_PROP_UINT32("queues", BusmasterState, core.num_queues, 8),
    DEFINE_PROP_SIZE("mem-size", BusmasterState, core.mem_size, 64 * MiB),
    DEFINE_PROP_UINT32("dma-bits", BusmasterState, core.dma_bits, 64),
    DEFINE_PROP_UINT32("outstanding", BusmasterState, core.outstanding, 16),
    DEFINE_PROP_SIZE("inline-bytes", BusmasterState, core.inline_bytes,
                     128 * KiB),
    DEFINE_PROP_LINK("iothread", BusmasterState, core.iothread, TYPE_IOTHREAD,
                     IOThread *),
    DEFINE_PROP_ARRAY("iothreads", BusmasterState, core.num_iothreads,
                      core.iothreads, qdev_prop_string, char *),
    DEFINE_PROP_BOOL("write-faults", BusmasterState, core.write_faults, true),
    DEFINE_PROP_BOOL("timing", BusmasterState, core.timing.on, false),
    DEFINE_PROP_STRING("profile", BusmasterState, core.timing.profile),
    DEFINE_PROP_STRING("link-speed", BusmasterState, core.timing.link_speed),
    DEFINE_PROP_UINT32("link-width", BusmasterState, core.timing.link_width,
                       BM_UNSET),
    DEFINE_PROP_UINT32("read-latency-ns", BusmasterState,
                       core.timing.read_latency_ns, BM_UNSET),
    DEFINE_PROP_UINT32("read-tags", BusmasterState, core.timing.read_tags,
                       BM_UNSET),
    DEFINE_PROP_UINT32("prefetch", BusmasterState, core.timing.prefetch,
                       BM_UNSET),
    DEFINE_PROP_UINT32("command-overhead-ns", BusmasterState,
                       core.timing.command_overhead_ns, BM_UNSET),
    DEFINE_PROP_UINT32("medium-latency-ns", BusmasterState,
                       core.timing.medium_latency_ns, BM_UNSET),
    DEFINE_PROP_UINT32("channels", BusmasterState, core.timing.channels,
                       BM_UNSET),
    DEFINE_PROP_UINT32("irq-latency-ns", BusmasterState,
                       core.timing.irq_latency_ns, BM_UNSET),
    DEFINE_PROP_UINT32("time-scale", BusmasterState, core.timing.time_scale,
                       1),
    DEFINE_PROP_BOOL("x-fault-injection", BusmasterState, core.fault_injection,
                     false),
};

/* Numbers that have a range. */
static const struct {
    const char *name;
    size_t offset;
    uint32_t min;
    uint32_t max;
    const char *what;
} bm_ranges[] = {
    { "queues", offsetof(BmCore, num_queues), 1, BM_MAX_QUEUES,
      "queue pairs" },
    { "dma-bits", offsetof(BmCore, dma_bits), BM_MIN_DMA_BITS, BM_MAX_DMA_BITS,
      "width in bits of the bus addresses that the device can emit" },
    { "outstanding", offsetof(BmCore, outstanding), 1, BM_MAX_OUTSTANDING,
      "commands that a queue works on at once" },
    { "read-latency-ns", offsetof(BmCore, timing.read_latency_ns), 0,
      BM_MAX_LATENCY, "ns from a request for data to that data" BM_PROFILE },
    { "read-tags", offsetof(BmCore, timing.read_tags), 1, BM_MAX_READ_TAGS,
      "requests for data that are under way at once" BM_PROFILE },
    { "prefetch", offsetof(BmCore, timing.prefetch), 1, BM_FETCH_BATCH,
      "submissions that are fetched ahead by one read" BM_PROFILE },
    { "command-overhead-ns", offsetof(BmCore, timing.command_overhead_ns), 0,
      BM_MAX_LATENCY, "ns that the controller takes for a command, one at a "
      "time" BM_PROFILE },
    { "medium-latency-ns", offsetof(BmCore, timing.medium_latency_ns), 0,
      BM_MAX_LATENCY, "ns that the medium behind device memory takes for a "
      "command" BM_PROFILE },
    { "channels", offsetof(BmCore, timing.channels), 1, BM_MAX_CHANNELS,
      "commands that the medium serves at once" BM_PROFILE },
    { "irq-latency-ns", offsetof(BmCore, timing.irq_latency_ns), 0,
      BM_MAX_LATENCY, "ns from a message of MSI-X on the link to the CPU"
      BM_PROFILE },
    { "time-scale", offsetof(BmCore, timing.time_scale), 1, BM_MAX_TIME_SCALE,
      "factor by which all of these times are longer" },
};

static const struct {
    const char *name;
    const char *what;
} bm_others[] = {
    { "mem-size", "device-local memory in bytes, a power of two from 4 KiB" },
    { "inline-bytes", "bytes of work that a queue without an iothread does "
      "within a doorbell write, up to 1 MiB, 0 for none" },
    { "iothread", "id of the iothread object in which the queues run, "
      "by default the main loop" },
    { "iothreads", "ids of iothread objects: queue q runs in the one at place "
      "q modulo the list's length" },
    { "timing", "on or off: what the device does takes as long as a real "
      "one's would, in virtual time" },
    { "profile", "what a device the times are those of: " BM_PROFILE_NAMES },
    { "link-speed", "GT/s: 2.5, 5, 8, 16, 32 or 64" BM_PROFILE },
    { "link-width", "lanes: 1, 2, 4, 8, 12 or 16" BM_PROFILE },
    { "write-faults", "on or off: the device learns of writes that the bus "
      "refuses; off: as on any real bus, it does not" },
    { "x-fault-injection", "on or off: the device can be made to misbehave" },
};

/* What a mode of fault injection does, and what its ARG is, if it has one. */
static const struct {
    const char *does;
    const char *arg;
} bm_modes[BM_INJECT_END] = {
    [BM_INJECT_CQE_DROP] = { "a completion is never posted" },
    [BM_INJECT_CQE_DUPLICATE] = { "a completion is posted twice" },
    [BM_INJECT_CQE_DELAY] = {
        "a completion is posted late",
        "microseconds, 1 to 4294967295" },
    [BM_INJECT_CQE_TEAR] = {
        "the status of a completion is posted, the rest of it follows late",
        "microseconds, 1 to 4294967295" },
    [BM_INJECT_CQE_MUTATE] = {
        "1 to 4 bits of a completion are flipped",
        "seed, any number" },
    [BM_INJECT_TAG_RANGE] = {
        "a completion has another tag",
        "the tag, 1 to 65535" },
    [BM_INJECT_TAG_FREE] = {
        "a completion has a tag that no command of the queue has" },
    [BM_INJECT_TAG_STALE] = {
        "bits of a completion's tag are flipped",
        "the bits, 1 to 65535" },
    [BM_INJECT_PHASE] = { "a completion has the wrong phase" },
    [BM_INJECT_SQ_HEAD] = {
        "bits of a completion's sq_head are flipped",
        "the bits, 1 to 65535" },
    [BM_INJECT_STATUS] = {
        "a completion has another status",
        "the status, 1 to 255" },
    [BM_INJECT_INFO] = {
        "a completion has another info",
        "info, any number but 0" },
    [BM_INJECT_IRQ_SKIP] = { "a queue does not raise its vector" },
    [BM_INJECT_IRQ_SPURIOUS] = {
        "a queue raises its vector once more later, for nothing",
        "microseconds, 1 to 4294967295" },
    [BM_INJECT_HANG] = { "a queue does nothing any more" },
    [BM_INJECT_HALT] = { "a queue halts", "cause, 1 to 255" },
    [BM_INJECT_FATAL] = { "the device fails", "cause, 1 to 255" },
    [BM_INJECT_ROGUE_READ] = {
        "a COPY reads from where nobody told it to",
        "the bus address, any" },
    [BM_INJECT_ROGUE_WRITE] = {
        "a COPY writes to where nobody told it to",
        "the bus address, any" },
    [BM_INJECT_SQE_CHANGE] = { "ones are written over a submission" },
    [BM_INJECT_SGL_CHANGE] = { "ones are written over entries of an SGL" },
    [BM_INJECT_EVENT_LOST] = { "all ones are published as sq_event" },
    [BM_INJECT_READS_ONES] = { "a register reads all ones" },
    [BM_INJECT_READS_ZEROS] = { "a register reads zero" },
    [BM_INJECT_RESET_IGNORE] = { "CTRL.RESET resets nothing" },
    [BM_INJECT_ENABLE_IGNORE] = { "CTRL.ENABLE does not make it ready" },
    [BM_INJECT_ROGUE_MSI] = {
        "a message is sent that is none of the device's",
        "its address in the upper 32 bits, its data in the lower" },
    [BM_INJECT_AER_CORRECTABLE] = {
        "a correctable error is reported",
        "a bit of Correctable Error Status" },
    [BM_INJECT_AER_NONFATAL] = {
        "an uncorrectable error, not fatal by default, is reported",
        "a bit of Uncorrectable Error Status" },
    [BM_INJECT_AER_FATAL] = {
        "an uncorrectable error, fatal by default, is reported",
        "a bit of Uncorrectable Error Status" },
    [BM_INJECT_POISONED] = { "a command reads poisoned data" },
};

static bool bm_ranges_check(BmCore *s, Error **errp)
{
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(bm_ranges); i++) {
        uint32_t value = *(uint32_t *)((char *)s + bm_ranges[i].offset);

        if (value < bm_ranges[i].min || value > bm_ranges[i].max) {
            error_setg(errp, "property '%s' is %" PRIu32 ", must be %" PRIu32
                       " to %" PRIu32, bm_ranges[i].name, value,
                       bm_ranges[i].min, bm_ranges[i].max);
            return false;
        }
    }
    return true;
}

static bool bm_iothreads_check(BmCore *s, Error **errp)
{
    unsigned i;

    if (replay_mode != REPLAY_MODE_NONE && (s->iothread || s->num_iothreads)) {
        error_setg(errp, "properties 'iothread' and 'iothreads' must not be set"
                   " where the machine is recorded or replayed (-icount rr=)");
        return false;
    }
    if (s->timing.on && (s->iothread || s->num_iothreads)) {
        error_setg(errp, "properties 'iothread' and 'iothreads' must not be set"
                   " with timing=on: it is the main loop that has the clock");
        return false;
    }
    if (s->iothread && s->num_iothreads) {
        error_setg(errp, "properties 'iothread' and 'iothreads' are both set,"
                   " must be one of them or none");
        return false;
    }
    for (i = 0; i < s->num_iothreads; i++) {
        if (!iothread_by_id(s->iothreads[i])) {
            error_setg(errp, "property 'iothreads' has '%s', must be ids of"
                       " iothread objects", s->iothreads[i]);
            return false;
        }
    }
    return true;
}

bool bm_properties_check(BmCore *s, Error **errp)
{
    if (!bm_profile_check(s, errp) || !bm_ranges_check(s, errp)) {
        return false;
    }
    if (s->mem_size < BM_MIN_MEM_SIZE || !is_power_of_2(s->mem_size)) {
        error_setg(errp, "property 'mem-size' is %" PRIu64
                   ", must be a power of two and at least %u",
                   s->mem_size, (unsigned)BM_MIN_MEM_SIZE);
        return false;
    }
    if (s->inline_bytes > BM_RUN_COST) {
        error_setg(errp, "property 'inline-bytes' is %" PRIu64
                   ", must be 0 to %u", s->inline_bytes,
                   (unsigned)BM_RUN_COST);
        return false;
    }
    return bm_iothreads_check(s, errp) && bm_inject_check_texts(s, errp);
}

void bm_properties_finalize(BmCore *s)
{
    unsigned mode;

    for (mode = 0; mode < BM_INJECT_END; mode++) {
        g_free(s->inject_text[mode]);
    }
    g_free(s->iothreads);
}

static void bm_mode_get(Object *obj, Visitor *v, const char *name,
                        void *opaque, Error **errp)
{
    BmCore *s = &BUSMASTER(obj)->core;
    g_autofree char *text = g_strdup(s->inject_text[(uintptr_t)opaque] ?: "0");

    visit_type_str(v, name, &text, errp);
}

/* What is set before the device is there is judged when it comes to be. */
static void bm_mode_set(Object *obj, Visitor *v, const char *name,
                        void *opaque, Error **errp)
{
    BmCore *s = &BUSMASTER(obj)->core;
    const enum bm_inject mode = (uintptr_t)opaque;
    g_autofree char *text = NULL;

    if (!visit_type_str(v, name, &text, errp) ||
        (DEVICE(obj)->realized && !bm_inject_text(s, mode, text, errp))) {
        return;
    }
    g_free(s->inject_text[mode]);
    s->inject_text[mode] = g_steal_pointer(&text);
}

static void bm_mode_class_init(ObjectClass *klass, uintptr_t mode)
{
    g_autofree char *name = g_strdup_printf("x-inject-%s",
                                            bm_inject_names[mode]);
    const char *arg = bm_modes[mode].arg;
    g_autoptr(GString) what = g_string_new(bm_modes[mode].does);

    g_string_append_printf(what, "; COUNT[:QUEUE%s] with COUNT events, 0 to "
                           "4294967294 or always, of QUEUE, 0 to queues - 1 "
                           "or all", arg ? "[:ARG]" : "");
    if (arg) {
        g_string_append_printf(what, ", and ARG: %s", arg);
    }
    if (bm_inject_defaults[mode]) {
        g_string_append_printf(what, ", 0 for %" PRIu64,
                               bm_inject_defaults[mode]);
    }
    object_class_property_add(klass, name, "string", bm_mode_get, bm_mode_set,
                              NULL, (void *)mode);
    object_class_property_set_description(klass, name, what->str);
}

void bm_properties_class_init(ObjectClass *klass)
{
    uintptr_t mode;
    unsigned i;

    device_class_set_props(DEVICE_CLASS(klass), bm_properties);
    for (i = 0; i < ARRAY_SIZE(bm_ranges); i++) {
        g_autofree char *what = g_strdup_printf("%s, %" PRIu32 " to %" PRIu32,
                                                bm_ranges[i].what,
                                                bm_ranges[i].min,
                                                bm_ranges[i].max);

        object_class_property_set_description(klass, bm_ranges[i].name, what);
    }
    for (i = 0; i < ARRAY_SIZE(bm_others); i++) {
        object_class_property_set_description(klass, bm_others[i].name,
                                              bm_others[i].what);
    }
    for (mode = 1; mode < BM_INJECT_END; mode++) {
        bm_mode_class_init(klass, mode);
    }
}
