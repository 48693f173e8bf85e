/* SPDX-License-Identifier: MIT */
/*
 * Splitting and merging areas by the kernel's rules (mm/vma.c).
 *
 * What.  Two areas are one when nothing tells them apart: they touch, flags (but VM_SOFTDIRTY),
 * backing, offset and name agree, and their anonymous pages can be found through one anon_vma.  The
 * latter forbids a merge when both have different anon_vmas, and when one has none but the other
 * came out of a fork: its chain leads to ancestors whose locks the merged area would burden.
 *
 * Invariants.
 *   I1  Merging and splitting change no address's rights, page or offset: linear_page_index() of
 *       every address is what it was.
 *   I2  A changed area is write-locked first, so no fault sees half of a change.
 *   I3  vm_start and vm_pgoff of an area with an anon_vma change under the anon_vma's lock, so a
 *       reverse-map walk finds every page in one of the areas.
 *   I4  All that can fail comes before the first change to an area: the edit of the tree, a new
 *       area, links to an anon_vma.
 *
 * Context.  Task, mmap_lock held for writing; waits for readers of the areas.
 *
 * Failure.  NULL means that memory was short or there was nothing to merge with; every area is as
 * it was.  For a merge that is no error: the caller goes on with an area of its own.
 */
#include <errno.h>

#include "mm/vma/vma_impl.h"

/* ---- the rules ---- */

static bool chain_is_singular(const struct vm_area_struct *vma)
{
	const struct list_head *head = &vma->anon_vma_chain;

	return !list_empty(head) && head->next == head->prev;
}

static bool vma_is_fork_child(const struct vm_area_struct *vma)
{
	return vma && vma->anon_vma && !chain_is_singular(vma);
}

static bool wish_fits(const struct vma_wish *w, const struct vm_area_struct *vma)
{
	return !((vma->vm_flags ^ w->flags) & ~VM_IGNORE_MERGE) && vma->vm_shmem == w->shmem &&
	       vma->special == w->special && anon_vma_name_eq(vma->anon_name, w->name);
}

/* @src: the area that has @w's pages now, or NULL when there are none. */
static bool anon_vma_fits(const struct vma_wish *w, const struct vm_area_struct *vma,
			  const struct vm_area_struct *src)
{
	if (!vma->anon_vma && w->anon_vma)
		return !vma_is_fork_child(src) && !vma_is_fork_child(w->copied_from);
	if (vma->anon_vma && !w->anon_vma)
		return !vma_is_fork_child(vma);
	return vma->anon_vma == w->anon_vma;
}

static bool can_merge_left(const struct vma_wish *w, const struct vm_area_struct *prev,
			   const struct vm_area_struct *src)
{
	return prev && prev->vm_end == w->start && wish_fits(w, prev) &&
	       anon_vma_fits(w, prev, src) && prev->vm_pgoff + vma_pages(prev) == w->pgoff;
}

/* @prev: the area that the result would be joined with as well, or NULL. */
static bool can_merge_right(const struct vma_wish *w, const struct vm_area_struct *next,
			    const struct vm_area_struct *src, const struct vm_area_struct *prev)
{
	if (!next || next->vm_start != w->end || !wish_fits(w, next) ||
	    !anon_vma_fits(w, next, src) ||
	    w->pgoff + ((w->end - w->start) >> PAGE_SHIFT) != next->vm_pgoff)
		return false;
	/* Either fits the wish, but do they fit each other? */
	return !prev || !prev->anon_vma || !next->anon_vma || prev->anon_vma == next->anon_vma;
}

struct anon_vma *find_mergeable_anon_vma(struct vm_area_struct *vma)
{
	struct vm_area_struct *near[2] = {
		vma_tree_find(&vma->vm_mm->vmas, vma->vm_end),
		vma_tree_find_prev(&vma->vm_mm->vmas, vma->vm_start),
	};

