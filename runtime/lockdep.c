/* SPDX-License-Identifier: MIT */
/*
 * lockdep: the locks a CPU holds, and the checks made where one is taken or waited under.
 *
 * What.  Three independent checks at every blocking acquisition.  Ranks: a level may block only on
 * a lock above all it holds (enum lock_rank, docs/locking.md); the order is total, so obeying it
 * excludes deadlock among ranked locks, and the check needs neither a second CPU nor bad timing.
 * The graph (lockdep_graph.c): the same for locks without rank, and the irq rules for all.
 * The stack: a lock taken twice, released unheld, or held where waiting is forbidden.
 *
 * Waiting for other CPUs is treated as blocking on a lock that every spinlock holder and every CPU
 * with masked interrupts holds: it is allowed with neither.  No graph is needed for it, because
 * nothing that may be held then (mutexes, rwsems) can be waited for by who must answer.
 *
 * Invariants.
 *   I1  held[0..depth) are the locks this CPU holds, in the order it took them.
 *   I2  A trylock that succeeds is pushed unchecked: it cannot block.  What is taken under it is
 *       checked.
 *   I3  Orders are learned within one level (task, softirq, hardirq): a handler does not choose
 *       what it interrupts.  What may not be interrupted by whom is the irq rules' business.
 *
 * Locking.  None: each CPU writes its own stack, from every context.  An interrupt comes at
 * safepoints only, of which none lies inside, and leaves the stack as it found it.  These files
 * are compiled without ThreadSanitizer: a graph that all CPUs read would order them.
 * Context.  Any.  Failure.  A violation panics, while the dump still shows both sites.
 * See also.  tests/unit/test_lockdep.c, tests/unit/test_lockdep_graph.c, docs/locking.md.
 */
#if KMEMLAB_DEBUG
#include <errno.h>
#include <stdio.h>

#include "runtime/hostmem.h"
#include "runtime/lockdep_graph.h"

static struct lockdep_cpu *stacks;	/* [nr_cpu_ids] */

static enum lockdep_level level_of(int count)
{
	if (count & HARDIRQ_MASK)
		return LEVEL_HARDIRQ;
	return count & SOFTIRQ_OFFSET ? LEVEL_SOFTIRQ : LEVEL_TASK;
}

/* The usage bits of an acquisition at this moment. */
static u8 usage_now(bool trylock)
{
	int count = preempt_count();
	u8 bits = 0;

	if (!trylock) {
		if (count & HARDIRQ_MASK)
			bits |= 1u << USED_IN_HARDIRQ;
		else if (count & SOFTIRQ_OFFSET)
			bits |= 1u << USED_IN_SOFTIRQ;
	}
	if (!owner_read(this_cpu()->irqs_off)) {
		bits |= 1u << HARDIRQS_ON;
		if (!(count & (SOFTIRQ_MASK | HARDIRQ_MASK)))
			bits |= 1u << SOFTIRQS_ON;
	}
	return bits;
}

static void check_held(const struct lockdep_held *h, const struct lock_meta *lock,
		       const struct lock_site *site, enum lockdep_level level)
{
	const struct lock_class *class = lockstat_class_of(lock->class);
	const struct lock_class *held = lockstat_class_of(h->lock->class);
	char a[256], b[256];

	if (h->lock == lock)
		panic("lockdep: %s taken at %s is already held, taken at %s",
		      lockstat_class_name(lock->class), lockdep_site_text(site, a, sizeof(a)),
		      lockdep_site_text(h->site, b, sizeof(b)));
	if (class->rank == RANK_NONE || h->ctx != level)
		return;
	if (held->rank < class->rank || (held == class && class->same_rank_ok))
		return;
	panic("lockdep: lock order: %s taken at %s under %s taken at %s",
	      lockstat_class_name(lock->class), lockdep_site_text(site, a, sizeof(a)),
	      lockstat_class_name(h->lock->class), lockdep_site_text(h->site, b, sizeof(b)));
}

void lockdep_acquire(const struct lock_meta *lock, const struct lock_site *site, bool trylock)
{
	struct lockdep_cpu *ld = this_cpu()->lockdep;
	enum lockdep_level level;
	bool chain = true;
	u8 id;

	if (trylock || !ld || lockstat_class_of(lock->class)->no_lockdep)
		return;
	level = level_of(preempt_count());
	id = lockdep_class_id(lock);
	for (unsigned int i = ld->depth; i-- > 0;) {
		const struct lockdep_held *h = &ld->held[i];

		check_held(h, lock, site, level);
		if (!chain || h->ctx != level || !h->class)
			continue;
		lockdep_add_edge(h, id, site);
		/* What lies under a lock that was waited for had its order learned then. */
		chain = h->trylock;
	}
	lockdep_mark_usage(id, usage_now(false), site);
	ld->checked[level] = lock;
}

void lockdep_acquired(const struct lock_meta *lock, const struct lock_site *site, bool spins)
{
	struct lockdep_cpu *ld = this_cpu()->lockdep;
	enum lockdep_level level;
	bool trylock;
	u8 id = 0;

	if (!ld)
		return;
	BUG_ON(ld->depth == LOCK_DEPTH_MAX);
	level = level_of(preempt_count());
	trylock = ld->checked[level] != lock;
	ld->checked[level] = NULL;
	if (!lockstat_class_of(lock->class)->no_lockdep)
		id = lockdep_class_id(lock);
	if (trylock && id)
		lockdep_mark_usage(id, usage_now(true), site);
	ld->held[ld->depth++] = (struct lockdep_held){
		.lock = lock, .site = site, .class = id, .ctx = (u8)level, .spins = spins,
		.trylock = trylock,
	};
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

unsigned int lockdep_depth(void)
{
	return this_cpu()->lockdep ? this_cpu()->lockdep->depth : 0;
}

void lockdep_assert_no_spinlock_at(const char *file, int line)
{
	const struct lockdep_cpu *ld = this_cpu()->lockdep;
	char buf[256];

	for (unsigned int i = 0; ld && i < ld->depth; i++)
		if (ld->held[i].spins)
			panic_at(file, line, "waiting for another CPU under %s taken at %s",
				 lockstat_class_name(ld->held[i].lock->class),
				 lockdep_site_text(ld->held[i].site, buf, sizeof(buf)));
}

void lockdep_dump(const struct cpu *cpu)
{
	const struct lockdep_cpu *ld = cpu->lockdep;
	char buf[256];

	for (unsigned int i = 0; ld && i < ld->depth; i++)
		fprintf(stderr, "  holds %s taken at %s\n",
			lockstat_class_name(ld->held[i].lock->class),
			lockdep_site_text(ld->held[i].site, buf, sizeof(buf)));
}

int lockdep_boot(void)
{
	stacks = hostmem_alloc(nr_cpu_ids * sizeof(*stacks));
	lockdep_graph = hostmem_alloc(sizeof(*lockdep_graph));
	if (!stacks || !lockdep_graph) {
		lockdep_shutdown();
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < nr_cpu_ids; i++)
		cpus[i].lockdep = &stacks[i];
	return 0;
}

void lockdep_shutdown(void)
{
	hostmem_free(stacks, nr_cpu_ids * sizeof(*stacks));
	hostmem_free(lockdep_graph, sizeof(*lockdep_graph));
	stacks = NULL;
	lockdep_graph = NULL;
}
#else
_Static_assert(1, "release builds have no lockdep");
#endif
