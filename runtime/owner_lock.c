/* SPDX-License-Identifier: MIT */
/* The remote side of owner_lock; the owner's side and the proof are in the header. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/owner_lock.h"

/* Looks at @held between two offers of the host core: the owner may be off it. */
#define SPINS_PER_YIELD	200

int membarrier_boot(void)
{
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) < 0)
		return -ENOSYS;
	return 0;
}

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
	tsan_mutex_destroy(l);
	spin_lock_destroy(&l->remote);
}

void _owner_lock_remote(struct owner_lock *l, struct lock_site *site)
	__context_unsafe("the lock's own implementation")
{
	_spin_lock(&l->remote, site);
	tsan_pre_lock(l, 0);
	WRITE_ONCE(l->revoke, 1);
	/* Every owner store of @held is visible after this, or sees our @revoke (I2). */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) < 0)
		panic("membarrier failed after it was registered");
	/* Acquire: pairs with the release in owner_unlock(). */
	for (unsigned int spins = 1; smp_load_acquire(&l->held); spins++) {
		irq_safepoint();
		cpu_pause();
		if (spins % SPINS_PER_YIELD == 0)
			sched_yield();
	}
	tsan_post_lock(l, 0);
}

void owner_unlock_remote(struct owner_lock *l) __context_unsafe("the lock's own implementation")
{
	tsan_pre_unlock(l, 0);
	/* Release: pairs with the acquire of revoke in owner_trylock(). */
	smp_store_release(&l->revoke, 0);
	tsan_post_unlock(l, 0);
	spin_unlock(&l->remote);
}
