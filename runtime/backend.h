/* SPDX-License-Identifier: MIT */
/*
 * The back end: what makes a CPU run, wait, wake and tell the time.
 *
 * THREADS gives each CPU a pthread (runtime/backend_threads.c).  The interface is kept this small
 * so that a second back end can run all CPUs as fibers of one thread under a seeded scheduler;
 * nothing above this header knows which one is in use.
 */
#ifndef RUNTIME_BACKEND_H
#define RUNTIME_BACKEND_H

#include "runtime/cpu.h"

struct backend {
	const char *name;
	unsigned int idle_spins;	/* looks before a CPU sleeps */
	unsigned int lock_spins;	/* tries before a lock's waiter sleeps */

	/* Before and after a machine: 0 or -errno. */
	int (*boot)(u64 seed);
	void (*shutdown)(void);

	/* Starts @cpu's flow of control in cpu_main(cpu).  0 or -errno. */
	int (*start_cpu)(struct cpu *cpu, bool pin);
	/* Waits until cpu_main() of @cpu has returned. */
	void (*join_cpu)(struct cpu *cpu);

	/*
	 * Sleeps while *word == value, at most about @limit_ns (0: no limit); may return early.
	 * wake_word() ends the sleep of one sleeper; the word has been changed before.
	 */
	void (*wait_word)(u32 *word, u32 value, u64 limit_ns);
	void (*wake_word)(u32 *word);
	/* The same for a word whose change wakes nobody: spins, and offers the core to others. */
	void (*spin_while)(u32 *word, u32 value);

	/* Sends IRQ_SIGNAL to @cpu's thread; NULL where CPUs are no threads. */
	void (*signal_cpu)(struct cpu *cpu);

	/* Every CPU executes a full barrier. */
	void (*membarrier)(void);

	u64 (*clock_ns)(void);
	/* Lets about @ns pass in the name of this CPU; it takes no interrupts meanwhile. */
	void (*delay)(u64 ns);

	/* Grace periods: rcu.c keeps the numbers, the back end says when one is over. */
	void (*rcu_online)(struct cpu *cpu);
	void (*rcu_offline)(struct cpu *cpu);
	void (*rcu_quiescent)(struct cpu *cpu);
	/* gp_requested was raised: see to it that rcu_gp_done() follows a full grace period. */
	void (*rcu_request)(void);
};

/* What interrupts a CPU's thread with machine_options.irq "signal". */
#define IRQ_SIGNAL	SIGUSR1

extern const struct backend *backend;
extern const struct backend backend_threads;
extern const struct backend backend_sim;

/* RCU state shared between rcu.c and the back ends. */
extern u64 rcu_gp_requested;		/* atomic */
/* Every request numbered <= @gp has had its grace period.  Any thread. */
void rcu_gp_done(u64 gp);
u64 rcu_gp_last_done(void);

/*
 * The life of a CPU, with current_cpu set by the back end: run what is handed over, idle in
 * between, until told to stop.
 */
void cpu_main(struct cpu *cpu);

/* Between CPUs and the host thread: the host looks again at what it waits for. */
void cpu_tell_host(void);
void cpu_host_wait_for(bool (*cond)(void *arg), void *arg);

#endif /* RUNTIME_BACKEND_H */
