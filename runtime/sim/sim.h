/* SPDX-License-Identifier: MIT */
/*
 * The SIM back end: every CPU a fiber of one thread under a seeded scheduler.
 *
 * Code that synchronises calls sim_point() where another CPU could run; with the THREADS back end
 * that is one predictable branch.  Every choice comes from the seed, so the same seed gives the
 * same interleaving, bit for bit; sim_stats.hash proves it.
 */
#ifndef RUNTIME_SIM_SIM_H
#define RUNTIME_SIM_SIM_H

#include "runtime/lib/rand.h"
#include "runtime/tsan.h"

/* Whether schedules with a store buffer are on offer: where atomic accesses are points. */
#define SIM_STORE_BUFFER	KMEMLAB_EXPLORE

/* Whether plain loads and stores are scheduling points too (runtime/sim/access_points.c). */
#ifdef KMEMLAB_PLAIN_POINTS
#define SIM_PLAIN_POINTS	1
#else
#define SIM_PLAIN_POINTS	0
#endif

enum sim_point_kind {
	SIM_LOCK, SIM_TRYLOCK, SIM_UNLOCK, SIM_IRQ, SIM_RCU, SIM_ATOMIC, SIM_ACCESS, SIM_BLOCK,
	NR_SIM_POINTS
};

extern bool sim_active;			/* the machine runs on this back end */

/*
 * TSan: what the host thread set up before a schedule is known to the interrupts injected in it.
 * An injected interrupt comes from nowhere, so nothing else orders it, and that is wanted: an edge
 * from the interrupted task would hide every missing local_irq_save().
 */
extern char sim_host_token;
void sim_yield(enum sim_point_kind kind, const void *what);

/* Any context of a CPU, interrupts masked or not. */
static inline void sim_point(enum sim_point_kind kind, const void *what)
{
	if (__builtin_expect(sim_active, 0))
		sim_yield(kind, what);
}

/*
 * Called at every step of a schedule with the simulated time, or NULL.  It may set pending bits of
 * CPUs (irq_set_pending()) and nothing else that CPUs see.
 */
extern void (*sim_step_hook)(u64 now_ns);

/* How the next CPU is chosen at a scheduling point. */
enum sim_policy {
	SIM_RANDOM,	/* switch with probability 1/param to a CPU drawn at random */
	SIM_PCT,	/* random priorities, param - 1 of them lowered at random points */
	SIM_DELAY,	/* run on, but stall a CPU now and then for 10 to 1000 points */
	SIM_REPLAY,	/* switch at the recorded points only */
	NR_SIM_POLICIES
};

const char *sim_policy_name(enum sim_policy policy);
/* The policy or -EINVAL. */
int sim_policy_by_name(const char *name);

/*
 * At its own scheduling point number @from_step, CPU @from gives way to @cpu.  A replay goes by
 * these two, not by @step, the number over all CPUs: when a switch is left out, those that remain
 * keep their places in the code of their CPUs.
 */
struct sim_switch {
	u64 step;
	u64 from_step;
	u32 cpu;
	u16 kind;		/* enum sim_point_kind where it happened */
	u16 from;		/* nr_cpu_ids: nobody ran, the host thread waited */
};

struct sim_options {
	u64 seed;
	enum sim_policy policy;
	unsigned int param;
	u64 expected_steps;		/* of a schedule, for SIM_PCT's change points */
	u64 step_limit;			/* a schedule that takes more is a livelock; 0: none */
	unsigned int irq_one_in;	/* inject @irq_vec at one point in so many; 0: never */
	unsigned int irq_vec;
	bool store_buffer;		/* keep dekker_store()s back (explore build) */
	const struct sim_switch *replay;
	size_t nr_replay;
	struct sim_switch *record;	/* where to write the switches taken; may be NULL */
	size_t record_max;
	/*
	 * Called in the name of the CPU that runs, with the world stopped: @step_hook at every
	 * @step_every-th point, @switch_hook before each switch, on the stack of who is left.  They
	 * must not lock or wait, and what they do is no part of the schedule.  May be NULL.
	 */
	void (*step_hook)(void);
	unsigned int step_every;
	void (*switch_hook)(const struct sim_switch *s);
};

struct sim_stats {
	u64 steps;			/* scheduling points passed */
	u64 switches;			/* where another CPU went on */
	u64 irqs_injected;
	u64 stores_delayed;
	u64 faults;			/* of timing (runtime/inject.h); noted by the caller */
	u64 hash;			/* of the sequence of (CPU, kind) over all points */
	size_t nr_recorded;		/* may exceed record_max: then the record is cut */
};

/*
 * Lets every CPU come to rest, then starts a schedule under @opt.  Host thread, no work running.
 * The options are copied; the arrays must live until sim_end().
 */
void sim_begin(const struct sim_options *opt);
/* Ends the schedule: CPUs come to rest without recording. */
struct sim_stats sim_end(void);

/* What is known so far (nothing without a machine); may be called from a panic dumper. */
struct sim_stats sim_stats_now(void);
const struct sim_options *sim_options_now(void);

/*
 * What a schedule may have changed, and its way back: static data of the program and the boot-time
 * tables of the machine, but not the arena.  Taken with every CPU at rest.  0, -ENOMEM, or
 * -ENOTSUP in sanitizer builds, whose run time keeps its own state in the program's static
 * data: there the machine is booted anew.
 */
int sim_snapshot_take(void) __attribute__((warn_unused_result));
void sim_snapshot_restore(void);
void sim_snapshot_drop(void);
size_t sim_snapshot_bytes(void);

#endif /* RUNTIME_SIM_SIM_H */
