/* SPDX-License-Identifier: MIT */
/*
 * replay_run.h - runs a plan on a machine of its own, and says what the machine did.
 *
 * Every decision (when a list is refilled or drained, and by how much) is made by the allocator's
 * own code; the plan only says who asks for what.
 */
#ifndef STRESS_REPLAY_REPLAY_RUN_H
#define STRESS_REPLAY_REPLAY_RUN_H

#include "mm/page/mm_options.h"
#include "stress/replay/replay_plan.h"
#include "stress/report/lock_report.h"

enum replay_mode {
	REPLAY_DETERMINISTIC,	/* one thread is each CPU in turn, in trace order: exact counts */
	REPLAY_CONCURRENT,	/* one thread per CPU, a free waits for its block: contention */
};

/* The per-CPU page lists to replay with; REPLAY_NONE: what the policy computes. */
struct replay_setting {
	const char *policy;	/* NULL: the one of the recorded kernel */
	u32 batch, high, high_fraction, scale_max;
	u32 high_max;		/* upper end of a tuned window; REPLAY_NONE: @high, no tuning */
};

/* Initializer: as recorded. */
#define REPLAY_SETTING_RECORDED \
	{ NULL, REPLAY_NONE, REPLAY_NONE, REPLAY_NONE, REPLAY_NONE, REPLAY_NONE }

struct replay_options {
	struct replay_setting setting;
	enum replay_mode mode;
	u64 seed;		/* of the machine's random streams: sampling only */
	const char *lock;	/* spinlock algorithm; NULL: the default */
	const char *lockstat;	/* "off", "default" (also NULL), "all" */
	bool small_cache;	/* a CPU's share of the data cache is below 3 batches */
	/*
	 * Deterministic mode: operations [from, to) are counted, what comes before only prepares
	 * them and what comes after is left out.  to 0: the end of the plan.
	 */
	u32 from, to;
};

/* What a run did.  Counts are exact; ns, and all of @locks' times, are measured. */
struct replay_outcome {
	bool as_recorded;	/* the recorded kernel's own policy and sizes */
	const char *policy;
	u64 ns;			/* of the replay alone, without boot and start state */
	u64 ops;
	u64 failed;		/* allocations that got nothing */
	u64 fallbacks;		/* blocks from a pageblock of another type, or from another zone */
	u64 refills, drains;	/* transfers */
	u64 refilled, drained;	/* pages */
	u64 worker_drained;	/* of these, by the vmstat worker */
	u64 zone_locks;		/* acquisitions of the zones' locks */
	u64 irq_takes;		/* allocations served in interrupt context */
	u64 waits;		/* concurrent: operations that waited for another CPU */
	u64 transfer_max;	/* most pages moved in one hold of a zone's lock, by a page list */
	u64 stranded_max;	/* pages on all lists, after an operation */
	double stranded_mean;
	u64 takes_by[REPLAY_ORDERS][MIGRATE_PCPTYPES];	/* blocks as served */
	struct replay_transfer *transfers;	/* as_recorded only; in order for each CPU */
	u32 nr_transfers;
	struct lock_report locks;
};

/* True when @setting is what the recorded kernel ran with. */
bool replay_as_recorded(const struct replay_plan *plan, const struct replay_setting *setting);
/* Policy of the recorded kernel, by what its zoneinfo prints. */
const char *replay_recorded_policy(const struct replay_plan *plan);

/**
 * replay_calibrate - corrects the plan's start by the first drain that the trace shows.
 * @plan: changed at most once; see replay_plan_correct().
 * @opt:  small_cache and seed are used.
 * @err:  receives one sentence; may be NULL.
 *
 * zoneinfo was read before the trace began; the first drain tells the exact count then.  Runs the
 * machine up to there.  Host thread, no machine up.  Returns 0 or -errno.
 */
__must_check int replay_calibrate(struct replay_plan *plan, const struct replay_options *opt,
				  struct mm_error *err);

/**
 * replay_run - boots a machine as recorded, replays, takes it down.
 * @plan: the plan.
 * @opt:  options; texts must live until the return.
 * @out:  on success freed by replay_outcome_free().
 * @err:  receives one sentence; may be NULL.
 *
 * A machine that ends with other free memory than it began with panics.  Host thread, no machine
 * up.  Returns 0; -EINVAL for an option that is not possible, -ENOMEM.
 */
__must_check int replay_run(const struct replay_plan *plan, const struct replay_options *opt,
			    struct replay_outcome *out, struct mm_error *err);
void replay_outcome_free(struct replay_outcome *out);

#endif /* STRESS_REPLAY_REPLAY_RUN_H */
