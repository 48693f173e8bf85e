/* SPDX-License-Identifier: MIT */
/*
 * CPUs: struct cpu, the machine's life cycle, the online mask, and running work on a CPU.
 *
 * A CPU is a host thread (THREADS back end).  It runs the functions it is given to completion;
 * between them it idles, answering interrupts.  Follows kernel/cpu.c and kernel/smp.c in names.
 */
#ifndef RUNTIME_CPU_H
#define RUNTIME_CPU_H

#include "runtime/lib/cpumask.h"
#include "runtime/lib/llist.h"
#include "runtime/lib/rand.h"
#include "runtime/lib/site.h"
#include "runtime/tsan.h"

struct lockstat_cpu;
struct lockdep_cpu;
struct irqsoff_trace;
struct trace_ring;
struct call_single_data;
struct rcu_head;

/* The fields of a CPU, grouped by who writes them; a group never shares a line with another. */
struct cpu {
	/* Written by this CPU only; read by nobody else.  The fast paths live on this line. */
	unsigned int id;
	int preempt_count;		/* see runtime/preempt.h for the bit layout */
	unsigned int irqs_off;		/* soft interrupt mask: 0 or 1 */
	unsigned int softirq_pending;	/* one bit per softirq raised on this CPU */
	uintptr_t percpu_off;		/* add to a per-CPU symbol to get this CPU's copy */
	struct lockstat_cpu *lockstat;	/* NULL: acquisitions take the slow way */
	struct lockdep_cpu *lockdep;
	struct irqsoff_trace *irqsoff;	/* NULL: sections with the mask closed are not timed */
	struct trace_ring *trace;	/* NULL: events are not recorded (runtime/trace.h) */
	struct rand_state rand;		/* this CPU's stream; perturbation and sampling only */
	struct lockstat_cpu *recorder;	/* NULL: nothing is recorded */
	/* Debug builds: what made this CPU atomic, for might_sleep(). */
	const struct code_site *preempt_site, *bh_site, *irq_site;

	/* Written by any CPU: what this CPU is asked to do. */
	u64 irq_pending __cacheline_aligned;	/* one bit per vector; atomic */
	u64 irq_signalled;			/* vectors on their way by signal; atomic */
	struct llist_head call_queue;		/* IPI function calls (runtime/ipi.c) */
	struct llist_head works;		/* for its task context (runtime/workqueue.c) */
	u32 doorbell;				/* futex: changes when this CPU must look up */
	u32 asleep;				/* 1 while this CPU may be sleeping on doorbell */

	/* Written by this CPU, read by reports: exact event counts. */
	u64 nr_irqs[NR_VECTORS] __cacheline_aligned;
	u64 nr_softirqs[NR_SOFTIRQS];
	u64 nr_ipis_sent;
	u64 nr_ipis_coalesced;		/* calls that found the target's queue not empty */
	u64 nr_idle_sleeps;
	u32 ipi_seq;			/* odd while this CPU queues a call (runtime/ipi.c) */

	/* Set up at boot, constant afterwards. */
	struct call_single_data *csd __cacheline_aligned; /* one per target CPU */
	void *irq_stack;		/* top of the interrupt stack */
	void *task_fiber, *irq_fiber;	/* TSan's view of the two contexts */
	char irq_token;			/* TSan's mutex for the interrupt mask; never accessed */
	unsigned long thread;		/* pthread_t of the THREADS back end */
	int tid;			/* its kernel thread, for signals */
	int node;			/* NUMA node */

	/* RCU callbacks of this CPU (runtime/rcu.c); this CPU only. */
	struct rcu_head *rcu_next, **rcu_next_tail;	/* no grace period requested yet */
	struct rcu_head *rcu_wait;			/* waiting for grace period rcu_wait_gp */
	u64 rcu_wait_gp;
	bool rcu_idle;			/* extended quiescent state: interrupts must leave it */
	bool rcu_registered;		/* known to the back end's RCU */

	/* Hotplug: what is asked of this CPU, and its answer (runtime/hotplug.c). */
	u32 hp_state;			/* enum cpu_state; written by this CPU */
	u32 hp_busy;			/* atomic: 1 while a request is under way */
	u32 hp_requester;		/* CPU to tell */
	int hp_err;
	bool hp_down;			/* wanted: down */
	bool hp_withdrawn;		/* its own request was, because it went down first */
	u32 hp_asking;			/* the CPU it asks to go down; this CPU only */
	bool hp_answered;		/* release: the request is done, hp_err says how */
	bool in_work;			/* its task runs a work of the queue; this CPU only */

	/* The work handed over by cpu_run() and friends; protected by the hand-over itself. */
	void (*work_fn)(void *arg);
	void *work_arg;
	u32 work_seq;			/* incremented by the submitter, release */
	u32 work_done;			/* the last finished work_seq, release */
	bool stop;
} __cacheline_aligned;

