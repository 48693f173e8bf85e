/* SPDX-License-Identifier: MIT */
/*
 * mempool: a reserve of elements in front of any allocator.
 *
 * What.  Writing a page out needs a request structure.  When that comes from memory which only
 * writing pages out could free, the machine stands still.  A pool keeps a few structures aside: as
 * long as one of them is under way it comes back, and the next request can go.
 *
 * States of an element.  With the allocator, in the reserve, or in use.
 *
 * Invariants.
 *   I1  curr_nr <= min_nr <= capacity whenever the lock is free.
 *   I2  While fewer than min_nr elements are in the reserve, a freed element goes there; so of the
 *       elements in use and in the reserve together there are always at least min_nr.
 *   I3  Progress: an allocation that waits has seen the reserve empty, so by I2 min_nr > 0 elements
 *       are in use, and each comes back through mempool_free(), which wakes the waiters.
 *
 * Locking.  pool->lock for the reserve.  The allocator is never called under it, nor is anybody
 * woken, so it is a leaf.
 * Context.  Any; waiting in task context.  Failure.  NULL only for who may not sleep.
 *
 * Difference to the kernel: a waiter waits for an element alone.  The kernel looks at the allocator
 * again every five seconds, for users that give elements back behind the pool's back.
 *
 * See also.  tests/unit/test_mempool.c; tests/mt/test_atomic_mt.c (I3, on a full machine).
 */
#include "mm/page/mempool.h"

#include <errno.h>

#include "mm/page/page_alloc.h"

static const struct lock_class mempool_class = { .name = "mempool->lock", .rank = RANK_RUNTIME };

/* A NULL @pool->elements is an empty table. */
static void free_table(void **elements, unsigned int capacity)
{
	if (elements)
		free_pages_exact(elements, capacity * sizeof(*elements));
}

static void **alloc_table(unsigned int capacity)
{
	return alloc_pages_exact(capacity * sizeof(void *), GFP_KERNEL);
}

/* Takes an element of the reserve, or NULL. */
static void *remove_element(mempool_t *pool)
{
	void *element = NULL;
	unsigned long flags;

	/* Every path to NULL looks again: a waiter on being woken, others have no right to wait. */
	if (!READ_ONCE(pool->curr_nr))
		return NULL;
	spin_lock_irqsave(&pool->lock, flags);
	if (pool->curr_nr) {
		WRITE_ONCE(pool->curr_nr, pool->curr_nr - 1);
		element = pool->elements[pool->curr_nr];
		pool->nr_from_reserve++;
	}
	spin_unlock_irqrestore(&pool->lock, flags);
	return element;
}

/* Puts an element into the reserve and wakes who waits for one; false: the reserve is full. */
static bool add_element(mempool_t *pool, void *element)
{
	unsigned long flags;
	bool added;

	spin_lock_irqsave(&pool->lock, flags);
	added = pool->curr_nr < pool->min_nr;
	if (added) {
		pool->elements[pool->curr_nr] = element;
		WRITE_ONCE(pool->curr_nr, pool->curr_nr + 1);
	}
	spin_unlock_irqrestore(&pool->lock, flags);
	/* All: the first may have got its element already and only not left the queue yet. */
	if (added)
		wake_up_all(&pool->wait);
	return added;
}

/* Fills the reserve from the allocator; false when that had nothing more. */
static bool fill_reserve(mempool_t *pool)
{
	while (READ_ONCE(pool->curr_nr) < READ_ONCE(pool->min_nr)) {
		void *element = pool->alloc(GFP_KERNEL, pool->pool_data);

		if (!element)
			return false;
		/* Somebody gave one back meanwhile. */
		if (!add_element(pool, element))
			pool->free(element, pool->pool_data);
	}
	return true;
}

int mempool_init(mempool_t *pool, unsigned int min_nr, mempool_alloc_t *alloc_fn,
		 mempool_free_t *free_fn, void *pool_data)
{
	if (!min_nr)
		return -EINVAL;
	*pool = (mempool_t){
		.min_nr = min_nr, .capacity = min_nr, .alloc = alloc_fn, .free = free_fn,
		.pool_data = pool_data, .elements = alloc_table(min_nr),
	};
	if (!pool->elements)
		return -ENOMEM;
	spin_lock_init(&pool->lock, &mempool_class, NULL);
	init_waitqueue_head(&pool->wait);
	if (fill_reserve(pool))
		return 0;
	mempool_exit(pool);
	return -ENOMEM;
}

void mempool_exit(mempool_t *pool)
{
	BUG_ON(pool->wait.nr != 0);
	while (pool->curr_nr)
		pool->free(pool->elements[--pool->curr_nr], pool->pool_data);
	free_table(pool->elements, pool->capacity);
	pool->elements = NULL;
	spin_lock_destroy(&pool->wait.lock);
	spin_lock_destroy(&pool->lock);
}

