/* SPDX-License-Identifier: MIT */
/*
 * What the files of mm/slab share.
 *
 * Lock order: slab mutex -> (IPIs) ; depot->lock; node->list_lock -> page allocator's locks.  No
 * lock is held across a call into another of these groups; list_lock is never held while pages
 * are allocated or freed.
 */
#ifndef MM_SLAB_SLAB_IMPL_H
#define MM_SLAB_SLAB_IMPL_H

#include "mm/slab/slab.h"
#include "runtime/mutex.h"
#include "runtime/rcu.h"

/*
 * struct page of a slab's first frame, as its owner sees it.  (L) node->list_lock.  @cache is set
 * in every frame of the slab, with PG_slab, so that one look at the frame of any object is enough.
 */
struct slab {
	u64 page_state;			/* the page's flags and reference count */
	union {
		struct list_head list;	/* (L) partial, full or free list of its node */
		struct rcu_head rcu;	/* waiting for the grace period before its pages go */
	};
	void *freelist;			/* (L) first free object; page->mapping: NULL at the end */
	u16 inuse, nr_objects;		/* (L) objects not on freelist; all */
	u32 base;			/* bytes before the first slot: the colour */
	struct kmem_cache *cache;	/* page->private */
	s32 mapcount;
	u32 generation;
	u32 block;
	u32 owner;			/* CPU that made the slab */
};

_Static_assert(sizeof(struct slab) == sizeof(struct page), "a slab is a struct page");
_Static_assert(offsetof(struct slab, list) == offsetof(struct page, lru), "slab.list");
_Static_assert(offsetof(struct slab, freelist) == offsetof(struct page, mapping), "slab.freelist");
_Static_assert(offsetof(struct slab, inuse) == offsetof(struct page, index), "slab.inuse");
_Static_assert(offsetof(struct slab, cache) == offsetof(struct page, private), "slab.cache");
_Static_assert(offsetof(struct slab, mapcount) == offsetof(struct page, _mapcount), "mapcount");
_Static_assert(offsetof(struct slab, owner) == offsetof(struct page, owner), "slab.owner");

/* One NUMA node's slabs of a cache. */
struct kmem_cache_node {
	spinlock_t list_lock;		/* rank RANK_NODE_LIST; any context, irqs masked */

	/* All (list_lock); the counts are read without it by reports. */
	struct list_head partial, full, free;
	u64 nr_partial, nr_full, nr_free;	/* slabs on the lists */
	u64 nr_objects;			/* in all slabs */
	u64 out_objects;		/* of these, not on a freelist */
	u64 slabs_new, slabs_freed;
	u64 pages;
	u64 remote_frees;
} __cacheline_aligned;

static inline struct page *slab_page(const struct slab *slab)
{
	return (struct page *)slab;
}

static inline struct slab *page_slab(const struct page *page)
{
	return (struct slab *)page;
}

/* The slab of @obj, or NULL when it lies in no slab.  @obj must be in the direct map. */
static inline struct slab *virt_to_slab(const void *obj)
{
	struct page *page = virt_to_page(obj);

	if (!page_test_flags(page, PG_slab))
		return NULL;
	return page_slab(compound_head(page));
}

static inline unsigned int slab_order(const struct slab *slab)
{
	return slab_page(slab)->order;
}

static inline void *slab_address(const struct slab *slab)
{
	return page_address(slab_page(slab));
}

/* Object number @i; and the number of an object that is known to be one. */
static inline void *slab_object(const struct slab *slab, const struct kmem_cache *s,
				unsigned int i)
{
	return (char *)slab_address(slab) + slab->base + (size_t)i * s->size + s->red_left;
}

static inline unsigned int slab_object_index(const struct slab *slab, const struct kmem_cache *s,
					     const void *obj)
{
	size_t at = (size_t)((const char *)obj - (const char *)slab_address(slab)) - slab->base -
		s->red_left;

	return (unsigned int)(at / s->size);
}

/* Next free object after the free object @obj. */
static inline void *get_freepointer(const struct kmem_cache *s, const void *obj)
{
	return *(void *const *)((const char *)obj + s->offset);
}

static inline void set_freepointer(const struct kmem_cache *s, void *obj, void *next)
{
	*(void **)((char *)obj + s->offset) = next;
}

/* ---- slab_size.c ---- */

