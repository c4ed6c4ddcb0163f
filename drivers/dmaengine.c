// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: the dmaengine provider: other kernel code copies and fills by our engine.
 *
 * A channel is a queue pair of its own (module parameter dma_channels), which no file
 * submits to. That costs a vector and the memory of a queue, and buys what a shared
 * queue could not promise: no program keeps the kernel's commands waiting, none waits
 * for a DMA_PREP_FENCE, and a channel's descriptors always find a free request, as
 * there is one request each.
 *
 * A descriptor's life is the list that it is on, all of them the channel's:
 *
 *	free -> (prep) none -> (tx_submit) submitted -> (issue_pending) waiting
 *		-> active: it has a request -> ended: for its callback -> free
 *
 * The device completes in any order, a channel in that of its cookies: what has ended
 * stays active until all before it have. A stop of the device ends what is active, with
 * DMA_TRANS_ABORTED; what is waiting goes on waiting for bm_start(), and ends when there
 * will be none. Only data is not in order, but for DMA_PREP_FENCE.
 *
 * A client may keep its channel when the device goes: channels are reference-counted by
 * the dmaengine core, and all that they do then is to say no.
 *
 * There is no pause: the device cannot halt a command and go on with it. Nor is there
 * DMA_CTRL_REUSE, which the core offers to clients of slave channels only. A descriptor
 * is one command: what exceeds the device's largest is refused by prep.
 */
#include <linux/dmaengine.h>
#include <linux/slab.h>

#include "busmaster.h"

/**
 * struct bm_desc - a descriptor
 * @tx: as the client knows it
 * @link: in one of the channel's lists
 * @sqe: what is to be submitted
 * @rq: the request that carries it, from when the device is given it until it has ended
 * @result: valid once it has ended
 * @ended: as far as the device goes
 * @terminated: no callback
 */
struct bm_desc {
	struct dma_async_tx_descriptor tx;
	struct list_head link;
	struct bm_hw_sqe sqe;
	struct bm_request *rq;
	enum dmaengine_tx_result result;
	bool ended;
	bool terminated;
};

/**
 * struct bm_past - what is known of a cookie, of which the latest are remembered
 * @cookie: which
 * @residue: bytes that are not known to have been moved
 * @failed: it has ended without success
 */
struct bm_past {
	dma_cookie_t cookie;
	u32 residue;
	bool failed;
};

/**
 * struct bm_chan - a channel
 * @chan: as the client knows it
 * @bm: the device; counted by the provider
 * @q: its queue, while the device is present
 * @depth: descriptors
 * @descs: all of them, while there is a client
 * @past: twice as many as there are descriptors, rounded up to a power of two; likewise
 * @past_mask: which of them a cookie's is
 * @lock: the lists, cookies, @past, and all descriptors on a list
 * @free: may be used again as soon as its last client has acknowledged it
 * @submitted: has a cookie
 * @waiting: is to be given to the device
 * @active: given to it, and all that ended since the oldest that has not
 * @ended: callback to be called
 * @work: calls them, in softirq context, as clients expect
 * @idle: who waits for terminated descriptors to end
 */
struct bm_chan {
	struct dma_chan chan;
	struct bm_dev *bm;
	struct bm_queue *q;
	unsigned int depth;
	struct bm_desc *descs;
	struct bm_past *past;
	unsigned int past_mask;

	spinlock_t lock; /* see above */
	struct list_head free;
	struct list_head submitted;
	struct list_head waiting;
	struct list_head active;
	struct list_head ended;
	struct work_struct work;
	wait_queue_head_t idle;
};

/**
 * struct bm_dmaengine - the provider: freed when the core and its last client are through
 * @dma: as the core knows it; holds the PCI function
 * @bm: the device, held
 * @node: in the list of those to be freed
 * @state: hears of the device's states
 * @registered: the core made devices for the channels, which are held, too
 * @nr_chans: channels
 * @chans: the channels
 */
struct bm_dmaengine {
	struct dma_device dma;
	struct bm_dev *bm;
	struct llist_node node;
	struct notifier_block state;
	bool registered;
	unsigned int nr_chans;
	struct bm_chan chans[] __counted_by(nr_chans);
};

static struct bm_chan *bm_chan_of(struct dma_chan *chan)
{
	return container_of(chan, struct bm_chan, chan);
}

