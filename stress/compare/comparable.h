/* SPDX-License-Identifier: MIT */
/*
 * Are two sets of runs comparable?  What would make the answer wrong is an obstacle and ends the
 * comparison; what the reader has to know is a note; what was changed on purpose is a difference.
 */
#ifndef STRESS_COMPARE_COMPARABLE_H
#define STRESS_COMPARE_COMPARABLE_H

#include "stress/compare/run_set.h"

enum remark_kind { REMARK_SAME, REMARK_DIFFERENCE, REMARK_NOTE, REMARK_OBSTACLE };

struct remark {
	enum remark_kind kind;
	char *text;			/* one sentence without its full stop */
};

struct remarks {
	u32 nr, nr_obstacles;
	struct remark *list;
};

__printf(3, 4) void remark_add(struct remarks *r, enum remark_kind kind, const char *fmt, ...);
void remarks_free(struct remarks *r);

/*
 * Compares topology, workload, build, settings and recorder cost within and between the sets.
 * @min_share: the share of CPU time that counts as a change; a recorder whose own cost differs by
 * more is an obstacle.  Adds to @r.
 */
void compare_check(const struct run_set *a, const struct run_set *b, double min_share,
		   struct remarks *r);

/* True when `kmemlab bench` ran the two sets in turns. */
bool runs_interleaved(const struct run_set *a, const struct run_set *b);

/* True when both sets have the same seeds, each the same number of times. */
bool runs_same_seeds(const struct run_set *a, const struct run_set *b);

#endif /* STRESS_COMPARE_COMPARABLE_H */
