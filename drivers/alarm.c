// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: something is wrong: count it, say it, ask for help.
 *
 * Whoever notices may be in an interrupt, and deep below those who can help. So what is
 * asked for is work: recover.c does it. What went wrong is counted by name, in errors/.
 */
#include "busmaster.h"

/**
 * bm_count() - one more of these
 * @bm: device
 * @error: which
 *
 * Any context.
 */
void bm_count(struct bm_dev *bm, enum bm_error error)
{
	atomic64_inc(&bm->errors[error]);
}

/**
 * bm_alarm_reset() - reset the device soon
 * @bm: device
 * @why: for the log
 *
 * Any context. All requests in flight fail with -EIO; those that come meanwhile
 * are parked. If somebody else has stopped the device, nothing is done: their start
 * resets it.
 */
void bm_alarm_reset(struct bm_dev *bm, const char *why)
{
	if (queue_work(bm_recover_wq, &bm->reset_work))
		dev_err(&bm->dev, "to be reset: %s\n", why);
}

/**
 * bm_alarm_watch() - somebody waits for the device: keep an eye on it
 * @bm: device
 *
 * Any context. The watchdog goes on by itself while anything is in flight.
 */
void bm_alarm_watch(struct bm_dev *bm)
{
	unsigned long period = max(1ul, msecs_to_jiffies(bm_param_timeout_ms) / 4);

	if (!delayed_work_pending(&bm->watchdog))
		queue_delayed_work(bm_recover_wq, &bm->watchdog, READ_ONCE(bm->deaf) ? 1 : period);
}

static const char *bm_lie_text(enum bm_error error)
{
	switch (error) {
	case BM_ERR_TAG_RANGE:
		return "its tag names no request";
	case BM_ERR_TAG_FREE:
		return "its tag names a request that the device does not have";
	case BM_ERR_TAG_STALE:
		return "its tag is that of another use of the request";
	case BM_ERR_HEAD:
		return "the submission head cannot be there";
	case BM_ERR_STATUS:
		return "there is no such status for that operation";
	default:
		return "its info is out of bounds";
	}
}

/**
 * bm_alarm_lie() - a completion cannot be true: the device is not to be trusted
 * @q: queue, which is stopped
 * @lie: the completion; counted
 *
 * Any context.
 */
void bm_alarm_lie(struct bm_queue *q, const struct bm_lie *lie)
{
	const struct bm_completion *c = &lie->c;

	dev_err_ratelimited(&q->bm->dev,
			    "queue %u: completion refused: %s (tag %#x, head %u, status %#x, info %#llx)\n",
			    q->id, bm_lie_text(lie->error), c->tag, c->sq_head, c->status, c->info);
	bm_alarm_reset(q->bm, "a completion cannot be true");
}

/**
 * bm_alarm_dead() - say why the device is dead
 * @bm: device that cannot be started
 * @err: negative errno of bm_start()
 */
void bm_alarm_dead(struct bm_dev *bm, int err)
{
	if (err == -ENODEV) {
		bm_count(bm, BM_ERR_GONE);
		dev_err(&bm->dev, "gone: nobody answers at its registers; it is not used any more\n");
	} else {
		dev_err(&bm->dev, "does not start (%d); it is not used any more\n", err);
	}
}
