/* SPDX-License-Identifier: MIT */
/* The selectable spinlock algorithms behind spinlock.c; nobody else includes this. */
#ifndef RUNTIME_SPINLOCK_ALG_H
#define RUNTIME_SPINLOCK_ALG_H

#include "runtime/spinlock.h"

/*
 * A safepoint while waiting for @lock: the handler's accesses are not part of the lock operation
 * that ThreadSanitizer is being told about.
 */
static inline void spin_wait_safepoint(spinlock_t *lock)
{
	struct cpu *cpu = this_cpu();

	if (likely(!READ_ONCE(cpu->irq_pending)) || READ_ONCE(cpu->irqs_off))
		return;
	tsan_pre_divert(&lock->meta);
	irq_deliver();
	tsan_post_divert(&lock->meta);
}

void spin_alg_init(spinlock_t *lock);
void spin_alg_lock(spinlock_t *lock);
bool spin_alg_trylock(spinlock_t *lock);
void spin_alg_unlock(spinlock_t *lock);
bool spin_alg_is_locked(const spinlock_t *lock);

#endif /* RUNTIME_SPINLOCK_ALG_H */
