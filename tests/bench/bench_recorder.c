/* SPDX-License-Identifier: MIT */
/*
 * What the lock recorder costs stress-pages: runs with lockstat off and with its default setting in
 * turns, and the ratio of the pairs with its interval.  The aim is at most 3 %.
 *
 *   bench_recorder [ROUNDS [OPERATIONS]]     10 rounds of 4 million operations per CPU
 *
 * Two figures.  CPU time of one CPU's operations, without that of a run of next to none (boot,
 * checks, the recorder's test of itself): it hardly notices what else the host does.  And the
 * throughput of two CPUs by the clock, which does.  The load draws the same operations of a seed
 * either way.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "stress/workloads/pages_load.h"
#include "tests/bench/bench.h"

#define ROUNDS		10
#define OPERATIONS	4000000
#define FEW		1000

struct cost {
	double cpu_s;			/* CPU time of the process over the whole run */
	double ops_per_s;		/* by the clock, while stepping */
};

static double cpu_seconds(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
	       (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
}

static struct cost run_once(const char *lockstat, unsigned int nr_cpus, u64 ops)
{
	struct stress_options opt;
	struct stress_run run = { .wl = &workload_pages, .opt = &opt, .program = "stress-pages" };
	double before = cpu_seconds();
	struct cost cost;
	struct mm_error err = { "it has findings, see above" };

	stress_options_default(&opt);
	opt.cpus = nr_cpus;
	opt.seconds = 0;
	opt.ops = ops;
	opt.slices = 0;
	opt.quiet = true;
	opt.lockstat = lockstat;
	if (stress_execute(&run, &err) || run.failures) {
		fprintf(stderr, "bench_recorder: the run failed: %s\n", err.text);
		exit(1);
	}
	cost = (struct cost){ cpu_seconds() - before, (double)run.ops.sum / run.elapsed };
	stress_run_free(&run);
	return cost;
}

/* The median, and the order statistics around it that hold it in 95 % of all series. */
static void print_series(const char *what, struct bench_series *s)
{
	/* The largest k with P(fewer than k of n fair coins show heads) <= 2.5 %. */
	double p = pow(0.5, s->nr), sum = 0;
	unsigned int k = 0;

	while (sum + p <= 0.025) {
		sum += p;
		k++;
		p = p * (s->nr - k + 1) / k;
	}
	printf("%-44s median %+5.1f %%", what, 100 * bench_median(s));
	if (k)
		printf("   95 %% interval [%+.1f, %+.1f] %%\n", 100 * s->value[k - 1],
		       100 * s->value[s->nr - k]);
	else
		puts("   too few rounds for an interval");
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : ROUNDS;
	u64 ops = argc > 2 ? (u64)atoll(argv[2]) : OPERATIONS;
	struct bench_series cpu = { .nr = 0 }, wall = { .nr = 0 }, rate = { .nr = 0 };

	for (unsigned int i = 0; i < min(rounds, (unsigned int)BENCH_MAX_ROUNDS); i++) {
		/* Who goes first changes, so that a drift of the host favours neither. */
		const char *first = i % 2 ? "default" : "off", *second = i % 2 ? "off" : "default";
		double base1 = run_once(first, 1, FEW).cpu_s;
		double one = run_once(first, 1, ops).cpu_s - base1;
		double base2 = run_once(second, 1, FEW).cpu_s;
		double two = run_once(second, 1, ops).cpu_s - base2;
		double wall1 = run_once(first, 2, ops).ops_per_s;
		double wall2 = run_once(second, 2, ops).ops_per_s;

		bench_add(&cpu, i % 2 ? one / two - 1 : two / one - 1);
		bench_add(&wall, i % 2 ? wall1 / wall2 - 1 : wall2 / wall1 - 1);
		bench_add(&rate, (double)ops / (i % 2 ? two : one) / 1e6);
	}
	printf("stress-pages, %llu operations per CPU, %u rounds, lockstat default against off\n",
	       (unsigned long long)ops, rounds);
	printf("off: %.2f M operations per second of CPU time (median)\n", bench_median(&rate));
	print_series("CPU time of 1 CPU", &cpu);
	print_series("throughput of 2 CPUs, by the clock", &wall);
	return 0;
}