static struct bm_desc *bm_desc_of(struct dma_async_tx_descriptor *tx)
{
	return container_of(tx, struct bm_desc, tx);
}

static struct bm_desc *bm_desc_first(struct list_head *list)
{
	return list_first_entry_or_null(list, struct bm_desc, link);
}

static struct bm_past *bm_chan_past(struct bm_chan *bc, dma_cookie_t cookie)
{
	return &bc->past[cookie & bc->past_mask];
}

/* Of an active descriptor; its turn to be completed comes with bm_chan_retire(). */
static void bm_desc_end(struct bm_desc *desc, enum dmaengine_tx_result result)
{
	desc->ended = true;
	desc->result = result;
}

/* Complete what has ended, in order: first the cookie, later the callback. */
static void bm_chan_retire(struct bm_chan *bc)
{
	struct bm_desc *desc;
	bool any = false;

	lockdep_assert_held(&bc->lock);
	while ((desc = bm_desc_first(&bc->active)) && desc->ended) {
		struct bm_past *past = bm_chan_past(bc, desc->tx.cookie);

		past->failed = desc->result != DMA_TRANS_NOERROR;
		if (!past->failed)
			past->residue = 0;
		bc->chan.completed_cookie = desc->tx.cookie;
		list_move_tail(&desc->link, &bc->ended);
		any = true;
	}
	if (!any)
		return;
	queue_work(system_bh_wq, &bc->work);
	wake_up(&bc->idle);
}

static enum dmaengine_tx_result bm_chan_result(const struct bm_request *rq)
{
	if (!rq->error)
		return DMA_TRANS_NOERROR;
	switch (rq->status) {
	case BM_ST_DMA_READ_FAULT:
		return DMA_TRANS_READ_FAILED;
	case BM_ST_DMA_WRITE_FAULT:
		return DMA_TRANS_WRITE_FAILED;
	default:
		return DMA_TRANS_ABORTED;
	}
}

static void bm_chan_done(struct bm_request *rq)
{
	struct bm_desc *desc = *bm_request_to_pdu(rq, struct bm_desc *);
	struct bm_chan *bc = bm_chan_of(desc->tx.chan);
	unsigned long flags;

	spin_lock_irqsave(&bc->lock, flags);
	bm_desc_end(desc, bm_chan_result(rq));
	desc->rq = NULL;
	bm_request_put(rq);
	bm_chan_retire(bc);
	spin_unlock_irqrestore(&bc->lock, flags);
}

/* Give a descriptor to the device, whose doorbell is still to be rung; false if it is stopped. */
static bool bm_chan_give(struct bm_chan *bc, struct bm_desc *desc)
{
	struct bm_request *rq = bm_queue_lend(bc->q);

	if (!rq)
		return false;
	rq->sqe = desc->sqe;
	*bm_request_to_pdu(rq, struct bm_desc *) = desc;
	rq->done = bm_chan_done;
	desc->rq = rq;
	list_move_tail(&desc->link, &bc->active);
	if (!bm_request_submit_unrung(rq))
		return true;
	desc->rq = NULL;
	list_move(&desc->link, &bc->waiting);
	bm_request_put(rq);
	return false;
}

/* To be called whenever there may be something to give, or a device to give it to. */
static void bm_chan_push(struct bm_chan *bc)
{
	struct bm_desc *desc, *next;
	bool given = false;

	lockdep_assert_held(&bc->lock);
	list_for_each_entry_safe(desc, next, &bc->waiting, link) {
		if (!bm_present(bc->bm)) {
			bm_desc_end(desc, DMA_TRANS_ABORTED);
			list_move_tail(&desc->link, &bc->active);
		} else if (bm_chan_give(bc, desc)) {
			given = true;
		} else {
			break;
		}
	}
	if (given)
		bm_queue_ring(bc->q);
	bm_chan_retire(bc);
}

/* The descriptor's memory is not the device's any more: the client may have it. */
static void bm_desc_finish(struct bm_desc *desc, bool silent)
{
	struct dma_async_tx_descriptor *tx = &desc->tx;
	struct dmaengine_result result = {
		.result = desc->result,
		.residue = desc->result == DMA_TRANS_NOERROR ? 0 : le32_to_cpu(desc->sqe.length),
	};

	dma_descriptor_unmap(tx);
	if (!silent && tx->callback_result)
		tx->callback_result(tx->callback_param, &result);
	else if (!silent && tx->callback)
		tx->callback(tx->callback_param);
	dma_run_dependencies(tx);
}

