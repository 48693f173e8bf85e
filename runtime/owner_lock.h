/* SPDX-License-Identifier: MIT */
/*
 * owner_lock: a lock biased to one CPU, for per-CPU caches that others may drain.
 *
 * What.  The owner CPU tries it a hundred million times a second and a remote CPU takes it a few
 * times a minute.  The owner therefore pays no atomic read-modify-write and no fence: it stores
 * @held and loads @revoke.  A remote CPU stores @revoke, makes every thread of the process execute
 * a full barrier (membarrier(2)), and only then trusts what it reads of @held.
 *
 *	owner				remote (serialised by @remote)
 *	held = 1			revoke = 1
 *	(compiler barrier)		membarrier()
 *	revoke? -> held = 0, fail	wait until held == 0
 *
 * Invariants.
 *   I1  Owner inside => held == 1.  Remote inside => revoke == 1 and held was seen 0 since.
 *   I2  Never both: the membarrier falls either before the owner's store (then the owner's later
 *       load sees revoke == 1 and it fails) or after it (then the remote's load sees held == 1).
 *   I3  The owner never waits: it only tries.  An interrupt that hit the owner inside fails too.
 *
 * Locking.  @remote ranks as the class given; the owner side counts as the same lock for lockdep
 * and ThreadSanitizer.  Context.  Owner: any context of the owner CPU, preemption disabled.
 * Remote: task or softirq of another CPU.  Failure.  A kernel without private expedited
 * membarrier is refused at boot.
 */
#ifndef RUNTIME_OWNER_LOCK_H
#define RUNTIME_OWNER_LOCK_H

#include "runtime/spinlock.h"

struct __capability("owner_lock") owner_lock {
	u32 held;		/* owner: 1 while inside */
	u32 revoke;		/* remote: 1 while a remote CPU wants it or is inside */
	u64 nr_owner;		/* exact: acquisitions by the owner; owner CPU only */
	u64 nr_failed;		/* exact: failed tries by the owner; owner CPU only */
	spinlock_t remote;	/* serialises the remote side; carries class and statistics */
	/*
	 * TSan's mutex; never accessed.  It has an address of its own because a store to an atomic
	 * word at the same address would replace the order that the mutex carries.
	 */
	char token;
};

void owner_lock_init(struct owner_lock *l, const struct lock_class *class, const char *instance);
void owner_lock_destroy(struct owner_lock *l);

/* Owner CPU, preemption disabled.  False: a remote CPU has it, or we interrupted ourselves. */
static inline bool owner_trylock(struct owner_lock *l) __try_acquires(true, *l)
	__context_unsafe("the lock's own implementation")
{
	tsan_pre_lock(&l->token, TSAN_TRY);
	sim_point(SIM_TRYLOCK, l);
	if (unlikely(dekker_load(l->held)))
		goto fail;
	dekker_store(l->held, 1);
	/* Order between this store and the load is the remote side's membarrier (I2). */
	barrier();
	/* Acquire: pairs with the release of revoke in owner_unlock_remote(). */
	if (unlikely(smp_load_acquire(&l->revoke))) {
		dekker_store_release(l->held, 0);
		goto fail;
	}
	owner_inc(l->nr_owner);
	tsan_post_lock(&l->token, TSAN_TRY);
	lockdep_acquired(&l->remote.meta, NULL, true);
	return true;
fail:
	owner_inc(l->nr_failed);
	tsan_post_lock(&l->token, TSAN_TRY_FAILED);
	return false;
}

static inline void owner_unlock(struct owner_lock *l) __releases(*l)
	__context_unsafe("the lock's own implementation")
{
	lockdep_release(&l->remote.meta);
	tsan_pre_unlock(&l->token, 0);
	/* Release: pairs with the acquire of held in _owner_lock_remote(). */
	dekker_store_release(l->held, 0);
	tsan_post_unlock(&l->token, 0);
	sim_point(SIM_UNLOCK, l);
}

/* Any CPU but the owner (or the owner itself outside); spins for at most one owner section. */
void _owner_lock_remote(struct owner_lock *l, struct lock_site *site) __acquires(*l);
void owner_unlock_remote(struct owner_lock *l) __releases(*l);
#define owner_lock_remote(l)	_owner_lock_remote((l), LOCK_SITE())

#endif /* RUNTIME_OWNER_LOCK_H */
