/*
 * busmaster, a PCI Express DMA engine: what its source files share
 *
 * Who may touch what:
 *
 * - Configuration space, registers and the device's own state belong to the
 *   holder of the BQL.
 * - A queue that is RUNNING or DRAINING belongs to its worker, with its rings,
 *   its commands and its timer. With iothreads that is a BH in one of them,
 *   the same for as long as the device exists; without any it is the holder of
 *   the BQL, be it in a BH or in a vCPU that has just rung (bm_queue_kick()).
 *   Others reach the queue only by the fields that say "atomic", and by
 *   bm_stop(). In any other state it belongs to the holder of the BQL.
 * - Workers thus share no queue. What they do share is what the device is (its
 *   properties, set before there is a worker), the request sizes and the raised
 *   vectors (atomic), the fault record (fault_lock), and which faults are to be
 *   injected (inject_lock).
 * - BmQueue.lock covers the changes of a queue's state, nothing else. It is
 *   never held across a DMA, because a worker's DMA can need the BQL: an IOMMU
 *   reports a fault by an interrupt.
 * - A worker runs to the end of its budget without waiting for anybody but for
 *   the BQL, so that bm_stop() may wait for all of them, having let go of that.
 * - A DMA reaches RAM alone (dma.c) and cannot come back into the device. A
 *   message can: it is sent when all else is done (irq.c).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DMA_BUSMASTER_INTERNAL_H
#define HW_DMA_BUSMASTER_INTERNAL_H

#include "block/aio.h"
#include "hw/dma/busmaster_hw.h"
#include "hw/pci/pci_device.h"
#include "qemu/bitmap.h"
#include "qemu/queue.h"
#include "qemu/stats64.h"
#include "qemu/thread.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "system/iothread.h"

#define TYPE_BUSMASTER "busmaster"
OBJECT_DECLARE_SIMPLE_TYPE(BusmasterState, BUSMASTER)

/* The contract leaves these to the device: they appear in CAP. */
#define BM_MAX_ORDER        12
#define BM_XFER_ORDER       30
#define BM_SGL_MAX          4096

#define BM_MAX_OUTSTANDING  64
#define BM_MAX_VECTORS      (BM_MAX_QUEUES + 1)

/*
 * Cost is counted in bytes: those that are moved, but BM_TURN_COST at least.
 * One turn of a command in the round-robin; turns between two looks at the
 * rings; one run of a queue's BH.
 */
#define BM_TURN_BYTES       (256 * KiB)
#define BM_TURN_PIECES      64
#define BM_TURN_COST        (4 * KiB)
#define BM_BATCH_COST       (64 * KiB)
#define BM_RUN_COST         (1 * MiB)

#define BM_FETCH_BATCH      16
#define BM_SGL_BATCH        16

typedef struct BmQueue BmQueue;

/*
 * How a side of a command gets to memory. A pointer names one segment, or a
 * list of them. Both sides of a command advance by pieces of one length:
 *
 *   BmSide      |<------------------ segment ------------------->| next ...
 *               |      moved      |<-- piece -->|      left      |
 *   BmDma                         |=============|                  mapped
 *   BmRequests  |-----|-----|-----|-----|-----|-----|-----|------| counted
 *
 * A segment is walked from left to right, a BmDma is the mapping of one piece
 * and lives from DO_READ or DO_WRITE to WAIT_READY, and BmRequests knows where
 * the last one ended, so that a segment counts the same however it is cut.
 */

/* A range of bus addresses (or of device memory) that is mapped for use. */
typedef struct BmDma {
    void *host;             /* NULL: it is not mapped */
    uint64_t addr;
    dma_addr_t len;
    bool local;
    bool write;
} BmDma;

/* The requests of one contiguous range; see bm_dma_unmap(). */
typedef struct BmRequests {
    bool open;
    uint64_t last;          /* the block in which the last request was made */
} BmRequests;

/* One side of a command: a pointer, and how far it was walked. */
typedef struct BmSide {
    enum bm_space space;
    bool write;
    uint64_t addr;          /* the next byte of the present segment */
    uint64_t left;          /* what is left of the segment */
    BmRequests requests;    /* those of the segment */
    BmDma dma;              /* the present piece */

    /* BM_SPACE_HOST_SGL only */
    uint64_t list;          /* bus address of the next entry to be fetched */
    uint32_t count;         /* entries of this list that were not yet fetched */
    uint32_t budget;        /* entries that may still be used */
    unsigned next;          /* index in batch[] */
    unsigned fetched;       /* entries in batch[] */
    struct bm_hw_seg batch[BM_SGL_BATCH];
} BmSide;

