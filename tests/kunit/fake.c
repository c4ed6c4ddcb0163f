// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: a device made of RAM; see fake.h.
 */
#include <linux/bitfield.h>
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "fake.h"

/* Long enough that no test runs into it unless it says so. */
#define FAKE_TIMEOUT_MS (60 * MSEC_PER_SEC)

unsigned int bm_param_timeout_ms;
bool bm_param_shadow = true;

struct pid *fake_killed;
struct fake_bus fake_bus;
struct fake_time fake_time;

static struct fake_queue *fake_side(struct bm_queue *q)
{
	return &fake_of(q->bm)->queue[q->id];
}

u32 fake_peek32(struct fake *fake, u32 reg)
{
	return readl(fake->bm.regs + reg);
}

u64 fake_peek64(struct fake *fake, u32 reg)
{
	return readq(fake->bm.regs + reg);
}

void fake_poke32(struct fake *fake, u32 reg, u32 val)
{
	writel(val, fake->bm.regs + reg);
}

void fake_poke64(struct fake *fake, u32 reg, u64 val)
{
	writeq(val, fake->bm.regs + reg);
}

/* What hw.c calls for readq(): now and then nobody answers. */
u64 fake_readq(const void __iomem *addr)
{
	unsigned int number = fake_bus.reads++;

	return number - fake_bus.first < fake_bus.lost ? U64_MAX : readq(addr);
}

/* What clock.c calls for ktime_get_ns(). */
u64 fake_ktime_get_ns(void)
{
	return fake_time.times[fake_time.looks++];
}

/* A register of a queue's page. */
u32 fake_doorbell(struct bm_queue *q, u32 reg)
{
	return fake_peek32(fake_of(q->bm), BM_QUEUE_PAGE(q->id) + reg);
}

/* So that a later look tells whether the driver has written there. */
void fake_untouch(struct bm_queue *q, u32 reg)
{
	fake_poke32(fake_of(q->bm), BM_QUEUE_PAGE(q->id) + reg, FAKE_UNTOUCHED);
}

static void fake_agent(struct work_struct *work)
{
	struct fake *fake = container_of(to_delayed_work(work), struct fake, agent);

	if (fake_peek32(fake, BM_REG_CTRL) & BM_CTRL_RESET)
		fake->on_reset(fake);
	else
		schedule_delayed_work(&fake->agent, 1);
}

/* From now on: should the driver write CTRL.RESET, @on_reset is soon called, once. */
void fake_expect_reset(struct fake *fake, void (*on_reset)(struct fake *fake))
{
	fake->on_reset = on_reset;
	schedule_delayed_work(&fake->agent, 1);
}

/* As a queue is when it was enabled. */
void fake_queue_reset(struct bm_queue *q)
{
	struct fake *fake = fake_of(q->bm);
	struct fake_queue *side = fake_side(q);

	side->fetched = 0;
	side->cq_tail = 0;
	side->phase = BM_CQE_PHASE;
	fake_poke32(fake, BM_QUEUE_PAGE(q->id) + BM_QREG_SQ_TAIL, 0);
	fake_poke32(fake, BM_QUEUE_PAGE(q->id) + BM_QREG_CQ_HEAD, 0);
	fake_poke32(fake, BM_QUEUE_PAGE(q->id) + BM_QREG_MODERATION, 0);
	fake_poke64(fake, BM_QUEUE_PAGE(q->id) + BM_QREG_SHADOW, 0);
	fake_poke32(fake, BM_QUEUE_PAGE(q->id) + BM_QREG_STATE, BM_QSTATE_RUNNING);
}

bool bm_vectors_deaf(const struct bm_queue *q)
{
	return !q->polled && READ_ONCE(q->running) && fake_side((struct bm_queue *)q)->deaf;
}

