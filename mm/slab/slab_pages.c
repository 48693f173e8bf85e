/* SPDX-License-Identifier: MIT */
/*
 * Slabs: blocks of pages cut into objects, and the node lists that they stand on.
 *
 * What.  The backing store of the per-CPU layer: slab_take() hands out free objects, slab_put()
 * takes them back, both in batches under one hold of the node's list_lock.
 *
 * States of a slab.  new -> partial <-> full, partial <-> free; free -> (too many) its pages go
 * back, with SLAB_TYPESAFE_BY_RCU after a grace period.
 *
 * Invariants.
 *   I1  A slab is on exactly one list of its node: full when inuse == nr_objects, free when
 *       inuse == 0, else partial; on none while new or on its way out.
 *   I2  nr_objects - inuse objects are chained from freelist; all lie in the slab.
 *   I3  node->out_objects = sum of inuse, node->nr_objects = sum of nr_objects, over its slabs.
 *   I4  Every frame of a slab has PG_slab and its cache in page->private and in slab_map[], from
 *       before its first object is handed out until its last has come back.
 *   I5  At most min_partial free slabs stay per node once a put is over.
 *
 * Locking.  node->list_lock (RANK_NODE_LIST), interrupts masked.  Pages are allocated and freed
 * without it.
 * Context.  Any; pages are allocated in the caller's context with the caller's gfp.
 * Failure.  No pages: other nodes' slabs are tried, then fewer objects, or none.  A free list that
 * leads out of its slab, a second free of the object freed last, an object of another cache:
 * panic.
 * See also.  linux: mm/slub.c and the mm/slab.c of 6.7; Bonwick 1994.
 */
#include "mm/page/vmstat.h"
#include "mm/slab/slab_impl.h"

static const struct lock_class list_lock_class = {
	.name = "node->list_lock", .rank = RANK_NODE_LIST,
};

void slab_node_init(struct kmem_cache_node *n, const char *lock_name)
{
	*n = (struct kmem_cache_node) { .nr_partial = 0 };
	INIT_LIST_HEAD(&n->partial);
	INIT_LIST_HEAD(&n->full);
	INIT_LIST_HEAD(&n->free);
	spin_lock_init(&n->list_lock, &list_lock_class, lock_name);
}

void slab_node_destroy(struct kmem_cache_node *n)
{
	spin_lock_destroy(&n->list_lock);
}

static inline void count(u64 *word, s64 delta)
{
	WRITE_ONCE(*word, *word + (u64)delta);
}

static struct kmem_cache_node *slab_node(const struct kmem_cache *s, const struct slab *slab)
{
	return &s->node[page_to_nid(slab_page(slab))];
}

/* ---- a slab's life ---- */

static void account_pages(const struct kmem_cache *s, struct page *page, long nr)
{
	enum zone_stat_item item = s->flags & SLAB_RECLAIM_ACCOUNT ? NR_SLAB_RECLAIMABLE :
				   NR_SLAB_UNRECLAIMABLE;

	mod_zone_page_state(page_zone(page), item, nr);
}

/* The largest order first, without effort; then the smallest, as hard as the caller asked. */
static struct page *alloc_slab_pages(const struct kmem_cache *s, gfp_t gfp, int nid)
{
	gfp_t easy = (gfp | __GFP_NOWARN | __GFP_NORETRY) & ~__GFP_NOFAIL;
	struct page *page;

	if (gfp & __GFP_NO_GROW)
		return NULL;
	if (s->order > s->order_min)
		easy = (easy | __GFP_NOMEMALLOC) & ~__GFP_RECLAIM;
	page = alloc_pages_node(nid, s->order == s->order_min ? gfp : easy, s->order);
	if (!page && s->order > s->order_min)
		page = alloc_pages_node(nid, gfp, s->order_min);
	return page;
}

