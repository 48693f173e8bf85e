/* SPDX-License-Identifier: MIT */
/*
 * The page-list engine: refill, spill, and the validator.
 *
 * What.  Each CPU keeps free blocks of a zone on lists of its own, one list per (order, migrate
 * type), so that nearly every alloc and free is a push or pop without the zone's lock.  An empty
 * list is refilled with many blocks at once; when count reaches a limit, many blocks are spilled
 * at once.  How many, and where the limit lies, is the policy's (pagelist_linux618.c and its
 * siblings): a CPU that only allocates refills in doubling steps, one that only frees spills in
 * growing steps, and the limit grows with the traffic and decays without it.
 *
 *		head (hot)				tail (cold)
 *	alloc <- [ ][ ][ ][ ] ... lists[index] ... [ ][ ] <- refill, in the zone's order
 *	free  ->					  -> spill
 *
 * States.  A block is on exactly one list, or with the caller, or with the zone.  A pagelist is
 * fresh (high 0, window [0, 0]: caches nothing), in use, or drained.
 *
 * Invariants, whenever the lock is free (pagelist_is_valid()):
 *   I1  count == sum over the lists of blocks * 2^order, hence count >= 0.
 *   I2  Every list is a well-formed circle.
 *   I3  high lies in [high_min, high_max] after each refill and each free that looked at it; a
 *	 change of the window is taken up there.
 *   I4  allocs == hits + refills, and blocks are conserved: pages in by free and refill minus
 *	 pages out by alloc and spill == count.
 *   I5  alloc_factor <= scale_max, and free_count <= (batch << scale_max) + 2^9.
 *
 * Locking.  pl->lock (owner_lock) protects everything marked (L).  The owner CPU only ever tries
 * it; others take it by pagelist_drain_remote().  The zone's lock is taken inside, by ops.  Which
 * operations may run together (yes: both proceed; lock: one waits for the other's section; try:
 * the owner's try fails and it turns to the zone; -: cannot happen):
 *
 *			alloc  free  decay  remote drain  tunables  offline
 *	owner alloc	 -	-     -		try	   yes	      -
 *	owner free	 -	-     -		try	   yes	      -
 *	owner's irq	try    try   try	try	   yes	      -
 *	decay, expire	 -	-     -		try	   yes	      -
 *	remote drain	lock   lock  lock	lock	   yes	     lock
 *	tunables	yes    yes   yes	yes	   yes(*)    yes
 *	offline		 -	-     -		lock	   yes	      -
 *
 * "Owner's irq" is an alloc or free in an interrupt of the owner CPU.  Offline means that the CPU
 * runs no more.  (*) Two writers of one pagelist's tunables may mix their values: callers that
 * need all three from one of them serialise.
 *
 * Context.  Owner side: any context of the CPU, preemption disabled.  Remote side: see
 * pagelist_drain_remote().  Failure.  An alloc returns NULL when the zone gives nothing; nothing
 * else fails.  Costs.  A hit is one line of fields, one list head and two entries.
 * See also.  linux: mm/page_alloc.c; owner_lock.h for why the owner's lock costs no fence.
 */
#include "percpu/pagelist_impl.h"

static const u32 pagelist_no_hints;

void pagelist_init(struct pagelist *pl, const struct pagelist_setup *setup)
{
	*pl = (struct pagelist){
		.batch = 1,
		.tun = setup->tun,
		.hints = setup->hints ? setup->hints : &pagelist_no_hints,
		.ops = setup->ops,
		.owner = setup->owner,
	};
	for (unsigned int i = 0; i < NR_PCP_LISTS; i++)
		INIT_LIST_HEAD(&pl->lists[i]);
	owner_lock_init(&pl->lock, setup->lock_class, setup->name);
}

void pagelist_destroy(struct pagelist *pl)
{
	BUG_ON(pl->count != 0);
	owner_lock_destroy(&pl->lock);
}

/* Notes how long, in pages, the owner's lock was held for a transfer. */
static void note_transfer(struct pagelist *pl, u64 pages)
{
	if (pages > pl->stats.transfer_max)
		WRITE_ONCE(pl->stats.transfer_max, pages);
}

struct list_head *__pagelist_refill(struct pagelist *pl, unsigned int order,
				    unsigned int migratetype)
{
	struct list_head *list = &pl->lists[pagelist_index(order, migratetype)];
	struct list_head *entry;
	unsigned int want, got;

	pagelist_clamp_high(pl);
	want = (unsigned int)pagelist_decisions(pl)->nr_refill(pl, order);
	got = pl->ops->refill(pl->owner, order, migratetype, want, list);
	VM_BUG_ON(got > want);
	VM_BUG_ON((got == 0) != list_empty(list));
	owner_inc(pl->stats.refills);
	if (unlikely(!got)) {
		owner_inc(pl->stats.refill_failed);
		return NULL;
	}
	owner_add(pl->stats.refill_blocks, got);
	owner_add(pl->stats.refill_pages, (u64)got << order);
	note_transfer(pl, (u64)got << order);

	entry = list->next;
	list->next = entry->next;
	entry->next->prev = list;
	WRITE_ONCE(pl->count, pl->count + (int)((got - 1) << order));
	VM_CHECK(pagelist_is_valid(pl));
	return entry;
}

int pagelist_spill(struct pagelist *pl, unsigned int index, int pages,
		   enum pagelist_spill_reason reason)
{
	int before = pl->count;
	struct pagelist_spill it = { .pl = pl, .index = index, .left = min(pages, before) };
	int gone;

