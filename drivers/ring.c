// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: ring arithmetic, and descriptors in and out.
 *
 * Pure functions on memory: no PCI, no register, no lock. They are apart so that
 * KUnit can prove them without a device. Whoever calls holds the queue's lock where
 * a ring is passed.
 */
#include <linux/bitfield.h>
#include <linux/errno.h>
#include <linux/string.h>

#include "ring.h"

/**
 * bm_ring_next() - the index after another one
 * @index: below @entries
 * @entries: of the ring, a power of two
 */
u32 bm_ring_next(u32 index, u32 entries)
{
	return (index + 1) & (entries - 1);
}

/**
 * bm_ring_distance() - entries from one index up to, not including, another
 * @from: index, or a count of which that is the remainder
 * @to: likewise
 * @entries: of the ring, a power of two
 */
u32 bm_ring_distance(u32 from, u32 to, u32 entries)
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
bool bm_ring_passed(u32 event, u32 from, u32 to, u32 entries)
{
	return event < entries && bm_ring_distance(from, event, entries) <
				  bm_ring_distance(from, to, entries);
}

/**
 * bm_sq_reset() - back to empty, as the device is after its queue was enabled
 * @sq: submission ring
 */
void bm_sq_reset(struct bm_sq *sq)
{
	sq->tail = 0;
	sq->rung = 0;
	sq->head = 0;
}

/**
 * bm_sq_push() - put a submission at the tail; the doorbell is the caller's
 * @sq: submission ring with room for one; see queue.c for why there always is
 * @sqe: what to submit
 *
 * Return: its place, for bm_sq_fetched().
 */
u32 bm_sq_push(struct bm_sq *sq, const struct bm_hw_sqe *sqe)
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
bool bm_sq_retire(struct bm_sq *sq, u16 head)
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
bool bm_sq_fetched(const struct bm_sq *sq, u32 place)
{
	return (s32)(sq->head - place) > 0;
}

/**
 * bm_cq_reset() - cleared, and in its first pass
 * @cq: completion ring; the device must not be using it
 */
void bm_cq_reset(struct bm_cq *cq)
{
	memset(cq->ring, 0, cq->entries * sizeof(*cq->ring));
	cq->head = 0;
	cq->rung = 0;
	cq->arms = 0;
	cq->phase = BM_CQE_PHASE;
}

/* The word by which the device tells that an entry is new. */
static u32 bm_cq_status(const struct bm_cq *cq)
{
	return le32_to_cpu(READ_ONCE(cq->ring[cq->head].status));
}

/**
 * bm_cq_dry() - is there no completion to be taken?
 * @cq: completion ring
 */
bool bm_cq_dry(const struct bm_cq *cq)
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
 * changes afterwards is not seen.
 *
 * Return: false if the ring is dry.
 */
