/* SPDX-License-Identifier: MIT */
/* A campaign: many schedules of one scenario, the failures among them, and what is kept of each. */
#ifndef STRESS_EXPLORE_EXPLORE_H
#define STRESS_EXPLORE_EXPLORE_H

#include "stress/explore/worker.h"

/* How schedules choose the next CPU: one policy, or the portfolio, which cycles by seed. */
struct explore_policy {
	bool portfolio;
	enum sim_policy policy;
	unsigned int param;
};

/* Reads "portfolio", "random[:P]", "pct[:D]", "delay[:P]", "serial".  0 or -EINVAL. */
__must_check int explore_policy_parse(const char *text, struct explore_policy *p);
/* The text of a policy, as read by explore_policy_parse(). */
const char *explore_policy_text(const struct explore_policy *p, char *buf, size_t size);
const char *explore_schedule_policy_text(const struct explore_schedule *s, char *buf, size_t size);
/* The schedule of @seed under @p. */
struct explore_schedule explore_schedule_of_seed(const struct explore_policy *p, u64 seed);

#define EXPLORE_SEED_MAX	(1ULL << 53)	/* every JSON reader keeps such integers exact */

struct explore_options {
	struct explore_config config;
	struct explore_policy policy;
	u64 first, last;		/* seeds, both included */
	unsigned int shard, nr_shards;	/* this one of so many, from 1 */
	double seconds;			/* 0: until the seeds are used up */
	bool stop_on_failure;
};

/* One way of failing, and the first schedule that failed so. */
struct explore_failure {
	struct explore_config config;
	struct explore_schedule schedule;	/* replay, nr_replay: unused */
	char *title;			/* the line that says what was found */
	char *key;			/* the same without numbers: equal keys are one failure */
	char *text;			/* all that was written */
	u64 steps, hash;		/* up to the end */
	struct sim_switch *switches;	/* [nr_switches]; 0 when there were too many */
	size_t nr_switches;
	char **sites;			/* [nr_switches]: where each happened, or NULL */
	u64 count;			/* schedules that failed so */
	bool shrunk;
	char *repro;			/* of the schedule it was shrunk from, or NULL */
};

struct explore_result {
	struct explore_options opt;
	struct explore_sums sums;
	u64 nr_failed;			/* schedules */
	struct explore_failure *failures;
	u32 nr_failures;
	double elapsed;			/* seconds */
	bool complete;			/* all seeds of the shard were used */
	bool gave_up;			/* too many failures */
};

/*
 * Runs the campaign.  Host thread.  Returns 0, or -errno with one sentence in @err[@size]: no
 * schedule could be run.  Give the result back with explore_result_free().
 */
__must_check int explore_campaign(const struct explore_options *opt, struct explore_result *result,
				  char *err, size_t size);
void explore_result_free(struct explore_result *result);

/* What the worker's end says, as a failure of @config. */
void explore_failure_fill(struct explore_failure *f, const struct explore_config *config,
			  const struct worker *w);
void explore_failure_free(struct explore_failure *f);
/* The one command that repeats @f; NULL when only a replay file can.  To be freed. */
char *explore_failure_repro(const struct explore_failure *f);

/*
 * Replays the recorded switches of @f.  1: it failed, and @again (may be NULL) says how; 0: it did
 * not; -errno.
 */
int explore_replay(const struct explore_failure *f, struct explore_failure *again);

/*
 * Looks for a smaller schedule that fails in the same way: fewer CPUs, fewer operations, then as
 * few switches as possible; notes where each of those happens.  About @seconds.  @f is replaced.
 */
void explore_shrink(struct explore_failure *f, double seconds);

/* Notes in @f->sites where each switch happens, by one more replay; nothing without addr2line. */
void explore_find_sites(struct explore_failure *f);

#endif /* STRESS_EXPLORE_EXPLORE_H */