/*
 * Call back for what had ended when this began: so a client that goes on in its callback
 * does not hold the CPU, and bm_chan_synchronize() need not wait for more.
 */
static void bm_chan_work(struct work_struct *work)
{
	struct bm_chan *bc = container_of(work, struct bm_chan, work);
	struct bm_desc *desc;
	size_t n;

	spin_lock_irq(&bc->lock);
	for (n = list_count_nodes(&bc->ended); n; n--) {
		bool silent;

		desc = bm_desc_first(&bc->ended);
		list_del(&desc->link);
		silent = desc->terminated;
		spin_unlock_irq(&bc->lock);
		bm_desc_finish(desc, silent);
		spin_lock_irq(&bc->lock);
		list_add_tail(&desc->link, &bc->free);
	}
	spin_unlock_irq(&bc->lock);
}

static struct bm_desc *bm_chan_take_free(struct bm_chan *bc)
{
	struct bm_desc *desc, *found = NULL;
	unsigned long flags;

	spin_lock_irqsave(&bc->lock, flags);
	list_for_each_entry(desc, &bc->free, link) {
		if (!async_tx_test_ack(&desc->tx))
			continue;
		list_del(&desc->link);
		found = desc;
		break;
	}
	spin_unlock_irqrestore(&bc->lock, flags);
	return found;
}

static dma_cookie_t bm_chan_tx_submit(struct dma_async_tx_descriptor *tx)
{
	struct bm_desc *desc = bm_desc_of(tx);
	struct bm_chan *bc = bm_chan_of(tx->chan);
	dma_cookie_t cookie;
	unsigned long flags;

	spin_lock_irqsave(&bc->lock, flags);
	cookie = bc->chan.cookie == INT_MAX ? DMA_MIN_COOKIE : bc->chan.cookie + 1;
	bc->chan.cookie = cookie;
	tx->cookie = cookie;
	*bm_chan_past(bc, cookie) = (struct bm_past){
		.cookie = cookie,
		.residue = le32_to_cpu(desc->sqe.length),
	};
	list_add_tail(&desc->link, &bc->submitted);
	spin_unlock_irqrestore(&bc->lock, flags);
	return cookie;
}

/* Any context, nothing is allocated. NULL: it is too long, all are in use, or no device. */
static struct bm_desc *bm_chan_prep(struct dma_chan *chan, enum bm_op op, size_t len,
				    unsigned long flags)
{
	struct bm_chan *bc = bm_chan_of(chan);
	struct bm_desc *desc;

	if (len > bc->bm->caps.max_xfer || !bm_present(bc->bm))
		return NULL;
	desc = bm_chan_take_free(bc);
	if (!desc)
		return NULL;
	bm_sqe_init(&desc->sqe, op, len);
	if (flags & DMA_PREP_FENCE)
		desc->sqe.flags = BM_SQE_FENCE;
	desc->ended = false;
	desc->terminated = false;
	memset(&desc->tx, 0, sizeof(desc->tx));
	dma_async_tx_descriptor_init(&desc->tx, chan);
	desc->tx.flags = flags;
	desc->tx.tx_submit = bm_chan_tx_submit;
	return desc;
}

static struct dma_async_tx_descriptor *bm_chan_prep_memcpy(struct dma_chan *chan, dma_addr_t dst,
							   dma_addr_t src, size_t len,
							   unsigned long flags)
{
	struct bm_desc *desc = len ? bm_chan_prep(chan, BM_OP_COPY, len, flags) : NULL;

	if (!desc)
		return NULL;
	bm_ptr_host(&desc->sqe.src, src);
	bm_ptr_host(&desc->sqe.dst, dst);
	return &desc->tx;
}

static struct dma_async_tx_descriptor *bm_chan_prep_memset(struct dma_chan *chan, dma_addr_t dst,
							   int value, size_t len,
							   unsigned long flags)
{
	struct bm_desc *desc = len ? bm_chan_prep(chan, BM_OP_FILL, len, flags) : NULL;

	if (!desc)
		return NULL;
	desc->sqe.operand = cpu_to_le64((u8)value * 0x0101010101010101ull);
	bm_ptr_host(&desc->sqe.dst, dst);
	return &desc->tx;
}

