/* SPDX-License-Identifier: MIT */
/*
 * Caches of equal objects (include/linux/slab.h): create, alloc, free, shrink, destroy.
 *
 * Context of alloc and free: any context of a CPU; an alloc with __GFP_DIRECT_RECLAIM only where
 * sleeping is allowed.  Create, destroy, shrink and configure: task context, interrupts on, no
 * spinlock held; they wait for other CPUs.
 *
 * A hit of the CPU's magazine is inline and takes no lock (percpu/objcache.h).  Calls are macros
 * because each passes its own place in the source, which only the debug checks look at.
 */
#ifndef MM_SLAB_SLAB_H
#define MM_SLAB_SLAB_H

#include <stdio.h>
#include <string.h>

#include "mm/page/page_alloc.h"
#include "percpu/objcache.h"
#include "runtime/fault_inject.h"

/* Flags of kmem_cache_create(); the values are those of the kernel before 6.10. */
typedef u32 slab_flags_t;
#define SLAB_CONSISTENCY_CHECKS	((slab_flags_t)0x00000100)	/* slab_debug=F: every call */
#define SLAB_RED_ZONE		((slab_flags_t)0x00000400)	/* Z: guards on both sides */
#define SLAB_POISON		((slab_flags_t)0x00000800)	/* P: fill free objects, check */
#define SLAB_HWCACHE_ALIGN	((slab_flags_t)0x00002000)	/* align to cache lines */
#define SLAB_CACHE_DMA		((slab_flags_t)0x00004000)	/* pages from ZONE_DMA */
#define SLAB_STORE_USER		((slab_flags_t)0x00010000)	/* U: last alloc and free */
#define SLAB_RECLAIM_ACCOUNT	((slab_flags_t)0x00020000)	/* objects are reclaimable */
#define SLAB_PANIC		((slab_flags_t)0x00040000)	/* panic when create fails */
#define SLAB_TYPESAFE_BY_RCU	((slab_flags_t)0x00080000)	/* pages wait a grace period */
#define SLAB_TRACE		((slab_flags_t)0x00200000)	/* T: print every alloc and free */
#define SLAB_DEBUG_FLAGS	(SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON | \
				 SLAB_STORE_USER | SLAB_TRACE)

/* A place in the source that allocates or frees. */
struct slab_site {
	const char *file, *func;
	u32 line;
};

#define SLAB_SITE()							\
	({								\
		static const struct slab_site slab_site_ = {		\
			.file = __FILE__, .func = __func__, .line = __LINE__, \
		};							\
		&slab_site_;						\
	})

#define SLAB_NAME_MAX	40		/* with the terminating zero; longer names are refused */
/* Largest object of a cache: the largest block of pages, without a guard of any kind. */
#define SLAB_SIZE_MAX	(PAGE_SIZE << MAX_PAGE_ORDER)

struct kmem_cache_node;

/* Fields: (B) constant after creation, (M) under the slab mutex, (A) atomic. */
struct kmem_cache {
	struct objcache oc;		/* first: a hit reads oc.cpu and nothing else */

	unsigned int object_size;	/* (B) bytes as asked for */
	unsigned int size;		/* (B) bytes from one object to the next */
	unsigned int align;		/* (B) bytes */
	unsigned int inuse;		/* (B) bytes the user may write: ksize() */
	unsigned int offset;		/* (B) of the free pointer from the object */
	unsigned int red_left;		/* (B) guard bytes before the object */
	unsigned int meta;		/* (B) offset of struct slab_meta, 0: none */
	unsigned int order, order_min;	/* (B) of a slab; the second when memory is short */
	slab_flags_t flags;		/* (B) */
	gfp_t allocflags;		/* (B) added to every page allocation */
	unsigned int min_partial;	/* (M) empty slabs kept per node; read relaxed */
	unsigned int colour_off;	/* (B) bytes between two colours */
	u32 colour_next;		/* (A) */
	void (*ctor)(void *obj);	/* (B) runs once per object of a new slab */

	struct kmem_cache_node *node;	/* (B) one per NUMA node */
	struct list_head list;		/* (M) all caches */
	u64 updated_ns;			/* (M) clock at the last end of its interval */
	bool due;			/* (M) its interval ends now; read by IPI handlers */
	bool internal;			/* (B) of the slab allocator itself: never destroyed */
	bool magazine;			/* (B) holds magazines, which come and go with the others */
	char name[SLAB_NAME_MAX];	/* (B) */
	/* Its nodes follow in memory, aligned as this is. */
} __cacheline_aligned;

