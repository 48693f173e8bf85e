/* SPDX-License-Identifier: MIT */
/*
 * Lock reports as JSON and back.
 *
 * One table per record type names its numbers; the writer and the reader both walk it, so neither
 * can know a member that the other does not.  The member "summary" is derived, for readers without
 * our percentile code, and is ignored when read.
 */
#include <errno.h>
#include <stdarg.h>

#include "stress/report/array.h"
#include "stress/report/lock_report.h"
#include "stress/report/lock_summary.h"

struct field {
	const char *name;
	size_t offset;
	bool wide;			/* u64, otherwise u32 */
};

#define WIDE(type, member)	{ #member, offsetof(struct type, member), true }
#define NARROW(type, member)	{ #member, offsetof(struct type, member), false }

static const struct field row_fields[] = {
	NARROW(lock_report_row, class), NARROW(lock_report_row, site),
	NARROW(lock_report_row, cpu), NARROW(lock_report_row, queue_max),
	WIDE(lock_report_row, acquired), WIDE(lock_report_row, contended),
	WIDE(lock_report_row, bounces), WIDE(lock_report_row, contended_bounces),
	WIDE(lock_report_row, trylock_failed), WIDE(lock_report_row, spun),
	WIDE(lock_report_row, slept),
};

static const struct field pair_fields[] = {
	NARROW(lock_report_pair, class), NARROW(lock_report_pair, waiter),
	NARROW(lock_report_pair, holder), NARROW(lock_report_pair, cpu),
	WIDE(lock_report_pair, contended),
};

static const struct field hist_fields[] = {
	NARROW(lock_report_hist, class), NARROW(lock_report_hist, cpu),
};

static const struct field time_fields[] = {
	{ "nr", offsetof(struct lockstat_time, nr), true },
	{ "sum_ns", offsetof(struct lockstat_time, sum), true },
	{ "min_ns", offsetof(struct lockstat_time, min), true },
	{ "max_ns", offsetof(struct lockstat_time, max), true },
};

static const struct field top_fields[] = {
	WIDE(lock_report, elapsed_ns), NARROW(lock_report, nr_cpus),
	NARROW(lock_report, hold_sample), WIDE(lock_report, overflow),
};

static const char *const mode_names[] = { "off", "default", "all" };
static const char *const ctx_names[] = { "task", "softirq", "hardirq" };

/* ---- writing ---- */

static json_t *integer(u64 v)
{
	/* JSON integers here are signed 64-bit; 292 years of nanoseconds are enough. */
	return json_integer((json_int_t)min(v, (u64)INT64_MAX));
}

static void put_fields(json_t *obj, const void *base, const struct field *f, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		const char *at = (const char *)base + f[i].offset;

		json_object_set_new(obj, f[i].name,
				    integer(f[i].wide ? *(const u64 *)at : *(const u32 *)at));
	}
}

static json_t *time_json(const struct lockstat_time *t)
{
	json_t *obj = json_object();

	put_fields(obj, t, time_fields, ARRAY_SIZE(time_fields));
	return obj;
}

/* Sparse: [[bucket, count], ...]. */
static json_t *buckets_json(const u32 *count)
{
	json_t *list = json_array();

	for (u32 b = 0; b < LOCKSTAT_BUCKETS; b++)
		if (count[b])
			json_array_append_new(list, json_pack("[I,I]", (json_int_t)b,
							      (json_int_t)count[b]));
	return list;
}

static json_t *names_json(const struct lock_report *r, json_t **sites)
{
	json_t *classes = json_array();

	*sites = json_array();
	for (u32 i = 0; i < r->nr_sites; i++) {
		const struct lock_report_site *s = &r->sites[i];

		json_array_append_new(*sites, json_pack("{s:s,s:s,s:I}", "file", s->file, "func",
							s->func, "line", (json_int_t)s->line));
	}
	for (u32 i = 0; i < r->nr_classes; i++) {
		const struct lock_report_class *c = &r->classes[i];

		json_array_append_new(classes, json_pack("{s:s,s:s,s:o,s:o}", "name", c->name,
							 "class", c->class, "owner_acquired",
							 integer(c->owner_acquired), "owner_failed",
							 integer(c->owner_failed)));
	}
	return classes;
}

static json_t *rows_json(const struct lock_report *r)
{
	json_t *rows = json_array();

	for (u32 i = 0; i < r->nr_rows; i++) {
		const struct lock_report_row *row = &r->rows[i];
		json_t *obj = json_object();

		put_fields(obj, row, row_fields, ARRAY_SIZE(row_fields));
		json_object_set_new(obj, "mode", json_string(row->read ? "R" : "W"));
		json_object_set_new(obj, "wait", time_json(&row->wait));
		json_object_set_new(obj, "hold", time_json(&row->hold));
		json_object_set_new(obj, "hold_contended", time_json(&row->hold_contended));
		json_array_append_new(rows, obj);
	}
	return rows;
}

