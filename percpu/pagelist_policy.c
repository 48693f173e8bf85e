/* SPDX-License-Identifier: MIT */
/*
 * Page-list policies by name, their constants as a table, and the sizes derived from a zone.
 *
 * What.  Each policy presets the constants; users change single ones by name.  batch and the
 * window of high follow from the zone's size and the number of CPUs unless set outright.
 * States, invariants.  None: pure functions of their arguments.  Locking.  None; a constant is
 * one relaxed store.  Context.  Any.  Failure.  -ENOENT, -ERANGE, -EINVAL for unknown names and
 * values out of range.  See also.  linux: zone_batchsize(), zone_highsize().
 */
#include "percpu/pagelist_policy.h"

#include <errno.h>
#include <string.h>

#include "percpu/pagelist.h"

static const char *const policy_names[NR_PAGELIST_POLICIES] = {
	[PAGELIST_NONE] = "none",
	[PAGELIST_FIXED] = "fixed",
	[PAGELIST_LINUX_6_1] = "linux-6.1",
	[PAGELIST_LINUX_6_12] = "linux-6.12",
	[PAGELIST_LINUX_6_18] = "linux-6.18",
	[PAGELIST_LINUX_7_2] = "linux-7.2",
};

const char *pagelist_policy_name(enum pagelist_policy policy)
{
	return (unsigned int)policy < NR_PAGELIST_POLICIES ? policy_names[policy] : "?";
}

int pagelist_policy_by_name(const char *name)
{
	for (int i = 0; i < NR_PAGELIST_POLICIES; i++)
		if (!strcmp(policy_names[i], name))
			return i;
	return -EINVAL;
}

void pagelist_tunables_preset(struct pagelist_tunables *tun, enum pagelist_policy policy)
{
	struct pagelist_tunables preset = {
		.policy = policy,
		.scale_max = 5,
		.decay_shift = 3,
		.reclaim_shift = 2,
		.free_high_shift = 1,
		.refill_min = 2,
		.decay_chunk = 1,
		.cache_batches = 3,
		.expire_ticks = 3,
		.batch_zone_shift = 10,
		.batch_cap = 256,
		.batch_div = 4,
		.high_batches = 4,
		.high_max_fraction = 8,
	};
	const u32 *from = (const u32 *)&preset;

	if (policy == PAGELIST_LINUX_6_12)
		preset.free_high_shift = PAGELIST_NO_SHIFT;
	if (policy == PAGELIST_LINUX_7_2)
		preset.spill_chunk = 1;
	/* Word by word: the owner CPUs may be reading. */
	for (size_t i = 0; i < sizeof(preset) / sizeof(u32); i++)
		WRITE_ONCE(((u32 *)tun)[i], from[i]);
}

/*
 * The largest batch and high keep every sum of the engine within an int: batch << 6 times 64
 * chunks, and high + (batch << 6), stay below 2^30.
 */
#define BATCH_MAX	(1u << 17)
#define HIGH_MAX	(1u << 29)

