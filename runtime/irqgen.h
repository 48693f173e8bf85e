/* SPDX-License-Identifier: MIT */
/*
 * Generators of interrupts: the timer tick of every CPU, and devices at a chosen rate whose
 * interrupts go to CPUs by a chosen rule.
 *
 * THREADS: one host thread raises them by the clock.  SIM: the scheduler does, every so many steps
 * of simulated time, so that a seed repeats them.
 */
#ifndef RUNTIME_IRQGEN_H
#define RUNTIME_IRQGEN_H

#include "runtime/irq.h"

enum irq_spread {
	IRQ_TO_ALL,		/* every active CPU each time: a timer tick */
	IRQ_ROUND_ROBIN,
	IRQ_TO_ONE,		/* the CPU given: a device bound to it */
	IRQ_RANDOM,
	NR_IRQ_SPREADS
};

struct irq_source {
	unsigned int vec;	/* registered with irq_vector_register() */
	unsigned int rate;	/* per second, 1..MAX_IRQ_RATE */
	enum irq_spread spread;
	unsigned int cpu;	/* IRQ_TO_ONE */
	u64 seed;		/* IRQ_RANDOM */
	bool polled;		/* raised by irqgen_poll() of some CPU, not by the host thread */
};

#define MAX_HZ		10000
#define MAX_IRQ_RATE	1000000

/*
 * Starts raising @source->vec; the struct is copied.  Any host thread or task context.  Returns a
 * number for irqgen_remove(), -EINVAL (an option out of range) or -ENOSPC.
 */
__must_check int irqgen_add(const struct irq_source *source);
/* Stops it; interrupts raised before may still be on their way. */
void irqgen_remove(int id);
/* Interrupts raised so far; a CPU that had not taken the last one yet sees one instead of two. */
u64 irqgen_raised(int id);

/*
 * Raises what is due of the polled sources: devices without a thread, whose moments then depend on
 * what the CPUs do.  Task context; one look at the clock.
 */
void irqgen_poll(void);

/* "all", "round-robin", "one", "random"; -EINVAL for anything else. */
int irq_spread_by_name(const char *name);

/* Calls @fn in hardirq context of each CPU at each tick (machine_options.hz); boot time, few. */
void tick_hook_register(void (*fn)(void));

/* Life cycle; host thread.  @hz 0: no tick. */
__must_check int irqgen_boot(unsigned int hz);
__must_check int irqgen_start(void);
void irqgen_stop(void);
void irqgen_shutdown(void);

#endif /* RUNTIME_IRQGEN_H */