static struct dma_async_tx_descriptor *bm_chan_prep_interrupt(struct dma_chan *chan,
							      unsigned long flags)
{
	struct bm_desc *desc = bm_chan_prep(chan, BM_OP_NOP, 0, flags);

	return desc ? &desc->tx : NULL;
}

static void bm_chan_issue_pending(struct dma_chan *chan)
{
	struct bm_chan *bc = bm_chan_of(chan);
	unsigned long flags;
	int idx;

	idx = bm_enter(bc->bm);
	spin_lock_irqsave(&bc->lock, flags);
	list_splice_tail_init(&bc->submitted, &bc->waiting);
	bm_chan_push(bc);
	spin_unlock_irqrestore(&bc->lock, flags);
	if (idx >= 0)
		bm_exit(bc->bm, idx);
}

/* A failure is remembered until as many descriptors as the channel has were submitted since. */
static enum dma_status bm_chan_tx_status(struct dma_chan *chan, dma_cookie_t cookie,
					 struct dma_tx_state *state)
{
	struct bm_chan *bc = bm_chan_of(chan);
	enum dma_status status;
	struct bm_past past;
	unsigned long flags;

	spin_lock_irqsave(&bc->lock, flags);
	status = dma_async_is_complete(cookie, chan->completed_cookie, chan->cookie);
	past = *bm_chan_past(bc, cookie);
	if (past.cookie != cookie)
		past = (struct bm_past){};
	dma_set_tx_state(state, chan->completed_cookie, chan->cookie, past.residue);
	spin_unlock_irqrestore(&bc->lock, flags);
	return status == DMA_COMPLETE && past.failed ? DMA_ERROR : status;
}

static bool bm_chan_wants_end(struct bm_request *rq, const void *chan)
{
	struct bm_desc *desc = *bm_request_to_pdu(rq, struct bm_desc *);

	return rq->done == bm_chan_done && desc->tx.chan == chan && READ_ONCE(desc->terminated);
}

/* An early end of what was terminated while it was on its way. */
static void bm_chan_abort(struct bm_chan *bc)
{
	int idx = bm_enter(bc->bm);

	if (idx < 0)
		return;
	bm_abort_where(bc->bm, bm_chan_wants_end, &bc->chan);
	bm_exit(bc->bm, idx);
}

/* With nothing on its way this is a lock and no more; else bm_chan_synchronize() waits. */
static int bm_chan_terminate_all(struct dma_chan *chan)
{
	struct bm_chan *bc = bm_chan_of(chan);
	struct bm_desc *desc;
	unsigned long flags;

	spin_lock_irqsave(&bc->lock, flags);
	list_splice_tail_init(&bc->submitted, &bc->waiting);
	list_for_each_entry(desc, &bc->waiting, link)
		bm_desc_end(desc, DMA_TRANS_ABORTED);
	list_splice_tail_init(&bc->waiting, &bc->active);
	list_for_each_entry(desc, &bc->active, link)
		desc->terminated = true;
	list_for_each_entry(desc, &bc->ended, link)
		desc->terminated = true;
	bm_chan_retire(bc);
	spin_unlock_irqrestore(&bc->lock, flags);
	bm_chan_abort(bc);
	return 0;
}

/* Is the device through with all that was terminated? That came before all that was not. */
static bool bm_chan_quiet(struct bm_chan *bc)
{
	struct bm_desc *desc;
	unsigned long flags;
	bool quiet;

	spin_lock_irqsave(&bc->lock, flags);
	desc = bm_desc_first(&bc->active);
	quiet = !desc || !desc->terminated;
	spin_unlock_irqrestore(&bc->lock, flags);
	return quiet;
}

/* The watchdog bounds it. */
static void bm_chan_synchronize(struct dma_chan *chan)
{
	struct bm_chan *bc = bm_chan_of(chan);

	wait_event(bc->idle, bm_chan_quiet(bc));
	flush_work(&bc->work);
}

