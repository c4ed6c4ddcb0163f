// SPDX-License-Identifier: GPL-2.0-only
/*
 * kexec: another kernel takes over: kexec now|crash KERNEL INITRAMFS WORDS...: now, or it is only
 * loaded for when this one crashes. The words are its command line.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char line[2048] = ""; /* as much as x86 takes */
	int kernel, initramfs;
	bool now;

	if (argc < 4)
		return 2;
	now = !strcmp(argv[1], "now");
	kernel = open(argv[2], O_RDONLY);
	initramfs = open(argv[3], O_RDONLY);
	for (int i = 4; i < argc; i++) {
		size_t length = strlen(line);

		snprintf(line + length, sizeof(line) - length, "%s ", argv[i]);
	}
	if (syscall(SYS_kexec_file_load, kernel, initramfs, strlen(line) + 1, line,
		    now ? 0 : KEXEC_FILE_ON_CRASH)) {
		perror("kexec_file_load");
		return 1;
	}
	if (now) {
		syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
			LINUX_REBOOT_CMD_KEXEC, NULL);
		perror("reboot");
		return 1;
	}
	return 0;
}
