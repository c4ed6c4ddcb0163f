/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/trace-hw_dma_busmaster.h"

/* The time for a trace event that has it: none is asked for if it is off. */
#define BM_TRACE_NOW(event) \
    (trace_event_get_state_backends(TRACE_BUSMASTER_##event) ? \
     qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) : 0)
