/* SPDX-License-Identifier: MIT */
/* Pools whose elements are objects of a cache, or memory of kmalloc() (mm/page/mempool.h). */
#ifndef MM_SLAB_SLAB_MEMPOOL_H
#define MM_SLAB_SLAB_MEMPOOL_H

#include "mm/page/mempool.h"
#include "mm/slab/kmalloc.h"

/* @pool_data is the cache, which has no constructor: who frees an element leaves its contents. */
void *mempool_alloc_slab(gfp_t gfp, void *pool_data);
void mempool_free_slab(void *element, void *pool_data);

/* @pool_data is the size in bytes. */
void *mempool_kmalloc(gfp_t gfp, void *pool_data);
void mempool_kfree(void *element, void *pool_data);

static inline int mempool_init_slab_pool(mempool_t *pool, unsigned int min_nr,
					 struct kmem_cache *s)
{
	return mempool_init(pool, min_nr, mempool_alloc_slab, mempool_free_slab, s);
}

static inline mempool_t *mempool_create_slab_pool(unsigned int min_nr, struct kmem_cache *s)
{
	return mempool_create(min_nr, mempool_alloc_slab, mempool_free_slab, s);
}

static inline int mempool_init_kmalloc_pool(mempool_t *pool, unsigned int min_nr, size_t size)
{
	return mempool_init(pool, min_nr, mempool_kmalloc, mempool_kfree,
			    (void *)(uintptr_t)size);
}

static inline mempool_t *mempool_create_kmalloc_pool(unsigned int min_nr, size_t size)
{
	return mempool_create(min_nr, mempool_kmalloc, mempool_kfree, (void *)(uintptr_t)size);
}

#endif /* MM_SLAB_SLAB_MEMPOOL_H */
