/* SPDX-License-Identifier: MIT */
/*
 * Taking entries down: munmap, exit, MADV_DONTNEED.
 *
 * What.  Entries are cleared table by table under the table's lock; each page leaves the rmap and
 * rss at once and goes to the gather, which flushes and only then drops the entry's reference.  A
 * full gather is flushed between two holds of the lock.
 *
 * Invariants.
 *   I1  An entry is cleared, noted for the flush and its page gathered under one hold of the lock.
 *   I2  The reference of an entry is dropped only after the flush: a page that another space wants
 *       to reuse (cow.c) still counts us while one of our CPUs may read it.
 *   I3  Pages that entries of the zero page show are not counted anywhere.
 *
 * Locking.  The caller keeps the tables and, unless only pages go, keeps faults out; the tables'
 * locks are taken here.  Context.  Task; may flush.  Failure.  None.
 * See also.  mmu_gather.h; tests/unit/test_fault.c; zap_pte_range() in Linux.
 */
#include "mm/vma/fault.h"
#include "mm/vma/mm.h"
#include "mm/vma/rmap.h"

/* How often each counter of the space goes down. */
struct zap_rss {
	long nr[NR_MM_COUNTERS];
};

static void sub_rss(struct mm_struct *mm, struct zap_rss *rss)
{
	for (int i = 0; i < NR_MM_COUNTERS; i++)
		if (rss->nr[i])
			add_mm_counter(mm, i, -rss->nr[i]);
}

/* Clears one entry; true when the gather is full. */
static inline bool zap_pte(struct mmu_gather *tlb, pte_t *ptep, unsigned long addr,
			   struct zap_rss *rss)
{
	pte_t pte = ptep_get_and_clear_full(ptep, tlb->fullmm);
	struct page *page;

	BUG_ON(!pte_present(pte));		/* nothing swaps pages out */
	tlb_remove_tlb_entry(tlb, addr);				/* I1 */
	if (pte_special(pte))						/* I3 */
		return false;
	page = pte_page(pte);
	rss->nr[page_is_anon(page) ? MM_ANONPAGES : MM_SHMEMPAGES]++;
	page_remove_rmap(page);
	return __tlb_remove_page(tlb, page, 1);				/* I2 */
}

/* Zaps within one table until the gather is full; returns where it stopped. */
static unsigned long zap_pte_range(struct mmu_gather *tlb, pmd_t *pmd, unsigned long addr,
				   unsigned long end, struct zap_rss *rss)
	__context_unsafe("the lock is known by its table")
{
	bool full = false;
	spinlock_t *ptl;
	pte_t *ptep;

	ptep = pte_offset_map_lock(pmd, addr, &ptl);
	for (; addr != end && !full; addr += PAGE_SIZE, ptep++)
		if (!pte_none(ptep_get(ptep)))
			full = zap_pte(tlb, ptep, addr, rss);
	spin_unlock(ptl);
	if (full)
		tlb_flush_mmu(tlb);
	return addr;
}

void unmap_page_range(struct mmu_gather *tlb, struct vm_area_struct *vma, unsigned long start,
		      unsigned long end)
{
	struct zap_rss rss = { { 0 } };
	unsigned long addr = start;
	pmd_t *pmd;

	VM_BUG_ON(start < vma->vm_start);
	VM_BUG_ON(end > vma->vm_end);
	while ((addr = mmu_next_table(tlb->ctx, addr, end, &pmd)) != end) {
		unsigned long stop = pmd_addr_end(addr, end);

		BUG_ON(pmd_trans_huge(pmdp_get(pmd)));	/* nothing maps huge pages */
		while (addr != stop)
			addr = zap_pte_range(tlb, pmd, addr, stop, &rss);
	}
	sub_rss(vma->vm_mm, &rss);
}

void zap_page_range_single(struct vm_area_struct *vma, unsigned long start, unsigned long size)
{
	struct mmu_gather tlb;

	tlb_gather_mmu(&tlb, &vma->vm_mm->context);
	unmap_page_range(&tlb, vma, start, start + size);
	tlb_finish_mmu(&tlb);
}
