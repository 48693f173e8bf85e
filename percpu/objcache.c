/* SPDX-License-Identifier: MIT */
/*
 * Object caches: the misses.
 *
 * What.  An alloc that finds the loaded array empty takes, in this order: the previous array, a
 * full array of this CPU's stash, a full array of the depot (leaving an empty one), the backing
 * store.  A free that finds the loaded array full takes the previous array, an empty array of the
 * stash or the depot (leaving a full one), a new array, the backing store.  After an exchange at
 * least @rounds operations of either kind are hits, because the other array is the opposite: two
 * arrays are what keeps a CPU that swings around a boundary away from the depot.
 *
 * The stash is what keeps a CPU's objects in its own cache: what two CPUs exchange through the
 * depot travels between their caches, line by line, which costs far more than the depot's lock.
 *
 * States of an array.  empty in a depot <-> loaded <-> previous <-> full in a depot; detached
 * while one CPU fills, empties, makes or frees it.
 *
 * Invariants.
 *   I1  loaded == NULL => rounds == size == 0; prev == NULL => prounds == 0.
 *   I2  prounds is 0 or cap; rounds <= cap; size is cap or 0.
 *   I3  cap == 0 => the CPU has no array.  An array in full or empty is full or empty.
 *   I4  Every array of a cache has oc->rounds places: sizes change only after every CPU and depot
 *       gave theirs up.  A detached array is recognised as old by gen, which counts the giving up.
 *   I5  Objects at rest = sum of rounds + prounds + full arrays of stashes and depots * oc->rounds.
 *   I6  alloc_hits + alloc_misses = successful and failed allocs; the same for frees.
 *
 * Locking.  A CPU's arrays: its interrupt mask.  Depots: their lock.  No lock is held across
 * import, release, mag_alloc or mag_free.
 * Context.  Hits and misses: any.  Drain and configure: task, they wait for other CPUs.
 * Failure.  No memory for an array: the object goes to the backing store.
 * See also.  percpu/objcache_admin.c for drain, resize, reap; Bonwick and Adams 2001.
 */
#include "percpu/objcache_impl.h"

struct depot *objcache_depot(const struct objcache *oc, const struct cpu *cpu)
{
	unsigned int nid = (unsigned int)cpu->node;

	if (oc->kind == OBJCACHE_KIND_SHEAF && nid < oc->nr_depots)
		return &oc->depots[nid];
	return &oc->depots[0];
}

void objcache_set_loaded(const struct objcache *oc, struct objcache_cpu *cc, struct magazine *mag,
			 u32 rounds)
{
	/* Where frees must look at the object's node first, no free is a hit. */
	bool by_node = oc->local_only && oc->kind == OBJCACHE_KIND_SHEAF;

	cc->loaded = mag;
	cc->objs = mag ? mag->objs : NULL;
	WRITE_ONCE(cc->rounds, rounds);
	cc->size = mag && !by_node ? cc->cap : 0;
}

void objcache_load(const struct objcache *oc, struct objcache_cpu *cc, struct magazine *mag,
		   u32 rounds)
{
	cc->prev = cc->loaded;
	WRITE_ONCE(cc->prounds, cc->rounds);
	objcache_set_loaded(oc, cc, mag, rounds);
}

void objcache_swap(const struct objcache *oc, struct objcache_cpu *cc)
{
	objcache_load(oc, cc, cc->prev, cc->prounds);
}

bool objcache_place_empty(struct objcache *oc, struct objcache_cpu *cc, struct magazine *mag,
			  u32 gen)
{
	if (cc->gen != gen || !cc->cap)
		return false;
	if (!cc->loaded) {
		objcache_set_loaded(oc, cc, mag, 0);
		return true;
	}
	if (!cc->prev) {
		cc->prev = mag;
		return true;
	}
	return depot_add_empty(objcache_depot(oc, this_cpu()), mag);
}

/* ---- alloc ---- */

/* Puts an array into this CPU's stash; false when that is full. */
static bool stash(const struct objcache *oc, struct magazine_list *list, struct magazine *mag)
{
	if (list->nr >= oc->stash_max)
		return false;
	magazine_list_push(list, mag);
	return true;
}

/* An object from this CPU's arrays or the depot, or NULL. */
static void *alloc_from_arrays(struct objcache *oc, struct objcache_cpu *cc, struct cpu *cpu,
			       struct magazine **surplus)
{
	struct magazine *full;

	if (!cc->rounds && cc->prounds) {
		objcache_swap(oc, cc);
		owner_inc(cc->stats.swaps);
	} else if (!cc->rounds && cc->full.nr) {
		/* The empty previous array makes room: a stash holds as many of either kind. */
		if (cc->prev && !stash(oc, &cc->empty, cc->prev))
			*surplus = cc->prev;
		objcache_load(oc, cc, magazine_list_pop(&cc->full), cc->cap);
		owner_inc(cc->stats.stash_gets);
	} else if (!cc->rounds && cc->cap) {
		*surplus = cc->prev;
		full = depot_get_full(objcache_depot(oc, cpu), surplus);
		if (!full) {
			*surplus = NULL;
			owner_inc(cc->stats.get_failed);
			return NULL;
		}
		owner_inc(cc->stats.depot_gets);
		objcache_load(oc, cc, full, cc->cap);
	}
	if (!cc->rounds)
		return NULL;
	WRITE_ONCE(cc->rounds, cc->rounds - 1);
	return cc->objs[cc->rounds];
}