/*
 * The cache of the slab that each frame belongs to, or NULL: [max_pfn].  A word per frame, so that
 * kfree() touches an eighth of the cache lines that struct page would cost it.
 */
extern struct kmem_cache **slab_map;

/* ---- caches ---- */

/*
 * Makes a cache of objects of @size bytes aligned to @align (0: a pointer; a power of two).
 * @ctor (may be NULL) runs once on each object when its slab is made, not at each alloc; what a
 * user frees must be in the constructed state again.  NULL: no memory, or a bad argument, which
 * is named on stderr; with SLAB_PANIC never NULL.
 */
struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align,
				     slab_flags_t flags, void (*ctor)(void *obj)) __must_check;

/*
 * Ends a cache.  Returns 0; or -EBUSY with a report of the live objects on stderr, and the cache
 * goes on as before.  NULL is fine.  With SLAB_TYPESAFE_BY_RCU it waits for the pages' grace
 * periods.  (The kernel returns nothing and leaves a zombie behind.)
 */
int kmem_cache_destroy(struct kmem_cache *s);

/*
 * Gives every object that CPUs and depots hold to the slabs and every empty slab to the page
 * allocator.  Returns the number of pages given back.
 */
unsigned long kmem_cache_shrink(struct kmem_cache *s);

/* Changes the per-CPU layer of one cache while it is in use; debug caches stay without one. */
void kmem_cache_configure(struct kmem_cache *s, const struct objcache_tunables *tun);
/* The same for every cache but the allocator's own, and for those created later. */
void slab_configure_all(const struct objcache_tunables *tun);
/* What new caches get. */
const struct objcache_tunables *slab_default_tunables(void);

/*
 * The end of a working-set interval for every cache; returns the number of arrays freed.  A
 * periodic work of the machine does it for each cache every reap_interval_ms, unless
 * slab_options.no_reap says that the caller does.
 */
unsigned int slab_update_all(void);

/* What the periodic work did since boot.  Any thread. */
struct slab_reap_stats {
	u64 passes;			/* runs of the work */
	u64 updates, arrays;		/* caches updated; arrays freed */
};
struct slab_reap_stats slab_reap_stats(void);

static inline unsigned int kmem_cache_size(const struct kmem_cache *s)
{
	return s->object_size;
}

/* The cache called @name, or NULL; the caller knows that nobody destroys it. */
struct kmem_cache *kmem_cache_find(const char *name);

/* ---- fault injection (Documentation/fault-injection, failslab) ---- */

/*
 * Makes allocations of objects fail: in debug builds any, also a hit of the CPU's magazine; in
 * release builds those that its magazine cannot serve.  Not those of magazines, which have an
 * attribute of their own: without an array the object goes past the per-CPU layer, and nobody is
 * refused.  Quiescent to change.
 */
struct fault_attr *failslab_attr(void);
struct fault_attr *fail_magazine_attr(void);

extern struct fault_attr failslab;
__cold bool __should_failslab(const struct kmem_cache *s, gfp_t gfp);

/* Any context. */
static inline bool should_failslab(const struct kmem_cache *s, gfp_t gfp)
{
	return unlikely(READ_ONCE(failslab.enabled)) && __should_failslab(s, gfp);
}

/* ---- objects ---- */

/* The misses; @obj is checked when the cache is a debug cache. */
void *__kmem_cache_alloc(struct kmem_cache *s, gfp_t gfp, const struct slab_site *site)
	__must_check;
void __kmem_cache_free(struct kmem_cache *s, void *obj, const struct slab_site *site);
/* From node @nid when possible: past the magazines, which hold this CPU's node's objects. */
void *__kmem_cache_alloc_node(struct kmem_cache *s, gfp_t gfp, int nid,
			      const struct slab_site *site) __must_check;
unsigned int kmem_cache_alloc_bulk_site(struct kmem_cache *s, gfp_t gfp, size_t nr, void **objs,
					const struct slab_site *site) __must_check;
void kmem_cache_free_bulk_site(struct kmem_cache *s, size_t nr, void **objs,
			       const struct slab_site *site);

__must_check static inline void *kmem_cache_alloc_site(struct kmem_cache *s, gfp_t gfp,
						       const struct slab_site *site)
{
	void *obj;

	/* A hit of a release build has no time for the question. */
	if (KMEMLAB_DEBUG && should_failslab(s, gfp))
		return NULL;
	obj = objcache_pop(&s->oc);
	if (unlikely(!obj))
		obj = __kmem_cache_alloc(s, gfp, site);
	if ((gfp & __GFP_ZERO) && likely(obj))
		memset(obj, 0, s->object_size);
	return obj;
}

