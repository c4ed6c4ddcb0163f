// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: what there is to be seen: /sys/kernel/debug/busmaster/busmasterN/dump.
 *
 * States, registers, the queues and what is in flight in them, in a form for people. It waits for
 * nothing but locks that are held shortly, and of a device that is stopped or dead no register
 * is read: it is for when something is wrong. What is shown of a queue is taken at one moment,
 * and printed afterwards.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "busmaster.h"

#define BM_DUMP_FLYING 16 /* requests that are shown, the first in the table */
#define BM_DUMP_ENTRIES 4 /* of a ring, the last submitted or the next to be reaped */

/**
 * struct bm_dump_request - a request in flight
 * @sqe: its submission
 * @age_ms: since then
 * @aborting: it is to end early
 * @fetched: the device has said that it has it
 */
struct bm_dump_request {
	struct bm_hw_sqe sqe;
	unsigned int age_ms;
	bool aborting;
	bool fetched;
};

/**
 * struct bm_dump - a queue at one moment
 * @running: as in struct bm_queue
 * @quiesced: likewise
 * @armed: likewise
 * @due: likewise
 * @free: requests that are
 * @flying: requests in flight
 * @parked: requests that are
 * @idle_ms: since it made progress
 * @sq: the ring's state
 * @cq: likewise
 * @stats: likewise
 * @request: the first in flight
 * @sqe: the last submissions
 * @cqe: the next completions
 */
struct bm_dump {
	bool running;
	bool quiesced;
	bool armed;
	bool due;
	unsigned int free;
	unsigned int flying;
	unsigned int parked;
	unsigned int idle_ms;
	struct bm_sq sq;
	struct bm_cq cq;
	struct bm_queue_stats stats;
	struct bm_dump_request request[BM_DUMP_FLYING];
	struct bm_hw_sqe sqe[BM_DUMP_ENTRIES];
	struct bm_hw_cqe cqe[BM_DUMP_ENTRIES];
};

static void bm_dump_take_flying(struct bm_dump *d, struct bm_queue *q)
{
	struct bm_request *rq = NULL;
	unsigned int i;

	for (i = 0; i < BM_DUMP_FLYING; i++) {
		rq = bm_next_in_flight(q, rq);
		if (!rq)
			return;
		d->request[i].sqe = rq->sqe;
		d->request[i].age_ms = jiffies_to_msecs(jiffies - rq->since);
		d->request[i].aborting = rq->aborting;
		d->request[i].fetched = bm_sq_fetched(&q->sq, rq->place);
	}
}

static void bm_dump_take(struct bm_dump *d, struct bm_queue *q)
{
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&q->lock, flags);
	d->running = q->running;
	d->quiesced = q->quiesced;
	d->armed = q->armed;
	d->due = q->due;
	d->free = q->nr_free;
	d->flying = q->flying;
	d->parked = list_count_nodes(&q->parked);
	d->idle_ms = jiffies_to_msecs(jiffies - q->progress);
	d->sq = q->sq;
	d->cq = q->cq;
	d->stats = q->stats;
	bm_dump_take_flying(d, q);
	for (i = 0; i < BM_DUMP_ENTRIES; i++) {
		d->sqe[i] = q->sq.ring[(q->sq.tail - 1 - i) & (q->sq.entries - 1)];
		d->cqe[i] = q->cq.ring[(q->cq.head + i) & (q->cq.entries - 1)];
	}
	spin_unlock_irqrestore(&q->lock, flags);
}

static void bm_dump_sqe(struct seq_file *seq, const struct bm_hw_sqe *sqe)
{
	seq_printf(seq, "tag %#06x op %u length %u", le16_to_cpu(sqe->tag), sqe->opcode,
		   le32_to_cpu(sqe->length));
}

