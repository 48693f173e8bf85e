/* SPDX-License-Identifier: MIT */
/* stress/compare/stats.c against tables computed by hand and against scipy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/lib/rand.h"
#include "stress/compare/stats.h"

#define SEED	20260

#define S(...) ((struct sample){ (const double[]){ __VA_ARGS__ },				\
				 sizeof((const double[]){ __VA_ARGS__ }) / sizeof(double) })

static void assert_near(double got, double want, double tolerance)
{
	if (!(fabs(got - want) <= tolerance * fmax(1, fabs(want))))
		fail_msg("got %.17g, want %.17g", got, want);
}

/* ---- by hand ---- */

static void test_rank_test_by_hand(void **state)
{
	struct rank_test t;

	(void)state;
	/* All of a below all of b: 2 of C(6,3) = 20 orders. */
	t = stat_rank_test(S(1, 2, 3), S(4, 5, 6));
	assert_near(t.u, 0, 0);
	assert_near(t.p, 0.1, 1e-15);
	assert_true(t.exact);
	/* U = 1 of C(10,5) = 252: (1 + 1) * 2 / 252. */
	t = stat_rank_test(S(1, 2, 3, 4, 6), S(5, 7, 8, 9, 10));
	assert_near(t.u, 1, 0);
	assert_near(t.p, 4.0 / 252, 1e-15);
	/* Ties: mid-ranks 1.5 1.5 3.5 | 3.5 5 6; 2 of 20 deals have rank sum <= 6.5. */
	t = stat_rank_test(S(1, 1, 2), S(2, 3, 4));
	assert_near(t.u, 0.5, 0);
	assert_near(t.p, 2 * 2 / 20.0, 1e-15);
	/* Nothing differs. */
	assert_near(stat_rank_test(S(7, 7, 7), S(7, 7, 7)).p, 1, 0);
	assert_near(stat_rank_test((struct sample){ NULL, 0 }, S(1)).p, 1, 0);
}

static void test_least_p(void **state)
{
	(void)state;
	assert_near(stat_rank_test_least_p(3, 3), 0.1, 1e-12);
	assert_near(stat_rank_test_least_p(10, 10), 2.0 / 184756, 1e-12);
	assert_near(stat_rank_test_least_p(1, 1), 1, 1e-12);
}

static void test_median_by_hand(void **state)
{
	struct interval ci;

	(void)state;
	assert_near(stat_median(S(3, 1, 2)), 2, 0);
	assert_near(stat_median(S(4, 1, 3, 2)), 2.5, 0);
	assert_true(isnan(stat_median((struct sample){ NULL, 0 })));
	/* Five values: even the whole range has only 93.75 %. */
	assert_false(stat_median_interval(S(1, 2, 3, 4, 5), 0.95).known);
	ci = stat_median_interval(S(6, 5, 4, 3, 2, 1), 0.95);
	assert_true(ci.known);
	assert_near(ci.low, 1, 0);
	assert_near(ci.high, 6, 0);
	/* Ten values: one is cut off at either end, P = 11/1024 each. */
	ci = stat_median_interval(S(10, 9, 8, 7, 6, 5, 4, 3, 2, 1), 0.95);
	assert_near(ci.low, 2, 0);
	assert_near(ci.high, 9, 0);
}

static void test_shift_by_hand(void **state)
{
	struct shift s = stat_shift(S(1, 2, 3), S(11, 12, 13), 0.95);

	(void)state;
	assert_near(s.value, 10, 0);
	assert_false(s.interval.known);
	/* Four and four: P(U = 0) = 1/70 <= 0.025, P(U <= 1) = 2/70 > 0.025: nothing but ends. */
	s = stat_shift(S(0, 10, 20, 30), S(1, 12, 23, 34), 0.95);
	assert_true(s.interval.known);
	assert_near(s.interval.low, 1 - 30, 0);
	assert_near(s.interval.high, 34 - 0, 0);
}

static void test_variation(void **state)
{
	(void)state;
	assert_near(stat_variation(S(0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1)), 0, 0);
	assert_near(stat_variation(S(0, 0)), 0, 0);
	assert_near(stat_variation(S(1, 3)), sqrt(2) / 2, 1e-15);
	assert_true(isnan(stat_variation(S(1))));
}

