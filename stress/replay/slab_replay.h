/* SPDX-License-Identifier: MIT */
/*
 * slab_replay.h - replays recorded kmalloc, kfree and kmem_cache events into real caches.
 *
 * Each allocation and each free happens on the CPU where it was recorded, in the recorded order, on
 * one thread that acts as each CPU in turn: every count is exact and repeats.
 */
#ifndef STRESS_REPLAY_SLAB_REPLAY_H
#define STRESS_REPLAY_SLAB_REPLAY_H

#include "mm/page/mm_options.h"
#include "mm/slab/kmalloc.h"
#include "stress/replay/trace_error.h"
#include "stress/replay/trace_event.h"
#include "stress/report/lock_report.h"

/* ---- the plan: what the trace asks for ---- */

/* Cache index of objects of kmalloc(). */
#define SLAB_REPLAY_KMALLOC	UINT32_MAX
/* CPU of an allocation that was not recorded. */
#define SLAB_REPLAY_NO_CPU	UINT16_MAX

struct slab_replay_cache {
	char name[SLAB_NAME_MAX];
	u32 object_bytes;	/* as the kernel's users asked for it */
	u32 bytes;		/* from one of the kernel's objects to the next */
	u64 allocs, frees;
	bool guessed;		/* no allocation was recorded: the size is made up */
};

/* One life of an object. */
struct slab_replay_slot {
	u32 cache;		/* index, or SLAB_REPLAY_KMALLOC */
	u32 bytes;		/* as asked for */
	gfp_t gfp;		/* what decides the cache of kmalloc() */
	u16 alloc_cpu;		/* SLAB_REPLAY_NO_CPU: not recorded */
	u16 free_cpu;		/* where it is freed; at the end: where it was allocated */
};

struct slab_replay_op {
	u32 slot;
	u16 cpu;
	bool is_free;
};

struct slab_replay_counts {
	u64 allocs, frees;	/* as recorded, kfree(NULL) and failed allocations left out */
	u64 null_frees, failed_allocs;
	u64 hidden_frees;	/* an address came again although its free was not recorded */
	u64 hidden_allocs;	/* freed again although no new allocation was recorded */
	u64 standins;		/* freed, and allocated before the trace began */
	u64 never_freed;
	u64 remote_frees;	/* of objects that another CPU allocated */
	u64 known_frees;	/* of objects whose allocating CPU was recorded */
	u64 guessed;		/* objects whose size is made up */
};

struct slab_replay_plan {
	u32 nr_cpus;
	struct slab_replay_cache *caches;
	u32 nr_caches;
	struct slab_replay_slot *slots;
	u32 nr_slots;
	u32 *standins;		/* slots to allocate before the first operation */
	u32 nr_standins;
	struct slab_replay_op *ops;
	u32 nr_ops;
	u64 peak_bytes;		/* most bytes asked for that were live at once */
	struct slab_replay_counts counts;
};

/*
 * Makes the plan of @trace; @name is for messages.  Host thread.  0, -EINVAL with one sentence in
 * @err, and nothing to free.
 */
__must_check int slab_replay_plan_make(struct slab_replay_plan *plan, const struct trace *trace,
				       const char *name, struct trace_error *err);
void slab_replay_plan_destroy(struct slab_replay_plan *plan);

/* True when the trace at @path (a bundle or a file) has slab events and no page events. */
bool slab_replay_detect(const char *path);

/* ---- a run ---- */

struct slab_replay_options {
	const char *policy;	/* of the per-CPU layer */
	u32 rounds;		/* objects per magazine or sheaf; 0: the policy's */
	const struct objcache_tunables *tun;	/* every size outright; NULL: by the above */
	u32 from, to;		/* operations that are counted: [from, to); to 0: the end */
	u64 seed;		/* of the machine's random streams: sampling only */
	const char *lock, *lockstat;	/* NULL: the defaults */
};

struct slab_replay_row {
	char name[SLAB_NAME_MAX];
	u32 bytes, rounds;
	u64 allocs, frees, alloc_hits, free_hits;
	u64 depot_operations, refills, flushes, remote_releases;
	u64 stranded;		/* objects in CPUs' arrays and depots at the end */
	u64 live, pages;
};

/* What a run did.  Everything but ns is exact. */
struct slab_replay_outcome {
	const char *policy;
	u64 ns;			/* of the replay alone, sampling left out */
	u64 ops;		/* that were counted */
	u64 allocs, frees;	/* that reached a cache; large blocks of kmalloc() do not */
	u64 alloc_hits, free_hits;
	u64 depot_operations;	/* acquisitions of depots' locks to exchange arrays */
	u64 refills, flushes;	/* batches from and to the slabs */
	u64 list_locks, zone_locks;	/* acquisitions */
	u64 remote_releases;	/* objects that went back to a slab another CPU had made */
	u64 resizes;
	u64 transfer_max;	/* most objects moved in one call to or from the slabs */
	u64 stranded_end, stranded_max;	/* objects; the latter after any operation */
	u64 stranded_bytes, stranded_bytes_max;	/* the same in bytes of objects */
	double stranded_bytes_mean;	/* over the operations */
	u64 pages_max;		/* in slabs, at a sample */
	double used_at_max;	/* bytes asked for / bytes of slabs, at that sample */
	double used_mean;	/* the same over all samples */
	struct slab_replay_row *rows;	/* caches that were used, most allocations first */
	u32 nr_rows;
	struct lock_report locks;
};

/*
 * Boots a machine, replays, checks that every object can be freed, takes the machine down.  Host
 * thread, no machine up.  0, or -errno with one sentence in @err.
 */
__must_check int slab_replay_run(const struct slab_replay_plan *plan,
				 const struct slab_replay_options *opt,
				 struct slab_replay_outcome *out, struct mm_error *err);
void slab_replay_outcome_free(struct slab_replay_outcome *out);

/* ---- reports ---- */

struct slab_replay_report {
	const char *name;
	const struct trace *trace;
	const struct slab_replay_plan *plan;
	const struct slab_replay_options *opt;
	const struct slab_replay_outcome *outs;	/* one per policy */
	unsigned int nr_outs;		/* at least 1 */
};

/* With one outcome its caches as well. */
void slab_replay_print(const struct slab_replay_report *r, FILE *out);
/* A result document, schema kmemlab-result/1; new reference. */
json_t *slab_replay_json(const struct slab_replay_report *r);

#endif /* STRESS_REPLAY_SLAB_REPLAY_H */
