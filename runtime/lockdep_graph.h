/* SPDX-License-Identifier: MIT */
/* lockdep's learned order graph; included by runtime/lockdep*.c only. */
#ifndef RUNTIME_LOCKDEP_GRAPH_H
#define RUNTIME_LOCKDEP_GRAPH_H

#include "runtime/lockdep.h"

#if KMEMLAB_DEBUG

/* How a class has been taken; the irq rules are about pairs of these. */
enum lockdep_usage {
	USED_IN_HARDIRQ, USED_IN_SOFTIRQ,	/* blocked on in that context */
	HARDIRQS_ON, SOFTIRQS_ON,		/* held while such a context can interrupt */
	NR_USAGES
};

struct lockdep_edge {
	u8 from, to;
	const struct lock_site *from_site, *to_site;	/* where the order was seen first */
};

struct lockdep_class {
	const struct lock_class *class;
	const char *name;
	u8 usage;				/* one bit per enum lockdep_usage */
	const struct lock_site *usage_site[NR_USAGES];	/* where it got that bit */
};

#define CLASS_WORDS	(LOCKDEP_CLASSES / 64)

/* All that is learned; shared by all CPUs, written under the graph's lock, read without. */
struct lockdep_graph {
	u8 id_of[LOCKSTAT_CLASSES];		/* of a lock_stat class; 0: not seen yet */
	unsigned int nr_classes;		/* ids 1..nr_classes are in use */
	unsigned int nr_edges;
	bool full;
	u64 next[LOCKDEP_CLASSES][CLASS_WORDS];	/* bit b of row a: a was held when b was taken */
	u64 prev[LOCKDEP_CLASSES][CLASS_WORDS];	/* the same the other way round */
	struct lockdep_class classes[LOCKDEP_CLASSES];
	struct lockdep_edge edges[LOCKDEP_EDGES];
};

extern struct lockdep_graph *lockdep_graph;

/* The id of @lock's class, made on first sight; 0 for classes outside all checks. */
u8 lockdep_class_id(const struct lock_meta *lock);

/*
 * @to is taken at @to_site under @held: remembers the order; panics when it closes a cycle or lets
 * an irq-unsafe lock be waited for under an irq-safe one.  One bit test when the order is known.
 */
void lockdep_add_edge(const struct lockdep_held *held, u8 to, const struct lock_site *to_site);

/* @id is taken in the way that @bits say; panics when that breaks an irq rule. */
void lockdep_mark_usage(u8 id, u8 bits, const struct lock_site *site);

/* lockdep_report.c: the texts; they do not return. */
struct lockdep_path {
	u8 id[LOCKDEP_CLASSES];			/* from the first class to the last */
	unsigned int nr;
};

__attribute__((noreturn)) __cold void lockdep_report_cycle(const struct lockdep_held *held, u8 to,
							   const struct lock_site *to_site,
							   const struct lockdep_path *back);
__attribute__((noreturn)) __cold void lockdep_report_usage(u8 id, enum lockdep_usage in,
							   enum lockdep_usage on);
/* @safe ... @unsafe lie on @path; @softirq tells which level's rule it breaks. */
__attribute__((noreturn)) __cold void lockdep_report_inversion(const struct lockdep_path *path,
							       bool softirq);
const char *lockdep_site_text(const struct lock_site *site, char *buf, size_t size);

#endif

#endif /* RUNTIME_LOCKDEP_GRAPH_H */
