/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * busmaster: rings, tags and descriptors: memory, and no device.
 *
 * What each command goes through is inline; ring.c has the rest. Whoever calls holds the
 * queue's lock where a ring is passed.
 */
#ifndef BUSMASTER_RING_H
#define BUSMASTER_RING_H

#include <linux/bitfield.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "busmaster_hw.h"

/*
 * One command moves at most so many bytes, in so many pages; a longer transfer is
 * split, where a page ends.
 */
#define BM_CMD_BYTES SZ_1M
#define BM_CMD_PAGES (BM_CMD_BYTES / PAGE_SIZE)

/* Each of a command's pages may be a segment of its own: so many entries has its SGL. */
#define BM_SGL_BYTES (BM_CMD_PAGES * sizeof(struct bm_hw_seg))

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
 * struct bm_sgl - coherent memory for SGL entries
 * @seg: the entries
 * @dma: their bus address
 */
struct bm_sgl {
	struct bm_hw_seg *seg;
	dma_addr_t dma;
};

/**
 * bm_ring_next() - the index after another one
 * @index: below @entries
 * @entries: of the ring, a power of two
 */
static inline u32 bm_ring_next(u32 index, u32 entries)
{
	return (index + 1) & (entries - 1);
}

/**
 * bm_ring_distance() - entries from one index up to, not including, another
 * @from: index, or a count of which that is the remainder
 * @to: likewise
 * @entries: of the ring, a power of two
 */
static inline u32 bm_ring_distance(u32 from, u32 to, u32 entries)
{
	return (to - from) & (entries - 1);
}

/**
 * bm_ring_passed() - has an index that moved passed another one?
 * @event: any value; one that is no index of the ring is never passed
 * @from: where the index was
 * @to: where it is now
 * @entries: of the ring, a power of two
 *
 * It has if @event is one of the entries from @from up to, not including, @to.
 */
static inline bool bm_ring_passed(u32 event, u32 from, u32 to, u32 entries)
{
	return event < entries && bm_ring_distance(from, event, entries) <
				  bm_ring_distance(from, to, entries);
}

/**
 * bm_sq_push() - put a submission at the tail; the doorbell is the caller's
 * @sq: submission ring with room for one; see queue.c for why there always is
 * @sqe: what to submit
 *
 * Return: its place, for bm_sq_fetched().
 */
static inline u32 bm_sq_push(struct bm_sq *sq, const struct bm_hw_sqe *sqe)
{
	sq->ring[sq->tail & (sq->entries - 1)] = *sqe;
	return sq->tail++;
}

/**
 * bm_sq_retire() - believe the device that it has fetched up to @head
 * @sq: submission ring
 * @head: from a completion
 *
 * The head only moves forward, and never past what was submitted.
 *
 * Return: false if @head is implausible; then nothing has changed.
 */
static inline bool bm_sq_retire(struct bm_sq *sq, u16 head)
{
	u32 news = bm_ring_distance(sq->head, head, sq->entries);

	if (head >= sq->entries || news > sq->tail - sq->head)
		return false;
	sq->head += news;
	return true;
}

/**
 * bm_sq_fetched() - has the device said that it has fetched a submission?
 * @sq: submission ring
 * @place: what bm_sq_push() returned, less than 2^31 submissions ago
 */
static inline bool bm_sq_fetched(const struct bm_sq *sq, u32 place)
{
	return (s32)(sq->head - place) > 0;
}

/* The word by which the device tells that an entry is new. */
static inline u32 bm_cq_status(const struct bm_cq *cq)
{
	return le32_to_cpu(READ_ONCE(cq->ring[cq->head].status));
}

/**
 * bm_cq_dry() - is there no completion to be taken?
 * @cq: completion ring
 */
static inline bool bm_cq_dry(const struct bm_cq *cq)
{
	return (bm_cq_status(cq) & BM_CQE_PHASE) != cq->phase;
}

/**
 * bm_cq_pop() - take the next completion, if there is one
 * @cq: completion ring
 * @c: where it goes, in the CPU's byte order
 *
 * The device writes the word with the phase last. Once that word is new, dma_rmb()
 * keeps the reads of the rest behind it. Each word is read once: what the device
 * changes afterwards is not seen. What is taken leaves no tag behind: a device that writes
 * that word first, a lap later, does not end the request that had the entry before.
 *
 * Return: false if the ring is dry.
 */
