/* SPDX-License-Identifier: MIT */
/*
 * Rank statistics with exact null distributions.
 *
 * What.  Mann-Whitney U, the Hodges-Lehmann shift with the interval that inverts the test, the
 * median with an interval from order statistics, Holm's correction.  Ranks are used because waits
 * have heavy tails: one run in which the host took a core away must not decide.
 *
 * Distributions.  Without ties, the number of orders of the pooled sample with U = u is the number
 * of partitions of u into at most na parts of at most nb; it is counted by additions only, so a
 * small tail keeps all its digits.  With ties, U is conditioned on the tied ranks: doubled
 * mid-ranks are whole numbers, and counting the subsets of size na by their sum is the same kind
 * of recurrence.
 *
 * Invariants.
 *   I1  For samples without ties both ways give the same p.
 *   I2  The shift's interval excludes 0 exactly when the untied test has p <= 1 - confidence.
 *
 * Context.  Host threads.  Failure.  Out of memory stops the program.
 * Costs.  Untied: (na * nb)^2 additions; tied: N^3 * na.  Above STAT_EXACT_MAX values the normal
 * approximation with corrections for ties and continuity takes over.
 * See also.  tests/unit/test_stats.c, tests/oracle/stats_oracle.py.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/bug.h"
#include "stress/compare/stats.h"

static double *numbers(size_t n)
{
	double *v = calloc(n ? n : 1, sizeof(*v));

	if (!v)
		panic("out of memory for %zu numbers", n);
	return v;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double *sorted(struct sample s)
{
	double *v = numbers(s.n);

	if (s.n) {
		memcpy(v, s.v, s.n * sizeof(*v));
		qsort(v, s.n, sizeof(*v), by_value);
	}
	return v;
}

static double middle(const double *v, size_t n)
{
	if (!n)
		return NAN;
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

double stat_median(struct sample s)
{
	double *v = sorted(s), m = middle(v, s.n);

	free(v);
	return m;
}

struct interval stat_median_interval(struct sample s, double confidence)
{
	double term = pow(0.5, s.n), below = 0, *v;
	struct interval ci = { NAN, NAN, false };
	u32 k = 0;

	/* k: the most order statistics that may be cut off at either end. */
	while (k < s.n && below + term <= (1 - confidence) / 2) {
		below += term;
		term *= (double)(s.n - k) / (double)(k + 1);
		k++;
	}
	if (!k || 2 * k > s.n)
		return ci;
	v = sorted(s);
	ci = (struct interval){ v[k - 1], v[s.n - k], true };
	free(v);
	return ci;
}

double stat_variation(struct sample s)
{
	double mean = 0, sum = 0;
	bool equal = true;

	if (s.n < 2)
		return NAN;
	for (u32 i = 0; i < s.n; i++) {
		mean += s.v[i] / s.n;
		equal = equal && !(s.v[i] < s.v[0]) && !(s.v[i] > s.v[0]);
	}
	/* Rounding of the mean must not make equal numbers vary. */
	if (equal)
		return 0;
	for (u32 i = 0; i < s.n; i++)
		sum += (s.v[i] - mean) * (s.v[i] - mean);
	return sqrt(sum / (s.n - 1)) / fabs(mean);
}

/* ---- the null distribution ---- */

/* The number of orders with U = 0 .. na * nb, no two values equal; the caller frees it. */
static double *untied_orders(u32 na, u32 nb)
{
	size_t top = (size_t)na * nb;
	double *part = numbers((na + 1) * (top + 1)), *sum = numbers(top + 1);

	part[0] = 1;
	/* part[k][u]: partitions of u into k parts of at most @size. */
	for (size_t size = 1; size <= nb; size++)
		for (u32 k = 1; k <= na; k++)
			for (size_t u = size; u <= top; u++)
				part[k * (top + 1) + u] += part[(k - 1) * (top + 1) + u - size];
	for (u32 k = 0; k <= na; k++)
		for (size_t u = 0; u <= top; u++)
			sum[u] += part[k * (top + 1) + u];
	free(part);
	return sum;
}

/* Twice the smaller tail of the counts @c[0..top] at @at. */
static double two_sided(const double *c, size_t top, size_t at)
{
	double all = 0, low = 0, high = 0;

	for (size_t i = 0; i <= top; i++) {
		all += c[i];
		low += i <= at ? c[i] : 0;
		high += i >= at ? c[i] : 0;
	}
	return fmin(1.0, 2 * fmin(low, high) / all);
}

static double tied_p(const u32 *rank2, u32 n, u32 na, size_t sum_a)
{
	/* The largest doubled ranks add up to less than this. */
	size_t top = (size_t)n * (n + 1);
	double *c = numbers((na + 1) * (top + 1)), p;

	c[0] = 1;
	for (u32 i = 0; i < n; i++)
		for (u32 k = min(na, i + 1); k >= 1; k--)
			for (size_t s = rank2[i]; s <= top; s++)
				c[k * (top + 1) + s] += c[(k - 1) * (top + 1) + s - rank2[i]];
	p = two_sided(c + na * (top + 1), top, sum_a);
	free(c);
	return p;
}

static double normal_p(u32 na, u32 nb, double u, double ties)
{
	double n = (double)na + nb, pairs = (double)na * nb;
	double var = pairs / 12 * (n + 1 - ties / (n * (n - 1)));
	double z = (fabs(u - pairs / 2) - 0.5) / sqrt(var);

	return var > 0 ? fmin(1.0, erfc(fmax(z, 0) / sqrt(2))) : 1;
}

