/* SPDX-License-Identifier: MIT */
/*
 * mprotect: other rights for a range (mm/mprotect.c).
 *
 * What.  Each area that the range touches is merged or split so that the range is areas of its own,
 * gets the new flags, and then its present entries the new rights.  Rights that are taken away are
 * flushed before the call returns; rights that are given need no flush.
 *
 * Invariants.
 *   I1  A private entry becomes writable here only when can_change_pte_writable() knows that its
 *       page is this area's alone; otherwise a write faults and copies.
 *   I2  Entries change under their table's lock without losing an accessed or dirty bit that
 *       hardware sets meanwhile (ptep_modify()).
 *   I3  Between the first change and the flush the address space counts as flush-pending, so that
 *       others who find an entry changed know that TLBs may not have followed.
 *   I4  Faults stay out: the area is write-locked from before its flags change to the end.
 *
 * Context.  Task; takes mmap_lock for writing; waits for other CPUs (the flush).
 *
 * Failure.  Areas below the one that fails keep their new rights, as in Linux.
 */
#include <errno.h>

#include "mm/mmu/tlbflush.h"
#include "mm/vma/fault.h"
#include "mm/vma/vma_impl.h"

#ifndef PROT_GROWSDOWN
#define PROT_GROWSDOWN	0x01000000
#define PROT_GROWSUP	0x02000000
#endif

/* ---- entries ---- */

struct change {
	struct vm_area_struct *vma;
	unsigned long pages;
	bool flush;
};

static void change_pte(struct change *c, pte_t *ptep)
{
	pte_t old = ptep_get(ptep), new;

	if (!pte_present(old))
		return;
	new = pte_modify(old, c->vma->vm_page_prot);
	/* The protection of a shared area has the right already; a private one never does. */
	if (pte_write(new) || can_change_pte_writable(c->vma, new))		/* I1 */
		new = pte_mkwrite(new);
	if (!pte_same(old, new)) {
		old = ptep_modify(ptep, new);					/* I2 */
		c->flush |= pte_needs_flush(old, new);
	}
	c->pages++;
}

static void change_table(struct change *c, pmd_t *pmd, unsigned long addr, unsigned long end)
	__context_unsafe("the lock is known by its table")
{
	spinlock_t *ptl;
	pte_t *ptep = pte_offset_map_lock(pmd, addr, &ptl);

	for (; addr != end; addr += PAGE_SIZE, ptep++)
		change_pte(c, ptep);
	spin_unlock(ptl);
}

unsigned long change_protection(struct vm_area_struct *vma, unsigned long start,
				unsigned long end)
{
	struct mmu_context *ctx = &vma->vm_mm->context;
	struct change c = { .vma = vma };
	unsigned long addr = start, stop;
	pmd_t *pmd;

	vma_assert_write_locked(vma);						/* I4 */
	inc_tlb_flush_pending(ctx);						/* I3 */
	while ((addr = mmu_next_table(ctx, addr, end, &pmd)) != end) {
		stop = pmd_addr_end(addr, end);
		change_table(&c, pmd, addr, stop);
		addr = stop;
	}
	if (c.flush)
		flush_tlb_range(ctx, start, end);
	flush_tlb_batched_pending(ctx);
	dec_tlb_flush_pending(ctx);
	return c.pages;
}

/* ---- areas ---- */

/* The range of @range lies within @vma. */
static int mprotect_fixup(struct vm_area_struct *vma, const struct vma_modify *range)
{
	struct mm_struct *mm = vma->vm_mm;
	vm_flags_t old = vma->vm_flags;
	struct vma_modify m = *range;
	long pages = (long)((m.end - m.start) >> PAGE_SHIFT);

	if (m.flags == old)
		return 0;
	if (m.flags & VM_WRITE) {
		if (!may_expand_vm(mm, m.flags, (unsigned long)pages) &&
		    may_expand_vm(mm, old, (unsigned long)pages))
			return -ENOMEM;
		if (!(old & (VM_ACCOUNT | VM_WRITE | VM_SHARED | VM_NORESERVE))) {
			if (vm_enough_memory((unsigned long)pages))
				return -ENOMEM;
			m.flags |= VM_ACCOUNT;
		}
	} else if ((old & VM_ACCOUNT) && vma_is_anonymous(vma) && !vma->anon_vma) {
		m.flags &= ~VM_ACCOUNT;
	}
	m.name = vma->anon_name;
	vma = vma_modify(vma, &m);
	if (!vma)
		return -ENOMEM;
	vma_set_flags(vma, m.flags);
	(void)change_protection(vma, m.start, m.end);
	vm_stat_account(mm, old, -pages);
	vm_stat_account(mm, m.flags, pages);
	return 0;
}

/* Flags of @vma under @prot, or -EACCES: it may never have them. */
static int new_flags(const struct vm_area_struct *vma, unsigned long prot, vm_flags_t *flags)
{
	*flags = calc_vm_prot_bits(prot) | (vma->vm_flags & ~VM_ACCESS_FLAGS);
	return (*flags & ~(*flags >> 4)) & VM_ACCESS_FLAGS ? -EACCES : 0;
}

static int mprotect_locked(struct mm_struct *mm, unsigned long start, unsigned long end,
			   unsigned long prot)
{
	unsigned long rights = prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
	struct vm_area_struct *vma = find_vma(mm, start);
	struct vma_modify m;
	int err;

	if (!vma)
		return -ENOMEM;
	if (prot & PROT_GROWSDOWN) {
		if (vma->vm_start >= end)
			return -ENOMEM;
		start = vma->vm_start;
		if (!(vma->vm_flags & VM_GROWSDOWN))
			return -EINVAL;
	} else if (vma->vm_start > start) {
		return -ENOMEM;
	} else if (prot & PROT_GROWSUP) {
		return -EINVAL;			/* nothing grows up here */
	}
	for (m.start = start; m.start < end; m.start = m.end) {
		vma = find_vma(mm, m.start);
		if (!vma || vma->vm_start > m.start)
			return -ENOMEM;		/* what lies below has been changed */
		m.end = min(vma->vm_end, end);
		err = new_flags(vma, rights, &m.flags);
		if (!err)
			err = mprotect_fixup(vma, &m);
		if (err)
			return err;
	}
	return 0;
}

int do_mprotect(struct mm_struct *mm, unsigned long addr, unsigned long len, unsigned long prot)
{
	const unsigned long grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
	unsigned long bytes = align_up(len, PAGE_SIZE);
	int err;

	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || addr & ~PAGE_MASK)
		return -EINVAL;
	if (!len)
		return 0;
	if (addr + bytes <= addr)
		return -ENOMEM;
	/* PROT_SEM (8) has no effect on x86. */
	if ((prot & ~grows) & ~(unsigned long)(PROT_READ | PROT_WRITE | PROT_EXEC | 8))
		return -EINVAL;
	vm_call_begin();
	mmap_write_lock(mm);
	err = mprotect_locked(mm, addr, addr + bytes, prot);
	VM_CHECK(mm_is_valid(mm));
	mmap_write_unlock(mm);
	return err;
}