/*
 * The life of a command, in the words of every textbook on bus mastering. What
 * each state does, and which comes next, is in bm_cmd_step().
 */
typedef enum BmCmdState {
    BM_CMD_IDLE,            /* not there */
    BM_CMD_REQ_BUS,         /* fetched: waits until no fence is in the way */
    BM_CMD_WAIT_GRANT,      /* in the round-robin: waits for its turn */
    BM_CMD_SETUP_ADDR,      /* finds the next piece of both sides */
    BM_CMD_DO_READ,         /* maps what is read */
    BM_CMD_DO_WRITE,        /* maps what is written */
    BM_CMD_WAIT_READY,      /* the data moves, and the mappings end */
    BM_CMD_CHECK_DONE,      /* another piece, another turn, or the end? */
    BM_CMD_DONE,            /* has its status, and cannot be aborted */
    BM_CMD_INTERRUPT,       /* waits to be posted, and to ask for the vector */
} BmCmdState;

/* How a completion is to be wrong; all zero: it is not. See misbehave.c. */
typedef struct BmLie {
    struct bm_hw_cqe flip;  /* bits of the entry */
    bool again;             /* it is to be posted twice */
    uint32_t tear_us;       /* its rest is to follow so much later */
    bool torn;              /* its status is there, its rest is not */
    uint32_t entry;         /* where in the ring that is */
    int64_t due;            /* ns, QEMU_CLOCK_VIRTUAL: held back until then */
} BmLie;

/* BmCommand.abort: a tag, and with it: */
#define BM_ABORT_POSSIBLE   0x00010000u /* the command of that tag may end so */
#define BM_ABORT_WANTED     0x00020000u /* and the driver wants it to */

typedef struct BmCommand {
    BmCmdState state;
    enum bm_op op;
    uint8_t flags;
    uint16_t tag;
    enum bm_status status;
    uint64_t info;
    uint64_t operand;       /* the pattern, or the CRC so far */
    uint64_t length;
    uint64_t done;
    uint64_t piece;         /* bytes that are being moved */
    uint64_t turn_bytes;    /* what is left of its turn: bytes */
    unsigned turn_pieces;   /* and pieces; it has none if either is 0 */
    BmSide src;
    BmSide dst;
    BmLie lie;
    bool told;              /* the driver will hear no more of it */
    uint32_t abort;         /* atomic: BM_ABORT_*; 0: there is nothing to abort */
    QSIMPLEQ_ENTRY(BmCommand) link;
} BmCommand;

typedef QSIMPLEQ_HEAD(, BmCommand) BmCmdList;

/* A thread and the queues that run in it: each num_workers'th from @index. */
typedef struct BmWorker {
    BusmasterState *dev;
    unsigned index;
    IOThread *iothread;     /* NULL: the main loop */
    AioContext *ctx;
} BmWorker;

struct BmQueue {
    BusmasterState *dev;
    BmWorker *worker;
    unsigned index;
    QEMUBH *bh;
    QemuMutex lock;

    uint64_t sq_base;
    uint64_t cq_base;
    uint32_t order;
    uint64_t shadow;

    uint32_t state;         /* atomic: BM_QREG_STATE, changed under the lock */
    uint32_t cq_tail;       /* atomic: where the next completion goes */

    /*
     * Doorbells. The first three are the driver's, and it depends on @shadow
     * who stores them: the worker, or who writes the registers (with the BQL).
     */
    uint32_t sq_tail;       /* atomic */
    uint32_t cq_head;       /* atomic */
    bool armed;             /* atomic: the worker clears it, too */
    bool stalled;           /* atomic: the worker waits for room */
    enum bm_halt bad_doorbell; /* atomic: a reason for the worker to halt */
    uint16_t shadow_arm;    /* BM_SHADOW_ARM when it was looked at last */
    uint32_t sq_event;      /* what is in struct bm_hw_shadow */
    uint32_t cq_event;      /* likewise */

    uint32_t sq_head;       /* the next submission to be fetched */
    bool phase;

    uint32_t moderation;    /* atomic */
    uint32_t *wanted;       /* [i]: interrupts wanted before entry i */
    uint32_t wanted_last;   /* by all, when it was looked at last */
    int64_t unseen_since;   /* ns, QEMU_CLOCK_VIRTUAL; of use if moderated */
    QEMUTimer *timer;       /* it is time to look again */

