/* SPDX-License-Identifier: MIT */
/* replay_report.c - the text of a replay's result. */
#include "stress/replay/replay_report.h"

#include <string.h>
#include <unistd.h>

#include "stress/report/lock_summary.h"
#include "stress/report/text.h"

struct setting_text replay_setting_text(const struct replay_plan *plan,
					const struct replay_setting *set)
{
	const struct {
		const char *name;
		u32 value;
	} parts[] = {
		{ "batch", set->batch }, { "high", set->high },
		{ "high_fraction", set->high_fraction }, { "scale_max", set->scale_max },
	};
	struct setting_text text;
	size_t len;

	snprintf(text.s, sizeof(text.s), "%s",
		 set->policy ? set->policy : replay_recorded_policy(plan));
	for (unsigned int i = 0; i < ARRAY_SIZE(parts); i++) {
		len = strlen(text.s);
		if (parts[i].value != REPLAY_NONE)
			snprintf(text.s + len, sizeof(text.s) - len, " %s %u", parts[i].name,
				 parts[i].value);
	}
	return text;
}

struct setting_text replay_change_text(double now, double before)
{
	struct setting_text text;

	if (before > 0)
		snprintf(text.s, sizeof(text.s), "%+.1f %%", 100 * (now - before) / before);
	else
		snprintf(text.s, sizeof(text.s), now > 0 ? "from 0" : "0");
	return text;
}

static void print_trace(const struct replay_report *r, FILE *out)
{
	const struct trace *trace = r->plan->trace;
	const struct trace_quality *q = r->quality;
	const struct replay_counts *c = &r->plan->counts;

	fprintf(out, "trace    %s, %u CPUs, %s events in %.2f s of the kernel   quality %c: "
		"%s lost, %s free-only\n", trace_format_name(trace->format), r->plan->nr_cpus,
		text_count(trace->nr_events).s, (double)q->duration_ns / 1e9, q->grade,
		text_count(trace->lost_events + trace->overrun_events).s,
		text_share((double)q->nr_free_only, (double)q->nr_frees).s);
	fprintf(out, "plan     %s operations, of them %s without an event (bulk), %s frees past "
		"the lists\n", text_count(r->plan->nr_ops).s,
		text_count(c->bulk_takes + c->hidden_puts).s, text_count(c->direct_puts).s);
}

static void print_machine(const struct replay_report *r, FILE *out)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	bool acting = r->opt->mode == REPLAY_DETERMINISTIC;

	fprintf(out, "machine  %u CPUs, %s of %ld cores%s, lists %s, lock %s\n", r->plan->nr_cpus,
		acting ? "deterministic on 1" : "concurrent, a thread each,", cores,
		!acting && (long)r->plan->nr_cpus > cores ? " (oversubscribed)" : "",
		replay_setting_text(r->plan, &r->opt->setting).s,
		r->opt->lock ? r->opt->lock : "futex");
	fprintf(out, "build    kmemlab %s, %s, seed %llu\n", KMEMLAB_VERSION, KMEMLAB_BUILD,
		(unsigned long long)r->opt->seed);
}

static void print_fidelity(const struct replay_report *r, FILE *out)
{
	const struct replay_score *s = r->score;
	const struct replay_counts *c = &r->plan->counts;

	fprintf(out, "kernel   refilled %s pages   drained %s pages\n", text_count(c->refilled).s,
		text_count(c->drained).s);
	fprintf(out, "kmemlab  refilled %s (%s)   drained %s (%s)\n",
		text_count(r->out->refilled).s,
		replay_change_text((double)r->out->refilled, (double)c->refilled).s,
		text_count(r->out->drained).s,
		replay_change_text((double)r->out->drained, (double)c->drained).s);
	fprintf(out, "  %-16s %8s %8s %10s %10s %8s %8s %8s\n", "", "kernel", "kmemlab", "kernel",
		"kmemlab", "F1", "F1", "F1");
	fprintf(out, "  %-16s %8s %8s %10s %10s %8s %8s %8s\n", "CPU, transfers", "events",
		"events", "pages", "pages", "exact", "near", "size");
	for (unsigned int i = 0; i < s->nr_cpus * 2; i++) {
		const struct score_row *row = &s->rows[i];

		if (!row->kernel_nr && !row->nr)
			continue;
		fprintf(out, "  %3u %-12s %8u %8u %10llu %10llu %8.3f %8.3f %8.3f\n", i / 2,
			i % 2 ? "drains" : "refills", row->kernel_nr, row->nr,
			(unsigned long long)row->kernel_pages, (unsigned long long)row->pages,
			score_f1(row, SCORE_EXACT), score_f1(row, SCORE_NEAR),
			score_f1(row, SCORE_SIZE));
	}
	if (!s->all.kernel_nr) {
		fprintf(out, "no refill or drain in the trace: nothing to compare, no FIDELITY\n");
		return;
	}
	fprintf(out, "refill and drain sizes and gaps: %.0f %% of %u matched · order x migratetype "
		"matrix %s\n", 100 * score_f1(&s->all, SCORE_NEAR), s->all.kernel_nr,
		s->same_matrix ? "identical" : "DIFFERS");
	fprintf(out, "irq allocations %llu/%llu   FIDELITY %.2f\n",
		(unsigned long long)r->out->irq_takes, (unsigned long long)c->irq_takes,
		score_f1(&s->all, SCORE_NEAR));
}

