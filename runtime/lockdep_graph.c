/* SPDX-License-Identifier: MIT */
/*
 * lockdep's order graph: who was taken under whom, and in which contexts.
 *
 * What.  A class is a kind of lock: one struct lock_class, or one instance of it where the class
 * has no rank (tests name their locks).  An edge a -> b says that some CPU held a when it blocked
 * on b.  It is learned once; from then on every acquisition in that order costs one bit test.
 *
 * Invariants.
 *   I1  The graph has no cycle: the edge that would close one is reported instead of added.  Two
 *       CPUs that take the two chains at the same time would wait for each other.
 *   I2  No class is both used in a hardirq and held with hardirqs on; likewise for softirqs.  The
 *       handler would wait for what its own CPU holds.
 *   I3  No path leads from a class used in an irq level to a class held with that level on: while
 *       the second is held, the handler could block on the first, which another CPU holds while it
 *       waits for the second.
 *   I4  Words of the graph go from unset to set only, and a class or edge is complete before the
 *       word that makes it visible.
 *
 * Locking.  graph_lock serialises writers; readers take none (I4).  It is a bare word, held for
 * microseconds, outside all statistics, and no safepoint lies inside.
 * Context.  Any.  Failure.  A full table stops the learning, once, with a message.
 * See also.  linux: kernel/locking/lockdep.c.
 */
#if KMEMLAB_DEBUG
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "runtime/lockdep_graph.h"

struct lockdep_graph *lockdep_graph;
static u32 graph_lock;

static void lock_graph(void)
{
	while (__atomic_exchange_n(&graph_lock, 1, __ATOMIC_ACQUIRE))
		sched_yield();
}

static void unlock_graph(void)
{
	__atomic_store_n(&graph_lock, 0, __ATOMIC_RELEASE);
}

static bool test_bit(const u64 *row, u8 id)
{
	return owner_read(row[id / 64]) >> (id % 64) & 1;
}

static void set_bit(u64 *row, u8 id)
{
	__atomic_fetch_or(&row[id / 64], 1ULL << (id % 64), __ATOMIC_RELEASE);
}

static void table_is_full(struct lockdep_graph *g, const char *what)
{
	if (!g->full)
		fprintf(stderr, "lockdep: more than the %s of runtime/lib/limits.h: what comes "
			"later is not checked\n", what);
	g->full = true;
}

/* ---- classes ---- */

static u8 class_make(struct lockdep_graph *g, const struct lock_meta *lock)
{
	const struct lock_class *class = lockstat_class_of(lock->class);
	bool own = class->rank == RANK_NONE;
	unsigned int id;

	for (id = 1; id <= g->nr_classes; id++)
		if (!own && g->classes[id].class == class)
			goto found;
	if (id == LOCKDEP_CLASSES) {
		table_is_full(g, "LOCKDEP_CLASSES");
		return 0;
	}
	g->classes[id].class = class;
	g->classes[id].name = own ? lockstat_class_name(lock->class) : class->name;
	owner_write(g->nr_classes, id);
found:
	__atomic_store_n(&g->id_of[lock->class], (u8)id, __ATOMIC_RELEASE);	/* I4 */
	return (u8)id;
}

u8 lockdep_class_id(const struct lock_meta *lock)
{
	struct lockdep_graph *g = lockdep_graph;
	u8 id = __atomic_load_n(&g->id_of[lock->class], __ATOMIC_ACQUIRE);

	if (likely(id))
		return id;
	lock_graph();
	id = g->id_of[lock->class];
	if (!id)
		id = class_make(g, lock);
	unlock_graph();
	return id;
}

/* ---- searching ---- */

struct search {
	u8 parent[LOCKDEP_CLASSES];	/* 0: not reached; the start is its own parent */
	u8 queue[LOCKDEP_CLASSES];
	unsigned int head, tail;
};

static void reach(struct search *s, u8 id, u8 parent)
{
	if (s->parent[id])
		return;
	s->parent[id] = parent;
	s->queue[s->tail++] = id;
}

/*
 * Breadth first from @start along @rows: the first class that is @target (when not 0) or has a bit
 * of @usage, or 0.
 */
static u8 search(struct search *s, const u64 (*rows)[CLASS_WORDS], u8 start, u8 target, u8 usage)
{
	memset(s->parent, 0, sizeof(s->parent));
	s->head = s->tail = 0;
	reach(s, start, start);
	while (s->head < s->tail) {
		u8 id = s->queue[s->head++];

		if (id == target || (lockdep_graph->classes[id].usage & usage))
			return id;
		for (unsigned int w = 0; w < CLASS_WORDS; w++)
			for (u64 bits = rows[id][w]; bits; bits &= bits - 1)
				reach(s, (u8)(w * 64 + (unsigned int)__builtin_ctzll(bits)), id);
	}
	return 0;
}

