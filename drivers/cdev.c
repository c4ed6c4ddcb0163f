// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: /dev/busmasterN, device memory as a file.
 *
 * read and write move data by DMA, to and from the caller's own pages: io.c does it.
 * mmap is the other way to the same bytes: the CPU's, through the BAR. All else is what
 * programs expect of a file: poll, fsync, splice.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/splice.h>

#include "busmaster.h"

#define BM_MINORS 256

static dev_t bm_devt;
static DEFINE_IDA(bm_ida);

static struct class bm_class = {
	.name = BM_NAME,
	.dev_groups = bm_groups,
};

/**
 * struct bm_file - an open file
 * @bm: device; the cdev that an open file pins keeps it alive
 * @file: the file itself
 * @losses: of the device, that who maps the file knows of
 * @node: in the device's files
 */
struct bm_file {
	struct bm_dev *bm;
	struct file *file;
	unsigned int losses;
	struct list_head node;
};

static struct bm_dev *bm_from_file(struct file *file)
{
	return ((struct bm_file *)file->private_data)->bm;
}

/* Both directions: the iterator knows which. What ends beyond the memory is short. */
static ssize_t bm_cdev_rw(struct kiocb *iocb, struct iov_iter *iter)
{
	struct bm_dev *bm = bm_from_file(iocb->ki_filp);
	u64 room = bm_file_size(bm) - min_t(u64, iocb->ki_pos, bm_file_size(bm));
	size_t excess = iov_iter_count(iter) - min_t(u64, iov_iter_count(iter), room);
	ssize_t ret;

	if (!iov_iter_count(iter))
		return 0;
	if (!room)
		return iov_iter_rw(iter) == WRITE ? -ENOSPC : 0;

	if (iocb->ki_filp->f_flags & O_NONBLOCK)
		iocb->ki_flags |= IOCB_NOWAIT;
	iov_iter_truncate(iter, room);
	ret = bm_io_rw(bm, iocb, iter);
	iov_iter_reexpand(iter, iov_iter_count(iter) + excess);
	return ret;
}

static int bm_cdev_iopoll(struct kiocb *iocb, struct io_comp_batch *iob, unsigned int flags)
{
	struct bm_dev *bm = bm_from_file(iocb->ki_filp);
	int found, idx;

	idx = bm_enter(bm);
	if (idx < 0)
		return 0;
	found = bm_io_poll(bm, iocb);
	bm_exit(bm, idx);
	return found;
}

static long bm_cdev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return bm_ioctl(bm_from_file(file), file, cmd, (void __user *)arg);
}

static int bm_cdev_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	return bm_uring_cmd(bm_from_file(cmd->file), cmd, issue_flags);
}

static loff_t bm_cdev_llseek(struct file *file, loff_t offset, int whence)
{
	return fixed_size_llseek(file, offset, whence, bm_file_size(bm_from_file(file)));
}

/*
 * The device is stopped: wait for the start without the lock that the fault was taken with, if
 * it can be given back, and take it again.
 */
static vm_fault_t bm_cdev_fault_wait(struct vm_fault *vmf)
{
	struct file *file = vmf->vma->vm_file;
	struct bm_dev *bm = bm_from_file(file);

	if (!fault_flag_allow_retry_first(vmf->flags)) {
		bm_bar_wait(bm);
		return VM_FAULT_NOPAGE;
	}
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;
	get_file(file);
	release_fault_lock(vmf);
	bm_bar_wait(bm);
	fput(file);
	return VM_FAULT_RETRY;
}

/* Has the device lost what may have been stored through this file? Says so once. */
static bool bm_cdev_lost(struct bm_file *bf)
{
	unsigned int losses = READ_ONCE(bf->bm->losses);

	return xchg(&bf->losses, losses) != losses;
}

/*
 * Pages appear when they are touched, and only while the device runs; when it stops,
 * bm_cdev_zap() takes them away, and the next touch waits for the start. It is a SIGBUS if
 * there will be none.
 */
static vm_fault_t bm_cdev_fault(struct vm_fault *vmf)
{
	struct bm_file *bf = vmf->vma->vm_file->private_data;
	struct bm_dev *bm = bf->bm;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	enum bm_state state;

	down_read(&bm->bar_lock);
	state = bm->state;
	if (state == BM_RUNNING && !bm_cdev_lost(bf))
		ret = vmf_insert_pfn(vmf->vma, vmf->address,
				     PHYS_PFN(bm->mem_phys) + vmf->pgoff);
	up_read(&bm->bar_lock);
	return state == BM_STOPPED ? bm_cdev_fault_wait(vmf) : ret;
}

