/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * busmaster KUnit: a client of a dmaengine channel, and what takes the core's place.
 */
#ifndef BUSMASTER_KUNIT_DMAENGINE_CLIENT_H
#define BUSMASTER_KUNIT_DMAENGINE_CLIENT_H

#include <linux/dmaengine.h>

#include "fake.h"

#define DEPTH 7 /* requests, and so descriptors */
#define SRC 0x1000u
#define DST 0x8000u
#define LENGTH 100u
#define MOST 32 /* transfers of a client */

/**
 * struct client - of one channel
 * @fake: the device
 * @chan: the channel
 * @q: its queue
 * @has_chan: it is ours
 * @again: in the next callback copy once more
 * @calls: callbacks so far
 * @order: the transfers that they were for, by their place in @transfers
 * @results: and what they said
 * @transfers: so many were made
 * @transfer: them
 */
struct client {
	struct fake *fake;
	struct dma_chan *chan;
	struct bm_queue *q;
	bool has_chan;
	bool again;
	unsigned int calls;
	unsigned int order[MOST];
	struct dmaengine_result results[MOST];
	unsigned int transfers;
	struct transfer {
		struct client *client;
		struct dma_async_tx_descriptor *tx;
		dma_cookie_t cookie;
	} transfer[MOST];
};

struct client *client_create(struct kunit *test);
struct client *client_create_as(struct kunit *test, u32 ops);
void client_loses_device(struct client *client);
int client_takes(struct client *client);
void client_gives_back(struct client *client);

/* What was prepared is submitted; or prepared, too; or issued, too. */
struct transfer *client_submits(struct client *client, struct dma_async_tx_descriptor *tx);
struct transfer *client_copies(struct client *client, unsigned long flags);
struct transfer *client_issues(struct client *client);

void client_reaps(struct client *client);
void client_expects_calls(struct client *client, unsigned int calls);
void expect_status(struct transfer *transfer, enum dma_status status, u32 residue);

#endif /* BUSMASTER_KUNIT_DMAENGINE_CLIENT_H */
