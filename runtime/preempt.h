/* SPDX-License-Identifier: MIT */
/*
 * Execution context: the preempt count and the questions asked of it.
 *
 * The count has the kernel's layout (include/linux/preempt.h): bits 0-7 preempt_disable() depth,
 * 8-15 softirq, 16-19 hardirq nesting.  Only its own CPU reads or writes it, from every context:
 * an interrupt leaves it as it found it.  Work on a CPU is
 * never preempted by other work; what preempt_disable() excludes is the delivery of interrupts'
 * softirqs, a scheduling point of the SIM back end, and sleeping.
 */
#ifndef RUNTIME_PREEMPT_H
#define RUNTIME_PREEMPT_H

#include "runtime/bug.h"
#include "runtime/cpu.h"
#include "runtime/sim/sim.h"

#define PREEMPT_OFFSET		0x1
#define SOFTIRQ_OFFSET		0x100
#define HARDIRQ_OFFSET		0x10000
#define PREEMPT_MASK		0xff
#define SOFTIRQ_MASK		0xff00
#define HARDIRQ_MASK		0xf0000

/* Delivers pending interrupts; called through irq_safepoint() only. */
void irq_deliver(void);

/*
 * A point where this CPU takes pending interrupts if they are not masked.  The pending word is
 * read relaxed: a bit set later is seen at the next point, and irq_deliver() re-reads it with
 * acquire.
 */
static inline void irq_safepoint(void)
{
	struct cpu *cpu = this_cpu();

	if (unlikely(owner_read(cpu->irq_pending)) && !owner_read(cpu->irqs_off))
		irq_deliver();
}

static inline int preempt_count(void)
{
	return owner_read(this_cpu()->preempt_count);
}

/* Remembers in debug builds where this CPU became atomic: field @which of struct cpu. */
#if KMEMLAB_DEBUG
#define note_atomic_site(cpu, which, site)	owner_write((cpu)->which, (site))
#else
#define note_atomic_site(cpu, which, site)	((void)(site))
#endif

static inline void __preempt_disable(const struct code_site *site)
{
	struct cpu *cpu = this_cpu();
	int count = owner_read(cpu->preempt_count);

	if (KMEMLAB_DEBUG && !(count & PREEMPT_MASK))
		note_atomic_site(cpu, preempt_site, site);
	owner_write(cpu->preempt_count, count + PREEMPT_OFFSET);
	barrier();
}

#define preempt_disable()	__preempt_disable(CODE_SITE())

/* Without a safepoint: where the caller takes one itself at once. */
static inline void preempt_enable_no_resched(void)
{
	barrier();
	VM_BUG_ON((preempt_count() & PREEMPT_MASK) == 0);
	owner_add(this_cpu()->preempt_count, -PREEMPT_OFFSET);
}

static inline void preempt_enable(void)
{
	preempt_enable_no_resched();
	irq_safepoint();
}

#define in_hardirq()		((preempt_count() & HARDIRQ_MASK) != 0)
#define in_serving_softirq()	((preempt_count() & SOFTIRQ_OFFSET) != 0)
#define in_softirq()		((preempt_count() & SOFTIRQ_MASK) != 0)
#define in_interrupt()		((preempt_count() & (HARDIRQ_MASK | SOFTIRQ_MASK)) != 0)
#define in_task()		(!in_interrupt())

/* Execution context for reports: which of the three levels runs. */
enum irq_context { CTX_TASK, CTX_SOFTIRQ, CTX_HARDIRQ, NR_CTX };

static inline enum irq_context irq_context(void)
{
	int count = preempt_count();

	if (count & HARDIRQ_MASK)
		return CTX_HARDIRQ;
	return count & SOFTIRQ_MASK ? CTX_SOFTIRQ : CTX_TASK;
}

/* True where sleeping is forbidden: interrupt, preemption off, or interrupts masked. */
static inline bool in_atomic(void)
{
	return preempt_count() != 0 || owner_read(this_cpu()->irqs_off);
}

/* Reports a call that may sleep made where sleeping is forbidden, with the site of both. */
#define might_sleep()							\
	do {								\
		if (unlikely(this_cpu() && in_atomic()))		\
			might_sleep_report(__FILE__, __LINE__);		\
	} while (0)

__cold void might_sleep_report(const char *file, int line);

#endif /* RUNTIME_PREEMPT_H */