static void bm_chan_free_resources(struct dma_chan *chan)
{
	struct bm_chan *bc = bm_chan_of(chan);

	bm_chan_terminate_all(chan);
	bm_chan_synchronize(chan);
	INIT_LIST_HEAD(&bc->free);
	kvfree(bc->past);
	kvfree(bc->descs);
}

/* Not -ENODEV, upon which the core would forget a device that it knows of. */
static int bm_chan_alloc_resources(struct dma_chan *chan)
{
	struct bm_chan *bc = bm_chan_of(chan);
	unsigned int i;

	if (!bm_present(bc->bm))
		return -ENXIO;
	bc->descs = kvcalloc(bc->depth, sizeof(*bc->descs), GFP_KERNEL);
	bc->past = kvcalloc(bc->past_mask + 1, sizeof(*bc->past), GFP_KERNEL);
	if (!bc->descs || !bc->past) {
		kvfree(bc->past);
		kvfree(bc->descs);
		return -ENOMEM;
	}
	chan->cookie = DMA_MIN_COOKIE;
	chan->completed_cookie = DMA_MIN_COOKIE;
	for (i = 0; i < bc->depth; i++) {
		bc->descs[i].tx.flags = DMA_CTRL_ACK;
		list_add_tail(&bc->descs[i].link, &bc->free);
	}
	return bc->depth;
}

static void bm_chan_init(struct bm_chan *bc, struct dma_device *dma, struct bm_queue *q)
{
	bc->bm = q->bm;
	bc->q = q;
	bc->depth = q->depth;
	bc->past_mask = roundup_pow_of_two(2 * q->depth) - 1;
	spin_lock_init(&bc->lock);
	INIT_LIST_HEAD(&bc->free);
	INIT_LIST_HEAD(&bc->submitted);
	INIT_LIST_HEAD(&bc->waiting);
	INIT_LIST_HEAD(&bc->active);
	INIT_LIST_HEAD(&bc->ended);
	INIT_WORK(&bc->work, bm_chan_work);
	init_waitqueue_head(&bc->idle);
	bc->chan.device = dma;
	list_add_tail(&bc->chan.device_node, &dma->channels);
}

static void bm_dmaengine_free(struct bm_dmaengine *de)
{
	unsigned int i;

	for (i = 0; de->registered && i < de->nr_chans; i++)
		put_device(&de->chans[i].chan.dev->device);
	put_device(&de->bm->dev);
	put_device(de->dma.dev);
	kfree(de);
}

static LLIST_HEAD(bm_dmaengine_released);

/* Nobody has it all: to ask for it is to wait until the core is through with its list. */
static void bm_dmaengine_wait_for_core(void)
{
	dma_cap_mask_t all;

	bitmap_fill(all.bits, DMA_TX_TYPE_END);
	__dma_request_channel(&all, NULL, NULL, NULL);
}

static void bm_dmaengine_release_work(struct work_struct *work)
{
	struct llist_node *list = llist_del_all(&bm_dmaengine_released);
	struct bm_dmaengine *de, *next;

	bm_dmaengine_wait_for_core();
	llist_for_each_entry_safe(de, next, list, node)
		bm_dmaengine_free(de);
}

static DECLARE_WORK(bm_dmaengine_work, bm_dmaengine_release_work);

/* The core looks at a channel once more after its last reference: it is freed a little later. */
static void bm_dmaengine_release(struct dma_device *dma)
{
	struct bm_dmaengine *de = container_of(dma, struct bm_dmaengine, dma);

	if (llist_add(&de->node, &bm_dmaengine_released))
		schedule_work(&bm_dmaengine_work);
}

