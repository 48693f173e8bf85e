/* SPDX-License-Identifier: MIT */
/*
 * Collecting the metrics of two sets of runs.
 *
 * What.  Every run is walked once; a metric is made when a run first has it and filled with what
 * the value is in runs that lack it: nothing was counted and nobody waited for a lock that was
 * never taken, but its hold time is unknown, not 0.
 *
 * Percentiles.  A report prints the upper end of a histogram step, which moves in jumps of up to
 * 25 %.  Here the value is interpolated within the step, so that a 10 % change is a change.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "stress/compare/metric.h"
#include "stress/report/array.h"
#include "stress/report/lock_summary.h"

static const struct field {
	const char *name, *unit;
	enum metric_sense sense;
} fields[NR_LOCK_FIELDS] = {
	[FIELD_ACQUIRED] = { "acquired", "per 1k op", SENSE_LOWER_IS_BETTER },
	[FIELD_WAIT] = { "wait", "ms/CPU-s", SENSE_LOWER_IS_BETTER },
	[FIELD_CONTENDED] = { "contended", "%", SENSE_LOWER_IS_BETTER },
	[FIELD_BOUNCES] = { "bounces", "%", SENSE_LOWER_IS_BETTER },
	[FIELD_WAIT_P99] = { "wait p99", "ns", SENSE_LOWER_IS_BETTER },
	[FIELD_HELD] = { "held", "ms/s rest", SENSE_LOWER_IS_BETTER },
	[FIELD_HOLD_MEAN] = { "hold mean", "ns", SENSE_LOWER_IS_BETTER },
	[FIELD_HOLD_P50] = { "hold p50", "ns", SENSE_LOWER_IS_BETTER },
};

/* Where the walk is. */
struct walk {
	struct metric_table *t;
	bool of_b;
	u32 run;
	double per;			/* what a counter is multiplied with */
};

static struct metric *find(const struct metric_table *t, const char *name)
{
	for (u32 i = 0; i < t->nr; i++)
		if (strcmp(t->m[i].name, name) == 0)
			return &t->m[i];
	return NULL;
}

static double *column(u32 nr, double value)
{
	double *v = calloc(nr ? nr : 1, sizeof(*v));

	if (!v)
		panic("out of memory for %u runs", nr);
	for (u32 i = 0; i < nr; i++)
		v[i] = value;
	return v;
}

/* The metric @name of the walk's run is @value; @missing stands in runs without it. */
static struct metric *put(const struct walk *w, const char *name, double value, double missing)
{
	struct metric *m = find(w->t, name);

	if (!m) {
		m = array_add(w->t->m, w->t->nr);
		m->name = string_copy(name);
		m->a = column(w->t->a->nr, missing);
		m->b = column(w->t->b->nr, missing);
		m->unit = "";
	}
	(w->of_b ? m->b : m->a)[w->run] = value;
	return m;
}

/* ---- counters and sampled numbers of the result ---- */

/* Names that say by themselves that less of it is better. */
static enum metric_sense sense_of(const char *name)
{
	static const char *const costs[] = {
		"refill", "spill", "fail", "refused", "stall", "oom", "stranded", "_ns", "_us",
		"drain_all", "retries", "ipi", "depot_waits",
	};

	if (strstr(name, "_per_second"))
		return SENSE_HIGHER_IS_BETTER;
	for (size_t i = 0; i < ARRAY_SIZE(costs); i++)
		if (strstr(name, costs[i]))
			return SENSE_LOWER_IS_BETTER;
	return SENSE_NEUTRAL;
}

/* A level is not divided by the number of operations. */
static bool is_level(const char *name)
{
	static const char *const levels[] = {
		"_max", "_min", "_mean", "_peak", "stranded", "rounds",
	};

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (strstr(name, levels[i]))
			return true;
	return false;
}

static void put_number(const struct walk *w, const char *name, const json_t *v, bool counted)
{
	bool rate = counted && json_is_integer(v) && !is_level(name);
	struct metric *m = put(w, name, json_number_value(v) * (rate ? w->per : 1),
			       counted ? 0 : NAN);

	m->counted = counted;
	m->sense = sense_of(name);
	m->unit = rate && w->t->per_kop ? "per 1k op" : "";
}

