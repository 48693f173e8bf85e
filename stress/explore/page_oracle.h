/* SPDX-License-Identifier: MIT */
/* What the explorer demands of the machine's memory during a schedule and after it. */
#ifndef STRESS_EXPLORE_PAGE_ORACLE_H
#define STRESS_EXPLORE_PAGE_ORACLE_H

#include "mm/page/zone.h"

/* How memory looks with everything given back. */
struct page_oracle_base {
	struct {
		unsigned long blocks[NR_PAGE_ORDERS];	/* free blocks of each order */
		unsigned long free;			/* pages */
	} zone[MAX_NR_ZONES_TOTAL];
	long allocated;					/* pages, all zones */
};

/* Records the starting state; host thread, machine idle, page lists drained. */
void page_oracle_begin(struct page_oracle_base *base);

/*
 * At a scheduling point, the world stopped: every zone and page list whose lock is free must be
 * well formed.  Panics when one is not.
 */
void page_oracle_step(void);

/*
 * Host thread, machine idle.  All frames accounted for and all lists well formed; then drains the
 * page lists and demands the starting state again.  @deep also looks at every struct page.
 */
void page_oracle_end(const struct page_oracle_base *base, bool deep);

#endif /* STRESS_EXPLORE_PAGE_ORACLE_H */
