/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * busmaster: the device as hw.c reads it, and the registers as functions.
 */
#ifndef BUSMASTER_HW_ACCESS_H
#define BUSMASTER_HW_ACCESS_H

#include <linux/types.h>

#include "busmaster_hw.h"

struct bm_dev;
struct bm_queue;
struct bm_request;

/**
 * struct bm_caps - what the device says of itself, checked
 * @major: interface version
 * @minor: interface version
 * @queues: queue pairs
 * @max_order: log2 of the largest ring's entries
 * @dma_bits: width of a bus address
 * @max_xfer: most bytes a command
 * @sgl_max: most SGL entries a pointer
 * @ops: bit n: opcode n is supported
 * @features: BM_FEAT_*
 * @mem_size: bytes of device memory
 */
struct bm_caps {
	u16 major;
	u16 minor;
	unsigned int queues;
	unsigned int max_order;
	unsigned int dma_bits;
	u64 max_xfer;
	unsigned int sgl_max;
	u32 ops;
	u32 features;
	u64 mem_size;
};

/**
 * struct bm_report - what the device says of its health; any bit may be set
 * @status: BM_STATUS_*
 * @halted: bit q: queue q is halted
 * @fault_info: BM_FAULT_*: the last DMA that the bus refused
 * @fault_addr: its bus address
 */
struct bm_report {
	u64 status;
	u64 halted;
	u64 fault_info;
	u64 fault_addr;
};

/**
 * struct bm_injection - how the device is to misbehave
 * @mode: in which way
 * @count: events that are hit, or BM_INJECT_ALWAYS; 0: none any more
 * @queue: whose events, or BM_INJECT_ALL_QUEUES
 * @arg: what enum bm_inject says; 0: its default
 */
struct bm_injection {
	enum bm_inject mode;
	u32 count;
	u32 queue;
	u64 arg;
};

/**
 * struct bm_clock - what two clocks said at about the same time
 * @device: the device's, in ns
 * @before: CLOCK_MONOTONIC, in ns, when it had yet to be asked
 * @after: likewise, when it had answered
 */
struct bm_clock {
	u64 device;
	u64 before;
	u64 after;
};

/* At most so far from the truth is the offset. */
static inline u64 bm_clock_bound(const struct bm_clock *c)
{
	return (c->after - c->before + 1) / 2;
}

/* To be added to CLOCK_MONOTONIC. */
static inline s64 bm_clock_offset(const struct bm_clock *c)
{
	return c->device - (c->before + (c->after - c->before) / 2);
}

int bm_hw_identify(struct bm_dev *bm);
int bm_hw_reset(struct bm_dev *bm);
int bm_hw_enable(struct bm_dev *bm);
int bm_hw_queue_enable(struct bm_queue *q);
void bm_hw_ring_sq(struct bm_queue *q);
bool bm_hw_ring_cq(struct bm_queue *q, bool arm);
void bm_hw_abort(struct bm_request *rq);
void bm_hw_moderate(struct bm_queue *q, unsigned int frames, unsigned int usecs);
int bm_hw_counter(struct bm_dev *bm, u32 reg, u64 *val);
int bm_hw_clock(struct bm_dev *bm, u64 *ns);
int bm_hw_report(struct bm_dev *bm, struct bm_report *report);
int bm_hw_halt_cause(struct bm_queue *q);
u64 bm_hw_inject_modes(struct bm_dev *bm);
void bm_hw_inject(struct bm_dev *bm, const struct bm_injection *injection);
u64 bm_hw_inject_state(struct bm_dev *bm, enum bm_inject mode);

#endif /* BUSMASTER_HW_ACCESS_H */
