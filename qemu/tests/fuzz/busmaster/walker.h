/*
 * busmaster: a fuzzer of the queue and all that it walks
 *
 * The device's own sources, from the doorbell down to dma.c, run on an address
 * space that is made here (bus.c). Every mapping passes an account (account.c)
 * of what the descriptors say, which was written from the data sheet and not
 * from the device: where the two disagree, one of them is wrong.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_FUZZ_BUSMASTER_WALKER_H
#define TESTS_FUZZ_BUSMASTER_WALKER_H

#include "internal.h"

#define RAM_SIZE            0x10000u
#define RAM_PAGE            0x1000u
#define LOCAL_SIZE          0x2000u

/* Where the rings are. Their contents, and all else, are the input's. */
#define SQ_BASE             0x0000u
#define CQ_BASE             0x1000u
#define SHADOW_BASE         0x2000u

typedef enum PageMode {
    PAGE_RAM,
    PAGE_READ_ONLY,
    PAGE_NONE,
    PAGE_MODES
} PageMode;

/* A mapping that the device has: a copy, of which ASan knows the ends. */
typedef struct Map {
    void *host;
    hwaddr addr;
    hwaddr len;
    bool local;
    bool write;
} Map;

extern BmCore core;
extern BmQueue queue;

/* walker-fuzz.c: what libFuzzer calls */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* bus.c */
extern uint8_t ram[RAM_SIZE];
void bus_reset(unsigned grain_shift);
void bus_set_page(unsigned page, PageMode mode);
void bus_check_idle(void);
int64_t bus_clock_step(int64_t ns);

/* account.c */
void account_trust(bool on);
void account_reset(void);
void account_forget(void);
void account_abort(uint16_t tag);
void account_map(const Map *map);
void account_unmap(const Map *map, hwaddr used);
void account_run_begin(void);
void account_run_end(uint64_t budget);
void account_check_drained(void);

#endif
