/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * busmaster: the driver's structures, and who may touch what, when.
 *
 * Lifetimes
 *
 *   struct bm_dev is reference-counted by its class device. An open file holds a
 *   reference, so it outlives remove(); what an open file can reach is therefore
 *   never devm's. Queues, requests and the register mapping end in remove(), after
 *   every user has left: bm_enter() and bm_exit() bracket each use, in between
 *   bm_present() tells whether there is anything to use, and remove() waits for the
 *   last bm_exit().
 *
 *   A request (struct bm_request) belongs to its queue for ever. It is lent by
 *   bm_request_get(), and goes through
 *
 *	get -> map -> submit -> [in flight] -> done -> release -> put
 *
 *   Between submit and done the device may reach its memory. Done comes exactly
 *   once: from the reaping of a completion, or from bm_queue_fail_all(), which runs
 *   only when the device can no longer reach anything. A client need not wait for it:
 *   requests outlive the call that submitted them, but never remove().
 *
 * States (bm_dev.state, written under state_lock)
 *
 *	STOPPED <--> RUNNING, by bm_start() and bm_stop() only
 *	   |
 *	   v
 *	 DEAD, for good: removed, or a start that failed after a reset
 *
 *   A submitter sleeps while the device is STOPPED: somebody is about to start it
 *   again. DEAD means -ENODEV. Whoever finds that the device is gone asks for a reset,
 *   and the start that it ends with finds the same: that is the only way to be DEAD.
 *
 * Locks, outermost first
 *
 *	bm_dev.state_lock	mutex: start, stop, and the state
 *	bm_dev.files_lock	mutex: the list of open files; no other inside
 *	bm_chan.lock		spinlock, interrupts off: a dmaengine channel's descriptors
 *	bm_queue.lock		spinlock, interrupts off: rings, tags, requests in flight
 *
 *   No callback and no printing of device data happens under bm_queue.lock.
 *
 * The fast path
 *
 *   From bm_request_get() to bm_request_put() a command takes no lock but that of its
 *   queue, allocates nothing and reads no register: tags, scatterlists and SGLs are
 *   there since probe. A plugged batch allocates its blk_plug_cb, once. What a queue
 *   costs is counted in struct bm_queue_stats.
 *
 * Registers
 *
 *   Only hw.c touches them. The doorbells of a queue are written under its lock
 *   while it is running; the rest by start, stop and the event interrupt, or
 *   between bm_enter() and bm_exit().
 */
#ifndef BUSMASTER_H
#define BUSMASTER_H

#include <linux/cdev.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "ring.h"

#define BM_NAME "busmaster"

struct io_uring_cmd;
struct bm_desc;
struct bm_dev;
struct bm_dmaengine;
struct bm_queue;
struct bm_sync;

/**
 * enum bm_error - what went wrong; each has a counter in errors/, see sysfs.c
 * @BM_ERR_TAG_RANGE: a completion's tag names no request
 * @BM_ERR_TAG_FREE: it names a request that is not in flight, or was not fetched
 * @BM_ERR_TAG_STALE: it names another use of the request
 * @BM_ERR_HEAD: its submission head went back, or beyond what was submitted
 * @BM_ERR_STATUS: its status does not exist, or not for that operation
 * @BM_ERR_INFO: its info is out of the status's bounds
 * @BM_ERR_TIMEOUT: commands of a queue were not answered in time
 * @BM_ERR_LOST_IRQ: the watchdog found completions that no interrupt had told of
 * @BM_ERR_SPURIOUS_IRQ: a queue interrupted for nothing
 * @BM_ERR_HALT: a queue halted
 * @BM_ERR_FATAL: STATUS.FATAL
 * @BM_ERR_DMA_FAULT: commands whose DMA was refused
 * @BM_ERR_GONE: nobody answered at the registers any more
 * @BM_ERR_RESET: CTRL.RESET or CTRL.ENABLE had no effect, and so a function-level reset came
 * @BM_ERRORS: so many
 */
enum bm_error {
	BM_ERR_TAG_RANGE,
	BM_ERR_TAG_FREE,
	BM_ERR_TAG_STALE,
	BM_ERR_HEAD,
	BM_ERR_STATUS,
	BM_ERR_INFO,
	BM_ERR_TIMEOUT,
	BM_ERR_LOST_IRQ,
	BM_ERR_SPURIOUS_IRQ,
	BM_ERR_HALT,
	BM_ERR_FATAL,
	BM_ERR_DMA_FAULT,
	BM_ERR_GONE,
	BM_ERR_RESET,
	BM_ERRORS,
};