static inline void kmem_cache_free_site(struct kmem_cache *s, void *obj,
					const struct slab_site *site)
{
	if (unlikely(!objcache_push(&s->oc, obj)))
		__kmem_cache_free(s, obj, site);
}

/* An object in the constructed state, or NULL.  With __GFP_ZERO the cache may have no ctor. */
#define kmem_cache_alloc(s, gfp)	kmem_cache_alloc_site((s), (gfp), SLAB_SITE())
#define kmem_cache_zalloc(s, gfp)	kmem_cache_alloc((s), (gfp) | __GFP_ZERO)
#define kmem_cache_alloc_node(s, gfp, nid) \
	__kmem_cache_alloc_node((s), (gfp), (nid), SLAB_SITE())
/* @obj must come from @s; not NULL. */
#define kmem_cache_free(s, obj)		kmem_cache_free_site((s), (obj), SLAB_SITE())
/* All @nr objects or none: returns @nr or 0. */
#define kmem_cache_alloc_bulk(s, gfp, nr, objs) \
	kmem_cache_alloc_bulk_site((s), (gfp), (nr), (objs), SLAB_SITE())
#define kmem_cache_free_bulk(s, nr, objs) \
	kmem_cache_free_bulk_site((s), (nr), (objs), SLAB_SITE())

/* ---- statistics ---- */

struct kmem_cache_stats {
	struct objcache_sum cpu;	/* the per-CPU layer */
	u64 nr_slabs, nr_partial, nr_full, nr_free;	/* slabs, all nodes */
	u64 nr_objects;			/* objects in all slabs */
	u64 out_objects;		/* objects outside the slabs: live, or in magazines */
	u64 live_objects;		/* out_objects less what magazines hold */
	u64 pages;			/* frames in slabs */
	u64 slabs_new, slabs_freed;	/* since creation */
	u64 remote_frees;		/* objects released to a slab another CPU had made */
};

/* Any thread; each word is a moment's truth. */
void kmem_cache_stats(const struct kmem_cache *s, struct kmem_cache_stats *stats);

/*
 * Calls fn(cache, arg) for each cache, under the slab mutex.  The host thread, which cannot hold
 * it, asks while no CPU works and periodic works pause.
 */
void slab_for_each_cache(void (*fn)(struct kmem_cache *s, void *arg), void *arg);

/*
 * The validator of a quiescent cache: lists, counts, free lists, magazines; live + cached + free =
 * all objects.
 */
bool kmem_cache_is_valid(struct kmem_cache *s);

/* Prints where every object is (active, in magazines, in depots) and how often what happened. */
void slab_stats_show(FILE *out);
/* /proc/slabinfo 2.1; 0 or -EIO when @out failed. */
int proc_slabinfo_show(FILE *out);

/* ---- life cycle ---- */

struct slab_options {
	const char *debug;		/* "FZPU,name,name;FZ,other"; NULL: off */
	const char *policy;		/* policy of the per-CPU layer; NULL: "magazines" */
	u32 rounds;			/* objects per magazine or sheaf; 0: the policy's choice */
	const struct objcache_tunables *tun;	/* every size outright; NULL: by the above */
	int colour;			/* enum slab_colour; 0: the default */
	bool no_reap;			/* nothing happens by time: see slab_update_all() */
};

/* How objects are spread over the sets of the host's caches. */
enum slab_colour {
	SLAB_COLOUR_DEFAULT,		/* SLAB_COLOUR_OBJECTS */
	SLAB_COLOUR_OFF,		/* as SLUB: the first object starts the slab */
	SLAB_COLOUR_SLABS,		/* slabs start at different offsets, in what is left over */
	SLAB_COLOUR_OBJECTS,		/* and large sizes get a stride that is no power of two */
};

/*
 * Brings the allocator up.  On a CPU, task context, after the pages.  Returns 0; -EINVAL with a
 * sentence in @err (may be NULL), -ENOMEM.
 */
struct mm_error;
__must_check int slab_boot(const struct slab_options *opt, struct mm_error *err);

/*
 * Takes everything down: objects still live are reported on stderr as leaks and their memory is
 * abandoned.  On a CPU, task context, no other CPU working.  Returns the number of leaked objects;
 * 0 when the allocator is not up.
 */
u64 slab_shutdown(void);

#endif /* MM_SLAB_SLAB_H */
