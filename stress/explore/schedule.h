/* SPDX-License-Identifier: MIT */
/*
 * One schedule: a machine in its starting state, a scenario on its CPUs, and the oracles.
 *
 * A finding is a panic: whoever explores runs schedules in a process of their own
 * (stress/explore/worker.h).
 */
#ifndef STRESS_EXPLORE_SCHEDULE_H
#define STRESS_EXPLORE_SCHEDULE_H

#include "runtime/inject.h"
#include "runtime/sim/sim.h"
#include "stress/explore/scenario.h"

/* What all schedules of a campaign have in common. */
struct explore_config {
	const struct scenario *scenario;
	unsigned int cpus;
	unsigned int ops[EXPLORE_MAX_CPUS];	/* of each CPU */
	unsigned int irq_one_in;		/* 0: no injected interrupts */
	unsigned int check_every;		/* points between two step oracles; 0: never */
	bool store_buffer;
	struct inject_options inject;		/* faults of timing, drawn from the seed */
};

/* Spreads @ops operations over the CPUs of @config. */
void explore_config_set_ops(struct explore_config *config, unsigned int ops);
unsigned int explore_config_ops(const struct explore_config *config);

/* What makes one schedule different from another. */
struct explore_schedule {
	u64 seed;
	enum sim_policy policy;
	unsigned int param;
	const struct sim_switch *replay;	/* SIM_REPLAY */
	size_t nr_replay;
};

/* Where a schedule leaves what it did while it does it. */
struct explore_record {
	struct sim_switch *switches;		/* may be NULL */
	size_t max;
	void (*switch_hook)(const struct sim_switch *s);
};

/*
 * Boots a machine for @config on the SIM back end and prepares its snapshot; where there are no
 * snapshots (sanitizers) every schedule boots anew.  Host thread; one machine at a time.  Returns
 * 0, or -errno with a sentence on stderr.
 */
__must_check int explore_machine_up(const struct explore_config *config);
void explore_machine_down(void);

/*
 * Runs one schedule from the starting state and judges it.  The result depends on the arguments and
 * the program only, not on what ran before.  Does not return when something is found.
 */
struct sim_stats explore_run_schedule(const struct explore_schedule *s,
				      const struct explore_record *record);

/* Bytes that starting over copies; 0 when it boots anew. */
size_t explore_reset_bytes(void);

#endif /* STRESS_EXPLORE_SCHEDULE_H */