#define TUNABLE(field, unit, min, max, help) \
	{ #field, unit, help, offsetof(struct pagelist_tunables, field), min, max }

const struct pagelist_tunable_info pagelist_tunable_info[] = {
	TUNABLE(policy, "policy", 0, NR_PAGELIST_POLICIES - 1, "which policy decides"),
	TUNABLE(scale_max, "log2", 0, PAGELIST_SCALE_LIMIT, "largest transfer is batch << this"),
	TUNABLE(decay_shift, "log2", 1, PAGELIST_NO_SHIFT, "decay takes high >> this off high"),
	TUNABLE(reclaim_shift, "log2", 0, PAGELIST_SCALE_LIMIT,
		"limit is batch << this while reclaim is active"),
	TUNABLE(free_high_shift, "log2", 0, PAGELIST_NO_SHIFT,
		"flush of orders 1-3 from batch + (high_min >> this) frees on"),
	TUNABLE(refill_min, "blocks", 1, 64, "least blocks of a refill"),
	TUNABLE(spill_chunk, "batches", 0, 64, "largest spill per lock hold; 0: no limit"),
	TUNABLE(decay_chunk, "batches", 1, 64, "largest spill per lock hold of the decay"),
	TUNABLE(cache_batches, "batches", 0, 1024,
		"cache share from which a flush of orders 1-3 waits for a full batch"),
	TUNABLE(expire_ticks, "ticks", 1, 255, "until unused pages of another node go back"),
	TUNABLE(batch_zone_shift, "log2", 0, PAGELIST_NO_SHIFT, "batch: share of the zone"),
	TUNABLE(batch_cap, "pages", 1, BATCH_MAX, "batch: cap of that share"),
	TUNABLE(batch_div, "ratio", 1, 256, "batch: divisor of the capped share"),
	TUNABLE(high_batches, "batches", 0, 64, "high: at least these batches"),
	TUNABLE(high_max_fraction, "ratio", 1, 1024, "high_max: share of the zone"),
	TUNABLE(batch, "pages", 0, BATCH_MAX, "batch outright; 0: computed"),
	TUNABLE(high_min, "pages", 0, HIGH_MAX, "high_min outright; 0: computed"),
	TUNABLE(high_max, "pages", 0, HIGH_MAX, "high_max outright; 0: computed"),
};

const unsigned int nr_pagelist_tunables = ARRAY_SIZE(pagelist_tunable_info);

_Static_assert(ARRAY_SIZE(pagelist_tunable_info) * sizeof(u32) == sizeof(struct pagelist_tunables),
	       "every constant must be in the table");

const struct pagelist_tunable_info *pagelist_tunable_find(const char *name)
{
	for (unsigned int i = 0; i < nr_pagelist_tunables; i++)
		if (!strcmp(pagelist_tunable_info[i].name, name))
			return &pagelist_tunable_info[i];
	return NULL;
}

int pagelist_tunable_set(struct pagelist_tunables *tun, const char *name, u32 value)
{
	const struct pagelist_tunable_info *info = pagelist_tunable_find(name);

	if (!info)
		return -ENOENT;
	if (value < info->min || value > info->max)
		return -ERANGE;
	WRITE_ONCE(*(u32 *)((char *)tun + info->offset), value);
	return 0;
}

u32 pagelist_tunable_get(const struct pagelist_tunables *tun,
			 const struct pagelist_tunable_info *info)
{
	return READ_ONCE(*(const u32 *)((const char *)tun + info->offset));
}

int pagelist_zone_batch(const struct pagelist_tunables *tun, unsigned long managed)
{
	u32 fixed = READ_ONCE(tun->batch);
	unsigned long batch;

	if (fixed)
		return (int)fixed;
	batch = min(managed >> READ_ONCE(tun->batch_zone_shift),
		    (unsigned long)READ_ONCE(tun->batch_cap));
	batch = max(batch / READ_ONCE(tun->batch_div), 1ul);
	/*
	 * One less than a power of two: batches that divide the caches' and the buddy's sizes
	 * evenly would let lists of two tasks march in step over the same cache colours.
	 */
	batch = rounddown_pow_of_two(batch + batch / 2) - 1;
	return (int)max(batch, 1ul);
}

int pagelist_high(const struct pagelist_tunables *tun, unsigned long total, unsigned int nr_cpus,
		  int batch)
{
	unsigned long least = (unsigned long)batch * READ_ONCE(tun->high_batches);

	VM_BUG_ON(nr_cpus == 0);
	total /= nr_cpus;
	total = max(total, least);
	return (int)min(total, (unsigned long)HIGH_MAX);
}

struct pagelist_window pagelist_window(const struct pagelist_tunables *tun,
				       const struct pagelist_zone_size *size)
{
	u32 policy = READ_ONCE(tun->policy);
	u32 fixed_min = READ_ONCE(tun->high_min), fixed_max = READ_ONCE(tun->high_max);
	u32 fraction = READ_ONCE(tun->high_max_fraction);
	unsigned long total = size->fraction ? size->managed / size->fraction : size->low_wmark;
	bool tuned = policy >= PAGELIST_LINUX_6_12 && !size->fraction;
	struct pagelist_window w = { 0, 0, 1 };

	/* An empty window is the kernel's boot pageset: every operation reaches the zone. */
	if (policy == PAGELIST_NONE)
		return w;

	w.batch = pagelist_zone_batch(tun, size->managed);
	w.high_min = pagelist_high(tun, total, size->nr_cpus, w.batch);
	w.high_max = w.high_min;
	if (tuned)
		w.high_max = pagelist_high(tun, size->managed / fraction, size->nr_cpus, w.batch);
	if (fixed_min)
		w.high_min = (int)fixed_min;
	if (fixed_max)
		w.high_max = (int)fixed_max;
	/* Without tuning high_min is the limit; with it, an inverted window would be no window. */
	if (policy < PAGELIST_LINUX_6_12 || w.high_max < w.high_min)
		w.high_max = w.high_min;
	return w;
}
