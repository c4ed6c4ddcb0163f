// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: /dev/busmasterN, device memory as a file.
 *
 * read and write move data by DMA, to and from the caller's own pages: io.c does it.
 * mmap is the other way to the same bytes: the CPU's, through the BAR.
 */
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/io_uring/cmd.h>
#include <linux/mm.h>
#include <linux/slab.h>

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
 * @node: in the device's files
 */
struct bm_file {
	struct bm_dev *bm;
	struct file *file;
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
	u64 room = bm->caps.mem_size - min_t(u64, iocb->ki_pos, bm->caps.mem_size);
	size_t excess = iov_iter_count(iter) - min_t(u64, iov_iter_count(iter), room);
	ssize_t ret;

	if (!iov_iter_count(iter))
		return 0;
	if (!room)
		return iov_iter_rw(iter) == WRITE ? -ENOSPC : 0;

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
	return fixed_size_llseek(file, offset, whence, bm_from_file(file)->caps.mem_size);
}

/*
 * Pages appear when they are touched, and only while the device is there; when it
 * goes, bm_cdev_zap() takes them away, and the next touch is a SIGBUS.
 */
static vm_fault_t bm_cdev_fault(struct vm_fault *vmf)
{
	struct bm_dev *bm = bm_from_file(vmf->vma->vm_file);
	vm_fault_t ret;
	int idx;

	idx = bm_enter(bm);
	if (idx < 0)
		return VM_FAULT_SIGBUS;
	ret = vmf_insert_pfn(vmf->vma, vmf->address, PHYS_PFN(bm->mem_phys) + vmf->pgoff);
	bm_exit(bm, idx);
	return ret;
}

static const struct vm_operations_struct bm_vm_ops = {
	.fault = bm_cdev_fault,
};

/* Uncached: each access of the CPU is a transaction on the bus. */
static int bm_cdev_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct bm_dev *bm = bm_from_file(file);
	unsigned long pages = PHYS_PFN(bm->caps.mem_size);

	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_pgoff >= pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -ENXIO;
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &bm_vm_ops;
	return 0;
}

static int bm_cdev_open(struct inode *inode, struct file *file)
{
	struct bm_dev *bm = container_of(inode->i_cdev, struct bm_dev, cdev);
	struct bm_file *bf = kmalloc(sizeof(*bf), GFP_KERNEL);

	if (!bf)
		return -ENOMEM;
	bf->bm = bm;
	bf->file = file;
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
	.iopoll = bm_cdev_iopoll,
	.unlocked_ioctl = bm_cdev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.uring_cmd = bm_cdev_uring_cmd,
	.mmap = bm_cdev_mmap,
};

static void bm_cdev_free(struct device *dev)
{
	struct bm_dev *bm = bm_from_device(dev);

	ida_free(&bm_ida, bm->id);
	cleanup_srcu_struct(&bm->users);
	kfree(bm);
}

/**
 * bm_cdev_alloc() - the device's state, with a number and a reference count
 * @pdev: its PCI function
 *
 * May sleep. The last put_device(&bm->dev) frees it.
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
	bm->id = ida_alloc_max(&bm_ida, BM_MINORS - 1, GFP_KERNEL);
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

	err = dev_set_name(&bm->dev, BM_NAME "%d", bm->id);
	if (err) {
		put_device(&bm->dev);
		return ERR_PTR(err);
	}
	return bm;

cleanup:
	cleanup_srcu_struct(&bm->users);
free:
	kfree(bm);
	return ERR_PTR(err);
}

/**
 * bm_cdev_add() - let users in
 * @bm: running device
 *
 * Return: 0 or a negative errno.
 */
int bm_cdev_add(struct bm_dev *bm)
{
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
 * bm_cdev_zap() - take the BAR out of all address spaces
 * @bm: dead device: no new pages appear
 */
void bm_cdev_zap(struct bm_dev *bm)
{
	struct bm_file *bf;

	mutex_lock(&bm->files_lock);
	list_for_each_entry(bf, &bm->files, node)
		unmap_mapping_range(bf->file->f_mapping, 0, 0, 1);
	mutex_unlock(&bm->files_lock);
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