/* The name of an entry of an array: its zone and node where it has them, else its number. */
static void entry_name(char *to, size_t size, const char *list, const json_t *v, size_t i)
{
	const char *zone = json_string_value(json_object_get(v, "zone"));
	const json_t *node = json_object_get(v, "node");

	if (zone && json_is_integer(node))
		snprintf(to, size, "%.100s[%lld/%.40s]", list,
			 (long long)json_integer_value(node), zone);
	else if (json_is_string(json_object_get(v, "name")))
		snprintf(to, size, "%.100s[%.60s]", list,
			 json_string_value(json_object_get(v, "name")));
	else
		snprintf(to, size, "%.100s[%zu]", list, i);
}

#define DEPTH_MAX	8

static void flatten(const struct walk *w, const json_t *v, const char *name, bool counted,
		    int depth)
{
	char inner[256];
	const char *key;
	json_t *member;

	if (json_is_number(v)) {
		put_number(w, name, v, counted);
		return;
	}
	if (depth >= DEPTH_MAX)
		return;
	for (size_t i = 0; i < json_array_size(v); i++) {
		entry_name(inner, sizeof(inner), name, json_array_get(v, i), i);
		flatten(w, json_array_get(v, i), inner, counted, depth + 1);
	}
	json_object_foreach((json_t *)(uintptr_t)v, key, member) {
		/* Already in the entry's name, or only the denominator of another number. */
		if (strcmp(key, "node") == 0 || strcmp(key, "zone") == 0 ||
		    strcmp(key, "duration_s") == 0)
			continue;
		snprintf(inner, sizeof(inner), "%.150s%s%.100s", name, *name ? "." : "", key);
		flatten(w, member, inner, counted, depth + 1);
	}
}

/* ---- locks ---- */

/* The value below which the share @q of the weights lies, interpolated; NAN without weights. */
static double quantile(const struct lock_weights *w, double q)
{
	double total = 0, below = 0;

	for (u32 b = 0; b < LOCKSTAT_BUCKETS; b++)
		total += w->bucket[b];
	for (u32 b = 0; b < LOCKSTAT_BUCKETS && total > 0; b++) {
		double low = (double)lockstat_bucket_floor(b), high;

		if (!(w->bucket[b] > 0))
			continue;
		/* The steps below 4 ns are single values; 4 to 7 are never used. */
		high = b < 4 ? low + 1 : b + 1 < LOCKSTAT_BUCKETS ?
			(double)lockstat_bucket_floor(b + 1) : low * 1.25;
		if (below + w->bucket[b] >= q * total)
			return low + (high - low) * (q * total - below) / w->bucket[b];
		below += w->bucket[b];
	}
	return NAN;
}

static void put_field(const struct walk *w, const char *lock, enum lock_field field,
		      double value)
{
	char name[256];
	struct metric *m;

	snprintf(name, sizeof(name), "%.200s %s", lock, fields[field].name);
	m = put(w, name, value,
		field == FIELD_ACQUIRED || field == FIELD_WAIT || field == FIELD_CONTENDED ? 0 :
		NAN);
	if (m->lock)
		return;
	m->lock = string_copy(lock);
	m->field = field;
	m->counted = field == FIELD_ACQUIRED;
	m->sense = fields[field].sense;
	m->unit = m->counted && !w->t->per_kop ? "" : fields[field].unit;
}

static void put_lock(const struct walk *w, const struct lock_report *r,
		     const struct lock_summary *s)
{
	double cpu_ns = (double)r->elapsed_ns * r->nr_cpus, acquired = (double)s->all.acquired;
	const char *lock = r->classes[s->class].name;
	struct lock_weights weights;
	double rest;

	put_field(w, lock, FIELD_ACQUIRED, acquired * w->per);
	if (r->mode == LOCKSTAT_OFF)
		return;
	put_field(w, lock, FIELD_WAIT,
		  cpu_ns > 0 ? 1000 * (double)s->all.wait.sum / cpu_ns : NAN);
	if (s->all.acquired) {
		put_field(w, lock, FIELD_CONTENDED, 100 * (double)s->all.contended / acquired);
		put_field(w, lock, FIELD_BOUNCES, 100 * (double)s->all.bounces / acquired);
	}
	lock_wait_weights(r, s->class, &weights);
	put_field(w, lock, FIELD_WAIT_P99, quantile(&weights, 0.99));
	if (!s->hold_known || !s->write.acquired)
		return;
	/*
	 * The holds against the rest of the CPU time: how fast the host was in this run, which
	 * changes all lengths alike, cancels.  Against all of it a longer hold would hide itself.
	 */
	rest = cpu_ns - s->hold_total_ns;
	put_field(w, lock, FIELD_HELD, rest > 0 ? 1000 * s->hold_total_ns / rest : NAN);
	lock_hold_weights(r, s, &weights);
	put_field(w, lock, FIELD_HOLD_MEAN, s->hold_total_ns / (double)s->write.acquired);
	put_field(w, lock, FIELD_HOLD_P50, quantile(&weights, 0.50));
}

