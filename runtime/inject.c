/* SPDX-License-Identifier: MIT */
/*
 * Faults of timing.
 *
 * What.  Each CPU decides for itself, from streams of its own, what becomes late.  A call that is
 * held back stays pending: its target goes on and looks again at its next safepoint, until the time
 * is over.  A lock is kept by letting time pass in the name of its holder.  A storm makes a vector
 * pending again each time it was handled.
 *
 * Invariants.
 *   I1  What a CPU draws depends on the seed and on its own candidates only; a stream belongs to
 *       one level of it, so task and handler do not share words.
 *   I2  injected <= candidates; with one_in 1 they are equal, but for a lock-hold of 0 ns.
 *   I3  A call is held back for a bounded time, and not at all on a CPU that comes or goes: it must
 *       have answered all calls before it leaves.
 *   I4  While lock delays or a lock-hold are on, each CPU's fast-path recorder (cpu->lockstat) is
 *       hidden, which sends every exclusive acquisition through lockstat_acquired_injected().  Off
 *       costs nothing.
 *
 * Locking.  None; a CPU writes its own record.  Context.  See the header.
 * Failure.  No memory: nothing is injected.
 * See also.  tests/unit/test_inject.c.
 */
#include "runtime/inject.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/backend.h"
#include "runtime/hostmem.h"
#include "runtime/hotplug.h"
#include "runtime/irq.h"
#include "runtime/lockstat.h"

struct inject_cpu {
	struct rand_state rand[NR_INJECT][2];	/* by level: task and softirq, hardirq (I1) */
	struct inject_stats stats[NR_INJECT];
	u64 held_until;			/* ns; 0: no call is held back */
	unsigned int storm_vec, storm_left;	/* interrupts of the storm still to come */
} __cacheline_aligned;

static const struct {
	const char *name;
	u32 one_in;			/* when not given */
} kinds[NR_INJECT] = {
	[INJECT_IPI_DELAY] = { "ipi-delay", 8 },
	[INJECT_LOCK_DELAY] = { "lock-delay", 100 },
	[INJECT_IRQ_STORM] = { "irq-storm", 100 },
	[INJECT_LOCK_HOLD] = { "lock-hold", 1 },
};

bool inject_active[NR_INJECT];
static struct inject_options options;	/* constant while anything is active */
static struct inject_cpu *state;	/* [nr_cpu_ids] */
/* Whether a class is the one of lock-hold, once somebody looked; all who look find the same. */
static u8 class_hit[LOCKSTAT_CLASSES];
enum { HIT_UNKNOWN, HIT_YES, HIT_NO };

/* ---- options as text ---- */

const char *inject_name(enum inject_kind kind)
{
	return kinds[kind].name;
}

bool inject_wanted(const struct inject_options *opt)
{
	for (int i = 0; i < NR_INJECT; i++)
		if (opt->rule[i].one_in)
			return true;
	return false;
}

/* A whole number of [1, max] that ends at @end; 0 when it is none. */
static u32 parse_part(const char *text, const char *end, u32 max)
{
	char *rest;
	unsigned long value;

	if (*text < '0' || *text > '9')
		return 0;
	errno = 0;
	value = strtoul(text, &rest, 10);
	return rest == end && !errno && value <= max ? (u32)value : 0;
}

/* "NS@LOCK" of lock-hold. */
static int parse_hold(const char *text, const char *end, struct inject_options *opt)
{
	const char *at = memchr(text, '@', (size_t)(end - text));
	size_t len = at ? (size_t)(end - at) - 1 : 0;
	struct inject_rule r = { .one_in = 1 };

	if (!len || len >= sizeof(opt->lock))
		return -EINVAL;
	r.amount = parse_part(text, at, INJECT_HOLD_MAX);
	if (!r.amount && (at != text + 1 || *text != '0'))
		return -EINVAL;
	memcpy(opt->lock, at + 1, len);
	opt->lock[len] = '\0';
	opt->rule[INJECT_LOCK_HOLD] = r;
	return 0;
}

