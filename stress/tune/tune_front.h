/* SPDX-License-Identifier: MIT */
/*
 * tune_front.h - which settings are worth a look: Pareto front, knee, goals, what halving keeps.
 *
 * Pure functions of measured values; nothing here depends on time or chance.
 */
#ifndef STRESS_TUNE_TUNE_FRONT_H
#define STRESS_TUNE_TUNE_FRONT_H

#include "stress/tune/tune_source.h"

/* One measured setting. */
struct tune_row {
	u32 point;		/* in the space */
	bool measured;
	bool front;		/* nothing measured is better in one respect and worse in none */
	struct tune_metrics m;
};

/* True when @a is nowhere worse than @b and somewhere better. */
bool tune_dominates(const struct tune_metrics *a, const struct tune_metrics *b);

/* Fills rows[].front from the measured rows; returns how many are on the front. */
u32 tune_front(struct tune_row *rows, u32 nr);

/*
 * The knee of the front in the plane of acquisitions and mean stranded memory, both on a
 * logarithmic scale: the point furthest below the straight line between the two ends.  Returns
 * its index in @rows; @nr when the front is empty.
 */
u32 tune_knee(const struct tune_row *rows, u32 nr);

enum tune_goal {
	TUNE_GOAL_LATENCY,	/* shortest worst hold */
	TUNE_GOAL_BALANCED,	/* fewest acquisitions */
	TUNE_GOAL_MEMORY,	/* least stranded memory */
	NR_TUNE_GOALS
};

const char *tune_goal_name(enum tune_goal goal);
/* What the goal asks for, as one sentence without its end. */
const char *tune_goal_text(enum tune_goal goal);

/* More than this many times the reference's stranded memory, or its worst hold, is too much. */
#define TUNE_MEMORY_FACTOR	2.0
#define TUNE_HOLD_FACTOR	2.0
/* A cut of the acquisitions by this share is what a change of settings should bring. */
#define TUNE_CUT		0.5

struct tune_limits {
	const struct tune_metrics *reference;	/* Linux 6.1 as it ships */
	double max_stranded;	/* bytes at most at any time; 0: no limit of the user's */
};

/*
 * The best row of the front for @goal.  Limits of all goals: no more failures than the reference;
 * the user's limit on stranded memory, or without one TUNE_MEMORY_FACTOR x the reference's mean
 * and most.  latency: no more acquisitions than the reference; balanced: a worst hold of at most
 * TUNE_HOLD_FACTOR x the reference's; memory: both.  Returns an index
 * in @rows, @nr when no row is within the limits.
 */
u32 tune_pick(const struct tune_row *rows, u32 nr, enum tune_goal goal,
	      const struct tune_limits *limits);

/* The same among the rows (not the front alone) that @allowed (by row) marks. */
u32 tune_pick_among(const struct tune_row *rows, u32 nr, const bool *allowed, enum tune_goal goal,
		    const struct tune_limits *limits);

/*
 * The claim: a setting of the front with at least TUNE_CUT fewer acquisitions than the reference at
 * no more than TUNE_MEMORY_FACTOR x its stranded memory, mean and most.
 */
struct tune_claim {
	u32 nr;			/* settings of the front that do it */
	u32 best;		/* the one with the fewest acquisitions; rows' number: none */
	u32 nearest;		/* fewest acquisitions within the memory, whatever the cut */
};

struct tune_claim tune_check_claim(const struct tune_row *rows, u32 nr,
				   const struct tune_metrics *reference);

/*
 * Halving: marks in @keep the rows that go on to twice the length: what no other row dominates, and
 * the quarter that is best by acquisitions x mean stranded memory.  Returns how many.
 */
u32 tune_halve(struct tune_row *rows, u32 nr, bool *keep);

#endif /* STRESS_TUNE_TUNE_FRONT_H */
