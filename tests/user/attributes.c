// SPDX-License-Identifier: GPL-2.0-only
/*
 * attributes: what sysfs says of the device is there, well-formed, and agrees with itself,
 * with the device node, and with what transfers do to the counters.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <sys/stat.h>

#include "busmaster_hw.h"
#include "device.h"
#include "ktap.h"

#define LENGTH (1u << 20)

static int fd;
static unsigned char *buffer;

static bool numbers(void)
{
	static const char *const names[] = {
		"queues",	   "queue_depth",	    "mem_size",	       "dma_bits",
		"vectors",	   "stats/mrd_tlps",	    "stats/mrd_bytes", "stats/mwr_tlps",
		"stats/mwr_bytes", "stats/msg_tlps",	    "stats/commands",  "stats/completions",
		"stats/resets",	   "stats/bad_completions", "peers/mrd_tlps",  "peers/mrd_bytes",
		"peers/mwr_tlps",  "peers/mwr_bytes",
	};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (read_number(names[i]) >= 0)
			continue;
		ktap_note("%s is missing, or not a number", names[i]);
		return false;
	}
	return true;
}

static bool readonly(void)
{
	struct stat status;

	CHECK_IS(stat(DEVICE_CLASS "/queues", &status), 0);
	CHECK_IS(status.st_mode & 0222, 0);
	CHECK_IS(stat(DEVICE_CLASS "/stats/commands", &status), 0);
	CHECK_IS(status.st_mode & 0222, 0);
	return true;
}

static bool version(void)
{
	char text[64], want[64];

	snprintf(want, sizeof(want), "%d.%d", BM_VERSION_MAJOR, BM_VERSION_MINOR);
	CHECK(read_attribute("version", text, sizeof(text)));
	CHECK_IS(strcmp(text, want), 0);
	return true;
}

static bool identity(void)
{
	char text[200], part[64];

	CHECK(read_attribute("identity", text, sizeof(text)));
	ktap_note("%s", text);
	CHECK(!strchr(text, '\n'));
	snprintf(part, sizeof(part), "busmaster %d.%d", BM_VERSION_MAJOR, BM_VERSION_MINOR);
	CHECK(strstr(text, part));
	snprintf(part, sizeof(part), "%lld MiB", read_number("mem_size") >> 20);
	CHECK(strstr(text, part));
	snprintf(part, sizeof(part), "%lld-bit DMA", read_number("dma_bits"));
	CHECK(strstr(text, part));
	return true;
}

static bool limits(void)
{
	long long queues = read_number("queues"), bits = read_number("dma_bits");

	CHECK(queues >= 1 && queues <= BM_MAX_QUEUES);
	CHECK(queues <= sysconf(_SC_NPROCESSORS_CONF));
	CHECK(bits >= 32 && bits <= 64);
	CHECK_IS(read_number("vectors"), queues + read_number("dma_channels") + 1);
	CHECK(read_number("queue_depth") >= 1);
	return true;
}

static bool memory_size(void)
{
	CHECK_IS(lseek(fd, 0, SEEK_END), read_number("mem_size"));
	return true;
}

static bool pci_link(void)
{
	char path[PATH_MAX], text[64];

	CHECK(realpath(DEVICE_CLASS "/device", path));
	CHECK(strstr(path, "/pci0000:00/"));
	CHECK(read_text(DEVICE_CLASS "/device/vendor", text, sizeof(text)));
	CHECK_IS(strtol(text, NULL, 16), BM_PCI_VENDOR_ID);
	CHECK(read_text(DEVICE_CLASS "/device/device", text, sizeof(text)));
	CHECK_IS(strtol(text, NULL, 16), BM_PCI_DEVICE_ID);
	return true;
}

static bool device_number(void)
{
	char text[64], want[64];
	struct stat status;

	CHECK_IS(fstat(fd, &status), 0);
	CHECK(read_attribute("dev", text, sizeof(text)));
	snprintf(want, sizeof(want), "%u:%u", (unsigned int)(status.st_rdev >> 8 & 0xfff),
		 (unsigned int)(status.st_rdev & 0xff));
	CHECK_IS(strcmp(text, want), 0);
	return true;
}

/* What the device issues for a write: reads of host memory; for a read: writes to it. */
static bool counters(void)
{
	long long commands = read_number("stats/commands"), done = read_number("stats/completions");
	long long reads = read_number("stats/mrd_bytes"), writes = read_number("stats/mwr_bytes");
	long long requests = read_number("stats/mrd_tlps"),
		  messages = read_number("stats/msg_tlps");

	CHECK_IS(pwrite(fd, buffer, LENGTH, 0), LENGTH);
	reads = read_number("stats/mrd_bytes") - reads;
	writes = read_number("stats/mwr_bytes") - writes;
	requests = read_number("stats/mrd_tlps") - requests;
	CHECK(reads >= LENGTH && reads < LENGTH + 65536); /* and its descriptors */
	CHECK(writes > 0 && writes < 65536); /* completions */
	CHECK(requests >= LENGTH / 4096 && requests <= LENGTH / 128 + 4096);

	writes = read_number("stats/mwr_bytes");
	CHECK_IS(pread(fd, buffer, LENGTH, 0), LENGTH);
	CHECK(read_number("stats/mwr_bytes") - writes >= LENGTH);
	CHECK(read_number("stats/mwr_bytes") - writes < LENGTH + 65536);
	CHECK(read_number("stats/msg_tlps") > messages);
	CHECK_IS(read_number("peers/mrd_bytes"), 0);
	CHECK_IS(read_number("peers/mwr_bytes"), 0);
	CHECK(read_number("stats/commands") >= commands + 2);
	CHECK_IS(read_number("stats/completions") - done, read_number("stats/commands") - commands);
	return true;
}

static bool no_trouble(void)
{
	static const char *const names[] = {
		"errors/bad_tag_range",	 "errors/bad_tag_free",
		"errors/bad_tag_stale",	 "errors/bad_head",
		"errors/bad_status",	 "errors/bad_info",
		"errors/timeouts",	 "errors/lost_interrupts",
		"errors/halts",		 "errors/spurious_interrupts",
		"errors/fatals",	 "errors/dma_faults",
		"errors/gone",		 "errors/failed_resets",
		"stats/bad_completions",
	};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!read_number(names[i]))
			continue;
		ktap_note("%s is %lld", names[i], read_number(names[i]));
		return false;
	}
	return true;
}

static bool fault_policy(void)
{
	char text[64];

	CHECK(read_attribute("fault_policy", text, sizeof(text)));
	CHECK_IS(strcmp(text, "log"), 0);
	return true;
}

int main(void)
{
	static const struct ktap_case cases[] = {
		{ "every attribute is there and a number", numbers },
		{ "attributes are read-only", readonly },
		{ "the version is the contract's", version },
		{ "the identity is one line that agrees with the rest", identity },
		{ "queues, vectors, depth and width are plausible", limits },
		{ "mem_size is where SEEK_END goes", memory_size },
		{ "device links to the PCI function", pci_link },
		{ "dev is the node's number", device_number },
		{ "counters: a write is Memory Reads, a read is Memory Writes", counters },
		{ "a device that works has no errors", no_trouble },
		{ "the fault policy is log", fault_policy },
	};

	fd = open(DEVICE_NODE, O_RDWR);
	if (fd < 0) {
		perror(DEVICE_NODE);
		return 2;
	}
	buffer = aligned_alloc(4096, LENGTH);
	memset(buffer, 0x5a, LENGTH);
	return KTAP_RUN(cases);
}
