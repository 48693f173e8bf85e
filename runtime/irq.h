/* SPDX-License-Identifier: MIT */
/*
 * Soft-masked interrupts: masking, vectors, softirqs.
 *
 * An interrupt is a bit in the target CPU's pending word.  The CPU takes it at its next
 * safepoint with interrupts unmasked and runs the vector's handler on its interrupt stack, in
 * hardirq context with interrupts masked; raised softirqs run on the way out with interrupts
 * unmasked.  Names follow include/linux/irqflags.h and interrupt.h.
 */
#ifndef RUNTIME_IRQ_H
#define RUNTIME_IRQ_H

#include "runtime/preempt.h"
#include "runtime/tsan.h"

/* Vectors with a fixed meaning; the rest are free for irq_vector_register(). */
enum irq_vector {
	IRQ_CALL_FUNCTION,	/* runtime/ipi.c */
	IRQ_TIMER,
	IRQ_RCU,		/* runtime/rcu.c: callbacks are ready */
	IRQ_FIRST_DEVICE = 8,
};

enum softirq {
	SOFTIRQ_TIMER,
	SOFTIRQ_NET,		/* stands for any device's bottom half */
	SOFTIRQ_TASKLET,
	SOFTIRQ_RCU,
};

/*
 * The mask of one CPU, as ThreadSanitizer sees it: a mutex that the task holds while interrupts
 * are off and that the interrupt context holds while it runs.  Taken with trylock semantics so
 * that it adds no lock-order edges.
 */
#define tsan_irqs_off(cpu)						\
	do {								\
		tsan_pre_lock(&(cpu)->irq_token, TSAN_TRY);		\
		tsan_post_lock(&(cpu)->irq_token, TSAN_TRY);		\
	} while (0)
#define tsan_irqs_on(cpu)						\
	do {								\
		tsan_pre_unlock(&(cpu)->irq_token, 0);			\
		tsan_post_unlock(&(cpu)->irq_token, 0);			\
	} while (0)

static inline bool irqs_disabled(void)
{
	return owner_read(this_cpu()->irqs_off) != 0;
}

static inline void local_irq_disable(void)
{
	struct cpu *cpu = this_cpu();

	if (!owner_read(cpu->irqs_off)) {
		owner_write(cpu->irqs_off, 1);
		tsan_irqs_off(cpu);
	}
	barrier();
}

static inline void local_irq_enable(void)
{
	struct cpu *cpu = this_cpu();

	barrier();
	if (owner_read(cpu->irqs_off)) {
		tsan_irqs_on(cpu);
		owner_write(cpu->irqs_off, 0);
	}
	irq_safepoint();
}

static inline unsigned int __local_irq_save(void)
{
	unsigned int flags = owner_read(this_cpu()->irqs_off);

	local_irq_disable();
	return flags;
}

/* @flags must be an unsigned int or unsigned long variable. */
#define local_irq_save(flags)		((flags) = __local_irq_save())

static inline void local_irq_restore(unsigned long flags)
{
	if (!flags)
		local_irq_enable();
}

static inline void local_bh_disable(void)
{
	owner_add(this_cpu()->preempt_count, 2 * SOFTIRQ_OFFSET);
	barrier();
}

/* Runs softirqs raised meanwhile when this was the outermost enable in task context. */
void local_bh_enable(void);

/*
 * Names vector @vec and sets its handler: handler(vec, arg) in hardirq context of the CPU that
 * took it.  Boot time or quiescent machine.  Returns 0, -EINVAL (no such vector) or -EBUSY.
 */
__must_check int irq_vector_register(unsigned int vec, const char *name,
				     void (*handler)(unsigned int vec, void *arg), void *arg);
void irq_vector_unregister(unsigned int vec);
const char *irq_vector_name(unsigned int vec);	/* NULL when free */

/*
 * Makes vector @vec pending on @cpu and wakes it.  Any context, any thread.  Release: what the
 * caller wrote before is visible to the handler.
 */
void irq_raise(struct cpu *cpu, unsigned int vec);

/* Sets softirq @nr's action; boot time. */
void open_softirq(enum softirq nr, const char *name, void (*action)(void));
const char *softirq_name(unsigned int nr);

/* Raises softirq @nr on this CPU; it runs on interrupt exit or local_bh_enable(). */
void raise_softirq(enum softirq nr);

/* Called by the back end when a CPU's thread starts and ends: interrupt stack, TSan fibers. */
__must_check int irq_cpu_init(struct cpu *cpu);
void irq_cpu_exit(struct cpu *cpu);

#endif /* RUNTIME_IRQ_H */
