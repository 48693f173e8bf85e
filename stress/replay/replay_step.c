/* SPDX-License-Identifier: MIT */
/*
 * replay_step.c - one operation of a replay after the other: the loops of both modes.
 *
 * What.  An operation is a call of the allocator on its CPU: alloc_pages_node(), __free_pages(), or
 * a single take of the list for a bulk allocation.  A free that the kernel's interrupt sent past
 * the list is made with the list's lock held, so that the allocator takes the same way.  How many
 * pages a call moved between list and buddy shows in the list's count: it changes by the block and
 * by what was transferred.
 *
 * Invariants.
 *   I1  A slot holds a block exactly between its take and its put.
 *   I2  listed = sum over the lists of count, after every operation (deterministic).
 *
 * Locking.  A slot is handed over by release and acquire.  Context.  Task context of a CPU.
 * Failure.  A take that gets nothing fills its slot with REPLAY_FAILED.
 * See also.  replay_run.c for the order of operations.
 */
#include "stress/replay/replay_step.h"

#include <sched.h>
#include <stdlib.h>

#include "mm/page/page_prep.h"
#include "mm/page/pcp.h"
#include "runtime/act_as.h"
#include "stress/report/array.h"

/* Looks at a slot before the host core is given away. */
#define WAIT_SPINS	200u
/* Operations ahead whose block is fetched into the cache. */
#define AHEAD		8u

/* ---- slots ---- */

static __noinline void wait_slot(struct runner *r, struct page *const *slot)
{
	/* In trace order nobody comes too early. */
	BUG_ON(!r->mine);
	r->out.waits++;
	for (u32 spins = 0; !smp_load_acquire(slot); spins++) {
		irq_safepoint();
		if (spins % WAIT_SPINS == WAIT_SPINS - 1)
			sched_yield();
		else
			cpu_pause();
	}
}

static struct page *slot_empty(struct runner *r, u32 index)
{
	struct page **slot = &r->m->slots[index], *page;

	/* Acquire: pairs with the release in slot_fill(); the block is whole. */
	if (unlikely(!smp_load_acquire(slot)))
		wait_slot(r, slot);
	page = READ_ONCE(*slot);
	/* Nobody looks at it again before the end of the run. */
	WRITE_ONCE(*slot, NULL);
	return page;
}

static void slot_fill(struct runner *r, u32 index, struct page *page)
{
	/* Release: pairs with the acquire in slot_empty(). */
	smp_store_release(&r->m->slots[index], page ? page : REPLAY_FAILED);
}

/* ---- operations ---- */

/* One page of a bulk allocation. */
static struct page *take_bulk(struct runner *r, const struct replay_op *op, struct pagelist *pl)
{
	const struct alloc_request req = { .order = op->order, .migratetype = op->mt };
	struct zone *zone = r->m->zone[op->zone];
	struct list_head *entry = NULL;
	struct page *page;

	preempt_disable();
	if (owner_trylock(&pl->lock)) {
		this_zone_pcp(zone)->alloc_flags = 0;
		entry = pagelist_take(pl, op->order, op->mt);
		owner_unlock(&pl->lock);
	}
	preempt_enable();
	if (!entry)
		return NULL;
	page = list_entry(entry, struct page, lru);
	prep_new_page(page, zone, &req);
	return page;
}

static void count_take(struct runner *r, const struct replay_op *op, const struct page *page)
{
	struct replay_outcome *out = &r->out;
	unsigned int mt;

	if (!page) {
		out->failed++;
		return;
	}
	mt = get_pageblock_migratetype(page);
	out->fallbacks += mt != op->mt || page_zone(page) != r->m->zone[op->zone];
	if (!op->hidden) {
		out->takes_by[op->order][mt < MIGRATE_PCPTYPES ? mt : MIGRATE_MOVABLE]++;
		out->irq_takes += in_interrupt();
	}
}

