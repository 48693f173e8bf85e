/* SPDX-License-Identifier: MIT */
/*
 * Reverse map of anonymous pages: who lists whom, through split and fork.
 *
 * What.  An area gets an anon_vma with its first anonymous page.  fork puts the child's area on all
 * anon_vmas of the parent's (the shared pages name them) and on a new one of its own (for the pages
 * that it will copy), so a page made by the child is never looked for in the parent.  All anon_vmas
 * that descend from one area share the lock of the first: the root.
 *
 *	parent area P ---- A (root)		page made by P: mapping A; walk finds P and C
 *	child area C  --+- A			page made by C: mapping B; walk finds C
 *	                +- B (parent A)
 *
 * States of an anon_vma.  allocated (refcount 1, on no area's list) -> listed -> empty: unlinked
 * by its last area, freed when no walk holds a reference.
 *
 * Invariants.
 *   I1  Each area on an anon_vma's list is there through one chain link, and each link is on both
 *       lists.
 *   I2  page->mapping names an anon_vma whose list holds every area that may map the page.
 *   I3  num_children = anon_vmas whose parent this is (+ 1 for a root); num_active_vmas = areas
 *       whose anon_vma this is.
 *   I4  _mapcount = page-table entries that map the page, at every moment between two holds of the
 *       locks of the tables involved.
 *
 * A child's anon_vma that lost its areas is used again by the next child instead of a new one (I3
 * tells), so a line of descendants that fork and exit does not lengthen the chains for ever.
 *
 * Locking.  root->rwsem for the lists.  Memory is taken without waiting under it, for
 * reclaim takes it.  Context.  Task.
 * Failure.  -ENOMEM leaves the area on no list it was not on before.
 * See also.  tests/unit/test_rmap.c; mm/rmap.c in Linux, which keeps interval trees where this
 * keeps lists.
 */
#include "mm/vma/rmap.h"

#include <errno.h>

#include "mm/slab/slab.h"

static const struct lock_class anon_vma_class = { .name = "anon_vma", .rank = RANK_ANON_VMA };

static struct kmem_cache *anon_vma_cache, *chain_cache;
static long live;			/* atomic: anon_vmas that exist */

/* ---- objects ---- */

/* Memory stays an anon_vma for a grace period: a walk that found it in a page may look at it. */
static void anon_vma_ctor(void *obj)
{
	struct anon_vma *anon_vma = obj;

	anon_vma->refcount = 0;
	init_rwsem(&anon_vma->rwsem, &anon_vma_class, NULL);
	INIT_LIST_HEAD(&anon_vma->chains);
}

static struct anon_vma *anon_vma_alloc(void)
{
	struct anon_vma *anon_vma = kmem_cache_alloc(anon_vma_cache, GFP_KERNEL);

	if (!anon_vma)
		return NULL;
	WRITE_ONCE(anon_vma->root, anon_vma);
	anon_vma->parent = anon_vma;
	anon_vma->num_children = 1;					/* I3 */
	anon_vma->num_active_vmas = 0;
	/* Release: pairs with the reference taken in anon_vma_get_of(). */
	smp_store_release(&anon_vma->refcount, 1);
	fetch_add_relaxed(&live, 1);
	return anon_vma;
}

static void anon_vma_get(struct anon_vma *anon_vma)
{
	fetch_add_relaxed(&anon_vma->refcount, 1);
}

static void anon_vma_put(struct anon_vma *anon_vma)
{
	struct anon_vma *root = anon_vma->root;

	/* Full order: the last user's work comes before the next life. */
	if (fetch_add(&anon_vma->refcount, -1) != 1)
		return;
	BUG_ON(!list_empty(&anon_vma->chains));
	kmem_cache_free(anon_vma_cache, anon_vma);
	fetch_add_relaxed(&live, -1);
	if (root != anon_vma)
		anon_vma_put(root);
}

/* The anon_vma of @page with a reference, or NULL when nothing maps the page. */
static struct anon_vma *anon_vma_get_of(const struct page *page)
{
	struct anon_vma *anon_vma = NULL;
	unsigned long mapping;
	s32 count;

	rcu_read_lock();
	mapping = (unsigned long)smp_load_acquire(&page->mapping);
	if (!(mapping & PAGE_MAPPING_ANON) || !page_mapcount(page))
		goto out;
	anon_vma = (struct anon_vma *)(mapping - PAGE_MAPPING_ANON);
	count = READ_ONCE(anon_vma->refcount);
	do {
		if (!count) {
			anon_vma = NULL;
			goto out;
		}
	} while (!try_cmpxchg(&anon_vma->refcount, &count, count + 1));
	/* Still mapped: then the reference is of the anon_vma it named, not of its next life. */
	if (!page_mapcount(page)) {
		rcu_read_unlock();
		anon_vma_put(anon_vma);
		return NULL;
	}
out:
	rcu_read_unlock();
	return anon_vma;
}

/* ---- lists ---- */

