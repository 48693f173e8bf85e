/* SPDX-License-Identifier: MIT */
/*
 * Who runs next: the policies of the SIM scheduler.
 *
 * What.  At every scheduling point the policy may keep the running CPU or choose another one that
 * can run.  No single policy finds every bug: a random walk that switches at every point never
 * holds one CPU back for the fifty steps that a stale-TLB window needs, and PCT's few change points
 * rarely meet a two-instruction window.  Callers therefore cycle through a portfolio.
 *
 * Invariants.
 *   I1  Every choice is a function of the seed and of the choices before; nothing else is read.
 *   I2  A CPU that waits for a word is not chosen before the word has changed, so no policy spins.
 *   I3  When the running CPU must stop, somebody runnable is chosen whatever the policy wants.
 */
#include <errno.h>
#include <string.h>

#include "runtime/sim/sched.h"

static const char *const names[NR_SIM_POLICIES] = {
	[SIM_RANDOM] = "random", [SIM_PCT] = "pct", [SIM_DELAY] = "delay", [SIM_REPLAY] = "replay",
};

const char *sim_policy_name(enum sim_policy policy)
{
	return names[policy];
}

int sim_policy_by_name(const char *name)
{
	for (int i = 0; i < NR_SIM_POLICIES; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	return -EINVAL;
}

/* Another runnable CPU drawn at random, or the current one when there is none. */
static unsigned int random_other(void)
{
	u8 others[SIM_MAX_CPUS];
	unsigned int n = 0;

	for (unsigned int i = 0; i < nr_cpu_ids; i++)
		if (i != sim->current && sim_cpu_runnable(&sim->cpus[i]))
			others[n++] = (u8)i;
	return n ? others[rand_below(&sim->rand, n)] : sim->current;
}

/* The next runnable CPU in round-robin order: the choice that needs no record. */
static unsigned int next_other(void)
{
	for (unsigned int i = 1; i <= nr_cpu_ids; i++) {
		unsigned int id = (sim->current + i) % nr_cpu_ids;

		if (id != sim->current && sim_cpu_runnable(&sim->cpus[id]))
			return id;
	}
	return sim->current;
}

static unsigned int pick_random(bool must)
{
	if (must || sim->opt.param <= 1 || rand_one_in(&sim->rand, sim->opt.param))
		return random_other();
	return sim->current;
}

static unsigned int highest_priority(bool must)
{
	unsigned int best = must ? SIM_HOST : sim->current;

	for (unsigned int i = 0; i < nr_cpu_ids; i++) {
		if (i == sim->current || !sim_cpu_runnable(&sim->cpus[i]))
			continue;
		if (best == SIM_HOST || sim->cpus[i].priority > sim->cpus[best].priority)
			best = i;
	}
	return best == SIM_HOST ? sim->current : best;
}

static unsigned int pick_pct(bool must)
{
	if (sim->next_change < sim->nr_change_points &&
	    sim->stats.steps >= sim->change_point[sim->next_change]) {
		sim->next_change++;
		if (sim->current < nr_cpu_ids)
			sim->cpus[sim->current].priority = --sim->lowest_priority;
	}
	return highest_priority(must);
}

/* Stalls: one point in param, for 10, 100 or 1000 points; many short ones, few long ones. */
static unsigned int pick_delay(bool must)
{
	static const unsigned int lengths[] = { 10, 10, 10, 10, 100, 100, 1000 };
	struct sim_cpu *me = &sim->cpus[sim->current];

	if (!must && rand_one_in(&sim->rand, max(sim->opt.param, 2u))) {
		me->stalled_until = sim->stats.steps +
			lengths[rand_below(&sim->rand, ARRAY_SIZE(lengths))];
		return random_other();
	}
	return must ? random_other() : sim->current;
}

/* The recorded switch of the running CPU at this point of its path, or NULL. */
static const struct sim_switch *next_recorded(void)
{
	struct sim_cpu *me = &sim->cpus[sim->current];
	const struct sim_switch *s;

	for (; me->next_replay < sim->opt.nr_replay; me->next_replay++) {
		s = &sim->opt.replay[me->next_replay];
		if (s->from == sim->current && s->from_step >= me->own_steps)
			return s->from_step == me->own_steps ? s : NULL;
	}
	return NULL;
}

static unsigned int pick_replay(bool must)
{
	const struct sim_switch *s = next_recorded();

	if (s && s->cpu < nr_cpu_ids && s->cpu != sim->current &&
	    sim_cpu_runnable(&sim->cpus[s->cpu]))
		return s->cpu;
	return must ? next_other() : sim->current;
}

unsigned int sim_policy_pick(enum sim_point_kind kind, bool must)
{
	(void)kind;
	if (!sim->running)
		return must ? next_other() : sim->current;
	switch (sim->opt.policy) {
	case SIM_RANDOM:
		return pick_random(must);
	case SIM_PCT:
		return pick_pct(must);
	case SIM_DELAY:
		return pick_delay(must);
	default:
		return pick_replay(must);
	}
}

static void pct_begin(void)
{
	unsigned int n = min(sim->opt.param ? sim->opt.param - 1 : 0u,
			     (unsigned int)ARRAY_SIZE(sim->change_point));
	u64 steps = max(sim->opt.expected_steps, (u64)1);

	/* Every initial priority is above every lowered one. */
	sim->lowest_priority = 1ULL << 32;
	for (unsigned int i = 0; i < nr_cpu_ids; i++)
		sim->cpus[i].priority = (1ULL << 33) + (rand_u64(&sim->rand) >> 32);
	for (unsigned int i = 0; i < n; i++) {
		u64 at = rand_u64(&sim->rand) % steps;
		unsigned int k = i;

		for (; k > 0 && sim->change_point[k - 1] > at; k--)
			sim->change_point[k] = sim->change_point[k - 1];
		sim->change_point[k] = at;
	}
	sim->nr_change_points = n;
	sim->next_change = 0;
}

void sim_policy_begin(void)
{
	rand_init(&sim->rand, sim->opt.seed, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(sim->cpus); i++) {
		struct sim_cpu *c = &sim->cpus[i];

		c->stalled_until = 0;
		c->own_steps = 0;
		c->next_replay = 0;
		if (sim->opt.irq_one_in)
			rand_init(&c->irq_rand, sim->opt.seed, 2 * i + 1);
		if (sim->opt.store_buffer)
			rand_init(&c->store_rand, sim->opt.seed, 2 * i + 2);
	}
	if (sim->opt.policy == SIM_PCT)
		pct_begin();
}
