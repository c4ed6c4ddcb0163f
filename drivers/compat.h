/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * busmaster: what older kernels lack. All else is written as if the newest were the only one.
 *
 * A difference is told by a macro that came with it, where there is one; else by the version.
 * To drop old kernels, delete all that is "before" a version that is not supported any more.
 */
#ifndef BUSMASTER_COMPAT_H
#define BUSMASTER_COMPAT_H

#include <linux/group_cpus.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/splice.h>
#include <linux/uio.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#include <linux/io_uring/cmd.h>
#else /* before 6.8 */
#include <linux/io_uring.h>
#endif

/* Before 6.11 an io_uring command is not told of its task's exit, or not in the same way. */
#ifdef io_uring_cmd_to_pdu
#define BM_URING_CMD
#endif

/* Before 7.1 nobody asks whether the type fits. */
#if defined(BM_URING_CMD) && !defined(io_uring_sqe_cmd)
#define io_uring_sqe_cmd(sqe, type) ((const type *)io_uring_sqe_cmd(sqe))
#endif

/* Before 6.19 a task work is given the command itself, and flags that are always the same. */
#ifndef IO_URING_CMD_TASK_WORK_ISSUE_FLAGS
#define IO_URING_CMD_TASK_WORK_ISSUE_FLAGS IO_URING_F_COMPLETE_DEFER
#define io_tw_req io_uring_cmd *
#define io_tw_token_t unsigned int
#define io_uring_cmd_from_tw(req) (req)
#endif

/* Before 6.18 there is a second result. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define io_uring_cmd_done(cmd, ret, issue_flags) io_uring_cmd_done(cmd, ret, 0, issue_flags)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
/* Before 6.3 modules have none. This one knows of no nodes. */
static inline struct cpumask *bm_group_cpus_evenly(unsigned int groups, unsigned int *made)
{
	struct cpumask *masks = kcalloc(groups, sizeof(*masks), GFP_KERNEL);
	unsigned int cpu, n = 0;

	for_each_possible_cpu(cpu)
		if (masks)
			cpumask_set_cpu(cpu, &masks[n++ % groups]);
	*made = min(n, groups);
	return masks;
}

#define group_cpus_evenly bm_group_cpus_evenly
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
/* Before 6.17 there are as many groups as are asked for. */
static inline struct cpumask *bm_group_cpus_evenly(unsigned int groups, unsigned int *made)
{
	*made = groups;
	return group_cpus_evenly(groups);
}

#define group_cpus_evenly bm_group_cpus_evenly
#endif

/* Before 6.10. */
#ifndef kvcalloc_node
#define kvcalloc_node(n, size, flags, node) kvzalloc_node(array_size(n, size), flags, node)
#endif

/* Before 6.8. */
#ifndef DEFINE_SHOW_STORE_ATTRIBUTE
#define DEFINE_SHOW_STORE_ATTRIBUTE(name)						\
static int name ## _open(struct inode *inode, struct file *file)			\
{											\
	return single_open(file, name ## _show, inode->i_private);			\
}											\
											\
static const struct file_operations name ## _fops = {					\
	.owner = THIS_MODULE,								\
	.open = name ## _open,								\
	.read = seq_read,								\
	.write = name ## _write,							\
	.llseek = seq_lseek,								\
	.release = single_release,							\
}
#endif

/* Before 6.6. */
#ifndef __counted_by
#define __counted_by(...)
#endif

/* Before 6.6 a fault that a driver sees was always taken with the lock of all mappings. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
static inline void bm_release_fault_lock(struct vm_fault *vmf)
{
	mmap_read_unlock(vmf->vma->vm_mm);
}

#define release_fault_lock bm_release_fault_lock
#endif

/* Before 6.5 a pipe is filled by an iterator of its own kind: that is refused. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define copy_splice_read NULL
#endif

/* Before 6.3: extract.c. */
#ifndef ITER_ALLOW_P2PDMA
#define BM_EXTRACT
#define ITER_ALLOW_P2PDMA 0
ssize_t bm_extract_pages(struct iov_iter *iter, struct page ***pages, size_t size,
			 unsigned int most, unsigned int flags, size_t *offset);
#define iov_iter_extract_pages bm_extract_pages
#define iov_iter_extract_will_pin user_backed_iter
#endif

/* Before 6.2 memory of devices cannot be pinned. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
static inline bool zone_device_pages_have_same_pgmap(const struct page *a, const struct page *b)
{
	return true;
}
#endif

/* Before 6.3. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void bm_vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

#define vm_flags_set bm_vm_flags_set

static inline size_t bm_list_count_nodes(struct list_head *head)
{
	struct list_head *node;
	size_t n = 0;

	list_for_each(node, head)
		n++;
	return n;
}

#define list_count_nodes bm_list_count_nodes
#endif

/* Before 6.2 nobody is told of an error that the link has corrected. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define BM_COR_ERROR
#endif

/* Before 6.13 a namespace is a word. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define BM_IMPORT_NS_DMA_BUF MODULE_IMPORT_NS(DMA_BUF)
#else
#define BM_IMPORT_NS_DMA_BUF MODULE_IMPORT_NS("DMA_BUF")
#endif

/* Before 7.1 what is invalidated is called moved: Kbuild looks. */
#ifndef BM_INVALIDATE_MAPPINGS
#define invalidate_mappings move_notify
#define dma_buf_invalidate_mappings dma_buf_move_notify
#endif

/* Before 7.3 who wants a fence to signal has another name for it: Kbuild looks. */
#ifndef BM_ENABLE_SIGNALING
#define dma_fence_enable_signaling dma_fence_enable_sw_signaling
#endif

#endif /* BUSMASTER_COMPAT_H */
