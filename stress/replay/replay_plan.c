/* SPDX-License-Identifier: MIT */
/*
 * replay_plan.c - from events and findings to the operations of a replay.
 *
 * What.  Every allocation, every commit of a free and every hidden operation becomes one operation
 * on one CPU's lists, in the order of the trace.  A take puts its block into a slot, the put of the
 * same page takes it from there: a slot is one stay of a page outside of the allocator.
 *
 * States of a slot.  Empty -> full (taken) -> empty (put).  Full before the start for a stand-in,
 * a block that is freed although nothing handed it out.
 *
 * Invariants.
 *   I1  A slot has at most one take and one put, and the take comes first.  So an operation waits
 *       for an earlier one at most, and CPUs that keep to that can run side by side without
 *       deadlock; with slots used again, a put could meet the block of an earlier stay.
 *   I2  A put frees a block of the order and type with which its slot was filled.
 *
 * Locking.  None.  Context.  Host thread.  Failure.  -EINVAL with a text.
 * See also.  replay_index.c, replay_lists.c, replay_start.c; tests/unit/test_replay_plan.c.
 */
#include "stress/replay/replay_plan_impl.h"

#include <errno.h>

/* Slots of the pages that are allocated now. */
struct slots {
	struct replay_plan *plan;
	u32 *of;		/* [page] slot + 1, 0: not allocated */
	u16 *as;		/* [page] order and type it was allocated with */
	u32 cap_standins;
};

static u16 block_kind(const struct replay_op *op)
{
	return (u16)(op->order << 8 | op->mt);
}

static u32 fill_slot(struct slots *s, const struct replay_op *op, u32 page)
{
	u32 slot = s->plan->nr_slots++;

	/* Its free is missing: the block stays allocated to the end. */
	s->plan->counts.leaked += s->of[page] != 0;
	s->of[page] = slot + 1;
	s->as[page] = block_kind(op);
	return slot;
}

static u32 add_standin(struct slots *s, const struct replay_op *op)
{
	struct replay_plan *plan = s->plan;
	u32 slot = plan->nr_slots++;

	if (plan->nr_standins == s->cap_standins) {
		s->cap_standins = s->cap_standins ? s->cap_standins * 2 : 1024;
		plan->standins = realloc(plan->standins,
					 s->cap_standins * sizeof(*plan->standins));
		if (!plan->standins)
			panic("out of memory for %u stand-ins", s->cap_standins);
	}
	plan->standins[plan->nr_standins++] = (struct replay_standin) {
		.slot = slot, .order = op->order, .mt = op->mt, .zone = op->zone,
	};
	return slot;
}

static u32 empty_slot(struct slots *s, const struct replay_op *op, u32 page)
{
	u32 slot = s->of[page] - 1;

	if (!s->of[page] || s->as[page] != block_kind(op)) {
		s->plan->counts.leaked += s->of[page] != 0;
		slot = add_standin(s, op);
	}
	s->of[page] = 0;
	return slot;
}

/*
 * What decides where a block comes from: type, zone, watermarks.  The rest (zeroing, compound
 * pages, sleeping) costs time and changes nothing that is compared.
 */
static gfp_t replay_gfp(const struct replay_plan *plan, const struct replay_op *op, gfp_t gfp)
{
	static const gfp_t zone_bits[MAX_NR_ZONES] = {
		[ZONE_DMA] = __GFP_DMA, [ZONE_DMA32] = __GFP_DMA32, [ZONE_HIGHMEM] = __GFP_HIGHMEM,
	};
	static const gfp_t type_bits[MIGRATE_PCPTYPES] = {
		[MIGRATE_MOVABLE] = __GFP_MOVABLE, [MIGRATE_RECLAIMABLE] = __GFP_RECLAIMABLE,
	};

	gfp &= __GFP_HIGH | __GFP_KSWAPD_RECLAIM | __GFP_MEMALLOC | __GFP_NOMEMALLOC |
	       __GFP_NORETRY;
	return gfp | __GFP_NOWARN | zone_bits[plan->zones[op->zone].type] | type_bits[op->mt];
}

