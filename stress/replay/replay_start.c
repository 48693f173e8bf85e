/* SPDX-License-Identifier: MIT */
/*
 * replay_start.c - how the page lists stood before the trace, when the vmstat worker ran, and what
 * the kernel moved.
 *
 * Start.  zoneinfo tells how many pages a CPU's lists hold together, not how they are spread.  A
 * list is known to be empty when it is refilled and when a drain passes on to the next list; going
 * back from there through puts, takes, refills and drains gives its length at the start.  A list
 * that is never known to be empty held at least what was taken from it beyond what was put.  What
 * zoneinfo counts beyond the known lists lies on one of the others.
 *
 * Ticks.  The worker runs once a second on each CPU.  Drains of its own show it; from there the
 * period is extended over the trace.  A CPU that shows none takes the phase of another (the kernel
 * rounds all of them to the same second), and a trace without any takes whole seconds.  An
 * inferred tick less than one step of the timer wheel from the trace's ends may lie outside it and
 * is left out.
 *
 * Invariants.
 *   I1  The length worked out for a list's start is never below 0.
 *   I2  Between two moments at which a list is known to be empty, puts and takes balance; the
 *       moments where they do not are counted as drift, a measure of what the trace does not tell.
 *
 * Locking.  None.  Context.  Host thread.  Failure.  None.  See also.  docs/replay.md.
 */
#include "stress/replay/replay_plan_impl.h"

#define TICK_NS		NSEC_PER_SEC
/* Visible drains of one tick (chunks) lie closer together than this. */
#define TICK_GROUP_NS	2000000ull
/* One step of the timer wheel's level for a second: 8 jiffies at 250 per second. */
#define TICK_STEP_NS	32000000ull

/* ---- start state ---- */

struct balance {
	struct plan_work *w;
	s64 *now, *least;	/* [key] blocks put minus blocks taken, and its lowest value */
	s64 *known;		/* [key] length at the start, INT64_MIN: not known */
	s64 *expect;		/* [key] @now at the last moment when the list was known empty */
	u32 *draining;		/* [cpu] list that its drain is at */
};

static void known_empty(struct balance *b, u32 key)
{
	struct replay_counts *counts = &b->w->plan->counts;

	if (b->known[key] == INT64_MIN) {
		b->known[key] = -b->now[key];
	} else {
		counts->drift_checks++;
		counts->drift += b->now[key] != b->expect[key];
	}
	b->expect[key] = b->now[key];
}

static void move(struct balance *b, u32 key, s64 blocks)
{
	b->now[key] += blocks;
	b->least[key] = min(b->least[key], b->now[key]);
}

static void balance_transfer(struct balance *b, u32 i)
{
	const struct plan_work *w = b->w;
	const struct burst *burst = &w->bursts[w->link[i]];
	unsigned int order = w->ev[i].order;
	u32 key, *at = &b->draining[burst->cpu];

	if ((!burst->drain && !burst->refill) || !pagelist_order_allowed(order))
		return;
	key = list_key(w, burst->cpu, event_zone(w, i), pagelist_index(order, w->mt[i]));
	if (burst->refill) {
		if (burst->first == i)
			known_empty(b, key);
		move(b, key, 1);
		return;
	}
	if (burst->first != i && *at != key && b->known[*at] == INT64_MIN)
		known_empty(b, *at);
	move(b, key, -1);
	*at = key;
}

static void balance_op(struct balance *b, const struct replay_op *op)
{
	u32 key;

	if (op->kind > REPLAY_BULK_TAKE)
		return;
	key = list_key(b->w, op->cpu, op->zone, pagelist_index(op->order, op->mt));
	move(b, key, op->kind == REPLAY_PUT ? 1 : -1);
}

static void balance_walk(struct balance *b)
{
	const struct plan_work *w = b->w;
	const struct replay_plan *plan = w->plan;
	u32 op = 0;

	for (u32 i = 0; i < w->nr; i++) {
		/* What is proven gone by a refill was gone before it. */
		while (op < plan->nr_ops && plan->ops[op].event == i && plan->ops[op].hidden)
			balance_op(b, &plan->ops[op++]);
		if (w->link[i] != REPLAY_NONE && w->ev[i].type != TRACE_PAGE_FREE_BATCHED)
			balance_transfer(b, i);
		while (op < plan->nr_ops && plan->ops[op].event == i)
			balance_op(b, &plan->ops[op++]);
	}
}

