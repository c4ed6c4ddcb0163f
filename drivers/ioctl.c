// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: operations of the caller's choice, by ioctl or io_uring command.
 *
 * An operation (struct busmaster_op) is one command, or several one after the other. An
 * ioctl waits for each; an io_uring command is one command, and is told of its end.
 * For that nothing is allocated: what is needed then fits in the io_uring command.
 */
#include <linux/bitops.h>
#include <linux/dma-buf.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/uaccess.h>

#include "busmaster.h"
#include "import.h"
#include "prepare.h"
#include <uapi/linux/busmaster.h>

#define BM_SAME_OP(name) static_assert((int)BUSMASTER_OP_##name == (int)BM_OP_##name)
BM_SAME_OP(COPY);
BM_SAME_OP(FILL);
BM_SAME_OP(CRC32C);
BM_SAME_OP(COPY_CRC32C);
BM_SAME_OP(COMPARE);

/**
 * struct bm_op_kind - what an operation asks for
 * @src: FMODE_READ, or 0 if there is no source
 * @dst: FMODE_WRITE or FMODE_READ, or 0 if there is no destination
 * @operand: the largest
 */
struct bm_op_kind {
	fmode_t src;
	fmode_t dst;
	u64 operand;
};

static const struct bm_op_kind bm_op_kinds[] = {
	[BUSMASTER_OP_COPY] = { FMODE_READ, FMODE_WRITE, 0 },
	[BUSMASTER_OP_FILL] = { 0, FMODE_WRITE, U64_MAX },
	[BUSMASTER_OP_CRC32C] = { FMODE_READ, 0, U32_MAX },
	[BUSMASTER_OP_COPY_CRC32C] = { FMODE_READ, FMODE_WRITE, U32_MAX },
	[BUSMASTER_OP_COMPARE] = { FMODE_READ, FMODE_READ, 0 },
};

/* A structure that is versioned by its size, its first member: @known bytes of it, or fewer. */
static int bm_fetch(void *to, size_t known, size_t least, const void __user *from, u32 *size)
{
	if (get_user(*size, (const u32 __user *)from))
		return -EFAULT;
	if (*size < least)
		return -EINVAL;
	if (*size > PAGE_SIZE)
		return -E2BIG;
	return copy_struct_from_user(to, known, from, *size);
}

/* Does a range lie in the first @size bytes? */
static bool bm_within(u64 begin, u64 length, u64 size)
{
	return begin <= size && length <= size - begin;
}

static int bm_op_check_side(struct bm_dev *bm, struct file *file,
			    const struct busmaster_side *side, u64 length, fmode_t mode)
{
	if (side->fd && side->space != BUSMASTER_FD)
		return -EINVAL;
	if (!mode)
		return side->space == BUSMASTER_NONE && !side->addr ? 0 : -EINVAL;
	switch (side->space) {
	case BUSMASTER_USER:
		return access_ok(u64_to_user_ptr(side->addr), length) ? 0 : -EFAULT;
	case BUSMASTER_DEVICE:
		if (!bm_within(side->addr, length, bm_file_size(bm)))
			return -ERANGE;
		return file->f_mode & mode ? 0 : -EBADF;
	case BUSMASTER_FD:
		return 0;
	default:
		return -EINVAL;
	}
}

static bool bm_op_has_fd(const struct busmaster_op *op)
{
	return op->src.space == BUSMASTER_FD || op->dst.space == BUSMASTER_FD;
}

/* Pages of programs are not waited for with a dma-buf mapped. */
static bool bm_op_fits(const struct busmaster_op *op)
{
	bool both = op->src.space == BUSMASTER_FD && op->dst.space == BUSMASTER_FD;
	bool user = op->src.space == BUSMASTER_USER || op->dst.space == BUSMASTER_USER;

	return !bm_op_has_fd(op) || !(both || user);
}

static bool bm_op_overlaps(const struct busmaster_op *op)
{
	return op->src.space == op->dst.space && op->src.addr < op->dst.addr + op->length &&
	       op->dst.addr < op->src.addr + op->length;
}

/* Nothing is done of an operation that is not right as a whole. */
static int bm_op_check(struct bm_dev *bm, struct file *file, const struct busmaster_op *op)
{
	const struct bm_op_kind *kind;
	int err;

	if (op->op < BUSMASTER_OP_COPY || op->op >= ARRAY_SIZE(bm_op_kinds))
		return -EINVAL;
	kind = &bm_op_kinds[op->op];
	if (!op->length || op->operand > kind->operand || op->reserved ||
	    op->timeout_ms > BUSMASTER_MAX_TIMEOUT_MS)
		return -EINVAL;
	err = bm_op_check_side(bm, file, &op->src, op->length, kind->src) ?:
	      bm_op_check_side(bm, file, &op->dst, op->length, kind->dst);
	if (err)
		return err;
	if (!bm_op_fits(op) || (kind->dst == FMODE_WRITE && bm_op_overlaps(op)))
		return -EINVAL;
	return bm->caps.ops & BIT(op->op) ? 0 : -EOPNOTSUPP;
}

