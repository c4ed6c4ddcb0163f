/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * busmaster: tracepoints: the way of a command, step by step, and what interrupts it.
 *
 *	bm_map -> bm_submit -> bm_doorbell -> [bm_irq] -> bm_reap -> bm_unmap -> bm_complete
 *
 * A command has the same queue and tag in all of them. What ends without a completion has no
 * bm_reap; bm_timeout, bm_reset and bm_state say why. bm_clock says how the device's clock
 * stands to the kernel's. Where nobody listens each costs one instruction that does nothing.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM busmaster

#if !defined(BUSMASTER_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define BUSMASTER_TRACE_H

#include <linux/tracepoint.h>

#include "busmaster.h"

/* The format files have numbers for these: tools that read them know no enum of ours. */
TRACE_DEFINE_ENUM(BM_OP_NOP);
TRACE_DEFINE_ENUM(BM_OP_COPY);
TRACE_DEFINE_ENUM(BM_OP_FILL);
TRACE_DEFINE_ENUM(BM_OP_CRC32C);
TRACE_DEFINE_ENUM(BM_OP_COPY_CRC32C);
TRACE_DEFINE_ENUM(BM_OP_COMPARE);

#define bm_show_op(op)                                                               \
	__print_symbolic(op, { BM_OP_NOP, "nop" }, { BM_OP_COPY, "copy" },           \
			 { BM_OP_FILL, "fill" }, { BM_OP_CRC32C, "crc32c" },         \
			 { BM_OP_COPY_CRC32C, "copy_crc32c" }, { BM_OP_COMPARE, "compare" })

/* It gets its tag when it is put into the ring: until then, the one that it will get. */
TRACE_EVENT(bm_map,
	    TP_PROTO(struct bm_request *rq, unsigned int pieces, unsigned int entries),
	    TP_ARGS(rq, pieces, entries),
	    TP_STRUCT__entry(__field(int, dev)
			     __field(u32, queue)
			     __field(u16, tag)
			     __field(u32, pieces)
			     __field(u32, entries)),
	    TP_fast_assign(__entry->dev = rq->queue->bm->id;
			   __entry->queue = rq->queue->id;
			   __entry->tag = bm_tag(rq->index, bm_next_gen(rq->gen));
			   __entry->pieces = pieces;
			   __entry->entries = entries;),
	    TP_printk("busmaster%d queue=%u tag=%#x pieces=%u entries=%u", __entry->dev,
		      __entry->queue, __entry->tag, __entry->pieces, __entry->entries)
);

TRACE_EVENT(bm_submit,
	    TP_PROTO(struct bm_request *rq),
	    TP_ARGS(rq),
	    TP_STRUCT__entry(__field(int, dev)
			     __field(u32, queue)
			     __field(u16, tag)
			     __field(u8, op)
			     __field(u32, length)
			     __field(u32, flying)),
	    TP_fast_assign(__entry->dev = rq->queue->bm->id;
			   __entry->queue = rq->queue->id;
			   __entry->tag = le16_to_cpu(rq->sqe.tag);
			   __entry->op = rq->sqe.opcode;
			   __entry->length = le32_to_cpu(rq->sqe.length);
			   __entry->flying = rq->queue->flying;),
	    TP_printk("busmaster%d queue=%u tag=%#x op=%s length=%u in_flight=%u", __entry->dev,
		      __entry->queue, __entry->tag, bm_show_op(__entry->op), __entry->length,
		      __entry->flying)
);

TRACE_EVENT(bm_doorbell,
	    TP_PROTO(struct bm_queue *q, bool completions, u32 index, bool mmio),
	    TP_ARGS(q, completions, index, mmio),
	    TP_STRUCT__entry(__field(int, dev)
			     __field(u32, queue)
			     __field(bool, completions)
			     __field(u32, index)
			     __field(bool, mmio)),
	    TP_fast_assign(__entry->dev = q->bm->id;
			   __entry->queue = q->id;
			   __entry->completions = completions;
			   __entry->index = index;
			   __entry->mmio = mmio;),
	    TP_printk("busmaster%d queue=%u %s=%u by=%s", __entry->dev, __entry->queue,
		      __entry->completions ? "cq_head" : "sq_tail", __entry->index,
		      __entry->mmio ? "register" : "memory")
);

TRACE_EVENT(bm_irq,
	    TP_PROTO(struct bm_queue *q, unsigned int reaped),
	    TP_ARGS(q, reaped),
	    TP_STRUCT__entry(__field(int, dev)
			     __field(u32, queue)
			     __field(u32, reaped)),
	    TP_fast_assign(__entry->dev = q->bm->id;
			   __entry->queue = q->id;
			   __entry->reaped = reaped;),
	    TP_printk("busmaster%d queue=%u reaped=%u", __entry->dev, __entry->queue,
		      __entry->reaped)
);

