/* SPDX-License-Identifier: MIT */
/*
 * TLB shootdown: who is interrupted for a flush, and what the interrupted CPU does.
 *
 * What.  A flush of a range of an address space increments the space's tlb_gen and reaches every
 * CPU that may hold entries: the CPU that runs the space by an IPI, any other by the generation it
 * will compare when it comes back (switch.c).  A CPU drops single pages when it is exactly one
 * generation behind and the newest request is its own; otherwise it drops everything and is up to
 * date.
 *
 *	initiator			CPU 1: runs the mm		CPU 2: elsewhere
 *	clear the entry
 *	tlb_gen 7 -> 8 (full barrier)	slot: gen 7, stale entry	slot: gen 7, stale entry
 *	CPU 1 loaded: IPI; CPU 2 not: skip
 *	wait				(access) (access) IPI:
 *					 drop page; slot: gen 8
 *	free the frame			(access: walks, faults)		switch_mm: 7 < 8, drop all
 *
 * Invariants.
 *   I1  When a flush returns, each CPU has dropped the range, or will before it next uses the
 *       space.
 *   I2  A slot's gen is raised only after the drop that it stands for.
 *   I3  An IPI is skipped only when no tables were freed: a walker of a CPU elsewhere never looks
 *       at this space's tables, but a lazy CPU has them loaded.
 *
 * Locking.  None.  Nobody waits for acknowledgements under a spinlock or with interrupts off: the
 * peer may spin on that lock or wait for us.  Context.  Task; the handlers hardirq.
 * Failure.  None.  Costs.  One polled IPI round trip per flush with a running peer.
 * See also.  switch.c for the pairing of barriers; arch/x86/mm/tlb.c in Linux.
 */
#include <stdio.h>

#include "mm/mmu/tlbstate.h"
#include "mm/mmu/trace_tlb.h"
#include "mm/page/vmstat.h"
#include "runtime/ipi.h"

/*
 * From the kernel's measurement: beyond this many INVLPGs a full flush and its refills are
 * cheaper.
 */
#define DEFAULT_CEILING		33

unsigned long tlb_single_page_flush_ceiling = DEFAULT_CEILING;
u64 tlb_trim_interval_ns = NSEC_PER_SEC;
tlb_flush_tracer_t tlb_flush_tracer;

struct flush_info {
	struct mmu_context *ctx;	/* NULL: whatever is loaded (deferred flushes) */
	unsigned long start, end;	/* end TLB_FLUSH_ALL: everything */
	u64 new_gen;			/* 0 with ctx NULL */
	unsigned int stride_shift;
	unsigned int initiator;
	bool freed_tables;
	bool trim;			/* CPUs elsewhere are to leave the mask */
};

static long info_pages(const struct flush_info *f)
{
	return f->end == TLB_FLUSH_ALL ? -1 : (long)((f->end - f->start) >> f->stride_shift);
}

/* ---- on the CPU that flushes ---- */

static void flush_loaded(const struct flush_info *f, struct cpu_tlbstate *state, bool local)
{
	struct tlb_context *slot = &state->ctxs[state->loaded_slot];
	struct cpu_tlb *tlb = this_cpu_ptr(&cpu_tlbs);
	/* Acquire: the entries cleared before each increment are cleared for our next walk. */
	u64 mm_gen = smp_load_acquire(&state->loaded->tlb_gen);
	long pages = -1;

	if (slot->tlb_gen == mm_gen || (f->new_gen && f->new_gen <= slot->tlb_gen)) {
		owner_add(tlb->stats.ipis_received_useless, !local);
		return;
	}
	if (f->end != TLB_FLUSH_ALL && f->new_gen == slot->tlb_gen + 1 && f->new_gen == mm_gen) {
		pages = info_pages(f);
		for (unsigned long a = f->start; a < f->end; a += 1UL << f->stride_shift)
			tlb_flush_one(tlb, a);
	} else {
		tlb_flush_asid(tlb, state->loaded_slot + 1u);
	}
	slot->tlb_gen = mm_gen;						/* I2 */
	if (local && pages >= 0)
		count_vm_events(NR_TLB_LOCAL_FLUSH_ONE, (u64)pages);
	else if (local)
		count_vm_event(NR_TLB_LOCAL_FLUSH_ALL);
	trace_tlb_flush(!local ? TLB_REMOTE_SHOOTDOWN :
			f->ctx ? TLB_LOCAL_MM_SHOOTDOWN : TLB_LOCAL_SHOOTDOWN, pages);
}

