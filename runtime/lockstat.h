/* SPDX-License-Identifier: MIT */
/*
 * lock_stat: what every lock acquisition leaves behind, per CPU, class and call site.
 *
 * The lock wrappers (spinlock.h, mutex.h, rwsem.h) are the observation point.  Exact: the number
 * of acquisitions, contentions, bounces, failed trylocks.  Timed: every contended wait, the hold
 * that follows it, and one uncontended hold in LOCKSTAT_HOLD_SAMPLE (all with mode "all").
 * Nothing is written under the lock but the owner's identity: records go out after the release.
 * Follows the vocabulary of Documentation/locking/lockstat.rst.
 */
#ifndef RUNTIME_LOCKSTAT_H
#define RUNTIME_LOCKSTAT_H

#include "runtime/inject.h"
#include "runtime/preempt.h"

/*
 * The only list of lock ranks: a CPU that holds a lock may only take locks of a higher rank
 * (docs/locking.md says the same in words; runtime/lockdep.c enforces it).
 */
enum lock_rank {
	RANK_NONE,		/* outside the order: tests, harness */
	RANK_CPU_HOTPLUG,
	RANK_MMAP,
	RANK_VMA,
	RANK_ANON_VMA,
	RANK_PAGE_TABLE,
	RANK_LRU,
	RANK_SWAP,
	RANK_SLAB_LIST,
	RANK_DEPOT,
	RANK_NODE_LIST,
	RANK_VMAP,
	RANK_PCP_DRAIN,		/* mutex of drain_all_pages(): sleeps, hence above the pcp lock */
	RANK_PCP,
	RANK_ZONE,
	RANK_RUNTIME,
	NR_LOCK_RANKS,
};

/* One kind of lock; static, shared by all its instances. */
struct lock_class {
	const char *name;	/* as printed: "zone->lock" */
	enum lock_rank rank;
	bool same_rank_ok;	/* instances may nest in an order the owner defines */
	bool no_lockdep;	/* left out of every order check: a test that breaks them */
};

/* One place in the source that takes a lock; made by LOCK_SITE(), found by section bounds. */
struct lock_site {
	union {
		struct code_site code;
		struct {			/* the same by its fields' names */
			const char *file;
			const char *func;
			u32 line;
			u32 unused;
		};
	};
	u64 reserved;
} __aligned(32);

#define LOCK_SITE()							\
	({								\
		static struct lock_site lock_site_			\
			__section("kmem_lock_sites") __maybe_unused = {	\
			.file = __FILE__, .func = __func__, .line = __LINE__, \
		};							\
		&lock_site_;						\
	})

extern struct lock_site __start_kmem_lock_sites[], __stop_kmem_lock_sites[];

static inline u32 lock_site_id(const struct lock_site *site)
{
	return (u32)(site - __start_kmem_lock_sites);
}

/* What every instrumented lock carries. */
struct lock_meta {
	u16 class;			/* id from lockstat_class(); constant after init */
	u16 last_cpu;			/* under the lock; LOCK_NO_CPU before the first owner */
	u32 nr_waiters;			/* atomic; contended path only */
	u64 hold_start;			/* under the lock: ns, 0 when this hold is not timed */
	struct lock_site *owner_site;	/* written under the lock, read by waiters (relaxed) */
};

#define LOCK_NO_CPU		0xffff

/* Log-linear histogram: 64 powers of two of nanoseconds, each in 4 steps. */
#define LOCKSTAT_BUCKETS	256

/* Holds after a wait are all timed, the others sampled: never added up without weights. */
struct lockstat_hist {
	u32 wait[LOCKSTAT_BUCKETS];
	u32 hold[LOCKSTAT_BUCKETS];
	u32 hold_contended[LOCKSTAT_BUCKETS];
};

/* Bucket of @ns, and the smallest value of a bucket. */
unsigned int lockstat_bucket(u64 ns);
u64 lockstat_bucket_floor(unsigned int bucket);

struct lockstat_time {
	u64 nr, sum, min, max;		/* ns; min and max are 0 while nr is 0 */
};

/* One class taken at one site, as counted by one CPU. */
struct lockstat_row {
	u16 class, site;
	u8 mode;			/* 0 exclusive, 1 read */
	bool used;
	u64 acquired;			/* exact */
	u64 contended;			/* exact */
	u64 bounces;			/* exact: owner CPU differs from the previous one */
	u64 contended_bounces;		/* exact: ... on a contended acquisition */
	u64 trylock_failed;		/* exact */
	u64 spun, slept;		/* contended: only spun / had to sleep */
	u32 queue_max;
	struct lockstat_time wait;		/* every contended acquisition */
	struct lockstat_time hold;		/* 1 in N of the uncontended exclusive holds */
	struct lockstat_time hold_contended;	/* every exclusive hold after a wait */
};

/* One contended (waiter site, holder site) pair, as counted by one CPU. */
struct lockstat_pair {
	u16 class, waiter, holder;
	u8 ctx;				/* enum irq_context of the waiter */
	bool used;
	u64 contended;
	struct lockstat_time wait;
};

struct lockstat_deferred {
	const struct lock_meta *lock;
	struct lock_site *site, *holder;
	u64 wait_ns;
	u32 queue;
	u16 class;
	u8 ctx, mode;
	bool slept, bounced;
};

