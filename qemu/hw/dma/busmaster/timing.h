/*
 * busmaster: how long things take
 *
 * With timing=on each thing that the device does takes as long as a real one's
 * would, in virtual time: link.c has the link and what is behind it, timing.c
 * the device's own parts. Without, all of it takes no time: what returns a time
 * then returns 0, which is always past.
 *
 * Times are picoseconds of QEMU_CLOCK_VIRTUAL: a byte takes less than a
 * nanosecond. They count from an epoch, which follows the clock in leaps of
 * weeks (bm_time_look()), and none is later than BM_TIME_MAX: a sum of two
 * is a number. All of this belongs to the holder of the BQL.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DMA_BUSMASTER_TIMING_H
#define HW_DMA_BUSMASTER_TIMING_H

#include "call.h"
#include "command.h"

#define BM_PROFILE_NAMES    "nvme-4x4, nvme-5x4, nic-100g, gpu-4x16, " \
                            "gpu-5x16 or cxl-5x16"
#define BM_UNSET            UINT32_MAX
#define BM_MAX_READ_TAGS    1024
#define BM_MAX_CHANNELS     1024
#define BM_TIME_MAX         (INT64_MAX / 2000 * 1000) /* 53 days */

/* Who waits for the link, waits to send one of these. */
typedef enum BmLane {
    BM_LANE_READ,           /* requests for data; needs a tag as well */
    BM_LANE_WRITE,          /* data */
    BM_LANES,
} BmLane;

/* One direction of the link. */
typedef struct BmWire {
    int64_t free;           /* when what was sent is gone */
} BmWire;

typedef struct BmTiming {
    /* properties; numbers may be BM_UNSET: see profile.c */
    bool on;
    char *profile;
    char *link_speed;
    uint32_t link_width;
    uint32_t read_latency_ns;
    uint32_t read_tags;
    uint32_t prefetch;
    uint32_t command_overhead_ns;
    uint32_t medium_latency_ns;
    uint32_t channels;
    uint32_t irq_latency_ns;
    uint32_t time_scale;

    unsigned speed;         /* as Link Capabilities have it: 1 to 6 */
    unsigned lanes;         /* as it was negotiated, as is: */
    unsigned rate;

    uint32_t moved_tags;    /* while it moves: its properties there */
    uint32_t moved_channels;

    int64_t epoch;          /* ns, QEMU_CLOCK_VIRTUAL */
    int64_t now;            /* the time of what is being done */
    BmWire up;              /* to the root complex */
    BmWire down;
    int64_t tags[BM_MAX_READ_TAGS]; /* when each is free: a ring */
    uint32_t next_tag;
    int64_t controller;     /* when it is free for the next command */
    int64_t channel[BM_MAX_CHANNELS]; /* when each of the medium is */

    QTAILQ_HEAD(, BmQueue) waiting[BM_LANES]; /* for the link, in order */
    uint32_t last;          /* the lane that was granted last */
    BmQueue *granted;       /* the queue that may send, by @last */
    BmCall call;
} BmTiming;

/* profile.c: what was not set, and whether it can be so */
bool bm_profile_check(BmCore *s, Error **errp);

/* timing.c: the clock, and the parts of the device */
void bm_time_look(BmCore *s);
int64_t bm_time_now(BmCore *s);
bool bm_time_past(BmCore *s, int64_t when);
int64_t bm_time_after(int64_t from, int64_t time);
int64_t bm_time_ns(BmCore *s, int64_t when);
int64_t bm_time_scaled(const BmTiming *t, uint32_t ns);
void bm_time_call(BmQueue *q, int64_t when);
int64_t bm_time_begin(BmCore *s, const BmCommand *c);
int64_t bm_time_end(BmCore *s, const BmCommand *c);
int64_t bm_time_message(BmCore *s);
void bm_time_init(BmCore *s);
void bm_time_exit(BmCore *s);
void bm_time_reset(BmCore *s);

/* link.c: the link, and who may use it */
unsigned bm_link_speed(const char *name);
int64_t bm_link_read(BmCore *s, int64_t from, uint64_t addr, uint64_t len);
int64_t bm_link_write(BmCore *s, int64_t from, uint64_t addr, uint64_t len);
uint64_t bm_link_take(BmCore *s, BmLane lane, uint64_t all);
bool bm_link_ask(BmQueue *q, BmLane lane);
void bm_link_forget(BmQueue *q);
void bm_link_called(void *opaque);

#endif
