/* SPDX-License-Identifier: MIT */
/*
 * Model test of the buddy system: random takes and gives of all orders and types, each compared
 * with an allocator so naive that it cannot be wrong: a bitmap of free frames per pageblock type,
 * from which the blocks that must be on the lists follow by definition.
 *
 * The model does not choose blocks; it follows the choice of the buddy and says what must be free
 * afterwards.  With one type in the zone the free blocks are fully determined by the bitmap: the
 * maximal aligned free blocks.  KMEMLAB_SEED replays a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mm/page/buddy.h"
#include "mm/page/pageblock.h"
#include "runtime/lib/rand.h"
#include "tests/support/page_machine.h"

#define MODEL_PFNS	16384
#define MAX_BLOCKS	4096
#define OPERATIONS	20000

static bool is_free[MODEL_PFNS];
static struct zone *zone;
static struct rand_state rnd;
static u64 seed;

static struct { unsigned long pfn; unsigned int order; } blocks[MAX_BLOCKS];
static unsigned int nr_blocks;

static u64 read_seed(void)
{
	const char *text = getenv("KMEMLAB_SEED");

	return text ? strtoull(text, NULL, 0) : 20261123;
}

/* Which frames are free, by the lists of the freshly booted zone. */
static void model_init(void)
{
	memset(is_free, 0, sizeof(is_free));
	for (unsigned long pfn = zone->zone_start_pfn; pfn < zone_end_pfn(zone); pfn++) {
		struct page *page = pfn_to_page(pfn);

		assert_true(pfn < MODEL_PFNS);
		if (page_test_flags(page, PG_buddy))
			for (unsigned long i = 0; i < 1UL << page->order; i++)
				is_free[pfn + i] = true;
	}
	nr_blocks = 0;
	rand_init(&rnd, seed, 1);
}

static void model_set(unsigned long pfn, unsigned int order, bool free)
{
	for (unsigned long i = pfn; i < pfn + (1UL << order); i++) {
		/* A frame handed out twice, or freed twice, ends here. */
		assert_int_not_equal(is_free[i], free);
		is_free[i] = free;
	}
}

static bool all_free(unsigned long pfn, unsigned int order)
{
	for (unsigned long i = pfn; i < pfn + (1UL << order); i++)
		if (i >= MODEL_PFNS || !is_free[i])
			return false;
	return true;
}

/* Order of the maximal free block that @pfn is in: what merging must have made of it. */
static unsigned int model_order(unsigned long pfn)
{
	unsigned int order = 0;

	while (order < MAX_PAGE_ORDER && all_free(pfn & ~((2UL << order) - 1), order + 1))
		order++;
	return order;
}

/* Free blocks of each order as the definition says; with one type only. */
static void compare_counts(void)
{
	unsigned long counts[NR_PAGE_ORDERS] = { 0 };

	for (unsigned long pfn = zone->zone_start_pfn; pfn < zone_end_pfn(zone);) {
		unsigned int order;

		if (!is_free[pfn]) {
			pfn++;
			continue;
		}
		order = model_order(pfn);
		counts[order]++;
		pfn += 1UL << order;
	}
	for (unsigned int order = 0; order < NR_PAGE_ORDERS; order++)
		if (counts[order] != zone->free_area[order].nr_free)
			fail_msg("seed %llu: order %u: model %lu, buddy %lu",
				 (unsigned long long)seed, order, counts[order],
				 zone->free_area[order].nr_free);
}

static void model_check(bool one_type)
{
	unsigned long free_pages = 0;
	struct page_check_result result = zone_check(zone);

	if (!result.ok)
		fail_msg("seed %llu: %s", (unsigned long long)seed, result.text);
	for (unsigned long pfn = 0; pfn < MODEL_PFNS; pfn++)
		free_pages += is_free[pfn];
	assert_int_equal(free_pages, zone_page_state_snapshot(zone, NR_FREE_PAGES));
	if (one_type)
		compare_counts();
}

static unsigned int random_order(void)
{
	/* Small orders more often, every order sometimes. */
	return min(rand_below(&rnd, NR_PAGE_ORDERS), rand_below(&rnd, NR_PAGE_ORDERS));
}