static void add_op(struct plan_work *w, struct slots *s, struct replay_op *op, u32 page)
{
	struct replay_plan *plan = w->plan;
	bool take = op->kind == REPLAY_TAKE || op->kind == REPLAY_BULK_TAKE ||
		    op->kind == REPLAY_BUDDY_TAKE;

	op->slot = take ? fill_slot(s, op, page) : empty_slot(s, op, page);
	if (take) {
		op->gfp = replay_gfp(plan, op, op->gfp);
		plan->need[op->zone][op->mt] += 1u << op->order;
	}
	plan->ops[plan->nr_ops++] = *op;
}

static void add_hidden_op(struct plan_work *w, struct slots *s, const struct hidden_op *h)
{
	unsigned int list = h->key % NR_PCP_LISTS, owner = h->key / NR_PCP_LISTS;
	struct replay_op op = {
		.event = h->at, .hidden = 1,
		.kind = (h->put ? REPLAY_PUT : REPLAY_BULK_TAKE) & 7,
		.cpu = (u16)(owner / w->plan->nr_zones), .zone = owner % w->plan->nr_zones & 31,
		.order = pagelist_index_order(list) & 15, .mt = replay_list_mt(list) & 3,
	};

	add_op(w, s, &op, h->page);
	w->plan->counts.bulk_takes += !h->put;
	w->plan->counts.hidden_puts += h->put;
}

static void add_take(struct plan_work *w, struct slots *s, u32 i)
{
	const struct trace_event *ev = &w->ev[i];
	bool irq = ev->flags & (TRACE_F_HARDIRQ | TRACE_F_SOFTIRQ);
	struct replay_op op = {
		.event = i, .gfp = ev->gfp, .cpu = w->cpu[i], .irq = irq,
		.kind = (pagelist_order_allowed(ev->order) ? REPLAY_TAKE : REPLAY_BUDDY_TAKE) & 7,
		.order = ev->order & 15, .mt = (u8)(w->mt[i] & 3), .zone = event_zone(w, i) & 31,
	};

	add_op(w, s, &op, w->page[i]);
	w->plan->counts.takes++;
	w->plan->counts.irq_takes += irq;
	w->plan->counts.takes_by[op.order][op.mt]++;
}

/* The commit of free @freed at event @i. */
static void add_put(struct plan_work *w, struct slots *s, u32 i, u32 freed)
{
	const struct trace_event *ev = &w->ev[i];
	unsigned int order = w->ev[freed].order;
	enum replay_kind kind = REPLAY_PUT;
	struct replay_op op = {
		.event = i, .cpu = (u16)ev->cpu, .order = order & 15, .mt = (u8)(w->mt[i] & 3),
		.irq = (ev->flags & (TRACE_F_HARDIRQ | TRACE_F_SOFTIRQ)) != 0,
		.zone = event_zone(w, i) & 31,
	};

	if (!pagelist_order_allowed(order))
		kind = REPLAY_BUDDY_PUT;
	else if (w->mark[freed] & MARK_DIRECT)
		kind = REPLAY_DIRECT_PUT;
	op.kind = kind & 7;
	add_op(w, s, &op, w->page[i]);
	w->plan->counts.puts++;
	w->plan->counts.direct_puts += kind == REPLAY_DIRECT_PUT;
}

static void add_event(struct plan_work *w, struct slots *s, u32 i)
{
	if (w->page[i] == REPLAY_NONE)
		return;
	switch (w->ev[i].type) {
	case TRACE_PAGE_ALLOC:
		add_take(w, s, i);
		break;
	case TRACE_PAGE_FREE:
		if (!(w->mark[i] & MARK_DEFERRED))
			add_put(w, s, i, i);
		break;
	case TRACE_PAGE_FREE_BATCHED:
		if (w->link[i] != REPLAY_NONE)
			add_put(w, s, i, w->link[i]);
		break;
	default:
		break;
	}
}

