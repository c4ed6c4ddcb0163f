// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: the dmaengine provider: order, results, ends of all kinds.
 */
#include "dmaengine_client.h"

static void commands_say_what_was_prepared(struct kunit *test)
{
	struct client *client = client_create(test);
	struct dma_chan *chan = client->chan;
	struct bm_hw_sqe copy, fill, nop;

	client_copies(client, DMA_PREP_FENCE);
	client_submits(client, dmaengine_prep_dma_memset(chan, DST, -2, LENGTH, DMA_CTRL_ACK));
	client_submits(client, chan->device->device_prep_dma_interrupt(chan, DMA_CTRL_ACK));
	dma_async_issue_pending(chan);
	KUNIT_ASSERT_TRUE(test, fake_fetch(client->q, &copy));
	KUNIT_ASSERT_TRUE(test, fake_fetch(client->q, &fill));
	KUNIT_ASSERT_TRUE(test, fake_fetch(client->q, &nop));

	KUNIT_EXPECT_EQ(test, copy.opcode, BM_OP_COPY);
	KUNIT_EXPECT_EQ(test, copy.flags, BM_SQE_FENCE);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(copy.length), LENGTH);
	KUNIT_EXPECT_EQ(test, copy.src.space, BM_SPACE_HOST);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(copy.src.addr), SRC);
	KUNIT_EXPECT_EQ(test, copy.dst.space, BM_SPACE_HOST);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(copy.dst.addr), DST);
	KUNIT_EXPECT_EQ(test, fill.opcode, BM_OP_FILL);
	KUNIT_EXPECT_EQ(test, fill.flags, 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(fill.operand), 0xfefefefefefefefeull);
	KUNIT_EXPECT_EQ(test, fill.src.space, BM_SPACE_NONE);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(fill.dst.addr), DST);
	KUNIT_EXPECT_EQ(test, nop.opcode, BM_OP_NOP);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(nop.length), 0);
}

static void doorbell_comes_with_issue_pending_alone(struct kunit *test)
{
	struct client *client = client_create(test);
	u64 before = client->q->stats.sq_doorbells;

	client_copies(client, 0);
	client_copies(client, 0);
	client_copies(client, 0);
	KUNIT_EXPECT_EQ(test, client->q->stats.commands, 0);
	KUNIT_EXPECT_EQ(test, client->q->stats.sq_doorbells, before);
	dma_async_issue_pending(client->chan);
	KUNIT_EXPECT_EQ(test, client->q->stats.sq_doorbells, before + 1);
	KUNIT_EXPECT_EQ(test, fake_submitted(client->q), 3);
	dma_async_issue_pending(client->chan);
	KUNIT_EXPECT_EQ(test, client->q->stats.sq_doorbells, before + 1);
}

static void files_have_other_queues(struct kunit *test)
{
	struct client *client = client_create(test);
	struct bm_dev *bm = &client->fake->bm;
	struct bm_request *rq;
	unsigned int i;

	for (i = 0; i < DEPTH; i++)
		client_copies(client, 0);
	dma_async_issue_pending(client->chan);
	KUNIT_EXPECT_EQ(test, fake_submitted(client->q), DEPTH);
	KUNIT_EXPECT_EQ(test, client->q->nr_free, 0);
	rq = bm_request_get(bm, false, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, rq);
	KUNIT_EXPECT_LT(test, rq->queue->id, 2);
	rq = bm_request_get(bm, true, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, rq);
	KUNIT_EXPECT_EQ(test, rq->queue->id, 3);
}

static void cookies_ascend_and_wrap(struct kunit *test)
{
	struct client *client = client_create(test);
	struct transfer *last, *first;

	client->chan->cookie = INT_MAX - 1;
	client->chan->completed_cookie = INT_MAX - 1;
	last = client_copies(client, 0);
	first = client_copies(client, 0);
	KUNIT_EXPECT_EQ(test, last->cookie, INT_MAX);
	KUNIT_EXPECT_EQ(test, first->cookie, DMA_MIN_COOKIE);
	expect_status(last, DMA_IN_PROGRESS, LENGTH);
	expect_status(first, DMA_IN_PROGRESS, LENGTH);
	dma_async_issue_pending(client->chan);
	KUNIT_EXPECT_EQ(test, fake_serve(client->q), 2);
	client_reaps(client);
	expect_status(last, DMA_COMPLETE, 0);
	expect_status(first, DMA_COMPLETE, 0);
	client_expects_calls(client, 2);
}

