/* SPDX-License-Identifier: MIT */
/*
 * mmap: where a mapping goes, and making it (mm/mmap.c, arch/x86/kernel/sys_x86_64.c).
 *
 * Invariants.
 *   I1  A mapping placed by us lies below mmap_base in the highest gap that holds it, or, when
 *       there is none, in the lowest one above TASK_UNMAPPED_BASE; never in a stack's guard gap.
 *   I2  MAP_FIXED replaces at once: the edit of the tree that shows the new area takes the old
 *       ones out, and what can fail comes before the old pages go.
 *
 * Context.  Task; takes mmap_lock for writing.
 *
 * See also.  tests/unit/test_mmap.c.
 */
#include "mm/vma/mmap.h"

#include <errno.h>

#include "mm/vma/vma_impl.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE	0x100000
#endif

/* ---- where ---- */

unsigned long vm_start_gap(const struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_GROWSDOWN))
		return vma->vm_start;
	return vma->vm_start > STACK_GUARD_GAP ? vma->vm_start - STACK_GUARD_GAP : 0;
}

/* The highest place below mmap_base. */
static long search_down(struct mm_struct *mm, unsigned long len)
{
	unsigned long high = mm->layout.mmap_base;
	struct vm_area_struct *above;
	struct vma_gap gap;

	/* A stack above the gap wants some of it; then look on below. */
	while (vma_tree_gap_down(&mm->vmas, len, PAGE_SIZE, high, &gap)) {
		above = find_vma(mm, gap.end - 1);
		high = above ? min(gap.end, vm_start_gap(above)) : gap.end;
		if (high == gap.end)
			return (long)(gap.end - len);
		if (high >= gap.start && high - gap.start >= len)
			return (long)(high - len);
		high = gap.start;
	}
	return -ENOMEM;
}

static long search_up(struct mm_struct *mm, unsigned long len)
{
	unsigned long low = TASK_UNMAPPED_BASE;
	struct vm_area_struct *above;
	struct vma_gap gap;

	while (vma_tree_gap_up(&mm->vmas, len, low, TASK_SIZE_MAX, &gap)) {
		above = find_vma(mm, gap.start);
		if (!above || gap.start + len <= vm_start_gap(above))
			return (long)gap.start;
		low = gap.end;
	}
	return -ENOMEM;
}

/* The place that the caller would like. */
static bool hint_is_free(struct mm_struct *mm, unsigned long addr, unsigned long len)
{
	struct vm_area_struct *vma;

	if (addr > TASK_SIZE_MAX - len)
		return false;
	vma = find_vma(mm, addr);
	return !vma || addr + len <= vm_start_gap(vma);
}

long get_unmapped_area(struct mm_struct *mm, unsigned long addr, unsigned long len,
		       unsigned long flags)
{
	long found;

	if (len > TASK_SIZE_MAX)
		return -ENOMEM;
	if (flags & MAP_FIXED) {
		if (addr > TASK_SIZE_MAX - len)
			return -ENOMEM;
		if (addr & ~PAGE_MASK)
			return -EINVAL;
		return addr < MMAP_MIN_ADDR ? -EPERM : (long)addr;
	}
	addr &= PAGE_MASK;
	if (addr)
		addr = max(addr, MMAP_MIN_ADDR);
	if (addr && hint_is_free(mm, addr, len))
		return (long)addr;
	found = search_down(mm, len);						/* I1 */
	if (!vm_is_err(found) && (unsigned long)found >= MMAP_MIN_ADDR)
		return found;
	return search_up(mm, len);
}

/* ---- making it ---- */

static vm_flags_t mmap_vm_flags(const struct mm_struct *mm, unsigned long prot,
				unsigned long flags)
{
	return calc_vm_prot_bits(prot) | mm->def_flags | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC |
	       VM_SOFTDIRTY | ((flags & MAP_GROWSDOWN) ? VM_GROWSDOWN : 0) |
	       ((flags & MAP_STACK) ? VM_NOHUGEPAGE : 0) |
	       ((flags & MAP_NORESERVE) ? VM_NORESERVE : 0);
}

static struct vm_area_struct *area_of_wish(const struct vma_wish *w)
{
	struct vm_area_struct *vma = vm_area_alloc(w->mm);

	if (!vma)
		return NULL;
	vma->vm_start = w->start;
	vma->vm_end = w->end;
	vma->vm_pgoff = w->pgoff;
	vma_set_flags(vma, w->flags);
	if (!(w->flags & VM_SHARED))
		return vma;
	vma->vm_shmem = shmem_create((w->end - w->start) >> PAGE_SHIFT);
	if (vma->vm_shmem)
		return vma;
	vm_area_free(vma);
	return NULL;
}

