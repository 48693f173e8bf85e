/* SPDX-License-Identifier: MIT */
/*
 * replay_score.h - how closely a replay's refills and drains follow the kernel's.
 *
 * Each CPU has two rows of transfers, refills and drains.  An element of a row is (list, pages,
 * gap): gap is the number of operations on this CPU's lists since the row's element before.  Two
 * rows are matched in order, one to one, with as many matches as possible; the score is
 * F1 = 2 * matches / (elements of the kernel + elements of the replay), over all rows.
 */
#ifndef STRESS_REPLAY_REPLAY_SCORE_H
#define STRESS_REPLAY_REPLAY_SCORE_H

#include "stress/replay/replay_run.h"

enum score_level {
	SCORE_EXACT,	/* list, pages and gap are equal */
	SCORE_NEAR,	/* list and pages; gaps differ by at most 2 or 5 %: FIDELITY */
	SCORE_SIZE,	/* list and pages */
	NR_SCORE_LEVELS,
};

/* One row of the table, or a sum of rows. */
struct score_row {
	u64 kernel_pages, pages;
	u32 kernel_nr, nr;
	u32 matched[NR_SCORE_LEVELS];
};

struct replay_score {
	unsigned int nr_cpus;
	struct score_row *rows;		/* [cpu * 2 + drain] */
	struct score_row refills, drains, all;
	bool same_matrix;		/* blocks served by order and type as in the trace */
};

/* Compares; @out must be as_recorded.  Freed by replay_score_free().  Host thread. */
void replay_score(const struct replay_plan *plan, const struct replay_outcome *out,
		  struct replay_score *score);
void replay_score_free(struct replay_score *score);

/* F1 of a row, 1 when both sides are empty. */
double score_f1(const struct score_row *row, enum score_level level);

#endif /* STRESS_REPLAY_REPLAY_SCORE_H */
