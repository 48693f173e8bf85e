/* SPDX-License-Identifier: MIT */
/*
 * Metrics: every number of a run that a comparison looks at, one column of values per set.
 *
 * Counters come from the result's "exact" member and from the exact counts of locks, per 1000
 * operations where the run counted operations.  Times come from the lock report and "sampled".
 */
#ifndef STRESS_COMPARE_METRIC_H
#define STRESS_COMPARE_METRIC_H

#include "stress/compare/run_set.h"

enum lock_field {
	FIELD_NONE,			/* not of a lock */
	FIELD_ACQUIRED,			/* counted */
	FIELD_WAIT,			/* ms waited per second of CPU time; 10 is 1 % */
	FIELD_CONTENDED,		/* % of acquisitions */
	FIELD_BOUNCES,			/* % of acquisitions */
	FIELD_WAIT_P99,			/* ns, interpolated within a histogram step */
	FIELD_HELD,			/* ms held per second of other CPU time, estimated */
	FIELD_HOLD_MEAN,		/* ns, estimated over all exclusive holds */
	FIELD_HOLD_P50,			/* ns, interpolated within a histogram step */
	NR_LOCK_FIELDS,
};

enum metric_sense { SENSE_NEUTRAL, SENSE_LOWER_IS_BETTER, SENSE_HIGHER_IS_BETTER };

struct metric {
	char *name;			/* "zone->lock[DMA32] wait", "vm_events.pgfree" */
	char *lock;			/* NULL: not of a lock */
	enum lock_field field;
	enum metric_sense sense;
	bool counted;			/* a counter: exact if it repeats */
	const char *unit;
	double *a, *b;			/* one value per run; NAN: the run does not have it */
};

struct metric_table {
	const struct run_set *a, *b;
	bool per_kop;			/* counters are per 1000 operations, else as counted */
	u32 nr;
	struct metric *m;
};

/* Reads every metric of every run; give it back with metric_table_free(). */
void metric_table_build(struct metric_table *t, const struct run_set *a,
			const struct run_set *b);
void metric_table_free(struct metric_table *t);

/* NULL when there is none. */
const struct metric *metric_of_lock(const struct metric_table *t, const char *lock,
				    enum lock_field field);

/* Share of the run's length in which the lock was held: an estimate that every run has. */
struct lock_load {
	char *lock;
	double wait, held;		/* largest of any run: of CPU time, of the run's length */
	u32 used_a, used_b;		/* runs that took it */
};

/* One entry per lock that some run took; returns their number.  For lock_loads_free(). */
u32 lock_loads(const struct metric_table *t, struct lock_load **out);
void lock_loads_free(struct lock_load *list, u32 nr);

#endif /* STRESS_COMPARE_METRIC_H */