static void channel_completes_in_order(struct kunit *test)
{
	struct client *client = client_create(test);
	struct transfer *one = client_copies(client, 0), *two = client_copies(client, 0);
	struct transfer *three = client_issues(client);
	u16 tags[3];
	int i;

	for (i = 0; i < 3; i++)
		tags[i] = fake_fetch_tag(client->q);
	fake_answer(client->q, tags[2], BM_ST_SUCCESS, 0);
	fake_answer(client->q, tags[1], BM_ST_SUCCESS, 0);
	client_reaps(client);
	expect_status(one, DMA_IN_PROGRESS, LENGTH);
	expect_status(two, DMA_IN_PROGRESS, LENGTH);
	expect_status(three, DMA_IN_PROGRESS, LENGTH);
	client_expects_calls(client, 0);

	fake_answer(client->q, tags[0], BM_ST_SUCCESS, 0);
	client_reaps(client);
	expect_status(one, DMA_COMPLETE, 0);
	expect_status(two, DMA_COMPLETE, 0);
	expect_status(three, DMA_COMPLETE, 0);
	client_expects_calls(client, 3);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, client->order[i], i);
	client_reaps(client);
	client_expects_calls(client, 3);
}

static void callback_may_go_on(struct kunit *test)
{
	struct client *client = client_create(test);

	client->again = true;
	client_issues(client);
	fake_serve(client->q);
	client_reaps(client);
	KUNIT_ASSERT_EQ(test, client->transfers, 2);
	expect_status(&client->transfer[1], DMA_IN_PROGRESS, LENGTH);
	fake_serve(client->q);
	client_reaps(client);
	expect_status(&client->transfer[1], DMA_COMPLETE, 0);
	client_expects_calls(client, 2);
}

struct result_param {
	const char *name;
	enum bm_status status;
	enum dmaengine_tx_result result;
};

static const struct result_param result_params[] = {
	{ "success", BM_ST_SUCCESS, DMA_TRANS_NOERROR },
	{ "read fault", BM_ST_DMA_READ_FAULT, DMA_TRANS_READ_FAILED },
	{ "write fault", BM_ST_DMA_WRITE_FAULT, DMA_TRANS_WRITE_FAILED },
	{ "aborted", BM_ST_ABORTED, DMA_TRANS_ABORTED },
	{ "refused", BM_ST_BAD_RANGE, DMA_TRANS_ABORTED },
};

KUNIT_ARRAY_PARAM_DESC(result, result_params, name);

/* For as long as the client may want to know, and not of its neighbours. */
static void result_is_told_and_remembered(struct kunit *test)
{
	const struct result_param *param = test->param_value;
	bool good = param->result == DMA_TRANS_NOERROR;
	struct client *client = client_create(test);
	struct transfer *before = client_copies(client, 0), *it = client_copies(client, 0);
	struct transfer *after = client_issues(client);
	unsigned int i;

	fake_answer(client->q, fake_fetch_tag(client->q), BM_ST_SUCCESS, 0);
	if (param->status == BM_ST_ABORTED)
		fake_answer_aborted(client->q, fake_fetch_tag(client->q));
	else
		fake_answer(client->q, fake_fetch_tag(client->q), param->status, 0);
	fake_answer(client->q, fake_fetch_tag(client->q), BM_ST_SUCCESS, 0);
	client_reaps(client);
	client_expects_calls(client, 3);
	KUNIT_EXPECT_EQ(test, client->results[0].result, DMA_TRANS_NOERROR);
	KUNIT_EXPECT_EQ(test, client->results[1].result, param->result);
	KUNIT_EXPECT_EQ(test, client->results[1].residue, good ? 0 : LENGTH);
	KUNIT_EXPECT_EQ(test, client->results[2].result, DMA_TRANS_NOERROR);

	for (i = 0; i < DEPTH; i++) {
		client_issues(client);
		fake_serve(client->q);
		client_reaps(client);
		expect_status(before, DMA_COMPLETE, 0);
		expect_status(it, good ? DMA_COMPLETE : DMA_ERROR, good ? 0 : LENGTH);
		expect_status(after, DMA_COMPLETE, 0);
	}
}

