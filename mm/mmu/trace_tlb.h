/* SPDX-License-Identifier: MIT */
/* The tlb:tlb_flush tracepoint; internal to mm/mmu. */
#ifndef MM_MMU_TRACE_TLB_H
#define MM_MMU_TRACE_TLB_H

#include "mm/mmu/tlbflush.h"

extern tlb_flush_tracer_t tlb_flush_tracer;

/* Any context; one load and a branch when nobody listens. */
static inline void trace_tlb_flush(enum tlb_flush_reason reason, long pages)
{
	tlb_flush_tracer_t tracer = READ_ONCE(tlb_flush_tracer);

	if (unlikely(tracer))
		tracer(reason, pages);
}

/* CPUs that have @ctx loaded go to init_mm; they are lazy.  Waits. */
void mmu_context_leave_all(struct mmu_context *ctx);

#endif /* MM_MMU_TRACE_TLB_H */
