/* SPDX-License-Identifier: MIT */
/*
 * Scenario: readers look up objects of a SLAB_TYPESAFE_BY_RCU cache while their owners free them
 * and give the slabs back; the frames are at once somebody else's.
 *
 * What a reader finds may be another object by now, free or live, but it is an object of the
 * cache: constructed, with a reference count.  Only a reference that it got tells who it is.
 */
#include "mm/slab/slab.h"
#include "runtime/hotplug.h"
#include "stress/explore/scenario.h"

#define SLOTS		2u		/* per CPU */
/* One object fills the largest block that per-CPU page lists keep, so each free ends a slab. */
#define OBJECT_BYTES	32736u
#define BLOCK_ORDER	3u
#define SELF_MASK	0x7e57ab1e0b1ec7edULL

struct object {
	u64 self;			/* constructed: its own address under the mask */
	u32 refs, key;			/* atomic; refs 0: free */
};

static struct kmem_cache *cache;
static struct object *slots[EXPLORE_MAX_CPUS * SLOTS];

static void construct(void *p)
{
	struct object *o = p;

	/* Atomic: readers may look at the object that was here before the free. */
	WRITE_ONCE(o->self, (u64)(uintptr_t)p ^ SELF_MASK);
	WRITE_ONCE(o->refs, 0);
	WRITE_ONCE(o->key, 0);
}

static void make_cache(void *arg)
{
	struct objcache_tunables none;

	(void)arg;
	objcache_tunables_preset(&none, OBJCACHE_NONE);
	cache = kmem_cache_create("explore-rcu", OBJECT_BYTES, 0,
				  SLAB_TYPESAFE_BY_RCU | SLAB_PANIC, construct);
	kmem_cache_configure(cache, &none);
	/* No empty slab is kept: every free gives frames back, without waiting for a CPU. */
	WRITE_ONCE(cache->min_partial, 0);
}

static void setup(unsigned int nr_cpus)
{
	(void)nr_cpus;
	for (unsigned int i = 0; i < ARRAY_SIZE(slots); i++)
		slots[i] = NULL;
	cpu_run(0, make_cache, NULL);
}

static void put(struct object *o)
{
	/* Both ways: what the holders did comes before the free. */
	if (fetch_add(&o->refs, -1u) == 1)
		kmem_cache_free(cache, o);
}

static void publish(unsigned int i)
{
	struct object *o = kmem_cache_alloc(cache, GFP_NOWAIT | __GFP_NOWARN);

	if (!o)
		return;
	BUG_ON(READ_ONCE(o->refs));
	WRITE_ONCE(o->key, i + 1);
	/* Release: pairs with the acquire in get_unless_zero(). */
	smp_store_release(&o->refs, 1);
	rcu_assign_pointer(slots[i], o);
}

static void take_back(unsigned int i)
{
	struct object *o = READ_ONCE(slots[i]);

	WRITE_ONCE(slots[i], NULL);
	if (o)
		put(o);
}

static bool get_unless_zero(struct object *o)
{
	u32 refs = READ_ONCE(o->refs);

	while (refs)
		/* Acquire: pairs with the release in publish(). */
		if (try_cmpxchg_acquire(&o->refs, &refs, refs + 1))
			return true;
	return false;
}

static void look_up(unsigned int i)
{
	struct object *o;

	rcu_read_lock();
	o = rcu_dereference(slots[i]);
	for (unsigned int k = 0; o && k < 3; k++) {
		sim_point(SIM_ACCESS, o);
		if (READ_ONCE(o->self) != ((u64)(uintptr_t)o ^ SELF_MASK))
			panic("slab scenario: object %p became something else under a reader",
			      (void *)o);
	}
	if (o && get_unless_zero(o))
		put(o);
	rcu_read_unlock();
}

/* The next user of the frames, who knows nothing of the cache. */
static void use_frames(void)
{
	struct page *page = alloc_pages(GFP_NOWAIT | __GFP_NOWARN, BLOCK_ORDER);
	u64 *words;

	if (!page)
		return;
	words = page_address(page);
	for (unsigned int i = 0; i < sizeof(struct object) / sizeof(u64); i++)
		WRITE_ONCE(words[i], 0xbad0bad0bad0bad0ULL);
	__free_pages(page, BLOCK_ORDER);
}

static void run(struct scenario_cpu *c)
{
	for (c->op = 1; c->op <= c->ops; c->op++) {
		unsigned int mine = c->id * SLOTS + rand_below(&c->rng, SLOTS);

		switch (rand_below(&c->rng, 8)) {
		case 0:
		case 1:
			if (READ_ONCE(slots[mine]))
				take_back(mine);
			else
				publish(mine);
			break;
		case 2:
			take_back(mine);
			use_frames();
			break;
		case 3:
			cond_resched();
			break;
		default:
			look_up(rand_below(&c->rng, c->nr_cpus * SLOTS));
		}
	}
	for (unsigned int i = 0; i < SLOTS; i++)
		take_back(c->id * SLOTS + i);
	rcu_barrier();
}

static void judge(void *arg)
{
	struct kmem_cache_stats stats;

	(void)arg;
	kmem_cache_shrink(cache);
	rcu_barrier();
	BUG_ON(!kmem_cache_is_valid(cache));
	kmem_cache_stats(cache, &stats);
	BUG_ON(stats.nr_slabs || stats.out_objects || stats.pages);
}

static void check(unsigned int nr_cpus)
{
	(void)nr_cpus;
	cpu_run(0, judge, NULL);
}

static const struct scenario scenario = {
	.name = "slab-rcu",
	.doc = "SLAB_TYPESAFE_BY_RCU: a reader's object becomes something else, or is freed twice",
	.cpus = 3, .ops = 60, .slab = true,
	.setup = setup, .run = run, .check = check,
};

EXPLORE_SCENARIO(scenario);
