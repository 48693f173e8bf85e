/* SPDX-License-Identifier: MIT */
/*
 * Sums, percentiles and orders over a lock report.
 *
 * What.  A lock's holds are timed in two strata: every hold that followed a wait, and one in N of
 * the others.  Adding the two up would make contended holds weigh N times too much, so each
 * sampled hold is given the weight (uncontended acquisitions) / (sampled holds), which is N up to
 * chance and makes the weights add up to the exact number of acquisitions.
 *
 * Invariants.
 *   I1  all.x == write.x + read.x for every sum x, but acquired and trylock_failed also contain
 *       the owner side's counts.
 *   I2  The weights of a lock's holds add up to its exclusive acquisitions when at least one
 *       uncontended hold was sampled.
 *
 * Context.  Host threads.  Failure.  None.  See also.  runtime/lockstat.c.
 */
#define _GNU_SOURCE
#include <errno.h>

#include "stress/report/array.h"
#include "stress/report/lock_summary.h"

static const char *const sort_names[NR_LOCK_SORTS] = {
	[LOCK_SORT_WAIT] = "wait", [LOCK_SORT_CONTENDED] = "contended",
	[LOCK_SORT_ACQUIRED] = "acquired", [LOCK_SORT_HOLD] = "hold",
	[LOCK_SORT_BOUNCES] = "bounces", [LOCK_SORT_NAME] = "name",
};

const char *lock_sort_name(enum lock_sort sort)
{
	return sort < NR_LOCK_SORTS ? sort_names[sort] : NULL;
}

int lock_sort_by_name(const char *name)
{
	for (int i = 0; i < NR_LOCK_SORTS; i++)
		if (strcmp(name, sort_names[i]) == 0)
			return i;
	return -EINVAL;
}

void lock_time_add(struct lockstat_time *t, const struct lockstat_time *more)
{
	if (!more->nr)
		return;
	if (!t->nr || more->min < t->min)
		t->min = more->min;
	t->max = max(t->max, more->max);
	t->sum += more->sum;
	t->nr += more->nr;
}

static void totals_add(struct lock_totals *t, const struct lock_totals *more)
{
	t->acquired += more->acquired;
	t->contended += more->contended;
	t->bounces += more->bounces;
	t->contended_bounces += more->contended_bounces;
	t->trylock_failed += more->trylock_failed;
	t->spun += more->spun;
	t->slept += more->slept;
	t->queue_max = max(t->queue_max, more->queue_max);
	lock_time_add(&t->wait, &more->wait);
	lock_time_add(&t->hold, &more->hold);
	lock_time_add(&t->hold_contended, &more->hold_contended);
}

static void totals_add_row(struct lock_totals *t, const struct lock_report_row *row)
{
	const struct lock_totals more = {
		.acquired = row->acquired, .contended = row->contended, .bounces = row->bounces,
		.contended_bounces = row->contended_bounces,
		.trylock_failed = row->trylock_failed, .spun = row->spun, .slept = row->slept,
		.queue_max = row->queue_max, .wait = row->wait, .hold = row->hold,
		.hold_contended = row->hold_contended,
	};

	totals_add(t, &more);
}

/* ---- percentiles ---- */

void lock_wait_weights(const struct lock_report *r, u32 class, struct lock_weights *w)
{
	*w = (struct lock_weights){ 0 };
	for (u32 i = 0; i < r->nr_hists; i++)
		for (u32 b = 0; r->hists[i].class == class && b < LOCKSTAT_BUCKETS; b++)
			w->bucket[b] += r->hists[i].hist.wait[b];
}

/* What one sampled hold stands for. */
static double sample_weight(const struct lock_totals *t)
{
	if (!t->hold.nr || t->acquired <= t->contended)
		return t->hold.nr ? 1 : 0;
	return (double)(t->acquired - t->contended) / (double)t->hold.nr;
}

void lock_hold_weights(const struct lock_report *r, const struct lock_summary *s,
		       struct lock_weights *w)
{
	double each = sample_weight(&s->write);