/* A free to the list that drains nothing. */
static void put_nospill(const struct replay_op *op, struct pagelist *pl, struct page *page)
{
	BUG_ON(!put_page_testzero(page));
	free_pages_prepare(page, op->order);
	preempt_disable();
	BUG_ON(!owner_trylock(&pl->lock));
	WRITE_ONCE(page->state, PAGE_STATE(PG_pcp, 0));
	pagelist_free_nospill(pl, op->order, get_pageblock_migratetype(page), &page->lru);
	owner_unlock(&pl->lock);
	preempt_enable();
}

/* As an interrupt that found its CPU inside the list. */
static void put_direct(const struct replay_op *op, struct pagelist *pl, struct page *page)
	__context_unsafe("the callee must find the lock taken")
{
	preempt_disable();
	BUG_ON(!owner_trylock(&pl->lock));
	__free_pages(page, op->order);
	owner_unlock(&pl->lock);
	preempt_enable();
}

/* False: the block's allocation had failed, there is nothing to free. */
static bool do_put(struct runner *r, const struct replay_op *op, struct pagelist *pl)
{
	struct page *page = slot_empty(r, op->slot);

	if (unlikely(page == REPLAY_FAILED))
		return false;
	if (unlikely(op->kind == REPLAY_DIRECT_PUT))
		put_direct(op, pl, page);
	else if (unlikely(r->probe && op->kind == REPLAY_PUT))
		put_nospill(op, pl, page);
	else
		__free_pages(page, op->order);
	return true;
}

static void do_take(struct runner *r, const struct replay_op *op, struct pagelist *pl)
{
	struct page *page;

	if (unlikely(op->kind == REPLAY_BULK_TAKE))
		page = take_bulk(r, op, pl);
	else
		page = alloc_pages_node(r->m->zone[op->zone]->node, op->gfp, op->order);
	count_take(r, op, page);
	slot_fill(r, op->slot, page);
}

static __noinline void note_transfer(struct runner *r, const struct replay_transfer *t)
{
	struct replay_outcome *out = &r->out;

	if (t->drain) {
		out->drains++;
		out->drained += t->pages;
		out->worker_drained += t->worker ? t->pages : 0;
	} else {
		out->refills++;
		out->refilled += t->pages;
	}
	if (out->as_recorded)
		*array_add(out->transfers, out->nr_transfers) = *t;
}

/* Pages that a take refilled its list with; a take that went past the list refilled nothing. */
static u32 pages_refilled(struct runner *r, u32 list)
{
	u64 now = READ_ONCE(r->lists[list]->stats.refill_pages), more = now - r->refilled[list];

	r->refilled[list] = now;
	return (u32)more;
}

/* Counts an operation of list @list that had @before pages. */
static inline void count_op(struct runner *r, const struct replay_op *op, u32 list, int before)
{
	bool put = op->kind == REPLAY_PUT;
	int block = put ? 1 << op->order : -(1 << op->order);
	int after = READ_ONCE(r->lists[list]->count), moved = after - before - block;
	u32 ordinal = ++r->ordinal[op->cpu], pages;

	r->listed += after - before;
	r->listed_max = max(r->listed_max, r->listed);
	r->listed_sum += (double)r->listed;
	if (likely(!moved))
		return;
	pages = put ? (u32)-moved : pages_refilled(r, list);
	if (pages)
		note_transfer(r, &(struct replay_transfer) {
			.event = op->event, .ordinal = put ? ordinal : ordinal - 1,
			.pages = pages, .cpu = op->cpu, .zone = (u8)op->zone,
			.list = (u8)pagelist_index(op->order, op->mt), .drain = put,
		});
}

static inline void run_op(struct runner *r, const struct replay_op *op)
{
	u32 list = op->cpu * r->m->plan->nr_zones + op->zone;
	struct pagelist *pl = r->lists[list];
	int before = READ_ONCE(pl->count);
	bool done = true;

	if (unlikely(op->irq))
		owner_add(this_cpu()->preempt_count, SOFTIRQ_OFFSET);
	if (op->kind == REPLAY_TAKE || op->kind == REPLAY_BULK_TAKE ||
	    op->kind == REPLAY_BUDDY_TAKE)
		do_take(r, op, pl);
	else
		done = do_put(r, op, pl);
	if (unlikely(op->irq))
		owner_add(this_cpu()->preempt_count, -SOFTIRQ_OFFSET);
	if (likely(op->kind <= REPLAY_BULK_TAKE && done))
		count_op(r, op, list, before);
}

