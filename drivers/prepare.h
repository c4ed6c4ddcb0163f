/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * busmaster: what a caller wants done, and how it becomes commands: prepare.c, plug.c.
 */
#ifndef BUSMASTER_PREPARE_H
#define BUSMASTER_PREPARE_H

#include <linux/uio.h>

#include "busmaster_hw.h"

struct bm_dev;
struct bm_request;

/**
 * struct bm_side - one side of what a caller wants done
 * @space: BM_SPACE_NONE, BM_SPACE_LOCAL, or BM_SPACE_HOST, be it in one piece or in many
 * @iter: the host memory; its direction says what the device does
 * @offset: in device memory
 */
struct bm_side {
	enum bm_space space;
	struct iov_iter iter;
	u64 offset;
};

/**
 * struct bm_want - what a caller wants done, by one command or several
 * @op: operation
 * @operand: of the next command
 * @length: bytes for which there is no command yet
 * @src: where they come from
 * @dst: where they go, or what they are compared with
 * @polled: the caller looks for completions
 * @wait: the caller may wait for what others use
 */
struct bm_want {
	enum bm_op op;
	u64 operand;
	u64 length;
	struct bm_side src;
	struct bm_side dst;
	bool polled;
	bool wait;
};

/* prepare.c */
unsigned int bm_side_pages(const struct bm_dev *bm, unsigned int sides);
struct bm_request *bm_prepare(struct bm_dev *bm, struct bm_want *want, int *idx);

/* plug.c */
int bm_submit(struct bm_request *rq);

#endif /* BUSMASTER_PREPARE_H */