static void make_ops(struct plan_work *w)
{
	struct replay_plan *plan = w->plan;
	struct slots s = { .plan = plan };
	u32 hidden = 0;

	plan->ops = plan_array((u64)w->nr + w->nr_hidden, sizeof(*plan->ops));
	s.of = plan_array(w->pages.nr, sizeof(*s.of));
	s.as = plan_array(w->pages.nr, sizeof(*s.as));
	for (u32 i = 0; i < w->nr; i++) {
		while (hidden < w->nr_hidden && w->hidden[hidden].at == i)
			add_hidden_op(w, &s, &w->hidden[hidden++]);
		add_event(w, &s, i);
	}
	plan->counts.standins = plan->nr_standins;
	free(s.of);
	free(s.as);
}

/* Nodes that the trace does not touch are left out; the others keep their order. */
static void number_nodes(struct replay_plan *plan)
{
	for (unsigned int i = 0; i < plan->nr_zones; i++) {
		int rank = 0;

		for (unsigned int j = 0; j < plan->nr_zones; j++) {
			bool first = plan->zones[j].proc->node < plan->zones[i].proc->node;

			for (unsigned int k = 0; k < j; k++)
				first &= plan->zones[k].proc->node != plan->zones[j].proc->node;
			rank += first;
		}
		plan->zones[i].node = rank;
		plan->nr_nodes = max(plan->nr_nodes, (unsigned int)rank + 1);
	}
}

static int count_cpus(struct replay_plan *plan, const char *name, struct trace_error *err)
{
	plan->nr_cpus = plan->trace->nr_cpus;
	for (unsigned int z = 0; z < plan->nr_zones; z++)
		for (u64 i = 0; i < plan->zones[z].proc->nr_pagesets; i++)
			plan->nr_cpus = max(plan->nr_cpus,
					    plan->zones[z].proc->pagesets[i].cpu + 1);
	if (plan->nr_cpus <= NR_CPUS)
		return 0;
	trace_error_set(err, name, 0, "%u CPUs, the machine has at most %d; record fewer",
			plan->nr_cpus, NR_CPUS);
	return -EINVAL;
}

static void free_work(struct plan_work *w)
{
	free(w->ev);
	free(w->page);
	free(w->next);
	free(w->link);
	free(w->mt);
	free(w->mark);
	free(w->block);
	free(w->zone);
	free(w->bursts);
	free(w->hidden);
	free(w->cpu);
	number_map_destroy(&w->pages);
	number_map_destroy(&w->blocks);
}

static void run_passes(struct plan_work *w)
{
	number_nodes(w->plan);
	plan_commits(w);
	plan_types(w);
	plan_bursts(w);
	plan_lists(w);
	make_ops(w);
	plan_start(w);
	plan_transfers(w);
	plan_ticks(w);
}

int replay_plan_make(struct replay_plan *plan, const struct trace *trace,
		     const struct proc_state *state, const char *name, struct trace_error *err)
{
	struct plan_work w = { .plan = plan };
	int code;

	*plan = (struct replay_plan){ .trace = trace, .state = state };
	if (!state->has_zoneinfo) {
		trace_error_set(err, name, 0, "zoneinfo.before is missing beside the trace; record "
				"/proc/zoneinfo before the trace starts");
		return -EINVAL;
	}
	if (trace->nr_events >= REPLAY_NONE / 2) {
		trace_error_set(err, name, 0, "more than 2 billion events; cut the trace");
		return -EINVAL;
	}
	code = plan_index(&w, name, err);
	if (!code)
		code = count_cpus(plan, name, err);
	if (!code)
		run_passes(&w);
	free_work(&w);
	if (code)
		replay_plan_destroy(plan);
	return code;
}

void replay_plan_destroy(struct replay_plan *plan)
{
	free(plan->ops);
	free(plan->standins);
	free(plan->ticks);
	free(plan->transfers);
	free(plan->start);
	*plan = (struct replay_plan){ 0 };
}
