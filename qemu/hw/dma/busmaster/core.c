/*
 * busmaster: the function's core as a whole
 *
 * Its workers, how they are all stopped, reset and failure, creation and end.
 * What kind of function it is the core of, and how that is found on a bus, it
 * does not know: see bm_core_init() for all that it is given.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "internal.h"
#include "trace.h"

/* In the worker, or while there is none. */
static void bm_stop_worker(BmWorker *w)
{
    BmCore *s = w->core;
    unsigned i;

    for (i = w->index; i < s->num_queues; i += s->num_workers) {
        bm_queue_stop(&s->queues[i]);
    }
}

static void bm_stop_bh(void *opaque)
{
    BmWorker *w = opaque;
    BmCore *s = w->core;

    bm_stop_worker(w);
    QEMU_LOCK_GUARD(&s->stop.lock);
    s->stop.awaited--;
    qemu_cond_broadcast(&s->stop.answered);
}

/*
 * Disable all queues, at once and without a word to the driver: when this
 * returns, nothing that was submitted before reaches memory any more.
 *
 * In the main loop the BQL keeps the worker away. Iothreads are asked all
 * together and waited for without the BQL, since a DMA may be what waits for
 * it. Others may come in meanwhile: register writes are ignored as long as
 * @stop.calls is not zero, and a second caller asks and waits for itself.
 */
void bm_stop(BmCore *s, const char *why)
{
    unsigned i;

    trace_busmaster_stop(why);
    qatomic_inc(&s->stop.calls);
    if (!s->workers[0].iothread) {
        bm_stop_worker(&s->workers[0]);
    } else {
        bql_unlock();
        WITH_QEMU_LOCK_GUARD(&s->stop.lock) {
            for (i = 0; i < s->num_workers; i++) {
                s->stop.awaited++;
                aio_bh_schedule_oneshot(s->workers[i].ctx, bm_stop_bh,
                                        &s->workers[i]);
            }
            while (s->stop.awaited) {
                qemu_cond_wait(&s->stop.answered, &s->stop.lock);
            }
        }
        bql_lock();
    }
    qatomic_dec(&s->stop.calls);
    qemu_cond_broadcast(&s->stop.returned);
}

/* For good: the function goes, and nobody else is inside bm_stop() either. */
static void bm_stop_for_good(BmCore *s)
{
    qatomic_inc(&s->stop.calls);
    bm_stop(s, "unplug");
    while (s->stop.calls > 1) {
        qemu_cond_wait_bql(&s->stop.returned);
    }
}

static void bm_stop_init(BmStop *stop)
{
    qemu_mutex_init(&stop->lock);
    qemu_cond_init(&stop->answered);
    qemu_cond_init(&stop->returned);
}

static void bm_stop_exit(BmStop *stop)
{
    qemu_cond_destroy(&stop->returned);
    qemu_cond_destroy(&stop->answered);
    qemu_mutex_destroy(&stop->lock);
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
    qemu_bh_cancel(s->fatal_bh);
    s->fatal_cause = BM_FATAL_NONE;
    s->fatal = false;
    s->reset_ignored = false;
    bm_irq_reset(s);
    QEMU_LOCK_GUARD(&s->fault_lock);
    s->fault_addr = 0;
    s->fault_info = 0;
}

static void bm_fatal_bh(void *opaque)
{
    BmCore *s = opaque;

    s->ready = false;
    bm_stop(s, "FATAL");
    /* Unless a reset came in between. */
    if (s->fatal_cause != BM_FATAL_NONE) {
        s->fatal = true;
        bm_irq_raise(s, BM_VECTOR_EVENT);
        bm_irq_flush(s);
    }
}

/*
 * From any thread: nothing is to run any more until a reset. A worker cannot
 * stop all the others: the main loop does, and shows it when it is true.
 */
void bm_fatal(BmCore *s, enum bm_fatal cause)
{
    qatomic_set(&s->fatal_cause, cause);
    qemu_bh_schedule(s->fatal_bh);
}

/* One for each iothread that was named; without any, the main loop's. */
static void bm_init_workers(BmCore *s)
{
    unsigned i;

    s->num_workers = MAX(s->num_iothreads, 1);
    s->workers = g_new0(BmWorker, s->num_workers);
    for (i = 0; i < s->num_workers; i++) {
        BmWorker *w = &s->workers[i];

        w->core = s;
        w->index = i;
        w->iothread = s->num_iothreads ? iothread_by_id(s->iothreads[i]) :
                                         s->iothread;
        if (w->iothread) {
            object_ref(OBJECT(w->iothread));
            w->ctx = iothread_get_aio_context(w->iothread);
        } else {
            w->ctx = qemu_get_aio_context();
        }
    }
}

static void bm_exit_workers(BmCore *s)
{
    unsigned i;

    for (i = 0; i < s->num_workers; i++) {
        if (s->workers[i].iothread) {
            object_unref(OBJECT(s->workers[i].iothread));
        }
    }
    g_free(s->workers);
}

/*
 * Bring a core to life whose properties are set. @owner is the function that it
 * is the core of, and gives it:
 *
 * - @bus_as, in which bus addresses mean what the function may reach;
 * - @mem, device memory of @s->mem_size bytes, or its share of somebody else's;
 * - @notify, which raises one of num_queues + 1 vectors, and has bm_irq_sent()
 *   called when that becomes a message.
 *
 * It takes @s->regs, to be mapped where its registers are to be found, and
 * keeps @s->mrrs_shift and @s->mps_shift up to date.
 */
void bm_core_init(BmCore *s, DeviceState *owner, AddressSpace *bus_as,
                  MemoryRegion *mem, BmNotify *notify)
{
    unsigned i;

    s->notify = notify;
    /* Only RAM can be mapped: dma.c says what is built on that. */
    s->bus_as = bus_as;
    s->bus_as->max_bounce_buffer_size = 0;
    address_space_init(&s->mem_as, mem, "busmaster.mem");
    s->mem_as.max_bounce_buffer_size = 0;
    s->dma_limit = MAKE_64BIT_MASK(0, s->dma_bits);

    memory_region_init_io(&s->regs, OBJECT(owner), &bm_regs_ops, s,
                          "busmaster.regs",
                          pow2ceil(BM_QUEUE_PAGE(s->num_queues)));
    /* bm_stop() lets other vCPUs in: they are to meet bm_regs_ops, no error. */
    s->regs.disable_reentrancy_guard = true;

    bm_init_workers(s);
    bm_stop_init(&s->stop);
    qemu_mutex_init(&s->fault_lock);
    /* Unguarded: bm_stop() lets others in. */
    s->fatal_bh = aio_bh_new_full(qemu_get_aio_context(), bm_fatal_bh, s,
                                  "busmaster-fatal", NULL);
    bm_irq_init(s, &owner->mem_reentrancy_guard);
    bm_inject_init(s);
    s->queues = g_new0(BmQueue, s->num_queues);
    for (i = 0; i < s->num_queues; i++) {
        bm_queue_init(&s->queues[i], s, i);
    }
}

void bm_core_exit(BmCore *s)
{
    unsigned i;

    bm_stop_for_good(s);
    for (i = 0; i < s->num_queues; i++) {
        bm_queue_exit(&s->queues[i]);
    }
    g_free(s->queues);
    bm_inject_exit(s);
    bm_irq_exit(s);
    qemu_bh_delete(s->fatal_bh);
    qemu_mutex_destroy(&s->fault_lock);
    bm_stop_exit(&s->stop);
    bm_exit_workers(s);
    address_space_destroy(&s->mem_as);
}
