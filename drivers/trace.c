// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: the code behind the tracepoints, once for all files.
 */
#define CREATE_TRACE_POINTS
#include "trace.h"
