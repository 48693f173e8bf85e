/* SPDX-License-Identifier: MIT */
/*
 * Reading and applying gate rules.
 *
 * What.  A rule is resolved to columns of values, one per run: the sum of a counter or of waiting
 * over the locks that the rule names, or each such lock's own column where a sum has no meaning.
 * A change of a sampled column must pass its threshold and be significant; p is corrected over all
 * sampled results.  A change beyond the threshold that could not be significant with so few runs
 * is undecided, never passed.
 */
#include "stress/compare/gate.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "stress/report/array.h"
#include "stress/report/spelling.h"

#define LEVEL_DEFAULT	0.05

static const struct alias {
	const char *name;
	enum lock_field field;
	double scale;
	bool sum;			/* over locks */
} aliases[] = {
	{ "acq", FIELD_ACQUIRED, 1, true },
	{ "wait%", FIELD_WAIT, 0.1, true },
	{ "wait", FIELD_WAIT, 1, true },
	{ "contended%", FIELD_CONTENDED, 1, false },
	{ "bounces%", FIELD_BOUNCES, 1, false },
	{ "p99", FIELD_WAIT_P99, 1, false },
	{ "held", FIELD_HELD, 1, false },
	{ "hold", FIELD_HOLD_MEAN, 1, false },
	{ "hold50", FIELD_HOLD_P50, 1, false },
};

/* ---- reading ---- */

static int bad_rule(struct report_error *err, const char *text, const char *why)
{
	snprintf(err->text, sizeof(err->text), "--fail '%.100s': %s; write METRIC>+N%% or "
		 "METRIC>+N%%,p<P", text, why);
	return -EINVAL;
}

static bool get_real(const char **s, double *v)
{
	char *end;

	if (!isdigit((unsigned char)**s) && **s != '.')
		return false;
	*v = strtod(*s, &end);
	*s = end;
	return isfinite(*v);
}

/* The part behind the comparison sign: [+|-]NUMBER[%|pp]. */
static bool parse_threshold(struct gate_rule *r, const char *s)
{
	bool negative = *s == '-';

	r->change = *s == '+' || *s == '-';
	s += r->change;
	if (!get_real(&s, &r->threshold))
		return false;
	r->threshold = negative ? -r->threshold : r->threshold;
	if (strcmp(s, "%") == 0)
		r->unit = r->change ? GATE_RELATIVE : GATE_PLAIN;
	else if (strcmp(s, "pp") == 0)
		r->unit = GATE_POINTS;
	else
		return !*s;
	return true;
}

/* [LOCK.]FIELD, or a metric's own name. */
static void parse_metric(struct gate_rule *r, const char *name)
{
	const char *dot = strrchr(name, '.'), *field = dot ? dot + 1 : name;

	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
		if (strcmp(field, aliases[i].name) != 0)
			continue;
		r->field = aliases[i].field;
		r->scale = aliases[i].scale;
		if (dot) {
			r->lock = string_copy(name);
			r->lock[dot - name] = '\0';
		}
		return;
	}
	r->scale = 1;
	r->metric = string_copy(strcmp(name, "ops/s") == 0 ? "ops_per_second" : name);
}

int gate_add_rule(struct gate *g, const char *text, struct report_error *err)
{
	struct gate_rule r = { .level = LEVEL_DEFAULT };
	char buf[256], *sign = NULL, *level;
	const char *p;

	if (strlen(text) >= sizeof(buf))
		return bad_rule(err, text, "longer than 255 characters");
	strcpy(buf, text);
	level = strstr(buf, ",p<");
	if (level) {
		*level = '\0';
		p = level + 3;
		if (!get_real(&p, &r.level) || *p || r.level <= 0 || r.level > 1)
			return bad_rule(err, text, "',p<' needs a number up to 1");
	}
	/* Names of locks contain "->": the last sign is the comparison. */
	for (char *s = buf; *s; s++)
		if (*s == '>' || *s == '<')
			sign = s;
	if (!sign || sign == buf)
		return bad_rule(err, text, "no METRIC with '>' or '<' behind it");
	r.above = *sign == '>';
	*sign = '\0';
	if (strchr(buf, ','))
		return bad_rule(err, text, "only ',p<P' may follow the threshold");
	if (!parse_threshold(&r, sign + 1))
		return bad_rule(err, text, "no threshold behind the sign");
	if (level && !r.change)
		return bad_rule(err, text, "p belongs to a change: give the threshold a sign");
	parse_metric(&r, buf);
	if (r.unit == GATE_POINTS && (r.metric || !strchr(buf, '%'))) {
		free(r.lock);
		free(r.metric);
		return bad_rule(err, text, "pp is for wait%, contended% and bounces%");
	}
	r.text = string_copy(text);
	*array_add(g->rules, g->nr_rules) = r;
	return 0;
}

