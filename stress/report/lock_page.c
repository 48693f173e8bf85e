/* SPDX-License-Identifier: MIT */
/* The page of one lock: totals, distributions, and who waits where, behind whom. */
#include <string.h>

#include "stress/report/array.h"
#include "stress/report/lock_text.h"
#include "stress/report/text.h"

#define BAR_COLUMNS	40
#define OCTAVES		(LOCKSTAT_BUCKETS / 4)
#define PAIRS_SHOWN	12
#define SITES_SHOWN	12

/* The lock meant by @name: its full name, or its class when that is not ambiguous. */
static const struct lock_summary *find(const struct lock_report *r, const char *name,
				       const struct lock_summary *list, u32 nr)
{
	const struct lock_summary *of_class = NULL;
	u32 same_class = 0;

	for (u32 i = 0; i < nr; i++) {
		const struct lock_report_class *c = &r->classes[list[i].class];

		if (strcmp(c->name, name) == 0)
			return &list[i];
		if (strcmp(c->class, name) == 0) {
			same_class++;
			of_class = &list[i];
		}
	}
	return same_class == 1 ? of_class : NULL;
}

static void print_totals(const struct lock_report *r, const struct lock_summary *s, FILE *out)
{
	const struct lock_totals *t = &s->all, *w = &s->write;
	u64 owner = r->classes[s->class].owner_acquired;
	double all_cpus = (double)r->elapsed_ns * r->nr_cpus;

	fputs("exact\n", out);
	fprintf(out, "  acquired          %s", text_count(t->acquired).s);
	if (owner)
		fprintf(out, ", of these %s by the owner CPU's fast path", text_count(owner).s);
	if (s->read.acquired)
		fprintf(out, ", of these %s shared", text_count(s->read.acquired).s);
	fprintf(out, "\n  contended         %s = %s of acquired\n", text_count(t->contended).s,
		text_share((double)t->contended, (double)t->acquired).s);
	fprintf(out, "  spun / slept      %s / %s contended acquisitions\n",
		text_count(t->spun).s, text_count(t->slept).s);
	fprintf(out, "  failed trylocks   %s\n", text_count(t->trylock_failed).s);
	fprintf(out, "  bounces           %s = %s of acquired; contended: %s\n",
		text_count(t->bounces).s, text_share((double)t->bounces, (double)t->acquired).s,
		text_count(t->contended_bounces).s);
	fprintf(out, "  deepest queue     %u CPUs waiting at once\n", t->queue_max);
	fputs("timed\n", out);
	fprintf(out, "  wait, all %s     %s = %s of %u CPUs x %s\n", text_count(t->wait.nr).s,
		text_ns((double)t->wait.sum).s, text_share((double)t->wait.sum, all_cpus).s,
		r->nr_cpus, text_ns((double)r->elapsed_ns).s);
	if (t->wait.nr)
		fprintf(out, "    min %s, p50 %s, p90 %s, p99 %s, max %s\n",
			text_ns((double)t->wait.min).s, text_ns((double)s->wait.p50).s,
			text_ns((double)s->wait.p90).s, text_ns((double)s->wait.p99).s,
			text_ns((double)t->wait.max).s);
	if (s->hold_known)
		fprintf(out, "  hold, sampled     p50 %s, p90 %s, p99 %s; from %s sampled "
			"and %s after a wait\n  held, estimated   %s = %s of %s\n",
			text_ns((double)s->hold.p50).s, text_ns((double)s->hold.p90).s,
			text_ns((double)s->hold.p99).s, text_count(w->hold.nr).s,
			text_count(w->hold_contended.nr).s, text_ns(s->hold_total_ns).s,
			text_share(s->hold_total_ns, (double)r->elapsed_ns).s,
			text_ns((double)r->elapsed_ns).s);
}

/* One bar per power of two; the longest is BAR_COLUMNS. */
static void print_bars(const char *title, const struct lock_weights *w, FILE *out)
{
	double octave[OCTAVES] = { 0 }, most = 0, total = 0;
	int first = -1, last = -1;

	for (u32 b = 0; b < LOCKSTAT_BUCKETS; b++)
		octave[b / 4] += w->bucket[b];
	for (int o = 0; o < OCTAVES; o++) {
		if (!(octave[o] > 0))
			continue;
		first = first < 0 ? o : first;
		last = o;
		most = max(most, octave[o]);
		total += octave[o];
	}
	if (first < 0)
		return;
	fprintf(out, "%s\n", title);
	for (int o = first; o <= last; o++) {
		int bar = (int)(octave[o] / most * BAR_COLUMNS + 0.5);

		fprintf(out, "  %7s ..  %15s  %6s  ", text_ns(o ? (double)(1ULL << o) : 0).s,
			text_count((u64)(octave[o] + 0.5)).s, text_share(octave[o], total).s);
		for (int i = 0; i < bar; i++)
			fputc('#', out);
		fputc('\n', out);
	}
}

static void print_cpus(const struct lock_report *r, u32 class, FILE *out)
{
	fprintf(out, "by CPU  %15s %15s %8s   %12s %10s\n", "acquired", "contended", "bounce",
		"wait (timed)", "of run");
	for (u32 cpu = 0; cpu < r->nr_cpus; cpu++) {
		u64 acquired = 0, contended = 0, bounces = 0, wait = 0;

		for (u32 i = 0; i < r->nr_rows; i++) {
			const struct lock_report_row *row = &r->rows[i];

			if (row->class != class || row->cpu != cpu)
				continue;
			acquired += row->acquired;
			contended += row->contended;
			bounces += row->bounces;
			wait += row->wait.sum;
		}
		if (acquired)
			fprintf(out, "  %4u  %15s %15s %8s   %12s %10s\n", cpu,
				text_count(acquired).s, text_count(contended).s,
				text_share((double)bounces, (double)acquired).s,
				text_ns((double)wait).s,
				text_share((double)wait, (double)r->elapsed_ns).s);
	}
}

