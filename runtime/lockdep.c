/* SPDX-License-Identifier: MIT */
/*
 * Lock-order checking by rank.
 *
 * What.  Every lock class has a rank (enum lock_rank); a context may block on a lock only if its
 * rank is above that of every lock this CPU holds.  The order is total, so obeying it excludes
 * deadlock among ranked locks; the check needs one CPU and no bad timing.
 *
 * Invariants.
 *   I1  held[0..depth) are the locks this CPU holds, in the order it took them.
 *   I2  A trylock that succeeds is pushed unchecked: it cannot block.
 *   I3  An interrupt handler's locks are checked against the interrupted context's as well: it
 *       blocks the same CPU.
 *
 * Locking.  None: each CPU writes its own stack.  Context.  Any.  Failure.  A violation panics,
 * because the dump shows both sites while they still hold.
 */
#if KMEMLAB_DEBUG
#include <errno.h>
#include <stdio.h>

#include "runtime/hostmem.h"
#include "runtime/lockdep.h"

static struct lockdep_cpu *stacks;	/* [nr_cpu_ids] */

static const char *site_text(const struct lock_site *site, char *buf, size_t size)
{
	if (!site)
		return "owner side";
	snprintf(buf, size, "%s:%u in %s()", site->file, site->line, site->func);
	return buf;
}

void lockdep_acquire(const struct lock_meta *lock, const struct lock_site *site, bool trylock)
{
	struct lockdep_cpu *ld = this_cpu()->lockdep;
	const struct lock_class *class = lockstat_class_of(lock->class);
	char a[256], b[256];

	if (trylock || class->rank == RANK_NONE || !ld)
		return;
	for (unsigned int i = ld->depth; i-- > 0;) {
		const struct lockdep_held *h = &ld->held[i];
		const struct lock_class *held = lockstat_class_of(h->lock->class);

		if (h->lock == lock)
			panic("lockdep: %s taken at %s is already held, taken at %s",
			      lockstat_class_name(lock->class), site_text(site, a, sizeof(a)),
			      site_text(h->site, b, sizeof(b)));
		if (held->rank < class->rank || (held == class && class->same_rank_ok))
			continue;
		panic("lockdep: lock order: %s taken at %s under %s taken at %s",
		      lockstat_class_name(lock->class), site_text(site, a, sizeof(a)),
		      lockstat_class_name(h->lock->class), site_text(h->site, b, sizeof(b)));
	}
}

void lockdep_acquired(const struct lock_meta *lock, const struct lock_site *site, bool spins)
{
	struct lockdep_cpu *ld = this_cpu()->lockdep;

	if (!ld)
		return;
	BUG_ON(ld->depth == LOCK_DEPTH_MAX);
	ld->held[ld->depth++] = (struct lockdep_held){ lock, site, spins, (u8)irq_context() };
}

void lockdep_release(const struct lock_meta *lock)
{
	struct lockdep_cpu *ld = this_cpu()->lockdep;
	unsigned int i;

	if (!ld)
		return;
	for (i = ld->depth; i > 0; i--)
		if (ld->held[i - 1].lock == lock)
			break;
	if (i == 0)
		panic("lockdep: %s released by a CPU that does not hold it",
		      lockstat_class_name(lock->class));
	for (; i < ld->depth; i++)
		ld->held[i - 1] = ld->held[i];
	ld->depth--;
}

bool lockdep_is_held(const struct lock_meta *lock)
{
	const struct lockdep_cpu *ld = this_cpu()->lockdep;

	if (!ld)
		return true;
	for (unsigned int i = 0; i < ld->depth; i++)
		if (ld->held[i].lock == lock)
			return true;
	return false;
}

void lockdep_assert_no_spinlock_at(const char *file, int line)
{
	const struct lockdep_cpu *ld = this_cpu()->lockdep;
	char buf[256];

	for (unsigned int i = 0; ld && i < ld->depth; i++)
		if (ld->held[i].spins)
			panic_at(file, line, "waiting for another CPU under %s taken at %s",
				 lockstat_class_name(ld->held[i].lock->class),
				 site_text(ld->held[i].site, buf, sizeof(buf)));
}

void lockdep_dump(const struct cpu *cpu)
{
	const struct lockdep_cpu *ld = cpu->lockdep;
	char buf[256];

	for (unsigned int i = 0; ld && i < ld->depth; i++)
		fprintf(stderr, "  holds %s taken at %s\n",
			lockstat_class_name(ld->held[i].lock->class),
			site_text(ld->held[i].site, buf, sizeof(buf)));
}

int lockdep_boot(void)
{
	stacks = hostmem_alloc(nr_cpu_ids * sizeof(*stacks));
	if (!stacks)
		return -ENOMEM;
	for (unsigned int i = 0; i < nr_cpu_ids; i++)
		cpus[i].lockdep = &stacks[i];
	return 0;
}

void lockdep_shutdown(void)
{
	hostmem_free(stacks, nr_cpu_ids * sizeof(*stacks));
	stacks = NULL;
}
#else
_Static_assert(1, "release builds have no lockdep");
#endif
