/* SPDX-License-Identifier: MIT */
/*
 * Physical memory as hardware sees it: every frame, HIGHMEM included, at one host address.
 *
 * The kernel's direct map ends where HIGHMEM begins; the memory bus does not.  Only the simulated
 * MMU uses this view: kernel code that did would bypass kmap().
 */
#ifndef MM_MMU_PHYS_H
#define MM_MMU_PHYS_H

#include "mm/mmu/tlb.h"

/* Host address of physical address 0 on the bus; the direct map itself without HIGHMEM. */
extern char *bus_map;

static inline char *bus_address(unsigned long pfn)
{
	return bus_map + ((u64)pfn << PAGE_SHIFT);
}

/* Host address of the 4 KiB page at @page that @e translates. */
static inline char *tlb_entry_host(const struct tlb_entry *e, unsigned long page)
{
	return bus_address(entry_pfn(e->pte)) + (page - (e->tag & PAGE_MASK));
}

#endif /* MM_MMU_PHYS_H */