static json_t *pairs_json(const struct lock_report *r)
{
	json_t *pairs = json_array();

	for (u32 i = 0; i < r->nr_pairs; i++) {
		const struct lock_report_pair *pair = &r->pairs[i];
		json_t *obj = json_object();

		put_fields(obj, pair, pair_fields, ARRAY_SIZE(pair_fields));
		json_object_set_new(obj, "context", json_string(ctx_names[pair->ctx]));
		json_object_set_new(obj, "wait", time_json(&pair->wait));
		json_array_append_new(pairs, obj);
	}
	return pairs;
}

static json_t *hists_json(const struct lock_report *r)
{
	json_t *hists = json_array();

	for (u32 i = 0; i < r->nr_hists; i++) {
		const struct lock_report_hist *h = &r->hists[i];
		json_t *obj = json_object();

		put_fields(obj, h, hist_fields, ARRAY_SIZE(hist_fields));
		json_object_set_new(obj, "wait", buckets_json(h->hist.wait));
		json_object_set_new(obj, "hold", buckets_json(h->hist.hold));
		json_object_set_new(obj, "hold_contended", buckets_json(h->hist.hold_contended));
		json_array_append_new(hists, obj);
	}
	return hists;
}

json_t *lock_report_json(const struct lock_report *r)
{
	json_t *obj = json_pack("{s:s,s:s}", "schema", LOCK_REPORT_SCHEMA, "mode",
				mode_names[r->mode]);
	json_t *sites, *classes = names_json(r, &sites);

	put_fields(obj, r, top_fields, ARRAY_SIZE(top_fields));
	if (r->cost_known)
		json_object_set_new(obj, "cost_ns_per_pair",
				    json_pack("{s:f,s:f}", "with", r->cost.with_ns, "without",
					      r->cost.without_ns));
	json_object_set_new(obj, "sites", sites);
	json_object_set_new(obj, "classes", classes);
	json_object_set_new(obj, "rows", rows_json(r));
	json_object_set_new(obj, "pairs", pairs_json(r));
	json_object_set_new(obj, "histograms", hists_json(r));
	json_object_set_new(obj, "summary", lock_summaries_json(r));
	return obj;
}

/* ---- reading ---- */

/* Where the reader is, for messages; the first error stays. */
struct reader {
	struct report_error *err;
	const char *list;		/* "rows" */
	size_t index;
	bool failed;
};

static __printf(3, 4) void fail(struct reader *rd, const char *member, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	if (rd->failed)
		return;
	rd->failed = true;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (rd->list)
		snprintf(rd->err->text, sizeof(rd->err->text), "locks.%s[%zu].%s: %s", rd->list,
			 rd->index, member, what);
	else
		snprintf(rd->err->text, sizeof(rd->err->text), "locks.%s: %s", member, what);
}

static u64 get_integer(struct reader *rd, const json_t *v, const char *member, u64 max_value)
{
	json_int_t n = json_integer_value(v);

	if (!json_is_integer(v))
		fail(rd, member, "an integer is missing");
	else if (n < 0 || (u64)n > max_value)
		fail(rd, member, "%lld is out of range", (long long)n);
	else
		return (u64)n;
	return 0;
}

static void get_fields(struct reader *rd, const json_t *obj, void *base, const struct field *f,
		       size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		char *at = (char *)base + f[i].offset;
		const json_t *v = json_object_get(obj, f[i].name);

		if (f[i].wide)
			*(u64 *)at = get_integer(rd, v, f[i].name, INT64_MAX);
		else
			*(u32 *)at = (u32)get_integer(rd, v, f[i].name, UINT32_MAX);
	}
}

static u32 get_choice(struct reader *rd, const json_t *obj, const char *member,
		      const char *const *names, u32 nr)
{
	const char *text = json_string_value(json_object_get(obj, member));

	for (u32 i = 0; text && i < nr; i++)
		if (strcmp(text, names[i]) == 0)
			return i;
	fail(rd, member, "\"%.40s\" is unknown", text ? text : "");
	return 0;
}

static char *get_string(struct reader *rd, const json_t *obj, const char *member)
{
	const char *text = json_string_value(json_object_get(obj, member));

	if (!text)
		fail(rd, member, "a string is missing");
	return string_copy(text ? text : "");
}

static void get_time(struct reader *rd, const json_t *obj, const char *member,
		     struct lockstat_time *t)
{
	const json_t *v = json_object_get(obj, member);

	if (!json_is_object(v))
		fail(rd, member, "an object is missing");
	else
		get_fields(rd, v, t, time_fields, ARRAY_SIZE(time_fields));
}

static void get_buckets(struct reader *rd, const json_t *obj, const char *member, u32 *count)
{
	const json_t *list = json_object_get(obj, member);

	if (!json_is_array(list))
		fail(rd, member, "an array is missing");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *entry = json_array_get(list, i);
		u64 b = get_integer(rd, json_array_get(entry, 0), member, LOCKSTAT_BUCKETS - 1);

		count[b] = (u32)get_integer(rd, json_array_get(entry, 1), member, UINT32_MAX);
	}
}

static void check_below(struct reader *rd, const char *member, u32 v, u32 limit)
{
	if (v >= limit)
		fail(rd, member, "%u is not below %u", v, limit);
}

