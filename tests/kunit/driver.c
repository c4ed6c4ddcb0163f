// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster KUnit: the driver's code under test, compiled into the test module.
 *
 * The very files that busmaster.ko is made of, all but those that need a PCI bus or
 * an open file: main.c, cdev.c and sysfs.c. What they would provide, fake.c does.
 *
 * queue.c looks at its completion ring through fake_cq_pop(), which lets the fake
 * device act before and after a look, as real ones do.
 */
#include "fake.h"

#include "../../drivers/ring.c"
#include "../../drivers/hw.c"
#include "../../drivers/recover.c"

#define bm_cq_pop fake_cq_pop
#include "../../drivers/queue.c"
#undef bm_cq_pop

#include "../../drivers/mem.c"
#include "../../drivers/io.c"
#include "../../drivers/coalesce.c"
