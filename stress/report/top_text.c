/* SPDX-License-Identifier: MIT */
/* The frames of `kmemlab top` as text, from two snapshots (stress/harness/observe.c). */
#include "stress/report/top_text.h"

#include <stdlib.h>
#include <string.h>

#include "mm/page/page.h"
#include "stress/report/array.h"
#include "stress/report/text.h"

static const char *const sort_names[] = { "wait", "contended", "acquired" };

const char *top_sort_name(unsigned int sort)
{
	return sort < NR_TOP_SORTS ? sort_names[sort] : NULL;
}

/* ---- reading snapshots ---- */

static u64 number(const json_t *object, const char *member)
{
	json_int_t value = json_integer_value(json_object_get(object, member));

	return value > 0 ? (u64)value : 0;
}

/* How much a counter grew; a snapshot of another run has smaller ones. */
static u64 grown(const json_t *was, const json_t *now, const char *member)
{
	u64 before = number(was, member), after = number(now, member);

	return after > before ? after - before : 0;
}

static u64 element(const json_t *array, size_t i)
{
	json_int_t value = json_integer_value(json_array_get(array, i));

	return value > 0 ? (u64)value : 0;
}

static u64 sum_grown(const json_t *was, const json_t *now)
{
	u64 sum = 0;

	for (size_t i = 0; i < json_array_size(now); i++) {
		u64 before = element(was, i), after = element(now, i);

		sum += after > before ? after - before : 0;
	}
	return sum;
}

static const char *string(const json_t *object, const char *member)
{
	const char *s = json_string_value(json_object_get(object, member));

	return s ? s : "?";
}

static const json_t *find_lock(const json_t *snapshot, const char *name)
{
	const json_t *list = json_object_get(snapshot, "locks");

	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(string(json_array_get(list, i), "name"), name) == 0)
			return json_array_get(list, i);
	return NULL;
}

/* ---- locks ---- */

struct row {
	const char *name;
	u64 acquired, contended, wait_ns, key;
	const json_t *now;
};

static int by_key(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->key != y->key ? (x->key < y->key ? 1 : -1) : strcmp(x->name, y->name);
}

static u32 lock_rows(const json_t *was, const json_t *now, enum top_sort sort, struct row **out)
{
	const json_t *list = json_object_get(now, "locks");
	struct row *rows = NULL;
	u32 nr = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *lock = json_array_get(list, i);
		const json_t *old = find_lock(was, string(lock, "name"));
		struct row row = {
			.name = string(lock, "name"), .now = lock,
			.acquired = grown(old, lock, "acquired"),
			.contended = grown(old, lock, "contended"),
			.wait_ns = grown(old, lock, "wait_ns"),
		};

		row.key = sort == TOP_BY_WAIT ? row.wait_ns :
			  sort == TOP_BY_CONTENDED ? row.contended : row.acquired;
		if (row.acquired || row.contended)
			*array_add(rows, nr) = row;
	}
	if (nr)
		qsort(rows, nr, sizeof(*rows), by_key);
	*out = rows;
	return nr;
}

static void print_locks(const json_t *was, const json_t *now, const struct top_view *view,
			FILE *out)
{
	u64 cpus = json_array_size(json_object_get(now, "ops"));
	double cpu_ns = (double)grown(was, now, "elapsed_ns") * (double)cpus;
	double seconds = (double)grown(was, now, "elapsed_ns") / 1e9;
	struct row *rows;
	u32 nr = lock_rows(was, now, view->sort, &rows);

	fprintf(out, "\n%-30s %12s %12s %9s | %9s %9s %9s\n", "LOCK", "acquired/s", "contended/s",
		"cont.", "wait/CPU", "p99 wait", "p50 hold");
	for (u32 i = 0; i < min(nr, view->locks); i++) {
		const struct row *r = &rows[i];

		fprintf(out, "%-30.30s %12s %12s %9s | %9s %9s %9s\n", r->name,
			text_count((u64)((double)r->acquired / seconds)).s,
			text_count((u64)((double)r->contended / seconds)).s,
			text_share((double)r->contended, (double)r->acquired).s,
			text_share((double)r->wait_ns, cpu_ns).s,
			text_ns((double)number(r->now, "wait_p99_ns")).s,
			text_ns((double)number(r->now, "hold_p50_ns")).s);
	}
	if (nr > view->locks)
		fprintf(out, "  %u of %u locks\n", view->locks, nr);
	free(rows);
}

