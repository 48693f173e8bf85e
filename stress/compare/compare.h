/* SPDX-License-Identifier: MIT */
/*
 * A comparison of two sets of runs: which metrics changed, by how much, and how sure that is.
 *
 * Exact metrics: counters that repeat for a seed; any change counts, one run is enough.  Sampled
 * metrics: rank test, shift with interval, p corrected over all tests of the comparison, and a
 * minimum effect, below which a change is real or not but not worth a line.
 */
#ifndef STRESS_COMPARE_COMPARE_H
#define STRESS_COMPARE_COMPARE_H

#include "stress/compare/comparable.h"
#include "stress/compare/metric.h"
#include "stress/compare/stats.h"

#define COMPARE_SCHEMA	"kmemlab-diff/1"

struct compare_options {
	double level;			/* p below it is significant: 0.05 */
	double confidence;		/* of intervals: 0.95 */
	double min_effect;		/* relative: 0.05 */
	double min_share;		/* of CPU time, for waits; of the run, for holds: 0.01 */
};

#define COMPARE_DEFAULTS							\
	((struct compare_options){ .level = 0.05, .confidence = 0.95,		\
				   .min_effect = 0.05, .min_share = 0.01 })

enum change { CHANGE_NONE, CHANGE_BETTER, CHANGE_WORSE, CHANGE_OTHER };

/* Why a sampled metric was not tested. */
enum untested { TESTED, UNTESTED_FEW_VALUES, UNTESTED_SMALL };

struct compare_row {
	const struct metric *m;
	bool exact;
	enum untested untested;		/* sampled only */
	double a, b;			/* medians; exact: means over the seeds */
	struct interval ci_a, ci_b;	/* sampled only */
	struct shift shift;		/* b - a */
	double p, p_holm;
	enum change change;
	double wait_change;		/* |change| of the lock's wait, ms/CPU-s: orders the rows */
	char *why;			/* the site that explains the change; NULL: none does */
};

struct comparison {
	struct compare_options opt;
	const struct run_set *a, *b;
	struct metric_table table;
	struct remarks remarks;
	u32 nr_rows, nr_exact, nr_tested, nr_locks, nr_changed_locks;
	struct compare_row *rows;	/* changes of locks first, by wait_change */
	u32 nr_new, nr_gone;
	char **new_locks, **gone_locks;	/* taken in no run of a; of b */
	double least_p;			/* the smallest corrected p that was possible */
	bool better, worse;
	char *verdict;			/* one sentence */
};

/**
 * compare_sets - compares @b with @a.
 * @c:   filled; give it back with comparison_free() before the sets.
 * @opt: levels; COMPARE_DEFAULTS.
 *
 * With obstacles (c->remarks.nr_obstacles) nothing but the remarks is filled.  Host thread.
 */
void compare_sets(struct comparison *c, const struct run_set *a, const struct run_set *b,
		  const struct compare_options *opt);
void comparison_free(struct comparison *c);

/* The relative change of a row; NAN when the old value is 0. */
double compare_effect(const struct compare_row *row);

/* "better", "WORSE", "changed" or "". */
const char *change_name(enum change change);

/*
 * The site that explains most of the change of a lock's metric: "refill page_alloc.c:412 -> same:
 * 83 % of the change"; NULL when it cannot be told.  The caller frees it.
 */
char *compare_explain(const struct run_set *a, const struct run_set *b, const struct metric *m);

/* Output; docs/compare.md has an example.  @all: also rows without a change. */
void compare_print(const struct comparison *c, bool all, FILE *out);
void compare_print_markdown(const struct comparison *c, FILE *out);
/* Schema COMPARE_SCHEMA.  New reference. */
json_t *compare_json(const struct comparison *c);

#endif /* STRESS_COMPARE_COMPARE_H */
