/* SPDX-License-Identifier: MIT */
/* compare_sample.h - synthetic results whose spread the caller chooses, for tests of diff. */
#ifndef TESTS_UNIT_COMPARE_SAMPLE_H
#define TESTS_UNIT_COMPARE_SAMPLE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/lib/rand.h"
#include "stress/compare/compare.h"
#include "stress/report/array.h"

/* What a set of runs has in common. */
struct sample_machine {
	double speed_cv;		/* of the whole machine, run by run */
	double lock_cv;			/* of one lock's holds, run by run */
	double tail;			/* share of holds in which the host took the core away */
	u32 seconds;
	u32 planted;			/* this lock ... */
	double planted_factor;		/* ... is held so many times as long */
};

/* Lognormal holds: median ns and sigma of the logarithm; contention as a share of acquisitions. */
static const struct sample_lock {
	const char *name, *class;
	double per_kop, hold_ns, sigma, contended;
} sample_locks[] = {
	{ "zone->lock[Normal]", "zone->lock", 24, 800, 0.6, 0.03 },
	{ "depot->lock[mm_struct]", "depot->lock", 6, 1500, 0.5, 0.01 },
	{ "list_lock[filp]", "list_lock", 3, 700, 0.7, 0.01 },
	{ "mmap_lock", "mmap_lock", 10, 2500, 0.9, 0.05 },
	{ "lruvec->lock", "lruvec->lock", 15, 300, 0.4, 0.02 },
};

#define SAMPLE_LOCKS	((u32)(sizeof(sample_locks) / sizeof(sample_locks[0])))
#define SAMPLE_CPUS	2
#define SAMPLE_PERIOD	64

static inline double sample_uniform(struct rand_state *rng)
{
	return ((double)(rand_u64(rng) >> 11) + 0.5) * 0x1p-53;
}

static inline double sample_normal(struct rand_state *rng)
{
	return sqrt(-2 * log(sample_uniform(rng))) * cos(2 * M_PI * sample_uniform(rng));
}

static inline void sample_time_add(struct lockstat_time *t, double ns)
{
	u64 v = (u64)fmax(ns, 1);
	struct lockstat_time one = { 1, v, v, v };

	if (!t->nr || v < t->min)
		t->min = v;
	t->max = t->max > v ? t->max : v;
	t->sum += one.sum;
	t->nr++;
}

/* What one CPU does to one lock. */
struct sample_part {
	u32 class, cpu;
	double factor, ops;
};

/* One CPU's records of one lock: holds sampled 1 in 64, every wait. */
static inline void sample_fill(struct rand_state *rng, struct lock_report *r,
			       const struct sample_machine *m, const struct sample_part *part)
{
	const u32 class = part->class, cpu = part->cpu;
	const double factor = part->factor, ops = part->ops;
	const struct sample_lock *l = &sample_locks[class];
	struct lock_report_row *row = array_add(r->rows, r->nr_rows);
	struct lock_report_hist *h = array_add(r->hists, r->nr_hists);
	struct lock_report_pair *pair;

	row->class = h->class = class;
	row->cpu = h->cpu = cpu;
	row->site = 2 * class;
	row->acquired = (u64)(l->per_kop / 1000 * ops / SAMPLE_CPUS);
	row->contended = (u64)((double)row->acquired * l->contended * factor);
	row->spun = row->contended;
	row->queue_max = 1;
	row->bounces = row->acquired / 3;
	for (u64 i = 0; i < row->acquired / SAMPLE_PERIOD; i++) {
		double ns = l->hold_ns * factor * exp(l->sigma * sample_normal(rng));

		ns *= sample_uniform(rng) < m->tail ? 100 : 1;
		sample_time_add(&row->hold, ns);
		h->hist.hold[lockstat_bucket((u64)ns)]++;
	}
	for (u64 i = 0; i < row->contended; i++) {
		double ns = l->hold_ns * factor * exp(1.2 * sample_normal(rng));

		ns *= sample_uniform(rng) < 5 * m->tail ? 1000 : 1;
		sample_time_add(&row->wait, ns);
		h->hist.wait[lockstat_bucket((u64)ns)]++;
	}
	pair = array_add(r->pairs, r->nr_pairs);
	*pair = (struct lock_report_pair){ .class = class, .waiter = 2 * class,
					   .holder = 2 * class + 1, .cpu = cpu,
					   .contended = row->contended, .wait = row->wait };
}

static inline json_t *sample_result(struct rand_state *rng, u64 seed,
				    const struct sample_machine *m)
{
	struct lock_report r = { .elapsed_ns = m->seconds * NSEC_PER_SEC, .nr_cpus = SAMPLE_CPUS,
				 .mode = LOCKSTAT_DEFAULT, .hold_sample = SAMPLE_PERIOD,
				 .cost_known = true, .cost = { 7.2, 5.2 } };
	double speed = exp(m->speed_cv * sample_normal(rng));
	double ops = floor(1e6 * m->seconds * speed);
	json_t *doc;

	for (u32 i = 0; i < SAMPLE_LOCKS; i++) {
		double factor = exp(m->lock_cv * sample_normal(rng)) / speed;
		struct lock_report_class *c = array_add(r.classes, r.nr_classes);

		c->name = string_copy(sample_locks[i].name);
		c->class = string_copy(sample_locks[i].class);
		for (u32 k = 0; k < 2; k++) {
			struct lock_report_site *s = array_add(r.sites, r.nr_sites);

			s->file = string_copy("mm/page/pcp.c");
			s->func = string_copy(k ? "drain" : "refill");
			s->line = 10 * i + k;
		}
		if (i == m->planted)
			factor *= m->planted_factor;
		for (u32 cpu = 0; cpu < SAMPLE_CPUS; cpu++)
			sample_fill(rng, &r, m, &(struct sample_part){ i, cpu, factor, ops });
	}
	doc = json_pack("{s:s,s:{s:s,s:s,s:s,s:I,s:i,s:i,s:{s:i,s:n}},s:{s:I},s:{s:{s:I,s:i}},"
			"s:{s:f},s:i}", "schema", RESULT_SCHEMA, "header", "version", "0.1.0",
			"build", "release", "workload", "synthetic", "seed", (json_int_t)seed,
			"cpus", SAMPLE_CPUS, "host_cores", SAMPLE_CPUS, "settings", "seconds",
			(int)m->seconds, "ops", "ops", "total", (json_int_t)ops, "exact",
			"vm_events", "pcp_refill", (json_int_t)(ops * 0.02 *
			exp(0.01 * sample_normal(rng))), "oom_kill", 0, "sampled",
			"ops_per_second", ops / m->seconds, "findings", 0);
	json_object_set_new(doc, "locks", lock_report_json(&r));
	lock_report_free(&r);
	return doc;
}

/* @nr runs with seeds 1, 2, ... */
static inline void sample_set(struct rand_state *rng, struct run_set *set, const char *label,
			      u32 nr, const struct sample_machine *m)
{
	struct report_error err;
	char name[32];

	*set = (struct run_set){ .label = string_copy(label) };
	for (u32 i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "%.16s[%u]", label, i);
		if (run_set_add_json(set, sample_result(rng, i + 1, m), name, &err))
			panic("synthetic result: %s", err.text);
	}
}

#endif /* TESTS_UNIT_COMPARE_SAMPLE_H */
