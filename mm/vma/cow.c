/* SPDX-License-Identifier: MIT */
/*
 * Copy on write: a write to a page that an entry shows read-only.
 *
 * What.  Whose page is it?  An exclusive page is this entry's alone: the right to write is all that
 * is missing.  A page with one reference has no other user left: it becomes exclusive.  Otherwise
 * the writer gets a copy.  The number of references decides, not the number of entries: whoever may
 * still read the page (another space, a flush that has not returned) holds a reference.
 *
 * No two CPUs may see old and new page at the same time with different contents, and nobody flushes
 * under a table's lock.  So the copy is shown read-only first:
 *
 *	this CPU				another CPU of the space
 *	copy old -> new				reads old (TLB)
 *	lock; entry = new, read-only, COW_FLUSH	reads old or new: they are equal
 *	unlock; flush the page			reads old or new		write: fault, flush
 *	(flush returned)			reads new
 *	lock; entry writable, COW_FLUSH off	reads new
 *	unlock; drop the old page
 *
 * Invariants.
 *   I1  A private entry is writable only while its page is exclusive.
 *   I2  An entry with COW_FLUSH becomes writable only by somebody whose flush began after he saw
 *       it under the lock, with a reference that keeps the frame from being another copy meanwhile.
 *   I3  The old page keeps this space's reference until the flush has returned: until then nobody
 *       can take it for his own.
 *
 * Locking.  The area's lock or the mmap lock for reading; the table's lock in two short holds.
 * Context.  Task.  Failure.  VM_FAULT_OOM with the entry untouched.
 * See also.  docs/mmu.md; memory.c; tests/unit/test_fault.c, tests/mt/test_vm_mt.c,
 * the scenario "cow"; do_wp_page() in Linux.
 */
#include "mm/kva/highmem.h"
#include "mm/mmu/tlbflush.h"
#include "mm/vma/memory.h"
#include "mm/vma/mm_types.h"
#include "mm/vma/rmap.h"

/* ---- reuse ---- */

/*
 * May @page, which an entry of @vma maps, be written in place?  The table's lock is held.  Makes it
 * exclusive when it was the last user's all along.
 */
static bool may_reuse(struct page *page, struct vm_area_struct *vma)
{
	if (page_anon_exclusive(page))
		return true;
	/* Acquire: pairs with the release of the others' references: they have read their last. */
	if (!page_is_anon(page) || smp_load_acquire(&page->_refcount) != 1)
		return false;
	VM_BUG_ON(page_mapcount(page) != 1);
	page_move_anon_rmap(page, vma);					/* I1 */
	return true;
}

bool can_change_pte_writable(const struct vm_area_struct *vma, pte_t pte)
{
	if (!(vma->vm_flags & VM_WRITE) || pte_special(pte))
		return false;
	if (vma->vm_flags & VM_SHARED)
		return true;
	return page_anon_exclusive(pte_page(pte)) && !(pte_val(pte) & _PAGE_COW_FLUSH);
}

static pte_t writable(pte_t pte)
{
	return pte_mkwrite(pte_mkdirty(pte_mkyoung(pte)));
}

/* ---- the copy ---- */

/*
 * The second half of a copy, by its maker or by another writer: the page of the entry, on which the
 * caller holds a reference, is flushed and then may be written.
 */
static void finish_copy(struct vm_fault *vmf, const struct page *page)
	__context_unsafe("the lock is known by its table")
{
	spinlock_t *ptl = pte_lockptr(vmf->ptep);
	pte_t pte;

	flush_tlb_page(vmf->ctx, vmf->addr);
	spin_lock(ptl);
	pte = ptep_get(vmf->ptep);
	/* Gone, or finished by somebody else: then there is nothing left to do. */
	if ((pte_val(pte) & _PAGE_COW_FLUSH) && pte_present(pte) &&
	    pte_pfn(pte) == page_to_pfn(page))				/* I2 */
		(void)ptep_set_access_flags(vmf->ptep, writable(pte), _PAGE_COW_FLUSH);
	spin_unlock(ptl);
}

/* A page with the contents of @old (NULL: zeroes), or NULL. */
static struct page *new_copy(struct page *old)
{
	struct page *page;

	page = alloc_page(old ? GFP_HIGHUSER_MOVABLE : GFP_HIGHUSER_MOVABLE | __GFP_ZERO);
	if (page && old)
		copy_highpage(page, old);
	return page;
}

/* Shows @page in place of @vmf->orig, with a reference for us; false: the entry has changed. */
static bool install_copy(struct vm_fault *vmf, struct page *page, struct page *old)
	__context_unsafe("the lock is known by its table")
{
	struct vm_area_struct *vma = vmf->vma;
	spinlock_t *ptl = pte_lockptr(vmf->ptep);
	bool same;

	spin_lock(ptl);
	same = pte_same(ptep_get(vmf->ptep), vmf->orig);
	if (likely(same)) {
		get_page(page);						/* I2: entry's and ours */
		page_add_new_anon_rmap(page, vma, vmf->addr);
		if (!old)
			add_mm_counter(vma->vm_mm, MM_ANONPAGES, 1);
		(void)ptep_modify(vmf->ptep,
				  pte_set_flags(pte_wrprotect(mk_pte(page, vma->vm_page_prot)),
						_PAGE_COW_FLUSH | _PAGE_SOFT_DIRTY));
	}
	spin_unlock(ptl);
	return same;
}

/* @old: the page of @vmf->orig, with a reference of ours; NULL: the zero page. */
static vm_fault_t wp_page_copy(struct vm_fault *vmf, struct page *old)
{
	vm_fault_t ret = vmf_anon_prepare(vmf);
	struct page *page;

	if (unlikely(ret))
		goto put_old;
	page = new_copy(old);
	if (unlikely(!page)) {
		ret = VM_FAULT_OOM;
		goto put_old;
	}
	if (unlikely(!install_copy(vmf, page, old))) {
		__free_page(page);
		goto put_old;
	}
	finish_copy(vmf, page);
	put_page(page);
	if (old) {
		page_remove_rmap(old);					/* I3 */
		put_page(old);
	}
put_old:
	if (old)
		put_page(old);
	return ret;
}

/* ---- who may do what ---- */

/* Another writer is between the two halves of a copy. */
static vm_fault_t wp_join_copy(struct vm_fault *vmf, struct page *page, spinlock_t *ptl)
	__context_unsafe("gives up the caller's lock")
{
	get_page(page);							/* I2 */
	spin_unlock(ptl);
	finish_copy(vmf, page);
	put_page(page);
	return 0;
}

vm_fault_t do_wp_page(struct vm_fault *vmf) __context_unsafe("the lock is known by its table")
{
	struct vm_area_struct *vma = vmf->vma;
	spinlock_t *ptl = pte_lockptr(vmf->ptep);
	struct page *page = NULL;

	spin_lock(ptl);
	if (unlikely(!pte_same(ptep_get(vmf->ptep), vmf->orig))) {
		spin_unlock(ptl);
		return 0;
	}
	if (!pte_special(vmf->orig)) {
		page = pte_page(vmf->orig);
		if (pte_val(vmf->orig) & _PAGE_COW_FLUSH)
			return wp_join_copy(vmf, page, ptl);
		if ((vma->vm_flags & VM_SHARED) || may_reuse(page, vma)) {
			(void)ptep_set_access_flags(vmf->ptep, writable(vmf->orig), 0);
			spin_unlock(ptl);
			return 0;
		}
		get_page(page);
	}
	spin_unlock(ptl);
	return wp_page_copy(vmf, page);
}