static void fake_identity(struct fake *fake, u32 features)
{
	fake_poke64(fake, BM_REG_ID,
		    FIELD_PREP(BM_ID_MAGIC, BM_MAGIC) |
			    FIELD_PREP(BM_ID_MAJOR, BM_VERSION_MAJOR) |
			    FIELD_PREP(BM_ID_MINOR, BM_VERSION_MINOR));
	fake_poke64(fake, BM_REG_CAP,
		    FIELD_PREP(BM_CAP_QUEUES, FAKE_QUEUES) | FIELD_PREP(BM_CAP_MAX_ORDER, 12) |
			    FIELD_PREP(BM_CAP_DMA_BITS, 64) | FIELD_PREP(BM_CAP_XFER_ORDER, 30) |
			    FIELD_PREP(BM_CAP_SGL_MAX, 4096));
	fake_poke64(fake, BM_REG_CAP2,
		    FIELD_PREP(BM_CAP2_OPS, GENMASK(BM_OP_COMPARE, 0)) |
			    FIELD_PREP(BM_CAP2_FEATURES, features));
	fake_poke64(fake, BM_REG_MEM_SIZE, FAKE_MEM_SIZE);
	fake_poke64(fake, BM_REG_CLOCK, FAKE_CLOCK);
	fake_poke32(fake, BM_REG_STATUS, BM_STATUS_READY);
}

static int fake_thread_main(void *data)
{
	struct fake_thread *thread = data;

	allow_signal(SIGKILL);
	thread->run(thread);
	complete_all(&thread->done);
	return 0;
}

/* Should the driver have forgotten it, give it the way out. */
static void fake_thread_stop(void *data)
{
	struct fake_thread *thread = data;

	if (!completion_done(&thread->done))
		fake_give_up(thread->fake);
	kthread_stop_put(thread->task);
}

/* It may be killed, and ends with the test at the latest. */
void fake_thread_start(struct fake *fake, struct fake_thread *thread,
		       void (*run)(struct fake_thread *thread))
{
	struct kunit *test = fake->test;

	thread->fake = fake;
	thread->run = run;
	init_completion(&thread->done);
	thread->task = kthread_create(fake_thread_main, thread, "bm-kunit-thread");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, thread->task);
	get_task_struct(thread->task);
	wake_up_process(thread->task);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, fake_thread_stop, thread));
}

static void fake_destroy(void *data)
{
	struct fake *fake = data;
	struct bm_dev *bm = &fake->bm;
	unsigned int i;

	cancel_delayed_work_sync(&fake->agent);
	fake_give_up(fake);
	KUNIT_EXPECT_EQ(fake->test, atomic_read(&fake->users), 0);
	bm_recover_exit(bm);
	bm_error_exit(bm);
	bm_abort_exit(bm);
	for (i = 0; i < bm_total_queues(bm); i++)
		bm_queue_flush(&bm->queues[i]);
	for (i = 0; i < bm_total_queues(bm); i++)
		bm_queue_free(&bm->queues[i]);
	kfree(bm->config);
	kfree(bm->queue_of);
	kfree(bm->queues);
	bm_work_exit();
	put_device(&bm->dev);
	device_unregister(&fake->pdev.dev);
}

/* It is part of a struct fake, which goes with its PCI function. */
static void fake_release_bm(struct device *dev)
{
}

/* Memory as probe has it: queues that interrupt first, then channels, then polled ones. */
static void fake_queues(struct kunit *test, struct bm_dev *bm, const struct fake_shape *shape)
{
	unsigned int total = shape->queues + shape->channels + shape->polled;
	unsigned int i;

	bm->queues = kcalloc(total, sizeof(*bm->queues), GFP_KERNEL);
	bm->queue_of = kcalloc(nr_cpu_ids, sizeof(*bm->queue_of), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, bm->queues);
	KUNIT_ASSERT_NOT_NULL(test, bm->queue_of);
	for (i = 0; shape->queues && i < nr_cpu_ids; i++)
		bm->queue_of[i] = i % shape->queues;
	for (i = 0; i < total; i++) {
		bm->queues[i].polled = i >= shape->queues + shape->channels;
		bm_queue_init(&bm->queues[i], bm, i);
		KUNIT_ASSERT_EQ(test, 0, bm_queue_alloc(&bm->queues[i], shape->depth));
		if (i < shape->queues)
			bm->nr_queues++;
		else if (!bm->queues[i].polled)
			bm->nr_channels++;
		else
			bm->nr_polled++;
	}
}