/* As the device wrote it, believed or not. */
TRACE_EVENT(bm_reap,
	    TP_PROTO(struct bm_queue *q, const struct bm_completion *c, bool believed),
	    TP_ARGS(q, c, believed),
	    TP_STRUCT__entry(__field(int, dev)
			     __field(u32, queue)
			     __field(u16, tag)
			     __field(u8, status)
			     __field(u16, sq_head)
			     __field(u64, info)
			     __field(bool, believed)),
	    TP_fast_assign(__entry->dev = q->bm->id;
			   __entry->queue = q->id;
			   __entry->tag = c->tag;
			   __entry->status = c->status;
			   __entry->sq_head = c->sq_head;
			   __entry->info = c->info;
			   __entry->believed = believed;),
	    TP_printk("busmaster%d queue=%u tag=%#x status=%#x sq_head=%u info=%#llx%s",
		      __entry->dev, __entry->queue, __entry->tag, __entry->status,
		      __entry->sq_head, __entry->info, __entry->believed ? "" : " refused")
);

DECLARE_EVENT_CLASS(bm_result,
		    TP_PROTO(struct bm_request *rq),
		    TP_ARGS(rq),
		    TP_STRUCT__entry(__field(int, dev)
				     __field(u32, queue)
				     __field(u16, tag)
				     __field(u8, status)
				     __field(u64, info)
				     __field(int, error)),
		    TP_fast_assign(__entry->dev = rq->queue->bm->id;
				   __entry->queue = rq->queue->id;
				   __entry->tag = le16_to_cpu(rq->sqe.tag);
				   __entry->status = rq->status;
				   __entry->info = rq->info;
				   __entry->error = rq->error;),
		    TP_printk("busmaster%d queue=%u tag=%#x status=%#x info=%#llx error=%d",
			      __entry->dev, __entry->queue, __entry->tag, __entry->status,
			      __entry->info, __entry->error)
);

/* The device cannot reach its memory any more. */
DEFINE_EVENT(bm_result, bm_unmap,
	     TP_PROTO(struct bm_request *rq),
	     TP_ARGS(rq)
);

/* Its client is told. */
DEFINE_EVENT(bm_result, bm_complete,
	     TP_PROTO(struct bm_request *rq),
	     TP_ARGS(rq)
);

/* It failed by what the device says of it: info is the bus address, should it be of DMA. */
DEFINE_EVENT(bm_result, bm_fault,
	     TP_PROTO(struct bm_request *rq),
	     TP_ARGS(rq)
);

/* Its queue makes no progress: of those of which the device was told, or not. */
TRACE_EVENT(bm_timeout,
	    TP_PROTO(struct bm_request *rq),
	    TP_ARGS(rq),
	    TP_STRUCT__entry(__field(int, dev)
			     __field(u32, queue)
			     __field(u16, tag)
			     __field(u32, waited_ms)),
	    TP_fast_assign(__entry->dev = rq->queue->bm->id;
			   __entry->queue = rq->queue->id;
			   __entry->tag = le16_to_cpu(rq->sqe.tag);
			   __entry->waited_ms = jiffies_to_msecs(jiffies - rq->since);),
	    TP_printk("busmaster%d queue=%u tag=%#x waited_ms=%u", __entry->dev, __entry->queue,
		      __entry->tag, __entry->waited_ms)
);

/* How the device was made silent, and what came of it: a negative errno or 0. */
TRACE_EVENT(bm_reset,
	    TP_PROTO(struct bm_dev *bm, bool function, int error),
	    TP_ARGS(bm, function, error),
	    TP_STRUCT__entry(__field(int, dev)
			     __field(bool, function)
			     __field(int, error)),
	    TP_fast_assign(__entry->dev = bm->id;
			   __entry->function = function;
			   __entry->error = error;),
	    TP_printk("busmaster%d by=%s error=%d", __entry->dev,
		      __entry->function ? "flr" : "ctrl", __entry->error)
);

TRACE_EVENT(bm_state,
	    TP_PROTO(struct bm_dev *bm, enum bm_state state),
	    TP_ARGS(bm, state),
	    TP_STRUCT__entry(__field(int, dev)
			     __array(char, state, BM_STATE_TEXT)
			     __field(u32, holds)),
	    TP_fast_assign(__entry->dev = bm->id;
			   memcpy(__entry->state, bm_state_text(state), BM_STATE_TEXT);
			   __entry->holds = bm->holds;),
	    TP_printk("busmaster%d %s holds=%#x", __entry->dev, __entry->state,
		      __entry->holds)
);

/* Both clocks at one moment: offset is to be added to trace_clock mono, give or take bound. */
TRACE_EVENT(bm_clock,
	    TP_PROTO(struct bm_dev *bm, const struct bm_clock *c),
	    TP_ARGS(bm, c),
	    TP_STRUCT__entry(__field(int, dev)
			     __field(u64, device)
			     __field(u64, before)
			     __field(u64, after)
			     __field(s64, offset)
			     __field(u64, bound)),
	    TP_fast_assign(__entry->dev = bm->id;
			   __entry->device = c->device;
			   __entry->before = c->before;
			   __entry->after = c->after;
			   __entry->offset = bm_clock_offset(c);
			   __entry->bound = bm_clock_bound(c);),
	    TP_printk("busmaster%d device=%llu before=%llu after=%llu offset=%lld bound=%llu",
		      __entry->dev, __entry->device, __entry->before, __entry->after,
		      __entry->offset, __entry->bound)
);

#endif /* BUSMASTER_TRACE_H */

/* Not below include/trace/events of a kernel, but beside this file: Kbuild has -I for it. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