/* Interrupts are off: no switch is under way on this CPU. */
static void flush_tlb_func(void *arg)
{
	const struct flush_info *f = arg;
	struct cpu_tlbstate *state = this_cpu_ptr(&cpu_tlbstates);
	struct cpu_tlb *tlb = this_cpu_ptr(&cpu_tlbs);
	bool local = f->initiator == smp_processor_id();

	if (!local) {
		owner_inc(tlb->stats.ipis_received);
		count_vm_event(NR_TLB_REMOTE_FLUSH_RECEIVED);
	}
	tlb_step_begin(tlb);
	if (f->ctx && f->ctx != state->loaded) {
		/* The generation will tell this CPU when it comes back. */
		cpumask_clear_cpu(smp_processor_id(), &f->ctx->cpumask);
		owner_inc(tlb->stats.ipis_received_useless);
		trace_tlb_flush(TLB_REMOTE_WRONG_CPU, 0);
	} else if (dekker_load(state->is_lazy)) {
		switch_mm_irqs_off(&init_mm);
		owner_inc(tlb->stats.lazy_drops);
	} else if (state->loaded != &init_mm) {
		flush_loaded(f, state, local);
	}
	tlb_step_end(tlb);
}

static void flush_local(struct flush_info *f)
{
	unsigned long flags;

	local_irq_save(flags);
	flush_tlb_func(f);
	local_irq_restore(flags);
}

/* ---- on the CPU that asks ---- */

/* May @cpu go without an IPI?  Read after the full barrier of the tlb_gen increment. */
static bool must_interrupt(unsigned int cpu, const struct flush_info *f, struct tlb_stats *stats)
{
	/* The shared line is made to be read remotely. */
	const struct cpu_tlbstate *state = per_cpu_ptr(&cpu_tlbstates, cpu);
	u32 loaded;

	if (f->freed_tables || f->trim)					/* I3 */
		return true;
	if (dekker_load(state->is_lazy)) {
		/* Acquire: pairs with the release in enter_lazy_tlb(). */
		(void)smp_load_acquire(&state->is_lazy);
		owner_inc(stats->ipis_skipped_lazy);
		return false;
	}
	loaded = dekker_load(state->loaded_word);
	if (loaded == LOADED_SWITCHING || !f->ctx || loaded == loaded_word_of(f->ctx))
		return true;
	/* Acquire: pairs with the releases in switch_mm_irqs_off(). */
	(void)smp_load_acquire(&state->loaded_word);
	owner_inc(stats->ipis_skipped_other);
	return false;
}

/* Interrupts those CPUs of @mask that must be, this one excepted, and waits for them. */
static void flush_tlb_multi(const struct cpumask *mask, struct flush_info *f)
{
	struct tlb_stats *stats = &this_cpu_ptr(&cpu_tlbs)->stats;
	struct cpumask targets = { { 0 } };
	unsigned int cpu, nr = 0;

	for_each_cpu(cpu, mask) {
		if (cpu == f->initiator || !must_interrupt(cpu, f, stats))
			continue;
		targets.bits[cpu / 64] |= 1ULL << (cpu % 64);
		nr++;
	}
	if (!nr)
		return;
	owner_add(stats->ipis_sent, nr);
	count_vm_event(NR_TLB_REMOTE_FLUSH);
	trace_tlb_flush(TLB_REMOTE_SEND_IPI, info_pages(f));
	smp_call_function_many(&targets, flush_tlb_func, f, true);
}

/* Acquire: a CPU that has taken itself out of the mask has made its last access before. */
static void read_mask(struct cpumask *to, const struct cpumask *from)
{
	for (unsigned int i = 0; i < CPUMASK_WORDS; i++)
		to->bits[i] = smp_load_acquire(&from->bits[i]);
}

