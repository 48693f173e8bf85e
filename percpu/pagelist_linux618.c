/* SPDX-License-Identifier: MIT */
/*
 * The self-tuning policy of Linux 6.7 and later: 6.12, 6.18 and 7.2 differ in constants only.
 *
 * What.  high moves within [high_min, high_max].  Every refill raises it by the refill's size, a
 * free that finds the list full raises it to hold the frees seen in a row, decay and memory
 * pressure lower it.  Transfers scale with one-sided traffic: alloc_factor counts refills without
 * a free between, free_count pages freed without an alloc between; either is halved by the
 * opposite operation.
 *
 * States.  Window open (high_min < high_max) or closed; the zone's hints none, below high, or
 * reclaim active.  Below high stops growth and shrinks; reclaim active shrinks harder.
 *
 * Invariants.
 *   I1  A refill asks for 1..batch << scale_max pages (or refill_min blocks), a spill for
 *	 1..max(batch << scale_max, batch) pages.
 *   I2  Every decision leaves high within the window it read.
 *
 * Locking.  pl->lock.  Context.  See pagelist.h.  Failure.  None.
 * See also.  linux: nr_pcp_alloc(), nr_pcp_free(), nr_pcp_high() in mm/page_alloc.c.
 */
#include "percpu/pagelist_impl.h"

/*
 * The alloc half.  Order 0 doubles with alloc_factor as long as the doubled refill fits beside
 * what is there; higher orders always move one batch.
 */
static int linux618_nr_refill(struct pagelist *pl, unsigned int order)
{
	int batch = READ_ONCE(pl->batch);
	int high = pl->high;
	int pages;

	/* Caching is off: fresh list, or the zone's lists are disabled. */
	if (high < batch)
		return 1;
	pages = order ? batch : batch << pl->alloc_factor;

	/*
	 * Every refill is evidence that high is too low, unless memory itself is low.  In a closed
	 * window high is at its top already.
	 */
	if (!(READ_ONCE(*pl->hints) & PAGELIST_BELOW_HIGH)) {
		high = min(high + pages, READ_ONCE(pl->high_max));
		WRITE_ONCE(pl->high, high);
	}
	if (!order) {
		int room = max(high - pl->count - batch, batch);

		if (pages <= room && pl->alloc_factor < READ_ONCE(pl->tun->scale_max))
			pl->alloc_factor++;
		pages = min(pages, room);
	}
	return pagelist_refill_blocks(pl, pages, order);
}

/*
 * A CPU that frees order 1..3 blocks again and again (a network receiver's, say) will not use
 * them: flush, unless so little is there that it still fits the CPU's cache.
 */
static bool linux618_free_high(const struct pagelist *pl, bool prev)
{
	int batch = READ_ONCE(pl->batch);
	u32 shift = READ_ONCE(pl->tun->free_high_shift);

	return prev && pl->free_count >= batch + (READ_ONCE(pl->high_min) >> shift) &&
	       (!READ_ONCE(pl->free_high_batch) || pl->count >= batch);
}

/* Lowers high by the recent frees, at least a batch, and not below @high_min. */
static int shrink_high(struct pagelist *pl, int batch, int high_min)
{
	int frees = max(pl->free_count, batch);
	int high = max(pl->high - frees, high_min);

	WRITE_ONCE(pl->high, high);
	return high;
}

static int linux618_limit(struct pagelist *pl, bool free_high)
{
	int batch = READ_ONCE(pl->batch);
	int high_min = READ_ONCE(pl->high_min), high_max = READ_ONCE(pl->high_max);
	u32 hints = READ_ONCE(*pl->hints);
	int high = pl->high;

	if (unlikely(!high))
		return 0;
	if (unlikely(free_high)) {
		WRITE_ONCE(pl->high, max(high - pagelist_transfer_max(pl), high_min));
		return 0;
	}
	/* Reclaim wants the pages where everybody can get them. */
	if (hints & PAGELIST_RECLAIM_ACTIVE)
		return min(batch << READ_ONCE(pl->tun->reclaim_shift),
			   shrink_high(pl, batch, high_min));
	if (high_min == high_max)
		return high;
	if (hints & PAGELIST_BELOW_HIGH) {
		shrink_high(pl, batch, high_min);
		/* Spill at once whatever is above the minimum. */
		return max(pl->count, high_min);
	}
	/* Full: next time the frees of such a run, and a batch, shall fit. */
	if (pl->count >= high) {
		int need = pl->free_count + batch;

		if (high < need)
			WRITE_ONCE(pl->high, clamp(need, high_min, high_max));
	}
	return high;
}

static int linux618_nr_spill(struct pagelist *pl, int limit, bool free_high)
{
	int batch = READ_ONCE(pl->batch);

	if (unlikely(free_high))
		return min(pl->count, pagelist_transfer_max(pl));
	/* Caching is off: what came in goes out. */
	if (unlikely(limit < batch))
		return 1;
	return pagelist_spill_range(pl->free_count, batch, limit);
}

const struct pagelist_decisions pagelist_linux618 = {
	.nr_refill = linux618_nr_refill,
	.free_high = linux618_free_high,
	.limit = linux618_limit,
	.nr_spill = linux618_nr_spill,
	.decays = true,
};
