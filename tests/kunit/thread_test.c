// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: those who wait, and many at once.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/sched/task.h>

#include "fake.h"

#define CLIENTS 4
#define ROUNDS 250
#define BATCH 5
#define PATIENCE (20 * HZ)

/**
 * struct client - a thread that uses the device
 * @bm: device
 * @task: itself
 * @done: it has ended
 * @rq: request that it got
 * @good: commands that ended well
 */
struct client {
	struct bm_dev *bm;
	struct task_struct *task;
	struct completion done;
	struct bm_request *rq;
	unsigned int good;
};

static void client_start(struct kunit *test, struct client *client, struct bm_dev *bm,
			 int (*run)(void *data))
{
	client->bm = bm;
	init_completion(&client->done);
	client->task = kthread_create(run, client, "bm-kunit-client");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, client->task);
	get_task_struct(client->task);
	wake_up_process(client->task);
}

/* Wait for a thread; should the driver have forgotten it, give it the way out. */
static bool client_end(struct client *client)
{
	bool ended = wait_for_completion_timeout(&client->done, PATIENCE);

	if (!ended)
		fake_give_up(container_of(client->bm, struct fake, bm));
	kthread_stop_put(client->task);
	return ended;
}

static int client_gets(void *data)
{
	struct client *client = data;

	client->rq = bm_request_get(client->bm, false, MAX_SCHEDULE_TIMEOUT);
	complete(&client->done);
	return 0;
}

static bool client_sleeps(struct client *client)
{
	unsigned long end = jiffies + PATIENCE;

	while (time_before(jiffies, end) && !completion_done(&client->done)) {
		if (READ_ONCE(client->task->__state) & TASK_UNINTERRUPTIBLE)
			return true;
		usleep_range(500, 1000);
	}
	return false;
}

static void waiter_wakes_when_a_request_is_put(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, 1);
	struct bm_request *rq = fake_request(fake);
	struct client client = {};

	client_start(test, &client, &fake->bm, client_gets);
	KUNIT_EXPECT_TRUE(test, client_sleeps(&client));
	bm_request_put(rq);
	KUNIT_EXPECT_TRUE(test, client_end(&client));
	KUNIT_EXPECT_PTR_EQ(test, client.rq, rq);
}

/* It does not see the reset, but for what that ends. */
static void waiter_wakes_when_a_reset_ends_a_command(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, 1);
	struct bm_request *rq = fake_request(fake);
	struct client client = {};

	rq->done = bm_request_put;
	KUNIT_ASSERT_EQ(test, bm_request_submit(rq), 0);
	client_start(test, &client, &fake->bm, client_gets);
	KUNIT_EXPECT_TRUE(test, client_sleeps(&client));
	fake_stop(fake);
	KUNIT_EXPECT_TRUE(test, client_end(&client));
	KUNIT_EXPECT_PTR_EQ(test, client.rq, rq);
}

static void waiter_wakes_when_the_device_dies(struct kunit *test)
{
	struct fake *fake = fake_create(test, 1, 1);
	struct client client = {};

	fake_request(fake);
	client_start(test, &client, &fake->bm, client_gets);
	KUNIT_EXPECT_TRUE(test, client_sleeps(&client));
	fake_give_up(fake);
	KUNIT_EXPECT_TRUE(test, client_end(&client));
	KUNIT_EXPECT_EQ(test, PTR_ERR(client.rq), -ENODEV);
}

static int client_waits(void *data)
{
	struct client *client = data;

	fake_wait(client->rq);
	complete(&client->done);
	return 0;
}

static void wait_ends_with_the_completion(struct kunit *test)
{
	struct fake *fake = fake_start(test, 1, 1);
	struct client client = {};

	client.rq = bm_request_get(&fake->bm, false, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, client.rq);
	bm_sqe_init(&client.rq->sqe, BM_OP_NOP, 0);
	KUNIT_ASSERT_EQ(test, bm_request_submit(client.rq), 0);
	client_start(test, &client, &fake->bm, client_waits);
	KUNIT_EXPECT_TRUE(test, client_sleeps(&client));
	fake_serve(client.rq->queue);
	KUNIT_EXPECT_EQ(test, bm_queue_irq(0, client.rq->queue), IRQ_HANDLED);
	KUNIT_EXPECT_TRUE(test, client_end(&client));
}

static int client_works(void *data)
{
	struct client *client = data;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		struct bm_request *rq = bm_request_get(client->bm, false, MAX_SCHEDULE_TIMEOUT);
		u32 crc = get_random_u32();

		if (IS_ERR(rq))
			break;
		bm_sqe_init(&rq->sqe, BM_OP_CRC32C, 1);
		rq->sqe.operand = cpu_to_le64(crc);
		if (!bm_request_submit(rq) && !fake_wait(rq) && rq->info == crc)
			client->good++;
		bm_request_put(rq);
	}
	complete(&client->done);
	return 0;
}

/* Take some submissions, and answer them last first: info is what operand was. */
static bool device_works(struct bm_queue *q)
{
	struct bm_hw_sqe sqe[BATCH];
	int n = 0;

	while (n < BATCH && fake_fetch(q, &sqe[n]))
		n++;
	if (!n)
		return false;
	while (n--)
		fake_answer(q, le16_to_cpu(sqe[n].tag), BM_ST_SUCCESS,
			    le64_to_cpu(sqe[n].operand));
	bm_queue_irq(0, q);
	return true;
}

static bool clients_have_ended(struct client *clients)
{
	int i;

	for (i = 0; i < CLIENTS; i++)
		if (!completion_done(&clients[i].done))
			return false;
	return true;
}

static void each_client_gets_its_own_answer(struct kunit *test)
{
	struct fake *fake = fake_start(test, 2, 3);
	struct client *clients = kunit_kcalloc(test, CLIENTS, sizeof(*clients), GFP_KERNEL);
	unsigned long end = jiffies + PATIENCE;
	u64 commands = 0;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, clients);
	for (i = 0; i < CLIENTS; i++)
		client_start(test, &clients[i], &fake->bm, client_works);
	while (!clients_have_ended(clients) && time_before(jiffies, end)) {
		bool worked = device_works(&fake->bm.queues[0]);

		if (!device_works(&fake->bm.queues[1]) && !worked)
			usleep_range(20, 50);
	}
	for (i = 0; i < CLIENTS; i++) {
		KUNIT_EXPECT_TRUE(test, client_end(&clients[i]));
		KUNIT_EXPECT_EQ(test, clients[i].good, ROUNDS);
	}
	for (i = 0; i < 2; i++) {
		commands += fake->bm.queues[i].stats.commands;
		KUNIT_EXPECT_EQ(test, fake->bm.queues[i].stats.bad_completions, 0);
		KUNIT_EXPECT_EQ(test, fake->bm.queues[i].nr_free, 3);
	}
	KUNIT_EXPECT_EQ(test, commands, CLIENTS * ROUNDS);
	KUNIT_EXPECT_FALSE(test, fake_reset_requested(fake));
}

static struct kunit_case thread_cases[] = {
	KUNIT_CASE(waiter_wakes_when_a_request_is_put),
	KUNIT_CASE(waiter_wakes_when_a_reset_ends_a_command),
	KUNIT_CASE(waiter_wakes_when_the_device_dies),
	KUNIT_CASE(wait_ends_with_the_completion),
	KUNIT_CASE(each_client_gets_its_own_answer),
	{}
};

static struct kunit_suite thread_suite = {
	.name = "busmaster-thread",
	.test_cases = thread_cases,
};

kunit_test_suite(thread_suite);
