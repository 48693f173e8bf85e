/* SPDX-License-Identifier: MIT */
/*
 * Fault injection: which of the candidates at a site fail (the vocabulary of the kernel's
 * Documentation/fault-injection).
 *
 * A subsystem has one struct fault_attr for each kind of fault (page allocation, slab, IPI delay)
 * and asks should_fail() where the fault could happen.  Two ways of use: at random, with
 * probability, interval, times and space; or systematically, the n-th candidate and no other, for
 * every n, which drives every undo path.
 *
 * In a normal run should_fail() is one predictable branch.
 */
#ifndef RUNTIME_FAULT_INJECT_H
#define RUNTIME_FAULT_INJECT_H

#include "runtime/lib/atomic.h"
#include "runtime/lib/compiler.h"

/* What is asked for.  All zero: off. */
struct fault_options {
	bool enabled;
	unsigned int probability;	/* percent of the candidates that interval lets through */
	unsigned int interval;		/* only every n-th candidate; 0 and 1: each */
	s64 times;			/* this many failures at most; negative: no limit */
	s64 space;			/* units of size that pass before the first failure */
	u64 fail_nth;			/* the n-th candidate, nothing else; 0: at random */
};

struct fault_attr {
	const char *name;		/* as printed: "fail_page_alloc" */
	bool enabled;			/* the only word that a normal run reads */
	struct fault_options opt;	/* constant while enabled */
	s64 times, space;		/* atomic: what is left */
	u64 candidates, injected;	/* atomic: since fault_attr_set() */
};

#define FAULT_ATTR(text)	{ .name = (text) }

/*
 * Copies @opt, zeroes the counts and arms the attribute.  Host thread with the machine idle, or one
 * CPU while no other passes the site.
 */
void fault_attr_set(struct fault_attr *attr, const struct fault_options *opt);

/* Counts a candidate of @size units and decides.  Any context of a CPU, or the host thread. */
__cold bool __should_fail(struct fault_attr *attr, s64 size);

static inline bool should_fail(struct fault_attr *attr, s64 size)
{
	return unlikely(READ_ONCE(attr->enabled)) && __should_fail(attr, size);
}

/*
 * The systematic walk: `for (u64 n = 1; fault_nth_arm(attr, n); n++) { ...; }` runs its body once
 * for every candidate that the body passes, with the n-th failing, and ends after the first turn in
 * which nothing failed because there is no n-th.  Disarms the attribute at the end.
 */
bool fault_nth_arm(struct fault_attr *attr, u64 n);

#endif /* RUNTIME_FAULT_INJECT_H */
