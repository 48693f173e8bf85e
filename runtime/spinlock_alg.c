/* SPDX-License-Identifier: MIT */
/*
 * The algorithms other than spin-then-futex: Concurrency Kit's fas, ticket and mcs, and pthread.
 *
 * All wait by spinning; with interrupts on they answer interrupts between tries where the
 * algorithm lets go of nothing by doing so.  fas and pthread poll with trylock.  A ticket or mcs
 * waiter has a place in the queue: an interrupt taken there would hold up every CPU behind it for
 * the length of the handler, as it does on hardware.
 */
#include <pthread.h>
#include <sched.h>

#include "runtime/ck_wrap.h"
#include "runtime/spinlock_alg.h"

/* Tries between two offers of the host core to somebody else: the holder may need it. */
#define SPINS_PER_YIELD		1000

/* The union in spinlock_t, seen by each algorithm. */
#define as_fas(l)	((ck_spinlock_fas_t *)(l)->raw)
#define as_ticket(l)	((ck_spinlock_ticket_t *)(l)->raw)
#define as_pthread(l)	((pthread_spinlock_t *)(l)->raw)
#define mcs_queue(l)	((ck_spinlock_mcs_t *)&(l)->raw[0])
#define mcs_owner(l)	((struct ck_spinlock_mcs **)&(l)->raw[1])

_Static_assert(sizeof(ck_spinlock_fas_t) <= 16, "fas must fit spinlock_t");
_Static_assert(sizeof(ck_spinlock_ticket_t) <= 16, "ticket must fit spinlock_t");
_Static_assert(sizeof(ck_spinlock_mcs_t) <= 8, "mcs queue must fit half a spinlock_t");
_Static_assert(sizeof(pthread_spinlock_t) <= 16, "pthread spinlock must fit spinlock_t");

/*
 * MCS needs a queue node per lock held; a CPU holds at most LOCK_DEPTH_MAX, in any order of
 * release, over all its contexts.
 */
static struct mcs_nodes {
	struct ck_spinlock_mcs node[LOCK_DEPTH_MAX];
	bool used[LOCK_DEPTH_MAX];
} mcs_nodes[NR_CPUS] __cacheline_aligned;

static struct ck_spinlock_mcs *mcs_node_get(void)
{
	struct mcs_nodes *n = &mcs_nodes[smp_processor_id()];

	for (int i = 0; i < LOCK_DEPTH_MAX; i++)
		if (!n->used[i]) {
			n->used[i] = true;
			return &n->node[i];
		}
	panic("more than %d spinlocks held by cpu %u", LOCK_DEPTH_MAX, smp_processor_id());
}

static void mcs_node_put(struct ck_spinlock_mcs *node)
{
	struct mcs_nodes *n = &mcs_nodes[smp_processor_id()];

	n->used[node - n->node] = false;
}

void spin_alg_init(spinlock_t *lock)
{
	if (spin_algorithm == SPIN_FAS)
		ck_spinlock_fas_init(as_fas(lock));
	else if (spin_algorithm == SPIN_TICKET)
		ck_spinlock_ticket_init(as_ticket(lock));
	else if (spin_algorithm == SPIN_MCS)
		ck_spinlock_mcs_init(mcs_queue(lock));
	else if (spin_algorithm == SPIN_PTHREAD)
		pthread_spin_init(as_pthread(lock), PTHREAD_PROCESS_PRIVATE);
}

bool spin_alg_trylock(spinlock_t *lock)
{
	struct ck_spinlock_mcs *node;

	switch (spin_algorithm) {
	case SPIN_FAS:
		return ck_spinlock_fas_trylock(as_fas(lock));
	case SPIN_TICKET:
		return ck_spinlock_ticket_trylock(as_ticket(lock));
	case SPIN_MCS:
		node = mcs_node_get();
		if (ck_spinlock_mcs_trylock(mcs_queue(lock), node)) {
			*mcs_owner(lock) = node;
			return true;
		}
		mcs_node_put(node);
		return false;
	default:
		return pthread_spin_trylock(as_pthread(lock)) == 0;
	}
}

static void poll_lock(spinlock_t *lock)
{
	for (unsigned int spins = 1; !spin_alg_trylock(lock); spins++) {
		spin_wait_safepoint(&lock->meta);
		cpu_pause();
		if (spins % SPINS_PER_YIELD == 0)
			sched_yield();
	}
}

void spin_alg_lock(spinlock_t *lock)
{
	struct ck_spinlock_mcs *node;

	if (spin_algorithm == SPIN_TICKET) {
		ck_spinlock_ticket_lock(as_ticket(lock));
	} else if (spin_algorithm == SPIN_MCS) {
		node = mcs_node_get();
		ck_spinlock_mcs_lock(mcs_queue(lock), node);
		*mcs_owner(lock) = node;
	} else {
		poll_lock(lock);
	}
}

void spin_alg_unlock(spinlock_t *lock)
{
	struct ck_spinlock_mcs *node;

	switch (spin_algorithm) {
	case SPIN_FAS:
		ck_spinlock_fas_unlock(as_fas(lock));
		break;
	case SPIN_TICKET:
		ck_spinlock_ticket_unlock(as_ticket(lock));
		break;
	case SPIN_MCS:
		node = *mcs_owner(lock);
		ck_spinlock_mcs_unlock(mcs_queue(lock), node);
		mcs_node_put(node);
		break;
	default:
		pthread_spin_unlock(as_pthread(lock));
	}
}

bool spin_alg_is_locked(const spinlock_t *lock)
{
	switch (spin_algorithm) {
	case SPIN_FAS:
		return ck_spinlock_fas_locked((ck_spinlock_fas_t *)lock->raw);
	case SPIN_TICKET:
		return ck_spinlock_ticket_locked((ck_spinlock_ticket_t *)lock->raw);
	case SPIN_MCS:
		return ck_spinlock_mcs_locked((ck_spinlock_mcs_t *)&lock->raw[0]);
	default:
		/* glibc's spinlock word is 1 when free; POSIX has no test. */
		return READ_ONCE(*(const int *)lock->raw) != 1;
	}
}
