/* SPDX-License-Identifier: MIT */
/*
 * The checks that come before a comparison.
 *
 * What.  A table says of every member of a result's header whether two values of it make the
 * numbers incomparable.  Settings that the table does not name are what people change between two
 * sets: a difference between the sets is printed, a difference within one set is an obstacle, since
 * its runs are then no repetitions of each other.
 *
 * See also.  docs/compare.md.
 */
#define _GNU_SOURCE
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "stress/compare/comparable.h"
#include "stress/compare/stats.h"
#include "stress/report/array.h"

/* Above this share of CPU time the recorder's own cost is worth a note. */
#define COST_NOTED	0.03
/* Above this share of acquisitions lost records are an obstacle. */
#define LOST_MAX	0.01

static const struct fact {
	const char *member;		/* of the header; "settings." of its settings */
	const char *name, *why;		/* @why NULL: a difference is only printed */
} facts[] = {
	{ "workload", "workload", "other operations are counted" },
	{ "build", "build", "each kind of build has its own times" },
	{ "cpus", "CPUs", "contention depends on their number" },
	{ "host_cores", "host cores", "waits depend on how many CPUs really run" },
	{ "nodes", "nodes", "each node has locks of its own" },
	{ "settings.mem_bytes", "memory", "the zones differ" },
	{ "settings.layout", "layout", "the zones differ" },
	{ "settings.oracle", "oracle", "its checks lengthen every operation" },
	{ "settings.lockstat", "lockstat", "the recorder's cost differs" },
	{ "version", "version", NULL },
	{ "spinlock", "spinlock", NULL },
};

void remark_add(struct remarks *r, enum remark_kind kind, const char *fmt, ...)
{
	struct remark *one = array_add(r->list, r->nr);
	va_list ap;

	one->kind = kind;
	va_start(ap, fmt);
	if (vasprintf(&one->text, fmt, ap) < 0)
		panic("out of memory for a remark");
	va_end(ap);
	r->nr_obstacles += kind == REMARK_OBSTACLE;
}

void remarks_free(struct remarks *r)
{
	for (u32 i = 0; i < r->nr; i++)
		free(r->list[i].text);
	free(r->list);
	*r = (struct remarks){ 0 };
}

/* ---- members of the header ---- */

static const json_t *member(const struct run *run, const char *name)
{
	const json_t *settings = json_object_get(run->file.header, "settings");

	if (strncmp(name, "settings.", 9) == 0)
		return json_object_get(settings, name + 9);
	return json_object_get(run->file.header, name);
}

/* Missing and null are the same: the default. */
static bool equal(const json_t *x, const json_t *y)
{
	if (!x || json_is_null(x))
		return !y || json_is_null(y);
	return json_equal(x, y);
}

/* "63", "release", "default"; the caller frees it. */
static char *value_text(const json_t *v)
{
	char *text;

	if (!v || json_is_null(v))
		return string_copy("default");
	if (json_is_string(v))
		return string_copy(json_string_value(v));
	text = json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6) | JSON_COMPACT);
	return text ? text : string_copy("?");
}

static void check_within(const struct run_set *set, const char *name, const char *label,
			 struct remarks *r)
{
	for (u32 i = 1; i < set->nr; i++) {
		const json_t *x = member(&set->runs[0], name), *y = member(&set->runs[i], name);
		char *first, *other;

		if (equal(x, y))
			continue;
		first = value_text(x);
		other = value_text(y);
		remark_add(r, REMARK_OBSTACLE, "the runs of %s are no repetitions: %s is %s in %s "
			   "and %s in %s", set->label, label, first, set->runs[0].name, other,
			   set->runs[i].name);
		free(first);
		free(other);
		return;
	}
}

static void check_member(const struct run_set *a, const struct run_set *b,
			 const struct fact *fact, struct remarks *r)
{
	const json_t *x = member(&a->runs[0], fact->member);
	const json_t *y = member(&b->runs[0], fact->member);
	char *of_a, *of_b;

	check_within(a, fact->member, fact->name, r);
	check_within(b, fact->member, fact->name, r);
	if (equal(x, y))
		return;
	of_a = value_text(x);
	of_b = value_text(y);
	if (fact->why)
		remark_add(r, REMARK_OBSTACLE, "%s: %s against %s; %s", fact->name, of_a, of_b,
			   fact->why);
	else
		remark_add(r, REMARK_DIFFERENCE, "%s %s -> %s", fact->name, of_a, of_b);
	free(of_a);
	free(of_b);
}

