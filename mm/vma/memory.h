/* SPDX-License-Identifier: MIT */
/* One fault while it is handled: between memory.c and cow.c. */
#ifndef MM_VMA_MEMORY_H
#define MM_VMA_MEMORY_H

#include "mm/vma/fault.h"

struct vm_fault {
	struct vm_area_struct *vma;
	struct mmu_context *ctx;
	unsigned long addr;		/* of the page */
	unsigned int flags;		/* FAULT_FLAG_* */
	pte_t *ptep;			/* its table stays: the area is locked */
	pte_t orig;			/* what *@ptep was when the fault was judged */
};

/* Gives the area an anon_vma.  0, VM_FAULT_OOM, or VM_FAULT_RETRY: only mmap_lock allows it. */
vm_fault_t vmf_anon_prepare(struct vm_fault *vmf) __must_check;

/* A write to a present entry without write permission in an area that allows writing. */
vm_fault_t do_wp_page(struct vm_fault *vmf) __must_check;

#endif /* MM_VMA_MEMORY_H */
