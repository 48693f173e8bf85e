/* SPDX-License-Identifier: MIT */
/*
 * The page-list engine: one CPU's cache of free page blocks in front of a zone.
 *
 * The engine knows no struct page: an entry is the list_head of a block of 2^order pages.  What
 * stands behind it (the zone) supplies refill and spill.  Names and behaviour follow the
 * per_cpu_pages of mm/page_alloc.c; percpu/pagelist.c holds the theory and the matrix of what may
 * run together.
 *
 * A caller on the owner CPU, preemption disabled:
 *
 *	if (!owner_trylock(&pl->lock))
 *		go to the zone;			(a remote drain, or we interrupted ourselves)
 *	entry = pagelist_alloc(pl, order, migratetype);		NULL: go to the zone
 *	owner_unlock(&pl->lock);
 *
 *	rest = pagelist_free(pl, order, migratetype, entry);
 *	owner_unlock(&pl->lock);
 *	if (unlikely(rest.pages))
 *		pagelist_spill_rest(pl, rest);
 */
#ifndef PERCPU_PAGELIST_H
#define PERCPU_PAGELIST_H

#include "percpu/pagelist_policy.h"
#include "runtime/lib/list.h"
#include "runtime/owner_lock.h"

#define PAGELIST_PCPTYPES	3	/* unmovable, movable, reclaimable */
#define PAGELIST_MOVABLE	1	/* MIGRATE_MOVABLE: it has a list of order 9 */
#define PAGELIST_LOW_ORDER_MAX	3	/* PAGE_ALLOC_COSTLY_ORDER */
#define PAGELIST_HUGE_ORDER	9	/* HPAGE_PMD_ORDER */
#define NR_LOWORDER_PCP_LISTS	(PAGELIST_PCPTYPES * (PAGELIST_LOW_ORDER_MAX + 1))
#define NR_PCP_LISTS		(NR_LOWORDER_PCP_LISTS + 2)

/* Bits of the word at pagelist_setup.hints; equal to the zone's ZONE_BELOW_HIGH and friends. */
#define PAGELIST_BELOW_HIGH	(1u << 0)	/* the zone's free pages fell below its high mark */
#define PAGELIST_RECLAIM_ACTIVE	(1u << 1)	/* reclaim is balancing the zone */
#define PAGELIST_HINTS		(PAGELIST_BELOW_HIGH | PAGELIST_RECLAIM_ACTIVE)

/* pagelist.flags */
#define PAGELIST_PREV_FREE_HIGH_ORDER	(1u << 0)	/* the last free was of order 1..3 */

struct pagelist;

/* Why blocks went back to the zone. */
enum pagelist_spill_reason {
	PAGELIST_SPILL_HIGH,		/* a free found count at or above the limit */
	PAGELIST_SPILL_FREE_HIGH,	/* a run of order 1..3 frees: the lists are flushed */
	PAGELIST_SPILL_HINT,		/* as HIGH, with the limit lowered by a hint of the zone */
	PAGELIST_SPILL_DECAY,		/* periodic decay of high */
	PAGELIST_SPILL_EXPIRE,		/* another node's pages, unused for a while */
	PAGELIST_SPILL_REMOTE,		/* pagelist_drain_remote() */
	PAGELIST_SPILL_OFFLINE,		/* pagelist_drain_cpu() */
	NR_PAGELIST_SPILL_REASONS
};

/* Exact event counts; written under the lock, readable by anyone with READ_ONCE(). */
struct pagelist_stats {
	u64 allocs;		/* calls of pagelist_alloc(); hits = allocs - refills */
	u64 frees;		/* calls of pagelist_free(); blocks that came onto the lists */
	u64 refills;		/* allocs that found their list empty */
	u64 refill_blocks;
	u64 refill_pages;
	u64 refill_failed;	/* refills that got nothing: the alloc returned NULL */
	u64 transfer_max;	/* most pages of one refill or spill: in one hold of the owner */
	u64 spills[NR_PAGELIST_SPILL_REASONS];
	u64 spill_pages[NR_PAGELIST_SPILL_REASONS];
};

/* One spill in progress; made by the engine, walked by ops->spill with pagelist_spill_next(). */
struct pagelist_spill {
	struct pagelist *pl;
	unsigned int index;	/* list in hand */
	int left;		/* pages still to go; <= 0 ends the walk */
};