/* Order of the slabs of objects of @size bytes for @nr_cpus CPUs; -1: too large. */
int slab_calculate_order(unsigned int size, unsigned int nr_cpus);
/* Alignment that @flags and @align give to objects of @size bytes. */
unsigned int slab_calculate_alignment(slab_flags_t flags, unsigned int align, unsigned int size);
/*
 * Fills in size, inuse, offset, red_left, meta, order and colour from object_size, align, flags
 * and ctor.  0 or -EINVAL.
 */
__must_check int slab_calculate_sizes(struct kmem_cache *s, enum slab_colour colour);

/* ---- slab_pages.c ---- */

extern const struct objcache_ops slab_objcache_ops;

void slab_node_init(struct kmem_cache_node *n, const char *lock_name);
void slab_node_destroy(struct kmem_cache_node *n);
/* Takes up to @nr objects, from node @nid first; returns how many. */
unsigned int slab_take(struct kmem_cache *s, void **objs, unsigned int nr, gfp_t gfp, int nid);
void slab_put(struct kmem_cache *s, void **objs, unsigned int nr);
/* Frees every empty slab; returns pages.  @keep: empty slabs left per node. */
unsigned long slab_free_empty(struct kmem_cache *s, unsigned int keep);
/* Forgets the slabs of a leaking cache: their memory goes away with the machine. */
void slab_abandon(struct kmem_cache *s);

/* ---- slab_debug.c ---- */

/* State words of struct slab_meta: values that no accident produces. */
#define SLAB_OBJ_FREE	0x46524545u
#define SLAB_OBJ_LIVE	0x4c495645u

struct slab_track {
	const struct slab_site *site;
	u32 cpu;
	u32 generation;			/* number of the event among the object's allocs or frees */
};

/* Behind every object of a debug cache.  Written by who owns the object. */
struct slab_meta {
	u32 state;			/* atomic: SLAB_OBJ_* */
	u32 generation;			/* allocs of this object so far */
	struct slab_track alloc, free;
};

static inline struct slab_meta *slab_meta_of(const struct kmem_cache *s, const void *obj)
{
	return (struct slab_meta *)((char *)(uintptr_t)obj + s->meta);
}

/* Makes slot @obj of a new slab look like a free object. */
void slab_debug_init_object(const struct kmem_cache *s, void *obj);
/* A free object becomes a live one, and back; a violation panics with the object's story. */
void slab_debug_alloc(struct kmem_cache *s, void *obj, const struct slab_site *site);
void slab_debug_free(struct kmem_cache *s, void *obj, const struct slab_site *site);
/* Checks every free object of a slab whose pages are about to go. */
void slab_debug_check_slab(const struct kmem_cache *s, const struct slab *slab);
/* Panics with @what, and all that is known of @obj. */
__attribute__((noreturn)) __cold void slab_bug(const struct kmem_cache *s, const void *obj,
					       const struct slab_site *site, const char *what);
/* Lists live objects on stderr, at most a screenful; the slabs must not change. */
void slab_report_live(struct kmem_cache *s);
/* Flags that slab_debug= gives to the cache called @name. */
slab_flags_t slab_debug_flags(const char *name);
/* Checks and remembers the option's text; -EINVAL when it is wrong. */
__must_check int slab_debug_parse(const char *text, struct mm_error *err);

/* ---- kmem_cache.c ---- */

extern struct mutex slab_mutex;		/* the list of caches, creation, destruction, sizes */
extern struct list_head slab_caches;	/* (slab_mutex) */

struct slab_create {
	const char *name, *lock_name;	/* lock_name: for lock statistics; shared is fine */
	unsigned int size, align;
	slab_flags_t flags;
	void (*ctor)(void *obj);
	const struct objcache_tunables *tun;
	bool internal, magazine;
};

/* Under slab_mutex.  NULL: no memory or bad sizes. */
struct kmem_cache *__kmem_cache_create(const struct slab_create *args);

/* The caches that hold magazines; they have none themselves, so nothing recurses. */
__must_check int slab_magazines_boot(void);
struct magazine *slab_magazine_alloc(struct objcache *oc, u32 rounds);
void slab_magazine_free(struct objcache *oc, struct magazine *mag, u32 rounds);

/* ---- slab_reap.c ---- */

/* On a CPU, task context. */
void slab_reap_start(void);
void slab_reap_stop(void);
/* Ends the interval of the caches that are due, which no longer are; under slab_mutex. */
unsigned int slab_update_due(void);
/* An interval has changed; under slab_mutex. */
void slab_reap_retime(void);

/* ---- kmalloc.c ---- */

__must_check int kmalloc_boot(void);
void kmalloc_shutdown(void);

#endif /* MM_SLAB_SLAB_IMPL_H */