/* Marks every frame as the cache's (I4). */
static void adopt_frames(struct kmem_cache *s, struct page *page, unsigned int order)
{
	unsigned long pfn = page_to_pfn(page);

	for (unsigned long i = 0; i < 1UL << order; i++) {
		page[i].private = (unsigned long)s;
		WRITE_ONCE(slab_map[pfn + i], s);
		__page_set_flags(page + i, PG_slab);
	}
}

/* Offset of the next slab's first slot: the next colour of what is left over. */
static u32 next_colour(struct kmem_cache *s, unsigned int order, unsigned int nr)
{
	size_t left = (PAGE_SIZE << order) - (size_t)nr * s->size;
	u32 turn, colours;

	if (!s->colour_off || left < s->colour_off)
		return 0;
	colours = (u32)(left / s->colour_off) + 1;
	turn = fetch_add_relaxed(&s->colour_next, 1);
	return turn % colours * s->colour_off;
}

/* Builds the objects and chains them in order of address (I2). */
static void init_objects(struct kmem_cache *s, struct slab *slab)
{
	void *next = NULL;

	for (unsigned int i = slab->nr_objects; i-- > 0;) {
		void *obj = slab_object(slab, s, i);

		if (unlikely(s->meta))
			slab_debug_init_object(s, obj);
		if (s->ctor)
			s->ctor(obj);
		set_freepointer(s, obj, next);
		next = obj;
	}
	slab->freelist = next;
}

static struct slab *new_slab(struct kmem_cache *s, gfp_t gfp, int nid)
{
	struct page *page;
	struct slab *slab;

	gfp = (gfp & ~(__GFP_ZERO | __GFP_HIGHMEM | __GFP_MOVABLE)) | s->allocflags;
	page = alloc_slab_pages(s, gfp, nid);
	if (!page)
		return NULL;
	slab = page_slab(page);
	adopt_frames(s, page, page->order);
	slab->inuse = 0;
	slab->nr_objects = (u16)((PAGE_SIZE << page->order) / s->size);
	slab->base = next_colour(s, page->order, slab->nr_objects);
	slab->owner = smp_processor_id();
	init_objects(s, slab);
	account_pages(s, page, 1L << page->order);
	return slab;
}

static void free_slab_pages(struct kmem_cache *s, struct slab *slab)
{
	struct page *page = slab_page(slab);
	unsigned int order = page->order;

	if (unlikely(s->meta))
		slab_debug_check_slab(s, slab);
	account_pages(s, page, -(1L << order));
	page->mapping = NULL;
	page->index = 0;
	for (unsigned long i = 0; i < 1UL << order; i++) {
		__page_clear_flags(page + i, PG_slab);
		WRITE_ONCE(slab_map[page_to_pfn(page) + i], NULL);
		page[i].private = 0;
	}
	__free_pages(page, order);
}

static void rcu_free_slab(struct rcu_head *head)
{
	struct slab *slab = container_of(head, struct slab, rcu);

	free_slab_pages(slab->cache, slab);
}

/* The slab is on no list and nobody can reach its objects but by SLAB_TYPESAFE_BY_RCU. */
static void discard_slab(struct kmem_cache *s, struct slab *slab)
{
	if (s->flags & SLAB_TYPESAFE_BY_RCU)
		call_rcu(&slab->rcu, rcu_free_slab);
	else
		free_slab_pages(s, slab);
}

static void discard_list(struct kmem_cache *s, struct list_head *slabs)
{
	struct slab *slab, *next;

	list_for_each_entry_safe(slab, next, slabs, list)
		discard_slab(s, slab);
}

/* ---- the lists ---- */

static void enlist(struct kmem_cache_node *n, struct slab *slab) __must_hold(n->list_lock)
{
	if (slab->inuse == slab->nr_objects) {
		list_add(&slab->list, &n->full);
		count(&n->nr_full, 1);
	} else if (slab->inuse) {
		/* Emptier slabs go to the end: they may become free if left alone. */
		list_add_tail(&slab->list, &n->partial);
		count(&n->nr_partial, 1);
	} else {
		list_add(&slab->list, &n->free);
		count(&n->nr_free, 1);
	}
}

