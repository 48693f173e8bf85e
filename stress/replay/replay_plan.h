/* SPDX-License-Identifier: MIT */
/*
 * replay_plan.h - what a recorded page trace asks of a machine, worked out before anything runs.
 *
 * A trace shows an allocator from outside: some takes and puts are missing, some appear twice, and
 * how the per-CPU lists stood at the start is not said.  The plan has the missing ones put in, the
 * doubled ones dropped, the start state worked out, and each free tied to its allocation.
 */
#ifndef STRESS_REPLAY_REPLAY_PLAN_H
#define STRESS_REPLAY_REPLAY_PLAN_H

#include "mm/page/zone.h"
#include "percpu/pagelist.h"
#include "stress/replay/proc_state.h"
#include "stress/replay/trace_event.h"

#define REPLAY_NONE	UINT32_MAX
/* Orders that a trace may name. */
#define REPLAY_ORDERS	(TRACE_ORDER_MAX + 1)

enum replay_kind {
	REPLAY_TAKE,		/* an allocation from this CPU's list */
	REPLAY_PUT,		/* a free to this CPU's list */
	REPLAY_BULK_TAKE,	/* one page of a bulk allocation; it left no event */
	REPLAY_BUDDY_TAKE,	/* an allocation of an order without lists */
	REPLAY_BUDDY_PUT,	/* a free of an order without lists */
	REPLAY_DIRECT_PUT,	/* a free that found this CPU's list in use */
};

/* One operation; 16 bytes, because a long trace has many. */
struct replay_op {
	u32 event;		/* position among the page events of the trace */
	u32 slot;		/* where its block is kept between take and put */
	gfp_t gfp;		/* takes */
	u16 cpu;
	u8 kind : 3;		/* enum replay_kind */
	u8 irq : 1;		/* 1: in interrupt context */
	u8 order : 4;
	u8 mt : 2;		/* list's migrate type, < MIGRATE_PCPTYPES */
	u8 hidden : 1;		/* 1: not an event of the trace, see replay_lists.c */
	u8 zone : 5;		/* index in plan->zones */
};

_Static_assert(sizeof(struct replay_op) == 16, "an operation takes 16 bytes");

/* One turn of a CPU's vmstat worker. */
struct replay_tick {
	u64 time_ns;
	u32 op;			/* before this operation */
	u16 cpu;
	bool seen;		/* its drain is in the trace; else inferred from the period */
};

/* One refill or drain of a CPU's lists, the kernel's or ours. */
struct replay_transfer {
	u32 event;		/* position among the page events */
	u32 ordinal;		/* operations of this CPU before it */
	u32 pages;
	u16 cpu;
	u8 zone, list;		/* list: refilled, or the one that the drain starts at */
	bool drain, worker;	/* worker: a drain of the vmstat worker */
};

/* A zone that the trace touches. */
struct replay_zone {
	const struct proc_zone *proc;
	enum zone_type type;
	int node;		/* of the machine: nodes that are not touched are left out */
};

/* The page lists of one CPU and zone before the first operation. */
struct replay_start {
	u32 blocks[NR_PCP_LISTS];
	u16 known;		/* bit per list: its length was seen, not bounded */
	u32 surplus;		/* pages that zoneinfo counts and no list is known to hold */
	int correction;		/* pages added after the first drain showed the count */
	/* The first drain in the trace: tells the exact count then. */
	u32 probe_op, probe_pages;
	bool probed, probe_worker;
};

/* A block that is freed and that nothing in the trace handed out. */
struct replay_standin {
	u32 slot;
	u8 order, mt, zone;
};

struct replay_counts {
	u64 takes, puts, bulk_takes, hidden_puts, direct_puts, standins, leaked, irq_takes;
	u64 drift_checks, drift;	/* times a list was known to be empty, and was not */
	u64 takes_by[REPLAY_ORDERS][MIGRATE_PCPTYPES];	/* allocations in the trace */
	u64 refilled, drained;		/* pages, the kernel's */
};

struct replay_plan {
	const struct trace *trace;
	const struct proc_state *state;
	unsigned int nr_cpus;
	unsigned int nr_zones, nr_nodes;
	struct replay_zone zones[MAX_NR_ZONES_TOTAL];
	struct replay_op *ops;
	u32 nr_ops;
	u32 nr_slots;
	struct replay_standin *standins;
	u32 nr_standins;
	struct replay_tick *ticks;	/* by op */
	u32 nr_ticks;
	struct replay_transfer *transfers;	/* the kernel's, in trace order */
	u32 nr_transfers;
	struct replay_start *start;	/* [cpu * nr_zones + zone] */
	u64 need[MAX_NR_ZONES_TOTAL][MIGRATE_PCPTYPES];	/* pages that takes may use at once */
	struct replay_counts counts;
};

/**
 * replay_plan_make - work out what the trace asks for.
 * @plan:  overwritten; on success freed by replay_plan_destroy().
 * @trace: loaded trace; must outlive the plan.
 * @state: /proc state from before the recording, with zoneinfo; must outlive the plan.
 * @name:  of the bundle, for error texts.
 * @err:   receives "NAME: what is wrong; what to do".
 *
 * Pure: depends on trace and state only.  Returns 0, or -EINVAL when the two cannot be replayed
 * together.  Host thread; panics when memory runs out.
 */
__must_check int replay_plan_make(struct replay_plan *plan, const struct trace *trace,
				  const struct proc_state *state, const char *name,
				  struct trace_error *err);
void replay_plan_destroy(struct replay_plan *plan);

/*
 * Adds @pages (or takes them) to the start of the lists of (@cpu, @zone): the probe run's finding.
 * They go to an order-0 list whose length is not known; no such list, no change.
 */
void replay_plan_correct(struct replay_plan *plan, unsigned int cpu, unsigned int zone,
			 int pages);

static inline struct replay_start *replay_start(const struct replay_plan *plan, unsigned int cpu,
						unsigned int zone)
{
	return &plan->start[cpu * plan->nr_zones + zone];
}

/* Migrate type of the blocks on a list. */
static inline unsigned int replay_list_mt(unsigned int list)
{
	if (list < NR_LOWORDER_PCP_LISTS)
		return list % PAGELIST_PCPTYPES;
	return list == NR_LOWORDER_PCP_LISTS ? MIGRATE_UNMOVABLE : MIGRATE_MOVABLE;
}

#endif /* STRESS_REPLAY_REPLAY_PLAN_H */
