// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: rings and descriptors: what is not done for each command, or is long.
 *
 * Pure functions on memory, as those in ring.h are: no PCI, no register, no lock. They are
 * apart so that KUnit can prove them without a device.
 */
#include <linux/errno.h>

#include "ring.h"

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
 * bm_cq_reset() - cleared, no request's tag in any entry, and in its first pass
 * @cq: completion ring; the device must not be using it
 */
void bm_cq_reset(struct bm_cq *cq)
{
	u32 i;

	for (i = 0; i < cq->entries; i++)
		cq->ring[i] = (struct bm_hw_cqe){ .tag = cpu_to_le16(BM_TAG_NONE) };
	cq->head = 0;
	cq->rung = 0;
	cq->arms = 0;
	cq->phase = BM_CQE_PHASE;
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

static void bm_seg_write(struct bm_hw_seg *seg, const struct bm_run *run)
{
	seg->addr = cpu_to_le64(run->addr);
	seg->length = cpu_to_le32(run->length);
	seg->flags = 0;
}

/**
 * bm_sgl_encode() - describe mapped memory to the device
 * @ptr: what to fill: points to the memory itself if it is one run, else to an SGL
 * @list: coherent memory with room for @nents entries
 * @sgl: scatterlist as mapped by dma_map_sgtable(); an array, not chained
 * @nents: its mapped entries
 *
 * Neighbours on the bus become one segment. The list does not chain: that is for those
 * who cannot know how long it will be.
 *
 * Return: 0; -EINVAL if there is no entry or an empty one, and then @ptr is not to be
 * used.
 */
int bm_sgl_encode(struct bm_hw_ptr *ptr, const struct bm_sgl *list, struct scatterlist *sgl,
		  unsigned int nents)
{
	struct bm_run run;
	u32 count = 0;
	int next;

	if (!nents)
		return -EINVAL;
	next = bm_next_run(sgl, nents, 0, &run);
	if (next == nents) {
		bm_ptr_host(ptr, run.addr);
		return 0;
	}
	while (next > 0) {
		bm_seg_write(&list->seg[count++], &run);
		if (next == nents) {
			bm_ptr_sgl(ptr, list->dma, count);
			return 0;
		}
		next = bm_next_run(sgl, nents, next, &run);
	}
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
