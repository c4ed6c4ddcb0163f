/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * busmaster: memory of others, that comes as a dma-buf: import.c.
 */
#ifndef BUSMASTER_IMPORT_H
#define BUSMASTER_IMPORT_H

#include <linux/dma-direction.h>
#include <linux/dma-fence.h>

#include "queue.h"

struct bm_dev;
struct bm_hw_ptr;
struct bm_import;
struct dma_buf;

#ifdef CONFIG_BUSMASTER_DMABUF
struct bm_import *bm_import_get(struct bm_dev *bm, struct dma_buf *buf,
				enum dma_data_direction dir);
void bm_import_put(struct bm_import *im);
int bm_import_map(struct bm_request *rq, struct bm_import *im, u64 offset, size_t length,
		  struct bm_hw_ptr *ptr);
bool bm_import_moved(const struct bm_import *im);

/* The device reaches a request's memory no more: who waits for that need not wait for more. */
static inline void bm_import_let_go(struct bm_request *rq, int error)
{
	struct dma_fence *fence = rq->fence;

	if (!fence)
		return;
	rq->fence = NULL;
	if (error)
		dma_fence_set_error(fence, error);
	dma_fence_signal(fence);
	dma_fence_put(fence);
}
#else
static inline void bm_import_put(struct bm_import *im)
{
}

static inline int bm_import_map(struct bm_request *rq, struct bm_import *im, u64 offset,
				size_t length, struct bm_hw_ptr *ptr)
{
	return -EOPNOTSUPP;
}

static inline bool bm_import_moved(const struct bm_import *im)
{
	return false;
}

static inline void bm_import_let_go(struct bm_request *rq, int error)
{
}
#endif

#endif /* BUSMASTER_IMPORT_H */
