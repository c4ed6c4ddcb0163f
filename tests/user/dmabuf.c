// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf: operations of a device with memory of others that is a file descriptor, checked.
 *
 * usage: dmabuf (works COUNT | refused | hold) FILE OTHER
 *
 * Both are busmasters' files. works: COUNT random operations each way, with each kind of
 * descriptor: a dma-buf of the other's memory, its file, and RAM (udmabuf). refused: the two do
 * not reach each other. hold: over and over with one dma-buf, by many threads; when it is gone for
 * good each says so, and it is kept.
 */
#define _GNU_SOURCE
#include <linux/udmabuf.h>
#include <pthread.h>

#include "ops.h"

#define SIZE (4 * MIB)
#define HELD 16u /* operations that are in flight */
#define RAM_SIZE (2 * MIB) /* more than a command carries */
#define BEGIN (2 * MIB) /* of the other's memory: what is exported */

static const char *other_path;
static int other, far; /* the other's file; what stands for the memory */
static uint64_t shift; /* of the memory, in what stands for it */
static unsigned char *ram; /* the memory itself, if it is RAM */
static size_t extent = SIZE; /* of the memory */
static unsigned char *sent, *seen;
static unsigned int count;
static uint64_t seed = 1;

static int export_of(int file, uint64_t offset, uint64_t length)
{
	struct busmaster_export range = { .size = sizeof(range),
					  .offset = offset,
					  .length = length };

	return ioctl(file, BUSMASTER_IOC_EXPORT, &range) ? -errno : range.fd;
}

static struct busmaster_side far_side(uint64_t offset)
{
	return (struct busmaster_side){ .addr = shift + offset, .space = BUSMASTER_FD, .fd = far };
}

static bool put_far(const unsigned char *from, size_t size, uint64_t offset)
{
	if (!ram)
		return pwrite(other, from, size, BEGIN + offset) == (ssize_t)size;
	memcpy(ram + offset, from, size);
	return true;
}

static bool get_far(unsigned char *to, size_t size, uint64_t offset)
{
	if (!ram)
		return pread(other, to, size, BEGIN + offset) == (ssize_t)size;
	memcpy(to, ram + offset, size);
	return true;
}

/* An operation of the device: from there to its memory, or from its memory to there. */
static bool carry(bool in)
{
	size_t size = random_size(&seed, extent);
	uint64_t there = random_below(&seed, extent - size + 1);
	uint64_t here = random_below(&seed, SIZE - size + 1);
	struct busmaster_op op = template;

	op.length = size;
	op.src = in ? far_side(there) : device_side(here);
	op.dst = in ? device_side(here) : far_side(there);
	random_fill(&seed, sent, size);
	memset(seen, 0, size);
	if (in) {
		CHECK(put_far(sent, size, there));
		CHECK_IS(by_ioctl(&op), 0);
		CHECK_IS(pread(fd, seen, size, here), size);
	} else {
		CHECK_IS(pwrite(fd, sent, size, here), size);
		CHECK_IS(by_ioctl(&op), 0);
		CHECK(get_far(seen, size, there));
	}
	return same_bytes(seen, sent, size);
}

static bool carry_all(void)
{
	for (unsigned int i = 0; i < count; i++)
		CHECK(carry(true) && carry(false));
	return true;
}

static bool exported(void)
{
	far = export_of(other, BEGIN, SIZE);
	shift = 0;
	CHECK(far >= 0);
	CHECK(carry_all());
	return true;
}

static bool by_file(void)
{
	far = other;
	shift = BEGIN;
	CHECK(carry_all());
	return true;
}

