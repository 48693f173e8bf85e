/* SPDX-License-Identifier: MIT */
/*
 * Runs schedules in a process of their own, so that a finding ends the worker and not the
 * exploration.
 */
#ifndef STRESS_EXPLORE_WORKER_H
#define STRESS_EXPLORE_WORKER_H

#include "stress/explore/schedule.h"

/* Switches of one schedule that are kept; a longer schedule cannot be replayed or shrunk. */
#define WORKER_MAX_SWITCHES	65536
/* Code addresses kept for each switch. */
#define WORKER_SITE_DEPTH	12
#define WORKER_TEXT_MAX		8192

/* Sums over the schedules that ended well; they add up over shards. */
struct explore_sums {
	u64 schedules, steps, switches, irqs, stores_delayed, faults;
	u64 digest;			/* sum of a mix of each schedule's seed and hash */
};

/* Where the CPU was that gave way, innermost first; 0 ends the list. */
struct worker_site {
	uintptr_t at[WORKER_SITE_DEPTH];
};

/* Memory that the worker shares with its parent. */
struct worker_shared {
	struct explore_sums sums;
	u64 position;			/* the job's: which schedule is next, or running */
	bool stop;			/* set by the parent, seen between two schedules */

	/* The running schedule, as far as it got. */
	struct explore_schedule current;
	struct sim_stats stats;
	bool ready;			/* the machine runs, its serial schedule ended well */
	bool finished;			/* the worker has done all that was asked */
	size_t nr_sites;
	struct sim_switch switches[WORKER_MAX_SWITCHES];
	struct worker_site sites[];	/* [WORKER_MAX_SWITCHES] when asked for */
};

struct worker_job {
	const struct explore_config *config;
	/*
	 * In the worker: the schedule at shared->position, or false at the end.  The worker counts
	 * the position up after each schedule.
	 */
	bool (*next)(struct worker_job *job, u64 position, struct explore_schedule *s);
	void *arg;
	double deadline;		/* worker_now() after which no schedule is begun; 0: none */
	bool sites;			/* note where each switch happened */
	/* In the parent, several times a second; may be NULL. */
	void (*progress)(struct worker_job *job, const struct worker_shared *shared);
};

enum worker_end {
	WORKER_DONE,			/* no schedule left, or the time is over */
	WORKER_FOUND,			/* the schedule shared->current failed; text says how */
	WORKER_BROKEN,			/* no schedule could be run; text says why */
};

struct worker {
	struct worker_shared *shared;
	char text[WORKER_TEXT_MAX];	/* what the worker wrote on stderr, or our verdict */
};

/* Seconds of the host's monotonic clock. */
double worker_now(void);

/* 0 or -ENOMEM. */
__must_check int worker_init(struct worker *w);
void worker_exit(struct worker *w);

/* Forks a worker that goes on at shared->position, and waits for its end.  Host thread. */
enum worker_end worker_run(struct worker *w, struct worker_job *job);

#endif /* STRESS_EXPLORE_WORKER_H */
