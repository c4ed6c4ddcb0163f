/*
 * busmaster: a queue, its rings, its doorbells and its commands
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DMA_BUSMASTER_QUEUE_H
#define HW_DMA_BUSMASTER_QUEUE_H

#include "call.h"
#include "command.h"
#include "compat.h"
#include "qemu/thread.h"
#include "qemu/units.h"
#include "timing.h"

/* The contract leaves this to the device: it appears in CAP. */
#define BM_MAX_ORDER        12
#define BM_MAX_ENTRIES      (1u << BM_MAX_ORDER)

#define BM_MAX_OUTSTANDING  256
#define BM_FETCH_BATCH      16

/*
 * Cost is counted in bytes: those that are moved, but BM_PIECE_COST at least
 * for a piece and for a fetch of SGL entries, and BM_TURN_COST for a turn. One
 * turn of a command in the round-robin, which is over when either it has moved
 * so much or has done so many of these; turns between two looks at the rings;
 * one run of a queue that was called, which a turn's pieces may exceed.
 */
#define BM_TURN_BYTES       (256 * KiB)
#define BM_TURN_PIECES      64
#define BM_TURN_COST        (4 * KiB)
#define BM_PIECE_COST       512
#define BM_BATCH_COST       (64 * KiB)
#define BM_RUN_COST         (1 * MiB)

typedef struct BmWorker BmWorker;

typedef struct BmMovedCommand {
    uint32_t state;         /* BmCmdState */
    BmCommand *command;
} BmMovedCommand;

/* A queue on its way to or from where it is saved: see migrate.c. */
typedef struct BmMoved {
    uint32_t state;         /* BM_QREG_STATE */
    uint32_t num_commands;
    BmMovedCommand commands[BM_MAX_OUTSTANDING]; /* in order, list by list */
} BmMoved;

struct BmQueue {
    BmCore *core;
    BmWorker *worker;
    unsigned index;
    BmCall call;            /* of the worker: it is to look again */
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
    uint32_t wanted[BM_MAX_ENTRIES]; /* interrupts wanted before each entry */
    uint32_t wanted_last;   /* by all, when it was looked at last */
    int64_t unseen_since;   /* ns, QEMU_CLOCK_VIRTUAL; of use if moderated */

    BmCommand *cmds;
    BmCmdList free;
    unsigned num_free;
    BmCmdList waiting;      /* REQ_BUS, in order */
    BmCmdList active;       /* the round-robin: the first has the turn */
    BmCmdList done;         /* INTERRUPT, in order: to be posted */
    unsigned num_done;
    bool fence;             /* a fence is active, hence alone */
    bool ending;            /* all commands end, wherever they are */

    /* timing=on */
    bool heed;              /* the driver may have said something */
    bool in_line[BM_LANES];
    QTAILQ_ENTRY(BmQueue) line[BM_LANES]; /* for the link */
    int64_t heard;          /* when what the driver said last was here */
    int64_t fetched;        /* when the last submissions are here */
    bool telling;           /* a message of the vector's is under way */
    int64_t message;        /* when it is there */

    void *nowhere;          /* BM_MEM_PAGE bytes, if lost writes go there */

    /* Faults on demand */
    bool hung;              /* does nothing, whoever calls */
    BmCmdList held;         /* INTERRUPT; have a BmLie.due */
    int64_t irq_due;        /* likewise, an interrupt for nothing; 0: none */

    Stat64 mrd_tlps;
    Stat64 mrd_bytes;
    Stat64 mwr_tlps;
    Stat64 mwr_bytes;
    Stat64 peer_mrd_tlps;   /* of these, those to peers */
    Stat64 peer_mrd_bytes;
    Stat64 peer_mwr_tlps;
    Stat64 peer_mwr_bytes;

    BmMoved moved;
};

/* queue.c: a queue's life */
enum bm_qstate bm_queue_state(BmQueue *q);
void bm_queue_init(BmQueue *q, BmCore *s, unsigned index);
void bm_queue_connect(BmQueue *q);
void bm_queue_disconnect(BmQueue *q);
void bm_queue_free(BmQueue *q);
bool bm_queue_works(BmQueue *q);
void bm_queue_enable(BmQueue *q);
void bm_queue_disable(BmQueue *q);
void bm_queue_halt(BmQueue *q, enum bm_halt cause);
void bm_queue_reset(BmQueue *q);
void bm_queue_stop(BmQueue *q);
void bm_queue_abort(BmQueue *q, uint16_t tag);
void bm_queue_kick(BmQueue *q);
void bm_queue_granted(BmQueue *q);

/* ring.c: submissions are fetched, completions are posted */
bool bm_ring_geometry_valid(BmQueue *q);
bool bm_ring_sync(BmQueue *q);
void bm_ring_body(BmQueue *q, BmCommand *c, struct bm_hw_cqe *cqe);
void bm_ring_finish(BmQueue *q, BmCommand *c);
int64_t bm_ring_send(BmQueue *q, const BmCommand *c);

/* doorbell.c: what the driver says, by registers or in memory */
void bm_doorbell_reset(BmQueue *q);
bool bm_doorbell_geometry_valid(BmQueue *q);
void bm_doorbell_tail(BmQueue *q, uint64_t value);
void bm_doorbell_head(BmQueue *q, uint64_t value);
bool bm_doorbell_sync(BmQueue *q);

/* moderation.c: when a queue raises its vector */
void bm_moderation_notify(BmQueue *q);

/* engine.c: the state machine and the round-robin */
void bm_cmd_advance(BmQueue *q, BmCommand *c);
void bm_cmd_told(BmQueue *q, BmCommand *c);
bool bm_engine_rests(BmQueue *q);
bool bm_engine_run(BmQueue *q, uint64_t budget);

#endif
