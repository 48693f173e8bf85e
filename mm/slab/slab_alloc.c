/* SPDX-License-Identifier: MIT */
/* The misses of alloc and free, bulk operations, and the caches that magazines come from. */
#include "mm/slab/slab_impl.h"

#include <errno.h>

#include "runtime/irq.h"

static inline bool is_debug(const struct kmem_cache *s)
{
	return s->flags & SLAB_DEBUG_FLAGS;
}

struct fault_attr failslab = FAULT_ATTR("failslab");

struct fault_attr *failslab_attr(void)
{
	return &failslab;
}

static struct fault_attr fail_magazine = FAULT_ATTR("fail_magazine");

struct fault_attr *fail_magazine_attr(void)
{
	return &fail_magazine;
}

bool __should_failslab(const struct kmem_cache *s, gfp_t gfp)
{
	return !s->magazine && !(gfp & __GFP_NOFAIL) && should_fail(&failslab, s->object_size);
}

void *__kmem_cache_alloc(struct kmem_cache *s, gfp_t gfp, const struct slab_site *site)
{
	void *obj;

	if (gfp & __GFP_DIRECT_RECLAIM)
		might_sleep();
	VM_BUG_ON((gfp & __GFP_ZERO) && s->ctor);
	/* In debug builds the caller has asked, before it looked for a hit. */
	if (!KMEMLAB_DEBUG && should_failslab(s, gfp))
		return NULL;
	obj = objcache_alloc_slow(&s->oc, gfp);
	if (unlikely(is_debug(s)) && obj)
		slab_debug_alloc(s, obj, site);
	return obj;
}

void *__kmem_cache_alloc_node(struct kmem_cache *s, gfp_t gfp, int nid,
			      const struct slab_site *site)
{
	void *obj;

	if (nid < 0 || nid == this_cpu()->node)
		return kmem_cache_alloc_site(s, gfp, site);
	BUG_ON((unsigned int)nid >= nr_node_ids);
	if (gfp & __GFP_DIRECT_RECLAIM)
		might_sleep();
	if (should_failslab(s, gfp) || !slab_take(s, &obj, 1, gfp, nid))
		return NULL;
	if (unlikely(is_debug(s)))
		slab_debug_alloc(s, obj, site);
	if (gfp & __GFP_ZERO)
		memset(obj, 0, s->object_size);
	return obj;
}

void __kmem_cache_free(struct kmem_cache *s, void *obj, const struct slab_site *site)
{
	bool local = true;

	if (unlikely(is_debug(s)))
		slab_debug_free(s, obj, site);
	if (unlikely(s->oc.local_only) && READ_ONCE(s->oc.kind) == OBJCACHE_KIND_SHEAF)
		local = page_to_nid(virt_to_page(obj)) == this_cpu()->node;
	objcache_free_slow(&s->oc, obj, local);
}

unsigned int kmem_cache_alloc_bulk_site(struct kmem_cache *s, gfp_t gfp, size_t nr, void **objs,
					const struct slab_site *site)
{
	unsigned int got;

	if (gfp & __GFP_DIRECT_RECLAIM)
		might_sleep();
	if (should_failslab(s, gfp))
		return 0;
	got = objcache_alloc_bulk(&s->oc, gfp, (unsigned int)nr, objs);
	for (unsigned int i = 0; unlikely(is_debug(s)) && i < got; i++)
		slab_debug_alloc(s, objs[i], site);
	if (unlikely(got < nr)) {
		kmem_cache_free_bulk_site(s, got, objs, site);
		return 0;
	}
	for (unsigned int i = 0; (gfp & __GFP_ZERO) && i < got; i++)
		memset(objs[i], 0, s->object_size);
	return got;
}

void kmem_cache_free_bulk_site(struct kmem_cache *s, size_t nr, void **objs,
			       const struct slab_site *site)
{
	/* Debug checks and the node of each object: one by one. */
	if (unlikely(is_debug(s) || s->oc.local_only)) {
		for (size_t i = 0; i < nr; i++)
			kmem_cache_free_site(s, objs[i], site);
		return;
	}
	objcache_free_bulk(&s->oc, (unsigned int)nr, objs);
}

/* ---- magazines ---- */

/*
 * One cache per size of magazine, from a word and its header to 8 KiB.  Every number of rounds
 * fits one with at most half of it unused; the types of Bonwick fit exactly.
 */
static const unsigned int magazine_sizes[] = {
	16, 32, 64, 128, 256, 384, 512, 768, 1152, 2048, 4096, 8192,
};

static struct kmem_cache *magazine_caches[ARRAY_SIZE(magazine_sizes)];

int slab_magazines_boot(void)
{
	struct objcache_tunables none;
	char name[SLAB_NAME_MAX];
	struct slab_create args = {
		.name = name, .lock_name = "magazine", .tun = &none,
		.internal = true, .magazine = true,
	};
	int err = 0;

	objcache_tunables_preset(&none, OBJCACHE_NONE);
	mutex_lock(&slab_mutex);
	for (unsigned int i = 0; i < ARRAY_SIZE(magazine_sizes) && !err; i++) {
		args.size = magazine_sizes[i];
		args.align = args.size % CACHE_LINE ? 16 : CACHE_LINE;
		snprintf(name, sizeof(name), "magazine-%zu",
			 args.size / sizeof(void *) - 1);
		magazine_caches[i] = __kmem_cache_create(&args);
		err = magazine_caches[i] ? 0 : -ENOMEM;
	}
	mutex_unlock(&slab_mutex);
	return err;
}

static struct kmem_cache *magazine_cache(u32 rounds)
{
	unsigned int i = 0;

	while (magazine_sizes[i] < magazine_bytes(rounds))
		i++;
	return magazine_caches[i];
}

struct magazine *slab_magazine_alloc(struct objcache *oc, u32 rounds)
{
	(void)oc;
	if (should_fail(&fail_magazine, rounds))
		return NULL;
	/* A magazine is a convenience: no reserve, no reclaim, no warning. */
	return kmem_cache_alloc(magazine_cache(rounds), GFP_NOWAIT);
}

void slab_magazine_free(struct objcache *oc, struct magazine *mag, u32 rounds)
{
	(void)oc;
	kmem_cache_free(magazine_cache(rounds), mag);
}
