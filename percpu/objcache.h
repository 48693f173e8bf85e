/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU object caches in front of any import/release pair.
 *
 * A CPU holds two arrays of free objects, loaded and previous (for sheaves: main and spare), and
 * may hold a stash of more.  A hit is a push or a pop of the loaded one: no lock, no atomic
 * operation, no fence.  What happens when the arrays do not help is the engine's business
 * (percpu/objcache.c, magazine.c, sheaf.c).
 *
 * The arrays belong to their CPU.  What could interfere there is an interrupt handler that uses
 * the same cache, so every access is made with interrupts masked; other CPUs never touch the
 * arrays but ask the owner by IPI to give them up (objcache_drain()).
 */
#ifndef PERCPU_OBJCACHE_H
#define PERCPU_OBJCACHE_H

#include "percpu/depot.h"
#include "percpu/objcache_policy.h"
#include "percpu/percpu.h"

struct objcache;

/* What the owner (a slab cache) supplies.  @flags: the caller's, passed through unread. */
struct objcache_ops {
	/*
	 * Takes up to @nr free objects into @objs; returns how many, 0 when there are none.
	 * Context of the caller of objcache_alloc(), interrupts as there.
	 */
	unsigned int (*import)(struct objcache *oc, void **objs, unsigned int nr, u32 flags);
	/* Gives back @nr objects; any context, must not fail. */
	void (*release)(struct objcache *oc, void **objs, unsigned int nr);
	/* Memory of magazine_bytes(@rounds), or NULL; any context, must not sleep. */
	struct magazine *(*mag_alloc)(struct objcache *oc, u32 rounds);
	void (*mag_free)(struct objcache *oc, struct magazine *mag, u32 rounds);
};

/*
 * Exact event counts of one CPU; that CPU writes with interrupts masked, reports read.  Hits are
 * counted in struct objcache_cpu.
 */
struct objcache_stats {
	u64 alloc_hits, free_hits;	/* served by the loaded array */
	u64 alloc_misses, free_misses;	/* everything else */
	u64 swaps;			/* misses served by the previous array, */
	u64 stash_gets, stash_puts;	/* ... by this CPU's other full and empty arrays */
	u64 depot_gets, depot_puts;	/* ... by an exchange with the depot */
	u64 get_failed, put_failed;	/* the depot had no full array / no room for one more */
	u64 imports, imported;		/* calls, objects */
	u64 releases, released;		/* calls, objects */
	u64 mags_new, mags_freed;	/* arrays */
	u64 mag_failed;			/* no memory for an array: the object was released */
	u64 drains;			/* times this CPU gave up its arrays on request */
};

struct objcache_cpu {
	/* The line of a hit; this CPU only, interrupts masked. */
	void **objs;			/* the loaded array's objects */
	u32 rounds;			/* objects in it */
	u32 size;			/* a free hits while rounds < size; 0: never */
	u64 alloc_hits, free_hits;
	struct magazine *loaded, *prev;	/* NULL: none */
	u32 prounds;			/* objects in prev: none or all */
	u32 cap;			/* rounds of the arrays; 0: this CPU caches nothing */

	u32 gen;			/* counts the times the arrays were given up */
	struct magazine_list full, empty;	/* the stash: arrays between prev and the depot */
	struct objcache_stats stats;
} __cacheline_aligned;

_Static_assert(offsetof(struct objcache_cpu, gen) <= CACHE_LINE, "a hit uses one cache line");

/*
 * Fields: (B) constant after objcache_init(); (C) changed by objcache_configure() while every CPU
 * caches nothing, so that a CPU whose cap is not 0 reads them plainly with its mask closed; anybody
 * else reads them relaxed.
 */
struct objcache {
	struct objcache_cpu *cpu;	/* (B) per-CPU */
	u32 kind, rounds;		/* (C) */
	u32 stash_max;			/* (C) arrays of either kind in a CPU's stash */
	bool local_only;		/* (B) frees of another node's objects bypass the arrays */
	struct objcache_tunables tun;	/* (C) */
	const struct objcache_ops *ops;	/* (B) */
	const char *name;		/* (B) */
	size_t object_size;		/* (B) bytes */
	struct depot *depots;		/* (B) one per node */
	unsigned int nr_depots;		/* (B) */
	u64 nr_resizes;			/* exact; under the owner's mutex */
};

struct objcache_setup {
	const struct objcache_ops *ops;
	const char *name;
	size_t object_size;
	const struct objcache_tunables *tun;
	struct depot *depots;		/* memory for @nr_depots, zeroed */
	unsigned int nr_depots;		/* number of nodes */
};

/*
 * Makes a cache without objects; its CPUs may use it at once.  Task context.  Returns 0 or -ENOMEM
 * (no per-CPU memory).
 */
__must_check int objcache_init(struct objcache *oc, const struct objcache_setup *setup);
/* After objcache_disable(); nobody uses the cache any more. */
void objcache_destroy(struct objcache *oc);

/*
 * The soft interrupt mask around a hit: local_irq_save() with the CPU pointer in a register, and
 * without a safepoint where the mask was closed before.
 */
static inline u32 objcache_mask(struct cpu *cpu)
{
	u32 was = owner_read(cpu->irqs_off);

	if (likely(!was)) {
		owner_write(cpu->irqs_off, 1);
		tsan_irqs_off(cpu);
	}
	barrier();
	return was;
}