/* One object past the arrays: for CPUs that cache nothing. */
static void *import_one(struct objcache *oc, struct cpu *cpu, u32 was, u32 flags)
{
	unsigned int got;
	void *obj;

	objcache_unmask(cpu, was);
	got = oc->ops->import(oc, &obj, 1, flags);
	was = objcache_mask(cpu);
	owner_inc(objcache_this_cpu(oc, cpu)->stats.imports);
	owner_add(objcache_this_cpu(oc, cpu)->stats.imported, got);
	objcache_unmask(cpu, was);
	return got ? obj : NULL;
}

void *objcache_alloc_slow(struct objcache *oc, u32 flags)
{
	struct cpu *cpu = this_cpu();
	u32 was = objcache_mask(cpu);
	struct objcache_cpu *cc = objcache_this_cpu(oc, cpu);
	struct magazine *surplus = NULL;
	u32 cap = cc->cap;
	void *obj;

	owner_inc(cc->stats.alloc_misses);
	if (!cap)
		return import_one(oc, cpu, was, flags);
	obj = alloc_from_arrays(oc, cc, cpu, &surplus);
	if (unlikely(surplus))
		owner_inc(cc->stats.mags_freed);
	if (!obj && oc->kind == OBJCACHE_KIND_SHEAF)
		return sheaf_refill(oc, cpu, was, flags);
	if (!obj)
		return magazine_import(oc, cpu, was, flags);
	objcache_unmask(cpu, was);
	if (unlikely(surplus))
		oc->ops->mag_free(oc, surplus, cap);
	return obj;
}

/* ---- free ---- */

static void release_objects(struct objcache *oc, struct cpu *cpu, void **objs, u32 nr)
{
	u32 chunk = READ_ONCE(oc->tun.flush_chunk), was, calls = 0;

	for (u32 at = 0; at < nr; at += chunk, calls++)
		oc->ops->release(oc, objs + at, min(chunk, nr - at));
	was = objcache_mask(cpu);
	owner_add(objcache_this_cpu(oc, cpu)->stats.releases, calls);
	owner_add(objcache_this_cpu(oc, cpu)->stats.released, nr);
	objcache_unmask(cpu, was);
}

static bool push_object(struct objcache_cpu *cc, void *obj)
{
	if (!cc->loaded || cc->rounds == cc->cap)
		return false;
	cc->objs[cc->rounds] = obj;
	WRITE_ONCE(cc->rounds, cc->rounds + 1);
	return true;
}

enum free_step { FREE_DONE, FREE_AGAIN, FREE_NEED_ARRAY, FREE_FLUSH };

/*
 * Stores the full previous array away and loads @empty in its stead, or one of the depot's when
 * @empty is NULL.  Anything but DEPOT_OK: nothing changed.
 */
static enum depot_result exchange_full(struct objcache *oc, struct objcache_cpu *cc,
				       struct cpu *cpu, struct magazine *empty)
{
	struct depot *d = objcache_depot(oc, cpu);
	enum depot_result result;

	if (cc->prev && cc->full.nr < oc->stash_max) {
		if (!empty)
			empty = depot_get_empty(d);
		if (!empty)
			return DEPOT_NO_EMPTY;
		magazine_list_push(&cc->full, cc->prev);
		owner_inc(cc->stats.stash_puts);
		objcache_load(oc, cc, empty, 0);
		return DEPOT_OK;
	}
	result = depot_put_full(d, cc->prev, &empty);
	if (result == DEPOT_OK) {
		owner_inc(cc->stats.depot_puts);
		objcache_load(oc, cc, empty, 0);
	} else if (result == DEPOT_LIMIT) {
		owner_inc(cc->stats.put_failed);
	}
	return result;
}

/* One step towards room for @obj, interrupts masked. */
static enum free_step free_to_arrays(struct objcache *oc, struct objcache_cpu *cc, struct cpu *cpu,
				     void *obj)
{
	struct magazine *empty;

	if (push_object(cc, obj))
		return FREE_DONE;
	if (!cc->loaded)
		return FREE_NEED_ARRAY;
	if (cc->prev && cc->prounds < cc->cap) {
		objcache_swap(oc, cc);
		owner_inc(cc->stats.swaps);
		return FREE_AGAIN;
	}
	empty = magazine_list_pop(&cc->empty);
	switch (exchange_full(oc, cc, cpu, empty)) {
	case DEPOT_OK:
		return FREE_AGAIN;
	case DEPOT_LIMIT:
		if (empty)
			magazine_list_push(&cc->empty, empty);
		return FREE_FLUSH;
	default:
		return FREE_NEED_ARRAY;
	}
}

