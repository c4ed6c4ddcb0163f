// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A plugin of QEMU's TCG that counts what the guest does between two marks: instructions,
 * of the kernel and of programs, and the kernel's accesses to device registers, each
 * register by itself.
 *
 * A mark is an instruction that does nothing, mark.h: when a guest executes it, all counts
 * since the boot go to the file that the argument out= names:
 *
 *	mark NUMBER
 *	kernel INSTRUCTIONS
 *	user INSTRUCTIONS
 *	read|write ADDRESS ACCESSES DEVICE	(one line a register, by its physical address)
 *	block ADDRESS INSTRUCTIONS	(one line a block of the kernel's code, with blocks=on)
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <qemu-plugin.h>

#include "mark.h"

#define MAX_REGISTERS 4096 /* a power of two */

struct insns {
	uint64_t kernel;
	uint64_t user;
};

struct reg {
	uint64_t address;
	uint64_t accesses;
	const char *device;
	bool write;
};

/* A block of the kernel's code. QEMU may translate it more than once: each is one of these. */
struct block {
	uint64_t address;
	qemu_plugin_u64 insns;
	struct block *next;
};

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

static FILE *out;
static bool count_blocks;
static qemu_plugin_u64 kernel_insns, user_insns;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* all below */
static struct reg regs[MAX_REGISTERS];
static unsigned int nr_regs;
static unsigned int marks;
static struct block *blocks;

static bool in_kernel(uint64_t vaddr)
{
	return vaddr >> 63;
}

/* An open hash table: registers are few, and none is ever taken out. */
static struct reg *find(uint64_t address, bool write, const char *device)
{
	unsigned int i = (address / 4 * 2654435761u + write) % MAX_REGISTERS;

	while (regs[i].device && (regs[i].address != address || regs[i].write != write))
		i = (i + 1) % MAX_REGISTERS;
	if (!regs[i].device) {
		if (++nr_regs == MAX_REGISTERS) {
			fputs("count: too many registers\n", stderr);
			exit(1);
		}
		regs[i] = (struct reg){ .address = address, .device = device, .write = write };
	}
	return &regs[i];
}

static void access_memory(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t vaddr, void *data)
{
	struct qemu_plugin_hwaddr *hwaddr = qemu_plugin_get_hwaddr(info, vaddr);

	if (!hwaddr || !qemu_plugin_hwaddr_is_io(hwaddr))
		return;
	pthread_mutex_lock(&lock);
	find(qemu_plugin_hwaddr_phys_addr(hwaddr), qemu_plugin_mem_is_store(info),
	     qemu_plugin_hwaddr_device_name(hwaddr))
		->accesses++;
	pthread_mutex_unlock(&lock);
}

static void mark(unsigned int vcpu, void *data)
{
	pthread_mutex_lock(&lock);
	fprintf(out, "mark %u\nkernel %" PRIu64 "\nuser %" PRIu64 "\n", marks++,
		qemu_plugin_u64_sum(kernel_insns), qemu_plugin_u64_sum(user_insns));
	for (const struct reg *reg = regs; reg < regs + MAX_REGISTERS; reg++)
		if (reg->device)
			fprintf(out, "%s %" PRIx64 " %" PRIu64 " %s\n",
				reg->write ? "write" : "read", reg->address, reg->accesses,
				reg->device);
	for (const struct block *block = blocks; block; block = block->next)
		fprintf(out, "block %" PRIx64 " %" PRIu64 "\n", block->address,
			qemu_plugin_u64_sum(block->insns));
	fflush(out);
	pthread_mutex_unlock(&lock);
}

static bool is_mark(const struct qemu_plugin_insn *insn)
{
	static const uint8_t bytes[] = { MARK_BYTES };
	uint8_t data[sizeof(bytes)];

	return qemu_plugin_insn_size(insn) == sizeof(bytes) &&
	       qemu_plugin_insn_data(insn, data, sizeof(data)) == sizeof(data) &&
	       !memcmp(data, bytes, sizeof(bytes));
}

static void count_block(struct qemu_plugin_tb *tb, size_t n)
{
	struct block *block = malloc(sizeof(*block));

	if (!block) {
		fputs("count: no memory\n", stderr);
		exit(1);
	}
	block->address = qemu_plugin_tb_vaddr(tb);
	block->insns = qemu_plugin_scoreboard_u64(qemu_plugin_scoreboard_new(sizeof(uint64_t)));
	qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(tb, QEMU_PLUGIN_INLINE_ADD_U64,
							  block->insns, n);
	pthread_mutex_lock(&lock);
	block->next = blocks;
	blocks = block;
	pthread_mutex_unlock(&lock);
}

/* Called once for each block of code that QEMU translates: says what is to be counted there. */
static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	bool kernel = in_kernel(qemu_plugin_tb_vaddr(tb));
	size_t n = qemu_plugin_tb_n_insns(tb);

	qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(tb, QEMU_PLUGIN_INLINE_ADD_U64,
							  kernel ? kernel_insns : user_insns, n);
	if (kernel && count_blocks)
		count_block(tb, n);
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		if (kernel)
			qemu_plugin_register_vcpu_mem_cb(insn, access_memory,
							 QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW,
							 NULL);
		else if (is_mark(insn))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, mark, QEMU_PLUGIN_CB_NO_REGS,
							       NULL);
	}
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
					   char **argv)
{
	struct qemu_plugin_scoreboard *insns;

	count_blocks = argc == 2 && !strcmp(argv[1], "blocks=on");
	if (argc != 1 + count_blocks || strncmp(argv[0], "out=", 4)) {
		fputs("count: wants out=FILE, and perhaps blocks=on\n", stderr);
		return -1;
	}
	out = fopen(argv[0] + 4, "w");
	if (!out) {
		perror(argv[0] + 4);
		return -1;
	}
	insns = qemu_plugin_scoreboard_new(sizeof(struct insns));
	kernel_insns = qemu_plugin_scoreboard_u64_in_struct(insns, struct insns, kernel);
	user_insns = qemu_plugin_scoreboard_u64_in_struct(insns, struct insns, user);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	return 0;
}