/**
 * struct bm_lie - a completion that cannot be true
 * @error: why not; BM_ERRORS: there was none
 * @c: the completion
 */
struct bm_lie {
	enum bm_error error;
	struct bm_completion c;
};

enum bm_rq_state {
	BM_RQ_FREE, /* on the queue's free list */
	BM_RQ_HELD, /* lent to a client */
	BM_RQ_IN_FLIGHT, /* the device may reach its memory */
};

/**
 * struct bm_map - one side of a command in host memory
 * @sgt: the mapping, in a part of the request's scatterlist
 * @dir: its direction
 * @pinned: its pages are pinned, not merely borrowed
 */
struct bm_map {
	struct sg_table sgt;
	enum dma_data_direction dir;
	bool pinned;
};

/**
 * struct bm_io - a transfer between a file and a caller's memory; see io.c
 * @iocb: the caller's
 * @sync: whom to wake; or NULL, and @iocb is completed
 * @leader: the request that this is a part of; or NULL, and this was allocated
 * @refs: commands on their way, and one for whoever still submits
 * @submitted: bytes
 * @lock: @error, @sound
 * @error: of the first command, in the order of the file, that failed
 * @sound: bytes before it
 */
struct bm_io {
	struct kiocb *iocb;
	struct bm_sync *sync;
	struct bm_request *leader;
	atomic_t refs;
	size_t submitted;
	spinlock_t lock; /* see above */
	int error;
	size_t sound;
};

/**
 * struct bm_pins - a caller's pages, pinned before there was a request to map them for
 * @vec: what lies in each; NULL: there are none
 * @nr: so many
 * @dir: the direction in which they will be mapped
 */
struct bm_pins {
	struct bio_vec *vec;
	unsigned int nr;
	enum dma_data_direction dir;
};

/**
 * struct bm_side - one side of what a caller wants done
 * @space: BM_SPACE_NONE, BM_SPACE_LOCAL, or BM_SPACE_HOST, be it in one piece or in many
 * @iter: the host memory; its direction says what the device does
 * @pins: those of the next command that had to be waited for
 * @offset: in device memory
 */
struct bm_side {
	enum bm_space space;
	struct iov_iter iter;
	struct bm_pins pins;
	u64 offset;
};

/**
 * struct bm_want - what a caller wants done, by one command or several; see prepare.c
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

/**
 * struct bm_request - one command: the only way into the rings
 * @queue: whose it is, for ever
 * @index: its place in the queue's requests, the lower bits of its tag
 * @gen: generation, the upper bits of its tag: a late answer to an earlier use differs
 * @state: enum bm_rq_state, under the queue's lock
 * @link: while it is handed from the ring to its client
 * @place: the submission ring's count when this was put in
 * @deadline: jiffies after which an unanswered command is a timeout
 * @sqe: the submission; the client fills it, bm_request_submit() adds the tag
 * @status: enum bm_status of the completion
 * @info: of the completion
 * @error: what became of it: 0 or a negative errno; valid after @done
 * @done: called exactly once a submission, from any context, without locks
 * @waiter: for clients that sleep; see bm_request_wake()
 * @sgl: room for the mappings, shared by the sides of a command
 * @nr_segs: entries of @sgl in use
 * @lists: where its SGLs are written, likewise
 * @maps: the mappings
 * @nr_maps: so many
 * @released: called when the mappings have been let go; see bm_mem_release()
 * @unpin: while it waits for the worker that lets go of pages
 * @io: the transfer that it is part of, if any
 * @cmd: the io_uring command that it is, if any
 * @desc: the dmaengine descriptor that it is, if any
 * @offset: bytes of that transfer before this command
 * @own_io: a transfer of one command needs no other memory
 * @owner: the process that submitted it, if it may be killed for it; see fault.c
 */
struct bm_request {
	struct bm_queue *queue;
	u16 index;
	u16 gen;
	enum bm_rq_state state;
	struct list_head link;
	u32 place;
	unsigned long deadline;

	struct bm_hw_sqe sqe;
	u8 status;
	u64 info;
	int error;
	void (*done)(struct bm_request *rq);
	struct completion waiter;

	struct scatterlist *sgl;
	unsigned int nr_segs;
	struct bm_sgl_list lists[BM_SGL_LISTS];
	struct bm_map maps[2];
	unsigned int nr_maps;
	void (*released)(struct bm_request *rq);
	struct llist_node unpin;

