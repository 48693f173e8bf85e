/* SPDX-License-Identifier: MIT */
/*
 * lockdep: each CPU's stack of held locks, the order graph that all CPUs teach it, and what the
 * two forbid.
 *
 * Debug builds only (dev, tsan, asan-ubsan, explore); in release every call is empty.  Reports name
 * the locks and the sites that took them.  Any context.  The vocabulary is that of
 * Documentation/locking/lockdep-design.rst.
 */
#ifndef RUNTIME_LOCKDEP_H
#define RUNTIME_LOCKDEP_H

#include "runtime/lockstat.h"

#if KMEMLAB_DEBUG

struct lockdep_held {
	const struct lock_meta *lock;
	const struct lock_site *site;	/* NULL: the owner's side of an owner_lock */
	u8 class;			/* lockdep's id, 0: not in the graph */
	u8 ctx;				/* enum lockdep_level that took it */
	bool spins;			/* a spinlock: no sleeping, no waiting for CPUs */
	bool trylock;			/* it could not block */
};

/* The levels of a CPU whose lock chains are separate: each is entered only from the ones before. */
enum lockdep_level { LEVEL_TASK, LEVEL_SOFTIRQ, LEVEL_HARDIRQ, NR_LEVELS };

struct lockdep_cpu {
	unsigned int depth;
	const struct lock_meta *checked[NR_LEVELS];	/* lockdep_acquire() saw it last */
	struct lockdep_held held[LOCK_DEPTH_MAX];
};

/*
 * Before blocking on @lock: checks it against what this CPU holds and against every order seen so
 * far, and remembers the new orders.  Not called for trylocks (@trylock true does nothing).
 */
void lockdep_acquire(const struct lock_meta *lock, const struct lock_site *site, bool trylock);
/* After getting it, by whatever means. */
void lockdep_acquired(const struct lock_meta *lock, const struct lock_site *site, bool spins);
void lockdep_release(const struct lock_meta *lock);

bool lockdep_is_held(const struct lock_meta *lock);
void lockdep_assert_no_spinlock_at(const char *file, int line);
/* Locks held by this CPU, in all contexts. */
unsigned int lockdep_depth(void);

#define lockdep_assert_held(meta)	BUG_ON(this_cpu() && !lockdep_is_held(meta))
#define lockdep_assert_not_held(meta)	BUG_ON(this_cpu() && this_cpu()->lockdep && \
					       lockdep_is_held(meta))
#define lockdep_assert_no_spinlock()	lockdep_assert_no_spinlock_at(__FILE__, __LINE__)

__must_check int lockdep_boot(void);
void lockdep_shutdown(void);
/* Describes the locks that @cpu holds on stderr; used by panic(). */
void lockdep_dump(const struct cpu *cpu);

/* What the graph has learned, for reports and tests. */
struct lockdep_stats {
	unsigned int classes, edges;
	bool full;		/* a table overflowed: what came later is unchecked */
};
struct lockdep_stats lockdep_stats(void);

#else

#define lockdep_acquire(lock, site, trylock)	((void)0)
#define lockdep_acquired(lock, site, spins)	((void)0)
#define lockdep_release(lock)			((void)0)
#define lockdep_assert_held(meta)		((void)(meta))
#define lockdep_assert_not_held(meta)		((void)(meta))
#define lockdep_assert_no_spinlock()		((void)0)
#define lockdep_depth()				0u
#define lockdep_boot()				0
#define lockdep_shutdown()			((void)0)
#define lockdep_dump(cpu)			((void)(cpu))

#endif

#endif /* RUNTIME_LOCKDEP_H */
