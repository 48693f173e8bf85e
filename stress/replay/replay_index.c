/* SPDX-License-Identifier: MIT */
/*
 * replay_index.c - the first passes over a page trace: numbers, commits, types, bursts.
 *
 * What.  Pass 0 numbers pages and pageblocks, so that later passes use arrays.  Pass 1 finds the
 * moment of a free: a page of a folio batch is announced by mm_page_free and reaches a list when
 * mm_page_free_batched fires.  Pass 2 finds the migrate type of a free, which no event prints: it
 * is the type of the pageblock, and the refills and drains name those.  Pass 3 joins the events of
 * one transfer between buddy and lists: consecutive ones of a CPU and task.
 *
 * Invariants.
 *   I1  A free is committed once: at its own event or at one batched event.
 *   I2  A pageblock that no transfer names before an event has the type of its first one after.
 *   I3  One block taken from the buddy is an allocation past the lists; a refill asks for two or
 *       more, because batch is never above high.
 *
 * Locking.  None.  Context.  Host thread.  Failure.  -EINVAL for a page outside all zones.
 * See also.  replay_plan.h; tests/unit/test_replay_plan.c.
 */
#include <errno.h>
#include <string.h>

#include "stress/replay/replay_plan_impl.h"

#define TYPE_UNKNOWN	0xff

void *plan_array(u64 nr, size_t size)
{
	void *array = calloc(nr ? nr : 1, size);

	if (!array)
		panic("out of memory for a replay plan of %llu entries", (unsigned long long)nr);
	return array;
}

/* ---- numbers ---- */

static u32 number_slot(const struct number_map *map, u64 number)
{
	/* Fibonacci hashing: the upper half of the product depends on every bit. */
	u32 i = (u32)(number * 0x9e3779b97f4a7c15ull >> 32) & (map->nr_slots - 1);

	while (map->slots[i] && map->number[map->slots[i] - 1] != number)
		i = (i + 1) & (map->nr_slots - 1);
	return i;
}

static void number_map_grow(struct number_map *map)
{
	u32 cap = map->cap ? map->cap * 2 : 1024;
	u64 *number = realloc(map->number, cap * sizeof(*number));

	if (!number)
		panic("out of memory for a replay plan of %u pages", cap);
	map->number = number;
	map->cap = cap;
	free(map->slots);
	map->nr_slots = cap * 4;
	map->slots = plan_array(map->nr_slots, sizeof(*map->slots));
	for (u32 id = 0; id < map->nr; id++)
		map->slots[number_slot(map, number[id])] = id + 1;
}

u32 number_map_id(struct number_map *map, u64 number)
{
	u32 i;

	if (map->nr == map->cap)
		number_map_grow(map);
	i = number_slot(map, number);
	if (!map->slots[i]) {
		map->number[map->nr] = number;
		map->slots[i] = ++map->nr;
	}
	return map->slots[i] - 1;
}

void number_map_destroy(struct number_map *map)
{
	free(map->number);
	free(map->slots);
	*map = (struct number_map){ 0 };
}

/* ---- pass 0 ---- */

static void copy_page_events(struct plan_work *w)
{
	const struct trace *trace = w->plan->trace;

	w->ev = plan_array(trace->nr_events, sizeof(*w->ev));
	for (u64 i = 0; i < trace->nr_events; i++)
		if (trace->events[i].type <= TRACE_PAGE_EXTFRAG)
			w->ev[w->nr++] = trace->events[i];
}

/* The zone of a pageblock among those that the trace touches; adds it.  -1: no zone has it. */
static int find_zone(struct replay_plan *plan, u64 pfn)
{
	static const char *const names[MAX_NR_ZONES] = { "DMA", "DMA32", "Normal", "HighMem" };

	for (unsigned int i = 0; i < plan->nr_zones; i++) {
		const struct proc_zone *z = plan->zones[i].proc;

		if (pfn >= z->start_pfn && pfn - z->start_pfn < z->spanned)
			return (int)i;
	}
	for (u64 i = 0; i < plan->state->nr_zones; i++) {
		const struct proc_zone *z = &plan->state->zones[i];

		if (pfn < z->start_pfn || pfn - z->start_pfn >= z->spanned)
			continue;
		for (int type = 0; type < MAX_NR_ZONES; type++)
			if (strcmp(z->name, names[type]) == 0 &&
			    plan->nr_zones < MAX_NR_ZONES_TOTAL) {
				plan->zones[plan->nr_zones] = (struct replay_zone) {
					.proc = z, .type = (enum zone_type)type,
				};
				return (int)plan->nr_zones++;
			}
	}
	return -1;
}

