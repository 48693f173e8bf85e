/* SPDX-License-Identifier: MIT */
/*
 * The statistics behind a comparison of two sets of runs.
 *
 * Pure functions of their arguments: no randomness, no state.  Samples are finite numbers in any
 * order and are left as they are.  A probability is two-sided unless it says otherwise.
 */
#ifndef STRESS_COMPARE_STATS_H
#define STRESS_COMPARE_STATS_H

#include "runtime/lib/types.h"

struct sample {
	const double *v;
	u32 n;
};

/* @known is false when the sample is too small for the confidence that was asked for. */
struct interval {
	double low, high;
	bool known;
};

/* Middle value, mean of the two middle ones for an even number; NAN for an empty sample. */
double stat_median(struct sample s);

/*
 * Confidence interval of the median from order statistics: needs no assumption about the
 * distribution.  At 95 % it exists from 6 values on.
 */
struct interval stat_median_interval(struct sample s, double confidence);

/* Standard deviation (n - 1) by |mean|: 0 when all values are equal, NAN below two values. */
double stat_variation(struct sample s);

struct rank_test {
	double u;			/* pairs in which a's value is larger; ties count half */
	double p;
	bool exact;			/* false: normal approximation, sets above STAT_EXACT_MAX */
};

/* Values in both samples together up to which the null distribution is computed exactly. */
#define STAT_EXACT_MAX	140

/**
 * stat_rank_test - Mann-Whitney U test that @a and @b come from one distribution.
 *
 * p is exact: without ties from the distribution of U, with ties from all ways to deal the pooled
 * mid-ranks to the two samples.  Two-sided p is twice the smaller tail, at most 1.
 */
struct rank_test stat_rank_test(struct sample a, struct sample b);

/* The smallest p that samples of these sizes can give: 0.100 for 3 and 3. */
double stat_rank_test_least_p(u32 na, u32 nb);

struct shift {
	double value;			/* Hodges-Lehmann: median of all differences b - a */
	struct interval interval;	/* from the distribution of U; with ties at least as wide */
};

struct shift stat_shift(struct sample a, struct sample b, double confidence);

/* Replaces @n p-values by those adjusted after Holm: all may be compared with one level. */
void stat_holm(double *p, u32 n);

#endif /* STRESS_COMPARE_STATS_H */
