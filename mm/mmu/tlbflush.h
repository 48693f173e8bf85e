/* SPDX-License-Identifier: MIT */
/*
 * TLB shootdown: making every CPU forget translations (arch/x86/mm/tlb.c).
 *
 * All functions that flush an address space on other CPUs wait for them: task context, interrupts
 * on, no spinlock held (asserted).  A CPU acknowledges between two of its accesses, so when a flush
 * returns no CPU uses an old translation, nor ever will.
 */
#ifndef MM_MMU_TLBFLUSH_H
#define MM_MMU_TLBFLUSH_H

#include "mm/mmu/mmu_context.h"
#include "mm/mmu/tlb.h"

#define TLB_FLUSH_ALL	(~0UL)

/* Why a CPU flushed: the reasons of the kernel's tlb:tlb_flush event. */
enum tlb_flush_reason {
	TLB_FLUSH_ON_TASK_SWITCH,
	TLB_REMOTE_SHOOTDOWN,
	TLB_LOCAL_SHOOTDOWN,
	TLB_LOCAL_MM_SHOOTDOWN,
	TLB_REMOTE_SEND_IPI,
	TLB_REMOTE_WRONG_CPU,
	NR_TLB_FLUSH_REASONS
};

const char *tlb_flush_reason_name(enum tlb_flush_reason reason);
/* "pages:%ld reason:%s (%d)"; -1 pages is everything.  Returns the length. */
int tlb_flush_format(char *buf, size_t size, enum tlb_flush_reason reason, long pages);

/* Called on the CPU where it happens, in its context; NULL for none.  Quiescent machine. */
typedef void (*tlb_flush_tracer_t)(enum tlb_flush_reason reason, long pages);
void tlb_flush_tracer_set(tlb_flush_tracer_t tracer);

/* A range to flush; @stride_shift is the size of the entries that map it. */
struct tlb_range {
	unsigned long start, end;	/* end TLB_FLUSH_ALL: everything */
	unsigned int stride_shift;
	bool freed_tables;		/* tables go too: walkers must have stopped */
};

void flush_tlb_mm_range(struct mmu_context *ctx, const struct tlb_range *range);
void flush_tlb_mm(struct mmu_context *ctx);
void flush_tlb_page(struct mmu_context *ctx, unsigned long addr);
/* 4 KiB entries; see flush_tlb_mm_range() for others. */
void flush_tlb_range(struct mmu_context *ctx, unsigned long start, unsigned long end);
/* Global translations of the kernel's half, on every CPU. */
void flush_tlb_kernel_range(unsigned long start, unsigned long end);
/* Everything on every CPU. */
void flush_tlb_all(void);

/* Pages above which a flush takes the whole address space (tlb_single_page_flush_ceiling). */
extern unsigned long tlb_single_page_flush_ceiling;
/* How often an address space makes CPUs that left it drop out of its mask; 0: every flush. */
extern u64 tlb_trim_interval_ns;

/* ---- between unhooking and flushing ---- */

/* Marks that entries of @ctx have been or will be unhooked before their flush. */
void inc_tlb_flush_pending(struct mmu_context *ctx);
void dec_tlb_flush_pending(struct mmu_context *ctx);
/* Another operation is in that state: its entries may be gone from the tables but not the TLBs. */
bool mm_tlb_flush_pending(const struct mmu_context *ctx);
/* More than one is, this one included. */
bool mm_tlb_flush_nested(const struct mmu_context *ctx);

/* ---- deferred flushes (reclaim): unmap from many spaces, flush once ---- */

struct tlb_unmap_batch {
	struct cpumask cpumask;
	bool flush_required;
	bool writable;			/* a dirty entry was unhooked: flush before writing back */
};

/* True when deferring pays: CPUs other than this one may hold entries of @ctx. */
bool should_defer_flush(const struct mmu_context *ctx);
/*
 * Adds @ctx, an entry of which was just cleared under its page-table lock.  Any number of spaces;
 * the pages must not be freed, nor written back if @dirty, before try_to_unmap_flush().
 */
void tlb_batch_add_pending(struct tlb_unmap_batch *batch, struct mmu_context *ctx, bool dirty);
/* One flush for all that was added.  Waits; no locks. */
void try_to_unmap_flush(struct tlb_unmap_batch *batch);
void try_to_unmap_flush_dirty(struct tlb_unmap_batch *batch);
/*
 * Whoever relies on page tables being the truth (mprotect, mremap, munmap before they return; a
 * reader that found an entry gone) makes pending deferred flushes of @ctx happen now.  Waits.
 */
void flush_tlb_batched_pending(struct mmu_context *ctx);
/* The question alone; may be asked under a page-table lock. */
bool tlb_batched_pending(const struct mmu_context *ctx);

#endif /* MM_MMU_TLBFLUSH_H */
