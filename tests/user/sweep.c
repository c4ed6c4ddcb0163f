// SPDX-License-Identifier: GPL-2.0-only
/*
 * sweep: no memory, at each place where the driver asks for some: sweep [STRIDE [WORK]]
 *
 * The kernel fails the N'th allocation that a task asks for with the driver on its stack, for N
 * from 1 on, until there is no N'th: see tests/vm/guest/sweep.sh, which sets the kernel up. What
 * is asked for then works, or fails cleanly; and when it is asked for again, it works.
 * Where a failure changes nothing, or the error is another one, there has to be a reason, and it is
 * in the table below.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "binding.h"
#include "pins.h"
#include "uapi/linux/busmaster.h"
#include "uring.h"

#define TRACE "/sys/kernel/tracing/trace"
#define INJECT "/sys/kernel/debug/busmaster/busmaster0/inject/"
#define CLIENT "/bm/busmaster_client.ko"
#define LONG (4ul << 20) /* several commands */

/*
 * Who does without what was asked for, and how; or has an error of its own. The first that is on
 * the stack is it.
 */
static const struct reason {
	const char *function;
	const char *reason;
} reasons[] = {
	{ "stack_depot_save_flags", "KASAN keeps one trace less" },
	{ "kasan_", "KASAN keeps one trace less" },
	{ "dma_entry_alloc", "DMA-API debug has some in reserve" },
	{ "add_dma_entry", "DMA-API debug has some in reserve, or ends" },
	{ "allocate_slab", "a smaller slab will do" },
	{ "__kvmalloc_node", "memory that is contiguous for the CPU alone will do" },
	{ "kmemleak_", "kmemleak looks less closely" },
	{ "bm_debugfs_add", "there are no files in debugfs" },
	{ "debugfs_create_", "there are no files in debugfs" },
	{ "idr_get_free", "the kernel has some in reserve" },
	{ "alloc_vmap_area", "the kernel has some in reserve" },
	{ "xas_alloc", "the kernel's tree asks again" },
	{ "__request_region", "the PCI core calls that EBUSY" },
	{ "kobject_uevent", "nobody is told by a uevent" },
	{ "irq_domain_set_mapping", "nobody looks for it by its number" },
	{ "msi_create_device_irq_domain", "the PCI core calls that ENODEV" },
	{ "__dma_async_device_channel_register", "its device has no name" },
	{ "__irq_alloc_descs", "an interrupt has fewer files in sysfs" },
	{ "register_irq_proc", "an interrupt has fewer files in /proc" },
	{ "register_handler_proc", "an interrupt has fewer files in /proc" },
	{ "mas_erase", "the kernel's tree of interrupts asks again" },
	{ "irq_debugfs_copy_devname", "an interrupt has no name in debugfs" },
	{ "irq_add_debugfs_entry", "an interrupt has no file in debugfs" },
	{ "__msi_domain_alloc_irqs", "there are fewer vectors, so fewer queues" },
	{ "bm_vectors_request", "there are fewer queues" },
	{ "bm_config_save", "configuration is what it was before" },
	{ "bm_mem_map", "it is mapped a little later" },
	{ "alloc_iova", "the IOMMU's core asks again, its caches empty" },
	{ "bm_cdev_fault", "the page is touched again" },
	{ "blk_check_plugged", "each command has a doorbell of its own" },
	{ "io_read", "io_uring asks again, from a worker" },
};

#define REASONS (sizeof(reasons) / sizeof(reasons[0]))

/* Something that the driver is asked for: 0, or a positive errno. */
struct work {
	const char *name;
	bool (*prepare)(void);
	int (*act)(void);
	bool (*undo)(void); /* after it has succeeded */
};

static unsigned int stride = 1;
static const char *only;
static int binder, unbinder, injector, trace;
static int fd = -1, resetter;
static struct uring ring;
static unsigned char *memory, *bar;
static unsigned int tolerated[REASONS];

/* Whose failure changes nothing, or is another error, without a reason. The last is the rest. */
#define ASKERS 32
static struct asker {
	char functions[300];
	unsigned int times;
} askers[ASKERS];

/* --- what the driver is asked for --- */

static int written(int file, const char *text)
{
	return write(file, text, strlen(text)) < 0 ? errno : 0;
}

static bool nothing(void)
{
	return true;
}

static bool open_it(void)
{
	fd = open_device();
	return fd >= 0;
}

static bool close_it(void)
{
	return !close(fd);
}

static int act_bind(void)
{
	return written(binder, address);
}

static bool undo_bind(void)
{
	return works() && unbind();
}

static int act_unbind(void)
{
	return written(unbinder, address);
}

static bool prepare_unbind(void)
{
	return write_text(DRIVER "/bind", address);
}

static int act_open(void)
{
	fd = open(DEVICE_NODE, O_RDWR);
	return fd < 0 ? errno : 0;
}