static unsigned int plain_calls;

static void plain_called(void *data)
{
	plain_calls++;
}

static void plain_callback_and_none_will_do(struct kunit *test)
{
	struct client *client = client_create(test);
	struct transfer *plain = client_copies(client, 0), *none = client_copies(client, 0);

	plain_calls = 0;
	plain->tx->callback_result = NULL;
	plain->tx->callback = plain_called;
	none->tx->callback_result = NULL;
	dma_async_issue_pending(client->chan);
	fake_serve(client->q);
	client_reaps(client);
	KUNIT_EXPECT_EQ(test, plain_calls, 1);
	expect_status(none, DMA_COMPLETE, 0);
	client_expects_calls(client, 0);
}

/* Copy with all descriptors at once: there are as many as requests. */
static void client_uses_all(struct client *client)
{
	struct kunit *test = client->fake->test;
	unsigned int before = client->calls, i;

	for (i = 0; i < DEPTH; i++)
		client_copies(client, 0);
	KUNIT_EXPECT_NULL(test, dmaengine_prep_dma_memcpy(client->chan, DST, SRC, LENGTH,
							  DMA_CTRL_ACK));
	dma_async_issue_pending(client->chan);
	KUNIT_EXPECT_EQ(test, fake_serve(client->q), DEPTH);
	client_reaps(client);
	client_expects_calls(client, before + DEPTH);
}

static void descriptors_are_used_again(struct kunit *test)
{
	struct client *client = client_create(test);
	unsigned int round;

	for (round = 0; round < 3; round++)
		client_uses_all(client);
}

static void descriptor_waits_for_its_acknowledgment(struct kunit *test)
{
	struct client *client = client_create(test);
	struct dma_async_tx_descriptor *tx;
	unsigned int i;

	tx = dmaengine_prep_dma_memcpy(client->chan, DST, SRC, LENGTH, 0);
	client_submits(client, tx);
	dma_async_issue_pending(client->chan);
	fake_serve(client->q);
	client_reaps(client);
	for (i = 1; i < DEPTH; i++)
		KUNIT_EXPECT_PTR_NE(test, client_copies(client, 0)->tx, tx);
	KUNIT_EXPECT_NULL(test, dmaengine_prep_dma_memcpy(client->chan, DST, SRC, LENGTH, 0));
	async_tx_ack(tx);
	KUNIT_EXPECT_PTR_EQ(test, client_copies(client, 0)->tx, tx);
}

static void lengths_have_limits(struct kunit *test)
{
	struct client *client = client_create(test);
	size_t most = client->fake->bm.caps.max_xfer;

	KUNIT_EXPECT_NULL(test, dmaengine_prep_dma_memcpy(client->chan, DST, SRC, 0, 0));
	KUNIT_EXPECT_NULL(test, dmaengine_prep_dma_memset(client->chan, DST, 0, 0, 0));
	KUNIT_EXPECT_NULL(test, dmaengine_prep_dma_memcpy(client->chan, DST, SRC, most + 1, 0));
	KUNIT_EXPECT_NULL(test, dmaengine_prep_dma_memset(client->chan, DST, 0, most + 1, 0));
	KUNIT_EXPECT_NOT_NULL(test, dmaengine_prep_dma_memcpy(client->chan, DST, SRC, most, 0));
}