static int find_zones(struct plan_work *w, const char *name, struct trace_error *err)
{
	w->block = plan_array(w->pages.nr, sizeof(*w->block));
	for (u32 p = 0; p < w->pages.nr; p++)
		w->block[p] = number_map_id(&w->blocks, w->pages.number[p] >> pageblock_order);
	w->zone = plan_array(w->blocks.nr, sizeof(*w->zone));
	for (u32 p = 0; p < w->pages.nr; p++) {
		int zone = find_zone(w->plan, w->pages.number[p]);

		if (zone < 0) {
			trace_error_set(err, name, 0, "page frame 0x%llx is in no zone of "
					"zoneinfo; the state files are of another machine, record "
					"both together", (unsigned long long)w->pages.number[p]);
			return -EINVAL;
		}
		w->zone[w->block[p]] = (u8)zone;
	}
	return 0;
}

/* Repeats (batched frees) and claims name pages that another event names too. */
static void chain_pages(struct plan_work *w)
{
	u32 *last = plan_array(w->pages.nr, sizeof(*last));

	for (u32 i = w->nr; i-- > 0;) {
		unsigned int type = w->ev[i].type;

		w->next[i] = REPLAY_NONE;
		if (w->page[i] == REPLAY_NONE || type == TRACE_PAGE_FREE_BATCHED ||
		    type == TRACE_PAGE_EXTFRAG)
			continue;
		w->next[i] = last[w->page[i]] - 1;	/* 0 - 1 is REPLAY_NONE */
		last[w->page[i]] = i + 1;
	}
	free(last);
}

int plan_index(struct plan_work *w, const char *name, struct trace_error *err)
{
	copy_page_events(w);
	w->page = plan_array(w->nr, sizeof(*w->page));
	w->next = plan_array(w->nr, sizeof(*w->next));
	w->link = plan_array(w->nr, sizeof(*w->link));
	w->mt = plan_array(w->nr, sizeof(*w->mt));
	w->mark = plan_array(w->nr, sizeof(*w->mark));
	w->cpu = plan_array(w->nr, sizeof(*w->cpu));
	for (u32 i = 0; i < w->nr; i++) {
		w->page[i] = event_has_page(&w->ev[i]) ?
			number_map_id(&w->pages, w->ev[i].pfn) : REPLAY_NONE;
		w->link[i] = REPLAY_NONE;
		w->cpu[i] = (u16)w->ev[i].cpu;
	}
	if (!w->pages.nr) {
		trace_error_set(err, name, 0, "no page events in this trace; record with "
				"kmem:mm_page_alloc, mm_page_free and the other page events");
		return -EINVAL;
	}
	chain_pages(w);
	return find_zones(w, name, err);
}

/* ---- pass 1 ---- */

void plan_commits(struct plan_work *w)
{
	u32 *freed = plan_array(w->pages.nr, sizeof(*freed));	/* event + 1 */

	for (u32 i = 0; i < w->nr; i++) {
		u32 *at = w->page[i] == REPLAY_NONE ? NULL : &freed[w->page[i]];

		if (!at)
			continue;
		switch (w->ev[i].type) {
		case TRACE_PAGE_FREE:
			*at = i + 1;
			break;
		case TRACE_PAGE_FREE_BATCHED:
			if (*at) {
				w->mark[*at - 1] |= MARK_DEFERRED;
				w->link[i] = *at - 1;
			}
			*at = 0;
			break;
		case TRACE_PAGE_ALLOC:
			*at = 0;
			break;
		default:
			break;
		}
	}
	free(freed);
}

/* ---- pass 2 ---- */

/* What each pageblock is before the first event that tells (I2). */
static u8 *first_types(const struct plan_work *w)
{
	u8 *type = plan_array(w->blocks.nr, sizeof(*type));
	u8 *asked = plan_array(w->blocks.nr, sizeof(*asked));

	memset(type, TYPE_UNKNOWN, w->blocks.nr);
	memset(asked, TYPE_UNKNOWN, w->blocks.nr);
	for (u32 i = 0; i < w->nr; i++) {
		const struct trace_event *ev = &w->ev[i];
		u32 block;

		if (w->page[i] == REPLAY_NONE)
			continue;
		block = w->block[w->page[i]];
		if (ev->type == TRACE_PAGE_ZONE_LOCKED || ev->type == TRACE_PAGE_PCPU_DRAIN) {
			if (type[block] == TYPE_UNKNOWN)
				type[block] = (u8)listed_type(ev->migratetype);
		} else if (ev->type == TRACE_PAGE_ALLOC && asked[block] == TYPE_UNKNOWN) {
			asked[block] = (u8)listed_type(ev->migratetype);
		}
	}
	for (u32 b = 0; b < w->blocks.nr; b++)
		if (type[b] == TYPE_UNKNOWN)
			type[b] = asked[b];
	free(asked);
	return type;
}

