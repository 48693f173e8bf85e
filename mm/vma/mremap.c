/* SPDX-License-Identifier: MIT */
/*
 * mremap: another size, another place (mm/mremap.c).
 *
 * What.  Shrinking is munmap of the tail.  Growing in place is a merge with free space behind the
 * area.  Otherwise a second area is made at the new place, with the same backing, the entries move
 * there, and the old area goes (MREMAP_DONTUNMAP: stays, empty).
 *
 * Invariants.
 *   I1  linear_page_index() of a page does not change by the move: the new area's vm_pgoff is the
 *       old one's, unless no page was ever faulted in (no anon_vma): then it follows the address,
 *       and the area can be merged at its new place.
 *   I2  When the move fails the entries are back, the new area is gone, and nothing has changed.
 *       (Only if memory is lacking twice, for the move and for taking the new area out again, that
 *       area stays, empty.)
 *
 * Context.  Task; takes mmap_lock for writing.
 */
#define _GNU_SOURCE
#include <errno.h>

#include "mm/vma/fault.h"
#include "mm/vma/vma_impl.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP	4
#endif

/* One call, on its way; lengths are whole pages. */
struct mremap {
	struct mm_struct *mm;
	unsigned long addr, old_len, new_len, flags, new_addr;
	struct vm_area_struct *vma;
};

/* ---- the new area ---- */

static struct vma_wish wish_of_copy(const struct mremap *r, unsigned long to)
{
	struct vm_area_struct *vma = r->vma;
	struct vma_wish w = {
		.mm = r->mm, .start = to, .end = to + r->new_len, .flags = vma->vm_flags,
		.pgoff = linear_page_index(vma, r->addr), .anon_vma = vma->anon_vma,
		.shmem = vma->vm_shmem, .name = vma->anon_name, .special = vma->special,
		.copied_from = vma,
	};

	if (vma_is_anonymous(vma) && !vma->anon_vma)				/* I1 */
		w.pgoff = to >> PAGE_SHIFT;
	return w;
}

/* An area for the pages of r->vma at @to, merged with neighbours where the rules allow. */
static struct vm_area_struct *copy_vma(const struct mremap *r, unsigned long to)
{
	const struct vma_wish w = wish_of_copy(r, to);
	struct vm_area_struct *vma = vma_merge_new_range(&w);
	long pages = (long)(r->new_len >> PAGE_SHIFT);

	if (vma) {
		vm_stat_account(r->mm, w.flags, pages);
		return vma;
	}
	vma = vm_area_dup(r->vma, r->mm);
	if (!vma)
		return NULL;
	vma->vm_start = w.start;
	vma->vm_end = w.end;
	vma->vm_pgoff = w.pgoff;
	vma->anon_vma = w.anon_vma;
	if (w.anon_vma && anon_vma_clone(vma, r->vma))
		goto free;
	if (!insert_vm_struct(r->mm, vma))
		return vma;
	unlink_anon_vmas(vma);
free:
	vma->anon_vma = NULL;
	vm_area_free(vma);
	return NULL;
}

/* ---- moving ---- */

/* The old pages; MREMAP_DONTUNMAP keeps the area, without anything that was in it. */
static int leave_old_place(const struct mremap *r, struct vm_area_struct *old)
{
	if (!r->old_len)
		return 0;
	if (!(r->flags & MREMAP_DONTUNMAP))
		return do_vma_munmap(r->mm, r->addr, r->addr + r->old_len);
	if (vma_is_anonymous(old) && old->vm_start == r->addr &&
	    old->vm_end == r->addr + r->old_len) {
		unlink_anon_vmas(old);
		old->anon_vma = NULL;
	}
	return 0;
}