/* The range of @w is free. */
static int map_free_range(const struct vma_wish *w)
{
	struct vm_area_struct *vma;

	/* A shared area has an object of its own: nothing equals it. */
	if (!(w->flags & VM_SHARED) && vma_merge_new_range(w)) {
		vm_stat_account(w->mm, w->flags, (long)((w->end - w->start) >> PAGE_SHIFT));
		return 0;
	}
	vma = area_of_wish(w);
	if (!vma)
		return -ENOMEM;
	if (!insert_vm_struct(w->mm, vma))
		return 0;
	vm_area_free(vma);
	return -ENOMEM;
}

/* Areas lie in the range of @w: they go, and the new one comes, in one edit (I2). */
static int map_over(const struct vma_wish *w)
{
	struct vma_unmap u = { .mm = w->mm, .start = w->start, .end = w->end };
	const struct vma_modify same = { .start = w->start, .end = w->end, .flags = w->flags };
	struct vm_area_struct *vma = area_of_wish(w);

	if (!vma)
		return -ENOMEM;
	vma_edit_begin(&u.edit, &w->mm->vmas);
	if (vma_unmap_prepare(&u) ||
	    vma_edit_insert(&u.edit, vma, vma->vm_start, vma->vm_end)) {
		vma_unmap_abort(&u);
		vm_area_free(vma);
		return -ENOMEM;
	}
	vma_start_write(vma);
	vma_mark_attached(vma);
	vma_unmap_commit(&u);
	w->mm->map_count++;
	vm_stat_account(w->mm, vma->vm_flags, (long)vma_pages(vma));
	/* Now that its neighbours are known; the range is the area's own, so nothing is split. */
	vma = vma_modify(vma, &same);
	BUG_ON(!vma);
	return 0;
}

/* Pages of [@start, @end) that are mapped now. */
static unsigned long count_mapped(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct vm_area_struct *vma;
	unsigned long bytes = 0;

	for_each_vma_range(mm, vma, start, end)
		bytes += min(vma->vm_end, end) - max(vma->vm_start, start);
	return bytes >> PAGE_SHIFT;
}

static int mmap_region(struct vma_wish *w)
{
	unsigned long pages = (w->end - w->start) >> PAGE_SHIFT;
	bool free = !find_vma_intersection(w->mm, w->start, w->end);
	int err;

	if (!may_expand_vm(w->mm, w->flags, pages - (free ? 0 : count_mapped(w->mm, w->start,
									    w->end))))
		return -ENOMEM;
	if ((w->flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) == VM_WRITE) {
		if (vm_enough_memory(pages))
			return -ENOMEM;
		w->flags |= VM_ACCOUNT;
	}
	err = free ? map_free_range(w) : map_over(w);
	VM_CHECK(mm_is_valid(w->mm));
	return err;
}

static long mmap_locked(struct mm_struct *mm, unsigned long addr, unsigned long len,
			unsigned long prot, unsigned long flags)
{
	struct vma_wish w = { .mm = mm, .flags = mmap_vm_flags(mm, prot, flags) };
	long got;
	int err;

	if (mm->map_count > sysctl_max_map_count)
		return -ENOMEM;
	got = get_unmapped_area(mm, addr, len, flags);
	if (vm_is_err(got))
		return got;
	w.start = (unsigned long)got;
	w.end = w.start + len;
	if ((flags & MAP_FIXED_NOREPLACE) && find_vma_intersection(mm, w.start, w.end))
		return -EEXIST;
	switch (flags & MAP_TYPE) {
	case MAP_SHARED:
		if (w.flags & VM_GROWSDOWN)
			return -EINVAL;
		w.flags |= VM_SHARED | VM_MAYSHARE;
		break;
	case MAP_PRIVATE:
		w.pgoff = w.start >> PAGE_SHIFT;
		break;
	default:
		return -EINVAL;
	}
	err = mmap_region(&w);
	return err ? err : got;
}

long do_mmap(struct mm_struct *mm, unsigned long addr, unsigned long len, unsigned long prot,
	     unsigned long flags)
{
	unsigned long bytes = align_up(len, PAGE_SIZE);
	long got;

	if (!(flags & MAP_ANONYMOUS))
		return -EBADF;
	if (!len)
		return -EINVAL;
	if (!bytes)
		return -ENOMEM;
	if (flags & MAP_FIXED_NOREPLACE)
		flags |= MAP_FIXED;
	vm_call_begin();
	mmap_write_lock(mm);
	got = mmap_locked(mm, addr, bytes, prot, flags);
	mmap_write_unlock(mm);
	return got;
}