void gate_free(struct gate *g)
{
	for (u32 i = 0; i < g->nr_rules; i++) {
		free(g->rules[i].text);
		free(g->rules[i].lock);
		free(g->rules[i].metric);
	}
	for (u32 i = 0; i < g->nr_results; i++)
		free(g->results[i].metric);
	free(g->rules);
	free(g->results);
	*g = (struct gate){ 0 };
}

/* ---- columns ---- */

struct columns {
	double *a, *b;
	u32 na, nb;
	bool exact;
	u32 nr;				/* metrics added up */
};

static bool matches(const struct gate_rule *r, const struct metric *m)
{
	size_t len = r->lock ? strlen(r->lock) : 0;

	if (r->metric)
		return strcmp(m->name, r->metric) == 0;
	if (!m->lock || m->field != r->field)
		return false;
	return !len || (strncmp(m->lock, r->lock, len) == 0 &&
			!isalnum((unsigned char)m->lock[len]) && m->lock[len] != '_');
}

static void column_add(double *to, const double *from, u32 nr, double scale)
{
	for (u32 i = 0; i < nr; i++)
		to[i] += from[i] * scale;
}

static void columns_add(struct columns *col, const struct compare_row *row, double scale)
{
	column_add(col->a, row->m->a, col->na, scale);
	column_add(col->b, row->m->b, col->nb, scale);
	col->exact = col->exact && row->exact;
	col->nr++;
}

static struct columns columns_new(const struct comparison *c)
{
	struct columns col = { .na = c->a->nr, .nb = c->b->nr, .exact = true };

	col.a = calloc(col.na, sizeof(*col.a));
	col.b = calloc(col.nb, sizeof(*col.b));
	if (!col.a || !col.b)
		panic("out of memory for %u runs", col.na + col.nb);
	return col;
}

static u32 keep_finite(double *v, u32 nr)
{
	u32 n = 0;

	for (u32 i = 0; i < nr; i++)
		if (isfinite(v[i]))
			v[n++] = v[i];
	return n;
}

/* ---- judging ---- */

static double mean(const double *v, u32 nr)
{
	double sum = 0;

	for (u32 i = 0; i < nr; i++)
		sum += v[i];
	return nr ? sum / nr : NAN;
}

static bool beyond(const struct gate_result *r)
{
	return r->rule->above ? r->value > r->rule->threshold : r->value < r->rule->threshold;
}

/* One result of @rule from @col, which is given back. */
static void judge(struct gate *g, const struct gate_rule *rule, const char *name,
		  struct columns *col)
{
	struct gate_result *r = array_add(g->results, g->nr_results);
	struct sample a = { col->a, keep_finite(col->a, col->na) };
	struct sample b = { col->b, keep_finite(col->b, col->nb) };
	double base = col->exact ? mean(a.v, a.n) : stat_median(a), per = 1;
	struct shift s = stat_shift(a, b, 1 - rule->level);

	*r = (struct gate_result){ .rule = rule, .metric = string_copy(name),
				   .exact = col->exact, .interval = { NAN, NAN, false } };
	if (rule->unit == GATE_RELATIVE)
		per = 100 / fabs(base);
	if (!rule->change) {
		r->value = stat_median(b);
	} else if (col->exact) {
		r->value = (mean(b.v, b.n) - base) * per;
		/* No change of nothing is no change. */
		r->value = isnan(r->value) ? 0 : r->value;
	} else {
		r->value = s.value * per;
		r->interval = (struct interval){ s.interval.low * per, s.interval.high * per,
						 s.interval.known };
		r->p = stat_rank_test(a, b).p;
		r->value = isnan(r->value) && a.n && b.n && !(s.value > 0) && !(s.value < 0) ? 0 :
			   r->value;
	}
	if (rule->change && !col->exact && beyond(r) &&
	    stat_rank_test_least_p(a.n, b.n) >= rule->level)
		r->outcome = GATE_UNDECIDED;
	if (isnan(r->value))
		r->outcome = GATE_UNDECIDED;
	free(col->a);
	free(col->b);
}

