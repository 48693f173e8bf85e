/* SPDX-License-Identifier: MIT */
/*
 * A program of somebody else: a machine of four CPUs, a per-CPU counter, pages and a slab cache,
 * built against an installed kmemlab.  Prints what it counted; exit status 0 when all of it came
 * back.
 */
#include <stdio.h>
#include <stdlib.h>

#include "mm/machine.h"
#include "mm/page/page_alloc.h"
#include "mm/slab/slab.h"
#include "percpu/percpu.h"

#define ROUNDS	1000

struct packet {
	unsigned long from, payload[6];
};

/* Task context of its CPU. */
static DEFINE_PER_CPU(unsigned long, nr_rounds);

static struct kmem_cache *packets;
static unsigned long nr_failed[NR_CPUS];	/* one writer each */

static void work(void *arg)
{
	unsigned int cpu = smp_processor_id();

	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		struct page *page = alloc_pages(GFP_KERNEL, (unsigned int)i % 4);
		struct packet *packet = kmem_cache_alloc(packets, GFP_KERNEL);

		if (!page || !packet)
			nr_failed[cpu]++;
		if (packet) {
			packet->from = cpu;
			kmem_cache_free(packets, packet);
		}
		if (page)
			__free_pages(page, (unsigned int)i % 4);
		this_cpu_inc(nr_rounds);
	}
}

static void create(void *arg)
{
	(void)arg;
	packets = kmem_cache_create("packet", sizeof(struct packet), 0, 0, NULL);
}

static void destroy(void *arg)
{
	*(int *)arg = kmem_cache_destroy(packets);
}

int main(void)
{
	const struct slab_options slab = { .policy = NULL };
	const struct kmemlab_options options = {
		.cpu = { .nr_cpus = 4, .seed = 1 },
		.mm = { .mem_bytes = 64 << 20, .nr_nodes = 1 },
		.slab = &slab,
	};
	unsigned long rounds = 0, failed = 0;
	unsigned int cpu;
	struct mm_error err;
	int left = 0;

	if (kmemlab_boot(&options, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return EXIT_FAILURE;
	}
	cpu_run(0, create, NULL);
	if (!packets)
		return EXIT_FAILURE;
	cpu_run_all(work, NULL);
	for_each_possible_cpu(cpu) {
		rounds += per_cpu(nr_rounds, cpu);
		failed += nr_failed[cpu];
	}
	cpu_run(0, destroy, &left);
	kmemlab_shutdown();
	printf("%lu rounds, %lu failed, cache %s\n", rounds, failed, left ? "busy" : "gone");
	return rounds == 4 * ROUNDS && !failed && !left ? EXIT_SUCCESS : EXIT_FAILURE;
}