/*
 * Empties the previous array into the backing store and keeps it, interrupts masked on entry and
 * return.
 */
static u32 flush_prev(struct objcache *oc, struct objcache_cpu *cc, struct cpu *cpu, u32 was)
{
	struct magazine *mag = cc->prev;
	u32 rounds = cc->prounds, cap = cc->cap, gen = cc->gen;
	bool placed;

	cc->prev = NULL;
	WRITE_ONCE(cc->prounds, 0);
	objcache_unmask(cpu, was);
	release_objects(oc, cpu, mag->objs, rounds);
	was = objcache_mask(cpu);
	placed = objcache_place_empty(oc, cc, mag, gen);
	if (!placed) {
		owner_inc(cc->stats.mags_freed);
		objcache_unmask(cpu, was);
		oc->ops->mag_free(oc, mag, cap);
		was = objcache_mask(cpu);
	}
	return was;
}

/*
 * Makes an empty array and gives it a place, interrupts masked on entry and return.  False when
 * there is no memory.
 */
static bool add_array(struct objcache *oc, struct objcache_cpu *cc, struct cpu *cpu, u32 *was)
{
	u32 cap = cc->cap, gen = cc->gen;
	struct magazine *mag;

	objcache_unmask(cpu, *was);
	mag = oc->ops->mag_alloc(oc, cap);
	*was = objcache_mask(cpu);
	if (!mag) {
		owner_inc(cc->stats.mag_failed);
		return false;
	}
	owner_inc(cc->stats.mags_new);
	/* A full CPU hands its previous array over together with the new one. */
	if (cc->gen == gen && cc->loaded && cc->prev && cc->prounds == cap && cc->rounds == cap &&
	    exchange_full(oc, cc, cpu, mag) == DEPOT_OK)
		return true;
	if (objcache_place_empty(oc, cc, mag, gen))
		return true;
	owner_inc(cc->stats.mags_freed);
	objcache_unmask(cpu, *was);
	oc->ops->mag_free(oc, mag, cap);
	*was = objcache_mask(cpu);
	return true;
}

void objcache_free_slow(struct objcache *oc, void *obj, bool local)
{
	struct cpu *cpu = this_cpu();
	u32 was = objcache_mask(cpu);
	struct objcache_cpu *cc = objcache_this_cpu(oc, cpu);

	owner_inc(cc->stats.free_misses);
	for (int i = 0; local && cc->cap && i < OBJCACHE_TRIES; i++) {
		switch (free_to_arrays(oc, cc, cpu, obj)) {
		case FREE_DONE:
			objcache_unmask(cpu, was);
			return;
		case FREE_AGAIN:
			break;
		case FREE_FLUSH:
			if (!cc->prev)		/* a depot without room for even one */
				goto past;
			was = flush_prev(oc, cc, cpu, was);
			break;
		case FREE_NEED_ARRAY:
			if (!add_array(oc, cc, cpu, &was))
				goto past;
			break;
		}
	}
past:
	objcache_unmask(cpu, was);
	release_objects(oc, cpu, &obj, 1);
}

/* ---- bulk ---- */

unsigned int objcache_alloc_bulk(struct objcache *oc, u32 flags, unsigned int nr, void **objs)
{
	struct cpu *cpu = this_cpu();
	unsigned int done = 0;

	while (done < nr) {
		u32 was = objcache_mask(cpu);
		struct objcache_cpu *cc = objcache_this_cpu(oc, cpu);
		u32 take = min(cc->rounds, nr - done);

		for (u32 i = 0; i < take; i++)
			objs[done + i] = cc->objs[cc->rounds - 1 - i];
		WRITE_ONCE(cc->rounds, cc->rounds - take);
		owner_add(cc->alloc_hits, take);
		objcache_unmask(cpu, was);
		done += take;
		if (done == nr)
			break;
		objs[done] = objcache_alloc_slow(oc, flags);
		if (!objs[done])
			break;
		done++;
	}
	return done;
}

void objcache_free_bulk(struct objcache *oc, unsigned int nr, void **objs)
{
	struct cpu *cpu = this_cpu();
	unsigned int done = 0;

	while (done < nr) {
		u32 was = objcache_mask(cpu);
		struct objcache_cpu *cc = objcache_this_cpu(oc, cpu);
		u32 room = cc->size > cc->rounds ? cc->size - cc->rounds : 0;
		u32 put = min(room, nr - done);

		for (u32 i = 0; i < put; i++)
			cc->objs[cc->rounds + i] = objs[done + i];
		WRITE_ONCE(cc->rounds, cc->rounds + put);
		owner_add(cc->free_hits, put);
		objcache_unmask(cpu, was);
		done += put;
		if (done < nr)
			objcache_free_slow(oc, objs[done++], true);
	}
}
