/* SPDX-License-Identifier: MIT */
/* Series of timings with their minimum and median: what every benchmark here prints. */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stdlib.h>

#define BENCH_MAX_ROUNDS	64

struct bench_series {
	double value[BENCH_MAX_ROUNDS];
	unsigned int nr;
};

static inline void bench_add(struct bench_series *s, double value)
{
	if (s->nr < BENCH_MAX_ROUNDS)
		s->value[s->nr++] = value;
}

static inline int bench_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static inline void bench_sort(struct bench_series *s)
{
	qsort(s->value, s->nr, sizeof(s->value[0]), bench_compare);
}

static inline double bench_min(struct bench_series *s)
{
	bench_sort(s);
	return s->nr ? s->value[0] : 0;
}

static inline double bench_max(struct bench_series *s)
{
	bench_sort(s);
	return s->nr ? s->value[s->nr - 1] : 0;
}

static inline double bench_median(struct bench_series *s)
{
	bench_sort(s);
	if (s->nr == 0)
		return 0;
	return s->nr % 2 ? s->value[s->nr / 2] :
		(s->value[s->nr / 2 - 1] + s->value[s->nr / 2]) / 2;
}

#endif /* TESTS_BENCH_BENCH_H */
