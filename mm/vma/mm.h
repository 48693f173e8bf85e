/* SPDX-License-Identifier: MIT */
/*
 * Address spaces and their areas: life cycles, mmap_lock, area locks (include/linux/mm.h,
 * mmap_lock.h, sched/mm.h).
 *
 * Lock order: mmap_lock, then area locks, then anon_vma and shmem locks, then page-table locks.  An
 * area's read lock may also be taken with nothing held; then mmap_lock may not be taken while it is
 * held (only tried).
 */
#ifndef MM_VMA_MM_H
#define MM_VMA_MM_H

#include "mm/vma/mm_types.h"

struct vma_options {
	bool no_per_vma_locks;		/* every fault takes mmap_lock */
	unsigned int max_map_count;	/* 0: DEFAULT_MAX_MAP_COUNT */
};

#define DEFAULT_MAX_MAP_COUNT	65530u

extern bool per_vma_locks;		/* constant while work runs */
extern unsigned int sysctl_max_map_count;

/*
 * After mmu_boot(), with the slab allocator up.  On a CPU, task context.  @opt NULL: defaults.
 * Registers the fault handler.  0 or -ENOMEM.
 */
int vma_boot(const struct vma_options *opt) __must_check;
/* On a CPU, no address space left.  Harmless when not booted. */
void vma_shutdown(void);

/* ---- address spaces ---- */

/* An empty address space with one user; NULL: no memory.  Task context. */
struct mm_struct *mm_alloc(void) __must_check;

static inline void mmget(struct mm_struct *mm)
{
	fetch_add_relaxed(&mm->mm_users, 1);
}

/* The same when it may have no users any more; false: it has none. */
bool mmget_not_zero(struct mm_struct *mm) __must_check;

/*
 * Drops a user; the last one takes down the areas (exit_mmap()) and the struct when nobody else
 * refers to it.  Task context, no locks.  The address space may still be loaded on CPUs.
 */
void mmput(struct mm_struct *mm);

static inline void mmgrab(struct mm_struct *mm)
{
	fetch_add_relaxed(&mm->mm_count, 1);
}

/* Task context, no locks: the last reference frees the struct. */
void mmdrop(struct mm_struct *mm);

/* Address spaces that exist; 0 when all is given back. */
unsigned long nr_mm_structs(void);

/* ---- mmap_lock ---- */

extern const struct lock_class mmap_lock_class;

/* Begin and end of the time in which mm_lock_seq is odd; called by the macros below only. */
void mm_lock_seq_begin(struct mm_struct *mm);
void mm_lock_seq_end(struct mm_struct *mm);

/* Task context.  All area write locks are dropped together when the lock is. */
#define mmap_write_lock(mm)						\
	do {								\
		down_write(&(mm)->mmap_lock);				\
		mm_lock_seq_begin(mm);					\
	} while (0)
#define mmap_write_trylock(mm)						\
	({								\
		bool got_ = down_write_trylock(&(mm)->mmap_lock);	\
		if (got_)						\
			mm_lock_seq_begin(mm);				\
		got_;							\
	})
#define mmap_write_unlock(mm)						\
	do {								\
		mm_lock_seq_end(mm);					\
		up_write(&(mm)->mmap_lock);				\
	} while (0)
#define mmap_write_downgrade(mm)					\
	do {								\
		mm_lock_seq_end(mm);					\
		downgrade_write(&(mm)->mmap_lock);			\
	} while (0)
#define mmap_read_lock(mm)	down_read(&(mm)->mmap_lock)
#define mmap_read_trylock(mm)	down_read_trylock(&(mm)->mmap_lock)
#define mmap_read_unlock(mm)	up_read(&(mm)->mmap_lock)
/* In either mode. */
#define mmap_assert_locked(mm)	lockdep_assert_held(&(mm)->mmap_lock.meta)
#define mmap_assert_write_locked(mm)					\
	do {								\
		mmap_assert_locked(mm);					\
		VM_BUG_ON(!(READ_ONCE((mm)->mm_lock_seq) & 1));		\
	} while (0)

/* ---- area locks (mm/vma/vma_lock.c) ---- */

/*
 * The area that contains @addr, read-locked, found without mmap_lock.  NULL: there is none, or it
 * is being changed, or the option is off: take mmap_lock for reading and look again.  Context:
 * task, nothing of RANK_VMA or below held.  Counts vma_lock_abort and vma_lock_miss; the caller
 * counts vma_lock_success and vma_lock_retry.
 */
