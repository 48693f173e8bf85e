/* SPDX-License-Identifier: MIT */
/*
 * Which site explains the change of a lock's metric.
 *
 * What.  Waits, acquisitions and holds of a lock are sums over its sites.  The mean of each term
 * over the runs of either set is taken, and the term whose change is the largest share of the
 * change of the sum is named.  Sites are matched by function and file: line numbers move between
 * versions and settings do not.
 */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "stress/compare/compare.h"
#include "stress/report/array.h"
#include "stress/report/lock_summary.h"
#include "stress/report/lock_text.h"

/* A share of the change below this names nothing. */
#define SHARE_MIN	0.25

struct term {
	char *key, *place;		/* for matching; for people */
	double mean[2];			/* of either set */
};

struct terms {
	u32 nr;
	struct term *list;
	int side;			/* the set that is being added */
	u32 runs;			/* of that set */
};

static void term_add(struct terms *t, const char *key, const char *place, double value)
{
	struct term *one = NULL;

	for (u32 i = 0; i < t->nr && !one; i++)
		if (strcmp(t->list[i].key, key) == 0)
			one = &t->list[i];
	if (!one) {
		one = array_add(t->list, t->nr);
		one->key = string_copy(key);
		one->place = string_copy(place);
	}
	one->mean[t->side] += value / t->runs;
}

static void add_pairs(struct terms *t, const struct lock_report *r, u32 class, double per)
{
	char key[512], place[200];

	for (u32 i = 0; i < r->nr_pairs; i++) {
		const struct lock_report_pair *p = &r->pairs[i];
		const struct lock_report_site *w = &r->sites[p->waiter], *h = &r->sites[p->holder];

		if (p->class != class)
			continue;
		snprintf(key, sizeof(key), "%.100s %.100s %.100s %.100s", w->func, w->file,
			 h->func, h->file);
		snprintf(place, sizeof(place), "%s -> %s", lock_place(r, p->waiter).s,
			 lock_place_after(r, p->holder, p->waiter).s);
		term_add(t, key, place, (double)p->wait.sum * per);
	}
}

/* Time held from this row, estimated from its own samples. */
static double row_held(const struct lock_report_row *row)
{
	double uncontended = (double)(row->acquired - min(row->acquired, row->contended));
	double each = row->hold.nr ? (double)row->hold.sum / (double)row->hold.nr : 0;

	return each * uncontended + (double)row->hold_contended.sum;
}

static void add_rows(struct terms *t, const struct lock_report *r, u32 class, bool held)
{
	char key[256];
	u64 all = 0;

	for (u32 i = 0; i < r->nr_rows; i++)
		all += r->rows[i].class == class ? r->rows[i].acquired : 0;
	for (u32 i = 0; i < r->nr_rows; i++) {
		const struct lock_report_row *row = &r->rows[i];
		const struct lock_report_site *s = &r->sites[row->site];

		if (row->class != class || row->read)
			continue;
		snprintf(key, sizeof(key), "%.100s %.100s", s->func, s->file);
		term_add(t, key, lock_place(r, row->site).s,
			 held ? row_held(row) / (double)max(all, (u64)1) : (double)row->acquired);
	}
}

static void add_run(struct terms *t, const struct run *run, const struct metric *m)
{
	const struct lock_report *r = &run->file.locks;
	double cpu_ns = (double)r->elapsed_ns * r->nr_cpus;
	u32 class = 0;

	while (class < r->nr_classes && strcmp(r->classes[class].name, m->lock) != 0)
		class++;
	if (class == r->nr_classes || !(cpu_ns > 0))
		return;
	switch (m->field) {
	case FIELD_WAIT:
	case FIELD_CONTENDED:
	case FIELD_WAIT_P99:
		add_pairs(t, r, class, 1000 / cpu_ns);
		break;
	case FIELD_ACQUIRED:
	case FIELD_BOUNCES:
		add_rows(t, r, class, false);
		break;
	case FIELD_HELD:
	case FIELD_HOLD_MEAN:
	case FIELD_HOLD_P50:
		add_rows(t, r, class, true);
		break;
	default:
		break;
	}
}

char *compare_explain(const struct run_set *a, const struct run_set *b, const struct metric *m)
{
	const struct run_set *const sets[] = { a, b };
	struct terms t = { 0 };
	double total = 0, most = 0;
	const char *place = NULL;
	char *text = NULL;

	if (!m->lock)
		return NULL;
	for (t.side = 0; t.side < 2; t.side++) {
		t.runs = sets[t.side]->nr;
		for (u32 i = 0; i < t.runs; i++)
			add_run(&t, &sets[t.side]->runs[i], m);
	}
	for (u32 i = 0; i < t.nr; i++)
		total += t.list[i].mean[1] - t.list[i].mean[0];
	for (u32 i = 0; i < t.nr; i++) {
		double share = (t.list[i].mean[1] - t.list[i].mean[0]) / total;

		if (share > most) {
			most = share;
			place = t.list[i].place;
		}
	}
	if (place && most >= SHARE_MIN &&
	    asprintf(&text, "%s: %.0f %% of the change", place, fmin(100, 100 * most)) < 0)
		panic("out of memory for a text");
	for (u32 i = 0; i < t.nr; i++) {
		free(t.list[i].key);
		free(t.list[i].place);
	}
	free(t.list);
	return text;
}
