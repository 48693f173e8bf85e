/* SPDX-License-Identifier: MIT */
/*
 * kvmalloc and its family: memory from kmalloc() when that has a block, else from vmalloc()
 * (include/linux/slab.h).
 *
 * For large memory that need not be contiguous in frames: more than a page is asked of the page
 * allocator without effort and without a warning, and scattered frames stand behind.
 *
 * Context: as kmalloc() with the same @gfp; only a caller that may sleep gets to vmalloc().
 * kvfree(): task context, because of vfree().  After slab_boot() and kva_boot().
 */
#ifndef MM_KVA_KVMALLOC_H
#define MM_KVA_KVMALLOC_H

#include "mm/slab/kmalloc.h"

/* No request may be larger, whatever memory there is: sizes beyond are mistakes. */
#define KVMALLOC_MAX_SIZE	((size_t)0x7fffffff)

void *kvmalloc_node_site(size_t size, gfp_t gfp, int nid, const struct slab_site *site)
	__must_check;
void *kvmalloc_array_site(size_t n, size_t size, gfp_t gfp, const struct slab_site *site)
	__must_check;
void *kvrealloc_site(const void *p, size_t size, gfp_t gfp, const struct slab_site *site)
	__must_check;
void *kvmemdup_site(const void *p, size_t len, gfp_t gfp, const struct slab_site *site)
	__must_check;
void kvfree_site(const void *p, const struct slab_site *site);

/* @size bytes, not initialised; ZERO_SIZE_PTR for 0.  NULL: no memory, or too large. */
#define kvmalloc(size, gfp)		kvmalloc_node_site((size), (gfp), -1, SLAB_SITE())
#define kvzalloc(size, gfp)		kvmalloc((size), (gfp) | __GFP_ZERO)
/* From node @nid when possible; -1: this CPU's. */
#define kvmalloc_node(size, gfp, nid)	kvmalloc_node_site((size), (gfp), (nid), SLAB_SITE())
#define kvzalloc_node(size, gfp, nid)	kvmalloc_node((size), (gfp) | __GFP_ZERO, (nid))
/* @n elements of @size bytes; NULL when the product overflows. */
#define kvmalloc_array(n, size, gfp)	kvmalloc_array_site((n), (size), (gfp), SLAB_SITE())
#define kvcalloc(n, size, gfp)		kvmalloc_array((n), (size), (gfp) | __GFP_ZERO)
/*
 * Memory of @size bytes with the old contents, at the old place when it fits.  @p NULL: kvmalloc().
 * @size 0: kvfree() and ZERO_SIZE_PTR.  On failure NULL, and @p is as it was.
 */
#define kvrealloc(p, size, gfp)		kvrealloc_site((p), (size), (gfp), SLAB_SITE())
/* A copy of @len bytes. */
#define kvmemdup(p, len, gfp)		kvmemdup_site((p), (len), (gfp), SLAB_SITE())
/* What any of these, kmalloc() or vmalloc() returned; NULL and ZERO_SIZE_PTR are fine. */
#define kvfree(p)			kvfree_site((p), SLAB_SITE())
/* The same after overwriting the first @len bytes. */
#define kvfree_sensitive(p, len)	kvfree_sensitive_site((p), (len), SLAB_SITE())
void kvfree_sensitive_site(const void *p, size_t len, const struct slab_site *site);

/* Bytes that the caller may use. */
size_t kvsize(const void *p);

#endif /* MM_KVA_KVMALLOC_H */
