/* SPDX-License-Identifier: MIT */
/*
 * Machines whose page counts are exact: no page lists, no boost, no counter drift, and min marks
 * that are multiples of 8.  So a floor is a number of pages, not a range.
 */
#ifndef TESTS_SUPPORT_EXACT_MACHINE_H
#define TESTS_SUPPORT_EXACT_MACHINE_H

#include "tests/support/page_machine.h"

/* Min marks of a DMA zone and of all others, in pages. */
#define EXACT_MIN_DMA	80
#define EXACT_MIN	800

/* Sets the marks of @zone, min/4 apart as usual. */
void exact_set_marks(struct zone *zone, unsigned long min);

/* Boots two CPUs and this memory, with nothing held.  NULL: the x86_64 layout. */
void exact_boot(const char *e820, const char *layout, unsigned int nr_nodes);

/* For cmocka's setup; page_machine_teardown() goes with all of them. */
int exact_setup_small(void **state);	/* 64 MiB in zones DMA and DMA32 */
int exact_setup_x86_64(void **state);	/* DMA, DMA32 and Normal */
int exact_setup_x86_32(void **state);	/* DMA, Normal and HighMem */
int exact_setup_two_nodes(void **state);	/* DMA and DMA32, DMA32 */

/* Free pages of @zone, every CPU's share counted. */
unsigned long exact_free_pages(const struct zone *zone);

#endif /* TESTS_SUPPORT_EXACT_MACHINE_H */