/* zoneinfo's count of a CPU's lists in a zone; 0 when it does not name the CPU. */
static int recorded_count(const struct replay_plan *plan, unsigned int cpu, unsigned int zone)
{
	const struct proc_zone *z = plan->zones[zone].proc;

	for (u64 i = 0; i < z->nr_pagesets; i++)
		if (z->pagesets[i].cpu == cpu)
			return z->pagesets[i].count;
	return 0;
}

/* Adds pages to the list that may hold them: order 0, of unknown length, movable first. */
static bool add_pages(struct replay_start *s, int pages)
{
	static const u8 lists[] = { MIGRATE_MOVABLE, MIGRATE_UNMOVABLE, MIGRATE_RECLAIMABLE };

	for (unsigned int i = 0; i < ARRAY_SIZE(lists); i++)
		if (!(s->known & 1u << lists[i])) {
			s->blocks[lists[i]] = (u32)((int)s->blocks[lists[i]] + pages);
			return true;
		}
	return false;
}

static void start_lists(struct balance *b, unsigned int cpu, unsigned int zone)
{
	struct replay_start *s = replay_start(b->w->plan, cpu, zone);
	int pages = 0, surplus;

	for (unsigned int list = 0; list < NR_PCP_LISTS; list++) {
		u32 key = list_key(b->w, cpu, zone, list);

		if (b->known[key] != INT64_MIN) {
			s->known = (u16)(s->known | 1u << list);
			s->blocks[list] = (u32)max(b->known[key], (s64)0);
		} else {
			s->blocks[list] = (u32)-b->least[key];
		}
		pages += (int)(s->blocks[list] << pagelist_index_order(list));
	}
	surplus = recorded_count(b->w->plan, cpu, zone) - pages;
	if (surplus > 0 && add_pages(s, surplus))
		s->surplus = (u32)surplus;
}

void plan_start(struct plan_work *w)
{
	struct replay_plan *plan = w->plan;
	u32 nr = nr_list_keys(w);
	struct balance b = { .w = w };

	b.now = plan_array(nr, sizeof(*b.now));
	b.least = plan_array(nr, sizeof(*b.least));
	b.known = plan_array(nr, sizeof(*b.known));
	b.expect = plan_array(nr, sizeof(*b.expect));
	b.draining = plan_array(plan->nr_cpus, sizeof(*b.draining));
	for (u32 key = 0; key < nr; key++)
		b.known[key] = INT64_MIN;
	balance_walk(&b);
	plan->start = plan_array(plan->nr_cpus * plan->nr_zones, sizeof(*plan->start));
	for (unsigned int cpu = 0; cpu < plan->nr_cpus; cpu++)
		for (unsigned int zone = 0; zone < plan->nr_zones; zone++)
			start_lists(&b, cpu, zone);
	free(b.now);
	free(b.least);
	free(b.known);
	free(b.expect);
	free(b.draining);
}

void replay_plan_correct(struct replay_plan *plan, unsigned int cpu, unsigned int zone, int pages)
{
	struct replay_start *s = replay_start(plan, cpu, zone);

	/* Pages of known lists are not in question. */
	pages = max(pages, -(int)s->surplus);
	if (!add_pages(s, pages))
		return;
	s->surplus = (u32)((int)s->surplus + pages);
	s->correction = pages;
}

/* ---- ticks ---- */

struct tick_list {
	struct replay_tick *v;
	u32 nr, cap;
};

static void add_tick(struct tick_list *list, u64 time_ns, unsigned int cpu, bool seen)
{
	if (list->nr == list->cap) {
		list->cap = list->cap ? list->cap * 2 : 16;
		list->v = realloc(list->v, list->cap * sizeof(*list->v));
		if (!list->v)
			panic("out of memory for %u ticks", list->cap);
	}
	list->v[list->nr++] = (struct replay_tick){ .time_ns = time_ns, .cpu = (u16)cpu,
						    .seen = seen };
}

static int tick_order(const void *a, const void *b)
{
	const struct replay_tick *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return x->cpu - y->cpu;
}

/* Inferred ticks of @cpu in (@from, @to), both a whole number of periods from @phase. */
static void infer_ticks(const struct plan_work *w, struct tick_list *list, unsigned int cpu,
			u64 from, u64 to)
{
	u64 first = w->ev[0].time_ns + TICK_STEP_NS, last = w->ev[w->nr - 1].time_ns;

	for (u64 t = from + TICK_NS; t + TICK_NS / 2 < to; t += TICK_NS)
		if (t >= first && t + TICK_STEP_NS <= last)
			add_tick(list, t, cpu, false);
}

