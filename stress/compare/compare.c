/* SPDX-License-Identifier: MIT */
/*
 * Deciding which metrics changed.
 *
 * What.
 *   Exact.  A counter is exact when it repeats: all runs of one seed in either set have the same
 *   value (at least one seed with two runs), or the runs end by operations on one CPU.  If in
 *   addition both sets have the same seeds, values are compared seed by seed.  A counter that does
 *   not vary over several runs in either set is exact without equal seeds.  Others are samples.
 *   Sampled.  p of the rank test, corrected after Holm within two families: times, which people
 *   compare for, get FAMILY_SHARE of the level, the many counters that do not repeat the rest.
 *
 * What is tested.  A metric is left out when no shift in it could reach the minimum effect: its
 * values all lie closer together than that, or its lock neither waits nor is held for the minimum
 * share of time in any run.  Both conditions look at the pooled values only, not at which set they
 * came from, so they do not change the level of the tests that remain.
 *
 * Invariants.
 *   I1  Under equal distributions the chance of any sampled change is at most opt.level.
 *   I2  change != CHANGE_NONE in a sampled row implies p_holm < level and |shift| >= min effect.
 *
 * Context.  Host threads.  See also.  stats.c, metric.c, docs/compare.md.
 */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "stress/compare/compare.h"
#include "stress/report/array.h"

/* Share of the level that tests of times get; counters have the rest. */
#define FAMILY_SHARE	0.8

const char *change_name(enum change change)
{
	static const char *const names[] = { "", "better", "WORSE", "changed" };

	return names[change];
}

double compare_effect(const struct compare_row *row)
{
	double by = row->exact ? row->b - row->a : row->shift.value;

	return row->a > 0 || row->a < 0 ? by / fabs(row->a) : NAN;
}

static bool differ(double x, double y)
{
	return x < y || x > y;
}

/* ---- exact metrics ---- */

/*
 * Do the runs of one seed have one value?  1 yes, 0 no, -1 no seed was run twice.
 */
static int repeats(const struct run_set *set, const double *v)
{
	int answer = -1;

	for (u32 i = 0; i < set->nr; i++)
		for (u32 k = 0; k < i; k++) {
			if (strcmp(run_seed(&set->runs[i]).s, run_seed(&set->runs[k]).s) != 0)
				continue;
			if (differ(v[i], v[k]))
				return 0;
			answer = 1;
		}
	return answer;
}

static bool all_equal(const double *v, u32 nr)
{
	for (u32 i = 1; i < nr; i++)
		if (differ(v[i], v[0]))
			return false;
	return true;
}

static bool is_exact(const struct comparison *c, const struct metric *m, bool same_seeds,
		     bool repeatable)
{
	int a = repeats(c->a, m->a), b = repeats(c->b, m->b);

	if (!m->counted || !a || !b)
		return false;
	if (c->a->nr > 1 && c->b->nr > 1 && all_equal(m->a, c->a->nr) &&
	    all_equal(m->b, c->b->nr))
		return true;
	return same_seeds && (a > 0 || b > 0 || repeatable);
}

/* The same seeds, though not the same number of times: enough when values repeat. */
static bool covers_seeds(const struct run_set *a, const struct run_set *b)
{
	for (u32 i = 0; i < a->nr; i++) {
		bool found = false;

		for (u32 k = 0; k < b->nr && !found; k++)
			found = strcmp(run_seed(&a->runs[i]).s, run_seed(&b->runs[k]).s) == 0;
		if (!found)
			return false;
	}
	return true;
}

/* Seed by seed: does any value differ?  Without equal seeds all values of a set are one. */
static bool exact_differs(const struct comparison *c, const struct metric *m, bool same_seeds)
{
	if (!same_seeds)
		return differ(m->a[0], m->b[0]);
	for (u32 i = 0; i < c->a->nr; i++)
		for (u32 k = 0; k < c->b->nr; k++)
			if (strcmp(run_seed(&c->a->runs[i]).s, run_seed(&c->b->runs[k]).s) == 0 &&
			    differ(m->a[i], m->b[k]))
				return true;
	return false;
}

static double mean(const double *v, u32 nr)
{
	double sum = 0;

	/* Equal numbers must have exactly that mean. */
	if (all_equal(v, nr))
		return v[0];
	for (u32 i = 0; i < nr; i++)
		sum += v[i];
	return sum / nr;
}