mempool_t *mempool_create(unsigned int min_nr, mempool_alloc_t *alloc_fn, mempool_free_t *free_fn,
			  void *pool_data)
{
	mempool_t *pool = alloc_pages_exact(sizeof(*pool), GFP_KERNEL);

	if (!pool)
		return NULL;
	if (mempool_init(pool, min_nr, alloc_fn, free_fn, pool_data)) {
		free_pages_exact(pool, sizeof(*pool));
		return NULL;
	}
	return pool;
}

void mempool_destroy(mempool_t *pool)
{
	if (!pool)
		return;
	/* Whoever still holds an element would give it back to freed memory. */
	BUG_ON(pool->curr_nr != pool->min_nr);
	mempool_exit(pool);
	free_pages_exact(pool, sizeof(*pool));
}

/* Lowers the reserve to @new_min_nr; what is too much goes back to the allocator. */
static void shrink_reserve(mempool_t *pool, unsigned int new_min_nr)
{
	unsigned long flags;

	spin_lock_irqsave(&pool->lock, flags);
	WRITE_ONCE(pool->min_nr, new_min_nr);
	while (pool->curr_nr > new_min_nr) {
		void *element = pool->elements[pool->curr_nr - 1];

		WRITE_ONCE(pool->curr_nr, pool->curr_nr - 1);
		spin_unlock_irqrestore(&pool->lock, flags);
		pool->free(element, pool->pool_data);
		spin_lock_irqsave(&pool->lock, flags);
	}
	spin_unlock_irqrestore(&pool->lock, flags);
}

int mempool_resize(mempool_t *pool, unsigned int new_min_nr)
{
	void **old, **new = NULL;
	unsigned int old_capacity;
	unsigned long flags;

	might_sleep();
	if (!new_min_nr)
		return -EINVAL;
	if (new_min_nr <= READ_ONCE(pool->min_nr)) {
		shrink_reserve(pool, new_min_nr);
		return 0;
	}
	if (new_min_nr > pool->capacity) {
		new = alloc_table(new_min_nr);
		if (!new)
			return -ENOMEM;
	}
	spin_lock_irqsave(&pool->lock, flags);
	old = pool->elements;
	old_capacity = pool->capacity;
	if (new) {
		for (unsigned int i = 0; i < pool->curr_nr; i++)
			new[i] = old[i];
		pool->elements = new;
		pool->capacity = new_min_nr;
	}
	WRITE_ONCE(pool->min_nr, new_min_nr);
	spin_unlock_irqrestore(&pool->lock, flags);
	if (new)
		free_table(old, old_capacity);
	(void)fill_reserve(pool);
	return 0;
}

struct mempool_waiter {
	mempool_t *pool;
	void *element;
};

static bool got_element(void *arg)
{
	struct mempool_waiter *w = arg;

	w->element = remove_element(w->pool);
	return w->element != NULL;
}

static void *wait_for_element(mempool_t *pool)
{
	struct mempool_waiter w = { .pool = pool };
	unsigned long flags;

	wait_event(&pool->wait, got_element, &w);
	spin_lock_irqsave(&pool->lock, flags);
	pool->nr_waited++;
	spin_unlock_irqrestore(&pool->lock, flags);
	return w.element;
}

void *mempool_alloc(mempool_t *pool, gfp_t gfp)
{
	/* What the reserve is for must not eat up the zone's reserves, nor try too hard. */
	const gfp_t full = gfp | __GFP_NOMEMALLOC | __GFP_NORETRY | __GFP_NOWARN;
	const gfp_t quick = full & ~(__GFP_DIRECT_RECLAIM | __GFP_IO);
	void *element;

	VM_BUG_ON(gfp & __GFP_ZERO);
	if (gfp & __GFP_DIRECT_RECLAIM)
		might_sleep();
	element = pool->alloc(quick, pool->pool_data);
	if (!element)
		element = remove_element(pool);
	if (!element && quick != full)
		element = pool->alloc(full, pool->pool_data);
	if (!element && (gfp & __GFP_DIRECT_RECLAIM))
		element = wait_for_element(pool);
	return element;
}

void mempool_free(void *element, mempool_t *pool)
{
	if (!element)
		return;
	/*
	 * Racy, and enough: when this element left the reserve, curr_nr fell before the element
	 * was handed on, and it reached us by way of that hand.  So whoever frees it sees the
	 * fall, or a later value (I2).
	 */
	if (READ_ONCE(pool->curr_nr) < READ_ONCE(pool->min_nr) && add_element(pool, element))
		return;
	pool->free(element, pool->pool_data);
}

void *mempool_alloc_pages(gfp_t gfp, void *pool_data)
{
	return alloc_pages(gfp, (unsigned int)(uintptr_t)pool_data);
}

void mempool_free_pages(void *element, void *pool_data)
{
	__free_pages(element, (unsigned int)(uintptr_t)pool_data);
}