/* What a free left to be spilled after the unlock; pages is 0 but under linux-7.2. */
struct pagelist_rest {
	int pages;
	u16 index;			/* list to go on with */
	u16 reason;			/* enum pagelist_spill_reason */
};

/* What the owner (a zone) does for the engine.  Called with pl->lock held, by either side. */
struct pagelist_ops {
	/*
	 * Takes up to @nr_blocks blocks of @order and appends them to the tail of @list in the
	 * order taken.  Returns how many it got, 0..nr_blocks.  Never touches the pagelist.
	 */
	unsigned int (*refill)(void *owner, unsigned int order, unsigned int migratetype,
			       unsigned int nr_blocks, struct list_head *list);

	/*
	 * Takes the zone's lock once, returns every block that pagelist_spill_next(@it) yields,
	 * and must go on until that returns NULL.
	 */
	void (*spill)(void *owner, struct pagelist *pl, struct pagelist_spill *it);

	/*
	 * After a free spilled while PAGELIST_BELOW_HIGH was set: clear the bit if the zone is
	 * above its high mark again.  May be NULL.
	 */
	void (*clear_below_high)(void *owner);
};

/*
 * Fields: (L) written under lock; (O) owner CPU's task context only; (T) written by anyone with
 * WRITE_ONCE (pagelist_update_tunables()), read relaxed; (B) set by pagelist_init().
 * count, high and the (T) fields are read without the lock by other CPUs.
 */
struct pagelist {
	struct owner_lock lock;		/* rank RANK_PCP, then the zone's lock */

	/* One line: all that a hit reads or writes besides the list head. */
	int count __cacheline_aligned;	/* (L) pages, not blocks, on all lists */
	int high;			/* (L) self-tuned limit, pages; 0 until first use */
	int high_min, high_max;		/* (T) window of high; equal: no tuning */
	int batch;			/* (T) pages per transfer, >= 1 */
	int free_count;			/* (L) recent frees without an alloc between, pages */
	u8 alloc_factor;		/* (L) log2 scale of the next order-0 refill */
	u8 free_factor;			/* (L) linux-6.1: log2 scale of the next spill */
	u8 flags;			/* (L) PAGELIST_PREV_FREE_HIGH_ORDER */
	u8 free_high_batch;		/* (T) PCPF_FREE_HIGH_BATCH: 1 for a big cache */
	u8 expire;			/* (O) ticks until another node's pages go back */
	const struct pagelist_tunables *tun;	/* (B) shared; its fields are (T) */
	const u32 *hints;		/* (B) PAGELIST_* bits of the zone, read relaxed */
	u64 nr_allocs, nr_frees;	/* (L) statistics of the hit path */

	struct list_head lists[NR_PCP_LISTS];	/* (L) see pagelist_index(); head is hottest */

	const struct pagelist_ops *ops;	/* (B) */
	void *owner;			/* (B) */
	struct pagelist_stats stats;	/* (L) all but allocs and frees, which are above */
} __cacheline_aligned;

_Static_assert(offsetof(struct pagelist, lists) == offsetof(struct pagelist, count) + CACHE_LINE,
	       "the hit path's fields must fill one cache line");

struct pagelist_setup {
	const struct pagelist_ops *ops;
	void *owner;
	const u32 *hints;		/* NULL: no hints ever */
	const struct pagelist_tunables *tun;
	const struct lock_class *lock_class;	/* rank RANK_PCP */
	const char *name;		/* of the zone, for reports; its CPUs share it */
};

/*
 * Makes an empty list that caches nothing (the kernel's boot pageset: high 0, batch 1) until
 * pagelist_update_tunables().  Host thread or quiescent CPU.
 */
void pagelist_init(struct pagelist *pl, const struct pagelist_setup *setup);
/* The lists must be empty. */
void pagelist_destroy(struct pagelist *pl);

/* True for the orders that have lists: 0..3 and 9 (pcp_allowed_order()). */
static inline bool pagelist_order_allowed(unsigned int order)
{
	return order <= PAGELIST_LOW_ORDER_MAX || order == PAGELIST_HUGE_ORDER;
}

/* List of blocks of @order and @migratetype (< PAGELIST_PCPTYPES); order_to_pindex(). */
static inline unsigned int pagelist_index(unsigned int order, unsigned int migratetype)
{
	VM_BUG_ON(!pagelist_order_allowed(order));
	VM_BUG_ON(migratetype >= PAGELIST_PCPTYPES);
	if (unlikely(order > PAGELIST_LOW_ORDER_MAX))
		return NR_LOWORDER_PCP_LISTS + (migratetype == PAGELIST_MOVABLE);
	return PAGELIST_PCPTYPES * order + migratetype;
}