/* One "name=amount[/one_in]" of @len bytes. */
static int parse_rule(const char *text, size_t len, struct inject_options *opt)
{
	const char *end = text + len, *slash, *stop;

	for (int i = 0; i < NR_INJECT; i++) {
		size_t name = strlen(kinds[i].name);
		struct inject_rule r = { .one_in = kinds[i].one_in };

		if (len <= name || strncmp(text, kinds[i].name, name) || text[name] != '=')
			continue;
		if (i == INJECT_LOCK_HOLD)
			return parse_hold(text + name + 1, end, opt);
		slash = memchr(text, '/', len);
		stop = slash ? slash : end;
		r.amount = parse_part(text + name + 1, stop, INJECT_AMOUNT_MAX);
		if (slash)
			r.one_in = parse_part(slash + 1, end, INJECT_ONE_IN_MAX);
		if (!r.amount || !r.one_in)
			return -EINVAL;
		opt->rule[i] = r;
		return 0;
	}
	return -EINVAL;
}

int inject_parse(const char *text, struct inject_options *opt, char *err, size_t size)
{
	*opt = (struct inject_options){ 0 };
	for (;;) {
		size_t len = strcspn(text, ",");

		if (parse_rule(text, len, opt)) {
			snprintf(err, size, "\"%.*s\" is none of ipi-delay=US[/N], "
				 "lock-delay=US[/N], irq-storm=K[/N], lock-hold=NS@LOCK; give US "
				 "and K from 1 to %d, NS up to %d", (int)min(len, (size_t)40), text,
				 INJECT_AMOUNT_MAX, INJECT_HOLD_MAX);
			return -EINVAL;
		}
		if (!text[len])
			return 0;
		text += len + 1;
	}
}

const char *inject_text(const struct inject_options *opt, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (int i = 0; i < INJECT_LOCK_HOLD && len < size; i++)
		if (opt->rule[i].one_in)
			len += (size_t)snprintf(buf + len, size - len, "%s%s=%u/%u",
						len ? "," : "", kinds[i].name,
						opt->rule[i].amount, opt->rule[i].one_in);
	if (opt->rule[INJECT_LOCK_HOLD].one_in && len < size)
		snprintf(buf + len, size - len, "%s%s=%u@%s", len ? "," : "",
			 kinds[INJECT_LOCK_HOLD].name, opt->rule[INJECT_LOCK_HOLD].amount,
			 opt->lock);
	return buf;
}

/* ---- on and off ---- */

void inject_seed(u64 seed)
{
	for (unsigned int cpu = 0; state && cpu < nr_cpu_ids; cpu++) {
		struct inject_cpu *s = &state[cpu];

		*s = (struct inject_cpu){ 0 };
		/* Streams far from those of the CPUs, the devices and the loads. */
		for (unsigned int i = 0; i < 2 * NR_INJECT; i++)
			rand_init(&s->rand[i / 2][i % 2], seed, (1u << 20) + cpu * 16 + i);
	}
}

/* On each CPU: I4. */
static void set_recorder(void *arg)
{
	unsigned long flags;

	(void)arg;
	local_irq_save(flags);
	this_cpu()->lockstat = inject_active[INJECT_LOCK_DELAY] ? NULL : this_cpu()->recorder;
	local_irq_restore(flags);
}

int inject_start(const struct inject_options *opt, u64 seed)
{
	if (!inject_wanted(opt))
		return 0;
	if (!state)
		state = hostmem_alloc(nr_cpu_ids * sizeof(*state));
	if (!state)
		return -ENOMEM;
	options = *opt;
	inject_seed(seed);
	memset(class_hit, HIT_UNKNOWN, sizeof(class_hit));
	/* CPUs start work after this: the hand-over orders it. */
	for (int i = 0; i < NR_INJECT; i++)
		WRITE_ONCE(inject_active[i], opt->rule[i].one_in != 0);
	if (opt->rule[INJECT_LOCK_HOLD].one_in)
		WRITE_ONCE(inject_active[INJECT_LOCK_DELAY], true);
	cpu_run_all(set_recorder, NULL);
	return 0;
}

void inject_stop(void)
{
	if (!state)
		return;
	for (int i = 0; i < NR_INJECT; i++)
		WRITE_ONCE(inject_active[i], false);
	cpu_run_all(set_recorder, NULL);
}

