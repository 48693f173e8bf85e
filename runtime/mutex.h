/* SPDX-License-Identifier: MIT */
/*
 * Sleeping locks: struct mutex and struct rw_semaphore (include/linux/mutex.h, rwsem.h).
 *
 * Task context only.  A holder may sleep and may wait for other CPUs; waiters answer interrupts.
 */
#ifndef RUNTIME_MUTEX_H
#define RUNTIME_MUTEX_H

#include "runtime/wait.h"

struct __capability("mutex") mutex {
	u32 held;			/* atomic: 0 or 1 */
	struct wait_queue_head wq;
	struct lock_meta meta;
};

void mutex_init(struct mutex *m, const struct lock_class *class, const char *instance);
void mutex_destroy(struct mutex *m);
void _mutex_lock(struct mutex *m, struct lock_site *site) __acquires(*m);
bool _mutex_trylock(struct mutex *m, struct lock_site *site) __try_acquires(true, *m);
void mutex_unlock(struct mutex *m) __releases(*m);
bool mutex_is_locked(const struct mutex *m);
#define mutex_lock(m)		_mutex_lock((m), LOCK_SITE())
#define mutex_trylock(m)	_mutex_trylock((m), LOCK_SITE())
#define mutex_assert_held(m)	lockdep_assert_held(&(m)->meta)

/* Readers share; a waiting writer keeps new readers out, so that it gets its turn. */
struct __capability("rwsem") rw_semaphore {
	s32 count;			/* atomic: > 0 readers, -1 a writer, 0 free */
	u32 writers_waiting;		/* atomic */
	struct wait_queue_head wq;
	struct lock_meta meta;
};

void init_rwsem(struct rw_semaphore *sem, const struct lock_class *class, const char *instance);
void destroy_rwsem(struct rw_semaphore *sem);
void _down_read(struct rw_semaphore *sem, struct lock_site *site)
	__context_attr(acquire_shared_capability(*sem));
bool _down_read_trylock(struct rw_semaphore *sem, struct lock_site *site)
	__context_attr(try_acquire_shared_capability(true, *sem));
void up_read(struct rw_semaphore *sem) __context_attr(release_shared_capability(*sem));
void _down_write(struct rw_semaphore *sem, struct lock_site *site) __acquires(*sem);
bool _down_write_trylock(struct rw_semaphore *sem, struct lock_site *site)
	__try_acquires(true, *sem);
void up_write(struct rw_semaphore *sem) __releases(*sem);
/* The writer becomes a reader without letting another writer in between. */
void downgrade_write(struct rw_semaphore *sem);
#define down_read(s)		_down_read((s), LOCK_SITE())
#define down_read_trylock(s)	_down_read_trylock((s), LOCK_SITE())
#define down_write(s)		_down_write((s), LOCK_SITE())
#define down_write_trylock(s)	_down_write_trylock((s), LOCK_SITE())

#endif /* RUNTIME_MUTEX_H */