static inline bool bm_cq_pop(struct bm_cq *cq, struct bm_completion *c)
{
	struct bm_hw_cqe *cqe = &cq->ring[cq->head];
	u32 status = bm_cq_status(cq);

	if ((status & BM_CQE_PHASE) != cq->phase)
		return false;
	dma_rmb();

	c->status = FIELD_GET(BM_CQE_STATUS, status);
	c->info = le64_to_cpu(READ_ONCE(cqe->info));
	c->sq_head = le16_to_cpu(READ_ONCE(cqe->sq_head));
	c->tag = le16_to_cpu(READ_ONCE(cqe->tag));
	WRITE_ONCE(cqe->tag, cpu_to_le16(BM_TAG_NONE));

	cq->head = bm_ring_next(cq->head, cq->entries);
	if (cq->head == 0)
		cq->phase ^= BM_CQE_PHASE;
	return true;
}

/**
 * bm_tag() - the tag of one use of a request
 * @index: of the request, below BM_MAX_DEPTH: BM_TAG_NONE is thus never a tag
 * @gen: its generation
 */
static inline u16 bm_tag(u16 index, u16 gen)
{
	return FIELD_PREP(BM_TAG_INDEX, index) | FIELD_PREP(BM_TAG_GEN, gen);
}

/**
 * bm_tag_index() - which request a tag names
 * @tag: any value
 */
static inline u16 bm_tag_index(u16 tag)
{
	return FIELD_GET(BM_TAG_INDEX, tag);
}

/**
 * bm_tag_gen() - which use of the request a tag names
 * @tag: any value
 */
static inline u16 bm_tag_gen(u16 tag)
{
	return FIELD_GET(BM_TAG_GEN, tag);
}

/**
 * bm_next_gen() - the generation of a request's next use
 * @gen: of its last one
 */
static inline u16 bm_next_gen(u16 gen)
{
	return (gen + 1) & FIELD_MAX(BM_TAG_GEN);
}

/**
 * bm_sqe_init() - an empty submission
 * @sqe: to be filled
 * @op: operation
 * @length: bytes; zero for BM_OP_NOP
 */
static inline void bm_sqe_init(struct bm_hw_sqe *sqe, enum bm_op op, u32 length)
{
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = op;
	sqe->length = cpu_to_le32(length);
}

/**
 * bm_ptr_host() - point to one contiguous range of host memory
 * @ptr: to be filled
 * @addr: its bus address
 */
static inline void bm_ptr_host(struct bm_hw_ptr *ptr, dma_addr_t addr)
{
	*ptr = (struct bm_hw_ptr){ .addr = cpu_to_le64(addr), .space = BM_SPACE_HOST };
}

/**
 * bm_ptr_local() - point into device memory
 * @ptr: to be filled
 * @offset: bytes from its start
 */
static inline void bm_ptr_local(struct bm_hw_ptr *ptr, u64 offset)
{
	*ptr = (struct bm_hw_ptr){ .addr = cpu_to_le64(offset), .space = BM_SPACE_LOCAL };
}

/**
 * bm_ptr_sgl() - point to a scatter-gather list
 * @ptr: to be filled
 * @addr: bus address of its first list
 * @count: entries of that list, its chain entry included
 */
static inline void bm_ptr_sgl(struct bm_hw_ptr *ptr, dma_addr_t addr, u32 count)
{
	*ptr = (struct bm_hw_ptr){ .addr = cpu_to_le64(addr),
				   .count = cpu_to_le32(count),
				   .space = BM_SPACE_HOST_SGL };
}

void bm_sq_reset(struct bm_sq *sq);
void bm_cq_reset(struct bm_cq *cq);
int bm_sgl_encode(struct bm_hw_ptr *ptr, const struct bm_sgl *list, struct scatterlist *sgl,
		  unsigned int nents);
int bm_status_errno(u8 status);
bool bm_status_plausible(const struct bm_hw_sqe *sqe, u8 status);
bool bm_info_plausible(const struct bm_hw_sqe *sqe, u8 status, u64 info);

#endif /* BUSMASTER_RING_H */