void inject_shutdown(void)
{
	for (int i = 0; i < NR_INJECT; i++)
		WRITE_ONCE(inject_active[i], false);
	if (state)
		hostmem_free(state, nr_cpu_ids * sizeof(*state));
	state = NULL;
}

struct inject_stats inject_stats(enum inject_kind kind)
{
	struct inject_stats sum = { 0 };

	for (unsigned int cpu = 0; state && cpu < nr_cpu_ids; cpu++) {
		const struct inject_stats *s = &state[cpu].stats[kind];

		sum.candidates += owner_read(s->candidates);
		sum.injected += owner_read(s->injected);
		sum.amount += owner_read(s->amount);
	}
	return sum;
}

/* ---- where it happens ---- */

/* Counts a candidate on this CPU; true when it is one that is hit (I2). */
static bool drawn(struct inject_cpu *s, enum inject_kind kind)
{
	owner_inc(s->stats[kind].candidates);
	if (!rand_one_in(&s->rand[kind][in_hardirq()], options.rule[kind].one_in))
		return false;
	owner_inc(s->stats[kind].injected);
	return true;
}

/* How long, ns; counted. */
static u64 draw_delay(struct inject_cpu *s, enum inject_kind kind)
{
	u32 ns = 1 + rand_below(&s->rand[kind][in_hardirq()],
				options.rule[kind].amount * (u32)NSEC_PER_USEC);

	owner_add(s->stats[kind].amount, ns);
	return ns;
}

bool inject_hold_call_back(void)
{
	struct inject_cpu *s = &state[smp_processor_id()];
	u64 now;

	if (owner_read(this_cpu()->hp_state) != CPU_ONLINE) {		/* I3 */
		s->held_until = 0;
		return false;
	}
	now = clock_ns();
	if (!s->held_until) {
		if (!drawn(s, INJECT_IPI_DELAY))
			return false;
		s->held_until = now + draw_delay(s, INJECT_IPI_DELAY);
	}
	if (now < s->held_until)
		return true;
	s->held_until = 0;
	return false;
}

/* "zone->lock[Normal]" begins with the words "zone" and "zone->lock", not with "zon". */
static bool name_begins(const char *name, const char *words)
{
	size_t len = strlen(words);
	char next;

	if (strncmp(name, words, len))
		return false;
	next = name[len];
	return !((next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') ||
		 (next >= '0' && next <= '9') || next == '_');
}

/* Relaxed: whoever finds the answer missing works it out again. */
static bool class_is_hit(u16 class)
{
	u8 hit = READ_ONCE(class_hit[class]);

	if (hit == HIT_UNKNOWN) {
		hit = name_begins(lockstat_class_name(class), options.lock) ? HIT_YES : HIT_NO;
		WRITE_ONCE(class_hit[class], hit);
	}
	return hit == HIT_YES;
}

static void keep_named(struct inject_cpu *s, u16 class)
{
	u32 ns = options.rule[INJECT_LOCK_HOLD].amount;

	if (!class_is_hit(class))
		return;
	owner_inc(s->stats[INJECT_LOCK_HOLD].candidates);
	if (!ns)
		return;
	owner_inc(s->stats[INJECT_LOCK_HOLD].injected);
	owner_add(s->stats[INJECT_LOCK_HOLD].amount, ns);
	backend->delay(ns);
}

void inject_keep_lock(u16 class)
{
	struct inject_cpu *s = &state[smp_processor_id()];

	if (options.rule[INJECT_LOCK_HOLD].one_in)
		keep_named(s, class);
	if (options.rule[INJECT_LOCK_DELAY].one_in && drawn(s, INJECT_LOCK_DELAY))
		backend->delay(draw_delay(s, INJECT_LOCK_DELAY));
}

bool inject_storm(unsigned int vec)
{
	struct inject_cpu *s = &state[smp_processor_id()];

	if (vec < IRQ_FIRST_DEVICE)
		return false;
	if (s->storm_left) {
		if (vec != s->storm_vec)
			return false;
		owner_inc(s->stats[INJECT_IRQ_STORM].amount);
		return --s->storm_left > 0;
	}
	if (!drawn(s, INJECT_IRQ_STORM))
		return false;
	s->storm_vec = vec;
	s->storm_left = options.rule[INJECT_IRQ_STORM].amount;
	return true;
}
