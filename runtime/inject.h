/* SPDX-License-Identifier: MIT */
/*
 * Faults of timing: calls that arrive late, locks that are held for longer, interrupts that come
 * in storms.  What they bring out are windows that are too short to be hit otherwise.  (Faults of
 * memory, calls that fail, are in runtime/fault_inject.h.)
 *
 *	ipi-delay=US[/N]	one call interrupt in N is taken up to US microseconds late, while
 *				its target goes on with what it does
 *	lock-delay=US[/N]	one lock in N, just taken, is kept up to US microseconds longer
 *	lock-hold=NS@LOCK	each lock of that name, or of a name that begins with these whole
 *				words, is kept NS nanoseconds longer: a planted slow section, and
 *				what `kmemlab whatif` asks with; 0 does all but the waiting
 *	irq-storm=K[/N]		one device interrupt in N comes again at each of the next K
 *				safepoints
 *
 * Every choice comes from the seed and the CPU's own path.  With the SIM back end a microsecond is
 * fifty scheduling points.  When off none of them costs anything on a lock's fast path: they hang
 * on branches that are there anyway.
 */
#ifndef RUNTIME_INJECT_H
#define RUNTIME_INJECT_H

#include "runtime/lib/atomic.h"
#include "runtime/lib/compiler.h"

struct cpu;

enum inject_kind {
	INJECT_IPI_DELAY, INJECT_LOCK_DELAY, INJECT_IRQ_STORM, INJECT_LOCK_HOLD, NR_INJECT,
};

#define INJECT_AMOUNT_MAX	10000	/* us, or interrupts of a storm */
#define INJECT_HOLD_MAX		1000000	/* ns */
#define INJECT_LOCK_MAX		64
#define INJECT_ONE_IN_MAX	1000000000
#define INJECT_TEXT_MAX		224

struct inject_rule {
	u32 amount;		/* us at most; interrupts of a storm; ns of a hold */
	u32 one_in;		/* of the candidates; 0: off */
};

struct inject_options {
	struct inject_rule rule[NR_INJECT];
	char lock[INJECT_LOCK_MAX];	/* of lock-hold */
};

/* What was done since inject_start() or inject_seed(); exact. */
struct inject_stats {
	u64 candidates;
	u64 injected;
	u64 amount;		/* ns of delay, or interrupts that storms added */
};

/*
 * Reads a list like "ipi-delay=20/8,irq-storm=50".  Returns 0, or -EINVAL with what is wrong and
 * the remedy in @err[@size].
 */
__must_check int inject_parse(const char *text, struct inject_options *opt, char *err,
			      size_t size);
/* The list that inject_parse() reads as @opt; "" when all is off.  Returns @buf. */
const char *inject_text(const struct inject_options *opt, char *buf, size_t size);
const char *inject_name(enum inject_kind kind);
bool inject_wanted(const struct inject_options *opt);

/* Begins to inject as @opt says.  Host thread, every CPU online and idle.  0 or -ENOMEM. */
__must_check int inject_start(const struct inject_options *opt, u64 seed);
/* Ends it; the counts stay.  Host thread, every CPU online and idle. */
void inject_stop(void);
/* Starts the streams and counts over.  Host thread, every CPU idle since a cpu_run_all(). */
void inject_seed(u64 seed);
/* Over all CPUs; zero when inject_start() was never called on this machine. */
struct inject_stats inject_stats(enum inject_kind kind);
void inject_shutdown(void);

extern bool inject_active[NR_INJECT];

static inline bool inject_on(enum inject_kind kind)
{
	return unlikely(READ_ONCE(inject_active[kind]));
}

/* ---- for the places where it happens ---- */

/* A call interrupt is pending on this CPU: true when it is not to be taken yet.  Hardirq. */
__cold bool inject_hold_call_back(void);
/*
 * This CPU has just taken a lock of the class with this id, or shut the owner of one out.  To ask
 * for: inject_on(INJECT_LOCK_DELAY), which is also true for lock-hold.
 */
__cold void inject_keep_lock(u16 class);
/* This CPU has handled @vec: true when that is to be pending again.  Hardirq. */
__cold bool inject_storm(unsigned int vec);

#endif /* RUNTIME_INJECT_H */