static int bm_op_fetch(struct bm_dev *bm, struct file *file, struct busmaster_op *op,
		       const struct busmaster_op __user *from)
{
	u32 size;

	return bm_fetch(op, sizeof(*op), BUSMASTER_OP_SIZE_VER0, from, &size) ?:
	       bm_op_check(bm, file, op);
}

/**
 * struct bm_op_fd - what a file descriptor of an operation stands for
 * @import: memory of others; or NULL, and there is none
 * @offset: in there
 */
struct bm_op_fd {
	struct bm_import *import;
	u64 offset;
};

#ifdef CONFIG_BUSMASTER_DMABUF
/* Another file of this driver: what is wanted of its memory, while the operation lasts. */
static struct dma_buf *bm_op_other(struct file *file, const struct busmaster_side *side,
				   u64 length, u64 *offset)
{
	struct dma_buf *buf = ERR_PTR(-EINVAL);
	struct file *other = fget(side->fd);
	struct bm_dev *bm;
	u64 begin;

	if (!other)
		return ERR_PTR(-EBADF);
	if (other->f_op == file->f_op) {
		bm = container_of(file_inode(other)->i_cdev, struct bm_dev, cdev);
		begin = ALIGN_DOWN(side->addr, PAGE_SIZE);
		buf = ERR_PTR(-ERANGE);
		if (bm_within(side->addr, length, bm_file_size(bm)))
			buf = bm_export(bm, begin, PAGE_ALIGN(side->addr + length) - begin,
					other->f_flags & O_ACCMODE);
		*offset = side->addr - begin;
	}
	fput(other);
	return buf;
}

static struct dma_buf *bm_op_buffer(struct file *file, const struct busmaster_side *side,
				    u64 length, u64 *offset)
{
	struct dma_buf *buf = dma_buf_get(side->fd);

	*offset = side->addr;
	if (buf == ERR_PTR(-EINVAL))
		return bm_op_other(file, side, length, offset);
	if (!IS_ERR(buf) && !bm_within(*offset, length, buf->size)) {
		dma_buf_put(buf);
		return ERR_PTR(-ERANGE);
	}
	return buf;
}
#endif /* CONFIG_BUSMASTER_DMABUF */

static struct bm_side bm_op_side(const struct busmaster_side *side, u64 length,
				 const struct bm_op_fd *fd, unsigned int direction)
{
	struct bm_side to = { .space = BM_SPACE_NONE };

	switch (side->space) {
	case BUSMASTER_USER:
		to.space = BM_SPACE_HOST;
		iov_iter_ubuf(&to.iter, direction, u64_to_user_ptr(side->addr), length);
		break;
	case BUSMASTER_DEVICE:
		to.space = BM_SPACE_LOCAL;
		to.offset = side->addr;
		break;
	case BUSMASTER_FD:
		to.space = BM_SPACE_HOST;
		to.import = fd->import;
		to.offset = fd->offset;
		break;
	}
	return to;
}

/* What is wanted by an operation that bm_op_check() has let pass. */
static struct bm_want bm_op_want(const struct busmaster_op *op, const struct bm_op_fd *fd,
				 long patience)
{
	bool writes = bm_op_kinds[op->op].dst == FMODE_WRITE;

	return (struct bm_want){
		.op = op->op,
		.operand = op->operand,
		.length = op->length,
		.src = bm_op_side(&op->src, op->length, fd, ITER_SOURCE),
		.dst = bm_op_side(&op->dst, op->length, fd, writes ? ITER_DEST : ITER_SOURCE),
		.patience = patience,
	};
}

/* Equal bytes of a comparison, as the contract counts only up to a difference. */
static u64 bm_op_result(const struct bm_request *rq)
{
	if (rq->sqe.opcode == BM_OP_COMPARE && rq->status == BM_ST_SUCCESS)
		return le32_to_cpu(rq->sqe.length);
	return rq->info;
}

/* Jiffies, more rather than less than what was asked for; 0: its time is up. */
static long bm_op_left(const struct busmaster_op *op, unsigned long begin)
{
	if (!op->timeout_ms)
		return MAX_SCHEDULE_TIMEOUT;
	return max_t(long, begin + msecs_to_jiffies(op->timeout_ms) + 1 - jiffies, 0);
}