/**
 * fake_create_as() - a device as probe leaves it before bm_start()
 * @test: whose it is
 * @shape: of the device
 */
struct fake *fake_create_as(struct kunit *test, const struct fake_shape *shape)
{
	struct fake *fake;
	struct bm_dev *bm;

	KUNIT_ASSERT_LE(test, shape->queues + shape->channels + shape->polled, FAKE_QUEUES);
	KUNIT_ASSERT_LE(test, shape->depth, FAKE_DEPTH);
	fake = kzalloc(sizeof(*fake), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fake);
	KUNIT_ASSERT_EQ(test, 0, bm_work_init());
	fake->test = test;
	fake_function(test, fake);
	fake_killed = NULL;
	fake_bus = (struct fake_bus){};

	bm = &fake->bm;
	bm->pdev = &fake->pdev;
	device_initialize(&bm->dev);
	bm->dev.init_name = "busmaster-fake";
	bm->dev.release = fake_release_bm;
	mutex_init(&bm->state_lock);
	INIT_LIST_HEAD(&bm->exports);
	init_rwsem(&bm->bar_lock);
	RAW_INIT_NOTIFIER_HEAD(&bm->states);
	init_waitqueue_head(&bm->state_wait);
	init_waitqueue_head(&bm->idle);
	bm_recover_init(bm);
	bm_error_init(bm);
	bm_abort_init(bm);
	INIT_DELAYED_WORK(&fake->agent, fake_agent);
	init_completion(&fake->may_reset);
	bm_param_timeout_ms = FAKE_TIMEOUT_MS;
	bm_param_shadow = true;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, fake_destroy, fake));
	bm->config = fake_pci_store_saved_state(&fake->pdev);
	KUNIT_ASSERT_NOT_NULL(test, bm->config);

	bm->cmd_pages = BM_CMD_PAGES;
	bm->caps.features = shape->features;
	bm->caps.ops = GENMASK(BM_OP_COMPARE, 0);
	bm->caps.max_xfer = SZ_1G;
	bm->regs_len = BM_QUEUE_PAGE(FAKE_QUEUES);
	fake->ram = kzalloc(bm->regs_len, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fake->ram);
	bm->regs = (void __iomem __force *)fake->ram;
	fake_identity(fake, shape->features);
	fake_queues(test, bm, shape);
	return fake;
}

/**
 * fake_start_as() - a device that runs
 * @test: whose it is
 * @shape: of the device
 */
struct fake *fake_start_as(struct kunit *test, const struct fake_shape *shape)
{
	struct fake *fake = fake_create_as(test, shape);
	int err;

	mutex_lock(&fake->bm.state_lock);
	err = bm_start(&fake->bm);
	mutex_unlock(&fake->bm.state_lock);
	KUNIT_ASSERT_EQ(test, 0, err);
	fake->starts = 0;
	return fake;
}

/* Likewise, without features and polled queues. */
struct fake *fake_create(struct kunit *test, unsigned int queues, unsigned int depth)
{
	return fake_create_as(test, &(struct fake_shape){ .queues = queues, .depth = depth });
}

struct fake *fake_start(struct kunit *test, unsigned int queues, unsigned int depth)
{
	return fake_start_as(test, &(struct fake_shape){ .queues = queues, .depth = depth });
}

/* The tail that the driver told of, by whichever doorbell there is. */
static u32 fake_tail(struct bm_queue *q)
{
	return q->shadow ? le32_to_cpu(READ_ONCE(q->shadow->sq_tail)) :
			   fake_doorbell(q, BM_QREG_SQ_TAIL);
}

/* Submissions that the doorbell told of and that are not fetched yet. */
unsigned int fake_submitted(struct bm_queue *q)
{
	u32 tail = fake_tail(q);

	return (tail + q->sq.entries - fake_side(q)->fetched) % q->sq.entries;
}

/**
 * fake_fetch() - take the next submission, if the doorbell told of one
 * @q: queue
 * @sqe: where it goes
 *
 * What the device would refuse as malformed fails the test.
 */
