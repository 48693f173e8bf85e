/* SPDX-License-Identifier: MIT */
/*
 * Lock-order checking: each CPU's stack of held locks against the ranks of enum lock_rank.
 *
 * Debug builds only (dev, tsan, asan-ubsan); in release every call is empty.  Reports name the
 * lock being taken, the lock held, and both sites.  Any context.
 */
#ifndef RUNTIME_LOCKDEP_H
#define RUNTIME_LOCKDEP_H

#include "runtime/lockstat.h"

#if KMEMLAB_DEBUG

struct lockdep_held {
	const struct lock_meta *lock;
	const struct lock_site *site;
	bool spins;			/* a spinlock: no sleeping, no waiting for CPUs */
	u8 ctx;				/* context level that took it */
};

struct lockdep_cpu {
	unsigned int depth;
	struct lockdep_held held[LOCK_DEPTH_MAX];
};

/* Before blocking on @lock: checks its rank against what this context level holds. */
void lockdep_acquire(const struct lock_meta *lock, const struct lock_site *site, bool trylock);
/* After getting it. */
void lockdep_acquired(const struct lock_meta *lock, const struct lock_site *site, bool spins);
void lockdep_release(const struct lock_meta *lock);

bool lockdep_is_held(const struct lock_meta *lock);
void lockdep_assert_no_spinlock_at(const char *file, int line);

#define lockdep_assert_held(meta)	BUG_ON(this_cpu() && !lockdep_is_held(meta))
#define lockdep_assert_no_spinlock()	lockdep_assert_no_spinlock_at(__FILE__, __LINE__)

__must_check int lockdep_boot(void);
void lockdep_shutdown(void);
/* Describes the locks that @cpu holds on stderr; used by panic(). */
void lockdep_dump(const struct cpu *cpu);

#else

#define lockdep_acquire(lock, site, trylock)	((void)0)
#define lockdep_acquired(lock, site, spins)	((void)0)
#define lockdep_release(lock)			((void)0)
#define lockdep_assert_held(meta)		((void)(meta))
#define lockdep_assert_no_spinlock()		((void)0)
#define lockdep_boot()				0
#define lockdep_shutdown()			((void)0)
#define lockdep_dump(cpu)			((void)(cpu))

#endif

#endif /* RUNTIME_LOCKDEP_H */