static bool has_fact(const char *setting)
{
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		if (strncmp(facts[i].member, "settings.", 9) == 0 &&
		    strcmp(facts[i].member + 9, setting) == 0)
			return true;
	/* The same as the header's own "cpus" and "spinlock". */
	return strcmp(setting, "cpus") == 0 || strcmp(setting, "lock") == 0;
}

/* Every setting of any run that the table does not have. */
static void check_settings(const struct run_set *a, const struct run_set *b, struct remarks *r)
{
	const struct run_set *const sets[] = { a, b };
	json_t *all = json_object(), *v;
	char path[128];
	const char *key;

	for (u32 s = 0; s < 2; s++)
		for (u32 i = 0; i < sets[s]->nr; i++) {
			const json_t *of = member(&sets[s]->runs[i], "settings");

			if (json_is_object(of))
				json_object_update_missing(all, (json_t *)(uintptr_t)of);
		}
	json_object_foreach(all, key, v) {
		struct fact fact = { path, key, NULL };

		if (has_fact(key))
			continue;
		snprintf(path, sizeof(path), "settings.%.100s", key);
		check_member(a, b, &fact, r);
	}
	json_decref(all);
}

/* ---- the recorder, and what the runs found ---- */

static u64 acquisitions(const struct run *run)
{
	u64 nr = 0;

	for (u32 i = 0; i < run->file.locks.nr_rows; i++)
		nr += run->file.locks.rows[i].acquired;
	return nr;
}

/* Median share of CPU time that the recorder took; NAN when it was not measured. */
static double recorder_share(const struct run_set *set)
{
	double *v = calloc(set->nr, sizeof(*v)), m;
	u32 known = 0;

	if (!v)
		panic("out of memory for %u runs", set->nr);
	for (u32 i = 0; i < set->nr; i++) {
		const struct lock_report *l = &set->runs[i].file.locks;
		double cpu_ns = (double)l->elapsed_ns * l->nr_cpus;

		if (l->cost_known && cpu_ns > 0)
			v[known++] = fmax(0, l->cost.with_ns - l->cost.without_ns) *
				     (double)acquisitions(&set->runs[i]) / cpu_ns;
	}
	m = stat_median((struct sample){ v, known });
	free(v);
	return m;
}

static void check_recorder(const struct run_set *a, const struct run_set *b, double min_share,
			   struct remarks *r)
{
	double x = recorder_share(a), y = recorder_share(b);

	if (isnan(x) || isnan(y)) {
		remark_add(r, REMARK_NOTE, "the recorder's cost was not measured in every run");
		return;
	}
	if (fabs(x - y) > min_share)
		remark_add(r, REMARK_OBSTACLE, "recorder cost: %.1f %% of CPU time against %.1f "
			   "%%; the difference would count as a change", 100 * x, 100 * y);
	else if (fmax(x, y) > COST_NOTED)
		remark_add(r, REMARK_NOTE, "the recorder takes %.1f %% of CPU time", 100 *
			   fmax(x, y));
}

static void check_health(const struct run_set *set, struct remarks *r)
{
	json_int_t findings = 0, warnings = 0;
	u64 lost = 0, all = 0;

	for (u32 i = 0; i < set->nr; i++) {
		const json_t *json = set->runs[i].file.json;

		findings += json_integer_value(json_object_get(json, "findings"));
		warnings += json_integer_value(json_object_get(json, "warnings"));
		lost += set->runs[i].file.locks.overflow;
		all += acquisitions(&set->runs[i]);
	}
	if (findings)
		remark_add(r, REMARK_OBSTACLE, "the runs of %s have %lld findings: the machine did "
			   "not work as it should", set->label, (long long)findings);
	if (warnings)
		remark_add(r, REMARK_NOTE, "the runs of %s gave %lld warnings", set->label,
			   (long long)warnings);
	if ((double)lost > LOST_MAX * (double)all)
		remark_add(r, REMARK_OBSTACLE, "the recorder of %s lost %llu records of %llu",
			   set->label, (unsigned long long)lost, (unsigned long long)all);
	else if (lost)
		remark_add(r, REMARK_NOTE, "the recorder of %s lost %llu records", set->label,
			   (unsigned long long)lost);
}

