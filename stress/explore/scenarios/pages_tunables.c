/* SPDX-License-Identifier: MIT */
/* Scenario: one CPU changes the sizes and policy of the page lists while all use them. */
#include "mm/page/pcp.h"
#include "stress/explore/scenarios/page_load.h"

static void setup(unsigned int nr_cpus)
{
	(void)nr_cpus;
	page_load_setup();
}

static void change(struct scenario_cpu *c)
{
	static const char *const policies[] = { "none", "fixed", "linux-6.1", "linux-6.18",
						"linux-7.2" };
	int err;

	switch (rand_below(&c->rng, 3)) {
	case 0:
		err = pcp_set_policy(NULL, policies[rand_below(&c->rng, ARRAY_SIZE(policies))]);
		break;
	case 1:
		err = pcp_set_tunable(NULL, "batch", 1 + rand_below(&c->rng, 7));
		break;
	default:
		err = pcp_set_tunable(NULL, "high_max", 1 + rand_below(&c->rng, 20));
	}
	BUG_ON(err);
}

static void run(struct scenario_cpu *c)
{
	for (c->op = 1; c->op <= c->ops; c->op++) {
		u32 dice = rand_below(&c->rng, 16);

		/* zone_pcp_update() asks for one caller at a time. */
		if (dice == 0 && c->id == 0)
			change(c);
		else if (dice < 9)
			page_load_alloc(c, page_load_gfp(c), rand_one_in(&c->rng, 8) ? 1 : 0);
		else
			page_load_free(c);
	}
	page_load_free_all(c);
}

static const struct scenario scenario = {
	.name = "pages-tunables",
	.doc = "page-list sizes change under use: torn pairs of batch and high, endless spills",
	.cpus = 3, .ops = 99, .pages = true,
	.setup = setup, .run = run, .irq = page_load_irq,
};

EXPLORE_SCENARIO(scenario);
