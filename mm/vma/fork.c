/* SPDX-License-Identifier: MIT */
/*
 * Whole address spaces: a copy for fork, a new one for exec, the end of one at exit.
 *
 * What.  fork copies areas one by one, and with each the entries of its private pages: child and
 * parent then show the same pages read-only, and whoever writes first copies (cow.c).  Shared areas
 * are not copied: the child finds their pages by faults.  One flush of the parent at the end makes
 * its CPUs forget that they might write.
 *
 *	parent's CPU			forking CPU			child
 *	writes page P (TLB)		locks, copies P's entry
 *	writes P (stale TLB)		  both read-only
 *					flush_tlb_mm(parent)
 *	write: fault, waits		unlocks
 *	copies				returns				may run
 *
 * Invariants.
 *   I1  After the flush and before the child runs nobody can write a page that both show.
 *   I2  A page is not exclusive from the moment its second entry exists.
 *   I3  The child is at every moment a whole address space of the areas copied so far: a failure
 *       ends it like any other (exit_mmap()).
 *
 * Locking.  Parent's mmap lock for writing, then the child's; each parent area write-locked, so
 * that no fault is under way; then the child's and the parent's table.  Context.  Task.
 * Failure.  NULL or -ENOMEM; the parent keeps everything, but some pages have to be made exclusive
 * again by its next writes.
 * Costs.  An entry: one atomic on the page, two stores; a table: two locks.
 * See also.  tests/unit/test_fork.c; dup_mmap() in Linux.
 */
#include "mm/vma/fork.h"

#include <errno.h>

#include "mm/mmu/tlbflush.h"
#include "mm/vma/fault.h"
#include "mm/vma/rmap.h"
#include "mm/vma/task.h"

/* ---- entries ---- */

static inline void copy_pte(pte_t *to, pte_t *from, long *nr_anon)
{
	pte_t pte = ptep_get(from);

	if (pte_none(pte))
		return;
	BUG_ON(!pte_present(pte));		/* nothing swaps pages out */
	if (!pte_special(pte)) {
		page_dup_anon_rmap(pte_page(pte));			/* I2 */
		(*nr_anon)++;
	}
	if (pte_write(pte))
		ptep_set_wrprotect(from);
	/* The child has no TLB entry that a copy under way would have to flush. */
	set_pte(to, pte_clear_flags(pte, _PAGE_RW | _PAGE_ACCESSED | _PAGE_COW_FLUSH));
}

/* The entries of one table.  The child's lock first (pgtable.h). */
static void copy_pte_range(pmd_t *to_pmd, pmd_t *from_pmd, unsigned long addr, unsigned long end,
			   long *nr_anon)
	__context_unsafe("the locks are known by their tables")
{
	spinlock_t *to_ptl, *from_ptl;
	pte_t *to = pte_offset_map_lock(to_pmd, addr, &to_ptl);
	pte_t *from = pte_offset_map_lock(from_pmd, addr, &from_ptl);

	for (; addr != end; addr += PAGE_SIZE)
		copy_pte(to++, from++, nr_anon);
	spin_unlock(from_ptl);
	spin_unlock(to_ptl);
}

/* The entries of a private area that may have pages of its own. */
static int copy_page_range(struct vm_area_struct *to, struct vm_area_struct *from)
{
	struct mmu_context *to_ctx = &to->vm_mm->context, *from_ctx = &from->vm_mm->context;
	unsigned long addr = from->vm_start, end = from->vm_end;
	long nr_anon = 0;
	pmd_t *from_pmd;
	int err = 0;

	while ((addr = mmu_next_table(from_ctx, addr, end, &from_pmd)) != end) {
		unsigned long stop = pmd_addr_end(addr, end);
		pmd_t *to_pmd = mmu_alloc_pmd(to_ctx, addr);

		if (!to_pmd || pte_alloc(to_ctx, to_pmd)) {
			err = -ENOMEM;
			break;
		}
		copy_pte_range(to_pmd, from_pmd, addr, stop, &nr_anon);
		addr = stop;
	}
	add_mm_counter(to->vm_mm, MM_ANONPAGES, nr_anon);
	return err;
}

/* ---- areas ---- */

