/*
 * busmaster, a PCI Express DMA engine: what its source files share
 *
 *   function      pci.c, properties.c: what users make, and what a bus sees
 *      |
 *   BmCore        core.c, regs.c, irq.c, report.c: registers, resets, messages
 *      |          migrate.c: all of it, when the machine moves
 *      +-- BmInjection[]    inject.c, misbehave.c: a mode of faults each
 *      +-- BmWorker[]       worker.c: a thread each
 *      +-- BmTiming         timing.c, link.c, profile.c: how long it all takes
 *      +-- BmQueue[]        queue.c, ring.c, doorbell.c, moderation.c
 *             +-- BmCommand[]      engine.c, command.c: slots
 *                    +-- src, dst: BmSide      walk.c: how far it was walked
 *                           +-- BmDma          dma.c: what is mapped of it
 *                           +-- BmRequests     dma.c: what was counted of it
 *
 * command.h shows how the last three advance, and call.c how one has another
 * work. A core knows nothing of PCI, and there may be several kinds of function
 * around one.
 *
 * Who may touch what:
 *
 * - Registers and the core's own state belong to the holder of the BQL.
 * - A queue that is RUNNING or DRAINING belongs to its worker, with its rings,
 *   its commands and its timer. With iothreads that is code in one of them, the
 *   same for as long as the device exists; without any, or behind an IOMMU, it
 *   is the holder of the BQL, be it who was called, or a vCPU that has just
 *   rung (bm_queue_kick()). Others look at its geometry, which does not change,
 *   and reach the rest by the fields that say "atomic". In any other state, and
 *   between bm_workers_hold() and bm_workers_release(), the queue belongs to
 *   the holder of the BQL.
 * - Workers thus share no queue. What they do share is what the core was made
 *   of (set before there is a worker), what they heed of configuration space,
 *   the raised vectors and the reasons to stop (atomic), what the bus has told
 *   (fault_lock), and which faults are to be injected (inject_lock).
 * - BmQueue.lock covers the changes of a queue's state, nothing else. It is not
 *   held across a DMA: what the model of an IOMMU waits for is its own affair.
 * - A worker runs to the end of its budget, or of its turn if it is to leave,
 *   and waits for nobody. So the holder of the BQL can wait for it, and never
 *   lets go of the BQL in here.
 * - A command changes its state in bm_cmd_advance(), as bm_cmd_step() says, and
 *   nowhere else. Where it rests, nothing of it is mapped.
 * - What the device maps is RAM (dma.c): to use it does not come back into the
 *   device. A message can, be it the device's or the root port's for an error:
 *   it is sent when all else is done (irq.c, report.c). So can the report of
 *   an IOMMU that refuses a DMA, which its model writes to where the guest
 *   wants it, in the middle of that DMA: a register write is then ignored
 *   (@inside), and a reset or an unplug stops the queue under the feet of who
 *   has it on the stack. That one looks at bm_queue_works() after each DMA.
 * - A function that was unplugged stays in memory, and does nothing, until all
 *   are out of it who may have been on their way in (bm_workers_dismiss()).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DMA_BUSMASTER_INTERNAL_H
#define HW_DMA_BUSMASTER_INTERNAL_H

#include "compat.h"
#include "inject.h"
#include "qemu/bitmap.h"
#include "qemu/units.h"
#include "queue.h"
#include "timing.h"
#include "system/iothread.h"
#include "system/runstate.h"

#define BM_MAX_VECTORS      (BM_MAX_QUEUES + 1)
#define BM_SHAPE_LEN        6

/* A thread and the queues that run in it: each num_workers'th from @index. */
struct BmWorker {
    BmCore *core;
    unsigned index;
    IOThread *iothread;     /* NULL: the main loop */
    AioContext *ctx;
    QemuMutex lock;         /* of an iothread's: held while it works */
};

/* What a core has its function do; the BQL is held. */
typedef struct BmFunctionOps {
    /* Raise a vector. */
    void (*notify)(BmCore *s, unsigned vector);
    /* Send a message that is none of its vectors'. */
    void (*send)(BmCore *s, uint64_t addr, uint32_t data);
    /* Report errors: bits of a status register of AER. */
    void (*report)(BmCore *s, bool correctable, uint32_t errors);
} BmFunctionOps;

struct BmCore {
    /* properties: set before bm_core_init() */
    uint32_t num_queues;
    uint64_t mem_size;
    uint32_t dma_bits;
    uint32_t outstanding;
    uint64_t inline_bytes;
    bool write_faults;
    IOThread *iothread;
    uint32_t num_iothreads;
    char **iothreads;
    bool fault_injection;
    BmTiming timing;
    char *inject_text[BM_INJECT_END];