struct machine_options {
	unsigned int nr_cpus;		/* 1..NR_CPUS */
	unsigned int nr_nodes;		/* CPUs are spread over nodes in equal blocks; >= 1 */
	u64 seed;			/* of every random stream of the machine */
	const char *backend;		/* "threads" (also NULL), "sim" (with "futex" locks) */
	const char *spinlock;		/* "futex" (default when NULL), "fas", "ticket", ... */
	const char *lockstat;		/* "off", "default" (also NULL), "all" */
	bool no_pin;			/* never bind CPUs to host cores */
	const char *irq;		/* "safepoint" (also NULL), "signal" (threads only) */
	unsigned int hz;		/* timer interrupts per second and CPU; 0: none */
	bool irqsoff_tracer;		/* time the sections with interrupts masked */
};

extern struct cpu *cpus;		/* [nr_cpu_ids] */
extern unsigned int nr_cpu_ids;		/* CPUs that this machine was booted with */
extern struct cpumask cpu_online_mask;	/* answer calls; see runtime/hotplug.h */
extern struct cpumask cpu_active_mask;	/* take device interrupts */
extern __thread struct cpu *current_cpu;

/* The CPU this code runs on; NULL on a host thread that is no CPU (the harness's main). */
static inline struct cpu *this_cpu(void)
{
	return tsan_own_pointer(current_cpu);
}

/* Any context of a CPU. */
static inline unsigned int smp_processor_id(void)
{
	return this_cpu()->id;
}

static inline bool cpu_online(unsigned int cpu)
{
	return cpumask_test_cpu(cpu, &cpu_online_mask);
}

#define for_each_possible_cpu(cpu)	for ((cpu) = 0; (cpu) < nr_cpu_ids; (cpu)++)
#define for_each_online_cpu(cpu)	for_each_cpu(cpu, &cpu_online_mask)
#define num_online_cpus()		cpumask_weight(&cpu_online_mask)

/*
 * Builds the machine: memory for @opt->nr_cpus CPUs, locks' statistics, the CPU threads (idle).
 * Host thread, once at a time.  Returns 0 or -errno (-EINVAL: an option out of range, -ENOMEM,
 * -EAGAIN: the host refuses threads); on error nothing is left behind.
 */
__must_check int machine_boot(const struct machine_options *opt);

/* Starts the CPU threads after the upper layers have set up their per-CPU data. */
__must_check int machine_start_cpus(void);

/*
 * Stops and joins every CPU, highest first; each runs its offline notifiers.  Per-CPU data stays,
 * so the upper layers can take theirs down between this and machine_shutdown().  Host thread; no
 * work may be running.
 */
void machine_stop_cpus(void);

/* Stops and joins every CPU and frees the machine.  Host thread; no work may be running. */
void machine_shutdown(void);

/*
 * Runs fn(arg) on CPU @cpu in task context and returns when it has finished.
 * Host thread only (a CPU would use smp_call_function_single()).  The CPU must be online; when it
 * goes down meanwhile the work goes on as soon as it is up again.
 */
void cpu_run(unsigned int cpu, void (*fn)(void *arg), void *arg);

/*
 * Runs fn(arg) on every online CPU at the same time and returns when all have finished.  One that
 * goes down before it has begun does its part when it is up again.
 */
void cpu_run_all(void (*fn)(void *arg), void *arg);

/* As cpu_run_all() in two halves, so that the host thread can watch a run in progress. */
void cpu_start_all(void (*fn)(void *arg), void *arg);
bool cpu_all_done(void);
void cpu_wait_all(void);

/*
 * Waits on this CPU until cond(arg) is true, answering interrupts: spins briefly, then sleeps
 * until somebody calls cpu_kick() on it.  Whoever makes the condition true must kick this CPU
 * afterwards.  Task context, interrupts on, no spinlock held.  With preemption enabled the wait is
 * an RCU quiescent state, in which cond() is called too.
 */
void cpu_wait_on(bool (*cond)(void *arg), void *arg);

/* Wakes @cpu if it sleeps in cpu_wait_on() or idles.  Any context; full barrier. */
void cpu_kick(struct cpu *cpu);

/* Nanoseconds of the machine's monotonic clock. */
u64 clock_ns(void);

/* Called on each CPU when it comes up (task context) and before it goes down. */
struct cpuhp_notifier {
	const char *name;
	int (*online)(unsigned int cpu);	/* 0 or -errno; may be NULL */
	void (*offline)(unsigned int cpu);	/* may be NULL */
};

/* Adds a notifier before machine_start_cpus(); called in this order online, reversed offline. */
void cpuhp_register(const struct cpuhp_notifier *notifier);

#endif /* RUNTIME_CPU_H */
