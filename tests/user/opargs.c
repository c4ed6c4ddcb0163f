// SPDX-License-Identifier: GPL-2.0-only
/*
 * opargs: what is wrong with an operation is said, and nothing is done; structures may
 * be larger or smaller than the driver's; and an operation ends when its time is up.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "ops.h"

#define ARENA (12 * MIB) /* of each buffer, and of the device memory that is used */

static uint64_t state = 1;
static unsigned char *source, *buffer, *scratch;

/* What the compiler would rightly refuse to pass, were it to see the value. */
static void *volatile null;

static bool geometry(void)
{
	char text[64], want[64];

	CHECK_IS(info.size, sizeof(info));
	CHECK_IS(info.mem_size, read_number("mem_size"));
	CHECK_IS(info.queues, read_number("queues"));
	CHECK_IS(info.poll_queues, read_number("poll_queues"));
	CHECK_IS(info.queue_depth, read_number("queue_depth"));
	CHECK_IS(info.dma_bits, read_number("dma_bits"));
	CHECK_IS(info.ops, 0x3e);
	CHECK(info.max_command >= 4096 && info.max_command % 4096 == 0);
	CHECK(read_text("/sys/module/busmaster/parameters/timeout_ms", text, sizeof(text)));
	CHECK_IS(info.timeout_ms, atoi(text));
	CHECK(read_attribute("version", text, sizeof(text)));
	snprintf(want, sizeof(want), "%u.%u", info.version_major, info.version_minor);
	CHECK_IS(strcmp(text, want), 0);
	return true;
}

/*
 * Versions: a structure that is larger or smaller than the driver's
 */

static bool info_versions(void)
{
	struct {
		struct busmaster_info info;
		unsigned char more[72];
	} large = { .info.size = sizeof(large) };
	const unsigned long larger = _IOWR(BUSMASTER_IOC, 0, large);

	CHECK_IS(ioctl(fd, larger, &large), 0);
	CHECK_IS(large.info.size, sizeof(info));
	CHECK_IS(memcmp(&large.info, &info, sizeof(info)), 0);
	CHECK_IS(ioctl(fd, BUSMASTER_IOC_INFO, &large), 0);

	large.info.size = sizeof(large);
	large.more[71] = 1;
	CHECK_ERRNO(ioctl(fd, larger, &large), E2BIG);
	large.info.size--;
	CHECK_IS(ioctl(fd, larger, &large), 0);
	large.info.size = BUSMASTER_INFO_SIZE_VER0 - 1;
	CHECK_ERRNO(ioctl(fd, BUSMASTER_IOC_INFO, &large), EINVAL);
	large.info.size = 0;
	CHECK_ERRNO(ioctl(fd, BUSMASTER_IOC_INFO, &large), EINVAL);
	large.info.size = 0x80000000;
	CHECK_ERRNO(ioctl(fd, BUSMASTER_IOC_INFO, &large), E2BIG);
	large.info.size = sizeof(info);
	large.info.reserved = 1;
	CHECK_ERRNO(ioctl(fd, BUSMASTER_IOC_INFO, &large), EINVAL);
	CHECK_ERRNO(ioctl(fd, BUSMASTER_IOC_INFO, null), EFAULT);
	CHECK_ERRNO(ioctl(fd, _IOWR(BUSMASTER_IOC, 3, info), &info), ENOTTY);
	CHECK_ERRNO(ioctl(fd, _IOR(BUSMASTER_IOC, 0, info), &info), ENOTTY);
	CHECK_ERRNO(ioctl(fd, _IOWR('b', 0, info), &info), ENOTTY);
	return true;
}

static bool op_versions(void)
{
	struct {
		struct busmaster_op op;
		unsigned char more[4096];
	} large = { .op = template };

	large.op.src = user_side(source);
	large.op.dst = device_side(0);
	large.op.size = 4096;
	CHECK_IS(by_ioctl(&large.op), 0);
	CHECK_IS(by_uring(&large.op), 0);
	large.op.size = 4097;
	CHECK_IS(by_ioctl(&large.op), -E2BIG);
	large.op.size = 4096;
	large.more[0] = 1;
	CHECK_IS(by_ioctl(&large.op), -E2BIG);
	CHECK_IS(by_uring(&large.op), -E2BIG);
	large.op.size = BUSMASTER_OP_SIZE_VER0 - 1;
	CHECK_IS(by_ioctl(&large.op), -EINVAL);
	large.op.size = BUSMASTER_OP_SIZE_VER0;
	CHECK_IS(by_ioctl(&large.op), 0);
	CHECK_IS(by_ioctl(null), -EFAULT);
	CHECK_IS(by_uring(null), -EFAULT);
	return true;
}