/* Appends the way from @id back to where the search began, both included. */
static void append_way(struct lockdep_path *path, const struct search *s, u8 id)
{
	path->id[path->nr++] = id;
	while (s->parent[id] != id) {
		id = s->parent[id];
		path->id[path->nr++] = id;
	}
}

/* The same in the other direction; the start is left out when @skip_start. */
static void append_way_to(struct lockdep_path *path, const struct search *s, u8 id,
			  bool skip_start)
{
	struct lockdep_path way = { .nr = 0 };

	append_way(&way, s, id);
	for (unsigned int i = way.nr - (skip_start ? 1 : 0); i-- > 0;)
		path->id[path->nr++] = way.id[i];
}

/* ---- the rules ---- */

/*
 * I3 for what passes over the edge @from -> @to, or over one class when they are equal: from the
 * classes before that are used in the level to those behind that are held with it on.
 */
static void check_inversion(u8 from, u8 to, bool softirq)
{
	u8 used = (u8)(1u << (softirq ? USED_IN_SOFTIRQ : USED_IN_HARDIRQ));
	u8 on = (u8)(1u << (softirq ? SOFTIRQS_ON : HARDIRQS_ON));
	struct lockdep_path path = { .nr = 0 };
	struct search before, behind;
	u8 first, last;

	first = search(&before, lockdep_graph->prev, from, 0, used);
	if (!first)
		return;
	last = search(&behind, lockdep_graph->next, to, 0, on);
	if (!last)
		return;
	append_way(&path, &before, first);	/* first ... from */
	append_way_to(&path, &behind, last, from == to);
	lockdep_report_inversion(&path, softirq);
}

/* I1: is there a way from @to back to @held? */
static void check_cycle(const struct lockdep_held *held, u8 to, const struct lock_site *site)
{
	struct lockdep_path path = { .nr = 0 };
	struct search s;

	if (search(&s, lockdep_graph->next, to, held->class, 0) != held->class)
		return;
	append_way_to(&path, &s, held->class, false);
	lockdep_report_cycle(held, to, site, &path);
}

static void edge_make(struct lockdep_graph *g, const struct lockdep_held *held, u8 to,
		      const struct lock_site *site)
{
	if (g->nr_edges == LOCKDEP_EDGES) {
		table_is_full(g, "LOCKDEP_EDGES");
		return;
	}
	check_cycle(held, to, site);
	g->edges[g->nr_edges++] = (struct lockdep_edge){
		.from = held->class, .to = to, .from_site = held->site, .to_site = site,
	};
	set_bit(g->prev[to], held->class);
	set_bit(g->next[held->class], to);
	check_inversion(held->class, to, false);
	check_inversion(held->class, to, true);
}

void lockdep_add_edge(const struct lockdep_held *held, u8 to, const struct lock_site *site)
{
	struct lockdep_graph *g = lockdep_graph;

	if (!to || likely(test_bit(g->next[held->class], to)))
		return;
	if (held->class == to && g->classes[to].class->same_rank_ok)
		return;
	lock_graph();
	if (!test_bit(g->next[held->class], to))
		edge_make(g, held, to, site);
	unlock_graph();
}

/* The class got @bit: what it meets in the class itself (I2), then along the edges (I3). */
static void check_usage(u8 id, enum lockdep_usage bit)
{
	bool softirq = bit == USED_IN_SOFTIRQ || bit == SOFTIRQS_ON;
	enum lockdep_usage in = softirq ? USED_IN_SOFTIRQ : USED_IN_HARDIRQ;
	enum lockdep_usage on = softirq ? SOFTIRQS_ON : HARDIRQS_ON;
	u8 both = (u8)(1u << in | 1u << on);

	if ((lockdep_graph->classes[id].usage & both) == both)
		lockdep_report_usage(id, in, on);
	check_inversion(id, id, softirq);
}

void lockdep_mark_usage(u8 id, u8 bits, const struct lock_site *site)
{
	struct lockdep_class *class = &lockdep_graph->classes[id];

	if (!id || likely((owner_read(class->usage) & bits) == bits))
		return;
	lock_graph();
	for (unsigned int i = 0; i < NR_USAGES; i++) {
		u8 bit = (u8)(1u << i);

		if (!(bits & bit) || (class->usage & bit))
			continue;
		class->usage_site[i] = site;
		__atomic_fetch_or(&class->usage, bit, __ATOMIC_RELEASE);	/* I4 */
		check_usage(id, (enum lockdep_usage)i);
	}
	unlock_graph();
}

struct lockdep_stats lockdep_stats(void)
{
	const struct lockdep_graph *g = lockdep_graph;

	return (struct lockdep_stats){
		.classes = g->nr_classes, .edges = g->nr_edges, .full = g->full,
	};
}
#else
_Static_assert(1, "release builds have no lockdep");
#endif
