/*
 * busmaster: the function's core as a whole
 *
 * Stop, reset and failure, creation and end, and the machine's stops between.
 * What kind of function it is the core of, and how that is found on a bus, it
 * does not know: see bm_core_init() for all that it is given.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "internal.h"
#include "trace.h"

/*
 * Disable all queues, at once and without a word to the driver: when this
 * returns, nothing that was submitted before reaches memory any more.
 */
void bm_stop(BmCore *s, const char *why)
{
    unsigned i;

    trace_busmaster_stop(why);
    bm_workers_hold(s);
    for (i = 0; i < s->num_queues; i++) {
        bm_queue_stop(&s->queues[i]);
    }
    bm_workers_release(s);
}

/* All resets: what is not device memory, or an armed fault, is as new. */
void bm_reset(BmCore *s, const char *why)
{
    unsigned i;

    trace_busmaster_reset(why);
    s->enabled = false;
    s->ready = false;
    bm_stop(s, why);
    for (i = 0; i < s->num_queues; i++) {
        bm_queue_reset(&s->queues[i]);
    }
    bm_call_cancel(&s->fatal_call);
    s->fatal_cause = BM_FATAL_NONE;
    s->fatal = false;
    s->reset_ignored = false;
    bm_irq_reset(s);
    bm_time_reset(s);
    bm_report_reset(s);
    QEMU_LOCK_GUARD(&s->fault_lock);
    s->fault_addr = 0;
    s->fault_info = 0;
}

static void bm_fatal_called(void *opaque)
{
    BmCore *s = opaque;

    if (s->holds) {
        return;
    }
    s->ready = false;
    bm_stop(s, "FATAL");
    s->fatal = true;
    bm_irq_raise(s, BM_VECTOR_EVENT);
    bm_irq_flush(s);
}

/*
 * From any thread: nothing is to run any more until a reset. A worker cannot
 * stop all the others: the main loop does, and shows it when it is true.
 */
void bm_fatal(BmCore *s, enum bm_fatal cause)
{
    trace_busmaster_fatal(cause);
    qatomic_set(&s->fatal_cause, cause);
    bm_call(&s->fatal_call);
}

/* Call all, by @call, who may have something to do. */
void bm_core_call(BmCore *s, void (*call)(BmCall *))
{
    unsigned i;

    for (i = 0; i < s->num_queues; i++) {
        if (bm_queue_works(&s->queues[i])) {
            call(&s->queues[i].call);
        }
    }
    if (s->fatal_cause != BM_FATAL_NONE && !s->fatal) {
        call(&s->fatal_call);
    }
    call(&s->irq_call);
    call(&s->timing.call);
}

/*
 * Bus Master Enable: when this returns, nothing reaches memory that must not. A
 * worker that was kept out for that comes again, and finds out.
 */
void bm_core_set_master(BmCore *s, bool master)
{
    bool was = s->bus_master;

    qatomic_set(&s->bus_master, master);
    if (was && !master) {
        bm_workers_hold(s);
        bm_workers_release(s);
        bm_core_call(s, bm_call);
    }
}

/* The machine stops, and nothing of the device runs on; or it goes on. */
static void bm_vm_change(void *opaque, bool running, RunState state)
{
    BmCore *s = opaque;

    if (running == !s->parked) {
        return;
    }
    s->parked = !running;
    trace_busmaster_park(s->parked ? "parked" : "goes on");
    if (s->parked) {
        bm_workers_hold(s);
        return;
    }
    bm_workers_release(s);
    if (s->loading) {
        s->loading = false;
        bm_reset(s, "a state could not be loaded");
    }
    bm_core_call(s, bm_call_again);
}

/*
 * Bring a core to life whose properties are set. @owner is the function that it
 * is the core of, and gives it:
 *
 * - @bus_as, in which bus addresses mean what the function may reach;
 * - @mem, device memory of @s->mem_size bytes, or its share of somebody else's;
 * - @ops, which raise one of num_queues + 1 vectors, among other things, and
 *   have bm_irq_sent() called for each message;
 * - bm_core_connect(), before anybody can reach the registers.
 *
 * It takes @s->regs, to be mapped where its registers are to be found, and
 * keeps @s->mrrs_shift and @s->mps_shift up to date, and Bus Master Enable by
 * bm_core_set_master().
 */
