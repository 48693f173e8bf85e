/* SPDX-License-Identifier: MIT */
/*
 * What a lock report says per lock: sums over CPUs and sites, percentiles, shares, the worst pair.
 *
 * Percentiles come from histograms with four steps per power of two.  A percentile is the upper
 * end of its step, capped by the largest time seen: never too low, at most 25 % too high.
 */
#ifndef STRESS_REPORT_LOCK_SUMMARY_H
#define STRESS_REPORT_LOCK_SUMMARY_H

#include "stress/report/lock_report.h"

struct lock_totals {
	u64 acquired, contended, bounces, contended_bounces, trylock_failed, spun, slept;
	u32 queue_max;
	struct lockstat_time wait, hold, hold_contended;
};

/* Times in ns; all 0 when nothing was timed. */
struct lock_quantiles {
	u64 p50, p90, p99;
};

/* Waits or holds per bucket; holds are estimated and need not be whole numbers. */
struct lock_weights {
	double bucket[LOCKSTAT_BUCKETS];
};

struct lock_summary_pair {
	u32 waiter, holder;
	u64 contended;
	struct lockstat_time wait;
};

struct lock_summary {
	u32 class;
	struct lock_totals write, read;		/* exclusive and shared acquisitions */
	struct lock_totals all;			/* both, plus the owner side's exact counts */
	struct lock_quantiles wait, hold;	/* hold: exclusive holds only */
	bool hold_known;			/* at least one hold was timed */
	double hold_total_ns;			/* estimated over all exclusive holds */
	u32 nr_pairs;
	struct lock_summary_pair *pairs;	/* by waiting time, most first */
};

enum lock_sort { LOCK_SORT_WAIT, LOCK_SORT_CONTENDED, LOCK_SORT_ACQUIRED, LOCK_SORT_HOLD,
		 LOCK_SORT_BOUNCES, LOCK_SORT_NAME, NR_LOCK_SORTS };

/* "wait", "contended", "acquired", "hold", "bounces", "name"; NULL or -EINVAL for others. */
const char *lock_sort_name(enum lock_sort sort);
int lock_sort_by_name(const char *name);

/*
 * One summary per lock that was used, in the order of @sort; ties keep the order of registration.
 * Returns their number; *@out is given back with lock_summaries_free().
 */
u32 lock_summaries(const struct lock_report *r, enum lock_sort sort, struct lock_summary **out);
void lock_summaries_free(struct lock_summary *list, u32 nr);

/* Adds up @t over records. */
void lock_time_add(struct lockstat_time *t, const struct lockstat_time *more);

/*
 * The distribution of one lock's waits, all of which were timed, and of its exclusive holds: those
 * after a wait count once each, the sampled ones stand for all uncontended acquisitions.
 */
void lock_wait_weights(const struct lock_report *r, u32 class, struct lock_weights *w);
void lock_hold_weights(const struct lock_report *r, const struct lock_summary *s,
		       struct lock_weights *w);
struct lock_quantiles lock_quantiles(const struct lock_weights *w, u64 max_ns);

/* Derived numbers per lock as JSON; part of lock_report_json(). */
json_t *lock_summaries_json(const struct lock_report *r);

#endif /* STRESS_REPORT_LOCK_SUMMARY_H */