static void memory_is_unmapped_when_it_is_over(struct kunit *test)
{
	struct client *client = client_create(test);
	struct dmaengine_unmap_data *unmap;
	struct transfer *transfer;

	unmap = dmaengine_get_unmap_data(client->chan->device->dev, 2, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, unmap);
	transfer = client_copies(client, 0);
	dma_set_unmap(transfer->tx, unmap);
	dma_async_issue_pending(client->chan);
	KUNIT_EXPECT_EQ(test, kref_read(&unmap->kref), 2);
	fake_serve(client->q);
	client_reaps(client);
	KUNIT_EXPECT_EQ(test, kref_read(&unmap->kref), 1);
	dmaengine_unmap_put(unmap);
}

/* What was submitted, issued, or has ended is called back no more; what comes next is. */
static void terminated_is_not_called_back(struct kunit *test)
{
	struct client *client = client_create(test);
	struct transfer *issued = client_issues(client), *submitted = client_copies(client, 0);
	struct transfer *next;
	u16 tag = fake_fetch_tag(client->q);

	fake_poke32(client->fake, BM_QUEUE_PAGE(2) + BM_QREG_ABORT, FAKE_UNTOUCHED);
	KUNIT_EXPECT_EQ(test, dmaengine_terminate_async(client->chan), 0);
	KUNIT_EXPECT_EQ(test, fake_doorbell(client->q, BM_QREG_ABORT), tag);
	next = client_issues(client);
	expect_status(issued, DMA_IN_PROGRESS, LENGTH);

	fake_answer(client->q, tag, BM_ST_ABORTED, 0);
	fake_serve(client->q);
	client_reaps(client);
	expect_status(issued, DMA_ERROR, LENGTH);
	expect_status(submitted, DMA_ERROR, LENGTH);
	expect_status(next, DMA_COMPLETE, 0);
	client_expects_calls(client, 1);
	KUNIT_EXPECT_EQ(test, client->order[0], next - client->transfer);
	KUNIT_EXPECT_EQ(test, client->q->nr_free, DEPTH);
}

/* What is parked while the device is stopped ends at once, without the device. */
static void terminated_while_parked_ends_at_once(struct kunit *test)
{
	struct client *client = client_create(test);
	struct transfer *transfer, *next;

	fake_stop(client->fake);
	transfer = client_issues(client);
	fake_poke32(client->fake, BM_QUEUE_PAGE(2) + BM_QREG_ABORT, FAKE_UNTOUCHED);
	KUNIT_EXPECT_EQ(test, dmaengine_terminate_sync(client->chan), 0);
	expect_status(transfer, DMA_ERROR, LENGTH);
	KUNIT_EXPECT_EQ(test, client->q->nr_free, DEPTH);
	KUNIT_EXPECT_EQ(test, fake_doorbell(client->q, BM_QREG_ABORT), FAKE_UNTOUCHED);
	next = client_issues(client);
	fake_start_again(client->fake);
	KUNIT_EXPECT_EQ(test, fake_serve(client->q), 1);
	client_reaps(client);
	expect_status(next, DMA_COMPLETE, 0);
	client_expects_calls(client, 1);
}

/* The callback cannot come in between: softirqs are off on this CPU, where it would. */
static void terminated_after_its_end_is_not_called_back(struct kunit *test)
{
	struct client *client = client_create(test);

	client_issues(client);
	fake_serve(client->q);
	local_bh_disable();
	KUNIT_EXPECT_EQ(test, bm_queue_reap(client->q, DEPTH), 1);
	dmaengine_terminate_async(client->chan);
	local_bh_enable();
	dmaengine_synchronize(client->chan);
	expect_status(&client->transfer[0], DMA_COMPLETE, 0);
	client_expects_calls(client, 0);
}

/* But not before it was asked. */
static void answer_late(struct fake *fake)
{
	struct bm_queue *q = &fake->bm.queues[2];

	if (!READ_ONCE(bm_next_in_flight(q, NULL)->aborting)) {
		fake_expect_reset(fake, answer_late);
		return;
	}
	fake_answer(q, fake_fetch_tag(q), BM_ST_ABORTED, 0);
	bm_queue_reap_all(q);
}