static long move_vma(struct mremap *r, unsigned long to)
{
	struct mm_struct *mm = r->mm;
	struct move_range m = { .old = r->addr, .new_addr = to,
				.len = min(r->old_len, r->new_len) };
	struct vm_area_struct *new_vma;
	unsigned long moved;
	int err = 0;

	/* The old area may be split twice, and the new one be one more. */
	if (mm->map_count + 3 >= sysctl_max_map_count)
		return -ENOMEM;
	vma_start_write(r->vma);
	new_vma = copy_vma(r, to);
	if (!new_vma)
		return -ENOMEM;
	/* The copy may have been merged with the old area itself, which is another one then. */
	m.from = r->vma = vma_lookup(mm, r->addr);
	m.to = new_vma;
	vma_start_write(new_vma);
	vma_start_write(m.from);
	moved = move_page_tables(&m);
	if (moved == m.len)
		err = leave_old_place(r, r->vma);
	if (moved == m.len && !err)
		return (long)to;
	/* Back with what has been moved: its tables are all there (I2). */
	m = (struct move_range){ .from = new_vma, .to = m.from, .old = to, .new_addr = r->addr,
				 .len = moved };
	BUG_ON(move_page_tables(&m) != moved);
	err = do_vma_munmap(mm, to, to + r->new_len);
	return err ? err : -ENOMEM;
}

/* ---- growing in place ---- */

static bool can_grow_in_place(const struct mremap *r, unsigned long delta)
{
	unsigned long end = r->vma->vm_end;
	struct vm_area_struct *next = find_vma(r->mm, end);

	return end == r->addr + r->old_len && end + delta > end && end + delta <= TASK_SIZE_MAX &&
	       (!next || next->vm_start >= end + delta);
}

static int grow_in_place(struct mremap *r, unsigned long delta)
{
	struct vm_area_struct *vma = r->vma;
	const struct vma_wish w = {
		.mm = r->mm, .start = vma->vm_end, .end = vma->vm_end + delta,
		.flags = vma->vm_flags, .pgoff = linear_page_index(vma, vma->vm_end),
		.anon_vma = vma->anon_vma, .shmem = vma->vm_shmem, .name = vma->anon_name,
		.special = vma->special,
	};

	/* Merging with the area itself always fits: only memory can be lacking. */
	if (!vma_merge_new_range(&w))
		return -ENOMEM;
	vm_stat_account(r->mm, w.flags, (long)(delta >> PAGE_SHIFT));
	return 0;
}

/* ---- arguments ---- */

static bool has_new_addr(const struct mremap *r)
{
	return (r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) != 0;
}

static int check_arguments(const struct mremap *r)
{
	if (r->flags & ~(unsigned long)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) ||
	    r->addr & ~PAGE_MASK || !r->new_len || r->new_len > TASK_SIZE_MAX)
		return -EINVAL;
	if (!has_new_addr(r))
		return 0;
	if (r->new_addr > TASK_SIZE_MAX - r->new_len || r->new_addr & ~PAGE_MASK ||
	    !(r->flags & MREMAP_MAYMOVE) ||
	    (r->flags & MREMAP_DONTUNMAP && r->old_len != r->new_len))
		return -EINVAL;
	/* The ranges may not overlap. */
	if (r->addr + r->old_len > r->new_addr && r->new_addr + r->new_len > r->addr)
		return -EINVAL;
	/* Two areas may be split and one made before anything goes. */
	return r->mm->map_count + 2 >= sysctl_max_map_count - 3 ? -ENOMEM : 0;
}

/* What forbids the call on r->vma (check_prep_vma()). */
static int check_area(const struct mremap *r)
{
	const struct vm_area_struct *vma = r->vma;
	unsigned long delta;

	if (!vma)
		return -EFAULT;
	if (r->new_len <= r->old_len && !has_new_addr(r))
		return 0;
	/* Duplicating: old length 0 means a second view of a shared area. */
	if (!r->old_len && !(vma->vm_flags & (VM_SHARED | VM_MAYSHARE)))
		return -EINVAL;
	if ((r->flags & MREMAP_DONTUNMAP) && (vma->vm_flags & VM_DONTEXPAND))
		return -EINVAL;
	/* What a shrink cuts off may reach into other areas. */
	if (min(r->old_len, r->new_len) > vma->vm_end - r->addr)
		return -EFAULT;
	if (r->new_len <= r->old_len)
		return 0;
	if (r->old_len > vma->vm_end - r->addr || (vma->vm_flags & VM_DONTEXPAND))
		return -EFAULT;
	delta = (r->new_len - r->old_len) >> PAGE_SHIFT;
	if (!may_expand_vm(r->mm, vma->vm_flags, delta))
		return -ENOMEM;
	return vma->vm_flags & VM_ACCOUNT ? vm_enough_memory(delta) : 0;
}

