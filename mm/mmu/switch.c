/* SPDX-License-Identifier: MIT */
/*
 * Address spaces on a CPU: context switch, ASID slots, lazy TLB.
 *
 * What.  A CPU keeps TLB entries of up to six address spaces, each under the tag of a slot.  A slot
 * remembers whose entries it has and up to which tlb_gen they have been flushed; coming back to a
 * space whose tlb_gen has not moved costs no flush.
 *
 * States.  running(mm) -> enter_lazy_tlb() -> lazy(mm) -> switch_mm(mm) -> running(mm), or
 * -> switch_mm(other) -> running(other); a flush IPI that finds the CPU lazy takes it to
 * running(init_mm).  Between two spaces the shared word reads LOADED_SWITCHING.
 *
 * Invariants.
 *   I1  While a CPU can fill its TLB from a space, the space's cpumask has the CPU's bit and the
 *       CPU's loaded_word is the space's or LOADED_SWITCHING.
 *   I2  entries of slot s are not older than generation ctxs[s].tlb_gen of space ctxs[s].ctx_id.
 *
 * Why no flush is missed.  Who flushes increments tlb_gen, full barrier, then reads cpumask,
 * loaded_word and is_lazy.  Who switches writes those, full barrier, then reads tlb_gen.  One of
 * the two sees the other: either the flusher sends an IPI, or the switcher sees the new generation.
 *
 *	flusher				switcher to mm		lazy CPU waking up
 *	tlb_gen++			loaded_word = SWITCHING	is_lazy = 0
 *	(full barrier)			set bit in cpumask	(full barrier)
 *	read cpumask, loaded_word,	(full barrier)		read tlb_gen
 *	     is_lazy			read tlb_gen
 *
 * Locking.  None; interrupts off.  Context.  Task, and hardirq for leaving a lazy space.
 * Failure.  None.
 * See also.  mm/mmu/shootdown.c; tests/unit/test_tlb.c; arch/x86/mm/tlb.c in Linux.
 */
#include <errno.h>
#include <string.h>

#include "mm/mmu/pgtable.h"
#include "mm/mmu/tlbflush.h"
#include "mm/mmu/tlbstate.h"
#include "mm/mmu/trace_tlb.h"
#include "mm/page/vmstat.h"
#include "runtime/ipi.h"

DEFINE_PER_CPU_ALIGNED(struct cpu_tlbstate, cpu_tlbstates);

struct slot_choice {
	u16 slot;
	bool need_flush;
};

/* The slot that has @next's entries, or the next one in turn with a flush. */
static struct slot_choice choose_slot(struct cpu_tlbstate *state, const struct mmu_context *next,
				      u64 next_gen)
{
	u16 slot;

	for (slot = 0; slot < TLB_NR_DYN_ASIDS; slot++)
		if (state->ctxs[slot].ctx_id == next->ctx_id)
			return (struct slot_choice){ slot, state->ctxs[slot].tlb_gen < next_gen };
	slot = state->next_slot;
	state->next_slot = (u16)((slot + 1) % TLB_NR_DYN_ASIDS);
	return (struct slot_choice){ slot, true };
}

/* Brings the slot of the loaded space to @gen by dropping all it had. */
static void flush_slot_on_switch(struct cpu_tlb *tlb, unsigned int slot)
{
	tlb_flush_asid(tlb, slot + 1);
	count_vm_event(NR_TLB_LOCAL_FLUSH_ALL);
	trace_tlb_flush(TLB_FLUSH_ON_TASK_SWITCH, -1);
}

/* This CPU had @next loaded all the time, without listening to flushes if it was lazy. */
static void leave_lazy(struct cpu_tlbstate *state, struct cpu_tlb *tlb, struct mmu_context *next)
{
	struct tlb_context *slot = &state->ctxs[state->loaded_slot];
	u64 gen;

	if (!dekker_load(state->is_lazy))
		return;
	dekker_store(state->is_lazy, 0);
	smp_mb();		/* pairs with the increment of tlb_gen in flush_tlb_mm_range() */
	gen = smp_load_acquire(&next->tlb_gen);
	if (slot->tlb_gen < gen) {
		flush_slot_on_switch(tlb, state->loaded_slot);
		slot->tlb_gen = gen;				/* I2 */
	} else {
		owner_inc(tlb->stats.switches_no_flush);
	}
	tlb_load_asid(tlb, state->loaded_slot + 1u);
}

