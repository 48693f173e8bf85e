/* SPDX-License-Identifier: MIT */
/* Scenario: every CPU, and its interrupts, allocate and free through arrays of two objects. */
#include "stress/explore/scenarios/slab_load.h"

static void setup(unsigned int nr_cpus)
{
	(void)nr_cpus;
	slab_load_setup();
}

static void run(struct scenario_cpu *c)
{
	for (c->op = 1; c->op <= c->ops; c->op++) {
		/* Runs of one kind cross the arrays' ends. */
		if (c->op / 6 % 2 == 0 || rand_one_in(&c->rng, 4))
			slab_load_alloc(c);
		else
			slab_load_free(c);
	}
	slab_load_free_all(c);
}

static const struct scenario scenario = {
	.name = "slab-magazines",
	.doc = "magazine swaps and depot exchanges of all CPUs: an object in two magazines",
	.cpus = 3, .ops = 72, .irq_one_in = 100, .slab = true,
	.setup = setup, .run = run, .irq = slab_load_irq, .check = slab_load_check,
};

EXPLORE_SCENARIO(scenario);
