/* SPDX-License-Identifier: MIT */
/*
 * Object caches: life cycle, draining, changing sizes, the working set, statistics.
 *
 * What.  Everything here is rare and runs in task context.  A CPU's arrays are given up by the CPU
 * itself, in an IPI handler; so a drain costs the other CPUs an interrupt and the hits nothing.
 *
 * Resize, as the CPUs see it:
 *
 *	resizer			CPU 1				CPU 2
 *	disable IPI ----------> arrays -> store, cap = 0	(detached sheaf being filled)
 *	            --------------------------------------->	cap = 0, gen++
 *	depots -> store		misses go to the store		gen changed: the sheaf dissolves
 *	rounds = new
 *	enable IPI -----------> cap = new			cap = new
 *
 * Invariants.  As in percpu/objcache.c; I4 holds because depots are emptied after the last CPU
 * has cap == 0, and only a CPU with cap != 0 adds to a depot.
 * Locking.  The owner's mutex around configure, update, disable and enable.
 * Context.  Task context, interrupts on, no spinlock held.  Failure.  None after init.
 */
#include "percpu/objcache_impl.h"

#include <errno.h>

#include "runtime/ipi.h"

/* ---- life cycle ---- */

static void set_rounds(struct objcache *oc, u32 rounds)
{
	WRITE_ONCE(oc->rounds, rounds);
	oc->stash_max = rounds ? (oc->tun.stash_objects + rounds - 1) / rounds : 0;
}

static void take_over(struct objcache *oc, const struct objcache_tunables *tun)
{
	const u32 *from = (const u32 *)tun;
	u32 *to = (u32 *)&oc->tun;

	/* CPUs that go past their arrays, and reports, read single sizes at any time. */
	for (unsigned int i = 0; i < sizeof(*tun) / sizeof(u32); i++)
		WRITE_ONCE(to[i], from[i]);
	WRITE_ONCE(oc->kind, tun->kind);
	set_rounds(oc, objcache_rounds_default(tun, oc->object_size));
	for (unsigned int i = 0; i < oc->nr_depots; i++)
		depot_set_limits(&oc->depots[i], tun->full_max, tun->empty_max);
}

int objcache_init(struct objcache *oc, const struct objcache_setup *setup)
{
	unsigned int cpu;

	*oc = (struct objcache) {
		.ops = setup->ops, .name = setup->name, .object_size = setup->object_size,
		.depots = setup->depots, .nr_depots = setup->nr_depots,
		.local_only = setup->nr_depots > 1,
	};
	oc->cpu = alloc_percpu(struct objcache_cpu);
	if (!oc->cpu)
		return -ENOMEM;
	for (unsigned int i = 0; i < oc->nr_depots; i++)
		depot_init(&oc->depots[i], oc->name);
	take_over(oc, setup->tun);
	/* Nobody knows the cache yet, so the other CPUs' copies are ours to set. */
	for_each_possible_cpu(cpu)
		per_cpu_ptr(oc->cpu, cpu)->cap = oc->rounds;
	return 0;
}

void objcache_destroy(struct objcache *oc)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		BUG_ON(per_cpu_ptr(oc->cpu, cpu)->loaded);
	for (unsigned int i = 0; i < oc->nr_depots; i++)
		depot_destroy(&oc->depots[i]);
	free_percpu(oc->cpu);
	oc->cpu = NULL;
}

/* ---- giving up ---- */

static void release_chunks(struct objcache *oc, void **objs, u32 nr)
{
	u32 chunk = READ_ONCE(oc->tun.flush_chunk);

	for (u32 at = 0; at < nr; at += chunk)
		oc->ops->release(oc, objs + at, min(chunk, nr - at));
}

static void give_up_array(struct objcache *oc, struct objcache_cpu *cc, struct magazine *mag,
			  u32 rounds)
{
	if (!mag)
		return;
	owner_add(cc->stats.releases, rounds != 0);
	owner_add(cc->stats.released, rounds);
	owner_inc(cc->stats.mags_freed);
	release_chunks(oc, mag->objs, rounds);
	oc->ops->mag_free(oc, mag, cc->cap);
}

