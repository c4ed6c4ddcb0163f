/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The instruction by which a guest program marks a moment for the counting plugin: a NOP
 * with an operand that no compiler would choose, nopl 0x4b52414d(%rax), "MARK".
 */
#ifndef MARK_H
#define MARK_H

#define MARK_BYTES 0x0f, 0x1f, 0x80, 0x4d, 0x41, 0x52, 0x4b
#define MARK_ASM "nopl 0x4b52414d(%rax)"

#endif /* MARK_H */
