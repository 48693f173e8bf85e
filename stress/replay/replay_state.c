/* SPDX-License-Identifier: MIT */
/*
 * replay_state.c - brings a machine into the state that a trace began with.
 *
 * What.  The zones that the trace touches are booted with their recorded borders and watermarks.
 * The per-CPU lists get the recorded window, batch and high, and as many blocks as the plan says,
 * straight from the buddy.  Blocks that the trace frees without having allocated them are allocated
 * beforehand.  The free counter is set to the recorded number (and what smaller lists gave back).
 *
 * The reserve.  How the recorded machine's free memory was spread over blocks and types is not
 * recorded, and what was free is too little to try it with other list sizes.  So the buddy keeps
 * all of the zone's memory, with pageblocks of every type in plenty, and only the counter (which
 * the watermark tests read) says what zoneinfo said.  No request then has to fall back to another
 * type, which would change the types of pageblocks against the trace.
 *
 * Invariants.
 *   I1  buddy = NR_FREE_PAGES + reserve, from the fill to the end.
 *   I2  At the end, everything freed and the lists emptied, free = managed in every zone.
 *
 * Locking.  The machine is quiescent; locks are taken as their users take them.
 * Context.  As each function says.  Failure.  -errno from the boot; a broken I2 panics.
 * See also.  replay_start.c for where the numbers come from.
 */
#include "stress/replay/replay_state.h"

#include <errno.h>
#include <stdlib.h>

#include "mm/machine.h"
#include "mm/page/boot.h"
#include "mm/page/buddy.h"
#include "mm/page/page_prep.h"
#include "mm/page/pageblock.h"
#include "mm/page/pcp.h"
#include "percpu/percpu.h"
#include "runtime/act_as.h"

/* Pages of a type beyond what the trace takes: transfers of every CPU's lists in flight. */
#define RESERVE_SLACK	(64UL * MAX_ORDER_NR_PAGES)
/* A cache share (pages) that is above 3 batches on any machine. */
#define BIG_CACHE_SHARE	(1u << 20)

/* ---- boot ---- */

static void zone_specs(const struct replay_plan *plan, struct zone_spec *specs)
{
	for (unsigned int i = 0; i < plan->nr_zones; i++) {
		const struct proc_zone *z = plan->zones[i].proc;

		specs[i] = (struct zone_spec) {
			.node = plan->zones[i].node, .type = plan->zones[i].type,
			.start_pfn = z->start_pfn, .spanned = z->spanned,
			.present = z->present, .managed = z->managed, .have_wmark = true,
			.wmark = { [WMARK_MIN] = z->min, [WMARK_LOW] = z->low,
				   [WMARK_HIGH] = z->high, [WMARK_PROMO] = z->promo },
		};
	}
}

static int boot_acting(const struct kmemlab_options *opt, struct mm_error *err)
{
	int code = machine_boot(&opt->cpu);

	if (code)
		return mm_error(err, code, "%u CPUs with lock \"%s\" are not possible here; choose "
				"another lock", opt->cpu.nr_cpus, opt->cpu.spinlock);
	code = percpu_boot(KMEMLAB_PERCPU_BYTES);
	if (code) {
		(void)mm_error(err, code, "no memory for per-CPU data of %u CPUs",
			       opt->cpu.nr_cpus);
		goto cpus;
	}
	code = mm_boot(&opt->mm, err);
	if (code)
		goto percpu;
	act_as_begin();
	return 0;
percpu:
	percpu_shutdown();
cpus:
	machine_shutdown();
	return code;
}

static void find_zones(struct replay_machine *m)
{
	struct zone *zone;

	for (unsigned int i = 0; i < m->plan->nr_zones; i++)
		for_each_zone(zone)
			if (zone->node == m->plan->zones[i].node &&
			    zone->type == m->plan->zones[i].type)
				m->zone[i] = zone;
}

int replay_machine_boot(struct replay_machine *m, const struct replay_plan *plan,
			const struct replay_options *opt, struct mm_error *err)
{
	struct zone_spec specs[MAX_NR_ZONES_TOTAL];
	struct kmemlab_options machine = {
		.cpu = { .nr_cpus = plan->nr_cpus, .nr_nodes = plan->nr_nodes, .seed = opt->seed,
			 .spinlock = opt->lock, .lockstat = opt->lockstat },
		.mm = { .zones = specs, .nr_zones = plan->nr_zones },
	};
	int code;

	*m = (struct replay_machine){ .plan = plan, .opt = opt };
	for (unsigned int i = 0; i < plan->nr_zones; i++)
		if (plan->zones[i].type == ZONE_HIGHMEM)
			machine.mm.layout = "x86_32";
	zone_specs(plan, specs);
	m->slots = calloc(plan->nr_slots + 1, sizeof(*m->slots));
	if (!m->slots)
		return mm_error(err, -ENOMEM, "no memory for %u blocks", plan->nr_slots);
	if (opt->mode == REPLAY_DETERMINISTIC)
		code = boot_acting(&machine, err);
	else
		code = kmemlab_boot(&machine, err);
	if (code) {
		free(m->slots);
		return code;
	}
	find_zones(m);
	return 0;
}

