/* SPDX-License-Identifier: MIT */
/*
 * spinlock_t with the kernel's names (include/linux/spinlock.h); the algorithm is chosen at boot.
 *
 * Algorithms: "futex" (default: spin briefly, then sleep), "fas", "ticket", "mcs" (Concurrency
 * Kit), "pthread".  FIFO locks (ticket, mcs) collapse with more CPUs than host cores, because
 * they hand over to waiters that do not run; machine_boot() refuses them there.
 *
 * Every call is a macro because it makes the lock_site of its own place.  Holding a spinlock
 * disables preemption.  Nothing under a spinlock sleeps or waits for another CPU.
 */
#ifndef RUNTIME_SPINLOCK_H
#define RUNTIME_SPINLOCK_H

#include "runtime/irq.h"
#include "runtime/lockdep.h"
#include "runtime/lockstat.h"

enum spin_algorithm { SPIN_FUTEX, SPIN_FAS, SPIN_TICKET, SPIN_MCS, SPIN_PTHREAD, NR_SPIN };

typedef struct __capability("spinlock") spinlock {
	union {
		struct {
			u32 held;	/* futex word: 0 free, 1 held */
			u32 sleepers;	/* CPUs that sleep, or are about to */
			u32 waking;	/* 1 while a woken CPU has not looked yet */
		} futex;
		u64 raw[2];		/* CK and pthread locks, see spinlock_alg.c */
	};
	struct lock_meta meta;
} spinlock_t;

extern enum spin_algorithm spin_algorithm;

/* Parses an algorithm name; returns it or -EINVAL. */
int spin_algorithm_by_name(const char *name);
const char *spin_algorithm_name(enum spin_algorithm alg);
/* FIFO algorithms need every waiter to run: CPUs <= host cores. */
bool spin_algorithm_is_fifo(enum spin_algorithm alg);

/*
 * A safepoint while waiting for the lock that carries @lock: the handler's accesses are not part of
 * the lock operation that ThreadSanitizer is being told about.
 */
static inline void spin_wait_safepoint(struct lock_meta *lock)
{
	struct cpu *cpu = this_cpu();

	if (likely(!owner_read(cpu->irq_pending)) || owner_read(cpu->irqs_off))
		return;
	tsan_pre_divert(lock);
	irq_deliver();
	tsan_post_divert(lock);
}

void spin_lock_init(spinlock_t *lock, const struct lock_class *class, const char *instance);
/* The lock must be free; tells the detectors that it is gone. */
void spin_lock_destroy(spinlock_t *lock);

void _spin_lock(spinlock_t *lock, struct lock_site *site) __acquires(*lock);
bool _spin_trylock(spinlock_t *lock, struct lock_site *site) __try_acquires(true, *lock);
void spin_unlock(spinlock_t *lock) __releases(*lock);

/* Context: task, softirq; an interrupt handler must not take the same lock. */
#define spin_lock(l)		_spin_lock((l), LOCK_SITE())
#define spin_trylock(l)		_spin_trylock((l), LOCK_SITE())

/* Context: any; masks this CPU's interrupts while held. */
#define spin_lock_irqsave(l, flags)					\
	do {								\
		local_irq_save(flags);					\
		_spin_lock((l), LOCK_SITE());				\
	} while (0)
#define spin_lock_irq(l)						\
	do {								\
		local_irq_disable();					\
		_spin_lock((l), LOCK_SITE());				\
	} while (0)

/* True with interrupts masked and the lock held; otherwise nothing is changed. */
#define spin_trylock_irqsave(l, flags)					\
	({								\
		local_irq_save(flags);					\
		bool got_ = _spin_trylock((l), LOCK_SITE());		\
		if (!got_)						\
			local_irq_restore(flags);			\
		got_;							\
	})

/* Macros, so that the place that unmasks is the caller's. */
#define spin_unlock_irqrestore(l, flags)				\
	do {								\
		spin_unlock(l);						\
		local_irq_restore(flags);				\
	} while (0)
#define spin_unlock_irq(l)						\
	do {								\
		spin_unlock(l);						\
		local_irq_enable();					\
	} while (0)

/* Context: task; keeps softirqs of this CPU out while held. */
#define spin_lock_bh(l)							\
	do {								\
		local_bh_disable();					\
		_spin_lock((l), LOCK_SITE());				\
	} while (0)

static inline void spin_unlock_bh(spinlock_t *lock) __releases(*lock)
{
	spin_unlock(lock);
	local_bh_enable();
}

/* A moment's truth, for statistics and asserts. */
bool spin_is_locked(const spinlock_t *lock);

#define spin_lock_assert_held(l)	lockdep_assert_held(&(l)->meta)

#endif /* RUNTIME_SPINLOCK_H */
