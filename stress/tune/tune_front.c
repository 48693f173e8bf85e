/* SPDX-License-Identifier: MIT */
/*
 * tune_front.c - Pareto front, knee, goals and halving.
 *
 * What.  A setting dominates another when it is nowhere worse and somewhere better.  Values of a
 * trace are exact and are compared as they are: any difference counts.  What no other setting
 * dominates is the front.
 *
 * Knee.  Both axes are logarithmic, because costs double and halve: x is mean stranded memory, y
 * acquisitions, each scaled to 0..1 between the ends of the front.  A point's distance below the
 * line from (0, 1) to (1, 0) grows with 1 - x - y.  Settings that strand nothing at all are left
 * out: on a logarithmic scale they lie infinitely far away.
 *
 * Invariants.
 *   I1  At least one measured row is on the front when there is one.
 *   I2  Ties go to the row that comes first, so equal input gives equal output.
 *
 * Locking.  None.  Context.  Any.  Failure.  None: an index of @nr says that there is nothing.
 * See also.  tests/unit/test_tune_front.c, docs/tune.md.
 */
#include "stress/tune/tune_front.h"

#include <math.h>
#include <stdlib.h>

#include "runtime/bug.h"

bool tune_dominates(const struct tune_metrics *a, const struct tune_metrics *b)
{
	bool better = false;

	for (unsigned int i = 0; i < NR_TUNE_OBJECTIVES; i++) {
		if (a->v[i] > b->v[i])
			return false;
		better |= a->v[i] < b->v[i];
	}
	return better;
}

u32 tune_front(struct tune_row *rows, u32 nr)
{
	u32 found = 0;

	for (u32 i = 0; i < nr; i++) {
		rows[i].front = rows[i].measured;
		for (u32 j = 0; j < nr && rows[i].front; j++)
			if (rows[j].measured && tune_dominates(&rows[j].m, &rows[i].m))
				rows[i].front = false;
		found += rows[i].front;
	}
	return found;
}

/* ---- knee ---- */

/* Costs by what they are multiplied with; the 1 keeps an end at 0 finite. */
static double log_acq(const struct tune_metrics *m)
{
	return log2(1 + 1000 * m->v[TUNE_ACQ]);
}

static double log_mean(const struct tune_metrics *m)
{
	return log2(1 + m->v[TUNE_MEAN]);
}

struct range {
	double low, high;
};

static struct range range_add(struct range r, double v)
{
	return (struct range){ fmin(r.low, v), fmax(r.high, v) };
}

/* Position of @v in @r: 0..1, beyond it for what made no part of the range. */
static double range_at(struct range r, double v)
{
	return r.high > r.low ? (v - r.low) / (r.high - r.low) : 0;
}

/* x + y of a row; @of: rows that make the scale. */
struct scale {
	struct range acq, mean;
};

static struct scale scale_of(const struct tune_row *rows, u32 nr, bool front)
{
	struct scale s = { { INFINITY, -INFINITY }, { INFINITY, -INFINITY } };

	for (u32 i = 0; i < nr; i++)
		if ((front ? rows[i].front : rows[i].measured) && rows[i].m.v[TUNE_MEAN] > 0) {
			s.acq = range_add(s.acq, log_acq(&rows[i].m));
			s.mean = range_add(s.mean, log_mean(&rows[i].m));
		}
	return s;
}

static double scaled_cost(const struct scale *s, const struct tune_metrics *m)
{
	return range_at(s->acq, log_acq(m)) + range_at(s->mean, log_mean(m));
}

u32 tune_knee(const struct tune_row *rows, u32 nr)
{
	const struct scale s = scale_of(rows, nr, true);
	double least = INFINITY;
	u32 knee = nr;

	for (u32 i = 0; i < nr; i++) {
		double cost;

		if (!rows[i].front || !(rows[i].m.v[TUNE_MEAN] > 0))
			continue;
		cost = scaled_cost(&s, &rows[i].m);
		if (cost < least) {
			least = cost;
			knee = i;
		}
	}
	return knee;
}

/* ---- goals ---- */

static const struct {
	const char *name, *text;
	enum tune_objective order[3];	/* least of the first, then of the next */
	bool limits_acq, limits_hold;
} goals[NR_TUNE_GOALS] = {
	[TUNE_GOAL_LATENCY] = {
		"latency", "the shortest worst hold without more acquisitions",
		{ TUNE_HOLD, TUNE_ACQ, TUNE_MEAN }, true, false,
	},
	[TUNE_GOAL_BALANCED] = {
		"balanced", "the fewest acquisitions with at most twice the worst hold",
		{ TUNE_ACQ, TUNE_HOLD, TUNE_MEAN }, false, true,
	},
	[TUNE_GOAL_MEMORY] = {
		"memory", "the least stranded memory without more acquisitions",
		{ TUNE_MEAN, TUNE_MAX, TUNE_ACQ }, true, true,
	},
};

