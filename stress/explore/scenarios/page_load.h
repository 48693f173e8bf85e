/* SPDX-License-Identifier: MIT */
/* What the page scenarios share: a table of blocks for each CPU, told to the ownership oracle. */
#ifndef STRESS_EXPLORE_SCENARIOS_PAGE_LOAD_H
#define STRESS_EXPLORE_SCENARIOS_PAGE_LOAD_H

#include "mm/page/page_alloc.h"
#include "stress/explore/scenario.h"
#include "stress/harness/oracle.h"

#define PAGE_LOAD_HELD	48u

struct page_load_block {
	struct page *page;
	oracle_ticket_t ticket;
	unsigned int order;
};

/*
 * Empties all tables and makes page lists so short that ten pages refill and spill them; host
 * thread, from a scenario's setup().
 */
void page_load_setup(void);

/* Takes a block and notes it; false when refused or the table is full.  That CPU's task. */
bool page_load_alloc(struct scenario_cpu *c, gfp_t gfp, unsigned int order);
/* Frees a block chosen at random, if there is one. */
void page_load_free(struct scenario_cpu *c);
/* Takes a block out of the table without freeing it; false when it is empty. */
bool page_load_take(struct scenario_cpu *c, struct page_load_block *b);
void page_load_free_block(struct scenario_cpu *c, const struct page_load_block *b);
void page_load_free_all(struct scenario_cpu *c);
unsigned int page_load_held(const struct scenario_cpu *c);

/* A random type: unmovable, movable or reclaimable, asked for without sleeping. */
gfp_t page_load_gfp(struct scenario_cpu *c);

/* GFP_ATOMIC allocation and free in one go, as an interrupt handler does. */
void page_load_irq(struct scenario_cpu *c);

#endif /* STRESS_EXPLORE_SCENARIOS_PAGE_LOAD_H */