	*w = (struct lock_weights){ 0 };
	for (u32 i = 0; i < r->nr_hists; i++) {
		const struct lockstat_hist *h = &r->hists[i].hist;

		for (u32 b = 0; r->hists[i].class == s->class && b < LOCKSTAT_BUCKETS; b++)
			w->bucket[b] += h->hold[b] * each + h->hold_contended[b];
	}
}

/* Largest value of a bucket; buckets 4 to 7 are never used. */
static u64 bucket_top(u32 b)
{
	return b + 1 < LOCKSTAT_BUCKETS ? lockstat_bucket_floor(b + 1) - 1 : UINT64_MAX;
}

static u64 quantile(const struct lock_weights *w, double total, double q)
{
	double below = 0;
	u32 last = 0;

	for (u32 b = 0; b < LOCKSTAT_BUCKETS; b++) {
		if (!(w->bucket[b] > 0))
			continue;
		last = b;
		below += w->bucket[b];
		if (below >= q * total)
			break;
	}
	return bucket_top(last);
}

struct lock_quantiles lock_quantiles(const struct lock_weights *w, u64 max_ns)
{
	struct lock_quantiles q = { 0 };
	double total = 0;

	for (u32 b = 0; b < LOCKSTAT_BUCKETS; b++)
		total += w->bucket[b];
	if (!(total > 0))
		return q;
	q.p50 = min(quantile(w, total, 0.50), max_ns);
	q.p90 = min(quantile(w, total, 0.90), max_ns);
	q.p99 = min(quantile(w, total, 0.99), max_ns);
	return q;
}

/* ---- pairs ---- */

static int by_pair_wait(const void *a, const void *b)
{
	const struct lock_summary_pair *x = a, *y = b;

	if (x->wait.sum != y->wait.sum)
		return x->wait.sum < y->wait.sum ? 1 : -1;
	if (x->waiter != y->waiter)
		return x->waiter < y->waiter ? -1 : 1;
	return x->holder < y->holder ? -1 : x->holder > y->holder;
}

static void summary_add_pair(struct lock_summary *s, const struct lock_report_pair *from)
{
	struct lock_summary_pair *p = NULL;

	for (u32 i = 0; i < s->nr_pairs && !p; i++)
		if (s->pairs[i].waiter == from->waiter && s->pairs[i].holder == from->holder)
			p = &s->pairs[i];
	if (!p) {
		p = array_add(s->pairs, s->nr_pairs);
		p->waiter = from->waiter;
		p->holder = from->holder;
	}
	p->contended += from->contended;
	lock_time_add(&p->wait, &from->wait);
}

/* ---- summaries ---- */

static void summary_finish(const struct lock_report *r, struct lock_summary *s)
{
	const struct lock_report_class *c = &r->classes[s->class];
	const struct lock_totals *w = &s->write;
	struct lock_weights weights;

	totals_add(&s->all, &s->write);
	totals_add(&s->all, &s->read);
	s->all.acquired += c->owner_acquired;
	s->all.trylock_failed += c->owner_failed;

	lock_wait_weights(r, s->class, &weights);
	s->wait = lock_quantiles(&weights, s->all.wait.max);
	lock_hold_weights(r, s, &weights);
	s->hold = lock_quantiles(&weights, max(w->hold.max, w->hold_contended.max));
	s->hold_known = w->hold.nr || w->hold_contended.nr;
	s->hold_total_ns = (double)w->hold.sum * sample_weight(w) + (double)w->hold_contended.sum;
	if (s->nr_pairs)
		qsort(s->pairs, s->nr_pairs, sizeof(*s->pairs), by_pair_wait);
}

/* What a lock is ordered by; the largest comes first. */
static double sort_key(const struct lock_summary *a, enum lock_sort sort)
{
	switch (sort) {
	case LOCK_SORT_CONTENDED:
		return (double)a->all.contended;
	case LOCK_SORT_ACQUIRED:
		return (double)a->all.acquired;
	case LOCK_SORT_HOLD:
		return a->hold_total_ns;
	case LOCK_SORT_BOUNCES:
		return (double)a->all.bounces;
	default:
		return (double)a->all.wait.sum;
	}
}

