/* SPDX-License-Identifier: MIT */
/* The harness's device: an interrupt handler and a softirq that allocate and free. */
#include "stress/harness/device.h"

#include <errno.h>

#include "mm/page/page_alloc.h"
#include "runtime/hostmem.h"
#include "stress/harness/oracle.h"

/* Buffers of one CPU's ring; a burst of received packets. */
#define RING_SLOTS	32
/* Most buffers that one interrupt takes. */
#define BUDGET		4u

/* Touched with interrupts masked only: by the handler, and by the softirq and the task so. */
struct ring {
	struct rand_state rng;
	struct {
		struct page *page;
		oracle_ticket_t ticket;
		unsigned int order;
	} slot[RING_SLOTS];
	unsigned int used;
	struct device_stats stats;
} __cacheline_aligned;

static struct ring *rings;		/* [nr_cpu_ids] */
static unsigned int order_max;

static void ring_free_one(struct ring *ring)
{
	unsigned int i = rand_below(&ring->rng, ring->used);
	struct page *page = ring->slot[i].page;
	unsigned int order = ring->slot[i].order;

	oracle_free(page, order, ring->slot[i].ticket, ring->stats.interrupts);
	ring->slot[i] = ring->slot[--ring->used];
	ring->stats.frees++;
	__free_pages(page, order);
}

static void ring_fill_one(struct ring *ring)
{
	const gfp_t gfp = GFP_ATOMIC | __GFP_NOWARN;
	unsigned int order = rand_one_in(&ring->rng, 16) ? order_max : 0;
	struct page *page = alloc_pages(gfp, order);

	if (!page) {
		ring->stats.failed++;
		return;
	}
	ring->stats.allocs++;
	ring->slot[ring->used].page = page;
	ring->slot[ring->used].order = order;
	ring->slot[ring->used].ticket = oracle_alloc(page, gfp, order, ring->stats.interrupts);
	ring->used++;
}

static void device_handler(unsigned int vec, void *arg)
{
	struct ring *ring = &rings[smp_processor_id()];
	unsigned int budget = 1 + rand_below(&ring->rng, BUDGET);

	(void)vec;
	(void)arg;
	ring->stats.interrupts++;
	while (budget-- && ring->used < RING_SLOTS)
		ring_fill_one(ring);
	if (ring->used > RING_SLOTS / 2 || rand_one_in(&ring->rng, 2))
		raise_softirq(SOFTIRQ_NET);
	else if (ring->used)
		ring_free_one(ring);
}

/* The bottom half: interrupts are on but for each look at the ring. */
static void device_softirq(void)
{
	struct ring *ring = &rings[smp_processor_id()];
	unsigned long flags;

	local_irq_save(flags);
	ring->stats.softirqs++;
	local_irq_restore(flags);
	for (unsigned int budget = 2 * BUDGET; budget; budget--) {
		local_irq_save(flags);
		if (ring->used)
			ring_free_one(ring);
		local_irq_restore(flags);
	}
}

int device_start(u64 seed, unsigned int max_order)
{
	int err;

	order_max = max_order;
	rings = hostmem_alloc(nr_cpu_ids * sizeof(*rings));
	if (!rings)
		return -ENOMEM;
	/* Streams beyond those of the CPUs. */
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++)
		rand_init(&rings[cpu].rng, seed, NR_CPUS + cpu);
	open_softirq(SOFTIRQ_NET, "net", device_softirq);
	err = irq_vector_register(DEVICE_VECTOR, "stress-device", device_handler, NULL);
	if (err) {
		hostmem_free(rings, nr_cpu_ids * sizeof(*rings));
		rings = NULL;
	}
	return err;
}

void device_interrupt(unsigned int cpu)
{
	irq_raise(&cpus[cpu], DEVICE_VECTOR);
}

void device_finish(void)
{
	struct ring *ring = rings ? &rings[smp_processor_id()] : NULL;
	unsigned long flags;

	if (!ring)
		return;
	local_irq_save(flags);
	while (ring->used)
		ring_free_one(ring);
	local_irq_restore(flags);
}

void device_stop(void)
{
	if (!rings)
		return;
	irq_vector_unregister(DEVICE_VECTOR);
	hostmem_free(rings, nr_cpu_ids * sizeof(*rings));
	rings = NULL;
}

void device_get_stats(struct device_stats *sum)
{
	*sum = (struct device_stats){ 0 };
	for (unsigned int cpu = 0; rings && cpu < nr_cpu_ids; cpu++) {
		const struct device_stats *s = &rings[cpu].stats;

		sum->interrupts += s->interrupts;
		sum->softirqs += s->softirqs;
		sum->allocs += s->allocs;
		sum->frees += s->frees;
		sum->failed += s->failed;
	}
}
