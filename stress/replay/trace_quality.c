/* SPDX-License-Identifier: MIT */
/*
 * trace_quality.c - follows every page through the trace and grades the recording.
 *
 * What. Two bits per page: allocated (by mm_page_alloc) and taken (out of the buddy system by
 *   mm_page_alloc_zone_locked). A bulk allocation fires no mm_page_alloc, so a free of a page
 *   that is only taken is normal; a free of a page with neither bit was allocated before the
 *   recording began (or its allocation is missing).
 * States. per page: unknown -> taken -> allocated -> unknown (freed).
 * Invariants. I1: bits exist only for chunks in the table; a missing chunk reads as zero.
 *   I2: 2 * nr_chunks <= nr_slots, so a probe ends.
 * Locking, Context. None; task.
 * Failure. -ENOMEM.
 * See also. trace_event.h for the counters that the loader collects.
 */
#include "stress/replay/trace_quality.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SHIFT	15
#define CHUNK_PAGES	(1u << CHUNK_SHIFT)
#define FIRST_SLOTS	64u

struct chunk {
	uint64_t index;		/* pfn >> CHUNK_SHIFT */
	uint64_t allocated[CHUNK_PAGES / 64];
	uint64_t taken[CHUNK_PAGES / 64];
};

struct page_map {
	struct chunk **slots;
	uint32_t nr_slots;	/* power of two */
	uint32_t nr_chunks;
	struct chunk *last;	/* the chunk asked for last; neighbours come in runs */
};

static struct chunk **find_slot(struct chunk **slots, uint32_t nr_slots, uint64_t index)
{
	uint32_t i = (uint32_t)((index * 0x9e3779b97f4a7c15ull) >> 32) & (nr_slots - 1);

	while (slots[i] && slots[i]->index != index)
		i = (i + 1) & (nr_slots - 1);
	return &slots[i];
}

/* Keeps I2. */
static int map_grow(struct page_map *map)
{
	uint32_t nr_slots = map->nr_slots ? map->nr_slots * 2 : FIRST_SLOTS;
	struct chunk **slots = calloc(nr_slots, sizeof(struct chunk *));

	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < map->nr_slots; i++)
		if (map->slots[i])
			*find_slot(slots, nr_slots, map->slots[i]->index) = map->slots[i];
	free(map->slots);
	map->slots = slots;
	map->nr_slots = nr_slots;
	return 0;
}

static struct chunk *map_chunk(struct page_map *map, uint64_t pfn)
{
	uint64_t index = pfn >> CHUNK_SHIFT;
	struct chunk **slot;

	if (map->last && map->last->index == index)
		return map->last;
	if ((map->nr_chunks + 1) * 2 > map->nr_slots && map_grow(map) < 0)
		return NULL;
	slot = find_slot(map->slots, map->nr_slots, index);
	if (!*slot) {
		*slot = calloc(1, sizeof(**slot));
		if (!*slot)
			return NULL;
		(*slot)->index = index;
		map->nr_chunks++;
	}
	map->last = *slot;
	return *slot;
}

static void map_destroy(struct page_map *map)
{
	for (uint32_t i = 0; i < map->nr_slots; i++)
		free(map->slots[i]);
	free(map->slots);
}

static bool test_bit64(const uint64_t *bits, uint64_t nr)
{
	return bits[nr / 64] >> nr % 64 & 1;
}

static void assign_bit64(uint64_t *bits, uint64_t nr, bool value)
{
	uint64_t mask = 1ull << nr % 64;

	bits[nr / 64] = value ? bits[nr / 64] | mask : bits[nr / 64] & ~mask;
}

/* The new bits of all pages of a block. */
static int mark_block(struct page_map *map, const struct trace_event *ev, bool allocated,
		      bool taken)
{
	for (uint64_t pfn = ev->pfn; pfn < ev->pfn + (1ull << ev->order); pfn++) {
		struct chunk *chunk = map_chunk(map, pfn);

		if (!chunk)
			return -ENOMEM;
		assign_bit64(chunk->allocated, pfn % CHUNK_PAGES, allocated);
		assign_bit64(chunk->taken, pfn % CHUNK_PAGES, taken);
	}
	return 0;
}

static int page_event(struct page_map *map, const struct trace_event *ev, struct trace_quality *q)
{
	const struct chunk *chunk;
	uint64_t page = ev->pfn % CHUNK_PAGES;

	if (trace_alloc_failed(ev)) {
		q->nr_failed++;
		return 0;
	}
	chunk = map_chunk(map, ev->pfn);
	if (!chunk)
		return -ENOMEM;
	switch (ev->type) {
	case TRACE_PAGE_ALLOC:
		q->nr_allocs++;
		q->nr_double_allocs += test_bit64(chunk->allocated, page);
		return mark_block(map, ev, true, false);
	case TRACE_PAGE_FREE:
		q->nr_frees++;
		if (!test_bit64(chunk->allocated, page)) {
			bool taken = test_bit64(chunk->taken, page);

			q->nr_bulk_frees += taken;
			q->nr_free_only += !taken;
		}
		/*
		 * The page goes to a per-CPU list, from where a bulk allocation can take it
		 * unseen: it stays taken until it is drained.
		 */
		return mark_block(map, ev, false, true);
	case TRACE_PAGE_PCPU_DRAIN:
		return mark_block(map, ev, false, false);
	default:
		return mark_block(map, ev, false, true);
	}
}

static char grade(const struct trace *t, bool start_state, const struct trace_quality *q)
{
	uint64_t lost = t->lost_events + t->overrun_events;

	if (t->nr_lost == 0 && lost == 0 && q->nr_double_allocs * 100 <= q->nr_allocs)
		return start_state && !t->truncated_line ? 'A' : 'B';
	/* A gap of unknown size cannot be bounded. */
	for (uint32_t i = 0; i < t->nr_lost; i++)
		if (t->lost[i].count == 0)
			return 'D';
	return lost <= t->nr_events / 100 && q->nr_double_allocs * 100 <= q->nr_allocs ? 'C' : 'D';
}

int trace_quality_measure(const struct trace *trace, bool start_state, struct trace_quality *q)
{
	uint64_t first = UINT64_MAX, last = 0;
	struct page_map map = { 0 };
	int ret = 0;

	*q = (struct trace_quality){ 0 };
	for (uint64_t i = 0; i < trace->nr_events && ret == 0; i++) {
		const struct trace_event *ev = &trace->events[i];

		first = ev->time_ns < first ? ev->time_ns : first;
		last = ev->time_ns > last ? ev->time_ns : last;
		/* A batched free repeats a mm_page_free. */
		if (ev->type <= TRACE_PAGE_EXTFRAG && ev->type != TRACE_PAGE_FREE_BATCHED)
			ret = page_event(&map, ev, q);
	}
	for (uint32_t i = 0; i < map.nr_slots; i++)
		for (uint32_t w = 0; map.slots[i] && w < CHUNK_PAGES / 64; w++)
			q->nr_never_freed += (uint64_t)__builtin_popcountll(
				map.slots[i]->allocated[w]);
	map_destroy(&map);
	if (ret < 0)
		return ret;
	q->duration_ns = trace->nr_events ? last - first : 0;
	q->grade = grade(trace, start_state, q);
	return 0;
}
