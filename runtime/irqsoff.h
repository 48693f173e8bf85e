/* SPDX-License-Identifier: MIT */
/*
 * The irqs-off tracer: how long each CPU keeps its interrupts masked, and where the longest time
 * began and ended.  Off by default: a timed section costs two looks at the clock.
 */
#ifndef RUNTIME_IRQSOFF_H
#define RUNTIME_IRQSOFF_H

#include <stdio.h>

#include "runtime/cpu.h"

struct irqsoff_section {
	u64 ns;
	const struct code_site *masked, *unmasked;
};

/* One CPU's record; written by that CPU with its mask closed. */
struct irqsoff_trace {
	u64 start;			/* ns; 0 while no section is timed */
	const struct code_site *masked;
	u64 nr, sum_ns;
	struct irqsoff_section longest;
};

/* Called on the edge of the mask, with it closed. */
void irqsoff_begin(struct cpu *cpu, const struct code_site *site);
void irqsoff_end(struct cpu *cpu, const struct code_site *site);

/* The longest section of @cpu so far; .ns is 0 when there was none or the tracer is off. */
struct irqsoff_section irqsoff_longest(unsigned int cpu);

/* One line per CPU: sections, mean, longest, its two places.  Any thread. */
void irqsoff_show(FILE *out);

/* Life cycle; host thread.  @on false: the tracer costs one branch.  0 or -ENOMEM. */
__must_check int irqsoff_boot(bool on);
void irqsoff_shutdown(void);

#endif /* RUNTIME_IRQSOFF_H */
