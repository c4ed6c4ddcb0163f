/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * busmaster: memory that the device may reach: mem.c.
 */
#ifndef BUSMASTER_MEM_H
#define BUSMASTER_MEM_H

#include <linux/bvec.h>
#include <linux/dma-direction.h>
#include <linux/scatterlist.h>
#include <linux/uio.h>

#include "busmaster_hw.h"

struct bm_dev;
struct bm_request;

/* Pages whose pins need no memory of their own: see struct bm_pins. */
#define BM_PINS_FEW 16

/**
 * struct bm_pins - the pages of one side of a command, before there is a request for it
 * @vec: pieces of memory, each contiguous; @few if there are no more pages than that
 * @nr: so many
 * @dir: the direction in which they will be mapped
 * @pinned: each page has a pin; else they are borrowed
 * @few: room for short commands, which so allocate nothing
 */
struct bm_pins {
	struct bio_vec *vec;
	unsigned int nr;
	enum dma_data_direction dir;
	bool pinned;
	struct bio_vec few[BM_PINS_FEW];
};

/**
 * struct bm_map - one side of a command in host memory, as the device reaches it
 * @sgt: the mapping, in a part of the request's scatterlist
 * @dir: its direction
 * @pinned: its pages are pinned, not merely borrowed
 */
struct bm_map {
	struct sg_table sgt;
	enum dma_data_direction dir;
	bool pinned;
};

void bm_mem_init(struct bm_request *rq);
void bm_mem_exit(struct bm_request *rq);
ssize_t bm_mem_pin(struct bm_pins *pins, struct iov_iter *iter, unsigned int pages);
void bm_mem_unpin(struct bm_pins *pins);
int bm_mem_map(struct bm_request *rq, const struct bm_pins *pins, struct bm_hw_ptr *ptr);
void bm_mem_unmap(struct bm_request *rq);
struct bm_sgl bm_mem_sgl_tail(const struct bm_request *rq);
void bm_mem_hand_over(struct bm_pins *pins);
bool bm_mem_ends_in_page(const struct bm_request *rq);
void bm_mem_release(struct bm_request *rq);

#endif /* BUSMASTER_MEM_H */