static bool tested(const struct gate_result *r)
{
	return r->rule && r->rule->change && !r->exact;
}

static void conclude(struct gate *g)
{
	double *p = calloc(g->nr_results ? g->nr_results : 1, sizeof(*p));
	u32 nr = 0;

	if (!p)
		panic("out of memory for %u results", g->nr_results);
	for (u32 i = 0; i < g->nr_results; i++)
		if (tested(&g->results[i]))
			p[nr++] = g->results[i].p;
	stat_holm(p, nr);
	nr = 0;
	for (u32 i = 0; i < g->nr_results; i++) {
		struct gate_result *r = &g->results[i];
		bool fail = beyond(r);

		if (tested(r)) {
			r->p = p[nr++];
			fail = fail && r->p < r->rule->level;
		}
		if (r->outcome != GATE_UNDECIDED)
			r->outcome = fail ? GATE_FAIL : GATE_PASS;
		g->nr_failed += r->outcome == GATE_FAIL;
		g->nr_undecided += r->outcome == GATE_UNDECIDED;
	}
	free(p);
}

static int unknown_metric(const struct gate_rule *rule, const struct comparison *c,
			  struct report_error *err)
{
	const struct lock_report *locks = &c->a->runs[0].file.locks;
	const char **names = NULL, *near;
	u32 nr = 0;

	/* A class is a shorter thing to misspell than a lock's whole name. */
	for (u32 i = 0; i < locks->nr_classes && !rule->metric; i++)
		*array_add(names, nr) = locks->classes[i].class;
	for (u32 i = 0; i < c->nr_rows && rule->metric; i++)
		*array_add(names, nr) = c->rows[i].m->name;
	near = spelling_nearest(rule->metric ? rule->metric : rule->lock ? rule->lock : "", names,
				nr);
	snprintf(err->text, sizeof(err->text),
		 "--fail '%.100s': no run has this metric; %s%.100s%s", rule->text,
		 near ? "did you mean '" : "`kmemlab diff --all` lists them", near ? near : "",
		 near ? "'?" : "");
	free(names);
	return -EINVAL;
}

static int apply(struct gate *g, const struct gate_rule *rule, const struct comparison *c,
		 struct report_error *err)
{
	bool sum = !rule->metric && (rule->field == FIELD_ACQUIRED || rule->field == FIELD_WAIT);
	struct columns all = columns_new(c);
	u32 nr = 0;

	for (u32 i = 0; i < c->nr_rows; i++) {
		struct columns one;

		if (!matches(rule, c->rows[i].m))
			continue;
		nr++;
		if (sum) {
			columns_add(&all, &c->rows[i], rule->scale);
			continue;
		}
		one = columns_new(c);
		columns_add(&one, &c->rows[i], rule->scale);
		judge(g, rule, c->rows[i].m->name, &one);
	}
	if (sum && nr) {
		judge(g, rule, rule->lock ? rule->lock : "all locks", &all);
		return 0;
	}
	free(all.a);
	free(all.b);
	return nr ? 0 : unknown_metric(rule, c, err);
}

int gate_apply(struct gate *g, const struct comparison *c, struct report_error *err)
{
	for (u32 i = 0; i < g->nr_rules; i++)
		if (apply(g, &g->rules[i], c, err))
			return -EINVAL;
	conclude(g);
	return 0;
}

void gate_apply_default(struct gate *g, const struct comparison *c)
{
	for (u32 i = 0; i < c->nr_rows; i++) {
		const struct compare_row *row = &c->rows[i];
		double effect = compare_effect(row);
		struct gate_result *r;

		if (!row->exact && row->untested != TESTED)
			continue;
		r = array_add(g->results, g->nr_results);
		*r = (struct gate_result){
			.metric = string_copy(row->m->name), .exact = row->exact,
			.value = isnan(effect) ? (row->b > row->a ? INFINITY : 0) : 100 * effect,
			.interval = { NAN, NAN, false }, .p = row->exact ? 0 : row->p_holm,
			.outcome = row->change == CHANGE_WORSE ? GATE_FAIL : GATE_PASS,
		};
		g->nr_failed += r->outcome == GATE_FAIL;
	}
}
