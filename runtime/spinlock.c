/* SPDX-License-Identifier: MIT */
/*
 * spinlock_t: the wrapper around every algorithm, and the spin-then-futex algorithm.
 *
 * What.  One wrapper does what all spinlocks share: preemption off, lock-order check, TSan
 * annotation, statistics.  The algorithm behind it is chosen once at boot; "futex" is inline here,
 * the others are in spinlock_alg.c.
 *
 * States of a futex lock.  held 0: free.  held 1: taken.  sleepers: CPUs that gave up spinning.
 *
 * Invariants.
 *   I1  held goes 0 -> 1 only by compare-and-swap with acquire, 1 -> 0 only by its holder's store
 *       with release.
 *   I2  A CPU sleeps only after adding itself to @sleepers and failing once more to take the lock.
 *   I3  The release is a plain store followed by a load of @sleepers, without a full barrier.  The
 *       load may be satisfied before the store is visible, so a CPU that adds itself in that
 *       window can miss its wake-up.  Every sleep is therefore bounded (FUTEX_NAP_NS): the window
 *       costs at most one nap, and an uncontended lock+unlock pair costs one locked instruction
 *       instead of two.
 *   I4  One wake-up at a time: @waking is set by the release that wakes and cleared by whoever
 *       comes out of a sleep or stops sleeping.  Without it every release would make a system
 *       call for as long as anybody sleeps.  It is a hint: its stores may race, the worst case is
 *       again one nap, and no schedule needs to be explored for it (hence owner_read/write).
 *
 * Locking.  Spinlocks nest by rank (lockdep.c).  Context.  Any; see spinlock.h for which variant
 * may be used where.  While it waits with interrupts on, a CPU answers interrupts.
 * Failure.  None: a lock is always granted in the end.
 */
#include <errno.h>
#include <string.h>

#include "runtime/backend.h"
#include "runtime/spinlock.h"
#include "runtime/spinlock_alg.h"

/* Short against a time slice, long against the window of I3. */
#define FUTEX_NAP_NS	(500 * NSEC_PER_USEC)

enum spin_algorithm spin_algorithm = SPIN_FUTEX;

static const char *const algorithm_names[NR_SPIN] = {
	[SPIN_FUTEX] = "futex", [SPIN_FAS] = "fas", [SPIN_TICKET] = "ticket",
	[SPIN_MCS] = "mcs", [SPIN_PTHREAD] = "pthread",
};

int spin_algorithm_by_name(const char *name)
{
	for (int i = 0; i < NR_SPIN; i++)
		if (strcmp(name, algorithm_names[i]) == 0)
			return i;
	return -EINVAL;
}

const char *spin_algorithm_name(enum spin_algorithm alg)
{
	return algorithm_names[alg];
}

bool spin_algorithm_is_fifo(enum spin_algorithm alg)
{
	return alg == SPIN_TICKET || alg == SPIN_MCS;
}

/* ---- spin-then-futex ---- */

static inline bool futex_try(spinlock_t *lock)
{
	u32 free = 0;

	/* Acquire: pairs with the release in futex_unlock(). */
	return READ_ONCE(lock->futex.held) == 0 && try_cmpxchg_acquire(&lock->futex.held, &free, 1);
}

static inline void futex_unlock(spinlock_t *lock)
{
	/* Release: pairs with the acquire in futex_try(). */
	smp_store_release(&lock->futex.held, 0);
	if (unlikely(READ_ONCE(lock->futex.sleepers)) &&		/* I3 */
	    !owner_read(lock->futex.waking)) {				/* I4 */
		owner_write(lock->futex.waking, 1);
		backend->wake_word(&lock->futex.held);
	}
}

/* At least one try; true when one of them got the lock. */
static bool futex_spin(spinlock_t *lock)
{
	for (unsigned int i = 0; !futex_try(lock); i++) {
		if (i >= backend->lock_spins)
			return false;
		spin_wait_safepoint(&lock->meta);
		cpu_pause();
	}
	return true;
}

