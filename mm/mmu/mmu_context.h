/* SPDX-License-Identifier: MIT */
/*
 * struct mmu_context: what an address space is to the hardware; and switching between them
 * (arch/x86/include/asm/mmu.h, mmu_context.h).
 *
 * struct mm_struct embeds one.  Field keys: (A) atomic; (C) constant from mmu_context_init() to
 * mmu_context_destroy().
 */
#ifndef MM_MMU_MMU_CONTEXT_H
#define MM_MMU_MMU_CONTEXT_H

#include "mm/mmu/pgtable_types.h"
#include "runtime/spinlock.h"

struct mmu_context {
	pgd_t *pgd;			/* (C) root table */
	u64 ctx_id;			/* (C) unique for ever; init_mm has 1, 0 is nobody's */
	spinlock_t page_table_lock;	/* entries of the root and of pud tables; RANK_PAGE_TABLE */
	s64 pgtables_bytes;		/* (A) of all tables */

	/* Incremented by every flush request; a CPU's slot says up to which one it has flushed. */
	u64 tlb_gen __cacheline_aligned;	/* (A) */
	struct cpumask cpumask;		/* (A) CPUs whose TLB may hold entries of this space */
	u32 tlb_flush_pending;		/* (A) operations between unhooking and flushing */
	u32 tlb_flush_batched;		/* (A) deferred flushes: done << 16 | asked for */
	u64 next_trim_ns;		/* (A) when CPUs elsewhere are next made to leave cpumask */
};

/* The kernel's own context: no user half. */
extern struct mmu_context init_mm;

/*
 * Makes an empty address space with the kernel's half in it.  Task context, may sleep.  Returns 0
 * or -ENOMEM.
 */
int mmu_context_init(struct mmu_context *ctx) __must_check;

/*
 * Frees the root table.  Task context, no locks.  The user half is empty (mmu_gather has taken it
 * down) and no task uses the space: CPUs that still have it loaded lazily are sent off it first.
 */
void mmu_context_destroy(struct mmu_context *ctx);

/*
 * Makes @next (or init_mm) the address space of this CPU; its TLB entries of an earlier visit are
 * used again when no flush was missed.  Task context.
 */
void switch_mm(struct mmu_context *next);

/*
 * The task that runs now needs no user addresses: the address space stays loaded, but flushes need
 * not interrupt this CPU.  A user access before the next switch_mm() is a BUG.
 */
void enter_lazy_tlb(void);

/* The address space loaded on this CPU (lazily or not); init_mm when none. */
struct mmu_context *loaded_mmu_context(void);
bool mmu_is_lazy(void);

#endif /* MM_MMU_MMU_CONTEXT_H */