/* Takes a slot for @next; entries of an earlier visit stay if no flush was missed. */
static void load_user_space(struct cpu_tlbstate *state, struct cpu_tlb *tlb,
			    struct mmu_context *next)
{
	struct slot_choice choice;
	u64 gen;

	/* From here on flushers send IPIs; I1. */
	if (!cpumask_test_cpu(smp_processor_id(), &next->cpumask))
		cpumask_set_cpu(smp_processor_id(), &next->cpumask);
	smp_mb();		/* pairs with the increment of tlb_gen in flush_tlb_mm_range() */
	gen = smp_load_acquire(&next->tlb_gen);
	choice = choose_slot(state, next, gen);
	if (choice.need_flush) {
		state->ctxs[choice.slot] = (struct tlb_context){ next->ctx_id, gen };
		flush_slot_on_switch(tlb, choice.slot);
	} else {
		owner_inc(tlb->stats.switches_no_flush);
	}
	state->loaded_slot = choice.slot;
	tlb_load_asid(tlb, choice.slot + 1u);
}

void switch_mm_irqs_off(struct mmu_context *next)
{
	struct cpu_tlbstate *state = this_cpu_ptr(&cpu_tlbstates);
	struct cpu_tlb *tlb = this_cpu_ptr(&cpu_tlbs);

	VM_BUG_ON(!irqs_disabled());
	tlb_step_begin(tlb);
	if (state->loaded == next) {
		if (next != &init_mm)
			leave_lazy(state, tlb, next);
		goto out;
	}
	owner_inc(tlb->stats.switches);
	/* Release: this CPU's accesses through the old space come before anybody skips its IPI. */
	dekker_store_release(state->loaded_word, LOADED_SWITCHING);
	/* Before the barrier below: a flusher of @next must not take this CPU for lazy. */
	dekker_store(state->is_lazy, 0);
	if (next == &init_mm) {
		tlb_load_asid(tlb, 0);
		tlb_suspend(tlb);
	} else {
		load_user_space(state, tlb, next);
	}
	owner_write(state->loaded, next);
	dekker_store_release(state->loaded_word, loaded_word_of(next));
out:
	tlb_step_end(tlb);
}

void switch_mm(struct mmu_context *next)
{
	unsigned long flags;

	local_irq_save(flags);
	switch_mm_irqs_off(next);
	local_irq_restore(flags);
}

void enter_lazy_tlb(void)
{
	struct cpu_tlbstate *state = this_cpu_ptr(&cpu_tlbstates);
	struct cpu_tlb *tlb = this_cpu_ptr(&cpu_tlbs);
	unsigned long flags;

	local_irq_save(flags);
	if (state->loaded != &init_mm) {
		tlb_step_begin(tlb);
		tlb_suspend(tlb);
		tlb_step_end(tlb);
		/* Release: accesses made so far come before anybody skips this CPU's IPI. */
		dekker_store_release(state->is_lazy, 1);
	}
	local_irq_restore(flags);
}

struct mmu_context *loaded_mmu_context(void)
{
	return owner_read(this_cpu_ptr(&cpu_tlbstates)->loaded);
}

bool mmu_is_lazy(void)
{
	return dekker_load(this_cpu_ptr(&cpu_tlbstates)->is_lazy) != 0;
}

void tlbstate_boot(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		struct cpu_tlbstate *state = &per_cpu(cpu_tlbstates, cpu);

		memset(state, 0, sizeof(*state));
		state->loaded = &init_mm;
		state->loaded_word = loaded_word_of(&init_mm);
		tlb_suspend(&per_cpu(cpu_tlbs, cpu));
	}
}

/* ---- life of a context ---- */

static void leave_context(void *info)
{
	struct cpu_tlbstate *state = this_cpu_ptr(&cpu_tlbstates);
	struct mmu_context *ctx = info;

	if (state->loaded == ctx) {
		BUG_ON(!dekker_load(state->is_lazy));	/* a task still runs in it */
		switch_mm_irqs_off(&init_mm);
		owner_inc(this_cpu_ptr(&cpu_tlbs)->stats.lazy_drops);
	}
	cpumask_clear_cpu(smp_processor_id(), &ctx->cpumask);
}

static bool may_have_loaded(unsigned int cpu, void *info)
{
	struct mmu_context *ctx = info;

	/* Acquire: a CPU that took itself out of the mask made its last walk before. */
	return smp_load_acquire(&ctx->cpumask.bits[cpu / 64]) >> (cpu % 64) & 1;
}

void mmu_context_leave_all(struct mmu_context *ctx)
{
	on_each_cpu_cond(may_have_loaded, leave_context, ctx, true);
}