static void chain_link(struct vm_area_struct *vma, struct anon_vma_chain *avc,
		       struct anon_vma *anon_vma)
{
	avc->vma = vma;
	avc->anon_vma = anon_vma;
	list_add(&avc->same_vma, &vma->anon_vma_chain);
	list_add_tail(&avc->same_anon_vma, &anon_vma->chains);		/* I1 */
}

int __anon_vma_prepare(struct vm_area_struct *vma)
{
	struct mmu_context *ctx = &vma->vm_mm->context;
	struct anon_vma_chain *avc = kmem_cache_alloc(chain_cache, GFP_KERNEL);
	struct anon_vma *anon_vma, *allocated = NULL;

	if (!avc)
		return -ENOMEM;
	anon_vma = find_mergeable_anon_vma(vma);
	if (!anon_vma) {
		anon_vma = allocated = anon_vma_alloc();
		if (!anon_vma) {
			kmem_cache_free(chain_cache, avc);
			return -ENOMEM;
		}
	}
	anon_vma_lock_write(anon_vma);
	/* Faults of other CPUs on this area hold the mmap lock for read, as we do. */
	spin_lock(&ctx->page_table_lock);
	if (!vma->anon_vma) {
		chain_link(vma, avc, anon_vma);
		anon_vma->num_active_vmas++;				/* I3 */
		/* Release: pairs with the acquire in anon_vma_prepare(): the chain is linked. */
		smp_store_release(&vma->anon_vma, anon_vma);
		avc = NULL;
		allocated = NULL;
	}
	spin_unlock(&ctx->page_table_lock);
	anon_vma_unlock_write(anon_vma);
	if (allocated)
		anon_vma_put(allocated);
	if (avc)
		kmem_cache_free(chain_cache, avc);
	return 0;
}

/* An anon_vma of @src that @dst may take over as its own: it has a parent but no areas (I3). */
static bool reusable(const struct anon_vma *anon_vma, const struct vm_area_struct *dst,
		     const struct vm_area_struct *src)
{
	return !dst->anon_vma && src->anon_vma && anon_vma != src->anon_vma &&
		anon_vma->num_children < 2 && anon_vma->num_active_vmas == 0;
}

int anon_vma_clone(struct vm_area_struct *dst, struct vm_area_struct *src)
	__context_unsafe("the root's lock is dropped to wait for memory")
{
	struct anon_vma *root = NULL;
	struct anon_vma_chain *pos, *avc;

	list_for_each_entry_reverse(pos, &src->anon_vma_chain, same_vma) {
		avc = kmem_cache_alloc(chain_cache, GFP_NOWAIT);
		if (!avc) {
			if (root)
				anon_vma_unlock_write(root);
			root = NULL;
			avc = kmem_cache_alloc(chain_cache, GFP_KERNEL);
			if (!avc)
				goto undo;
		}
		if (!root) {
			root = pos->anon_vma->root;
			anon_vma_lock_write(root);
		}
		VM_BUG_ON(root != pos->anon_vma->root);
		chain_link(dst, avc, pos->anon_vma);
		if (reusable(pos->anon_vma, dst, src))
			dst->anon_vma = pos->anon_vma;
	}
	if (dst->anon_vma)
		dst->anon_vma->num_active_vmas++;			/* I3 */
	if (root)
		anon_vma_unlock_write(root);
	return 0;
undo:
	/* Not counted as active yet: unlinking must not count it down. */
	dst->anon_vma = NULL;
	unlink_anon_vmas(dst);
	return -ENOMEM;
}

int anon_vma_fork(struct vm_area_struct *vma, struct vm_area_struct *pvma)
{
	struct anon_vma_chain *avc;
	struct anon_vma *anon_vma;

	vma->anon_vma = NULL;
	if (!pvma->anon_vma)
		return 0;
	if (anon_vma_clone(vma, pvma))
		return -ENOMEM;
	if (vma->anon_vma)
		return 0;		/* one without areas is used again */
	anon_vma = anon_vma_alloc();
	if (!anon_vma)
		goto undo_clone;
	avc = kmem_cache_alloc(chain_cache, GFP_KERNEL);
	if (!avc)
		goto undo_anon_vma;
	anon_vma->num_children = 0;
	anon_vma->num_active_vmas = 1;
	anon_vma->root = pvma->anon_vma->root;
	anon_vma->parent = pvma->anon_vma;
	/* The root lives as long as its tree; the parent while it has children. */
	anon_vma_get(anon_vma->root);
	anon_vma_lock_write(anon_vma);
	chain_link(vma, avc, anon_vma);
	anon_vma->parent->num_children++;				/* I3 */
	anon_vma_unlock_write(anon_vma);
	vma->anon_vma = anon_vma;
	return 0;

undo_anon_vma:
	anon_vma_put(anon_vma);
undo_clone:
	unlink_anon_vmas(vma);
	return -ENOMEM;
}

