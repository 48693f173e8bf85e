/* SPDX-License-Identifier: MIT */
/* tune_pool.h - measures many settings at once, in worker processes. */
#ifndef STRESS_TUNE_TUNE_POOL_H
#define STRESS_TUNE_TUNE_POOL_H

#include "stress/tune/tune_source.h"

#define TUNE_JOBS_MAX	256u

struct tune_job {
	u32 point;
	struct tune_window window;
};

struct tune_pool {
	const struct tune_source *sources;	/* by window.input */
	const struct tune_space *space;
	u32 nr_workers;
	/* In the parent, for each result, in the order in which they come. */
	void (*done)(void *arg, u32 job, const struct tune_metrics *m);
	void *arg;
};

/*
 * Runs all @jobs in pool->nr_workers processes.  A result depends on its job alone, so neither the
 * number of workers nor the order of the results matters.  Returns 0, or -errno with one sentence
 * in @err when a setting could not be measured; results that had come are kept, and no process is
 * left behind.  Host thread, no machine up, no other threads.
 */
__must_check int tune_pool_run(const struct tune_pool *pool, const struct tune_job *jobs, u32 nr,
			       struct tune_error *err);

#endif /* STRESS_TUNE_TUNE_POOL_H */