/* Copies the area and enters it in the child; I3. */
static int copy_area(struct mm_struct *mm, struct vma_edit *edit, struct vm_area_struct *from)
{
	struct vm_area_struct *vma;

	if ((from->vm_flags & VM_ACCOUNT) && vm_enough_memory(vma_pages(from)))
		return -ENOMEM;
	vma = vm_area_dup(from, mm);
	if (!vma)
		return -ENOMEM;
	if (anon_vma_fork(vma, from))
		goto free_area;
	if (vma_edit_insert(edit, vma, vma->vm_start, vma->vm_end))
		goto unlink;
	vma_mark_attached(vma);
	mm->map_count++;
	vm_stat_account(mm, vma->vm_flags, (long)vma_pages(vma));
	/* Without an anon_vma there is nothing that a fault would not find again. */
	return from->anon_vma ? copy_page_range(vma, from) : 0;

unlink:
	unlink_anon_vmas(vma);
free_area:
	vm_area_free(vma);
	return -ENOMEM;
}

/* Both mmap locks are held for writing. */
static int dup_mmap(struct mm_struct *mm, struct mm_struct *oldmm)
{
	struct vm_area_struct *from;
	struct vma_edit edit;
	int err = 0;

	mm->layout = oldmm->layout;
	vma_edit_begin(&edit, &mm->vmas);
	for_each_vma(oldmm, from) {
		vma_start_write(from);
		if (from->vm_flags & VM_DONTCOPY)
			continue;
		err = copy_area(mm, &edit, from);
		if (err)
			break;
	}
	vma_edit_commit(&edit);
	return err;
}

struct mm_struct *dup_mm(struct mm_struct *oldmm)
{
	struct mm_struct *mm = mm_alloc();
	int err;

	if (!mm)
		return NULL;
	mmap_write_lock(oldmm);
	mmap_write_lock(mm);
	err = dup_mmap(mm, oldmm);
	mmap_write_unlock(mm);
	flush_tlb_mm(&oldmm->context);					/* I1 */
	mmap_write_unlock(oldmm);
	if (!err)
		return mm;
	mmput(mm);							/* I3 */
	return NULL;
}

/* ---- the end ---- */

static void unmap_all(struct mm_struct *mm)
{
	struct pgtable_range all = { .addr = 0, .end = TASK_SIZE_MAX };
	struct vm_area_struct *vma;
	struct mmu_gather tlb;

	tlb_gather_mmu_fullmm(&tlb, &mm->context);
	for_each_vma(mm, vma)
		unmap_page_range(&tlb, vma, vma->vm_start, vma->vm_end);
	/* A reverse walk must not find an area whose tables go. */
	for_each_vma(mm, vma)
		unlink_anon_vmas(vma);
	free_pgd_range(&tlb, &all);
	tlb_finish_mmu(&tlb);
}

static void free_areas(struct mm_struct *mm)
{
	struct vm_area_struct *vma, *next;

	for (vma = find_vma(mm, 0); vma; vma = next) {
		next = find_vma(mm, vma->vm_end);
		vma_start_write(vma);
		vm_stat_account(mm, vma->vm_flags, -(long)vma_pages(vma));
		mm->map_count--;
		vma_mark_detached(vma);
		vm_area_free(vma);
	}
	vma_tree_destroy(&mm->vmas);
}

void exit_mmap(struct mm_struct *mm)
{
	mmap_write_lock(mm);
	unmap_all(mm);
	free_areas(mm);
	BUG_ON(mm->total_vm || mm->map_count);
	mmap_write_unlock(mm);
}

/* ---- tasks ---- */

int exec_mm(struct user_task *task, const struct program *prog)
{
	struct mm_struct *mm = mm_alloc(), *old = task->mm;

	if (!mm)
		return -ENOMEM;
	if (set_up_layout(mm, prog)) {
		mmput(mm);
		return -ENOMEM;
	}
	/* The point of no return: from here on the old space is somebody else's, or nobody's. */
	task->mm = mm;
	task_switch(task);
	if (old)
		mmput(old);
	return 0;
}

void exit_mm(struct user_task *task)
{
	struct mm_struct *mm = task->mm;

	if (!mm)
		return;
	task->mm = NULL;
	if (current_user_task() == task)
		task_switch(task);
	mmput(mm);
}
