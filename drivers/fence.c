// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: who may touch a device that may be removed meanwhile.
 */
#include "busmaster.h"

/**
 * bm_enter() - begin to use a device
 * @bm: device
 *
 * Its registers and queues stay until bm_exit(). May be held while sleeping, but not for
 * longer than a command may take: remove() waits for it. Any context.
 *
 * Return: a cookie for bm_exit(); or -ENODEV if there is no device to use any more, and
 * then there is nothing to exit from.
 */
int bm_enter(struct bm_dev *bm)
{
	int idx = srcu_read_lock(&bm->users);

	if (bm_present(bm)) {
		__release(&bm->users); /* sparse knows no lock that is taken or not */
		return idx;
	}
	srcu_read_unlock(&bm->users, idx);
	return -ENODEV;
}

/**
 * bm_present() - is there a device to use?
 * @bm: device
 *
 * Of the answer yes only bm_enter() makes something that can be relied on. Any context.
 */
bool bm_present(struct bm_dev *bm)
{
	return READ_ONCE(bm->state) != BM_DEAD;
}

/**
 * bm_exit() - end what bm_enter() began
 * @bm: device
 * @idx: what bm_enter() returned, not negative
 */
void bm_exit(struct bm_dev *bm, int idx)
{
	__acquire(&bm->users);
	srcu_read_unlock(&bm->users, idx);
}
