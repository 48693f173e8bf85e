/* SPDX-License-Identifier: MIT */
/*
 * A lock report: everything lock_stat recorded, as one value that can be kept, printed, compared.
 *
 * It holds each CPU's rows, pairs and histograms as they were recorded; sums over CPUs, shares and
 * percentiles are derived on demand (lock_summary.h), so nothing is stored twice.  Exact numbers
 * (acquisitions, contentions, bounces, failed trylocks) and timed ones live in different fields
 * and are labelled in every output.  Host threads only; nothing here locks.
 */
#ifndef STRESS_REPORT_LOCK_REPORT_H
#define STRESS_REPORT_LOCK_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "runtime/lockstat.h"

#define LOCK_REPORT_SCHEMA	"kmemlab-locks/1"

/* A place in the source that takes a lock. */
struct lock_report_site {
	char *file, *func;
	u32 line;
};

struct lock_report_class {
	char *name;			/* "zone->lock[Normal]" */
	char *class;			/* "zone->lock" */
	/*
	 * Exact: what the owner side of an owner_lock counted itself; it never waits and is not
	 * in the rows (lock_report_add_exact()).
	 */
	u64 owner_acquired, owner_failed;
};

/* One lock taken at one site by one CPU.  Units: operations, and ns in the times. */
struct lock_report_row {
	u32 class, site, cpu;		/* class, site: index into the tables */
	u32 queue_max;			/* most waiters seen at once, the counting one included */
	bool read;			/* shared acquisitions of an rw_semaphore */
	u64 acquired, contended, bounces, contended_bounces, trylock_failed, spun, slept;
	struct lockstat_time wait, hold, hold_contended;
};

/* One CPU's waits at one site behind one holder's site, in one context. */
struct lock_report_pair {
	u32 class, waiter, holder, cpu;
	u32 ctx;			/* enum irq_context */
	u64 contended;
	struct lockstat_time wait;
};

struct lock_report_hist {
	u32 class, cpu;
	struct lockstat_hist hist;
};

struct lock_report {
	u64 elapsed_ns;			/* of the run: denominator of every share of time */
	u32 nr_cpus;
	enum lockstat_mode mode;
	u32 hold_sample;		/* uncontended holds are timed 1 in this many */
	u64 overflow;			/* records lost to full tables, all CPUs */
	bool cost_known;
	struct lockstat_cost cost;	/* ns per uncontended lock+unlock pair */

	u32 nr_sites, nr_classes, nr_rows, nr_pairs, nr_hists;
	struct lock_report_site *sites;
	struct lock_report_class *classes;
	struct lock_report_row *rows;
	struct lock_report_pair *pairs;
	struct lock_report_hist *hists;
};

/* Why a report could not be read: "locks.rows[3].class: 99 is out of range; ...". */
struct report_error {
	char text[512];
};

/**
 * lock_report_collect - takes a snapshot of every CPU's recorder.
 * @r:          filled; give it back with lock_report_free().
 * @elapsed_ns: length of the run that the records cover.
 *
 * Host thread, between machine_boot() and machine_shutdown().  CPUs may run: each counter is then
 * exact for some moment of the call, not all for the same one.  Follows
 * kernel/locking/lockdep_proc.c.
 */
void lock_report_collect(struct lock_report *r, u64 elapsed_ns);

/*
 * Measures the recorder's cost on CPU 0 and notes it in @r.  Host thread; CPUs started and idle.
 * Takes some 30 ms and leaves no records behind.
 */
void lock_report_measure_cost(struct lock_report *r);

/*
 * Adds counts that a lock keeps itself (struct owner_lock: nr_owner, nr_failed) to the lock named
 * @name, a new line when no CPU recorded it.  Call it once per lock and it adds up.
 */
void lock_report_add_exact(struct lock_report *r, const char *name, u64 acquired,
			   u64 trylock_failed);

void lock_report_free(struct lock_report *r);

/* Canonical JSON, schema LOCK_REPORT_SCHEMA; docs/report.md lists the members.  New reference. */
json_t *lock_report_json(const struct lock_report *r);

/*
 * The inverse of lock_report_json(): every recorded number comes back exactly.  Returns 0, or
 * -EINVAL with @err set and nothing to free.  @json is foreign data and is checked throughout.
 */
__must_check int lock_report_parse(struct lock_report *r, const json_t *json,
				   struct report_error *err);

/* /proc/lock_stat version 0.4 text; docs/report.md says where the meaning differs. */
void lock_report_write_lock_stat(const struct lock_report *r, FILE *out);

#endif /* STRESS_REPORT_LOCK_REPORT_H */
