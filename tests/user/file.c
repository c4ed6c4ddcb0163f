// SPDX-License-Identifier: GPL-2.0-only
/*
 * file: what programs expect of a file: readiness, a submission that does not wait, fsync,
 * splice, and that a process which is killed ends, whatever the device does.
 *
 * The device is one that can be made to misbehave: what is to be in flight is delayed. The
 * module is to have a short queue_depth and a long timeout_ms.
 */
#define _GNU_SOURCE
#include "uapi/linux/busmaster.h"
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/wait.h>

#include "binding.h"
#include "uring.h"

#define INJECT "/sys/kernel/debug/busmaster/busmaster0/inject/"
#define DELAYED "always:all:300000" /* microseconds */
#define MANY 64u /* no less than all requests */
#define BLOCK (64ul << 10)
#define READY (POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM)
#define PATIENCE 20 /* seconds: far less than timeout_ms */

static int fd;
static unsigned char *buffer;
static struct uring ring;

static int polled(int file, int milliseconds)
{
	struct pollfd poll_for = { .fd = file, .events = READY };

	return poll(&poll_for, 1, milliseconds) < 0 ? -1 : poll_for.revents;
}

/* Puts so many reads on their way, without waiting for one. */
static bool start_reads(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct io_uring_sqe *sqe = uring_next(&ring);

		sqe->opcode = IORING_OP_READ;
		sqe->fd = fd;
		sqe->addr = (uintptr_t)(buffer + i * PAGE);
		sqe->len = PAGE;
	}
	return uring_submit(&ring, 0);
}

static bool finish_reads(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		CHECK_IS(uring_wait(&ring), PAGE);
	return true;
}

static unsigned int requests(void)
{
	return read_number("queues") * read_number("queue_depth");
}

static bool ready_when_idle(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT };
	int epoll = epoll_create1(0);
	fd_set readable, writable;

	CHECK_IS(polled(fd, 0), READY);
	FD_ZERO(&readable);
	FD_SET(fd, &readable);
	writable = readable;
	CHECK_IS(select(fd + 1, &readable, &writable, NULL, &(struct timeval){ 0 }), 2);
	CHECK_IS(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
	CHECK_IS(epoll_wait(epoll, &event, 1, 0), 1);
	CHECK_IS(event.events, EPOLLIN | EPOLLOUT);
	return close(epoll) == 0;
}

/* All requests are in flight: not ready, and who must not wait is told. One ends: ready. */
static bool not_ready_when_full(void)
{
	int hasty = open(DEVICE_NODE, O_RDWR | O_NONBLOCK);
	unsigned int count = requests();

	CHECK(hasty >= 0 && count <= MANY);
	CHECK_IS(pread(hasty, buffer, PAGE, 0), PAGE);
	CHECK(write_text(INJECT "cqe-delay", DELAYED));
	CHECK(start_reads(count));
	CHECK_IS(polled(fd, 0), 0);
	CHECK_ERRNO(pread(hasty, buffer + count * PAGE, PAGE, 0), EAGAIN);
	CHECK_IS(polled(fd, 10000), READY);
	CHECK(finish_reads(count));
	CHECK(write_text(INJECT "cqe-delay", "0"));
	return close(hasty) == 0;
}

/* One request is free, of whichever queue: that will do. */
static bool last_request_is_found(void)
{
	int hasty = open(DEVICE_NODE, O_RDWR | O_NONBLOCK);
	unsigned int count = requests() - 1;

	CHECK(hasty >= 0);
	CHECK(write_text(INJECT "cqe-delay", DELAYED));
	CHECK(start_reads(count));
	CHECK_IS(polled(hasty, 0), READY);
	CHECK_IS(pread(hasty, buffer + count * PAGE, PAGE, 0), PAGE);
	CHECK(finish_reads(count));
	CHECK(write_text(INJECT "cqe-delay", "0"));
	return close(hasty) == 0;
}