struct vm_area_struct *lock_vma_under_rcu(struct mm_struct *mm, unsigned long addr) __must_check;
/* Read-locks @vma with mmap_lock held for reading: no writer can be in the way. */
void vma_start_read_locked(struct vm_area_struct *vma);
void vma_end_read(struct vm_area_struct *vma);

/*
 * Write-locks @vma until mmap_lock, held for writing, is dropped: waits for its readers.  Before
 * any (W) field of an attached area is changed, and before its entries are taken down or moved.
 */
void _vma_start_write(struct vm_area_struct *vma, struct lock_site *site);
#define vma_start_write(vma)	_vma_start_write((vma), LOCK_SITE())
bool vma_is_write_locked(const struct vm_area_struct *vma);
#define vma_assert_write_locked(vma)	VM_BUG_ON(!vma_is_write_locked(vma))
/* Held in either mode, or mmap_lock is. */
void vma_assert_locked(const struct vm_area_struct *vma);

/* Being in the tree, as the lock sees it; mmap_lock for writing.  Detaching waits for readers. */
void vma_mark_attached(struct vm_area_struct *vma);
void vma_mark_detached(struct vm_area_struct *vma);

/* ---- areas ---- */

/* A detached area of @mm without range, flags or backing; NULL: no memory. */
struct vm_area_struct *vm_area_alloc(struct mm_struct *mm) __must_check;
/*
 * A detached copy for @mm (which may be another one): counts the shmem object and the name, but has
 * no anon_vma: anon_vma_clone() or anon_vma_fork() does that.  @vma's mmap_lock is held.
 */
struct vm_area_struct *vm_area_dup(struct vm_area_struct *vma, struct mm_struct *mm) __must_check;
/* Frees a detached area; its anon_vma chain is empty.  Drops what vm_area_dup() counted. */
void vm_area_free(struct vm_area_struct *vma);

/*
 * Enters a detached area, whose range is free, and counts it; @mm's mmap_lock is held for writing.
 * 0 or -ENOMEM (the area is as it was).
 */
int insert_vm_struct(struct mm_struct *mm, struct vm_area_struct *vma) __must_check;

/* mmap_lock in either mode.  find_vma(): the first area that ends above @addr. */
struct vm_area_struct *find_vma(struct mm_struct *mm, unsigned long addr);
struct vm_area_struct *vma_lookup(struct mm_struct *mm, unsigned long addr);
/* The same as find_vma(), and in *@prev the area before it (NULL: none). */
struct vm_area_struct *find_vma_prev(struct mm_struct *mm, unsigned long addr,
				     struct vm_area_struct **prev);
/* The first area that overlaps [@start, @end), or NULL. */
struct vm_area_struct *find_vma_intersection(struct mm_struct *mm, unsigned long start,
					     unsigned long end);

/* All areas by address; the body may not change the tree.  mmap_lock in either mode. */
#define for_each_vma(mm, vma) \
	for ((vma) = find_vma((mm), 0); (vma); (vma) = find_vma((mm), (vma)->vm_end))
#define for_each_vma_range(mm, vma, start, end)				\
	for ((vma) = find_vma((mm), (start)); (vma) && (vma)->vm_start < (end); \
	     (vma) = find_vma((mm), (vma)->vm_end))

/* Adds @pages (negative: takes away) to total_vm and the kind of @flags; mmap_lock for writing. */
void vm_stat_account(struct mm_struct *mm, vm_flags_t flags, long pages);
/* The limits of the address space admit @pages more of this kind. */
bool may_expand_vm(struct mm_struct *mm, vm_flags_t flags, unsigned long pages);
/* Memory promised to all address spaces: heuristic overcommit.  0 or -ENOMEM; any task context. */
int vm_enough_memory(unsigned long pages) __must_check;

/* Sets the flags and the page protection that follows from them; the area's write lock. */
void vma_set_flags(struct vm_area_struct *vma, vm_flags_t flags);

/* Everything that must hold between areas, counters and the tree; mmap_lock.  VM_CHECK, tests. */
bool mm_is_valid(struct mm_struct *mm);

#endif /* MM_VMA_MM_H */
