/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * busmaster KUnit: a device made of RAM, behind the driver's own hw.c.
 *
 * Its registers are plain memory, so nothing happens by itself: a test plays the
 * device. It fetches submissions up to the tail doorbell and writes completions, true
 * ones or lies. A reset that the driver wants waits until the test asks for it with
 * fake_reset_requested(). What a test does not say is as it should be.
 */
#ifndef BUSMASTER_KUNIT_FAKE_H
#define BUSMASTER_KUNIT_FAKE_H

#include <kunit/test.h>
#include <linux/pci.h>
#include <linux/workqueue.h>

#include "busmaster.h"

#define FAKE_QUEUES 4 /* at most, channels and polled ones included */
#define FAKE_DEPTH 128 /* requests a queue, at most */
#define FAKE_MEM_SIZE SZ_64M
#define FAKE_CLOCK 1000000000007ull /* ns, what the device's clock says */
#define FAKE_UNTOUCHED 0xdeadbeefu /* in a register that a test wants to see written, or not */

struct fake;

/**
 * struct fake_shape - which device a test wants
 * @queues: that interrupt
 * @channels: that are the dmaengine provider's
 * @polled: that are polled
 * @depth: requests a queue, at most FAKE_DEPTH
 * @features: BM_FEAT_*
 */
struct fake_shape {
	unsigned int queues;
	unsigned int channels;
	unsigned int polled;
	unsigned int depth;
	u32 features;
};

/**
 * struct fake_queue - the device's side of a queue, and what its clients saw
 * @fetched: index of the next submission to fetch
 * @cq_tail: index of the next completion to write
 * @phase: of that completion
 * @deaf: the kernel has disabled its vector
 * @done: how often done() was called, a request each
 * @released: how often the memory was let go, a request each
 */
struct fake_queue {
	u32 fetched;
	u32 cq_tail;
	u32 phase;
	bool deaf;
	unsigned int done[FAKE_DEPTH];
	unsigned int released[FAKE_DEPTH];
};

/**
 * struct fake_config - configuration space, as much of it as reset.c looks at
 * @bar: base addresses
 * @command: PCI_COMMAND_*
 * @absent: nobody answers
 * @late: nor does anybody until it was asked so often whether it is there
 * @no_memory: it cannot be saved
 * @on_restore: called when it was restored
 * @restores: how often
 */
struct fake_config {
	u32 bar[PCI_STD_NUM_BARS];
	u16 command;
	bool absent;
	unsigned int late;
	bool no_memory;
	void (*on_restore)(struct fake *fake);
	unsigned int restores;
};

/**
 * struct fake - a device, and the driver's view of it
 * @test: whom failures are reported to
 * @pdev: the PCI function: as much of it as the DMA API looks at
 * @bm: the driver's device
 * @ram: the registers
 * @queue: the device's side of @bm.queues
 * @agent: waits for a reset by the driver, since hw.c waits for its end
 * @on_reset: what @agent does then
 * @before_pop: called before the driver looks at a completion, with the queue locked
 * @when_dry: called after it looked and found none, likewise
 * @before_dry: called before it looks once more, having armed, likewise
 * @on_map: called before memory is mapped for DMA; its error becomes that of the mapping
 * @maps: how often
 * @on_unmap: called before a mapping ends
 * @pops: how often the driver looked
 * @users: between bm_enter() and bm_exit()
 * @may_reset: completed: bm_stop() goes on
 * @starts: calls of bm_start()
 * @stops: calls of bm_stop()
 * @stops_seen: of them, what fake_reset_requested() has told of
 * @on_hold: called when bm_hold() has stopped the device
 * @start_error: what bm_start() returns
 * @flrs: function-level resets
 * @flr_error: what they return
 * @config: configuration space
 */
struct fake {
	struct kunit *test;
	struct pci_dev pdev;
	struct bm_dev bm;
	void *ram;
	struct fake_queue queue[FAKE_QUEUES];
	struct delayed_work agent;
	void (*on_reset)(struct fake *fake);
	void (*before_pop)(struct bm_queue *q);
	void (*when_dry)(struct bm_queue *q);
	void (*before_dry)(struct bm_queue *q);
	int (*on_map)(struct fake *fake);
	unsigned int maps;
	void (*on_unmap)(struct fake *fake, struct sg_table *sgt);
	unsigned int pops;
	atomic_t users;
	struct completion may_reset;
	unsigned int starts;
	unsigned int stops;
	unsigned int stops_seen;
	void (*on_hold)(struct fake *fake);
	int start_error;
	unsigned int flrs;
	int flr_error;
	struct fake_config config;
};

static inline struct fake *fake_of(struct bm_dev *bm)
{
	return container_of(bm, struct fake, bm);
}

/**
 * struct fake_thread - a thread that calls the driver, and may have to wait there, or be killed
 * @fake: device
 * @run: what it does
 * @task: itself
 * @done: it has done it
 */
