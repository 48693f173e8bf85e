/* SPDX-License-Identifier: MIT */
/* The oracle of user memory: areas, page tables, pages and counters against each other. */
#ifndef MM_VMA_VM_CHECK_H
#define MM_VMA_VM_CHECK_H

#include "mm/vma/mm_types.h"

/* How a check ended; @text says what is wrong when it is not ok. */
struct vm_check_result {
	bool ok;
	char text[256];
};

/*
 * Checks all address spaces of a quiescent machine, of which @mms[@nr] are all that have users:
 *
 *   areas are sorted, disjoint and counted (mm_is_valid());
 *   tables hang only where an area is, and are counted in pgtables_bytes;
 *   each entry lies in an area that names its page: index, anon_vma or object;
 *   no entry is writable that the area does not allow, and a private one only on an exclusive page;
 *   no copy on write is unfinished; _mapcount is the number of entries that map the page, _refcount
 *   that number (+ 1 in an object); exclusive pages have one entry; every anonymous page has one;
 *   rss_stat is what the tables show.
 *
 * Task context, no locks; takes each mmap_lock for reading.
 */
struct vm_check_result vm_check(struct mm_struct *const *mms, unsigned int nr);

#endif /* MM_VMA_VM_CHECK_H */
