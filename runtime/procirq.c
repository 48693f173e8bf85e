/* SPDX-License-Identifier: MIT */
/* The texts of /proc/interrupts and /proc/softirqs (linux: kernel/irq/proc.c). */
#include "runtime/procirq.h"

#include "runtime/irq.h"

/* Width of the first column: three digits, as on every machine with fewer than 1000 interrupts. */
#define PRECISION	3

static const char *const own_names[IRQ_FIRST_DEVICE] = {
	[IRQ_CALL_FUNCTION] = "CAL", [IRQ_TIMER] = "LOC", [IRQ_RCU] = "RCU", [IRQ_SOFTIRQ] = "SIR",
};

static void show_counts(FILE *out, unsigned int vec)
{
	unsigned int cpu;

	for_each_online_cpu(cpu)
		fprintf(out, "%10llu ", (unsigned long long)owner_read(cpus[cpu].nr_irqs[vec]));
}

void proc_interrupts_show(FILE *out)
{
	unsigned int cpu;

	fprintf(out, "%*s", PRECISION + 8, "");
	for_each_online_cpu(cpu)
		fprintf(out, "CPU%-8u", cpu);
	fputc('\n', out);
	for (unsigned int vec = IRQ_FIRST_DEVICE; vec < NR_VECTORS; vec++) {
		if (!irq_vector_name(vec))
			continue;
		fprintf(out, "%*u: ", PRECISION, vec);
		show_counts(out, vec);
		fprintf(out, " %8s %*u %-8s  %s\n", "soft", PRECISION, vec, "edge",
			irq_vector_name(vec));
	}
	for (unsigned int vec = 0; vec < IRQ_FIRST_DEVICE; vec++) {
		if (!irq_vector_name(vec) || !own_names[vec])
			continue;
		fprintf(out, "%*s: ", PRECISION, own_names[vec]);
		show_counts(out, vec);
		fprintf(out, "  %s\n", irq_vector_name(vec));
	}
}

void proc_softirqs_show(FILE *out)
{
	unsigned int cpu;

	fprintf(out, "%20s", "");
	for_each_possible_cpu(cpu)
		fprintf(out, "CPU%-8u", cpu);
	fputc('\n', out);
	for (unsigned int nr = 0; nr < NR_SOFTIRQS; nr++) {
		if (!softirq_name(nr))
			continue;
		fprintf(out, "%12s:", softirq_name(nr));
		for_each_possible_cpu(cpu)
			fprintf(out, " %10llu",
				(unsigned long long)owner_read(cpus[cpu].nr_softirqs[nr]));
		fputc('\n', out);
	}
}
