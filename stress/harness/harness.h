/* SPDX-License-Identifier: MIT */
/*
 * The harness of the stress binaries: options, boot, the run loop, the checks at the end, the
 * result.  A stress binary is a struct workload and one call of stress_main().
 */
#ifndef STRESS_HARNESS_HARNESS_H
#define STRESS_HARNESS_HARNESS_H

#include <jansson.h>
#include <stdio.h>

#include "stress/harness/device.h"
#include "stress/harness/options.h"
#include "stress/harness/oracle.h"
#include "stress/report/lock_report.h"

struct stress_run;

/* Operations between two looks of a CPU at its own page lists. */
#define STRESS_LOOK_OPS		64

/* What a CPU saw on its page lists, all zones. */
struct stress_listed {
	u64 looks, pages_sum, pages_max;
};

/* One CPU's part of a run; that CPU's task context only, but for what is marked. */
struct stress_cpu {
	unsigned int id;
	struct rand_state rng;		/* this CPU's stream: depends on seed and id only */
	u64 ops;			/* operations begun; others read it relaxed */
	u64 next_irq;			/* when: ns, or operations with --ops */
	u64 next_hotplug;		/* CPU 0: when, ns */
	unsigned int down;		/* CPU 0: the CPU it took down; 0: none */
	struct stress_listed listed;
	struct stress_run *run;
	void *data;			/* workload->cpu_bytes, zeroed at the start */
} __cacheline_aligned;

/* What a stress binary does. */
struct workload {
	const char *name;		/* "pages"; the binary is stress-pages */
	const char *doc;		/* one sentence for --help */
	size_t cpu_bytes;		/* of stress_cpu.data */
	bool own_device;		/* start() takes DEVICE_VECTOR: --irq-rate raises that */
	bool slab;			/* boots the slab allocator even without --slab */
	bool vm;			/* boots the MMU and virtual memory, and slab for them */
	bool has_tasks, has_pages;	/* knows --tasks, --pages */
	const char *const *modes;	/* of --mode, the usual one first, NULL last; NULL: none */

	/* Prepares; host thread, machine up and idle.  0 or -errno with a text.  May be NULL. */
	int (*start)(struct stress_run *run, struct mm_error *err);
	/* One operation; task context of the CPU, any number of CPUs at a time. */
	void (*step)(struct stress_cpu *c);
	/* Gives back all that is held; on each CPU after every CPU has stopped stepping. */
	void (*finish)(struct stress_cpu *c);
	/*
	 * Empties what the layers under test cached, so that memory is as start() left it; CPU 0's
	 * task, after every finish().  May be NULL.
	 */
	void (*drain)(struct stress_run *run);
	/*
	 * Pages in use beyond those of start() that the page oracle was not told of; host thread,
	 * machine idle.  May be NULL.
	 */
	long (*pages)(struct stress_run *run);
	/* Takes down what start() made; host thread.  May be NULL. */
	void (*stop)(struct stress_run *run);
	/* The workload's own exact counters, a JSON object; host thread.  May be NULL. */
	json_t *(*report)(struct stress_run *run);
	/* The same for what depends on time, under "sampled".  May be NULL. */
	json_t *(*sample)(struct stress_run *run);
	/* Adds lines to the summary; host thread.  May be NULL. */
	void (*print)(struct stress_run *run, FILE *out);
};

/* Operations of all CPUs together, and the least and most of one. */
struct stress_ops {
	u64 sum, min, max;
};

struct stress_run {
	const struct workload *wl;
	const struct stress_options *opt;
	unsigned int mode;		/* index in wl->modes */
	const char *program;		/* as typed, for the command that repeats the run */
	struct stress_cpu *cpu;		/* [opt->cpus] */
	void *data;			/* the workload's, common to all CPUs */
	u64 ops_max;			/* per CPU */
	u32 beat;			/* relaxed: seconds that have passed, or the end */
	unsigned int failures;		/* findings so far; host thread */

	/* What stress_execute() leaves; given back by stress_run_free(). */
	u64 started;			/* ns of the machine's clock */
	double elapsed;			/* seconds of stepping */
	struct stress_ops ops;		/* at the end of stepping */
	struct device_stats device;
	struct lock_report locks;
	json_t *timeline;		/* the run in slices; NULL: not wanted */
	json_t *result;			/* the result document */
	char *summary;			/* the same for people, in a few lines */
};

/*
 * Boots, runs, checks and shuts down.  The caller has set @run->wl, opt and program and zeroed the
 * rest.  Findings are printed on stderr as they come and counted in @run->failures.  Returns 0
 * when the run took place, or -errno with one sentence in @err.  Host thread, one at a time.
 */
__must_check int stress_execute(struct stress_run *run, struct mm_error *err);
void stress_run_free(struct stress_run *run);

/*
 * Refuses options that the workload has no use for, and finds the mode (@run->mode).  0, or -EINVAL
 * with one sentence in @err.  Called by stress_main() and stress_execute().
 */
__must_check int stress_check_own_options(struct stress_run *run, struct mm_error *err);

/* The constants of page lists, and whether --proc names texts; machine up.  0 or -errno. */
__must_check int stress_apply_options(const struct stress_options *opt, struct mm_error *err);

/* Ends a run early, as if its time were over.  Any thread, also a signal handler. */
void stress_interrupt(void);

/* main() of a stress binary: 0 clean, 1 something was found, 2 bad options. */
int stress_main(int argc, char **argv, const struct workload *wl);

/* Reports a finding of the workload or the harness; host thread. */
__printf(2, 3) void stress_fail(struct stress_run *run, const char *fmt, ...);

/* Operations so far; any thread, a moment's truth. */
struct stress_ops stress_count_ops(const struct stress_run *run);

#endif /* STRESS_HARNESS_HARNESS_H */
