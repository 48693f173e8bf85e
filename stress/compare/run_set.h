/* SPDX-License-Identifier: MIT */
/*
 * Sets of runs: what stands on each side of a comparison.
 *
 * A set is written [LABEL=]FILE[,FILE...]; each FILE may be a glob pattern, a result file (schema
 * kmemlab-result/1), or a file with several runs: {"schema": "kmemlab-results/1", "runs": [...]}.
 */
#ifndef STRESS_COMPARE_RUN_SET_H
#define STRESS_COMPARE_RUN_SET_H

#include "stress/report/result_file.h"

#define RESULTS_SCHEMA	"kmemlab-results/1"

struct run {
	struct result_file file;
	char *name;			/* "a.json", or "a.json[3]" in a file with several */
};

struct run_set {
	char *label;
	u32 nr;				/* at least 1 once loaded */
	struct run *runs;
};

/**
 * run_set_load - reads every run that @arg names.
 * @set:   filled; give it back with run_set_free().
 * @arg:   as above; the label is what stands before the first '=' when no file is called so.
 * @label: of a set that gives none.
 *
 * Returns 0, or -errno with one line in @err and nothing to free.  Host thread.
 */
__must_check int run_set_load(struct run_set *set, const char *arg, const char *label,
			      struct report_error *err);

/* Adds the runs of one more [glob of] file; the same errors. */
__must_check int run_set_add(struct run_set *set, const char *file, struct report_error *err);
/* Adds one run; takes over @json. */
__must_check int run_set_add_json(struct run_set *set, json_t *json, const char *name,
				  struct report_error *err);
void run_set_free(struct run_set *set);

/* The set as one file with several runs.  New reference. */
json_t *run_set_json(const struct run_set *set);

/* Members of a run that may be missing: operations of all CPUs (0), seed as text ("?"). */
u64 run_ops(const struct run *run);
struct run_seed {
	char s[32];
} run_seed(const struct run *run);

/* True when operations and not time ended the run, on one CPU: its counters repeat. */
bool run_is_repeatable(const struct run *run);

#endif /* STRESS_COMPARE_RUN_SET_H */
