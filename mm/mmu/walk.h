/* SPDX-License-Identifier: MIT */
/* The hardware walker and the stale-translation oracle; internal to mm/mmu. */
#ifndef MM_MMU_WALK_H
#define MM_MMU_WALK_H

#include "mm/mmu/mmu_context.h"
#include "mm/mmu/tlb.h"

enum mmu_access { MMU_READ, MMU_WRITE, MMU_EXEC };

/*
 * Host address of user (@user) or kernel address @addr for this kind of access, from this CPU's TLB
 * or by a walk of the loaded tables.  Must be used before the next safepoint.  NULL: fault, with
 * the FAULT_FLAG_ bits of its kind in *@flags.
 */
char *mmu_translate(struct cpu_tlb *tlb, unsigned long addr, enum mmu_access access,
		    unsigned int *flags);

/* Panics when @entry translates to a frame that was freed since it was filled. */
void tlb_oracle_check(const struct tlb_entry *entry, unsigned long addr);
/* Remembers the frame's generation in @entry. */
void tlb_oracle_fill(struct tlb_entry *entry);

#endif /* MM_MMU_WALK_H */
