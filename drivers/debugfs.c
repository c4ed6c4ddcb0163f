// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: /sys/kernel/debug/busmaster/busmasterN: dump and clock, which are in dump.c and
 * clock.c, and faults on demand: inject.
 *
 * The latter only where the device has the fault-injection window: a file for each of its modes.
 * To write "COUNT[:QUEUE[:ARG]]" arms the mode: for COUNT events or "always", of one
 * queue or "all", with an argument that enum bm_inject explains; COUNT 0 disarms it. To
 * read gives the events that it has hit since, and those that it still will. QEMU's
 * properties x-inject-NAME take the same.
 */
#include <linux/bitfield.h>
#include <linux/debugfs.h>
#include <linux/kstrtox.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "busmaster.h"

/* "always:all:0xffffffffffffffff\n", and as much again for who likes zeros. */
#define BM_INJECT_TEXT 64

static const char * const bm_inject_names[BM_INJECT_END] = BM_INJECT_NAMES;

static struct dentry *bm_debugfs_root;

/**
 * struct bm_inject_file - what a file is for
 * @bm: device
 * @mode: mode
 */
struct bm_inject_file {
	struct bm_dev *bm;
	enum bm_inject mode;
};

/* A field of an injection: a number up to @max, or @word, which stands for @all. */
static int bm_inject_number(struct bm_dev *bm, enum bm_inject mode, const char *field,
			    const char *text, u64 max, const char *word, u64 all, u64 *val)
{
	if (word && !strcmp(text, word)) {
		*val = all;
		return 0;
	}
	if (!kstrtoull(text, 0, val) && *val <= max)
		return 0;
	dev_err_ratelimited(&bm->dev, "inject/%s: %s \"%s\" is not 0 to %llu%s%s\n",
			    bm_inject_names[mode], field, text, max, word ? " or " : "",
			    word ?: "");
	return -EINVAL;
}

/**
 * bm_inject_parse() - "COUNT[:QUEUE[:ARG]]"
 * @bm: identified device
 * @text: it; is cut to pieces
 * @injection: mode is given, the rest is filled
 *
 * Return: 0; or -EINVAL, after a message that names the field, the value and the limit.
 */
int bm_inject_parse(struct bm_dev *bm, char *text, struct bm_injection *injection)
{
	char *rest = strim(text);
	char *count = strsep(&rest, ":"), *queue = strsep(&rest, ":");
	u64 val;
	int err;

	err = bm_inject_number(bm, injection->mode, "COUNT", count, BM_INJECT_ALWAYS - 1, "always",
			       BM_INJECT_ALWAYS, &val);
	injection->count = val;
	if (!err)
		err = bm_inject_number(bm, injection->mode, "QUEUE", queue ?: "all",
				       bm->caps.queues - 1, "all", BM_INJECT_ALL_QUEUES, &val);
	injection->queue = val;
	if (!err)
		err = bm_inject_number(bm, injection->mode, "ARG", rest ?: "0", U64_MAX, NULL, 0,
				       &val);
	injection->arg = val;
	return err;
}

static int bm_inject_show(struct seq_file *seq, void *unused)
{
	struct bm_inject_file *file = seq->private;
	u64 state;
	int err;

	err = bm_bar_enter(file->bm);
	if (err)
		return err;
	state = bm_hw_inject_state(file->bm, file->mode);
	bm_bar_exit(file->bm);

	seq_printf(seq, "%llu ", FIELD_GET(BM_INJECT_FIRED, state));
	if (FIELD_GET(BM_INJECT_LEFT, state) == BM_INJECT_ALWAYS)
		seq_puts(seq, "always\n");
	else
		seq_printf(seq, "%llu\n", FIELD_GET(BM_INJECT_LEFT, state));
	return 0;
}

/* To arm takes several registers. */
static DEFINE_MUTEX(bm_inject_lock);

static ssize_t bm_inject_write(struct file *filp, const char __user *from, size_t count,
			       loff_t *pos)
{
	struct bm_inject_file *file = ((struct seq_file *)filp->private_data)->private;
	struct bm_injection injection = { .mode = file->mode };
	struct bm_dev *bm = file->bm;
	char text[BM_INJECT_TEXT];
	int err;

	if (*pos || count >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, from, count))
		return -EFAULT;
	text[count] = 0;
	err = bm_inject_parse(bm, text, &injection);
	if (err)
		return err;

	err = bm_bar_enter(bm);
	if (err)
		return err;
	mutex_lock(&bm_inject_lock);
	bm_hw_inject(bm, &injection);
	mutex_unlock(&bm_inject_lock);
	bm_bar_exit(bm);
	return count;
}
DEFINE_SHOW_STORE_ATTRIBUTE(bm_inject);

/**
 * bm_debugfs_add() - the files of a device
 * @bm: device with its name
 *
 * What fails here is missed by nobody but a test: so nothing depends on it.
 */
void bm_debugfs_add(struct bm_dev *bm)
{
	u64 modes = 0;
	struct dentry *dir;
	unsigned int mode;

	bm->debugfs = debugfs_create_dir(dev_name(&bm->dev), bm_debugfs_root);
	bm_dump_add(bm, bm->debugfs);
	bm_clock_add(bm, bm->debugfs);
	if (!bm_bar_enter(bm)) {
		modes = bm_hw_inject_modes(bm);
		bm_bar_exit(bm);
	}
	if (!modes)
		return;
	bm->inject = kcalloc(BM_INJECT_END, sizeof(*bm->inject), GFP_KERNEL);
	if (!bm->inject)
		return;
	dir = debugfs_create_dir("inject", bm->debugfs);
	for (mode = 0; mode < BM_INJECT_END; mode++) {
		if (!(modes & BIT_ULL(mode)))
			continue;
		bm->inject[mode] = (struct bm_inject_file){ .bm = bm, .mode = mode };
		debugfs_create_file(bm_inject_names[mode], 0600, dir, &bm->inject[mode],
				    &bm_inject_fops);
	}
}

/**
 * bm_debugfs_del() - undo bm_debugfs_add()
 * @bm: device
 *
 * Waits for who reads or writes.
 */
void bm_debugfs_del(struct bm_dev *bm)
{
	debugfs_remove(bm->debugfs);
	kfree(bm->inject);
}

/**
 * bm_debugfs_init() - the directory of all devices, for the module
 */
void bm_debugfs_init(void)
{
	bm_debugfs_root = debugfs_create_dir(BM_NAME, NULL);
}

/**
 * bm_debugfs_exit() - undo bm_debugfs_init()
 */
void bm_debugfs_exit(void)
{
	debugfs_remove(bm_debugfs_root);
}
