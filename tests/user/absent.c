// SPDX-License-Identifier: GPL-2.0-only
/*
 * absent: memory whose pages are not there when the driver wants them. They may have to be
 * waited for, perhaps for ever; then nobody else has to wait.
 *
 * There are more readers than the device has requests, and their pages are in the hands of
 * a userfaultfd(2), which answers when the test wants it.
 */
#define _GNU_SOURCE
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "binding.h"
#include "uapi/linux/busmaster.h"

#define LONG (2ul << 20) /* more than a command takes */
#define THERE (LONG / 2) /* of its pages */
#define LONG_READERS 2
#define PATIENCE 60 /* seconds that anything here may take */

struct reader {
	pthread_t thread;
	unsigned char *buffer;
	size_t length;
	bool by_ioctl;
	ssize_t result; /* bytes or a negative errno */
};

static unsigned int readers_count;
static struct reader *readers;
static unsigned char *memory;
static size_t memory_size;
static unsigned char content[LONG]; /* of the device */
static int faults, fd;

static void *read_device(void *data)
{
	struct reader *reader = data;
	struct busmaster_op op = {
		.size = sizeof(op),
		.op = BUSMASTER_OP_COPY,
		.length = reader->length,
		.src = { .space = BUSMASTER_DEVICE },
		.dst = { .space = BUSMASTER_USER, .addr = (uintptr_t)reader->buffer },
	};

	if (reader->by_ioctl)
		reader->result = ioctl(fd, BUSMASTER_IOC_OP, &op) ? -errno : (ssize_t)op.length;
	else
		reader->result = pread(fd, reader->buffer, reader->length, 0) ?: -errno;
	if (reader->result == -1)
		reader->result = -errno;
	return NULL;
}

/* Memory that is there when userfaultfd says so; of the long buffers half is there now. */
static bool withhold_memory(void)
{
	struct uffdio_register what = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };

	memory_size = (readers_count - LONG_READERS) * PAGE + LONG_READERS * LONG;
	memory =
		mmap(NULL, memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(memory != MAP_FAILED);
	madvise(memory, memory_size, MADV_NOHUGEPAGE); /* else more is there than was touched */
	faults = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK); /* else it has no poll() */
	CHECK_IS(ioctl(faults, UFFDIO_API, &api), 0);
	for (int i = 0; i < LONG_READERS; i++)
		memset(memory + i * LONG, 1, THERE);
	what.range = (struct uffdio_range){ (uintptr_t)memory, memory_size };
	CHECK_IS(ioctl(faults, UFFDIO_REGISTER, &what), 0);
	return true;
}

/* Until each of them sleeps, as its page has been asked for. */
static bool start_readers(void)
{
	struct pollfd ready = { .events = POLLIN };
	unsigned char *buffer = memory;
	struct uffd_msg message;
	pthread_attr_t small;

	ready.fd = faults;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 << 10);
	for (unsigned int i = 0; i < readers_count; i++) {
		struct reader *reader = &readers[i];

		reader->buffer = buffer;
		reader->length = i < LONG_READERS ? LONG : PAGE;
		reader->by_ioctl = i >= LONG_READERS && i % 2;
		CHECK_IS(pthread_create(&reader->thread, &small, read_device, reader), 0);
		buffer += reader->length;
	}
	for (unsigned int i = 0; i < readers_count; i++) {
		if (poll(&ready, 1, PATIENCE * 1000) != 1) {
			ktap_note("%u of %u readers have asked for their page", i, readers_count);
			return false;
		}
		CHECK_IS(read(faults, &message, sizeof(message)), sizeof(message));
	}
	return true;
}

static bool give_memory(void)
{
	struct uffdio_range all = { (uintptr_t)memory, memory_size };

	CHECK_IS(ioctl(faults, UFFDIO_UNREGISTER, &all), 0);
	for (unsigned int i = 0; i < readers_count; i++)
		CHECK_IS(pthread_join(readers[i].thread, NULL), 0);
	CHECK_IS(close(faults), 0);
	return true;
}

static bool end(void)
{
	alarm(0);
	CHECK_IS(munmap(memory, memory_size), 0);
	CHECK_IS(close(fd), 0);
	return true;
}

static bool begin(void)
{
	alarm(4 * PATIENCE);
	fd = open_device();
	CHECK(fd >= 0);
	CHECK_IS(pwrite(fd, content, sizeof(content), 0), sizeof(content));
	CHECK(withhold_memory());
	if (start_readers())
		return true;
	give_memory();
	end();
	return false;
}

static bool others_go_on(void)
{
	CHECK(begin());
	for (int i = 0; i < 10; i++)
		CHECK(works());
	CHECK_IS(pwrite(fd, content, sizeof(content), 0), sizeof(content));
	CHECK(give_memory());
	for (unsigned int i = 0; i < readers_count; i++) {
		CHECK_IS(readers[i].result, readers[i].length);
		CHECK_IS(memcmp(readers[i].buffer, content, readers[i].length), 0);
	}
	return end();
}

/* What was moved before the device went is told; the rest finds no device. */
static bool driver_lets_go(void)
{
	CHECK(begin());
	CHECK(works());
	CHECK(unbind());
	CHECK(give_memory());
	for (unsigned int i = 0; i < readers_count; i++)
		CHECK_IS(readers[i].result, i < LONG_READERS ? (ssize_t)THERE : -ENODEV);
	CHECK(end());
	return bind_again();
}

/* Of pages that parent and child share, each has its own when one gives them away. */
static bool child_keeps_its_own(void)
{
	unsigned char *pages =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int told[2], status;
	char byte;
	pid_t child;

	CHECK(pages != MAP_FAILED);
	CHECK_IS(pipe(told), 0);
	fd = open_device();
	CHECK(fd >= 0);
	memcpy(pages, content, 2 * PAGE);
	child = fork();
	if (!child) {
		close(told[1]);
		_exit(read(told[0], &byte, 1) || memcmp(pages, content, 2 * PAGE));
	}
	CHECK_IS(pwrite(fd, pages, 2 * PAGE, LONG), 2 * PAGE);
	CHECK_IS(pwrite(fd, content + PAGE, 2 * PAGE, 0), 2 * PAGE);
	CHECK_IS(pread(fd, pages, 2 * PAGE, 0), 2 * PAGE);
	CHECK_IS(memcmp(pages, content + PAGE, 2 * PAGE), 0);
	CHECK_IS(pread(fd, pages, 2 * PAGE, LONG), 2 * PAGE);
	CHECK_IS(memcmp(pages, content, 2 * PAGE), 0);
	CHECK_IS(close(told[1]), 0);
	CHECK_IS(waitpid(child, &status, 0), child);
	CHECK_IS(status, 0);
	CHECK_IS(close(told[0]), 0);
	CHECK_IS(close(fd), 0);
	CHECK_IS(munmap(pages, 2 * PAGE), 0);
	return true;
}

int main(void)
{
	static const struct ktap_case cases[] = {
		{ "pages that do not come: others go on; when they come, all is read",
		  others_go_on },
		{ "pages that do not come: the driver is unbound all the same", driver_lets_go },
		{ "pages that a child shares: it keeps its own", child_keeps_its_own },
	};
	uint64_t state = time(NULL);

	if (!find_function())
		return 2;
	random_fill(&state, content, sizeof(content));
	readers_count = read_number("queues") * read_number("queue_depth") + 2 * LONG_READERS;
	readers = calloc(readers_count, sizeof(*readers));
	return readers ? KTAP_RUN(cases) : 2;
}
