/* SPDX-License-Identifier: MIT */
/* What the files about areas share; internal to mm/vma. */
#ifndef MM_VMA_VMA_IMPL_H
#define MM_VMA_VMA_IMPL_H

#include "mm/vma/mm.h"
#include "mm/vma/mmap.h"
#include "mm/vma/rmap.h"
#include "mm/vma/shmem.h"
#include "runtime/hotplug.h"

extern const struct lock_class vma_lock_class;

/*
 * Where a system call begins nothing is held: a quiescent state of RCU, without which the nodes
 * that a loop of calls replaces would wait for the end of the loop.
 */
static inline void vm_call_begin(void)
{
	cond_resched();
}

/* Makes the lock fields of a new slot valid for readers that come before it is an area. */
void vma_lock_ctor(struct vm_area_struct *vma);

/* Slab cache of areas; on a CPU. */
int vma_cache_boot(void) __must_check;
void vma_cache_shutdown(void);

/* ---- anon_vma_name, counted (vma.c) ---- */

struct anon_vma_name *anon_vma_name_alloc(const char *name) __must_check;
/* NULL is fine. */
void anon_vma_name_get(struct anon_vma_name *name);
void anon_vma_name_put(struct anon_vma_name *name);
bool anon_vma_name_eq(const struct anon_vma_name *a, const struct anon_vma_name *b);

/* The reverse map's lock, for areas that may have none: while a range or an offset changes. */
static inline void vma_lock_rmap(struct anon_vma *anon_vma) __context_unsafe("data-dependent")
{
	if (anon_vma)
		anon_vma_lock_write(anon_vma);
}

static inline void vma_unlock_rmap(struct anon_vma *anon_vma) __context_unsafe("data-dependent")
{
	if (anon_vma)
		anon_vma_unlock_write(anon_vma);
}

/* ---- changing ranges (vma_merge.c); mmap_lock for writing ---- */

/*
 * Divides @vma at @addr; @vma keeps the lower part.  Returns the upper one, or NULL (no memory, or
 * too many areas) with nothing changed.
 */
struct vm_area_struct *split_vma(struct vm_area_struct *vma, unsigned long addr) __must_check;

/* An area as it is wished for; what it may be merged with must agree with all of it. */
struct vma_wish {
	struct mm_struct *mm;
	unsigned long start, end;
	unsigned long pgoff;
	vm_flags_t flags;
	struct anon_vma *anon_vma;
	struct shmem_object *shmem;
	struct anon_vma_name *name;
	const char *special;
	struct vm_area_struct *copied_from;	/* mremap; or NULL */
};

/*
 * Enlarges the neighbours of the free range of @w over it, when the rules allow: the area before
 * it, or the one behind it, or both joined.  NULL: they do not, or no memory.
 */
struct vm_area_struct *vma_merge_new_range(const struct vma_wish *w);

/* What vma_modify() changes: flags and name of [@start, @end) within one area. */
struct vma_modify {
	unsigned long start, end;
	vm_flags_t flags;
	struct anon_vma_name *name;
};

/*
 * Prepares [@start, @end) of @vma for having other flags or another name: merges it with what it
 * will equal, or splits it off.  Returns the area that now contains exactly or, merged, at least
 * that range and is write-locked; the caller sets the flags (an area merged into has them).  NULL:
 * no memory; at most splits were made.
 */
struct vm_area_struct *vma_modify(struct vm_area_struct *vma, const struct vma_modify *m)
	__must_check;

/* ---- taking out (munmap.c); mmap_lock for writing ---- */

/*
 * Everything between [start, end) goes.  prepare() makes all changes in @edit, which the caller has
 * begun and may add to; commit() takes the pages down and shows the edit; neither fails halfway.
 */
struct vma_unmap {
	struct mm_struct *mm;
	unsigned long start, end;
	struct vma_edit edit;
	struct vm_area_struct *below;	/* loses its upper part */
	struct vm_area_struct *above;	/* loses its lower part */
	struct vm_area_struct *hole;	/* new: what stays of one area above the hole in it */
	struct vm_area_struct *detached;	/* go altogether */
};

/* 0, or -ENOMEM: the edit must be aborted with vma_unmap_abort(). */
int vma_unmap_prepare(struct vma_unmap *u) __must_check;
void vma_unmap_commit(struct vma_unmap *u);
void vma_unmap_abort(struct vma_unmap *u);

/* ---- page tables (move_tables.c, change_protection.c) ---- */

/*
 * Moves the entries of [@old, @old + @len) to @new_addr; both ranges are write-locked and the new
 * one is empty.  Returns the bytes moved: less than @len when there was no memory for a table.
 */
struct move_range {
	struct vm_area_struct *from, *to;
	unsigned long old, new_addr, len;
};
unsigned long move_page_tables(const struct move_range *m) __must_check;

/* Gives present entries of [@start, @end) the rights of @vma, and flushes.  Returns how many. */
unsigned long change_protection(struct vm_area_struct *vma, unsigned long start,
				unsigned long end);

#endif /* MM_VMA_VMA_IMPL_H */
