/* SPDX-License-Identifier: MIT */
/*
 * kmap: addresses for frames that have none (include/linux/highmem.h).
 *
 * A HIGHMEM frame is not in the direct map: touching it there faults.  kmap() gives it one of few
 * long-lived addresses and may sleep until one is free; kmap_local_page() and kmap_atomic() use a
 * slot of this CPU and never block.  For any other frame all of them return its direct address.
 */
#ifndef MM_KVA_HIGHMEM_H
#define MM_KVA_HIGHMEM_H

#include "mm/page/page_alloc.h"

/* Permanent kmaps, as on 32-bit x86 with PAE. */
#define LAST_PKMAP	512u

/* Temporary kmaps of one CPU, over all its contexts: each context nests a few deep. */
#define KM_MAX_IDX	16u

/* May sleep.  kmap() of a page that is mapped already returns the same address again. */
void *kmap(struct page *page);
void kunmap(struct page *page);

/*
 * Any context.  Unmapped in the reverse order of mapping, by the CPU that mapped.  Costs an mmap()
 * of the host (1 to 2 us) for a HIGHMEM frame, nothing for others.
 */
void *kmap_local_page(struct page *page);
void kunmap_local(const void *addr);
/* The same with preemption and page faults off in between. */
void *kmap_atomic(struct page *page);
void kunmap_atomic(const void *addr);

/* Contents of any frames, through temporary mappings.  Any context. */
void clear_highpage(struct page *page);
void copy_highpage(struct page *to, struct page *from);

/* Exact; atomic. */
struct kmap_stats {
	u64 maps, hits;			/* kmap() of HIGHMEM: newly mapped, mapped already */
	u64 flushes;			/* times unused kmaps were unmapped all at once */
	u64 waits;			/* kmap() that had to sleep */
	u64 local_maps;			/* temporary maps that called the host */
};
struct kmap_stats kmap_stats(void);

#endif /* MM_KVA_HIGHMEM_H */
