/* SPDX-License-Identifier: MIT */
/*
 * Objects of SLAB_TYPESAFE_BY_RCU caches that readers find without a lock.
 *
 * What.  Each CPU publishes objects in slots of its own; any CPU looks at any slot.  An object is
 * freed at once when its last reference goes, without a grace period, and may be handed out again
 * while a reader still looks at it: the reader must take a reference and then check that it is
 * still the object it wanted.  What RCU promises is only that the memory stays an object of this
 * cache as long as the reader reads.
 *
 *	reader					owner
 *	rcu_read_lock()				slot = NULL
 *	o = slot				drop a reference; the last one frees
 *	take a reference unless it is 0
 *	slot still o, o->key still the slot's?
 *	  yes: use it;  no: somebody else's
 *	drop the reference; the last one frees
 *	rcu_read_unlock()
 *
 * Invariants.
 *   I1  self is written by the constructor only, so every reader finds it, whoever owns the object.
 *   I2  refs is 0 in every free object.  An object is freed by who took refs from 1 to 0.
 *   I3  key and refs are accessed atomically only; the rest belongs to who holds a reference.
 *
 * Locking.  None.  Context.  Task.  Failure.  A broken I1 panics, the oracle finds the rest.
 */
#include "stress/workloads/slab_load.h"

#include <errno.h>
#include <time.h>

#include "runtime/hostmem.h"
#include "runtime/rcu.h"

#define SLOTS_PER_CPU	16u
/* Slots that one lookup reads before it examines what it found: a longer time for others. */
#define LOOKUP_WIDTH	8u
/* One reader in so many is held up for a while, as a virtual CPU that is not run. */
#define SLOW_READERS	128u
#define SLOW_NS		50000

struct slots {
	struct slab_shared *slot[SLOTS_PER_CPU];	/* its CPU writes, release; others read */
} __cacheline_aligned;

static struct slots *slots;			/* [nr] */
static unsigned int nr_slots;			/* of all CPUs */
/* Caches of the kind. */
static unsigned int rcu_caches[16], nr_rcu_caches;

int slab_shared_start(unsigned int nr_cpus)
{
	nr_slots = nr_cpus * SLOTS_PER_CPU;
	nr_rcu_caches = 0;
	for (unsigned int i = 0; i < slab_nr_caches(); i++)
		if (slab_cache_kind(i) == SLAB_RCU && nr_rcu_caches < ARRAY_SIZE(rcu_caches))
			rcu_caches[nr_rcu_caches++] = i;
	slots = hostmem_alloc(nr_cpus * sizeof(*slots));
	return slots ? 0 : -ENOMEM;
}

void slab_shared_stop(void)
{
	if (slots)
		hostmem_free(slots, nr_slots / SLOTS_PER_CPU * sizeof(*slots));
	slots = NULL;
}

static struct slab_shared **slot_at(unsigned int i)
{
	return &slots[i / SLOTS_PER_CPU].slot[i % SLOTS_PER_CPU];
}

static struct slab_object object_of(struct slab_shared *shared)
{
	struct kmem_cache *s = slab_cache(shared->cache);

	return (struct slab_object){
		.p = shared, .ticket = shared->ticket, .s = s, .size = kmem_cache_size(s),
		.kind = SLAB_RCU,
	};
}

/* Drops a reference; the last one frees. */
static void put(struct stress_cpu *c, struct slab_shared *shared)
{
	struct slab_object o;

	/* Read while the reference still protects it. */
	o = object_of(shared);
	/* Both ways: what the holders did comes before the free, the free after all of it. */
	if (fetch_add(&shared->refs, -1u) != 1)
		return;
	slab_object_free(&o, c->ops);
}

static bool get_unless_zero(struct slab_shared *shared)
{
	u32 refs = READ_ONCE(shared->refs);

	while (refs)
		/* Acquire: pairs with the release in publish(). */
		if (try_cmpxchg_acquire(&shared->refs, &refs, refs + 1))
			return true;
	return false;
}

static void publish(struct stress_cpu *c, unsigned int i)
{
	struct slab_cpu *p = c->data;
	unsigned int cache = rand_one_in(&c->rng, 4) ? slab_shared_cache() :
			     rcu_caches[rand_below(&c->rng, nr_rcu_caches)];
	struct slab_shared *shared;
	struct slab_object o;

	if (!slab_cache_alloc(cache, GFP_NOWAIT | __GFP_NOWARN, &o)) {
		p->stats.refused++;
		return;
	}
	p->stats.published++;
	slab_oracle_alloc(&o, c->ops);
	shared = o.p;
	shared->cache = cache;
	shared->ticket = o.ticket;
	WRITE_ONCE(shared->key, i + 1);
	/* Release: pairs with the acquire in get_unless_zero(). */
	smp_store_release(&shared->refs, 1);
	rcu_assign_pointer(*slot_at(i), shared);
}

static void take_back(struct stress_cpu *c, unsigned int i)
{
	struct slab_shared *shared = READ_ONCE(*slot_at(i));

	WRITE_ONCE(*slot_at(i), NULL);
	put(c, shared);
}

void slab_shared_publish(struct stress_cpu *c)
{
	unsigned int i = c->id * SLOTS_PER_CPU + rand_below(&c->rng, SLOTS_PER_CPU);

	if (READ_ONCE(*slot_at(i)))
		take_back(c, i);
	else
		publish(c, i);
}

/* What the reader found in slot @i, perhaps long ago. */
static void examine(struct stress_cpu *c, struct slab_shared *shared, unsigned int i)
{
	struct slab_cpu *p = c->data;
	struct slab_object o;

	if (unlikely(READ_ONCE(shared->self) != ((u64)(uintptr_t)shared ^ SLAB_CTOR_MASK)))
		panic("slab oracle: an object of a SLAB_TYPESAFE_BY_RCU cache at %p became "
		      "something else under a reader (I1)", (void *)shared);
	if (!get_unless_zero(shared)) {
		p->stats.stale++;
		return;
	}
	if (READ_ONCE(shared->key) == i + 1 && READ_ONCE(*slot_at(i)) == shared) {
		p->stats.found++;
		o = object_of(shared);
		slab_oracle_check(&o);
	} else {
		p->stats.stale++;
	}
	put(c, shared);
}

void slab_shared_lookup(struct stress_cpu *c)
{
	unsigned int first = rand_below(&c->rng, nr_slots), i;
	struct slab_shared *found[LOOKUP_WIDTH];
	struct slab_cpu *p = c->data;

	p->stats.lookups++;
	rcu_read_lock();
	for (i = 0; i < LOOKUP_WIDTH; i++)
		found[i] = rcu_dereference(*slot_at((first + i) % nr_slots));
	if (rand_one_in(&c->rng, SLOW_READERS))
		nanosleep(&(struct timespec){ .tv_nsec = SLOW_NS }, NULL);
	for (i = 0; i < LOOKUP_WIDTH; i++)
		if (found[i])
			examine(c, found[i], (first + i) % nr_slots);
	rcu_read_unlock();
}

void slab_shared_turn_over(struct stress_cpu *c)
{
	slab_shared_finish(c);
	kmem_cache_shrink(slab_cache(slab_shared_cache()));
}

void slab_shared_finish(struct stress_cpu *c)
{
	for (unsigned int i = 0; i < SLOTS_PER_CPU; i++)
		if (READ_ONCE(slots[c->id].slot[i]))
			take_back(c, c->id * SLOTS_PER_CPU + i);
}
