/* SPDX-License-Identifier: MIT */
/*
 * Page faults and taking user mappings down (mm/memory.c, arch/x86/mm/fault.c).
 */
#ifndef MM_VMA_FAULT_H
#define MM_VMA_FAULT_H

#include "mm/mmu/access.h"
#include "mm/mmu/mmu_gather.h"
#include "mm/vma/mm_types.h"

/* More of access.h's fault flags, for handle_mm_fault(). */
#define FAULT_FLAG_VMA_LOCK	(1u << 12)	/* only the area's read lock is held */

/* What handle_mm_fault() returns: 0, or bits with the kernel's values. */
typedef unsigned int vm_fault_t;
#define VM_FAULT_OOM		0x0001u
#define VM_FAULT_SIGBUS		0x0002u
#define VM_FAULT_MAJOR		0x0004u
#define VM_FAULT_SIGSEGV	0x0040u
#define VM_FAULT_NOPAGE		0x0100u
#define VM_FAULT_RETRY		0x0400u	/* needs mmap_lock; no lock has been given up */
#define VM_FAULT_ERROR		(VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV)

/* What vma_boot() registers with the MMU: looks the area up, handles the fault, sends signals. */
extern const struct mmu_fault_ops vma_fault_ops;

/*
 * Makes the page at @addr, inside @vma, accessible for the access in @flags, which @vma allows.
 * mmap_lock for reading, or with FAULT_FLAG_VMA_LOCK the area's read lock.  Task context.
 */
vm_fault_t handle_mm_fault(struct vm_area_struct *vma, unsigned long addr, unsigned int flags)
	__must_check;

/*
 * Unhooks every entry of [@start, @end), which lies within @vma, and hands the pages to @tlb; their
 * rmap and rss go at once.  Tables stay: free_pgd_range() takes them.  mmap_lock for writing, or
 * for reading when only pages go (madvise); no spinlock, may flush.
 */
void unmap_page_range(struct mmu_gather *tlb, struct vm_area_struct *vma, unsigned long start,
		      unsigned long end);
/* The same with a gather of its own (madvise). */
void zap_page_range_single(struct vm_area_struct *vma, unsigned long start, unsigned long size);

/*
 * Taking write permission for granted: may mprotect() make this present, read-only entry writable
 * at once?  Shared: yes.  Private: only an exclusive anonymous page without _PAGE_COW_FLUSH.  The
 * entry's page-table lock is held.
 */
bool can_change_pte_writable(const struct vm_area_struct *vma, pte_t pte);

/* The page that all read faults on untouched anonymous memory show; never freed while up. */
extern struct page *zero_page;
int fault_boot(void) __must_check;
void fault_shutdown(void);

#endif /* MM_VMA_FAULT_H */