static bool has_others(const struct cpumask *mask, unsigned int me)
{
	unsigned int cpu = cpumask_next_from(0, mask);

	return cpu < NR_CPUS && (cpu != me || cpumask_next_from(cpu + 1, mask) < NR_CPUS);
}

/* True once per interval and space. */
static bool trim_is_due(struct mmu_context *ctx)
{
	u64 now, next;

	if (!tlb_trim_interval_ns)
		return true;
	now = clock_ns();
	next = READ_ONCE(ctx->next_trim_ns);
	return now >= next && try_cmpxchg(&ctx->next_trim_ns, &next, now + tlb_trim_interval_ns);
}

static void assert_may_flush(void)
{
	VM_BUG_ON(irqs_disabled() || in_hardirq());
	lockdep_assert_no_spinlock();
}

void flush_tlb_mm_range(struct mmu_context *ctx, const struct tlb_range *range)
{
	struct flush_info f = {
		.ctx = ctx, .start = range->start, .end = range->end,
		.stride_shift = range->stride_shift, .freed_tables = range->freed_tables,
	};
	struct cpumask mask;

	assert_may_flush();
	preempt_disable();
	f.initiator = smp_processor_id();
	if (f.end == TLB_FLUSH_ALL ||
	    (f.end - f.start) >> f.stride_shift > tlb_single_page_flush_ceiling) {
		f.start = 0;
		f.end = TLB_FLUSH_ALL;
	}
	/* Full barrier: pairs with those in switch.c. */
	f.new_gen = fetch_add(&ctx->tlb_gen, 1) + 1;
	smp_mb();
	read_mask(&mask, &ctx->cpumask);
	if (loaded_mmu_context() == ctx)
		flush_local(&f);
	if (has_others(&mask, f.initiator)) {
		f.trim = trim_is_due(ctx);
		flush_tlb_multi(&mask, &f);
	}
	preempt_enable();
}

void flush_tlb_mm(struct mmu_context *ctx)
{
	flush_tlb_mm_range(ctx, &(struct tlb_range){ 0, TLB_FLUSH_ALL, PAGE_SHIFT, true });
}

void flush_tlb_page(struct mmu_context *ctx, unsigned long addr)
{
	addr &= PAGE_MASK;
	flush_tlb_mm_range(ctx, &(struct tlb_range){ addr, addr + PAGE_SIZE, PAGE_SHIFT, false });
}

void flush_tlb_range(struct mmu_context *ctx, unsigned long start, unsigned long end)
{
	flush_tlb_mm_range(ctx, &(struct tlb_range){ start, end, PAGE_SHIFT, false });
}

/* ---- the kernel's half ---- */

static void flush_kernel_pages(void *arg)
{
	const struct flush_info *f = arg;
	struct cpu_tlb *tlb = this_cpu_ptr(&cpu_tlbs);

	tlb_step_begin(tlb);
	if (f->end == TLB_FLUSH_ALL)
		tlb_flush_everything(tlb);
	for (unsigned long a = f->start; f->end != TLB_FLUSH_ALL && a < f->end; a += PAGE_SIZE)
		tlb_flush_one_kernel(tlb, a);
	/* Every ASID lost its entries: each slot is as new as an empty one. */
	tlb_step_end(tlb);
}

void flush_tlb_kernel_range(unsigned long start, unsigned long end)
{
	struct flush_info f = { .start = start, .end = end, .stride_shift = PAGE_SHIFT };

	assert_may_flush();
	if (end == TLB_FLUSH_ALL || (end - start) >> PAGE_SHIFT > tlb_single_page_flush_ceiling)
		f.end = TLB_FLUSH_ALL;
	on_each_cpu(flush_kernel_pages, &f, true);
}

void flush_tlb_all(void)
{
	count_vm_event(NR_TLB_REMOTE_FLUSH);
	flush_tlb_kernel_range(0, TLB_FLUSH_ALL);
}

/* ---- deferred flushes ---- */

/* tlb_flush_batched: how many were asked for, and up to which all are done. */
#define BATCH_MASK	0xffffu
#define BATCH_DONE(v)	((v) >> 16)