static enum change judge(const struct metric *m, double by)
{
	if (m->sense == SENSE_NEUTRAL || !differ(by, 0))
		return CHANGE_OTHER;
	return (by < 0) == (m->sense == SENSE_LOWER_IS_BETTER) ? CHANGE_BETTER : CHANGE_WORSE;
}

/* ---- sampled metrics ---- */

/* The finite values of a column; the caller frees them. */
static struct sample finite_values(const double *v, u32 nr)
{
	double *to = calloc(nr ? nr : 1, sizeof(*to));
	u32 n = 0;

	if (!to)
		panic("out of memory for %u values", nr);
	for (u32 i = 0; i < nr; i++)
		if (isfinite(v[i]))
			to[n++] = v[i];
	return (struct sample){ to, n };
}

static void sample_put(struct sample s)
{
	free((void *)(uintptr_t)s.v);
}

static bool lock_matters(const struct comparison *c, const struct metric *m,
			 const struct lock_load *loads, u32 nr)
{
	for (u32 i = 0; i < nr; i++)
		if (strcmp(loads[i].lock, m->lock) == 0)
			return loads[i].wait >= c->opt.min_share ||
			       loads[i].held >= c->opt.min_share;
	return false;
}

/* The smallest shift of @m that would be called a change, by its pooled median. */
static double least_shift(const struct comparison *c, const struct metric *m, double median)
{
	double shift = c->opt.min_effect * fabs(median);

	/* 1 % of CPU time is 10 ms per second. */
	return m->field == FIELD_WAIT ? fmax(shift, 1000 * c->opt.min_share) : shift;
}

static bool could_change(const struct comparison *c, const struct metric *m, struct sample a,
			 struct sample b)
{
	double *all = calloc(a.n + b.n, sizeof(*all)), low, high, median;

	if (!all)
		panic("out of memory for %u values", a.n + b.n);
	memcpy(all, a.v, a.n * sizeof(*all));
	memcpy(all + a.n, b.v, b.n * sizeof(*all));
	low = high = all[0];
	for (u32 i = 0; i < a.n + b.n; i++) {
		low = fmin(low, all[i]);
		high = fmax(high, all[i]);
	}
	median = stat_median((struct sample){ all, a.n + b.n });
	free(all);
	return high > low && high - low >= least_shift(c, m, median);
}

static void fill_sampled(struct comparison *c, struct compare_row *row,
			 const struct lock_load *loads, u32 nr_loads)
{
	const struct metric *m = row->m;
	struct sample a = finite_values(m->a, c->a->nr), b = finite_values(m->b, c->b->nr);

	row->a = stat_median(a);
	row->b = stat_median(b);
	row->ci_a = stat_median_interval(a, c->opt.confidence);
	row->ci_b = stat_median_interval(b, c->opt.confidence);
	row->shift = stat_shift(a, b, c->opt.confidence);
	if (!a.n || !b.n)
		row->untested = UNTESTED_FEW_VALUES;
	else if (!could_change(c, m, a, b) || (m->lock && !lock_matters(c, m, loads, nr_loads)))
		row->untested = UNTESTED_SMALL;
	else
		row->p = stat_rank_test(a, b).p;
	sample_put(a);
	sample_put(b);
}

static bool in_family(const struct compare_row *row, bool counters)
{
	return !row->exact && row->untested == TESTED && row->m->counted == counters;
}

/* Corrects one family; @share of the level is its own, the same as so much larger p-values. */
static u32 correct_family(struct comparison *c, bool counters, double share)
{
	double *p = calloc(c->nr_rows ? c->nr_rows : 1, sizeof(*p));
	u32 nr = 0, k = 0;

	if (!p)
		panic("out of memory for %u tests", c->nr_rows);
	for (u32 i = 0; i < c->nr_rows; i++)
		if (in_family(&c->rows[i], counters))
			p[nr++] = c->rows[i].p;
	stat_holm(p, nr);
	for (u32 i = 0; i < c->nr_rows; i++)
		if (in_family(&c->rows[i], counters))
			c->rows[i].p_holm = fmin(1, p[k++] / share);
	free(p);
	return nr;
}

