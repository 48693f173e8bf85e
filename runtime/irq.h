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

#include "runtime/irqsoff.h"
#include "runtime/preempt.h"
#include "runtime/tsan.h"

/* Vectors with a fixed meaning; the rest are free for irq_vector_register(). */
enum irq_vector {
	IRQ_CALL_FUNCTION,	/* runtime/ipi.c */
	IRQ_TIMER,
	IRQ_RCU,		/* runtime/rcu.c: callbacks are ready */
	IRQ_SOFTIRQ,		/* runtime/softirq.c: a task raised a softirq on its own CPU */
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

/*
 * The bodies behind local_irq_disable() and friends, which pass the place where they stand: the
 * longest masked section and might_sleep() name it.
 */
static inline void __local_irq_disable(const struct code_site *site)
{
	struct cpu *cpu = this_cpu();

	if (!owner_read(cpu->irqs_off)) {
		owner_write(cpu->irqs_off, 1);
		tsan_irqs_off(cpu);
		note_atomic_site(cpu, irq_site, site);
		if (unlikely(cpu->irqsoff))
			irqsoff_begin(cpu, site);
	}
	barrier();
}

static inline void __local_irq_enable(const struct code_site *site)
{
	struct cpu *cpu = this_cpu();

	barrier();
	VM_BUG_ON(irq_context() == CTX_HARDIRQ);	/* a handler is never interrupted */
	if (owner_read(cpu->irqs_off)) {
		if (unlikely(cpu->irqsoff))
			irqsoff_end(cpu, site);
		note_atomic_site(cpu, irq_site, NULL);
		tsan_irqs_on(cpu);
		owner_write(cpu->irqs_off, 0);
	}
	irq_safepoint();
}

static inline unsigned int __local_irq_save(const struct code_site *site)
{
	unsigned int flags = owner_read(this_cpu()->irqs_off);

	__local_irq_disable(site);
	return flags;
}

static inline void __local_irq_restore(unsigned long flags, const struct code_site *site)
{
	if (!flags)
		__local_irq_enable(site);
}

#define local_irq_disable()		__local_irq_disable(CODE_SITE())
#define local_irq_enable()		__local_irq_enable(CODE_SITE())
/* @flags must be an unsigned int or unsigned long variable. */
#define local_irq_save(flags)		((flags) = __local_irq_save(CODE_SITE()))
#define local_irq_restore(flags)	__local_irq_restore((flags), CODE_SITE())

static inline void __local_bh_disable(const struct code_site *site)
{
	struct cpu *cpu = this_cpu();

	if (KMEMLAB_DEBUG && !(owner_read(cpu->preempt_count) & SOFTIRQ_MASK))
		note_atomic_site(cpu, bh_site, site);
	owner_add(cpu->preempt_count, 2 * SOFTIRQ_OFFSET);
	barrier();
}

#define local_bh_disable()		__local_bh_disable(CODE_SITE())

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

/*
 * The same, carried to the CPU's thread by a real signal, whose handler does no more than set the
 * pending bit: what every irq_raise() to another CPU does with machine_options.irq "signal".  A
 * back end without threads sets the bit itself.
 */
void irq_raise_signal(struct cpu *cpu, unsigned int vec);

/* Sets bits of @cpu's pending word without waking anybody; for the SIM scheduler. */
static inline void irq_set_pending(struct cpu *cpu, unsigned int vec)
{
	__atomic_fetch_or(&cpu->irq_pending, 1ULL << vec, __ATOMIC_RELEASE);
}

/*
 * Device interrupts that wait on @cpu, which takes none any more, go to another CPU; with no other
 * CPU they stay.
 */
void irq_redirect(struct cpu *cpu);

/* How irq_raise() reaches another CPU; -EINVAL for a name other than "safepoint" or "signal". */
int irq_mode_by_name(const char *name);
/* Host thread.  0, -errno of sigaction(2), or -ENOTSUP: signals in a ThreadSanitizer build. */
__must_check int irq_boot(bool by_signal);

/* Sets softirq @nr's action; boot time. */
void open_softirq(enum softirq nr, const char *name, void (*action)(void));
const char *softirq_name(unsigned int nr);

/*
 * Raises softirq @nr on this CPU.  Any context.  It runs on interrupt exit, at local_bh_enable(),
 * or, raised by a task with neither ahead of it, at the task's next safepoint: the part of
 * ksoftirqd is played by an interrupt to oneself, so that nothing waits for somebody else's.
 */
void raise_softirq(enum softirq nr);

/* A new machine has no softirq actions.  Host thread. */
void softirq_boot(void);

/* Runs this CPU's raised softirqs; task context, interrupts on.  For irq.c and hotplug.c. */
void do_softirq(void);

/* irq_stack.c: calls fn() with the stack pointer at @top, and comes back. */
void irq_call_on_stack(void (*fn)(void), void *top);
/*
 * Makes an overflow of any CPU's interrupt stack say so instead of dying silently.  Each thread
 * that takes interrupts needs a stack for that signal: irq_stack_thread_init() gives it one.
 * Other faults go where they would have gone.
 */
void irq_stack_watch(void);
void irq_stack_unwatch(void);
void irq_stack_thread_init(void);
void irq_stack_thread_exit(void);

/* Called by the back end when a CPU's thread starts and ends: interrupt stack, TSan fibers. */
__must_check int irq_cpu_init(struct cpu *cpu);
void irq_cpu_exit(struct cpu *cpu);

#endif /* RUNTIME_IRQ_H */