void unlink_anon_vmas(struct vm_area_struct *vma)
	__context_unsafe("the root is known by the chain")
{
	struct anon_vma_chain *avc, *next;
	struct anon_vma *root = NULL;

	/* Newest first: a child is empty before its parent is looked at. */
	list_for_each_entry_safe(avc, next, &vma->anon_vma_chain, same_vma) {
		struct anon_vma *anon_vma = avc->anon_vma;

		if (!root) {
			root = anon_vma->root;
			anon_vma_lock_write(root);
		}
		list_del(&avc->same_anon_vma);
		if (list_empty(&anon_vma->chains)) {
			/* Freed below, without the lock that may be its own. */
			anon_vma->parent->num_children--;		/* I3 */
			continue;
		}
		list_del(&avc->same_vma);
		kmem_cache_free(chain_cache, avc);
	}
	if (vma->anon_vma) {
		vma->anon_vma->num_active_vmas--;			/* I3 */
		vma->anon_vma = NULL;
	}
	if (root)
		anon_vma_unlock_write(root);
	list_for_each_entry_safe(avc, next, &vma->anon_vma_chain, same_vma) {
		struct anon_vma *anon_vma = avc->anon_vma;

		list_del(&avc->same_vma);
		VM_BUG_ON(anon_vma->num_active_vmas);
		VM_BUG_ON(anon_vma->num_children);
		anon_vma_put(anon_vma);
		kmem_cache_free(chain_cache, avc);
	}
}

/* ---- pages ---- */

static void set_anon_mapping(struct page *page, struct anon_vma *anon_vma)
{
	/* Release: who finds the anon_vma in the page finds it complete. */
	smp_store_release(&page->mapping, (void *)((unsigned long)anon_vma + PAGE_MAPPING_ANON));
}

void page_add_new_anon_rmap(struct page *page, struct vm_area_struct *vma, unsigned long addr)
{
	VM_BUG_ON(!vma->anon_vma);
	VM_BUG_ON(page_mapcount(page));
	WRITE_ONCE(page->_mapcount, 1);					/* I4 */
	WRITE_ONCE(page->index, linear_page_index(vma, addr));
	set_anon_mapping(page, vma->anon_vma);				/* I2 */
	__page_set_flags(page, PG_anon_exclusive | PG_swapbacked);
	inc_zone_page_state(page_zone(page), NR_ANON_MAPPED);
}

void page_move_anon_rmap(struct page *page, struct vm_area_struct *vma)
{
	VM_BUG_ON(!vma->anon_vma);
	set_anon_mapping(page, vma->anon_vma);				/* I2 */
	page_set_flags(page, PG_anon_exclusive);
}

void page_add_file_rmap(struct page *page)
{
	if (fetch_add_relaxed(&page->_mapcount, 1) == 0)		/* I4 */
		inc_zone_page_state(page_zone(page), NR_FILE_MAPPED);
}

void page_remove_rmap(struct page *page)
{
	s32 count;

	/* The only entry: nobody else can change the count. */
	if (likely(page_anon_exclusive(page))) {
		VM_BUG_ON(page_mapcount(page) != 1);
		WRITE_ONCE(page->_mapcount, 0);				/* I4 */
		dec_zone_page_state(page_zone(page), NR_ANON_MAPPED);
		return;
	}
	/* Release: what was done through the entry comes before a reuse that counts on this. */
	count = fetch_add(&page->_mapcount, -1);			/* I4 */
	BUG_ON(count <= 0);
	if (count == 1)
		dec_zone_page_state(page_zone(page),
				    page_is_anon(page) ? NR_ANON_MAPPED : NR_FILE_MAPPED);
}

/* ---- walks ---- */

bool rmap_walk_anon(struct page *page, rmap_fn fn, void *arg)
{
	struct anon_vma *anon_vma = anon_vma_get_of(page);
	struct anon_vma_chain *avc;

	if (!anon_vma)
		return false;
	down_read(&anon_vma->root->rwsem);
	list_for_each_entry(avc, &anon_vma->chains, same_anon_vma) {
		struct vm_area_struct *vma = avc->vma;
		unsigned long index = READ_ONCE(page->index);
		unsigned long nr = (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;

		if (index < vma->vm_pgoff || index - vma->vm_pgoff >= nr)
			continue;
		if (!fn(vma, vma->vm_start + ((index - vma->vm_pgoff) << PAGE_SHIFT), arg))
			break;
	}
	anon_vma_unlock_read(anon_vma);
	anon_vma_put(anon_vma);
	return true;
}

/* ---- life cycle ---- */

long nr_anon_vmas(void)
{
	return READ_ONCE(live);
}

int rmap_boot(void)
{
	live = 0;
	anon_vma_cache = kmem_cache_create("anon_vma", sizeof(struct anon_vma), 0,
					   SLAB_TYPESAFE_BY_RCU, anon_vma_ctor);
	chain_cache = kmem_cache_create("anon_vma_chain", sizeof(struct anon_vma_chain), 0, 0,
					NULL);
	if (anon_vma_cache && chain_cache)
		return 0;
	rmap_shutdown();
	return -ENOMEM;
}

void rmap_shutdown(void)
{
	kmem_cache_destroy(anon_vma_cache);
	kmem_cache_destroy(chain_cache);
	anon_vma_cache = chain_cache = NULL;
}
