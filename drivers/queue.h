/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * busmaster: queues and requests: queue.c, request.c, reap.c, abort.c, flight.c, coalesce.c,
 * vectors.c.
 */
#ifndef BUSMASTER_QUEUE_H
#define BUSMASTER_QUEUE_H

#include <linux/build_bug.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "mem.h"
#include "ring.h"

struct attribute_group;
struct bm_dev;
struct bm_queue;
struct dma_fence;
struct dma_pool;
struct pid;

enum bm_rq_state {
	BM_RQ_FREE, /* on the queue's free list */
	BM_RQ_HELD, /* lent to a client */
	BM_RQ_PARKED, /* submitted; goes into the ring when its queue is started */
	BM_RQ_IN_FLIGHT, /* the device may reach its memory */
};

/**
 * struct bm_request - one command: the only way into the rings
 * @queue: whose it is, for ever
 * @index: its place in the queue's requests, the lower bits of its tag
 * @gen: generation, the upper bits of its tag: a late answer to an earlier use differs
 * @state: enum bm_rq_state, under the queue's lock
 * @aborting: the device is asked to end it early, likewise
 * @link: while it is parked, or handed from the ring to its client
 * @place: the submission ring's count when this was put in
 * @number: commands that its queue had been given before
 * @since: jiffies when that was
 * @seen: completions that its queue had seen then
 * @asked: jiffies when it was first to end early
 * @sqe: the submission; the client fills it, bm_request_submit() adds the tag
 * @status: enum bm_status of the completion
 * @info: of the completion
 * @error: what became of it: 0 or a negative errno; valid in @done
 * @done: called exactly once a submission, from any context, without locks; its memory
 *	has been let go by then
 * @waiter: for clients that sleep; see bm_request_wake()
 * @sg: room for the mappings, shared by the sides of a command
 * @sgl: where they are described to the device, likewise
 * @nr_segs: entries of @sg, and so of @sgl, in use
 * @maps: the mappings
 * @nr_maps: so many
 * @unpin: lets go of pages where that may sleep
 * @fence: signals when the device reaches no imported memory for it any more; see import.c
 * @owner: the process that submitted it, if it may be killed for it; see fault.c
 * @pdu: the client's; see bm_request_to_pdu()
 */
struct bm_request {
	struct bm_queue *queue;
	u16 index;
	u16 gen;
	enum bm_rq_state state;
	bool aborting;
	struct list_head link;
	u32 place;
	u64 number;
	unsigned long since;
	u64 seen;
	unsigned long asked;

	struct bm_hw_sqe sqe;
	u8 status;
	u64 info;
	int error;
	void (*done)(struct bm_request *rq);
	struct completion waiter;

	struct scatterlist *sg;
	struct bm_sgl sgl;
	unsigned int nr_segs;
	struct bm_map maps[2];
	unsigned int nr_maps;
	struct work_struct unpin;

	struct dma_fence *fence;
	struct pid *owner;
	u64 pdu[8];
};

/* A client's own data in a request that it has borrowed, as io_uring_cmd_to_pdu() has it. */
#define bm_request_to_pdu(rq, type) \
	(BUILD_BUG_ON_ZERO(sizeof(type) > sizeof((rq)->pdu)) + (type *)(rq)->pdu)

/**
 * struct bm_queue_stats - what a queue has seen; under its lock, but for @interrupts
 * @commands: submitted
 * @completions: accepted
 * @failures: requests that ended with an error, completed or not
 * @bad_completions: not believed
 * @interrupts: of the queue's vector; its handler's own
 * @sq_doorbells: writes of BM_QREG_SQ_TAIL
 * @cq_doorbells: writes of BM_QREG_CQ_HEAD
 * @maps: mappings that were handed to the device
 */
struct bm_queue_stats {
	u64 commands;
	u64 completions;
	u64 failures;
	u64 bad_completions;
	u64 interrupts;
	u64 sq_doorbells;
	u64 cq_doorbells;
	u64 maps;
};

/**
 * struct bm_vector - an interrupt
 * @irq: Linux interrupt number
 * @moved: hears when its affinity is chosen
 * @home: where it belongs: it goes back there when a CPU of it comes back
 * @expelled: a CPU goes; what is heard of @moved until it has gone was no choice
 */
struct bm_vector {
	int irq;
	struct irq_affinity_notify moved;
	struct cpumask home;
	bool expelled;
};

/**
 * struct bm_coalesce - when a queue's vector is to be raised; as ethtool -C has it
 * @frames: completions to wait for; 0 or 1: none
 * @usecs: microseconds to wait for them; 0: none
 * @adaptive: not 0: the driver chooses, by the number of commands in flight
 */
struct bm_coalesce {
	unsigned int frames;
	unsigned int usecs;
	unsigned int adaptive;
};

