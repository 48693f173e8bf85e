/* SPDX-License-Identifier: MIT */
/* The window into a running stress program: it answers `kmemlab top` and `kmemlab proc`. */
#ifndef STRESS_HARNESS_LIVE_H
#define STRESS_HARNESS_LIVE_H

#include "stress/harness/harness.h"

/*
 * Opens the window of this process, if the host allows; nobody is told when it does not.  Host
 * thread; live_close() closes it.  One run of a process has a window at a time.
 */
void live_open(struct stress_run *run);
void live_close(void);

/* Sleeps @ns nanoseconds like nanosleep(), and answers whoever asks meanwhile.  Host thread. */
void live_sleep(long ns);

/*
 * CPU 0's turn between two tasks: writes a /proc text that somebody asked for.  Costs one load and
 * one branch when nobody did.  Task context of CPU 0, no lock held.
 */
extern u32 live_asked;
void __live_turn(void);

static inline void live_turn(void)
{
	/* Acquire: pairs with the release in live.c that publishes what is asked. */
	if (unlikely(smp_load_acquire(&live_asked)))
		__live_turn();
}

#endif /* STRESS_HARNESS_LIVE_H */