static bool hasty_transfer_is_short(void)
{
	int hasty = open(DEVICE_NODE, O_RDWR | O_NONBLOCK);
	size_t large = 16ul << 20;
	unsigned char *memory =
		mmap(NULL, large, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ssize_t moved;

	CHECK(hasty >= 0 && memory != MAP_FAILED);
	moved = pwrite(hasty, memory, large, 0);
	CHECK(moved > 0 && (size_t)moved <= large);
	CHECK_IS(munmap(memory, large), 0);
	return close(hasty) == 0;
}

static bool sync_waits_for(int (*sync)(int file))
{
	unsigned int count = requests() / 2;

	CHECK_IS(sync(fd), 0);
	CHECK(write_text(INJECT "cqe-delay", DELAYED));
	CHECK(start_reads(count));
	CHECK(read_number("stats/commands") - read_number("stats/completions") == count);
	CHECK_IS(sync(fd), 0);
	CHECK_IS(read_number("stats/completions"), read_number("stats/commands"));
	CHECK(write_text(INJECT "cqe-delay", "0"));
	return finish_reads(count);
}

static bool syncs(void)
{
	return sync_waits_for(fsync) && sync_waits_for(fdatasync);
}

static int temporary(void)
{
	return open("/tmp", O_TMPFILE | O_RDWR, 0600);
}

/* There and back by sendfile, which is splice by a pipe of the kernel's. */
static bool sends_files(void)
{
	unsigned char *out = buffer, *in = buffer + BLOCK;
	static const int flags[] = { 0, O_DIRECT };
	uint64_t state = 5;

	for (unsigned int i = 0; i < 2; i++) {
		int device = open(DEVICE_NODE, O_RDWR | flags[i]);
		int from = temporary(), to = temporary();

		CHECK(device >= 0 && from >= 0 && to >= 0);
		random_fill(&state, out, BLOCK);
		memset(in, 0, BLOCK);
		CHECK_IS(pwrite(from, out, BLOCK, 0), BLOCK);
		CHECK_IS(sendfile(device, from, &(off_t){ 0 }, BLOCK), BLOCK);
		CHECK_IS(lseek(device, 0, SEEK_CUR), BLOCK);
		CHECK_IS(lseek(device, 0, SEEK_SET), 0);
		for (size_t done = 0; done < BLOCK;) {
			ssize_t sent = sendfile(to, device, NULL, BLOCK - done);

			CHECK(sent > 0);
			done += sent;
		}
		CHECK_IS(pread(to, in, BLOCK, 0), BLOCK);
		CHECK_IS(memcmp(in, out, BLOCK), 0);
		CHECK(!close(device) && !close(from) && !close(to));
	}
	return true;
}

static bool splices(void)
{
	unsigned char out[PAGE], in[PAGE];
	loff_t offset = 3 * PAGE, back = offset;
	uint64_t state = 6;
	int ends[2];

	CHECK_IS(pipe(ends), 0);
	random_fill(&state, out, PAGE);
	CHECK_IS(write(ends[1], out, PAGE), PAGE);
	CHECK_IS(splice(ends[0], NULL, fd, &offset, PAGE, 0), PAGE);
	CHECK_IS(splice(fd, &back, ends[1], NULL, PAGE, 0), PAGE);
	CHECK_IS(read(ends[0], in, PAGE), PAGE);
	CHECK_IS(memcmp(in, out, PAGE), 0);
	CHECK_ERRNO(copy_file_range(fd, &(off_t){ 0 }, fd, &(off_t){ PAGE }, PAGE, 0), EINVAL);
	return !close(ends[0]) && !close(ends[1]);
}

/* Has a command met the hang that was armed? */
static bool hangs(void)
{
	char text[64];

	for (int i = 0; i < PATIENCE * 100; i++) {
		if (read_text(INJECT "hang", text, sizeof(text)) && atoi(text) > 0)
			return true;
		usleep(10000);
	}
	return false;
}

static bool timed_out(long long timeouts)
{
	for (int i = 0; i < PATIENCE * 100; i++) {
		if (read_number("errors/timeouts") >= timeouts)
			break;
		usleep(10000);
	}
	CHECK_IS(read_number("errors/timeouts"), timeouts);
	return true;
}

/*
 * Nothing ends a child's command but that it is killed. An io_uring ends after its owner: until the command that
 * hangs has been given up, so may be what is submitted after it.
 */
static bool killed_promptly(void (*hang)(void))
{
	long long timeouts = read_number("errors/timeouts");
	pid_t child;
	int status;

	CHECK(write_text(INJECT "hang", "1"));
	child = fork();
	if (!child) {
		hang();
		_exit(1);
	}
	CHECK(hangs());
	usleep(300000); /* and it waits for it */
	CHECK_IS(waitpid(child, &status, WNOHANG), 0);
	kill(child, SIGKILL);
	for (int i = 0; i < PATIENCE * 100; i++) {
		if (waitpid(child, &status, WNOHANG) == child)
			return WIFSIGNALED(status) && timed_out(timeouts + 1) && works();
		usleep(10000);
	}
	ktap_note("process %d does not end", child);
	return false;
}

static void hang_in_read(void)
{
	(void)!pread(fd, buffer, PAGE, 0);
}

static void hang_in_large_write(void)
{
	(void)!pwrite(fd, buffer, MANY * PAGE, 0);
}

static void hang_in_ioctl(void)
{
	struct busmaster_op op = { .size = sizeof(op),
				   .op = BUSMASTER_OP_CRC32C,
				   .length = PAGE,
				   .src = { .space = BUSMASTER_DEVICE } };

	ioctl(fd, BUSMASTER_IOC_OP, &op);
}

static void hang_in_uring_command(void)
{
	struct busmaster_op op = { .size = sizeof(op),
				   .op = BUSMASTER_OP_CRC32C,
				   .length = PAGE,
				   .src = { .space = BUSMASTER_DEVICE } };
	struct io_uring_sqe *sqe;

	uring_open(&ring, 1, 0);
	sqe = uring_next(&ring);
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = fd;
	sqe->cmd_op = BUSMASTER_IOC_OP;
	*(uint64_t *)sqe->cmd = (uintptr_t)&op;
	uring_wait(&ring);
}

static bool kills(void)
{
	CHECK(killed_promptly(hang_in_read));
	CHECK(killed_promptly(hang_in_large_write));
	CHECK(killed_promptly(hang_in_ioctl));
	CHECK(killed_promptly(hang_in_uring_command));
	return true;
}

/* The node of a device that is bound again is the one that it was, be a file still open. */
static bool number_stays(void)
{
	int old = open(DEVICE_NODE, O_RDWR);
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(0);

	CHECK(old >= 0 && epoll >= 0);
	CHECK_IS(epoll_ctl(epoll, EPOLL_CTL_ADD, old, &event), 0);
	for (int round = 0; round < 3; round++) {
		CHECK(unbind() && bind_again());
		CHECK_IS(access(DEVICE_NODE, R_OK | W_OK), 0);
	}
	CHECK_IS(polled(old, 0), READY | POLLERR | POLLHUP);
	CHECK_IS(epoll_wait(epoll, &event, 1, 0), 1);
	CHECK(event.events & EPOLLHUP);
	CHECK_ERRNO(fsync(old), ENODEV);
	return !close(epoll) && !close(old);
}

static const struct ktap_case cases[] = {
	{ "file: poll, select and epoll: ready when idle", ready_when_idle },
	{ "file: all requests in flight: not ready, EAGAIN; one ends: ready", not_ready_when_full },
	{ "file: the last free request is found, whichever queue has it", last_request_is_found },
	{ "file: O_NONBLOCK moves what can be moved at once", hasty_transfer_is_short },
	{ "file: fsync and fdatasync wait for what was submitted", syncs },
	{ "file: sendfile there and back, O_DIRECT or not", sends_files },
	{ "file: splice there and back; copy_file_range: EINVAL", splices },
	{ "file: SIGKILL ends who waits for a device that hangs", kills },
	{ "file: bound again it has its old number; the old file hangs up", number_stays },
};

int main(void)
{
	fd = open(DEVICE_NODE, O_RDWR);
	buffer = mmap(NULL, (MANY + 1) * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (fd < 0 || buffer == MAP_FAILED || !uring_open(&ring, MANY, 0) || !find_function()) {
		perror("file");
		return 1;
	}
	return KTAP_RUN(cases);
}