const char *tune_goal_name(enum tune_goal goal)
{
	return goals[goal].name;
}

const char *tune_goal_text(enum tune_goal goal)
{
	return goals[goal].text;
}

static bool memory_allowed(const struct tune_metrics *m, const struct tune_limits *limits)
{
	const struct tune_metrics *ref = limits->reference;

	if (limits->max_stranded > 0)
		return m->v[TUNE_MAX] <= limits->max_stranded;
	return m->v[TUNE_MEAN] <= TUNE_MEMORY_FACTOR * ref->v[TUNE_MEAN] &&
	       m->v[TUNE_MAX] <= TUNE_MEMORY_FACTOR * ref->v[TUNE_MAX];
}

static bool within_limits(const struct tune_metrics *m, enum tune_goal goal,
			  const struct tune_limits *limits)
{
	const struct tune_metrics *ref = limits->reference;

	if (m->v[TUNE_FAILED] > ref->v[TUNE_FAILED] || !memory_allowed(m, limits))
		return false;
	if (goals[goal].limits_acq && m->v[TUNE_ACQ] > ref->v[TUNE_ACQ])
		return false;
	return !goals[goal].limits_hold ||
	       m->v[TUNE_HOLD] <= TUNE_HOLD_FACTOR * ref->v[TUNE_HOLD];
}

/* True when @a comes before @b for the goal. */
static bool is_better(const struct tune_metrics *a, const struct tune_metrics *b,
		      enum tune_goal goal)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(goals[goal].order); i++) {
		enum tune_objective o = goals[goal].order[i];

		if (a->v[o] < b->v[o])
			return true;
		if (a->v[o] > b->v[o])
			return false;
	}
	return false;
}

u32 tune_pick_among(const struct tune_row *rows, u32 nr, const bool *allowed, enum tune_goal goal,
		    const struct tune_limits *limits)
{
	u32 best = nr;

	for (u32 i = 0; i < nr; i++) {
		if (!allowed[i] || !rows[i].measured || !within_limits(&rows[i].m, goal, limits))
			continue;
		if (best == nr || is_better(&rows[i].m, &rows[best].m, goal))
			best = i;
	}
	return best;
}

u32 tune_pick(const struct tune_row *rows, u32 nr, enum tune_goal goal,
	      const struct tune_limits *limits)
{
	bool *allowed = calloc(nr + 1u, sizeof(*allowed));
	u32 best;

	if (!allowed)
		panic("out of memory for %u settings", nr);
	for (u32 i = 0; i < nr; i++)
		allowed[i] = rows[i].front;
	best = tune_pick_among(rows, nr, allowed, goal, limits);
	free(allowed);
	return best;
}

struct tune_claim tune_check_claim(const struct tune_row *rows, u32 nr,
				   const struct tune_metrics *reference)
{
	const struct tune_limits limits = { .reference = reference };
	struct tune_claim claim = { .best = nr, .nearest = nr };

	for (u32 i = 0; i < nr; i++) {
		double acq = rows[i].m.v[TUNE_ACQ];

		if (!rows[i].front || !memory_allowed(&rows[i].m, &limits))
			continue;
		if (claim.nearest == nr || acq < rows[claim.nearest].m.v[TUNE_ACQ])
			claim.nearest = i;
		claim.nr += acq <= (1 - TUNE_CUT) * reference->v[TUNE_ACQ];
	}
	if (claim.nr)
		claim.best = claim.nearest;
	return claim;
}

/* ---- halving ---- */

struct cost {
	double cost;
	u32 row;
};

static int by_cost(const void *a, const void *b)
{
	const struct cost *x = a, *y = b;

	if (x->cost < y->cost || x->cost > y->cost)
		return x->cost < y->cost ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;		/* I2 */
}

u32 tune_halve(struct tune_row *rows, u32 nr, bool *keep)
{
	const struct scale s = scale_of(rows, nr, false);
	struct cost *costs = calloc(nr + 1u, sizeof(*costs));
	u32 measured = 0, kept = 0;

	if (!costs)
		panic("out of memory for %u settings", nr);
	tune_front(rows, nr);
	for (u32 i = 0; i < nr; i++) {
		keep[i] = rows[i].front;
		if (rows[i].measured && rows[i].m.v[TUNE_MEAN] > 0)
			costs[measured++] = (struct cost){ scaled_cost(&s, &rows[i].m), i };
	}
	qsort(costs, measured, sizeof(*costs), by_cost);
	for (u32 i = 0; i < (measured + 3) / 4; i++)
		keep[costs[i].row] = true;
	for (u32 i = 0; i < nr; i++)
		kept += keep[i];
	free(costs);
	return kept;
}