/* ---- the three ways ---- */

/* Of a range that shrinks: what lies behind the new end, whatever it is. */
static int unmap_tail(const struct mremap *r)
{
	unsigned long start = r->addr + r->new_len, len = r->old_len - r->new_len;

	if (start > TASK_SIZE_MAX || len > TASK_SIZE_MAX - start)
		return -EINVAL;
	return do_vma_munmap(r->mm, start, start + len);
}

/* To the place that the caller, or nobody, named. */
static long mremap_to(struct mremap *r)
{
	long to;
	int err;

	if (r->flags & MREMAP_FIXED) {
		err = do_vma_munmap(r->mm, r->new_addr, r->new_addr + r->new_len);
		if (err)
			return err;
	}
	if (r->old_len > r->new_len) {
		err = unmap_tail(r);
		if (err)
			return err;
		r->old_len = r->new_len;
	}
	/* Either may have divided the area. */
	r->vma = vma_lookup(r->mm, r->addr);
	if (!r->vma)
		return -EFAULT;
	to = get_unmapped_area(r->mm, r->new_addr, r->new_len,
			       r->flags & MREMAP_FIXED ? MAP_FIXED : 0);
	return vm_is_err(to) ? to : move_vma(r, (unsigned long)to);
}

/*
 * Only moving: all areas of the range, with the distances between them (Linux 6.17 and later).  An
 * error leaves those moved that came before.
 */
static long mremap_many(const struct mremap *all)
{
	unsigned long at = all->addr, end = all->addr + all->old_len;
	long got, first = -EFAULT;
	struct mremap r = *all;
	int err;

	for (; at < end; at = r.addr + r.old_len) {
		r.vma = find_vma_intersection(all->mm, at, end);
		if (!r.vma)
			break;
		r.addr = max(r.vma->vm_start, at);
		if (first == -EFAULT && r.addr != all->addr)
			return -EFAULT;		/* nothing at the start */
		r.old_len = r.new_len = min(end, r.vma->vm_end) - r.addr;
		r.new_addr = all->new_addr + (r.addr - all->addr);
		err = check_area(&r);
		got = err ? err : mremap_to(&r);
		if (vm_is_err(got))
			return got;
		if (first == -EFAULT)
			first = got;
	}
	return first;
}

static long mremap_at(struct mremap *r)
{
	long to;
	int err;

	if (r->old_len == r->new_len)
		return (long)r->addr;
	if (r->old_len > r->new_len) {
		err = unmap_tail(r);
		return err ? err : (long)r->addr;
	}
	if (can_grow_in_place(r, r->new_len - r->old_len) &&
	    !grow_in_place(r, r->new_len - r->old_len))
		return (long)r->addr;
	if (!(r->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	to = get_unmapped_area(r->mm, 0, r->new_len, 0);
	return vm_is_err(to) ? to : move_vma(r, (unsigned long)to);
}

static long mremap_locked(struct mremap *r)
{
	int err = check_arguments(r);

	if (err)
		return err;
	/* A length of 0 has no areas. */
	if ((r->flags & MREMAP_FIXED) && r->old_len == r->new_len)
		return mremap_many(r);
	r->vma = vma_lookup(r->mm, r->addr);
	err = check_area(r);
	if (err)
		return err;
	return has_new_addr(r) ? mremap_to(r) : mremap_at(r);
}

long do_mremap(struct mm_struct *mm, const struct mremap_args *args)
{
	struct mremap r = {
		.mm = mm, .addr = args->addr, .flags = args->flags, .new_addr = args->new_addr,
		.old_len = align_up(args->old_len, PAGE_SIZE),
		.new_len = align_up(args->new_len, PAGE_SIZE),
	};
	long got;

	vm_call_begin();
	mmap_write_lock(mm);
	got = mremap_locked(&r);
	VM_CHECK(mm_is_valid(mm));
	mmap_write_unlock(mm);
	return got;
}
