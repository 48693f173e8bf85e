/* SPDX-License-Identifier: MIT */
/*
 * Cost of the page allocator on one CPU: the hit pair, and a page's way through the buddy.
 *
 *	bench_page_alloc [rounds]
 */
#include <stdio.h>
#include <stdlib.h>

#include "mm/machine.h"
#include "mm/page/page_alloc.h"
#include "mm/page/page_check.h"
#include "mm/page/pcp.h"

#define BATCH	4096

struct bench {
	unsigned int rounds;
	double pair_ns, pair_order1_ns, burst_ns, bulk_ns, buddy_ns;
};

static double per_op(u64 start, u64 nr)
{
	return (double)(clock_ns() - start) / (double)nr;
}

static double bench_pair(unsigned int rounds, unsigned int order)
{
	u64 start = clock_ns();

	for (unsigned int i = 0; i < rounds; i++) {
		struct page *page = alloc_pages(GFP_KERNEL, order);

		__free_pages(page, order);
	}
	return per_op(start, rounds);
}

/* Allocates and frees bursts: with lists of fixed size every page goes through the buddy. */
static double bench_burst(unsigned int rounds)
{
	static struct page *pages[BATCH];
	u64 start = clock_ns();

	for (unsigned int i = 0; i < rounds; i++) {
		for (unsigned int j = 0; j < BATCH; j++)
			pages[j] = alloc_page(GFP_KERNEL);
		for (unsigned int j = 0; j < BATCH; j++)
			__free_page(pages[j]);
	}
	return per_op(start, (u64)rounds * BATCH);
}

static double bench_bulk(unsigned int rounds)
{
	struct page *pages[32];
	u64 start = clock_ns();

	for (unsigned int i = 0; i < rounds; i++) {
		for (unsigned int j = 0; j < 32; j++)
			pages[j] = NULL;
		if (alloc_pages_bulk(GFP_KERNEL, 32, pages) != 32)
			abort();
		for (unsigned int j = 0; j < 32; j++)
			__free_page(pages[j]);
	}
	return per_op(start, (u64)rounds * 32);
}

static void bench_on_cpu(void *arg)
{
	struct bench *b = arg;

	bench_pair(b->rounds / 10, 0);
	b->pair_ns = bench_pair(b->rounds, 0);
	b->pair_order1_ns = bench_pair(b->rounds, 1);
	b->bulk_ns = bench_bulk(b->rounds / 32);
	bench_burst(10);
	b->burst_ns = bench_burst(b->rounds / BATCH);
	if (pcp_set_policy(NULL, "fixed") || pcp_set_tunable(NULL, "high_min", 63 * 4) ||
	    pcp_set_tunable(NULL, "high_max", 63 * 4))
		abort();
	bench_burst(10);
	b->buddy_ns = bench_burst(b->rounds / BATCH);
}

int main(int argc, char **argv)
{
	struct bench b = { .rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : 4000000 };
	const struct kmemlab_options opt = {
		.cpu = { .nr_cpus = 1, .seed = 1 }, .mm = { .mem_bytes = 1ULL << 30 },
	};
	struct page_check_result check;
	struct mm_error err;

	if (kmemlab_boot(&opt, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	cpu_run(0, bench_on_cpu, &b);
	check = page_alloc_check(false, 0);
	printf("hit pair            %6.1f ns\n", b.pair_ns);
	printf("hit pair, order 1   %6.1f ns\n", b.pair_order1_ns);
	printf("bulk 32, per page   %6.1f ns\n", b.bulk_ns);
	printf("burst, 6.18 lists   %6.1f ns per page\n", b.burst_ns);
	printf("burst, fixed lists  %6.1f ns per page (all through the buddy)\n", b.buddy_ns);
	printf("check: %s\n", check.ok ? "ok" : check.text);
	kmemlab_shutdown();
	return check.ok ? 0 : 1;
}
