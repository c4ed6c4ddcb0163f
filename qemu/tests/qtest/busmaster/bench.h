/*
 * busmaster qtests: a device that can be made to misbehave
 *
 * One queue of it, and what tests of faults do again and again. Time stands
 * still unless a test moves it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_QTEST_BUSMASTER_BENCH_H
#define TESTS_QTEST_BUSMASTER_BENCH_H

#include "harness.h"

#define ALL         BM_INJECT_ALL_QUEUES
#define ALWAYS      BM_INJECT_ALWAYS
#define ARM         BM_CQ_HEAD_ARM
#define US          1000ull
#define BENCH_QUEUE 1
#define BENCH_ORDER 4
#define BENCH_LEN   5000    /* of what bench_copy() copies */

typedef struct Bench {
    BmDev *d;
    BmRing r;
} Bench;

void bench_up(Bench *t, const void *worker);
void bench_again(Bench *t);
void bench_push(Bench *t, uint16_t tag);
void bench_submit(Bench *t, uint16_t tag);
void bench_submit_all(Bench *t, uint16_t first, unsigned n);
void bench_expect(Bench *t, uint16_t tag);
void bench_expect_all(Bench *t, uint16_t first, unsigned n);
void bench_nothing(Bench *t);
void bench_copy(Bench *t, BmPlace *src, BmPlace *dst,
                const struct bm_hw_sqe *sqe);
void bench_step(Bench *t, int64_t ns);
void bench_flr(Bench *t);
void bench_down(Bench *t, enum bm_inject mode);

#endif
