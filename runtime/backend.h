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

	/* Starts @cpu's flow of control in cpu_main(cpu).  0 or -errno. */
	int (*start_cpu)(struct cpu *cpu, bool pin);
	/* Waits until cpu_main() of @cpu has returned. */
	void (*join_cpu)(struct cpu *cpu);

	/* Sleeps while cpu->doorbell == @seen; may return early.  On @cpu itself. */
	void (*sleep)(struct cpu *cpu, u32 seen);
	/* Ends the sleep of @cpu; its doorbell has been changed. */
	void (*wake)(struct cpu *cpu);

	/* The host thread waits for a word to leave @seen; woken by host_wake(). */
	void (*host_sleep)(u32 *word, u32 seen);
	void (*host_wake)(u32 *word);

	u64 (*clock_ns)(void);
};

extern const struct backend *backend;
extern const struct backend backend_threads;

/* The life of a CPU: run what is handed over, idle in between, until told to stop. */
void cpu_main(struct cpu *cpu);

#endif /* RUNTIME_BACKEND_H */
