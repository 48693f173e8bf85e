/* SPDX-License-Identifier: MIT */
/*
 * The system calls on address spaces (mm/mmap.c, mprotect.c, mremap.c, madvise.c): arguments,
 * results and errors are those of Linux, -errno instead of errno.
 *
 * Context of every do_*(): task, no locks; takes mmap_lock itself, after cond_resched().  @mm need
 * not be the loaded one.  Addresses and lengths in bytes.  A call that fails with -ENOMEM for lack
 * of memory has changed nothing, but for mprotect over several areas, which keeps what it has done
 * (as Linux).
 */
#ifndef MM_VMA_MMAP_H
#define MM_VMA_MMAP_H

#include "mm/vma/mm.h"

/* Kept free below a stack. */
#define STACK_GUARD_GAP		(256UL << PAGE_SHIFT)
/* No mapping below it (vm.mmap_min_addr). */
#define MMAP_MIN_ADDR		65536UL
/* Where a search from below starts when there is no room under mmap_base. */
#define TASK_UNMAPPED_BASE	((TASK_SIZE_MAX / 3) & PAGE_MASK)

/* A result is -errno and no address. */
static inline bool vm_is_err(long result)
{
	return result < 0 && result >= -4095;
}

/*
 * Maps @len bytes of anonymous memory; returns the address.  @flags: MAP_PRIVATE or MAP_SHARED,
 * with MAP_ANONYMOUS; MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_GROWSDOWN, MAP_STACK, MAP_NORESERVE,
 * MAP_POPULATE is not done.  -EINVAL, -ENOMEM, -EEXIST, -EPERM, -EOPNOTSUPP, -EBADF (no
 * MAP_ANONYMOUS: there are no files).
 */
long do_mmap(struct mm_struct *mm, unsigned long addr, unsigned long len, unsigned long prot,
	     unsigned long flags);
/* 0, -EINVAL, -ENOMEM. */
int do_munmap(struct mm_struct *mm, unsigned long addr, unsigned long len);
/* 0, -EINVAL, -ENOMEM (a hole: what lies before it has been changed), -EACCES. */
int do_mprotect(struct mm_struct *mm, unsigned long addr, unsigned long len, unsigned long prot);

struct mremap_args {
	unsigned long addr, old_len, new_len;
	unsigned long flags;		/* MREMAP_MAYMOVE, MREMAP_FIXED, MREMAP_DONTUNMAP */
	unsigned long new_addr;		/* with MREMAP_FIXED, or a hint with MREMAP_DONTUNMAP */
};
/* The address, or -EINVAL, -EFAULT, -ENOMEM. */
long do_mremap(struct mm_struct *mm, const struct mremap_args *args);

/* MADV_DONTNEED.  0, -EINVAL (another advice, too), -ENOMEM (holes; the rest has been done). */
int do_madvise(struct mm_struct *mm, unsigned long addr, unsigned long len, int advice);
/* brk(2) as the kernel does it: returns the break, the old one when it could not be set. */
unsigned long do_brk(struct mm_struct *mm, unsigned long brk);

/* prctl(PR_SET_VMA_ANON_NAME): @name NULL takes names away.  0, -EINVAL, -ENOMEM, -EBADF. */
int do_set_vma_anon_name(struct mm_struct *mm, unsigned long addr, unsigned long len,
			 const char *name);

/* ---- for the fault handler ---- */

/*
 * Called by a fault with mmap_lock held for reading, when @addr may lie below a stack.  Gives the
 * lock up, takes it for writing and grows the stack; then holds it for reading again and returns
 * the area.  NULL: no such stack, the guard gap or a limit is in the way, or no memory; the lock is
 * not held.
 */
struct vm_area_struct *expand_stack(struct mm_struct *mm, unsigned long addr) __must_check;
/* The same with mmap_lock held for writing.  0, -ENOMEM, -EPERM. */
int expand_stack_locked(struct vm_area_struct *vma, unsigned long addr) __must_check;

/* vm_start less the guard gap of a stack. */
unsigned long vm_start_gap(const struct vm_area_struct *vma);

/* ---- program layout ---- */

/* Sizes in bytes, rounded up to pages; 0: none (stack: 128 KiB). */
struct program {
	const char *image;		/* printed as the name of text and data; lives on */
	unsigned long text, data, bss, stack;
	unsigned long stack_limit;	/* RLIMIT_STACK; 0: 8 MiB */
	u64 seed;			/* of the address space's randomisation; 0: none */
};

/*
 * Gives an empty address space the areas of a program as the ELF loader lays them out: text at
 * 0x400000 (or at random), data, bss, an empty heap behind it, the stack below TASK_SIZE_MAX, and
 * mmap_base below that.  0 or -ENOMEM.  Takes mmap_lock.
 */
int set_up_layout(struct mm_struct *mm, const struct program *prog) __must_check;

/* ---- between the files of this folder ---- */

/*
 * Unmaps [@start, @end), page-aligned, with mmap_lock held for writing.  0 or -ENOMEM, and then
 * nothing has changed.
 */
int do_vma_munmap(struct mm_struct *mm, unsigned long start, unsigned long end) __must_check;
/* Where @len bytes can go; @addr is a hint.  mmap_lock held.  An address or -ENOMEM. */
long get_unmapped_area(struct mm_struct *mm, unsigned long addr, unsigned long len,
		       unsigned long flags);

#endif /* MM_VMA_MMAP_H */
