// SPDX-License-Identifier: GPL-2.0-only
/*
 * storm: an interrupt that nobody has asked for, until the kernel disables it: storm IRQ
 *
 * The kernel gives up an interrupt of which 99,900 in 100,000 were nobody's.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ENOUGH 200100 /* it counts to 100,000, and may have begun with better ones */

static bool given_up(const char *path)
{
	char text[4096];
	int fd = open(path, O_RDONLY);
	ssize_t length = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[length < 0 ? 0 : length] = '\0';
	return strstr(text, "IRQS_SPURIOUS_DISABLED");
}

int main(int argc, char **argv)
{
	char path[100];
	int fd, raised;

	snprintf(path, sizeof(path), "/sys/kernel/debug/irq/irqs/%s", argc > 1 ? argv[1] : "");
	fd = open(path, O_WRONLY);
	for (raised = 0; raised < ENOUGH && (raised % 1000 || !given_up(path)); raised++) {
		if (write(fd, "trigger", 7) != 7) {
			perror(path);
			return 1;
		}
	}
	printf("raised %d times\n", raised);
	return !given_up(path);
}
