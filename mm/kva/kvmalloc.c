/* SPDX-License-Identifier: MIT */
/*
 * kvmalloc: kmalloc first, vmalloc behind.
 *
 * What.  Up to a page only kmalloc() is asked, with all that the caller allows: scattered frames
 * would be no easier to get.  Above, kmalloc() is asked without retries, so that nobody compacts or
 * reclaims for contiguous frames that are not needed, and then vmalloc().
 *
 * Invariants.
 *   I1  A pointer of kvmalloc() is one of kmalloc() or the start of a VM_ALLOC area; which of the
 *       two is told by its address alone.
 *
 * Locking.  None of its own.  Context.  See the header.
 * Failure.  NULL, with nothing left behind.
 * See also.  linux: mm/slub.c and mm/util.c, kvmalloc_node().
 */
#include "mm/kva/kvmalloc.h"

#include "mm/kva/kva_impl.h"
#include "mm/kva/vmalloc.h"

/* What of @gfp the attempt for contiguous frames gets. */
static gfp_t contiguous_gfp(gfp_t gfp, size_t size)
{
	if (size <= PAGE_SIZE)
		return gfp;
	gfp |= __GFP_NOWARN;
	if (!(gfp & __GFP_RETRY_MAYFAIL))
		gfp |= __GFP_NORETRY;
	/* The scattered frames must not fail, not these. */
	return gfp & ~__GFP_NOFAIL;
}

void *kvmalloc_node_site(size_t size, gfp_t gfp, int nid, const struct slab_site *site)
{
	void *p;

	if (unlikely(size > KVMALLOC_MAX_SIZE)) {
		WARN_ON_ONCE(!(gfp & __GFP_NOWARN));
		return NULL;
	}
	p = kmalloc_node_site(size, contiguous_gfp(gfp, size), nid, site);
	if (p || size <= PAGE_SIZE || !gfp_can_block(gfp))
		return p;
	p = __vmalloc(size, (gfp & ~__GFP_ZERO) | __GFP_HIGHMEM);
	/* Zeroed through the new mapping: a HIGHMEM frame has no other address. */
	if (p && (gfp & __GFP_ZERO))
		memset(p, 0, align_up(size, PAGE_SIZE));
	return p;
}

void *kvmalloc_array_site(size_t n, size_t size, gfp_t gfp, const struct slab_site *site)
{
	size_t bytes;

	if (unlikely(__builtin_mul_overflow(n, size, &bytes)))
		return NULL;
	return kvmalloc_node_site(bytes, gfp, -1, site);
}

size_t kvsize(const void *p)
{
	const struct vmap_area *area;

	if (!is_vmalloc_addr(p))
		return ksize(p);
	area = vmap_space_find(p);
	BUG_ON(!area);
	return (size_t)area->nr_pages * PAGE_SIZE;
}

void kvfree_site(const void *p, const struct slab_site *site)
{
	if (is_vmalloc_addr(p))						/* I1 */
		vfree(p);
	else
		kfree_site(p, site);
}

void kvfree_sensitive_site(const void *p, size_t len, const struct slab_site *site)
{
	if (ZERO_OR_NULL_PTR(p))
		return;
	BUG_ON(len > kvsize(p));
	memset((void *)(uintptr_t)p, 0, len);
	/* The compiler must not see that the memory dies next. */
	barrier();
	kvfree_site(p, site);
}

void *kvrealloc_site(const void *p, size_t size, gfp_t gfp, const struct slab_site *site)
{
	size_t old;
	void *other;

	if (!size) {
		kvfree_site(p, site);
		return ZERO_SIZE_PTR;
	}
	if (ZERO_OR_NULL_PTR(p))
		return kvmalloc_node_site(size, gfp, -1, site);
	old = kvsize(p);
	if (old >= size)
		return (void *)(uintptr_t)p;
	other = kvmalloc_node_site(size, gfp, -1, site);
	if (!other)
		return NULL;
	memcpy(other, p, old);
	kvfree_site(p, site);
	return other;
}

void *kvmemdup_site(const void *p, size_t len, gfp_t gfp, const struct slab_site *site)
{
	void *copy = kvmalloc_node_site(len, gfp, -1, site);

	if (copy && len)
		memcpy(copy, p, len);
	return copy;
}