/* Order of the blocks on list @index; pindex_to_order(). */
static inline unsigned int pagelist_index_order(unsigned int index)
{
	VM_BUG_ON(index >= NR_PCP_LISTS);
	return index < NR_LOWORDER_PCP_LISTS ? index / PAGELIST_PCPTYPES : PAGELIST_HUGE_ORDER;
}

/* The rare halves of alloc and free; call the inline functions below instead. */
struct list_head *__pagelist_refill(struct pagelist *pl, unsigned int order,
				    unsigned int migratetype) __must_hold(pl->lock);
bool __pagelist_free_high(struct pagelist *pl, bool prev) __must_hold(pl->lock);
__must_check struct pagelist_rest __pagelist_free_slow(struct pagelist *pl, unsigned int index,
						       bool free_high) __must_hold(pl->lock);

/*
 * Takes the hottest block of @order and @migratetype, refilling the list from the zone when it is
 * empty, and says nothing about it to the policy's count of frees: for the single takes of a bulk
 * allocation.  Context and result as pagelist_alloc().  Follows __rmqueue_pcplist().
 */
__must_check static inline struct list_head *
pagelist_take(struct pagelist *pl, unsigned int order, unsigned int migratetype)
	__must_hold(pl->lock)
{
	struct list_head *list = &pl->lists[pagelist_index(order, migratetype)];
	struct list_head *entry = list->next;
	struct list_head *next;

	owner_inc(pl->nr_allocs);
	if (unlikely(entry == list))
		return __pagelist_refill(pl, order, migratetype);

	/* list_del() without poison: the caller overwrites the entry. */
	next = entry->next;
	list->next = next;
	next->prev = list;
	WRITE_ONCE(pl->count, pl->count - (1 << order));
	return entry;
}

/*
 * Takes a block as pagelist_take() does, as an allocation of its own.  Returns NULL when the zone
 * has none either.  Owner CPU, preemption disabled.  Takes the zone's lock when it refills.
 * Follows rmqueue_pcplist().
 */
__must_check static inline struct list_head *
pagelist_alloc(struct pagelist *pl, unsigned int order, unsigned int migratetype)
	__must_hold(pl->lock)
{
	/* An alloc halves the evidence that this CPU only frees, in both forms of it. */
	pl->free_count >>= 1;
	pl->free_factor >>= 1;
	return pagelist_take(pl, order, migratetype);
}

/* Puts a block at the hot end and does the policy's bookkeeping; returns the free_high decision. */
static inline bool __pagelist_push(struct pagelist *pl, unsigned int order, unsigned int index,
				   struct list_head *entry) __must_hold(pl->lock)
{
	int batch = READ_ONCE(pl->batch);
	bool free_high = false;

	owner_inc(pl->nr_frees);
	pl->alloc_factor >>= 1;
	list_add(entry, &pl->lists[index]);
	WRITE_ONCE(pl->count, pl->count + (1 << order));

	if (order - 1u < PAGELIST_LOW_ORDER_MAX) {
		bool prev = pl->flags & PAGELIST_PREV_FREE_HIGH_ORDER;

		/* No policy says yes unless this holds, so the call is rare. */
		if (unlikely((prev && pl->free_count >= batch) || pl->free_factor))
			free_high = __pagelist_free_high(pl, prev);
		pl->flags = PAGELIST_PREV_FREE_HIGH_ORDER;
	} else {
		pl->flags = 0;
	}
	if (pl->free_count < batch << READ_ONCE(pl->tun->scale_max))
		pl->free_count += 1 << order;
	return free_high;
}

/* True when a free that did not ask for free_high leaves everything as it is. */
static inline bool __pagelist_may_keep(const struct pagelist *pl) __must_hold(pl->lock)
{
	int high = pl->high;

	return pl->count < high && high >= READ_ONCE(pl->high_min) &&
	       high <= READ_ONCE(pl->high_max) && !(READ_ONCE(*pl->hints) & PAGELIST_HINTS);
}

/*
 * Puts a free block at the hot end of its list and spills when the policy says so.  Returns what
 * pagelist_spill_rest() must do after the unlock.  Owner CPU, preemption disabled.  Takes the
 * zone's lock when it spills.  Follows free_frozen_page_commit().
 */
