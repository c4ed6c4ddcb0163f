/*
 * busmaster: who works on the queues, and how they are kept from it
 *
 * A worker is a thread that takes what its queues have to do: an iothread, or
 * the main loop, for which each holder of the BQL may stand in. It comes in by
 * bm_worker_begin(), for a run that is bounded and waits for nobody. So whoever
 * holds the BQL can have all of them out in the time of a turn, and keeps the
 * BQL meanwhile: bm_workers_hold(). Resets, a machine that stops and an unplug
 * all rely on that, and on nothing else.
 *
 * The models of IOMMUs belong to the BQL: they have caches without a lock, and
 * report faults by interrupts. Behind one, the main loop is the only worker,
 * whatever iothreads were named.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/lockable.h"
#include "qemu/main-loop.h"
#include "internal.h"
#include "trace.h"

/*
 * Begin to work on the queues of @w. False: nobody is to work now. Who keeps
 * workers out calls the queues again, if there is anything left to be done.
 */
bool bm_worker_begin(BmWorker *w)
{
    BmCore *s = w->core;

    if (qatomic_read(&s->holds)) {
        return false;
    }
    if (!w->iothread) {
        s->inside = true;
        return true;
    }
    qemu_mutex_lock(&w->lock);
    if (qatomic_read(&s->holds)) {
        qemu_mutex_unlock(&w->lock);
        return false;
    }
    return true;
}

void bm_worker_end(BmWorker *w)
{
    if (w->iothread) {
        qemu_mutex_unlock(&w->lock);
    } else {
        w->core->inside = false;
    }
}

/*
 * Keep all workers out, until as many calls of bm_workers_release(). The BQL is
 * held: the queues are the caller's when this returns.
 *
 * If it is the main loop's worker that the caller has come out of, by a DMA
 * that an IOMMU has reported to where the guest wanted it, then that one is
 * still on the stack. It finds its queue stopped, and leaves: see bm_dma_map().
 */
void bm_workers_hold(BmCore *s)
{
    unsigned i;

    qatomic_inc(&s->holds);
    trace_busmaster_hold(s->holds);
    for (i = 0; i < s->num_workers; i++) {
        if (s->workers[i].iothread) {
            qemu_mutex_lock(&s->workers[i].lock);
            qemu_mutex_unlock(&s->workers[i].lock);
        }
    }
}

void bm_workers_release(BmCore *s)
{
    qatomic_dec(&s->holds);
    trace_busmaster_release(s->holds);
}

static void bm_worker_init(BmWorker *w, BmCore *s, unsigned index,
                           IOThread *iothread)
{
    w->core = s;
    w->index = index;
    w->iothread = iothread;
    w->ctx = qemu_get_aio_context();
    if (iothread) {
        object_ref(OBJECT(iothread));
        w->ctx = iothread_get_aio_context(iothread);
    }
    qemu_mutex_init(&w->lock);
}

/* One for each iothread that was named; else the main loop's. */
void bm_workers_init(BmCore *s, bool translated)
{
    bool many = s->num_iothreads && !translated;
    unsigned i;

    if (translated && (s->num_iothreads || s->iothread)) {
        warn_report("busmaster: behind an IOMMU the queues run in the main "
                    "loop, not in an iothread");
    }
    s->translated = translated;
    s->num_workers = many ? s->num_iothreads : 1;
    trace_busmaster_workers(s->num_workers, translated);
    s->workers = g_new0(BmWorker, s->num_workers);
    for (i = 0; i < s->num_workers; i++) {
        bm_worker_init(&s->workers[i], s, i,
                       many ? iothread_by_id(s->iothreads[i]) :
                       translated ? NULL : s->iothread);
    }
}

static void bm_worker_left(void *opaque)
{
    object_unref(opaque);
}

static void bm_worker_leave(void *opaque)
{
    BmWorker *w = opaque;

    aio_bh_schedule_oneshot(qemu_get_aio_context(), bm_worker_left,
                            w->core->owner);
}

/*
 * The function goes, and is no more than memory from now on: that of workers
 * which are about to find out that nobody is to work. It stays until each of
 * them has come by here, and so has whoever is on the main loop's stack.
 */
void bm_workers_dismiss(BmCore *s)
{
    unsigned i;

    for (i = 0; i < s->num_workers; i++) {
        object_ref(s->owner);
        aio_bh_schedule_oneshot(s->workers[i].ctx, bm_worker_leave,
                                &s->workers[i]);
    }
}

/* Nobody knows of the function any more. */
void bm_workers_free(BmCore *s)
{
    unsigned i;

    for (i = 0; i < s->num_workers; i++) {
        if (s->workers[i].iothread) {
            object_unref(OBJECT(s->workers[i].iothread));
        }
        qemu_mutex_destroy(&s->workers[i].lock);
    }
    g_free(s->workers);
}