static void put_run(struct walk *w, const struct run *run)
{
	const struct lock_report *r = &run->file.locks;
	struct lock_summary *list;
	u64 ops = run_ops(run);
	u32 nr = lock_summaries(r, LOCK_SORT_WAIT, &list);

	w->per = w->t->per_kop && ops ? 1000 / (double)ops : 1;
	flatten(w, json_object_get(run->file.json, "sampled"), "", false, 0);
	for (u32 i = 0; i < nr; i++)
		put_lock(w, r, &list[i]);
	flatten(w, json_object_get(run->file.json, "exact"), "", true, 0);
	lock_summaries_free(list, nr);
}

static bool all_counted_ops(const struct run_set *set)
{
	bool all = true;

	for (u32 i = 0; i < set->nr; i++)
		all = all && run_ops(&set->runs[i]);
	return all;
}

void metric_table_build(struct metric_table *t, const struct run_set *a, const struct run_set *b)
{
	struct walk w = { .t = t };

	*t = (struct metric_table){ .a = a, .b = b };
	t->per_kop = all_counted_ops(a) && all_counted_ops(b);
	for (w.run = 0; w.run < a->nr; w.run++)
		put_run(&w, &a->runs[w.run]);
	w.of_b = true;
	for (w.run = 0; w.run < b->nr; w.run++)
		put_run(&w, &b->runs[w.run]);
}

void metric_table_free(struct metric_table *t)
{
	for (u32 i = 0; i < t->nr; i++) {
		free(t->m[i].name);
		free(t->m[i].lock);
		free(t->m[i].a);
		free(t->m[i].b);
	}
	free(t->m);
	*t = (struct metric_table){ 0 };
}

const struct metric *metric_of_lock(const struct metric_table *t, const char *lock,
				    enum lock_field field)
{
	for (u32 i = 0; i < t->nr; i++)
		if (t->m[i].field == field && t->m[i].lock && strcmp(t->m[i].lock, lock) == 0)
			return &t->m[i];
	return NULL;
}

/* ---- how much a lock matters ---- */

static void load_add(struct lock_load **list, u32 *nr, const struct run *run, bool of_b)
{
	const struct lock_report *r = &run->file.locks;
	struct lock_summary *locks;
	u32 nr_locks = lock_summaries(r, LOCK_SORT_WAIT, &locks);
	double elapsed = (double)r->elapsed_ns;

	for (u32 i = 0; i < nr_locks && elapsed > 0; i++) {
		const char *name = r->classes[locks[i].class].name;
		struct lock_load *l = NULL;

		for (u32 k = 0; k < *nr && !l; k++)
			if (strcmp((*list)[k].lock, name) == 0)
				l = &(*list)[k];
		if (!l) {
			l = array_add(*list, *nr);
			l->lock = string_copy(name);
		}
		*(of_b ? &l->used_b : &l->used_a) += 1;
		l->held = fmax(l->held, locks[i].hold_total_ns / elapsed);
		l->wait = fmax(l->wait,
			       (double)locks[i].all.wait.sum / (elapsed * fmax(r->nr_cpus, 1)));
	}
	lock_summaries_free(locks, nr_locks);
}

u32 lock_loads(const struct metric_table *t, struct lock_load **out)
{
	u32 nr = 0;

	*out = NULL;
	for (u32 i = 0; i < t->a->nr; i++)
		load_add(out, &nr, &t->a->runs[i], false);
	for (u32 i = 0; i < t->b->nr; i++)
		load_add(out, &nr, &t->b->runs[i], true);
	return nr;
}

void lock_loads_free(struct lock_load *list, u32 nr)
{
	for (u32 i = 0; i < nr; i++)
		free(list[i].lock);
	free(list);
}