	struct bm_io *io;
	struct io_uring_cmd *cmd;
	struct bm_desc *desc;
	size_t offset;
	struct bm_io own_io;
	struct pid *owner;
};

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
 * @irq: Linux interrupt number while running; none if @polled
 * @polled: has no vector: completions are looked for by who waits for them
 * @cpus: who submits here, and where the vector goes
 * @lock: rings, doorbells, free list, request states, @running to @moderation, @stats
 * @running: the rings belong to an enabled hardware queue
 * @armed: the vector may be raised for what is completed from now on
 * @due: it was or may have been raised for what has been taken
 * @shadow: doorbells in coherent memory, or NULL
 * @shadow_dma: its bus address
 * @moderation: what BM_QREG_MODERATION was last set to
 * @sq: submission ring
 * @cq: completion ring
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
	int irq;
	bool polled;
	struct cpumask cpus;

	spinlock_t lock; /* see above */
	bool running;
	bool armed;
	bool due;
	struct bm_hw_shadow *shadow;
	dma_addr_t shadow_dma;
	u32 moderation;
	struct bm_sq sq;
	struct bm_cq cq;
	unsigned int depth;
	struct bm_request *requests;
	u16 *free;
	unsigned int nr_free;
	wait_queue_head_t free_wait;
	struct bm_queue_stats stats;
	char name[32];
};

/**
 * struct bm_caps - what the device says of itself, checked
 * @major: interface version
 * @minor: interface version
 * @queues: queue pairs
 * @max_order: log2 of the largest ring's entries
 * @dma_bits: width of a bus address
 * @max_xfer: most bytes a command
 * @sgl_max: most SGL entries a pointer
 * @ops: bit n: opcode n is supported
 * @features: BM_FEAT_*
 * @mem_size: bytes of device memory
 */
struct bm_caps {
	u16 major;
	u16 minor;
	unsigned int queues;
	unsigned int max_order;
	unsigned int dma_bits;
	u64 max_xfer;
	unsigned int sgl_max;
	u32 ops;
	u32 features;
	u64 mem_size;
};

/**
 * struct bm_report - what the device says of itself; any bit may be set
 * @status: BM_STATUS_*
 * @halted: bit q: queue q is halted
 * @fault_info: BM_FAULT_*: the last DMA that the bus refused
 * @fault_addr: its bus address
 */
struct bm_report {
	u64 status;
	u64 halted;
	u64 fault_info;
	u64 fault_addr;
};

/**
 * struct bm_order - how the device is to misbehave: a mode of the fault-injection window
 * @mode: which
 * @count: events that are hit, or BM_INJECT_ALWAYS; 0: none any more
 * @queue: whose events, or BM_INJECT_ALL_QUEUES
 * @arg: what enum bm_inject says; 0: its default
 */
struct bm_order {
	enum bm_inject mode;
	u32 count;
	u32 queue;
	u64 arg;
};

enum bm_state {
	BM_STOPPED,
	BM_RUNNING,
	BM_DEAD,
};

/* Module parameter and attribute fault_policy; see fault.c. */
enum bm_fault_policy {
	BM_FAULT_LOG,
	BM_FAULT_RESET,
	BM_FAULT_KILL,
};

/**
 * struct bm_dev - one device
 * @dev: class device, whose reference count is ours
 * @cdev: /dev/busmasterN
 * @id: N
 * @pdev: the PCI function; not to be used after remove()
 * @config: its configuration space as probe found it, without bus mastering
 * @regs: BAR 0
 * @regs_len: its length in bytes
 * @mem_phys: BAR 2 as the CPU sees it
 * @caps: what the device can do
 * @cmd_pages: most pages that this driver puts in one command
 * @state_lock: start, stop, @state
 * @state: enum bm_state; written under @state_lock
 * @users: between bm_enter() and bm_exit()
 * @queues: the allocated queues: @nr_queues and @nr_channels with a vector each, then
 *	@nr_polled
 * @nr_queues: queue pairs that interrupt
 * @nr_channels: likewise, of the dmaengine provider alone
 * @nr_polled: queue pairs that are polled
 * @queue_of: which of the former a CPU submits to
 * @coalesce: moderation of all queues' vectors; under @state_lock
 * @fault_policy: enum bm_fault_policy
 * @unpin: requests whose pages are still to be let go
 * @unpin_work: does that
 * @dmaengine: the dmaengine provider, if there are channels; under @state_lock
 * @files: open files
 * @files_lock: @files
 * @reset_work: stop and start
 * @watchdog: looks for commands past their deadline
 * @errors: counters, by enum bm_error
 * @resets: times that reset_work has reset the device
 * @debugfs: directory of the device, if it can be made to misbehave
 * @inject: the files in it
 */