bool bm_cq_pop(struct bm_cq *cq, struct bm_completion *c)
{
	const struct bm_hw_cqe *cqe = &cq->ring[cq->head];
	u32 status = bm_cq_status(cq);

	if ((status & BM_CQE_PHASE) != cq->phase)
		return false;
	dma_rmb();

	c->status = FIELD_GET(BM_CQE_STATUS, status);
	c->info = le64_to_cpu(READ_ONCE(cqe->info));
	c->sq_head = le16_to_cpu(READ_ONCE(cqe->sq_head));
	c->tag = le16_to_cpu(READ_ONCE(cqe->tag));

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
u16 bm_tag(u16 index, u16 gen)
{
	return FIELD_PREP(BM_TAG_INDEX, index) | FIELD_PREP(BM_TAG_GEN, gen);
}

/**
 * bm_tag_index() - which request a tag names
 * @tag: any value
 */
u16 bm_tag_index(u16 tag)
{
	return FIELD_GET(BM_TAG_INDEX, tag);
}

/**
 * bm_tag_gen() - which use of the request a tag names
 * @tag: any value
 */
u16 bm_tag_gen(u16 tag)
{
	return FIELD_GET(BM_TAG_GEN, tag);
}

/**
 * bm_next_gen() - the generation of a request's next use
 * @gen: of its last one
 */
u16 bm_next_gen(u16 gen)
{
	return (gen + 1) & FIELD_MAX(BM_TAG_GEN);
}

/**
 * bm_sqe_init() - an empty submission
 * @sqe: to be filled
 * @op: operation
 * @length: bytes; zero for BM_OP_NOP
 */
void bm_sqe_init(struct bm_hw_sqe *sqe, enum bm_op op, u32 length)
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
void bm_ptr_host(struct bm_hw_ptr *ptr, dma_addr_t addr)
{
	*ptr = (struct bm_hw_ptr){ .addr = cpu_to_le64(addr), .space = BM_SPACE_HOST };
}

/**
 * bm_ptr_local() - point into device memory
 * @ptr: to be filled
 * @offset: bytes from its start
 */
void bm_ptr_local(struct bm_hw_ptr *ptr, u64 offset)
{
	*ptr = (struct bm_hw_ptr){ .addr = cpu_to_le64(offset), .space = BM_SPACE_LOCAL };
}

/**
 * bm_ptr_sgl() - point to a scatter-gather list
 * @ptr: to be filled
 * @addr: bus address of its first list
 * @count: entries of that list, its chain entry included
 */
void bm_ptr_sgl(struct bm_hw_ptr *ptr, dma_addr_t addr, u32 count)
{
	*ptr = (struct bm_hw_ptr){ .addr = cpu_to_le64(addr),
				   .count = cpu_to_le32(count),
				   .space = BM_SPACE_HOST_SGL };
}

/**
 * struct bm_run - a bus-contiguous run of one or more scatterlist entries
 * @addr: bus address
 * @length: bytes
 */
struct bm_run {
	dma_addr_t addr;
	u32 length;
};

/* The run that begins with entry @i; returns the entry behind it, or -EINVAL. */
static int bm_next_run(struct scatterlist *sgl, unsigned int nents, unsigned int i,
		       struct bm_run *run)
{
	run->addr = sg_dma_address(&sgl[i]);
	run->length = 0;
	do {
		if (!sg_dma_len(&sgl[i]))
			return -EINVAL;
		run->length += sg_dma_len(&sgl[i++]);
	} while (i < nents && sg_dma_address(&sgl[i]) == run->addr + run->length &&
		 sg_dma_len(&sgl[i]) <= U32_MAX - run->length);
	return i;
}

static void bm_seg_write(struct bm_hw_seg *seg, u64 addr, u32 length, u32 flags)
{
	seg->addr = cpu_to_le64(addr);
	seg->length = cpu_to_le32(length);
	seg->flags = cpu_to_le32(flags);
}

/**
 * bm_sgl_encode() - describe mapped memory to the device
 * @ptr: what to fill: points to the memory itself if it is one run, else to an SGL
 * @lists: coherent memory for the SGL
 * @nr_lists: so many lists
 * @sgl: scatterlist as mapped by dma_map_sgtable(); an array, not chained
 * @nents: its mapped entries
 *
 * Neighbours on the bus become one segment. When a list is full and more than one
 * segment is left, its last entry chains to the next list.
 *
 * Return: 0; -EINVAL if there is no entry or an empty one; -E2BIG if @lists do not
 * suffice. Then @ptr is not to be used.
 */
int bm_sgl_encode(struct bm_hw_ptr *ptr, const struct bm_sgl_list *lists, unsigned int nr_lists,
		  struct scatterlist *sgl, unsigned int nents)
{
	const struct bm_sgl_list *list = lists;
	__le32 *count = &ptr->count;
	struct bm_run run;
	u32 slot = 0;
	int next;

	if (!nents)
		return -EINVAL;
	next = bm_next_run(sgl, nents, 0, &run);
	if (next == nents) {
		bm_ptr_host(ptr, run.addr);
		return 0;
	}
	if (!nr_lists)
		return -E2BIG;

	bm_ptr_sgl(ptr, list->dma, 0);
	while (next > 0) {
		bool last = next == nents;

		if (slot == BM_SGL_LIST_SEGS - 1 && !last) {
			if (list == &lists[nr_lists - 1])
				return -E2BIG;
			bm_seg_write(&list->seg[slot], list[1].dma, 0, BM_SEG_CHAIN);
			*count = cpu_to_le32(BM_SGL_LIST_SEGS);
			count = &list->seg[slot].length;
			list++;
			slot = 0;
		}
		bm_seg_write(&list->seg[slot++], run.addr, run.length, 0);
		next = last ? 0 : bm_next_run(sgl, nents, next, &run);
	}
	*count = cpu_to_le32(slot);
	return next;
}

/**
 * bm_status_errno() - what a completion's status means to a caller
 * @status: enum bm_status, or any other value
 *
 * Return: 0 or a negative errno; -EPROTO for a status that the data sheet does not
 * know.
 */
int bm_status_errno(u8 status)
{
	switch (status) {
	case BM_ST_SUCCESS:
	case BM_ST_MISCOMPARE:
		return 0;
	case BM_ST_BAD_OPCODE:
		return -EOPNOTSUPP;
	case BM_ST_BAD_FIELD:
	case BM_ST_BAD_LENGTH:
	case BM_ST_BAD_SPACE:
	case BM_ST_BAD_RANGE:
	case BM_ST_BAD_SGL:
	case BM_ST_SGL_TOO_LONG:
		return -EINVAL;
	case BM_ST_DMA_READ_FAULT:
	case BM_ST_DMA_WRITE_FAULT:
		return -EIO;
	case BM_ST_ABORTED:
		return -ECANCELED;
	default:
		return -EPROTO;
	}
}

/**
 * bm_status_plausible() - may a completion carry this status?
 * @sqe: the submission it answers
 * @status: of the completion
 */
bool bm_status_plausible(const struct bm_hw_sqe *sqe, u8 status)
{
	switch (status) {
	case BM_ST_MISCOMPARE:
		return sqe->opcode == BM_OP_COMPARE;
	case BM_ST_DMA_READ_FAULT:
		return sqe->opcode != BM_OP_NOP;
	case BM_ST_DMA_WRITE_FAULT:
		return sqe->opcode == BM_OP_COPY || sqe->opcode == BM_OP_FILL ||
		       sqe->opcode == BM_OP_COPY_CRC32C;
	default:
		return bm_status_errno(status) != -EPROTO;
	}
}

/**
 * bm_info_plausible() - may a completion carry this info?
 * @sqe: the submission it answers
 * @status: of the completion, plausible
 * @info: of the completion
 *
 * Of a refused DMA it is the address: any, as the device may well have used one that it
 * was never given. It goes into the log, and nowhere else.
 */
bool bm_info_plausible(const struct bm_hw_sqe *sqe, u8 status, u64 info)
{
	switch (status) {
	case BM_ST_SUCCESS:
		if (sqe->opcode == BM_OP_CRC32C || sqe->opcode == BM_OP_COPY_CRC32C)
			return info <= U32_MAX;
		return info == 0;
	case BM_ST_MISCOMPARE:
		return info < le32_to_cpu(sqe->length);
	case BM_ST_DMA_READ_FAULT:
	case BM_ST_DMA_WRITE_FAULT:
		return true;
	default:
		return info == 0;
	}
}
