/* SPDX-License-Identifier: MIT */
/*
 * Page faults inside an area: which page an entry gets.
 *
 * What.  The entry decides: none and anonymous, a read gets the shared zero page and a write a new
 * zeroed one; none and shared, the object's page; present but read-only, and a write: cow.c;
 * anything else has been settled by another CPU, and the access is tried again.
 *
 * States of a private entry.
 *
 *	none --read--> zero page, read-only --write--> own page, writable (cow.c copies)
 *	none --write-> own page, writable
 *	own page, writable --fork--> shared page, read-only (both spaces)
 *	shared page, read-only --write, others left--> writable, --write--> copy, writable
 *
 * Invariants.
 *   I1  What can wait or fail (tables, pages, anon_vma) is got before the table's lock is taken;
 *       under the lock the entry is looked at again, and only then changed.
 *   I2  A page is complete before its entry: filled, rmap, counters, then set_pte() with release.
 *   I3  The zero page's entries are special: no reference, no rmap, no rss, never writable.
 *   I4  Every reference that an entry holds is counted in rss_stat of its space.
 *
 * Locking.  The caller's area lock (or mmap lock for reading) keeps area and tables; the table's
 * lock is taken here.  Context.  Task.
 * Failure.  VM_FAULT_OOM leaves empty tables and an anon_vma at most, which the area's end frees.
 * Costs.  A write to untouched memory: two table walks (hardware's and ours), one page from this
 * CPU's list, zeroing it, one uncontended lock.  No line is shared with faults in other tables.
 * See also.  docs/mmu.md, tests/unit/test_fault.c; mm/memory.c in Linux.
 */
#include "mm/vma/memory.h"

#include <errno.h>

#include "mm/vma/mm.h"
#include "mm/vma/rmap.h"
#include "mm/vma/shmem.h"

struct page *zero_page;

vm_fault_t vmf_anon_prepare(struct vm_fault *vmf)
	__context_unsafe("the mmap lock is tried only when the area's lock is all we have")
{
	struct vm_area_struct *vma = vmf->vma;
	int err;

	if (likely(smp_load_acquire(&vma->anon_vma)))
		return 0;
	/* A neighbour's anon_vma may do: that takes a look at neighbours, which move. */
	if ((vmf->flags & FAULT_FLAG_VMA_LOCK) && !mmap_read_trylock(vma->vm_mm))
		return VM_FAULT_RETRY;
	err = __anon_vma_prepare(vma);
	if (vmf->flags & FAULT_FLAG_VMA_LOCK)
		mmap_read_unlock(vma->vm_mm);
	return err ? VM_FAULT_OOM : 0;
}

/* Locks the entry's table; false, without the lock, when the entry is no longer @vmf->orig. */
static inline bool relock_unchanged(struct vm_fault *vmf, spinlock_t **ptl)
	__context_unsafe("the lock is known by its table")
{
	*ptl = pte_lockptr(vmf->ptep);
	spin_lock(*ptl);
	if (likely(pte_same(ptep_get(vmf->ptep), vmf->orig)))
		return true;
	spin_unlock(*ptl);
	return false;
}

/* ---- untouched anonymous memory ---- */

static vm_fault_t map_zero_page(struct vm_fault *vmf)
	__context_unsafe("relock_unchanged()")
{
	pte_t entry = pte_mkspecial(mk_pte(zero_page, vmf->vma->vm_page_prot));
	spinlock_t *ptl;

	if (relock_unchanged(vmf, &ptl)) {
		set_pte(vmf->ptep, pte_wrprotect(entry));		/* I3 */
		spin_unlock(ptl);
	}
	return 0;
}

static vm_fault_t map_new_page(struct vm_fault *vmf)
	__context_unsafe("relock_unchanged()")
{
	struct vm_area_struct *vma = vmf->vma;
	vm_fault_t ret = vmf_anon_prepare(vmf);				/* I1 */
	struct page *page;
	spinlock_t *ptl;

	if (unlikely(ret))
		return ret;
	page = alloc_page(GFP_HIGHUSER_MOVABLE | __GFP_ZERO);		/* I1 */
	if (unlikely(!page))
		return VM_FAULT_OOM;
	if (unlikely(!relock_unchanged(vmf, &ptl))) {
		__free_page(page);
		return 0;
	}
	page_add_new_anon_rmap(page, vma, vmf->addr);
	add_mm_counter(vma->vm_mm, MM_ANONPAGES, 1);			/* I4 */
	set_pte(vmf->ptep, pte_mkwrite(pte_mkdirty(mk_pte(page, vma->vm_page_prot)))); /* I2 */
	spin_unlock(ptl);
	return 0;
}

/* ---- shared objects ---- */

static vm_fault_t do_shared_fault(struct vm_fault *vmf)
	__context_unsafe("relock_unchanged()")
{
	struct vm_area_struct *vma = vmf->vma;
	struct page *page;
	spinlock_t *ptl;
	pte_t entry;
	int err;

	VM_BUG_ON(!(vma->vm_flags & VM_SHARED));
	err = shmem_get_page(vma->vm_shmem, linear_page_index(vma, vmf->addr), &page);
	if (err)
		return err == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
	if (!relock_unchanged(vmf, &ptl)) {
		put_page(page);
		return 0;
	}
	entry = mk_pte(page, vma->vm_page_prot);
	if (vmf->flags & FAULT_FLAG_WRITE)
		entry = pte_mkdirty(entry);
	page_add_file_rmap(page);
	add_mm_counter(vma->vm_mm, MM_SHMEMPAGES, 1);			/* I4 */
	set_pte(vmf->ptep, entry);				/* I2; the reference is its */
	spin_unlock(ptl);
	return 0;
}

/* ---- the entry decides ---- */

vm_fault_t handle_mm_fault(struct vm_area_struct *vma, unsigned long addr, unsigned int flags)
{
	struct vm_fault vmf = {
		.vma = vma, .ctx = &vma->vm_mm->context, .addr = addr & PAGE_MASK, .flags = flags,
	};
	pmd_t *pmd = mmu_alloc_pmd(vmf.ctx, addr);

	if (unlikely(!pmd || pte_alloc(vmf.ctx, pmd)))			/* I1 */
		return VM_FAULT_OOM;
	vmf.ptep = pte_offset(pmd, addr);
	vmf.orig = ptep_get(vmf.ptep);
	if (pte_none(vmf.orig)) {
		if (!vma_is_anonymous(vma))
			return do_shared_fault(&vmf);
		return flags & FAULT_FLAG_WRITE ? map_new_page(&vmf) : map_zero_page(&vmf);
	}
	if (unlikely(!pte_present(vmf.orig)))
		panic("the entry %#llx at %#lx names a page that no layer can bring back",
		      (unsigned long long)pte_val(vmf.orig), addr);
	if ((flags & FAULT_FLAG_WRITE) && !pte_write(vmf.orig))
		return do_wp_page(&vmf);
	return 0;
}

/* ---- life cycle ---- */

int fault_boot(void)
{
	zero_page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	return zero_page ? 0 : -ENOMEM;
}

void fault_shutdown(void)
{
	if (zero_page)
		__free_page(zero_page);
	zero_page = NULL;
}