struct fake_thread {
	struct fake *fake;
	void (*run)(struct fake_thread *thread);
	struct task_struct *task;
	struct completion done;
};

/**
 * struct fake_bus - which of the driver's reads nobody answers; since there is a device
 * @reads: so many there were
 * @first: of those that are lost
 * @lost: so many from there on
 */
struct fake_bus {
	unsigned int reads;
	unsigned int first;
	unsigned int lost;
};

extern struct fake_bus fake_bus;

/**
 * struct fake_time - what CLOCK_MONOTONIC says, to who compares it with the device's clock
 * @times: one look after the other
 * @looks: so many there were
 */
struct fake_time {
	const u64 *times;
	unsigned int looks;
};

extern struct fake_time fake_time;

/* Who was sent SIGBUS last, likewise. */
extern struct pid *fake_killed;

/* A device: probed, and stopped; or started, too. Both end with the test. */
struct fake *fake_create(struct kunit *test, unsigned int queues, unsigned int depth);
struct fake *fake_start(struct kunit *test, unsigned int queues, unsigned int depth);
struct fake *fake_create_as(struct kunit *test, const struct fake_shape *shape);
struct fake *fake_start_as(struct kunit *test, const struct fake_shape *shape);
void fake_thread_start(struct fake *fake, struct fake_thread *thread,
		       void (*run)(struct fake_thread *thread));
void fake_give_up(struct fake *fake);
void fake_stop(struct fake *fake);
void fake_start_again(struct fake *fake);

/* The PCI function, which the rest goes with: fake_pci.c */
void fake_function(struct kunit *test, struct fake *fake);

/* Registers */
u32 fake_peek32(struct fake *fake, u32 reg);
u64 fake_peek64(struct fake *fake, u32 reg);
void fake_poke32(struct fake *fake, u32 reg, u32 val);
void fake_poke64(struct fake *fake, u32 reg, u64 val);
u32 fake_doorbell(struct bm_queue *q, u32 reg);
void fake_untouch(struct bm_queue *q, u32 reg);
void fake_expect_reset(struct fake *fake, void (*on_reset)(struct fake *fake));

/* The device's side of a queue */
void fake_queue_reset(struct bm_queue *q);
unsigned int fake_submitted(struct bm_queue *q);
bool fake_fetch(struct bm_queue *q, struct bm_hw_sqe *sqe);
u16 fake_fetch_tag(struct bm_queue *q);
void fake_write(struct bm_queue *q, const struct bm_completion *c);
void fake_answer(struct bm_queue *q, u16 tag, enum bm_status status, u64 info);
void fake_answer_aborted(struct bm_queue *q, u16 tag);
unsigned int fake_serve(struct bm_queue *q);

/* What the driver calls instead of the functions without fake_ */
u64 fake_readq(const void __iomem *addr);
u64 fake_ktime_get_ns(void);
bool fake_cq_pop(struct bm_cq *cq, struct bm_completion *c);
bool fake_cq_dry(const struct bm_cq *cq);
int fake_dma_map_sgtable(struct device *dev, struct sg_table *sgt, enum dma_data_direction dir,
			 unsigned long attrs);
void fake_dma_unmap_sgtable(struct device *dev, struct sg_table *sgt,
			    enum dma_data_direction dir, unsigned long attrs);
int fake_pcie_reset_flr(struct pci_dev *pdev, bool probe);
int fake_pci_load_saved_state(struct pci_dev *pdev, struct pci_saved_state *state);
void fake_pci_restore_state(struct pci_dev *pdev);
int fake_pci_save_state(struct pci_dev *pdev);
struct pci_saved_state *fake_pci_store_saved_state(struct pci_dev *pdev);
void fake_pci_clear_master(struct pci_dev *pdev);
bool fake_pci_device_is_present(struct pci_dev *pdev);
pci_bus_addr_t fake_pci_bus_address(struct pci_dev *pdev, int bar);
int fake_pci_read_config_dword(struct pci_dev *pdev, int where, u32 *val);
int fake_pci_read_config_word(struct pci_dev *pdev, int where, u16 *val);
int fake_pci_write_config_dword(struct pci_dev *pdev, int where, u32 val);
int fake_kill_pid(struct pid *pid, int sig, int priv);

/* The driver's clients */
s64 fake_errors(struct fake *fake, enum bm_error error);
struct bm_request *fake_request(struct fake *fake);
struct bm_request *fake_submit(struct fake *fake);
int fake_wait(struct bm_request *rq);
void fake_age(struct bm_request *rq, unsigned int ms);
void fake_expire(struct bm_request *rq);
bool fake_watch(struct fake *fake);
void fake_done(struct bm_request *rq);
unsigned int fake_done_count(struct bm_request *rq);
void fake_released(struct bm_request *rq);
unsigned int fake_released_count(struct bm_request *rq);
void fake_flush_reset(struct fake *fake);
bool fake_reset_requested(struct fake *fake);

#endif /* BUSMASTER_KUNIT_FAKE_H */
