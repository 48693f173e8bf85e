/* SPDX-License-Identifier: MIT */
/* The selectable spinlock algorithms behind spinlock.c; nobody else includes this. */
#ifndef RUNTIME_SPINLOCK_ALG_H
#define RUNTIME_SPINLOCK_ALG_H

#include "runtime/spinlock.h"

void spin_alg_init(spinlock_t *lock);
void spin_alg_lock(spinlock_t *lock);
bool spin_alg_trylock(spinlock_t *lock);
void spin_alg_unlock(spinlock_t *lock);
bool spin_alg_is_locked(const spinlock_t *lock);

#endif /* RUNTIME_SPINLOCK_ALG_H */
