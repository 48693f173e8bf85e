/* SPDX-License-Identifier: MIT */
/*
 * Contention by waiter, holder, pair, CPU and context, from the rows and pairs of a report, and by
 * slice of time, from the result's timeline.
 *
 * Waiter, holder and context are known of contended acquisitions only, so their views have no
 * column of acquisitions.
 */
#include "stress/report/lock_views.h"

#include <errno.h>

#include "stress/report/array.h"
#include "stress/report/lock_text.h"
#include "stress/report/text.h"

static const char *const by_names[NR_LOCK_BYS] = {
	"lock", "waiter", "holder", "pair", "cpu", "context", "interval",
};
static const char *const context_names[NR_CTX] = { "task", "softirq", "hardirq" };

const char *lock_by_name(unsigned int by)
{
	return by < NR_LOCK_BYS ? by_names[by] : NULL;
}

static bool wanted(const struct lock_report *r, u32 class, const char *lock)
{
	const struct lock_report_class *c = &r->classes[class];

	return !lock || strcmp(c->name, lock) == 0 || strcmp(c->class, lock) == 0;
}

bool lock_view_has_lock(const struct lock_report *r, const char *lock)
{
	for (u32 class = 0; class < r->nr_classes; class++)
		if (wanted(r, class, lock))
			return true;
	return false;
}

/* ---- adding up ---- */

/* Columns left for names beside the numbers of a row of 100. */
#define KEY_COLUMNS	44

struct sums {
	struct lock_view_row *rows;
	u32 nr;
};

/* The row of (@a, @b, @c), new without a key. */
static struct lock_view_row *row_of(struct sums *s, u32 a, u32 b, u32 c)
{
	struct lock_view_row *row;

	for (u32 i = 0; i < s->nr; i++) {
		row = &s->rows[i];
		if (row->of[0] == a && row->of[1] == b && row->of[2] == c)
			return row;
	}
	row = array_add(s->rows, s->nr);
	row->of[0] = a;
	row->of[1] = b;
	row->of[2] = c;
	return row;
}

/* What a pair is counted under, and how that reads. */
static struct lock_view_row *pair_row(struct sums *s, const struct lock_report *r,
				      const struct lock_report_pair *p, enum lock_by by)
{
	u32 site = by == BY_HOLDER ? p->holder : p->waiter;
	struct lock_view_row *row;

	if (by == BY_CONTEXT) {
		row = row_of(s, p->ctx, 0, 0);
		snprintf(row->key, sizeof(row->key), "%s", context_names[p->ctx]);
		return row;
	}
	row = row_of(s, p->class, site, by == BY_PAIR ? p->holder : 0);
	if (row->lock)
		return row;
	row->lock = r->classes[p->class].name;
	snprintf(row->key, sizeof(row->key), "%s", lock_place(r, site).s);
	if (by == BY_PAIR)
		snprintf(row->holder, sizeof(row->holder), "%s",
			 lock_place_after(r, p->holder, p->waiter).s);
	return row;
}

static void add_pairs(struct sums *s, const struct lock_report *r, const struct lock_view *view)
{
	for (u32 i = 0; i < r->nr_pairs; i++) {
		const struct lock_report_pair *p = &r->pairs[i];
		struct lock_view_row *row;

		if (!wanted(r, p->class, view->lock) || p->ctx >= NR_CTX)
			continue;
		row = pair_row(s, r, p, view->by);
		row->contended += p->contended;
		row->wait_ns += p->wait.sum;
		row->wait_max = max(row->wait_max, p->wait.max);
	}
}

static void add_cpus(struct sums *s, const struct lock_report *r, const struct lock_view *view)
{
	for (u32 i = 0; i < r->nr_rows; i++) {
		const struct lock_report_row *from = &r->rows[i];
		struct lock_view_row *row;

		if (!wanted(r, from->class, view->lock))
			continue;
		row = row_of(s, from->cpu, 0, 0);
		snprintf(row->key, sizeof(row->key), "CPU %u", from->cpu);
		row->acquired += from->acquired;
		row->contended += from->contended;
		row->bounces += from->bounces;
		row->wait_ns += from->wait.sum;
		row->wait_max = max(row->wait_max, from->wait.max);
	}
}

/* ---- slices of time ---- */

static u64 element(const json_t *array, size_t i)
{
	json_int_t value = json_integer_value(json_array_get(array, i));

	return value > 0 ? (u64)value : 0;
}