/*
 * Nobody lets go of memory that the device may reach, be there a time-out or a signal:
 * the command is aborted, and the end of that is waited for. The watchdog bounds it.
 */
static int bm_op_wait(struct bm_request *rq, long left)
{
	left = wait_for_completion_killable_timeout(&rq->waiter, left);
	if (left > 0)
		return rq->error;
	bm_abort(rq);
	wait_for_completion(&rq->waiter);
	if (!rq->error)
		return 0;
	return left ? -EINTR : -ETIMEDOUT;
}

/* The next command goes on where one of @n bytes gave @result. */
static void bm_op_advance(struct busmaster_op *op, struct bm_want *want, u32 n, u64 result)
{
	switch (op->op) {
	case BUSMASTER_OP_FILL:
		want->operand = ror64(want->operand, n % 8 * 8);
		break;
	case BUSMASTER_OP_CRC32C:
	case BUSMASTER_OP_COPY_CRC32C:
		want->operand = result;
		op->result = result;
		break;
	case BUSMASTER_OP_COMPARE:
		op->result += result;
		if (result < n)
			want->length = 0;
		break;
	}
}

/*
 * One command after the other, until nothing is wanted any more. One that was aborted as its
 * memory moved is done again.
 */
static int bm_op_run(struct bm_dev *bm, struct busmaster_op *op, const struct bm_op_fd *fd)
{
	struct bm_want want = bm_op_want(op, fd, MAX_SCHEDULE_TIMEOUT), again;
	unsigned long begin = jiffies;
	struct bm_request *rq;
	int err = 0, idx;

	op->result = 0;
	while (!err && want.length) {
		want.patience = bm_op_left(op, begin);
		if (!want.patience)
			return -ETIMEDOUT;
		again = want;
		rq = bm_prepare(bm, &want, &idx);
		if (IS_ERR(rq))
			return bm_op_left(op, begin) ? PTR_ERR(rq) : -ETIMEDOUT;
		bm_submit(rq);
		if (bm_import_moved(fd->import))
			bm_abort(rq);
		err = bm_op_wait(rq, bm_op_left(op, begin));
		if (!err) {
			bm_op_advance(op, &want, le32_to_cpu(rq->sqe.length), bm_op_result(rq));
		} else if (err == -ECANCELED && bm_import_moved(fd->import)) {
			want = again;
			err = 0;
		}
		bm_request_put(rq);
		bm_exit(bm, idx);
	}
	return err;
}

#ifdef CONFIG_BUSMASTER_DMABUF
/* The same, with others' memory, of which the reference is ours. */
static int bm_op_run_import(struct bm_dev *bm, struct busmaster_op *op, struct dma_buf *buf,
			    enum dma_data_direction dir, struct bm_op_fd *fd)
{
	int err, idx = bm_enter(bm);

	if (idx < 0) {
		dma_buf_put(buf);
		return idx;
	}
	fd->import = bm_import_get(bm, buf, dir);
	err = PTR_ERR_OR_ZERO(fd->import);
	if (!err) {
		err = bm_op_run(bm, op, fd);
		bm_import_put(fd->import);
	}
	bm_exit(bm, idx);
	return err;
}

/* And with what a file descriptor stands for. To find that may take another device's recovery. */
static int bm_op_run_fd(struct bm_dev *bm, struct file *file, struct busmaster_op *op)
{
	const struct bm_op_kind *kind = &bm_op_kinds[op->op];
	bool src = op->src.space == BUSMASTER_FD;
	fmode_t mode = src ? kind->src : kind->dst;
	struct bm_op_fd fd = {};
	struct dma_buf *buf;

	buf = bm_op_buffer(file, src ? &op->src : &op->dst, op->length, &fd.offset);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	if (!(buf->file->f_mode & mode)) {
		dma_buf_put(buf);
		return -EBADF;
	}
	return bm_op_run_import(bm, op, buf, mode == FMODE_READ ? DMA_TO_DEVICE : DMA_FROM_DEVICE,
				&fd);
}
#else
static int bm_op_run_fd(struct bm_dev *bm, struct file *file, struct busmaster_op *op)
{
	return -EOPNOTSUPP;
}
#endif /* CONFIG_BUSMASTER_DMABUF */

