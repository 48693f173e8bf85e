/* SPDX-License-Identifier: MIT */
/* The remote side of owner_lock; the owner's side and the proof are in the header. */
#include "runtime/backend.h"
#include "runtime/owner_lock.h"

void owner_lock_init(struct owner_lock *l, const struct lock_class *class, const char *instance)
{
	l->held = 0;
	l->revoke = 0;
	l->nr_owner = 0;
	l->nr_failed = 0;
	spin_lock_init(&l->remote, class, instance);
}

void owner_lock_destroy(struct owner_lock *l)
{
	VM_BUG_ON(READ_ONCE(l->held) || READ_ONCE(l->revoke));
	tsan_mutex_destroy(&l->token);
	spin_lock_destroy(&l->remote);
}

void _owner_lock_remote(struct owner_lock *l, struct lock_site *site)
	__context_unsafe("the lock's own implementation")
{
	_spin_lock(&l->remote, site);
	tsan_pre_lock(&l->token, 0);
	WRITE_ONCE(l->revoke, 1);
	/* Every owner store of @held is visible after this, or sees our @revoke (I2). */
	backend->membarrier();
	if (inject_on(INJECT_LOCK_DELAY))
		inject_keep_lock(l->remote.meta.class);
	/* Acquire: pairs with the release in owner_unlock(). */
	while (smp_load_acquire(&l->held)) {
		spin_wait_safepoint(&l->remote.meta);
		backend->spin_while(&l->held, 1);
	}
	tsan_post_lock(&l->token, 0);
}

void owner_unlock_remote(struct owner_lock *l) __context_unsafe("the lock's own implementation")
{
	tsan_pre_unlock(&l->token, 0);
	/* Release: pairs with the acquire of revoke in owner_trylock(). */
	smp_store_release(&l->revoke, 0);
	tsan_post_unlock(&l->token, 0);
	spin_unlock(&l->remote);
}