void replay_machine_shutdown(struct replay_machine *m)
{
	if (m->opt->mode == REPLAY_DETERMINISTIC) {
		act_as_end();
		mm_shutdown();
		percpu_shutdown();
		machine_shutdown();
	} else {
		kmemlab_shutdown();
	}
	free(m->slots);
}

struct pagelist *replay_machine_list(const struct replay_machine *m, unsigned int cpu,
				     unsigned int zone)
{
	return &remote_zone_pcp(m->zone[zone], cpu)->pl;
}

/* ---- sizes of the lists ---- */

static const struct proc_pageset *find_pageset(const struct proc_zone *z, unsigned int cpu)
{
	for (u64 i = 0; i < z->nr_pagesets; i++)
		if (z->pagesets[i].cpu == cpu)
			return &z->pagesets[i];
	return NULL;
}

/* The recorded sizes of one list; a kernel without a window has high for both ends. */
static void recorded_sizes(const struct replay_machine *m, unsigned int cpu, unsigned int zone)
{
	const struct proc_pageset *set = find_pageset(m->plan->zones[zone].proc, cpu);
	struct pagelist *pl = replay_machine_list(m, cpu, zone);
	int low, high;

	if (!set)
		return;
	low = set->high_min == PROC_ABSENT ? set->high : set->high_min;
	high = set->high_max == PROC_ABSENT ? set->high : set->high_max;
	pagelist_update_tunables(pl, low, high, max(set->batch, 1));
	WRITE_ONCE(pl->high, set->high);
}

static void set_tunable(struct zone *zone, const char *name, u32 value)
{
	/* Range and name were checked when the option was read. */
	if (value != REPLAY_NONE)
		BUG_ON(pcp_set_tunable(zone, name, value) != 0);
}

static void set_sizes(const struct replay_machine *m)
{
	const struct replay_setting *set = &m->opt->setting;
	const char *policy = set->policy ? set->policy : replay_recorded_policy(m->plan);

	BUG_ON(pcp_set_policy(NULL, policy) != 0);
	pcp_set_cache_share(m->opt->small_cache ? 0 : BIG_CACHE_SHARE);
	if (replay_as_recorded(m->plan, set)) {
		for (unsigned int zone = 0; zone < m->plan->nr_zones; zone++)
			for (unsigned int cpu = 0; cpu < m->plan->nr_cpus; cpu++)
				recorded_sizes(m, cpu, zone);
		return;
	}
	set_tunable(NULL, "batch", set->batch);
	set_tunable(NULL, "scale_max", set->scale_max);
	set_tunable(NULL, "high_min", set->high);
	set_tunable(NULL, "high_max", set->high_max == REPLAY_NONE ? set->high : set->high_max);
	if (set->high_fraction != REPLAY_NONE)
		BUG_ON(set_percpu_pagelist_high_fraction(set->high_fraction) != 0);
}

/* ---- content ---- */

/* Gives @pages of movable memory to type @mt, whole blocks of the largest order at a time. */
static void convert_blocks(struct zone *zone, unsigned long pages, unsigned int mt)
	__must_hold(zone->lock)
{
	struct list_head *list = &zone->free_area[MAX_PAGE_ORDER].free_list[MIGRATE_MOVABLE];

	for (unsigned long done = 0; done < pages && !list_empty(list);
	     done += MAX_ORDER_NR_PAGES) {
		struct page *page = list_first_entry(list, struct page, lru);

		set_pageblock_range(page, MAX_PAGE_ORDER, mt);
		move_to_free_list(zone, page, mt);
	}
}

/* Pages of type @mt that the lists hold at the start, all CPUs. */
static u64 listed_pages(const struct replay_plan *plan, unsigned int zone, unsigned int mt)
{
	u64 pages = 0;

	for (unsigned int cpu = 0; cpu < plan->nr_cpus; cpu++)
		for (unsigned int list = 0; list < NR_PCP_LISTS; list++)
			if (replay_list_mt(list) == mt)
				pages += (u64)replay_start(plan, cpu, zone)->blocks[list] <<
					 pagelist_index_order(list);
	return pages;
}

static void make_types(const struct replay_machine *m, unsigned int index)
{
	static const u8 others[] = { MIGRATE_UNMOVABLE, MIGRATE_RECLAIMABLE };
	struct zone *zone = m->zone[index];
	unsigned long flags;

	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++) {
		u64 pages = m->plan->need[index][others[i]] + RESERVE_SLACK +
			    listed_pages(m->plan, index, others[i]);

		for (u32 s = 0; s < m->plan->nr_standins; s++)
			if (m->plan->standins[s].zone == index &&
			    m->plan->standins[s].mt == others[i])
				pages += 1u << m->plan->standins[s].order;
		/* Nobody gets more than a fair part of a small zone. */
		pages = min(pages, (u64)zone->managed_pages / MIGRATE_PCPTYPES);
		spin_lock_irqsave(&zone->lock, flags);
		convert_blocks(zone, (unsigned long)pages, others[i]);
		spin_unlock_irqrestore(&zone->lock, flags);
	}
}

