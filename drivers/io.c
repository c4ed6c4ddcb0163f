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

/**
 * struct bm_sync - a caller that sleeps until its transfer has ended
 * @done: when it has
 * @ret: bytes, or a negative errno
 */
struct bm_sync {
	struct completion done;
	ssize_t ret;
};

static void bm_io_init(struct bm_io *io, struct kiocb *iocb, struct bm_sync *sync,
		       struct bm_request *leader)
{
	io->iocb = iocb;
	io->sync = sync;
	io->leader = leader;
	atomic_set(&io->refs, 1);
	io->submitted = 0;
	io->alone = false;
	spin_lock_init(&io->lock);
	io->error = 0;
	io->sound = SIZE_MAX;
}

/* The result is the length of the sound part before the first failure, as a file has it. */
static ssize_t bm_io_result(const struct bm_io *io)
{
	return min(io->submitted, io->sound) ?: io->error;
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

static void bm_io_fail(struct bm_io *io, size_t sound, int error)
{
	unsigned long flags;

	spin_lock_irqsave(&io->lock, flags);
	if (sound < io->sound) {
		io->sound = sound;
		io->error = error;
	}
	spin_unlock_irqrestore(&io->lock, flags);
}

static void bm_io_released(struct bm_request *rq)
{
	struct bm_io *io = rq->io;

	if (rq->error)
		bm_io_fail(io, rq->offset, rq->error);
	if (rq != io->leader)
		bm_request_put(rq);
	bm_io_leave(io);
}

static void bm_io_done(struct bm_request *rq)
{
	bm_mem_release(rq, bm_io_released);
}

/*
 * Map the next part of the caller's memory. If that wants what other commands use,
 * they give it back when they end, and all end before their timeout.
 */
static ssize_t bm_io_map(struct bm_request *rq, struct iov_iter *iter, struct bm_hw_ptr *ptr,
			 bool wait)
{
	unsigned long until = jiffies + msecs_to_jiffies(bm_param_timeout_ms);
	ssize_t n;

	for (;;) {
		n = bm_mem_map(rq, iter, rq->queue->bm->cmd_pages, ptr);
		if (n != -ENOMEM)
			return n;
		if (!wait)
			return -EAGAIN;
		if (fatal_signal_pending(current))
			return -EINTR;
		if (time_after(jiffies, until))
			return n;
		schedule_timeout_killable(1);
	}
}

/* Send a request on its way with the next part of a transfer, or put it back. */
static int bm_io_submit(struct bm_io *io, struct bm_request *rq, struct iov_iter *iter, bool wait)
{
	bool write = iov_iter_rw(iter) == WRITE;
	struct bm_hw_sqe *sqe = &rq->sqe;
	ssize_t n;
	int err;

	bm_sqe_init(sqe, BM_OP_COPY, 0);
	bm_ptr_local(write ? &sqe->dst : &sqe->src, io->iocb->ki_pos + io->submitted);
	n = bm_io_map(rq, iter, write ? &sqe->src : &sqe->dst, wait);
	if (n < 0) {
		if (rq != io->leader)
			bm_request_put(rq);
		return n;
	}
	sqe->length = cpu_to_le32(n);

	rq->io = io;
	rq->offset = io->submitted;
	rq->done = bm_io_done;
	io->submitted += n;
	io->alone = bm_mem_ends_in_page(rq);
	atomic_inc(&io->refs);
	err = bm_request_submit_plugged(rq);
	if (err) {
		rq->error = err;
		bm_io_done(rq);
	}
	return err;
}

/* Submit one command after the other, @rq being the first. Waits where it must. */
static int bm_io_submit_all(struct bm_io *io, struct bm_request *rq, struct iov_iter *iter)
{
	struct bm_dev *bm = rq->queue->bm;
	struct blk_plug plug;
	int err;

	blk_start_plug(&plug);
	for (;;) {
		err = bm_io_submit(io, rq, iter, true);
		if (err || !iov_iter_count(iter))
			break;
		if (io->alone)
			wait_var_event(&io->refs, atomic_read(&io->refs) == 1);
		rq = bm_request_get(bm, false, true);
		if (IS_ERR(rq)) {
			err = PTR_ERR(rq);
			break;
		}
	}
	blk_finish_plug(&plug);
	return err;
}

/*
 * Begin a transfer. Where the caller does not want to wait, it is one command or none:
 * the longer ones may have to wait half-way.
 *
 * Return: 0: it ends by itself, and tells @sync or @iocb; or a negative errno.
 */
static int bm_io_start(struct bm_dev *bm, struct kiocb *iocb, struct iov_iter *iter,
		       struct bm_sync *sync)
{
	bool one = iov_iter_npages(iter, bm->cmd_pages + 1) <= bm->cmd_pages;
	bool wait = !(iocb->ki_flags & IOCB_NOWAIT);
	struct bm_request *rq;
	struct bm_io *io;
	int err;

	if (!one && !wait)
		return -EAGAIN;
	rq = bm_request_get(bm, !sync && iocb->ki_flags & IOCB_HIPRI, wait);
	if (IS_ERR(rq))
		return PTR_ERR(rq);
	io = one ? &rq->own_io : kmalloc(sizeof(*io), GFP_KERNEL);
	if (!io) {
		bm_request_put(rq);
		return -ENOMEM;
	}
	bm_io_init(io, iocb, sync, one ? rq : NULL);
	iocb->private = rq->queue;

	err = one ? bm_io_submit(io, rq, iter, wait) : bm_io_submit_all(io, rq, iter);
	if (!io->submitted) {
		bm_io_free(io);
		return err;
	}
	bm_io_leave(io);
	return 0;
}

/**
 * bm_io_rw() - read_iter and write_iter: the iterator knows the direction
 * @bm: device, between bm_enter() and bm_exit(), that is present
 * @iocb: says where in the file; completed later if it is asynchronous
 * @iter: the caller's memory, not empty, within the file
 *
 * May sleep unless IOCB_NOWAIT is set. A synchronous transfer is waited for without
 * heeding signals: until the device is done with the memory, nobody may let go of it.
 * The watchdog bounds it.
 *
 * Return: bytes, fewer than asked for if something failed half-way; -EIOCBQUEUED; or
 * another negative errno, and then nothing was moved: -EAGAIN if it would have to
 * wait but must not, -ERESTARTSYS or -EINTR if a fatal signal came first.
 */
ssize_t bm_io_rw(struct bm_dev *bm, struct kiocb *iocb, struct iov_iter *iter)
{
	size_t count = iov_iter_count(iter), left;
	struct bm_sync sync;
	int err;

	if (!is_sync_kiocb(iocb))
		return bm_io_start(bm, iocb, iter, NULL) ?: -EIOCBQUEUED;

	init_completion(&sync.done);
	err = bm_io_start(bm, iocb, iter, &sync);
	if (err)
		return err;
	wait_for_completion(&sync.done);
	left = count - max_t(ssize_t, sync.ret, 0);
	iov_iter_revert(iter, left - iov_iter_count(iter));
	return sync.ret;
}

/**
 * bm_io_poll() - look for completions of a polled transfer
 * @bm: device, between bm_enter() and bm_exit(), that is present
 * @iocb: asynchronous transfer that bm_io_rw() took and that has not ended
 *
 * Return: completions found.
 */
int bm_io_poll(struct bm_dev *bm, struct kiocb *iocb)
{
	struct bm_queue *q = READ_ONCE(iocb->private);

	return bm_queue_reap(q, q->cq.entries);
}
