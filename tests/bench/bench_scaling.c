/* SPDX-License-Identifier: MIT */
/*
 * How order-0 allocation scales: one CPU, two CPUs on two host cores, and 64 CPUs on the same host.
 *
 *	bench_scaling [rounds [milliseconds]]
 *
 * Each round boots a machine of 1, 2 and 64 CPUs in turn, so that drift of the host hits all alike,
 * and lets every CPU run alloc_page + __free_page pairs for the given time.  Two virtual cores may
 * be two threads of one real core: the same rounds therefore time a loop that shares nothing, and
 * its ratio is the ceiling that the host sets.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "mm/machine.h"
#include "mm/page/page_alloc.h"
#include "runtime/rcu.h"
#include "tests/bench/bench.h"

#define BURST	256		/* pairs between two looks at the clock's flag */

static const unsigned int cpu_counts[] = { 1, 2, 64 };

static u64 done[NR_CPUS][CACHE_LINE / sizeof(u64)];	/* pairs, one line per CPU */
static bool stop;

static void pairs(void *arg)
{
	u64 nr = 0;

	(void)arg;
	while (!READ_ONCE(stop)) {
		for (int i = 0; i < BURST; i++) {
			struct page *page = alloc_page(GFP_KERNEL);

			__free_page(page);
		}
		nr += BURST;
		rcu_quiescent();
	}
	done[smp_processor_id()][0] = nr;
}

/* The control: as many loads, stores and dependent steps as a pair has, on the CPU's own line. */
static void private_loop(void *arg)
{
	u64 (*line)[CACHE_LINE / sizeof(u64)] = &done[smp_processor_id()];
	u64 nr = 0;

	(void)arg;
	while (!READ_ONCE(stop)) {
		for (int i = 0; i < BURST; i++)
			for (unsigned int k = 1; k < 8; k++)
				WRITE_ONCE((*line)[k], READ_ONCE((*line)[k]) + k);
		nr += BURST;
		rcu_quiescent();
	}
	(*line)[0] = nr;
}

/* Rounds of fn() per second, all CPUs together. */
static double rate(unsigned int nr_cpus, unsigned int ms, void (*fn)(void *arg))
{
	const struct kmemlab_options opt = {
		.cpu = { .nr_cpus = nr_cpus, .seed = 1 }, .mm = { .mem_bytes = 4ULL << 30 },
	};
	struct timespec span = { ms / 1000, (long)(ms % 1000) * 1000000 };
	struct mm_error err;
	u64 start, total = 0;
	double seconds;

	if (kmemlab_boot(&opt, &err)) {
		fprintf(stderr, "bench_scaling: %s\n", err.text);
		exit(2);
	}
	WRITE_ONCE(stop, false);
	start = clock_ns();
	cpu_start_all(fn, NULL);
	nanosleep(&span, NULL);
	WRITE_ONCE(stop, true);
	cpu_wait_all();
	seconds = (double)(clock_ns() - start) / 1e9;
	for (unsigned int i = 0; i < nr_cpus; i++)
		total += done[i][0];
	kmemlab_shutdown();
	return (double)total / seconds;
}

static void print_ratio(const char *what, struct bench_series *s)
{
	printf("  %-13s median %.2f x   min %.2f   max %.2f\n", what, bench_median(s),
	       bench_min(s), bench_max(s));
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : 7;
	unsigned int ms = argc > 2 ? (unsigned int)atoi(argv[2]) : 500;
	struct bench_series rates[ARRAY_SIZE(cpu_counts)] = { 0 };
	struct bench_series two_to_one = { 0 }, many_to_two = { 0 }, ceiling = { 0 };

	for (unsigned int r = 0; r < rounds; r++) {
		double now[ARRAY_SIZE(cpu_counts)];

		for (size_t i = 0; i < ARRAY_SIZE(cpu_counts); i++) {
			now[i] = rate(cpu_counts[i], ms, pairs);
			bench_add(&rates[i], now[i]);
		}
		bench_add(&two_to_one, now[1] / now[0]);
		bench_add(&many_to_two, now[2] / now[1]);
		bench_add(&ceiling,
			  rate(2, ms, private_loop) / rate(1, ms, private_loop));
	}
	printf("order-0 pairs (alloc_page + __free_page), %u rounds of %u ms\n", rounds, ms);
	for (size_t i = 0; i < ARRAY_SIZE(cpu_counts); i++)
		printf("  %2u CPUs  median %7.1f M pairs/s  max %7.1f  (%.1f ns a pair and CPU)\n",
		       cpu_counts[i], bench_median(&rates[i]) / 1e6, bench_max(&rates[i]) / 1e6,
		       1e9 * min(cpu_counts[i], 2u) / bench_median(&rates[i]));
	print_ratio("2 to 1 CPU", &two_to_one);
	print_ratio("64 to 2 CPUs", &many_to_two);
	print_ratio("host ceiling", &ceiling);
	return 0;
}