	for (unsigned int i = 0; i < 2; i++) {
		const struct vm_area_struct *lower = i ? near[i] : vma;
		const struct vm_area_struct *upper = i ? vma : near[i];
		struct anon_vma *anon_vma;

		if (!near[i] || lower->vm_end != upper->vm_start || near[i]->vm_shmem ||
		    ((lower->vm_flags ^ upper->vm_flags) & ~(VM_ACCESS_FLAGS | VM_IGNORE_MERGE)) ||
		    upper->vm_pgoff != lower->vm_pgoff + vma_pages(lower))
			continue;
		/* Acquire: pairs with the release in anon_vma_prepare(), which links first. */
		anon_vma = smp_load_acquire(&near[i]->anon_vma);
		if (anon_vma && chain_is_singular(near[i]))
			return anon_vma;
	}
	return NULL;
}

/* ---- changing several areas at once ---- */

/* @target takes [start, end); what it takes it from shrinks to @shrink_* or is removed. */
struct vma_adjust {
	struct vm_area_struct *target;
	unsigned long start, end;
	struct vm_area_struct *shrink;
	unsigned long shrink_start, shrink_end;
	struct vm_area_struct *remove[2];
	struct vm_area_struct *anon_from;	/* whose anon_vma @target gets if it has none */
};

static int adjust_edit(struct vma_edit *edit, const struct vma_adjust *a)
{
	int err = 0;

	for (unsigned int i = 0; i < 2 && !err; i++)
		if (a->remove[i])
			err = vma_edit_erase(edit, a->remove[i]->vm_start);
	if (!err && a->shrink)
		err = vma_edit_resize(edit, a->shrink->vm_start, a->shrink_start, a->shrink_end);
	if (!err)
		err = vma_edit_resize(edit, a->target->vm_start, a->start, a->end);
	return err;
}

static void vma_set_range(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	/* Wraps when the area grows downwards: so does the sum. */
	vma->vm_pgoff += (start >> PAGE_SHIFT) - (vma->vm_start >> PAGE_SHIFT);	/* I1 */
	vma->vm_start = start;
	vma->vm_end = end;
}

static int dup_anon_vma(struct vm_area_struct *dst, struct vm_area_struct *src)
{
	int err;

	dst->anon_vma = src->anon_vma;
	err = anon_vma_clone(dst, src);
	if (err)
		dst->anon_vma = NULL;
	return err;
}

static void undup_anon_vma(struct vm_area_struct *dst)
{
	unlink_anon_vmas(dst);
	dst->anon_vma = NULL;
}

static void vma_remove(struct vm_area_struct *vma)
{
	vma_mark_detached(vma);
	unlink_anon_vmas(vma);
	vma->anon_vma = NULL;
	vm_area_free(vma);
}

static int vma_adjust(const struct vma_adjust *a)
{
	struct mm_struct *mm = a->target->vm_mm;
	struct anon_vma *anon_vma;
	struct vma_edit edit;
	bool dup = a->anon_from && a->anon_from->anon_vma && !a->target->anon_vma;

	vma_start_write(a->target);						/* I2 */
	if (a->shrink)
		vma_start_write(a->shrink);
	for (unsigned int i = 0; i < 2; i++)
		if (a->remove[i])
			vma_start_write(a->remove[i]);
	if (dup && dup_anon_vma(a->target, a->anon_from))
		return -ENOMEM;
	vma_edit_begin(&edit, &mm->vmas);
	if (adjust_edit(&edit, a)) {
		vma_edit_abort(&edit);
		if (dup)
			undup_anon_vma(a->target);
		return -ENOMEM;
	}
	anon_vma = a->target->anon_vma;
	vma_lock_rmap(anon_vma);						/* I3 */
	if (a->shrink)
		vma_set_range(a->shrink, a->shrink_start, a->shrink_end);
	vma_set_range(a->target, a->start, a->end);
	vma_edit_commit(&edit);
	vma_unlock_rmap(anon_vma);
	for (unsigned int i = 0; i < 2; i++) {
		if (!a->remove[i])
			continue;
		vma_remove(a->remove[i]);
		mm->map_count--;
	}
	return 0;
}

/* ---- splitting ---- */

struct vm_area_struct *split_vma(struct vm_area_struct *vma, unsigned long addr)
{
	struct mm_struct *mm = vma->vm_mm;
	struct vm_area_struct *upper;
	struct vma_edit edit;

