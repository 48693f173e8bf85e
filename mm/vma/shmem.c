/* SPDX-License-Identifier: MIT */
/*
 * Shared anonymous memory: a reference-counted object with a radix tree of pages.
 *
 * What.  The tree has 64 slots a node; a node knows how many bits of the index lie below it, so the
 * root pointer alone says how deep the tree is, and growing it is one store: a new root whose slot
 * 0 is the old one.  Slots go from NULL to a page or a node once and keep it until the object ends,
 * so a lookup is a walk of loads.
 *
 * Invariants.
 *   I1  Every page in the tree has one reference for the tree, mapping = the object, index = its
 *       place.
 *   I2  A node or page is complete before it can be reached: published with release, read with
 *       acquire.
 *   I3  nr_pages = number of pages in the tree <= nr_pages_max.
 *
 * Locking.  obj->lock around changes of the tree; lookups under rcu_read_lock() only.  Memory is
 * allocated outside the lock.  Context.  Task.
 * Failure.  -ENOMEM leaves the tree as it was, but for inner nodes that the next insertion uses.
 * See also.  tests/unit/test_shmem.c; lib/radix-tree.c and mm/shmem.c in Linux.
 */
#include "mm/vma/shmem.h"

#include <errno.h>

#include "mm/page/vmstat.h"
#include "mm/slab/slab.h"
#include "runtime/rcu.h"

#define NODE_SHIFT	6u
#define NODE_SLOTS	(1u << NODE_SHIFT)
#define NODE_MASK	(NODE_SLOTS - 1)
/* Levels that an index of 64 bits can need: each failed insertion adds one node at most. */
#define MAX_LEVELS	((64 + NODE_SHIFT - 1) / NODE_SHIFT)

struct shmem_object {
	s32 refcount;			/* atomic; areas that map it, and whoever made it */
	unsigned long nr_pages_max;	/* constant: indices below this exist */
	unsigned long id;		/* constant: unique since boot */
	struct shmem_node *root;	/* written under @lock, read under RCU */
	unsigned long nr_pages;		/* written under @lock; pages in the tree */
	spinlock_t lock;		/* insertions; rank RANK_LRU, task context */
};

struct shmem_node {
	unsigned int shift;		/* index bits below this node's; 0: slots are pages */
	void *slots[NODE_SLOTS];	/* NULL, a struct shmem_node or a struct page */
};

static const struct lock_class shmem_lock_class = { .name = "shmem->lock", .rank = RANK_LRU };

static struct kmem_cache *object_cache, *node_cache;
static long live;			/* atomic: objects that exist */
static unsigned long last_id;		/* atomic */

/* ---- the tree ---- */

/* @index lies in the part of the tree below @node. */
static bool node_covers(const struct shmem_node *node, unsigned long index)
{
	unsigned int bits = node->shift + NODE_SHIFT;

	return bits >= 64 || index >> bits == 0;
}

/* The shift of the smallest root that covers @index. */
static unsigned int root_shift(unsigned long index)
{
	return index ? ilog2(index) / NODE_SHIFT * NODE_SHIFT : 0;
}

static void **node_slot(struct shmem_node *node, unsigned long index)
{
	return &node->slots[index >> node->shift & NODE_MASK];
}

/* The leaf slot of @index, or NULL when its node is missing. */
static void **find_slot(struct shmem_object *obj, unsigned long index)
{
	struct shmem_node *node = rcu_dereference(obj->root);		/* I2 */

	if (!node || !node_covers(node, index))
		return NULL;
	while (node && node->shift)
		node = rcu_dereference(*node_slot(node, index));	/* I2 */
	return node ? node_slot(node, index) : NULL;
}

struct page *shmem_find_page(struct shmem_object *obj, unsigned long index)
{
	struct page *page = NULL;
	void **slot;

	rcu_read_lock();
	slot = find_slot(obj, index);
	if (slot)
		page = rcu_dereference(*slot);				/* I2 */
	/* The tree keeps its reference as long as the object lives, of which the caller has one. */
	if (page)
		get_page(page);
	rcu_read_unlock();
	return page;
}

/* A node for @shift out of *@spare, published in *@slot; NULL when there is no spare. */
static struct shmem_node *hang_node(void **slot, unsigned int shift, struct shmem_node **spare)
{
	struct shmem_node *node = *spare;

	if (!node)
		return NULL;
	*spare = NULL;
	node->shift = shift;
	if (*slot)
		node->slots[0] = *slot;		/* a new root: the old one is its first child */
	smp_store_release(slot, (void *)node);				/* I2 */
	return node;
}

/* The leaf slot of @index; *@spare serves as a missing node, NULL: one more is needed. */
static void **make_slot(struct shmem_object *obj, unsigned long index, struct shmem_node **spare)
{
	struct shmem_node *node = obj->root;

	if (!node)
		node = hang_node((void **)&obj->root, root_shift(index), spare);
	else if (!node_covers(node, index))
		node = hang_node((void **)&obj->root, node->shift + NODE_SHIFT, spare);
	if (!node || !node_covers(node, index))
		return NULL;
	while (node->shift) {
		void **slot = node_slot(node, index);

		if (!*slot && !hang_node(slot, node->shift - NODE_SHIFT, spare))
			return NULL;
		node = *slot;
	}
	return node_slot(node, index);
}

/* Puts @page in: 0; -EEXIST: somebody was faster; -EAGAIN: come again with a spare node. */
static int try_insert(struct shmem_object *obj, unsigned long index, struct page *page,
		      struct shmem_node **spare)
{
	int err = 0;
	void **slot;

