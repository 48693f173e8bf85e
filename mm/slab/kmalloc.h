/* SPDX-License-Identifier: MIT */
/*
 * kmalloc and its family (include/linux/slab.h): memory of any size.
 *
 * Sizes up to KMALLOC_MAX_CACHE_SIZE come from caches of 8, 16, 32, 64, 96, 128, 192, 256, 512,
 * 1024, 2048, 4096 and 8192 bytes, larger ones up to KMALLOC_MAX_SIZE straight from the page
 * allocator.  kfree() finds the cache by the page.  A size that is a power of two is aligned to
 * itself.
 *
 * Context as for kmem_cache_alloc() and kmem_cache_free().
 */
#ifndef MM_SLAB_KMALLOC_H
#define MM_SLAB_KMALLOC_H

#include "mm/slab/slab.h"

#define KMALLOC_MAX_CACHE_SIZE	8192UL
#define KMALLOC_MAX_SIZE	(PAGE_SIZE << MAX_PAGE_ORDER)
#define KMALLOC_NR_SIZES	13
#define ARCH_KMALLOC_MINALIGN	8

/* What an allocation of no bytes returns: kfree() takes it, any access faults. */
#define ZERO_SIZE_PTR		((void *)16)
#define ZERO_OR_NULL_PTR(p)	((uintptr_t)(p) <= (uintptr_t)ZERO_SIZE_PTR)

/* Head of a block from the page allocator that kmalloc() handed out. */
#define PG_large_kmalloc	((u32)PG_owner_0)

enum kmalloc_type { KMALLOC_NORMAL, KMALLOC_DMA, KMALLOC_RECLAIM, NR_KMALLOC_TYPES };

extern struct kmem_cache *kmalloc_caches[NR_KMALLOC_TYPES][KMALLOC_NR_SIZES];
/* The normal caches by size, in steps of eight bytes: one load where the size is no constant. */
#define KMALLOC_STEPS	(KMALLOC_MAX_CACHE_SIZE / 8 + 1)
extern struct kmem_cache *kmalloc_by_size[KMALLOC_STEPS];
/* Index of the smallest cache for sizes up to 192, by (size - 1) / 8. */
extern const u8 kmalloc_size_index[24];

/* Index of the cache for @size, 1..KMALLOC_MAX_CACHE_SIZE; a constant for a constant. */
static inline unsigned int kmalloc_index(size_t size)
{
	if (!__builtin_constant_p(size))
		return size <= 192 ? kmalloc_size_index[(size - 1) / 8] :
		       fls64(size - 1) - 1;
	return size <= 8 ? 0 : size <= 16 ? 1 : size <= 32 ? 2 : size <= 64 ? 3 :
	       size <= 96 ? 4 : size <= 128 ? 5 : size <= 192 ? 6 : size <= 256 ? 7 :
	       size <= 512 ? 8 : size <= 1024 ? 9 : size <= 2048 ? 10 : size <= 4096 ? 11 : 12;
}

static inline enum kmalloc_type kmalloc_type(gfp_t gfp)
{
	if (likely(!(gfp & (__GFP_DMA | __GFP_RECLAIMABLE))))
		return KMALLOC_NORMAL;
	return gfp & __GFP_DMA ? KMALLOC_DMA : KMALLOC_RECLAIM;
}

/* The cache for @size, 1..KMALLOC_MAX_CACHE_SIZE. */
static inline struct kmem_cache *kmalloc_slab(size_t size, gfp_t gfp)
{
	enum kmalloc_type type = kmalloc_type(gfp);

	if (!__builtin_constant_p(size) && likely(type == KMALLOC_NORMAL))
		return kmalloc_by_size[(size + 7) / 8];
	return kmalloc_caches[type][kmalloc_index(size)];
}

/* Everything but small sizes; NULL above KMALLOC_MAX_SIZE. */
void *kmalloc_large_site(size_t size, gfp_t gfp, const struct slab_site *site) __must_check;
/* kfree() of what is no slab object: NULL, ZERO_SIZE_PTR, a large block; else a panic. */
void kfree_slow(const void *p, const struct slab_site *site);

__must_check static inline void *kmalloc_site(size_t size, gfp_t gfp, const struct slab_site *site)
{
	/* One test for 0 and for the large ones. */
	if (unlikely(size - 1 >= KMALLOC_MAX_CACHE_SIZE))
		return kmalloc_large_site(size, gfp, site);
	return kmem_cache_alloc_site(kmalloc_slab(size, gfp), gfp, site);
}

static inline void kfree_site(const void *p, const struct slab_site *site)
{
	unsigned long pfn = (unsigned long)((const char *)p - direct_map) >> PAGE_SHIFT;
	/* Every frame of a slab has its cache there (mm/slab/slab_pages.c, I4). */
	struct kmem_cache *s = likely(pfn < max_pfn) ? READ_ONCE(slab_map[pfn]) : NULL;

	if (likely(s))
		kmem_cache_free_site(s, (void *)(uintptr_t)p, site);
	else
		kfree_slow(p, site);
}

