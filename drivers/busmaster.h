/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * busmaster: a device, its states, and who may touch what, when.
 *
 * Floors
 *
 *   Kbuild lists the files from the roof down to the cellar, a floor a line; a file calls
 *   only what is on a lower one. What has to tell somebody above does it by a pointer that
 *   it was given: a request's done(), a work, the notifiers of a device's states.
 *
 * Lifetimes
 *
 *   struct bm_dev is reference-counted by its class device. An open file holds a
 *   reference, so it outlives remove(); what an open file can reach is therefore
 *   never devm's. Queues, requests and the register mapping end in remove(), after
 *   every user has left: bm_enter() and bm_exit() bracket each use, and remove() waits
 *   for the last bm_exit().
 *
 *   A request (struct bm_request) belongs to its queue for ever. A command goes through
 *
 *	pin -> get -> map -> submit -> [in flight] -> unmap -> unpin -> done -> put
 *
 *   Its pages are pinned while it has nothing else, as that may take any time: prepare.c.
 *   Between submit and unmap the device may reach its memory. Done comes exactly
 *   once: after the reaping of a completion, or from bm_queue_fail_all(), which runs
 *   only when the device can no longer reach anything. A client need not wait for it:
 *   requests outlive the call that submitted them, but never remove().
 *
 * States (bm_dev.state, written under state_lock)
 *
 *	STOPPED <--> RUNNING, by bm_start() and bm_stop() only
 *	   |
 *	   v
 *	 DEAD, for good: removed, shut down, or no device answers, and a reset has not helped
 *
 *   Who stops it for a reason of the system's (suspend, remove, shutdown, a reset that was
 *   announced) begins with bm_quiesce(): what is in flight ends as it should. A stop after
 *   an error, or after a reset that nobody announced, fails what is in flight with -EIO. In
 *   either case what is submitted meanwhile is parked until the start, and neither
 *   its submitter nor who waits sees anything of it. Who starts it again later holds it
 *   until then (bm_hold(), bm_release()): should several, the last who lets go starts it.
 *
 *   While the bus recovers from a fatal error, registers are neither read nor written, and
 *   a start that meets this leaves the device stopped: error.c.
 *
 *   DEAD means -ENODEV. Whoever finds that the device is gone asks for a reset, and the
 *   start that it ends with finds the same.
 *
 * BARs
 *
 *   The CPU touches them while the device is RUNNING: queues while they run, starts and
 *   stops, and else who has bm_bar_enter(). A program's mapping goes with each stop, and
 *   its next access waits for the start. One that spans a reset that nobody announced
 *   may have lost stores: it is told by one SIGBUS.
 *
 * Locks, outermost first
 *
 *	bm_dev.state_lock	mutex: start, stop, the state and its notifiers
 *	bm_dev.files_lock	mutex: the list of open files; mappings are zapped under it,
 *				with the kernel's i_mmap_rwsem
 *	bm_dev.exports_lock	mutex: the list of dma-bufs; each is revoked under it, with its
 *				reservation locked
 *	bm_dev.bar_lock		rwsem: read by who touches a BAR, and inside the kernel's
 *				mmap_lock; written by a new state, and nothing inside
 *	bm_chan.lock		spinlock, interrupts off: a dmaengine channel's descriptors
 *	bm_queue.lock		spinlock, interrupts off: rings, tags, requests in flight
 *
 *   No callback and no printing of device data happens under bm_queue.lock.
 *
 * The fast path
 *
 *   Of the driver's locks a command takes that of its queue, and no other. A command of up
 *   to BM_PINS_FEW pages allocates nothing: tags, scatterlists and SGLs are there since
 *   probe. It reads no register. What the kernel does meanwhile is the kernel's: pages that
 *   are pinned may have to be waited for, IOVAs and bounce buffers are allocated, and a
 *   plugged batch has its blk_plug_cb. What a queue costs is counted in struct
 *   bm_queue_stats.
 *
 * Registers
 *
 *   Only hw.c touches them. Those of a queue are written under its lock while it is
 *   running; the rest by start, stop and the event interrupt, or between bm_bar_enter() and
 *   bm_bar_exit().
 */
#ifndef BUSMASTER_H
#define BUSMASTER_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/rwsem.h>
#include <linux/srcu.h>
#include <linux/workqueue.h>

#include "alarm.h"
#include "compat.h"
#include "hw.h"
#include "queue.h"

#if BITS_PER_LONG != 64
#error "busmaster: lengths and bus addresses have 64 bits, and so must the kernel: CONFIG_64BIT"
#endif

#define BM_NAME "busmaster"

struct bm_dmaengine;
struct bm_inject_file;
struct dma_buf;
struct io_uring_cmd;

enum bm_state {
	BM_STOPPED,
	BM_RUNNING,
	BM_DEAD,
};

/* Not a state, but told like one: it is stopped, and all that was in flight has ended. */
#define BM_SILENT (BM_DEAD + 1)

#define BM_STATE_TEXT 8 /* bytes, with the end */

/* For people. */
static inline const char *bm_state_text(enum bm_state state)
{
	static const char names[][BM_STATE_TEXT] = {
		[BM_STOPPED] = "stopped", [BM_RUNNING] = "running", [BM_DEAD] = "dead",
	};

	return names[state];
}

