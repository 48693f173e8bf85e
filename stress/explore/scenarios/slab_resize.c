/* SPDX-License-Identifier: MIT */
/* Scenario: policy and sizes change, arrays are reaped, slabs shrunk, while all allocate. */
#include "stress/explore/scenarios/slab_load.h"

static void setup(unsigned int nr_cpus)
{
	(void)nr_cpus;
	slab_load_setup();
}

static void change(struct scenario_cpu *c)
{
	enum objcache_policy policy = (enum objcache_policy)rand_below(&c->rng,
								       NR_OBJCACHE_POLICIES);
	const struct objcache_tunables tun =
		slab_load_tunables(policy, 1 + rand_below(&c->rng, 3));

	switch (rand_below(&c->rng, 3)) {
	case 0:
		kmem_cache_configure(slab_load_cache(), &tun);
		break;
	case 1:
		kmem_cache_shrink(slab_load_cache());
		break;
	default:
		(void)slab_update_all();
	}
}

static void run(struct scenario_cpu *c)
{
	for (c->op = 1; c->op <= c->ops; c->op++) {
		if (rand_one_in(&c->rng, 12))
			change(c);
		else if (rand_one_in(&c->rng, 2))
			slab_load_alloc(c);
		else
			slab_load_free(c);
	}
	slab_load_free_all(c);
}

static const struct scenario scenario = {
	.name = "slab-resize",
	.doc = "arrays given up by IPI under use: old arrays in new depots, lost objects",
	.cpus = 3, .ops = 60, .slab = true,
	.setup = setup, .run = run, .irq = slab_load_irq, .check = slab_load_check,
};

EXPLORE_SCENARIO(scenario);
