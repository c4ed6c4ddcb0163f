/*
 * busmaster: interrupts
 *
 * Workers may be in any thread, but MSI-X belongs to the BQL. To raise a
 * vector is to leave a bit. Whoever came into the device with the BQL, by a
 * register or a BH, sends the messages when it leaves; others have a BH send
 * them.
 *
 * It is the guest that says where a message goes, so it may be a write to one
 * of our own registers: the only way in which the device can be re-entered.
 * That is why messages are sent last, when nobody relies on anything any more,
 * and why those that a message causes wait for the BH: it nests no deeper.
 *
 * Messages are counted here, those that the MSI-X core keeps pending when it
 * sends them at last.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "internal.h"
#include "trace.h"

/* A message is a memory write: it needs bus mastering as any other. */
static bool bm_irq_can_send(PCIDevice *pdev)
{
    return pci_get_word(pdev->config + PCI_COMMAND) & PCI_COMMAND_MASTER;
}

static void bm_irq_send(BusmasterState *s, unsigned vector)
{
    PCIDevice *pdev = PCI_DEVICE(s);
    bool sent = !msix_is_masked(pdev, vector) && bm_irq_can_send(pdev);

    trace_busmaster_irq(vector, sent);
    s->msg_tlps += sent;
    msix_notify(pdev, vector);
}

/* The BQL is held, and the caller is about to leave the device. */
void bm_irq_flush(BusmasterState *s)
{
    const unsigned vectors = s->num_queues + 1;
    unsigned v;

    if (s->irq_sending) {
        return;
    }
    s->irq_sending = true;
    for (v = find_first_bit(s->irqs, vectors); v < vectors;
         v = find_next_bit(s->irqs, vectors, v + 1)) {
        clear_bit_atomic(v, s->irqs);
        bm_irq_send(s, v);
    }
    s->irq_sending = false;
}

static void bm_irq_bh(void *opaque)
{
    bm_irq_flush(opaque);
}

/* The core is about to send a message that it had to hold back. */
static int bm_irq_unmasked(PCIDevice *pdev, unsigned vector, MSIMessage msg)
{
    bool pending = pdev->msix_pba[vector / 8] & (1u << (vector % 8));

    if (pending && bm_irq_can_send(pdev)) {
        BUSMASTER(pdev)->msg_tlps++;
    }
    return 0;
}

static void bm_irq_masked(PCIDevice *pdev, unsigned vector)
{
}

/* From any thread. */
void bm_irq_raise(BusmasterState *s, unsigned vector)
{
    set_bit_atomic(vector, s->irqs);
    if (!bql_locked() || s->irq_sending) {
        qemu_bh_schedule(s->irq_bh);
    }
}

void bm_irq_init(BusmasterState *s)
{
    PCIDevice *pdev = PCI_DEVICE(s);
    unsigned vector;

    for (vector = 0; vector <= s->num_queues; vector++) {
        msix_vector_use(pdev, vector);
    }
    msix_set_vector_notifiers(pdev, bm_irq_unmasked, bm_irq_masked, NULL);
    s->irq_bh = qemu_bh_new_guarded(bm_irq_bh, s,
                                    &DEVICE(s)->mem_reentrancy_guard);
}

/* The workers are stopped. */
void bm_irq_reset(BusmasterState *s)
{
    qemu_bh_cancel(s->irq_bh);
    bitmap_zero(s->irqs, BM_MAX_VECTORS);
    s->msg_tlps = 0;
}

void bm_irq_exit(BusmasterState *s)
{
    PCIDevice *pdev = PCI_DEVICE(s);

    qemu_bh_delete(s->irq_bh);
    msix_unset_vector_notifiers(pdev);
    msix_unuse_all_vectors(pdev);
}