bool fake_fetch(struct bm_queue *q, struct bm_hw_sqe *sqe)
{
	static const u8 zero[sizeof(sqe->reserved)];
	struct fake_queue *side = fake_side(q);
	struct kunit *test = fake_of(q->bm)->test;

	if (!fake_submitted(q))
		return false;
	KUNIT_EXPECT_LT(test, fake_tail(q), q->sq.entries);
	smp_rmb(); /* the tail before the submission */
	*sqe = q->sq.ring[side->fetched];
	side->fetched = (side->fetched + 1) % q->sq.entries;

	KUNIT_EXPECT_LE(test, sqe->opcode, BM_OP_COMPARE);
	KUNIT_EXPECT_NE(test, le16_to_cpu(sqe->tag), BM_TAG_NONE);
	KUNIT_EXPECT_MEMEQ(test, sqe->reserved, zero, sizeof(zero));
	return true;
}

/* Take the next submission, which must be there; returns its tag. */
u16 fake_fetch_tag(struct bm_queue *q)
{
	struct bm_hw_sqe sqe = { .tag = cpu_to_le16(BM_TAG_NONE) };

	KUNIT_EXPECT_TRUE(fake_of(q->bm)->test, fake_fetch(q, &sqe));
	return le16_to_cpu(sqe.tag);
}

/* Write any completion, true or not, where and how the next one is to be written. */
void fake_write(struct bm_queue *q, const struct bm_completion *c)
{
	struct fake_queue *side = fake_side(q);
	struct bm_hw_cqe *cqe = &q->cq.ring[side->cq_tail];

	WRITE_ONCE(cqe->info, cpu_to_le64(c->info));
	WRITE_ONCE(cqe->sq_head, cpu_to_le16(c->sq_head));
	WRITE_ONCE(cqe->tag, cpu_to_le16(c->tag));
	smp_wmb(); /* the word with the phase last */
	WRITE_ONCE(cqe->status, cpu_to_le32(side->phase | c->status));

	side->cq_tail = (side->cq_tail + 1) % q->cq.entries;
	if (!side->cq_tail)
		side->phase ^= BM_CQE_PHASE;
}

/* Write a completion whose head is true. */
void fake_answer(struct bm_queue *q, u16 tag, enum bm_status status, u64 info)
{
	struct bm_completion c = {
		.info = info,
		.sq_head = fake_side(q)->fetched,
		.tag = tag,
		.status = status,
	};

	fake_write(q, &c);
}

/* Somebody aborts it, and the device has heard that. */
void fake_answer_aborted(struct bm_queue *q, u16 tag)
{
	bm_abort(&q->requests[bm_tag_index(tag)]);
	fake_answer(q, tag, BM_ST_ABORTED, 0);
}

/* Fetch all that is there, and answer it in order, with success; returns how much. */
unsigned int fake_serve(struct bm_queue *q)
{
	struct bm_hw_sqe sqe;
	unsigned int n;

	for (n = 0; fake_fetch(q, &sqe); n++)
		fake_answer(q, le16_to_cpu(sqe.tag), BM_ST_SUCCESS, 0);
	return n;
}

/* What reap.c calls for bm_cq_pop(): the device may act before and after each look. */
bool fake_cq_pop(struct bm_cq *cq, struct bm_completion *c)
{
	struct bm_queue *q = container_of(cq, struct bm_queue, cq);
	struct fake *fake = fake_of(q->bm);
	bool popped;

	fake->pops++;
	if (fake->before_pop)
		fake->before_pop(q);
	popped = bm_cq_pop(cq, c);
	if (!popped && fake->when_dry)
		fake->when_dry(q);
	return popped;
}

/* What hw.c calls for bm_cq_dry(), with which it looks once more when it has armed. */
bool fake_cq_dry(const struct bm_cq *cq)
{
	struct bm_queue *q = container_of((struct bm_cq *)cq, struct bm_queue, cq);
	struct fake *fake = fake_of(q->bm);

	if (fake->before_dry)
		fake->before_dry(q);
	return bm_cq_dry(cq);
}