static void print_contexts(const struct lock_report *r, const struct lock_summary *s, FILE *out)
{
	static const char *const names[NR_CTX] = { "task", "softirq", "hardirq" };

	if (!s->nr_pairs)
		return;
	fprintf(out, "by context of the waiter  %11s   %12s %10s\n", "contended", "wait (timed)",
		"of wait");
	for (u32 ctx = 0; ctx < NR_CTX; ctx++) {
		u64 contended = 0, wait = 0;

		for (u32 i = 0; i < r->nr_pairs; i++)
			if (r->pairs[i].class == s->class && r->pairs[i].ctx == ctx) {
				contended += r->pairs[i].contended;
				wait += r->pairs[i].wait.sum;
			}
		if (contended)
			fprintf(out, "  %-8s                %11s   %12s %10s\n", names[ctx],
				text_count(contended).s, text_ns((double)wait).s,
				text_share((double)wait, (double)s->all.wait.sum).s);
	}
}

struct site_sum {
	u32 site;
	u64 acquired, contended;
};

static int by_acquired(const void *a, const void *b)
{
	const struct site_sum *x = a, *y = b;

	if (x->acquired != y->acquired)
		return x->acquired < y->acquired ? 1 : -1;
	return x->site < y->site ? -1 : x->site > y->site;
}

static void print_sites(const struct lock_report *r, u32 class, FILE *out)
{
	struct site_sum *sums = NULL;
	u32 nr = 0;

	for (u32 i = 0; i < r->nr_rows; i++) {
		const struct lock_report_row *row = &r->rows[i];
		struct site_sum *at = NULL;

		if (row->class != class)
			continue;
		for (u32 k = 0; k < nr && !at; k++)
			if (sums[k].site == row->site)
				at = &sums[k];
		if (!at) {
			at = array_add(sums, nr);
			at->site = row->site;
		}
		at->acquired += row->acquired;
		at->contended += row->contended;
	}
	if (!nr)
		return;
	qsort(sums, nr, sizeof(*sums), by_acquired);
	fprintf(out, "by site (exact)  %15s %15s\n", "acquired", "contended");
	for (u32 k = 0; k < nr && k < SITES_SHOWN; k++)
		fprintf(out, "                 %15s %15s   %s\n", text_count(sums[k].acquired).s,
			text_count(sums[k].contended).s, lock_place(r, sums[k].site).s);
	if (nr > SITES_SHOWN)
		fprintf(out, "                 and %u more sites\n", nr - SITES_SHOWN);
	free(sums);
}

static void print_pairs(const struct lock_report *r, const struct lock_summary *s, FILE *out)
{
	if (!s->nr_pairs)
		return;
	fprintf(out, "waiter -> holder  %10s   %12s %8s\n", "contended", "wait (timed)",
		"of wait");
	for (u32 i = 0; i < s->nr_pairs && i < PAIRS_SHOWN; i++) {
		const struct lock_summary_pair *p = &s->pairs[i];

		fprintf(out, "                  %10s   %12s %8s   %s\n",
			text_count(p->contended).s, text_ns((double)p->wait.sum).s,
			text_share((double)p->wait.sum, (double)s->all.wait.sum).s,
			lock_place(r, p->waiter).s);
		fprintf(out, "%55s-> %s\n", "", lock_place_after(r, p->holder, p->waiter).s);
	}
	if (s->nr_pairs > PAIRS_SHOWN)
		fprintf(out, "                  and %u more pairs\n", s->nr_pairs - PAIRS_SHOWN);
}

bool lock_text_has_page(const struct lock_report *r, const char *name)
{
	struct lock_summary *list;
	u32 nr = lock_summaries(r, LOCK_SORT_WAIT, &list);
	bool found = find(r, name, list, nr) != NULL;

	lock_summaries_free(list, nr);
	return found;
}

static void print_page(const struct lock_report *r, const struct lock_summary *s, FILE *out)
{
	struct lock_weights weights;

	print_totals(r, s, out);
	lock_wait_weights(r, s->class, &weights);
	print_bars("wait, from .. to twice that (contended acquisitions, all timed)", &weights,
		   out);
	lock_hold_weights(r, s, &weights);
	print_bars("hold, from .. to twice that (exclusive acquisitions, estimated from samples)",
		   &weights, out);
	print_cpus(r, s->class, out);
	print_contexts(r, s, out);
	print_sites(r, s->class, out);
	print_pairs(r, s, out);
}

void lock_text_page(const struct lock_report *r, const char *name,
		    const struct lock_text_options *opt, FILE *out)
{
	struct colours c = opt->colour ? text_colours(out) : (struct colours){ "", "", "", "", "" };
	struct lock_summary *list;
	u32 nr = lock_summaries(r, LOCK_SORT_WAIT, &list);
	const struct lock_summary *s = find(r, name, list, nr);

	if (s) {
		fprintf(out, "%s%s%s\n", c.bold, r->classes[s->class].name, c.off);
		print_page(r, s, out);
	}
	lock_summaries_free(list, nr);
}
