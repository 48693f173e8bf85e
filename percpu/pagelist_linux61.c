/* SPDX-License-Identifier: MIT */
/*
 * The policies without tuning: Linux 6.1, "fixed", and "none" (fixed with an empty window).
 *
 * What.  high is constant: the window is closed.  Refills move one batch.  Linux 6.1 doubles its
 * spills as long as no alloc comes between (free_factor), and a doubled spill also means that a
 * free of order 1..3 flushes the lists.  Fixed spills one batch, always.
 * States.  None beside free_factor.  Invariants.  A spill leaves high - batch pages or fewer.
 * Locking.  pl->lock.  Context.  See pagelist.h.  Failure.  None.
 * See also.  linux 6.1: nr_pcp_free(), nr_pcp_high() in mm/page_alloc.c.
 */
#include "percpu/pagelist_impl.h"

static int linux61_nr_refill(struct pagelist *pl, unsigned int order)
{
	return pagelist_refill_blocks(pl, READ_ONCE(pl->batch), order);
}

static bool linux61_free_high(const struct pagelist *pl, __maybe_unused bool prev)
{
	return pl->free_factor > 0;
}

static int linux61_limit(struct pagelist *pl, bool free_high)
{
	if (unlikely(!pl->high || free_high))
		return 0;
	if (READ_ONCE(*pl->hints) & PAGELIST_RECLAIM_ACTIVE)
		return min(READ_ONCE(pl->batch) << READ_ONCE(pl->tun->reclaim_shift), pl->high);
	return pl->high;
}

static int linux61_nr_spill(struct pagelist *pl, int limit, bool free_high)
{
	int batch = READ_ONCE(pl->batch);
	int pages;

	if (unlikely(free_high))
		return pl->count;
	if (unlikely(limit < batch))
		return 1;
	pages = batch << pl->free_factor;
	if (pages < limit - batch && pl->free_factor < READ_ONCE(pl->tun->scale_max))
		pl->free_factor++;
	return pagelist_spill_range(pages, batch, limit);
}

const struct pagelist_decisions pagelist_linux61 = {
	.nr_refill = linux61_nr_refill,
	.free_high = linux61_free_high,
	.limit = linux61_limit,
	.nr_spill = linux61_nr_spill,
};

static int fixed_nr_refill(struct pagelist *pl, unsigned int order)
{
	/* Caching is off: what goes out must be all that comes in. */
	if (pl->high < READ_ONCE(pl->batch))
		return 1;
	return linux61_nr_refill(pl, order);
}

static bool fixed_free_high(__maybe_unused const struct pagelist *pl, __maybe_unused bool prev)
{
	return false;
}

static int fixed_limit(struct pagelist *pl, __maybe_unused bool free_high)
{
	return pl->high;
}

static int fixed_nr_spill(struct pagelist *pl, int limit, __maybe_unused bool free_high)
{
	int batch = READ_ONCE(pl->batch);

	return limit < batch ? 1 : batch;
}

const struct pagelist_decisions pagelist_fixed = {
	.nr_refill = fixed_nr_refill,
	.free_high = fixed_free_high,
	.limit = fixed_limit,
	.nr_spill = fixed_nr_spill,
};
