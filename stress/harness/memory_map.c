/* SPDX-License-Identifier: MIT */
/* Where memory is: the frames in a few thousand cells, each with what most of it is. */
#include <stdlib.h>

#include "mm/page/zone.h"
#include "stress/harness/timeline.h"

#define MAP_CELLS	2048

/* Pages of one cell by where they are. */
struct cell {
	u32 buddy, pcp, used;
	int order;			/* of the largest free block in it; -1: none */
};

/*
 * One letter per cell.  '.': no frame of the allocator.  'a'..'k': all free, with a largest block
 * of order 0..10.  '0'..'9': tenths that are in use, the rest free.  'p': a per-CPU list has half
 * of it or more.
 */
static char letter(const struct cell *c)
{
	u32 all = c->buddy + c->pcp + c->used;

	if (!all)
		return '.';
	if (2 * c->pcp >= all)
		return 'p';
	if (!c->used && !c->pcp && c->order >= 0)
		return (char)('a' + c->order);
	return (char)('0' + min((u32)((u64)(c->used + c->pcp) * 10 / all), 9u));
}

/* Adds the block that begins at @pfn to the cells it covers; returns its pages. */
static unsigned long add_block(struct cell *cells, unsigned long pfn, unsigned long per_cell)
{
	const struct page *page = pfn_to_page(pfn);
	u32 where = READ_ONCE(page->flags) & (PG_buddy | PG_pcp | PG_allocated);
	unsigned long end = min(pfn + (where ? 1UL << page->order : 1UL), max_pfn);

	for (unsigned long at = pfn; where && at < end;) {
		struct cell *c = &cells[at / per_cell];
		unsigned long next = min((at / per_cell + 1) * per_cell, end);
		u32 *sum = where == PG_buddy ? &c->buddy : where == PG_pcp ? &c->pcp : &c->used;

		*sum += (u32)(next - at);
		if (where == PG_buddy)
			c->order = max(c->order, (int)page->order);
		at = next;
	}
	return end - pfn;
}

json_t *memory_map_json(void)
{
	unsigned long per_cell = 1;
	size_t nr_cells;
	struct cell *cells;
	char *text;
	json_t *obj;

	while (per_cell * MAP_CELLS < max_pfn)
		per_cell *= 2;
	nr_cells = (max_pfn + per_cell - 1) / per_cell;
	cells = calloc(nr_cells, sizeof(*cells));
	text = calloc(nr_cells + 1, 1);
	if (!cells || !text) {
		free(cells);
		free(text);
		return NULL;
	}
	for (size_t i = 0; i < nr_cells; i++)
		cells[i].order = -1;
	for (unsigned long pfn = 0; pfn < max_pfn;)
		pfn += add_block(cells, pfn, per_cell);
	for (size_t i = 0; i < nr_cells; i++)
		text[i] = letter(&cells[i]);
	obj = json_pack("{s:I,s:I,s:s}", "pages", (json_int_t)max_pfn, "pages_per_cell",
			(json_int_t)per_cell, "cells", text);
	free(cells);
	free(text);
	return obj;
}
