/* SPDX-License-Identifier: MIT */
/*
 * Sheaves: what an alloc does when main, spare and barn are empty.
 *
 * An empty sheaf is detached (the spare, one of the barn's, or a new one), filled to its capacity
 * from the backing store with interrupts as the caller had them, and installed again: as main when
 * that is still empty, else as spare, else it goes to the barn.  Detached, it belongs to this
 * flow of control alone.  Follows mm/slub.c of Linux 6.18 to 7.2.
 */
#include "percpu/objcache_impl.h"

/* Detaches an empty sheaf or makes one; interrupts masked on entry, @was restored on return. */
static struct magazine *detach_empty(struct objcache *oc, struct cpu *cpu, u32 was)
{
	struct objcache_cpu *cc = objcache_this_cpu(oc, cpu);
	struct magazine *sheaf = NULL;
	u32 cap = cc->cap;

	if (cc->prev && !cc->prounds) {
		sheaf = cc->prev;
		cc->prev = NULL;
	}
	if (!sheaf)
		sheaf = depot_get_empty(objcache_depot(oc, cpu));
	objcache_unmask(cpu, was);
	if (!sheaf) {
		sheaf = oc->ops->mag_alloc(oc, cap);
		was = objcache_mask(cpu);
		if (sheaf)
			owner_inc(cc->stats.mags_new);
		else
			owner_inc(cc->stats.mag_failed);
		objcache_unmask(cpu, was);
	}
	return sheaf;
}

/* Finds a place for @sheaf with @rounds objects, interrupts masked; false: there is none. */
static bool install(struct objcache *oc, struct objcache_cpu *cc, struct magazine *sheaf,
		    u32 rounds)
{
	struct magazine *old_prev = cc->prev;

	if (!cc->loaded && objcache_place_empty(oc, cc, sheaf, cc->gen)) {
		WRITE_ONCE(cc->rounds, rounds);
		return true;
	}
	/* Main is empty: it becomes the spare, whose place is free when it was the one detached. */
	if (!cc->rounds && !old_prev) {
		objcache_load(oc, cc, sheaf, rounds);
		return true;
	}
	if (rounds == cc->cap && old_prev && !cc->prounds) {
		cc->prev = sheaf;
		WRITE_ONCE(cc->prounds, rounds);
		/* An empty spare gives way: the barn takes it or nobody does. */
		if (depot_add_empty(objcache_depot(oc, this_cpu()), old_prev))
			return true;
		cc->prev = old_prev;
		WRITE_ONCE(cc->prounds, 0);
		return false;
	}
	if (rounds == cc->cap && !old_prev) {
		cc->prev = sheaf;
		WRITE_ONCE(cc->prounds, rounds);
		return true;
	}
	return rounds == cc->cap && depot_add_full(objcache_depot(oc, this_cpu()), sheaf);
}

/* A sheaf that has no place: its objects go back and its memory is freed. */
static void dissolve(struct objcache *oc, struct cpu *cpu, struct magazine *sheaf, u32 rounds)
{
	struct objcache_cpu *cc = objcache_this_cpu(oc, cpu);
	u32 was;

	if (rounds)
		oc->ops->release(oc, sheaf->objs, rounds);
	was = objcache_mask(cpu);
	owner_add(cc->stats.releases, rounds != 0);
	owner_add(cc->stats.released, rounds);
	owner_inc(cc->stats.mags_freed);
	objcache_unmask(cpu, was);
}

void *sheaf_refill(struct objcache *oc, struct cpu *cpu, u32 was, u32 flags)
{
	struct objcache_cpu *cc = objcache_this_cpu(oc, cpu);
	u32 cap = cc->cap, gen = cc->gen, got;
	struct magazine *sheaf = detach_empty(oc, cpu, was);
	void *obj = NULL;
	bool placed;

	if (sheaf)
		got = oc->ops->import(oc, sheaf->objs, cap, flags);
	else
		got = oc->ops->import(oc, &obj, 1, flags);

	was = objcache_mask(cpu);
	owner_inc(cc->stats.imports);
	owner_add(cc->stats.imported, got);
	if (!sheaf) {
		objcache_unmask(cpu, was);
		return got ? obj : NULL;
	}
	if (got)
		obj = sheaf->objs[--got];
	if (cc->gen != gen || !cc->cap)
		placed = false;
	else if (!got)
		placed = objcache_place_empty(oc, cc, sheaf, gen);
	else
		placed = install(oc, cc, sheaf, got);
	objcache_unmask(cpu, was);
	if (!placed) {
		dissolve(oc, cpu, sheaf, got);
		oc->ops->mag_free(oc, sheaf, cap);
	}
	return obj;
}