static bool model_has(unsigned int order)
{
	for (unsigned long pfn = 0; pfn + (1UL << order) <= MODEL_PFNS; pfn += 1UL << order)
		if (all_free(pfn, order))
			return true;
	return false;
}

static void add_block(struct page *page, unsigned int order)
{
	model_set(page_to_pfn(page), order, false);
	page->order = (u8)order;
	page->flags = PG_allocated;
	blocks[nr_blocks].pfn = page_to_pfn(page);
	blocks[nr_blocks++].order = order;
}

static void take(unsigned int order, unsigned int mt)
{
	struct rmqueue rq = { .order = order, .mt = mt };
	struct page *page;

	spin_lock(&zone->lock);
	page = __rmqueue(zone, &rq);
	rmqueue_account(zone, &rq);
	spin_unlock(&zone->lock);
	/* Fallback reaches every type, so NULL means that no block of this order is free. */
	if (!page) {
		assert_false(model_has(order));
		return;
	}
	add_block(page, order);
}

static void take_bulk(unsigned int order, unsigned int mt)
{
	struct rmqueue rq = { .order = order, .mt = mt };
	unsigned int want = 1 + rand_below(&rnd, 70), got;
	struct list_head list;

	INIT_LIST_HEAD(&list);
	spin_lock(&zone->lock);
	got = __rmqueue_bulk(zone, &rq, min(want, MAX_BLOCKS - nr_blocks), &list);
	rmqueue_account(zone, &rq);
	spin_unlock(&zone->lock);
	for (unsigned int i = 0; i < got; i++) {
		struct page *page = list_first_entry(&list, struct page, lru);

		assert_int_equal(page->state, PG_pcp);
		assert_int_equal(page->order, order);
		list_del(&page->lru);
		add_block(page, order);
	}
	assert_true(list_empty(&list));
}

static void give(void)
{
	unsigned int i = rand_below(&rnd, nr_blocks);
	struct page *page = pfn_to_page(blocks[i].pfn);

	page->flags = 0;
	free_one_page(zone, page, blocks[i].order, rand_one_in(&rnd, 4) ? FPI_TO_TAIL : FPI_NONE);
	model_set(blocks[i].pfn, blocks[i].order, true);
	blocks[i] = blocks[--nr_blocks];
}

static void step(unsigned int types, unsigned int i)
{
	/* The zone fills up and runs empty in turns. */
	u32 give_percent = i / 1000 % 2 ? 65 : 25;
	unsigned int mt = types == 1 ? MIGRATE_MOVABLE : rand_below(&rnd, types);

	if (nr_blocks && (nr_blocks == MAX_BLOCKS || rand_below(&rnd, 100) < give_percent))
		give();
	else if (rand_one_in(&rnd, 8))
		take_bulk(rand_below(&rnd, 4), mt);
	else
		take(random_order(), mt);
}

static void run(unsigned int types, unsigned int operations)
{
	printf("seed %llu, %u types\n", (unsigned long long)seed, types);
	model_init();
	for (unsigned int i = 0; i < operations; i++) {
		step(types, i);
		/* The counters each time; the walk over all lists now and then. */
		if (types == 1 && i < 2000)
			compare_counts();
		if (i % 256 == 0)
			model_check(types == 1);
	}
	while (nr_blocks)
		give();
	model_check(types == 1);
}

static int setup(void **state)
{
	int err = page_machine_setup(state);

	zone = zone_of(ZONE_DMA32);
	return err;
}

static void test_one_type_equals_the_definition(void **state)
{
	(void)state;
	seed = read_seed();
	run(1, OPERATIONS);
}

static void test_all_types_keep_every_frame(void **state)
{
	(void)state;
	seed = read_seed();
	run(MIGRATE_PCPTYPES, OPERATIONS);
}

static void test_many_short_runs(void **state)
{
	u64 first = read_seed() * 1000;

	(void)state;
	for (seed = first; seed < first + 20; seed++)
		run(MIGRATE_PCPTYPES, 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_type_equals_the_definition, setup,
						page_machine_teardown),
		cmocka_unit_test_setup_teardown(test_all_types_keep_every_frame, setup,
						page_machine_teardown),
		cmocka_unit_test_setup_teardown(test_many_short_runs, setup,
						page_machine_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