static void test_holm_by_hand(void **state)
{
	double p[] = { 0.01, 0.04, 0.03, 0.005 };

	(void)state;
	stat_holm(p, 4);
	assert_near(p[3], 0.02, 1e-15);
	assert_near(p[0], 0.03, 1e-15);
	assert_near(p[2], 0.06, 1e-15);
	assert_near(p[1], 0.06, 1e-15);
	stat_holm(p, 0);
}

/* ---- against scipy ---- */

#define NR_CASES	150
#define NR_HOLM		40

struct world {
	struct rand_state rng;
	json_t *cases, *answers;
};

/* One number: whole and few (ties), evenly spread, or with a heavy tail. */
static double draw(struct rand_state *rng, u32 kind)
{
	double u = (double)(rand_u64(rng) >> 11) * 0x1p-53;

	if (kind == 0)
		return rand_below(rng, 6);
	return kind == 1 ? 100 * u : 1 / (u + 1e-6);
}

static json_t *draw_array(struct rand_state *rng, u32 kind, u32 n, double shift)
{
	json_t *list = json_array();

	for (u32 i = 0; i < n; i++)
		json_array_append_new(list, json_real(draw(rng, kind) + shift));
	return list;
}

/* Large sets every 25th case: they take the normal approximation. */
static json_t *draw_case(struct rand_state *rng, u32 i)
{
	u32 kind = i % 3;
	/* The oracle enumerates every deal of tied samples: keep those small. */
	u32 limit = kind == 0 ? 7 : 14;
	u32 na = i % 25 == 24 ? 75 : 2 + rand_below(rng, limit - 1);
	u32 nb = i % 25 == 24 ? 80 : 2 + rand_below(rng, limit - 1);
	double shift = rand_below(rng, 3) ? draw(rng, 1) / 2 : 0;

	return json_pack("{s:o,s:o}", "a", draw_array(rng, kind, na, 0), "b",
			 draw_array(rng, kind, nb, kind == 0 ? floor(shift / 20) : shift));
}

static json_t *ask_oracle(const json_t *cases)
{
	const char *tree = getenv("KMEMLAB_SOURCE");
	char file[] = "/tmp/kmemlab-stats-XXXXXX", command[1024];
	int fd = mkstemp(file);
	json_t *answers = NULL;
	FILE *pipe;

	assert_true(fd >= 0);
	assert_int_equal(json_dumpfd(cases, fd, JSON_REAL_PRECISION(17)), 0);
	close(fd);
	/* Debian's interpreter has Debian's scipy; another python3 may come first in the path. */
	for (int i = 0; i < 2 && !answers; i++) {
		snprintf(command, sizeof(command), "%s '%s/tests/oracle/stats_oracle.py' %s 2>%s",
			 i ? "python3" : "/usr/bin/python3", tree ? tree : ".", file,
			 "/dev/null");
		pipe = popen(command, "r");
		assert_non_null(pipe);
		answers = json_loadf(pipe, 0, NULL);
		pclose(pipe);
	}
	unlink(file);
	return answers;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	json_t *tests = json_array(), *holm = json_array();

	print_message("seed %d\n", SEED);
	rand_init(&w->rng, SEED, 0);
	for (u32 i = 0; i < NR_CASES; i++)
		json_array_append_new(tests, draw_case(&w->rng, i));
	for (u32 i = 0; i < NR_HOLM; i++) {
		json_t *list = json_array();

		for (u32 n = 1 + rand_below(&w->rng, 30); n; n--)
			json_array_append_new(list, json_real(draw(&w->rng, 1) / 400));
		json_array_append_new(holm, list);
	}
	w->cases = json_pack("{s:o,s:o}", "tests", tests, "holm", holm);
	w->answers = ask_oracle(w->cases);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	json_decref(w->cases);
	json_decref(w->answers);
	free(w);
	return 0;
}

/* The numbers of a JSON array; the caller frees them. */
static struct sample get_sample(const json_t *list)
{
	double *v = calloc(json_array_size(list) + 1, sizeof(*v));

	for (size_t i = 0; i < json_array_size(list); i++)
		v[i] = json_number_value(json_array_get(list, i));
	return (struct sample){ v, (u32)json_array_size(list) };
}

