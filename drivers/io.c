// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: a transfer between the file and its caller's memory.
 *
 * A transfer (struct bm_io) is one command or several, all on their way together.
 * Its caller sleeps, or has left and is told when the last has ended; that is the
 * only difference between read() and io_uring. Nothing is allocated for a transfer
 * of one command: its struct bm_io is in the request.
 */
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "busmaster.h"
#include "prepare.h"

/**
 * struct bm_sync - a caller that sleeps until its transfer has ended
 * @done: when it has
 * @ret: bytes, or a negative errno
 */
struct bm_sync {
	struct completion done;
	ssize_t ret;
};

/**
 * struct bm_io - a transfer between a file and a caller's memory
 * @iocb: the caller's
 * @sync: whom to wake; or NULL, and @iocb is completed
 * @leader: the request that this is in; or NULL, and this was allocated
 * @refs: commands on their way, and one for whoever still submits
 * @submitted: bytes
 * @failure: of the first command, in the order of the file, that failed: bytes before it in
 *	the upper half, which suffices for the kernel's MAX_RW_COUNT, and its negated errno in
 *	the lower; so the least is the first. All ones: there was none
 */
struct bm_io {
	struct kiocb *iocb;
	struct bm_sync *sync;
	struct bm_request *leader;
	atomic_t refs;
	size_t submitted;
	atomic64_t failure;
};

#define BM_IO_SOUND U64_MAX

/**
 * struct bm_io_part - what a request knows of its transfer
 * @io: it
 * @offset: bytes of the transfer before this command
 * @own: the transfer itself, if it has no other command
 */
struct bm_io_part {
	struct bm_io *io;
	size_t offset;
	struct bm_io own;
};

static struct bm_io_part *bm_io_part(struct bm_request *rq)
{
	return bm_request_to_pdu(rq, struct bm_io_part);
}

static void bm_io_init(struct bm_io *io, struct kiocb *iocb, struct bm_sync *sync,
		       struct bm_request *leader)
{
	io->iocb = iocb;
	io->sync = sync;
	io->leader = leader;
	atomic_set(&io->refs, 1);
	io->submitted = 0;
	atomic64_set(&io->failure, BM_IO_SOUND);
}

/* The result is the length of the sound part before the first failure, as a file has it. */
static ssize_t bm_io_result(const struct bm_io *io)
{
	u64 failure = atomic64_read(&io->failure);

	if (failure == BM_IO_SOUND)
		return io->submitted;
	return upper_32_bits(failure) ?: -(ssize_t)lower_32_bits(failure);
}

static void bm_io_free(struct bm_io *io)
{
	if (io->leader)
		bm_request_put(io->leader);
	else
		kfree(io);
}

/* The last has left: tell the caller. */
static void bm_io_end(struct bm_io *io)
{
	ssize_t ret = bm_io_result(io);
	struct bm_sync *sync = io->sync;
	struct kiocb *iocb = io->iocb;

	bm_io_free(io);
	if (ret > 0)
		iocb->ki_pos += ret;
	if (sync) {
		sync->ret = ret;
		complete(&sync->done);
	} else {
		iocb->ki_complete(iocb, ret);
	}
}

/* Of a transfer of several commands the submitter may wait until it is the only one left. */
static void bm_io_leave(struct bm_io *io)
{
	bool several = !io->leader;
	int left = atomic_dec_return(&io->refs);

	if (!left)
		bm_io_end(io);
	else if (several && left == 1)
		wake_up_var(&io->refs);
}

static void bm_io_fail(struct bm_io *io, size_t offset, int error)
{
	u64 failure = (u64)offset << 32 | -error;
	s64 first = atomic64_read(&io->failure);

	while (failure < (u64)first && !atomic64_try_cmpxchg(&io->failure, &first, failure))
		;
}

