/* SPDX-License-Identifier: MIT */
/* The irqs-off tracer: see the header. */
#include "runtime/irqsoff.h"

#include <errno.h>

#include "runtime/hostmem.h"

static struct irqsoff_trace *traces;	/* [nr_cpu_ids], NULL when off */

void irqsoff_begin(struct cpu *cpu, const struct code_site *site)
{
	struct irqsoff_trace *t = cpu->irqsoff;

	owner_write(t->masked, site);
	owner_write(t->start, clock_ns());
}

void irqsoff_end(struct cpu *cpu, const struct code_site *site)
{
	struct irqsoff_trace *t = cpu->irqsoff;
	u64 start = owner_read(t->start), ns;

	if (!start)
		return;
	ns = clock_ns() - start;
	owner_write(t->start, 0);
	owner_inc(t->nr);
	owner_add(t->sum_ns, ns);
	if (ns <= owner_read(t->longest.ns))
		return;
	owner_write(t->longest.ns, ns);
	owner_write(t->longest.masked, owner_read(t->masked));
	owner_write(t->longest.unmasked, site);
}

struct irqsoff_section irqsoff_longest(unsigned int cpu)
{
	const struct irqsoff_trace *t = cpus[cpu].irqsoff;

	if (!t)
		return (struct irqsoff_section){ 0 };
	return (struct irqsoff_section){
		.ns = owner_read(t->longest.ns), .masked = owner_read(t->longest.masked),
		.unmasked = owner_read(t->longest.unmasked),
	};
}

void irqsoff_show(FILE *out)
{
	char a[256], b[256];
	unsigned int cpu;

	if (!traces)
		return;
	fputs("  CPU   sections   mean_ns   longest_ns  from -> to\n", out);
	for_each_possible_cpu(cpu) {
		const struct irqsoff_trace *t = &traces[cpu];
		struct irqsoff_section s = irqsoff_longest(cpu);
		u64 nr = owner_read(t->nr);

		if (!nr)
			continue;
		fprintf(out, "%5u %10llu %9llu %12llu  %s -> %s\n", cpu, (unsigned long long)nr,
			(unsigned long long)(owner_read(t->sum_ns) / nr),
			(unsigned long long)s.ns, code_site_text(s.masked, a, sizeof(a)),
			code_site_text(s.unmasked, b, sizeof(b)));
	}
}

int irqsoff_boot(bool on)
{
	if (!on)
		return 0;
	traces = hostmem_alloc(nr_cpu_ids * sizeof(*traces));
	if (!traces)
		return -ENOMEM;
	for (unsigned int i = 0; i < nr_cpu_ids; i++)
		cpus[i].irqsoff = &traces[i];
	return 0;
}

void irqsoff_shutdown(void)
{
	hostmem_free(traces, nr_cpu_ids * sizeof(*traces));
	traces = NULL;
}