/* The agent acts when the test has been waiting for a while: until then memory is in use. */
static void synchronize_waits_for_the_device(struct kunit *test)
{
	struct client *client = client_create(test);

	client_issues(client);
	fake_poke32(client->fake, BM_REG_CTRL, BM_CTRL_RESET);
	fake_expect_reset(client->fake, answer_late);
	KUNIT_EXPECT_EQ(test, dmaengine_terminate_sync(client->chan), 0);
	KUNIT_EXPECT_EQ(test, client->q->nr_free, DEPTH);
	expect_status(&client->transfer[0], DMA_ERROR, LENGTH);
	client_expects_calls(client, 0);
}

static void terminate_of_nothing_asks_nothing(struct kunit *test)
{
	struct client *client = client_create(test);

	client_issues(client);
	fake_serve(client->q);
	client_reaps(client);
	fake_poke32(client->fake, BM_QUEUE_PAGE(2) + BM_QREG_ABORT, FAKE_UNTOUCHED);
	KUNIT_EXPECT_EQ(test, dmaengine_terminate_sync(client->chan), 0);
	KUNIT_EXPECT_EQ(test, fake_doorbell(client->q, BM_QREG_ABORT), FAKE_UNTOUCHED);
	client_expects_calls(client, 1);
}

/* What the device had is over, once; what it was not given yet is done afterwards. */
static void channel_survives_a_reset(struct kunit *test)
{
	struct client *client = client_create(test);
	struct transfer *lost = client_issues(client), *kept;
	struct bm_dev *bm = &client->fake->bm;

	complete_all(&client->fake->may_reset);
	mutex_lock(&bm->state_lock);
	bm_stop(bm);
	kept = client_issues(client);
	dmaengine_synchronize(client->chan);
	expect_status(lost, DMA_ERROR, LENGTH);
	expect_status(kept, DMA_IN_PROGRESS, LENGTH);
	client_expects_calls(client, 1);
	KUNIT_EXPECT_EQ(test, client->results[0].result, DMA_TRANS_ABORTED);
	KUNIT_EXPECT_EQ(test, client->results[0].residue, LENGTH);

	KUNIT_EXPECT_EQ(test, bm_start(bm), 0);
	mutex_unlock(&bm->state_lock);
	KUNIT_EXPECT_EQ(test, fake_serve(client->q), 1);
	client_reaps(client);
	expect_status(kept, DMA_COMPLETE, 0);
	client_expects_calls(client, 2);
	KUNIT_EXPECT_EQ(test, client->results[1].result, DMA_TRANS_NOERROR);
}

static void reset_that_fails_ends_what_waits(struct kunit *test)
{
	struct client *client = client_create(test);
	struct bm_dev *bm = &client->fake->bm;
	struct transfer *waits;

	complete_all(&client->fake->may_reset);
	client->fake->start_error = -ETIMEDOUT;
	mutex_lock(&bm->state_lock);
	bm_stop(bm);
	waits = client_issues(client);
	KUNIT_EXPECT_EQ(test, bm_start(bm), -ETIMEDOUT);
	mutex_unlock(&bm->state_lock);
	dmaengine_synchronize(client->chan);
	expect_status(waits, DMA_ERROR, LENGTH);
	client_expects_calls(client, 1);
	KUNIT_EXPECT_EQ(test, client->results[0].result, DMA_TRANS_ABORTED);
}

/* KASAN tells if the channel went with the device. Its queue did: it must not be looked at. */
static void channel_outlives_the_device(struct kunit *test)
{
	struct client *client = client_create(test);
	struct transfer *lost = client_issues(client), *late = client_copies(client, 0);
	struct dma_async_tx_descriptor *tx;

	tx = dmaengine_prep_dma_memcpy(client->chan, DST, SRC, LENGTH, DMA_CTRL_ACK);
	client_loses_device(client);
	client_expects_calls(client, 1);

	expect_status(lost, DMA_ERROR, LENGTH);
	KUNIT_EXPECT_NULL(test, dmaengine_prep_dma_memcpy(client->chan, DST, SRC, LENGTH, 0));
	client_submits(client, tx);
	dma_async_issue_pending(client->chan);
	dmaengine_synchronize(client->chan);
	expect_status(late, DMA_ERROR, LENGTH);
	client_expects_calls(client, 3);
	KUNIT_EXPECT_EQ(test, client->results[2].result, DMA_TRANS_ABORTED);
	KUNIT_EXPECT_EQ(test, dmaengine_terminate_sync(client->chan), 0);
	client_gives_back(client);
}

