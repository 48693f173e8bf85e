/* SPDX-License-Identifier: MIT */
/*
 * tune_source.h - what settings are measured on: a page trace, a slab trace or a workload.
 *
 * A source is opened once; worker processes inherit it and measure one setting after the other,
 * each on a machine that it boots for the purpose.
 */
#ifndef STRESS_TUNE_TUNE_SOURCE_H
#define STRESS_TUNE_TUNE_SOURCE_H

#include "stress/tune/tune_space.h"

/* What is to be small. */
enum tune_objective {
	TUNE_ACQ,		/* acquisitions of central locks per 1000 operations */
	TUNE_MEAN,		/* stranded memory, bytes, mean over the operations */
	TUNE_MAX,		/* the same, most after any operation */
	TUNE_HOLD,		/* worst hold of a central lock, in the source's unit */
	TUNE_FAILED,		/* allocations that got nothing */
	NR_TUNE_OBJECTIVES
};

/* A window is [from, to) in parts of the input's operations. */
#define TUNE_PARTS	1024u

struct tune_window {
	u16 input;		/* 0: the one to tune on, 1: the held-out one */
	u16 from, to;		/* parts */
	u16 run;		/* number of the run; its seed is the first one plus this */
};

struct tune_metrics {
	double v[NR_TUNE_OBJECTIVES];
	u64 ops;
	u64 acq;		/* of all central locks ... */
	u64 zone, depot, list;	/* ... and of each kind */
	u64 slab_pages;		/* slab traces: most pages in slabs */
};

struct tune_error {
	char text[320];
};

struct tune_source {
	enum tune_kind kind;
	const char *what;	/* "page trace", "slab trace", "workload" */
	char name[256];
	const char *hold_unit;	/* "pages", "objects", "ns" */
	bool exact;		/* counts are a function of setting and window */
	bool exact_hold;	/* so is the worst hold; else it is sampled */
	u64 digest;		/* of everything that decides the counts, but the setting */
	u64 ops;		/* operations of the whole input; 0: not known */
	u32 nr_cpus;
	u64 seed;
	u32 warm_up;		/* percent of the operations that are better not counted */

	/* Page traces: the zone whose lists count, for what to set on Linux. */
	const char *zone_name;
	u64 zone_managed;	/* pages */
	u32 zone_batch;		/* recorded, pages */

	/*
	 * Measures one setting; in a worker process, no machine up.  0, or -errno with one
	 * sentence in @err.
	 */
	int (*measure)(const struct tune_source *src, const struct tune_setting *setting,
		       const struct tune_window *window, struct tune_metrics *m,
		       struct tune_error *err);
	void (*close)(struct tune_source *src);
	void *data;
};

/* Tells what @path holds by its events; for a slab trace and a page trace. */
__must_check int tune_source_open_trace(struct tune_source *src, const char *path, u64 seed,
					struct tune_error *err);

/* A stress binary with its options. */
struct tune_workload {
	const char *program;	/* path of the binary */
	const char *name;	/* "pages" */
	char **args;		/* NULL-terminated, may be NULL */
	enum tune_kind kind;
	u64 seed;
	u32 seed_offset;	/* of a held-out input */
};

__must_check int tune_source_open_workload(struct tune_source *src,
					   const struct tune_workload *wl,
					   struct tune_error *err);

static inline void tune_source_close(struct tune_source *src)
{
	if (src->close)
		src->close(src);
	src->close = NULL;
}

/* Continues a digest with @size bytes. */
u64 tune_digest(u64 digest, const void *data, size_t size);

/* Name of an objective for people ("acq/1k") and for JSON ("acquisitions_per_1k"). */
const char *tune_objective_name(enum tune_objective o);
const char *tune_objective_key(enum tune_objective o);

#endif /* STRESS_TUNE_TUNE_SOURCE_H */