/* ---- ticks ---- */

static unsigned int first_list(const struct pagelist *pl)
{
	unsigned int list = 0;

	while (list + 1 < NR_PCP_LISTS && list_empty(&pl->lists[list]))
		list++;
	return list;
}

/* What the decay does to high, without its drain. */
static void decay_high_only(struct pagelist *pl)
{
	WRITE_ONCE(pl->high, max(pl->high - (pl->high >> pl->tun->decay_shift), pl->high_min));
}

static void run_tick(struct runner *r, const struct replay_tick *tick)
{
	const struct replay_plan *plan = r->m->plan;
	struct replay_transfer t[MAX_NR_ZONES_TOTAL];
	int before[MAX_NR_ZONES_TOTAL];

	for (unsigned int zone = 0; zone < plan->nr_zones; zone++) {
		struct pagelist *pl = r->lists[tick->cpu * plan->nr_zones + zone];

		if (r->probe)
			decay_high_only(pl);
		before[zone] = READ_ONCE(pl->count);
		t[zone] = (struct replay_transfer) {
			.ordinal = r->ordinal[tick->cpu], .cpu = tick->cpu, .zone = (u8)zone,
			.list = (u8)first_list(pl), .drain = true, .worker = true,
			.event = tick->op < plan->nr_ops ? plan->ops[tick->op].event : 0,
		};
	}
	if (r->probe)
		return;
	vmstat_update_cpu();
	for (unsigned int zone = 0; zone < plan->nr_zones; zone++) {
		struct pagelist *pl = r->lists[tick->cpu * plan->nr_zones + zone];
		int gone = before[zone] - READ_ONCE(pl->count);

		r->listed -= gone;
		t[zone].pages = (u32)gone;
		if (gone > 0)
			note_transfer(r, &t[zone]);
	}
}

void run_ticks(struct runner *r, u32 op)
{
	const struct replay_plan *plan = r->m->plan;

	for (; r->next_tick < plan->nr_ticks && plan->ticks[r->next_tick].op <= op;
	     r->next_tick++) {
		const struct replay_tick *tick = &plan->ticks[r->next_tick];

		if (r->mine && tick->cpu != r->cpu)
			continue;
		if (!r->mine)
			act_as(tick->cpu);
		run_tick(r, tick);
	}
}

/* ---- the two modes ---- */

static u32 next_tick_op(const struct runner *r)
{
	const struct replay_plan *plan = r->m->plan;

	return r->next_tick < plan->nr_ticks ? plan->ticks[r->next_tick].op : REPLAY_NONE;
}

/* Fetches the head of the block that the operation @ahead will free. */
static inline void prefetch_block(const struct runner *r, u32 ahead)
{
	if (likely(ahead < r->nr))
		__builtin_prefetch(READ_ONCE(r->m->slots[r->ops[ahead].slot]), 1);
}

void run_in_order(struct runner *r, u32 from, u32 to)
{
	u32 tick = next_tick_op(r);

	for (u32 i = from; i < to; i++) {
		if (unlikely(i >= tick)) {
			run_ticks(r, i);
			tick = next_tick_op(r);
		}
		prefetch_block(r, i + AHEAD);
		act_as(r->ops[i].cpu);
		run_op(r, &r->ops[i]);
	}
	act_as(0);
}

static void run_mine(struct runner *r)
{
	for (u32 i = 0; i < r->nr; i++) {
		u32 at = r->mine[i];

		if (unlikely(at >= next_tick_op(r)))
			run_ticks(r, at);
		run_op(r, &r->ops[at]);
		irq_safepoint();
	}
}

void run_on_cpu(void *runners)
{
	struct runner *const *r = runners;

	run_mine(r[smp_processor_id()]);
}