/* Less than what was asked for is an error of the rest. */
static int moved(ssize_t got, size_t wanted)
{
	return got < 0 ? errno : (size_t)got < wanted ? ENOMEM : 0;
}

static int act_read(void)
{
	return moved(pread(fd, memory, PAGE, 0), PAGE);
}

static int act_write_much(void)
{
	return moved(pwrite(fd, memory, LONG, 0), LONG);
}

/* An io_uring command is one command of the device's. */
static struct busmaster_op op(size_t length)
{
	return (struct busmaster_op){
		.size = sizeof(struct busmaster_op),
		.op = BUSMASTER_OP_COPY,
		.length = length,
		.src = { .space = BUSMASTER_DEVICE },
		.dst = { .space = BUSMASTER_USER, .addr = (uintptr_t)memory },
	};
}

static int act_ioctl(void)
{
	struct busmaster_op copy = op(LONG);

	return ioctl(fd, BUSMASTER_IOC_OP, &copy) ? errno : 0;
}

static int act_info(void)
{
	struct busmaster_info info = { .size = sizeof(info) };

	return ioctl(fd, BUSMASTER_IOC_INFO, &info) ? errno : 0;
}

static int by_uring(int wanted)
{
	int result = uring_wait(&ring);

	errno = result < 0 ? -result : 0;
	return moved(result, wanted);
}

static int act_uring_command(void)
{
	struct busmaster_op copy = op(16 * PAGE);
	struct io_uring_sqe *sqe = uring_next(&ring);

	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = fd;
	sqe->cmd_op = BUSMASTER_IOC_OP;
	*(uint64_t *)sqe->cmd = (uintptr_t)&copy;
	return by_uring(0);
}

static int act_uring_read(void)
{
	struct io_uring_sqe *sqe = uring_next(&ring);

	sqe->opcode = IORING_OP_READ;
	sqe->fd = fd;
	sqe->addr = (uintptr_t)memory;
	sqe->len = LONG;
	return by_uring(LONG);
}