/*
 * What is wrong with an operation
 */

/* Fails like this by ioctl and by io_uring, and nothing is done. */
static bool refused(const char *what, struct busmaster_op op, int error)
{
	struct busmaster_op before = op;
	int one, other;

	memcpy(scratch, buffer, MIB);
	one = by_ioctl(&op);
	other = by_uring(&op);
	if (one != -error || other != -error) {
		ktap_note("%s: ioctl %s, io_uring %s, expected %s", what, strerror(-one),
			  strerror(-other), strerror(error));
		return false;
	}
	CHECK_IS(memcmp(&op, &before, sizeof(op)), 0);
	CHECK_IS(memcmp(scratch, buffer, MIB), 0);
	return true;
}

#define REFUSED(change, error)                                                                     \
	do {                                                                                       \
		struct busmaster_op op = right;                                                    \
                                                                                                   \
		change;                                                                            \
		if (!refused(#change, op, error))                                                  \
			return false;                                                              \
	} while (0)

static bool wrong_fields(void)
{
	struct busmaster_op right = template;

	right.src = device_side(0);
	right.dst = user_side(buffer);
	REFUSED(op.op = 0, EINVAL);
	REFUSED(op.op = 6, EINVAL);
	REFUSED(op.op = 0xffffffff, EINVAL);
	REFUSED(op.length = 0, EINVAL);
	REFUSED(op.operand = 1, EINVAL);
	REFUSED(op.reserved = 1, EINVAL);
	REFUSED(op.src.fd = 1, EINVAL);
	REFUSED(op.dst.fd = 1, EINVAL);
	REFUSED(op.src.space = BUSMASTER_NONE, EINVAL);
	REFUSED(op.dst.space = BUSMASTER_NONE, EINVAL);
	REFUSED(op.src.space = 4, EINVAL);
	REFUSED(op.dst.space = 0x80000000, EINVAL);
	REFUSED(op.timeout_ms = BUSMASTER_MAX_TIMEOUT_MS + 1, EINVAL);
	REFUSED(op.op = BUSMASTER_OP_CRC32C, EINVAL); /* has a destination */
	REFUSED(op.op = BUSMASTER_OP_FILL, EINVAL); /* has a source */
	REFUSED((op.op = BUSMASTER_OP_COPY_CRC32C, op.operand = 1ull << 32), EINVAL);
	REFUSED((op.op = BUSMASTER_OP_FILL, op.src.space = BUSMASTER_NONE, op.src.addr = 8),
		EINVAL);
	return true;
}

static bool wrong_ranges(void)
{
	const uint64_t top = 0x7ffffffff000; /* where user space ends at the latest */
	struct busmaster_op right = template;

	right.src = device_side(0);
	right.dst = user_side(buffer);
	REFUSED(op.src.addr = info.mem_size, ERANGE);
	REFUSED(op.src.addr = info.mem_size - 4095, ERANGE);
	REFUSED(op.src.addr = -4095, ERANGE);
	REFUSED(op.length = -1, ERANGE);
	REFUSED(op.length = info.mem_size + 1, ERANGE);
	REFUSED((op.src = device_side(1), op.length = -1), ERANGE);
	REFUSED((op.src = user_side(source), op.dst = device_side(info.mem_size)), ERANGE);
	REFUSED(op.dst.addr = -4096, EFAULT);
	REFUSED(op.dst.addr = top - 4095, EFAULT);
	REFUSED(op.dst.addr = 0, EFAULT);
	REFUSED((op.src = user_side(source), op.length = -1), EFAULT);
	return true;
}

static bool overlapping(void)
{
	struct busmaster_op right = template;

	right.src = user_side(buffer);
	right.dst = user_side(buffer);
	REFUSED(, EINVAL);
	REFUSED(op.dst.addr += 4095, EINVAL);
	REFUSED(op.src.addr += 4095, EINVAL);
	REFUSED((op.op = BUSMASTER_OP_COPY_CRC32C, op.src.addr += 1), EINVAL);
	REFUSED((op.src = device_side(0), op.dst = device_side(4095)), EINVAL);
	right.dst.addr += 4096;
	CHECK_IS(by_ioctl(&right), 0);
	CHECK_IS(memcmp(buffer + 4096, buffer, 4096), 0);
	right.op = BUSMASTER_OP_COMPARE;
	right.dst.addr = right.src.addr + 1;
	CHECK_IS(by_ioctl(&right), 0);
	CHECK_IS(right.result, 0);
	return true;
}

static bool wrong_memory(void)
{
	struct busmaster_op right = template;
	unsigned char *pages = memory(8 * MIB);
	unsigned char *bar = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	CHECK(bar != MAP_FAILED);
	CHECK_IS(mprotect(pages, MIB, PROT_READ), 0);
	CHECK_IS(mprotect(pages + MIB, MIB, PROT_NONE), 0);
	right.src = user_side(source);
	right.dst = device_side(ARENA);
	REFUSED(op.dst = user_side(pages), EFAULT);
	REFUSED(op.dst = user_side(pages + 2 * MIB - 1), EFAULT);
	REFUSED(op.src = user_side(pages + MIB), EFAULT);
	REFUSED(op.src = user_side(pages + MIB - 1), EFAULT);
	REFUSED(op.dst = user_side(bar), EFAULT);
	REFUSED(op.src = user_side(bar), EFAULT);
	right.src = user_side(pages);
	CHECK_IS(by_ioctl(&right), 0); /* to be read is all that this one needs */

	/* In the middle of a long operation: what went before is done, and that is said. */
	CHECK_IS(mprotect(pages + 7 * MIB, 4096, PROT_NONE), 0);
	right.op = BUSMASTER_OP_FILL;
	right.length = 6 * MIB;
	right.src = (struct busmaster_side){};
	right.dst = user_side(pages + 2 * MIB);
	CHECK_IS(by_ioctl(&right), -EFAULT);
	munmap(bar, MIB);
	munmap(pages, 8 * MIB);
	return true;
}

/* The result cannot be written where the operation is. */
static bool readonly_op(void)
{
	struct busmaster_op *op = memory(4096);

	*op = template;
	op->op = BUSMASTER_OP_CRC32C;
	op->src = user_side(source);
	CHECK_IS(mprotect(op, 4096, PROT_READ), 0);
	CHECK_IS(by_ioctl(op), -EFAULT);
	CHECK_IS(by_uring(op), -EFAULT);
	munmap(op, 4096);
	return true;
}

/* Opens the file like this and looks which of the ways to use device memory are refused. */
static bool mode_allows(int mode, bool read, bool write)
{
	const int reads = read ? 0 : -EBADF, wants = write ? 0 : -EBADF;
	struct busmaster_op op = template;
	int usual = fd;

	fd = open(DEVICE_NODE, mode);
	op.src = user_side(source);
	op.dst = device_side(ARENA);
	CHECK_IS(by_ioctl(&op), wants);
	CHECK_IS(by_uring(&op), wants);
	op.op = BUSMASTER_OP_COMPARE;
	CHECK_IS(by_ioctl(&op), reads);
	op.op = BUSMASTER_OP_CRC32C;
	op.src = device_side(ARENA);
	op.dst = (struct busmaster_side){};
	CHECK_IS(by_ioctl(&op), reads);
	CHECK_IS(by_uring(&op), reads);
	op.op = BUSMASTER_OP_COPY;
	op.dst = device_side(ARENA + MIB);
	CHECK_IS(by_ioctl(&op), read && write ? 0 : -EBADF);
	op.src = user_side(source);
	op.dst = user_side(buffer);
	CHECK_IS(by_ioctl(&op), 0); /* nobody's device memory */
	close(fd);
	fd = usual;
	return true;
}

static bool modes(void)
{
	return mode_allows(O_RDONLY, true, false) && mode_allows(O_WRONLY, false, true) &&
	       mode_allows(O_RDWR, true, true);
}

/*
 * Time
 */

/* Returns an operation on so much that it takes a while: all of device memory. */
static struct busmaster_op long_op(void)
{
	struct busmaster_op op = template;

	op.op = BUSMASTER_OP_CRC32C;
	op.src = device_side(0);
	op.length = info.mem_size;
	return op;
}

/*
 * Not done in a millisecond: given up, and what the device was to write stays as it is. What is
 * under way is aborted, be it that a quick device ends many before it hears of it.
 */
static bool timeouts(void)
{
	struct busmaster_op op = long_op();
	long long failures = read_number("stats/failures");
	unsigned int given_up = 0;

	op.timeout_ms = 1;
	op.result = 1234;
	while (given_up < 20 || (given_up < 2000 && read_number("stats/failures") == failures)) {
		CHECK_IS(by_ioctl(&op), -ETIMEDOUT);
		given_up++;
	}
	CHECK_IS(op.result, 1234);
	CHECK(read_number("stats/failures") > failures);

	op = template;
	op.timeout_ms = 1;
	op.length = ARENA;
	op.src = device_side(0);
	op.dst = user_side(buffer);
	for (unsigned int i = 0; i < 20; i++) {
		int is;

		memset(buffer, 0, ARENA);
		is = by_ioctl(&op);
		CHECK(is == -ETIMEDOUT || is == 0);
		memcpy(scratch, buffer, ARENA);
		usleep(5000);
		CHECK_IS(memcmp(scratch, buffer, ARENA), 0);
	}

	op = long_op();
	op.timeout_ms = BUSMASTER_MAX_TIMEOUT_MS;
	CHECK_IS(by_ioctl(&op), 0);
	CHECK_IS(read_number("errors/timeouts"), 0);
	return true;
}

/* A process that is killed while it waits ends soon, and the device works on. */
static bool killed(void)
{
	struct busmaster_op op = long_op();
	struct timespec before, after;
	int status;

	for (unsigned int i = 0; i < 10; i++) {
		pid_t child = fork();

		if (!child)
			for (;;)
				by_ioctl(&op);
		usleep(20000 + random_below(&state, 20000));
		clock_gettime(CLOCK_MONOTONIC, &before);
		kill(child, SIGKILL);
		CHECK_IS(waitpid(child, &status, 0), child);
		clock_gettime(CLOCK_MONOTONIC, &after);
		CHECK(after.tv_sec - before.tv_sec < 5);
	}
	CHECK_IS(by_ioctl(&op), 0);
	CHECK_IS(read_number("errors/timeouts"), 0);
	return true;
}

/*
 * io_uring's own
 */

static bool uring_wrong(void)
{
	struct busmaster_op op = template;
	uint64_t one = 1;
	struct uring polled;

	op.src = user_side(source);
	op.dst = device_side(ARENA);
	op.length = info.max_command;
	CHECK_IS(by_uring(&op), 0);
	op.src.addr++; /* the least aligned */
	op.dst = user_side(buffer + 4095);
	CHECK_IS(by_uring(&op), 0);
	op.length++;
	CHECK_IS(by_uring(&op), -EMSGSIZE);
	op.length = 4096;
	op.timeout_ms = 1;
	CHECK_IS(by_uring(&op), -EINVAL);
	op.timeout_ms = 0;
	prepare(&ring, fd, &op)->cmd_op = BUSMASTER_IOC_INFO;
	CHECK_IS(uring_wait(&ring), -ENOTTY);
	memcpy(prepare(&ring, fd, &op)->cmd + 8, &one, sizeof(one));
	CHECK_IS(uring_wait(&ring), -EINVAL);
	prepare(&ring, fd, &op)->uring_cmd_flags = IORING_URING_CMD_FIXED;
	CHECK(uring_wait(&ring) < 0);
	if (uring_open(&polled, 1, IORING_SETUP_IOPOLL)) {
		int result;

		prepare(&polled, fd, &op);
		result = uring_wait(&polled);
		/* Newer kernels do there what cannot be polled for; older ones refuse it. */
		CHECK(result == 0 || result == -EOPNOTSUPP);
		uring_close(&polled);
	}
	return true;
}

int main(void)
{
	static const struct ktap_case cases[] = {
		{ "INFO agrees with sysfs", geometry },
		{ "INFO: larger, smaller and other structures", info_versions },
		{ "OP: larger and smaller structures", op_versions },
		{ "wrong fields: EINVAL, nothing done", wrong_fields },
		{ "wrong ranges: ERANGE or EFAULT, nothing done", wrong_ranges },
		{ "overlap: EINVAL, unless nothing is written", overlapping },
		{ "memory that may not be accessed: EFAULT", wrong_memory },
		{ "an operation that cannot be written to: EFAULT", readonly_op },
		{ "a file's mode is respected: EBADF", modes },
		{ "ioctl: timeouts", timeouts },
		{ "ioctl: killed", killed },
		{ "io_uring: wrong commands", uring_wrong },
	};

	if (!open_device())
		return 2;
	source = memory(ARENA);
	buffer = memory(ARENA);
	scratch = memory(ARENA);
	random_fill(&state, source, ARENA);
	random_fill(&state, buffer, ARENA);
	return KTAP_RUN(cases);
}