void bm_core_init(BmCore *s, DeviceState *owner, AddressSpace *bus_as,
                  MemoryRegion *mem, const BmFunctionOps *ops)
{
    unsigned i;

    s->owner = OBJECT(owner);
    s->ops = ops;
    /* Only RAM can be mapped: dma.c says what is built on that. */
    s->bus_as = bus_as;
    s->bus_as->max_bounce_buffer_size = 0;
    address_space_init(&s->mem_as, mem, "busmaster.mem");
    s->mem_as.max_bounce_buffer_size = 0;
    s->dma_limit = MAKE_64BIT_MASK(0, s->dma_bits);

    memory_region_init_io(&s->regs, s->owner, &bm_regs_ops, s,
                          "busmaster.regs",
                          pow2ceil(BM_QUEUE_PAGE(s->num_queues)));
    /* A message may come in again: bm_regs_write() says what may not. */
    s->regs.disable_reentrancy_guard = true;

    qemu_mutex_init(&s->fault_lock);
    bm_call_init(&s->fatal_call, qemu_get_aio_context(), bm_fatal_called, s,
                 s->timing.on);
    bm_irq_init(s);
    bm_time_init(s);
    bm_inject_init(s);
    s->queues = g_new0(BmQueue, s->num_queues);
    for (i = 0; i < s->num_queues; i++) {
        bm_queue_init(&s->queues[i], s, i);
    }
    s->vm_change = qdev_add_vm_change_state_handler(owner, bm_vm_change,
                                                    NULL, s);
    bm_vm_change(s, runstate_is_live(runstate_get()), runstate_get());
}

/*
 * It is known by now what is between the function and memory: something that
 * translates, or nothing. Once.
 */
void bm_core_connect(BmCore *s, bool translated)
{
    unsigned i;

    if (s->workers) {
        return;
    }
    bm_workers_init(s, translated);
    for (i = 0; i < s->num_queues; i++) {
        bm_queue_connect(&s->queues[i]);
    }
}

/*
 * The function goes. What is on somebody's stack, or waits for the BQL or for a
 * worker's lock, still finds a core, in which nothing moves any more.
 */
void bm_core_exit(BmCore *s)
{
    unsigned i;

    trace_busmaster_unplug();
    s->gone = true;
    bm_workers_hold(s);
    qemu_del_vm_change_state_handler(s->vm_change);
    if (s->workers) {
        bm_stop(s, "unplug");
        for (i = 0; i < s->num_queues; i++) {
            bm_queue_disconnect(&s->queues[i]);
        }
        bm_workers_dismiss(s);
    }
    bm_irq_exit(s);
    bm_time_exit(s);
    bm_call_free(&s->fatal_call);
    address_space_destroy(&s->mem_as);
}

/*
 * Memory is the machine's (NULL), or belongs to a device, of whatever kind,
 * which then stays until bm_core_leave_peer().
 */
Object *bm_core_hold_peer(void *host)
{
    ram_addr_t offset;
    MemoryRegion *mr = memory_region_from_host(host, &offset);
    Object *peer = object_dynamic_cast(memory_region_owner(mr), TYPE_DEVICE);

    return peer ? object_ref(peer) : NULL;
}

static void bm_peer_left(void *opaque)
{
    object_unref(opaque);
}

/*
 * From any thread. A device that was unplugged goes with the last reference to
 * it, which needs the BQL: that one is dropped in the main loop.
 */
void bm_core_leave_peer(Object *peer)
{
    uint32_t refs = qatomic_read(&peer->ref);

    while (refs > 1) {
        uint32_t were = qatomic_cmpxchg(&peer->ref, refs, refs - 1);

        if (were == refs) {
            return;
        }
        refs = were;
    }
    aio_bh_schedule_oneshot(qemu_get_aio_context(), bm_peer_left, peer);
}

/* Nobody is left who could find it. */
void bm_core_free(BmCore *s)
{
    unsigned i;

    if (!s->queues) {
        return;
    }
    for (i = 0; i < s->num_queues; i++) {
        bm_queue_free(&s->queues[i]);
    }
    g_free(s->queues);
    bm_workers_free(s);
    bm_inject_free(s);
    qemu_mutex_destroy(&s->fault_lock);
}
