// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: fewer interrupts: when a queue's vector is raised.
 *
 * /sys/class/busmaster/busmasterN/coalesce speaks the language of ethtool -C: the
 * device raises a vector when "frames" completions are there, or "usecs" microseconds
 * after the first, whichever comes first. "adaptive" lets the driver choose: with
 * little in flight each completion is somebody's wait and is told at once; with much
 * in flight there is always the next one, and one interrupt serves many.
 */
#include <linux/kstrtox.h>
#include <linux/sysfs.h>

#include "busmaster.h"

/* Adaptive: from so many commands in flight, wait for a quarter of them, so long. */
#define BM_ADAPT_MIN 16
#define BM_ADAPT_USECS 50

/**
 * bm_coalesce_apply() - tell the device what was configured
 * @q: queue, locked and running
 */
void bm_coalesce_apply(struct bm_queue *q)
{
	struct bm_coalesce *c = &q->bm->coalesce;

	if (q->bm->caps.features & BM_FEAT_MODERATION && !q->polled)
		bm_hw_moderate(q, READ_ONCE(c->frames), READ_ONCE(c->usecs));
}

/**
 * bm_coalesce_adapt() - choose by what is in flight, if that is wanted
 * @q: queue, locked and running
 *
 * The choice is a power of two, so that the register is seldom written.
 */
void bm_coalesce_adapt(struct bm_queue *q)
{
	unsigned int busy = q->depth - q->nr_free;

	if (!READ_ONCE(q->bm->coalesce.adaptive) || q->polled)
		return;
	if (busy < BM_ADAPT_MIN)
		bm_hw_moderate(q, 0, 0);
	else
		bm_hw_moderate(q, rounddown_pow_of_two(busy) / 4, BM_ADAPT_USECS);
}

static void bm_coalesce_apply_all(struct bm_dev *bm)
{
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < bm_vector_queues(bm); i++) {
		struct bm_queue *q = &bm->queues[i];

		spin_lock_irqsave(&q->lock, flags);
		if (q->running)
			bm_coalesce_apply(q);
		spin_unlock_irqrestore(&q->lock, flags);
	}
}

/* A file: a member of struct bm_coalesce, and the most that it takes. */
struct bm_coalesce_attr {
	struct device_attribute attr;
	size_t offset;
	unsigned int max;
};

static unsigned int *bm_coalesce_value(struct bm_dev *bm, const struct bm_coalesce_attr *file)
{
	return (void *)&bm->coalesce + file->offset;
}

static ssize_t bm_coalesce_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct bm_coalesce_attr *file = container_of(attr, struct bm_coalesce_attr, attr);

	return sysfs_emit(buf, "%u\n", READ_ONCE(*bm_coalesce_value(bm_from_device(dev), file)));
}

static ssize_t bm_coalesce_store(struct device *dev, struct device_attribute *attr,
				 const char *buf, size_t count)
{
	struct bm_coalesce_attr *file = container_of(attr, struct bm_coalesce_attr, attr);
	struct bm_dev *bm = bm_from_device(dev);
	unsigned int val;
	int err;

	if (!(bm->caps.features & BM_FEAT_MODERATION))
		return -EOPNOTSUPP;
	err = kstrtouint(buf, 0, &val);
	if (err)
		return err;
	if (val > file->max)
		return -ERANGE;

	mutex_lock(&bm->state_lock);
	WRITE_ONCE(*bm_coalesce_value(bm, file), val);
	if (bm->state == BM_RUNNING)
		bm_coalesce_apply_all(bm);
	mutex_unlock(&bm->state_lock);
	return count;
}

#define BM_COALESCE(_name, _max)                                                           \
	static struct bm_coalesce_attr bm_coalesce_##_name = {                             \
		.attr = __ATTR(_name, 0644, bm_coalesce_show, bm_coalesce_store),          \
		.offset = offsetof(struct bm_coalesce, _name),                             \
		.max = (_max),                                                             \
	}

BM_COALESCE(frames, U16_MAX);
BM_COALESCE(usecs, U16_MAX);
BM_COALESCE(adaptive, 1);

static struct attribute *bm_coalesce_attrs[] = {
	&bm_coalesce_frames.attr.attr,
	&bm_coalesce_usecs.attr.attr,
	&bm_coalesce_adaptive.attr.attr,
	NULL,
};

const struct attribute_group bm_coalesce_group = {
	.name = "coalesce",
	.attrs = bm_coalesce_attrs,
};
