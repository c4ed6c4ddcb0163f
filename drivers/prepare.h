/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * busmaster: what a caller wants done, and how it becomes commands: prepare.c, plug.c.
 */
#ifndef BUSMASTER_PREPARE_H
#define BUSMASTER_PREPARE_H

#include <linux/uio.h>

#include "busmaster_hw.h"

struct bm_dev;
struct bm_import;
struct bm_request;

/**
 * struct bm_side - one side of what a caller wants done
 * @space: BM_SPACE_NONE, BM_SPACE_LOCAL, or BM_SPACE_HOST, be it in one piece or in many
 * @iter: the host memory; its direction says what the device does
 * @import: or memory of others, which is BM_SPACE_HOST, too
 * @offset: in device memory, or in @import
 */
struct bm_side {
	enum bm_space space;
	struct iov_iter iter;
	struct bm_import *import;
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
 * @patience: jiffies that the caller waits for what others use; 0 if it must not wait,
 *	MAX_SCHEDULE_TIMEOUT if it has no opinion
 */
struct bm_want {
	enum bm_op op;
	u64 operand;
	u64 length;
	struct bm_side src;
	struct bm_side dst;
	bool polled;
	long patience;
};

/* prepare.c */
unsigned int bm_side_pages(const struct bm_dev *bm, unsigned int sides);
struct bm_request *bm_prepare(struct bm_dev *bm, struct bm_want *want, int *idx);

/* plug.c */
int bm_submit(struct bm_request *rq);

#endif /* BUSMASTER_PREPARE_H */
