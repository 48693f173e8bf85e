/* SPDX-License-Identifier: MIT */
/* The allocators behind pools of objects. */
#include "mm/slab/slab_mempool.h"

void *mempool_alloc_slab(gfp_t gfp, void *pool_data)
{
	struct kmem_cache *s = pool_data;

	VM_BUG_ON(s->ctor);
	return kmem_cache_alloc(s, gfp);
}

void mempool_free_slab(void *element, void *pool_data)
{
	struct kmem_cache *s = pool_data;

	kmem_cache_free(s, element);
}

void *mempool_kmalloc(gfp_t gfp, void *pool_data)
{
	return kmalloc((size_t)(uintptr_t)pool_data, gfp);
}

void mempool_kfree(void *element, void *pool_data)
{
	(void)pool_data;
	kfree(element);
}
