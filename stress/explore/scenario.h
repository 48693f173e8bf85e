/* SPDX-License-Identifier: MIT */
/*
 * Scenarios: the small loads that `kmemlab explore` runs under one schedule after the other.
 *
 * A scenario is one file, stress/explore/scenarios/NAME.c, that ends with EXPLORE_SCENARIO();
 * nothing else has to be edited: the linker gathers the descriptions in one section.
 */
#ifndef STRESS_EXPLORE_SCENARIO_H
#define STRESS_EXPLORE_SCENARIO_H

#include "runtime/cpu.h"

/* Schedules are explored with 2 to 4 CPUs; more only dilutes them. */
#define EXPLORE_MAX_CPUS	8

/* One CPU's part of a schedule; that CPU only. */
struct scenario_cpu {
	unsigned int id;
	unsigned int ops;		/* operations to do */
	unsigned int op;		/* the running one, from 1 */
	unsigned int nr_cpus;
	struct rand_state rng;		/* of the seed and the CPU: fewer operations are a prefix */
};

struct scenario {
	const char *name;
	const char *doc;		/* one sentence: what it hunts */
	unsigned int cpus, ops;		/* defaults; ops over all CPUs */
	unsigned int irq_one_in;	/* default rate of the injected interrupt; 0: none */
	bool slab;			/* the machine has the slab allocator */
	bool vm;			/* and virtual memory; stale translations are caught */
	bool pages;			/* the page oracles judge the machine's memory */

	/*
	 * Makes all of the scenario's state anew; host thread, machine idle.  What it writes to
	 * static data is what every schedule starts from.  May be NULL.
	 */
	void (*setup)(unsigned int nr_cpus);
	/* The load; task context of each CPU at a time.  Gives back what it took. */
	void (*run)(struct scenario_cpu *c);
	/* The injected interrupt's handler; hardirq context.  NULL: --irq-one-in is refused. */
	void (*irq)(struct scenario_cpu *c);
	/* Judges the outcome; host thread, machine idle.  Panics when it is wrong.  May be NULL. */
	void (*check)(unsigned int nr_cpus);
};

#define EXPLORE_SCENARIO(object)					\
	static const struct scenario *const scenario_at_##object	\
		__attribute__((used, section("kmemlab_scenarios"))) = &(object)

/* All scenarios, sorted by name; @nr receives their number. */
const struct scenario *const *scenarios(size_t *nr);
/* The one called @name, or NULL. */
const struct scenario *scenario_find(const char *name);

#endif /* STRESS_EXPLORE_SCENARIO_H */