    BmCommand *cmds;
    BmCmdList free;
    unsigned num_free;
    BmCmdList waiting;      /* REQ_BUS, in order */
    BmCmdList active;       /* the round-robin: the first has the turn */
    BmCmdList done;         /* INTERRUPT, in order: to be posted */
    unsigned num_done;
    bool fence;             /* a fence is active, hence alone */
    bool ending;            /* all commands end, wherever they are */

    /* Faults on demand */
    bool hung;              /* does nothing, whoever calls */
    BmCmdList held;         /* INTERRUPT; have a BmLie.due */
    int64_t irq_due;        /* likewise, an interrupt for nothing; 0: none */

    Stat64 mrd_tlps;
    Stat64 mrd_bytes;
    Stat64 mwr_tlps;
    Stat64 mwr_bytes;
};

/* A mode of fault injection: how it is armed. */
typedef struct BmInjection {
    uint32_t left;          /* events still to be hit, or BM_INJECT_ALWAYS */
    uint32_t fired;
    uint8_t queue;          /* whose events, or BM_INJECT_ALL_QUEUES */
    uint64_t arg;
} BmInjection;

/* How all workers are stopped: see bm_stop(). */
typedef struct BmStop {
    unsigned calls;         /* atomic: of bm_stop(), that have not returned */
    QemuCond returned;      /* BQL: one has */
    QemuMutex lock;
    unsigned awaited;       /* @lock: workers that were asked to stop */
    QemuCond answered;      /* @lock: one of them has stopped */
} BmStop;

struct BusmasterState {
    PCIDevice parent_obj;

    /* properties */
    uint32_t num_queues;
    uint64_t mem_size;
    uint32_t dma_bits;
    uint32_t outstanding;
    uint64_t inline_bytes;
    IOThread *iothread;
    uint32_t num_iothreads;
    char **iothreads;
    bool fault_injection;
    char *inject_text[BM_INJECT_END];

    MemoryRegion regs;
    MemoryRegion mem;
    MemoryRegion mem_bar;
    AddressSpace mem_as;    /* of @mem alone: LOCAL addresses */
    AddressSpace *bus_as;   /* bus addresses: no QOM cast for each DMA */
    BmWorker *workers;
    unsigned num_workers;
    BmQueue *queues;

    bool enabled;
    bool ready;
    bool fatal;
    uint32_t fatal_cause;   /* atomic: not 0 once there is a reason for it */
    QEMUBH *fatal_bh;
    uint64_t dma_limit;     /* the last bus address that the device can emit */
    unsigned mrrs_shift;    /* atomic: log2 of Max_Read_Request_Size */
    unsigned mps_shift;     /* atomic: log2 of Max_Payload_Size */

    BmStop stop;

    QemuMutex fault_lock;
    uint64_t fault_addr;    /* fault_lock */
    uint64_t fault_info;    /* fault_lock */

    uint32_t inject_armed;  /* atomic: bit n: mode n is armed */
    QemuMutex inject_lock;
    BmInjection injections[BM_INJECT_END]; /* inject_lock */
    uint64_t inject_arg;
    uint32_t inject_count;
    bool reset_ignored;     /* CTRL.RESET was written, for nothing */

    QEMUBH *irq_bh;
    DECLARE_BITMAP(irqs, BM_MAX_VECTORS); /* atomic: to be sent */
    bool irq_sending;
    uint64_t msg_tlps;
};

/* busmaster.c: the device as a whole */
void bm_stop(BusmasterState *s, const char *why);
void bm_reset(BusmasterState *s, const char *why);
void bm_fatal(BusmasterState *s, enum bm_fatal cause);

/* regs.c: the registers */
extern const MemoryRegionOps bm_regs_ops;
void bm_bad_write(hwaddr addr, uint64_t value, const char *why);

/* irq.c: interrupts */
void bm_irq_raise(BusmasterState *s, unsigned vector);
void bm_irq_flush(BusmasterState *s);
void bm_irq_init(BusmasterState *s);
void bm_irq_reset(BusmasterState *s);
void bm_irq_exit(BusmasterState *s);