static void bm_dmaengine_init(struct dma_device *dma, const struct bm_caps *caps)
{
	dma->device_alloc_chan_resources = bm_chan_alloc_resources;
	dma->device_free_chan_resources = bm_chan_free_resources;
	dma->device_issue_pending = bm_chan_issue_pending;
	dma->device_tx_status = bm_chan_tx_status;
	dma->device_terminate_all = bm_chan_terminate_all;
	dma->device_synchronize = bm_chan_synchronize;
	dma->device_release = bm_dmaengine_release;
	dma->directions = BIT(DMA_MEM_TO_MEM);
	dma->residue_granularity = DMA_RESIDUE_GRANULARITY_DESCRIPTOR;
	dma->copy_align = DMAENGINE_ALIGN_1_BYTE;
	dma->fill_align = DMAENGINE_ALIGN_1_BYTE;
	INIT_LIST_HEAD(&dma->channels);

	/* For who asks for a channel. What serves itself (raid456) would never let go of it. */
	dma_cap_set(DMA_PRIVATE, dma->cap_mask);
	dma_cap_set(DMA_MEMCPY, dma->cap_mask);
	dma->device_prep_dma_memcpy = bm_chan_prep_memcpy;
	if (caps->ops & BIT(BM_OP_FILL)) {
		dma_cap_set(DMA_MEMSET, dma->cap_mask);
		dma->device_prep_dma_memset = bm_chan_prep_memset;
	}
	if (caps->ops & BIT(BM_OP_NOP)) {
		dma_cap_set(DMA_INTERRUPT, dma->cap_mask);
		dma->device_prep_dma_interrupt = bm_chan_prep_interrupt;
	}
}

/* What waits for the device is given to it when it runs, and ends when it is dead. */
static int bm_dmaengine_state(struct notifier_block *nb, unsigned long state, void *data)
{
	struct bm_dmaengine *de = container_of(nb, struct bm_dmaengine, state);
	unsigned long flags;
	unsigned int i;

	for (i = 0; state != BM_STOPPED && state != BM_SILENT && i < de->nr_chans; i++) {
		struct bm_chan *bc = &de->chans[i];

		spin_lock_irqsave(&bc->lock, flags);
		bm_chan_push(bc);
		spin_unlock_irqrestore(&bc->lock, flags);
	}
	return NOTIFY_DONE;
}

static void bm_dmaengine_listen(struct bm_dmaengine *de)
{
	de->state.notifier_call = bm_dmaengine_state;
	mutex_lock(&de->bm->state_lock);
	raw_notifier_chain_register(&de->bm->states, &de->state);
	mutex_unlock(&de->bm->state_lock);
}

static void bm_dmaengine_ignore(struct bm_dmaengine *de)
{
	mutex_lock(&de->bm->state_lock);
	raw_notifier_chain_unregister(&de->bm->states, &de->state);
	mutex_unlock(&de->bm->state_lock);
}

/**
 * bm_dmaengine_add() - offer the device's channels to the kernel
 * @bm: running device
 *
 * Return: 0 or a negative errno.
 */
int bm_dmaengine_add(struct bm_dev *bm)
{
	struct bm_dmaengine *de;
	unsigned int i;
	int err;

	if (!bm->nr_channels)
		return 0;
	de = kzalloc(struct_size(de, chans, bm->nr_channels), GFP_KERNEL);
	if (!de)
		return -ENOMEM;
	de->nr_chans = bm->nr_channels;
	get_device(&bm->dev);
	de->bm = bm;
	de->dma.dev = get_device(&bm->pdev->dev);
	bm_dmaengine_init(&de->dma, &bm->caps);
	for (i = 0; i < de->nr_chans; i++)
		bm_chan_init(&de->chans[i], &de->dma, &bm->queues[bm->nr_queues + i]);

	bm_dmaengine_listen(de);
	err = dma_async_device_register(&de->dma);
	if (err) {
		bm_dmaengine_ignore(de);
		bm_dmaengine_free(de);
		return err;
	}
	for (i = 0; i < de->nr_chans; i++)
		get_device(&de->chans[i].chan.dev->device);
	de->registered = true;
	bm->dmaengine = de;
	return 0;
}

/**
 * bm_dmaengine_del() - undo bm_dmaengine_add(), done or not
 * @bm: dead device that nobody uses any more
 *
 * Clients have been told of the end of all that they issued. They may keep channels,
 * and then what bm_dmaengine_add() made stays, too. May sleep.
 */
void bm_dmaengine_del(struct bm_dev *bm)
{
	struct bm_dmaengine *de = bm->dmaengine;
	unsigned int i;

	if (!de)
		return;
	bm->dmaengine = NULL;
	bm_dmaengine_ignore(de);
	for (i = 0; i < de->nr_chans; i++)
		flush_work(&de->chans[i].work);
	dma_async_device_unregister(&de->dma);
}

/**
 * bm_dmaengine_exit() - for the module: all that was released is free
 */
void bm_dmaengine_exit(void)
{
	flush_work(&bm_dmaengine_work);
}
