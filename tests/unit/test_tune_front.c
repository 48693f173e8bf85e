/* SPDX-License-Identifier: MIT */
/* Tests of the Pareto front, the knee, the goals and what halving keeps. */
#include "tests/unit/tune_sample.h"

#include "runtime/lib/rand.h"
#include "stress/tune/tune_front.h"

#define SEED	20240611u

/* A row with acquisitions, stranded memory (mean; the most is twice that) and worst hold. */
static struct tune_row row(double acq, double mean, double hold)
{
	return (struct tune_row){
		.measured = true,
		.m = { .v = { [TUNE_ACQ] = acq, [TUNE_MEAN] = mean, [TUNE_MAX] = 2 * mean,
			      [TUNE_HOLD] = hold } },
	};
}

static void better_somewhere_and_worse_nowhere_dominates(void **state)
{
	struct tune_row a = row(1, 100, 5), b = row(1, 100, 5);

	(void)state;
	assert_false(tune_dominates(&a.m, &b.m));
	b.m.v[TUNE_FAILED] = 1;
	assert_true(tune_dominates(&a.m, &b.m));
	assert_false(tune_dominates(&b.m, &a.m));
	b.m.v[TUNE_ACQ] = 0.5;
	assert_false(tune_dominates(&a.m, &b.m));
	assert_false(tune_dominates(&b.m, &a.m));
}

static void front_is_what_nothing_dominates(void **state)
{
	struct tune_row rows[] = {
		row(100, 0, 1), row(10, 100, 10), row(11, 100, 10), row(1, 1000, 50),
		row(1, 1000, 60), row(0.1, 1, 0),
	};

	(void)state;
	/* The last one would beat all but the first; it was not measured. */
	rows[5].measured = false;
	assert_int_equal(tune_front(rows, 6), 3);
	assert_true(rows[0].front && rows[1].front && rows[3].front);
	assert_false(rows[2].front || rows[4].front || rows[5].front);
}

/* I1, and the definition itself, on random rows. */
static void front_matches_its_definition(void **state)
{
	struct tune_row rows[60];
	struct rand_state rng;

	(void)state;
	print_message("seed %u\n", SEED);
	rand_init(&rng, SEED, 0);
	for (u32 trial = 0; trial < 50; trial++) {
		u32 found = 0, nr;

		for (u32 i = 0; i < 60; i++)
			rows[i] = row(rand_below(&rng, 8), rand_below(&rng, 8),
				      rand_below(&rng, 8));
		nr = tune_front(rows, 60);
		assert_true(nr > 0);
		for (u32 i = 0; i < 60; i++) {
			bool beaten = false;

			for (u32 j = 0; j < 60; j++)
				beaten |= tune_dominates(&rows[j].m, &rows[i].m);
			assert_int_equal(rows[i].front, !beaten);
			found += rows[i].front;
		}
		assert_int_equal(found, nr);
	}
}

static void knee_is_where_the_front_bends(void **state)
{
	/* Two decades of either cost; the third gets most of both. */
	struct tune_row rows[] = {
		row(1000, 0, 1), row(100, 1e4, 1), row(2, 2e4, 1), row(1.5, 3e5, 1), row(1, 1e6, 1),
	};

	(void)state;
	tune_front(rows, 5);
	assert_int_equal(tune_knee(rows, 5), 2);
	/* No knee without a front. */
	assert_int_equal(tune_knee(rows, 0), 0);
	/* Alone on the front, it is the knee. */
	assert_int_equal(tune_front(&rows[2], 1), 1);
	assert_int_equal(tune_knee(&rows[2], 1), 0);
}

static void goals_pick_within_their_limits(void **state)
{
	struct tune_row rows[] = {
		row(10, 1000, 100),	/* the reference */
		row(2, 1900, 150),	/* fewest acquisitions within twice the memory and hold */
		row(1, 1950, 900),	/* fewer, but holds too long */
		row(0.5, 5000, 10),	/* too much memory */
		row(9, 800, 3),		/* shortest hold with no more acquisitions */
		row(9.5, 100, 120),	/* least memory likewise */
		row(50, 10, 1),		/* more acquisitions than the reference */
	};
	struct tune_limits limits = { .reference = &rows[0].m };

	(void)state;
	tune_front(rows, 7);
	assert_int_equal(tune_pick(rows, 7, TUNE_GOAL_BALANCED, &limits), 1);
	assert_int_equal(tune_pick(rows, 7, TUNE_GOAL_LATENCY, &limits), 4);
	assert_int_equal(tune_pick(rows, 7, TUNE_GOAL_MEMORY, &limits), 5);
	/* The user's limit replaces the one by the reference, and is on the most. */
	limits.max_stranded = 2 * 5000;
	assert_int_equal(tune_pick(rows, 7, TUNE_GOAL_BALANCED, &limits), 3);
	limits.max_stranded = 1;
	assert_int_equal(tune_pick(rows, 7, TUNE_GOAL_BALANCED, &limits), 7);
}

static void failures_are_no_bargain(void **state)
{
	struct tune_row rows[] = { row(10, 1000, 100), row(1, 1000, 100), row(5, 1000, 100) };
	struct tune_limits limits = { .reference = &rows[0].m };

	(void)state;
	rows[1].m.v[TUNE_FAILED] = 1;
	tune_front(rows, 3);
	assert_int_equal(tune_pick(rows, 3, TUNE_GOAL_BALANCED, &limits), 2);
}

static void claim_is_half_at_twice(void **state)
{
	struct tune_row rows[] = {
		row(10, 1000, 100), row(5, 2000, 100), row(4, 2001, 100), row(6, 1000, 90),
	};
	struct tune_claim claim;

	(void)state;
	tune_front(rows, 4);
	claim = tune_check_claim(rows, 4, &rows[0].m);
	/* Exactly half at exactly twice counts; a byte more does not. */
	assert_int_equal(claim.nr, 1);
	assert_int_equal(claim.best, 1);
	rows[1].front = false;
	claim = tune_check_claim(rows, 4, &rows[0].m);
	assert_int_equal(claim.nr, 0);
	assert_int_equal(claim.best, 4);
	assert_int_equal(claim.nearest, 3);
}

static void halving_keeps_the_front_and_the_best_quarter(void **state)
{
	struct tune_row rows[12];
	bool keep[12];
	u32 kept;

	(void)state;
	/* 0 to 8 are each worse than the one before; 9 and 10 lie apart on the front. */
	for (u32 i = 0; i < 9; i++)
		rows[i] = row(2 + i, 1000.0 * (1 + i), 10 + i);
	rows[9] = row(500, 1, 1);
	rows[10] = row(0.001, 1e8, 1);
	rows[11] = row(0.0001, 1, 0);
	rows[11].measured = false;
	kept = tune_halve(rows, 12, keep);
	assert_true(keep[0] && keep[1] && keep[9] && keep[10]);
	assert_false(keep[8] || keep[11]);
	/* 11 measured: a quarter is 3; the front is 0, 9 and 10. */
	assert_in_range(kept, 4, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(better_somewhere_and_worse_nowhere_dominates),
		cmocka_unit_test(front_is_what_nothing_dominates),
		cmocka_unit_test(front_matches_its_definition),
		cmocka_unit_test(knee_is_where_the_front_bends),
		cmocka_unit_test(goals_pick_within_their_limits),
		cmocka_unit_test(failures_are_no_bargain),
		cmocka_unit_test(claim_is_half_at_twice),
		cmocka_unit_test(halving_keeps_the_front_and_the_best_quarter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
