/* SPDX-License-Identifier: MIT */
/* replay_step.h - the loops of a replay and what they count; for replay_run.c only. */
#ifndef STRESS_REPLAY_REPLAY_STEP_H
#define STRESS_REPLAY_REPLAY_STEP_H

#include "stress/replay/replay_state.h"

/* What one thread does and counts. */
struct runner {
	const struct replay_machine *m;
	const struct replay_op *ops;
	const u32 *mine;	/* positions of this CPU's operations, NULL: all of them */
	u32 nr;
	unsigned int cpu;	/* concurrent: whose operations */
	bool probe;		/* drains are not made; see replay_calibrate() */
	struct pagelist **lists;	/* [cpu * nr_zones + zone] */
	u64 *refilled;		/* [same] pages refilled so far, by the list's own statistics */
	u32 *ordinal;		/* [cpu] list operations so far */
	s64 listed, listed_max;	/* pages */
	double listed_sum;
	u32 next_tick;
	struct replay_outcome out;
};

/* Runs the operations [@from, @to) of all CPUs, and the ticks between, acting as each CPU. */
void run_in_order(struct runner *r, u32 from, u32 to);

/* Runs the ticks that come before operation @op; of this CPU only, in a concurrent run. */
void run_ticks(struct runner *r, u32 op);

/* Runs this CPU's operations; @runners: struct runner *[nr_cpus].  For cpu_run_all(). */
void run_on_cpu(void *runners);

#endif /* STRESS_REPLAY_REPLAY_STEP_H */
