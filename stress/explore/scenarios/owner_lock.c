/* SPDX-License-Identifier: MIT */
/* Scenario: an owner and remote CPUs in one owner_lock. */
#include "runtime/owner_lock.h"
#include "stress/explore/scenario.h"

static const struct lock_class class = { .name = "explore.owner", .rank = RANK_NONE };

static struct owner_lock lock;
static u64 inside, entered, left;

static void init(void *arg)
{
	(void)arg;
	owner_lock_init(&lock, &class, NULL);
}

static void setup(unsigned int nr_cpus)
{
	(void)nr_cpus;
	inside = entered = left = 0;
	cpu_run(0, init, NULL);
}

/* Whoever is inside is alone: a plain counter, with room for others between its halves. */
static void section(void)
{
	inside++;
	entered++;
	sim_point(SIM_ACCESS, &inside);
	BUG_ON(inside != 1);
	left++;
	BUG_ON(entered != left);
	inside--;
}

static void run(struct scenario_cpu *c)
{
	for (c->op = 1; c->op <= c->ops; c->op++) {
		if (c->id) {
			owner_lock_remote(&lock);
			section();
			owner_unlock_remote(&lock);
			continue;
		}
		preempt_disable();
		if (owner_trylock(&lock)) {
			section();
			owner_unlock(&lock);
		}
		preempt_enable();
	}
}

static const struct scenario scenario = {
	.name = "owner-lock",
	.doc = "the page lists' biased lock: owner and remote inside together (--store-buffer)",
	.cpus = 3, .ops = 60,
	.setup = setup, .run = run,
};

EXPLORE_SCENARIO(scenario);