static int bm_ioctl_op(struct bm_dev *bm, struct file *file, struct busmaster_op __user *arg)
{
	const struct bm_op_fd none = {};
	struct busmaster_op op;
	int err;

	err = bm_op_fetch(bm, file, &op, arg);
	if (err)
		return err;
	err = bm_op_has_fd(&op) ? bm_op_run_fd(bm, file, &op) : bm_op_run(bm, &op, &none);
	if (err)
		return err;
	return put_user(op.result, &arg->result);
}

/* Whatever its alignment, a buffer of so many bytes fits in half the pages of a command. */
static u64 bm_max_command(const struct bm_dev *bm)
{
	return (u64)(bm_side_pages(bm, 2) - 1) * PAGE_SIZE;
}

static struct busmaster_info bm_info(const struct bm_dev *bm, u32 size)
{
	const struct bm_caps *caps = &bm->caps;

	return (struct busmaster_info){
		.size = min_t(u32, size, sizeof(struct busmaster_info)),
		.mem_size = bm_file_size(bm),
		.max_command = bm_max_command(bm),
		.version_major = caps->major,
		.version_minor = caps->minor,
		.ops = caps->ops & GENMASK(BUSMASTER_OP_COMPARE, BUSMASTER_OP_COPY),
		.queues = bm->nr_queues,
		.poll_queues = bm->nr_polled,
		.queue_depth = bm->queues[0].depth,
		.dma_bits = caps->dma_bits,
		.timeout_ms = bm_param_timeout_ms,
	};
}

static int bm_ioctl_info(struct bm_dev *bm, struct busmaster_info __user *arg)
{
	struct busmaster_info info;
	int err, idx;
	u32 size;

	err = bm_fetch(&info, sizeof(info), BUSMASTER_INFO_SIZE_VER0, arg, &size);
	if (err)
		return err;
	if (info.reserved)
		return -EINVAL;
	idx = bm_enter(bm);
	if (idx < 0)
		return idx;
	info = bm_info(bm, size);
	bm_exit(bm, idx);
	return copy_to_user(arg, &info, info.size) ? -EFAULT : 0;
}

#ifdef CONFIG_BUSMASTER_DMABUF
static int bm_ioctl_export(struct bm_dev *bm, struct file *file,
			   struct busmaster_export __user *arg)
{
	struct busmaster_export range;
	struct dma_buf *buf;
	int err, fd;
	u32 size;

	err = bm_fetch(&range, sizeof(range), BUSMASTER_EXPORT_SIZE_VER0, arg, &size);
	if (err)
		return err;
	if (range.reserved || !range.length || !PAGE_ALIGNED(range.offset | range.length))
		return -EINVAL;
	if (!bm_within(range.offset, range.length, bm_file_size(bm)))
		return -ERANGE;
	buf = bm_export(bm, range.offset, range.length, file->f_flags & O_ACCMODE);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	fd = get_unused_fd_flags(O_CLOEXEC);
	err = fd < 0 ? fd : put_user(fd, &arg->fd);
	if (!err) {
		fd_install(fd, buf->file);
		return 0;
	}
	if (fd >= 0)
		put_unused_fd(fd);
	dma_buf_put(buf);
	return err;
}
#else
static int bm_ioctl_export(struct bm_dev *bm, struct file *file,
			   struct busmaster_export __user *arg)
{
	return -EOPNOTSUPP;
}
#endif /* CONFIG_BUSMASTER_DMABUF */

/* Structures grow, and with them the size in their number: it is not part of the name. */
static bool bm_ioctl_is(unsigned int cmd, unsigned int name)
{
	return !((cmd ^ name) & ~IOCSIZE_MASK);
}

/**
 * bm_ioctl() - an ioctl of the device file
 * @bm: device, present or not
 * @file: the file
 * @cmd: BUSMASTER_IOC_*
 * @arg: its structure
 *
 * May sleep, for as long as the operation takes, or its timeout.
 *
 * Return: 0 or a negative errno, as <linux/busmaster.h> has them; -ENOTTY for another
 * @cmd.
 */
long bm_ioctl(struct bm_dev *bm, struct file *file, unsigned int cmd, void __user *arg)
{
	if (bm_ioctl_is(cmd, BUSMASTER_IOC_OP))
		return bm_ioctl_op(bm, file, arg);
	if (bm_ioctl_is(cmd, BUSMASTER_IOC_INFO))
		return bm_ioctl_info(bm, arg);
	if (bm_ioctl_is(cmd, BUSMASTER_IOC_EXPORT))
		return bm_ioctl_export(bm, file, arg);
	return -ENOTTY;
}

#ifdef BM_URING_CMD
/**
 * struct bm_uring_area - what a submission has for the command
 * @op: address of the struct busmaster_op
 * @reserved: 0
 */