static void print_row(FILE *out, const char *name, double before, double now)
{
	fprintf(out, "  %-34s %14s %14s %12s\n", name, text_count((u64)(before + 0.5)).s,
		text_count((u64)(now + 0.5)).s, replay_change_text(now, before).s);
}

/* What another setting changes; exact in a deterministic run. */
static void print_changes(const struct replay_report *r, FILE *out)
{
	const struct replay_outcome *a = r->base, *b = r->out;

	fprintf(out, "changed  exact counts%s\n", r->opt->mode == REPLAY_DETERMINISTIC ? "" :
		" of one concurrent run each");
	fprintf(out, "  %-34s %14s %14s %12s\n", "", "recorded", "this setting", "change");
	print_row(out, "zone lock acquisitions", (double)a->zone_locks, (double)b->zone_locks);
	print_row(out, "refills", (double)a->refills, (double)b->refills);
	print_row(out, "pages refilled", (double)a->refilled, (double)b->refilled);
	print_row(out, "drains", (double)a->drains, (double)b->drains);
	print_row(out, "pages drained", (double)a->drained, (double)b->drained);
	print_row(out, "stranded pages, mean", a->stranded_mean, b->stranded_mean);
	print_row(out, "stranded pages, most", (double)a->stranded_max, (double)b->stranded_max);
}

static void print_locks(const struct replay_report *r, FILE *out)
{
	struct lock_summary *list;
	u32 nr = lock_summaries(&r->out->locks, LOCK_SORT_WAIT, &list);

	for (u32 i = 0; i < nr; i++) {
		const struct lock_totals *t = &list[i].all;

		if (t->acquired)
			fprintf(out, "lock     %s: %s acquisitions, %s contended | waited %s in "
				"all\n", r->out->locks.classes[list[i].class].name,
				text_count(t->acquired).s, text_count(t->contended).s,
				text_ns((double)t->wait.sum).s);
	}
	lock_summaries_free(list, nr);
}

static void print_speed(const struct replay_report *r, FILE *out)
{
	double events = (double)r->plan->trace->nr_events;

	fprintf(out, "speed    read %.2f s (%.1f M events/s), plan %.2f s, replay %s (%.1f M "
		"events/s)", (double)r->load_ns / 1e9, events * 1e3 / (double)r->load_ns,
		(double)r->plan_ns / 1e9, text_ns((double)r->ns_min).s,
		events * 1e3 / (double)r->ns_min);
	if (r->repeats > 1)
		fprintf(out, ", slowest of %u: %s", r->repeats, text_ns((double)r->ns_max).s);
	fputc('\n', out);
}

void replay_report_print(const struct replay_report *r, FILE *out)
{
	print_trace(r, out);
	print_machine(r, out);
	if (r->score)
		print_fidelity(r, out);
	else
		print_changes(r, out);
	if (r->opt->mode == REPLAY_CONCURRENT)
		print_locks(r, out);
	if (r->out->failed || r->out->fallbacks)
		fprintf(out, "note     %s allocations failed, %s were served by another type or "
			"zone\n", text_count(r->out->failed).s, text_count(r->out->fallbacks).s);
	print_speed(r, out);
}
