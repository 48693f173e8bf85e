/* SPDX-License-Identifier: MIT */
/*
 * tune_run.h - a tuning from grid to recommendation.
 *
 * The result holds no time, no number of workers and nothing else that differs between two runs of
 * the same question, so that it is the same text, byte for byte.  (Of a workload whose counts are
 * not exact, the values differ.)
 */
#ifndef STRESS_TUNE_TUNE_RUN_H
#define STRESS_TUNE_TUNE_RUN_H

#include "stress/compare/stats.h"
#include "stress/tune/tune_front.h"
#include "stress/tune/tune_store.h"

enum tune_halving {
	TUNE_HALVING_AUTO,	/* when the grid would take too many operations */
	TUNE_HALVING_ON,
	TUNE_HALVING_OFF,
};

struct tune_options {
	u32 jobs;
	enum tune_halving halving;
	enum tune_goal goal;
	double max_stranded;		/* bytes; 0: no limit */
	u32 shard, nr_shards;		/* shard 1..nr_shards; nr_shards 0: all in one */
	u32 runs;			/* of each survivor, when not everything is exact */
	u32 warm_up;			/* first parts of every input that are not counted */
	bool quiet;
};

/* A step of one size of the pick. */
struct tune_step {
	enum tune_field field;
	int step;			/* -1, +1 */
	u32 row;			/* where it leads; the number of rows: out of the grid */
};

/* The pick of one goal, here and on the held-out input. */
struct tune_choice {
	u32 row;			/* nr_rows: nothing is within the limits */
	u32 linux_row;			/* the same among what Linux can be set to */
	u32 linux_now;			/* ... on a running kernel, without a new build */
};

#define TUNE_STEPS_MAX	(2 * TUNE_DIMS_MAX)

struct tune_result {
	const struct tune_options *opt;
	const struct tune_space *space;
	const struct tune_source *sources;
	u32 nr_sources;
	struct tune_window train, held;

	struct tune_row *rows;		/* [nr_rows] one per point, on the training window */
	struct tune_row *held_rows;	/* the same on the held-out one; few are measured */
	u32 nr_rows;
	u32 nr_measured, nr_front;
	u32 rungs;			/* of halving; 1: the full grid at full length */
	u32 rung_points[8];		/* settings measured at each rung */

	u32 knee;
	struct tune_choice choice[NR_TUNE_GOALS];
	struct tune_claim claim, held_claim;
	u32 held_best;			/* of opt->goal, among what was confirmed */
	struct tune_step steps[TUNE_STEPS_MAX];
	u32 nr_steps;

	/* Of sampled counts: the 95 % interval of the acquisitions, [nr_rows]; else NULL. */
	struct interval *acq_interval;
};

/**
 * tune_run - does all of it.
 * @r:       overwritten; given back with tune_result_free().
 * @opt:     options; must live as long as @r, like the two below.
 * @store:   with what is known already; receives every new result.
 * @err:     one sentence.
 *
 * With shards only the shard's part of the grid is measured, and r->nr_front is 0.  Returns 0 or
 * -errno.  Host thread, no machine up.
 */
__must_check int tune_run(struct tune_result *r, const struct tune_options *opt,
			  struct tune_store *store, struct tune_error *err);
void tune_result_free(struct tune_result *r);

static inline const struct tune_metrics *tune_reference(const struct tune_result *r)
{
	return &r->rows[r->space->reference].m;
}

#endif /* STRESS_TUNE_TUNE_RUN_H */
