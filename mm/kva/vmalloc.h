/* SPDX-License-Identifier: MIT */
/*
 * vmalloc: memory that is contiguous in addresses and scattered in frames
 * (include/linux/vmalloc.h).
 *
 * Every area is followed by a page that is not mapped: running over the end faults at once.
 * Context: task, may sleep.
 */
#ifndef MM_KVA_VMALLOC_H
#define MM_KVA_VMALLOC_H

#include "mm/mmu/pgtable_types.h"
#include "mm/page/page_alloc.h"

/* @size bytes rounded up to pages, not initialised (vzalloc: zeroes).  NULL: no memory or space. */
void *vmalloc(size_t size) __must_check;
void *vzalloc(size_t size) __must_check;
/* With these flags for the frames; must allow sleeping. */
void *__vmalloc(size_t size, gfp_t gfp) __must_check;

/*
 * Frees; NULL is ignored, anything that is not the start of an area is a panic.  The frames are
 * free at once; the addresses are used again only after a purge has flushed all TLBs.
 */
void vfree(const void *addr);

/* Maps @nr pages, which stay the caller's.  NULL: no memory or space. */
void *vmap(struct page *const *pages, unsigned int nr) __must_check;
void vunmap(const void *addr);

/* The page behind an address of a live area; NULL for any other. */
struct page *vmalloc_to_page(const void *addr);
bool is_vmalloc_addr(const void *addr);
/* Where the kernel's page tables have @addr, an address of the space: for load_kernel_u64(). */
unsigned long vmalloc_kernel_addr(const void *addr);

/* Makes all freed addresses usable again: one TLB flush for all of them. */
void vm_unmap_aliases(void);

/*
 * Lazy pages at which a vfree() purges: 32 MiB times the bits of the CPU count, as in the kernel;
 * 0 purges every time, so that a use after vfree() faults.
 */
extern unsigned long vmap_lazy_max_pages;

/* Exact; atomic. */
struct vmalloc_stats {
	u64 allocs, frees, maps, purges;
	u64 host_maps;			/* mmap() calls, one per run of adjacent frames */
	u64 pages;			/* allocated now */
	u64 lazy_pages;			/* waiting for a purge now */
};
struct vmalloc_stats vmalloc_stats(void);

/* Kinds of areas. */
#define VM_ALLOC	0x1	/* vmalloc: owns its frames */
#define VM_MAP		0x2	/* vmap */
#define VM_KSTACK	0x4	/* kernel stack: owns its frames, grows down to a guard page */

void *__vmalloc_area(size_t size, gfp_t gfp, u8 flags) __must_check;

#endif /* MM_KVA_VMALLOC_H */
