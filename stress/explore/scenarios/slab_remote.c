/* SPDX-License-Identifier: MIT */
/* Scenario: objects allocated on one CPU and freed on another come back through the depot. */
#include "stress/explore/scenarios/slab_load.h"

static struct llist_head mail[EXPLORE_MAX_CPUS];

static void setup(unsigned int nr_cpus)
{
	(void)nr_cpus;
	slab_load_setup();
	for (unsigned int i = 0; i < EXPLORE_MAX_CPUS; i++)
		mail[i].first = NULL;
}

static void send(struct scenario_cpu *c)
{
	struct slab_load_object *o = slab_load_take(c);

	/* Release in llist_add(): what this CPU wrote into the object. */
	if (o)
		(void)llist_add(&o->node, &mail[(c->id + 1) % c->nr_cpus]);
}

static void receive(struct scenario_cpu *c)
{
	struct llist_node *node = llist_del_all(&mail[c->id]);

	while (node) {
		struct slab_load_object *o = container_of(node, struct slab_load_object, node);

		node = node->next;
		slab_load_own(c, o);
		slab_load_free_object(c, o);
	}
}

static void run(struct scenario_cpu *c)
{
	for (c->op = 1; c->op <= c->ops; c->op++) {
		u32 dice = rand_below(&c->rng, 8);

		if (dice < 4)
			slab_load_alloc(c);
		else if (dice < 6)
			send(c);
		else
			receive(c);
	}
	slab_load_free_all(c);
	receive(c);
}

/* What was sent to a CPU after it had ended. */
static void receive_rest(void *arg)
{
	struct scenario_cpu c = { .nr_cpus = *(unsigned int *)arg };

	for (c.id = 0; c.id < c.nr_cpus; c.id++)
		receive(&c);
}

static void check(unsigned int nr_cpus)
{
	cpu_run(0, receive_rest, &nr_cpus);
	slab_load_check(nr_cpus);
}

static const struct scenario scenario = {
	.name = "slab-remote",
	.doc = "objects freed by another CPU than allocated them: lost or doubled in the depot",
	.cpus = 3, .ops = 72, .slab = true,
	.setup = setup, .run = run, .irq = slab_load_irq, .check = check,
};

EXPLORE_SCENARIO(scenario);