struct bm_dev {
	struct device dev;
	struct cdev cdev;
	int id;

	struct pci_dev *pdev;
	struct pci_saved_state *config;
	void __iomem *regs;
	resource_size_t regs_len;
	phys_addr_t mem_phys;
	struct bm_caps caps;
	unsigned int cmd_pages;

	struct mutex state_lock; /* see above */
	enum bm_state state;
	struct srcu_struct users;

	struct bm_queue *queues;
	unsigned int nr_queues;
	unsigned int nr_channels;
	unsigned int nr_polled;
	u8 *queue_of;
	struct bm_coalesce coalesce;
	enum bm_fault_policy fault_policy;

	struct llist_head unpin;
	struct work_struct unpin_work;

	struct bm_dmaengine *dmaengine;

	struct list_head files;
	struct mutex files_lock; /* see above */

	struct work_struct reset_work;
	struct delayed_work watchdog;
	atomic64_t errors[BM_ERRORS];
	atomic64_t resets;

	struct dentry *debugfs;
	struct bm_inject_file *inject;
};

static inline struct bm_dev *bm_from_device(struct device *dev)
{
	return container_of(dev, struct bm_dev, dev);
}

/* Whose DMA it is: rings, lists and mappings belong to the PCI function. */
static inline struct device *bm_dma_dev(struct bm_queue *q)
{
	return &q->bm->pdev->dev;
}

static inline void bm_count(struct bm_dev *bm, enum bm_error error)
{
	atomic64_inc(&bm->errors[error]);
}

/* The queues that have a vector, which are the first. */
static inline unsigned int bm_vector_queues(const struct bm_dev *bm)
{
	return bm->nr_queues + bm->nr_channels;
}

/* All queues, whether they interrupt or are polled. */
static inline unsigned int bm_total_queues(const struct bm_dev *bm)
{
	return bm_vector_queues(bm) + bm->nr_polled;
}

/* main.c */
extern unsigned int bm_param_timeout_ms;
extern bool bm_param_shadow;
extern enum bm_fault_policy bm_param_fault_policy;
int bm_start(struct bm_dev *bm);
void bm_stop(struct bm_dev *bm);
int bm_enter(struct bm_dev *bm);
bool bm_present(struct bm_dev *bm);
void bm_exit(struct bm_dev *bm, int idx);

/* hw.c */
int bm_hw_identify(struct bm_dev *bm);
int bm_hw_reset(struct bm_dev *bm);
int bm_hw_enable(struct bm_dev *bm);
int bm_hw_queue_enable(struct bm_queue *q);
void bm_hw_ring_sq(struct bm_queue *q);
bool bm_hw_ring_cq(struct bm_queue *q, bool arm);
void bm_hw_abort(struct bm_request *rq);
void bm_hw_moderate(struct bm_queue *q, unsigned int frames, unsigned int usecs);
int bm_hw_counter(struct bm_dev *bm, u32 reg, u64 *val);
int bm_hw_report(struct bm_dev *bm, struct bm_report *report);
int bm_hw_halt_cause(struct bm_queue *q);
u64 bm_hw_inject_modes(struct bm_dev *bm);
void bm_hw_inject(struct bm_dev *bm, const struct bm_order *order);
u64 bm_hw_inject_state(struct bm_dev *bm, enum bm_inject mode);

/* queue.c */
int bm_queue_alloc(struct bm_queue *q, struct bm_dev *bm, unsigned int id, unsigned int depth);
void bm_queue_free(struct bm_queue *q);
int bm_queue_start(struct bm_queue *q);
bool bm_queue_fence(struct bm_queue *q);
unsigned int bm_queue_reap(struct bm_queue *q, unsigned int budget);
void bm_queue_lost_irq(struct bm_queue *q);
unsigned int bm_queue_drain(struct bm_queue *q);
unsigned int bm_queue_fail_all(struct bm_queue *q, int error);
bool bm_queue_overdue(struct bm_queue *q, bool *busy);
irqreturn_t bm_queue_irq(int irq, void *data);
irqreturn_t bm_queue_thread(int irq, void *data);
struct bm_request *bm_queue_lend(struct bm_queue *q);
void bm_queue_ring(struct bm_queue *q);
struct bm_request *bm_request_get(struct bm_dev *bm, bool polled, bool wait);
void bm_request_put(struct bm_request *rq);
int bm_request_submit(struct bm_request *rq);
int bm_request_submit_unrung(struct bm_request *rq);
void bm_request_wake(struct bm_request *rq);

