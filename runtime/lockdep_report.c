/* SPDX-License-Identifier: MIT */
/*
 * The texts of lockdep's graph: both chains of locks, each with the sites that took them.
 *
 * The graph's lock is held and the process is about to abort: nothing here takes a lock.
 */
#if KMEMLAB_DEBUG
#include <stdarg.h>
#include <stdio.h>

#include "runtime/lockdep_graph.h"

/* The report under construction; the first report is the last. */
static char text[8192];
static size_t len;

__printf(1, 2) static void say(const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text + len, sizeof(text) - len, fmt, ap);
	va_end(ap);
	if (n > 0)
		len = min(len + (size_t)n, sizeof(text) - 1);
}

const char *lockdep_site_text(const struct lock_site *site, char *buf, size_t size)
{
	if (!site)
		return "owner side";
	return code_site_text(&site->code, buf, size);
}

static const char *name_of(u8 id)
{
	return lockdep_graph->classes[id].name;
}

static void say_order(u8 from, const struct lock_site *from_site, u8 to,
		      const struct lock_site *to_site)
{
	char a[256], b[256];

	say("  %s -> %s: %s taken at %s,\n", name_of(from), name_of(to), name_of(from),
	    lockdep_site_text(from_site, a, sizeof(a)));
	say("    then %s at %s\n", name_of(to), lockdep_site_text(to_site, b, sizeof(b)));
}

static void say_edge(u8 from, u8 to)
{
	for (unsigned int i = 0; i < lockdep_graph->nr_edges; i++) {
		const struct lockdep_edge *e = &lockdep_graph->edges[i];

		if (e->from == from && e->to == to)
			say_order(from, e->from_site, to, e->to_site);
	}
}

static void say_path(const struct lockdep_path *path)
{
	for (unsigned int i = 0; i + 1 < path->nr; i++)
		say_edge(path->id[i], path->id[i + 1]);
}

static void say_usage(u8 id, enum lockdep_usage usage)
{
	static const char *const words[NR_USAGES] = {
		[USED_IN_HARDIRQ] = "waited for in a hardirq",
		[USED_IN_SOFTIRQ] = "waited for in a softirq",
		[HARDIRQS_ON] = "held with hardirqs on",
		[SOFTIRQS_ON] = "held with softirqs on",
	};
	char buf[256];

	say("  %s %s, taken at %s\n", name_of(id), words[usage],
	    lockdep_site_text(lockdep_graph->classes[id].usage_site[usage], buf, sizeof(buf)));
}

void lockdep_report_cycle(const struct lockdep_held *held, u8 to, const struct lock_site *to_site,
			  const struct lockdep_path *back)
{
	say("lockdep: possible deadlock: lock order: a cycle of %u\n", max(back->nr, 1u));
	say("  now\n");
	say_order(held->class, held->site, to, to_site);
	if (held->class == to)
		say("  two locks of one class; a class whose instances nest says same_rank_ok\n");
	else
		say("  seen before\n");
	say_path(back);
	panic("%s", text);
}

void lockdep_report_usage(u8 id, enum lockdep_usage in, enum lockdep_usage on)
{
	say("lockdep: inconsistent lock state: the handler would wait for its own CPU\n");
	say_usage(id, in);
	say_usage(id, on);
	panic("%s", text);
}

void lockdep_report_inversion(const struct lockdep_path *path, bool softirq)
{
	u8 first = path->id[0], last = path->id[path->nr - 1];

	say("lockdep: %s-safe -> %s-unsafe lock order\n", softirq ? "softirq" : "hardirq",
	    softirq ? "softirq" : "hardirq");
	say_usage(first, softirq ? USED_IN_SOFTIRQ : USED_IN_HARDIRQ);
	say_usage(last, softirq ? SOFTIRQS_ON : HARDIRQS_ON);
	say_path(path);
	panic("%s", text);
}
#else
_Static_assert(1, "release builds have no lockdep");
#endif
