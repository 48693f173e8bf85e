/* SPDX-License-Identifier: MIT */
/*
 * Page-list policies: their names, every constant they use, and the sizes derived from a zone.
 *
 * A policy is a set of decisions (percpu/pagelist_linux61.c, pagelist_linux618.c) and a preset of
 * the constants; each constant can then be changed by name while the machine runs.
 */
#ifndef PERCPU_PAGELIST_POLICY_H
#define PERCPU_PAGELIST_POLICY_H

#include "runtime/bug.h"
#include "runtime/lib/atomic.h"

enum pagelist_policy {
	PAGELIST_NONE,		/* "none": every alloc and free reaches the zone */
	PAGELIST_FIXED,		/* "fixed": constant batch and high */
	PAGELIST_LINUX_6_1,	/* "linux-6.1": fixed high, spills double */
	PAGELIST_LINUX_6_12,	/* "linux-6.12": self-tuned high */
	PAGELIST_LINUX_6_18,	/* "linux-6.18": the default */
	PAGELIST_LINUX_7_2,	/* "linux-7.2": as 6.18, spills in chunks of batch */
	NR_PAGELIST_POLICIES
};

/* Largest log2 scale of a transfer, as CONFIG_PCP_BATCH_SCALE_MAX's range in the kernel. */
#define PAGELIST_SCALE_LIMIT	6

/* pagelist_tunables.free_high_shift: no share of high_min in the free_high threshold. */
#define PAGELIST_NO_SHIFT	31

/*
 * All constants; one struct is shared by all lists of a machine.  Changed with
 * pagelist_tunable_set() or WRITE_ONCE() by anyone, read relaxed by every owner CPU.  A change of
 * a field marked (W) works after pagelist_window() and pagelist_update_tunables().
 */
struct pagelist_tunables {
	u32 policy;		/* (W) enum pagelist_policy */
	u32 scale_max;		/* CONFIG_PCP_BATCH_SCALE_MAX: largest transfer batch << this */
	u32 decay_shift;	/* decay takes high >> this off high */
	u32 reclaim_shift;	/* limit batch << this while reclaim is active */
	u32 free_high_shift;	/* free_high needs free_count >= batch + (high_min >> this) */
	u32 refill_min;		/* least blocks of a refill, when batch allows more than one */
	u32 spill_chunk;	/* 0: a free spills in one hold; else in chunks of this x batch */
	u32 decay_chunk;	/* decay spills in chunks of this x batch */
	u32 cache_batches;	/* cache share above this x batch sets free_high_batch */
	u32 expire_ticks;	/* ticks until another node's pages go back */

	u32 batch_zone_shift;	/* (W) batch starts from managed >> this ... */
	u32 batch_cap;		/* (W) ... capped to these pages (1 MiB) ... */
	u32 batch_div;		/* (W) ... divided by this */
	u32 high_batches;	/* (W) high is at least this x batch */
	u32 high_max_fraction;	/* (W) high_max comes from managed / this */

	u32 batch;		/* (W) 0: as computed; else this batch */
	u32 high_min, high_max;	/* (W) 0: as computed; else these pages */
};

/* Name of a policy, and the policy of a name (-EINVAL: none has it). */
const char *pagelist_policy_name(enum pagelist_policy policy);
int pagelist_policy_by_name(const char *name);

/* Sets every constant to what @policy uses. */
void pagelist_tunables_preset(struct pagelist_tunables *tun, enum pagelist_policy policy);

/* One constant, for option parsers and help texts. */
struct pagelist_tunable_info {
	const char *name, *unit, *help;
	size_t offset;
	u32 min, max;
};

extern const struct pagelist_tunable_info pagelist_tunable_info[];
extern const unsigned int nr_pagelist_tunables;

/* The constant called @name, or NULL. */
const struct pagelist_tunable_info *pagelist_tunable_find(const char *name);

/* Stores @value; 0, -ENOENT (no such constant) or -ERANGE.  Any CPU, any time. */
__must_check int pagelist_tunable_set(struct pagelist_tunables *tun, const char *name, u32 value);
u32 pagelist_tunable_get(const struct pagelist_tunables *tun,
			 const struct pagelist_tunable_info *info);

/* What the sizes of a zone's lists depend on. */
struct pagelist_zone_size {
	unsigned long managed;	/* pages */
	unsigned long low_wmark;	/* pages, with the boost of the moment */
	unsigned int nr_cpus;	/* CPUs that share the zone, >= 1 */
	unsigned int fraction;	/* vm.percpu_pagelist_high_fraction; 0: tuning on */
};

struct pagelist_window {
	int high_min, high_max, batch;	/* pages */
};

/* Transfer unit of a zone, pages; follows zone_batchsize(). */
int pagelist_zone_batch(const struct pagelist_tunables *tun, unsigned long managed);

/*
 * One CPU's share of @total pages, at least high_batches x @batch; follows zone_highsize():
 * @total is managed / fraction, or the low watermark without a fraction.
 */
int pagelist_high(const struct pagelist_tunables *tun, unsigned long total, unsigned int nr_cpus,
		  int batch);

/* Batch and window of a zone's lists under the policy; zone_set_pageset_high_and_batch(). */
struct pagelist_window pagelist_window(const struct pagelist_tunables *tun,
				       const struct pagelist_zone_size *size);

#endif /* PERCPU_PAGELIST_POLICY_H */
