/* SPDX-License-Identifier: MIT */
/* What the files of the page-list engine share: the decisions of a policy, and the spill. */
#ifndef PERCPU_PAGELIST_IMPL_H
#define PERCPU_PAGELIST_IMPL_H

#include "percpu/pagelist.h"

/* The choices a policy makes; all run under pl->lock and only on the rare paths. */
struct pagelist_decisions {
	/* Blocks to ask the zone for; may grow high and alloc_factor. */
	int (*nr_refill)(struct pagelist *pl, unsigned int order);
	/* Does this free of order 1..3 flush the lists?  @prev: so was the previous free. */
	bool (*free_high)(const struct pagelist *pl, bool prev);
	/* A free spills when count >= this; may tune high. */
	int (*limit)(struct pagelist *pl, bool free_high);
	/* Pages to spill once count has reached @limit, >= 1. */
	int (*nr_spill)(struct pagelist *pl, int limit, bool free_high);
	/* Does pagelist_decay() work on high? */
	bool decays;
};

extern const struct pagelist_decisions pagelist_fixed, pagelist_linux61, pagelist_linux618;

/* The decisions of the policy in force; anyone may change it at any time. */
static inline const struct pagelist_decisions *pagelist_decisions(const struct pagelist *pl)
{
	switch (READ_ONCE(pl->tun->policy)) {
	case PAGELIST_NONE:
	case PAGELIST_FIXED:
		return &pagelist_fixed;
	case PAGELIST_LINUX_6_1:
		return &pagelist_linux61;
	default:
		return &pagelist_linux618;
	}
}

/* Brings high into the window and returns it; 0 is where it starts. */
static inline int pagelist_clamp_high(struct pagelist *pl)
{
	int high = clamp(pl->high, READ_ONCE(pl->high_min), READ_ONCE(pl->high_max));

	WRITE_ONCE(pl->high, high);
	return high;
}

/* Most pages that one lock hold may move. */
static inline int pagelist_transfer_max(const struct pagelist *pl)
{
	return READ_ONCE(pl->batch) << READ_ONCE(pl->tun->scale_max);
}

/* Blocks of @order in a transfer of @pages: a refill of more than one page gets at least two. */
static inline int pagelist_refill_blocks(const struct pagelist *pl, int pages, unsigned int order)
{
	return pages > 1 ? max(pages >> order, (int)READ_ONCE(pl->tun->refill_min)) : pages;
}

/*
 * @pages within [batch, limit - batch]: a spill moves a batch at least and leaves one.  Where
 * that range is empty (limit below two batches) the batch wins.
 */
static inline int pagelist_spill_range(int pages, int batch, int limit)
{
	return max(min(pages, limit - batch), batch);
}

/*
 * Gives back min(@pages, count) pages, starting at list @index, in one call of ops->spill.
 * Returns the pages gone, which may be more by part of a block.
 */
int pagelist_spill(struct pagelist *pl, unsigned int index, int pages,
		   enum pagelist_spill_reason reason) __must_hold(pl->lock);

#endif /* PERCPU_PAGELIST_IMPL_H */
