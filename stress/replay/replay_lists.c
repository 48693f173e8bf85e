/* SPDX-License-Identifier: MIT */
/*
 * replay_lists.c - rebuilds the kernel's page lists from a trace and finds what left no event.
 *
 * What.  Bulk allocations and tasks that the recorder left out take and put pages without an event.
 * A list is a stack, so they betray themselves: a page that comes out while others lie above it
 * proves that those are gone.  The pass keeps a stack of real pages for each list and checks every
 * event against it.
 *
 * States of a page.  Unknown (never met) -> listed (on one stack) <-> seen (known to be allocated,
 * or known to be gone from its list) -> unknown (in the buddy).
 *
 * Rules.  Nothing is fitted to a result: each uses a page's identity and the order of a stack.
 *   Refill begins   the list is empty, so whatever is on its stack is gone; a page whose allocation
 *                   event comes within 5 ms is only in flight (the event fires after zeroing).
 *   Put             push; a page that is listed already was taken unseen, just now at the latest.
 *   Drain           the page leaves its stack.
 *   Take of X       at the top: pop.  Under others: the next events tell whether the others come
 *                   out later (then X alone moved) or not (then they are gone).  On another stack:
 *                   the task moved between take and event.  On no stack: seen means that a put
 *                   went unseen; otherwise the next events tell between an unseen put and a page
 *                   that lay on the list from the start (then the whole stack is gone).
 *   Gone page Y     its next event says how: out of the buddy means that its free never reached
 *                   the list (an interrupt found it in use); else it was taken unseen.
 *
 * Two runs.  The first finds frees that never reached the list; their neighbours in the same
 * interrupt met the same owner and are marked too.  The second, knowing them, gives the result.
 *
 * Invariants.
 *   I1  A page is on at most one stack; w->rank falls strictly from a stack's top to its bottom.
 *   I2  Every take from a stack that the plan holds is there at its moment: replaying events and
 *       hidden operations in order never takes from a list more than lay on it.
 *
 * Locking.  None.  Context.  Host thread.  Failure.  None.
 * See also.  docs/replay.md; tests/unit/test_replay_plan.c.
 */
#include <string.h>

#include "stress/replay/replay_plan_impl.h"

/* How far to look ahead for the event that decides; a cut-off, not a fit. */
#define LOOK_AHEAD	200
/* From a take to its event, and between two frees of one interrupt. */
#define IN_FLIGHT_NS	5000000ull
#define SAME_IRQ_NS	20000ull

struct tracker {
	struct plan_work *w;
	/* Stacks, linked both ways; page ids. */
	u32 *top, *bottom;	/* [key] */
	u32 *above, *below;	/* [page] */
	s64 *rank;		/* [page] higher is nearer to the top */
	u32 *key;		/* [page] its stack, REPLAY_NONE: not listed */
	u32 *pushed;		/* [page] the event that listed it */
	bool *seen;		/* [page] */
	s64 high_rank, low_rank;
	/* Takes by list, in order. */
	u32 *takes, *first_take;	/* [first_take[key] .. first_take[key + 1]) */
	u32 *put_at;		/* [key] where unseen puts of a row of takes go */
	u32 cap_hidden;
};

/* ---- stacks ---- */

static void stack_push(struct tracker *t, u32 key, u32 page, u32 event)
{
	u32 old = t->top[key];

	t->below[page] = old;
	t->above[page] = REPLAY_NONE;
	if (old != REPLAY_NONE)
		t->above[old] = page;
	else
		t->bottom[key] = page;
	t->top[key] = page;
	t->rank[page] = ++t->high_rank;
	t->key[page] = key;
	t->pushed[page] = event;
}

static void stack_append(struct tracker *t, u32 key, u32 page, u32 event)
{
	u32 old = t->bottom[key];

	t->above[page] = old;
	t->below[page] = REPLAY_NONE;
	if (old != REPLAY_NONE)
		t->below[old] = page;
	else
		t->top[key] = page;
	t->bottom[key] = page;
	t->rank[page] = --t->low_rank;
	t->key[page] = key;
	t->pushed[page] = event;
}

static void stack_remove(struct tracker *t, u32 page)
{
	u32 key = t->key[page], above = t->above[page], below = t->below[page];

	if (above != REPLAY_NONE)
		t->below[above] = below;
	else
		t->top[key] = below;
	if (below != REPLAY_NONE)
		t->above[below] = above;
	else
		t->bottom[key] = above;
	t->key[page] = REPLAY_NONE;
}

