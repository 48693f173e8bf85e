/* SPDX-License-Identifier: MIT */
/* The caches of stress-slab: mixed sizes, flags, constructors and policies. */
#include "stress/workloads/slab_load.h"

#include <errno.h>

/* All of the machine: its own, these, and one of each CPU that comes and goes. */
#define MAX_CACHES	(128u + NR_CPUS)

static const struct cache_spec {
	const char *name;
	unsigned int size, align;
	slab_flags_t flags;
	enum slab_kind kind;
} specs[] = {
	{ "stress-8", 8, 0, 0, SLAB_PLAIN },
	{ "stress-24", 24, 0, 0, SLAB_PLAIN },
	{ "stress-40-hwalign", 40, 0, SLAB_HWCACHE_ALIGN, SLAB_PLAIN },
	{ "stress-64", 64, 0, 0, SLAB_PLAIN },
	{ "stress-72-rcu", 72, 0, SLAB_TYPESAFE_BY_RCU, SLAB_RCU },
	{ "stress-96-ctor", 96, 0, 0, SLAB_CTOR },
	{ "stress-192-reclaim", 192, 0, SLAB_RECLAIM_ACCOUNT, SLAB_PLAIN },
	{ "stress-256-rcu", 256, 64, SLAB_TYPESAFE_BY_RCU | SLAB_HWCACHE_ALIGN, SLAB_RCU },
	{ "stress-320-ctor", 320, 0, SLAB_HWCACHE_ALIGN, SLAB_CTOR },
	{ "stress-700", 700, 0, SLAB_RECLAIM_ACCOUNT, SLAB_PLAIN },
	{ "stress-1024-align", 1024, 1024, 0, SLAB_PLAIN },
	{ "stress-2048-rcu", 2048, 0, SLAB_TYPESAFE_BY_RCU, SLAB_RCU },
	{ "stress-4096", 4096, 0, 0, SLAB_PLAIN },
	{ "stress-9000", 9000, 0, 0, SLAB_PLAIN },
	/*
	 * For published objects alone, one to a slab and at its start: every free under the readers
	 * may let pages go.
	 */
	{ "stress-32736-shared", 32736, 0, SLAB_TYPESAFE_BY_RCU, SLAB_RCU },
};

#define NR_SPECS	ARRAY_SIZE(specs)

static struct kmem_cache *caches[NR_SPECS];

unsigned int slab_nr_caches(void)
{
	return (unsigned int)NR_SPECS - 1;
}

unsigned int slab_shared_cache(void)
{
	return (unsigned int)NR_SPECS - 1;
}

struct kmem_cache *slab_cache(unsigned int i)
{
	return caches[i];
}

enum slab_kind slab_cache_kind(unsigned int i)
{
	return specs[i].kind;
}

int slab_caches_start(const struct stress_options *opt)
{
	struct objcache_tunables tun;

	tun = *slab_default_tunables();
	tun.reap_interval_ms = SLAB_REAP_MS;
	slab_configure_all(&tun);
	for (unsigned int i = 0; i < NR_SPECS; i++) {
		const struct cache_spec *spec = &specs[i];
		slab_flags_t flags = spec->flags;

		if (slab_is_exact(opt))
			flags &= ~SLAB_TYPESAFE_BY_RCU;
		caches[i] = kmem_cache_create(spec->name, spec->size, spec->align, flags,
					      spec->kind == SLAB_CTOR ? slab_ctor_built :
					      spec->kind == SLAB_RCU ? slab_ctor_shared : NULL);
		if (!caches[i])
			return -ENOMEM;
		if (opt->slab)
			continue;
		objcache_tunables_preset(&tun, i == slab_shared_cache() ? OBJCACHE_NONE :
					 (enum objcache_policy)(i % NR_OBJCACHE_POLICIES));
		tun.reap_interval_ms = SLAB_REAP_MS;
		kmem_cache_configure(caches[i], &tun);
	}
	return 0;
}

