/* SPDX-License-Identifier: MIT */
/*
 * kmalloc: the caches of the size classes, large blocks, and the family's rarer members.
 *
 * What.  Thirteen sizes in three types (normal, DMA, reclaimable).  96 and 192 exist because
 * structures of those sizes are common and a power of two would waste a third.  Large blocks are
 * compound pages marked PG_large_kmalloc.
 *
 * Invariants.
 *   I1  A pointer of kmalloc() lies in a frame with PG_slab, or is the first byte of a frame with
 *       PG_large_kmalloc, or is ZERO_SIZE_PTR.
 *   I2  large.pages = sum over CPUs of pages allocated - pages freed.
 *
 * Locking.  None of its own.  Context.  As kmem_cache_alloc() and kmem_cache_free().
 * Failure.  NULL.  kfree() of anything else panics with what the page says.
 * See also.  linux: mm/slab_common.c.
 */
#include "mm/slab/kmalloc.h"

#include <errno.h>

#include "mm/page/vmstat.h"
#include "mm/slab/slab_impl.h"

struct kmem_cache *kmalloc_caches[NR_KMALLOC_TYPES][KMALLOC_NR_SIZES];
struct kmem_cache *kmalloc_by_size[KMALLOC_STEPS];

static const struct {
	const char *name;
	unsigned int size;
} classes[KMALLOC_NR_SIZES] = {
	{ "8", 8 }, { "16", 16 }, { "32", 32 }, { "64", 64 }, { "96", 96 }, { "128", 128 },
	{ "192", 192 }, { "256", 256 }, { "512", 512 }, { "1k", 1024 }, { "2k", 2048 },
	{ "4k", 4096 }, { "8k", 8192 },
};

const u8 kmalloc_size_index[24] = {
	0, 1, 2, 2, 3, 3, 3, 3,		/* 8, 16, 32, 64 */
	4, 4, 4, 4, 5, 5, 5, 5,		/* 96, 128 */
	6, 6, 6, 6, 6, 6, 6, 6,		/* 192 */
};

/* Any context of the CPU; reports read. */
static DEFINE_PER_CPU(struct kmalloc_large_stats, large_stats);

/* ---- large blocks ---- */

static void *alloc_large(size_t size, gfp_t gfp, int nid)
{
	struct page *page;

	if (!size)
		return ZERO_SIZE_PTR;
	if (unlikely(size > KMALLOC_MAX_SIZE)) {
		WARN_ON_ONCE(!(gfp & __GFP_NOWARN));
		return NULL;
	}
	page = alloc_pages_node(nid < 0 ? this_cpu()->node : nid,
				(gfp & ~(__GFP_HIGHMEM | __GFP_MOVABLE)) | __GFP_COMP,
				get_order(size));
	if (!page)
		return NULL;
	__page_set_flags(page, PG_large_kmalloc);
	mod_zone_page_state(page_zone(page), NR_SLAB_UNRECLAIMABLE, 1L << page->order);
	this_cpu_inc(large_stats.allocs);
	this_cpu_add(large_stats.pages, 1UL << page->order);
	return page_address(page);
}

void *kmalloc_large_site(size_t size, gfp_t gfp, const struct slab_site *site)
{
	(void)site;
	return alloc_large(size, gfp, -1);
}

static void free_large(struct page *page)
{
	unsigned int order = page->order;

	__page_clear_flags(page, PG_large_kmalloc);
	mod_zone_page_state(page_zone(page), NR_SLAB_UNRECLAIMABLE, -(1L << order));
	this_cpu_inc(large_stats.frees);
	this_cpu_sub(large_stats.pages, 1UL << order);
	__free_pages(page, order);
}

static bool in_direct_map(const void *p)
{
	return (unsigned long)((const char *)p - direct_map) >> PAGE_SHIFT < max_pfn;
}

static bool is_large(const void *p)
{
	return in_direct_map(p) && page_test_flags(virt_to_page(p), PG_large_kmalloc) &&
	       (uintptr_t)p % PAGE_SIZE == 0;
}

static const char *site_file(const struct slab_site *site)
{
	return site ? site->file : "?";
}

void kfree_slow(const void *p, const struct slab_site *site)
{
	if (ZERO_OR_NULL_PTR(p))
		return;
	if (is_large(p)) {
		free_large(virt_to_page(p));
		return;
	}
	panic("kfree(%p) at %s:%u: not from kmalloc: %s", p, site_file(site),
	      site ? site->line : 0, in_direct_map(p) ?
	      "its page belongs to no slab and is no large block" :
	      "it lies outside the simulated memory");
}

void kmalloc_large_stats(struct kmalloc_large_stats *stats)
{
	unsigned int cpu;

	*stats = (struct kmalloc_large_stats) { .allocs = 0 };
	for_each_possible_cpu(cpu) {
		/* Reports read other CPUs' counts: a moment's truth. */
		const struct kmalloc_large_stats *one = per_cpu_ptr(&large_stats, cpu);

		stats->allocs += READ_ONCE(one->allocs);
		stats->frees += READ_ONCE(one->frees);
		stats->pages += READ_ONCE(one->pages);
	}
}

/* ---- the family ---- */

size_t ksize(const void *p)
{
	struct slab *slab;

	if (ZERO_OR_NULL_PTR(p))
		return 0;
	if (is_large(p))
		return PAGE_SIZE << virt_to_page(p)->order;
	slab = in_direct_map(p) ? virt_to_slab(p) : NULL;
	BUG_ON(!slab);
	return slab->cache->inuse;
}