static void correct(struct comparison *c)
{
	u32 times = correct_family(c, false, FAMILY_SHARE);

	c->nr_tested = times + correct_family(c, true, 1 - FAMILY_SHARE);
	c->least_p = fmin(1, stat_rank_test_least_p(c->a->nr, c->b->nr) * max(times, 1u) /
			     FAMILY_SHARE);
}

static void decide_sampled(const struct comparison *c, struct compare_row *row)
{
	double by = row->shift.value;

	if (row->untested != TESTED || !(row->p_holm < c->opt.level))
		return;
	if (fabs(by) >= least_shift(c, row->m, row->a))
		row->change = judge(row->m, by);
}

/* ---- order, verdict ---- */

static double wait_change(const struct comparison *c, const struct metric *m)
{
	for (u32 i = 0; m->lock && i < c->nr_rows; i++)
		if (c->rows[i].m->field == FIELD_WAIT &&
		    strcmp(c->rows[i].m->lock, m->lock) == 0)
			return fabs(c->rows[i].b - c->rows[i].a);
	return -1;
}

/* Exact counters: those of locks first.  Sampled: the machine as a whole, locks, counters. */
static int place(const struct compare_row *row)
{
	if (row->exact)
		return row->m->lock ? 0 : 1;
	return row->m->lock ? 1 : row->m->counted ? 2 : 0;
}

static int by_weight(const void *a, const void *b)
{
	const struct compare_row *x = a, *y = b;

	if (x->exact != y->exact)
		return x->exact ? -1 : 1;
	/* Sampled: throughput, locks by how much their wait changed, counters. */
	if (place(x) != place(y))
		return place(x) - place(y);
	if (x->exact && differ(fabs(x->shift.value), fabs(y->shift.value)))
		return fabs(x->shift.value) < fabs(y->shift.value) ? 1 : -1;
	if (differ(x->wait_change, y->wait_change))
		return x->wait_change < y->wait_change ? 1 : -1;
	if (x->m->lock && strcmp(x->m->lock, y->m->lock) != 0)
		return strcmp(x->m->lock, y->m->lock);
	return x->m->field != y->m->field ? (int)x->m->field - (int)y->m->field :
		strcmp(x->m->name, y->m->name);
}

static void list_locks(struct comparison *c, const struct lock_load *loads, u32 nr)
{
	c->nr_locks = nr;
	for (u32 i = 0; i < nr; i++) {
		bool changed = false;

		/* A lock that is taken now and then is neither new nor gone. */
		if (!loads[i].used_a && loads[i].used_b == c->b->nr)
			*array_add(c->new_locks, c->nr_new) = string_copy(loads[i].lock);
		if (!loads[i].used_b && loads[i].used_a == c->a->nr)
			*array_add(c->gone_locks, c->nr_gone) = string_copy(loads[i].lock);
		for (u32 k = 0; k < c->nr_rows; k++)
			changed = changed || (c->rows[k].change && c->rows[k].m->lock &&
					      strcmp(c->rows[k].m->lock, loads[i].lock) == 0);
		c->nr_changed_locks += changed;
	}
}

/* The row that stands for all changes of one kind: times before counts, locks before the rest. */
static const struct compare_row *leader(const struct comparison *c, enum change change)
{
	const struct compare_row *best = NULL;
	int rank_best = -1;

	for (u32 i = 0; i < c->nr_rows; i++) {
		const struct compare_row *row = &c->rows[i];
		int rank = (row->m->lock ? 2 : 0) + (row->exact ? 0 : 1);

		if (row->change == change && rank > rank_best) {
			best = row;
			rank_best = rank;
		}
	}
	return best;
}

static char *part_text(const struct compare_row *row, const char *word)
{
	double effect = row ? compare_effect(row) : NAN;
	char *text;
	int rc;

	if (!row)
		rc = asprintf(&text, "%s", "");
	else if (isnan(effect))
		rc = asprintf(&text, "%s: %s from 0; ", word, row->m->name);
	else
		rc = asprintf(&text, "%s: %s %+.*f %%; ", word, row->m->name,
			      fabs(effect) < 0.095 ? 1 : 0, 100 * effect);
	if (rc < 0)
		panic("out of memory for a text");
	return text;
}