static bool of_ram(void)
{
	struct udmabuf_create create = { .size = RAM_SIZE };
	int control = open("/dev/udmabuf", O_RDWR);

	create.memfd = memfd_create("dmabuf", MFD_ALLOW_SEALING);
	CHECK_IS(ftruncate(create.memfd, RAM_SIZE), 0);
	CHECK_IS(fcntl(create.memfd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	far = ioctl(control, UDMABUF_CREATE, &create);
	CHECK(far >= 0);
	shift = 0;
	extent = RAM_SIZE;
	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, create.memfd, 0);
	CHECK(ram != MAP_FAILED);
	count = count / 5 + 1; /* each has all pages mapped */
	CHECK(carry_all());
	ram = NULL;
	close(control);
	return true;
}

/* Fill, CRC and comparison have one side there as well as here. */
static bool other_ops(void)
{
	struct busmaster_op op = template;

	far = other;
	shift = BEGIN;
	op.length = SIZE;
	op.op = BUSMASTER_OP_FILL;
	op.operand = 0x1122334455667788;
	op.src = (struct busmaster_side){};
	op.dst = far_side(0);
	CHECK_IS(by_ioctl(&op), 0);
	op.dst = device_side(0);
	CHECK_IS(by_ioctl(&op), 0);
	op.op = BUSMASTER_OP_COMPARE;
	op.operand = 0;
	op.src = far_side(0);
	CHECK_IS(by_ioctl(&op), 0);
	CHECK_IS(op.result, SIZE);
	CHECK_IS(pwrite(other, "", 1, BEGIN + SIZE - 3), 1);
	CHECK_IS(by_ioctl(&op), 0);
	CHECK_IS(op.result, SIZE - 3);
	op.op = BUSMASTER_OP_CRC32C;
	op.length = 9;
	op.dst = (struct busmaster_side){};
	CHECK_IS(pwrite(other, "123456789", 9, BEGIN), 9);
	CHECK_IS(by_ioctl(&op), 0);
	CHECK_IS(op.result, 0xe3069283);
	return true;
}

/* What is not right is refused, and how. */
static bool arguments(void)
{
	struct busmaster_op op = template;
	int reader = open("/proc/self/exe", O_RDONLY);

	CHECK_IS(export_of(other, 0, 0), -EINVAL);
	CHECK_IS(export_of(other, 1, 4096), -EINVAL);
	CHECK_IS(export_of(other, 0, 1ull << 40), -ERANGE);
	far = export_of(other, 0, 8192);
	CHECK(far >= 0);
	shift = 0;
	op.src = far_side(4097);
	op.dst = device_side(0);
	CHECK_IS(by_ioctl(&op), -ERANGE);
	op.src = far_side(0);
	op.dst = far_side(4096);
	CHECK_IS(by_ioctl(&op), -EINVAL);
	op.dst = user_side(seen);
	CHECK_IS(by_ioctl(&op), -EINVAL);
	op.dst = device_side(0);
	CHECK_IS(by_uring(&op), -EINVAL);
	far = reader;
	op.src = far_side(0);
	CHECK_IS(by_ioctl(&op), -EINVAL);
	far = -1;
	op.src = far_side(0);
	CHECK_IS(by_ioctl(&op), -EBADF);
	far = fd; /* its own memory */
	op.src = far_side(0);
	CHECK_IS(by_ioctl(&op), -EREMOTEIO);
	return true;
}

/* Who may only read does not write. */
static bool access_mode(void)
{
	struct busmaster_op op = template;
	int reader = open(other_path, O_RDONLY);

	CHECK(reader >= 0);
	far = reader;
	op.src = device_side(0);
	op.dst = far_side(0);
	CHECK_IS(by_ioctl(&op), -EBADF);
	far = export_of(reader, 0, 8192);
	CHECK(far >= 0);
	op.dst = far_side(0);
	CHECK_IS(by_ioctl(&op), -EBADF);
	close(far);
	close(reader);
	return true;
}

/* Two operations: by its file, and by a dma-buf. */
static bool refused(void)
{
	struct busmaster_op op = template;

	far = other;
	op.src = far_side(0);
	op.dst = device_side(0);
	CHECK_IS(by_ioctl(&op), -EREMOTEIO);
	far = export_of(other, 0, 8192);
	CHECK(far >= 0);
	op.src = device_side(0);
	op.dst = far_side(0);
	CHECK_IS(by_ioctl(&op), -EREMOTEIO);
	return true;
}

/* One of many; only an error ends it. */
static void *holds(void *unused)
{
	struct busmaster_op op = template;
	int err;

	op.length = MIB;
	op.src = far_side(0);
	op.dst = device_side(0);
	do
		err = by_ioctl(&op);
	while (!err);
	printf("%s\n", err == -ENODEV ? "gone" : strerror(-err));
	fflush(stdout);
	return unused;
}

static int hold(void)
{
	pthread_t threads[HELD];

	far = export_of(other, BEGIN, SIZE);
	for (unsigned int i = 0; i < HELD; i++)
		if (pthread_create(&threads[i], NULL, holds, NULL))
			return 2;
	pause();
	return 1;
}

static int usage(void)
{
	fputs("usage: dmabuf (works COUNT | refused | hold) FILE OTHER\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static const struct ktap_case works_cases[] = {
		{ "a dma-buf of the other's memory", exported },
		{ "the other's file", by_file },
		{ "a dma-buf of RAM", of_ram },
		{ "fill, compare and CRC", other_ops },
		{ "what is not right is refused", arguments },
		{ "who may only read does not write", access_mode },
	};
	static const struct ktap_case refused_cases[] = {
		{ "refused, by either descriptor", refused },
	};
	bool works = argc == 5 && !strcmp(argv[1], "works");

	if (argc != 4 + works)
		return usage();
	count = works ? strtoul(argv[2], NULL, 10) : 0;
	other_path = argv[argc - 1];
	fd = open(argv[argc - 2], O_RDWR);
	other = open(other_path, O_RDWR);
	if (fd < 0 || other < 0 || !uring_open(&ring, DEPTH, 0)) {
		perror(argv[argc - 2]);
		return 2;
	}
	sent = memory(SIZE);
	seen = memory(SIZE);
	if (works)
		return KTAP_RUN(works_cases);
	if (!strcmp(argv[1], "refused"))
		return KTAP_RUN(refused_cases);
	return strcmp(argv[1], "hold") ? usage() : hold();
}
