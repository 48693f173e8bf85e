/* SPDX-License-Identifier: MIT */
/* Scenario: interrupts at random points allocate and free with GFP_ATOMIC under the tasks' feet. */
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
		u32 dice = rand_below(&c->rng, 16);

		if (dice == 0)
			drain_all_pages(NULL);
		else if (dice < 9)
			page_load_alloc(c, page_load_gfp(c), rand_one_in(&c->rng, 4) ? 1 : 0);
		else
			page_load_free(c);
	}
	page_load_free_all(c);
}

static const struct scenario scenario = {
	.name = "pages-irq",
	.doc = "page lists against their own CPU's interrupts: a section that an interrupt enters",
	.cpus = 2, .ops = 60, .irq_one_in = 10, .pages = true,
	.setup = setup, .run = run, .irq = page_load_irq,
};

EXPLORE_SCENARIO(scenario);
