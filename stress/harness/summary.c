/* SPDX-License-Identifier: MIT */
/* The summary of a run for people: a few lines, every number with its unit and denominator. */
#include <unistd.h>

#include "stress/harness/parse.h"
#include "stress/harness/result.h"
#include "stress/report/lock_summary.h"
#include "stress/report/text.h"

#define TOP_LOCKS	4

static void print_machine(const struct stress_run *run, FILE *out)
{
	const struct stress_options *opt = run->opt;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	char mem[32];

	fprintf(out, "machine   %u CPUs on %ld cores%s, %s in %u node(s), %s, lock %s\n", opt->cpus,
		cores, (long)opt->cpus > cores ? " (oversubscribed)" : "",
		format_size(opt->mem_bytes, mem, sizeof(mem)), opt->nodes, opt->layout, opt->lock);
	fprintf(out, "build     kmemlab %s, %s, oracle %s\n", KMEMLAB_VERSION, KMEMLAB_BUILD,
		opt->oracle ? "on" : "off");
	fprintf(out, "recorder  lockstat %s, %.1f ns per lock pair (%.1f ns without)\n",
		opt->lockstat, run->locks.cost.with_ns, run->locks.cost.without_ns);
}

static void print_pcp(FILE *out)
{
	struct pagelist_stats s;
	u64 spills = 0, spilled = 0;

	result_pcp_stats(NULL, &s);
	for (unsigned int i = 0; i < NR_PAGELIST_SPILL_REASONS; i++) {
		spills += s.spills[i];
		spilled += s.spill_pages[i];
	}
	fprintf(out, "pcp       %s of %s allocs hit; %s refills (%s pages), %s spills (%s pages)\n",
		text_share((double)(s.allocs - s.refills), (double)s.allocs).s,
		text_count(s.allocs).s, text_count(s.refills).s, text_count(s.refill_pages).s,
		text_count(spills).s, text_count(spilled).s);
}

/* Exact counts left of the bar, timed values right of it. */
static void print_locks(const struct stress_run *run, FILE *out)
{
	double cpu_ns = run->elapsed * NSEC_PER_SEC * run->opt->cpus;
	struct lock_summary *list;
	u32 nr = lock_summaries(&run->locks, LOCK_SORT_WAIT, &list);

	if (nr)
		fprintf(out, "%-28s %14s %12s | %9s %9s %9s\n", "locks", "acquired", "contended",
			"wait/CPU", "wait p99", "hold p50");
	for (u32 i = 0; i < min(nr, (u32)TOP_LOCKS); i++) {
		const struct lock_summary *s = &list[i];

		fprintf(out, "  %-26s %14s %12s | %9s %9s %9s\n", run->locks.classes[s->class].name,
			text_count(s->all.acquired).s, text_count(s->all.contended).s,
			text_share((double)s->all.wait.sum, cpu_ns).s,
			s->all.wait.nr ? text_ns((double)s->wait.p99).s : "-",
			s->hold_known ? text_ns((double)s->hold.p50).s : "-");
	}
	lock_summaries_free(list, nr);
}

static void print_irqs_off(FILE *out)
{
	struct irqsoff_section s = result_irqs_off();
	char from[256], to[256];

	fprintf(out, "irqs-off  longest %s, from %s to %s\n", text_ns((double)s.ns).s,
		code_site_text(s.masked, from, sizeof(from)),
		code_site_text(s.unmasked, to, sizeof(to)));
}

static void print_injected(const struct inject_options *opt, FILE *out)
{
	struct inject_stats ipi = inject_stats(INJECT_IPI_DELAY);
	struct inject_stats lock = inject_stats(INJECT_LOCK_DELAY);
	struct inject_stats storm = inject_stats(INJECT_IRQ_STORM);
	struct inject_stats hold = inject_stats(INJECT_LOCK_HOLD);

	if (opt->rule[INJECT_IPI_DELAY].one_in)
		fprintf(out, "injected  %s of %s call interrupts late, %s each on average\n",
			text_count(ipi.injected).s, text_count(ipi.candidates).s,
			text_ns((double)ipi.amount / (double)max(ipi.injected, (u64)1)).s);
	if (opt->rule[INJECT_LOCK_DELAY].one_in)
		fprintf(out, "injected  %s of %s locks kept longer, %s each on average\n",
			text_count(lock.injected).s, text_count(lock.candidates).s,
			text_ns((double)lock.amount / (double)max(lock.injected, (u64)1)).s);
	if (opt->rule[INJECT_IRQ_STORM].one_in)
		fprintf(out, "injected  %s storms after %s device interrupts, %s more of them\n",
			text_count(storm.injected).s, text_count(storm.candidates).s,
			text_count(storm.amount).s);
	if (opt->rule[INJECT_LOCK_HOLD].one_in)
		fprintf(out, "injected  %s locks called %s kept %u ns longer each\n",
			text_count(hold.candidates).s, opt->lock,
			opt->rule[INJECT_LOCK_HOLD].amount);
}

void result_print(struct stress_run *run, FILE *out)
{
	print_machine(run, out);
	fprintf(out, "run       %.2f s, %s ops (%.3g M ops/s); per CPU %s .. %s\n", run->elapsed,
		text_count(run->ops.sum).s, (double)run->ops.sum / run->elapsed / 1e6,
		text_count(run->ops.min).s, text_count(run->ops.max).s);
	if (run->wl->print)
		run->wl->print(run, out);
	if (run->opt->irq_rate && !run->wl->own_device)
		fprintf(out, "device    %s interrupts, %s allocs, %s failed, %s softirqs\n",
			text_count(run->device.interrupts).s, text_count(run->device.allocs).s,
			text_count(run->device.failed).s, text_count(run->device.softirqs).s);
	if (inject_wanted(&run->opt->inject))
		print_injected(&run->opt->inject, out);
	if (run->opt->irqs_off)
		print_irqs_off(out);
	print_pcp(out);
	print_locks(run, out);
}
