/* SPDX-License-Identifier: MIT */
/*
 * A lock report in the text of /proc/lock_stat, version 0.4 (Documentation/locking/lockstat.rst).
 *
 * What.  Same bytes for the same numbers: rules of 221 columns, a name field of 40, twelve columns
 * of 15, times in microseconds with two decimals, up to four contention points (where a lock was
 * waited for) and four contending points (where it was held meanwhile).  Three things mean what
 * they can mean here: hold totals are estimated from the sampled holds, a point's address is the
 * number of its site, and the symbol's offset is its line (docs/report.md).
 */
#include <string.h>

#include "stress/report/array.h"
#include "stress/report/lock_summary.h"

#define NAME_COLUMNS	40
#define NAME_MAX_LEN	37
#define COLUMNS		12
#define POINTS		4

static void rule(FILE *out, char c, int offset, int len)
{
	fprintf(out, "%*s", offset, "");
	while (len-- > 0)
		fputc(c, out);
	fputc('\n', out);
}

static void wide_rule(FILE *out, char c)
{
	rule(out, c, 0, NAME_COLUMNS + 1 + COLUMNS * 15);
}

/* Nanoseconds as microseconds with two decimals, rounded. */
static void put_us(FILE *out, u64 ns)
{
	char text[40];

	ns += 5;
	snprintf(text, sizeof(text), "%llu.%02u", (unsigned long long)(ns / 1000),
		 (unsigned int)(ns % 1000 / 10));
	fprintf(out, " %14s", text);
}

static void put_time(FILE *out, u64 nr, const struct lockstat_time *t)
{
	fprintf(out, "%14llu", (unsigned long long)nr);
	put_us(out, t->min);
	put_us(out, t->max);
	put_us(out, t->sum);
	put_us(out, nr ? t->sum / nr : 0);
}

static void put_row(FILE *out, const struct lock_totals *t, const struct lockstat_time *hold)
{
	fprintf(out, "%14llu ", (unsigned long long)t->contended_bounces);
	put_time(out, t->contended, &t->wait);
	fprintf(out, " %14llu ", (unsigned long long)t->bounces);
	put_time(out, t->acquired, hold);
	fputc('\n', out);
}

struct point {
	u32 site;
	u64 nr;
};

static int by_count(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	if (x->nr != y->nr)
		return x->nr < y->nr ? 1 : -1;
	return x->site < y->site ? -1 : x->site > y->site;
}

/* The sites of one side of the pairs, the most frequent first. */
static void put_points(FILE *out, const struct lock_report *r, const struct lock_summary *s,
		       bool holders, const char *name)
{
	struct point *points = NULL;
	u32 nr = 0;

	for (u32 i = 0; i < s->nr_pairs; i++) {
		u32 site = holders ? s->pairs[i].holder : s->pairs[i].waiter;
		struct point *p = NULL;

		for (u32 k = 0; k < nr && !p; k++)
			if (points[k].site == site)
				p = &points[k];
		if (!p) {
			p = array_add(points, nr);
			p->site = site;
		}
		p->nr += s->pairs[i].contended;
	}
	if (nr)
		qsort(points, nr, sizeof(*points), by_count);
	for (u32 k = 0; k < nr && k < POINTS; k++) {
		const struct lock_report_site *site = &r->sites[points[k].site];
		char address[32];

		snprintf(address, sizeof(address), "[<%016x>]", points[k].site + 1);
		fprintf(out, "%40s %14llu %29s %s+0x%x/0x0 [%s:%u]\n", name,
			(unsigned long long)points[k].nr, address, site->func, site->line,
			site->file, site->line);
	}
	free(points);
}

static void put_class(FILE *out, const struct lock_report *r, const struct lock_summary *s)
{
	struct lockstat_time hold = s->write.hold;
	char name[NAME_MAX_LEN + 1];
	int dashes;

	snprintf(name, sizeof(name), "%s", r->classes[s->class].name);
	lock_time_add(&hold, &s->write.hold_contended);
	hold.sum = (u64)(s->hold_total_ns + 0.5);
	if (s->write.acquired) {
		if (s->read.acquired)
			fprintf(out, "%38s-W:", name);
		else
			fprintf(out, "%40s:", name);
		put_row(out, &s->write, &hold);
	}
	if (s->read.acquired) {
		const struct lockstat_time untimed = { 0 };

		fprintf(out, "%38s-R:", name);
		put_row(out, &s->read, &untimed);
	}
	if (s->nr_pairs == 0)
		return;
	dashes = (int)strlen(name) + (s->read.acquired ? 2 : 0);
	rule(out, '-', NAME_COLUMNS - dashes, dashes);
	put_points(out, r, s, false, name);
	rule(out, '-', NAME_COLUMNS - dashes, dashes);
	put_points(out, r, s, true, name);
	fputc('\n', out);
	wide_rule(out, '.');
	fputc('\n', out);
}

void lock_report_write_lock_stat(const struct lock_report *r, FILE *out)
{
	static const char *const titles[COLUMNS] = {
		"con-bounces", "contentions", "waittime-min", "waittime-max", "waittime-total",
		"waittime-avg", "acq-bounces", "acquisitions", "holdtime-min", "holdtime-max",
		"holdtime-total", "holdtime-avg",
	};
	struct lock_summary *list;
	u32 nr = lock_summaries(r, LOCK_SORT_CONTENDED, &list);

	fputs("lock_stat version 0.4\n", out);
	wide_rule(out, '-');
	fprintf(out, "%40s", "class name");
	for (int i = 0; i < COLUMNS; i++)
		fprintf(out, " %14s", titles[i]);
	fputc('\n', out);
	wide_rule(out, '-');
	fputc('\n', out);
	for (u32 i = 0; i < nr; i++)
		put_class(out, r, &list[i]);
	lock_summaries_free(list, nr);
}
