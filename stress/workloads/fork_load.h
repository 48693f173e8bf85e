/* SPDX-License-Identifier: MIT */
/*
 * stress-fork-cow's parts: processes that fork, write and end on any CPU (fork_load.c), threads
 * that write while their address space is forked (fork_threads.c), and the report (fork_result.c).
 */
#ifndef STRESS_WORKLOADS_FORK_LOAD_H
#define STRESS_WORKLOADS_FORK_LOAD_H

#include "stress/workloads/vm_common.h"

extern const struct workload workload_fork_cow;

/* Exact counts of one CPU's task. */
struct fork_stats {
	u64 turns;			/* times a process ran */
	u64 loads, stores, pages_checked, denied;	/* denied: faults that had to come */
	u64 forks, exits, execs, roots, zaps, maps, protects;
	u64 shared_adds;
	u64 refused;			/* for lack of memory */
	u64 thread_writes, thread_forks, thread_words;	/* words that a child compared */
};

#define FORK_THREAD_PAGES	16u

struct fork_cpu {
	struct fork_stats stats;
	struct user_task *thread;	/* this CPU's thread of the common address space; or NULL */
	u64 own[FORK_THREAD_PAGES];	/* what its words hold, by page */
	u64 low[NR_CPUS];		/* scratch: words of the other threads before a fork */
};

/* Processes at most, and private pages of each. */
u32 fork_tasks_max(void);
u32 fork_pages_each(void);

json_t *fork_report(struct stress_run *run);
void fork_print(struct stress_run *run, FILE *out);

/* One operation of this CPU's thread.  Task context. */
void fork_thread_step(struct stress_cpu *c);
/* Checks this CPU's words and ends its thread. */
void fork_thread_finish(struct stress_cpu *c);
/* Host thread. */
void fork_threads_start(void);

#endif /* STRESS_WORKLOADS_FORK_LOAD_H */