	spin_lock(&obj->lock);
	slot = make_slot(obj, index, spare);
	if (!slot) {
		err = -EAGAIN;
	} else if (*slot) {
		err = -EEXIST;
	} else {
		WRITE_ONCE(obj->nr_pages, obj->nr_pages + 1);		/* I3 */
		smp_store_release(slot, (void *)page);			/* I2 */
	}
	spin_unlock(&obj->lock);
	return err;
}

/* Puts @page in and takes the tree's reference on it; 0, -EEXIST or -ENOMEM. */
static int insert_page(struct shmem_object *obj, unsigned long index, struct page *page)
{
	struct shmem_node *spare = NULL;
	int err;

	WRITE_ONCE(page->mapping, obj);					/* I1 */
	page->index = index;
	get_page(page);
	for (unsigned int tries = 0; tries <= 2 * MAX_LEVELS; tries++) {
		err = try_insert(obj, index, page, &spare);
		if (err != -EAGAIN)
			break;
		/* Others may have used the chance: a spare that is left serves the next try. */
		if (!spare)
			spare = kmem_cache_zalloc(node_cache, GFP_KERNEL);
		err = -ENOMEM;
		if (!spare)
			break;
	}
	if (spare)
		kmem_cache_free(node_cache, spare);
	if (err) {
		WRITE_ONCE(page->mapping, NULL);
		put_page(page);
	}
	return err;
}

int shmem_get_page(struct shmem_object *obj, unsigned long index, struct page **page_out)
{
	int err = -EEXIST;

	if (index >= obj->nr_pages_max)
		return -EFAULT;
	/* A second turn only when another CPU has put the page in; pages never go away. */
	for (;;) {
		struct page *page = shmem_find_page(obj, index);

		if (page) {
			*page_out = page;
			return 0;
		}
		BUG_ON(err != -EEXIST);
		page = alloc_page(GFP_HIGHUSER_MOVABLE | __GFP_ZERO);
		if (!page)
			return -ENOMEM;
		err = insert_page(obj, index, page);
		if (!err) {
			inc_zone_page_state(page_zone(page), NR_FILE_PAGES);
			*page_out = page;
			return 0;
		}
		__free_page(page);
		if (err != -EEXIST)
			return err;
	}
}

/* ---- walking all of it ---- */

typedef void (*shmem_fn)(unsigned long index, struct page *page, void *arg);

static void walk_node(struct shmem_node *node, unsigned long base, shmem_fn fn, void *arg)
{
	for (unsigned int i = 0; i < NODE_SLOTS; i++) {
		unsigned long index = base + ((unsigned long)i << node->shift);
		void *entry = node->slots[i];

		if (entry && node->shift)
			walk_node(entry, index, fn, arg);
		else if (entry)
			fn(index, entry, arg);
	}
}

void shmem_for_each_page(const struct shmem_object *obj, shmem_fn fn, void *arg)
{
	if (obj->root)
		walk_node(obj->root, 0, fn, arg);
}

static void free_nodes(struct shmem_node *node)
{
	for (unsigned int i = 0; node->shift && i < NODE_SLOTS; i++)
		if (node->slots[i])
			free_nodes(node->slots[i]);
	kmem_cache_free(node_cache, node);
}

/* ---- objects ---- */

struct shmem_object *shmem_create(unsigned long nr_pages)
{
	struct shmem_object *obj = kmem_cache_zalloc(object_cache, GFP_KERNEL);

	if (!obj)
		return NULL;
	obj->refcount = 1;
	obj->nr_pages_max = nr_pages;
	obj->id = fetch_add_relaxed(&last_id, 1) + 1;
	spin_lock_init(&obj->lock, &shmem_lock_class, NULL);
	fetch_add_relaxed(&live, 1);
	return obj;
}

void shmem_get(struct shmem_object *obj)
{
	VM_BUG_ON(READ_ONCE(obj->refcount) <= 0);
	fetch_add_relaxed(&obj->refcount, 1);
}

static void drop_page(unsigned long index, struct page *page, void *arg)
{
	BUG_ON(page->mapping != arg || page->index != index);		/* I1 */
	WRITE_ONCE(page->mapping, NULL);
	dec_zone_page_state(page_zone(page), NR_FILE_PAGES);
	put_page(page);
}

void shmem_put(struct shmem_object *obj)
{
	/* Full order: all that was done under any reference comes before the end. */
	if (fetch_add(&obj->refcount, -1) != 1)
		return;
	shmem_for_each_page(obj, drop_page, obj);
	if (obj->root)
		free_nodes(obj->root);
	spin_lock_destroy(&obj->lock);
	kmem_cache_free(object_cache, obj);
	fetch_add_relaxed(&live, -1);
}

unsigned long shmem_id(const struct shmem_object *obj)
{
	return obj->id;
}

unsigned long shmem_nr_pages(const struct shmem_object *obj)
{
	return obj->nr_pages_max;
}

int shmem_refcount(const struct shmem_object *obj)
{
	return READ_ONCE(obj->refcount);
}

long nr_shmem_objects(void)
{
	return READ_ONCE(live);
}

/* ---- life cycle ---- */

int shmem_boot(void)
{
	live = 0;
	last_id = 0;
	object_cache = kmem_cache_create("shmem_object", sizeof(struct shmem_object), 0, 0, NULL);
	node_cache = kmem_cache_create("radix_tree_node", sizeof(struct shmem_node), 0, 0, NULL);
	if (object_cache && node_cache)
		return 0;
	shmem_shutdown();
	return -ENOMEM;
}

void shmem_shutdown(void)
{
	kmem_cache_destroy(object_cache);
	kmem_cache_destroy(node_cache);
	object_cache = node_cache = NULL;
}
