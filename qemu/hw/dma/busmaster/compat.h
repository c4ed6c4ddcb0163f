/*
 * busmaster: what differs between the QEMUs that it is laid over
 *
 * The sources are written for the newest, but for Stat64. What is "before" a
 * version is there for older ones, and goes with them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DMA_BUSMASTER_COMPAT_H
#define HW_DMA_BUSMASTER_COMPAT_H

#include "qom/object.h"
#include "system/runstate.h"

/* Before 11.0 these were in another directory. */
#if QEMU_VERSION_MAJOR >= 11
#include "hw/core/qdev.h"
#include "hw/core/qdev-properties.h"
#include "hw/core/resettable.h"
#include "qemu/aio.h"
#else
#include "block/aio.h"
#include "hw/qdev-core.h"
#include "hw/qdev-properties.h"
#include "hw/resettable.h"
#endif

/* Before 10.1 icount_enabled() was elsewhere. */
#if QEMU_VERSION_MAJOR > 10 || QEMU_VERSION_MAJOR == 10 && QEMU_VERSION_MINOR
#include "exec/icount.h"
#else
#include "system/cpu-timers.h"
#endif

/* Since 11.0 every host has 64 bits, and counts by itself. */
#if QEMU_VERSION_MAJOR >= 11
#include "qemu/atomic.h"

typedef uint64_t Stat64;

static inline void stat64_init(Stat64 *s, uint64_t value)
{
    qatomic_set(s, value);
}

static inline uint64_t stat64_get(const Stat64 *s)
{
    return qatomic_read(s);
}

static inline void stat64_add(Stat64 *s, uint64_t value)
{
    qatomic_add(s, value);
}
#else
#include "qemu/stats64.h"
#endif

/*
 * Before 10.1 neither a class's data nor its interfaces were constant, and no
 * handler of a change of the machine's state could fail.
 */
#if QEMU_VERSION_MAJOR > 10 || QEMU_VERSION_MAJOR == 10 && QEMU_VERSION_MINOR
typedef const void BmClassData;
typedef const InterfaceInfo BmInterface;
#else
typedef void BmClassData;
typedef InterfaceInfo BmInterface;
#define qdev_add_vm_change_state_handler(dev, cb, cb_ret, opaque) \
    qdev_add_vm_change_state_handler(dev, cb, opaque)
#endif

#endif /* HW_DMA_BUSMASTER_COMPAT_H */
