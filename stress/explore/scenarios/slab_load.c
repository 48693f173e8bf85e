/* SPDX-License-Identifier: MIT */
/* Objects of the slab scenarios. */
#include "stress/explore/scenarios/slab_load.h"

#include "runtime/preempt.h"

#define HELD	16u

static struct {
	struct slab_load_object *held[HELD];
	unsigned int nr;
} load[EXPLORE_MAX_CPUS];

static struct kmem_cache *cache;

/* The owner of an object that an interrupt handler of CPU @cpu holds. */
#define IRQ_OWNER(cpu)	((cpu) + 1u + EXPLORE_MAX_CPUS)

static void construct(void *p)
{
	struct slab_load_object *o = p;

	o->owner = 0;
}

struct kmem_cache *slab_load_cache(void)
{
	return cache;
}

struct objcache_tunables slab_load_tunables(enum objcache_policy policy, u32 rounds)
{
	struct objcache_tunables tun;

	objcache_tunables_preset(&tun, policy);
	if (tun.kind != OBJCACHE_KIND_NONE)
		tun.rounds = tun.rounds_max = rounds;
	tun.stash_objects = 0;
	tun.full_max = tun.empty_max = 2;
	tun.import_batch = 2;
	return tun;
}

static void make_cache(void *arg)
{
	const struct objcache_tunables tun = slab_load_tunables(OBJCACHE_MAGAZINES, 2);

	(void)arg;
	cache = kmem_cache_create("explore", 256, 0, SLAB_PANIC, construct);
	kmem_cache_configure(cache, &tun);
}

void slab_load_setup(void)
{
	for (unsigned int i = 0; i < EXPLORE_MAX_CPUS; i++)
		load[i].nr = 0;
	cpu_run(0, make_cache, NULL);
}

/* A free object has no owner: the constructor and every user see to it. */
static struct slab_load_object *get(gfp_t gfp, u64 owner)
{
	struct slab_load_object *o = kmem_cache_alloc(cache, gfp | __GFP_NOWARN);

	if (!o)
		return NULL;
	if (o->owner)
		panic("slab scenario: object %p is handed to %llu while %llu owns it", (void *)o,
		      (unsigned long long)owner, (unsigned long long)o->owner);
	o->owner = owner;
	return o;
}

static void put(struct slab_load_object *o, u64 owner)
{
	if (o->owner != owner)
		panic("slab scenario: object %p of %llu is now %llu's", (void *)o,
		      (unsigned long long)owner, (unsigned long long)o->owner);
	o->owner = 0;
	kmem_cache_free(cache, o);
}

void slab_load_alloc(struct scenario_cpu *c)
{
	struct slab_load_object *o;

	if (load[c->id].nr == HELD)
		return;
	o = get(GFP_NOWAIT, c->id + 1);
	if (o)
		load[c->id].held[load[c->id].nr++] = o;
}

struct slab_load_object *slab_load_take(struct scenario_cpu *c)
{
	unsigned int n = load[c->id].nr, i;
	struct slab_load_object *o;

	if (!n)
		return NULL;
	i = rand_below(&c->rng, n);
	o = load[c->id].held[i];
	load[c->id].held[i] = load[c->id].held[--load[c->id].nr];
	return o;
}

void slab_load_own(struct scenario_cpu *c, struct slab_load_object *o)
{
	o->owner = c->id + 1;
}

void slab_load_free_object(struct scenario_cpu *c, struct slab_load_object *o)
{
	put(o, c->id + 1);
}

void slab_load_free(struct scenario_cpu *c)
{
	struct slab_load_object *o = slab_load_take(c);

	if (o)
		slab_load_free_object(c, o);
}

void slab_load_free_all(struct scenario_cpu *c)
{
	while (load[c->id].nr)
		slab_load_free_object(c, load[c->id].held[--load[c->id].nr]);
}

void slab_load_irq(struct scenario_cpu *c)
{
	struct slab_load_object *a = get(GFP_ATOMIC, IRQ_OWNER(c->id));
	struct slab_load_object *b = get(GFP_ATOMIC, IRQ_OWNER(c->id));

	if (a)
		put(a, IRQ_OWNER(c->id));
	if (b)
		put(b, IRQ_OWNER(c->id));
}

static void judge(void *arg)
{
	struct kmem_cache_stats stats;

	(void)arg;
	BUG_ON(!kmem_cache_is_valid(cache));
	kmem_cache_stats(cache, &stats);
	BUG_ON(stats.live_objects);
	kmem_cache_shrink(cache);
	kmem_cache_stats(cache, &stats);
	BUG_ON(stats.nr_slabs || stats.out_objects || stats.pages);
}

void slab_load_check(unsigned int nr_cpus)
{
	(void)nr_cpus;
	cpu_run(0, judge, NULL);
}
