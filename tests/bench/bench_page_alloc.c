/* SPDX-License-Identifier: MIT */
/*
 * Cost of the page allocator on one CPU: the hit pair, and a page's way through the buddy.
 *
 *	bench_page_alloc [rounds]
 *
 * Every figure is taken in many short rounds, the cases in turn, so that drift of the host hits all
 * alike; the minimum is what the code costs, the median what it costs on this host right now.
 */
#include <stdio.h>
#include <stdlib.h>

#include "mm/machine.h"
#include "mm/page/page_alloc.h"
#include "mm/page/page_check.h"
#include "mm/page/pcp.h"
#include "tests/bench/bench.h"

#define BURST		4096		/* pages allocated before the first is freed */
#define BULK		32
#define PAIRS		20000		/* operations of one round: below a millisecond */

enum { PAIR, PAIR_ORDER1, BULK_PAGE, BURST_AUTO, BURST_FIXED, NR_CASES };

static const char *const names[NR_CASES] = {
	[PAIR] = "hit pair, order 0",
	[PAIR_ORDER1] = "hit pair, order 1",
	[BULK_PAGE] = "bulk of 32, per page",
	[BURST_AUTO] = "burst of 4096, linux-6.18, per page",
	[BURST_FIXED] = "burst of 4096, fixed, per page",
};

static struct bench_series series[NR_CASES];
static unsigned int rounds;

static double per_op(u64 start, u64 nr)
{
	return (double)(clock_ns() - start) / (double)nr;
}

static double pairs(unsigned int order)
{
	u64 start = clock_ns();

	for (unsigned int i = 0; i < PAIRS; i++) {
		struct page *page = alloc_pages(GFP_KERNEL, order);

		__free_pages(page, order);
	}
	return per_op(start, PAIRS);
}

/* With lists of fixed size every page of a burst goes through the buddy both ways. */
static double burst(void)
{
	static struct page *pages[BURST];
	u64 start = clock_ns();

	for (unsigned int j = 0; j < BURST; j++)
		pages[j] = alloc_page(GFP_KERNEL);
	for (unsigned int j = 0; j < BURST; j++)
		__free_page(pages[j]);
	return per_op(start, BURST);
}

static double bulk(void)
{
	u64 start = clock_ns();

	for (unsigned int i = 0; i < PAIRS / BULK; i++) {
		struct page *pages[BULK] = { NULL };

		if (alloc_pages_bulk(GFP_KERNEL, BULK, pages) != BULK)
			abort();
		for (unsigned int j = 0; j < BULK; j++)
			__free_page(pages[j]);
	}
	return per_op(start, PAIRS / BULK * BULK);
}

static void fix_lists(void)
{
	if (pcp_set_policy(NULL, "fixed") || pcp_set_tunable(NULL, "high_min", 63 * 4) ||
	    pcp_set_tunable(NULL, "high_max", 63 * 4))
		abort();
}

static void bench_on_cpu(void *arg)
{
	(void)arg;
	for (unsigned int r = 0; r < rounds; r++) {
		bench_add(&series[PAIR], pairs(0));
		bench_add(&series[PAIR_ORDER1], pairs(1));
		bench_add(&series[BULK_PAGE], bulk());
		bench_add(&series[BURST_AUTO], burst());
	}
	fix_lists();
	for (unsigned int r = 0; r < rounds; r++)
		bench_add(&series[BURST_FIXED], burst());
}

int main(int argc, char **argv)
{
	const struct kmemlab_options opt = {
		.cpu = { .nr_cpus = 1, .seed = 1 }, .mm = { .mem_bytes = 1ULL << 30 },
	};
	struct page_check_result check;
	struct mm_error err;

	rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : BENCH_MAX_ROUNDS;
	if (kmemlab_boot(&opt, &err)) {
		fprintf(stderr, "bench_page_alloc: %s\n", err.text);
		return 2;
	}
	cpu_run(0, bench_on_cpu, NULL);
	check = page_alloc_check(false, 0);
	printf("%-38s %8s %8s   ns, %u rounds, lock_stat default\n", "", "min", "median", rounds);
	for (int i = 0; i < NR_CASES; i++)
		printf("%-38s %8.1f %8.1f\n", names[i], bench_min(&series[i]),
		       bench_median(&series[i]));
	printf("check: %s\n", check.ok ? "ok" : check.text);
	kmemlab_shutdown();
	return check.ok ? 0 : 1;
}
