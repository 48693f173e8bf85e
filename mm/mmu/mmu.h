/* SPDX-License-Identifier: MIT */
/* Bringing up the simulated MMU. */
#ifndef MM_MMU_MMU_H
#define MM_MMU_MMU_H

#include "mm/mmu/tlb.h"

/*
 * After mm_boot(); host thread, no work running.  @opt NULL: defaults.  Returns 0, -EINVAL (TLB
 * size out of range) or -ENOMEM.
 */
int mmu_boot(const struct tlb_options *opt) __must_check;

/*
 * Frees the kernel's own tables, which the first address space brought up and which stay when the
 * last has gone: afterwards no frame is the MMU's.  On a CPU, task context; no address space and no
 * vmalloc area is left.  Harmless when there are none.
 */
void mmu_free_kernel_tables(void);

/* No work running.  Harmless when not booted. */
void mmu_shutdown(void);

#endif /* MM_MMU_MMU_H */