static void bm_io_done(struct bm_request *rq)
{
	struct bm_io_part *part = bm_io_part(rq);
	struct bm_io *io = part->io;

	if (rq->error)
		bm_io_fail(io, part->offset, rq->error);
	if (rq != io->leader)
		bm_request_put(rq);
	bm_io_leave(io);
}

/* Send a command on its way: the next part of a transfer. */
static int bm_io_submit(struct bm_io *io, struct bm_request *rq)
{
	struct bm_io_part *part = bm_io_part(rq);

	part->io = io;
	part->offset = io->submitted;
	rq->done = bm_io_done;
	io->submitted += le32_to_cpu(rq->sqe.length);
	atomic_inc(&io->refs);
	return bm_submit(rq);
}

/* A transfer of one command: nothing is needed for it but its request. */
static int bm_io_start_one(struct bm_dev *bm, struct kiocb *iocb, struct bm_want *want,
			   struct bm_sync *sync)
{
	struct bm_request *rq;
	struct bm_io *io;
	int idx;

	rq = bm_prepare(bm, want, &idx);
	if (IS_ERR(rq))
		return PTR_ERR(rq);
	iocb->private = rq->queue;
	io = &bm_io_part(rq)->own;
	bm_io_init(io, iocb, sync, rq);
	bm_io_submit(io, rq);
	bm_io_leave(io);
	bm_exit(bm, idx);
	return 0;
}

/*
 * Submit one command after the other. Where two may share a cache line, wait for the first. Who
 * must not wait gets as much as goes at once.
 */
static int bm_io_submit_all(struct bm_dev *bm, struct bm_io *io, struct bm_want *want)
{
	struct bm_request *rq;
	struct blk_plug plug;
	bool shares = false;
	int err = 0, idx;

	blk_start_plug(&plug);
	while (!err && want->length) {
		if (shares && !want->patience)
			break;
		if (shares)
			wait_var_event_killable(&io->refs, atomic_read(&io->refs) == 1);
		if (fatal_signal_pending(current)) {
			err = -EINTR;
			break;
		}
		rq = bm_prepare(bm, want, &idx);
		if (IS_ERR(rq)) {
			err = PTR_ERR(rq);
			break;
		}
		io->iocb->private = rq->queue;
		shares = bm_mem_ends_in_page(rq);
		err = bm_io_submit(io, rq);
		bm_exit(bm, idx);
	}
	blk_finish_plug(&plug);
	return err;
}

static int bm_io_start_many(struct bm_dev *bm, struct kiocb *iocb, struct bm_want *want,
			    struct bm_sync *sync)
{
	struct bm_io *io = kmalloc(sizeof(*io), want->patience ? GFP_KERNEL : GFP_NOWAIT);
	int err;

	if (!io)
		return want->patience ? -ENOMEM : -EAGAIN;
	bm_io_init(io, iocb, sync, NULL);
	err = bm_io_submit_all(bm, io, want);
	if (!io->submitted) {
		kfree(io);
		return err;
	}
	bm_io_leave(io);
	return 0;
}

/*
 * Begin a transfer. Where the caller does not want to wait, it is as much of it as there are
 * requests for now. Longer ones are not polled: while they wait nobody looks.
 *
 * Return: 0: it ends by itself, and tells @sync or @iocb; or a negative errno.
 */
static int bm_io_start(struct bm_dev *bm, struct kiocb *iocb, const struct iov_iter *iter,
		       struct bm_sync *sync)
{
	bool one = iov_iter_npages(iter, bm->cmd_pages + 1) <= bm->cmd_pages;
	bool write = iov_iter_rw(iter) == WRITE;
	struct bm_want want = {
		.op = BM_OP_COPY,
		.length = iov_iter_count(iter),
		.polled = one && !sync && iocb->ki_flags & IOCB_HIPRI,
		.patience = iocb->ki_flags & IOCB_NOWAIT ? 0 : MAX_SCHEDULE_TIMEOUT,
	};
	struct bm_side *host = write ? &want.src : &want.dst;
	struct bm_side *local = write ? &want.dst : &want.src;