static void dead_device_has_no_channels(struct kunit *test)
{
	struct client *client = client_create(test);

	client_gives_back(client);
	fake_give_up(client->fake);
	KUNIT_EXPECT_EQ(test, client_takes(client), -ENXIO);
}

static void channel_can_be_taken_again(struct kunit *test)
{
	struct client *client = client_create(test);

	client_issues(client);
	client_copies(client, 0);
	dmaengine_prep_dma_memcpy(client->chan, DST, SRC, LENGTH, 0);
	fake_serve(client->q);
	bm_queue_reap_all(client->q);
	client_gives_back(client);
	KUNIT_ASSERT_EQ(test, client_takes(client), DEPTH);
	client_uses_all(client);
}

struct ops_param {
	const char *name;
	u32 ops;
	bool memset;
	bool interrupt;
};

static const struct ops_param ops_params[] = {
	{ "copy", BIT(BM_OP_COPY), false, false },
	{ "copy and fill", BIT(BM_OP_COPY) | BIT(BM_OP_FILL), true, false },
	{ "copy and nothing", BIT(BM_OP_COPY) | BIT(BM_OP_NOP), false, true },
};

KUNIT_ARRAY_PARAM_DESC(ops, ops_params, name);

static void capabilities_are_the_devices(struct kunit *test)
{
	const struct ops_param *param = test->param_value;
	struct client *client = client_create_as(test, param->ops);
	struct dma_device *dma = client->chan->device;

	KUNIT_EXPECT_TRUE(test, dma_has_cap(DMA_MEMCPY, dma->cap_mask));
	KUNIT_EXPECT_EQ(test, dma_has_cap(DMA_MEMSET, dma->cap_mask), param->memset);
	KUNIT_EXPECT_EQ(test, dma_has_cap(DMA_INTERRUPT, dma->cap_mask), param->interrupt);
	KUNIT_EXPECT_TRUE(test, dma_has_cap(DMA_PRIVATE, dma->cap_mask));
	KUNIT_EXPECT_PTR_EQ(test, dma->dev, &client->fake->pdev.dev);
}

static struct kunit_case dmaengine_cases[] = {
	KUNIT_CASE(commands_say_what_was_prepared),
	KUNIT_CASE(doorbell_comes_with_issue_pending_alone),
	KUNIT_CASE(files_have_other_queues),
	KUNIT_CASE(cookies_ascend_and_wrap),
	KUNIT_CASE(channel_completes_in_order),
	KUNIT_CASE(callback_may_go_on),
	KUNIT_CASE_PARAM(result_is_told_and_remembered, result_gen_params),
	KUNIT_CASE(plain_callback_and_none_will_do),
	KUNIT_CASE(descriptors_are_used_again),
	KUNIT_CASE(descriptor_waits_for_its_acknowledgment),
	KUNIT_CASE(lengths_have_limits),
	KUNIT_CASE(memory_is_unmapped_when_it_is_over),
	KUNIT_CASE(terminated_is_not_called_back),
	KUNIT_CASE(terminated_while_parked_ends_at_once),
	KUNIT_CASE(terminated_after_its_end_is_not_called_back),
	KUNIT_CASE(synchronize_waits_for_the_device),
	KUNIT_CASE(terminate_of_nothing_asks_nothing),
	KUNIT_CASE(channel_survives_a_reset),
	KUNIT_CASE(reset_that_fails_ends_what_waits),
	KUNIT_CASE(channel_outlives_the_device),
	KUNIT_CASE(dead_device_has_no_channels),
	KUNIT_CASE(channel_can_be_taken_again),
	KUNIT_CASE_PARAM(capabilities_are_the_devices, ops_gen_params),
	{}
};

static struct kunit_suite dmaengine_suite = {
	.name = "busmaster-dmaengine",
	.test_cases = dmaengine_cases,
};

kunit_test_suite(dmaengine_suite);
