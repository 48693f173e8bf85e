/* SPDX-License-Identifier: MIT */
/*
 * mempool: a reserve of elements, so that work which frees memory can always go on
 * (include/linux/mempool.h).
 *
 * The pool keeps up to min_nr elements of its owner's allocator aside.  An allocation that may
 * sleep never fails: when allocator and reserve have nothing, it waits until somebody gives an
 * element back.  Whoever holds an element must therefore not wait for another one of the same pool.
 */
#ifndef MM_PAGE_MEMPOOL_H
#define MM_PAGE_MEMPOOL_H

#include "mm/page/gfp.h"
#include "runtime/wait.h"

/* The allocator behind a pool; any context that @gfp allows.  NULL: nothing available. */
typedef void *mempool_alloc_t(gfp_t gfp, void *pool_data);
/* Its counterpart; any context. */
typedef void mempool_free_t(void *element, void *pool_data);

/* Key: (L) under lock; (B) set by mempool_init(). */
typedef struct mempool {
	spinlock_t lock;		/* rank RANK_RUNTIME; any context, irqs masked */
	unsigned int min_nr;		/* (L) read racily: elements the pool wants to keep */
	unsigned int curr_nr;		/* (L) read racily: it has elements[0..curr_nr) */
	void **elements;		/* (L) */
	unsigned int capacity;		/* (L) of elements[] */
	mempool_alloc_t *alloc;		/* (B) */
	mempool_free_t *free;		/* (B) */
	void *pool_data;		/* (B) */
	struct wait_queue_head wait;	/* for an element */
	u64 nr_from_reserve;		/* (L) exact: allocations that the reserve served */
	u64 nr_waited;			/* (L) exact: of these, those that had to wait */
} mempool_t;

/*
 * Makes a pool in memory of the caller's and fills its reserve with @min_nr > 0 elements.  Task
 * context, may sleep.  0, -EINVAL (no elements) or -ENOMEM, and then nothing is left behind.
 */
__must_check int mempool_init(mempool_t *pool, unsigned int min_nr, mempool_alloc_t *alloc_fn,
			      mempool_free_t *free_fn, void *pool_data);
/* Frees the reserve; every element has been given back.  Task context. */
void mempool_exit(mempool_t *pool);

/* The same with memory for the pool itself; NULL instead of an error. */
mempool_t *mempool_create(unsigned int min_nr, mempool_alloc_t *alloc_fn, mempool_free_t *free_fn,
			  void *pool_data) __must_check;
void mempool_destroy(mempool_t *pool);	/* NULL is allowed */

/*
 * Changes the size of the reserve to @new_min_nr > 0.  Growing fills it as far as memory allows
 * now; frees do the rest.  Task context, may sleep; one caller at a time.  0, -EINVAL or -ENOMEM
 * (no memory for the table; the pool is as before).
 */
__must_check int mempool_resize(mempool_t *pool, unsigned int new_min_nr);

/*
 * An element: from the allocator if it has one without reclaim, else from the reserve, else from
 * the allocator with all that @gfp allows.  Never NULL with __GFP_DIRECT_RECLAIM: task context, it
 * waits.  Without it any context, NULL when there is none.  __GFP_ZERO is refused (BUG in debug
 * builds): an element of the reserve is not zeroed.
 */
void *mempool_alloc(mempool_t *pool, gfp_t gfp) __must_check;

/* Gives an element back, to the reserve first.  Any context; NULL is allowed. */
void mempool_free(void *element, mempool_t *pool);

/* Pools of pages: @pool_data is the order, an element a struct page. */
void *mempool_alloc_pages(gfp_t gfp, void *pool_data);
void mempool_free_pages(void *element, void *pool_data);

static inline int mempool_init_page_pool(mempool_t *pool, unsigned int min_nr, unsigned int order)
{
	return mempool_init(pool, min_nr, mempool_alloc_pages, mempool_free_pages,
			    (void *)(uintptr_t)order);
}

static inline mempool_t *mempool_create_page_pool(unsigned int min_nr, unsigned int order)
{
	return mempool_create(min_nr, mempool_alloc_pages, mempool_free_pages,
			      (void *)(uintptr_t)order);
}

#endif /* MM_PAGE_MEMPOOL_H */
