// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: what an operator sees below /sys/class/busmaster/busmasterN.
 *
 * One value a file; identity alone has several, for people, and each of them has a file
 * of its own, too. The files go before the device does, so what they read is there; the
 * device's own counters are registers and ask for bm_enter() all the same, as a device
 * that was given up does not answer.
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
BM_ATTR(mem_size, "%llu", bm_file_size(bm));
BM_ATTR(dma_bits, "%u", bm->caps.dma_bits);
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
	&dev_attr_fault_policy.attr,
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
	u64 val;
	int err;

	err = bm_bar_enter(bm);
	if (err)
		return err;
	err = bm_hw_counter(bm, counter->reg, &val);
	bm_bar_exit(bm);
	return err ?: sysfs_emit(buf, "%llu\n", val);
}

#define BM_COUNTER(_group, _name, _reg)                                 \
	static struct bm_counter_attr bm_##_group##_##_name = {         \
		.attr = __ATTR(_name, 0444, bm_counter_show, NULL),     \
		.reg = (_reg),                                          \
	}

BM_COUNTER(counter, mrd_tlps, BM_REG_MRD_TLPS);
BM_COUNTER(counter, mrd_bytes, BM_REG_MRD_BYTES);
BM_COUNTER(counter, mwr_tlps, BM_REG_MWR_TLPS);
BM_COUNTER(counter, mwr_bytes, BM_REG_MWR_BYTES);
BM_COUNTER(counter, msg_tlps, BM_REG_MSG_TLPS);

BM_COUNTER(peers, mrd_tlps, BM_REG_PEER_MRD_TLPS);
BM_COUNTER(peers, mrd_bytes, BM_REG_PEER_MRD_BYTES);
BM_COUNTER(peers, mwr_tlps, BM_REG_PEER_MWR_TLPS);
BM_COUNTER(peers, mwr_bytes, BM_REG_PEER_MWR_BYTES);

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
	&bm_stat_bad_completions.attr.attr,
	&bm_stat_interrupts.attr.attr,
	&bm_stat_sq_doorbells.attr.attr,
	&bm_stat_cq_doorbells.attr.attr,
	&bm_stat_maps.attr.attr,
	&dev_attr_resets.attr,
	NULL,
};

static const struct attribute_group bm_stats_group = {
	.name = "stats",
	.attrs = bm_stats_attrs,
};

/* How much of that was between this device and the memory of devices: if it counts that. */
static struct attribute *bm_peers_attrs[] = {
	&bm_peers_mrd_tlps.attr.attr,
	&bm_peers_mrd_bytes.attr.attr,
	&bm_peers_mwr_tlps.attr.attr,
	&bm_peers_mwr_bytes.attr.attr,
	NULL,
};

static umode_t bm_peers_visible(struct kobject *kobj, struct attribute *attr, int n)
{
	struct bm_dev *bm = bm_from_device(kobj_to_dev(kobj));

	return bm->caps.features & BM_FEAT_PEERS ? attr->mode : 0;
}

static const struct attribute_group bm_peers_group = {
	.name = "peers",
	.attrs = bm_peers_attrs,
	.is_visible = bm_peers_visible,
};

/* What went wrong: a file for each enum bm_error. A device that works has zeros here. */
struct bm_error_attr {
	struct device_attribute attr;
	enum bm_error error;
};

static ssize_t bm_error_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	enum bm_error error = container_of(attr, struct bm_error_attr, attr)->error;

	return sysfs_emit(buf, "%lld\n", atomic64_read(&bm_from_device(dev)->errors[error]));
}

#define BM_ERROR(_name, _error)                                         \
	static struct bm_error_attr bm_error_##_name = {                \
		.attr = __ATTR(_name, 0444, bm_error_show, NULL),       \
		.error = (_error),                                      \
	}

BM_ERROR(bad_tag_range, BM_ERR_TAG_RANGE);
BM_ERROR(bad_tag_free, BM_ERR_TAG_FREE);
BM_ERROR(bad_tag_stale, BM_ERR_TAG_STALE);
BM_ERROR(bad_head, BM_ERR_HEAD);
BM_ERROR(bad_status, BM_ERR_STATUS);
BM_ERROR(bad_info, BM_ERR_INFO);
BM_ERROR(timeouts, BM_ERR_TIMEOUT);
BM_ERROR(lost_interrupts, BM_ERR_LOST_IRQ);
BM_ERROR(spurious_interrupts, BM_ERR_SPURIOUS_IRQ);
BM_ERROR(halts, BM_ERR_HALT);
BM_ERROR(fatals, BM_ERR_FATAL);
BM_ERROR(dma_faults, BM_ERR_DMA_FAULT);
BM_ERROR(gone, BM_ERR_GONE);
BM_ERROR(failed_resets, BM_ERR_RESET);
BM_ERROR(foreign_resets, BM_ERR_FOREIGN_RESET);
BM_ERROR(bus_correctable, BM_ERR_BUS_CORRECTABLE);
BM_ERROR(bus_nonfatal, BM_ERR_BUS_NONFATAL);
BM_ERROR(bus_fatal, BM_ERR_BUS_FATAL);
BM_ERROR(unreachable_peers, BM_ERR_UNREACHABLE);

static struct attribute *bm_errors_attrs[] = {
	&bm_error_bad_tag_range.attr.attr,
	&bm_error_bad_tag_free.attr.attr,
	&bm_error_bad_tag_stale.attr.attr,
	&bm_error_bad_head.attr.attr,
	&bm_error_bad_status.attr.attr,
	&bm_error_bad_info.attr.attr,
	&bm_error_timeouts.attr.attr,
	&bm_error_lost_interrupts.attr.attr,
	&bm_error_spurious_interrupts.attr.attr,
	&bm_error_halts.attr.attr,
	&bm_error_fatals.attr.attr,
	&bm_error_dma_faults.attr.attr,
	&bm_error_gone.attr.attr,
	&bm_error_failed_resets.attr.attr,
	&bm_error_foreign_resets.attr.attr,
	&bm_error_bus_correctable.attr.attr,
	&bm_error_bus_nonfatal.attr.attr,
	&bm_error_bus_fatal.attr.attr,
	&bm_error_unreachable_peers.attr.attr,
	NULL,
};

static const struct attribute_group bm_errors_group = {
	.name = "errors",
	.attrs = bm_errors_attrs,
};

const struct attribute_group *bm_groups[] = {
	&bm_group,
	&bm_stats_group,
	&bm_peers_group,
	&bm_errors_group,
	&bm_coalesce_group,
	NULL,
};