static void put_sample(struct sample s)
{
	free((void *)(uintptr_t)s.v);
}

static void check_interval(struct interval got, const json_t *want, double tolerance)
{
	assert_int_equal(got.known, json_is_array(want));
	if (!got.known)
		return;
	assert_near(got.low, json_number_value(json_array_get(want, 0)), tolerance);
	assert_near(got.high, json_number_value(json_array_get(want, 1)), tolerance);
}

static bool has_ties(const json_t *test)
{
	struct sample a = get_sample(json_object_get(test, "a"));
	bool ties = floor(a.v[0]) >= a.v[0];

	put_sample(a);
	return ties;
}

static void check_case(const json_t *test, const json_t *want)
{
	struct sample a = get_sample(json_object_get(test, "a"));
	struct sample b = get_sample(json_object_get(test, "b"));
	struct rank_test t = stat_rank_test(a, b);
	struct shift s = stat_shift(a, b, 0.95);

	assert_near(t.u, json_number_value(json_object_get(want, "u")), 1e-12);
	assert_near(t.p, json_number_value(json_object_get(want, "p")), 1e-10);
	assert_int_equal(t.exact, a.n + b.n <= STAT_EXACT_MAX);
	assert_near(s.value, json_number_value(json_object_get(want, "shift")), 1e-12);
	/* The oracle has no interval where differences are equal, or the sets too large. */
	if (t.exact && !has_ties(test))
		check_interval(s.interval, json_object_get(want, "shift_interval"), 1e-12);
	assert_near(stat_median(a), json_number_value(json_object_get(want, "median")), 1e-12);
	check_interval(stat_median_interval(a, 0.95), json_object_get(want, "median_interval"),
		       1e-12);
	if (stat_variation(a) > 0)
		assert_near(stat_variation(a),
			    json_number_value(json_object_get(want, "variation")), 1e-12);
	put_sample(a);
	put_sample(b);
}

static void test_against_scipy(void **state)
{
	const struct world *w = *state;
	const json_t *tests = json_object_get(w->cases, "tests");

	if (!w->answers) {
		print_message("no scipy (apt install python3-scipy): not compared\n");
		skip();
	}
	assert_int_equal(json_array_size(json_object_get(w->answers, "tests")), NR_CASES);
	for (size_t i = 0; i < NR_CASES; i++)
		check_case(json_array_get(tests, i),
			   json_array_get(json_object_get(w->answers, "tests"), i));
}

static void test_holm_against_definition(void **state)
{
	const struct world *w = *state;

	if (!w->answers)
		skip();
	for (size_t i = 0; i < NR_HOLM; i++) {
		const json_t *list = json_array_get(json_object_get(w->cases, "holm"), i);
		const json_t *want = json_array_get(json_object_get(w->answers, "holm"), i);
		struct sample p = get_sample(list);

		stat_holm((double *)(uintptr_t)p.v, p.n);
		for (u32 k = 0; k < p.n; k++)
			assert_near(p.v[k], json_number_value(json_array_get(want, k)), 1e-12);
		put_sample(p);
	}
}

/* A random permutation test of one distribution: p <= 0.05 in about that share, never more. */
static void test_level_is_kept(void **state)
{
	struct world *w = *state;
	double a[8], b[8];
	u32 rejected = 0;

	for (u32 trial = 0; trial < 2000; trial++) {
		for (u32 i = 0; i < 8; i++) {
			a[i] = draw(&w->rng, 2);
			b[i] = draw(&w->rng, 2);
		}
		rejected += stat_rank_test((struct sample){ a, 8 }, (struct sample){ b, 8 }).p <=
			    0.05;
	}
	/* True level 0.0499 of this test; 2000 trials: standard deviation 9.7. */
	assert_in_range(rejected, 60, 140);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rank_test_by_hand),
		cmocka_unit_test(test_least_p),
		cmocka_unit_test(test_median_by_hand),
		cmocka_unit_test(test_shift_by_hand),
		cmocka_unit_test(test_variation),
		cmocka_unit_test(test_holm_by_hand),
		cmocka_unit_test(test_against_scipy),
		cmocka_unit_test(test_holm_against_definition),
		cmocka_unit_test(test_level_is_kept),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
