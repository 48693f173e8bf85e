/* SPDX-License-Identifier: MIT */
/*
 * The table of locks.
 *
 * What.  Cells are built as text, columns take the width of their widest cell, and the name is cut
 * when the line would pass the limit.  A second heading says of every column whether its numbers
 * are exact counts, timed in every case, or sampled: no column mixes them.
 */
#include <string.h>

#include "stress/report/array.h"
#include "stress/report/lock_text.h"
#include "stress/report/spelling.h"
#include "stress/report/text.h"

#define WIDTH_DEFAULT	100
#define NAME_MIN	12

/* Shares of CPU time lost to waiting that the eye should stop at. */
#define SHARE_RED	0.05
#define SHARE_YELLOW	0.01

enum column {
	COL_NAME, COL_SHARE, COL_WAIT, COL_CONTENDED, COL_P99, COL_HOLD, COL_BOUNCE, NR_COLS,
};

struct line {
	char cell[NR_COLS][160];
};

static const struct line heading = { .cell = {
	"lock", "wait/CPU", "total wait", "contended/acquired", "p99 wait", "hold p50", "bounce",
} };
static const struct line kinds = { .cell = {
	"", "timed", "timed", "exact", "timed", "sampled", "exact",
} };

/* ---- places ---- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

struct lock_place lock_place(const struct lock_report *r, u32 site)
{
	const struct lock_report_site *s = &r->sites[site];
	struct lock_place p;

	snprintf(p.s, sizeof(p.s), "%.40s %.25s:%u", s->func, base_name(s->file), s->line);
	return p;
}

struct lock_place lock_place_after(const struct lock_report *r, u32 holder, u32 waiter)
{
	const struct lock_report_site *s = &r->sites[holder];
	struct lock_place p;

	if (holder == waiter)
		snprintf(p.s, sizeof(p.s), "same");
	else if (strcmp(s->file, r->sites[waiter].file) == 0)
		snprintf(p.s, sizeof(p.s), "%.40s :%u", s->func, s->line);
	else
		return lock_place(r, holder);
	return p;
}

const char *lock_text_nearest(const struct lock_report *r, const char *name)
{
	struct lock_summary *list;
	u32 nr = lock_summaries(r, LOCK_SORT_WAIT, &list);
	const char **names = NULL, *best;
	u32 nr_names = 0;

	for (u32 i = 0; i < nr; i++) {
		/* The class alone is a shorter thing to misspell than the whole name. */
		*array_add(names, nr_names) = r->classes[list[i].class].name;
		if (spelling_distance(name, r->classes[list[i].class].class) <= 2) {
			best = r->classes[list[i].class].name;
			goto out;
		}
	}
	best = spelling_nearest(name, names, nr_names);
out:
	free(names);
	lock_summaries_free(list, nr);
	return best;
}

/* ---- the recorder ---- */

void lock_text_recorder(const struct lock_report *r, FILE *out)
{
	u64 holds = 0, holds_contended = 0;

	for (u32 i = 0; i < r->nr_rows; i++) {
		holds += r->rows[i].hold.nr;
		holds_contended += r->rows[i].hold_contended.nr;
	}
	fprintf(out, "recorder  %s", r->mode == LOCKSTAT_OFF ? "off" :
		r->mode == LOCKSTAT_ALL ? "all holds" : "default");
	if (r->cost_known)
		fprintf(out, ", costs %.1f ns per uncontended lock+unlock "
			"(%.1f ns with, %.1f without)", r->cost.with_ns - r->cost.without_ns,
			r->cost.with_ns, r->cost.without_ns);
	else
		fputs(", its cost was not measured", out);
	fputc('\n', out);
	if (r->mode == LOCKSTAT_OFF)
		return;
	fprintf(out, "times     waits: all timed; holds: 1 in %u sampled (%s) and all after a "
		"wait (%s)\n", r->hold_sample, text_count(holds).s, text_count(holds_contended).s);
	fprintf(out, "          percentiles are at most 25 %% high, never low; %llu records lost\n",
		(unsigned long long)r->overflow);
}

/* ---- the table ---- */

static double cpu_time(const struct lock_report *r)
{
	return (double)r->elapsed_ns * r->nr_cpus;
}

static void line_fill(const struct lock_report *r, const struct lock_summary *s, struct line *l)
{
	const struct lock_totals *t = &s->all;

	snprintf(l->cell[COL_NAME], sizeof(l->cell[0]), "%.90s", r->classes[s->class].name);
	snprintf(l->cell[COL_SHARE], sizeof(l->cell[0]), "%s",
		 text_share((double)t->wait.sum, cpu_time(r)).s);
	snprintf(l->cell[COL_WAIT], sizeof(l->cell[0]), "%s",
		 t->wait.nr ? text_ns((double)t->wait.sum).s : "-");
	snprintf(l->cell[COL_CONTENDED], sizeof(l->cell[0]), "%s/%s %6s",
		 text_count(t->contended).s, text_count(t->acquired).s,
		 text_share((double)t->contended, (double)t->acquired).s);
	snprintf(l->cell[COL_P99], sizeof(l->cell[0]), "%s",
		 t->wait.nr ? text_ns((double)s->wait.p99).s : "-");
	snprintf(l->cell[COL_HOLD], sizeof(l->cell[0]), "%s",
		 s->hold_known ? text_ns((double)s->hold.p50).s : "-");
	snprintf(l->cell[COL_BOUNCE], sizeof(l->cell[0]), "%s",
		 text_share((double)t->bounces, (double)t->acquired).s);
}

