/* SPDX-License-Identifier: MIT */
/* Scenario: blocks of all types and large orders, and pageblocks isolated and given back. */
#include "mm/page/pageblock.h"
#include "mm/page/pcp.h"
#include "stress/explore/scenarios/page_load.h"

static void setup(unsigned int nr_cpus)
{
	(void)nr_cpus;
	page_load_setup();
}

/* The pageblocks of the second zone, one for each CPU, so that isolations do not collide. */
static struct page *own_pageblock(const struct scenario_cpu *c)
{
	return pfn_to_page((16UL << 20 >> PAGE_SHIFT) + (c->id + 1) * pageblock_nr_pages);
}

static void isolate(struct scenario_cpu *c)
{
	struct page *page = own_pageblock(c);

	if (set_migratetype_isolate(page))
		return;
	page_load_alloc(c, page_load_gfp(c), 0);
	page_load_free(c);
	unset_migratetype_isolate(page, MIGRATE_MOVABLE);
}

static void run(struct scenario_cpu *c)
{
	for (c->op = 1; c->op <= c->ops; c->op++) {
		u32 dice = rand_below(&c->rng, 16);

		if (dice == 0)
			isolate(c);
		else if (dice < 6)
			page_load_alloc(c, page_load_gfp(c), rand_below(&c->rng, 10));
		else if (dice < 10)
			page_load_alloc(c, page_load_gfp(c), 0);
		else
			page_load_free(c);
	}
	page_load_free_all(c);
}

static const struct scenario scenario = {
	.name = "pages-steal",
	.doc = "pageblock claims, steals, isolation: a cached type used after the block changed",
	.cpus = 3, .ops = 99, .pages = true,
	.setup = setup, .run = run, .irq = page_load_irq,
};

EXPLORE_SCENARIO(scenario);