static void cpu_ticks(const struct plan_work *w, struct tick_list *list, unsigned int cpu,
		      u64 phase)
{
	u64 start = w->ev[0].time_ns, end = w->ev[w->nr - 1].time_ns, before;
	bool seen = false;
	u64 last = 0;

	for (u32 i = 0; i < w->nr_bursts; i++) {
		const struct burst *b = &w->bursts[i];
		u64 t = w->ev[b->first].time_ns;

		if (!b->worker || b->cpu != cpu || (seen && t - last < TICK_GROUP_NS))
			continue;
		before = seen ? last : t - ((t - start) / TICK_NS + 1) * TICK_NS;
		infer_ticks(w, list, cpu, before, t);
		add_tick(list, t, cpu, true);
		seen = true;
		last = t;
	}
	if (!seen)
		last = phase - ((phase - min(start, phase)) / TICK_NS + 1) * TICK_NS;
	infer_ticks(w, list, cpu, last, end + 2 * TICK_NS);
}

void plan_ticks(struct plan_work *w)
{
	struct replay_plan *plan = w->plan;
	struct tick_list list = { 0 };
	u64 phase = w->ev[0].time_ns - w->ev[0].time_ns % TICK_NS;
	u32 op = 0;

	for (u32 i = 0; i < w->nr_bursts; i++)
		if (w->bursts[i].worker) {
			phase = w->ev[w->bursts[i].first].time_ns;
			break;
		}
	for (unsigned int cpu = 0; cpu < plan->nr_cpus; cpu++)
		cpu_ticks(w, &list, cpu, phase);
	if (list.nr)
		qsort(list.v, list.nr, sizeof(*list.v), tick_order);
	for (u32 i = 0; i < list.nr; i++) {
		while (op < plan->nr_ops && w->ev[plan->ops[op].event].time_ns < list.v[i].time_ns)
			op++;
		list.v[i].op = op;
	}
	plan->ticks = list.v;
	plan->nr_ticks = list.nr;
}

/* ---- the kernel's transfers ---- */

/* Notes the first drain of the lists: their exact count then follows from high. */
static void note_probe(struct replay_plan *plan, const struct burst *b, u32 op, u64 *first_ns,
		       u64 time_ns)
{
	struct replay_start *s = replay_start(plan, b->cpu, b->zone);

	if (!s->probed) {
		s->probed = true;
		s->probe_op = op;
		s->probe_worker = b->worker;
		*first_ns = time_ns;
	}
	if (b->worker == s->probe_worker && time_ns - *first_ns < TICK_GROUP_NS &&
	    (b->worker || !s->probe_pages))
		s->probe_pages += b->pages;
}

void plan_transfers(struct plan_work *w)
{
	struct replay_plan *plan = w->plan;
	u32 *ordinal = plan_array(plan->nr_cpus, sizeof(*ordinal)), op = 0;
	u64 *first_ns = plan_array(plan->nr_cpus * plan->nr_zones, sizeof(*first_ns));

	plan->transfers = plan_array(w->nr_bursts, sizeof(*plan->transfers));
	for (u32 i = 0; i < w->nr_bursts; i++) {
		const struct burst *b = &w->bursts[i];

		if ((!b->drain && !b->refill) || !pagelist_order_allowed(b->order))
			continue;
		for (; op < plan->nr_ops && plan->ops[op].event < b->first; op++)
			ordinal[plan->ops[op].cpu] += plan->ops[op].kind <= REPLAY_BULK_TAKE;
		plan->transfers[plan->nr_transfers++] = (struct replay_transfer) {
			.event = b->first, .ordinal = ordinal[b->cpu], .pages = b->pages,
			.cpu = b->cpu, .zone = b->zone,
			.list = (u8)pagelist_index(b->order, b->mt),
			.drain = b->drain, .worker = b->worker,
		};
		if (b->drain)
			plan->counts.drained += b->pages;
		else
			plan->counts.refilled += b->pages;
		if (b->drain)
			note_probe(plan, b, op, &first_ns[b->cpu * plan->nr_zones + b->zone],
				   w->ev[b->first].time_ns);
	}
	free(ordinal);
	free(first_ns);
}
