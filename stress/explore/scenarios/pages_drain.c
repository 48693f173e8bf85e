/* SPDX-License-Identifier: MIT */
/* Scenario: allocations and frees of mixed orders while any CPU may drain all page lists. */
#include "mm/page/pcp.h"
#include "stress/explore/scenarios/page_load.h"

static void setup(unsigned int nr_cpus)
{
	(void)nr_cpus;
	page_load_setup();
}

static void run(struct scenario_cpu *c)
{
	for (c->op = 1; c->op <= c->ops; c->op++) {
		u32 dice = rand_below(&c->rng, 32);

		if (dice == 0)
			drain_all_pages(NULL);
		else if (dice == 1)
			drain_local_pages(NULL);
		else if (dice < 18)
			page_load_alloc(c, page_load_gfp(c), rand_one_in(&c->rng, 4) ?
					rand_below(&c->rng, 4) : 0);
		else
			page_load_free(c);
	}
	page_load_free_all(c);
}

static const struct scenario scenario = {
	.name = "pages-drain",
	.doc = "alloc and free against remote drains: pages lost, listed twice or counted wrong",
	.cpus = 3, .ops = 99, .pages = true,
	.setup = setup, .run = run, .irq = page_load_irq,
};

EXPLORE_SCENARIO(scenario);
