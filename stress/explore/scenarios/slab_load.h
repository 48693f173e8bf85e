/* SPDX-License-Identifier: MIT */
/* What the slab scenarios share: a cache with tiny arrays, and objects that know their owner. */
#ifndef STRESS_EXPLORE_SCENARIOS_SLAB_LOAD_H
#define STRESS_EXPLORE_SCENARIOS_SLAB_LOAD_H

#include "mm/slab/slab.h"
#include "runtime/lib/llist.h"
#include "stress/explore/scenario.h"

struct slab_load_object {
	u64 owner;			/* CPU + 1, or 0 while free; constructed */
	struct llist_node node;		/* on its way to another CPU */
};

/* Empties all tables and makes the cache; host thread, from a scenario's setup(). */
void slab_load_setup(void);
struct kmem_cache *slab_load_cache(void);
/* Arrays of @rounds objects, so few that three operations miss. */
struct objcache_tunables slab_load_tunables(enum objcache_policy policy, u32 rounds);

/* Takes an object and notes it.  That CPU's task. */
void slab_load_alloc(struct scenario_cpu *c);
/* Takes an object out of the table, NULL when it is empty. */
struct slab_load_object *slab_load_take(struct scenario_cpu *c);
/* Frees an object that this CPU owns, or one chosen at random, if there is one. */
void slab_load_free_object(struct scenario_cpu *c, struct slab_load_object *o);
void slab_load_free(struct scenario_cpu *c);
void slab_load_free_all(struct scenario_cpu *c);
/* GFP_ATOMIC allocation and free, as an interrupt handler does. */
void slab_load_irq(struct scenario_cpu *c);

/* Hands @o over to the caller. */
void slab_load_own(struct scenario_cpu *c, struct slab_load_object *o);

/*
 * The judgement at the end, on CPU 0: the cache is well formed, no object is live, and every slab
 * can be given back.
 */
void slab_load_check(unsigned int nr_cpus);

#endif /* STRESS_EXPLORE_SCENARIOS_SLAB_LOAD_H */