/* @inuse: as it was when the slab was put on its list. */
static void delist(struct kmem_cache_node *n, struct slab *slab, unsigned int inuse)
	__must_hold(n->list_lock)
{
	list_del(&slab->list);
	if (inuse == slab->nr_objects)
		count(&n->nr_full, -1);
	else
		count(inuse ? &n->nr_partial : &n->nr_free, -1);
}

/* Panics unless @obj, found on the free list of @slab, lies in it. */
static void check_in_slab(const struct kmem_cache *s, const struct slab *slab, const void *obj)
{
	size_t at = (size_t)((const char *)obj - (const char *)slab_address(slab));

	if (unlikely(at >= PAGE_SIZE << slab_order(slab)))
		slab_bug(s, obj, NULL, "the free list leads out of its slab: "
			 "a free object was written to");
}

/* Takes up to @nr objects off the free list of @slab. */
static unsigned int take_objects(struct kmem_cache *s, struct slab *slab, void **objs,
				 unsigned int nr)
{
	unsigned int got = 0;
	void *obj = slab->freelist;

	while (got < nr && obj) {
		check_in_slab(s, slab, obj);
		objs[got++] = obj;
		obj = get_freepointer(s, obj);
	}
	slab->freelist = obj;
	slab->inuse = (u16)(slab->inuse + got);
	return got;
}

/* Objects of the slabs that node @n has. */
static unsigned int take_from_node(struct kmem_cache *s, struct kmem_cache_node *n, void **objs,
				   unsigned int nr)
{
	unsigned long flags;
	unsigned int got = 0;

	/* A glance: an empty node costs no lock. */
	if (!READ_ONCE(n->nr_partial) && !READ_ONCE(n->nr_free))
		return 0;
	spin_lock_irqsave(&n->list_lock, flags);
	while (got < nr) {
		struct list_head *list = list_empty(&n->partial) ? &n->free : &n->partial;
		struct slab *slab;
		unsigned int inuse;

		if (list_empty(list))
			break;
		slab = list_first_entry(list, struct slab, list);
		inuse = slab->inuse;
		got += take_objects(s, slab, objs + got, nr - got);
		/* A slab that stays partial keeps its place at the head. */
		if (inuse && slab->inuse < slab->nr_objects)
			continue;
		delist(n, slab, inuse);
		enlist(n, slab);
	}
	count(&n->out_objects, got);
	spin_unlock_irqrestore(&n->list_lock, flags);
	return got;
}

/* Objects of a new slab, which then joins its node. */
static unsigned int take_from_new(struct kmem_cache *s, struct slab *slab, void **objs,
				  unsigned int nr)
{
	struct kmem_cache_node *n = slab_node(s, slab);
	unsigned int got = take_objects(s, slab, objs, nr);
	unsigned long flags;

	spin_lock_irqsave(&n->list_lock, flags);
	enlist(n, slab);
	count(&n->nr_objects, slab->nr_objects);
	count(&n->out_objects, got);
	count(&n->slabs_new, 1);
	count(&n->pages, 1L << slab_order(slab));
	spin_unlock_irqrestore(&n->list_lock, flags);
	return got;
}

unsigned int slab_take(struct kmem_cache *s, void **objs, unsigned int nr, gfp_t gfp, int nid)
{
	unsigned int got = take_from_node(s, &s->node[nid], objs, nr);
	struct slab *slab;

	if (got)
		return got;
	slab = new_slab(s, gfp, nid);
	if (slab)
		return take_from_new(s, slab, objs, nr);
	for (unsigned int i = 0; i < nr_node_ids && !got && !(gfp & __GFP_THISNODE); i++)
		got = take_from_node(s, &s->node[i], objs, nr);
	return got;
}

/* ---- frees ---- */

/* The slab of an object that comes back, checked. */
static struct slab *slab_of_free(const struct kmem_cache *s, void *obj)
{
	struct slab *slab = virt_to_slab(obj);

	if (unlikely(!slab))
		slab_bug(s, obj, NULL, "freed, but it lies in no slab");
	if (unlikely(slab->cache != s))
		slab_bug(s, obj, NULL, "freed to a cache that it does not belong to");
	return slab;
}