/* plug.c */
int bm_request_submit_plugged(struct bm_request *rq);

/* recover.c */
void bm_recover_init(struct bm_dev *bm);
void bm_recover_exit(struct bm_dev *bm);
void bm_recover_reset(struct bm_dev *bm, const char *why);
void bm_recover_watch(struct bm_dev *bm);
void bm_recover_lie(struct bm_queue *q, const struct bm_lie *lie);
void bm_recover_failed(struct bm_request *rq);
int bm_recover_silence(struct bm_dev *bm);
int bm_recover_flr(struct bm_dev *bm);
void bm_recover_give_up(struct bm_dev *bm, int err);
irqreturn_t bm_event_irq(int irq, void *data);

/* fault.c */
int bm_fault_policy_parse(const char *name);
const char *bm_fault_policy_name(enum bm_fault_policy policy);
void bm_fault_own(struct bm_request *rq);
void bm_fault_disown(struct bm_request *rq);
void bm_fault(struct bm_request *rq);
extern struct device_attribute dev_attr_fault_policy;

/* mem.c */
void bm_mem_init(struct bm_dev *bm);
void bm_mem_exit(struct bm_dev *bm);
ssize_t bm_mem_map(struct bm_request *rq, struct iov_iter *iter, unsigned int pages,
		   struct bm_hw_ptr *ptr);
ssize_t bm_mem_pin_ahead(struct bm_pins *pins, const struct iov_iter *iter, unsigned int pages);
void bm_mem_unpin_ahead(struct bm_pins *pins);
ssize_t bm_mem_map_pins(struct bm_request *rq, struct bm_pins *pins, struct bm_hw_ptr *ptr);
bool bm_mem_ends_in_page(const struct bm_request *rq);
void bm_mem_release(struct bm_request *rq, void (*released)(struct bm_request *rq));

/* prepare.c */
unsigned int bm_side_pages(const struct bm_dev *bm, unsigned int sides);
struct bm_request *bm_prepare(struct bm_dev *bm, struct bm_want *want, int *idx);

/* io.c */
ssize_t bm_io_rw(struct bm_dev *bm, struct kiocb *iocb, struct iov_iter *iter);
int bm_io_poll(struct bm_dev *bm, struct kiocb *iocb);

/* ioctl.c */
long bm_ioctl(struct bm_dev *bm, struct file *file, unsigned int cmd, void __user *arg);
int bm_uring_cmd(struct bm_dev *bm, struct io_uring_cmd *cmd, unsigned int issue_flags);

/* dmaengine.c, where the kernel has a DMA engine core */
#ifdef CONFIG_DMA_ENGINE
int bm_dmaengine_add(struct bm_dev *bm);
void bm_dmaengine_kick(struct bm_dev *bm);
void bm_dmaengine_del(struct bm_dev *bm);
void bm_dmaengine_exit(void);
#else
static inline int bm_dmaengine_add(struct bm_dev *bm)
{
	return 0;
}

static inline void bm_dmaengine_kick(struct bm_dev *bm)
{
}

static inline void bm_dmaengine_del(struct bm_dev *bm)
{
}

static inline void bm_dmaengine_exit(void)
{
}
#endif

/* coalesce.c */
void bm_coalesce_apply(struct bm_queue *q);
void bm_coalesce_adapt(struct bm_queue *q);
extern const struct attribute_group bm_coalesce_group;

/* cdev.c */
int bm_cdev_init(void);
void bm_cdev_exit(void);
struct bm_dev *bm_cdev_alloc(struct pci_dev *pdev);
int bm_cdev_add(struct bm_dev *bm);
void bm_cdev_del(struct bm_dev *bm);
void bm_cdev_zap(struct bm_dev *bm);

/* sysfs.c */
#define BM_IDENTITY_LEN 80
const char *bm_identity(struct bm_dev *bm, char *text);
extern const struct attribute_group *bm_groups[];

/* debugfs.c */
void bm_debugfs_init(void);
void bm_debugfs_exit(void);
void bm_debugfs_add(struct bm_dev *bm);
void bm_debugfs_del(struct bm_dev *bm);
int bm_inject_parse(struct bm_dev *bm, char *text, struct bm_order *order);

#endif /* BUSMASTER_H */
