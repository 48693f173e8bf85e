/* SPDX-License-Identifier: MIT */
/* replay_plan_impl.h - the passes that make a plan, and what they share; for them only. */
#ifndef STRESS_REPLAY_REPLAY_PLAN_IMPL_H
#define STRESS_REPLAY_REPLAY_PLAN_IMPL_H

#include <stdlib.h>

#include "stress/replay/replay_plan.h"

/* Distinct numbers (pfns, pageblocks) as 0, 1, 2, ... in order of appearance. */
struct number_map {
	u64 *number;		/* of an id */
	u32 nr, cap;
	u32 *slots;		/* open addressing: id + 1, 0 = free */
	u32 nr_slots;		/* power of two, more than twice nr */
};

u32 number_map_id(struct number_map *map, u64 number);
void number_map_destroy(struct number_map *map);

/* plan_work.mark[]: what the passes found out about an event. */
#define MARK_DEFERRED	0x01u	/* a free whose page is listed later, by its batched event */
#define MARK_DIRECT	0x02u	/* a free that went to the buddy although its order has lists */
#define MARK_SEED	0x04u	/* ... which the page's own history proves */

/* Consecutive blocks moved between buddy and lists by one CPU in one go. */
struct burst {
	u32 first;		/* event */
	u32 blocks, pages;
	s32 pid;
	u16 cpu;
	u8 zone, order, mt;	/* of its first block */
	bool drain;
	bool worker;		/* a drain of the vmstat worker */
	bool refill;		/* blocks that went to a list */
};

/* A take or put that left no event, right before event @at. */
struct hidden_op {
	u32 at, seq, page;
	u32 key;
	bool put;
};

struct plan_work {
	struct replay_plan *plan;
	struct trace_event *ev;	/* the page events alone */
	u32 nr;
	u32 *page;		/* [event] id of its page */
	u32 *next;		/* [event] next event of that page, repeats left out */
	u32 *link;		/* [event] batched: the free it repeats; burst events: the burst */
	u8 *mt;			/* [event] migrate type of the list it concerns */
	u8 *mark;		/* [event] MARK_* */
	struct number_map pages, blocks;
	u32 *block;		/* [page] id of its pageblock */
	u8 *zone;		/* [block] index in plan->zones */
	struct burst *bursts;
	u32 nr_bursts;
	struct hidden_op *hidden;
	u32 nr_hidden;
	u16 *cpu;		/* [event] the CPU whose list an allocation took from */
};

/* Zeroed array; stops the program when memory is short. */
void *plan_array(u64 nr, size_t size);

/* Passes 1 to 3 over the page events, and what they stand on. */
__must_check int plan_index(struct plan_work *w, const char *name, struct trace_error *err);
void plan_commits(struct plan_work *w);
void plan_types(struct plan_work *w);
void plan_bursts(struct plan_work *w);

/* Pass 4: fills w->hidden, w->cpu and MARK_DIRECT. */
void plan_lists(struct plan_work *w);

/* Start state, ticks and the kernel's transfers; after plan->ops is made. */
void plan_start(struct plan_work *w);
void plan_ticks(struct plan_work *w);
void plan_transfers(struct plan_work *w);

static inline unsigned int event_zone(const struct plan_work *w, u32 event)
{
	return w->zone[w->block[w->page[event]]];
}

/* The lists of all CPUs and zones, numbered. */
static inline u32 list_key(const struct plan_work *w, unsigned int cpu, unsigned int zone,
			   unsigned int list)
{
	return (cpu * w->plan->nr_zones + zone) * NR_PCP_LISTS + list;
}

static inline u32 nr_list_keys(const struct plan_work *w)
{
	return w->plan->nr_cpus * w->plan->nr_zones * NR_PCP_LISTS;
}

static inline bool event_has_page(const struct trace_event *ev)
{
	return ev->pfn != TRACE_PFN_NONE;
}

/* Reserve types are listed as movable. */
static inline unsigned int listed_type(unsigned int mt)
{
	return mt < MIGRATE_PCPTYPES ? mt : MIGRATE_MOVABLE;
}

static inline bool takes_from_buddy(const struct trace_event *ev)
{
	return ev->type == TRACE_PAGE_ZONE_LOCKED || ev->type == TRACE_PAGE_EXTFRAG;
}

#endif /* STRESS_REPLAY_REPLAY_PLAN_IMPL_H */