/* Each time where the kernel has no page tables yet. */
static int act_mmap(void)
{
	static uintptr_t where = 1ul << 44;

	where += 1ul << 30;
	bar = mmap((void *)where, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (bar == MAP_FAILED)
		return errno;
	(void)*(volatile unsigned char *)bar;
	return 0;
}

static bool undo_mmap(void)
{
	return !munmap(bar, PAGE);
}

static int act_poll(void)
{
	struct pollfd file = { .fd = fd, .events = POLLIN };

	return poll(&file, 1, 0) < 0 ? errno : 0;
}

static int act_reset(void)
{
	return written(resetter, "1");
}

static bool prepare_inject(void)
{
	injector = open(INJECT "cqe-delay", O_WRONLY);
	return injector >= 0;
}

static int act_inject(void)
{
	return written(injector, "0");
}

static bool undo_inject(void)
{
	return !close(injector);
}

static bool prepare_client(void)
{
	injector = open(CLIENT, O_RDONLY);
	return injector >= 0;
}

/* A channel that has no memory is none: that is what the DMA engine's core says. */
static int act_client(void)
{
	if (!syscall(SYS_finit_module, injector, "", 0))
		return 0;
	return errno == ENODEV ? ENOMEM : errno;
}

static bool undo_client(void)
{
	return !syscall(SYS_delete_module, "busmaster_client", 0) && !close(injector);
}

/* The device is not bound where these are done, and afterwards. */
static const struct work unbound[] = {
	{ "probe", nothing, act_bind, undo_bind },
	{ "remove", prepare_unbind, act_unbind, nothing },
};

/* It is bound, and open. */
static const struct work bound[] = {
	{ "open", nothing, act_open, close_it },
	{ "read", open_it, act_read, close_it },
	{ "write of several commands", open_it, act_write_much, close_it },
	{ "ioctl, an operation", open_it, act_ioctl, close_it },
	{ "ioctl, information", open_it, act_info, close_it },
	{ "io_uring, an operation", open_it, act_uring_command, close_it },
	{ "io_uring, a read of several commands", open_it, act_uring_read, close_it },
	{ "mmap, and a page that is touched", open_it, act_mmap, undo_mmap },
	{ "poll", open_it, act_poll, close_it },
	{ "a fault on demand", prepare_inject, act_inject, undo_inject },
	{ "a reset by sysfs", nothing, act_reset, nothing },
	{ "a client of the DMA engine", prepare_client, act_client, undo_client },
};

/* --- the sweep --- */

static bool arm(unsigned int n)
{
	int file = open("/proc/thread-self/fail-nth", O_WRONLY);
	char text[16];
	bool ok;

	snprintf(text, sizeof(text), "%u", n);
	ok = file >= 0 && write(file, text, strlen(text)) > 0;
	close(file);
	return ok;
}

/* How many of those that were counted down to the failure are left: 0, and it has come. */
static int left(void)
{
	char text[16] = "-1";

	read_text("/proc/thread-self/fail-nth", text, sizeof(text));
	arm(0);
	return atoi(text);
}

/* Who asked: the functions from the allocator's to the first of the driver's. */
static void find_asker(char *stack, char *asker, size_t size)
{
	bool found = false;
	size_t length = 0;

	for (char *line = strtok(stack, "\n"); line && length < size; line = strtok(NULL, "\n")) {
		const char *function = strstr(line, "=> ");

		if (function && strstr(function, "should_fail"))
			found = true;
		else if (function && found)
			length += snprintf(asker + length, size - length, " %s", function);
		if (found && function && !strncmp(function, "=> bm_", strlen("=> bm_")))
			return;
	}
}

/* A site's number is not the same in each run: so it is who asked that is shown, once. */
static void count_asker(char *stack)
{
	char asker[sizeof(askers[0].functions)] = "";
	size_t i = 0;

	find_asker(stack, asker, sizeof(asker));
	while (i < ASKERS - 1 && askers[i].times && strcmp(askers[i].functions, asker))
		i++;
	strcpy(askers[i].functions, asker);
	askers[i].times++;
}

/* Which reason is on the stack of the failure? */
static bool has_reason(void)
{
	static char text[1 << 16];
	size_t first = REASONS;
	ssize_t length;

	length = pread(trace, text, sizeof(text) - 1, 0);
	text[length > 0 ? length : 0] = '\0';
	for (size_t i = 0; i < REASONS && first == REASONS; i++)
		if (strstr(text, reasons[i].function))
			first = i;
	if (first < REASONS) {
		tolerated[first]++;
		return true;
	}
	count_asker(text);
	return false;
}

static bool clean(int error)
{
	return error == ENOMEM || error == ENOSPC || error == EFAULT;
}

/* With the @n'th failure: what it gave, and in @came whether there was one. */
static int act_without(const struct work *work, unsigned int n, bool *came)
{
	int error;

	close(open(TRACE, O_WRONLY | O_TRUNC));
	arm(n);
	error = work->act();
	*came = !left();
	return error;
}

/* Once, with the n'th failure. Returns whether that was all right. */
static bool one(const struct work *work, unsigned int n, bool *came, unsigned int *failed)
{
	bool ok = true;
	int error;

	CHECK(work->prepare());
	error = act_without(work, n, came);
	if (error) {
		if (!*came || !clean(error))
			ktap_note("%s: failure %u: %s", work->name, n, strerror(error));
		ok = *came && (clean(error) || has_reason());
		++*failed;
		CHECK_IS(work->act(), 0);
	} else if (*came) {
		ok = has_reason();
	}
	return work->undo() && ok;
}

static bool swept(const struct work *work)
{
	unsigned int n = 1, tried = 0, failed = 0;
	bool came = true, ok = true;

	memset(tolerated, 0, sizeof(tolerated));
	memset(askers, 0, sizeof(askers));
	for (; came; n += stride) {
		if (!one(work, n, &came, &failed)) {
			ktap_note("%s: with failure %u", work->name, n);
			ok = false;
		}
		tried += came;
	}
	ktap_note("%s: %u of at most %u sites, %u of them fail it", work->name, tried,
		  n - stride - 1, failed);
	for (size_t i = 0; i < REASONS; i++)
		if (tolerated[i])
			ktap_note("%s: %u change nothing: %s: %s", work->name, tolerated[i],
				  reasons[i].function, reasons[i].reason);
	for (size_t i = 0; i < ASKERS && askers[i].times; i++)
		ktap_note("%s: %u without a reason:%s", work->name, askers[i].times,
			  askers[i].functions);
	return ok;
}

static unsigned int number;
static bool all = true;

static void sweep(const struct work *works, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool ok = !only || strstr(works[i].name, only) ? swept(&works[i]) : true;

		ktap_result(ok, ++number, works[i].name);
		all = all && ok;
	}
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int main(int argc, char **argv)
{
	char path[100];

	if (argc > 1)
		stride = atoi(argv[1]);
	if (argc > 2)
		only = argv[2];
	if (!stride || !find_function() || !uring_open(&ring, 4, 0))
		return 2;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", address);
	resetter = open(path, O_WRONLY);
	binder = open(DRIVER "/bind", O_WRONLY);
	unbinder = open(DRIVER "/unbind", O_WRONLY);
	trace = open(TRACE, O_RDONLY);
	memory = mmap(NULL, LONG, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (binder < 0 || unbinder < 0 || trace < 0 || resetter < 0 || memory == MAP_FAILED) {
		perror("sweep");
		return 2;
	}
	ktap_plan(COUNT(bound) + COUNT(unbound) + 1);
	sweep(bound, COUNT(bound));
	if (!unbind())
		return 2;
	sweep(unbound, COUNT(unbound));
	ktap_result(bind_again() && nothing_pinned(), ++number, "all is well after that");
	return !all;
}
