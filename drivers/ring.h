/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * busmaster: rings, tags and descriptors, as ring.c has them: memory, and no device.
 */
#ifndef BUSMASTER_RING_H
#define BUSMASTER_RING_H

#include <linux/scatterlist.h>
#include <linux/sizes.h>

#include "busmaster_hw.h"

/*
 * One command moves at most so many bytes, in so many pages; a longer transfer is
 * split, where a page ends.
 */
#define BM_CMD_BYTES SZ_1M
#define BM_CMD_PAGES (BM_CMD_BYTES / PAGE_SIZE)

/* An SGL list fills 4 KiB; all but the last list end in a chain entry. */
#define BM_SGL_LIST_SEGS (SZ_4K / sizeof(struct bm_hw_seg))
#define BM_SGL_LISTS DIV_ROUND_UP(BM_CMD_PAGES - 1, BM_SGL_LIST_SEGS - 1)

/* Of a tag's 16 bits the lower 12 name a request, the others its generation. */
#define BM_TAG_INDEX 0x0fffu
#define BM_TAG_GEN 0xf000u
#define BM_MAX_DEPTH BM_TAG_INDEX

/**
 * struct bm_sq - submission ring: the driver fills it, the device drains it
 * @ring: coherent memory, @entries long
 * @dma: its bus address
 * @entries: a power of two; one of them stays empty
 * @tail: submissions since the reset; modulo @entries, where the next one goes
 * @rung: the tail that the device was told
 * @head: of them, what the device said it has fetched
 *
 * The counts go on where an index would start again: after a lap, two submissions have
 * one index, but never one count.
 */
struct bm_sq {
	struct bm_hw_sqe *ring;
	dma_addr_t dma;
	u32 entries;
	u32 tail;
	u32 rung;
	u32 head;
};

/**
 * struct bm_cq - completion ring: the device fills it, the driver drains it
 * @ring: coherent memory, @entries long
 * @dma: its bus address
 * @entries: a power of two
 * @head: the next completion to look at
 * @rung: the head that the device was told
 * @arms: how often the shadow was armed
 * @phase: the phase bit, in place, that makes it a new one
 */
struct bm_cq {
	struct bm_hw_cqe *ring;
	dma_addr_t dma;
	u32 entries;
	u32 head;
	u32 rung;
	u16 arms;
	u32 phase;
};

/**
 * struct bm_completion - a completion entry in the CPU's byte order, read once
 * @info: CRC, first difference, or faulting bus address
 * @sq_head: how far the device has fetched
 * @tag: whose it is
 * @status: enum bm_status, unchecked
 */
struct bm_completion {
	u64 info;
	u16 sq_head;
	u16 tag;
	u8 status;
};

/**
 * struct bm_sgl_list - 4 KiB of coherent memory for SGL entries
 * @seg: BM_SGL_LIST_SEGS entries
 * @dma: their bus address
 */
struct bm_sgl_list {
	struct bm_hw_seg *seg;
	dma_addr_t dma;
};

u32 bm_ring_next(u32 index, u32 entries);
u32 bm_ring_distance(u32 from, u32 to, u32 entries);
bool bm_ring_passed(u32 event, u32 from, u32 to, u32 entries);
void bm_sq_reset(struct bm_sq *sq);
u32 bm_sq_push(struct bm_sq *sq, const struct bm_hw_sqe *sqe);
bool bm_sq_retire(struct bm_sq *sq, u16 head);
bool bm_sq_fetched(const struct bm_sq *sq, u32 place);
void bm_cq_reset(struct bm_cq *cq);
bool bm_cq_dry(const struct bm_cq *cq);
bool bm_cq_pop(struct bm_cq *cq, struct bm_completion *c);
u16 bm_tag(u16 index, u16 gen);
u16 bm_tag_index(u16 tag);
u16 bm_tag_gen(u16 tag);
u16 bm_next_gen(u16 gen);
void bm_sqe_init(struct bm_hw_sqe *sqe, enum bm_op op, u32 length);
void bm_ptr_host(struct bm_hw_ptr *ptr, dma_addr_t addr);
void bm_ptr_local(struct bm_hw_ptr *ptr, u64 offset);
void bm_ptr_sgl(struct bm_hw_ptr *ptr, dma_addr_t addr, u32 count);
int bm_sgl_encode(struct bm_hw_ptr *ptr, const struct bm_sgl_list *lists, unsigned int nr_lists,
		  struct scatterlist *sgl, unsigned int nents);
int bm_status_errno(u8 status);
bool bm_status_plausible(const struct bm_hw_sqe *sqe, u8 status);
bool bm_info_plausible(const struct bm_hw_sqe *sqe, u8 status, u64 info);

#endif /* BUSMASTER_RING_H */
