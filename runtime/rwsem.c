/* SPDX-License-Identifier: MIT */
/*
 * struct rw_semaphore: a signed count and one wait queue for readers and writers.
 *
 * States of the count.  0 free; n > 0: n readers; -1: one writer.
 *
 * Invariants.
 *   I1  The count changes only by compare-and-swap (acquire to enter) or by the releasing
 *       subtraction (release), so readers and writers exclude each other.
 *   I2  While writers_waiting > 0 no new reader enters: the count falls to 0 and a writer gets in.
 *   I3  Every release that could let somebody in wakes all: readers enter together, and a writer
 *       that is woken in vain sleeps again.
 */
#include "runtime/mutex.h"

static bool read_try(void *arg)
{
	struct rw_semaphore *sem = arg;
	s32 count = READ_ONCE(sem->count);

	while (count >= 0 && READ_ONCE(sem->writers_waiting) == 0)
		if (try_cmpxchg_acquire(&sem->count, &count, count + 1))	/* I1 */
			return true;
	return false;
}

static bool write_try(void *arg)
{
	struct rw_semaphore *sem = arg;
	s32 free = 0;

	return try_cmpxchg_acquire(&sem->count, &free, -1);			/* I1 */
}

void init_rwsem(struct rw_semaphore *sem, const struct lock_class *class, const char *instance)
{
	sem->count = 0;
	sem->writers_waiting = 0;
	init_waitqueue_head(&sem->wq);
	lock_meta_init(&sem->meta, class, instance);
}

void destroy_rwsem(struct rw_semaphore *sem)
{
	VM_BUG_ON(READ_ONCE(sem->count) != 0);
	tsan_mutex_destroy(sem);
	spin_lock_destroy(&sem->wq.lock);
}

void _down_read(struct rw_semaphore *sem, struct lock_site *site)
	__context_unsafe("the lock's own implementation")
{
	might_sleep();
	lockdep_acquire(&sem->meta, site, false);
	sim_point(SIM_LOCK, sem);
	tsan_pre_lock(sem, TSAN_READ);
	if (!read_try(sem)) {
		struct lockstat_wait w = lockstat_wait_begin(&sem->meta);

		tsan_pre_divert(sem);
		wait_event(&sem->wq, read_try, sem);
		tsan_post_divert(sem);
		lockstat_wait_end(&sem->meta, &w, site, 1, true);
	}
	tsan_post_lock(sem, TSAN_READ);
	lockdep_acquired(&sem->meta, site, false);
	lockstat_acquired_read(&sem->meta, site);
}

bool _down_read_trylock(struct rw_semaphore *sem, struct lock_site *site)
	__context_unsafe("the lock's own implementation")
{
	bool got;

	tsan_pre_lock(sem, TSAN_READ | TSAN_TRY);
	got = read_try(sem);
	tsan_post_lock(sem, TSAN_READ | (got ? TSAN_TRY : TSAN_TRY_FAILED));
	if (!got) {
		lockstat_trylock_failed(&sem->meta, site, 1);
		return false;
	}
	lockdep_acquired(&sem->meta, site, false);
	lockstat_acquired_read(&sem->meta, site);
	return true;
}

void up_read(struct rw_semaphore *sem) __context_unsafe("the lock's own implementation")
{
	bool wake = false;

	lockdep_release(&sem->meta);
	tsan_pre_unlock(sem, TSAN_READ);
	if (fetch_add(&sem->count, -1) == 1)					/* I1 */
		wake = true;
	tsan_post_unlock(sem, TSAN_READ);
	if (wake)
		wake_up_all(&sem->wq);						/* I3 */
	sim_point(SIM_UNLOCK, sem);
}

static __noinline void down_write_contended(struct rw_semaphore *sem, struct lock_site *site)
{
	struct lockstat_wait w = lockstat_wait_begin(&sem->meta);

	fetch_add(&sem->writers_waiting, 1);					/* I2 */
	tsan_pre_divert(sem);
	wait_event(&sem->wq, write_try, sem);
	tsan_post_divert(sem);
	fetch_add(&sem->writers_waiting, (u32)-1);
	lockstat_wait_end(&sem->meta, &w, site, 0, true);
}

void _down_write(struct rw_semaphore *sem, struct lock_site *site)
	__context_unsafe("the lock's own implementation")
{
	might_sleep();
	lockdep_acquire(&sem->meta, site, false);
	sim_point(SIM_LOCK, sem);
	tsan_pre_lock(sem, 0);
	if (!write_try(sem))
		down_write_contended(sem, site);
	tsan_post_lock(sem, 0);
	lockdep_acquired(&sem->meta, site, false);
	lockstat_acquired(&sem->meta, site);
}

bool _down_write_trylock(struct rw_semaphore *sem, struct lock_site *site)
	__context_unsafe("the lock's own implementation")
{
	bool got;

	tsan_pre_lock(sem, TSAN_TRY);
	got = write_try(sem);
	tsan_post_lock(sem, got ? TSAN_TRY : TSAN_TRY_FAILED);
	if (!got) {
		lockstat_trylock_failed(&sem->meta, site, 0);
		return false;
	}
	lockdep_acquired(&sem->meta, site, false);
	lockstat_acquired(&sem->meta, site);
	return true;
}

void up_write(struct rw_semaphore *sem) __context_unsafe("the lock's own implementation")
{
	struct lockstat_release r = lockstat_release_begin(&sem->meta);

	lockdep_release(&sem->meta);
	tsan_pre_unlock(sem, 0);
	smp_store_release(&sem->count, 0);					/* I1 */
	tsan_post_unlock(sem, 0);
	wake_up_all(&sem->wq);							/* I3 */
	lockstat_release_end(&sem->meta, r);
	sim_point(SIM_UNLOCK, sem);
}

void downgrade_write(struct rw_semaphore *sem)
{
	struct lockstat_release r = lockstat_release_begin(&sem->meta);

	tsan_pre_unlock(sem, 0);
	smp_store_release(&sem->count, 1);					/* I1 */
	tsan_post_unlock(sem, 0);
	tsan_pre_lock(sem, TSAN_READ | TSAN_TRY);
	tsan_post_lock(sem, TSAN_READ | TSAN_TRY);
	wake_up_all(&sem->wq);
	lockstat_release_end(&sem->meta, r);
	sim_point(SIM_UNLOCK, sem);
}
