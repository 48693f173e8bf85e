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

/* No work running.  Harmless when not booted. */
void mmu_shutdown(void);

#endif /* MM_MMU_MMU_H */
