/* SPDX-License-Identifier: MIT */
/*
 * The device of stress-slab: an interrupt handler that allocates with GFP_ATOMIC, frees, and sends
 * objects to other CPUs, from the caches that the tasks use.
 *
 * Invariants.  I1  A CPU's ring, stream and counters are touched by its handler only, and by its
 * task once no interrupt comes any more, masked.
 * Locking.  None.  Context.  Hardirq.  Failure.  A refused allocation is counted.
 */
#include "stress/workloads/slab_load.h"

#include <errno.h>

#include "runtime/hostmem.h"
#include "runtime/irq.h"

#define RING_SLOTS	64u
#define BUDGET		4u		/* things that one interrupt does at most */

struct slab_device {
	struct rand_state rng;
	struct slab_object ring[RING_SLOTS];
	unsigned int used;
	struct slab_device_stats stats;
} __cacheline_aligned;

static struct slab_device *devices;	/* [nr_cpu_ids] */
static struct stress_run *device_run;

static void fill_one(struct slab_device *dev)
{
	const gfp_t gfp = GFP_ATOMIC | __GFP_NOWARN;
	struct slab_object *o = &dev->ring[dev->used];

	if (rand_one_in(&dev->rng, 4)) {
		*o = (struct slab_object){ .size = 1 + rand_below(&dev->rng, 2048) };
		o->p = kmalloc(o->size, gfp);
	} else {
		(void)slab_cache_alloc(rand_below(&dev->rng, slab_nr_caches()), gfp, o);
	}
	if (!o->p) {
		dev->stats.refused++;
		return;
	}
	slab_oracle_alloc(o, dev->stats.interrupts);
	dev->stats.allocs++;
	dev->used++;
}

static void empty_one(struct slab_device *dev)
{
	unsigned int i = rand_below(&dev->rng, dev->used);
	struct slab_object o = dev->ring[i];

	dev->ring[i] = dev->ring[--dev->used];
	if (rand_one_in(&dev->rng, 4) &&
	    slab_send(device_run, rand_below(&dev->rng, device_run->opt->cpus), &o,
		      dev->stats.interrupts)) {
		dev->stats.sent++;
		return;
	}
	dev->stats.frees++;
	slab_free(&o, dev->stats.interrupts);
}

static void device_handler(unsigned int vec, void *arg)
{
	struct slab_device *dev = &devices[smp_processor_id()];
	unsigned int budget = 1 + rand_below(&dev->rng, BUDGET);

	(void)vec;
	(void)arg;
	dev->stats.interrupts++;
	while (budget--) {
		if (dev->used < RING_SLOTS && (!dev->used || rand_one_in(&dev->rng, 2)))
			fill_one(dev);
		else
			empty_one(dev);
	}
}

int slab_device_start(struct stress_run *run)
{
	int err;

	device_run = run;
	devices = hostmem_alloc(nr_cpu_ids * sizeof(*devices));
	if (!devices)
		return -ENOMEM;
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++)
		rand_init(&devices[cpu].rng, run->opt->seed, NR_CPUS + cpu);
	err = irq_vector_register(DEVICE_VECTOR, "stress-device", device_handler, NULL);
	if (err) {
		hostmem_free(devices, nr_cpu_ids * sizeof(*devices));
		devices = NULL;
	}
	return err;
}

void slab_device_finish(void)
{
	struct slab_device *dev = &devices[smp_processor_id()];
	unsigned long flags;

	local_irq_save(flags);
	while (dev->used) {
		dev->stats.frees++;
		slab_free(&dev->ring[--dev->used], dev->stats.interrupts);
	}
	local_irq_restore(flags);
}

void slab_device_stop(void)
{
	if (!devices)
		return;
	irq_vector_unregister(DEVICE_VECTOR);
	hostmem_free(devices, nr_cpu_ids * sizeof(*devices));
	devices = NULL;
}

void slab_device_stats(struct slab_device_stats *sum)
{
	*sum = (struct slab_device_stats){ 0 };
	for (unsigned int cpu = 0; devices && cpu < nr_cpu_ids; cpu++) {
		const struct slab_device_stats *s = &devices[cpu].stats;

		sum->interrupts += s->interrupts;
		sum->allocs += s->allocs;
		sum->frees += s->frees;
		sum->sent += s->sent;
		sum->refused += s->refused;
	}
}
