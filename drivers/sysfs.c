// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: what an operator sees below /sys/class/busmaster/busmasterN.
 *
 * One value a file. The files go before the device does, so what they read is
 * there; the device's own counters are registers and ask for bm_enter() all the
 * same, as a device that was given up does not answer.
 */
#include <linux/sizes.h>
#include <linux/sysfs.h>

#include "busmaster.h"

#define BM_ATTR(_name, _fmt, _value)                                              \
	static ssize_t _name##_show(struct device *dev, struct device_attribute *attr, \
				    char *buf)                                    \
	{                                                                         \
		struct bm_dev *bm = bm_from_device(dev);                          \
										  \
		return sysfs_emit(buf, _fmt "\n", _value);                        \
	}                                                                         \
	static DEVICE_ATTR_RO(_name)

BM_ATTR(queues, "%u", bm->nr_queues);
BM_ATTR(poll_queues, "%u", bm->nr_polled);
BM_ATTR(dma_channels, "%u", bm->nr_channels);
BM_ATTR(queue_depth, "%u", bm->queues[0].depth);
BM_ATTR(vectors, "%u", bm_vector_queues(bm) + 1);
BM_ATTR(mem_size, "%llu", bm->caps.mem_size);
BM_ATTR(dma_bits, "%u", bm->caps.dma_bits);
BM_ATTR(timeouts, "%lld", atomic64_read(&bm->timeouts));
BM_ATTR(resets, "%lld", atomic64_read(&bm->resets));

/**
 * bm_identity() - what the device is, in one line
 * @bm: identified device
 * @text: BM_IDENTITY_LEN bytes
 *
 * Return: @text.
 */
const char *bm_identity(struct bm_dev *bm, char *text)
{
	struct bm_caps *caps = &bm->caps;
	bool mib = !(caps->mem_size % SZ_1M);

	snprintf(text, BM_IDENTITY_LEN, "busmaster %u.%u, %u queues, %llu %s, %u-bit DMA",
		 caps->major, caps->minor, caps->queues, caps->mem_size >> (mib ? 20 : 10),
		 mib ? "MiB" : "KiB", caps->dma_bits);
	return text;
}

static ssize_t version_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct bm_caps *caps = &bm_from_device(dev)->caps;

	return sysfs_emit(buf, "%u.%u\n", caps->major, caps->minor);
}
static DEVICE_ATTR_RO(version);

static ssize_t identity_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	char text[BM_IDENTITY_LEN];

	return sysfs_emit(buf, "%s\n", bm_identity(bm_from_device(dev), text));
}
static DEVICE_ATTR_RO(identity);

static struct attribute *bm_attrs[] = {
	&dev_attr_version.attr,
	&dev_attr_identity.attr,
	&dev_attr_queues.attr,
	&dev_attr_poll_queues.attr,
	&dev_attr_dma_channels.attr,
	&dev_attr_queue_depth.attr,
	&dev_attr_vectors.attr,
	&dev_attr_mem_size.attr,
	&dev_attr_dma_bits.attr,
	NULL,
};

static const struct attribute_group bm_group = {
	.attrs = bm_attrs,
};

/* The device's counters: what has crossed the bus since the last reset. */
struct bm_counter_attr {
	struct device_attribute attr;
	u32 reg;
};

static ssize_t bm_counter_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct bm_counter_attr *counter = container_of(attr, struct bm_counter_attr, attr);
	struct bm_dev *bm = bm_from_device(dev);
	ssize_t ret = -ENODEV;
	int idx;

	idx = bm_enter(bm);
	if (bm_present(bm))
		ret = sysfs_emit(buf, "%llu\n", bm_hw_counter(bm, counter->reg));
	bm_exit(bm, idx);
	return ret;
}

#define BM_COUNTER(_name, _reg)                                         \
	static struct bm_counter_attr bm_counter_##_name = {            \
		.attr = __ATTR(_name, 0444, bm_counter_show, NULL),     \
		.reg = (_reg),                                          \
	}

BM_COUNTER(mrd_tlps, BM_REG_MRD_TLPS);
BM_COUNTER(mrd_bytes, BM_REG_MRD_BYTES);
BM_COUNTER(mwr_tlps, BM_REG_MWR_TLPS);
BM_COUNTER(mwr_bytes, BM_REG_MWR_BYTES);
BM_COUNTER(msg_tlps, BM_REG_MSG_TLPS);

/* The driver's counters: a member of struct bm_queue_stats, summed over the queues. */
struct bm_stat_attr {
	struct device_attribute attr;
	size_t offset;
};

static ssize_t bm_stat_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	size_t offset = container_of(attr, struct bm_stat_attr, attr)->offset;
	struct bm_dev *bm = bm_from_device(dev);
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < bm_total_queues(bm); i++) {
		struct bm_queue *q = &bm->queues[i];
		unsigned long flags;

		spin_lock_irqsave(&q->lock, flags);
		sum += *(u64 *)((void *)&q->stats + offset);
		spin_unlock_irqrestore(&q->lock, flags);
	}
	return sysfs_emit(buf, "%llu\n", sum);
}

#define BM_STAT(_name)                                                  \
	static struct bm_stat_attr bm_stat_##_name = {                  \
		.attr = __ATTR(_name, 0444, bm_stat_show, NULL),        \
		.offset = offsetof(struct bm_queue_stats, _name),       \
	}

BM_STAT(commands);
BM_STAT(completions);
BM_STAT(failures);
BM_STAT(faults);
BM_STAT(bad_completions);
BM_STAT(interrupts);
BM_STAT(sq_doorbells);
BM_STAT(cq_doorbells);
BM_STAT(maps);

static struct attribute *bm_stats_attrs[] = {
	&bm_counter_mrd_tlps.attr.attr,
	&bm_counter_mrd_bytes.attr.attr,
	&bm_counter_mwr_tlps.attr.attr,
	&bm_counter_mwr_bytes.attr.attr,
	&bm_counter_msg_tlps.attr.attr,
	&bm_stat_commands.attr.attr,
	&bm_stat_completions.attr.attr,
	&bm_stat_failures.attr.attr,
	&bm_stat_faults.attr.attr,
	&bm_stat_bad_completions.attr.attr,
	&bm_stat_interrupts.attr.attr,
	&bm_stat_sq_doorbells.attr.attr,
	&bm_stat_cq_doorbells.attr.attr,
	&bm_stat_maps.attr.attr,
	&dev_attr_timeouts.attr,
	&dev_attr_resets.attr,
	NULL,
};

static const struct attribute_group bm_stats_group = {
	.name = "stats",
	.attrs = bm_stats_attrs,
};

const struct attribute_group *bm_groups[] = {
	&bm_group,
	&bm_stats_group,
	&bm_coalesce_group,
	NULL,
};
