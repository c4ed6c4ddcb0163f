// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: the device's clock, beside the kernel's.
 *
 * The register is read between two looks at CLOCK_MONOTONIC, as PTP_SYS_OFFSET_EXTENDED does for
 * network cards, and as hardware does by Precision Time Measurement. What the device calls now
 * was between the two: so the middle of them is wrong by half of their distance at most. Of some
 * samples the one with the least distance is kept.
 *
 * Each start has a sample in the trace (bm_clock), if somebody listens; and so has each read of
 * /sys/kernel/debug/busmaster/busmasterN/clock, which gives offset and bound as well. The clocks
 * may drift: who needs an axis for some time takes a sample before it and one after.
 */
#include <linux/debugfs.h>
#include <linux/irqflags.h>
#include <linux/ktime.h>
#include <linux/seq_file.h>

#include "busmaster.h"
#include "trace.h"

#define BM_CLOCK_SAMPLES 8

/* An interrupt in between would be seen as distance. */
static int bm_clock_once(struct bm_dev *bm, struct bm_clock *c)
{
	unsigned long flags;
	int err;

	local_irq_save(flags);
	c->before = ktime_get_ns();
	err = bm_hw_clock(bm, &c->device);
	c->after = ktime_get_ns();
	local_irq_restore(flags);
	return err;
}

/**
 * bm_clock_sample() - what time is it, for the device and for the kernel?
 * @bm: device whose registers may be read
 * @best: filled
 *
 * It is in the trace as well. Any context.
 *
 * Return: 0; -EOPNOTSUPP if the device has no clock; -ENODEV if it is gone.
 */
int bm_clock_sample(struct bm_dev *bm, struct bm_clock *best)
{
	struct bm_clock c;
	unsigned int i;
	int err;

	if (!(bm->caps.features & BM_FEAT_CLOCK))
		return -EOPNOTSUPP;
	for (i = 0; i < BM_CLOCK_SAMPLES; i++) {
		err = bm_clock_once(bm, &c);
		if (err)
			return err;
		if (!i || c.after - c.before < best->after - best->before)
			*best = c;
	}
	trace_bm_clock(bm, best);
	return 0;
}

/**
 * bm_clock_trace() - a sample for who listens
 * @bm: device that is about to start
 *
 * Without a listener no register is read. Should the device be gone, others find out.
 */
void bm_clock_trace(struct bm_dev *bm)
{
	struct bm_clock c;

	if (trace_bm_clock_enabled())
		bm_clock_sample(bm, &c);
}

static int bm_clock_show(struct seq_file *seq, void *unused)
{
	struct bm_dev *bm = seq->private;
	struct bm_clock c;
	int err;

	err = bm_bar_enter(bm);
	if (err)
		return err;
	err = bm_clock_sample(bm, &c);
	bm_bar_exit(bm);
	if (err)
		return err;
	seq_printf(seq, "device_ns %llu\noffset_ns %lld\nbound_ns %llu\n", c.device,
		   bm_clock_offset(&c), bm_clock_bound(&c));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(bm_clock);

/**
 * bm_clock_add() - the file, if the device has a clock
 * @bm: identified device, until its directory is removed
 * @dir: where
 */
void bm_clock_add(struct bm_dev *bm, struct dentry *dir)
{
	if (bm->caps.features & BM_FEAT_CLOCK)
		debugfs_create_file("clock", 0400, dir, bm, &bm_clock_fops);
}
