/* SPDX-License-Identifier: MIT */
/*
 * What a CPU knows about the address spaces in its TLB (arch/x86/include/asm/tlbflush.h).
 * Internal to mm/mmu.
 *
 * Only the CPU itself writes its state, with interrupts off, so that a flush IPI sees it whole.
 * Other CPUs read the two words of the shared line and decide whether to send an IPI at all.
 */
#ifndef MM_MMU_TLBSTATE_H
#define MM_MMU_TLBSTATE_H

#include "mm/mmu/mmu_context.h"
#include "mm/mmu/tlb.h"

/* One address space that a slot's TLB entries belong to, and how far it has been flushed. */
struct tlb_context {
	u64 ctx_id;
	u64 tlb_gen;
};

struct cpu_tlbstate {
	struct mmu_context *loaded;	/* &init_mm when none */
	u16 loaded_slot;		/* its slot; unused for init_mm */
	u16 next_slot;			/* the next one to be taken, in turn */
	struct tlb_context ctxs[TLB_NR_DYN_ASIDS];

	/*
	 * Read by other CPUs.  Words of a store-then-load pattern: see switch.c and shootdown.c.
	 * loaded_word is loaded_word_of(loaded) or LOADED_SWITCHING.
	 */
	u32 loaded_word __cacheline_aligned;
	u32 is_lazy;
} __cacheline_aligned;

#define LOADED_SWITCHING	0xffffffffu

/* Task with interrupts off, and hardirq, of its CPU; others read the shared line. */
DECLARE_PER_CPU(struct cpu_tlbstate, cpu_tlbstates);

/*
 * The low bits of the context's id.  Two spaces may share a word after 2^32 spaces: then an IPI is
 * sent that finds nothing to do.
 */
static inline u32 loaded_word_of(const struct mmu_context *ctx)
{
	u32 word = (u32)ctx->ctx_id;

	return word == LOADED_SWITCHING ? 0 : word;
}

/* Switches with interrupts off; flush handlers use it to leave a lazily kept space. */
void switch_mm_irqs_off(struct mmu_context *next);

/* Every CPU starts on init_mm.  Host thread. */
void tlbstate_boot(void);

#endif /* MM_MMU_TLBSTATE_H */