/* @size bytes, uninitialised; ZERO_SIZE_PTR for 0, NULL when there are none. */
#define kmalloc(size, gfp)	kmalloc_site((size), (gfp), SLAB_SITE())
#define kzalloc(size, gfp)	kmalloc((size), (gfp) | __GFP_ZERO)
/* From node @nid when possible; -1: this CPU's. */
#define kmalloc_node(size, gfp, nid) kmalloc_node_site((size), (gfp), (nid), SLAB_SITE())
#define kzalloc_node(size, gfp, nid) kmalloc_node((size), (gfp) | __GFP_ZERO, (nid))
/* @n elements of @size bytes; NULL when the product overflows. */
#define kmalloc_array(n, size, gfp) kmalloc_array_site((n), (size), (gfp), SLAB_SITE())
#define kcalloc(n, size, gfp)	kmalloc_array((n), (size), (gfp) | __GFP_ZERO)
#define kmalloc_array_node(n, size, gfp, nid) \
	kmalloc_array_node_site((n), (size), (gfp), (nid), SLAB_SITE())
#define kcalloc_node(n, size, gfp, nid) \
	kmalloc_array_node((n), (size), (gfp) | __GFP_ZERO, (nid))
/*
 * Memory of @size bytes with the old contents, at the old place when it fits.  @p NULL: kmalloc().
 * @size 0: kfree() and ZERO_SIZE_PTR.  On failure NULL, and @p is as it was.  With __GFP_ZERO
 * what was added is zero, if every step of the memory's life asked for it.
 */
#define krealloc(p, size, gfp)	krealloc_site((p), (size), (gfp), SLAB_SITE())
#define krealloc_array(p, n, size, gfp) krealloc_array_site((p), (n), (size), (gfp), SLAB_SITE())
/* A copy of a string, of at most @max characters of it, or of @len bytes. */
#define kstrdup(s, gfp)		kstrdup_site((s), (gfp), SLAB_SITE())
#define kstrndup(s, max, gfp)	kstrndup_site((s), (max), (gfp), SLAB_SITE())
#define kmemdup(p, len, gfp)	kmemdup_site((p), (len), (gfp), SLAB_SITE())
/* What kmalloc() and friends returned; NULL and ZERO_SIZE_PTR are fine. */
#define kfree(p)		kfree_site((p), SLAB_SITE())
/* The same after overwriting the memory. */
#define kfree_sensitive(p)	kfree_sensitive_site((p), SLAB_SITE())
/* Frees all, runs of one cache at a time; any of them may be NULL. */
#define kfree_bulk(nr, objs)	kfree_bulk_site((nr), (objs), SLAB_SITE())

void *kmalloc_node_site(size_t size, gfp_t gfp, int nid, const struct slab_site *site)
	__must_check;
void *krealloc_site(const void *p, size_t size, gfp_t gfp, const struct slab_site *site)
	__must_check;
void *kmemdup_site(const void *p, size_t len, gfp_t gfp, const struct slab_site *site)
	__must_check;
char *kstrdup_site(const char *s, gfp_t gfp, const struct slab_site *site) __must_check;
char *kstrndup_site(const char *s, size_t max, gfp_t gfp, const struct slab_site *site)
	__must_check;
void *kmalloc_array_node_site(size_t n, size_t size, gfp_t gfp, int nid,
			      const struct slab_site *site) __must_check;
void kfree_sensitive_site(const void *p, const struct slab_site *site);
void kfree_bulk_site(size_t nr, void **objs, const struct slab_site *site);

__must_check static inline void *kmalloc_array_site(size_t n, size_t size, gfp_t gfp,
						    const struct slab_site *site)
{
	size_t bytes;

	if (unlikely(__builtin_mul_overflow(n, size, &bytes)))
		return NULL;
	return kmalloc_site(bytes, gfp, site);
}

__must_check static inline void *krealloc_array_site(const void *p, size_t n, size_t size,
						     gfp_t gfp, const struct slab_site *site)
{
	size_t bytes;

	if (unlikely(__builtin_mul_overflow(n, size, &bytes)))
		return NULL;
	return krealloc_site(p, bytes, gfp, site);
}

/* Bytes that the caller may use, at least what was asked for; 0 for NULL and ZERO_SIZE_PTR. */
size_t ksize(const void *p);
/* What kmalloc(@size) would make usable. */
size_t kmalloc_size_roundup(size_t size);

/* Blocks from the page allocator that are live: for leak checks and reports. */
struct kmalloc_large_stats {
	u64 allocs, frees;
	u64 pages;			/* in use */
};
void kmalloc_large_stats(struct kmalloc_large_stats *stats);

#endif /* MM_SLAB_KMALLOC_H */
