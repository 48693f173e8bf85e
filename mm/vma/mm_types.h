/* SPDX-License-Identifier: MIT */
/*
 * struct mm_struct and struct vm_area_struct: an address space and one of its areas
 * (include/linux/mm_types.h).
 *
 * Field keys.
 *   (C)  constant from creation to the last reference
 *   (M)  mmap_lock: held for writing to change, in either mode to read
 *   (W)  mmap_lock for writing and the area's write lock (vma_start_write()) to change; either
 *        lock, in either mode, to read
 *   (A)  atomic; the comment says who
 */
#ifndef MM_VMA_MM_TYPES_H
#define MM_VMA_MM_TYPES_H

#include "mm/mmu/mmu_context.h"
#include "mm/vma/vm_flags.h"
#include "mm/vma/vma_tree.h"
#include "percpu/counter.h"
#include "runtime/mutex.h"
#include "runtime/rcu.h"

struct anon_vma;
struct shmem_object;
struct user_task;

/* Kinds of resident pages. */
enum {
	MM_FILEPAGES,
	MM_ANONPAGES,
	MM_SWAPENTS,
	MM_SHMEMPAGES,
	NR_MM_COUNTERS
};

/* Where the parts of a program lie; bytes, as /proc/PID/stat shows them. */
struct mm_layout {
	unsigned long start_code, end_code;
	unsigned long start_data, end_data;
	unsigned long start_brk, brk;	/* brk changes: (M) */
	unsigned long start_stack;
	unsigned long mmap_base;	/* mappings are placed below it, downwards */
	unsigned long stack_limit;	/* RLIMIT_STACK, bytes */
};

struct mm_struct {
	struct mmu_context context;	/* all that hardware knows; container_of() leads back */

	/* Areas, and everything marked (M).  RANK_MMAP; task context. */
	struct rw_semaphore mmap_lock __cacheline_aligned;
	/*
	 * Odd while mmap_lock is held for writing.  Written by its holder, read by anybody; an area
	 * is write-locked while its vm_lock_seq equals it.
	 */
	u32 mm_lock_seq;		/* (A) */
	struct wait_queue_head vma_writer_wait;	/* a writer that waits for an area's readers */

	struct vma_tree vmas;		/* (M), and RCU */
	unsigned int map_count;		/* (M) areas */
	struct mm_layout layout;	/* (M) */
	unsigned long total_vm;		/* (M) pages mapped, of these: */
	unsigned long data_vm;		/* (M) private, writable, not stack */
	unsigned long exec_vm;		/* (M) executable, not writable, not stack */
	unsigned long stack_vm;		/* (M) growing down */
	vm_flags_t def_flags;		/* (C) added to new areas */
	bool def_noreserve;		/* (C) */

	/* Per CPU and batched: the fault path shares no line of it.  Any context of a CPU. */
	struct percpu_counter rss_stat[NR_MM_COUNTERS];

	s32 mm_users __cacheline_aligned;	/* (A) who uses the areas; 0: they are gone */
	s32 mm_count;			/* (A) who uses the struct; all users together are one */
	u64 id;				/* (C) for reports; unique in this machine */
};

/* A name given to an anonymous area; shared by the parts of a split. */
struct anon_vma_name {
	u32 refcount;			/* (A) */
	char name[];
};

/*
 * [vm_start, vm_end) with one set of rights.  From a SLAB_TYPESAFE_BY_RCU cache: whoever finds one
 * under RCU may find it freed and used again, and must take vm_refcnt and look again before it
 * trusts anything else (lock_vma_under_rcu()).
 */
struct vm_area_struct {
	unsigned long vm_start, vm_end;	/* (W) */
	struct mm_struct *vm_mm;	/* (A) written at birth, read before locking */
	pgprot_t vm_page_prot;		/* (W) */
	vm_flags_t vm_flags;		/* (W) */
	/* mm_lock_seq at the last write lock.  Under vm_refcnt or mmap_lock; read by anybody. */
	u32 vm_lock_seq;		/* (A) */
	/*
	 * Offset of vm_start in pages: within vm_shmem; anonymous: vm_start >> PAGE_SHIFT at the
	 * place where pages were first faulted, so that a page's index stays right after mremap().
	 */
	unsigned long vm_pgoff;		/* (W) */

	/* Set once by a fault: under mmap_lock or the area's read lock, and the anon_vma's lock. */
	struct anon_vma *anon_vma;
	struct list_head anon_vma_chain;	/* (M), the first link page_table_lock */

	struct shmem_object *vm_shmem;	/* (C) behind a shared anonymous area, counted; or NULL */
	struct anon_vma_name *anon_name;	/* (W) counted; or NULL */
	const char *special;		/* (C) printed as its name, outlives the area; or NULL */
	struct vm_area_struct *next_detached;	/* (M) the next one that munmap takes out */

	/*
	 * 0 detached; 1 attached; +1 per reader; + VMA_LOCK_OFFSET while a writer waits or changes
	 * vm_lock_seq.  Stays valid while the slab slot is free.
	 */
	u32 vm_refcnt __cacheline_aligned;	/* (A) */
	struct lock_meta vm_lock_meta;	/* what lock_stat and lockdep know of the area's lock */
};

#define VMA_LOCK_OFFSET	0x40000000u
#define VMA_REF_LIMIT	(VMA_LOCK_OFFSET - 1)

static inline unsigned long vma_pages(const struct vm_area_struct *vma)
{
	return (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;
}

/* Anonymous memory of its own: not a shared object, not a file. */
static inline bool vma_is_anonymous(const struct vm_area_struct *vma)
{
	return !vma->vm_shmem;
}

/* Index of the page at @addr within what the area maps. */
static inline unsigned long linear_page_index(const struct vm_area_struct *vma, unsigned long addr)
{
	return ((addr - vma->vm_start) >> PAGE_SHIFT) + vma->vm_pgoff;
}

static inline void add_mm_counter(struct mm_struct *mm, int member, long value)
{
	percpu_counter_add(&mm->rss_stat[member], value);
}

/* Exact; sums over the CPUs. */
static inline unsigned long get_mm_counter(struct mm_struct *mm, int member)
{
	return (unsigned long)percpu_counter_sum_positive(&mm->rss_stat[member]);
}

#endif /* MM_VMA_MM_TYPES_H */