/* Returns true when the CPU had to sleep. */
static bool futex_lock_slow(spinlock_t *lock)
{
	if (futex_spin(lock))
		return false;
	fetch_add(&lock->futex.sleepers, 1);				/* I2 */
	while (!futex_spin(lock)) {
		backend->wait_word(&lock->futex.held, 1, FUTEX_NAP_NS);
		owner_write(lock->futex.waking, 0);			/* I4 */
		spin_wait_safepoint(&lock->meta);
	}
	fetch_add(&lock->futex.sleepers, (u32)-1);
	owner_write(lock->futex.waking, 0);				/* I4 */
	return true;
}

/* ---- the wrapper ---- */

void spin_lock_init(spinlock_t *lock, const struct lock_class *class, const char *instance)
{
	memset(lock->raw, 0, sizeof(lock->raw));
	spin_alg_init(lock);
	lock_meta_init(&lock->meta, class, instance);
}

void spin_lock_destroy(spinlock_t *lock)
{
	VM_BUG_ON(spin_is_locked(lock));
	tsan_mutex_destroy(&lock->meta);
}

bool spin_is_locked(const spinlock_t *lock)
{
	if (spin_algorithm == SPIN_FUTEX)
		return READ_ONCE(lock->futex.held) != 0;
	return spin_alg_is_locked(lock);
}

/* The lock was busy: waits for it, timed, and leaves a record for the release. */
static __noinline void spin_lock_contended(spinlock_t *lock, struct lock_site *site)
{
	struct lockstat_wait w = lockstat_wait_begin(&lock->meta);
	bool slept = false;

	if (spin_algorithm == SPIN_FUTEX)
		slept = futex_lock_slow(lock);
	else
		spin_alg_lock(lock);
	lockstat_wait_end(&lock->meta, &w, site, 0, slept);
}

static inline bool spin_try_algorithm(spinlock_t *lock)
{
	return likely(spin_algorithm == SPIN_FUTEX) ? futex_try(lock) : spin_alg_trylock(lock);
}

void _spin_lock(spinlock_t *lock, struct lock_site *site)
	__context_unsafe("the lock's own implementation")
{
	__preempt_disable(&site->code);
	sim_point(SIM_LOCK, lock);
	lockdep_acquire(&lock->meta, site, false);
	tsan_pre_lock(&lock->meta, 0);
	if (unlikely(!spin_try_algorithm(lock)))
		spin_lock_contended(lock, site);
	tsan_post_lock(&lock->meta, 0);
	lockdep_acquired(&lock->meta, site, true);
	lockstat_acquired(&lock->meta, site);
}

bool _spin_trylock(spinlock_t *lock, struct lock_site *site)
	__context_unsafe("the lock's own implementation")
{
	__preempt_disable(&site->code);
	sim_point(SIM_TRYLOCK, lock);
	tsan_pre_lock(&lock->meta, TSAN_TRY);
	if (unlikely(!spin_try_algorithm(lock))) {
		tsan_post_lock(&lock->meta, TSAN_TRY_FAILED);
		lockstat_trylock_failed(&lock->meta, site, 0);
		preempt_enable();
		return false;
	}
	tsan_post_lock(&lock->meta, TSAN_TRY);
	lockdep_acquired(&lock->meta, site, true);
	lockstat_acquired(&lock->meta, site);
	return true;
}

void spin_unlock(spinlock_t *lock) __context_unsafe("the lock's own implementation")
{
	struct lockstat_release r = lockstat_release_begin(&lock->meta);

	lockdep_release(&lock->meta);
	tsan_pre_unlock(&lock->meta, 0);
	if (likely(spin_algorithm == SPIN_FUTEX))
		futex_unlock(lock);
	else
		spin_alg_unlock(lock);
	tsan_post_unlock(&lock->meta, 0);
	lockstat_release_end(&lock->meta, r);
	sim_point(SIM_UNLOCK, lock);
	preempt_enable();
}