/* queue.c: a queue's life */
enum bm_qstate bm_queue_state(BmQueue *q);
void bm_queue_init(BmQueue *q, BusmasterState *s, unsigned index);
void bm_queue_exit(BmQueue *q);
void bm_queue_enable(BmQueue *q);
void bm_queue_disable(BmQueue *q);
void bm_queue_halt(BmQueue *q, enum bm_halt cause);
void bm_queue_reset(BmQueue *q);
void bm_queue_stop(BmQueue *q);
void bm_queue_abort(BmQueue *q, uint16_t tag);
void bm_queue_kick(BmQueue *q);

/* ring.c: submissions are fetched, completions are posted */
bool bm_ring_geometry_valid(BmQueue *q);
bool bm_ring_sync(BmQueue *q);
void bm_ring_body(BmQueue *q, BmCommand *c, struct bm_hw_cqe *cqe);
void bm_ring_finish(BmQueue *q, BmCommand *c);

/* moderation.c: when a queue raises its vector */
void bm_moderation_notify(BmQueue *q);

/* doorbell.c: what the driver says, by registers or in memory */
void bm_doorbell_reset(BmQueue *q);
bool bm_doorbell_geometry_valid(BmQueue *q);
void bm_doorbell_tail(BmQueue *q, uint64_t value);
void bm_doorbell_head(BmQueue *q, uint64_t value);
bool bm_doorbell_sync(BmQueue *q);

/* engine.c: the state machine and the round-robin */
void bm_cmd_advance(BmQueue *q, BmCommand *c);
void bm_cmd_told(BmQueue *q, BmCommand *c);
bool bm_engine_run(BmQueue *q, uint64_t budget);

/* command.c: what a command says, and what it does to bytes */
void bm_cmd_decode(BusmasterState *s, BmCommand *c,
                   const struct bm_hw_sqe *sqe);
void bm_cmd_fail(BmCommand *c, enum bm_status status, uint64_t info);
void bm_cmd_move(BmCommand *c, const uint8_t *src, uint8_t *dst, size_t len);

/* walk.c: pointers and scatter-gather lists */
void bm_side_init(BmSide *side, const struct bm_hw_ptr *ptr, uint64_t length,
                  bool write);
bool bm_side_resolve(BmQueue *q, BmCommand *c, BmSide *side);
bool bm_side_map(BmQueue *q, BmCommand *c, BmSide *side);
void bm_side_unmap(BmQueue *q, BmSide *side, uint64_t used);

/* dma.c: the one way to memory */
bool bm_dma_map(BmQueue *q, uint16_t tag, BmDma *dma, uint64_t len,
                uint64_t unit);
void bm_dma_unmap(BmQueue *q, BmDma *dma, uint64_t used,
                  BmRequests *requests);

/* inject.c: how faults are armed */
bool bm_inject_check_properties(BusmasterState *s, Error **errp);
void bm_inject_class_init(ObjectClass *klass);
void bm_inject_init(BusmasterState *s);
void bm_inject_exit(BusmasterState *s);
void bm_inject_reset(BusmasterState *s);
bool bm_inject_is_window(BusmasterState *s, hwaddr reg);
uint64_t bm_inject_reg_read(BusmasterState *s, hwaddr reg);
void bm_inject_reg_write(BusmasterState *s, hwaddr reg, uint64_t value);
bool bm_inject_hit(BusmasterState *s, enum bm_inject mode, unsigned queue,
                   BmInjection *hit);

/* Is any of these modes armed? All that it costs as long as none is. */
static inline bool bm_inject_armed(BusmasterState *s, uint32_t modes)
{
    return unlikely(qatomic_read(&s->inject_armed) & modes);
}

/* misbehave.c: faults on demand, asked for where something can go wrong */
bool bm_misbehave_gone(BusmasterState *s, hwaddr reg);
uint64_t bm_misbehave_gone_read(BusmasterState *s);
bool bm_misbehave_device(BusmasterState *s, enum bm_inject mode);
bool bm_misbehave_queue(BmQueue *q, enum bm_inject mode);
bool bm_misbehave_fetched(BmQueue *q, struct bm_hw_sqe *sqe, uint32_t index);
void bm_misbehave_sgl_fetched(BmQueue *q, BmCommand *c, uint64_t addr,
                              uint64_t len);
bool bm_misbehave_finished(BmQueue *q, BmCommand *c);
bool bm_misbehave_posted(BmQueue *q, BmCommand *c, uint32_t index);
bool bm_misbehave_release(BmQueue *q);
bool bm_misbehave_irq(BmQueue *q);
void bm_misbehave_clear(BmQueue *q);

#endif