/* ---- order and seeds ---- */

static json_int_t sequence(const struct run *run)
{
	const json_t *bench = json_object_get(run->file.json, "bench");
	const json_t *v = json_object_get(bench, "sequence");

	return json_is_integer(v) ? json_integer_value(v) : -1;
}

bool runs_interleaved(const struct run_set *a, const struct run_set *b)
{
	if (a->nr != b->nr)
		return false;
	for (u32 i = 0; i < a->nr; i++) {
		json_int_t x = sequence(&a->runs[i]), y = sequence(&b->runs[i]);

		/* Each pair ran side by side, and after the pair before it. */
		if (x < 0 || y != x + 1)
			return false;
		if (i && x <= sequence(&b->runs[i - 1]))
			return false;
	}
	return true;
}

static u32 count_seed(const struct run_set *set, const char *seed)
{
	u32 nr = 0;

	for (u32 i = 0; i < set->nr; i++)
		nr += strcmp(run_seed(&set->runs[i]).s, seed) == 0;
	return nr;
}

bool runs_same_seeds(const struct run_set *a, const struct run_set *b)
{
	if (a->nr != b->nr)
		return false;
	for (u32 i = 0; i < a->nr; i++)
		if (count_seed(a, run_seed(&a->runs[i]).s) !=
		    count_seed(b, run_seed(&a->runs[i]).s))
			return false;
	return true;
}

/* "seed 1", "seeds 1 .. 10", or that there is no common one. */
static void seeds_text(const struct run_set *a, const struct run_set *b, char *to, size_t size)
{
	struct run_seed first = run_seed(&a->runs[0]), last = first;

	for (u32 i = 1; i < a->nr; i++) {
		struct run_seed s = run_seed(&a->runs[i]);

		/* Files come in the order of their names: 10 before 2. */
		if (strtoull(s.s, NULL, 0) < strtoull(first.s, NULL, 0))
			first = s;
		if (strtoull(s.s, NULL, 0) > strtoull(last.s, NULL, 0))
			last = s;
	}
	if (!runs_same_seeds(a, b))
		snprintf(to, size, "seeds differ");
	else if (strcmp(first.s, last.s) == 0)
		snprintf(to, size, "seed %s", first.s);
	else
		snprintf(to, size, "seeds %s .. %s", first.s, last.s);
}

/* "workload pages, 2 CPUs, build release, 10+10 runs interleaved, seeds 1 .. 10" */
static void say_same(const struct run_set *a, const struct run_set *b, struct remarks *r)
{
	char *workload = value_text(member(&a->runs[0], "workload"));
	char *build = value_text(member(&a->runs[0], "build"));
	u32 nr_cpus = a->runs[0].file.locks.nr_cpus;
	char seeds[100];

	seeds_text(a, b, seeds, sizeof(seeds));
	remark_add(r, REMARK_SAME, "workload %s, %u CPU%s, build %s, %u+%u runs%s, %s", workload,
		   nr_cpus, nr_cpus == 1 ? "" : "s", build, a->nr, b->nr,
		   runs_interleaved(a, b) ? " interleaved" : "", seeds);
	free(workload);
	free(build);
}

void compare_check(const struct run_set *a, const struct run_set *b, double min_share,
		   struct remarks *r)
{
	const struct lock_report *locks = &a->runs[0].file.locks;
	const json_t *build = member(&a->runs[0], "build");
	json_int_t cores = json_integer_value(member(&a->runs[0], "host_cores"));

	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		check_member(a, b, &facts[i], r);
	check_settings(a, b, r);
	check_recorder(a, b, min_share, r);
	check_health(a, r);
	check_health(b, r);
	if (cores && (json_int_t)locks->nr_cpus > cores)
		remark_add(r, REMARK_NOTE, "%u CPUs on %lld cores: waits contain the host's "
			   "scheduler", locks->nr_cpus, (long long)cores);
	if (json_is_string(build) && strcmp(json_string_value(build), "release") != 0)
		remark_add(r, REMARK_NOTE, "times are those of the %s build",
			   json_string_value(build));
	if (a->nr + b->nr > 2 && !runs_interleaved(a, b))
		remark_add(r, REMARK_NOTE, "the runs are not known to be interleaved: a machine "
			   "that grew slower would count as a change (kmemlab bench interleaves)");
	if (!r->nr_obstacles)
		say_same(a, b, r);
}
