/* SPDX-License-Identifier: MIT */
/* Scenario: function calls between all CPUs, with and without waiting. */
#include "runtime/ipi.h"
#include "runtime/irq.h"
#include "stress/explore/scenario.h"

static u64 ran[EXPLORE_MAX_CPUS];	/* on each CPU */
static u64 sent[EXPLORE_MAX_CPUS];	/* by each CPU, calls it asked for */

static void setup(unsigned int nr_cpus)
{
	(void)nr_cpus;
	for (unsigned int i = 0; i < EXPLORE_MAX_CPUS; i++)
		ran[i] = sent[i] = 0;
}

static void count_call(void *info)
{
	BUG_ON(!irqs_disabled());
	owner_inc(ran[smp_processor_id()]);
	if (info)
		*(u32 *)info = 1;
}

static void call_one(struct scenario_cpu *c, bool wait)
{
	unsigned int to = rand_below(&c->rng, c->nr_cpus);
	u32 done = 0;

	if (smp_call_function_single(to, count_call, wait ? &done : NULL, wait))
		panic("cpu %u is offline", to);
	BUG_ON(wait && !READ_ONCE(done));
	sent[c->id]++;
}

static void run(struct scenario_cpu *c)
{
	for (c->op = 1; c->op <= c->ops; c->op++) {
		switch (rand_below(&c->rng, 4)) {
		case 0:
			on_each_cpu(count_call, NULL, rand_one_in(&c->rng, 2));
			sent[c->id] += c->nr_cpus;
			break;
		case 1:
			call_one(c, false);
			break;
		default:
			call_one(c, true);
		}
	}
}

static void check(unsigned int nr_cpus)
{
	u64 r = 0, s = 0;

	for (unsigned int i = 0; i < nr_cpus; i++) {
		r += ran[i];
		s += sent[i];
	}
	BUG_ON(r != s);
}

static const struct scenario scenario = {
	.name = "ipi",
	.doc = "call queues between CPUs: a call lost, run twice, or CPUs waiting in a circle",
	.cpus = 3, .ops = 40,
	.setup = setup, .run = run, .check = check,
};

EXPLORE_SCENARIO(scenario);
