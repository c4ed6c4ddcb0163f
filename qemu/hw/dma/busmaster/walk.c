/*
 * busmaster: pointers and scatter-gather lists
 *
 * Turns a command's pointer into contiguous segments, one at a time and no
 * earlier than needed. It is apart because it is the part of the device that
 * reads a structure of the guest's making and of the guest's length: all limits
 * on it are in this file. Entries are fetched once and judged in the device.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "internal.h"

#define BM_SEG_SIZE sizeof(struct bm_hw_seg)

/* Does [addr, addr + len) wrap? To end at 2^64 is fine. */
static bool bm_range_wraps(uint64_t addr, uint64_t len)
{
    return len - 1 > UINT64_MAX - addr;
}

void bm_side_init(BmSide *side, const struct bm_hw_ptr *ptr, uint64_t length,
                  bool write)
{
    memset(side, 0, offsetof(BmSide, batch));
    side->space = ptr->space;
    side->write = write;
    if (side->space == BM_SPACE_HOST_SGL) {
        side->list = le64_to_cpu(ptr->addr);
        side->count = le32_to_cpu(ptr->count);
        side->budget = BM_SGL_MAX;
    } else {
        side->addr = le64_to_cpu(ptr->addr);
        side->left = length;
    }
}

static bool bm_sgl_list_valid(const BmSide *side)
{
    return side->count && QEMU_IS_ALIGNED(side->list, BM_SEG_SIZE) &&
           !bm_range_wraps(side->list, side->count * (uint64_t)BM_SEG_SIZE);
}

/* False: it has failed, or its turn is over. */
static bool bm_sgl_fetch(BmQueue *q, BmCommand *c, BmSide *side)
{
    BmDma dma = { .addr = side->list };
    BmRequests requests = {};
    uint32_t want = MIN(MIN(side->count, side->budget), BM_SGL_BATCH);

    if (!bm_sgl_list_valid(side)) {
        bm_cmd_fail(c, BM_ST_BAD_SGL, 0);
        return false;
    }
    if (!side->budget) {
        bm_cmd_fail(c, BM_ST_SGL_TOO_LONG, 0);
        return false;
    }
    if (!c->turn_pieces) {
        return false;
    }
    c->turn_pieces--;
    if (!bm_dma_map(q, c->tag, &dma, want * BM_SEG_SIZE, BM_SEG_SIZE)) {
        bm_cmd_fail(c, BM_ST_DMA_READ_FAULT, side->list);
        return false;
    }
    side->next = 0;
    side->fetched = dma.len / BM_SEG_SIZE;
    memcpy(side->batch, dma.host, side->fetched * BM_SEG_SIZE);
    bm_dma_unmap(q, &dma, side->fetched * BM_SEG_SIZE, &requests);
    c->due = MAX(c->due, bm_link_read(q->core, c->due, side->list,
                                      side->fetched * BM_SEG_SIZE));
    bm_misbehave_sgl_fetched(q, c, dma.addr, side->fetched * BM_SEG_SIZE);
    side->list += side->fetched * BM_SEG_SIZE;
    side->count -= side->fetched;
    return true;
}

/* Make the next entry the present segment. False: likewise. */
static bool bm_sgl_next(BmQueue *q, BmCommand *c, BmSide *side)
{
    for (;;) {
        const struct bm_hw_seg *seg;
        uint32_t flags, len;
        uint64_t addr;

        if (side->next == side->fetched && !bm_sgl_fetch(q, c, side)) {
            return false;
        }
        seg = &side->batch[side->next++];
        side->budget--;
        addr = le64_to_cpu(seg->addr);
        len = le32_to_cpu(seg->length);
        flags = le32_to_cpu(seg->flags);

        if (flags == BM_SEG_CHAIN && side->next == side->fetched &&
            !side->count) {
            side->list = addr;
            side->count = len;
            continue;
        }
        if (flags || !len || bm_range_wraps(addr, len)) {
            bm_cmd_fail(c, BM_ST_BAD_SGL, 0);
            return false;
        }
        side->addr = addr;
        side->left = len;
        side->requests.open = false;
        return true;
    }
}

/*
 * A side that was walked elsewhere, and has @left bytes to go: can it go on?
 * What was not yet fetched of a list is judged when it is.
 */
bool bm_side_valid(BmCore *s, const BmSide *side, uint64_t left)
{
    switch (side->space) {
    case BM_SPACE_NONE:
        return true;
    case BM_SPACE_HOST:
        return side->left == left && !bm_range_wraps(side->addr, left);
    case BM_SPACE_LOCAL:
        return side->left == left && left <= s->mem_size &&
               side->addr <= s->mem_size - left;
    case BM_SPACE_HOST_SGL:
        return side->next <= side->fetched && side->fetched <= BM_SGL_BATCH &&
               side->fetched - side->next <= side->budget &&
               side->budget <= BM_SGL_MAX && side->left <= UINT32_MAX &&
               (!side->left || !bm_range_wraps(side->addr, side->left));
    }
    return false;
}

/* See to it that @side has a segment, and cut the piece to what that offers. */
bool bm_side_resolve(BmQueue *q, BmCommand *c, BmSide *side)
{
    if (side->space == BM_SPACE_NONE) {
        return true;
    }
    if (!side->left && !bm_sgl_next(q, c, side)) {
        return false;
    }
    c->piece = MIN(c->piece, side->left);
    return true;
}

/* Map the piece on @side, and cut it to what was mapped. */
bool bm_side_map(BmQueue *q, BmCommand *c, BmSide *side)
{
    side->dma.addr = side->addr;
    side->dma.local = side->space == BM_SPACE_LOCAL;
    side->dma.write = side->write;
    if (!bm_dma_map(q, c->tag, &side->dma, c->piece, 1)) {
        bm_cmd_fail(c, side->write ? BM_ST_DMA_WRITE_FAULT :
                                     BM_ST_DMA_READ_FAULT, side->addr);
        return false;
    }
    c->piece = side->dma.len;
    return true;
}

/* End the mapping, if there is one, of which @used bytes were moved. */
void bm_side_unmap(BmQueue *q, BmSide *side, uint64_t used)
{
    if (side->dma.host) {
        bm_dma_unmap(q, &side->dma, used, &side->requests);
        side->addr += used;
        side->left -= used;
    }
}
