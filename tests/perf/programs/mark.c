// SPDX-License-Identifier: GPL-2.0-only
/*
 * mark: tells the counting plugin that what is counted begins or ends here.
 */
#include "../mark.h"

int main(void)
{
	__asm__ volatile(MARK_ASM);
	return 0;
}
