/* SPDX-License-Identifier: MIT */
/* Scenario: three dozen free pages for all CPUs, so that every allocation meets a watermark. */
#include "mm/page/pcp.h"
#include "stress/explore/scenarios/page_load.h"

/* Pages that can be taken above the min mark at the start; the reserves below stay. */
#define FREE_PAGES	36

/* Takes all that GFP_NOWAIT gets, then gives some back: kept for ever, the oracle never sees it. */
static void fill(void *arg)
{
	struct page *last[FREE_PAGES] = { NULL };
	struct page *page;
	unsigned int n = 0;

	(void)arg;
	while ((page = alloc_page(GFP_NOWAIT)) != NULL) {
		last[n++ % FREE_PAGES] = page;
	}
	for (n = 0; n < FREE_PAGES; n++)
		if (last[n])
			__free_page(last[n]);
	drain_local_pages(NULL);
}

static void setup(unsigned int nr_cpus)
{
	(void)nr_cpus;
	page_load_setup();
	cpu_run(0, fill, NULL);
}

static void run(struct scenario_cpu *c)
{
	for (c->op = 1; c->op <= c->ops; c->op++) {
		u32 dice = rand_below(&c->rng, 16);

		if (dice < 7)
			page_load_alloc(c, page_load_gfp(c), 0);
		else if (dice < 9)
			page_load_alloc(c, GFP_ATOMIC | __GFP_NOWARN, rand_below(&c->rng, 2));
		else if (dice == 9)
			page_load_alloc(c, page_load_gfp(c), 1 + rand_below(&c->rng, 3));
		else if (dice == 10)
			drain_all_pages(NULL);
		else
			page_load_free(c);
	}
	page_load_free_all(c);
}

static const struct scenario scenario = {
	.name = "pages-exhaust",
	.doc = "almost no free memory: watermarks, reserves, fallback, pages lost on refusal",
	.cpus = 3, .ops = 99, .pages = true,
	.setup = setup, .run = run, .irq = page_load_irq,
};

EXPLORE_SCENARIO(scenario);