/* On the owner CPU, interrupts masked: an IPI handler, or the task itself. */
static void give_up_arrays(struct objcache *oc, bool disable)
{
	struct objcache_cpu *cc = this_cpu_ptr(oc->cpu);
	struct magazine *loaded = cc->loaded, *prev = cc->prev, *mag;
	u32 rounds = cc->rounds, prounds = cc->prounds;

	WRITE_ONCE(cc->gen, cc->gen + 1);
	owner_inc(cc->stats.drains);
	cc->prev = NULL;
	WRITE_ONCE(cc->prounds, 0);
	objcache_set_loaded(oc, cc, NULL, 0);
	give_up_array(oc, cc, loaded, rounds);
	give_up_array(oc, cc, prev, prounds);
	while ((mag = magazine_list_pop(&cc->full)))
		give_up_array(oc, cc, mag, cc->cap);
	while ((mag = magazine_list_pop(&cc->empty)))
		give_up_array(oc, cc, mag, 0);
	cc->full.min = cc->empty.min = 0;
	if (disable)
		cc->cap = 0;
}

static void drain_this_cpu(void *oc)
{
	give_up_arrays(oc, false);
}

static void disable_this_cpu(void *oc)
{
	give_up_arrays(oc, true);
}

static void enable_this_cpu(void *arg)
{
	struct objcache *oc = arg;

	this_cpu_ptr(oc->cpu)->cap = oc->rounds;
}

/* Empties what was taken from a depot; returns the number of arrays. */
static unsigned int free_arrays(struct objcache *oc, struct depot_contents contents)
{
	struct magazine *mag, *next;
	unsigned int nr = 0;

	for (mag = contents.full; mag; mag = next, nr++) {
		next = mag->next;
		release_chunks(oc, mag->objs, oc->rounds);
		oc->ops->mag_free(oc, mag, oc->rounds);
	}
	for (mag = contents.empty; mag; mag = next, nr++) {
		next = mag->next;
		oc->ops->mag_free(oc, mag, oc->rounds);
	}
	return nr;
}

static void drain_depots(struct objcache *oc)
{
	for (unsigned int i = 0; i < oc->nr_depots; i++)
		free_arrays(oc, depot_take_all(&oc->depots[i]));
}

void objcache_drain(struct objcache *oc)
{
	on_each_cpu(drain_this_cpu, oc, true);
	drain_depots(oc);
}

void objcache_disable(struct objcache *oc)
{
	on_each_cpu(disable_this_cpu, oc, true);
	drain_depots(oc);
}

void objcache_enable(struct objcache *oc)
{
	on_each_cpu(enable_this_cpu, oc, true);
}

void objcache_cpu_offline(struct objcache *oc)
{
	unsigned long flags;

	local_irq_save(flags);
	disable_this_cpu(oc);
	local_irq_restore(flags);
}

void objcache_cpu_online(struct objcache *oc)
{
	unsigned long flags;

	local_irq_save(flags);
	enable_this_cpu(oc);
	local_irq_restore(flags);
}

/* ---- sizes and the working set ---- */

void objcache_configure(struct objcache *oc, const struct objcache_tunables *tun)
{
	objcache_disable(oc);
	take_over(oc, tun);
	objcache_enable(oc);
}

static void resize(struct objcache *oc, u32 rounds)
{
	objcache_disable(oc);
	set_rounds(oc, rounds);
	WRITE_ONCE(oc->nr_resizes, oc->nr_resizes + 1);
	objcache_enable(oc);
}

void objcache_update_this_cpu(struct objcache *oc)
{
	struct objcache_cpu *cc = this_cpu_ptr(oc->cpu);
	struct magazine *mag, *next;

	magazine_list_update(&cc->full);
	magazine_list_update(&cc->empty);
	for (mag = magazine_list_reap(&cc->full); mag; mag = next) {
		next = mag->next;
		give_up_array(oc, cc, mag, cc->cap);
	}
	for (mag = magazine_list_reap(&cc->empty); mag; mag = next) {
		next = mag->next;
		give_up_array(oc, cc, mag, 0);
	}
}

static void update_this_cpu(void *oc)
{
	objcache_update_this_cpu(oc);
}