    MemoryRegion regs;
    AddressSpace mem_as;    /* LOCAL addresses */
    Object *owner;
    AddressSpace *bus_as;   /* bus addresses */
    bool translated;        /* by an IOMMU's model, on the way to memory */
    const BmFunctionOps *ops;
    BmWorker *workers;
    unsigned num_workers;
    BmQueue *queues;

    unsigned holds;         /* atomic: reasons for which no worker is to work */
    bool inside;            /* BQL: the main loop's worker is at work */
    VMChangeStateEntry *vm_change;
    bool parked;            /* the machine is stopped */
    bool loading;           /* a state, of which not all is there, or is good */
    bool gone;              /* the function is unplugged */

    bool enabled;
    bool ready;
    bool fatal;
    uint32_t fatal_cause;   /* atomic: not 0 once there is a reason for it */
    BmCall fatal_call;
    uint64_t dma_limit;     /* the last bus address that the device can emit */
    unsigned mrrs_shift;    /* atomic: log2 of Max_Read_Request_Size */
    unsigned mps_shift;     /* atomic: log2 of Max_Payload_Size */
    bool bus_master;        /* atomic: Bus Master Enable */

    QemuMutex fault_lock;
    uint64_t fault_addr;    /* fault_lock */
    uint64_t fault_info;    /* fault_lock */
    uint16_t new_status;    /* fault_lock: bits that PCI Status is to have */
    uint32_t cor_errors;    /* fault_lock: to be reported, as AER has them */
    uint32_t uncor_errors;  /* fault_lock: likewise */
    uint64_t forged;        /* fault_lock: BM_ROGUE_MSI_*; 0: none to be sent */
    bool to_report;         /* atomic: one of these three is not 0 */

    uint32_t inject_armed;  /* atomic: bit n: mode n is armed */
    QemuMutex inject_lock;
    BmInjection injections[BM_INJECT_END]; /* inject_lock */
    uint64_t inject_arg;
    uint32_t inject_count;
    bool reset_ignored;     /* CTRL.RESET was written, for nothing */

    BmCall irq_call;
    DECLARE_BITMAP(irqs, BM_MAX_VECTORS); /* atomic: to be sent */
    bool irq_sending;
    uint64_t msg_tlps;

    uint64_t shape[BM_SHAPE_LEN]; /* while it moves: its properties there */
};

/* Is any of these modes armed? All that it costs as long as none is. */
static inline bool bm_inject_armed(BmCore *s, uint32_t modes)
{
    return unlikely(qatomic_read(&s->inject_armed) & modes);
}

/* core.c: the core as a whole */
void bm_core_init(BmCore *s, DeviceState *owner, AddressSpace *bus_as,
                  MemoryRegion *mem, const BmFunctionOps *ops);
void bm_core_connect(BmCore *s, bool translated);
void bm_core_exit(BmCore *s);
void bm_core_free(BmCore *s);
Object *bm_core_hold_peer(void *host);
void bm_core_leave_peer(Object *peer);
void bm_stop(BmCore *s, const char *why);
void bm_reset(BmCore *s, const char *why);
void bm_fatal(BmCore *s, enum bm_fatal cause);
void bm_core_call(BmCore *s, void (*call)(BmCall *));
void bm_core_set_master(BmCore *s, bool master);

/* worker.c: who works on the queues, and how they are kept from it */
void bm_workers_init(BmCore *s, bool translated);
void bm_workers_dismiss(BmCore *s);
void bm_workers_free(BmCore *s);
void bm_workers_hold(BmCore *s);
void bm_workers_release(BmCore *s);
bool bm_worker_begin(BmWorker *w);
void bm_worker_end(BmWorker *w);

/* migrate.c: the core's state, as it moves with the machine */
extern const VMStateDescription vmstate_bm_shape;
extern const VMStateDescription vmstate_bm_core;

/* regs.c: the registers */
extern const MemoryRegionOps bm_regs_ops;
void bm_bad_write(hwaddr addr, uint64_t value, const char *why);

/* report.c: what workers meet on the bus, and the function shows or sends */
uint16_t bm_report_take_status(BmCore *s);
void bm_report_error(BmCore *s, bool correctable, uint32_t errors);
void bm_report_forge(BmCore *s, uint64_t message);
void bm_report_flush(BmCore *s);
void bm_report_reset(BmCore *s);

/* irq.c: interrupts */
void bm_irq_init(BmCore *s);
void bm_irq_exit(BmCore *s);
void bm_irq_reset(BmCore *s);
void bm_irq_raise(BmCore *s, unsigned vector);
void bm_irq_call(BmCore *s);
void bm_irq_flush(BmCore *s);
void bm_irq_sent(BmCore *s);

#endif
