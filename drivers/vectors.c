// SPDX-License-Identifier: GPL-2.0-only
/*
 * busmaster: MSI-X vectors: how many there are, where they go, and their handlers.
 *
 * They are requested once, in probe, where the system may refuse some: it has only so many
 * vectors a CPU. From then on a stop disables them and a start enables them again, which
 * nobody refuses. Where they go is chosen once, too, and after that it is the operator's.
 */
#include <linux/cpuhotplug.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/sched/isolation.h>
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
 * There are as many queues that interrupt as there are vectors for, and no more for files
 * than there may be CPUs, each of which has one. One at least interrupts and is for files;
 * of the rest so many are polled, and so many the DMA engine's, as are asked for. May sleep.
 *
 * Return: 0 or a negative errno.
 */
int bm_vectors_alloc(struct bm_dev *bm)
{
	unsigned int spare = bm->caps.queues - 1;
	unsigned int polled = bm_vectors_grant(bm, &spare, bm_param_poll_queues, "poll_queues");
	unsigned int channels = IS_ENABLED(CONFIG_BUSMASTER_DMAENGINE) ?
		bm_vectors_grant(bm, &spare, bm_param_dma_channels, "dma_channels") : 0;
	unsigned int want = min3(bm_param_queues ?: num_online_cpus(), 1 + spare,
				 num_possible_cpus()) + channels;
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

/* Each queue has the CPUs that submit to it. */
static int bm_vectors_spread(struct bm_dev *bm)
{
	unsigned int made, cpu, i;
	struct cpumask *groups = group_cpus_evenly(bm->nr_queues, &made);

	if (!groups)
		return -ENOMEM;
	for (i = 0; i < made; i++) {
		cpumask_copy(&bm->queues[i].cpus, &groups[i]);
		for_each_cpu(cpu, &groups[i])
			bm->queue_of[cpu] = i;
	}
	for (; i < bm_vector_queues(bm); i++)
		cpumask_copy(&bm->queues[i].cpus, cpu_possible_mask);
	kfree(groups);
	return 0;
}

/*
 * A vector goes @near, where its submitters are, but for what the operator has said: by
 * irqaffinity= or default_smp_affinity, which the kernel has heeded already, and by
 * isolcpus=. Where both leave none of those CPUs, it is what the operator has said; and where
 * that leaves none at all, the kernel's choice stands.
 */
static void bm_vector_place(struct bm_vector *vector, const struct cpumask *near)
{
	struct cpumask *place = &vector->home;

	cpumask_and(place, irq_get_affinity_mask(vector->irq),
		    housekeeping_cpumask(HK_TYPE_DOMAIN));
	cpumask_and(place, place, housekeeping_cpumask(HK_TYPE_MANAGED_IRQ));
	if (cpumask_intersects(place, near))
		cpumask_and(place, place, near);
	if (!cpumask_empty(place))
		irq_set_affinity(vector->irq, place);
	else
		cpumask_copy(place, irq_get_affinity_mask(vector->irq));
}

/* All vectors: that of the events first. */
static struct bm_vector *bm_vector(struct bm_dev *bm, unsigned int n)
{
	return n ? &bm->queues[n - 1].vector : &bm->event;
}

static int bm_vector_request_event(struct bm_dev *bm)
{
	bm->event.irq = pci_irq_vector(bm->pdev, BM_VECTOR_EVENT);
	return request_irq(bm->event.irq, bm_event_irq, IRQF_NO_AUTOEN, dev_name(&bm->dev), bm);
}

static int bm_vector_request(struct bm_queue *q)
{
	q->vector.irq = pci_irq_vector(q->bm->pdev, BM_VECTOR_QUEUE(q->id));
	return request_threaded_irq(q->vector.irq, bm_queue_irq, bm_queue_thread,
				    IRQF_NO_AUTOEN, q->name, q);
}

/* Somebody has chosen where it goes, or bm_vector_return() has: that is its home. */
static void bm_vector_moved(struct irq_affinity_notify *moved, const cpumask_t *mask)
{
	struct bm_vector *vector = container_of(moved, struct bm_vector, moved);

	if (!READ_ONCE(vector->expelled))
		cpumask_copy(&vector->home, mask);
}

/* It is part of a struct bm_vector, which goes later. */
static void bm_vector_unheard(struct kref *ref)
{
}

static void bm_vector_listen(struct bm_vector *vector)
{
	vector->moved.notify = bm_vector_moved;
	vector->moved.release = bm_vector_unheard;
	irq_set_affinity_notifier(vector->irq, &vector->moved);
}

static void bm_vector_release(struct bm_queue *q)
{
	irq_set_affinity_notifier(q->vector.irq, NULL);
	irq_update_affinity_hint(q->vector.irq, NULL);
	free_irq(q->vector.irq, q);
}

static void bm_vector_release_event(struct bm_dev *bm)
{
	irq_set_affinity_notifier(bm->event.irq, NULL);
	free_irq(bm->event.irq, bm);
}

/* Of the queues' vectors, as many as can be had: at least one. */
static int bm_vectors_request_queues(struct bm_dev *bm)
{
	unsigned int i, want = bm_vector_queues(bm);
	int err = 0;

	for (i = 0; i < want && !err; i++)
		err = bm_vector_request(&bm->queues[i]);
	if (!err)
		return 0;
	i--;
	if (!i)
		return err;
	bm->nr_channels = min(bm->nr_channels, i - 1);
	bm->nr_queues = i - bm->nr_channels;
	dev_warn(&bm->dev, "of %u vectors for queues the system has %u left: %d\n", want, i, err);
	return 0;
}

static enum cpuhp_state bm_cpuhp_online, bm_cpuhp_dead;

/**
 * bm_vectors_request() - from here on all vectors are ours, and disabled
 * @bm: device with vectors and initialised queues
 *
 * If the system has fewer than bm_vectors_alloc() got, there are fewer queues: the numbers
 * say so afterwards. The vectors are not managed ones: when the last of its CPUs goes
 * offline, the kernel moves a vector to another, and commands in flight are not forgotten;
 * when that comes back, so does its vector. May sleep.
 *
 * Return: 0 or a negative errno.
 */
int bm_vectors_request(struct bm_dev *bm)
{
	unsigned int i;
	int err;

	err = bm_vector_request_event(bm);
	if (err) {
		dev_err(&bm->dev, "no vector for events: %d\n", err);
		return err;
	}
	err = bm_vectors_request_queues(bm);
	if (err) {
		dev_err(&bm->dev, "no vector for a queue: %d\n", err);
		goto free_event;
	}
	err = bm_vectors_spread(bm);
	if (err)
		goto free_queues;
	bm_vector_place(&bm->event, cpu_possible_mask);
	for (i = 0; i < bm_vector_queues(bm); i++) {
		irq_update_affinity_hint(bm->queues[i].vector.irq, &bm->queues[i].cpus);
		bm_vector_place(&bm->queues[i].vector, &bm->queues[i].cpus);
	}
	for (i = 0; i <= bm_vector_queues(bm); i++)
		bm_vector_listen(bm_vector(bm, i));
	err = cpuhp_state_add_instance_nocalls(bm_cpuhp_dead, &bm->cpuhp_dead);
	if (err)
		goto free_queues;
	err = cpuhp_state_add_instance_nocalls(bm_cpuhp_online, &bm->cpuhp_online);
	if (err)
		goto remove_dead;
	return 0;

remove_dead:
	cpuhp_state_remove_instance_nocalls(bm_cpuhp_dead, &bm->cpuhp_dead);
free_queues:
	for (i = 0; i < bm_vector_queues(bm); i++)
		bm_vector_release(&bm->queues[i]);
free_event:
	bm_vector_release_event(bm);
	return err;
}

/**
 * bm_vectors_release() - undo bm_vectors_request()
 * @bm: device whose vectors are disabled
 *
 * May sleep.
 */
void bm_vectors_release(struct bm_dev *bm)
{
	unsigned int i;

	cpuhp_state_remove_instance_nocalls(bm_cpuhp_online, &bm->cpuhp_online);
	cpuhp_state_remove_instance_nocalls(bm_cpuhp_dead, &bm->cpuhp_dead);
	for (i = 0; i < bm_vector_queues(bm); i++)
		bm_vector_release(&bm->queues[i]);
	bm_vector_release_event(bm);
}

/* Ours or the kernel's, when it finds that nobody cares for its interrupts. */
static bool bm_vector_disabled(const struct bm_vector *vector)
{
	return irqd_irq_disabled(irq_get_irq_data(vector->irq));
}

/**
 * bm_vectors_enable() - from here on the device may interrupt
 * @bm: device whose vectors are requested and disabled
 *
 * One that the kernel has disabled meanwhile is enabled, too. Asks nobody for anything.
 */
void bm_vectors_enable(struct bm_dev *bm)
{
	unsigned int i;

	for (i = 0; i <= bm_vector_queues(bm); i++) {
		struct bm_vector *vector = bm_vector(bm, i);

		enable_irq(vector->irq);
		if (bm_vector_disabled(vector))
			enable_irq(vector->irq);
	}
}

/**
 * bm_vectors_disable() - undo bm_vectors_enable()
 * @bm: device
 *
 * No handler runs any more. May sleep.
 */
void bm_vectors_disable(struct bm_dev *bm)
{
	int i;

	for (i = bm_vector_queues(bm); i >= 0; i--)
		disable_irq(bm_vector(bm, i)->irq);
}

/**
 * bm_vectors_deaf() - has the kernel disabled a running queue's vector?
 * @q: queue
 *
 * It does that to one whose handler says again and again that the interrupt was not its
 * own. Any context.
 */
bool bm_vectors_deaf(const struct bm_queue *q)
{
	return !q->polled && READ_ONCE(q->running) && bm_vector_disabled(&q->vector);
}

/*
 * When its last CPU goes, the kernel puts it wherever there is one. Where it was cannot be asked
 * for then: to go back may take until the next interrupt. So we know its home. Of that move older
 * kernels tell nobody, and newer ones tell us as if somebody had chosen: so we hear of all that
 * concerns it before the kernel does that, and of nothing until it is done.
 */
static void bm_vector_leave(struct bm_vector *vector)
{
	flush_work(&vector->moved.work);
	WRITE_ONCE(vector->expelled, true);
}

static void bm_vector_left(struct bm_vector *vector)
{
	flush_work(&vector->moved.work);
	WRITE_ONCE(vector->expelled, false);
}

/* Back to where it belongs. */
static void bm_vector_return(struct bm_vector *vector, unsigned int cpu)
{
	bm_vector_left(vector); /* where the CPU could not go, nobody has said so */
	if (cpumask_test_cpu(cpu, &vector->home))
		irq_set_affinity(vector->irq, &vector->home);
	flush_work(&vector->moved.work);
}

static int bm_vectors_cpu_online(unsigned int cpu, struct hlist_node *node)
{
	struct bm_dev *bm = hlist_entry(node, struct bm_dev, cpuhp_online);
	unsigned int i;

	for (i = 0; i <= bm_vector_queues(bm); i++)
		bm_vector_return(bm_vector(bm, i), cpu);
	return 0;
}

static int bm_vectors_cpu_offline(unsigned int cpu, struct hlist_node *node)
{
	struct bm_dev *bm = hlist_entry(node, struct bm_dev, cpuhp_online);
	unsigned int i;

	for (i = 0; i <= bm_vector_queues(bm); i++)
		bm_vector_leave(bm_vector(bm, i));
	return 0;
}

/* On another CPU, when the kernel has moved all that had to move */
static int bm_vectors_cpu_dead(unsigned int cpu, struct hlist_node *node)
{
	struct bm_dev *bm = hlist_entry(node, struct bm_dev, cpuhp_dead);
	unsigned int i;

	for (i = 0; i <= bm_vector_queues(bm); i++)
		bm_vector_left(bm_vector(bm, i));
	return 0;
}

/**
 * bm_vectors_init() - for the module: hear of CPUs that come and go
 *
 * Return: 0 or a negative errno.
 */
int bm_vectors_init(void)
{
	int state = cpuhp_setup_state_multi(CPUHP_BP_PREPARE_DYN, BM_NAME ":dead", NULL,
					    bm_vectors_cpu_dead);

	if (state < 0)
		return state;
	bm_cpuhp_dead = state;
	state = cpuhp_setup_state_multi(CPUHP_AP_ONLINE_DYN, BM_NAME ":online",
					bm_vectors_cpu_online, bm_vectors_cpu_offline);
	if (state < 0) {
		cpuhp_remove_multi_state(bm_cpuhp_dead);
		return state;
	}
	bm_cpuhp_online = state;
	return 0;
}

/**
 * bm_vectors_exit() - undo bm_vectors_init()
 */
void bm_vectors_exit(void)
{
	cpuhp_remove_multi_state(bm_cpuhp_online);
	cpuhp_remove_multi_state(bm_cpuhp_dead);
}
