/* SPDX-License-Identifier: MIT */
/*
 * Accesses made in the name of a simulated CPU.
 *
 * The scheduler's files are compiled without ThreadSanitizer: their state belongs to whichever
 * fiber runs, one at a time, and the switches between fibers order nothing on purpose.  What they
 * do for a CPU must be seen, so it is done here.
 */
#include "runtime/sim/sched.h"

void sim_word_store(u32 *word, u32 value, bool release)
{
	if (release)
		__atomic_store_n(word, value, __ATOMIC_RELEASE);
	else
		__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

void sim_word_touch(u32 *word)
{
	__atomic_fetch_add(word, 0, __ATOMIC_RELAXED);
}

u32 sim_word_load(const u32 *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}
