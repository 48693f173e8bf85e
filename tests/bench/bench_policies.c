/* SPDX-License-Identifier: MIT */
/*
 * The policies of the per-CPU layer under the same loads: time, lock acquisitions, what is
 * stranded.
 *
 *	bench_policies [ROUNDS]
 *
 * What.  One cache of 256-byte objects on two CPUs, reconfigured for each policy in turn; the
 * rounds of all policies are interleaved.
 *
 *	pair		alloc, free, on one CPU
 *	burst		1 000 allocs, then their frees, on one CPU
 *	prodcons	CPU 0 allocates, CPU 1 frees, by hundreds through a ring of 16 batches
 *
 * Printed are nanoseconds per operation (an alloc and a free; least of the rounds), acquisitions of
 * the depot's or barn's lock and of the node's list_lock per 1 000 operations (exact counts, median
 * of the rounds, without the first), and the objects that wait in CPUs and depots at the end.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mm/machine.h"
#include "runtime/irq.h"
#include "tests/bench/bench.h"

#define OBJECT_SIZE	256u
#define BURST		1000u
#define HUNDRED		100u
#define RING		16u
#define PAIRS		200000u
#define BURSTS		100u
#define BATCHES		2000u

enum load { PAIR, BURSTS_OF_1000, PRODCONS, NR_LOADS };

static const char *const load_names[] = { "pair", "burst", "prodcons" };
static const u64 load_ops[] = { PAIRS, BURST * BURSTS, HUNDRED * BATCHES };

static struct kmem_cache *s;
static void *objs[BURST];

static struct {
	u64 head __cacheline_aligned;	/* producer, release */
	u64 tail __cacheline_aligned;	/* consumer, release */
	void *batch[RING][HUNDRED] __cacheline_aligned;
} ring;

struct cell {
	struct bench_series ns, depot, list;
	u64 stranded;
};

static struct cell cells[NR_OBJCACHE_POLICIES][NR_LOADS];

static void *take(void)
{
	u64 *obj = kmem_cache_alloc(s, GFP_KERNEL);

	WRITE_ONCE(*obj, 1);
	return obj;
}

static void pair(void)
{
	for (unsigned int i = 0; i < PAIRS; i++)
		kmem_cache_free(s, take());
}

static void bursts(void)
{
	for (unsigned int n = 0; n < BURSTS; n++) {
		for (unsigned int i = 0; i < BURST; i++)
			objs[i] = take();
		for (unsigned int i = BURST; i-- > 0;)
			kmem_cache_free(s, objs[i]);
	}
}

/* On a host whose cores are busy the other side may not run at all. */
static void wait_a_little(unsigned int *spins)
{
	cpu_pause();
	if (++*spins % 1000 == 0)
		sched_yield();
}

static void produce(void)
{
	unsigned int spins = 0;

	for (u64 n = 0; n < BATCHES; n++) {
		while (n - smp_load_acquire(&ring.tail) == RING)
			wait_a_little(&spins);
		for (unsigned int i = 0; i < HUNDRED; i++)
			ring.batch[n % RING][i] = take();
		smp_store_release(&ring.head, n + 1);
	}
}

static void consume(void)
{
	unsigned int spins = 0;

	for (u64 n = 0; n < BATCHES; n++) {
		while (smp_load_acquire(&ring.head) == n)
			wait_a_little(&spins);
		for (unsigned int i = 0; i < HUNDRED; i++)
			kmem_cache_free(s, ring.batch[n % RING][i]);
		smp_store_release(&ring.tail, n + 1);
	}
}

static void run_load(void *arg)
{
	enum load load = *(enum load *)arg;

	if (load == PRODCONS)
		smp_processor_id() == 0 ? produce() : consume();
	else if (smp_processor_id() == 0)
		load == PAIR ? pair() : bursts();
}

static void reconfigure(void *arg)
{
	struct objcache_tunables tun;

	objcache_tunables_preset(&tun, *(enum objcache_policy *)arg);
	kmem_cache_configure(s, &tun);
	kmem_cache_shrink(s);
}

static void make_cache(void *arg)
{
	(void)arg;
	s = kmem_cache_create("bench", OBJECT_SIZE, 0, SLAB_PANIC, NULL);
}

/* Acquisitions of list_lock: one per import, and one per release of one node's objects. */
static u64 list_ops(const struct kmem_cache_stats *st)
{
	return st->cpu.stats.imports + st->cpu.stats.releases;
}

static void round_of(enum objcache_policy policy, enum load load, bool first)
{
	const double per = 1000.0 / (double)load_ops[load];
	struct cell *cell = &cells[policy][load];
	struct kmem_cache_stats before, after;
	u64 start;

	cpu_run(0, reconfigure, &policy);
	ring.head = ring.tail = 0;
	cpu_run_all(run_load, &load);		/* warm */
	kmem_cache_stats(s, &before);
	ring.head = ring.tail = 0;
	start = clock_ns();
	cpu_run_all(run_load, &load);
	start = clock_ns() - start;
	kmem_cache_stats(s, &after);
	bench_add(&cell->ns, (double)start / (double)load_ops[load]);
	cell->stranded = after.cpu.cpu_objects + after.cpu.depot_objects;
	if (first)
		return;
	bench_add(&cell->depot, (double)(after.cpu.depot_ops - before.cpu.depot_ops) * per);
	bench_add(&cell->list, (double)(list_ops(&after) - list_ops(&before)) * per);
}

static void print(void)
{
	for (unsigned int load = 0; load < NR_LOADS; load++) {
		printf("%-11s %8s %12s %12s %10s\n", load_names[load], "ns/op", "depot per 1k",
		       "list per 1k", "stranded");
		for (unsigned int p = 0; p < NR_OBJCACHE_POLICIES; p++) {
			struct cell *cell = &cells[p][load];

			printf("%-11s %8.1f %12.2f %12.2f %10llu\n",
			       objcache_policy_name((enum objcache_policy)p),
			       bench_min(&cell->ns), bench_median(&cell->depot),
			       bench_median(&cell->list), (unsigned long long)cell->stranded);
		}
	}
}

int main(int argc, char **argv)
{
	int nr_rounds = argc > 1 ? atoi(argv[1]) : 15;
	const struct slab_options slab = { .no_reap = true };
	struct kmemlab_options opt = {
		.cpu = { .nr_cpus = 2, .seed = 1 }, .mm = { .mem_bytes = 256ULL << 20 },
		.slab = &slab,
	};
	struct mm_error err = { "" };

	if (argc > 2 || nr_rounds < 2 || nr_rounds > BENCH_MAX_ROUNDS) {
		fprintf(stderr, "usage: bench_policies [ROUNDS (2..%d)]\n", BENCH_MAX_ROUNDS);
		return 2;
	}
	if (kmemlab_boot(&opt, &err)) {
		fprintf(stderr, "bench_policies: %s\n", err.text);
		return 1;
	}
	cpu_run(0, make_cache, NULL);
	for (int round = 0; round < nr_rounds; round++)
		for (unsigned int load = 0; load < NR_LOADS; load++)
			for (unsigned int p = 0; p < NR_OBJCACHE_POLICIES; p++)
				round_of((enum objcache_policy)p, (enum load)load, round == 0);
	print();
	return 0;
}