struct bm_uring_area {
	u64 op;
	u64 reserved;
};

/**
 * struct bm_uring - what is left of an io_uring command when its request has gone
 * @to: where the result goes
 * @result: it
 * @error: 0 or a negative errno
 */
struct bm_uring {
	u64 __user *to;
	u64 result;
	int error;
};

/* In the task that submitted it; or, if that has exited, in one without its memory. */
static void bm_uring_end(struct io_tw_req req, io_tw_token_t token)
{
	struct io_uring_cmd *cmd = io_uring_cmd_from_tw(req);
	struct bm_uring *uring = io_uring_cmd_to_pdu(cmd, struct bm_uring);
	int err = uring->error;

	if (!err && (!current->mm || put_user(uring->result, uring->to)))
		err = -EFAULT;
	io_uring_cmd_done(cmd, err, IO_URING_CMD_TASK_WORK_ISSUE_FLAGS);
}

/* The request is not kept until the task runs: that may be after remove(). */
static void bm_uring_done(struct bm_request *rq)
{
	struct io_uring_cmd *cmd = *bm_request_to_pdu(rq, struct io_uring_cmd *);
	struct bm_uring *uring = io_uring_cmd_to_pdu(cmd, struct bm_uring);

	uring->result = bm_op_result(rq);
	uring->error = rq->error;
	bm_request_put(rq);
	io_uring_cmd_complete_in_task(cmd, bm_uring_end);
}

/* Is it the one command of this io_uring command? */
static bool bm_uring_is(struct bm_request *rq, const void *cmd)
{
	return rq->done == bm_uring_done && *bm_request_to_pdu(rq, struct io_uring_cmd *) == cmd;
}

/* Its task exits, or its ring goes: it ends as soon as the device lets go of its memory. */
static void bm_uring_cancel(struct bm_dev *bm, struct io_uring_cmd *cmd)
{
	int idx = bm_enter(bm);

	if (idx < 0)
		return;
	bm_abort_where(bm, bm_uring_is, cmd);
	bm_exit(bm, idx);
}

/**
 * bm_uring_cmd() - an io_uring command of the device file
 * @bm: device, present or not
 * @cmd: whose operation is BUSMASTER_IOC_OP; is ended later, by its task
 * @issue_flags: does not wait if IO_URING_F_NONBLOCK is set
 *
 * Return: -EIOCBQUEUED; or another negative errno, and then nothing was done: -EAGAIN if
 * it would have to wait but must not.
 */
int bm_uring_cmd(struct bm_dev *bm, struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct bm_uring *uring = io_uring_cmd_to_pdu(cmd, struct bm_uring);
	const struct bm_uring_area *area;
	struct busmaster_op __user *arg;
	const struct bm_op_fd none = {};
	struct busmaster_op op;
	struct bm_request *rq;
	struct bm_want want;
	int err, idx;

	if (issue_flags & IO_URING_F_CANCEL) { /* by now the SQE may be memory of others */
		bm_uring_cancel(bm, cmd);
		return 0;
	}
	area = io_uring_sqe_cmd(cmd->sqe, struct bm_uring_area);
	arg = u64_to_user_ptr(READ_ONCE(area->op));
	if (!bm_ioctl_is(cmd->cmd_op, BUSMASTER_IOC_OP))
		return -ENOTTY;
	if (READ_ONCE(area->reserved) || cmd->flags & IORING_URING_CMD_MASK)
		return -EINVAL;
	err = bm_op_fetch(bm, cmd->file, &op, arg);
	if (err)
		return err;
	if (op.timeout_ms || bm_op_has_fd(&op))
		return -EINVAL;
	if (op.length > bm_max_command(bm))
		return -EMSGSIZE;

	want = bm_op_want(&op, &none,
			  issue_flags & IO_URING_F_NONBLOCK ? 0 : MAX_SCHEDULE_TIMEOUT);
	rq = bm_prepare(bm, &want, &idx);
	if (IS_ERR(rq))
		return PTR_ERR(rq);
	uring->to = &arg->result;
	*bm_request_to_pdu(rq, struct io_uring_cmd *) = cmd;
	rq->done = bm_uring_done;
	io_uring_cmd_mark_cancelable(cmd, issue_flags);
	if (want.length)
		bm_request_fail(rq, -EFAULT);
	else
		bm_submit(rq);
	bm_exit(bm, idx);
	return -EIOCBQUEUED;
}
#else
int bm_uring_cmd(struct bm_dev *bm, struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	return -EOPNOTSUPP;
}
#endif /* BM_URING_CMD */