bool should_defer_flush(const struct mmu_context *ctx)
{
	struct cpumask mask;

	read_mask(&mask, &ctx->cpumask);
	return has_others(&mask, smp_processor_id());
}

void tlb_batch_add_pending(struct tlb_unmap_batch *batch, struct mmu_context *ctx, bool dirty)
{
	u32 old = READ_ONCE(ctx->tlb_flush_batched), new;

	/* Full barrier: a CPU that switches to the space now sees the entry cleared. */
	(void)fetch_add(&ctx->tlb_gen, 1);
	smp_mb();
	for (unsigned int i = 0; i < CPUMASK_WORDS; i++)
		batch->cpumask.bits[i] |= smp_load_acquire(&ctx->cpumask.bits[i]);
	batch->flush_required = true;
	batch->writable |= dirty;
	owner_inc(this_cpu_ptr(&cpu_tlbs)->stats.deferred);
	/* Half full: start again at "one asked for, none done", which is still pending. */
	do {
		new = (old & BATCH_MASK) > BATCH_MASK / 2 ? 1 : old + 1;
	} while (!try_cmpxchg(&ctx->tlb_flush_batched, &old, new));
}

void try_to_unmap_flush(struct tlb_unmap_batch *batch)
{
	struct flush_info f = { .end = TLB_FLUSH_ALL, .stride_shift = PAGE_SHIFT };

	if (!batch->flush_required)
		return;
	assert_may_flush();
	preempt_disable();
	f.initiator = smp_processor_id();
	if (cpumask_test_cpu(f.initiator, &batch->cpumask))
		flush_local(&f);
	flush_tlb_multi(&batch->cpumask, &f);
	preempt_enable();
	*batch = (struct tlb_unmap_batch){ .flush_required = false };
}

void try_to_unmap_flush_dirty(struct tlb_unmap_batch *batch)
{
	if (batch->writable)
		try_to_unmap_flush(batch);
}

bool tlb_batched_pending(const struct mmu_context *ctx)
{
	u32 v = smp_load_acquire(&ctx->tlb_flush_batched);

	return (v & BATCH_MASK) != BATCH_DONE(v);
}

void flush_tlb_batched_pending(struct mmu_context *ctx)
{
	u32 v = smp_load_acquire(&ctx->tlb_flush_batched);
	u32 asked = v & BATCH_MASK;

	if (asked == BATCH_DONE(v))
		return;
	flush_tlb_mm(ctx);
	/* When another was added meanwhile, it stays pending: the next caller flushes again. */
	(void)try_cmpxchg(&ctx->tlb_flush_batched, &v, asked | asked << 16);
}

/* ---- between unhooking and flushing ---- */

void inc_tlb_flush_pending(struct mmu_context *ctx)
{
	/* Full barrier: whoever finds an entry gone under its lock sees the count. */
	(void)fetch_add(&ctx->tlb_flush_pending, 1);
}

void dec_tlb_flush_pending(struct mmu_context *ctx)
{
	(void)fetch_add(&ctx->tlb_flush_pending, (u32)-1);
}

bool mm_tlb_flush_pending(const struct mmu_context *ctx)
{
	return smp_load_acquire(&ctx->tlb_flush_pending) > 0;
}

bool mm_tlb_flush_nested(const struct mmu_context *ctx)
{
	return smp_load_acquire(&ctx->tlb_flush_pending) > 1;
}

/* ---- the event ---- */

void tlb_flush_tracer_set(tlb_flush_tracer_t tracer)
{
	WRITE_ONCE(tlb_flush_tracer, tracer);
}

const char *tlb_flush_reason_name(enum tlb_flush_reason reason)
{
	static const char *const names[NR_TLB_FLUSH_REASONS] = {
		"flush on task switch", "remote shootdown", "local shootdown",
		"local MM shootdown", "remote IPI send", "remote wrong CPU",
	};

	return reason < NR_TLB_FLUSH_REASONS ? names[reason] : "unknown";
}

int tlb_flush_format(char *buf, size_t size, enum tlb_flush_reason reason, long pages)
{
	return snprintf(buf, size, "pages:%ld reason:%s (%d)", pages,
			tlb_flush_reason_name(reason), (int)reason);
}
