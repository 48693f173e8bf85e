/* SPDX-License-Identifier: MIT */
/*
 * Softirqs: what interrupt handlers leave for later, run with the mask open.
 *
 * What.  raise_softirq() sets a bit of this CPU; the actions of the set bits run, lowest first, at
 * the outermost interrupt exit and at the outermost local_bh_enable().  A task that raises one
 * outside both interrupts itself (IRQ_SOFTIRQ), which makes its next safepoint such an exit.
 *
 * Invariants.
 *   I1  Actions run in softirq context only, so they never nest on a CPU; on several CPUs they run
 *       at the same time.
 *   I2  A raised bit is never forgotten: whoever stops with bits set has an interrupt pending.
 *   I3  An action that raises itself for ever does not starve the task: after
 *       MAX_SOFTIRQ_RESTART rounds the rest waits for the next safepoint.
 *
 * Locking.  None: the word belongs to its CPU, with interrupts masked.
 * Context.  See the header.  Failure.  A softirq without action panics.
 * See also.  linux: kernel/softirq.c.
 */
#include <string.h>

#include "runtime/irq.h"
#include "runtime/lockdep.h"

/* As in the kernel. */
#define MAX_SOFTIRQ_RESTART	10

static struct {
	const char *name;
	void (*action)(void);
} softirqs[NR_SOFTIRQS];

void open_softirq(enum softirq nr, const char *name, void (*action)(void))
{
	softirqs[nr].name = name;
	softirqs[nr].action = action;
}

void softirq_boot(void)
{
	memset(softirqs, 0, sizeof(softirqs));
}

const char *softirq_name(unsigned int nr)
{
	return softirqs[nr].name;
}

/* Handlers raise softirqs, so the word changes hands with interrupts masked. */
static unsigned int take_softirqs(struct cpu *cpu)
{
	unsigned int pending;

	local_irq_disable();
	pending = owner_read(cpu->softirq_pending);
	owner_write(cpu->softirq_pending, 0);
	local_irq_enable();
	return pending;
}

static void run_action(struct cpu *cpu, unsigned int nr)
{
	int count = preempt_count();
	unsigned int depth = lockdep_depth();

	owner_inc(cpu->nr_softirqs[nr]);
	if (!softirqs[nr].action)
		panic("softirq %u was raised, which has no action", nr);
	softirqs[nr].action();
	if (KMEMLAB_DEBUG && (preempt_count() != count || irqs_disabled() ||
			      lockdep_depth() != depth))
		panic("softirq \"%s\" did not leave its context as it found it",
		      softirqs[nr].name);
}

void do_softirq(void)
{
	struct cpu *cpu = this_cpu();

	VM_BUG_ON(in_interrupt() || irqs_disabled());		/* I1 */
	owner_add(cpu->preempt_count, SOFTIRQ_OFFSET);
	for (int i = 0; i < MAX_SOFTIRQ_RESTART; i++) {
		unsigned int pending = take_softirqs(cpu);

		if (!pending)
			break;
		for (; pending; pending &= pending - 1)
			run_action(cpu, (unsigned int)__builtin_ctz(pending));
	}
	owner_add(cpu->preempt_count, -SOFTIRQ_OFFSET);
	if (unlikely(owner_read(cpu->softirq_pending)))
		irq_set_pending(cpu, IRQ_SOFTIRQ);		/* I2 */
}

void raise_softirq(enum softirq nr)
{
	struct cpu *cpu = this_cpu();
	unsigned long flags;

	local_irq_save(flags);
	owner_write(cpu->softirq_pending, owner_read(cpu->softirq_pending) | 1u << nr);
	if (!in_interrupt())
		irq_set_pending(cpu, IRQ_SOFTIRQ);		/* I2 */
	local_irq_restore(flags);
}

void local_bh_enable(void)
{
	struct cpu *cpu = this_cpu();

	barrier();
	VM_BUG_ON((preempt_count() & SOFTIRQ_MASK) < 2 * SOFTIRQ_OFFSET);
	VM_BUG_ON(in_hardirq());
	owner_add(cpu->preempt_count, -2 * SOFTIRQ_OFFSET);
	if (unlikely(owner_read(cpu->softirq_pending)) && !in_interrupt()) {
		if (irqs_disabled())
			irq_set_pending(cpu, IRQ_SOFTIRQ);	/* I2 */
		else
			do_softirq();
	}
	irq_safepoint();
}
