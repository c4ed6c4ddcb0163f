/*
 * busmaster: what differs between the QEMUs that it is laid over
 *
 * The sources are written for the newest. What is "before" a version is there
 * for older ones, and goes with them. Compiled with 10.0; the sides of 10.1 and
 * 11.0 follow what their headers say, and were not compiled.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DMA_BUSMASTER_COMPAT_H
#define HW_DMA_BUSMASTER_COMPAT_H

#include "qom/object.h"

/* Before 11.0 these were a directory further up. */
#if QEMU_VERSION_MAJOR >= 11
#include "hw/core/qdev.h"
#include "hw/core/qdev-properties.h"
#include "hw/core/resettable.h"
#else
#include "hw/qdev-core.h"
#include "hw/qdev-properties.h"
#include "hw/resettable.h"
#endif

/* Before 10.1 neither a class's data nor its interfaces were constant. */
#if QEMU_VERSION_MAJOR > 10 || QEMU_VERSION_MAJOR == 10 && QEMU_VERSION_MINOR
typedef const void BmClassData;
typedef const InterfaceInfo BmInterface;
#else
typedef void BmClassData;
typedef InterfaceInfo BmInterface;
#endif

#endif /* HW_DMA_BUSMASTER_COMPAT_H */