/* What mem.c calls for dma_map_sgtable(): it may fail. */
int fake_dma_map_sgtable(struct device *dev, struct sg_table *sgt, enum dma_data_direction dir,
			 unsigned long attrs)
{
	struct fake *fake = container_of(dev, struct fake, pdev.dev);
	int err = 0;

	fake->maps++;
	if (fake->on_map)
		err = fake->on_map(fake);
	return err ?: dma_map_sgtable(dev, sgt, dir, attrs);
}

void fake_dma_unmap_sgtable(struct device *dev, struct sg_table *sgt,
			    enum dma_data_direction dir, unsigned long attrs)
{
	struct fake *fake = container_of(dev, struct fake, pdev.dev);

	if (fake->on_unmap)
		fake->on_unmap(fake, sgt);
	dma_unmap_sgtable(dev, sgt, dir, attrs);
}

/* What fault.c calls for kill_pid(): nobody dies. */
int fake_kill_pid(struct pid *pid, int sig, int priv)
{
	fake_killed = sig == SIGBUS ? pid : NULL;
	return 0;
}

/* A client's done(): counts. */
void fake_done(struct bm_request *rq)
{
	fake_side(rq->queue)->done[rq->index]++;
}

unsigned int fake_done_count(struct bm_request *rq)
{
	return fake_side(rq->queue)->done[rq->index];
}

/* A client's memory was let go: counts. */
void fake_released(struct bm_request *rq)
{
	fake_side(rq->queue)->released[rq->index]++;
}

unsigned int fake_released_count(struct bm_request *rq)
{
	return fake_side(rq->queue)->released[rq->index];
}

/* What is in errors/. */
s64 fake_errors(struct fake *fake, enum bm_error error)
{
	return atomic64_read(&fake->bm.errors[error]);
}

/* Borrow a request, which must be free, for a NOP. */
struct bm_request *fake_request(struct fake *fake)
{
	struct bm_request *rq = bm_request_get(&fake->bm, false, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(fake->test, rq);
	bm_sqe_init(&rq->sqe, BM_OP_NOP, 0);
	rq->done = fake_done;
	return rq;
}

/* Sleep until a request has ended that has kept the done() it was lent with. */
int fake_wait(struct bm_request *rq)
{
	wait_for_completion(&rq->waiter);
	return rq->error;
}

/* As if so much time had passed since anything happened to it, or in its queue. */
void fake_age(struct bm_request *rq, unsigned int ms)
{
	unsigned long by = msecs_to_jiffies(ms);

	spin_lock_irq(&rq->queue->lock);
	rq->queue->progress -= by;
	rq->since -= by;
	rq->asked -= by;
	spin_unlock_irq(&rq->queue->lock);
}

/* As if its queue had made no progress for longer than a time-out. */
void fake_expire(struct bm_request *rq)
{
	fake_age(rq, bm_param_timeout_ms + MSEC_PER_SEC / 10);
}

/* Run the watchdog now; false if nothing had started it. */
bool fake_watch(struct fake *fake)
{
	bool started = delayed_work_pending(&fake->bm.watchdog);

	flush_delayed_work(&fake->bm.watchdog);
	return started;
}

/* Borrow a request and submit it. */
struct bm_request *fake_submit(struct fake *fake)
{
	struct bm_request *rq = fake_request(fake);

	KUNIT_ASSERT_EQ(fake->test, 0, bm_request_submit(rq));
	return rq;
}

/* Wait until no reset is under way: to wait for one that a stop cancels ends too early. */
void fake_flush_reset(struct fake *fake)
{
	while (flush_work(&fake->bm.reset_work))
		;
}

/* Has the driver asked for a reset since this was last called? If so, it happens here. */
bool fake_reset_requested(struct fake *fake)
{
	unsigned int before = fake->stops_seen;

	complete_all(&fake->may_reset);
	fake_flush_reset(fake);
	reinit_completion(&fake->may_reset);
	fake->stops_seen = fake->stops;
	return fake->stops != before;
}