/* ---- findings ---- */

static void add_hidden(struct tracker *t, const struct hidden_op *op)
{
	struct plan_work *w = t->w;

	if (w->nr_hidden == t->cap_hidden) {
		t->cap_hidden = t->cap_hidden ? t->cap_hidden * 2 : 1024;
		w->hidden = realloc(w->hidden, t->cap_hidden * sizeof(*w->hidden));
		if (!w->hidden)
			panic("out of memory for %u hidden operations", t->cap_hidden);
	}
	w->hidden[w->nr_hidden] = *op;
	w->hidden[w->nr_hidden].seq = w->nr_hidden;
	w->nr_hidden++;
}

/* The first event of a listed page from @event on. */
static u32 next_event(const struct tracker *t, u32 page, u32 event)
{
	u32 next = t->w->next[t->pushed[page]];

	while (next != REPLAY_NONE && next < event)
		next = t->w->next[next];
	return next;
}

static void page_gone(struct tracker *t, u32 page, u32 event)
{
	u32 next = next_event(t, page, event);
	unsigned int type = next == REPLAY_NONE ? TRACE_NR_TYPES : t->w->ev[next].type;

	/* It is still there to be drained: the trace contradicts itself (lost events). */
	if (type == TRACE_PAGE_PCPU_DRAIN)
		return;
	if (type == TRACE_PAGE_ZONE_LOCKED)
		t->w->mark[t->pushed[page]] |= MARK_SEED;
	else
		add_hidden(t, &(struct hidden_op){ .at = event, .page = page,
						   .key = t->key[page] });
	stack_remove(t, page);
	t->seen[page] = true;
}

