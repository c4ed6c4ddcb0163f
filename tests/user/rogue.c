// SPDX-License-Identifier: GPL-2.0-only
/*
 * rogue: has the device read, or write, a page that nobody gave it, or interrupt a CPU of its
 * own choice, and says what came of it.
 *
 * Usage: rogue read|write|msi
 *
 * The page is this process's own memory, found by its physical address, and is never
 * handed to the driver. The device is told (by fault injection: as root) to use that
 * address in the next command instead of the one that the driver has mapped. Then an
 * ordinary pwrite() or pread() of another page makes the next command.
 *
 * With msi, the device sends one message more than it should, for a vector that nothing in
 * the machine has, to the last CPU. The kernel counts interrupts that nothing has asked for.
 *
 * Prints one "KEY VALUE" a line: page, its physical address, or that of the message; call,
 * what the system call gave; moved, yes or no: was the secret taken out of the page, was the
 * canary in it overwritten, was the CPU interrupted; found, what device memory, the page or
 * the kernel's count holds now. A device that can do none of it is no error: the exit status
 * is 0 unless the experiment could not be made.
 */
#include <errno.h>
#include <stdarg.h>
#include <sys/mman.h>

#include "device.h"

#define PAGE 4096
#define OFFSET (1 << 20) /* in device memory */
#define INJECT "/sys/kernel/debug/busmaster/busmaster0/inject/rogue-"
#define SECRET "the launch code is 31415926"
#define CANARY "canary: alive and singing"
#define SPOIL "the device was here"
#define MSI_ADDRESS 0xfee00000ull /* as x86 has it, with the CPU's APIC id in bits 19:12 */
#define VECTOR 0xf5 /* above all that devices get, and none of the kernel's own */
#define PATIENCE 100 /* times 10 ms for an interrupt to come */

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "rogue: ");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "%s\n", errno ? strerror(errno) : "");
	exit(2);
}

static char *page_of(const char *text)
{
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED || mlock(page, PAGE))
		die("a page of memory: ");
	snprintf(page, PAGE, "%s", text);
	return page;
}

/* As <Documentation/admin-guide/mm/pagemap.rst> has it; root alone sees the frame. */
static uint64_t physical(const char *page)
{
	uint64_t entry = 0;
	off_t where = (uintptr_t)page / PAGE * sizeof(entry);
	int fd = open("/proc/self/pagemap", O_RDONLY);

	if (fd < 0 || pread(fd, &entry, sizeof(entry), where) != sizeof(entry))
		die("/proc/self/pagemap: ");
	close(fd);
	entry &= (1ull << 55) - 1;
	if (!entry)
		die("/proc/self/pagemap hides the frame: run as root");
	return entry * PAGE;
}

static void arm(const char *direction, uint64_t address)
{
	char path[100], text[40];
	int length = snprintf(text, sizeof(text), "1:all:%#llx", (unsigned long long)address);
	int fd;

	snprintf(path, sizeof(path), INJECT "%s", direction);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, text, length) != length)
		die("%s (a device with x-fault-injection=on?): ", path);
	close(fd);
}

static void report_call(ssize_t moved)
{
	if (moved < 0)
		printf("call %s\n", strerror(errno));
	else
		printf("call %zd bytes\n", moved);
}

/* Did the device reach the page? Then @where, which it wrote, holds @text. */
static void report(uint64_t address, ssize_t moved, const char *where, const char *text)
{
	printf("page %#llx\n", (unsigned long long)address);
	report_call(moved);
	printf("moved %s\n", strcmp(where, text) ? "no" : "yes");
	if (*where)
		printf("found \"%.40s\"\n", where);
	else
		printf("found zeros\n");
}

/* The device is to take the secret, while it is asked to fetch another page. */
static void steal(int fd, const char *device)
{
	const char *harmless = page_of(""), *secret = page_of(SECRET);
	uint64_t address = physical(secret);
	ssize_t moved;

	arm("read", address);
	moved = pwrite(fd, harmless, PAGE, OFFSET);
	report(address, moved, device, SECRET);
}

/* The device is to spoil the canary, while it is asked to fill another page. */
static void spoil(int fd, char *device)
{
	char *harmless = page_of(""), *canary = page_of(CANARY);
	uint64_t address = physical(canary);
	ssize_t moved;

	memcpy(device, SPOIL, sizeof(SPOIL));
	arm("write", address);
	moved = pread(fd, harmless, PAGE, OFFSET);
	report(address, moved, canary, SPOIL);
}

/* What the kernel counts as spurious on @cpu: each is of a vector that nothing has. */
static unsigned long spurious(unsigned int cpu)
{
	FILE *file = fopen("/proc/interrupts", "r");
	char line[4096], *next;
	unsigned long count = 0;
	unsigned int i;

	if (!file)
		die("/proc/interrupts: ");
	while (fgets(line, sizeof(line), file)) {
		next = strstr(line, "SPU:");
		if (!next)
			continue;
		next += strlen("SPU:");
		for (i = 0; i <= cpu; i++)
			count = strtoul(next, &next, 10);
	}
	fclose(file);
	return count;
}

/* The device is to interrupt a CPU, while it is asked to fetch a page. */
static void forge(int fd)
{
	const unsigned int cpu = sysconf(_SC_NPROCESSORS_ONLN) - 1;
	const uint64_t address = MSI_ADDRESS | cpu << 12;
	const char *harmless = page_of("");
	unsigned long before = spurious(cpu);
	ssize_t moved;
	int i;

	arm("msi", address << 32 | VECTOR);
	moved = pwrite(fd, harmless, PAGE, OFFSET);
	for (i = 0; i < PATIENCE && spurious(cpu) == before; i++)
		usleep(10000);
	printf("page %#llx\n", (unsigned long long)address);
	report_call(moved);
	printf("moved %s\n", spurious(cpu) == before ? "no" : "yes");
	printf("found %lu of vector %#x on CPU %u\n", spurious(cpu) - before, VECTOR, cpu);
}

int main(int argc, char **argv)
{
	const char *direction = argc == 2 ? argv[1] : "";
	int fd = open(DEVICE_NODE, O_RDWR);
	char *device;

	if (strcmp(direction, "read") && strcmp(direction, "write") && strcmp(direction, "msi")) {
		fprintf(stderr, "usage: rogue read|write|msi\n");
		return 2;
	}
	if (fd < 0)
		die("%s: ", DEVICE_NODE);
	device = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, OFFSET);
	if (device == MAP_FAILED)
		die("device memory: ");
	memset(device, 0, PAGE);
	if (!strcmp(direction, "read"))
		steal(fd, device);
	else if (!strcmp(direction, "write"))
		spoil(fd, device);
	else
		forge(fd);
	return 0;
}