unsigned int objcache_update(struct objcache *oc)
{
	if (oc->stash_max)
		on_each_cpu(update_this_cpu, oc, true);
	return objcache_update_depots(oc);
}

unsigned int objcache_update_depots(struct objcache *oc)
{
	u32 limit = objcache_rounds_limit(&oc->tun, oc->object_size);
	u32 larger = min(objcache_rounds_next(oc->rounds), limit);
	unsigned int freed = 0;
	u64 contention = 0;

	for (unsigned int i = 0; i < oc->nr_depots; i++) {
		contention += depot_update(&oc->depots[i]);
		freed += free_arrays(oc, depot_reap(&oc->depots[i]));
	}
	if (oc->kind == OBJCACHE_KIND_MAGAZINE && contention > oc->tun.contention_max &&
	    larger > oc->rounds)
		resize(oc, larger);
	return freed;
}

/* ---- reports ---- */

static void add_stats(struct objcache_stats *sum, const struct objcache_stats *one)
{
	const u64 *from = (const u64 *)one;
	u64 *to = (u64 *)sum;

	for (unsigned int i = 0; i < sizeof(*sum) / sizeof(u64); i++)
		to[i] += READ_ONCE(from[i]);
}

void objcache_sum(const struct objcache *oc, struct objcache_sum *sum)
{
	u32 rounds = READ_ONCE(oc->rounds);
	unsigned int cpu;

	*sum = (struct objcache_sum) { .cpu_objects = 0 };
	for_each_possible_cpu(cpu) {
		/* Reports read other CPUs' copies with relaxed loads: a moment's truth. */
		const struct objcache_cpu *cc = per_cpu_ptr(oc->cpu, cpu);
		u64 hits = READ_ONCE(cc->alloc_hits), fhits = READ_ONCE(cc->free_hits);
		u64 allocs = hits + READ_ONCE(cc->stats.alloc_misses);
		u64 frees = fhits + READ_ONCE(cc->stats.free_misses);

		add_stats(&sum->stats, &cc->stats);
		sum->stats.alloc_hits += hits;
		sum->stats.free_hits += fhits;
		sum->cpu_objects += READ_ONCE(cc->rounds) + READ_ONCE(cc->prounds) +
			READ_ONCE(cc->full.nr) * rounds;
		sum->net_remote += frees > allocs ? frees - allocs : 0;
	}
	for (unsigned int i = 0; i < oc->nr_depots; i++) {
		const struct depot *d = &oc->depots[i];

		sum->nr_full += READ_ONCE(d->full.nr);
		sum->nr_empty += READ_ONCE(d->empty.nr);
		sum->contention += READ_ONCE(d->contention);
		sum->depot_ops += READ_ONCE(d->nr_ops);
		sum->nr_reaped += READ_ONCE(d->nr_reaped);
	}
	sum->depot_objects = sum->nr_full * rounds;
}

static bool list_is_valid(const struct magazine_list *list)
{
	const struct magazine *mag = list->first;
	u32 nr = 0;

	for (; mag && nr <= list->nr; mag = mag->next)
		nr++;
	return nr == list->nr && list->min <= list->nr;
}

static bool cpu_is_valid(const struct objcache *oc, const struct objcache_cpu *cc)
{
	if (!cc->loaded && (cc->rounds || cc->size || cc->prev))	/* I1 */
		return false;
	if (!cc->prev && cc->prounds)
		return false;
	if (!list_is_valid(&cc->full) || !list_is_valid(&cc->empty))
		return false;
	if (cc->rounds > cc->cap || (cc->prounds && cc->prounds != cc->cap))	/* I2 */
		return false;
	if (!cc->cap)
		return !cc->loaded && !cc->full.nr && !cc->empty.nr;	/* I3 */
	return cc->cap == oc->rounds && (!cc->loaded || cc->objs == cc->loaded->objs);
}

bool objcache_is_valid(const struct objcache *oc)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		if (!cpu_is_valid(oc, per_cpu_ptr(oc->cpu, cpu)))
			return false;
	for (unsigned int i = 0; i < oc->nr_depots; i++)
		if (!list_is_valid(&oc->depots[i].full) || !list_is_valid(&oc->depots[i].empty))
			return false;
	return true;
}
