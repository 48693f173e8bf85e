/* SPDX-License-Identifier: MIT */
/*
 * The depot's lists under its lock.
 *
 * What.  Two stacks of arrays.  The lock is tried first, and a failed try is counted: that count
 * is what decides whether larger arrays are worth their memory.
 *
 * Invariants.
 *   I1  An array on full has all its rounds, an array on empty has none.
 *   I2  full.nr <= full_max and empty.nr <= empty_max, but after a limit was lowered.
 *   I3  list.min <= list.nr; both are the list's own count.
 *
 * Locking.  depot->lock, masked interrupts, rank RANK_DEPOT.  Nothing is allocated, freed or
 * called while it is held.  Context.  Any context of a CPU.  Failure.  NULL or a result.
 * See also.  illumos: uts/common/os/kmem.c; linux: mm/slub.c, barn_*().
 */
#include "percpu/depot.h"

static const struct lock_class depot_lock_class = { .name = "depot->lock", .rank = RANK_DEPOT };

void depot_init(struct depot *d, const char *name)
{
	*d = (struct depot) { .full_max = 0 };
	spin_lock_init(&d->lock, &depot_lock_class, name);
}

void depot_destroy(struct depot *d)
{
	BUG_ON(d->full.nr || d->empty.nr);
	spin_lock_destroy(&d->lock);
}

/* Returns the flags for depot_unlock(); counts contention as Bonwick does, by a failed try. */
static unsigned long depot_lock(struct depot *d) __acquires(d->lock)
	__context_unsafe("the try and the wait acquire the same lock")
{
	unsigned long flags;

	local_irq_save(flags);
	if (unlikely(!spin_trylock(&d->lock))) {
		spin_lock(&d->lock);
		WRITE_ONCE(d->contention, d->contention + 1);
	}
	WRITE_ONCE(d->nr_ops, d->nr_ops + 1);
	return flags;
}

static void depot_unlock(struct depot *d, unsigned long flags) __releases(d->lock)
{
	spin_unlock_irqrestore(&d->lock, flags);
}

void depot_set_limits(struct depot *d, u32 full_max, u32 empty_max)
{
	unsigned long flags = depot_lock(d);

	d->full_max = full_max;
	d->empty_max = empty_max;
	depot_unlock(d, flags);
}

struct magazine *depot_get_full(struct depot *d, struct magazine **empty)
{
	unsigned long flags;
	struct magazine *mag;

	/* A glance first: an empty depot then costs no lock, and a wrong answer is harmless. */
	if (!READ_ONCE(d->full.nr))
		return NULL;
	flags = depot_lock(d);
	mag = magazine_list_pop(&d->full);
	if (mag && *empty && d->empty.nr < d->empty_max) {
		magazine_list_push(&d->empty, *empty);
		*empty = NULL;
	}
	depot_unlock(d, flags);
	return mag;
}

enum depot_result depot_put_full(struct depot *d, struct magazine *full, struct magazine **empty)
{
	enum depot_result result = DEPOT_OK;
	unsigned long flags = depot_lock(d);

	if (full && d->full.nr >= d->full_max)
		result = DEPOT_LIMIT;
	else if (!*empty && !(*empty = magazine_list_pop(&d->empty)))
		result = DEPOT_NO_EMPTY;
	else if (full)
		magazine_list_push(&d->full, full);
	depot_unlock(d, flags);
	return result;
}

static bool add(struct depot *d, bool to_full, struct magazine *mag)
{
	unsigned long flags = depot_lock(d);
	struct magazine_list *list = to_full ? &d->full : &d->empty;
	bool room = list->nr < (to_full ? d->full_max : d->empty_max);

	if (room)
		magazine_list_push(list, mag);
	depot_unlock(d, flags);
	return room;
}

bool depot_add_empty(struct depot *d, struct magazine *empty)
{
	return add(d, false, empty);
}

bool depot_add_full(struct depot *d, struct magazine *full)
{
	return add(d, true, full);
}

struct magazine *depot_get_empty(struct depot *d)
{
	unsigned long flags;
	struct magazine *mag;

	if (!READ_ONCE(d->empty.nr))
		return NULL;
	flags = depot_lock(d);
	mag = magazine_list_pop(&d->empty);
	depot_unlock(d, flags);
	return mag;
}

struct depot_contents depot_take_all(struct depot *d)
{
	unsigned long flags = depot_lock(d);
	struct depot_contents got = {
		.full = magazine_list_take(&d->full, d->full.nr),
		.empty = magazine_list_take(&d->empty, d->empty.nr),
	};

	depot_unlock(d, flags);
	return got;
}

u64 depot_update(struct depot *d)
{
	unsigned long flags = depot_lock(d);
	u64 contention = d->contention - d->contention_seen;

	d->contention_seen = d->contention;
	magazine_list_update(&d->full);
	magazine_list_update(&d->empty);
	depot_unlock(d, flags);
	return contention;
}

struct depot_contents depot_reap(struct depot *d)
{
	unsigned long flags = depot_lock(d);
	u32 before = d->full.nr + d->empty.nr;
	struct depot_contents got = {
		.full = magazine_list_reap(&d->full),
		.empty = magazine_list_reap(&d->empty),
	};

	WRITE_ONCE(d->nr_reaped, d->nr_reaped + before - d->full.nr - d->empty.nr);
	depot_unlock(d, flags);
	return got;
}