/* A page that nothing tells about: batched frees are of user memory, others of the kernel's. */
static u8 guess_type(const struct plan_work *w, u32 i)
{
	bool batched = w->ev[i].type == TRACE_PAGE_FREE_BATCHED || (w->mark[i] & MARK_DEFERRED);

	return batched ? MIGRATE_MOVABLE : MIGRATE_UNMOVABLE;
}

void plan_types(struct plan_work *w)
{
	u8 *type = first_types(w);

	for (u32 i = 0; i < w->nr; i++) {
		const struct trace_event *ev = &w->ev[i];
		u8 asked = (u8)listed_type(ev->migratetype), *block;

		w->mt[i] = asked;
		if (w->page[i] == REPLAY_NONE)
			continue;
		block = &type[w->block[w->page[i]]];
		switch (ev->type) {
		case TRACE_PAGE_ZONE_LOCKED:
		case TRACE_PAGE_PCPU_DRAIN:
			*block = asked;
			break;
		case TRACE_PAGE_EXTFRAG:
			if (w->plan->trace->extfrag[ev->side].change_ownership)
				*block = asked;
			break;
		case TRACE_PAGE_FREE:
		case TRACE_PAGE_FREE_BATCHED:
			w->mt[i] = *block == TYPE_UNKNOWN ? guess_type(w, i) : *block;
			break;
		default:
			break;
		}
	}
	free(type);
}

/* ---- pass 3 ---- */

static s32 event_pid(const struct plan_work *w, u32 i)
{
	return w->plan->trace->tasks[w->ev[i].task].pid;
}

static bool continues(const struct plan_work *w, const struct burst *b, u32 i)
{
	const struct trace_event *ev = &w->ev[i];

	if (b->pid != event_pid(w, i) || b->drain != (ev->type == TRACE_PAGE_PCPU_DRAIN))
		return false;
	return b->drain || (b->order == ev->order && b->mt == w->mt[i]);
}

static void start_burst(struct plan_work *w, u32 i)
{
	const struct trace_event *ev = &w->ev[i];
	bool drain = ev->type == TRACE_PAGE_PCPU_DRAIN;

	w->bursts[w->nr_bursts++] = (struct burst) {
		.first = i, .pid = event_pid(w, i), .cpu = (u16)ev->cpu,
		.zone = (u8)event_zone(w, i), .order = (u8)ev->order, .mt = w->mt[i],
		.drain = drain,
		/*
		 * A free that drains has preemption off once more for its own look at the list; the
		 * worker does not look, it takes the list's lock and the zone's.
		 */
		.worker = drain && w->plan->trace->has_irq_flags && trace_preempt_depth(ev) == 2 &&
			  !(ev->flags & (TRACE_F_SOFTIRQ | TRACE_F_HARDIRQ)),
	};
}

void plan_bursts(struct plan_work *w)
{
	u32 *current = plan_array(w->plan->nr_cpus, sizeof(*current));	/* burst + 1 */

	w->bursts = plan_array(w->nr, sizeof(*w->bursts));
	for (u32 i = 0; i < w->nr; i++) {
		const struct trace_event *ev = &w->ev[i];
		u32 *at = &current[ev->cpu];
		struct burst *b;

		if (w->page[i] == REPLAY_NONE ||
		    (!takes_from_buddy(ev) && ev->type != TRACE_PAGE_PCPU_DRAIN)) {
			*at = 0;
			continue;
		}
		if (!*at || !continues(w, &w->bursts[*at - 1], i)) {
			start_burst(w, i);
			*at = w->nr_bursts;
		}
		b = &w->bursts[*at - 1];
		b->blocks++;
		b->pages += 1u << ev->order;
		b->refill = !b->drain && pagelist_order_allowed(b->order) && b->blocks > 1;
		w->link[i] = *at - 1;
	}
	free(current);
}
