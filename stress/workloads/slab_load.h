/* SPDX-License-Identifier: MIT */
/*
 * stress-slab's parts: the operations of a CPU (slab_load.c), what passes between CPUs
 * (slab_pass.c), the caches (slab_caches.c), objects that readers find under RCU (slab_shared.c), a
 * device whose interrupts use the same caches (slab_device.c), and the report (slab_result.c).
 */
#ifndef STRESS_WORKLOADS_SLAB_LOAD_H
#define STRESS_WORKLOADS_SLAB_LOAD_H

#include "runtime/lib/llist.h"
#include "stress/harness/harness.h"
#include "stress/workloads/slab_object.h"

extern const struct workload workload_slab;

/* ---- what a CPU does ---- */

/* Exact counts of one CPU's task. */
struct slab_stats {
	u64 allocs, frees, refused;
	u64 bulk_objects, kmallocs, large, kreallocs, moved;	/* moved: by krealloc */
	u64 sent, received;		/* objects freed by another CPU's task */
	u64 delayed;			/* objects freed by call_rcu() */
	u64 bursts, shrinks, retunes, updates, slabinfos;
	u64 temps, temps_destroyed;	/* caches made and destroyed under load */
	u64 published, lookups, found, stale;	/* SLAB_TYPESAFE_BY_RCU */
};

enum slab_mode { SLAB_STEADY, SLAB_GROWING, SLAB_SHRINKING };

#define SLAB_HELD_MAX	8192u

struct slab_cpu {
	struct slab_object held[SLAB_HELD_MAX];
	unsigned int nr, target, burst;
	enum slab_mode mode;
	u64 bytes, share;		/* asked for by what is held; this CPU's part of memory */
	struct slab_temp *temp;		/* the cache that this CPU made, or NULL */
	FILE *sink;			/* where /proc/slabinfo goes */
	struct slab_stats stats;

	struct llist_head inbox __cacheline_aligned;	/* any CPU pushes, the owner takes all */
	u32 waiting;			/* relaxed: messages in it, as a bound for senders */
	u64 delayed_ops;		/* softirq of this CPU: operations of RCU callbacks */
	u32 delayed;			/* relaxed: callbacks that have not run */
};

static inline struct slab_cpu *slab_cpu_of(struct stress_run *run, unsigned int cpu)
{
	return run->cpu[cpu].data;
}

/* Before the first message.  Host thread. */
void slab_pass_start(struct stress_run *run);
/* Sends @o to another CPU, whose task frees it; false when that one has enough. Any context. */
bool slab_send(struct stress_run *run, unsigned int to, const struct slab_object *o, u64 op);
/* Frees what others sent to this CPU.  Its task. */
void slab_read_mail(struct stress_cpu *c);
/* Frees @o after a grace period; false when enough wait for theirs. */
bool slab_delay(struct stress_cpu *c, const struct slab_object *o);

/*
 * Nothing waits for a grace period: one CPU has no reader beside it, and when a period ends
 * depends on the host, but with --ops one CPU's counters must repeat.
 */
static inline bool slab_is_exact(const struct stress_options *opt)
{
	return opt->ops && opt->cpus == 1;
}

struct slab_stats slab_add_up(struct stress_run *run);
/* Frees an object of any kind, also of a cache that comes and goes.  Any context. */
void slab_free(const struct slab_object *o, u64 op);

/* ---- the caches ---- */

/* A cache that one CPU makes, all use and the same CPU destroys. */
struct slab_temp {
	struct kmem_cache *s;		/* NULL: none now */
	u32 out;			/* objects that are live: release on free, acquire to end */
	u32 size;
	bool ending;			/* its CPU's task only: no more objects are taken */
};

/* Makes the caches that last, with a policy each unless @opt names one.  CPU 0.  0 or -ENOMEM. */
__must_check int slab_caches_start(const struct stress_options *opt);
/* Returns how many could not be destroyed.  CPU 0. */
unsigned int slab_caches_stop(void);

/* By the clock the working-set intervals are so short that every run ends some. */
#define SLAB_REAP_MS	20u

/* Caches for everybody, 0.. ; behind them the one for published objects alone. */
unsigned int slab_nr_caches(void);
unsigned int slab_shared_cache(void);
/* An object of cache @i, or of none (NULL), with everything but the ticket filled in. */
bool slab_cache_alloc(unsigned int i, gfp_t gfp, struct slab_object *o);
unsigned int slab_cache_alloc_bulk(unsigned int i, gfp_t gfp, unsigned int nr,
				   struct slab_object *o);
struct kmem_cache *slab_cache(unsigned int i);
enum slab_kind slab_cache_kind(unsigned int i);

/* One random change under load, task context: other sizes or policy. */
void slab_retune(struct rand_state *rng);
/* Empties every cache of the machine, magazines' own last.  Task context, others idle. */
void slab_shrink_everything(void);
/* Checks every cache of the machine; returns how many are not well formed.  CPU 0, others idle. */
unsigned int slab_count_invalid(void);

/* ---- objects found under RCU ---- */

__must_check int slab_shared_start(unsigned int nr_cpus);
void slab_shared_stop(void);
/* Publishes an object in one of this CPU's slots, or takes one back. */
void slab_shared_publish(struct stress_cpu *c);
/* Looks some up, as any reader may. */
void slab_shared_lookup(struct stress_cpu *c);
/* Takes back all that this CPU published and shrinks their cache, under the readers. */
void slab_shared_turn_over(struct stress_cpu *c);
/* Takes back what this CPU published. */
void slab_shared_finish(struct stress_cpu *c);

/* ---- --mode skewed ---- */

enum { SLAB_MODE_MIXED, SLAB_MODE_SKEWED, SLAB_MODE_SKEWED_FIXED };

/* Objects that change hands at a time: twice what the largest magazine holds. */
#define SLAB_SKEWED_BURST	300u

/* Makes the hot caches when the mode asks for them.  CPU 0.  0 or -ENOMEM. */
__must_check int slab_skewed_start(const struct stress_run *run);
/* Returns how many could not be destroyed.  CPU 0. */
unsigned int slab_skewed_stop(void);
void slab_skewed_step(struct stress_cpu *c);
/* Frees what others sent. */
void slab_skewed_finish(struct stress_cpu *c);
/* The course of the run.  Host thread, machine idle. */
void slab_skewed_print(FILE *out);
json_t *slab_skewed_sample(struct stress_run *run);

/* ---- the device ---- */

struct slab_device_stats {
	u64 interrupts, allocs, frees, sent, refused;
};

__must_check int slab_device_start(struct stress_run *run);
void slab_device_finish(void);		/* frees what this CPU's device holds; task context */
void slab_device_stop(void);
void slab_device_stats(struct slab_device_stats *sum);

/* ---- reports: host thread, machine idle ---- */

json_t *slab_report(struct stress_run *run);
void slab_print(struct stress_run *run, FILE *out);

#endif /* STRESS_WORKLOADS_SLAB_LOAD_H */
