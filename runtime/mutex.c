/* SPDX-License-Identifier: MIT */
/*
 * struct mutex: one atomic word and a wait queue.
 *
 * Invariants.
 *   I1  held goes 0 -> 1 by compare-and-swap with acquire, 1 -> 0 by the holder's store with
 *       release followed by wake_up(), whose barrier orders the store before the look at the
 *       queue.
 *   I2  A woken waiter takes the word itself; a CPU that came meanwhile may be faster.  The
 *       waiter stays queued and the next release wakes it again.
 */
#include "runtime/backend.h"
#include "runtime/mutex.h"

static bool mutex_try(void *arg)
{
	struct mutex *m = arg;
	u32 free = 0;

	/* Acquire: pairs with the release in mutex_unlock(). */
	return READ_ONCE(m->held) == 0 && try_cmpxchg_acquire(&m->held, &free, 1);
}

void mutex_init(struct mutex *m, const struct lock_class *class, const char *instance)
{
	m->held = 0;
	init_waitqueue_head(&m->wq);
	lock_meta_init(&m->meta, class, instance);
}

void mutex_destroy(struct mutex *m)
{
	VM_BUG_ON(mutex_is_locked(m));
	tsan_mutex_destroy(m);
	spin_lock_destroy(&m->wq.lock);
}

static __noinline void mutex_lock_contended(struct mutex *m, struct lock_site *site)
{
	struct lockstat_wait w = lockstat_wait_begin(&m->meta);
	bool got = false;

	tsan_pre_divert(m);
	for (unsigned int i = 0; i < backend->lock_spins && !got; i++) {
		irq_safepoint();
		cpu_pause();
		got = mutex_try(m);
	}
	if (!got)
		wait_event(&m->wq, mutex_try, m);
	tsan_post_divert(m);
	lockstat_wait_end(&m->meta, &w, site, 0, !got);
}

void _mutex_lock(struct mutex *m, struct lock_site *site)
	__context_unsafe("the lock's own implementation")
{
	might_sleep();
	lockdep_acquire(&m->meta, site, false);
	sim_point(SIM_LOCK, m);
	tsan_pre_lock(m, 0);
	if (!mutex_try(m))
		mutex_lock_contended(m, site);
	tsan_post_lock(m, 0);
	lockdep_acquired(&m->meta, site, false);
	lockstat_acquired(&m->meta, site);
}

bool _mutex_trylock(struct mutex *m, struct lock_site *site)
	__context_unsafe("the lock's own implementation")
{
	bool got;

	tsan_pre_lock(m, TSAN_TRY);
	got = mutex_try(m);
	tsan_post_lock(m, got ? TSAN_TRY : TSAN_TRY_FAILED);
	if (!got) {
		lockstat_trylock_failed(&m->meta, site, 0);
		return false;
	}
	lockdep_acquired(&m->meta, site, false);
	lockstat_acquired(&m->meta, site);
	return true;
}

void mutex_unlock(struct mutex *m) __context_unsafe("the lock's own implementation")
{
	struct lockstat_release r = lockstat_release_begin(&m->meta);

	lockdep_release(&m->meta);
	tsan_pre_unlock(m, 0);
	smp_store_release(&m->held, 0);		/* I1 */
	tsan_post_unlock(m, 0);
	wake_up(&m->wq);
	lockstat_release_end(&m->meta, r);
	sim_point(SIM_UNLOCK, m);
}

bool mutex_is_locked(const struct mutex *m)
{
	return READ_ONCE(m->held) != 0;
}