struct sort_context {
	const struct lock_report *r;
	enum lock_sort sort;
};

static int by_key(const void *a, const void *b, void *arg)
{
	const struct lock_summary *x = a, *y = b;
	const struct sort_context *ctx = arg;
	double kx, ky;

	if (ctx->sort == LOCK_SORT_NAME)
		return strcmp(ctx->r->classes[x->class].name, ctx->r->classes[y->class].name);
	kx = sort_key(x, ctx->sort);
	ky = sort_key(y, ctx->sort);
	if (kx < ky || kx > ky)
		return kx < ky ? 1 : -1;
	/* Locks that nobody waited for: the busiest first. */
	if (ctx->sort == LOCK_SORT_WAIT && x->all.acquired != y->all.acquired)
		return x->all.acquired < y->all.acquired ? 1 : -1;
	return x->class < y->class ? -1 : x->class > y->class;
}

u32 lock_summaries(const struct lock_report *r, enum lock_sort sort, struct lock_summary **out)
{
	struct sort_context ctx = { r, sort };
	struct lock_summary *all = calloc(r->nr_classes ? r->nr_classes : 1, sizeof(*all));
	u32 nr = 0;

	if (!all)
		panic("out of memory for %u lock summaries", r->nr_classes);
	for (u32 i = 0; i < r->nr_rows; i++) {
		struct lock_summary *s = &all[r->rows[i].class];

		totals_add_row(r->rows[i].read ? &s->read : &s->write, &r->rows[i]);
	}
	for (u32 i = 0; i < r->nr_pairs; i++)
		summary_add_pair(&all[r->pairs[i].class], &r->pairs[i]);
	for (u32 class = 0; class < r->nr_classes; class++) {
		all[class].class = class;
		summary_finish(r, &all[class]);
		if (all[class].all.acquired || all[class].all.trylock_failed)
			all[nr++] = all[class];
		else
			free(all[class].pairs);
	}
	qsort_r(all, nr, sizeof(*all), by_key, &ctx);
	*out = all;
	return nr;
}

void lock_summaries_free(struct lock_summary *list, u32 nr)
{
	for (u32 i = 0; i < nr; i++)
		free(list[i].pairs);
	free(list);
}

/* ---- JSON ---- */

static json_int_t whole(u64 v)
{
	return (json_int_t)min(v, (u64)INT64_MAX);
}

static json_t *quantiles_json(const struct lock_quantiles *q, const struct lockstat_time *t)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "nr", whole(t->nr), "min_ns",
			 whole(t->min), "p50_ns", whole(q->p50), "p90_ns", whole(q->p90),
			 "p99_ns", whole(q->p99), "max_ns", whole(t->max), "sum_ns",
			 whole(t->sum));
}

static json_t *summary_json(const struct lock_report *r, const struct lock_summary *s)
{
	const struct lock_totals *t = &s->all;
	struct lockstat_time hold = s->write.hold;
	json_t *obj;

	lock_time_add(&hold, &s->write.hold_contended);
	obj = json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "lock", r->classes[s->class].name,
			"acquired", whole(t->acquired), "contended", whole(t->contended),
			"bounces", whole(t->bounces), "trylock_failed", whole(t->trylock_failed),
			"spun", whole(t->spun), "slept", whole(t->slept), "queue_max",
			(json_int_t)t->queue_max);
	json_object_set_new(obj, "wait", quantiles_json(&s->wait, &t->wait));
	json_object_set_new(obj, "hold_timed", quantiles_json(&s->hold, &hold));
	json_object_set_new(obj, "hold_total_estimated_ns", json_real(s->hold_total_ns));
	return obj;
}

json_t *lock_summaries_json(const struct lock_report *r)
{
	struct lock_summary *list;
	u32 nr = lock_summaries(r, LOCK_SORT_WAIT, &list);
	json_t *array = json_array();

	for (u32 i = 0; i < nr; i++)
		json_array_append_new(array, summary_json(r, &list[i]));
	lock_summaries_free(list, nr);
	return array;
}
