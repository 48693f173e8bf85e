/* SPDX-License-Identifier: MIT */
/*
 * Chrome's JSON trace of a lock report, for ui.perfetto.dev, chrome://tracing and speedscope.
 *
 * What.  A result holds sums, not single events, so this is a summary drawn on a time axis, and it
 * says so in its track names: counters have one step from 0 to the run's total, and each CPU has a
 * bar per lock as long as it waited for it, laid end to end from the start of the run.
 */
#include <errno.h>
#include <stdio.h>

#include "stress/report/formats.h"
#include "stress/report/lock_summary.h"

#define PID_CPUS	1
#define PID_LOCKS	2

static double micro(u64 ns)
{
	return (double)ns / (double)NSEC_PER_USEC;
}

static void add_name(json_t *events, const char *what, int pid, int tid, const char *name)
{
	json_array_append_new(events, json_pack("{s:s,s:s,s:i,s:i,s:{s:s}}", "ph", "M", "name",
						what, "pid", pid, "tid", tid, "args", "name",
						name));
}

static void add_counter(json_t *events, const char *lock, double at_us,
			const struct lock_totals *t)
{
	char name[200];

	snprintf(name, sizeof(name), "%.150s: total", lock);
	json_array_append_new(events, json_pack("{s:s,s:s,s:i,s:f,s:{s:f,s:I}}", "ph", "C", "name",
						name, "pid", PID_LOCKS, "ts", at_us, "args",
						"wait_ms", t ? (double)t->wait.sum / 1e6 : 0.0,
						"contended", t ? (json_int_t)t->contended :
						(json_int_t)0));
}

/* The waits of one CPU for one lock. */
static struct lock_totals of_cpu(const struct lock_report *r, u32 class, u32 cpu)
{
	struct lock_totals t = { 0 };

	for (u32 i = 0; i < r->nr_rows; i++) {
		const struct lock_report_row *row = &r->rows[i];

		if (row->class != class || row->cpu != cpu)
			continue;
		lock_time_add(&t.wait, &row->wait);
		t.contended += row->contended;
		t.acquired += row->acquired;
	}
	return t;
}

static void add_cpu(json_t *events, const struct lock_report *r, u32 cpu,
		    const struct lock_summary *list, u32 nr)
{
	char name[64];
	u64 at = 0;

	snprintf(name, sizeof(name), "CPU %u: sum of waits", cpu);
	add_name(events, "thread_name", PID_CPUS, (int)cpu, name);
	for (u32 i = 0; i < nr; i++) {
		struct lock_totals t = of_cpu(r, list[i].class, cpu);

		if (!t.wait.sum)
			continue;
		json_array_append_new(events, json_pack(
			"{s:s,s:s,s:s,s:i,s:i,s:f,s:f,s:{s:I,s:I,s:I}}", "ph", "X", "cat", "wait",
			"name", r->classes[list[i].class].name, "pid", PID_CPUS, "tid", (int)cpu,
			"ts", micro(at), "dur", micro(t.wait.sum), "args", "contended",
			(json_int_t)t.contended, "acquired", (json_int_t)t.acquired, "max_ns",
			(json_int_t)t.wait.max));
		at += t.wait.sum;
	}
}

int format_perfetto(const struct result_file *f, FILE *out)
{
	const struct lock_report *r = &f->locks;
	json_t *events = json_array(), *doc;
	struct lock_summary *list;
	u32 nr = lock_summaries(r, LOCK_SORT_WAIT, &list);
	int err;

	add_name(events, "process_name", PID_CPUS, 0, "waits per CPU (summary, no timeline)");
	add_name(events, "process_name", PID_LOCKS, 0, "locks (totals of the run)");
	for (u32 i = 0; i < nr; i++) {
		const char *lock = r->classes[list[i].class].name;

		if (!list[i].all.contended)
			continue;
		add_counter(events, lock, 0, NULL);
		add_counter(events, lock, micro(r->elapsed_ns), &list[i].all);
	}
	for (u32 cpu = 0; cpu < r->nr_cpus; cpu++)
		add_cpu(events, r, cpu, list, nr);
	lock_summaries_free(list, nr);
	doc = json_pack("{s:s,s:{s:s,s:O},s:o}", "displayTimeUnit", "ns", "otherData", "note",
			"a summary: bars are sums, not moments", "header", f->header,
			"traceEvents", events);
	err = result_json_write(doc, out);
	json_decref(doc);
	return err;
}