/**
 * struct bm_queue - a queue pair, its vector and its requests
 * @bm: the device
 * @id: number, as the device counts
 * @vector: its interrupt; none if @polled
 * @polled: has no vector: completions are looked for by who waits for them
 * @cpus: who submits here
 * @lock: rings, doorbells, free list, request states, @running to @moderation, @stats
 * @running: the rings belong to an enabled hardware queue
 * @quiesced: what is submitted is parked nevertheless
 * @parked: requests that go into the ring with the next start
 * @flying: requests in flight
 * @progress: jiffies when the last of them was completed, or the device was told of the first
 * @armed: the vector may be raised for what is completed from now on
 * @due: it was or may have been raised for what has been reaped
 * @shadow: doorbells in coherent memory, or NULL
 * @shadow_dma: its bus address
 * @moderation: what BM_QREG_MODERATION was last set to
 * @sq: submission ring
 * @cq: completion ring
 * @sgls: the requests' SGLs
 * @depth: requests, at most one less than ring entries
 * @requests: @depth of them
 * @free: stack of the indices of free requests
 * @nr_free: its height
 * @free_wait: who waits for a request, or for the queue to stop
 * @stats: counters
 * @name: interrupt's name
 */
struct bm_queue {
	struct bm_dev *bm;
	unsigned int id;
	struct bm_vector vector;
	bool polled;
	struct cpumask cpus;

	spinlock_t lock; /* see above */
	bool running;
	bool quiesced;
	struct list_head parked;
	unsigned int flying;
	unsigned long progress;
	bool armed;
	bool due;
	struct bm_hw_shadow *shadow;
	dma_addr_t shadow_dma;
	u32 moderation;
	struct bm_sq sq;
	struct bm_cq cq;
	struct dma_pool *sgls;
	unsigned int depth;
	struct bm_request *requests;
	u16 *free;
	unsigned int nr_free;
	wait_queue_head_t free_wait;
	struct bm_queue_stats stats;
	char name[32];
};

/* The next request in flight behind @rq, or the first if that is NULL; the queue is locked. */
static inline struct bm_request *bm_next_in_flight(struct bm_queue *q, struct bm_request *rq)
{
	for (rq = rq ? rq + 1 : q->requests; rq < q->requests + q->depth; rq++)
		if (rq->state == BM_RQ_IN_FLIGHT)
			return rq;
	return NULL;
}

/* Requests in flight of which the device has been told; the queue is locked. */
static inline unsigned int bm_told_in_flight(const struct bm_queue *q)
{
	return q->flying - (q->sq.tail - q->sq.rung);
}

/* coalesce.c */
void bm_coalesce_apply(struct bm_queue *q);
void bm_coalesce_adapt(struct bm_queue *q);
extern const struct attribute_group bm_coalesce_group;

/* queue.c */
void bm_queue_init(struct bm_queue *q, struct bm_dev *bm, unsigned int id);
u64 bm_queue_bytes(unsigned int depth);
int bm_queue_alloc(struct bm_queue *q, unsigned int depth);
void bm_queue_free(struct bm_queue *q);
int bm_queue_start(struct bm_queue *q);
bool bm_queue_stop(struct bm_queue *q);
void bm_queue_quiesce(struct bm_queue *q);
void bm_queue_flush(struct bm_queue *q);
bool bm_queue_overdue(struct bm_queue *q, bool *busy);
u64 bm_queue_submitted(struct bm_queue *q);
bool bm_queue_passed(struct bm_queue *q, u64 submitted);

/* request.c */
struct bm_request *bm_queue_lend(struct bm_queue *q);
void bm_queue_ring(struct bm_queue *q);
bool bm_request_ready(struct bm_dev *bm);
struct bm_request *bm_request_get(struct bm_dev *bm, bool polled, long patience);
void bm_request_put(struct bm_request *rq);
int bm_request_submit(struct bm_request *rq);
int bm_request_submit_unrung(struct bm_request *rq);
void bm_request_fail(struct bm_request *rq, int error);
void bm_request_wake(struct bm_request *rq);

/* reap.c */
unsigned int bm_queue_reap(struct bm_queue *q, unsigned int budget);
unsigned int bm_queue_reap_all(struct bm_queue *q);
unsigned int bm_queue_fail_all(struct bm_queue *q, int error);
unsigned int bm_queue_fail_parked(struct bm_queue *q, int error);
void bm_queue_lost_irq(struct bm_queue *q);
irqreturn_t bm_queue_irq(int irq, void *data);
irqreturn_t bm_queue_thread(int irq, void *data);

/* abort.c */
void bm_abort_init(struct bm_dev *bm);
void bm_abort_exit(struct bm_dev *bm);
void bm_abort(struct bm_request *rq);
void bm_abort_where(struct bm_dev *bm, bool (*match)(struct bm_request *rq, const void *what),
		    const void *what);

/* flight.c */
int bm_flight_begin(struct bm_request *rq);
void bm_flight_resume(struct bm_queue *q);
void bm_flight_end(struct bm_request *rq, u8 status, u64 info, int error);
unsigned int bm_flight_finish(struct list_head *ended);

/* vectors.c */
int bm_vectors_alloc(struct bm_dev *bm);
void bm_vectors_free(struct bm_dev *bm);
int bm_vectors_request(struct bm_dev *bm);
void bm_vectors_release(struct bm_dev *bm);
void bm_vectors_enable(struct bm_dev *bm);
void bm_vectors_disable(struct bm_dev *bm);
bool bm_vectors_deaf(const struct bm_queue *q);
int bm_vectors_init(void);
void bm_vectors_exit(void);

#endif /* BUSMASTER_QUEUE_H */