	if (it.left <= 0)
		return 0;
	pl->ops->spill(pl->owner, pl, &it);
	/* Half a walk would leave blocks that nobody ever comes back for. */
	VM_BUG_ON(it.left > 0);
	gone = before - pl->count;
	owner_inc(pl->stats.spills[reason]);
	owner_add(pl->stats.spill_pages[reason], (u64)gone);
	note_transfer(pl, (u64)gone);
	VM_CHECK(pagelist_is_valid(pl));
	return gone;
}

bool __pagelist_free_high(struct pagelist *pl, bool prev)
{
	return pagelist_decisions(pl)->free_high(pl, prev);
}

/*
 * Spills the first chunk of @rest and returns what is left of it.  What a chunk overshoots by
 * is not taken off the rest, as in the kernel.
 */
static struct pagelist_rest spill_chunk(struct pagelist *pl, struct pagelist_rest rest)
	__must_hold(pl->lock)
{
	int chunk = READ_ONCE(pl->batch) * (int)READ_ONCE(pl->tun->spill_chunk);

	if (!chunk)
		chunk = rest.pages;
	pagelist_spill(pl, rest.index, min(rest.pages, chunk),
		       (enum pagelist_spill_reason)rest.reason);
	rest.pages = pl->count > 0 ? max(rest.pages - chunk, 0) : 0;

	/* The bit made every free come here; the owner knows whether it may go. */
	if ((READ_ONCE(*pl->hints) & PAGELIST_BELOW_HIGH) && pl->ops->clear_below_high)
		pl->ops->clear_below_high(pl->owner);
	return rest;
}

struct pagelist_rest __pagelist_free_slow(struct pagelist *pl, unsigned int index, bool free_high)
{
	const struct pagelist_decisions *decisions = pagelist_decisions(pl);
	bool hinted = READ_ONCE(*pl->hints) & PAGELIST_HINTS;
	struct pagelist_rest rest = { .index = (u16)index };
	int limit;

	pagelist_clamp_high(pl);
	limit = decisions->limit(pl, free_high);
	if (pl->count < limit)
		return rest;
	rest.pages = decisions->nr_spill(pl, limit, free_high);
	if (free_high)
		rest.reason = PAGELIST_SPILL_FREE_HIGH;
	else
		rest.reason = hinted ? PAGELIST_SPILL_HINT : PAGELIST_SPILL_HIGH;
	return spill_chunk(pl, rest);
}

void pagelist_spill_rest(struct pagelist *pl, struct pagelist_rest rest)
{
	/* Bounded: each turn takes a chunk of at least one page off rest.pages. */
	while (rest.pages && owner_trylock(&pl->lock)) {
		rest = spill_chunk(pl, rest);
		owner_unlock(&pl->lock);
	}
}

void pagelist_update_tunables(struct pagelist *pl, int high_min, int high_max, int batch)
{
	VM_BUG_ON(batch < 1);
	VM_BUG_ON(high_min < 0 || high_min > high_max);
	/* The owner may see some old and some new: every mix gives a usable, passing limit. */
	WRITE_ONCE(pl->batch, batch);
	WRITE_ONCE(pl->high_min, high_min);
	WRITE_ONCE(pl->high_max, high_max);
}

void pagelist_set_cache_share(struct pagelist *pl, unsigned int pages)
{
	unsigned int batches = READ_ONCE(pl->tun->cache_batches);

	WRITE_ONCE(pl->free_high_batch, pages > batches * (unsigned int)READ_ONCE(pl->batch));
}

void pagelist_add_stats(const struct pagelist *pl, struct pagelist_stats *sum)
{
	sum->allocs += READ_ONCE(pl->nr_allocs);
	sum->frees += READ_ONCE(pl->nr_frees);
	sum->refills += READ_ONCE(pl->stats.refills);
	sum->refill_blocks += READ_ONCE(pl->stats.refill_blocks);
	sum->refill_pages += READ_ONCE(pl->stats.refill_pages);
	sum->refill_failed += READ_ONCE(pl->stats.refill_failed);
	sum->transfer_max = max(sum->transfer_max, READ_ONCE(pl->stats.transfer_max));
	for (int i = 0; i < NR_PAGELIST_SPILL_REASONS; i++) {
		sum->spills[i] += READ_ONCE(pl->stats.spills[i]);
		sum->spill_pages[i] += READ_ONCE(pl->stats.spill_pages[i]);
	}
}

/* Pages on list @index, or -1 when it is broken or longer than @max pages. */
static int list_pages(const struct pagelist *pl, unsigned int index, int max)
{
	const struct list_head *head = &pl->lists[index];
	const struct list_head *prev = head;
	int pages = 0;

	for (const struct list_head *pos = head->next; pos != head; pos = pos->next) {
		pages += 1 << pagelist_index_order(index);
		/* The bound comes first: a broken list may never return to its head. */
		if (pages > max || pos->prev != prev)
			return -1;
		prev = pos;
	}
	return head->prev == prev ? pages : -1;
}

bool pagelist_is_valid(const struct pagelist *pl)
{
	int sum = 0;

	if (pl->count < 0 || pl->high < 0 || READ_ONCE(pl->batch) < 1 || pl->free_count < 0)
		return false;
	if (pl->alloc_factor > PAGELIST_SCALE_LIMIT || pl->free_factor > PAGELIST_SCALE_LIMIT)
		return false;
	if (pl->flags & ~PAGELIST_PREV_FREE_HIGH_ORDER)
		return false;
	for (unsigned int i = 0; i < NR_PCP_LISTS; i++) {
		int pages = list_pages(pl, i, pl->count - sum);

		if (pages < 0)
			return false;
		sum += pages;
	}
	return sum == pl->count;
}