static void say_verdict(struct comparison *c)
{
	char *worse = part_text(leader(c, CHANGE_WORSE), "worse");
	char *better = part_text(leader(c, CHANGE_BETTER), "better");
	bool other = leader(c, CHANGE_OTHER) != NULL;

	if (asprintf(&c->verdict, "%s%s%s%u locks compared, %u changed", worse, better,
		     c->worse || c->better ? "" : other ? "changed, neither better nor worse; " :
		     "no change; ", c->nr_locks, c->nr_changed_locks) < 0)
		panic("out of memory for a text");
	free(worse);
	free(better);
}

static void note_power(struct comparison *c, u32 unverified)
{
	double least = stat_rank_test_least_p(c->a->nr, c->b->nr);

	if (unverified)
		remark_add(&c->remarks, REMARK_NOTE, "%u counters are compared as samples: they "
			   "are exact when they repeat, or with --ops on one CPU and equal seeds",
			   unverified);
	if (!c->nr_tested || c->least_p < c->opt.level)
		return;
	remark_add(&c->remarks, REMARK_NOTE, "%u+%u runs: the smallest p possible is %.3f, %.3f "
		   "after the correction for %u tests; no sampled change can be significant, take "
		   "10 runs", c->a->nr, c->b->nr, least, c->least_p, c->nr_tested);
}

static void fill_rows(struct comparison *c, const struct lock_load *loads, u32 nr_loads)
{
	bool seeds = covers_seeds(c->a, c->b) && covers_seeds(c->b, c->a);
	bool repeatable = run_is_repeatable(&c->a->runs[0]) && run_is_repeatable(&c->b->runs[0]);
	u32 unverified = 0;

	c->rows = calloc(c->table.nr ? c->table.nr : 1, sizeof(*c->rows));
	if (!c->rows)
		panic("out of memory for %u metrics", c->table.nr);
	for (u32 i = 0; i < c->table.nr; i++) {
		struct compare_row *row = &c->rows[c->nr_rows++];

		row->m = &c->table.m[i];
		row->p = row->p_holm = 1;
		row->exact = is_exact(c, row->m, seeds, repeatable);
		if (!row->exact) {
			fill_sampled(c, row, loads, nr_loads);
			unverified += row->m->counted;
			continue;
		}
		c->nr_exact++;
		row->a = mean(row->m->a, c->a->nr);
		row->b = mean(row->m->b, c->b->nr);
		row->shift.value = row->b - row->a;
		if (exact_differs(c, row->m, seeds))
			row->change = judge(row->m, row->b - row->a);
	}
	correct(c);
	note_power(c, unverified);
}

void compare_sets(struct comparison *c, const struct run_set *a, const struct run_set *b,
		  const struct compare_options *opt)
{
	struct lock_load *loads;
	u32 nr_loads;

	*c = (struct comparison){ .opt = *opt, .a = a, .b = b };
	compare_check(a, b, opt->min_share, &c->remarks);
	if (c->remarks.nr_obstacles)
		return;
	metric_table_build(&c->table, a, b);
	nr_loads = lock_loads(&c->table, &loads);
	fill_rows(c, loads, nr_loads);
	for (u32 i = 0; i < c->nr_rows; i++) {
		struct compare_row *row = &c->rows[i];

		if (!row->exact)
			decide_sampled(c, row);
		row->wait_change = wait_change(c, row->m);
		if (row->change)
			row->why = compare_explain(a, b, row->m);
		c->better = c->better || row->change == CHANGE_BETTER;
		c->worse = c->worse || row->change == CHANGE_WORSE;
	}
	if (c->nr_rows)
		qsort(c->rows, c->nr_rows, sizeof(*c->rows), by_weight);
	list_locks(c, loads, nr_loads);
	lock_loads_free(loads, nr_loads);
	say_verdict(c);
}

void comparison_free(struct comparison *c)
{
	for (u32 i = 0; i < c->nr_rows; i++)
		free(c->rows[i].why);
	for (u32 i = 0; i < c->nr_new; i++)
		free(c->new_locks[i]);
	for (u32 i = 0; i < c->nr_gone; i++)
		free(c->gone_locks[i]);
	free(c->rows);
	free(c->new_locks);
	free(c->gone_locks);
	free(c->verdict);
	remarks_free(&c->remarks);
	metric_table_free(&c->table);
	*c = (struct comparison){ 0 };
}
