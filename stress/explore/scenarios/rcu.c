/* SPDX-License-Identifier: MIT */
/* Scenario: readers follow a pointer while writers publish, and free after a grace period. */
#include "runtime/irq.h"
#include "runtime/rcu.h"
#include "stress/explore/scenario.h"

#define NR_OBJECTS	64u
#define ALIVE		0x600dU
#define FREED		0xdeadU

struct object {
	struct rcu_head rcu;
	u32 state;
	u32 used;
};

static struct object objects[EXPLORE_MAX_CPUS][NR_OBJECTS];
static struct object *published;
static u64 nr_freed[EXPLORE_MAX_CPUS], nr_retired[EXPLORE_MAX_CPUS];

static void setup(unsigned int nr_cpus)
{
	(void)nr_cpus;
	for (unsigned int i = 0; i < EXPLORE_MAX_CPUS; i++) {
		nr_freed[i] = nr_retired[i] = 0;
		for (unsigned int k = 0; k < NR_OBJECTS; k++)
			objects[i][k] = (struct object){ .state = FREED };
	}
	published = NULL;
}

static struct object *new_object(struct scenario_cpu *c)
{
	for (unsigned int i = 0; i < NR_OBJECTS; i++) {
		struct object *o = &objects[c->id][i];

		if (!o->used) {
			o->used = 1;
			o->state = ALIVE;
			return o;
		}
	}
	return NULL;
}

static void read_it(void)
{
	const struct object *o;

	rcu_read_lock();
	o = rcu_dereference(published);
	for (int i = 0; o && i < 3; i++) {
		sim_point(SIM_ACCESS, o);
		BUG_ON(o->state != ALIVE);
	}
	rcu_read_unlock();
}

static void free_object(struct rcu_head *head)
{
	struct object *o = container_of(head, struct object, rcu);

	BUG_ON(o->state != ALIVE);
	o->state = FREED;
	owner_inc(nr_freed[smp_processor_id()]);
}

static void publish(struct scenario_cpu *c)
{
	struct object *o = new_object(c), *old;

	/* Release: the object is initialised.  Acquire: the old one belongs to us now. */
	old = o ? xchg(&published, o) : NULL;
	if (!old)
		return;
	owner_inc(nr_retired[c->id]);
	if (rand_one_in(&c->rng, 4)) {
		synchronize_rcu();
		local_bh_disable();
		free_object(&old->rcu);
		local_bh_enable();
	} else {
		call_rcu(&old->rcu, free_object);
	}
}

static void run(struct scenario_cpu *c)
{
	for (c->op = 1; c->op <= c->ops; c->op++) {
		if (rand_one_in(&c->rng, 4))
			publish(c);
		else
			read_it();
	}
	rcu_barrier();
}

static void check(unsigned int nr_cpus)
{
	u64 freed = 0, retired = 0;

	for (unsigned int i = 0; i < nr_cpus; i++) {
		freed += nr_freed[i];
		retired += nr_retired[i];
	}
	BUG_ON(freed != retired);
}

static const struct scenario scenario = {
	.name = "rcu",
	.doc = "publish, read, free after a grace period: a reader that sees a freed object",
	.cpus = 3, .ops = 60,
	.setup = setup, .run = run, .check = check,
};

EXPLORE_SCENARIO(scenario);
