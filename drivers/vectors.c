// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: MSI-X vectors: how many there are, where they go, and their handlers.
 */
#include <linux/group_cpus.h>
#include <linux/interrupt.h>
#include <linux/slab.h>

#include "busmaster.h"

/* Of @spare queues grant so many as a parameter asks for. */
static unsigned int bm_vectors_grant(struct bm_dev *bm, unsigned int *spare, unsigned int asked,
				     const char *parameter)
{
	unsigned int granted = min(asked, *spare);

	if (granted < asked)
		dev_warn(&bm->dev, "%s=%u: the device has %u queues, so it is %u\n", parameter,
			 asked, bm->caps.queues, granted);
	*spare -= granted;
	return granted;
}

/**
 * bm_vectors_alloc() - a vector for events and one a queue that interrupts
 * @bm: identified device; its numbers of queues are set
 *
 * There are as many queues that interrupt as there are vectors for. One at least
 * interrupts and is for files; of the rest so many are polled, and so many the DMA
 * engine's, as are asked for. May sleep.
 *
 * Return: 0 or a negative errno.
 */
int bm_vectors_alloc(struct bm_dev *bm)
{
	unsigned int spare = bm->caps.queues - 1;
	unsigned int polled = bm_vectors_grant(bm, &spare, bm_param_poll_queues, "poll_queues");
	unsigned int channels = IS_ENABLED(CONFIG_DMA_ENGINE) ?
		bm_vectors_grant(bm, &spare, bm_param_dma_channels, "dma_channels") : 0;
	unsigned int want = min(bm_param_queues ?: num_online_cpus(), 1 + spare) + channels;
	int n;

	n = pci_alloc_irq_vectors(bm->pdev, BM_VECTOR_QUEUE(1), BM_VECTOR_QUEUE(want),
				  PCI_IRQ_MSIX);
	if (n < 0) {
		dev_err(&bm->dev, "no MSI-X vectors for a queue: %d\n", n);
		return n;
	}
	bm->nr_channels = min(channels, n - 2u);
	bm->nr_queues = n - 1 - bm->nr_channels;
	bm->nr_polled = polled;
	return 0;
}

/**
 * bm_vectors_free() - undo bm_vectors_alloc()
 * @bm: device, none of whose vectors is requested
 */
void bm_vectors_free(struct bm_dev *bm)
{
	pci_free_irq_vectors(bm->pdev);
}

/**
 * bm_vectors_spread() - each queue has the CPUs that submit to it, and its vector goes there
 * @bm: device with zeroed queues
 *
 * The vectors are not managed ones: when the last of its CPUs goes offline, the kernel
 * moves a vector to another, and commands in flight are not forgotten.
 *
 * Return: 0 or -ENOMEM.
 */
int bm_vectors_spread(struct bm_dev *bm)
{
	struct cpumask *groups = group_cpus_evenly(bm->nr_queues);
	unsigned int cpu, i;

	if (!groups)
		return -ENOMEM;
	for (i = 0; i < bm->nr_queues; i++) {
		cpumask_copy(&bm->queues[i].cpus, &groups[i]);
		for_each_cpu(cpu, &groups[i])
			bm->queue_of[cpu] = i;
	}
	for (; i < bm_vector_queues(bm); i++)
		cpumask_copy(&bm->queues[i].cpus, cpu_possible_mask);
	kfree(groups);
	return 0;
}

/**
 * bm_vectors_request_event() - from here on the device may tell of its health
 * @bm: device
 *
 * May sleep.
 *
 * Return: 0 or a negative errno.
 */
int bm_vectors_request_event(struct bm_dev *bm)
{
	return request_irq(pci_irq_vector(bm->pdev, BM_VECTOR_EVENT), bm_event_irq, 0,
			   dev_name(&bm->dev), bm);
}

/**
 * bm_vectors_release_event() - undo bm_vectors_request_event()
 * @bm: device
 *
 * The handler does not run any more. May sleep.
 */
void bm_vectors_release_event(struct bm_dev *bm)
{
	free_irq(pci_irq_vector(bm->pdev, BM_VECTOR_EVENT), bm);
}

/**
 * bm_vectors_request() - from here on a queue may interrupt
 * @q: queue; nothing happens if it is polled
 *
 * May sleep.
 *
 * Return: 0 or a negative errno.
 */
int bm_vectors_request(struct bm_queue *q)
{
	int err;

	if (q->polled)
		return 0;
	q->irq = pci_irq_vector(q->bm->pdev, BM_VECTOR_QUEUE(q->id));
	err = request_threaded_irq(q->irq, bm_queue_irq, bm_queue_thread, 0, q->name, q);
	if (err)
		return err;
	irq_set_affinity_and_hint(q->irq, &q->cpus);
	return 0;
}

/**
 * bm_vectors_release() - undo bm_vectors_request()
 * @q: queue; nothing happens if it is polled
 *
 * Its handlers do not run any more. May sleep.
 */
void bm_vectors_release(struct bm_queue *q)
{
	if (q->polled)
		return;
	irq_update_affinity_hint(q->irq, NULL);
	free_irq(q->irq, q);
}