/* A device that is mapped does not go to sleep by itself: what the CPU stores is not seen. */
static void bm_cdev_vm_open(struct vm_area_struct *vma)
{
	atomic_inc(&bm_from_file(vma->vm_file)->mapped);
}

static void bm_cdev_vm_close(struct vm_area_struct *vma)
{
	atomic_dec(&bm_from_file(vma->vm_file)->mapped);
}

static const struct vm_operations_struct bm_vm_ops = {
	.open = bm_cdev_vm_open,
	.close = bm_cdev_vm_close,
	.fault = bm_cdev_fault,
};

/* Uncached: each access of the CPU is a transaction on the bus. */
static int bm_cdev_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct bm_dev *bm = bm_from_file(file);
	unsigned long pages = PHYS_PFN(bm_file_size(bm));

	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_pgoff >= pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -ENXIO;
	vma->vm_page_prot = pgprot_decrypted(pgprot_noncached(vma->vm_page_prot));
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &bm_vm_ops;
	bm_cdev_vm_open(vma);
	return 0;
}

/* Ready: a submission that does not wait will find a request, or an error. */
static __poll_t bm_cdev_poll(struct file *file, poll_table *wait)
{
	struct bm_dev *bm = bm_from_file(file);
	__poll_t mask = 0;
	int idx;

	poll_wait(file, &bm->state_wait, wait);
	idx = bm_enter(bm);
	if (idx < 0)
		return EPOLLERR | EPOLLHUP | EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM;
	if (bm_request_ready(bm))
		mask = EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM;
	bm_exit(bm, idx);
	return mask;
}

/* What a system call had submitted before is in device memory, or has failed. */
static int bm_cdev_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	struct bm_dev *bm = bm_from_file(file);
	int err, idx;

	idx = bm_enter(bm);
	if (idx < 0)
		return idx;
	err = bm_io_sync(bm);
	bm_exit(bm, idx);
	return err;
}

static int bm_cdev_open(struct inode *inode, struct file *file)
{
	struct bm_dev *bm = container_of(inode->i_cdev, struct bm_dev, cdev);
	struct bm_file *bf = kmalloc(sizeof(*bf), GFP_KERNEL);

	if (!bf)
		return -ENOMEM;
	bf->bm = bm;
	bf->file = file;
	bf->losses = READ_ONCE(bm->losses);
	file->private_data = bf;
	/* All I/O is direct, and none has to wait for the device. */
	file->f_mode |= FMODE_CAN_ODIRECT | FMODE_NOWAIT;
	mutex_lock(&bm->files_lock);
	list_add(&bf->node, &bm->files);
	mutex_unlock(&bm->files_lock);
	return 0;
}

static int bm_cdev_release(struct inode *inode, struct file *file)
{
	struct bm_file *bf = file->private_data;

	mutex_lock(&bf->bm->files_lock);
	list_del(&bf->node);
	mutex_unlock(&bf->bm->files_lock);
	kfree(bf);
	return 0;
}

static const struct file_operations bm_fops = {
	.owner = THIS_MODULE,
	.open = bm_cdev_open,
	.release = bm_cdev_release,
	.llseek = bm_cdev_llseek,
	.read_iter = bm_cdev_rw,
	.write_iter = bm_cdev_rw,
	.splice_read = copy_splice_read,
	.splice_write = iter_file_splice_write,
	.poll = bm_cdev_poll,
	.fsync = bm_cdev_fsync,
	.iopoll = bm_cdev_iopoll,
	.unlocked_ioctl = bm_cdev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.uring_cmd = bm_cdev_uring_cmd,
	.mmap = bm_cdev_mmap,
};

/*
 * Numbers. A function that is bound again has the number that it had: so each number that was
 * used is remembered with its function's address, and others take it only when there is no
 * other left. It is free as soon as its device is gone, be there files open or not: they are
 * of a device that has no name any more.
 */
static u32 bm_last_user[BM_MINORS]; /* address of the function, plus one; 0: nobody */

static u32 bm_cdev_address(struct pci_dev *pdev)
{
	return (pci_domain_nr(pdev->bus) << 16 | pci_dev_id(pdev)) + 1;
}

static int bm_cdev_number_for(u32 user)
{
	int id, got = -ENOSPC;

	for (id = 0; id < BM_MINORS && got < 0; id++)
		if (bm_last_user[id] == user)
			got = ida_alloc_range(&bm_ida, id, id, GFP_KERNEL);
	return got;
}