	VM_BUG_ON(addr <= vma->vm_start || addr >= vma->vm_end);
	if (mm->map_count >= sysctl_max_map_count)
		return NULL;
	upper = vm_area_dup(vma, mm);
	if (!upper)
		return NULL;
	vma_set_range(upper, addr, vma->vm_end);
	vma_start_write(vma);							/* I2 */
	vma_start_write(upper);
	if (vma->anon_vma && dup_anon_vma(upper, vma))
		goto free;
	vma_edit_begin(&edit, &mm->vmas);
	if (vma_edit_resize(&edit, vma->vm_start, vma->vm_start, addr) ||
	    vma_edit_insert(&edit, upper, addr, upper->vm_end))
		goto abort;
	vma_lock_rmap(vma->anon_vma);						/* I3 */
	vma->vm_end = addr;
	vma_mark_attached(upper);
	vma_edit_commit(&edit);
	vma_unlock_rmap(vma->anon_vma);
	mm->map_count++;
	return upper;
abort:
	vma_edit_abort(&edit);
	undup_anon_vma(upper);
free:
	vm_area_free(upper);
	return NULL;
}

/* ---- merging ---- */

struct vm_area_struct *vma_merge_new_range(const struct vma_wish *w)
{
	struct vm_area_struct *prev = vma_tree_find_prev(&w->mm->vmas, w->start);
	struct vm_area_struct *next = find_vma(w->mm, w->end);
	struct vma_adjust a = { .anon_from = w->copied_from };
	bool left = can_merge_left(w, prev, NULL);
	bool right = can_merge_right(w, next, NULL, left ? prev : NULL);

	if (!left && !right)
		return NULL;
	a.target = left ? prev : next;
	a.start = left ? prev->vm_start : w->start;
	a.end = right ? next->vm_end : w->end;
	if (left && right) {
		a.remove[0] = next;
		if (next->anon_vma)
			a.anon_from = next;
	}
	return vma_adjust(&a) ? NULL : a.target;
}

/* Merges [m->start, m->end) of @vma, which is the wish @w, with neighbours.  NULL: it does not. */
static struct vm_area_struct *merge_existing(struct vm_area_struct *vma, const struct vma_wish *w)
{
	struct mm_struct *mm = w->mm;
	bool from_start = w->start == vma->vm_start, to_end = w->end == vma->vm_end;
	struct vm_area_struct *prev = from_start ? vma_tree_find_prev(&mm->vmas, w->start) : NULL;
	struct vm_area_struct *next = to_end ? find_vma(mm, w->end) : NULL;
	bool left = can_merge_left(w, prev, vma);
	bool right = can_merge_right(w, next, vma, left ? prev : NULL);
	struct vma_adjust a = { .anon_from = vma };

	if (!left && !right)
		return NULL;
	a.target = left ? prev : next;
	a.start = left ? prev->vm_start : w->start;
	a.end = right ? next->vm_end : w->end;
	if (left && right) {
		a.remove[1] = next;
		if (next->anon_vma)
			a.anon_from = next;
	}
	if (from_start && to_end) {
		a.remove[0] = vma;
	} else {
		a.shrink = vma;
		a.shrink_start = left ? w->end : vma->vm_start;
		a.shrink_end = left ? vma->vm_end : w->start;
	}
	return vma_adjust(&a) ? NULL : a.target;
}

struct vm_area_struct *vma_modify(struct vm_area_struct *vma, const struct vma_modify *m)
{
	const struct vma_wish w = {
		.mm = vma->vm_mm, .start = m->start, .end = m->end, .flags = m->flags,
		.pgoff = linear_page_index(vma, m->start), .anon_vma = vma->anon_vma,
		.shmem = vma->vm_shmem, .name = m->name, .special = vma->special,
	};
	struct vm_area_struct *merged = merge_existing(vma, &w);

	if (merged)
		return merged;
	if (vma->vm_start < m->start) {
		vma = split_vma(vma, m->start);
		if (!vma)
			return NULL;
	}
	if (vma->vm_end > m->end && !split_vma(vma, m->end))
		return NULL;
	vma_start_write(vma);
	return vma;
}