/* One object back on its slab; the slab may leave for @out. */
static void put_object(struct kmem_cache *s, struct kmem_cache_node *n, struct slab *slab,
		       void *obj, struct list_head *out) __must_hold(n->list_lock)
{
	unsigned int inuse = slab->inuse;

	if (unlikely(slab->freelist == obj || !inuse))
		slab_bug(s, obj, NULL, "freed twice");
	set_freepointer(s, obj, slab->freelist);
	slab->freelist = obj;
	slab->inuse = (u16)(inuse - 1);
	if (slab->owner != smp_processor_id())
		count(&n->remote_frees, 1);
	if (likely(inuse != slab->nr_objects && inuse != 1))
		return;
	delist(n, slab, inuse);
	if (slab->inuse || n->nr_free < READ_ONCE(s->min_partial)) {
		enlist(n, slab);
		return;
	}
	list_add(&slab->list, out);				/* I5 */
	count(&n->nr_objects, -(s64)slab->nr_objects);
	count(&n->slabs_freed, 1);
	count(&n->pages, -(1L << slab_order(slab)));
}

void slab_put(struct kmem_cache *s, void **objs, unsigned int nr)
{
	struct list_head out = LIST_HEAD_INIT(out);
	unsigned int at = 0;

	while (at < nr) {
		struct slab *slab = slab_of_free(s, objs[at]);
		struct kmem_cache_node *n = slab_node(s, slab);
		unsigned int first = at;
		unsigned long flags;

		spin_lock_irqsave(&n->list_lock, flags);
		while (at < nr) {
			slab = slab_of_free(s, objs[at]);
			if (slab_node(s, slab) != n)
				break;
			put_object(s, n, slab, objs[at], &out);
			at++;
		}
		count(&n->out_objects, -(s64)(at - first));
		spin_unlock_irqrestore(&n->list_lock, flags);
	}
	discard_list(s, &out);
}

unsigned long slab_free_empty(struct kmem_cache *s, unsigned int keep)
{
	unsigned long pages = 0;

	for (unsigned int nid = 0; nid < nr_node_ids; nid++) {
		struct kmem_cache_node *n = &s->node[nid];
		struct list_head out = LIST_HEAD_INIT(out);
		unsigned long flags;

		spin_lock_irqsave(&n->list_lock, flags);
		while (n->nr_free > keep) {
			struct slab *slab = list_last_entry(&n->free, struct slab, list);

			delist(n, slab, 0);
			list_add(&slab->list, &out);
			count(&n->nr_objects, -(s64)slab->nr_objects);
			count(&n->slabs_freed, 1);
			count(&n->pages, -(1L << slab_order(slab)));
			pages += 1UL << slab_order(slab);
		}
		spin_unlock_irqrestore(&n->list_lock, flags);
		discard_list(s, &out);
	}
	return pages;
}

void slab_abandon(struct kmem_cache *s)
{
	for (unsigned int nid = 0; nid < nr_node_ids; nid++) {
		struct kmem_cache_node *n = &s->node[nid];

		INIT_LIST_HEAD(&n->partial);
		INIT_LIST_HEAD(&n->full);
		n->nr_partial = n->nr_full = n->nr_objects = n->out_objects = 0;
	}
}

/* ---- what the per-CPU layer calls ---- */

static unsigned int import_objects(struct objcache *oc, void **objs, unsigned int nr, u32 gfp)
{
	struct kmem_cache *s = container_of(oc, struct kmem_cache, oc);

	return slab_take(s, objs, nr, gfp, this_cpu()->node);
}

static void release_objects(struct objcache *oc, void **objs, unsigned int nr)
{
	slab_put(container_of(oc, struct kmem_cache, oc), objs, nr);
}

const struct objcache_ops slab_objcache_ops = {
	.import = import_objects,
	.release = release_objects,
	.mag_alloc = slab_magazine_alloc,
	.mag_free = slab_magazine_free,
};