static u64 sum_at(const json_t *arrays, const char *member, size_t i)
{
	u64 sum = 0;

	for (size_t k = 0; k < json_array_size(arrays); k++) {
		const json_t *one = json_array_get(arrays, k);

		sum += element(member ? json_object_get(one, member) : one, i);
	}
	return sum;
}

static bool lock_named(const char *name, const char *lock)
{
	size_t len = lock ? strlen(lock) : 0;

	return !lock || (strncmp(name, lock, len) == 0 && (!name[len] || name[len] == '['));
}

static void add_slice(struct sums *s, const json_t *timeline, size_t i, const char *lock)
{
	const json_t *ends = json_object_get(timeline, "end_ns");
	const json_t *locks = json_object_get(timeline, "locks");
	struct lock_view_row *row = array_add(s->rows, s->nr);

	row->start_ns = i ? element(ends, i - 1) : 0;
	row->end_ns = max(element(ends, i), row->start_ns);
	row->ops = element(json_object_get(timeline, "ops"), i);
	row->free_pages = sum_at(json_object_get(timeline, "zones"), "free", i);
	row->pcp_pages = sum_at(json_object_get(timeline, "pcp_pages"), NULL, i);
	snprintf(row->key, sizeof(row->key), "%s .. %s", text_ns((double)row->start_ns).s,
		 text_ns((double)row->end_ns).s);
	for (size_t k = 0; k < json_array_size(locks); k++) {
		const json_t *one = json_array_get(locks, k);
		const char *name = json_string_value(json_object_get(one, "name"));
		u64 wait = element(json_object_get(one, "wait_ns"), i);

		if (!name || !lock_named(name, lock))
			continue;
		row->acquired += element(json_object_get(one, "acquired"), i);
		row->contended += element(json_object_get(one, "contended"), i);
		row->wait_ns += wait;
		if (wait > row->hottest_ns) {
			row->hottest_ns = wait;
			snprintf(row->hottest, sizeof(row->hottest), "%s", name);
		}
	}
}

int lock_view_check(const struct result_file *f, const struct lock_view *view,
		    struct report_error *err)
{
	const json_t *timeline = json_object_get(f->json, "timeline");

	if (view->by != BY_INTERVAL || json_array_size(json_object_get(timeline, "end_ns")))
		return 0;
	snprintf(err->text, sizeof(err->text), "the result has no timeline; write it again with "
		 "`kmemlab stress NAME --slices 40 --out FILE`");
	return -EINVAL;
}

/* ---- all of them ---- */

static int by_wait(const void *a, const void *b)
{
	const struct lock_view_row *x = a, *y = b;

	if (x->wait_ns != y->wait_ns)
		return x->wait_ns < y->wait_ns ? 1 : -1;
	return strcmp(x->key, y->key);
}

static int by_number(const void *a, const void *b)
{
	const struct lock_view_row *x = a, *y = b;

	return x->of[0] < y->of[0] ? -1 : x->of[0] > y->of[0];
}

u32 lock_view_rows(const struct result_file *f, const struct lock_view *view,
		   struct lock_view_row **rows)
{
	const json_t *timeline = json_object_get(f->json, "timeline");
	struct sums s = { NULL, 0 };

	if (view->by == BY_INTERVAL) {
		size_t nr = json_array_size(json_object_get(timeline, "end_ns"));

		for (size_t i = 0; i < nr; i++)
			add_slice(&s, timeline, i, view->lock);
	} else if (view->by == BY_CPU) {
		add_cpus(&s, &f->locks, view);
	} else {
		add_pairs(&s, &f->locks, view);
	}
	if (s.nr && view->by != BY_INTERVAL)
		qsort(s.rows, s.nr, sizeof(*s.rows), view->by == BY_CPU ? by_number : by_wait);
	*rows = s.rows;
	return s.nr;
}

/* ---- as text ---- */

static void print_slices(const struct lock_view_row *rows, u32 nr, u32 nr_cpus, FILE *out)
{
	fprintf(out, "%-20s %12s %11s | %8s %10s %10s  %s\n", "interval", "ops/s", "contended",
		"wait/CPU", "free pages", "pcp pages", "hottest lock");
	fprintf(out, "%-20s %12s %11s | %8s %10s %10s  %s\n", "", "timed", "exact", "timed",
		"read", "read", "timed");
	for (u32 i = 0; i < nr; i++) {
		const struct lock_view_row *row = &rows[i];
		double ns = (double)(row->end_ns - row->start_ns);

		fprintf(out, "%-20s %12s %11s | %8s %10s %10s  %.22s\n", row->key,
			text_count(ns > 0 ? (u64)((double)row->ops / ns * 1e9) : 0).s,
			text_count(row->contended).s,
			text_share((double)row->wait_ns, ns * nr_cpus).s,
			text_count(row->free_pages).s, text_count(row->pcp_pages).s,
			row->hottest[0] ? row->hottest : "-");
	}
	fprintf(out, "\ncontended and wait: of the locks that were waited for most in the whole "
		"run\n");
}