	host->space = BM_SPACE_HOST;
	host->iter = *iter;
	local->space = BM_SPACE_LOCAL;
	local->offset = iocb->ki_pos;
	if (one)
		return bm_io_start_one(bm, iocb, &want, sync);
	return bm_io_start_many(bm, iocb, &want, sync);
}

/* Is it a command of this caller's? */
static bool bm_io_is_of(struct bm_request *rq, const void *sync)
{
	return rq->done == bm_io_done && bm_io_part(rq)->io->sync == sync;
}

/*
 * Nobody lets go of memory that the device may reach, be there a signal: the commands are
 * aborted, and the end of that is waited for. See abort.c for how long that takes at most.
 */
static void bm_io_wait(struct bm_dev *bm, struct bm_sync *sync)
{
	int idx;

	if (!wait_for_completion_killable(&sync->done))
		return;
	idx = bm_enter(bm);
	if (idx >= 0) {
		bm_abort_where(bm, bm_io_is_of, sync);
		bm_exit(bm, idx);
	}
	wait_for_completion(&sync->done);
}

/**
 * bm_io_rw() - read_iter and write_iter: the iterator knows the direction
 * @bm: device, present or not
 * @iocb: says where in the file; completed later if it is asynchronous
 * @iter: the caller's memory, not empty, within the file; advanced by what a synchronous
 *	transfer has moved
 *
 * May sleep; but for a free request only without IOCB_NOWAIT. Of signals a synchronous
 * transfer heeds the fatal ones: its commands are aborted.
 *
 * Return: bytes, fewer than asked for if something failed half-way; -EIOCBQUEUED; or
 * another negative errno, and then nothing was moved: see bm_prepare().
 */
ssize_t bm_io_rw(struct bm_dev *bm, struct kiocb *iocb, struct iov_iter *iter)
{
	struct bm_sync sync;
	int err;

	if (!is_sync_kiocb(iocb))
		return bm_io_start(bm, iocb, iter, NULL) ?: -EIOCBQUEUED;

	init_completion(&sync.done);
	err = bm_io_start(bm, iocb, iter, &sync);
	if (err)
		return err;
	bm_io_wait(bm, &sync);
	if (sync.ret > 0)
		iov_iter_advance(iter, sync.ret);
	return sync.ret;
}

/**
 * bm_io_poll() - look for completions of a polled transfer
 * @bm: device, between bm_enter() and bm_exit()
 * @iocb: asynchronous transfer that bm_io_rw() took and that has not ended
 *
 * Return: completions found.
 */
int bm_io_poll(struct bm_dev *bm, struct kiocb *iocb)
{
	struct bm_queue *q = READ_ONCE(iocb->private);

	return bm_queue_reap(q, q->cq.entries);
}

/* Until what had been submitted to a queue has ended: killably. */
static int bm_io_sync_queue(struct bm_queue *q, u64 submitted)
{
	return wait_event_killable(q->bm->idle, bm_queue_passed(q, submitted)) ? -EINTR : 0;
}

/**
 * bm_io_sync() - wait until all that was submitted before has ended
 * @bm: device, between bm_enter() and bm_exit()
 *
 * Whatever of it failed was told to whoever submitted it. May sleep.
 *
 * Return: 0; or -EINTR, after a fatal signal.
 */
int bm_io_sync(struct bm_dev *bm)
{
	u64 submitted[BM_MAX_QUEUES];
	unsigned int i;
	int err = 0;

	for (i = 0; i < bm_total_queues(bm); i++)
		submitted[i] = bm_queue_submitted(&bm->queues[i]);
	for (i = 0; i < bm_total_queues(bm) && !err; i++)
		err = bm_io_sync_queue(&bm->queues[i], submitted[i]);
	return err;
}
