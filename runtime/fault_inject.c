/* SPDX-License-Identifier: MIT */
/*
 * The decision of fault injection.
 *
 * What.  A candidate fails when, in this order: space is used up, its number is a multiple of the
 * interval, the draw says so, and a failure is left.  With fail_nth only its number counts.
 *
 * Invariants.
 *   I1  candidates counts every call, injected every true; injected <= candidates.
 *   I2  With times >= 0, injected never exceeds it, whatever runs at the same time.
 *   I3  The draw comes from the CPU's own stream, so it depends on the machine's seed alone.
 *
 * Locking.  None; the counters are atomic.  Context.  Any.
 * See also.  tests/unit/test_fault_inject.c.
 */
#include "runtime/fault_inject.h"

#include "runtime/irq.h"

void fault_attr_set(struct fault_attr *attr, const struct fault_options *opt)
{
	WRITE_ONCE(attr->enabled, false);
	attr->opt = *opt;
	WRITE_ONCE(attr->times, opt->times);
	WRITE_ONCE(attr->space, opt->space);
	WRITE_ONCE(attr->candidates, 0);
	WRITE_ONCE(attr->injected, 0);
	/* CPUs start work after this: the hand-over orders it. */
	WRITE_ONCE(attr->enabled, opt->enabled);
}

/* Uses up one of the allowed failures; false when none is left (I2). */
static bool take_one_time(struct fault_attr *attr)
{
	s64 left = READ_ONCE(attr->times);

	while (left > 0)
		if (try_cmpxchg(&attr->times, &left, left - 1))
			return true;
	return left < 0;
}

/* True when @size units still pass unharmed. */
static bool take_space(struct fault_attr *attr, s64 size)
{
	s64 left = READ_ONCE(attr->space);

	while (left > 0)
		if (try_cmpxchg(&attr->space, &left, left - size))
			return true;
	return false;
}

/* This CPU's stream is also used by its interrupts.  The host thread has none: it draws a 0. */
static u32 draw_percent(void)
{
	unsigned long flags;
	u32 percent;

	if (!this_cpu())
		return 0;
	local_irq_save(flags);
	percent = rand_below(&this_cpu()->rand, 100);
	local_irq_restore(flags);
	return percent;
}

static bool decide(struct fault_attr *attr, u64 seen, s64 size)
{
	const struct fault_options *opt = &attr->opt;

	if (opt->fail_nth)
		return seen == opt->fail_nth;
	if (take_space(attr, size))
		return false;
	if (opt->interval > 1 && seen % opt->interval)
		return false;
	return draw_percent() < opt->probability && take_one_time(attr);
}

bool __should_fail(struct fault_attr *attr, s64 size)
{
	if (!decide(attr, fetch_add_relaxed(&attr->candidates, 1) + 1, size))
		return false;
	fetch_add_relaxed(&attr->injected, 1);
	return true;
}

bool fault_nth_arm(struct fault_attr *attr, u64 n)
{
	static const struct fault_options off;
	const struct fault_options nth = { .enabled = true, .fail_nth = n };

	if (n > 1 && !READ_ONCE(attr->injected)) {
		fault_attr_set(attr, &off);
		return false;
	}
	fault_attr_set(attr, &nth);
	return true;
}