static void bm_dump_queue(struct seq_file *seq, struct bm_queue *q, const struct bm_dump *d)
{
	unsigned int i;

	seq_printf(seq, "queue %u%s:%s%s%s%s; of %u requests %u free, %u in flight, %u parked; progress %u ms ago\n",
		   q->id, q->polled ? " (polled)" : "", d->running ? " running" : " stopped",
		   d->quiesced ? " quiesced" : "", d->armed ? " armed" : "", d->due ? " due" : "",
		   q->depth, d->free, d->flying, d->parked, d->idle_ms);
	seq_printf(seq, "  sq: %u entries, tail %u, rung %u, head %u; cq: head %u, rung %u, phase %u\n",
		   d->sq.entries, d->sq.tail, d->sq.rung, d->sq.head, d->cq.head, d->cq.rung,
		   !!d->cq.phase);
	seq_printf(seq, "  commands %llu, completions %llu, failures %llu, refused %llu, interrupts %llu\n",
		   d->stats.commands, d->stats.completions, d->stats.failures,
		   d->stats.bad_completions, d->stats.interrupts);
	for (i = 0; i < min(d->flying, BM_DUMP_FLYING); i++) {
		seq_puts(seq, "  in flight: ");
		bm_dump_sqe(seq, &d->request[i].sqe);
		seq_printf(seq, ", %u ms%s%s\n", d->request[i].age_ms,
			   d->request[i].fetched ? ", fetched" : "",
			   d->request[i].aborting ? ", aborting" : "");
	}
	for (i = 0; i < min(d->sq.tail, BM_DUMP_ENTRIES); i++) {
		seq_printf(seq, "  sqe %u: ", (d->sq.tail - 1 - i) & (d->sq.entries - 1));
		bm_dump_sqe(seq, &d->sqe[i]);
		seq_putc(seq, '\n');
	}
	for (i = 0; i < BM_DUMP_ENTRIES; i++)
		seq_printf(seq, "  cqe %u: tag %#06x status %#x sq_head %u info %#llx\n",
			   (d->cq.head + i) & (d->cq.entries - 1), le16_to_cpu(d->cqe[i].tag),
			   le32_to_cpu(d->cqe[i].status), le16_to_cpu(d->cqe[i].sq_head),
			   le64_to_cpu(d->cqe[i].info));
}

/* Registers are those of a device that is running, or none. */
static void bm_dump_device(struct seq_file *seq, struct bm_dev *bm)
{
	struct bm_report report;
	bool read = false;

	down_read(&bm->bar_lock);
	if (bm->state == BM_RUNNING)
		read = !bm_hw_report(bm, &report);
	seq_printf(seq, "%s, holds %#x, channel %s, resets %lld, losses %u\n",
		   bm_state_text(bm->state), READ_ONCE(bm->holds),
		   pci_channel_offline(bm->pdev) ? "offline" : "online", atomic64_read(&bm->resets),
		   bm->losses);
	up_read(&bm->bar_lock);
	if (read)
		seq_printf(seq, "status %#llx, halted %#llx, fault info %#llx, fault address %#llx\n",
			   report.status, report.halted, report.fault_info, report.fault_addr);
}

static int bm_dump_show(struct seq_file *seq, void *unused)
{
	struct bm_dev *bm = seq->private;
	struct bm_dump *d = kmalloc(sizeof(*d), GFP_KERNEL);
	unsigned int i;

	if (!d)
		return -ENOMEM;
	bm_dump_device(seq, bm);
	for (i = 0; i < bm_total_queues(bm); i++) {
		bm_dump_take(d, &bm->queues[i]);
		bm_dump_queue(seq, &bm->queues[i], d);
	}
	kfree(d);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(bm_dump);

/**
 * bm_dump_add() - the file
 * @bm: device with its queues, until its directory is removed
 * @dir: where
 */
void bm_dump_add(struct bm_dev *bm, struct dentry *dir)
{
	debugfs_create_file("dump", 0400, dir, bm, &bm_dump_fops);
}
