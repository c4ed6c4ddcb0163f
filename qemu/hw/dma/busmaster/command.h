/*
 * busmaster: a command, its two sides, and how they get to memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DMA_BUSMASTER_COMMAND_H
#define HW_DMA_BUSMASTER_COMMAND_H

#include "hw/dma/busmaster_hw.h"
#include "qemu/queue.h"
#include "system/dma.h"

/* The contract leaves these to the device: they appear in CAP. */
#define BM_XFER_ORDER       30
#define BM_SGL_MAX          4096

#define BM_SGL_BATCH        16

#define BM_MEM_PAGE         4096    /* bytes: the least that an IOMMU has */

typedef struct BmCore BmCore;
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
    Object *peer;           /* the device whose memory it is, or NULL */
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

    /* BM_SPACE_HOST_SGL only */
    uint64_t list;          /* bus address of the next entry to be fetched */
    uint32_t count;         /* entries of this list that were not yet fetched */
    uint32_t budget;        /* entries that may still be used */
    unsigned next;          /* index in batch[] */
    unsigned fetched;       /* entries in batch[] */
    struct bm_hw_seg batch[BM_SGL_BATCH];

    BmDma dma;              /* the present piece, while it is mapped */
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
    int64_t due;            /* ns, QEMU_CLOCK_VIRTUAL: held until then; or 0 */
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
    uint64_t piece;         /* bytes that are being moved; 0 where it rests */
    uint64_t turn_bytes;    /* what is left of its turn: bytes */
    int64_t due;            /* waits until then: see timing.h for times */
    int64_t arrives;        /* when the last of what was begun is there */
    unsigned turn_pieces;   /* and pieces and fetches of SGL entries: or none */
    BmSide src;
    BmSide dst;
    BmLie lie;
    bool told;              /* the driver will hear no more of it */
    uint32_t abort;         /* atomic: BM_ABORT_*, 0: nothing can be aborted */
    QSIMPLEQ_ENTRY(BmCommand) link;
} BmCommand;

typedef QSIMPLEQ_HEAD(, BmCommand) BmCmdList;

/* command.c: what a command says, and what it does to bytes */
void bm_cmd_decode(BmCore *s, BmCommand *c, const struct bm_hw_sqe *sqe);
bool bm_cmd_resume(BmCore *s, BmCommand *c);
bool bm_cmd_moved(const BmCommand *c);
void bm_cmd_fail(BmCommand *c, enum bm_status status, uint64_t info);
void bm_cmd_move(BmCommand *c, const uint8_t *src, uint8_t *dst, size_t len);

/* walk.c: pointers and scatter-gather lists */
void bm_side_init(BmSide *side, const struct bm_hw_ptr *ptr, uint64_t length,
                  bool write);
bool bm_side_valid(BmCore *s, const BmSide *side, uint64_t left);
bool bm_side_resolve(BmQueue *q, BmCommand *c, BmSide *side);
bool bm_side_map(BmQueue *q, BmCommand *c, BmSide *side);
void bm_side_unmap(BmQueue *q, BmSide *side, uint64_t used);

/* dma.c: the one way to memory */
bool bm_dma_map(BmQueue *q, uint16_t tag, BmDma *dma, uint64_t len,
                uint64_t unit);
void bm_dma_unmap(BmQueue *q, BmDma *dma, uint64_t used, BmRequests *requests);

#endif
