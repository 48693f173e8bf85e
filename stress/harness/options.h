/* SPDX-License-Identifier: MIT */
/* The options that every stress binary has, and the command line that reads them. */
#ifndef STRESS_HARNESS_OPTIONS_H
#define STRESS_HARNESS_OPTIONS_H

#include "mm/machine.h"
#include "runtime/inject.h"

#define STRESS_MAX_PROC		8
/* Device interrupts per second and CPU: beyond, there is time for nothing else. */
#define STRESS_IRQ_RATE_MAX	100000
#define STRESS_HZ_MAX		10000
#define STRESS_HOTPLUG_MAX	1000
#define STRESS_SLICES_MAX	1000
#define STRESS_TASKS_MAX	4096
#define STRESS_PAGES_MAX	(1u << 20)

/* A value that was not given; the machine's default holds. */
#define STRESS_UNSET		UINT32_MAX

struct stress_options {
	unsigned int cpus;
	double seconds;			/* run time; 0 when @ops says how long */
	u64 ops;			/* operations of each CPU, exact; 0: run by time */
	u64 seed;
	u64 mem_bytes;
	unsigned int nodes;
	const char *layout, *lock, *lockstat;
	const char *pcp;		/* policy; NULL: the default */
	u32 pcp_batch, pcp_high, pcp_high_fraction, pcp_scale_max;	/* or STRESS_UNSET */
	const char *slab;		/* slab policy; NULL: the workload's choice */
	u32 slab_rounds, slab_depot, slab_stash, slab_import;	/* or STRESS_UNSET */
	const char *slab_debug;		/* slab_debug= of its caches; NULL: off */
	const char *mode;		/* of the workload; NULL: its usual one */
	u32 tasks, pages;		/* simulated processes, pages of each; or STRESS_UNSET */
	bool vma_locks;			/* faults take the area's lock where they can */
	unsigned int irq_rate;		/* device interrupts per second and CPU */
	unsigned int irq_order;		/* largest order that their handlers allocate */
	const char *irq;		/* how interrupts reach another CPU: safepoint or signal */
	unsigned int hz;		/* timer ticks per second and CPU */
	unsigned int hotplug;		/* CPUs taken down and up again, per second */
	unsigned int slices;		/* of the timeline; 0: none */
	struct inject_options inject;	/* faults of timing */
	const char *trace;		/* file for the timeline of events; NULL: none */
	u32 trace_events;		/* kept per CPU */
	const char *out;		/* file for the JSON result; NULL: none */
	const char *proc[STRESS_MAX_PROC];	/* /proc texts to print at the end */
	unsigned int nr_proc;
	bool json, quiet, oracle, irqs_off;
};

/* What holds when nothing is given. */
void stress_options_default(struct stress_options *opt);

/*
 * Reads a command line of the binary for workload @name, described by @doc.  Returns 0, or -EINVAL
 * with one sentence in @err that names the option and the remedy.  --help and --version print and
 * exit.  Texts in @opt point into @argv.  Host thread.
 */
__must_check int stress_options_parse(struct stress_options *opt, int argc, char **argv,
				      const char *doc, struct mm_error *err);

/* The checks that need more than one option, or the host; called by stress_options_parse(). */
__must_check int stress_options_check(const struct stress_options *opt, struct mm_error *err);

/* True when the command line said how the per-CPU page lists are to be. */
bool stress_options_fix_pcp(const struct stress_options *opt);

/* One command line of @program that does this run again.  Returns @buf. */
const char *stress_options_repro(const struct stress_options *opt, const char *program, char *buf,
				 size_t size);

/* Fills in every size of the slab policy; false when no policy is given. */
bool stress_options_slab(const struct stress_options *opt, struct objcache_tunables *tun);

/* The options as the machine wants them. */
void stress_options_machine(const struct stress_options *opt, struct kmemlab_options *machine);

#endif /* STRESS_HARNESS_OPTIONS_H */
