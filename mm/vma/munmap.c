/* SPDX-License-Identifier: MIT */
/*
 * Taking areas out: munmap, and the making of room for a fixed mapping (mm/vma.c).
 *
 * What.  An area inside the range goes, one that reaches over a border is trimmed, one that reaches
 * over both is divided.  prepare() does all that may fail in an edit of the tree; commit() takes
 * pages and tables down, changes the areas and shows the edit.
 *
 * Invariants.
 *   I1  Until commit() no area, page or counter is changed: abort() frees and that is all.
 *   I2  Every area that overlaps the range is write-locked from prepare() on, so no fault brings a
 *       page back that commit() has taken away.
 *   I3  Tables go only where no area that stays has addresses: floor and ceiling of the range.
 *
 * Context.  Task, mmap_lock held for writing.  Waits for readers, and for other CPUs (the flush).
 */
#include <errno.h>

#include "mm/vma/fault.h"
#include "mm/vma/vma_impl.h"

/* One area that loses both its middle and its connection: the upper rest becomes an area. */
static int prepare_hole(struct vma_unmap *u, struct vm_area_struct *vma)
{
	struct vm_area_struct *hole;

	if (u->mm->map_count >= sysctl_max_map_count)
		return -ENOMEM;
	hole = vm_area_dup(vma, u->mm);
	if (!hole)
		return -ENOMEM;
	hole->vm_pgoff = linear_page_index(vma, u->end);
	hole->vm_start = u->end;
	u->hole = hole;
	if (vma->anon_vma) {
		hole->anon_vma = vma->anon_vma;
		if (anon_vma_clone(hole, vma)) {
			hole->anon_vma = NULL;
			return -ENOMEM;
		}
	}
	return vma_edit_resize(&u->edit, vma->vm_start, vma->vm_start, u->start) ?:
	       vma_edit_insert(&u->edit, hole, hole->vm_start, hole->vm_end);
}

int vma_unmap_prepare(struct vma_unmap *u)
{
	struct vm_area_struct *vma;
	int err = 0;

	u->below = u->above = u->hole = u->detached = NULL;
	for_each_vma_range(u->mm, vma, u->start, u->end) {
		vma_start_write(vma);						/* I2 */
		if (vma->vm_start < u->start)
			u->below = vma;
		if (vma->vm_end > u->end)
			u->above = vma;
		if (u->below == vma && u->above == vma) {
			err = prepare_hole(u, vma);
		} else if (u->below == vma) {
			err = vma_edit_resize(&u->edit, vma->vm_start, vma->vm_start, u->start);
		} else if (u->above == vma) {
			err = vma_edit_resize(&u->edit, vma->vm_start, u->end, vma->vm_end);
		} else {
			vma->next_detached = u->detached;
			u->detached = vma;
			err = vma_edit_erase(&u->edit, vma->vm_start);
		}
		if (err)
			break;
	}
	return err;
}

/* Pages, then tables; all areas are still there. */
static void unmap_region(struct vma_unmap *u)
{
	struct mm_struct *mm = u->mm;
	struct vm_area_struct *vma, *prev = vma_tree_find_prev(&mm->vmas, u->start);
	struct vm_area_struct *next = find_vma(mm, u->end);
	struct pgtable_range range = {
		.addr = u->start, .end = u->end,
		.floor = u->below ? u->start : prev ? prev->vm_end : 0,		/* I3 */
		.ceiling = u->above ? u->end : next ? next->vm_start : 0,
	};
	struct mmu_gather tlb;

	tlb_gather_mmu(&tlb, &mm->context);
	for_each_vma_range(mm, vma, u->start, u->end)
		unmap_page_range(&tlb, vma, max(vma->vm_start, u->start),
				 min(vma->vm_end, u->end));
	free_pgd_range(&tlb, &range);
	tlb_finish_mmu(&tlb);
}

static void account_gone(struct vma_unmap *u)
{
	struct vm_area_struct *vma;

	for_each_vma_range(u->mm, vma, u->start, u->end) {
		unsigned long start = max(vma->vm_start, u->start), end = min(vma->vm_end, u->end);

		vm_stat_account(u->mm, vma->vm_flags, -(long)((end - start) >> PAGE_SHIFT));
	}
}

/* An area with an anon_vma changes its start under the lock of the reverse map. */
static void trim(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	struct anon_vma *anon_vma = vma->anon_vma;

	vma_lock_rmap(anon_vma);
	vma->vm_pgoff = linear_page_index(vma, start);
	vma->vm_start = start;
	vma->vm_end = end;
	vma_unlock_rmap(anon_vma);
}

void vma_unmap_commit(struct vma_unmap *u)
{
	struct vm_area_struct *vma;

	if (u->below || u->above || u->detached) {
		unmap_region(u);
		account_gone(u);
	}
	if (u->below)
		trim(u->below, u->below->vm_start, u->start);
	if (u->above && u->above != u->below)
		trim(u->above, u->end, u->above->vm_end);
	if (u->hole) {
		vma_start_write(u->hole);
		vma_mark_attached(u->hole);
		u->mm->map_count++;
	}
	vma_edit_commit(&u->edit);
	while ((vma = u->detached)) {
		u->detached = vma->next_detached;
		vma_mark_detached(vma);
		unlink_anon_vmas(vma);
		vma->anon_vma = NULL;
		vm_area_free(vma);
		u->mm->map_count--;
	}
}

void vma_unmap_abort(struct vma_unmap *u)
{
	vma_edit_abort(&u->edit);
	if (u->hole) {
		unlink_anon_vmas(u->hole);
		u->hole->anon_vma = NULL;
		vm_area_free(u->hole);
	}
}

int do_vma_munmap(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct vma_unmap u = { .mm = mm, .start = start, .end = end };
	int err;

	mmap_assert_write_locked(mm);
	if (!find_vma_intersection(mm, start, end))
		return 0;
	vma_edit_begin(&u.edit, &mm->vmas);
	err = vma_unmap_prepare(&u);
	if (err)
		vma_unmap_abort(&u);
	else
		vma_unmap_commit(&u);
	VM_CHECK(mm_is_valid(mm));
	return err;
}

int do_munmap(struct mm_struct *mm, unsigned long addr, unsigned long len)
{
	unsigned long bytes = align_up(len, PAGE_SIZE);
	int err;

	if (addr & ~PAGE_MASK || addr > TASK_SIZE_MAX || len > TASK_SIZE_MAX - addr || !bytes)
		return -EINVAL;
	vm_call_begin();
	mmap_write_lock(mm);
	err = do_vma_munmap(mm, addr, addr + bytes);
	mmap_write_unlock(mm);
	return err;
}