/* One CPU's recorder; written by that CPU only, read by reports with relaxed loads. */
struct lockstat_cpu {
	struct lockstat_row *row_of_site[LOCKSTAT_SITES];	/* last row used by a site */
	u32 hold_countdown;		/* acquisitions until the next sampled hold */
	u32 hold_period;		/* their average distance */
	struct rand_state rand;		/* of the distances */
	u32 nr_deferred;
	u64 overflow;			/* records lost because a table was full */
	struct lockstat_deferred deferred[LOCK_DEPTH_MAX];
	struct lockstat_row spill;	/* takes what found no row; in no report */
	struct lockstat_row rows[LOCKSTAT_ROWS];
	struct lockstat_pair pairs[LOCKSTAT_PAIRS];
	struct lockstat_hist hist[LOCKSTAT_CLASSES];
};

#define LOCKSTAT_HOLD_SAMPLE	64

/*
 * Returns the id of (@class, @instance), registering it on first use; @instance NULL for locks
 * that share one row.  Any context that may spin on the registry (not a fast path).
 */
u16 lockstat_class(const struct lock_class *class, const char *instance);
const struct lock_class *lockstat_class_of(u16 id);
const char *lockstat_class_name(u16 id);	/* "zone->lock[Normal]" */
unsigned int lockstat_nr_classes(void);

/* Slow parts of the recorder, called by lock wrappers only. */
void lockstat_time_hold(struct lockstat_cpu *ls, struct lock_meta *m);
struct lockstat_row *lockstat_row_lookup(struct lockstat_cpu *ls, u16 class, u32 site, u8 mode);
void lockstat_trylock_failed(struct lock_meta *m, struct lock_site *site, u8 mode);
/* Forgets what this CPU recorded of @class; for the recorder's self-test. */
void lockstat_forget(struct lockstat_cpu *ls, u16 class);

/*
 * A contended acquisition: begin() before waiting, end() with the lock held.  An exclusive holder's
 * record is kept back until its release; a reader's is written at once.
 */
struct lockstat_wait {
	u64 start;			/* ns */
	struct lock_site *holder;
	u32 queue;			/* waiters including this one */
};

struct lockstat_wait lockstat_wait_begin(struct lock_meta *m);
void lockstat_wait_end(struct lock_meta *m, const struct lockstat_wait *w,
		       struct lock_site *site, u8 mode, bool slept);

/* Counts a shared acquisition. */
void lockstat_acquired_read(struct lock_meta *m, struct lock_site *site);

static inline void lock_meta_init(struct lock_meta *m, const struct lock_class *class,
				  const char *instance)
{
	*m = (struct lock_meta){ .class = lockstat_class(class, instance),
				  .last_cpu = LOCK_NO_CPU };
}

/* Counts an exclusive acquisition in this CPU's recorder @ls. */
static inline void lockstat_count(struct lockstat_cpu *ls, struct lock_meta *m,
				  struct lock_site *site)
{
	struct cpu *cpu = this_cpu();
	u32 id = lock_site_id(site);
	struct lockstat_row *row = owner_read(ls->row_of_site[id]);

	if (unlikely(!row || owner_read(row->class) != m->class || owner_read(row->mode)))
		row = lockstat_row_lookup(ls, m->class, id, 0);
	owner_inc(row->acquired);
	if (m->last_cpu != (u16)cpu->id) {
		if (m->last_cpu != LOCK_NO_CPU)
			owner_inc(row->bounces);
		m->last_cpu = (u16)cpu->id;
	}
	owner_add(ls->hold_countdown, -1u);
	if (unlikely(owner_read(ls->hold_countdown) == 0))
		lockstat_time_hold(ls, m);
}

/* Without a fast-path recorder: locks may be kept for longer (runtime/inject.h). */
void lockstat_acquired_injected(struct lock_meta *m, struct lock_site *site);

/* Called with the lock just taken exclusively. */
static inline void lockstat_acquired(struct lock_meta *m, struct lock_site *site)
{
	struct lockstat_cpu *ls = this_cpu()->lockstat;

	owner_write(m->owner_site, site);
	if (likely(ls))
		lockstat_count(ls, m, site);
	else if (inject_on(INJECT_LOCK_DELAY))
		lockstat_acquired_injected(m, site);
}

/*
 * Ends an exclusive hold around the release: begin() under the lock, end() after it.  A hold that
 * was not timed costs one load and a branch.
 */
struct lockstat_release {
	u64 start, end;
	struct lock_site *site;		/* who took it and what it is: after the release the lock */
	u16 class;			/* may belong to somebody else, or be gone */
};

void lockstat_flush(struct lockstat_cpu *ls, const struct lock_meta *m,
		    const struct lockstat_release *r);

static inline struct lockstat_release lockstat_release_begin(struct lock_meta *m)
{
	struct lockstat_release r = { .start = m->hold_start };

	if (unlikely(r.start)) {
		m->hold_start = 0;
		r.site = owner_read(m->owner_site);
		r.class = m->class;
		r.end = clock_ns();
	}
	return r;
}

static inline void lockstat_release_end(const struct lock_meta *m, struct lockstat_release r)
{
	if (unlikely(r.start))
		lockstat_flush(this_cpu()->recorder, m, &r);
}

/* Life cycle; host thread. */
enum lockstat_mode { LOCKSTAT_OFF, LOCKSTAT_DEFAULT, LOCKSTAT_ALL };
__must_check int lockstat_boot(enum lockstat_mode mode);
void lockstat_shutdown(void);
void lockstat_reset(void);		/* zeroes every record; CPUs idle */
enum lockstat_mode lockstat_mode(void);
/* "off", "default", "all"; -EINVAL for anything else. */
int lockstat_mode_by_name(const char *name);

/*
 * The recorder's own cost, measured on the calling CPU: ns per uncontended lock+unlock pair with
 * recording as configured and without.  Task context.
 */
struct lockstat_cost {
	double with_ns, without_ns;
};
struct lockstat_cost lockstat_measure_cost(void);

#endif /* RUNTIME_LOCKSTAT_H */