/**
 * enum bm_hold - for whom a device is stopped until bm_release()
 * @BM_HOLD_RESET: somebody resets the function, and says so
 * @BM_HOLD_ERROR: the bus recovers from an error
 * @BM_HOLD_SLEEP: suspended, with the system or as nobody uses it
 */
enum bm_hold {
	BM_HOLD_RESET,
	BM_HOLD_ERROR,
	BM_HOLD_SLEEP,
};

/**
 * struct bm_dev - one device
 * @dev: class device, whose reference count is ours
 * @cdev: /dev/busmasterN
 * @id: N
 * @pdev: the PCI function; not to be used after remove()
 * @config: its configuration space when it was last well, without bus mastering
 * @losses: resets that nobody announced, after which stores by the CPU may be lost
 * @regs: BAR 0
 * @regs_len: its length in bytes
 * @mem_phys: BAR 2 as the CPU sees it
 * @caps: what the device can do
 * @p2p_size: bytes at the end of device memory that are for other devices
 * @cmd_pages: most pages that this driver puts in one command
 * @state_lock: start, stop, @state, @states
 * @bar_lock: @state does not change
 * @state: enum bm_state; written under @state_lock and @bar_lock
 * @holds: a bit for each enum bm_hold that is held; under @state_lock
 * @leaving: it is about to be removed: who waits for a start goes away
 * @states: who wants to know of a new one
 * @state_wait: who waits for one; and polls, until a request is free
 * @idle: who waits until what is in flight has ended
 * @users: between bm_enter() and bm_exit()
 * @event: the vector of its events
 * @cpuhp_online: hears of CPUs that come and go
 * @cpuhp_dead: hears of those that have gone
 * @queues: the allocated queues: @nr_queues and @nr_channels with a vector each, then
 *	@nr_polled
 * @nr_queues: queue pairs that interrupt
 * @nr_channels: likewise, of the dmaengine provider alone
 * @nr_polled: queue pairs that are polled
 * @queue_of: which of the former a CPU submits to
 * @coalesce: moderation of all queues' vectors; under @state_lock
 * @fault_policy: enum bm_fault_policy
 * @zap: hears of @states, and takes the BAR out of address spaces
 * @deaf: the kernel has disabled a vector: queues are looked at without
 * @abort_work: asks the device again to end commands early
 * @dmaengine: the dmaengine provider, if there are channels
 * @slept_on: commands that there had been when it was last asked whether it may sleep
 * @mapped: mappings of device memory by programs
 * @exports: dma-bufs of device memory
 * @exports_lock: @exports
 * @revoke: hears of @states, and takes dma-bufs back
 * @files: open files
 * @files_lock: @files
 * @reset_work: stop and start
 * @watchdog: looks for queues that make no progress
 * @error_work: the bus has had its time to recover
 * @errors: counters, by enum bm_error
 * @resets: times that reset_work has reset the device
 * @debugfs: directory of the device
 * @inject: the files in it by which it is made to misbehave, if it can be
 */
struct bm_dev {
	struct device dev;
	struct cdev cdev;
	int id;

	struct pci_dev *pdev;
	struct pci_saved_state *config;
	unsigned int losses;
	void __iomem *regs;
	resource_size_t regs_len;
	phys_addr_t mem_phys;
	struct bm_caps caps;
	u64 p2p_size;
	unsigned int cmd_pages;

	struct mutex state_lock; /* see above */
	struct rw_semaphore bar_lock;
	enum bm_state state;
	unsigned int holds;
	bool leaving;
	struct raw_notifier_head states;
	wait_queue_head_t state_wait;
	wait_queue_head_t idle;
	struct srcu_struct users;

	struct bm_vector event;
	struct hlist_node cpuhp_online;
	struct hlist_node cpuhp_dead;
	struct bm_queue *queues;
	unsigned int nr_queues;
	unsigned int nr_channels;
	unsigned int nr_polled;
	u8 *queue_of;
	struct bm_coalesce coalesce;
	enum bm_fault_policy fault_policy;

	struct notifier_block zap;
	bool deaf;
	struct delayed_work abort_work;

	struct bm_dmaengine *dmaengine;

	u64 slept_on;
	atomic_t mapped;

	struct list_head exports;
	struct mutex exports_lock; /* see above */
	struct notifier_block revoke;

	struct list_head files;
	struct mutex files_lock; /* see above */

