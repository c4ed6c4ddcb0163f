// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: work queues of our own: the kernel may reclaim memory by what our users do.
 *
 * Two of them, so that recovery never stands in line behind pages that are waited for.
 */
#include "busmaster.h"

struct workqueue_struct *bm_recover_wq;
struct workqueue_struct *bm_release_wq;

/**
 * bm_work_init() - for the module
 *
 * Return: 0 or -ENOMEM.
 */
int bm_work_init(void)
{
	bm_recover_wq = alloc_workqueue(BM_NAME "_recover", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (!bm_recover_wq)
		return -ENOMEM;
	bm_release_wq = alloc_workqueue(BM_NAME "_release", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (!bm_release_wq) {
		destroy_workqueue(bm_recover_wq);
		return -ENOMEM;
	}
	return 0;
}

/**
 * bm_work_exit() - undo bm_work_init()
 */
void bm_work_exit(void)
{
	destroy_workqueue(bm_release_wq);
	destroy_workqueue(bm_recover_wq);
}