static void parse_site(struct reader *rd, const json_t *obj, struct lock_report *r)
{
	struct lock_report_site *s = array_add(r->sites, r->nr_sites);

	s->file = get_string(rd, obj, "file");
	s->func = get_string(rd, obj, "func");
	s->line = (u32)get_integer(rd, json_object_get(obj, "line"), "line", UINT32_MAX);
}

static void parse_class(struct reader *rd, const json_t *obj, struct lock_report *r)
{
	static const struct field fields[] = {
		WIDE(lock_report_class, owner_acquired), WIDE(lock_report_class, owner_failed),
	};
	struct lock_report_class *c = array_add(r->classes, r->nr_classes);

	c->name = get_string(rd, obj, "name");
	c->class = get_string(rd, obj, "class");
	get_fields(rd, obj, c, fields, ARRAY_SIZE(fields));
}

static void parse_row(struct reader *rd, const json_t *obj, struct lock_report *r)
{
	static const char *const modes[] = { "W", "R" };
	struct lock_report_row *row = array_add(r->rows, r->nr_rows);

	get_fields(rd, obj, row, row_fields, ARRAY_SIZE(row_fields));
	row->read = get_choice(rd, obj, "mode", modes, 2) == 1;
	get_time(rd, obj, "wait", &row->wait);
	get_time(rd, obj, "hold", &row->hold);
	get_time(rd, obj, "hold_contended", &row->hold_contended);
	check_below(rd, "class", row->class, r->nr_classes);
	check_below(rd, "site", row->site, r->nr_sites);
	check_below(rd, "cpu", row->cpu, r->nr_cpus);
}

static void parse_pair(struct reader *rd, const json_t *obj, struct lock_report *r)
{
	struct lock_report_pair *pair = array_add(r->pairs, r->nr_pairs);

	get_fields(rd, obj, pair, pair_fields, ARRAY_SIZE(pair_fields));
	pair->ctx = get_choice(rd, obj, "context", ctx_names, ARRAY_SIZE(ctx_names));
	get_time(rd, obj, "wait", &pair->wait);
	check_below(rd, "class", pair->class, r->nr_classes);
	check_below(rd, "waiter", pair->waiter, r->nr_sites);
	check_below(rd, "holder", pair->holder, r->nr_sites);
	check_below(rd, "cpu", pair->cpu, r->nr_cpus);
}

static void parse_hist(struct reader *rd, const json_t *obj, struct lock_report *r)
{
	struct lock_report_hist *h = array_add(r->hists, r->nr_hists);

	get_fields(rd, obj, h, hist_fields, ARRAY_SIZE(hist_fields));
	get_buckets(rd, obj, "wait", h->hist.wait);
	get_buckets(rd, obj, "hold", h->hist.hold);
	get_buckets(rd, obj, "hold_contended", h->hist.hold_contended);
	check_below(rd, "class", h->class, r->nr_classes);
	check_below(rd, "cpu", h->cpu, r->nr_cpus);
}

static void parse_list(struct reader *rd, const json_t *json, const char *name,
		       struct lock_report *r,
		       void (*parse)(struct reader *, const json_t *, struct lock_report *))
{
	const json_t *list = json_object_get(json, name);

	if (!json_is_array(list))
		fail(rd, name, "an array is missing");
	rd->list = name;
	for (rd->index = 0; rd->index < json_array_size(list) && !rd->failed; rd->index++)
		parse(rd, json_array_get(list, rd->index), r);
	rd->list = NULL;
}

static void parse_cost(struct reader *rd, const json_t *json, struct lock_report *r)
{
	const json_t *cost = json_object_get(json, "cost_ns_per_pair");
	const json_t *with = json_object_get(cost, "with");
	const json_t *without = json_object_get(cost, "without");

	if (!cost)
		return;
	if (!json_is_number(with) || !json_is_number(without))
		fail(rd, "cost_ns_per_pair", "the numbers \"with\" and \"without\" are missing");
	r->cost_known = true;
	r->cost.with_ns = json_number_value(with);
	r->cost.without_ns = json_number_value(without);
}

int lock_report_parse(struct lock_report *r, const json_t *json, struct report_error *err)
{
	struct reader rd = { .err = err };
	const char *schema = json_string_value(json_object_get(json, "schema"));

	*r = (struct lock_report){ 0 };
	if (!schema || strcmp(schema, LOCK_REPORT_SCHEMA) != 0) {
		fail(&rd, "schema", "\"%.40s\" is not " LOCK_REPORT_SCHEMA, schema ? schema : "");
		return -EINVAL;
	}
	get_fields(&rd, json, r, top_fields, ARRAY_SIZE(top_fields));
	r->mode = (enum lockstat_mode)get_choice(&rd, json, "mode", mode_names, 3);
	parse_cost(&rd, json, r);
	parse_list(&rd, json, "sites", r, parse_site);
	parse_list(&rd, json, "classes", r, parse_class);
	parse_list(&rd, json, "rows", r, parse_row);
	parse_list(&rd, json, "pairs", r, parse_pair);
	parse_list(&rd, json, "histograms", r, parse_hist);
	if (!rd.failed)
		return 0;
	lock_report_free(r);
	return -EINVAL;
}
