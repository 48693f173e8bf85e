/* SPDX-License-Identifier: MIT */
/*
 * Rules of `kmemlab gate`: "zone.acq>+2%", "wait%>+1pp,p<.01", "zone.wait%>5".
 *
 * A rule is METRIC > or < THRESHOLD, with ",p<P" at its end for another level than 0.05; it fails
 * when it is true.  A threshold with a sign is a change against the baseline: relative with "%",
 * in percentage points with "pp", else in the metric's unit.  Without a sign it is a limit for the
 * new median.
 *
 * METRIC is [LOCK.]FIELD or the name of a metric as `kmemlab diff --all` prints it.  FIELD: acq,
 * wait% (of CPU time), wait (ms/CPU-s), contended%, bounces%, p99, hold (mean), hold50 (ns), and
 * ops/s.  LOCK is a lock, a class, or the beginning of either up to a word's end; acq and wait are
 * summed over the locks that it matches, or over all locks when it is left out.
 */
#ifndef STRESS_COMPARE_GATE_H
#define STRESS_COMPARE_GATE_H

#include "stress/compare/compare.h"

#define GATE_SCHEMA	"kmemlab-gate/1"

enum gate_unit { GATE_PLAIN, GATE_RELATIVE, GATE_POINTS };
enum gate_outcome { GATE_PASS, GATE_FAIL, GATE_UNDECIDED };

struct gate_rule {
	char *text, *lock, *metric;	/* lock: NULL for all; metric: NULL for a field of locks */
	enum lock_field field;
	double scale;			/* of the field's value to the rule's unit */
	bool above, change;		/* fails above (below) the threshold; of the change */
	enum gate_unit unit;
	double threshold, level;
};

/* What one rule says of one metric. */
struct gate_result {
	const struct gate_rule *rule;
	char *metric;			/* "zone->lock[DMA32] hold mean" */
	bool exact;
	double value;			/* in the rule's unit: change or new median */
	struct interval interval;	/* of a sampled change */
	double p;			/* corrected over all results; exact: 0 */
	enum gate_outcome outcome;
};

struct gate {
	u32 nr_rules, nr_results, nr_failed, nr_undecided;
	struct gate_rule *rules;
	struct gate_result *results;
};

/* Adds the rule @text; -EINVAL with @err set when it is none. */
__must_check int gate_add_rule(struct gate *g, const char *text, struct report_error *err);

/*
 * Applies every rule.  @c has no obstacles.  Returns 0, or -EINVAL with @err set when a rule names
 * no metric of the runs.
 */
__must_check int gate_apply(struct gate *g, const struct comparison *c, struct report_error *err);

/* Without rules: every metric that got worse is a failure. */
void gate_apply_default(struct gate *g, const struct comparison *c);

void gate_free(struct gate *g);

/* "+3.1 % (exact)", "+0.2 pp [-0.1,+0.6], p 0.4". */
struct gate_text {
	char s[160];
} gate_result_text(const struct gate_result *r);
const char *gate_rule_text(const struct gate_result *r);

void gate_print(const struct gate *g, FILE *out);
void gate_print_markdown(const struct gate *g, FILE *out);
/* JUnit XML; one test case per result. */
void gate_print_junit(const struct gate *g, FILE *out);
/* GitHub's workflow commands; one line per failed result. */
void gate_print_github(const struct gate *g, FILE *out);
/* Schema GATE_SCHEMA.  New reference. */
json_t *gate_json(const struct gate *g);

#endif /* STRESS_COMPARE_GATE_H */