struct pooled {
	double v;
	bool of_a;
};

static int by_pooled(const void *a, const void *b)
{
	return by_value(&((const struct pooled *)a)->v, &((const struct pooled *)b)->v);
}

struct ranks {
	u32 *rank2;			/* doubled mid-ranks, ascending */
	size_t sum_a;			/* of those of the first sample */
	double ties;			/* sum of t^3 - t over groups of t equal values */
};

static struct ranks rank_pooled(struct pooled *all, u32 n)
{
	struct ranks r = { .rank2 = calloc(n, sizeof(u32)) };

	if (!r.rank2)
		panic("out of memory for %u ranks", n);
	qsort(all, n, sizeof(*all), by_pooled);
	for (u32 i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && !(all[end].v > all[i].v); end++)
			;
		for (u32 k = i; k < end; k++) {
			r.rank2[k] = i + 1 + end;
			r.sum_a += all[k].of_a ? r.rank2[k] : 0;
		}
		r.ties += pow(end - i, 3) - (end - i);
	}
	return r;
}

struct rank_test stat_rank_test(struct sample a, struct sample b)
{
	u32 n = a.n + b.n;
	struct pooled *all;
	struct rank_test t = { NAN, 1, true };
	struct ranks r;

	if (!a.n || !b.n)
		return t;
	all = calloc(n, sizeof(*all));
	if (!all)
		panic("out of memory for %u values", n);
	for (u32 i = 0; i < n; i++)
		all[i] = (struct pooled){ i < a.n ? a.v[i] : b.v[i - a.n], i < a.n };
	r = rank_pooled(all, n);
	t.u = (double)r.sum_a / 2 - (double)a.n * (a.n + 1) / 2;
	t.exact = n <= STAT_EXACT_MAX;
	if (!t.exact) {
		t.p = normal_p(a.n, b.n, t.u, r.ties);
	} else if (r.ties > 0) {
		t.p = tied_p(r.rank2, n, a.n, r.sum_a);
	} else {
		double *orders = untied_orders(a.n, b.n);

		t.p = two_sided(orders, (size_t)a.n * b.n, (size_t)t.u);
		free(orders);
	}
	free(r.rank2);
	free(all);
	return t;
}

double stat_rank_test_least_p(u32 na, u32 nb)
{
	/* Two of all binomial(na + nb, na) orders, through logarithms: the number may be huge. */
	double log_orders = lgamma(na + nb + 1.0) - lgamma(na + 1.0) - lgamma(nb + 1.0);

	return fmin(1.0, 2 * exp(-log_orders));
}

/* ---- shift ---- */

/*
 * How many of the sorted differences lie outside the interval at each end; 0: there is none.  The
 * largest k with P(U <= k - 1) <= (1 - confidence) / 2.
 */
static size_t cut_off(u32 na, u32 nb, double confidence)
{
	double pairs = (double)na * nb, all = 0, low = 0, tail = (1 - confidence) / 2;
	size_t k = 0;
	double *orders;

	if (na + nb > STAT_EXACT_MAX) {
		/* 1.96 for 95 %; other levels by bisection of the normal tail. */
		double z_low = 0, z_high = 40;

		for (int i = 0; i < 200; i++) {
			double z = (z_low + z_high) / 2;

			if (erfc(z / sqrt(2)) / 2 > tail)
				z_low = z;
			else
				z_high = z;
		}
		low = pairs / 2 - z_high * sqrt(pairs * (na + nb + 1.0) / 12) - 0.5;
		return low > 0 ? (size_t)low : 0;
	}
	orders = untied_orders(na, nb);
	for (size_t u = 0; u <= (size_t)na * nb; u++)
		all += orders[u];
	while (k < (size_t)na * nb && (low + orders[k]) / all <= tail)
		low += orders[k++];
	free(orders);
	return k;
}

struct shift stat_shift(struct sample a, struct sample b, double confidence)
{
	size_t pairs = (size_t)a.n * b.n, k;
	struct shift s = { NAN, { NAN, NAN, false } };
	double *d;

	if (!pairs)
		return s;
	d = numbers(pairs);
	for (u32 i = 0; i < a.n; i++)
		for (u32 j = 0; j < b.n; j++)
			d[(size_t)i * b.n + j] = b.v[j] - a.v[i];
	qsort(d, pairs, sizeof(*d), by_value);
	s.value = middle(d, pairs);
	k = cut_off(a.n, b.n, confidence);
	if (k && 2 * k <= pairs)
		s.interval = (struct interval){ d[k - 1], d[pairs - k], true };
	free(d);
	return s;
}

/* ---- many tests ---- */

static int by_pointed(const void *a, const void *b)
{
	return by_value(*(double *const *)a, *(double *const *)b);
}

void stat_holm(double *p, u32 n)
{
	double **order = calloc(n ? n : 1, sizeof(*order)), least = 0;

	if (!order)
		panic("out of memory for %u tests", n);
	for (u32 i = 0; i < n; i++)
		order[i] = &p[i];
	qsort(order, n, sizeof(*order), by_pointed);
	/* Each is adjusted for the tests still open, and is never below one that came before. */
	for (u32 i = 0; i < n; i++) {
		least = fmax(least, fmin(1.0, *order[i] * (n - i)));
		*order[i] = least;
	}
	free(order);
}
