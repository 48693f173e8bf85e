/* SPDX-License-Identifier: MIT */
/*
 * The run sliced in time.
 *
 * What.  The host thread reads the CPUs' counters now and then and keeps the readings, which are
 * cumulative; slices are their differences, worked out when the result is written.  A run by time
 * has slices of equal length.  The length of a run by operations is not known beforehand: it
 * begins with short slices, and when there are twice as many as wanted every other reading is
 * dropped, which joins neighbours without any arithmetic.
 *
 * Locking.  None: relaxed reads of what the CPUs count for themselves.  Context.  Host thread.
 * See also.  tests/cli/timeline.bats, docs/report.md.
 */
#include "stress/harness/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "mm/page/pcp.h"
#include "mm/page/vmstat.h"

/* The first slices of a run by operations. */
#define FIRST_SLICE_NS	(5 * NSEC_PER_MSEC)
/* Locks in a timeline: those that were waited for most. */
#define TIMELINE_LOCKS	12

struct lock_sum {
	u64 acquired, contended, wait_ns;
};

/* One reading; the arrays lie behind it: [nr_zones] free pages, [nr_cpu_ids] pages on lists. */
struct reading {
	u64 at_ns, ops;
	struct lock_sum locks[LOCKSTAT_CLASSES];
	u64 level[];
};

struct timeline {
	u64 start, period, next;	/* ns of the machine's clock */
	unsigned int wanted, nr;	/* slices */
	bool by_ops;
	struct reading **readings;	/* [2 * wanted + 2]; the first is the start */
};

static size_t reading_bytes(void)
{
	return sizeof(struct reading) + (nr_zones + nr_cpu_ids) * sizeof(u64);
}

static void read_locks(struct lock_sum *sums, const struct lockstat_cpu *ls)
{
	for (u32 i = 0; i < LOCKSTAT_ROWS; i++) {
		const struct lockstat_row *row = &ls->rows[i];
		struct lock_sum *sum;

		/* Acquire: pairs with the release of @used (lockstat.c, I1). */
		if (!smp_load_acquire(&row->used))
			continue;
		sum = &sums[row->class];
		sum->acquired += READ_ONCE(row->acquired);
		sum->contended += READ_ONCE(row->contended);
		sum->wait_ns += READ_ONCE(row->wait.sum);
	}
}

static void read_levels(u64 *level)
{
	const struct zone *zone;
	unsigned int cpu;

	for_each_zone(zone)
		*level++ = zone_page_state(zone, NR_FREE_PAGES);
	for_each_possible_cpu(cpu) {
		*level = 0;
		for_each_zone(zone)
			*level += (u64)max(READ_ONCE(remote_zone_pcp(zone, cpu)->pl.count), 0);
		level++;
	}
}

static void take(struct timeline *t, const struct stress_run *run)
{
	struct reading *r = calloc(1, reading_bytes());

	if (!r)
		return;
	r->at_ns = clock_ns() - t->start;
	r->ops = stress_count_ops(run).sum;
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++)
		if (cpus[cpu].lockstat)
			read_locks(r->locks, cpus[cpu].lockstat);
	read_levels(r->level);
	t->readings[t->nr++] = r;
}

struct timeline *timeline_start(const struct stress_run *run)
{
	const struct stress_options *opt = run->opt;
	struct timeline *t = opt->slices ? calloc(1, sizeof(*t)) : NULL;

	if (!t)
		return NULL;
	t->readings = calloc(2 * opt->slices + 2, sizeof(*t->readings));
	if (!t->readings) {
		free(t);
		return NULL;
	}
	t->wanted = opt->slices;
	t->by_ops = opt->ops != 0;
	t->period = t->by_ops ? FIRST_SLICE_NS :
		    max((u64)(opt->seconds * NSEC_PER_SEC) / opt->slices, (u64)NSEC_PER_MSEC);
	t->start = clock_ns();
	t->next = t->start + t->period;
	take(t, run);
	return t;
}

/* Joins neighbouring slices: keeps the start and every second reading after it. */
static void halve(struct timeline *t)
{
	unsigned int to = 1;

	for (unsigned int i = 1; i < t->nr; i++) {
		if (i % 2)
			free(t->readings[i]);
		else
			t->readings[to++] = t->readings[i];
	}
	t->nr = to;
	t->period *= 2;
}

