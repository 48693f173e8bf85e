/* SPDX-License-Identifier: MIT */
/*
 * Giving pages back without a free: decay, expiry, remote drain, offline CPU.
 *
 * What.  A CPU that went idle would keep its high and its pages for ever.  The owner decays both
 * in the periodic work; somebody who needs the memory drains another CPU's lists; an offline CPU's
 * lists are emptied.
 * States.  expire counts down from expire_ticks to 0 while another node's zone is not used here.
 * Invariants.  As pagelist.c; each lock hold moves at most one chunk.
 * Locking.  Owner: trylock, and give up until the next period when it fails, for then a remote
 * CPU is draining anyway.  Others: owner_lock_remote().
 * Context.  pagelist.h.  Failure.  None.  See also.  linux: mm/vmstat.c, drain_pages_zone().
 */
#include <limits.h>

#include "percpu/pagelist_impl.h"

/*
 * Lowers high by its share per period, or at once to what is not in use.  Returns whether it can
 * fall further.
 */
static bool decay_high(struct pagelist *pl) __must_hold(pl->lock)
{
	int high_min = READ_ONCE(pl->high_min);
	int floor = pl->count - pagelist_transfer_max(pl);
	int high = pl->high;

	if (high <= high_min)
		return false;
	high -= high >> READ_ONCE(pl->tun->decay_shift);
	high = max(high, floor);
	high = max(high, high_min);
	WRITE_ONCE(pl->high, high);
	return high > high_min;
}

bool pagelist_decay(struct pagelist *pl)
{
	int excess;
	bool more;

	if (!pagelist_decisions(pl)->decays)
		return false;
	if (!owner_trylock(&pl->lock))
		return true;
	more = decay_high(pl);
	excess = pl->count - pl->high;
	owner_unlock(&pl->lock);

	/* Bounded: each turn takes at least one page off excess. */
	while (excess > 0) {
		int chunk = READ_ONCE(pl->batch) * (int)READ_ONCE(pl->tun->decay_chunk);

		more = true;
		if (!owner_trylock(&pl->lock))
			break;
		pagelist_spill(pl, 0, min(excess, chunk), PAGELIST_SPILL_DECAY);
		owner_unlock(&pl->lock);
		excess -= chunk;
	}
	return more;
}

void pagelist_expire_restart(struct pagelist *pl)
{
	pl->expire = (u8)READ_ONCE(pl->tun->expire_ticks);
}

bool pagelist_expire_tick(struct pagelist *pl, bool local)
{
	if (!pl->expire || !READ_ONCE(pl->count))
		return false;
	if (local) {
		pl->expire = 0;
		return false;
	}
	if (--pl->expire)
		return true;
	if (owner_trylock(&pl->lock)) {
		pagelist_spill(pl, 0, READ_ONCE(pl->batch), PAGELIST_SPILL_EXPIRE);
		owner_unlock(&pl->lock);
	}
	return true;
}

/* One remote hold: moves up to @want pages and one chunk.  Returns the pages gone. */
static unsigned int drain_chunk(struct pagelist *pl, unsigned int want,
				enum pagelist_spill_reason reason) __must_not_hold(pl->lock)
{
	int chunk, gone;

	owner_lock_remote(&pl->lock);
	chunk = min(pl->count, pagelist_transfer_max(pl));
	chunk = (int)min((unsigned int)chunk, want);
	gone = pagelist_spill(pl, 0, chunk, reason);
	owner_unlock_remote(&pl->lock);
	return (unsigned int)gone;
}

unsigned int pagelist_drain_remote(struct pagelist *pl, unsigned int max)
{
	/*
	 * A racy look: an empty list costs no lock.  What the owner frees from here on is not ours
	 * to give back, which also bounds the loop.
	 */
	unsigned int want = min(max, (unsigned int)READ_ONCE(pl->count));
	unsigned int drained = 0;

	while (drained < want) {
		unsigned int gone = drain_chunk(pl, want - drained, PAGELIST_SPILL_REMOTE);

		if (!gone)
			break;
		drained += gone;
	}
	return drained;
}

unsigned int pagelist_drain_cpu(struct pagelist *pl)
{
	unsigned int drained = 0, gone;

	do {
		gone = drain_chunk(pl, UINT_MAX, PAGELIST_SPILL_OFFLINE);
		drained += gone;
	} while (gone);

	/* A CPU that comes back starts to learn anew. */
	owner_lock_remote(&pl->lock);
	VM_BUG_ON(pl->count != 0);
	WRITE_ONCE(pl->high, 0);
	pl->alloc_factor = 0;
	pl->free_factor = 0;
	pl->free_count = 0;
	pl->flags = 0;
	pl->expire = 0;
	owner_unlock_remote(&pl->lock);
	return drained;
}