static inline void objcache_unmask(struct cpu *cpu, u32 was)
{
	barrier();
	if (likely(!was)) {
		tsan_irqs_on(cpu);
		owner_write(cpu->irqs_off, 0);
		/* A handler that came meanwhile runs now; relaxed as in irq_safepoint(). */
		if (unlikely(READ_ONCE(cpu->irq_pending)))
			irq_deliver();
	}
}

static inline struct objcache_cpu *objcache_this_cpu(const struct objcache *oc,
						     const struct cpu *cpu)
{
	return SHIFT_PERCPU_PTR(oc->cpu, cpu->percpu_off);
}

/* An object of this CPU's loaded array, or NULL: call objcache_alloc_slow().  Any context. */
static inline void *objcache_pop(struct objcache *oc)
{
	struct cpu *cpu = this_cpu();
	u32 was = objcache_mask(cpu);
	struct objcache_cpu *cc = objcache_this_cpu(oc, cpu);
	void *obj = NULL;
	u32 rounds = cc->rounds;

	if (likely(rounds)) {
		obj = cc->objs[rounds - 1];
		WRITE_ONCE(cc->rounds, rounds - 1);
		owner_inc(cc->alloc_hits);
	}
	objcache_unmask(cpu, was);
	return obj;
}

/* True when this CPU's loaded array took @obj; else call objcache_free_slow().  Any context. */
static inline bool objcache_push(struct objcache *oc, void *obj)
{
	struct cpu *cpu = this_cpu();
	u32 was = objcache_mask(cpu);
	struct objcache_cpu *cc = objcache_this_cpu(oc, cpu);
	u32 rounds = cc->rounds;
	bool room = rounds < cc->size;

	if (likely(room)) {
		cc->objs[rounds] = obj;
		WRITE_ONCE(cc->rounds, rounds + 1);
		owner_inc(cc->free_hits);
	}
	objcache_unmask(cpu, was);
	return room;
}

/* The misses.  objcache_alloc_slow() returns NULL when the owner has no object either. */
void *objcache_alloc_slow(struct objcache *oc, u32 flags) __must_check;
/* @local: the object's memory is of this CPU's node. */
void objcache_free_slow(struct objcache *oc, void *obj, bool local);

static inline void *objcache_alloc(struct objcache *oc, u32 flags)
{
	void *obj = objcache_pop(oc);

	return likely(obj) ? obj : objcache_alloc_slow(oc, flags);
}

static inline void objcache_free(struct objcache *oc, void *obj)
{
	if (unlikely(!objcache_push(oc, obj)))
		objcache_free_slow(oc, obj, true);
}

/* Up to @nr objects into @objs, whole runs at a time; returns how many.  Any context. */
unsigned int objcache_alloc_bulk(struct objcache *oc, u32 flags, unsigned int nr, void **objs);
void objcache_free_bulk(struct objcache *oc, unsigned int nr, void **objs);

/*
 * Gives every cached object back to the owner: the arrays of every CPU, by IPI, and the depots.
 * What other CPUs cache again meanwhile stays.  Task context, interrupts on, no spinlock.
 */
void objcache_drain(struct objcache *oc);

/* The same, and nothing is cached from then on until objcache_enable(). */
void objcache_disable(struct objcache *oc);
void objcache_enable(struct objcache *oc);

/*
 * Changes policy or sizes: drains everything, then goes on with @tun.  Context as
 * objcache_drain(); the owner allows one caller at a time.  Follows kmem_cache_magazine_resize().
 */
void objcache_configure(struct objcache *oc, const struct objcache_tunables *tun);

/*
 * Ends an interval of the working set: frees arrays that two intervals did not need and lets the
 * magazines grow when the depot lock was contended.  Context as objcache_configure().  Returns the
 * number of arrays freed.  Follows kmem_cache_update() and kmem_cache_reap().
 */
unsigned int objcache_update(struct objcache *oc);
/*
 * Its two halves, for an owner of many caches, who asks the CPUs once for all of them: first this
 * CPU's stash (that CPU, interrupts masked), on every CPU, then the depots and the size.
 */
void objcache_update_this_cpu(struct objcache *oc);
unsigned int objcache_update_depots(struct objcache *oc);

/* This CPU's arrays, before it goes down and after it came up; on that CPU, task context. */
void objcache_cpu_offline(struct objcache *oc);
void objcache_cpu_online(struct objcache *oc);

/* Where free objects wait, and how often what happened, over all CPUs; any thread. */
struct objcache_sum {
	struct objcache_stats stats;
	u64 cpu_objects;		/* in the arrays of CPUs */
	u64 depot_objects;		/* in full arrays of depots */
	u64 nr_full, nr_empty;		/* arrays in depots */
	u64 contention, depot_ops, nr_reaped;
	u64 net_remote;			/* objects that CPUs freed beyond what they allocated */
};
void objcache_sum(const struct objcache *oc, struct objcache_sum *sum);

/*
 * The validator for a quiescent cache: counts in range, arrays present where objects are, depot
 * lists as long as they say.
 */
bool objcache_is_valid(const struct objcache *oc);

#endif /* PERCPU_OBJCACHE_H */
