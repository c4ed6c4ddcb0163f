// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: a client of a dmaengine channel, and what takes the core's place.
 *
 * The core's register and unregister are replaced by as much of them as the provider
 * relies on, since the core itself wants devices in sysfs. All else is the provider's
 * own code, called as the core and its clients do.
 */
#include <linux/preempt.h>
#include <linux/slab.h>

#include "dmaengine_client.h"

static void fake_chan_dev_release(struct device *dev)
{
	kfree(container_of(dev, struct dma_chan_dev, device));
}

static int fake_register(struct dma_device *dma)
{
	struct dma_chan *chan;

	kref_init(&dma->ref);
	list_for_each_entry(chan, &dma->channels, device_node) {
		chan->dev = kzalloc(sizeof(*chan->dev), GFP_KERNEL);
		if (!chan->dev)
			return -ENOMEM;
		chan->dev->chan = chan;
		device_initialize(&chan->dev->device);
		chan->dev->device.release = fake_chan_dev_release;
	}
	return 0;
}

static void fake_dma_release(struct kref *ref)
{
	struct dma_device *dma = container_of(ref, struct dma_device, ref);

	dma->device_release(dma);
}

static void fake_unregister(struct dma_device *dma)
{
	struct dma_chan *chan;

	list_for_each_entry(chan, &dma->channels, device_node)
		put_device(&chan->dev->device);
	kref_put(&dma->ref, fake_dma_release);
}

#define dma_async_device_register fake_register
#define dma_async_device_unregister fake_unregister
#include "../../drivers/dmaengine.c"

void client_gives_back(struct client *client)
{
	struct dma_device *dma = client->chan->device;

	dmaengine_synchronize(client->chan);
	dma->device_free_chan_resources(client->chan);
	kref_put(&dma->ref, fake_dma_release);
	client->has_chan = false;
}

int client_takes(struct client *client)
{
	struct dma_device *dma = client->chan->device;
	int ret = dma->device_alloc_chan_resources(client->chan);

	if (ret < 0)
		return ret;
	kref_get(&dma->ref);
	client->has_chan = true;
	return ret;
}

static void client_end(void *data)
{
	struct client *client = data;

	fake_give_up(client->fake);
	bm_dmaengine_del(&client->fake->bm);
	if (client->has_chan)
		client_gives_back(client);
	bm_dmaengine_exit();
}

/* A device with two queues for files and one channel, which the client has. */
struct client *client_create_as(struct kunit *test, u32 ops)
{
	struct fake_shape shape = { .queues = 2, .channels = 1, .polled = 1, .depth = DEPTH };
	struct client *client = kunit_kzalloc(test, sizeof(*client), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, client);
	client->fake = fake_start_as(test, &shape);
	client->fake->bm.caps.ops = ops;
	KUNIT_ASSERT_EQ(test, bm_dmaengine_add(&client->fake->bm), 0);
	client->chan = &client->fake->bm.dmaengine->chans[0].chan;
	client->q = &client->fake->bm.queues[2];
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, client_end, client), 0);
	KUNIT_ASSERT_EQ(test, client_takes(client), DEPTH);
	return client;
}

struct client *client_create(struct kunit *test)
{
	return client_create_as(test, GENMASK(BM_OP_COMPARE, 0));
}

/* As remove() does: whoever looks at the channel's queue from here on, oopses. */
void client_loses_device(struct client *client)
{
	fake_give_up(client->fake);
	bm_dmaengine_del(&client->fake->bm);
	bm_dmaengine_exit();
	bm_chan_of(client->chan)->q = NULL;
}

/* Where clients expect to be called, and with no lock of ours: they may go on from here. */
static void client_called(void *data, const struct dmaengine_result *result)
{
	struct transfer *transfer = data;
	struct client *client = transfer->client;
	struct kunit *test = client->fake->test;
	enum dma_status status = dmaengine_tx_status(client->chan, transfer->cookie, NULL);

	KUNIT_EXPECT_TRUE(test, in_serving_softirq());
	KUNIT_EXPECT_FALSE(test, irqs_disabled());
	KUNIT_EXPECT_NE(test, status, DMA_IN_PROGRESS);
	KUNIT_ASSERT_LT(test, client->calls, MOST);
	client->order[client->calls] = transfer - client->transfer;
	client->results[client->calls] = *result;
	client->calls++;
	if (!client->again)
		return;
	client->again = false;
	client_copies(client, 0);
	dma_async_issue_pending(client->chan);
}

struct transfer *client_submits(struct client *client, struct dma_async_tx_descriptor *tx)
{
	struct transfer *transfer = &client->transfer[client->transfers++];
	struct kunit *test = client->fake->test;

	KUNIT_ASSERT_LE(test, client->transfers, MOST);
	KUNIT_ASSERT_NOT_NULL(test, tx);
	transfer->client = client;
	transfer->tx = tx;
	tx->callback_result = client_called;
	tx->callback_param = transfer;
	transfer->cookie = dmaengine_submit(tx);
	KUNIT_EXPECT_GT(test, transfer->cookie, 0);
	return transfer;
}

struct transfer *client_copies(struct client *client, unsigned long flags)
{
	return client_submits(client, dmaengine_prep_dma_memcpy(client->chan, DST, SRC, LENGTH,
								DMA_CTRL_ACK | flags));
}

struct transfer *client_issues(struct client *client)
{
	struct transfer *transfer = client_copies(client, 0);

	dma_async_issue_pending(client->chan);
	return transfer;
}

/* The driver looks at its completion ring, and all callbacks have been called. */
void client_reaps(struct client *client)
{
	bm_queue_reap_all(client->q);
	dmaengine_synchronize(client->chan);
}

void expect_status(struct transfer *transfer, enum dma_status status, u32 residue)
{
	struct client *client = transfer->client;
	struct kunit *test = client->fake->test;
	struct dma_tx_state state;

	KUNIT_EXPECT_EQ(test, dmaengine_tx_status(client->chan, transfer->cookie, &state), status);
	KUNIT_EXPECT_EQ(test, state.residue, residue);
	KUNIT_EXPECT_EQ(test, state.last, client->chan->completed_cookie);
	KUNIT_EXPECT_EQ(test, state.used, client->chan->cookie);
}

void client_expects_calls(struct client *client, unsigned int calls)
{
	KUNIT_EXPECT_EQ(client->fake->test, client->calls, calls);
}