size_t kmalloc_size_roundup(size_t size)
{
	if (size == 0)
		return 0;
	if (size > KMALLOC_MAX_CACHE_SIZE)
		return PAGE_SIZE << get_order(size);
	return classes[kmalloc_index(size)].size;
}

void *kmalloc_node_site(size_t size, gfp_t gfp, int nid, const struct slab_site *site)
{
	if (size - 1 >= KMALLOC_MAX_CACHE_SIZE)
		return alloc_large(size, gfp, nid);
	return __kmem_cache_alloc_node(kmalloc_slab(size, gfp), gfp, nid, site);
}

void *krealloc_site(const void *p, size_t size, gfp_t gfp, const struct slab_site *site)
{
	size_t old = ksize(p);
	void *bigger;

	if (!size) {
		kfree_site(p, site);
		return ZERO_SIZE_PTR;
	}
	if (!ZERO_OR_NULL_PTR(p) && old >= size)
		return (void *)(uintptr_t)p;
	bigger = kmalloc_site(size, gfp, site);
	if (bigger && !ZERO_OR_NULL_PTR(p)) {
		memcpy(bigger, p, old);
		kfree_site(p, site);
	}
	return bigger;
}

void *kmemdup_site(const void *p, size_t len, gfp_t gfp, const struct slab_site *site)
{
	void *copy;

	if (!p)
		return NULL;
	copy = kmalloc_site(len, gfp, site);
	if (copy && len)
		memcpy(copy, p, len);
	return copy;
}

char *kstrdup_site(const char *s, gfp_t gfp, const struct slab_site *site)
{
	return s ? kmemdup_site(s, strlen(s) + 1, gfp, site) : NULL;
}

char *kstrndup_site(const char *s, size_t max, gfp_t gfp, const struct slab_site *site)
{
	size_t len = s ? strnlen(s, max) : 0;
	char *copy = s ? kmalloc_site(len + 1, gfp, site) : NULL;

	if (copy) {
		memcpy(copy, s, len);
		copy[len] = '\0';
	}
	return copy;
}

void *kmalloc_array_node_site(size_t n, size_t size, gfp_t gfp, int nid,
			      const struct slab_site *site)
{
	size_t bytes;

	if (unlikely(__builtin_mul_overflow(n, size, &bytes)))
		return NULL;
	return kmalloc_node_site(bytes, gfp, nid, site);
}

void kfree_sensitive_site(const void *p, const struct slab_site *site)
{
	if (ZERO_OR_NULL_PTR(p))
		return;
	memset((void *)(uintptr_t)p, 0, ksize(p));
	/* The compiler must not see that the memory dies next. */
	barrier();
	kfree_site(p, site);
}

static struct kmem_cache *cache_of(const void *p)
{
	struct slab *slab = ZERO_OR_NULL_PTR(p) || !in_direct_map(p) ? NULL : virt_to_slab(p);

	return slab ? slab->cache : NULL;
}

void kfree_bulk_site(size_t nr, void **objs, const struct slab_site *site)
{
	size_t at = 0;

	while (at < nr) {
		struct kmem_cache *s = cache_of(objs[at]);
		size_t first = at++;

		if (!s) {
			kfree_slow(objs[first], site);
			continue;
		}
		while (at < nr && cache_of(objs[at]) == s)
			at++;
		kmem_cache_free_bulk_site(s, at - first, objs + first, site);
	}
}

/* ---- bootstrap ---- */

static const struct {
	const char *prefix;
	slab_flags_t flags;
} types[NR_KMALLOC_TYPES] = {
	[KMALLOC_NORMAL] = { "kmalloc-", 0 },
	[KMALLOC_DMA] = { "dma-kmalloc-", SLAB_CACHE_DMA },
	[KMALLOC_RECLAIM] = { "kmalloc-rcl-", SLAB_RECLAIM_ACCOUNT },
};

static struct kmem_cache *create_class(enum kmalloc_type type, unsigned int i)
{
	char name[SLAB_NAME_MAX];
	struct slab_create args = {
		/* The rare types share a row of the lock statistics. */
		.name = name, .lock_name = type == KMALLOC_NORMAL ? name : types[type].prefix,
		.size = classes[i].size, .tun = slab_default_tunables(), .internal = true,
	};

	snprintf(name, sizeof(name), "%s%s", types[type].prefix, classes[i].name);
	args.flags = types[type].flags | slab_debug_flags(name);
	/* Powers of two are aligned to themselves, within a page. */
	args.align = args.size & (args.size - 1) ? ARCH_KMALLOC_MINALIGN :
		     min(args.size, (unsigned int)PAGE_SIZE);
	return __kmem_cache_create(&args);
}

int kmalloc_boot(void)
{
	bool failed = false;

	mutex_lock(&slab_mutex);
	for (unsigned int type = 0; type < NR_KMALLOC_TYPES; type++)
		for (unsigned int i = 0; i < KMALLOC_NR_SIZES && !failed; i++) {
			kmalloc_caches[type][i] = create_class((enum kmalloc_type)type, i);
			failed = !kmalloc_caches[type][i];
		}
	mutex_unlock(&slab_mutex);
	for (unsigned int step = 1; step < KMALLOC_STEPS; step++)
		kmalloc_by_size[step] = kmalloc_caches[KMALLOC_NORMAL][kmalloc_index(step * 8UL)];
	return failed ? -ENOMEM : 0;
}

void kmalloc_shutdown(void)
{
	memset(kmalloc_caches, 0, sizeof(kmalloc_caches));
	memset(kmalloc_by_size, 0, sizeof(kmalloc_by_size));
}