unsigned int slab_caches_stop(void)
{
	unsigned int left = 0;

	for (unsigned int i = 0; i < NR_SPECS; i++) {
		left += kmem_cache_destroy(caches[i]) != 0;
		caches[i] = NULL;
	}
	return left;
}

/* What @kind leaves of the flags: zeroing would destroy the constructed state. */
static gfp_t allowed(unsigned int i, gfp_t gfp)
{
	return specs[i].kind == SLAB_PLAIN ? gfp : gfp & ~__GFP_ZERO;
}

static void describe(unsigned int i, gfp_t gfp, struct slab_object *o)
{
	o->s = caches[i];
	o->temp = NULL;
	o->size = specs[i].size;
	o->kind = (u8)specs[i].kind;
	o->zeroed = (gfp & __GFP_ZERO) != 0;
}

bool slab_cache_alloc(unsigned int i, gfp_t gfp, struct slab_object *o)
{
	gfp = allowed(i, gfp);
	describe(i, gfp, o);
	o->p = kmem_cache_alloc(caches[i], gfp);
	return o->p != NULL;
}

unsigned int slab_cache_alloc_bulk(unsigned int i, gfp_t gfp, unsigned int nr,
				   struct slab_object *o)
{
	void *objs[64];
	unsigned int got;

	gfp = allowed(i, gfp);
	got = kmem_cache_alloc_bulk(caches[i], gfp, min(nr, (unsigned int)ARRAY_SIZE(objs)), objs);
	for (unsigned int k = 0; k < got; k++) {
		describe(i, gfp, &o[k]);
		o[k].p = objs[k];
	}
	return got;
}

void slab_retune(struct rand_state *rng)
{
	static const u32 rounds[] = { 0, 1, 3, 8, 31, 200 };
	static const u32 limits[] = { 0, 1, 4, 16 };
	static const u32 stashes[] = { 0, 16, 256, 1024 };
	struct objcache_tunables tun;

	objcache_tunables_preset(&tun, (enum objcache_policy)rand_below(rng, NR_OBJCACHE_POLICIES));
	tun.rounds = tun.kind == OBJCACHE_KIND_NONE ? 0 :
		     rounds[rand_below(rng, ARRAY_SIZE(rounds))];
	tun.full_max = limits[rand_below(rng, ARRAY_SIZE(limits))];
	tun.empty_max = limits[rand_below(rng, ARRAY_SIZE(limits))];
	tun.stash_objects = stashes[rand_below(rng, ARRAY_SIZE(stashes))];
	tun.import_batch = 1 + rand_below(rng, OBJCACHE_IMPORT_MAX);
	tun.flush_chunk = 1 + rand_below(rng, 64);
	tun.contention_max = rand_below(rng, 4);
	tun.reap_interval_ms = SLAB_REAP_MS;
	kmem_cache_configure(caches[rand_below(rng, NR_SPECS - 1)], &tun);
}

/* ---- every cache of the machine ---- */

struct cache_list {
	struct kmem_cache *s[MAX_CACHES];
	unsigned int nr;
};

static void list_one(struct kmem_cache *s, void *arg)
{
	struct cache_list *list = arg;

	BUG_ON(list->nr == MAX_CACHES);
	list->s[list->nr++] = s;
}

void slab_shrink_everything(void)
{
	struct cache_list list = { .nr = 0 };

	slab_for_each_cache(list_one, &list);
	/* Users' magazines go back to the caches that hold magazines, so those come last. */
	for (int magazines = 0; magazines < 2; magazines++)
		for (unsigned int i = 0; i < list.nr; i++)
			if (list.s[i]->magazine == magazines)
				kmem_cache_shrink(list.s[i]);
}

unsigned int slab_count_invalid(void)
{
	struct cache_list list = { .nr = 0 };
	unsigned int invalid = 0;

	slab_for_each_cache(list_one, &list);
	for (unsigned int i = 0; i < list.nr; i++)
		invalid += !kmem_cache_is_valid(list.s[i]);
	return invalid;
}