/* The site and its lock on the rest of the line; the holder on a line of its own. */
static void print_key(const struct lock_view_row *row, FILE *out)
{
	int room = KEY_COLUMNS - (int)strlen(row->key) - 2;

	if (row->lock)
		fprintf(out, "  %.*s  %.*s\n", KEY_COLUMNS, row->key, max(room, 12), row->lock);
	else
		fprintf(out, "  %s\n", row->key);
	if (row->holder[0])
		fprintf(out, "%53s  -> %.*s\n", "", KEY_COLUMNS - 3, row->holder);
}

static void print_rows(const struct lock_report *r, const struct lock_view *view,
		       const struct lock_view_row *rows, u32 nr, FILE *out)
{
	double cpu_ns = (double)r->elapsed_ns * (view->by == BY_CPU ? 1 : r->nr_cpus);
	bool cpu = view->by == BY_CPU;
	u64 total = 0;

	for (u32 i = 0; i < nr; i++)
		total += rows[i].wait_ns;
	if (cpu)
		fprintf(out, "%13s %9s ", "acquired", "bounce");
	fprintf(out, "%12s | %9s %9s %9s %9s  %s\n", "contended", "wait", "of wait",
		cpu ? "of run" : "wait/CPU", "longest", by_names[view->by]);
	if (cpu)
		fprintf(out, "%13s %9s ", "exact", "exact");
	fprintf(out, "%12s | %9s %9s %9s %9s\n", "exact", "timed", "timed", "timed", "timed");
	for (u32 i = 0; i < nr && (!view->top || i < view->top); i++) {
		const struct lock_view_row *row = &rows[i];

		if (cpu)
			fprintf(out, "%13s %9s ", text_count(row->acquired).s,
				text_share((double)row->bounces, (double)row->acquired).s);
		fprintf(out, "%12s | %9s %9s %9s %9s%s", text_count(row->contended).s,
			text_ns((double)row->wait_ns).s,
			text_share((double)row->wait_ns, (double)total).s,
			text_share((double)row->wait_ns, cpu_ns).s,
			text_ns((double)row->wait_max).s, "");
		print_key(row, out);
	}
	if (view->top && nr > view->top)
		fprintf(out, "%u of %u rows\n", view->top, nr);
	if (!nr)
		fputs("nobody waited\n", out);
}

void lock_view_print(const struct result_file *f, const struct lock_view *view, FILE *out)
{
	struct lock_view_row *rows;
	u32 nr = lock_view_rows(f, view, &rows);

	if (view->by == BY_INTERVAL)
		print_slices(rows, nr, f->locks.nr_cpus, out);
	else
		print_rows(&f->locks, view, rows, nr, out);
	free(rows);
}

json_t *lock_view_json(const struct result_file *f, const struct lock_view *view)
{
	json_t *list = json_array();
	struct lock_view_row *rows;
	u32 nr = lock_view_rows(f, view, &rows);

	for (u32 i = 0; i < nr; i++) {
		const struct lock_view_row *row = &rows[i];
		json_t *obj = json_pack("{s:s,s:I,s:I}", "key", row->key, "contended",
					(json_int_t)row->contended, "wait_ns",
					(json_int_t)row->wait_ns);

		if (row->lock)
			json_object_set_new(obj, "lock", json_string(row->lock));
		if (row->holder[0])
			json_object_set_new(obj, "holder", json_string(row->holder));
		if (view->by == BY_CPU || view->by == BY_INTERVAL)
			json_object_set_new(obj, "acquired",
					    json_integer((json_int_t)row->acquired));
		if (view->by == BY_INTERVAL)
			json_object_update_new(obj, json_pack("{s:I,s:I,s:I,s:I,s:I,s:s}",
				"start_ns", (json_int_t)row->start_ns, "end_ns",
				(json_int_t)row->end_ns, "ops", (json_int_t)row->ops,
				"free_pages", (json_int_t)row->free_pages, "pcp_pages",
				(json_int_t)row->pcp_pages, "hottest", row->hottest));
		json_array_append_new(list, obj);
	}
	free(rows);
	return list;
}
