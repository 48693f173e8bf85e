/* SPDX-License-Identifier: MIT */
/*
 * Moving page-table entries to another address (mm/mremap.c: move_page_tables()).
 *
 * What.  Table by table: take a run of entries out of the old one, flush, put them into the new
 * one.  A run is at most MOVE_RUN pages, kept on the stack meanwhile.
 *
 * Invariants.
 *   I1  No entry is visible at its new address before the flush of the old one has returned: a page
 *       is never writable under two addresses, and an access bit set late is not lost.
 *   I2  Both areas are write-locked and mmap_lock is held for writing, so nobody fills an entry
 *       that is on its way: the new entries are empty when they are written.
 *   I3  A new table is allocated before anything is taken out, so a failure loses nothing: the
 *       caller moves back what had been moved.
 *
 * Locking.  One table's lock at a time; none during the flush (docs/mmu.md).
 *
 * Context.  Task; waits for other CPUs.
 */
#include "mm/mmu/pgtable.h"
#include "mm/mmu/tlbflush.h"
#include "mm/vma/vma_impl.h"

/* 1 KiB of stack; a flush of that many pages is the largest that goes page by page, times four. */
#define MOVE_RUN	128u

/* Takes the entries of [@addr, @end), within one table, out.  Returns whether there was any. */
static bool take_out(pmd_t *pmd, unsigned long addr, unsigned long end, pte_t *taken, bool *flush)
	__context_unsafe("the lock is known by its table")
{
	spinlock_t *ptl;
	pte_t *ptep = pte_offset_map_lock(pmd, addr, &ptl);
	bool any = false;

	for (unsigned int i = 0; addr != end; addr += PAGE_SIZE, ptep++, i++) {
		taken[i] = __pte(0);
		if (pte_none(ptep_get(ptep)))
			continue;
		taken[i] = ptep_get_and_clear(ptep);
		*flush |= (pte_val(taken[i]) & _PAGE_PRESENT) != 0;
		any = true;
	}
	spin_unlock(ptl);
	return any;
}

static void put_in(pmd_t *pmd, unsigned long addr, const pte_t *taken, unsigned int nr)
	__context_unsafe("the lock is known by its table")
{
	spinlock_t *ptl;
	pte_t *ptep = pte_offset_map_lock(pmd, addr, &ptl);

	for (unsigned int i = 0; i < nr; i++, ptep++) {
		if (pte_none(taken[i]))
			continue;
		VM_BUG_ON(!pte_none(ptep_get(ptep)));				/* I2 */
		set_pte(ptep, taken[i]);
	}
	spin_unlock(ptl);
}

/* Entries within one table on both sides, MOVE_RUN pages at most. */
struct run {
	pmd_t *from, *to;
	unsigned long old, end, new_addr;
};

static void move_run(struct mmu_context *ctx, const struct run *r)
{
	pte_t taken[MOVE_RUN];
	bool flush = false;

	if (!take_out(r->from, r->old, r->end, taken, &flush))
		return;
	if (flush)
		flush_tlb_range(ctx, r->old, r->end);				/* I1 */
	put_in(r->to, r->new_addr, taken, (unsigned int)((r->end - r->old) >> PAGE_SHIFT));
}

unsigned long move_page_tables(const struct move_range *m)
{
	struct mmu_context *ctx = &m->from->vm_mm->context;
	struct run r = { .old = m->old };
	unsigned long end = m->old + m->len;

	inc_tlb_flush_pending(ctx);
	while ((r.old = mmu_next_table(ctx, r.old, end, &r.from)) != end) {
		r.new_addr = m->new_addr + (r.old - m->old);
		r.end = min(pmd_addr_end(r.old, end), r.old + MOVE_RUN * PAGE_SIZE);
		/* The new table may end sooner than the old one. */
		r.end = min(r.end, r.old + (pmd_addr_end(r.new_addr, TASK_SIZE_MAX) - r.new_addr));
		r.to = mmu_alloc_pmd(ctx, r.new_addr);
		if (!r.to || pte_alloc(ctx, r.to))				/* I3 */
			break;
		move_run(ctx, &r);
		r.old = r.end;
	}
	flush_tlb_batched_pending(ctx);
	dec_tlb_flush_pending(ctx);
	return r.old - m->old;
}