static void widths_add(unsigned int *width, const struct line *l)
{
	for (int c = 0; c < NR_COLS; c++)
		width[c] = max(width[c], (unsigned int)strlen(l->cell[c]));
}

static void line_print(const struct line *l, const unsigned int *width, FILE *out)
{
	unsigned int len = (unsigned int)strlen(l->cell[COL_NAME]);

	if (len > width[COL_NAME])
		fprintf(out, "%.*s..", (int)width[COL_NAME] - 2, l->cell[COL_NAME]);
	else
		fprintf(out, "%-*s", (int)width[COL_NAME], l->cell[COL_NAME]);
	for (int c = COL_NAME + 1; c < NR_COLS; c++)
		fprintf(out, "  %*s", (int)width[c], l->cell[c]);
}

static void pair_print(const struct lock_report *r, const struct lock_summary *s, u32 columns,
		       FILE *out)
{
	const struct lock_summary_pair *p = &s->pairs[0];
	char text[256];

	snprintf(text, sizeof(text), "    %s -> %s  %s of its wait", lock_place(r, p->waiter).s,
		 lock_place_after(r, p->holder, p->waiter).s,
		 text_share((double)p->wait.sum, (double)s->all.wait.sum).s);
	fprintf(out, "%.*s\n", (int)columns, text);
}

/* What the data says about the lock that costs most; nothing when nobody waited. */
static void why_print(const struct lock_report *r, const struct lock_summary *s, FILE *out)
{
	const struct lock_totals *t = &s->all;
	const struct lock_summary_pair *p = s->pairs;
	const char *name = r->classes[s->class].name;

	if (!s->nr_pairs || !t->wait.sum)
		return;
	fprintf(out, "why: %s of the waiting for %s is one pair: %s\n",
		text_share((double)p->wait.sum, (double)t->wait.sum).s, name,
		lock_place(r, p->waiter).s);
	fprintf(out, "     behind %s; up to %u CPUs queued, %s of the waiters slept.\n",
		p->holder == p->waiter ? "itself on another CPU" : lock_place(r, p->holder).s,
		t->queue_max, text_share((double)t->slept, (double)t->contended).s);
	fprintf(out, "try: --lock='%s'\n", name);
}

static const char *share_colour(const struct lock_report *r, const struct lock_summary *s,
				const struct colours *c)
{
	double share = (double)s->all.wait.sum / cpu_time(r);

	if (!(share >= SHARE_YELLOW))
		return "";
	return share >= SHARE_RED ? c->red : c->yellow;
}

void lock_text_table(const struct lock_report *r, const struct lock_text_options *opt, FILE *out)
{
	struct colours c = opt->colour ? text_colours(out) : (struct colours){ "", "", "", "", "" };
	unsigned int columns = opt->width ? opt->width : WIDTH_DEFAULT;
	unsigned int width[NR_COLS] = { 0 }, others = 0;
	struct lock_summary *list, *worst = NULL;
	u32 nr = lock_summaries(r, opt->sort, &list);
	u32 shown = opt->top && opt->top < nr ? opt->top : nr;
	struct line *lines = calloc(shown ? shown : 1, sizeof(*lines));

	if (!lines)
		panic("out of memory for a table of %u locks", shown);
	widths_add(width, &heading);
	widths_add(width, &kinds);
	for (u32 i = 0; i < shown; i++) {
		line_fill(r, &list[i], &lines[i]);
		widths_add(width, &lines[i]);
	}
	for (u32 i = 0; i < nr; i++)
		if (!worst || list[i].all.wait.sum > worst->all.wait.sum)
			worst = &list[i];
	for (int col = 1; col < NR_COLS; col++)
		others += 2 + width[col];
	width[COL_NAME] = min(width[COL_NAME], columns > others + NAME_MIN ? columns - others :
			      NAME_MIN);

	fputs(c.bold, out);
	line_print(&heading, width, out);
	fprintf(out, "%s\n%s", c.off, c.dim);
	line_print(&kinds, width, out);
	fprintf(out, "%s\n", c.off);
	for (u32 i = 0; i < shown; i++) {
		const char *colour = share_colour(r, &list[i], &c);

		fputs(colour, out);
		line_print(&lines[i], width, out);
		fprintf(out, "%s\n", *colour ? c.off : "");
		if (list[i].nr_pairs)
			pair_print(r, &list[i], columns, out);
	}
	fprintf(out, "%u of %u locks; wait/CPU: of %u CPUs x %s; bounce: taken by another CPU than "
		"before\n", shown, nr, r->nr_cpus, text_ns((double)r->elapsed_ns).s);
	if (worst)
		why_print(r, worst, out);
	free(lines);
	lock_summaries_free(list, nr);
}