__must_check static inline struct pagelist_rest
pagelist_free(struct pagelist *pl, unsigned int order, unsigned int migratetype,
	      struct list_head *entry) __must_hold(pl->lock)
{
	unsigned int index = pagelist_index(order, migratetype);
	bool free_high = __pagelist_push(pl, order, index, entry);

	if (likely(!free_high && __pagelist_may_keep(pl)))
		return (struct pagelist_rest){ 0 };
	return __pagelist_free_slow(pl, index, free_high);
}

/*
 * As pagelist_free() for a caller that must not take the zone's lock (FPI_TRYLOCK): never spills.
 * The next pagelist_free() makes up for it.
 */
static inline void pagelist_free_nospill(struct pagelist *pl, unsigned int order,
					 unsigned int migratetype, struct list_head *entry)
	__must_hold(pl->lock)
{
	(void)__pagelist_push(pl, order, pagelist_index(order, migratetype), entry);
}

/*
 * Next block to give back, already unlinked, or NULL at the end: the list that the spill started
 * at is emptied from the cold end, then the next non-empty one.  @order: of the block; @index:
 * the list it was on.  For ops->spill only.  Follows free_pcppages_bulk().
 */
static inline struct list_head *
pagelist_spill_next(struct pagelist_spill *it, unsigned int *order, unsigned int *index)
{
	struct pagelist *pl = it->pl;
	struct list_head *entry;

	if (it->left <= 0)
		return NULL;
	while (list_empty(&pl->lists[it->index]))
		it->index = it->index + 1 < NR_PCP_LISTS ? it->index + 1 : 0;
	entry = pl->lists[it->index].prev;
	*index = it->index;
	*order = pagelist_index_order(it->index);
	list_del(entry);
	/* Coldest entries: the next one is most likely not in this CPU's cache. */
	__builtin_prefetch(pl->lists[it->index].prev, 1);
	WRITE_ONCE(pl->count, pl->count - (1 << *order));
	it->left -= 1 << *order;
	return entry;
}

/*
 * Goes on with a spill in chunks, taking the lock anew for each; gives up when a remote CPU has
 * it.  Owner CPU, preemption disabled, lock not held.
 */
void pagelist_spill_rest(struct pagelist *pl, struct pagelist_rest rest)
	__must_not_hold(pl->lock);

/*
 * Sets the window and batch (pages); they work from the owner's next alloc or free on.  Any CPU,
 * any time, no lock.  Follows pageset_update().
 */
void pagelist_update_tunables(struct pagelist *pl, int high_min, int high_max, int batch);

/* Tells the CPU's share of the data cache, pages.  As pagelist_update_tunables(), after it. */
void pagelist_set_cache_share(struct pagelist *pl, unsigned int pages);

/*
 * The periodic decay of high (vm.stat_interval).  Owner CPU, task context, preemption disabled,
 * lock not held.  Returns true when there is more to do.  Follows decay_pcp_high().
 */
bool pagelist_decay(struct pagelist *pl) __must_not_hold(pl->lock);

/* The zone's counters moved on this CPU: starts the expiry of another node's pages anew. */
void pagelist_expire_restart(struct pagelist *pl);

/*
 * One tick of that expiry; a batch goes back when it runs out.  @local: the zone is on this CPU's
 * node, nothing expires.  Context and result as pagelist_decay().
 */
bool pagelist_expire_tick(struct pagelist *pl, bool local) __must_not_hold(pl->lock);

/*
 * Gives back up to @max pages (UINT_MAX: everything there now) from any CPU, in chunks of
 * batch << scale_max, taking the lock for each.  Task or softirq context of another CPU, or task
 * context of the owner outside its lock.  Returns the pages given back.  drain_pages_zone().
 */
unsigned int pagelist_drain_remote(struct pagelist *pl, unsigned int max)
	__must_not_hold(pl->lock);

/* Empties the list of a CPU that is offline and forgets what it had learned. */
unsigned int pagelist_drain_cpu(struct pagelist *pl) __must_not_hold(pl->lock);

/* Adds the statistics to *@sum; any CPU, a moment's truth for each word. */
void pagelist_add_stats(const struct pagelist *pl, struct pagelist_stats *sum);

/*
 * The validator: count is the sum over the lists, all lists are well formed, the fields are in
 * range.  Walks every entry.  Lock held, or the machine quiescent.
 */
bool pagelist_is_valid(const struct pagelist *pl);

#endif /* PERCPU_PAGELIST_H */