static int bm_cdev_number(struct pci_dev *pdev)
{
	u32 user = bm_cdev_address(pdev);
	int id = bm_cdev_number_for(user);

	if (id < 0)
		id = bm_cdev_number_for(0);
	if (id < 0)
		id = ida_alloc_max(&bm_ida, BM_MINORS - 1, GFP_KERNEL);
	if (id >= 0)
		bm_last_user[id] = user;
	return id;
}

static void bm_cdev_free(struct device *dev)
{
	struct bm_dev *bm = bm_from_device(dev);

	cleanup_srcu_struct(&bm->users);
	kfree(bm);
}

/**
 * bm_cdev_alloc() - the device's state, with a number and a reference count
 * @pdev: its PCI function
 *
 * May sleep. bm_cdev_put() undoes it.
 *
 * Return: stopped, unregistered device or ERR_PTR.
 */
struct bm_dev *bm_cdev_alloc(struct pci_dev *pdev)
{
	struct bm_dev *bm = kzalloc(sizeof(*bm), GFP_KERNEL);
	int err;

	if (!bm)
		return ERR_PTR(-ENOMEM);
	err = init_srcu_struct(&bm->users);
	if (err)
		goto free;
	bm->id = bm_cdev_number(pdev);
	if (bm->id < 0) {
		err = bm->id;
		goto cleanup;
	}

	device_initialize(&bm->dev);
	bm->dev.class = &bm_class;
	bm->dev.parent = &pdev->dev;
	bm->dev.devt = MKDEV(MAJOR(bm_devt), bm->id);
	bm->dev.release = bm_cdev_free;
	cdev_init(&bm->cdev, &bm_fops);
	bm->cdev.owner = THIS_MODULE;
	INIT_LIST_HEAD(&bm->files);
	mutex_init(&bm->files_lock);
	INIT_LIST_HEAD(&bm->exports);
	mutex_init(&bm->exports_lock);

	err = dev_set_name(&bm->dev, BM_NAME "%d", bm->id);
	if (err) {
		bm_cdev_put(bm);
		return ERR_PTR(err);
	}
	return bm;

cleanup:
	cleanup_srcu_struct(&bm->users);
free:
	kfree(bm);
	return ERR_PTR(err);
}

/* The BAR goes out of all address spaces: the device is stopped, and no new pages appear. */
static int bm_cdev_zap(struct notifier_block *zap, unsigned long state, void *data)
{
	struct bm_dev *bm = data;
	struct bm_file *bf;

	if (state == BM_RUNNING || state == BM_SILENT)
		return NOTIFY_DONE;
	mutex_lock(&bm->files_lock);
	list_for_each_entry(bf, &bm->files, node)
		unmap_mapping_range(bf->file->f_mapping, 0, 0, 1);
	mutex_unlock(&bm->files_lock);
	return NOTIFY_DONE;
}

/**
 * bm_cdev_add() - let users in
 * @bm: running device
 *
 * Return: 0 or a negative errno.
 */
int bm_cdev_add(struct bm_dev *bm)
{
	bm->zap.notifier_call = bm_cdev_zap;
	mutex_lock(&bm->state_lock);
	raw_notifier_chain_register(&bm->states, &bm->zap);
	mutex_unlock(&bm->state_lock);
	return cdev_device_add(&bm->cdev, &bm->dev);
}

/**
 * bm_cdev_del() - no new users, and no sysfs access any more; open files stay
 * @bm: device
 */
void bm_cdev_del(struct bm_dev *bm)
{
	cdev_device_del(&bm->cdev, &bm->dev);
}

/**
 * bm_cdev_put() - the number is free for another, and the device goes with its last file
 * @bm: device of bm_cdev_alloc()
 */
void bm_cdev_put(struct bm_dev *bm)
{
	ida_free(&bm_ida, bm->id);
	put_device(&bm->dev);
}

/**
 * bm_cdev_init() - class and device numbers, for the module
 *
 * Return: 0 or a negative errno.
 */
int bm_cdev_init(void)
{
	int err;

	err = class_register(&bm_class);
	if (err)
		return err;
	err = alloc_chrdev_region(&bm_devt, 0, BM_MINORS, BM_NAME);
	if (err)
		class_unregister(&bm_class);
	return err;
}

/**
 * bm_cdev_exit() - undo bm_cdev_init()
 */
void bm_cdev_exit(void)
{
	unregister_chrdev_region(bm_devt, BM_MINORS);
	class_unregister(&bm_class);
	ida_destroy(&bm_ida);
}
