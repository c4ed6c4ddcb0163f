/*
 * busmaster qtests: a device in the middle of everything
 *
 * Each queue is in a state of its own, and the machine is stopped. Time stands
 * still but for what a test moves it: so it is known to the microsecond what
 * has to happen where the machine goes on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_QTEST_BUSMASTER_WORLD_H
#define TESTS_QTEST_BUSMASTER_WORLD_H

#include "harness.h"
#include "stream.h"

#define WORLD_PROPS \
    "queues=9,mem-size=64M,outstanding=8,x-fault-injection=true"

/* What a queue is in the middle of */
enum {
    LONG, FULL, HELD, MODERATED, HALTED, DRAINING, HUNG, RAISED, OTHER, QUEUES
};

/* What LONG does: these are the tags, too. */
enum { SGL_CRC, SGL_FILL, HOST_CRC, LOCAL_CRC, FENCE, ABORTED, LAST, LONGS };

#define COUNTERS    3

typedef struct World {
    BmDev *d;
    BmRing r[QUEUES];
    char *dir;                  /* for files, which have one letter */
    uint64_t len;               /* of LONG's commands */
    uint64_t addr;              /* of what they read, write, and copy to */
    uint64_t fill;
    uint64_t copy;
    struct bm_hw_sqe sqe[LONGS];
    uint64_t info[LONGS];       /* what they give when nothing comes between */
    uint64_t counted[COUNTERS];
    uint64_t before[COUNTERS];
} World;

void world_up(World *w, const void *worker);
void world_begin(World *w);
void world_check(World *w);
void world_end(World *w);
char *world_uri(World *w, const char *scheme, char name);
BmStream *world_saved(World *w, BmDev *d, char name);
void world_moves(World *w, BmDev *to);

/* The machine */
void bm_stop(BmDev *d);
void bm_cont(BmDev *d);
BmDev *bm_receiver(const BmDev *d, const void *worker, const char *props,
                   const char *args);
void bm_migrate(BmDev *d, const char *uri);
void bm_migrate_wait(BmDev *d, const char *wanted);
BmDev *bm_move_by_file(BmDev *d, const void *worker, const char *props,
                       const char *args);
int64_t bm_step_posted(BmRing *r, int64_t now, unsigned status);

#endif