void timeline_look(struct timeline *t, const struct stress_run *run)
{
	u64 now = clock_ns();

	if (!t || now < t->next)
		return;
	take(t, run);
	/* A slice that the host overslept makes the next one shorter, not all of them later. */
	t->next += (now - t->next) / t->period * t->period + t->period;
	if (t->nr > 2 * t->wanted)
		halve(t);
}

long timeline_due(const struct timeline *t)
{
	u64 now = clock_ns();

	if (t && now >= t->next)
		return 1;
	/* Not a tick too early. */
	return t ? (long)min(t->next - now + 1, NSEC_PER_SEC) : (long)NSEC_PER_SEC;
}

void timeline_end(struct timeline *t, const struct stress_run *run)
{
	/* The end of the last slice of a run by time; what is left over is in it. */
	if (t && !t->by_ops && t->nr == t->wanted + 1)
		free(t->readings[--t->nr]);
	if (t)
		take(t, run);
}

void timeline_free(struct timeline *t)
{
	for (unsigned int i = 0; t && i < t->nr; i++)
		free(t->readings[i]);
	if (t)
		free(t->readings);
	free(t);
}

/* ---- as JSON ---- */

static json_t *count(u64 value)
{
	return json_integer((json_int_t)value);
}

/* The differences of a cumulative word that lies @offset bytes into the readings. */
static json_t *grown_json(const struct timeline *t, size_t offset)
{
	json_t *list = json_array();

	for (unsigned int i = 1; i < t->nr; i++) {
		u64 was = *(const u64 *)(const void *)((char *)t->readings[i - 1] + offset);
		u64 now = *(const u64 *)(const void *)((char *)t->readings[i] + offset);

		json_array_append_new(list, count(now - was));
	}
	return list;
}

static json_t *levels_json(const struct timeline *t, unsigned int index)
{
	json_t *list = json_array();

	for (unsigned int i = 1; i < t->nr; i++)
		json_array_append_new(list, count(t->readings[i]->level[index]));
	return list;
}

static json_t *lock_json(const struct timeline *t, u16 class)
{
	size_t at = offsetof(struct reading, locks) + class * sizeof(struct lock_sum);
	json_t *obj = json_object();

	json_object_set_new(obj, "name", json_string(lockstat_class_name(class)));
	json_object_set_new(obj, "acquired",
			    grown_json(t, at + offsetof(struct lock_sum, acquired)));
	json_object_set_new(obj, "contended",
			    grown_json(t, at + offsetof(struct lock_sum, contended)));
	json_object_set_new(obj, "wait_ns",
			    grown_json(t, at + offsetof(struct lock_sum, wait_ns)));
	return obj;
}

/* The locks that were waited for most, most first. */
static json_t *locks_json(const struct timeline *t)
{
	const struct lock_sum *last = t->readings[t->nr - 1]->locks;
	bool done[LOCKSTAT_CLASSES] = { false };
	json_t *list = json_array();

	for (int i = 0; i < TIMELINE_LOCKS; i++) {
		int best = -1;

		for (int class = 0; class < LOCKSTAT_CLASSES; class++)
			if (!done[class] && last[class].contended &&
			    (best < 0 || last[class].wait_ns > last[best].wait_ns))
				best = class;
		if (best < 0)
			break;
		done[best] = true;
		json_array_append_new(list, lock_json(t, (u16)best));
	}
	return list;
}

json_t *timeline_json(const struct timeline *t)
{
	json_t *obj, *zone_list, *cpu_list, *ends;
	const struct zone *zone;

	if (!t || t->nr < 2)
		return NULL;
	obj = json_object();
	ends = json_array();
	zone_list = json_array();
	cpu_list = json_array();
	for (unsigned int i = 1; i < t->nr; i++)
		json_array_append_new(ends, count(t->readings[i]->at_ns));
	for_each_zone(zone)
		json_array_append_new(zone_list, json_pack("{s:i,s:s,s:o}", "node",
			(int)zone->node, "name", zone->name, "free", levels_json(t, zone->id)));
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++)
		json_array_append_new(cpu_list, levels_json(t, nr_zones + cpu));
	json_object_set_new(obj, "end_ns", ends);
	json_object_set_new(obj, "ops", grown_json(t, offsetof(struct reading, ops)));
	json_object_set_new(obj, "zones", zone_list);
	json_object_set_new(obj, "pcp_pages", cpu_list);
	json_object_set_new(obj, "locks", locks_json(t));
	return obj;
}