static void fill_lists(const struct replay_machine *m, unsigned int cpu, unsigned int index)
{
	const struct replay_start *start = replay_start(m->plan, cpu, index);
	struct pagelist *pl = replay_machine_list(m, cpu, index);
	struct zone *zone = m->zone[index];
	unsigned long flags;

	owner_lock_remote(&pl->lock);
	spin_lock_irqsave(&zone->lock, flags);
	for (unsigned int list = 0; list < NR_PCP_LISTS; list++) {
		struct rmqueue rq = {
			.order = pagelist_index_order(list), .mt = replay_list_mt(list),
		};
		unsigned int got = __rmqueue_bulk(zone, &rq, start->blocks[list],
						  &pl->lists[list]);

		rmqueue_account(zone, &rq);
		WRITE_ONCE(pl->count, pl->count + (int)(got << rq.order));
	}
	spin_unlock_irqrestore(&zone->lock, flags);
	owner_unlock_remote(&pl->lock);
	/* Lists that are to be smaller than they were recorded. */
	if (!replay_as_recorded(m->plan, &m->opt->setting) && pl->count > pl->high_max)
		pagelist_drain_remote(pl, (unsigned int)(pl->count - pl->high_max));
}

static void make_standins(const struct replay_machine *m)
{
	for (u32 i = 0; i < m->plan->nr_standins; i++) {
		const struct replay_standin *s = &m->plan->standins[i];
		const struct alloc_request req = { .order = s->order, .migratetype = s->mt };
		struct zone *zone = m->zone[s->zone];
		struct page *page = NULL;
		unsigned long flags;

		if (s->order <= MAX_PAGE_ORDER) {
			spin_lock_irqsave(&zone->lock, flags);
			page = __rmqueue_smallest(zone, s->order, s->mt);
			if (page)
				account_freepages(zone, -(1L << s->order), s->mt);
			spin_unlock_irqrestore(&zone->lock, flags);
		}
		if (page)
			prep_new_page(page, zone, &req);
		m->slots[s->slot] = page ? page : REPLAY_FAILED;
	}
}

/* Pages that the recorded lists held and that lists of another size had to give back. */
static long listed_less(const struct replay_machine *m, unsigned int index)
{
	long pages = 0;

	for (unsigned int mt = 0; mt < MIGRATE_PCPTYPES; mt++)
		pages += (long)listed_pages(m->plan, index, mt);
	for (unsigned int cpu = 0; cpu < m->plan->nr_cpus; cpu++)
		pages -= replay_machine_list(m, cpu, index)->count;
	return pages;
}

static void fold_counters(const struct replay_machine *m)
{
	for (unsigned int cpu = 0; cpu < m->plan->nr_cpus; cpu++)
		cpu_vm_stats_fold(cpu);
}

void replay_machine_reset_counts(const struct replay_machine *m)
{
	for (unsigned int i = 0; i < m->plan->nr_zones; i++)
		for (unsigned int cpu = 0; cpu < m->plan->nr_cpus; cpu++)
			WRITE_ONCE(replay_machine_list(m, cpu, i)->stats.transfer_max, 0);
	lockstat_reset();
}

void replay_machine_fill(void *machine)
{
	struct replay_machine *m = machine;

	set_sizes(m);
	for (unsigned int i = 0; i < m->plan->nr_zones; i++) {
		WRITE_ONCE(m->zone[i]->watermark_boost, m->plan->zones[i].proc->boost);
		make_types(m, i);
		for (unsigned int cpu = 0; cpu < m->plan->nr_cpus; cpu++)
			fill_lists(m, cpu, i);
	}
	make_standins(m);
	for (unsigned int i = 0; i < m->plan->nr_zones; i++) {
		m->reserve[i] = (long)zone_page_state_exact(m->zone[i], NR_FREE_PAGES) -
				(long)m->plan->zones[i].proc->free - listed_less(m, i);
		mod_zone_page_state(m->zone[i], NR_FREE_PAGES, -m->reserve[i]);
		WRITE_ONCE(m->zone[i]->flags, 0);
	}
	fold_counters(m);
	replay_machine_reset_counts(m);
}

void replay_machine_empty(void *machine)
{
	struct replay_machine *m = machine;

	for (u32 i = 0; i < m->plan->nr_slots; i++)
		if (m->slots[i] && m->slots[i] != REPLAY_FAILED)
			__free_pages(m->slots[i], m->slots[i]->order);
	for (unsigned int cpu = 0; cpu < m->plan->nr_cpus; cpu++)
		drain_cpu_pages(cpu);
	for (unsigned int i = 0; i < m->plan->nr_zones; i++)
		mod_zone_page_state(m->zone[i], NR_FREE_PAGES, m->reserve[i]);
	fold_counters(m);
	for (unsigned int i = 0; i < m->plan->nr_zones; i++) {
		u64 free = zone_page_state_snapshot(m->zone[i], NR_FREE_PAGES);

		if (free != m->zone[i]->managed_pages)
			panic("replay: zone %s ends with %llu free pages of %lu",
			      m->zone[i]->name, (unsigned long long)free,
			      m->zone[i]->managed_pages);
	}
}
