/*
 * busmaster: the one way to memory
 *
 * Everything that the device reads or writes, be it a submission, an SGL entry,
 * data or a completion, is mapped here, used, and unmapped. It is apart because
 * three promises are kept in it and nowhere else: every refusal is noticed and
 * recorded, nothing is emitted that must not be, and every request is counted.
 *
 * The address space has no bounce buffers (see bm_core_init()), so only RAM can
 * be mapped. To use it never runs another device's code, nor our own, and needs
 * no BQL. To map it runs the model of an IOMMU, if there is one: page by page,
 * as it is not to see requests for what is then not used, and with whatever the
 * guest makes of its report of one that it refuses.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "internal.h"
#include "trace.h"

static const char *bm_dma_name(const BmDma *dma)
{
    return dma->write ? "write" : "read";
}

/* @status: bits that PCI Status is to have for it. */
static void bm_dma_refuse(BmQueue *q, uint16_t tag, const BmDma *dma,
                          uint16_t status)
{
    BmCore *s = q->core;
    uint32_t count;

    trace_busmaster_dma_refused(q->index, tag, bm_dma_name(dma), dma->addr);
    QEMU_LOCK_GUARD(&s->fault_lock);
    s->new_status |= status;
    count = BM_GET(BM_FAULT_COUNT, s->fault_info) + 1;
    s->fault_addr = dma->addr;
    s->fault_info = BM_PREP(BM_FAULT_COUNT, count) | BM_FAULT_VALID |
                    (dma->write ? BM_FAULT_WRITE : 0) |
                    BM_PREP(BM_FAULT_QUEUE, q->index) |
                    BM_PREP(BM_FAULT_TAG, tag);
}

/*
 * Count the requests for @len bytes at @addr. A contiguous range may come in
 * several calls: a block that the call before has ended in was requested
 * already, so however the range is cut up, the sum is the same.
 */
static void bm_dma_count(BmQueue *q, const BmDma *dma, uint64_t len,
                         BmRequests *requests)
{
    unsigned shift = dma->write ? qatomic_read(&q->core->mps_shift) :
                                  qatomic_read(&q->core->mrrs_shift);
    uint64_t first = dma->addr >> shift;
    uint64_t last = (dma->addr + len - 1) >> shift;
    uint64_t tlps = last - first + 1;

    if (requests->open && requests->last == first) {
        tlps--;
    }
    requests->open = true;
    requests->last = last;
    stat64_add(dma->write ? &q->mwr_tlps : &q->mrd_tlps, tlps);
    stat64_add(dma->write ? &q->mwr_bytes : &q->mrd_bytes, len);
    if (dma->peer) {
        stat64_add(dma->write ? &q->peer_mwr_tlps : &q->peer_mrd_tlps, tlps);
        stat64_add(dma->write ? &q->peer_mwr_bytes : &q->peer_mrd_bytes, len);
    }
}

static AddressSpace *bm_dma_space(BmQueue *q, const BmDma *dma)
{
    return dma->local ? &q->core->mem_as : q->core->bus_as;
}

/* Would the device send the request at all? */
static bool bm_dma_goes_out(BmCore *s, const BmDma *dma)
{
    return qatomic_read(&s->bus_master) && dma->addr <= s->dma_limit;
}

/*
 * The answer to a read that was refused. A register is there, but cannot do it:
 * a Completer Abort. Where nobody is, it is an Unsupported Request. So it is if
 * an IOMMU does not let it pass: to ask what is behind would make it report.
 */
static uint16_t bm_dma_answer(BmCore *s, const BmDma *dma)
{
    bool there = !s->translated &&
                 address_space_access_valid(s->bus_as,
                                            QEMU_ALIGN_DOWN(dma->addr, 4), 4,
                                            false, MEMTXATTRS_UNSPECIFIED);

    return there ? PCI_STATUS_REC_TARGET_ABORT : PCI_STATUS_REC_MASTER_ABORT;
}

/*
 * Writes are posted, and nobody says that this one was refused: it goes to
 * nowhere, up to the page's end.
 */
static void bm_dma_lose(BmQueue *q, uint16_t tag, BmDma *dma, uint64_t len,
                        uint64_t unit)
{
    trace_busmaster_dma_lost(q->index, tag, dma->addr);
    dma->host = q->nowhere;
    dma->len = MIN(len, MAX(unit, BM_MEM_PAGE - dma->addr % BM_MEM_PAGE));
}

/* End a mapping of which the first @used bytes were read or written. */
void bm_dma_unmap(BmQueue *q, BmDma *dma, uint64_t used, BmRequests *requests)
{
    if (dma->host != q->nowhere) {
        dma_memory_unmap(bm_dma_space(q, dma), dma->host, dma->len,
                         dma->write ? DMA_DIRECTION_FROM_DEVICE :
                                      DMA_DIRECTION_TO_DEVICE, used);
    }
    dma->host = NULL;
    if (!dma->local && used) {
        bm_dma_count(q, dma, used, requests);
    }
    if (dma->peer) {
        bm_core_leave_peer(dma->peer);
        dma->peer = NULL;
    }
}

/*
 * Map @len bytes at @dma->addr, or as many of them as are contiguous; the
 * caller says in @dma which side of the device they are on and which way the
 * data goes. Returns false if not even the first @unit bytes can be had, or if
 * the queue was stopped meanwhile: a stopped queue has nothing mapped.
 */
bool bm_dma_map(BmQueue *q, uint16_t tag, BmDma *dma, uint64_t len,
                uint64_t unit)
{
    BmCore *s = q->core;

    if (!bm_queue_works(q)) {
        return false;
    }
    if (!dma->local) {
        if (!bm_dma_goes_out(s, dma)) {
            bm_dma_refuse(q, tag, dma, 0);
            return false;
        }
        len = MIN(len - 1, s->dma_limit - dma->addr) + 1;
        if (s->translated) {
            len = MIN(len, BM_MEM_PAGE - dma->addr % BM_MEM_PAGE);
        }
    }

    dma->len = len;
    dma->host = dma_memory_map(bm_dma_space(q, dma), dma->addr, &dma->len,
                               dma->write ? DMA_DIRECTION_FROM_DEVICE :
                                            DMA_DIRECTION_TO_DEVICE,
                               MEMTXATTRS_UNSPECIFIED);
    dma->peer = dma->host && !dma->local ? bm_core_hold_peer(dma->host) : NULL;
    if (dma->host && (dma->len < unit || !bm_queue_works(q))) {
        bm_dma_unmap(q, dma, 0, NULL);
    }
    if (!bm_queue_works(q)) {
        return false;
    }
    if (!dma->host && dma->write && !s->write_faults) {
        bm_dma_lose(q, tag, dma, len, unit);
    } else if (!dma->host) {
        bm_dma_refuse(q, tag, dma, dma->write ? 0 : bm_dma_answer(s, dma));
        return false;
    }
    if (!dma->local && !dma->write && tag != BM_TAG_NONE &&
        bm_misbehave_poisoned(q)) {
        bm_dma_unmap(q, dma, 0, NULL);
        bm_dma_refuse(q, tag, dma, PCI_STATUS_DETECTED_PARITY);
        return false;
    }
    trace_busmaster_dma(q->index, tag, bm_dma_name(dma), dma->addr, dma->len);
    return true;
}
