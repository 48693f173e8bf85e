/* SPDX-License-Identifier: MIT */
/*
 * The ownership oracle: who owns each frame, checked at every hand-over.
 *
 * A workload tells the oracle right after an allocation and right before a free.  A frame that has
 * two owners, a free by somebody else, of another order or of a frame that changed hands, and
 * contents that somebody else wrote are reported where they are seen, with both histories.
 */
#ifndef STRESS_HARNESS_ORACLE_H
#define STRESS_HARNESS_ORACLE_H

#include "mm/page/gfp.h"
#include "mm/page/page.h"

/* What an owner keeps of its block: the record that the oracle wrote, see oracle.c. */
typedef u64 oracle_ticket_t;

#define ORACLE_ORDER_SHIFT	49

/* Order of the block, also in a ticket of an oracle that only counts. */
static inline unsigned int oracle_ticket_order(oracle_ticket_t ticket)
{
	return (unsigned int)(ticket >> ORACLE_ORDER_SHIFT & 0xf);
}

/*
 * Takes memory for the records: one word per frame.  Host thread, after the machine has booted.
 * Without @check the oracle only counts pages.  Returns 0 or -ENOMEM.
 */
__must_check int oracle_boot(bool check);
void oracle_shutdown(void);

/*
 * The caller was given the block of 2^@order pages at @page for @gfp, as its operation @op.
 * Returns the ticket for the free.  Any context of a CPU; lock-free.
 */
oracle_ticket_t oracle_alloc(struct page *page, gfp_t gfp, unsigned int order, u64 op);

/*
 * The caller is about to free the block it got @ticket for, as its operation @op.  The block may
 * have been passed on by another CPU, together with its ticket.  Any context of a CPU; lock-free.
 */
void oracle_free(struct page *page, unsigned int order, oracle_ticket_t ticket, u64 op);

/* Pages that are allocated now.  Exact on a quiescent machine. */
long oracle_pages(void);

/*
 * Called with one text for each finding; the default panics.  A test may set another and gets
 * control back; NULL restores the default.  Host thread, quiescent.
 */
void oracle_set_report(void (*report)(const char *text));

#endif /* STRESS_HARNESS_ORACLE_H */