/* First take of list @key after event @event, as an index into t->takes. */
static u32 takes_after(const struct tracker *t, u32 key, u32 event)
{
	u32 low = t->first_take[key], high = t->first_take[key + 1];

	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (t->takes[mid] <= event)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/*
 * Whether the next decisive take from @key is of a page that lies above rank @above: then those
 * pages are still there.
 */
static bool taken_later(const struct tracker *t, u32 key, u32 event, s64 above)
{
	u32 from = takes_after(t, key, event), end = t->first_take[key + 1];

	for (u32 i = from; i < end && i - from < LOOK_AHEAD; i++) {
		u32 page = t->w->page[t->takes[i]];

		if (t->key[page] == key)
			return t->rank[page] > above;
	}
	return false;
}

static void gone_above(struct tracker *t, u32 key, s64 rank, u32 event)
{
	u32 page = t->top[key];

	while (page != REPLAY_NONE && t->rank[page] > rank) {
		u32 below = t->below[page];

		page_gone(t, page, event);
		page = below;
	}
}

/* ---- events ---- */

static void take_listed(struct tracker *t, u32 event, u32 page)
{
	u32 key = t->key[page];

	t->w->cpu[event] = (u16)(key / NR_PCP_LISTS / t->w->plan->nr_zones);
	if (t->top[key] != page && !taken_later(t, key, event, t->rank[page]))
		gone_above(t, key, t->rank[page], event);
	stack_remove(t, page);
	t->put_at[key] = REPLAY_NONE;
}

static void take_unlisted(struct tracker *t, u32 event, u32 page)
{
	const struct trace_event *ev = &t->w->ev[event];
	u32 key = list_key(t->w, ev->cpu, event_zone(t->w, event),
			   pagelist_index(ev->order, t->w->mt[event]));
	bool put = t->seen[page];

	if (!put && t->top[key] != REPLAY_NONE) {
		put = taken_later(t, key, event, INT64_MIN);
		if (!put)
			gone_above(t, key, INT64_MIN, event);
	}
	if (!put) {
		t->put_at[key] = REPLAY_NONE;
		return;
	}
	/* Unseen puts of a row of takes came before the first of them. */
	if (t->put_at[key] == REPLAY_NONE)
		t->put_at[key] = event;
	add_hidden(t, &(struct hidden_op){ .at = t->put_at[key], .page = page, .key = key,
					   .put = true });
}

static void on_take(struct tracker *t, u32 event)
{
	u32 page = t->w->page[event];

	if (t->key[page] != REPLAY_NONE)
		take_listed(t, event, page);
	else
		take_unlisted(t, event, page);
	t->seen[page] = true;
}

/* A commit: of event @freed, at @event (the same, or the batched one). */
static void on_put(struct tracker *t, u32 event, u32 freed)
{
	struct plan_work *w = t->w;
	u32 page = w->page[event], key;

	if (w->mark[freed] & MARK_DIRECT) {
		t->seen[page] = false;
		return;
	}
	key = list_key(w, w->ev[event].cpu, event_zone(w, event),
		       pagelist_index(w->ev[freed].order, w->mt[event]));
	if (t->key[page] != REPLAY_NONE) {
		add_hidden(t, &(struct hidden_op){ .at = event, .page = page,
						   .key = t->key[page] });
		stack_remove(t, page);
	}
	stack_push(t, key, page, freed);
	t->seen[page] = false;
	t->put_at[key] = REPLAY_NONE;
}

static void on_drain(struct tracker *t, u32 event)
{
	u32 page = t->w->page[event];

	if (t->key[page] != REPLAY_NONE)
		stack_remove(t, page);
	t->seen[page] = false;
}

static void list_is_empty(struct tracker *t, u32 key, u32 event)
{
	u32 page = t->top[key];

	while (page != REPLAY_NONE) {
		u32 below = t->below[page], next = next_event(t, page, event);
		const struct trace_event *ev = next == REPLAY_NONE ? NULL : &t->w->ev[next];

		if (!ev || ev->type != TRACE_PAGE_ALLOC ||
		    (s64)(ev->time_ns - t->w->ev[event].time_ns) >= (s64)IN_FLIGHT_NS)
			page_gone(t, page, event);
		page = below;
	}
}

static void on_refill(struct tracker *t, u32 event)
{
	struct plan_work *w = t->w;
	const struct burst *b = &w->bursts[w->link[event]];
	u32 page = w->page[event], key;

	if (!b->refill)
		return;
	key = list_key(w, b->cpu, event_zone(w, event), pagelist_index(b->order, w->mt[event]));
	if (b->first == event)
		list_is_empty(t, key, event);
	if (t->key[page] != REPLAY_NONE) {
		/* The buddy had it: its free was direct. */
		w->mark[t->pushed[page]] |= MARK_SEED;
		stack_remove(t, page);
	}
	stack_append(t, key, page, event);
	t->seen[page] = false;
	t->put_at[key] = REPLAY_NONE;
}

static void track_event(struct tracker *t, u32 i)
{
	const struct plan_work *w = t->w;
	const struct trace_event *ev = &w->ev[i];

	if (w->page[i] == REPLAY_NONE)
		return;
	switch (ev->type) {
	case TRACE_PAGE_ALLOC:
		if (pagelist_order_allowed(ev->order))
			on_take(t, i);
		break;
	case TRACE_PAGE_FREE:
		if (!(w->mark[i] & MARK_DEFERRED) && pagelist_order_allowed(ev->order))
			on_put(t, i, i);
		break;
	case TRACE_PAGE_FREE_BATCHED:
		if (w->link[i] != REPLAY_NONE && pagelist_order_allowed(w->ev[w->link[i]].order))
			on_put(t, i, w->link[i]);
		break;
	case TRACE_PAGE_PCPU_DRAIN:
		on_drain(t, i);
		break;
	default:
		on_refill(t, i);
		break;
	}
}

/* ---- the runs ---- */

/* Sorts the takes by the list that their event names. */
static void gather_takes(struct tracker *t)
{
	const struct plan_work *w = t->w;
	u32 nr_keys = nr_list_keys(w), *fill;

	t->first_take = plan_array(nr_keys + 1, sizeof(*t->first_take));
	t->takes = plan_array(w->nr, sizeof(*t->takes));
	fill = plan_array(nr_keys + 1, sizeof(*fill));
	for (unsigned int pass = 0; pass < 2; pass++) {
		for (u32 i = 0; i < w->nr; i++) {
			const struct trace_event *ev = &w->ev[i];
			u32 key;

			if (ev->type != TRACE_PAGE_ALLOC || w->page[i] == REPLAY_NONE ||
			    !pagelist_order_allowed(ev->order))
				continue;
			key = list_key(w, ev->cpu, event_zone(w, i),
				       pagelist_index(ev->order, w->mt[i]));
			if (pass)
				t->takes[fill[key]++] = i;
			else
				t->first_take[key + 1]++;
		}
		for (u32 k = 0; !pass && k < nr_keys; k++) {
			t->first_take[k + 1] += t->first_take[k];
			fill[k + 1] = t->first_take[k + 1];
		}
	}
	free(fill);
}

static void track(struct tracker *t)
{
	struct plan_work *w = t->w;
	u32 nr_keys = nr_list_keys(w);

	memset(t->top, 0xff, nr_keys * sizeof(*t->top));
	memset(t->bottom, 0xff, nr_keys * sizeof(*t->bottom));
	memset(t->put_at, 0xff, nr_keys * sizeof(*t->put_at));
	memset(t->key, 0xff, w->pages.nr * sizeof(*t->key));
	memset(t->seen, 0, w->pages.nr * sizeof(*t->seen));
	w->nr_hidden = 0;
	for (u32 i = 0; i < w->nr; i++)
		track_event(t, i);
}

/* True for a free of the same interrupt as its neighbour @seed. */
static bool same_interrupt(const struct plan_work *w, u32 i, u32 seed, u32 near)
{
	const struct trace_event *a = &w->ev[i], *b = &w->ev[seed], *c = &w->ev[near];
	u64 gap = a->time_ns > c->time_ns ? a->time_ns - c->time_ns : c->time_ns - a->time_ns;

	return a->type == TRACE_PAGE_FREE && a->flags == b->flags && gap <= SAME_IRQ_NS &&
	       w->plan->trace->tasks[a->task].pid == w->plan->trace->tasks[b->task].pid;
}

/* Marks the frees beside @seed whose page's later events do not say that it was listed. */
static void mark_neighbours(struct plan_work *w, u32 seed, int step)
{
	u32 near = seed;

	for (s64 i = (s64)seed + step; i >= 0 && i < (s64)w->nr; i += step) {
		u32 event = (u32)i, next = w->next[event];
		unsigned int type = next == REPLAY_NONE ? TRACE_NR_TYPES : w->ev[next].type;

		if (w->ev[event].cpu != w->ev[seed].cpu)
			continue;
		if (!same_interrupt(w, event, seed, near))
			return;
		if (type != TRACE_PAGE_ALLOC && type != TRACE_PAGE_PCPU_DRAIN)
			w->mark[event] |= MARK_DIRECT;
		near = event;
	}
}

static void mark_direct_frees(struct plan_work *w)
{
	for (u32 i = 0; i < w->nr; i++) {
		if (w->ev[i].type != TRACE_PAGE_FREE || !(w->mark[i] & MARK_SEED))
			continue;
		w->mark[i] |= MARK_DIRECT;
		if (!(w->ev[i].flags & (TRACE_F_SOFTIRQ | TRACE_F_HARDIRQ)))
			continue;
		mark_neighbours(w, i, -1);
		mark_neighbours(w, i, 1);
	}
}

static int hidden_order(const void *a, const void *b)
{
	const struct hidden_op *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (x->seq > y->seq) - (x->seq < y->seq);
}

void plan_lists(struct plan_work *w)
{
	u32 nr_keys = nr_list_keys(w), nr = w->pages.nr;
	struct tracker t = { .w = w };

	t.top = plan_array(nr_keys, sizeof(u32));
	t.bottom = plan_array(nr_keys, sizeof(u32));
	t.put_at = plan_array(nr_keys, sizeof(u32));
	t.above = plan_array(nr, sizeof(u32));
	t.below = plan_array(nr, sizeof(u32));
	t.rank = plan_array(nr, sizeof(s64));
	t.key = plan_array(nr, sizeof(u32));
	t.pushed = plan_array(nr, sizeof(u32));
	t.seen = plan_array(nr, sizeof(bool));
	gather_takes(&t);
	track(&t);
	mark_direct_frees(w);
	track(&t);
	/* An unseen put is found later than it took place. */
	if (w->nr_hidden)
		qsort(w->hidden, w->nr_hidden, sizeof(*w->hidden), hidden_order);
	free(t.top);
	free(t.bottom);
	free(t.put_at);
	free(t.above);
	free(t.below);
	free(t.rank);
	free(t.key);
	free(t.pushed);
	free(t.seen);
	free(t.takes);
	free(t.first_take);
}
