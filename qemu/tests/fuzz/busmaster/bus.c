/*
 * busmaster: a fuzzer of the queue: memory
 *
 * Stands where system/physmem.c does. A mapping is a copy of its own, so an
 * access outside is seen at once; of what was written only as much gets to
 * memory as the device says it has used.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "system/cpu-timers.h"
#include "walker.h"

/* The two sides of a command, or one ring at a time. */
#define MAX_MAPS            2

uint8_t ram[RAM_SIZE];
static uint8_t local[LOCAL_SIZE];
static PageMode pages[RAM_SIZE / RAM_PAGE];
static unsigned grain_shift;
static Map maps[MAX_MAPS];
static int64_t now;

void bus_reset(unsigned shift)
{
    memset(ram, 0, sizeof(ram));
    memset(local, 0, sizeof(local));
    memset(pages, 0, sizeof(pages));
    grain_shift = shift;
}

void bus_set_page(unsigned page, PageMode mode)
{
    pages[page % ARRAY_SIZE(pages)] = mode;
}

/* Nothing stays mapped. */
void bus_check_idle(void)
{
    unsigned i;

    for (i = 0; i < MAX_MAPS; i++) {
        g_assert_null(maps[i].host);
    }
}

static bool bus_may(hwaddr addr, bool write)
{
    return addr < RAM_SIZE &&
           pages[addr / RAM_PAGE] <= (write ? PAGE_RAM : PAGE_READ_ONLY);
}

/* What of [addr, addr + len) is in one piece. */
static hwaddr bus_contiguous(hwaddr addr, hwaddr len, bool write)
{
    hwaddr grain = 1ull << grain_shift;
    hwaddr end = addr;

    while (end < addr + len && bus_may(end, write)) {
        end = QEMU_ALIGN_DOWN(end, MIN(grain, RAM_PAGE)) +
              MIN(grain, RAM_PAGE);
        if (QEMU_IS_ALIGNED(end, grain)) {
            break;
        }
    }
    return MIN(end - addr, len);
}

static uint8_t *map_memory(const Map *map)
{
    return (map->local ? local : ram) + map->addr;
}

void *address_space_map(AddressSpace *as, hwaddr addr, hwaddr *plen,
                        bool is_write, MemTxAttrs attrs)
{
    Map map = { .addr = addr, .len = *plen, .write = is_write };
    unsigned i;

    g_assert_cmpuint(map.len, >, 0);
    map.local = as == &core.mem_as;
    if (map.local) {
        g_assert_cmphex(map.len, <=, LOCAL_SIZE);
        g_assert_cmphex(map.addr, <=, LOCAL_SIZE - map.len);
    } else {
        g_assert_true(as == core.bus_as);
        map.len = bus_contiguous(addr, map.len, is_write);
    }
    *plen = map.len;
    account_map(&map);
    if (!map.len) {
        return NULL;
    }

    map.host = g_memdup2(map_memory(&map), map.len);
    for (i = 0; maps[i].host; i++) {
        g_assert_cmpuint(i + 1, <, MAX_MAPS);
    }
    maps[i] = map;
    return map.host;
}

void address_space_unmap(AddressSpace *as, void *buffer, hwaddr len,
                         bool is_write, hwaddr access_len)
{
    Map *map = maps;

    while (map->host != buffer) {
        map++;
        g_assert_true(map < maps + MAX_MAPS);
    }
    g_assert_true(map->local == (as == &core.mem_as));
    g_assert_true(map->write == is_write);
    g_assert_cmphex(map->len, ==, len);
    g_assert_cmphex(access_len, <=, len);
    if (is_write) {
        memcpy(map_memory(map), buffer, access_len);
    } else {
        g_assert_cmpmem(map_memory(map), len, buffer, len);
    }
    account_unmap(map, access_len);
    g_free(map->host);
    map->host = NULL;
}

/* There are no registers. */
bool address_space_access_valid(AddressSpace *as, hwaddr addr, hwaddr len,
                                bool is_write, MemTxAttrs attrs)
{
    return false;
}

int64_t bus_clock_step(int64_t ns)
{
    now += ns;
    return now;
}

int64_t cpu_get_clock(void)
{
    return now;
}