	struct work_struct reset_work;
	struct delayed_work watchdog;
	struct delayed_work error_work;
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

/* Device memory that the file has. */
static inline u64 bm_file_size(const struct bm_dev *bm)
{
	return bm->caps.mem_size - bm->p2p_size;
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

/* Is anything in flight? Without locks: it may end meanwhile, upon which @idle is woken. */
static inline bool bm_in_flight(const struct bm_dev *bm)
{
	unsigned int i;

	for (i = 0; i < bm_total_queues(bm); i++)
		if (READ_ONCE(bm->queues[i].flying))
			return true;
	return false;
}

/* params.c */
extern unsigned int bm_param_queues;
extern unsigned int bm_param_poll_queues;
extern unsigned int bm_param_dma_channels;
extern unsigned int bm_param_queue_depth;
extern unsigned int bm_param_timeout_ms;
extern bool bm_param_shadow;

/* fence.c */
int bm_enter(struct bm_dev *bm);
bool bm_present(struct bm_dev *bm);
void bm_exit(struct bm_dev *bm, int idx);
void bm_wake(struct bm_dev *bm);
void bm_leave(struct bm_dev *bm);
int bm_bar_wait(struct bm_dev *bm);
int bm_bar_enter(struct bm_dev *bm);
void bm_bar_exit(struct bm_dev *bm);

/* clock.c */
int bm_clock_sample(struct bm_dev *bm, struct bm_clock *best);
void bm_clock_trace(struct bm_dev *bm);
void bm_clock_add(struct bm_dev *bm, struct dentry *dir);

/* work.c */
extern struct workqueue_struct *bm_recover_wq;
extern struct workqueue_struct *bm_release_wq;
int bm_work_init(void);
void bm_work_exit(void);

/* reset.c */
int bm_config_save(struct bm_dev *bm);
int bm_config_restore(struct bm_dev *bm);
void bm_config_reclaim(struct pci_dev *pdev);
void bm_lose_stores(struct bm_dev *bm);
int bm_reset(struct bm_dev *bm);
int bm_reset_ask(struct bm_dev *bm);
int bm_reset_function(struct bm_dev *bm);
bool bm_reset_answers(struct bm_dev *bm);

/* inspect.c */
bool bm_inspect(struct bm_dev *bm, const char *why);
irqreturn_t bm_event_irq(int irq, void *data);

/* state.c */
void bm_state_init(struct bm_dev *bm);
int bm_start(struct bm_dev *bm);
void bm_quiesce(struct bm_dev *bm);
void bm_stop(struct bm_dev *bm);
void bm_kill(struct bm_dev *bm);
void bm_hold(struct bm_dev *bm, enum bm_hold why);
int bm_release(struct bm_dev *bm, enum bm_hold why);

/* io.c */
ssize_t bm_io_rw(struct bm_dev *bm, struct kiocb *iocb, struct iov_iter *iter);
int bm_io_poll(struct bm_dev *bm, struct kiocb *iocb);
int bm_io_sync(struct bm_dev *bm);

/* ioctl.c */
long bm_ioctl(struct bm_dev *bm, struct file *file, unsigned int cmd, void __user *arg);
int bm_uring_cmd(struct bm_dev *bm, struct io_uring_cmd *cmd, unsigned int issue_flags);

/* p2p.c */
void bm_p2p_add(struct bm_dev *bm);
void bm_p2p_del(struct bm_dev *bm);

/* export.c, where the kernel has dma-bufs as we know them */
#ifdef CONFIG_BUSMASTER_DMABUF
void bm_export_add(struct bm_dev *bm);
struct dma_buf *bm_export(struct bm_dev *bm, u64 offset, u64 length, int flags);
#else
static inline void bm_export_add(struct bm_dev *bm)
{
}
#endif

/* dmaengine.c, where the kernel has a DMA engine core */
#ifdef CONFIG_BUSMASTER_DMAENGINE
int bm_dmaengine_add(struct bm_dev *bm);
void bm_dmaengine_del(struct bm_dev *bm);
void bm_dmaengine_exit(void);
#else
static inline int bm_dmaengine_add(struct bm_dev *bm)
{
	return 0;
}

static inline void bm_dmaengine_del(struct bm_dev *bm)
{
}

static inline void bm_dmaengine_exit(void)
{
}
#endif

/* sysfs.c */
#define BM_IDENTITY_LEN 80
const char *bm_identity(struct bm_dev *bm, char *text);
extern const struct attribute_group *bm_groups[];

/* dump.c */
void bm_dump_add(struct bm_dev *bm, struct dentry *dir);

/* debugfs.c */
void bm_debugfs_init(void);
void bm_debugfs_exit(void);
void bm_debugfs_add(struct bm_dev *bm);
void bm_debugfs_del(struct bm_dev *bm);
int bm_inject_parse(struct bm_dev *bm, char *text, struct bm_injection *injection);

/* cdev.c */
int bm_cdev_init(void);
void bm_cdev_exit(void);
struct bm_dev *bm_cdev_alloc(struct pci_dev *pdev);
int bm_cdev_add(struct bm_dev *bm);
void bm_cdev_del(struct bm_dev *bm);
void bm_cdev_put(struct bm_dev *bm);

/* power.c */
extern const struct dev_pm_ops bm_pm_ops;
void bm_power_add(struct bm_dev *bm);
void bm_power_del(struct bm_dev *bm);

/* error.c */
extern const struct pci_error_handlers bm_error_handlers;
void bm_error_init(struct bm_dev *bm);
void bm_error_expect(struct bm_dev *bm);
void bm_error_exit(struct bm_dev *bm);

/* recover.c */
void bm_recover_init(struct bm_dev *bm);
void bm_recover_exit(struct bm_dev *bm);

#endif /* BUSMASTER_H */
