/* SPDX-License-Identifier: MIT */
/* The SIM scheduler as the files of this folder see it; nobody else includes this. */
#ifndef RUNTIME_SIM_SCHED_H
#define RUNTIME_SIM_SCHED_H

#include "runtime/cpu.h"
#include "runtime/sim/fiber.h"
#include "runtime/sim/sim.h"

#define SIM_MAX_CPUS	16	/* schedules are explored with 2 to 4; more only dilutes them */
#define STORE_BUFFER_DEPTH 8

struct sim_store {
	u32 *word;
	u32 value;
	bool release;
	u8 token;		/* index of store_tokens of its CPU */
};

struct sim_cpu {
	struct fiber fiber;
	struct cpu *cpu;
	bool started, ended;

	/* While not NULL the CPU waits for *wait_word != wait_value (or an interrupt). */
	u32 *wait_word;
	u32 wait_value;

	/*
	 * What is injected depends on this CPU's own path only, so it stays the same when the
	 * switches between CPUs are replayed or left out.
	 */
	u64 own_steps;		/* scheduling points passed by this CPU */
	struct rand_state irq_rand, store_rand;

	const void *marked;	/* the word of its last marked access; coverage build */

	u64 priority;		/* SIM_PCT: higher runs first */
	u64 stalled_until;	/* SIM_DELAY: not chosen before this step */
	size_t next_replay;	/* SIM_REPLAY: no earlier switch is this CPU's */

	bool rcu_online, rcu_owes;	/* owes: the current grace period still waits for it */

	struct sim_store stores[STORE_BUFFER_DEPTH];	/* oldest first */
	unsigned int nr_stores;
	u8 next_token;
	/* TSan: what the CPU had done before each store, and who lets stores reach memory (I5). */
	char store_tokens[STORE_BUFFER_DEPTH];
	void *store_fiber;
};

/*
 * All state of the back end.  It lives on the heap, not in static data: a snapshot of the machine
 * does not contain the one who takes it.
 */
struct sim {
	struct sim_cpu cpus[SIM_MAX_CPUS + 1];	/* the last stands for nobody */
	struct fiber host;
	unsigned int current;		/* index of the running CPU; SIM_HOST in the host thread */
	bool scheduling;		/* inside the scheduler: its own atomics are no points */
	bool running;			/* between sim_begin() and sim_end() */

	u32 *host_word;			/* the host thread waits for *host_word != host_value */
	u32 host_value;

	struct sim_options opt;
	struct sim_stats stats;
	struct rand_state rand;		/* of the policy */
	unsigned int hook_left;		/* points until the next step_hook */
	u64 change_point[16];		/* SIM_PCT, ascending */
	unsigned int nr_change_points, next_change;
	u64 lowest_priority;

	u64 clock;			/* ns; advances with steps */
	u64 gp_target;			/* RCU: the running grace period, 0 none */
};

#define SIM_HOST	(~0u)

extern struct sim *sim;

/* The policy's choice among runnable CPUs at a point; @must: the current CPU cannot go on. */
unsigned int sim_policy_pick(enum sim_point_kind kind, bool must);
void sim_policy_begin(void);
bool sim_cpu_runnable(const struct sim_cpu *c);

/* Gives back what the store buffers need of ThreadSanitizer. */
void sim_buffer_exit(void);
/* Puts at most all buffered stores of @c into memory; drawn at random when @all is false. */
void sim_buffer_flush(struct sim_cpu *c, bool all);

/*
 * The accesses that the scheduler makes in the name of a CPU: instrumented under ThreadSanitizer,
 * unlike the scheduler itself (sim_words.c).
 */
void sim_word_store(u32 *word, u32 value, bool release);
u32 sim_word_load(const u32 *word);
/* Counts as a store, and leaves the word as it is. */
void sim_word_touch(u32 *word);

/* RCU of the back end (sim_rcu.c). */
void sim_rcu_online(struct cpu *cpu);
void sim_rcu_offline(struct cpu *cpu);
void sim_rcu_quiescent(struct cpu *cpu);
void sim_rcu_request(void);

#endif /* RUNTIME_SIM_SCHED_H */