/* ---- memory ---- */

static void print_zones(const json_t *now, FILE *out)
{
	const json_t *zones = json_object_get(now, "zones");

	fprintf(out, "\n%-9s %10s %7s  free blocks of 2^order pages, order 0..%d\n",
		"ZONE", "free pages", "", MAX_PAGE_ORDER);
	for (size_t i = 0; i < json_array_size(zones); i++) {
		const json_t *z = json_array_get(zones, i);
		const json_t *orders = json_object_get(z, "nr_free");
		u64 free = number(z, "free");
		char name[40];

		snprintf(name, sizeof(name), "%d %.30s", (int)number(z, "node"),
			 string(z, "name"));
		fprintf(out, "%-9.9s %10s %7s ", name, text_count(free).s,
			text_share((double)free, (double)number(z, "managed")).s);
		for (size_t o = 0; o < json_array_size(orders); o++)
			fprintf(out, " %5llu", (unsigned long long)element(orders, o));
		fprintf(out, "%s\n", free < number(z, "min") ? " <min" :
			free < number(z, "low") ? " <low" : "");
	}
}

/* A bar of @width columns for @part of @whole. */
static void put_bar(u64 part, u64 whole, unsigned int width, FILE *out)
{
	unsigned int full = whole ? (unsigned int)min(part * width / whole, (u64)width) : 0;

	fputc('[', out);
	for (unsigned int i = 0; i < width; i++)
		fputc(i < full ? '#' : '.', out);
	fputc(']', out);
}

static void print_cpus(const json_t *was, const json_t *now, const struct top_view *view,
		       FILE *out)
{
	const json_t *zones = json_object_get(now, "zones");
	const json_t *ops = json_object_get(now, "ops"), *irqs = json_object_get(now, "irqs");
	double seconds = (double)grown(was, now, "elapsed_ns") / 1e9;
	size_t cpus = json_array_size(ops);

	fprintf(out, "\n%-6s %12s %10s %12s  %s\n", "CPU", "ops/s", "irqs/s", "pcp pages",
		"of their limit, all zones");
	for (size_t cpu = 0; cpu < cpus && cpu < view->cpus; cpu++) {
		const json_t *old_ops = json_object_get(was, "ops");
		const json_t *old_irqs = json_object_get(was, "irqs");
		u64 pages = 0, high = 0;
		double steps = (double)element(ops, cpu) - (double)element(old_ops, cpu);
		double taken = (double)element(irqs, cpu) - (double)element(old_irqs, cpu);

		for (size_t i = 0; i < json_array_size(zones); i++) {
			const json_t *lists = json_object_get(json_array_get(zones, i), "pcp");

			pages += number(json_array_get(lists, cpu), "count");
			high += number(json_array_get(lists, cpu), "high");
		}
		fprintf(out, "%-6zu %12s %10s %12s  ", cpu,
			text_count((u64)max(steps / seconds, 0.0)).s,
			text_count((u64)max(taken / seconds, 0.0)).s, text_count(pages).s);
		put_bar(pages, high, 30, out);
		fprintf(out, " %s\n", text_count(high).s);
	}
	if (cpus > view->cpus)
		fprintf(out, "  %u of %zu CPUs\n", view->cpus, cpus);
}

void top_print(const json_t *was, const json_t *now, const struct top_view *view, FILE *out)
{
	u64 ns = grown(was, now, "elapsed_ns");
	u64 ops = sum_grown(json_object_get(was, "ops"), json_object_get(now, "ops"));

	fprintf(out, "%s, process %llu: kmemlab %s, build %s, seed %llu, %zu CPUs\n",
		string(now, "program"), (unsigned long long)number(now, "pid"),
		string(now, "version"), string(now, "build"),
		(unsigned long long)number(now, "seed"),
		json_array_size(json_object_get(now, "ops")));
	fprintf(out, "%.1f s into the run; %.3g M operations/s over the last %s\n",
		(double)number(now, "elapsed_ns") / 1e9,
		ns ? (double)ops / ((double)ns / 1e9) / 1e6 : 0, text_ns((double)ns).s);
	if (!ns)
		return;
	print_locks(was, now, view, out);
	print_cpus(was, now, view, out);
	print_zones(now, out);
}
